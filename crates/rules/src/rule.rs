//! One rule: when it holds, and what it says then.

use std::fmt;

use kernel::Currency;
use kernel::message::risk::Window;
use kernel::message::rules::{AskRisk, PointsWorth, RefundFailed, Unsaid};
use kernel::message::trade::{LateSuccess, UnpaidDue};

use crate::condition::Logic;
use crate::selector::Selector;
use crate::span;

/// A rule of a book.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Rule {
    pub(crate) name: String,
    /// The condition as it is written; always where `None`.
    pub(crate) written: Option<String>,
    pub(crate) when: Logic,
    pub(crate) says: Vec<Says>,
}

impl Rule {
    /// Its limit over a time, where it has one.
    pub(crate) fn velocity(&self) -> Option<&Velocity> {
        self.says.iter().find_map(|says| match says {
            Says::Velocity(limit) => Some(limit),
            _ => None,
        })
    }
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
    /// What the platform keeps of a trade's amount.
    Fee(Fee),
    /// These tools may pay, no others.
    Tools(Vec<Selector>),
    /// The tools of a payment must all be within one of these.
    Combine(Vec<Vec<Selector>>),
    /// In this order they are used.
    Order(Vec<Selector>),
    /// The longest life of an order at an institution.
    OrderLife(i64),
    /// In this order refunds are taken from the tools.
    RefundOrder(Vec<Selector>),
    /// What becomes of a refund that an institution refuses for good.
    RefundFailed(RefundFailed),
    /// The outside risk service is asked.
    AskRisk(AskRisk),
    /// What points are worth.
    Points(Worth),
    /// Between which amounts a payment, or what one tool pays of it, must lie.
    Limit(Limit),
    /// How often, or for how much, within a time.
    Velocity(Velocity),
    /// No payment.
    Refuse(String),
}

/// What the platform keeps (手续费): hundredths of a percent of the amount, rounded half up, and a fixed part; within
/// bounds. In minor units of `currency`, without which it is of any, and only in hundredths of a percent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fee {
    pub(crate) currency: Option<Currency>,
    pub(crate) bp: i64,
    pub(crate) fixed: i64,
    pub(crate) min: i64,
    pub(crate) max: i64,
}

impl Fee {
    /// Minor units of an amount.
    pub(crate) fn of(&self, amount: i64) -> i64 {
        let parts = i128::from(amount) * i128::from(self.bp);
        let rounded = (parts + 5_000) / 10_000 + i128::from(self.fixed);
        i64::try_from(rounded).unwrap_or(i64::MAX).max(self.min).min(self.max)
    }
}

/// What points are worth in one currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Worth {
    pub(crate) currency: Currency,
    pub(crate) worth: PointsWorth,
}

impl Worth {
    /// It, where this is its currency.
    pub(crate) fn in_currency(&self, currency: Currency) -> Option<PointsWorth> {
        (self.currency == currency).then_some(self.worth)
    }
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

/// Whose payments are counted together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum By {
    User,
    Merchant,
    Device,
    CardFingerprint,
}

impl By {
    pub(crate) const ALL: [Self; 4] = [Self::User, Self::Merchant, Self::Device, Self::CardFingerprint];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Merchant => "merchant",
            Self::Device => "device",
            Self::CardFingerprint => "card_fingerprint",
        }
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|by| by.as_str() == text)
    }
}

/// Bounds on what is paid within a time.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Velocity {
    pub(crate) by: By,
    pub(crate) window: Window,
    /// What these tools pay together; whole payments where `None`.
    pub(crate) tool: Option<Selector>,
    /// Payments in this currency; in any where `None`, and then only how many.
    pub(crate) currency: Option<Currency>,
    pub(crate) sum: Option<i64>,
    pub(crate) count: Option<i64>,
}

impl Velocity {
    /// What tells its counters from those of others, apart from the rule's name and whose they are. The bounds do not: what
    /// was counted counts for bounds that are drawn anew.
    pub(crate) fn shape(&self) -> String {
        let (by, window) = (self.by.as_str(), self.window);
        let tool = self.tool.as_ref().map(Selector::to_string).unwrap_or_default();
        let currency = self.currency.as_ref().map(Currency::code).unwrap_or_default();
        format!("{by} {window:?} [{tool}] [{currency}] {}", self.sum.is_some())
    }
}

/// The keys under which a rule says something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Key {
    ExpiresAfter,
    ConfirmAfter,
    LateSuccess,
    UnpaidDue,
    Fee,
    Tools,
    Combine,
    Order,
    OrderLife,
    RefundOrder,
    RefundFailed,
    AskRisk,
    Points,
    Limit,
    Velocity,
    Refuse,
}

