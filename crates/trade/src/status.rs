//! The states of a trade and their words.
//!
//! Clients see four words; *closing* is a state of its own here, because it decides what may still happen, and reads
//! `created` with `closing: true` on the wire and in rows.

use std::fmt;

/// Why closing was started.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stop {
    /// Its time to be paid was over.
    Expired,
    /// Somebody closed it.
    Canceled,
}

/// Why a trade is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ClosedReason {
    /// Its time to be paid was over.
    Expired,
    /// Somebody closed it unpaid.
    Canceled,
    /// Everything was refunded before anything was released.
    Refunded,
    /// It could not be carried out.
    Failed,
    /// A due was not paid, and what the others had brought was released to the receivers.
    Forfeited,
}

impl ClosedReason {
    /// Every reason there is.
    pub const ALL: [Self; 5] = [Self::Expired, Self::Canceled, Self::Refunded, Self::Failed, Self::Forfeited];

    /// The word in rows and on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Expired => "expired",
            Self::Canceled => "canceled",
            Self::Refunded => "refunded",
            Self::Failed => "failed",
            Self::Forfeited => "forfeited",
        }
    }

    /// Reads the word back.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.as_str() == text)
    }
}

impl From<Stop> for ClosedReason {
    fn from(stop: Stop) -> Self {
        match stop {
            Stop::Expired => Self::Expired,
            Stop::Canceled => Self::Canceled,
        }
    }
}

/// Where a trade stands: `created → paid → completed`, or `closed`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Status {
    /// Open for payment.
    Created,
    /// Not open any more, and not closed before the last outside leg is: a success until then is an ordinary one.
    Closing(Stop),
    /// Paid, and something waits in escrow.
    Paid,
    /// Nothing waits in escrow and something was released; stays so whatever is refunded later.
    Completed,
    /// Over without success.
    Closed(ClosedReason),
}

impl Status {
    /// The word in rows and on the wire: one of `created | paid | completed | closed`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Created | Self::Closing(_) => "created",
            Self::Paid => "paid",
            Self::Completed => "completed",
            Self::Closed(_) => "closed",
        }
    }

    /// Whether closing was started and is not finished.
    pub const fn is_closing(self) -> bool {
        matches!(self, Self::Closing(_))
    }

    /// Why it is closed, where it is: the wire's `closed_reason`.
    pub const fn closed_reason(self) -> Option<ClosedReason> {
        match self {
            Self::Closed(reason) => Some(reason),
            Self::Created | Self::Closing(_) | Self::Paid | Self::Completed => None,
        }
    }

    /// Why it is closed or will be: what a row keeps beside the word and the flag.
    pub fn reason(self) -> Option<ClosedReason> {
        match self {
            Self::Closing(stop) => Some(stop.into()),
            Self::Closed(reason) => Some(reason),
            Self::Created | Self::Paid | Self::Completed => None,
        }
    }

    /// The state that a row's word, flag and reason describe; `None` where they fit no state.
    pub fn parse(word: &str, closing: bool, reason: Option<ClosedReason>) -> Option<Self> {
        match (word, closing, reason) {
            ("created", false, None) => Some(Self::Created),
            ("created", true, Some(ClosedReason::Expired)) => Some(Self::Closing(Stop::Expired)),
            ("created", true, Some(ClosedReason::Canceled)) => Some(Self::Closing(Stop::Canceled)),
            ("paid", false, None) => Some(Self::Paid),
            ("completed", false, None) => Some(Self::Completed),
            ("closed", false, Some(reason)) => Some(Self::Closed(reason)),
            _ => None,
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closing(_) => f.write_str("closing"),
            Self::Closed(reason) => write!(f, "closed ({})", reason.as_str()),
            other => f.write_str(other.as_str()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_gives_the_state_back_or_none() {
        let states = [
            Status::Created,
            Status::Closing(Stop::Expired),
            Status::Closing(Stop::Canceled),
            Status::Paid,
            Status::Completed,
        ];
        for status in states.into_iter().chain(ClosedReason::ALL.map(Status::Closed)) {
            assert_eq!(Status::parse(status.as_str(), status.is_closing(), status.reason()), Some(status));
        }
        assert_eq!(Status::parse("closed", false, None), None, "closed says why");
        assert_eq!(Status::parse("paid", true, None), None, "closing ends when it is paid");
        assert_eq!(Status::parse("created", true, Some(ClosedReason::Refunded)), None);
        assert_eq!(Status::parse("PAID", false, None), None);
        assert_eq!(ClosedReason::parse("refunded"), Some(ClosedReason::Refunded));
        assert_eq!(ClosedReason::parse(""), None);
    }
}
