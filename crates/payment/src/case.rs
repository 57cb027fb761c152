//! A case (差错工单): work that people must decide, with everything they need to see, and what they may decide.
//!
//! Everything that people do about it is a step of its trail, with the key that did it. One person resolves it alone, or
//! one proposes and another approves; [`Approvals`] says which cases want the second.

use kernel::message::payment::{Attachment, Resolution};
use kernel::{KeyId, Money, Time};

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
    /// What was done about it, in order.
    pub trail: Vec<TrailEntry>,
}

impl Case {
    /// To whom it was given last.
    pub fn assignee(&self) -> Option<&str> {
        self.trail.iter().rev().find_map(|entry| match &entry.step {
            CaseStep::Assigned { to } => Some(to.as_str()),
            _ => None,
        })
    }

    /// What is proposed, and by which key; none where nobody waits for an approval.
    pub fn proposal(&self) -> Option<(Resolution, &str, KeyId)> {
        let last = self.trail.iter().rev().find_map(|entry| match (&entry.step, entry.by) {
            (CaseStep::Proposed { resolution, note }, Some(by)) => Some((*resolution, note.as_str(), by)),
            _ => None,
        });
        last.filter(|_| self.status == CaseStatus::Proposed)
    }
}

/// What is done about a case, once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrailEntry {
    /// When.
    pub at: Time,
    /// The key of who did it; none where what happened elsewhere did.
    pub by: Option<KeyId>,
    /// What.
    pub step: CaseStep,
}

/// A step of a case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CaseStep {
    /// Given to a person.
    Assigned {
        /// The person's name.
        to: String,
    },
    /// Something was written down.
    Commented {
        /// In words.
        text: String,
        /// What shows it.
        attachment: Option<Attachment>,
    },
    /// Somebody said how it should be resolved.
    Proposed {
        /// How.
        resolution: Resolution,
        /// Why, in words.
        note: String,
    },
    /// Somebody else did not agree.
    Rejected {
        /// Why, in words.
        note: String,
    },
    /// Somebody else agreed, and it was done.
    Approved {
        /// How it was resolved.
        resolution: Resolution,
        /// Why, in the words of the proposal.
        note: String,
    },
    /// One person resolved it alone.
    Resolved {
        /// How.
        resolution: Resolution,
        /// Why, in words.
        note: String,
    },
    /// The institution's own word, or what was decided of another case, left nothing to decide.
    Overtaken,
}

impl CaseStep {
    /// The wire word.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Assigned { .. } => "assigned",
            Self::Commented { .. } => "commented",
            Self::Proposed { .. } => "proposed",
            Self::Rejected { .. } => "rejected",
            Self::Approved { .. } => "approved",
            Self::Resolved { .. } => "resolved",
            Self::Overtaken => "overtaken",
        }
    }

    /// How the case was resolved by it, and why; none where it was not.
    pub(crate) fn outcome(&self) -> Option<(Resolution, &str)> {
        match self {
            Self::Approved { resolution, note } | Self::Resolved { resolution, note } => Some((*resolution, note)),
            Self::Assigned { .. }
            | Self::Commented { .. }
            | Self::Proposed { .. }
            | Self::Rejected { .. }
            | Self::Overtaken => None,
        }
    }
}

/// Which cases one person does not resolve alone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Approvals {
    /// Those over so much or more, in minor units of their currency; none by their amount where `None`.
    pub from_minor: Option<i64>,
    /// Those of these kinds, whatever the amount.
    pub kinds: Vec<CaseKind>,
}

impl Approvals {
    /// Whether this one wants a second person.
    pub fn wants(&self, case: &Case) -> bool {
        self.kinds.contains(&case.kind) || self.from_minor.is_some_and(|from| case.money.amount.minor() >= from)
    }
}

/// What a case is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    /// The instruction of this number.
    Instruction(u16),
    /// The refund part of this number.
    Part(u16),
    /// The dispute of this number.
    Dispute(u16),
}

/// Whether a case waits for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum CaseStatus {
    /// It waits.
    Open,
    /// Somebody has proposed how to resolve it, and it waits for another person.
    Proposed,
    /// Decided, or overtaken by the institution's own word.
    Closed,
}

impl CaseStatus {
    /// Every status.
    pub const ALL: [Self; 3] = [Self::Open, Self::Proposed, Self::Closed];

