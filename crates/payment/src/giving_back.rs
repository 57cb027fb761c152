//! Giving money back: what merchants ask for, what belongs to nothing, and what institutions say about it.
//!
//! 1. The amount is spread over the tools of the payment, and over the receivers that it is taken from.
//! 2. No institution needed: it takes effect at once. Otherwise everything is reserved first; what goes back on our own
//!    books does so at once, and the rest when the institution says so.
//! 3. A part that fails for good goes another way where the institution or the payment's rules say so; else people decide.
//!    Never dropped.

use kernel::message::channel::Fact;
use kernel::message::payment::OpenRefund;
use kernel::message::rules::{PaymentTerms, RefundFailed};
use kernel::{Amount, Money, OrderId, RefundId, limits};

use crate::case::{CaseKind, Subject};
use crate::draft::Draft;
use crate::event::{Event, some_amount};
use crate::instruction::{Instruction, InstructionStatus, LegStep};
use crate::payment::{Payment, PaymentStatus};
use crate::refund::{Part, PartSource, PartStatus, PartStep, ReasonCode, Refund, RefundStatus, Way};
use crate::refusal::Refusal;
use crate::spread;
use crate::tool::{Moment, points, rules_of};

/// Numbers of a trade's tree that merchants' refunds leave free for what the platform must give back by itself.
const RESERVE: u16 = 4_096;

/// `Refund`.
pub(crate) fn open(draft: &mut Draft<'_>, open: &OpenRefund) -> Result<(), Refusal> {
    let refund = plan(draft, open)?;
    let no = refund.no;
    let outside = refund.parts.iter().any(|part| part.way == Way::Channel);
    let parts = refund.parts.iter().map(|part| part.no).collect();
    draft.push(Event::RefundOpened(Box::new(refund)));
    if outside {
        draft.push(Event::ReserveAsked { refund: no });
    } else {
        draft.push(Event::GivenBack { refund: no, parts, reserved: false });
    }
    Ok(())
}

fn plan(draft: &Draft<'_>, open: &OpenRefund) -> Result<Refund, Refusal> {
    let state = &draft.state;
    if let Some(number) = &open.merchant_refund_id {
        if let Some(known) = state.existing_refund(number) {
            return Err(Refusal::RefundExists(RefundId::new(state.trade, known.no)));
        }
        check_count(draft)?;
    }
    let succeeded = |payment: &&Payment| payment.status == PaymentStatus::Succeeded;
    let payments: Vec<&Payment> = state.payments.iter().filter(succeeded).collect();
    let payment = payments.first().ok_or(Refusal::NothingPaid)?;
    if payment.money.currency != open.money.currency {
        return Err(Refusal::RefundCurrency);
    }
    let taken: i128 = open.shares.iter().map(|share| i128::from(share.before) + i128::from(share.after)).sum();
    let negative = open.shares.iter().any(|share| share.before < 0 || share.after < 0);
    if negative || taken != i128::from(open.money.amount.minor()) {
        return Err(Refusal::SharesSum);
    }
    Ok(Refund {
        no: state.next_refund(),
        payment: payment.no,
        merchant_refund_id: open.merchant_refund_id.clone(),
        reason: open.reason.clone(),
        reason_code: if open.merchant_refund_id.is_some() { ReasonCode::Merchant } else { ReasonCode::DueUnpaid },
        money: open.money,
        shares: open.shares.clone(),
        status: RefundStatus::Pending,
        parts: parts(draft, &payments, open)?,
        sandbox: open.sandbox.clone(),
        sequence: 0,
        created_at: draft.known.now,
    })
}

fn check_count(draft: &Draft<'_>) -> Result<(), Refusal> {
    let state = &draft.state;
    let asked = state.refunds.iter().filter(|refund| refund.reason_code == ReasonCode::Merchant).count();
    let highest = state.next_order().max(state.next_part()).max(state.next_line());
    let full = highest > limits::MAX_TREE_NUMBER - RESERVE;
    if asked >= limits::MAX_REFUNDS || full {
        return Err(Refusal::TooMany { objects: "refunds", limit: limits::MAX_REFUNDS });
    }
    Ok(())
}

