//! Who pays whom: users with money, merchants, and one merchant that everybody may be sent to.

use ::bench::seed::Dice;
use kernel::message::accounting::{InternalTool, Onto, PayLeg, Post, Source, Verb};
use kernel::message::trade::Share;
use kernel::{Amount, Bucket, Currency, MerchantId, Money, Owner, RootId, Time, UserId};

/// Minor units of one transfer.
pub(super) const AMOUNT_MINOR: i64 = 100;
/// What each user gets: enough for ten million transfers.
const FUND_MINOR: i64 = 1_000_000_000;
/// Merchants that are paid where none is hot.
const MERCHANTS: u64 = 1_000;

/// The people of one shard.
pub(super) struct Town {
    users: Vec<UserId>,
    merchants: Vec<MerchantId>,
    currency: Currency,
    amount: Amount,
    fund: Amount,
}

impl Town {
    /// `users` payers; `None` where their number is out of range.
    pub(super) fn new(shard: i64, users: u64) -> Option<Self> {
        let merchant = |number: u64| {
            let name = format!("ledger-{shard}-{number}");
            let random = u128::from(::bench::seed::of_name(&name));
            MerchantId(RootId::new(Time::default(), Bucket::of(&name), random))
        };
        Some(Self {
            users: (0..users)
                .map(|number| UserId::parse(&format!("ledger-{shard}-{number}")))
                .collect::<Option<_>>()?,
            merchants: (0..MERCHANTS).map(merchant).collect(),
            currency: Currency::parse("CNY")?,
            amount: Amount::new(AMOUNT_MINOR).ok()?,
            fund: Amount::new(FUND_MINOR).ok()?,
        })
    }

    /// The postings that give every user money.
    pub(super) fn funding(&self) -> impl Iterator<Item = Post> {
        self.users.iter().map(|user| {
            let money = Money { amount: self.fund, currency: self.currency };
            self.post(None, "fund".to_owned(), Verb::Fund { owner: Owner::User(user.clone()), money })
        })
    }

    /// Payment `number` of a run: one user's balance to one merchant; one voucher, one transfer.
    pub(super) fn payment(&self, seed: u64, number: u64, hot: bool) -> Option<Post> {
        let mut dice = Dice::new(seed, number);
        let user = dice.pick(&self.users)?.clone();
        let merchant = if hot { *self.merchants.first()? } else { *dice.pick(&self.merchants)? };
        let id = RootId::new(Time::default(), Bucket::of(user.as_str()), u128::from(dice.roll()));
        let legs = vec![PayLeg { source: Source::Tool(InternalTool::Balance(Owner::User(user))), amount: self.amount }];
        let receivers = vec![Share { receiver: Owner::Merchant(merchant), amount: self.amount }];
        Some(self.post(Some(merchant), format!("pay_{id:?}"), Verb::Pay { legs, receivers, onto: Onto::Settlement }))
    }

    /// What they pay in.
    pub(super) fn currency(&self) -> Currency {
        self.currency
    }

    fn post(&self, merchant: Option<MerchantId>, object: String, verb: Verb) -> Post {
        Post { context: None, merchant, currency: self.currency, object, verb }
    }
}
