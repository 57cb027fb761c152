//! The public events of payments, refunds, disputes and cases: one for every change of an object's status, and for every step of a
//! case.

use crate::case::CaseStep;
use crate::dispute::DisputeStatus;
use crate::event::Event;
use crate::payment::PaymentStatus;
use crate::payments::Payments;
use crate::refund::RefundStatus;

/// Which object of the trade's tree a public event is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ObjectRef {
    /// The payment of this number.
    Payment(u16),
    /// The refund of this number.
    Refund(u16),
    /// The dispute of this number.
    Dispute(u16),
    /// The case of this number.
    Case(u16),
}

/// A public event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct News {
    /// The wire type, as `payment.succeeded`.
    pub kind: &'static str,
    /// Which object.
    pub object: ObjectRef,
    /// The object's own count of its events, from 1 without gaps.
    pub sequence: i64,
}

/// The object whose public face an event may change.
pub(crate) fn object(state: &Payments, event: &Event) -> Option<ObjectRef> {
    match event {
        Event::PaymentMoved { payment, .. } | Event::PayoutCameBack { payment } => Some(ObjectRef::Payment(*payment)),
        Event::SurplusFound { instruction, .. } => {
            state.leg(*instruction).map(|(payment, _)| ObjectRef::Payment(payment.no))
        }
        Event::RefundOpened(refund) => Some(ObjectRef::Refund(refund.no)),
        Event::RefundMoved { refund, .. } => Some(ObjectRef::Refund(*refund)),
        Event::DisputeOpened(dispute) => Some(ObjectRef::Dispute(dispute.no)),
        Event::DisputeEnded { dispute, .. } => Some(ObjectRef::Dispute(*dispute)),
        Event::CaseOpened(case) => Some(ObjectRef::Case(case.no)),
        Event::CaseMoved { case, .. } => Some(ObjectRef::Case(*case)),
        Event::PaymentOpened(_)
        | Event::EndWanted { .. }
        | Event::Stopped
        | Event::Quiet
        | Event::HoldsAsked { .. }
        | Event::HoldsReleased { .. }
        | Event::ChildrenPaid(_)
        | Event::EffectAsked { .. }
        | Event::PayoutBooked { .. }
        | Event::PayoutSent { .. }
        | Event::CouponTold { .. }
        | Event::LegMoved { .. }
        | Event::OrderPlaced { .. }
        | Event::CloseAsked { .. }
        | Event::OrderOver { .. }
        | Event::CredentialGiven { .. }
        | Event::MoneyCame { .. }
        | Event::MoneyParked { .. }
        | Event::SuspenseDecided { .. }
        | Event::ReserveAsked { .. }
        | Event::GivenBack { .. }
        | Event::PartSent { .. }
        | Event::PartRerouted { .. }
        | Event::PartMoved { .. }
        | Event::DisputeSpreadAsked { .. }
        | Event::DisputeSpread { .. }
        | Event::DisputeShared { .. }
        | Event::SharesEnded { .. }
        | Event::DisputeBooked { .. } => None,
    }
}

/// An object's count of its public events; 0 for one that is not there yet.
pub(crate) fn sequence(state: &Payments, object: ObjectRef) -> i64 {
    match object {
        ObjectRef::Payment(no) => state.payment(no).map_or(0, |payment| payment.sequence),
        ObjectRef::Refund(no) => state.refund(no).map_or(0, |refund| refund.sequence),
        ObjectRef::Dispute(no) => state.dispute(no).map_or(0, |dispute| dispute.sequence),
        ObjectRef::Case(no) => state.case(no).map_or(0, |case| case.sequence),
    }
}

/// The public event that an event was, looking at the object after it.
pub(crate) fn of(state: &Payments, event: &Event, object: ObjectRef, sequence: i64) -> Option<News> {
    let kind = match (event, object) {
        (Event::SurplusFound { .. }, _) => "payment.surplus",
        (Event::RefundOpened(_), _) => "refund.created",
        (Event::PayoutCameBack { .. }, _) => "payout.returned",
        (_, ObjectRef::Payment(no)) => {
            let payment = state.payment(no)?;
            if payment.payout().is_some() { payout_kind(payment.status)? } else { payment_kind(payment.status)? }
        }
        (_, ObjectRef::Refund(no)) => refund_kind(state.refund(no)?.status)?,
        (_, ObjectRef::Dispute(no)) => dispute_kind(state.dispute(no)?.status),
        (Event::CaseMoved { entry, .. }, _) => case_kind(&entry.step),
        (_, ObjectRef::Case(_)) => "case.opened",
    };
    Some(News { kind, object, sequence })
}

const fn payment_kind(status: PaymentStatus) -> Option<&'static str> {
    match status {
        PaymentStatus::Created => None,
        PaymentStatus::RequiresAction => Some("payment.requires_action"),
        PaymentStatus::Processing => Some("payment.processing"),
        PaymentStatus::Succeeded => Some("payment.succeeded"),
        PaymentStatus::Failed => Some("payment.failed"),
        PaymentStatus::Canceled => Some("payment.canceled"),
        PaymentStatus::Expired => Some("payment.expired"),
        PaymentStatus::Review => Some("payment.review"),
    }
}

/// A payout is created with its trade, and never waits for anybody who must act.
const fn payout_kind(status: PaymentStatus) -> Option<&'static str> {
    match status {
        PaymentStatus::Processing => Some("payout.processing"),
        PaymentStatus::Succeeded => Some("payout.succeeded"),
        PaymentStatus::Failed => Some("payout.failed"),
        PaymentStatus::Created
        | PaymentStatus::RequiresAction
        | PaymentStatus::Canceled
        | PaymentStatus::Expired
        | PaymentStatus::Review => None,
    }
}

const fn case_kind(step: &CaseStep) -> &'static str {
    match step {
        CaseStep::Assigned { .. } => "case.assigned",
        CaseStep::Commented { .. } => "case.commented",
        CaseStep::Proposed { .. } => "case.proposed",
        CaseStep::Rejected { .. } => "case.rejected",
        CaseStep::Approved { .. } | CaseStep::Resolved { .. } | CaseStep::Overtaken => "case.closed",
    }
}

const fn dispute_kind(status: DisputeStatus) -> &'static str {
    match status {
        DisputeStatus::Open => "dispute.opened",
        DisputeStatus::Won => "dispute.won",
        DisputeStatus::Lost => "dispute.lost",
    }
}

const fn refund_kind(status: RefundStatus) -> Option<&'static str> {
    match status {
        RefundStatus::Pending => None,
        RefundStatus::Succeeded => Some("refund.succeeded"),
        RefundStatus::Returned => Some("refund.returned"),
    }
}
