//! Asking the rule books and the blocks: which book holds for a trade, what it says, and whether risk control stops it.
//!
//! A trade's terms are those of its opening and a payment's those of its own; releases are never taken back, so what
//! held then can be asked again.

use std::sync::Arc;

use kernel::message::payment::ToolRequest;
use kernel::message::risk::CounterId;
use kernel::message::rules::{Paying, PaymentRules, PaymentTerms, PointsWorth, RuleRefusal, TradeTerms, Velocity};
use kernel::message::trade::Create;
use kernel::{RootId, Time};
use payment::Payment;
use rules::{Counting, Facts, PaymentFacts, Shelf, Version};
use trade::Trade;

use crate::control::Control;

/// What holds, at a moment, for what a request to open a trade leaves out.
pub fn trade_terms(shelf: &Shelf, create: &Create, at: Time) -> TradeTerms {
    let facts = Facts {
        context: &create.context,
        money: create.money,
        receivers: create.splits.len().max(create.children.len()).max(1),
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
    Facts { context, money, receivers: trade.receivers(), dues: trade.dues.len(), payer, at, payment }
}

/// What is known of a payment that was made when a book is asked about it again; `tools` are its own.
pub fn asked<'a>(payment: &'a Payment, tools: &'a [ToolRequest]) -> PaymentFacts<'a> {
    PaymentFacts {
        amount: payment.money.amount.minor(),
        attempt: payment.no,
        due: payment.due,
        tools,
        signals: &payment.signals,
        switches: &payment.switches,
    }
}

/// The books, asked about payments of one trade.
pub struct Planner<'a> {
    /// The books, the blocks, and the store's salt.
    pub control: &'a Control,
    /// The trade.
    pub trade: &'a Trade,
}

impl Planner<'_> {
    /// The version that a payment is, or was, planned by.
    fn version(&self, paying: &Paying<'_>) -> Option<Version> {
        match paying.rule_version {
            None => self.control.rules.holding(paying.context, paying.at),
            Some(number) => self.control.rules.version(number).map(|book| Version { number, book: Arc::clone(book) }),
        }
    }

    /// What points are worth in a payment, whatever else its rules say of it.
    pub fn points(&self, paying: &Paying<'_>) -> Option<PointsWorth> {
        self.version(paying)?.book.points(&self.facts(paying))
    }

    fn facts<'b>(&'b self, paying: &'b Paying<'_>) -> Facts<'b> {
        let Paying { attempt, due, tools, signals, switches, .. } = *paying;
        let payment = PaymentFacts { amount: paying.money.amount.minor(), attempt, due, tools, signals, switches };
        facts(self.trade, paying.at, Some(payment))
    }

    fn counted(&self, counting: Counting) -> Velocity {
        // With the store's salt, so that nobody can tell from a counter's id whom it counts.
        let hash = blake3::keyed_hash(&self.control.salt, counting.identity.as_bytes());
        let id = hash.as_bytes().first_chunk::<16>().copied().unwrap_or_default();
        let Counting { window, minor, sum, count, refusal, .. } = counting;
        Velocity { counter: CounterId(RootId::from_bytes(id)), window, minor, sum, count, refusal }
    }
}

impl std::fmt::Debug for Planner<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Planner({})", self.trade.id)
    }
}

impl PaymentRules for Planner<'_> {
    fn terms(&self, paying: &Paying<'_>) -> Result<PaymentTerms, RuleRefusal> {
        let Some(version) = self.version(paying) else { return Ok(PaymentTerms::default()) };
        version.book.payment_terms(version.number, &self.facts(paying))
    }

    fn stops(&self, paying: &Paying<'_>) -> bool {
        let takes_part = || self.trade.takes_part().into_iter().chain(paying.signals.named());
        !self.control.blocks.is_empty()
            && takes_part().any(|(kind, value)| self.control.is_blocked(kind, value, paying.at))
    }

    fn velocity(&self, paying: &Paying<'_>) -> Vec<Velocity> {
        let Some(version) = self.version(paying).filter(|version| version.book.counts()) else { return Vec::new() };
        let counting = version.book.velocity(version.number, &self.facts(paying));
        counting.into_iter().map(|counting| self.counted(counting)).collect()
    }
}