    /// The wire word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Proposed => "proposed",
            Self::Closed => "closed",
        }
    }

    /// Reads the wire word back.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.as_str() == text)
    }

    /// Where a step leads; none where it cannot be taken.
    pub const fn after(self, step: &CaseStep) -> Option<Self> {
        match (self, step) {
            // Remarks change nothing.
            (Self::Open, CaseStep::Assigned { .. } | CaseStep::Commented { .. }) => Some(Self::Open),
            (Self::Proposed, CaseStep::Assigned { .. } | CaseStep::Commented { .. }) => Some(Self::Proposed),
            // One person proposes, another agrees or does not.
            (Self::Open, CaseStep::Proposed { .. }) => Some(Self::Proposed),
            (Self::Proposed, CaseStep::Approved { .. }) => Some(Self::Closed),
            (Self::Proposed, CaseStep::Rejected { .. }) => Some(Self::Open),
            // One person decides alone, but not over what another has proposed.
            (Self::Open, CaseStep::Resolved { .. }) => Some(Self::Closed),
            (Self::Open, CaseStep::Approved { .. } | CaseStep::Rejected { .. }) => None,
            (Self::Proposed, CaseStep::Proposed { .. } | CaseStep::Resolved { .. }) => None,
            // Nothing stands against what has happened elsewhere.
            (Self::Open | Self::Proposed, CaseStep::Overtaken) => Some(Self::Closed),
            // What is closed stays as it is.
            (
                Self::Closed,
                CaseStep::Assigned { .. }
                | CaseStep::Commented { .. }
                | CaseStep::Proposed { .. }
                | CaseStep::Rejected { .. }
                | CaseStep::Approved { .. }
                | CaseStep::Resolved { .. }
                | CaseStep::Overtaken,
            ) => None,
        }
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
    /// Money is disputed, and the institution has not decided: it wants an answer by the dispute's time.
    Disputed,
    /// More is disputed than is left of what was received: what refunds gave back, and money that took no effect.
    DisputeUncovered,
    /// A receiver has not so much as a dispute takes; what is short is owed by it.
    DisputeShort,
}

impl CaseKind {
    /// Every kind.
    pub const ALL: [Self; 8] = [
        Self::AmountMismatch,
        Self::UnknownOutcome,
        Self::RefundFailed,
        Self::RefundReturned,
        Self::Contradiction,
        Self::Disputed,
        Self::DisputeUncovered,
        Self::DisputeShort,
    ];

    /// The wire word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AmountMismatch => "amount_mismatch",
            Self::UnknownOutcome => "unknown_outcome",
            Self::RefundFailed => "refund_failed",
            Self::RefundReturned => "refund_returned",
            Self::Contradiction => "contradiction",
            Self::Disputed => "disputed",
            Self::DisputeUncovered => "dispute_uncovered",
            Self::DisputeShort => "dispute_short",
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
                Self::UnknownOutcome | Self::Disputed,
                Resolution::Accept | Resolution::Refund | Resolution::Retry | Resolution::OtherWay,
            ) => false,
            (Self::RefundFailed | Self::RefundReturned, Resolution::Retry | Resolution::OtherWay) => true,
            (Self::RefundFailed | Self::RefundReturned, Resolution::Accept | Resolution::Refund) => false,
            // People settled it with the institution: a refund it speaks of counts as gone out.
            (Self::Contradiction, Resolution::Accept) => true,
            // They settled it with the institution, or with the receiver.
            (Self::DisputeUncovered | Self::DisputeShort, Resolution::Accept) => true,
            (
                Self::Contradiction | Self::DisputeUncovered | Self::DisputeShort,
                Resolution::Refund | Resolution::Retry | Resolution::OtherWay,
            ) => false,
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
        assert!(CaseStatus::ALL.iter().all(|s| CaseStatus::parse(s.as_str()) == Some(*s)));
    }

    #[test]
    fn what_follows_what() {
        let note = String::new;
        let resolution = Resolution::Refund;
        let steps = [
            CaseStep::Assigned { to: note() },
            CaseStep::Commented { text: note(), attachment: None },
            CaseStep::Proposed { resolution, note: note() },
            CaseStep::Rejected { note: note() },
            CaseStep::Approved { resolution, note: note() },
            CaseStep::Resolved { resolution, note: note() },
            CaseStep::Overtaken,
        ];
        insta::assert_snapshot!(grid::of(
            CaseStatus::ALL.map(|status| (status.as_str(), status)),
            steps.iter().map(|step| (step.as_str(), step)),
            |status, step| status.after(step).map(CaseStatus::as_str),
        ));
    }
}
