//! What a rule book (规则簿) says about a trade or a payment; the words in which the rules speak to the other domains.

use std::collections::BTreeSet;

use crate::context::Context;
use crate::message::payment::{Pay, ToolRequest};
use crate::message::risk::{CounterId, Signals, Switch, Window};
use crate::message::trade::{LateSuccess, UnpaidDue};
use crate::money::{Amount, Currency, Money};
use crate::time::Time;

/// The version that stands for the book built into the program.
pub const BUILT_IN_VERSION: i64 = 1;

/// What holds for a trade where its request says nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TradeTerms {
    /// How long it can be paid, in microseconds from its opening.
    pub life_us: i64,
    /// When escrow is released without a word from the merchant, in microseconds from its opening; never where `None`.
    pub confirm_us: Option<i64>,
    /// What happens to money that comes after the end.
    pub late_success: LateSuccess,
    /// What becomes of earlier dues' money where a later one is not paid.
    pub unpaid_due: UnpaidDue,
    /// Minor units of the trade's amount that the platform keeps (手续费); 0 where no rule says anything, and of sales.
    pub fee: i64,
}

impl Default for TradeTerms {
    /// What holds where no rule says anything.
    fn default() -> Self {
        Self {
            life_us: crate::limits::DEFAULT_TRADE_LIFE_US,
            confirm_us: None,
            late_success: LateSuccess::default(),
            unpaid_due: UnpaidDue::default(),
            fee: 0,
        }
    }
}

/// What becomes of a refund that an institution refuses for good, where it names no other way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum RefundFailed {
    /// People decide: a case.
    #[default]
    Case,
    /// It goes to the balance of the user who paid; people decide where no user did.
    Balance,
}

impl RefundFailed {
    /// Every way.
    pub const ALL: [Self; 2] = [Self::Case, Self::Balance];

    /// The word in books.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Case => "case",
            Self::Balance => "balance",
        }
    }

    /// Reads the word back.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.as_str() == text)
    }
}

/// What holds for a payment about which the outside risk service has said nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unsaid {
    /// It passes.
    Pass,
    /// It is refused.
    Refuse,
    /// It passes below this many minor units of this currency, and is refused else.
    PassBelow(Currency, i64),
}

impl Unsaid {
    /// Whether a payment of so much passes.
    pub fn lets_pass(self, money: Money) -> bool {
        match self {
            Self::Pass => true,
            Self::Refuse => false,
            Self::PassBelow(currency, minor) => money.currency == currency && money.amount.minor() < minor,
        }
    }
}

/// A payment is asked about at the outside risk service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AskRisk {
    /// What holds where it does not answer.
    pub no_answer: Unsaid,
    /// What holds while it is switched off.
    pub degraded: Unsaid,
}

/// How a payment may be planned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PaymentTerms {
    /// The version of the book that says so.
    pub rule_version: i64,
    /// The places of the tools, from 0, in the order in which they are used; empty for the client's own order.
    pub order: Vec<usize>,
    /// The longest life of an order at an institution, in microseconds; as long as the trade allows where `None`.
    pub order_life_us: Option<i64>,
    /// How refunds are taken from the tools, by their places: those of the lowest rank that have something left give
    /// first, tools of one rank alike. Empty where all give alike.
    pub refund_ranks: Vec<usize>,
    /// What becomes of a refund of it that an institution refuses for good.
    pub refund_failed: RefundFailed,
    /// Whether the outside risk service is asked about it before it is planned.
    pub ask_risk: Option<AskRisk>,
    /// What points are worth in the payment's currency; nothing can be paid with them where `None`.
    pub points: Option<PointsWorth>,
}

/// What points are worth (积分兑换): so many pay so much.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PointsWorth {
    /// So many points, from 1.
    pub points: i64,
    /// Pay so many minor units, from 1.
    pub minor: i64,
    /// Whether the merchant's marketing budget pays the money; else marketing expense does.
    pub budget: bool,
}

impl PointsWorth {
    /// How many points it takes to pay so much; rounded up, so that nobody pays with less than it is worth. `None` where
    /// they are more than can be counted.
    pub fn points_for(&self, minor: i64) -> Option<Amount> {
        let product = i128::from(minor).checked_mul(i128::from(self.points))?;
        let per = i128::from(self.minor);
        let points = product.checked_add(per)?.checked_sub(1)?.checked_div(per)?;
        Amount::new(i64::try_from(points).ok()?).ok()
    }

    /// How many minor units so many points pay; rounded down, and as much as can be counted at most.
    pub fn minor_for(&self, points: i64) -> i64 {
        let product = i128::from(points).checked_mul(i128::from(self.minor));
        let minor = product.and_then(|product| product.checked_div(i128::from(self.points))).unwrap_or_default();
        i64::try_from(minor).unwrap_or(i64::MAX).clamp(0, crate::limits::MAX_AMOUNT_MINOR)
    }
}

impl Default for PaymentTerms {
    /// What holds where no rule says anything.
    fn default() -> Self {
        Self {
            rule_version: BUILT_IN_VERSION,
            order: Vec::new(),
            order_life_us: None,
            refund_ranks: Vec::new(),
            refund_failed: RefundFailed::default(),
            ask_risk: None,
            points: None,
        }
    }
}

