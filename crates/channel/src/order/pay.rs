//! The states of an order to pay, and what each word of the institution does to it.
//!
//! Only the institution's own verified word moves money, so no word and no time-out ever leads to `failed`, and money is
//! received in every state: whatever we believed, it is there.

/// Where an order to pay stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PayStatus {
    /// Durable with us; no word from the institution yet.
    Sent,
    /// The institution has it.
    Pending,
    /// A call got no answer: nobody knows. Asking goes on.
    Unknown,
    /// Money came.
    Paid,
    /// Closed unpaid at the institution.
    Closed,
    /// Refused for good, or never known to the institution within its lifetime.
    Failed,
}

impl PayStatus {
    /// Every state.
    pub const ALL: [Self; 6] = [Self::Sent, Self::Pending, Self::Unknown, Self::Paid, Self::Closed, Self::Failed];

    /// The one word used in SQL, JSON and pages.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::Pending => "pending",
            Self::Unknown => "unknown",
            Self::Paid => "paid",
            Self::Closed => "closed",
            Self::Failed => "failed",
        }
    }

    /// Reads the word back.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.as_str() == text)
    }

    /// Whether a final word is still to come.
    pub const fn is_open(self) -> bool {
        match self {
            Self::Sent | Self::Pending | Self::Unknown => true,
            Self::Paid | Self::Closed | Self::Failed => false,
        }
    }

    pub(super) const fn step(self, word: PayWord, lifetime_over: bool) -> PayStep {
        use PayStatus::{Closed, Failed, Paid, Pending, Sent, Unknown};
        match (self, word) {
            // Money is money, in whatever state we are: first receipt, late receipt, second receipt.
            (Sent | Pending | Unknown | Paid | Closed | Failed, PayWord::Paid) => PayStep::Receive,
            // Taken, and the buyer must act; also when the first word was less precise.
            (Sent | Pending | Unknown, PayWord::Accepted) => PayStep::Show,
            // Taken; nothing to show.
            (Sent | Unknown, PayWord::Paying) => PayStep::Wait,
            (Pending, PayWord::Paying) => PayStep::Stay,
            // A sure no.
            (Sent | Pending | Unknown, PayWord::Closed) => PayStep::Close,
            (Sent | Pending | Unknown, PayWord::Failed) => PayStep::Fail,
            // Silence makes an unanswered order unknown, and does not make us forget that one was taken.
            (Sent, PayWord::Unknown) => PayStep::Doubt,
            (Pending | Unknown, PayWord::Unknown) => PayStep::Stay,
            // "No such order" is a no only after the lifetime; before, an order that was not known to be taken is sent again.
            (Sent | Pending | Unknown, PayWord::NotFound) if lifetime_over => PayStep::Fail,
            (Sent | Unknown, PayWord::NotFound) => PayStep::SendAgain,
            (Pending, PayWord::NotFound) => PayStep::Stay,
            // After the end nothing but money counts; a downgrade after success is kept as evidence and ignored.
            (
                Paid | Closed | Failed,
                PayWord::Accepted
                | PayWord::Paying
                | PayWord::Closed
                | PayWord::Failed
                | PayWord::Unknown
                | PayWord::NotFound,
            ) => PayStep::Stay,
        }
    }
}

/// What the institution said, without its data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PayWord {
    Accepted,
    Paying,
    Paid,
    Closed,
    Failed,
    Unknown,
    NotFound,
}

/// What follows from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PayStep {
    Stay,
    Show,
    Wait,
    Doubt,
    Receive,
    Close,
    Fail,
    SendAgain,
}
