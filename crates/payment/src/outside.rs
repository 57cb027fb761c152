//! What institutions say about orders to pay. A fact is never refused; told twice, nothing happens.
//!
//! Only a sure no ends a leg, and only money that came moves one to success. Not knowing moves nothing but the leg.

use kernel::message::channel::{Credential, Fact, Purpose};
use kernel::{InstructionId, Money, OrderId};

use crate::case::{CaseKind, Subject};
use crate::draft::Draft;
use crate::event::{Event, MoneyPlace};
use crate::instruction::{Instruction, LegStep};
use crate::payment::{Failure, FailureCode, Payment, PaymentStatus, PaymentStep};
use crate::{ending, giving_back, settle, surplus};

/// An answer, a notification, or what a query brought.
pub(crate) fn told(draft: &mut Draft<'_>, fact: &Fact) {
    let was_open = draft.state.is_open_outside();
    match fact {
        Fact::Accepted { order, instruction, credential } => accepted(draft, *order, *instruction, credential),
        Fact::Pending { order, instruction } => pending(draft, *order, *instruction),
        Fact::Unknown { order, instruction } => unknown(draft, *order, *instruction),
        Fact::Paid { order, instruction, money, receipt, .. } => paid(draft, *order, *instruction, *money, *receipt),
        Fact::NotPaid { order, instruction, code, closed } => not_paid(draft, *order, *instruction, code, *closed),
        Fact::Silent { .. }
        | Fact::Suspect { .. }
        | Fact::Refunded { .. }
        | Fact::RefundFailed { .. }
        | Fact::RefundReturned { .. }
        | Fact::PayoutPending { .. }
        | Fact::PayoutUnknown { .. }
        | Fact::PaidOut { .. }
        | Fact::PayoutFailed { .. }
        | Fact::PayoutReturned { .. }
        | Fact::Disputed { .. }
        | Fact::DisputeWon { .. }
        | Fact::DisputeLost { .. } => {}
    }
    quiet_now(draft, was_open);
}

/// The order's lifetime and grace are over without a word: people must look, the leg stays unknown.
pub(crate) fn silent(draft: &mut Draft<'_>, order: OrderId, instruction: InstructionId) {
    let was_open = draft.state.is_open_outside();
    let Some((payment, leg)) = of_order(draft, order, instruction).filter(|(_, leg)| leg.open) else { return };
    let (no, waited) = (payment.no, leg.status.awaits_money());
    let money = Money { amount: leg.amount, currency: payment.money.currency };
    draft.push(Event::OrderOver { instruction: instruction.no });
    if waited {
        draft.move_leg(instruction.no, LegStep::Lose);
        draft.move_payment(no, PaymentStep::Work, None);
        draft.open_case(CaseKind::UnknownOutcome, Subject::Instruction(instruction.no), money);
    }
    quiet_now(draft, was_open);
}

/// The institution's word contradicts what is on record: nothing moves, people must look.
pub(crate) fn suspect(draft: &mut Draft<'_>, purpose: &Purpose) {
    let leg = match purpose {
        Purpose::Refund { part, .. } => return giving_back::suspect(draft, *part),
        Purpose::Pay(leg) | Purpose::Payout(leg) => leg,
    };
    let subject = Subject::Instruction(leg.no);
    let Some((payment, known)) = draft.state.leg(leg.no).filter(|_| leg.trade == draft.state.trade) else { return };
    let money = Money { amount: known.amount, currency: payment.money.currency };
    if draft.state.open_case(subject, CaseKind::Contradiction).is_none() {
        draft.open_case(CaseKind::Contradiction, subject, money);
    }
}

/// The trade is told once that nothing is open any more; a success on the way is told before.
fn quiet_now(draft: &mut Draft<'_>, was_open: bool) {
    if was_open && !draft.waits_for_effect() {
        ending::quiet_by_now(draft);
    }
}

/// The leg that an order serves. A fact about an order that serves nothing here is not about this trade.
fn of_order<'a>(
    draft: &'a Draft<'_>,
    order: OrderId,
    instruction: InstructionId,
) -> Option<(&'a Payment, &'a Instruction)> {
    let ours = order.trade == draft.state.trade && instruction.trade == draft.state.trade;
    draft.state.leg(instruction.no).filter(|(_, leg)| ours && leg.order == Some(order.no))
}

/// The leg, where its payment runs and its order is open.
fn waiting<'a>(
    draft: &'a Draft<'_>,
    order: OrderId,
    instruction: InstructionId,
) -> Option<(&'a Payment, &'a Instruction)> {
    of_order(draft, order, instruction)
        .filter(|(payment, leg)| payment.status.is_running() && leg.open && leg.status.awaits_money())
}

