//! Events against the machines: which event may follow which, and in which state it leaves its object.

use kernel::{BillId, CaseId, DisputeId, PaymentId, RefundId, TradeId};
use payment::PaymentStatus;
use payment::payment::PaymentStep;

/// What kinds of objects have events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Thing {
    Trade,
    Payment,
    Refund,
    Dispute,
    Case,
    Bill,
}

/// The last event of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Last {
    /// Its number among the object's events.
    pub(super) sequence: i64,
    /// The state it left the object in.
    pub(super) state: &'static str,
}

impl Thing {
    /// By the letters of its id.
    pub(super) fn parse(prefix: &str) -> Option<Self> {
        Some(match prefix {
            TradeId::PREFIX => Self::Trade,
            PaymentId::PREFIX => Self::Payment,
            RefundId::PREFIX => Self::Refund,
            DisputeId::PREFIX => Self::Dispute,
            CaseId::PREFIX => Self::Case,
            BillId::PREFIX => Self::Bill,
            _ => return None,
        })
    }

    /// Before its first event.
    pub(super) const fn born(self) -> Last {
        let state = match self {
            Self::Payment => "created",
            Self::Trade | Self::Refund | Self::Dispute | Self::Case | Self::Bill => "none",
        };
        Last { sequence: 0, state }
    }

    /// The state after an event, where that event may happen in a state at all.
    pub(super) fn after(self, state: &'static str, kind: &str) -> Option<&'static str> {
        match self {
            Self::Trade => trade(state, kind),
            Self::Payment => match kind.strip_prefix("payout.") {
                Some(word) => payout(state, word),
                None => payment(state, kind.strip_prefix("payment.")?),
            },
            Self::Refund => refund(state, kind),
            Self::Dispute => dispute(state, kind),
            Self::Case => case(state, kind),
            Self::Bill => bill(state, kind),
        }
    }

    /// The state that an event of this kind leaves its object in, whatever was before.
    pub(super) fn leads_to(self, kind: &str) -> Option<&'static str> {
        let word = kind.split_once('.')?.1;
        match self {
            Self::Trade => ["created", "paid", "completed", "closed"].into_iter().find(|state| *state == word),
            Self::Payment => PaymentStatus::parse(word).map(PaymentStatus::as_str),
            Self::Refund if word == "created" => Some("pending"),
            Self::Refund => ["succeeded", "returned"].into_iter().find(|state| *state == word),
            Self::Dispute if word == "opened" => Some("open"),
            Self::Dispute => ["won", "lost"].into_iter().find(|state| *state == word),
            Self::Case if ["opened", "rejected"].contains(&word) => Some("open"),
            Self::Case => ["proposed", "closed"].into_iter().find(|state| *state == word),
            Self::Bill if word == "issued" => Some("open"),
            Self::Bill => ["overdue", "paid"].into_iter().find(|state| *state == word),
        }
    }
}

fn trade(state: &str, kind: &str) -> Option<&'static str> {
    match (state, kind) {
        ("none", "trade.created") => Some("created"),
        ("created", "trade.due_paid") => Some("created"),
        // From closed: late money reopened it.
        ("created" | "closed", "trade.paid") => Some("paid"),
        ("paid", "trade.completed") => Some("completed"),
        // From paid: everything was refunded before anything was released.
        ("created" | "paid", "trade.closed") => Some("closed"),
        _ => None,
    }
}

const STEPS: [PaymentStep; 7] = [
    PaymentStep::Act,
    PaymentStep::Work,
    PaymentStep::Review,
    PaymentStep::Succeed,
    PaymentStep::Fail,
    PaymentStep::Cancel,
    PaymentStep::Expire,
];

fn payment(state: &'static str, word: &str) -> Option<&'static str> {
    if word == "surplus" {
        return Some(state);
    }
    let (from, to) = (PaymentStatus::parse(state)?, PaymentStatus::parse(word)?);
    STEPS.into_iter().any(|step| from.after(step) == Some(to)).then_some(to.as_str())
}

/// A payout waits for nobody who must act, and what comes back leaves it what it is.
fn payout(state: &'static str, word: &str) -> Option<&'static str> {
    match (state, word) {
        ("succeeded", "returned") => Some(state),
        (_, "processing" | "succeeded" | "failed") => payment(state, word),
        _ => None,
    }
}

fn refund(state: &str, kind: &str) -> Option<&'static str> {
    match (state, kind) {
        ("none", "refund.created") => Some("pending"),
        ("pending" | "returned", "refund.succeeded") => Some("succeeded"),
        ("pending" | "succeeded", "refund.returned") => Some("returned"),
        _ => None,
    }
}

fn dispute(state: &str, kind: &str) -> Option<&'static str> {
    match (state, kind) {
        ("none", "dispute.opened") => Some("open"),
        ("open", "dispute.won") => Some("won"),
        ("open", "dispute.lost") => Some("lost"),
        _ => None,
    }
}