/// A payment as the rules are asked about it: one that is to be made, or one that was made before.
#[derive(Clone, Copy, Debug)]
pub struct Paying<'a> {
    /// The trade's context.
    pub context: &'a Context,
    /// Its amount.
    pub money: Money,
    /// Which payment of its trade it is, from 1.
    pub attempt: u16,
    /// Which due of the trade it pays, from 1.
    pub due: u16,
    /// Its tools.
    pub tools: &'a [ToolRequest],
    /// What its request said of who pays.
    pub signals: &'a Signals,
    /// What is, or was, switched off when it is made.
    pub switches: &'a BTreeSet<Switch>,
    /// When it is made, or was.
    pub at: Time,
    /// The version of the rules that it was planned by; what holds at its time where `None`.
    pub rule_version: Option<i64>,
}

impl<'a> Paying<'a> {
    /// One that is to be made.
    pub fn new(pay: &'a Pay, attempt: u16, (signals, switches): (&'a Signals, &'a BTreeSet<Switch>), at: Time) -> Self {
        let (context, money, due, tools) = (&pay.context, pay.money, pay.due, &pay.tools);
        Self { context, money, attempt, due, tools, signals, switches, at, rule_version: None }
    }
}

/// How often, or for how much, within a time (频次与累计限额): one limit that concerns a payment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Velocity {
    /// What is counted together with it.
    pub counter: CounterId,
    /// Over which time.
    pub window: Window,
    /// What this payment adds, in minor units; 0 where only payments are counted.
    pub minor: i64,
    /// Most minor units within the time, its own included.
    pub sum: Option<i64>,
    /// Most payments within the time, itself included.
    pub count: Option<i64>,
    /// The rule, and the limit in words.
    pub refusal: RuleRefusal,
}

/// What a payment is planned by.
pub trait PaymentRules: std::fmt::Debug {
    /// What holds for a payment. A function of it alone.
    ///
    /// # Errors
    /// The rule that does not let it be made.
    fn terms(&self, paying: &Paying<'_>) -> Result<PaymentTerms, RuleRefusal>;

    /// Whether risk control stops a payment, whatever the rules say of it.
    fn stops(&self, paying: &Paying<'_>) -> bool;

    /// In which counters a payment counts, and up to what. A function of it alone, so that it can be asked again when it
    /// has to be given back.
    fn velocity(&self, paying: &Paying<'_>) -> Vec<Velocity>;
}

impl PaymentRules for PaymentTerms {
    /// The same for every payment.
    fn terms(&self, _: &Paying<'_>) -> Result<PaymentTerms, RuleRefusal> {
        Ok(self.clone())
    }

    fn stops(&self, _: &Paying<'_>) -> bool {
        false
    }

    fn velocity(&self, _: &Paying<'_>) -> Vec<Velocity> {
        Vec::new()
    }
}

/// A rule that does not let a payment be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleRefusal {
    /// The version of the book.
    pub rule_version: i64,
    /// The book's name.
    pub book: String,
    /// The rule's name.
    pub rule: String,
    /// Why, in words.
    pub why: String,
    /// The place of the tool it is about, from 0; all of them together where `None`.
    pub place: Option<usize>,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::limits::MAX_AMOUNT_MINOR;

    fn worth(points: i64, minor: i64) -> PointsWorth {
        PointsWorth { points, minor, budget: false }
    }

    #[test]
    fn points_are_rounded_up_and_money_down() {
        let three_for_two = worth(3, 2);
        let points = [1, 2, 3, 4].map(|minor| three_for_two.points_for(minor).unwrap().minor());
        assert_eq!(points, [2, 3, 5, 6]);
        assert_eq!([0, 1, 2, 3, 4].map(|points| three_for_two.minor_for(points)), [0, 0, 1, 2, 2]);
        assert_eq!(worth(1, 1_000).points_for(1).unwrap().minor(), 1, "nothing is paid with no points");
        assert_eq!(worth(MAX_AMOUNT_MINOR, 1).points_for(2), None);
        assert_eq!(worth(1, MAX_AMOUNT_MINOR).minor_for(MAX_AMOUNT_MINOR), MAX_AMOUNT_MINOR);
    }

    proptest! {
        #[test]
        fn nobody_pays_with_less_than_it_is_worth(
            points in 1..=MAX_AMOUNT_MINOR, per in 1..=MAX_AMOUNT_MINOR, minor in 1..=MAX_AMOUNT_MINOR,
        ) {
            let worth = worth(points, per);
            if let Some(taken) = worth.points_for(minor) {
                prop_assert!(i128::from(taken.minor()) * i128::from(per) >= i128::from(minor) * i128::from(points));
                prop_assert!(worth.minor_for(taken.minor()) >= minor);
                prop_assert!(worth.minor_for(taken.minor() - 1) < minor, "and not with more");
            }
            let bought = worth.minor_for(points);
            prop_assert!(worth.points_for(bought.max(1)).is_none_or(|taken| bought == 0 || taken.minor() <= points));
        }
    }
}