fn accepted(draft: &mut Draft<'_>, order: OrderId, instruction: InstructionId, credential: &Credential) {
    let Some((payment, leg)) = waiting(draft, order, instruction) else { return };
    let (no, new) = (payment.no, leg.credential.as_ref() != Some(credential));
    draft.move_leg(instruction.no, LegStep::Wait);
    if new {
        draft.push(Event::CredentialGiven { instruction: instruction.no, credential: credential.clone() });
    }
    draft.move_payment(no, PaymentStep::Act, None);
}

fn pending(draft: &mut Draft<'_>, order: OrderId, instruction: InstructionId) {
    let Some(no) = waiting(draft, order, instruction).map(|(payment, _)| payment.no) else { return };
    draft.move_leg(instruction.no, LegStep::Wait);
    draft.move_payment(no, PaymentStep::Work, None);
}

fn unknown(draft: &mut Draft<'_>, order: OrderId, instruction: InstructionId) {
    if waiting(draft, order, instruction).is_some() {
        draft.move_leg(instruction.no, LegStep::Lose);
    }
}

/// A sure no. It ends the payment as what somebody wanted; else as `expired` where the order was closed by its own time,
/// and as `failed` where the institution refused.
fn not_paid(draft: &mut Draft<'_>, order: OrderId, instruction: InstructionId, code: &str, closed: bool) {
    let Some((payment, leg)) = of_order(draft, order, instruction) else { return };
    let (no, ending) = (payment.no, payment.ending);
    let ends = payment.status.is_running() && leg.status.awaits_money();
    if leg.open {
        draft.push(Event::OrderOver { instruction: instruction.no });
    }
    draft.overtake_case(CaseKind::UnknownOutcome, Subject::Instruction(instruction.no));
    if !ends {
        return;
    }
    let leg_step = if closed { LegStep::Cancel } else { LegStep::Fail };
    let (step, failure) = match (ending, closed) {
        (Some(ending), _) => (ending.step(), None),
        (None, true) => (PaymentStep::Expire, None),
        (None, false) => (PaymentStep::Fail, Some(declined(code))),
    };
    ending::end(draft, no, step, failure, leg_step);
}

fn declined(code: &str) -> Failure {
    Failure { code: FailureCode::Declined, message: format!("the institution refused: {code}") }
}

/// Money came. It counts where it is exactly what was asked, its leg awaits it, and nothing else paid the due; otherwise
/// it goes to suspense (another amount or currency) or is surplus.
fn paid(draft: &mut Draft<'_>, order: OrderId, instruction: InstructionId, money: Money, receipt: u16) {
    let Some((payment, leg)) = of_order(draft, order, instruction) else { return };
    if receipt <= leg.receipts {
        return;
    }
    let no = payment.no;
    let asked = Money { amount: leg.amount, currency: payment.money.currency };
    let awaited = payment.status.is_open() && leg.status.awaits_money();
    let counts = awaited && may_count(draft, payment);
    let reopens = money == asked && settle::can_reopen(draft, payment, instruction.no);
    draft.overtake_case(CaseKind::UnknownOutcome, Subject::Instruction(instruction.no));
    if money != asked {
        suspend(draft, no, instruction.no, money, receipt);
    } else if counts {
        settle::count(draft, instruction.no, receipt);
    } else if reopens {
        settle::reopen(draft, instruction.no, receipt);
    } else {
        if awaited {
            // Its time is over: the trade closed over a leg that nobody knew anything about, or another payment paid while
            // people were to decide about this one.
            end_overtaken(draft, no);
        }
        surplus::found(draft, instruction.no, receipt, money);
    }
}

/// Whether money for an awaiting leg of this payment may still pay the trade: its due is unpaid, and the trade has not
/// closed meanwhile (which it does over a silent leg), or takes late money.
fn may_count(draft: &Draft<'_>, payment: &Payment) -> bool {
    let in_time = !draft.state.is_quiet() || payment.late_success == kernel::message::trade::LateSuccess::Reopen;
    in_time && draft.state.effective(payment.due).is_none()
}

fn end_overtaken(draft: &mut Draft<'_>, no: u16) {
    let Some(payment) = draft.state.payment(no) else { return };
    let step = payment.ending.map_or(PaymentStep::Cancel, crate::payment::Ending::step);
    ending::end(draft, no, step, None, LegStep::Cancel);
}

/// Other money than was asked: kept apart, never booked as paid, and people decide.
fn suspend(draft: &mut Draft<'_>, no: u16, instruction: u16, money: Money, receipt: u16) {
    draft.push(Event::MoneyCame { instruction, receipt, money, place: MoneyPlace::Suspense });
    draft.open_case(CaseKind::AmountMismatch, Subject::Instruction(instruction), money);
    let awaits = draft.state.leg(instruction).is_some_and(|(_, leg)| leg.status.awaits_money());
    if awaits && draft.state.payment(no).is_some_and(|payment| payment.status != PaymentStatus::Review) {
        draft.move_leg(instruction, LegStep::Wait);
        draft.move_payment(no, PaymentStep::Review, None);
    }
}
