//! A case (差错工单): work that people must decide, with everything they need to see, and what they may decide.

use kernel::message::payment::Resolution;
use kernel::{Money, Time};

/// One piece of work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Case {
    /// Its number in the trade's tree.
    pub no: u16,
    /// What is wrong.
    pub kind: CaseKind,
    /// What it is about.
    pub subject: Subject,
    /// The money in question.
    pub money: Money,
    /// Whether it waits.
    pub status: CaseStatus,
    /// When it was opened.
    pub opened_at: Time,
    /// What people decided; none while open, and where the institution's own word closed it.
    pub resolution: Option<Resolution>,
    /// Why, in words.
    pub note: Option<String>,
    /// How many public events it has had.
    pub sequence: i64,
}

/// What a case is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    /// The instruction of this number.
    Instruction(u16),
    /// The refund part of this number.
    Part(u16),
}

/// Whether a case waits for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum CaseStatus {
    /// It waits.
    Open,
    /// Decided, or overtaken by the institution's own word.
    Closed,
}

impl CaseStatus {
    /// The wire word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Closed => "closed",
        }
    }

    /// Reads the wire word back.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Open, Self::Closed].into_iter().find(|known| known.as_str() == text)
    }
}

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum CaseKind {
    /// Money came in another amount or currency than was asked; it lies in suspense.
    AmountMismatch,
    /// The institution never said what became of an order.
    UnknownOutcome,
    /// The institution refused a refund for good.
    RefundFailed,
    /// A refund that had gone through came back.
    RefundReturned,
    /// The institution's word contradicts what is on record.
    Contradiction,
}

impl CaseKind {
    /// Every kind.
    pub const ALL: [Self; 5] =
        [Self::AmountMismatch, Self::UnknownOutcome, Self::RefundFailed, Self::RefundReturned, Self::Contradiction];

    /// The wire word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AmountMismatch => "amount_mismatch",
            Self::UnknownOutcome => "unknown_outcome",
            Self::RefundFailed => "refund_failed",
            Self::RefundReturned => "refund_returned",
            Self::Contradiction => "contradiction",
        }
    }

    /// Reads the wire word back.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.as_str() == text)
    }

    /// Whether people may decide this way at all; the state of the payment may still stand against it.
    pub const fn allows(self, resolution: Resolution) -> bool {
        match (self, resolution) {
            (Self::AmountMismatch, Resolution::Accept | Resolution::Refund) => true,
            (Self::AmountMismatch, Resolution::Retry | Resolution::OtherWay) => false,
            // Only the institution's own word moves money.
            (
                Self::UnknownOutcome,
                Resolution::Accept | Resolution::Refund | Resolution::Retry | Resolution::OtherWay,
            ) => false,
            (Self::RefundFailed | Self::RefundReturned, Resolution::Retry | Resolution::OtherWay) => true,
            (Self::RefundFailed | Self::RefundReturned, Resolution::Accept | Resolution::Refund) => false,
            // People settled it with the institution: a refund it speaks of counts as gone out.
            (Self::Contradiction, Resolution::Accept) => true,
            (Self::Contradiction, Resolution::Refund | Resolution::Retry | Resolution::OtherWay) => false,
        }
    }
}

/// The wire word of a decision.
pub const fn resolution_as_str(resolution: Resolution) -> &'static str {
    match resolution {
        Resolution::Accept => "accept",
        Resolution::Refund => "refund",
        Resolution::Retry => "retry",
        Resolution::OtherWay => "other_way",
    }
}

/// Reads the wire word of a decision back.
pub fn parse_resolution(text: &str) -> Option<Resolution> {
    [Resolution::Accept, Resolution::Refund, Resolution::Retry, Resolution::OtherWay]
        .into_iter()
        .find(|known| resolution_as_str(*known) == text)
}

#[cfg(test)]
pub(crate) mod grid {
    //! Draws a machine as a table: states down, inputs across; a dot where nothing changes.

    use std::fmt::Display;

    pub(crate) fn of<S: Copy, I: Copy, N: Display>(
        states: impl IntoIterator<Item = (&'static str, S)>,
        inputs: impl IntoIterator<Item = (N, I)>,
        next: impl Fn(S, I) -> Option<&'static str>,
    ) -> String {
        let inputs: Vec<_> = inputs.into_iter().collect();
        let mut out = format!("{:<16}", "");
        for (name, _) in &inputs {
            out.push_str(&format!("{:<16}", name.to_string()));
        }
        for (name, state) in states {
            out = format!("{}\n{name:<16}", out.trim_end());
            for (_, input) in &inputs {
                out.push_str(&format!("{:<16}", next(state, *input).unwrap_or(".")));
            }
        }
        out.trim_end().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RESOLUTIONS: [Resolution; 4] =
        [Resolution::Accept, Resolution::Refund, Resolution::Retry, Resolution::OtherWay];

    #[test]
    fn what_people_may_decide() {
        insta::assert_snapshot!(grid::of(
            CaseKind::ALL.map(|kind| (kind.as_str(), kind)),
            RESOLUTIONS.map(|resolution| (resolution_as_str(resolution), resolution)),
            |kind, resolution| kind.allows(resolution).then_some("yes"),
        ));
    }

    #[test]
    fn words_come_back() {
        assert!(CaseKind::ALL.iter().all(|k| CaseKind::parse(k.as_str()) == Some(*k)));
        assert!(RESOLUTIONS.iter().all(|r| parse_resolution(resolution_as_str(*r)) == Some(*r)));
        assert_eq!(CaseStatus::parse("open"), Some(CaseStatus::Open));
    }
}
