//! A trade, its payment, and short words for them.

use std::collections::BTreeSet;

use kernel::message::payment::{Tool, ToolRequest};
use kernel::message::risk::{Signals, Switch};
use kernel::{
    Amount, Bucket, Context, CouponId, Currency, DestinationType, MerchantId, Money, OrderType, Owner, RootId,
    StoredKind, SubType, Time, UserId,
};

use crate::{Facts, PaymentFacts, RuleBook};

/// Monday, 30 November 2026, 22:30 UTC.
pub(super) const NOW: Time = Time::from_micros(1_796_077_800_000_000);

pub(crate) fn balance(minor: i64) -> ToolRequest {
    ToolRequest { tool: Tool::Balance, amount: Amount::new(minor).unwrap() }
}

pub(super) fn gift_card(minor: i64) -> ToolRequest {
    ToolRequest { tool: Tool::Stored(StoredKind::GIFT_CARD), amount: Amount::new(minor).unwrap() }
}

pub(crate) fn coupon(minor: i64) -> ToolRequest {
    ToolRequest { tool: Tool::Coupon(CouponId(root(9))), amount: Amount::new(minor).unwrap() }
}

pub(crate) fn points(minor: i64) -> ToolRequest {
    ToolRequest { tool: Tool::Points, amount: Amount::new(minor).unwrap() }
}

pub(super) fn payout(minor: i64) -> ToolRequest {
    let tool = Tool::Payout { to: DestinationType::BankAccount, sandbox: None };
    ToolRequest { tool, amount: Amount::new(minor).unwrap() }
}

pub(crate) fn channel(method: &str, minor: i64) -> ToolRequest {
    ToolRequest {
        tool: Tool::Channel { method: method.to_owned(), sandbox: None },
        amount: Amount::new(minor).unwrap(),
    }
}

pub(super) fn root(random: u128) -> RootId {
    RootId::new(NOW, Bucket::of("user:42"), random)
}

/// A trade and how it is to be paid.
#[derive(Debug)]
pub(super) struct Sale {
    pub(super) context: Context,
    pub(super) payer: Owner,
    pub(super) currency: &'static str,
    pub(super) receivers: usize,
    pub(super) attempt: u16,
    /// How many dues, and which is paid.
    pub(super) dues: (usize, u16),
    pub(super) tools: Vec<ToolRequest>,
    pub(super) signals: Signals,
    pub(super) switches: BTreeSet<Switch>,
}

impl Sale {
    pub(super) fn new(order_type: OrderType, sub_type: &str, tools: Vec<ToolRequest>) -> Self {
        let context =
            Context { merchant: MerchantId(root(1)), order_type, sub_type: SubType::parse(sub_type).unwrap() };
        let payer = Owner::User(UserId::parse("42").unwrap());
        let (signals, switches) = (Signals::default(), BTreeSet::new());
        Self { context, payer, currency: "CNY", receivers: 1, attempt: 1, dues: (1, 1), tools, signals, switches }
    }

    fn amount(&self) -> i64 {
        self.tools.iter().map(|tool| tool.amount.minor()).sum::<i64>().max(1)
    }

    /// What is known while the trade is opened.
    pub(super) fn opened(&self) -> Facts<'_> {
        let money =
            Money { amount: Amount::new(self.amount()).unwrap(), currency: Currency::parse(self.currency).unwrap() };
        Facts {
            context: &self.context,
            money,
            receivers: self.receivers,
            dues: self.dues.0,
            payer: &self.payer,
            at: NOW,
            payment: None,
        }
    }

    /// What is known once it is to be paid.
    pub(super) fn facts(&self) -> Facts<'_> {
        let (amount, attempt, (_, due)) = (self.amount(), self.attempt, self.dues);
        let (tools, signals, switches) = (&self.tools, &self.signals, &self.switches);
        let payment = PaymentFacts { amount, attempt, due, tools, signals, switches };
        Facts { payment: Some(payment), ..self.opened() }
    }
}

/// A book of these rules.
pub(super) fn book(rules: &str) -> RuleBook {
    let source = format!("book = \"shop\"\nabout = \"A shop.\"\n{rules}");
    RuleBook::load(&source).unwrap_or_else(|findings| panic!("{findings:?} in\n{source}"))
}

/// Whether a condition holds.
pub(super) fn holds(condition: &str, sale: &Sale) -> bool {
    let book =
        book(&format!("utc_offset = \"+08:00\"\n[[rule]]\nname = \"r\"\nwhen = '{condition}'\nrefuse = \"no\"\n"));
    book.payment_terms(2, &sale.facts()).is_err()
}
