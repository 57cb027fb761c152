//! The states of an order to refund, and what each word of the institution does to it.

/// Where an order to refund stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RefundStatus {
    /// Durable with us; no word from the institution yet.
    Sent,
    /// The institution has it.
    Pending,
    /// A call got no answer: nobody knows. Asking goes on.
    Unknown,
    /// Given back.
    Refunded,
    /// Refused for good, or never known to the institution within its lifetime.
    Failed,
    /// Given back, and came back later (退票).
    Returned,
}

impl RefundStatus {
    /// Every state.
    pub const ALL: [Self; 6] = [Self::Sent, Self::Pending, Self::Unknown, Self::Refunded, Self::Failed, Self::Returned];

    /// The one word used in SQL, JSON and pages.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::Pending => "pending",
            Self::Unknown => "unknown",
            Self::Refunded => "refunded",
            Self::Failed => "failed",
            Self::Returned => "returned",
        }
    }

    /// Reads the word back.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.as_str() == text)
    }

    /// Whether a final word is still to come. A refund that went through may still be returned; that comes unasked.
    pub const fn is_open(self) -> bool {
        match self {
            Self::Sent | Self::Pending | Self::Unknown => true,
            Self::Refunded | Self::Failed | Self::Returned => false,
        }
    }

    pub(super) const fn step(self, word: RefundWord, lifetime_over: bool) -> RefundStep {
        use RefundStatus::{Failed, Pending, Refunded, Returned, Sent, Unknown};
        match (self, word) {
            (Sent | Unknown, RefundWord::Accepted) => RefundStep::Wait,
            (Pending, RefundWord::Accepted) => RefundStep::Stay,
            (Sent | Pending | Unknown, RefundWord::Refunded) => RefundStep::Refund,
            (Sent | Pending | Unknown, RefundWord::Failed) => RefundStep::Fail,
            // It came back: then it had gone out, even where that word is still on its way.
            (Sent | Pending | Unknown, RefundWord::Returned) => RefundStep::RefundAndReturn,
            (Refunded, RefundWord::Returned) => RefundStep::Return,
            // Silence makes an unanswered order unknown, and does not make us forget that one was taken.
            (Sent, RefundWord::Unknown) => RefundStep::Doubt,
            (Pending | Unknown, RefundWord::Unknown) => RefundStep::Stay,
            // "No such refund" is a no only after the lifetime; before, it is sent again under the same number.
            (Sent | Pending | Unknown, RefundWord::NotFound) if lifetime_over => RefundStep::Fail,
            (Sent | Unknown, RefundWord::NotFound) => RefundStep::SendAgain,
            (Pending, RefundWord::NotFound) => RefundStep::Stay,
            // The institution contradicts itself: it had refused for good.
            (Failed, RefundWord::Refunded) => RefundStep::Suspect,
            // The word that was overtaken by its own return, or the same word again.
            (Refunded | Returned, RefundWord::Refunded) => RefundStep::Stay,
            (Failed | Returned, RefundWord::Returned) => RefundStep::Stay,
            // Nothing else counts after the end.
            (
                Refunded | Failed | Returned,
                RefundWord::Accepted | RefundWord::Failed | RefundWord::Unknown | RefundWord::NotFound,
            ) => RefundStep::Stay,
        }
    }
}

/// What the institution said, without its data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RefundWord {
    Accepted,
    Refunded,
    Failed,
    Returned,
    Unknown,
    NotFound,
}

/// What follows from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RefundStep {
    Stay,
    Wait,
    Doubt,
    Refund,
    Fail,
    Return,
    RefundAndReturn,
    Suspect,
    SendAgain,
}