/// Over all tools of all payments that took effect: of a trade with several dues these are several.
fn parts(draft: &Draft<'_>, payments: &[&Payment], open: &OpenRefund) -> Result<Vec<Part>, Refusal> {
    let legs = || payments.iter().flat_map(|payment| &payment.instructions);
    let left: Vec<_> = legs().map(Instruction::left).collect();
    let ranks: Vec<usize> = payments.iter().flat_map(|payment| ranks(draft, payment)).collect();
    let spread = spread::over_tools(open.money.amount, &left, &ranks)
        .ok_or_else(|| Refusal::RefundExceedsPaid { left: left.iter().sum() })?;
    let chosen: Vec<_> =
        legs().zip(spread).filter_map(|(leg, minor)| some_amount(minor).map(|amount| (leg, amount))).collect();
    let amounts: Vec<_> = chosen.iter().map(|(_, amount)| *amount).collect();
    let lines = spread::over_receivers(&amounts, &open.shares, draft.state.next_line());
    let numbered = chosen.into_iter().zip(lines).zip(draft.state.next_part()..);
    Ok(numbered
        .map(|(((leg, amount), lines), no)| Part {
            no,
            instruction: leg.no,
            amount,
            points: points_back(draft, leg, amount),
            status: PartStatus::Pending,
            order: None,
            source: PartSource::Receivers,
            // Every tool gets back what it gave.
            way: rules_of(&leg.tool).way_back(draft, leg, amount),
            lines,
        })
        .collect())
}

/// How many points go back with a part of a leg.
fn points_back(draft: &Draft<'_>, leg: &Instruction, part: Amount) -> i64 {
    leg.points.as_ref().map_or(0, |used| {
        let left = used.points.saturating_sub(draft.state.points_returned(leg.no));
        points::given_back(left, leg.left(), part)
    })
}

/// The ranks in which the tools of a payment give, by the rules that planned it; all the first where these say none.
fn ranks(draft: &Draft<'_>, payment: &Payment) -> Vec<usize> {
    let ranks = terms(draft, payment).refund_ranks;
    if ranks.is_empty() { vec![0; payment.instructions.len()] } else { ranks }
}

/// What the rules that planned a payment say of it.
fn terms(draft: &Draft<'_>, payment: &Payment) -> PaymentTerms {
    let tools = payment.tools();
    // What planned a payment does not refuse it.
    draft.known.rules.terms(&payment.paying(&tools)).unwrap_or_default()
}

/// Opens a refund of money that no receiver ever had, and sends it. This cannot be refused.
pub(crate) fn open_own(
    draft: &mut Draft<'_>,
    instruction: u16,
    money: Money,
    suspended: bool,
    reason_code: ReasonCode,
) {
    let Some(payment) = draft.state.leg(instruction).map(|(payment, _)| payment.no) else { return };
    let part = draft.state.next_part();
    let source = if suspended { PartSource::Suspense } else { PartSource::Received };
    let refund = Refund {
        no: draft.state.next_refund(),
        payment,
        merchant_refund_id: None,
        reason: None,
        reason_code,
        money,
        shares: Vec::new(),
        status: RefundStatus::Pending,
        parts: vec![Part {
            no: part,
            instruction,
            amount: money.amount,
            points: 0,
            status: PartStatus::Pending,
            order: None,
            source,
            way: Way::Channel,
            lines: Vec::new(),
        }],
        sandbox: None,
        sequence: 0,
        created_at: draft.known.now,
    };
    draft.push(Event::RefundOpened(Box::new(refund)));
    send(draft, part);
}

