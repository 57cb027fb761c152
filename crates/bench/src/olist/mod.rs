//! Orders of the Brazilian E-Commerce Public Dataset by Olist, as its two CSV files tell them: what was bought from whom
//! ([`Item`]) and how it was paid ([`Payment`]).
//!
//! Nothing is lost silently: a line that cannot be read is a [`LineFault`] with file, line and reason; an order that it
//! belonged to is refused as malformed, because what is left of it is not what happened. Every order gets a
//! [`Verdict`].

pub mod amount;
pub mod classify;
pub mod lines;
mod read;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

pub use classify::{Payable, Reason, Verdict};
pub use read::read;

/// How a part of an order was paid.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PaymentType {
    /// `credit_card`
    CreditCard,
    /// `debit_card`
    DebitCard,
    /// `boleto`: a bank slip, paid days later.
    Boleto,
    /// `voucher`
    Voucher,
    /// Anything else, as written.
    Other(String),
}

impl PaymentType {
    /// Reads the file's word.
    pub fn parse(text: &str) -> Self {
        match text {
            "credit_card" => Self::CreditCard,
            "debit_card" => Self::DebitCard,
            "boleto" => Self::Boleto,
            "voucher" => Self::Voucher,
            other => Self::Other(other.to_owned()),
        }
    }

    /// The file's word.
    pub fn as_str(&self) -> &str {
        match self {
            Self::CreditCard => "credit_card",
            Self::DebitCard => "debit_card",
            Self::Boleto => "boleto",
            Self::Voucher => "voucher",
            Self::Other(word) => word,
        }
    }
}

/// One payment of an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payment {
    /// Its place among the order's payments.
    pub sequential: u32,
    /// How.
    pub payment_type: PaymentType,
    /// Minor units (centavos), zero or more.
    pub amount_minor: i64,
}

/// One article of an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// Its place among the order's items.
    pub number: u32,
    /// Who sold it.
    pub seller: String,
    /// Price, in minor units.
    pub price_minor: i64,
    /// Freight, in minor units; the seller's too.
    pub freight_minor: i64,
}

/// Everything both files say about one order, payments and items in the order of their numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Order {
    /// How it was paid.
    pub payments: Vec<Payment>,
    /// What was bought.
    pub items: Vec<Item>,
    /// Lines of this order that could not be read, as `file:line: reason`.
    pub faults: Vec<String>,
}

/// A line that was skipped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LineFault {
    /// Which file.
    pub file: PathBuf,
    /// Which line, counted from 1, the header included.
    pub line: u64,
    /// What is wrong with it.
    pub reason: String,
    /// The order it belongs to, where that much could be read.
    pub order: Option<String>,
}

impl std::fmt::Display for LineFault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}: {}", self.file.display(), self.line, self.reason)
    }
}

/// Both files.
#[derive(Clone, Debug, Default)]
pub struct Orders {
    /// By order id.
    pub by_id: BTreeMap<String, Order>,
    /// Lines that were skipped.
    pub faults: Vec<LineFault>,
}

impl Orders {
    /// Good payment lines.
    pub fn payment_count(&self) -> usize {
        self.by_id.values().map(|order| order.payments.len()).sum()
    }

    /// Good item lines.
    pub fn item_count(&self) -> usize {
        self.by_id.values().map(|order| order.items.len()).sum()
    }

    /// Sum of all payments in minor units.
    pub fn payment_sum(&self) -> i128 {
        self.by_id.values().flat_map(|order| &order.payments).map(|payment| i128::from(payment.amount_minor)).sum()
    }

    /// Sum of all prices and freights in minor units.
    pub fn item_sum(&self) -> i128 {
        self.by_id
            .values()
            .flat_map(|order| &order.items)
            .map(|item| i128::from(item.price_minor) + i128::from(item.freight_minor))
            .sum()
    }

    /// Everybody who sold something.
    pub fn sellers(&self) -> BTreeSet<&str> {
        self.by_id.values().flat_map(|order| &order.items).map(|item| item.seller.as_str()).collect()
    }
}
