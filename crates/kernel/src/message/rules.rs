//! What a rule book (规则簿) says about a trade or a payment; the words in which the rules speak to the other domains.

use crate::message::payment::Pay;
use crate::message::trade::{LateSuccess, UnpaidDue};
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
}

impl Default for TradeTerms {
    /// What holds where no rule says anything.
    fn default() -> Self {
        Self {
            life_us: crate::limits::DEFAULT_TRADE_LIFE_US,
            confirm_us: None,
            late_success: LateSuccess::default(),
            unpaid_due: UnpaidDue::default(),
        }
    }
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
}

impl Default for PaymentTerms {
    /// What holds where no rule says anything.
    fn default() -> Self {
        Self { rule_version: BUILT_IN_VERSION, order: Vec::new(), order_life_us: None }
    }
}

/// What a payment is planned by.
pub trait PaymentRules: std::fmt::Debug {
    /// What holds for a payment; `attempt` counts the payments of its trade, from 1. A function of these alone.
    ///
    /// # Errors
    /// The rule that does not let it be made.
    fn terms(&self, pay: &Pay, attempt: u16, now: Time) -> Result<PaymentTerms, RuleRefusal>;
}

impl PaymentRules for PaymentTerms {
    /// The same for every payment.
    fn terms(&self, _: &Pay, _: u16, _: Time) -> Result<PaymentTerms, RuleRefusal> {
        Ok(self.clone())
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
