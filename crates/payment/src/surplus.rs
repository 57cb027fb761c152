//! Surplus money: the institution's own word says it came, but it counts for no payment. It is booked as received, told,
//! and sent back to where it came from.

use kernel::Money;

use crate::draft::Draft;
use crate::event::{Event, MoneyPlace};
use crate::giving_back;
use crate::instruction::{InstructionStatus, LegStep};
use crate::refund::ReasonCode;

/// Money came for a leg that does not need it.
pub(crate) fn found(draft: &mut Draft<'_>, instruction: u16, receipt: u16, money: Money) {
    draft.push(Event::MoneyCame { instruction, receipt, money, place: MoneyPlace::Received });
    give_back(draft, instruction, money);
}

/// The same for money that is booked as received already.
pub(crate) fn give_back(draft: &mut Draft<'_>, instruction: u16, money: Money) {
    let Some((payment, leg)) = draft.state.leg(instruction) else { return };
    // A leg that counted and was merely paid twice stays what it is.
    let whole_leg = leg.status != InstructionStatus::Succeeded;
    let paid = draft.state.effective(payment.due).is_some();
    let reason = if paid { ReasonCode::Duplicate } else { ReasonCode::Late };
    draft.move_leg(instruction, LegStep::Succeed);
    draft.push(Event::SurplusFound { instruction, whole_leg });
    giving_back::open_own(draft, instruction, money, false, reason);
}
