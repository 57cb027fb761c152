//! Endings without success: cancel, stop, being replaced, and failing; and what must be let go or given back with them.
//!
//! What is held on our own books is let go only when the institution surely let go of its leg. A newer payment does not
//! wait for that: it takes the holds at once, and money that comes for the older leg after all is surplus.

use kernel::message::accounting::{HoldNo, ToolHold};

use crate::draft::Draft;
use crate::event::Event;
use crate::giving_back;
use crate::instruction::{Instruction, InstructionStatus, LegStep};
use crate::payment::{Ending, Failure, Payment, PaymentStatus, PaymentStep};
use crate::refund::ReasonCode;
use crate::refusal::Refusal;
use crate::tool::Moment;

/// `Cancel`.
pub(crate) fn cancel(draft: &mut Draft<'_>, id: kernel::PaymentId) -> Result<(), Refusal> {
    let payment = draft.state.payment(id.no).filter(|_| id.trade == draft.state.trade).ok_or(Refusal::NotFound)?;
    // What has been ordered to be paid out cannot be called back.
    if payment.payout().is_some() {
        return Err(Refusal::NotCancelable(payment.status.as_str()));
    }
    match payment.status {
        PaymentStatus::Created | PaymentStatus::RequiresAction | PaymentStatus::Processing => {
            want_end(draft, id.no, Ending::Canceled);
            Ok(())
        }
        PaymentStatus::Succeeded
        | PaymentStatus::Failed
        | PaymentStatus::Canceled
        | PaymentStatus::Expired
        | PaymentStatus::Review => Err(Refusal::NotCancelable(payment.status.as_str())),
    }
}

/// `Stop`: ends whatever runs. The trade is told when nothing is open outside any more, which may be now.
pub(crate) fn stop(draft: &mut Draft<'_>, expired: bool) {
    if draft.state.is_stopped() {
        return;
    }
    draft.push(Event::Stopped);
    let ending = if expired { Ending::Expired } else { Ending::Canceled };
    let running = draft.state.payments.iter().filter(|payment| payment.status.is_running());
    let running: Vec<_> = running.map(|payment| payment.no).collect();
    for payment in running {
        want_end(draft, payment, ending);
    }
    if !draft.state.is_open_outside() {
        draft.push(Event::Quiet);
    }
}

/// Ends a payment now, or as soon as the institution lets go of its leg. Wanted twice, nothing happens.
fn want_end(draft: &mut Draft<'_>, no: u16, ending: Ending) {
    let Some(payment) = draft.state.payment(no).filter(|payment| payment.ending.is_none()) else { return };
    if payment.instructions.iter().any(|leg| leg.status.awaits_money()) {
        let orders = open_orders(payment);
        draft.push(Event::EndWanted { payment: no, ending });
        for order in orders {
            draft.push(Event::CloseAsked { order });
        }
    } else {
        end(draft, no, ending.step(), None, LegStep::Cancel);
    }
}

fn open_orders(payment: &Payment) -> Vec<u16> {
    payment.instructions.iter().filter(|leg| leg.open).filter_map(|leg| leg.order).collect()
}

/// Another payment takes the place of this one.
pub(crate) fn supersede(draft: &mut Draft<'_>, no: u16) {
    let Some(payment) = draft.state.payment(no) else { return };
    // Somebody wanted it ended before: the institution has been asked.
    let orders = if payment.ending.is_some() { Vec::new() } else { open_orders(payment) };
    end(draft, no, PaymentStep::Cancel, None, LegStep::Supersede);
    for order in orders {
        draft.push(Event::CloseAsked { order });
    }
}

/// Ends an open payment: `outside` becomes of a leg that still awaits money, everything else is let go or given back.
pub(crate) fn end(draft: &mut Draft<'_>, no: u16, step: PaymentStep, failure: Option<Failure>, outside: LegStep) {
    let Some(payment) = draft.state.payment(no).cloned() else { return };
    for leg in &payment.instructions {
        draft.move_leg(leg.no, if leg.status.awaits_money() { outside } else { LegStep::Cancel });
    }
    release(draft, &payment);
    draft.move_payment(no, step, failure);
    compensate(draft, no);
}

/// Lets go of what was held; `before` is the payment as it was.
fn release(draft: &mut Draft<'_>, before: &Payment) {
    let held: Vec<_> = before.instructions.iter().filter(|leg| leg.status == InstructionStatus::Held).collect();
    let holds: Vec<_> = held.iter().filter_map(|leg| hold_of(before, leg)).collect();
    if !holds.is_empty() {
        draft.push(Event::HoldsReleased { payment: before.no, holds });
    }
    for leg in held {
        draft.tell_tool(leg.no, Moment::Freed);
    }
}

/// Gives back what earlier external legs of an ended payment brought.
fn compensate(draft: &mut Draft<'_>, no: u16) {
    let Some(payment) = draft.state.payment(no) else { return };
    let earlier = payment.external().filter(|leg| leg.status == InstructionStatus::Succeeded && leg.left() > 0);
    let earlier: Vec<_> = earlier.map(|leg| (leg.no, leg.left(), leg.suspended)).collect();
    let currency = payment.money.currency;
    for (leg, left, suspended) in earlier {
        if let Some(amount) = crate::event::some_amount(left) {
            let money = kernel::Money { amount, currency };
            giving_back::open_own(draft, leg, money, suspended, ReasonCode::Compensation);
        }
    }
}

/// What is held of an internal leg.
pub(crate) fn hold_of(payment: &Payment, leg: &Instruction) -> Option<ToolHold> {
    let tool = leg.internal_tool(&payment.payer)?;
    Some(ToolHold { hold: HoldNo::Instruction(leg.no), tool, amount: leg.amount })
}

/// Tells the trade that nothing is open any more, where it waits for that; after late money it may hear it once more.
pub(crate) fn quiet_by_now(draft: &mut Draft<'_>) {
    if draft.state.is_quiet() {
        draft.push(Event::Quiet);
    }
}
