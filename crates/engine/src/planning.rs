//! Asking the rule books: which one holds for a trade, and what it says.
//!
//! A trade's terms are those of its opening and a payment's those of its own; releases are never taken back, so what
//! held then can be asked again.

use kernel::Time;
use kernel::message::payment::Pay;
use kernel::message::rules::{PaymentRules, PaymentTerms, RuleRefusal, TradeTerms};
use kernel::message::trade::Create;
use rules::{Facts, PaymentFacts, Shelf};
use trade::Trade;

/// What holds, at a moment, for what a request to open a trade leaves out.
pub fn trade_terms(shelf: &Shelf, create: &Create, at: Time) -> TradeTerms {
    let facts = Facts {
        context: &create.context,
        money: create.money,
        receivers: create.splits.len().max(1),
        dues: create.dues.len().max(1),
        payer: &create.payer,
        at,
        payment: None,
    };
    let holding = shelf.holding(&create.context, at);
    holding.map_or_else(TradeTerms::default, |version| version.book.trade_terms(&facts))
}

/// What is known of a trade when a book is asked about it.
pub fn facts<'a>(trade: &'a Trade, at: Time, payment: Option<PaymentFacts<'a>>) -> Facts<'a> {
    let (context, money, payer) = (&trade.context, trade.money, &trade.payer);
    Facts { context, money, receivers: trade.splits.len(), dues: trade.dues.len(), payer, at, payment }
}

/// The books, asked about payments of one trade.
#[derive(Debug)]
pub struct Planner<'a> {
    /// The books.
    pub shelf: &'a Shelf,
    /// The trade.
    pub trade: &'a Trade,
}

impl PaymentRules for Planner<'_> {
    fn terms(&self, pay: &Pay, attempt: u16, now: Time) -> Result<PaymentTerms, RuleRefusal> {
        let Some(version) = self.shelf.holding(&pay.context, now) else { return Ok(PaymentTerms::default()) };
        let payment = PaymentFacts { amount: pay.money.amount.minor(), attempt, due: pay.due, tools: &pay.tools };
        version.book.payment_terms(version.number, &facts(self.trade, now, Some(payment)))
    }
}
