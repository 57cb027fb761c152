//! Callers: what they ask, under which key, what they were told, and how they ask again.

use std::collections::BTreeMap;

use engine::line::Reply;
use engine::request::{Caller, Command, Idempotency, Request};
use kernel::message::payment::{Tool, ToolRequest};
use kernel::message::trade::{Create, LateSuccess};
use kernel::{
    Amount, Bucket, Context, Currency, MerchantId, Money, OrderType, Owner, RootId, SubType, Time, TradeId, UserId,
};

use crate::rng::Rng;

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    /// Put money on a user's balance.
    Fund {
        /// Whose.
        user: u64,
        /// Minor units.
        amount: i64,
    },
    /// Open an instant trade and pay it by balance.
    Pay {
        /// Who pays.
        user: u64,
        /// Minor units.
        amount: i64,
        /// The merchant's order number.
        order: String,
        /// The trade's id, drawn once.
        trade: TradeId,
    },
}

/// One operation under one key.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    /// The idempotency key.
    pub(crate) key: String,
    /// What.
    pub(crate) operation: Operation,
    /// The merchant's owner text.
    pub(crate) merchant: String,
    /// What was answered, once it was.
    pub(crate) told: Option<Reply>,
}

/// Draws an operation.
pub(crate) fn draw(rng: &Rng, number: u64, merchant: MerchantId, now: Time) -> Asked {
    let user = rng.below(4);
    let amount = i64::try_from(1 + rng.below(500)).unwrap_or(1);
    let operation = if rng.chance(40) {
        Operation::Fund { user, amount }
    } else {
        // Now and then an order number that another key has used.
        let order = if rng.chance(10) { format!("o{}", rng.below(number.max(1))) } else { format!("o{number}") };
        let low = u128::from(rng.bits()) << 64 | u128::from(rng.bits());
        let trade = TradeId(RootId::new(now, Bucket::of(&format!("user:{user}")), low));
        Operation::Pay { user, amount, order, trade }
    };
    let merchant = Owner::Merchant(merchant).to_string();
    Asked { key: format!("k{number}"), operation, merchant, told: None }
}

impl Asked {
    /// The request; the same each time it is made.
    pub(crate) fn request(&self, merchant: MerchantId) -> Option<Request> {
        let hash = blake3::hash(format!("{:?}", self.operation).as_bytes());
        let body_hash = *hash.as_bytes().first_chunk::<16>()?;
        Some(Request {
            caller: Caller::Platform,
            idempotency: Some(Idempotency { key: self.key.clone(), body_hash }),
            request_id: format!("r-{}", self.key),
            command: self.command(merchant)?,
        })
    }

    fn command(&self, merchant: MerchantId) -> Option<Command> {
        let currency = Currency::parse("CNY")?;
        let money = |minor| Amount::new(minor).ok().map(|amount| Money { amount, currency });
        Some(match &self.operation {
            Operation::Fund { user, amount } => Command::Fund { owner: user_owner(*user)?, money: money(*amount)? },
            Operation::Pay { user, amount, order, trade } => Command::CreateTrade(Box::new(Create {
                id: *trade,
                context: Context { merchant, order_type: OrderType::Instant, sub_type: SubType::general() },
                merchant_order_id: order.clone(),
                money: money(*amount)?,
                buyer: UserId::parse(&user.to_string())?,
                subject: None,
                expires_at: None,
                confirm_by: None,
                return_url: None,
                metadata: BTreeMap::new(),
                splits: Vec::new(),
                late_success: LateSuccess::Refund,
                pay: Some(vec![ToolRequest { tool: Tool::Balance, amount: Amount::new(*amount).ok()? }]),
            })),
        })
    }
}

fn user_owner(user: u64) -> Option<Owner> {
    UserId::parse(&user.to_string()).map(Owner::User)
}
