//! The states of an order to pay out. Money that leaves goes the same steps whether it goes back or out, so the
//! machine is that of [`super::refund`], under words of its own.

use super::refund::{RefundStatus, RefundStep, RefundWord};

/// Where an order to pay out stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PayoutStatus {
    /// Durable with us; no word from the institution yet.
    Sent,
    /// The institution has it.
    Pending,
    /// A call got no answer: nobody knows. Asking goes on.
    Unknown,
    /// Paid out.
    PaidOut,
    /// Refused for good, or never known to the institution within its lifetime.
    Failed,
    /// Paid out, and came back later (退票).
    Returned,
}

impl PayoutStatus {
    /// Every state.
    pub const ALL: [Self; 6] = [Self::Sent, Self::Pending, Self::Unknown, Self::PaidOut, Self::Failed, Self::Returned];

    /// The one word used in SQL, JSON and pages.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PaidOut => "paid_out",
            other => other.as_refund().as_str(),
        }
    }

    /// Reads the word back.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.as_str() == text)
    }

    /// Whether a final word is still to come. A payout that went through may still be returned; that comes unasked.
    pub const fn is_open(self) -> bool {
        self.as_refund().is_open()
    }

    pub(super) const fn step(self, word: RefundWord, lifetime_over: bool) -> RefundStep {
        self.as_refund().step(word, lifetime_over)
    }

    const fn as_refund(self) -> RefundStatus {
        match self {
            Self::Sent => RefundStatus::Sent,
            Self::Pending => RefundStatus::Pending,
            Self::Unknown => RefundStatus::Unknown,
            Self::PaidOut => RefundStatus::Refunded,
            Self::Failed => RefundStatus::Failed,
            Self::Returned => RefundStatus::Returned,
        }
    }
}

impl From<RefundStatus> for PayoutStatus {
    fn from(status: RefundStatus) -> Self {
        match status {
            RefundStatus::Sent => Self::Sent,
            RefundStatus::Pending => Self::Pending,
            RefundStatus::Unknown => Self::Unknown,
            RefundStatus::Refunded => Self::PaidOut,
            RefundStatus::Failed => Self::Failed,
            RefundStatus::Returned => Self::Returned,
        }
    }
}
