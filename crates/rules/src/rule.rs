//! One rule: when it holds, and what it says then.

use std::fmt;

use kernel::Currency;
use kernel::message::trade::{LateSuccess, UnpaidDue};

use crate::condition::Logic;
use crate::selector::Selector;

/// A rule of a book.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Rule {
    pub(crate) name: String,
    /// The condition as it is written; always where `None`.
    pub(crate) written: Option<String>,
    pub(crate) when: Logic,
    pub(crate) says: Vec<Says>,
}

/// What a rule can say.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Says {
    /// How long a trade can be paid.
    ExpiresAfter(i64),
    /// When escrow is released by itself.
    ConfirmAfter(i64),
    /// What becomes of late money.
    LateSuccess(LateSuccess),
    /// What becomes of what earlier dues brought where a later one is not paid.
    UnpaidDue(UnpaidDue),
    /// These tools may pay, no others.
    Tools(Vec<Selector>),
    /// The tools of a payment must all be within one of these.
    Combine(Vec<Vec<Selector>>),
    /// In this order they are used.
    Order(Vec<Selector>),
    /// The longest life of an order at an institution.
    OrderLife(i64),
    /// Between which amounts a payment, or what one tool pays of it, must lie.
    Limit(Limit),
    /// No payment.
    Refuse(String),
}

/// Bounds in minor units of one currency.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Limit {
    /// What these tools pay together; the whole payment where `None`.
    pub(crate) tool: Option<Selector>,
    pub(crate) currency: Currency,
    pub(crate) min: i64,
    pub(crate) max: i64,
}

/// The keys under which a rule says something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Key {
    ExpiresAfter,
    ConfirmAfter,
    LateSuccess,
    UnpaidDue,
    Tools,
    Combine,
    Order,
    OrderLife,
    Limit,
    Refuse,
}

impl Key {
    /// All keys of a rule, those that say nothing included.
    pub(crate) const WORDS: [&'static str; 12] = [
        "name",
        "when",
        "expires_after",
        "confirm_after",
        "late_success",
        "unpaid_due",
        "tools",
        "combine",
        "order",
        "order_life",
        "limit",
        "refuse",
    ];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::ExpiresAfter => "expires_after",
            Self::ConfirmAfter => "confirm_after",
            Self::LateSuccess => "late_success",
            Self::UnpaidDue => "unpaid_due",
            Self::Tools => "tools",
            Self::Combine => "combine",
            Self::Order => "order",
            Self::OrderLife => "order_life",
            Self::Limit => "limit",
            Self::Refuse => "refuse",
        }
    }

    /// Whether it is about a trade, which is opened before anybody knows how it will be paid.
    pub(crate) const fn of_trade(self) -> bool {
        match self {
            Self::ExpiresAfter | Self::ConfirmAfter | Self::LateSuccess | Self::UnpaidDue => true,
            Self::Tools | Self::Combine | Self::Order | Self::OrderLife | Self::Limit | Self::Refuse => false,
        }
    }

    /// Whether only the first rule that holds says it; the others are all asked.
    pub(crate) const fn first_says(self) -> bool {
        match self {
            Self::ExpiresAfter
            | Self::ConfirmAfter
            | Self::LateSuccess
            | Self::UnpaidDue
            | Self::Tools
            | Self::Combine
            | Self::Order
            | Self::OrderLife => true,
            Self::Limit | Self::Refuse => false,
        }
    }
}

impl Says {
    pub(crate) const fn key(&self) -> Key {
        match self {
            Self::ExpiresAfter(_) => Key::ExpiresAfter,
            Self::ConfirmAfter(_) => Key::ConfirmAfter,
            Self::LateSuccess(_) => Key::LateSuccess,
            Self::UnpaidDue(_) => Key::UnpaidDue,
            Self::Tools(_) => Key::Tools,
            Self::Combine(_) => Key::Combine,
            Self::Order(_) => Key::Order,
            Self::OrderLife(_) => Key::OrderLife,
            Self::Limit(_) => Key::Limit,
            Self::Refuse(_) => Key::Refuse,
        }
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.tool {
            Some(tool) => write!(f, "what {tool} pays")?,
            None => write!(f, "a payment")?,
        }
        write!(f, " lies between {} and {} minor units of {}", self.min, self.max, self.currency)
    }
}