/// Gives a part a new channel order.
fn send(draft: &mut Draft<'_>, part: u16) {
    let order = draft.state.next_order();
    draft.push(Event::PartSent { part, order });
}

/// The books reserved everything: our own part goes back now, the rest through the institutions.
pub(crate) fn reserved(draft: &mut Draft<'_>, no: u16) {
    let Some(refund) = draft.state.refund(no) else { return };
    let (outside, inside): (Vec<_>, Vec<_>) = refund.parts.iter().partition(|part| part.way == Way::Channel);
    let outside: Vec<_> = outside.iter().map(|part| part.no).collect();
    let inside: Vec<_> = inside.iter().map(|part| part.no).collect();
    if !inside.is_empty() {
        draft.push(Event::GivenBack { refund: no, parts: inside.clone(), reserved: true });
    }
    for part in inside {
        arrived(draft, part);
    }
    for part in outside {
        send(draft, part);
    }
}

/// The books gave back everything at once.
pub(crate) fn done_at_once(draft: &mut Draft<'_>, no: u16) {
    let Some(refund) = draft.state.refund(no) else { return };
    let parts: Vec<_> = refund.parts.iter().map(|part| part.no).collect();
    for part in parts {
        arrived(draft, part);
    }
}

/// A part went back and is booked: what follows for its coupon, its leg and its refund.
fn arrived(draft: &mut Draft<'_>, no: u16) {
    if !draft.move_part(no, PartStep::Succeed) {
        return;
    }
    let Some((_, part)) = draft.state.part(no) else { return };
    let (instruction, way) = (part.instruction, part.way);
    if way == Way::CouponAgain {
        draft.tell_tool(instruction, Moment::Restored);
    }
    reverse(draft, instruction);
    settle(draft, no);
}

/// A leg that counts for no payment is reversed when everything it brought went back.
fn reverse(draft: &mut Draft<'_>, instruction: u16) {
    let Some((payment, leg)) = draft.state.leg(instruction) else { return };
    let counts = payment.status == PaymentStatus::Succeeded && !leg.surplus;
    if !counts && leg.is_external() && leg.status == InstructionStatus::Succeeded && leg.returned == leg.received {
        draft.move_leg(instruction, LegStep::Reverse);
    }
}

/// Lets a refund follow its parts.
fn settle(draft: &mut Draft<'_>, part: u16) {
    let Some((refund, _)) = draft.state.part(part) else { return };
    let (no, before, after) = (refund.no, refund.status, refund.settled_status());
    if before != after {
        let through = before == RefundStatus::Pending;
        draft.push(Event::RefundMoved { refund: no, status: after, through });
    }
}

/// What an institution says about an order to refund. Never refused; told twice, nothing happens.
pub(crate) fn told(draft: &mut Draft<'_>, fact: &Fact) {
    match fact {
        Fact::Refunded { order, part, amount } => refunded(draft, *order, *part, *amount),
        Fact::RefundFailed { order, part, other_way, .. } => failed(draft, *order, *part, *other_way),
        Fact::RefundReturned { order, part, .. } => returned(draft, *order, *part),
        Fact::Accepted { .. }
        | Fact::Pending { .. }
        | Fact::Unknown { .. }
        | Fact::Paid { .. }
        | Fact::NotPaid { .. }
        | Fact::Silent { .. }
        | Fact::Suspect { .. }
        | Fact::PayoutPending { .. }
        | Fact::PayoutUnknown { .. }
        | Fact::PaidOut { .. }
        | Fact::PayoutFailed { .. }
        | Fact::PayoutReturned { .. }
        | Fact::Disputed { .. }
        | Fact::DisputeWon { .. }
        | Fact::DisputeLost { .. } => {}
    }
}

/// The order's lifetime and grace are over without a word: people must look; what was reserved stays so.
pub(crate) fn silent(draft: &mut Draft<'_>, order: OrderId, part: u16) {
    if on_its_way(draft, order, part) && draft.move_part(part, PartStep::Lose) {
        open_case(draft, CaseKind::UnknownOutcome, part);
    }
}