impl Key {
    /// All keys of a rule, those that say nothing included.
    pub(crate) const WORDS: [&'static str; 18] = [
        "name",
        "when",
        "expires_after",
        "confirm_after",
        "late_success",
        "unpaid_due",
        "fee",
        "tools",
        "combine",
        "order",
        "order_life",
        "refund_order",
        "refund_failed",
        "ask_risk",
        "points",
        "limit",
        "velocity",
        "refuse",
    ];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::ExpiresAfter => "expires_after",
            Self::ConfirmAfter => "confirm_after",
            Self::LateSuccess => "late_success",
            Self::UnpaidDue => "unpaid_due",
            Self::Fee => "fee",
            Self::Tools => "tools",
            Self::Combine => "combine",
            Self::Order => "order",
            Self::OrderLife => "order_life",
            Self::RefundOrder => "refund_order",
            Self::RefundFailed => "refund_failed",
            Self::AskRisk => "ask_risk",
            Self::Points => "points",
            Self::Limit => "limit",
            Self::Velocity => "velocity",
            Self::Refuse => "refuse",
        }
    }

    /// Whether it is about a trade, which is opened before anybody knows how it will be paid.
    pub(crate) const fn of_trade(self) -> bool {
        match self {
            Self::ExpiresAfter | Self::ConfirmAfter | Self::LateSuccess | Self::UnpaidDue | Self::Fee => true,
            Self::Tools
            | Self::Combine
            | Self::Order
            | Self::OrderLife
            | Self::RefundOrder
            | Self::RefundFailed
            | Self::AskRisk
            | Self::Points
            | Self::Limit
            | Self::Velocity
            | Self::Refuse => false,
        }
    }

    /// Whether only the first rule that holds says it; the others are all asked.
    pub(crate) const fn first_says(self) -> bool {
        match self {
            Self::ExpiresAfter
            | Self::ConfirmAfter
            | Self::LateSuccess
            | Self::UnpaidDue
            | Self::Fee
            | Self::Tools
            | Self::Combine
            | Self::Order
            | Self::OrderLife
            | Self::RefundOrder
            | Self::RefundFailed
            | Self::AskRisk
            | Self::Points => true,
            Self::Limit | Self::Velocity | Self::Refuse => false,
        }
    }
}

impl Says {
    /// The currency that it is about alone.
    pub(crate) const fn only(&self) -> Option<Currency> {
        match self {
            Self::Fee(fee) => fee.currency,
            _ => None,
        }
    }

    pub(crate) const fn key(&self) -> Key {
        match self {
            Self::ExpiresAfter(_) => Key::ExpiresAfter,
            Self::ConfirmAfter(_) => Key::ConfirmAfter,
            Self::LateSuccess(_) => Key::LateSuccess,
            Self::UnpaidDue(_) => Key::UnpaidDue,
            Self::Fee(_) => Key::Fee,
            Self::Tools(_) => Key::Tools,
            Self::Combine(_) => Key::Combine,
            Self::Order(_) => Key::Order,
            Self::OrderLife(_) => Key::OrderLife,
            Self::RefundOrder(_) => Key::RefundOrder,
            Self::RefundFailed(_) => Key::RefundFailed,
            Self::AskRisk(_) => Key::AskRisk,
            Self::Points(_) => Key::Points,
            Self::Limit(_) => Key::Limit,
            Self::Velocity(_) => Key::Velocity,
            Self::Refuse(_) => Key::Refuse,
        }
    }
}

impl fmt::Display for Fee {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { bp, fixed, min, max, .. } = self;
        write!(f, "the platform keeps {}.{:02} % of the amount", bp / 100, bp % 100)?;
        if let Some(currency) = self.currency {
            write!(f, " and {fixed}, from {min} to {max} minor units of {currency}")?;
        }
        Ok(())
    }
}

/// What holds where the risk service is asked, in words.
pub(crate) fn asking(ask: &AskRisk) -> String {
    let words = |unsaid: Unsaid| match unsaid {
        Unsaid::Pass => "passes".to_owned(),
        Unsaid::Refuse => "is refused".to_owned(),
        Unsaid::PassBelow(currency, minor) => {
            format!("passes below {minor} minor units of {currency}, and is refused else")
        }
    };
    let (no_answer, degraded) = (words(ask.no_answer), words(ask.degraded));
    format!("without its answer a payment {no_answer}; while it is switched off a payment {degraded}")
}

impl fmt::Display for Worth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let PointsWorth { points, minor, budget } = self.worth;
        write!(f, "{points} points pay {minor} minor units of {}, out of ", self.currency)?;
        f.write_str(if budget { "the merchant's marketing budget" } else { "marketing expense" })
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

impl fmt::Display for Velocity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tool = self.tool.as_ref().map(|tool| format!(" with {tool}")).unwrap_or_default();
        write!(f, "one {} pays{tool}", self.by.as_str())?;
        if let Some(count) = self.count {
            write!(f, " {count} times")?;
        }
        if let (Some(sum), Some(currency)) = (self.sum, self.currency) {
            let and = if self.count.is_some() { " and" } else { "" };
            write!(f, "{and} {sum} minor units of {currency}")?;
        } else if let Some(currency) = self.currency {
            write!(f, " in {currency}")?;
        }
        match self.window {
            Window::Last(micros) => write!(f, " at most within {}", span::words(micros)),
            Window::Day(_) => f.write_str(" at most on one day"),
        }
    }
}
