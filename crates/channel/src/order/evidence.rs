//! Evidence (凭据): what an institution verifiably said, and when; never changed, never thrown away.
//!
//! One row for every word that says something new or decides something; a repeat of a word writes nothing.

use kernel::{Currency, Money, Time};

/// How a word reached us.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    /// As the answer to a pay, close or refund call.
    Answer,
    /// As a notification.
    Notify,
    /// As the answer to a query.
    Query,
}

impl Source {
    /// Every source.
    pub const ALL: [Self; 3] = [Self::Answer, Self::Notify, Self::Query];

    /// The one word used in SQL, JSON and pages.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Answer => "answer",
            Self::Notify => "notify",
            Self::Query => "query",
        }
    }

    /// Reads the word back.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.as_str() == text)
    }
}

/// What was said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// Taken.
    Accepted,
    /// Taken, under way.
    Paying,
    /// Paid.
    Paid,
    /// Closed unpaid.
    Closed,
    /// Refused for good.
    Failed,
    /// Given back.
    Refunded,
    /// Paid out.
    PaidOut,
    /// Given back or paid out, and came back.
    Returned,
    /// No such order.
    NotFound,
    /// Disputed.
    Disputed,
    /// A dispute decided for the merchant.
    DisputeWon,
    /// A dispute decided for the buyer.
    DisputeLost,
    /// Money named in a way that contradicts what is on record; a case was asked for.
    Suspect,
}

impl Outcome {
    /// Every outcome.
    pub const ALL: [Self; 13] = [
        Self::Accepted,
        Self::Paying,
        Self::Paid,
        Self::Closed,
        Self::Failed,
        Self::Refunded,
        Self::PaidOut,
        Self::Returned,
        Self::NotFound,
        Self::Disputed,
        Self::DisputeWon,
        Self::DisputeLost,
        Self::Suspect,
    ];

    /// The one word used in SQL, JSON and pages.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Paying => "paying",
            Self::Paid => "paid",
            Self::Closed => "closed",
            Self::Failed => "failed",
            Self::Refunded => "refunded",
            Self::PaidOut => "paid_out",
            Self::Returned => "returned",
            Self::NotFound => "not_found",
            Self::Disputed => "disputed",
            Self::DisputeWon => "dispute_won",
            Self::DisputeLost => "dispute_lost",
            Self::Suspect => "suspect",
        }
    }

    /// Reads the word back.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.as_str() == text)
    }
}

impl Outcome {
    /// Whether it is about a dispute.
    pub const fn is_of_dispute(self) -> bool {
        matches!(self, Self::Disputed | Self::DisputeWon | Self::DisputeLost)
    }
}

/// One word of an institution.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// Its number in the trade's tree, from 1.
    pub no: u16,
    /// The order's number.
    pub order: u16,
    /// How it reached us.
    pub source: Source,
    /// What was said.
    pub outcome: Outcome,
    /// Minor units, where money was named.
    pub amount: Option<i64>,
    /// The currency, where money was named.
    pub currency: Option<Currency>,
    /// The institution's number of the movement, or of the dispute.
    pub channel_no: Option<String>,
    /// When we received it.
    pub at: Time,
    /// SHA-256 of the raw message.
    pub digest: [u8; 32],
}

/// What a word says, before it is known whether that is new.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Said {
    pub(super) outcome: Outcome,
    pub(super) money: Option<Money>,
    pub(super) channel_no: Option<String>,
}

impl Said {
    pub(super) const fn plain(outcome: Outcome) -> Self {
        Self { outcome, money: None, channel_no: None }
    }

    pub(super) fn moved(outcome: Outcome, money: Money, channel_no: &str) -> Self {
        Self { outcome, money: Some(money), channel_no: Some(channel_no.to_owned()) }
    }

    /// Whether this row already says it.
    pub(super) fn is(&self, evidence: &Evidence, order: u16) -> bool {
        evidence.order == order
            && evidence.outcome == self.outcome
            && evidence.channel_no == self.channel_no
            && evidence.amount == self.money.map(|money| money.amount.minor())
            && evidence.currency == self.money.map(|money| money.currency)
    }
}