fn refunded(draft: &mut Draft<'_>, order: OrderId, part: u16, amount: Amount) {
    if !on_its_way(draft, order, part) {
        return;
    }
    if draft.state.part(part).is_some_and(|(_, part)| part.amount != amount) {
        suspect(draft, part);
        return;
    }
    draft.overtake_case(CaseKind::UnknownOutcome, Subject::Part(part));
    book(draft, part);
}

fn failed(draft: &mut Draft<'_>, order: OrderId, part: u16, other_way: bool) {
    if !on_its_way(draft, order, part) {
        return;
    }
    draft.overtake_case(CaseKind::UnknownOutcome, Subject::Part(part));
    if other_way || goes_to_balance(draft, part) {
        to_balance(draft, part);
    } else if draft.move_part(part, PartStep::Fail) {
        open_case(draft, CaseKind::RefundFailed, part);
    }
}

/// Whether the rules that planned the payment send what an institution refuses to the balance of the user who paid.
fn goes_to_balance(draft: &Draft<'_>, part: u16) -> bool {
    let leg = draft.state.part(part).and_then(|(_, part)| draft.state.leg(part.instruction));
    let by_rule = |payment: &Payment| terms(draft, payment).refund_failed == RefundFailed::Balance;
    leg.is_some_and(|(payment, _)| payment.payer.user().is_some() && by_rule(payment))
}

fn returned(draft: &mut Draft<'_>, order: OrderId, part: u16) {
    if on_its_way(draft, order, part) {
        // It never was through, as far as we were told: the same as a no.
        failed(draft, order, part, false);
        return;
    }
    let through = |part: &Part| part.order == Some(order.no) && part.way == Way::Channel;
    let fits = order.trade == draft.state.trade && draft.state.part(part).is_some_and(|(_, part)| through(part));
    if fits && draft.move_part(part, PartStep::Return) {
        settle(draft, part);
        open_case(draft, CaseKind::RefundReturned, part);
    }
}

/// Whether this order is the one that the part waits for.
fn on_its_way(draft: &Draft<'_>, order: OrderId, part: u16) -> bool {
    let waits =
        |part: &Part| part.order == Some(order.no) && matches!(part.status, PartStatus::Pending | PartStatus::Unknown);
    order.trade == draft.state.trade && draft.state.part(part).is_some_and(|(_, part)| waits(part))
}

/// Books a part that went back.
pub(crate) fn book(draft: &mut Draft<'_>, part: u16) {
    let Some(refund) = draft.state.part(part).map(|(refund, _)| refund.no) else { return };
    draft.push(Event::GivenBack { refund, parts: vec![part], reserved: true });
    arrived(draft, part);
}

/// Gives a part to the payer's balance, because the institution cannot give it back.
pub(crate) fn to_balance(draft: &mut Draft<'_>, part: u16) {
    draft.push(Event::PartRerouted { part });
    book(draft, part);
}

/// Tries a part again with a new order.
pub(crate) fn retry(draft: &mut Draft<'_>, part: u16) {
    if draft.move_part(part, PartStep::Retry) {
        send(draft, part);
    }
}

fn open_case(draft: &mut Draft<'_>, kind: CaseKind, part: u16) {
    let Some((refund, known)) = draft.state.part(part) else { return };
    let money = Money { amount: known.amount, currency: refund.money.currency };
    draft.open_case(kind, Subject::Part(part), money);
}

/// The institution contradicts what is on record about a part: nothing is booked, people must look.
pub(crate) fn suspect(draft: &mut Draft<'_>, part: u16) {
    if draft.state.open_case(Subject::Part(part), CaseKind::Contradiction).is_none() {
        draft.move_part(part, PartStep::Lose);
        open_case(draft, CaseKind::Contradiction, part);
    }
}