fn bill(state: &str, kind: &str) -> Option<&'static str> {
    match (state, kind) {
        ("none", "bill.issued") => Some("open"),
        ("open", "bill.overdue") => Some("overdue"),
        ("open" | "overdue", "bill.paid") => Some("paid"),
        _ => None,
    }
}

fn case(state: &'static str, kind: &str) -> Option<&'static str> {
    match (state, kind) {
        ("none", "case.opened") => Some("open"),
        ("open" | "proposed", "case.assigned" | "case.commented") => Some(state),
        ("open", "case.proposed") => Some("proposed"),
        ("proposed", "case.rejected") => Some("open"),
        ("open" | "proposed", "case.closed") => Some("closed"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_the_machines_allow() {
        let after = |thing: Thing, kinds: &[&str]| {
            kinds.iter().try_fold(thing.born().state, |state, kind| thing.after(state, kind))
        };
        assert_eq!(after(Thing::Trade, &["trade.created", "trade.paid", "trade.completed"]), Some("completed"));
        assert_eq!(after(Thing::Trade, &["trade.created", "trade.closed", "trade.paid"]), Some("paid"));
        assert_eq!(after(Thing::Trade, &["trade.created", "trade.due_paid", "trade.closed"]), Some("closed"));
        assert_eq!(after(Thing::Trade, &["trade.created", "trade.closed", "trade.due_paid"]), None);
        assert_eq!(after(Thing::Trade, &["trade.created", "trade.completed"]), None);
        assert_eq!(after(Thing::Trade, &["trade.paid"]), None);
        assert_eq!(after(Thing::Payment, &["payment.processing", "payment.succeeded"]), Some("succeeded"));
        assert_eq!(after(Thing::Payment, &["payment.failed", "payment.surplus"]), Some("failed"));
        assert_eq!(after(Thing::Payment, &["payment.succeeded", "payment.failed"]), None);
        let out = ["payout.processing", "payout.succeeded", "payout.returned"];
        assert_eq!(after(Thing::Payment, &out), Some("succeeded"));
        assert_eq!(after(Thing::Payment, &["payout.processing", "payout.returned"]), None);
        assert_eq!(after(Thing::Payment, &["payout.processing", "payout.failed", "payout.succeeded"]), None);
        assert_eq!(after(Thing::Payment, &["payout.requires_action"]), None);
        assert_eq!(after(Thing::Refund, &["refund.created", "refund.succeeded", "refund.returned"]), Some("returned"));
        assert_eq!(after(Thing::Refund, &["refund.succeeded"]), None);
        assert_eq!(after(Thing::Dispute, &["dispute.opened", "dispute.lost"]), Some("lost"));
        assert_eq!(after(Thing::Dispute, &["dispute.opened", "dispute.won", "dispute.lost"]), None);
        assert_eq!(after(Thing::Dispute, &["dispute.won"]), None);
        assert_eq!(after(Thing::Case, &["case.opened", "case.closed"]), Some("closed"));
        assert_eq!(after(Thing::Case, &["case.opened", "case.opened"]), None);
        assert_eq!(after(Thing::Case, &["case.opened", "case.proposed", "case.rejected"]), Some("open"));
        assert_eq!(after(Thing::Case, &["case.opened", "case.proposed", "case.commented"]), Some("proposed"));
        assert_eq!(after(Thing::Case, &["case.opened", "case.rejected"]), None);
        assert_eq!(after(Thing::Bill, &["bill.issued", "bill.overdue", "bill.paid"]), Some("paid"));
        assert_eq!(after(Thing::Bill, &["bill.issued", "bill.issued"]), None);
        assert_eq!(after(Thing::Bill, &["bill.issued", "bill.paid", "bill.overdue"]), None);
        assert_eq!(Thing::Payment.leads_to("payment.review"), Some("review"));
        assert_eq!(Thing::Payment.leads_to("payment.surplus"), None);
        assert_eq!(Thing::Payment.leads_to("payout.returned"), None);
    }
}
