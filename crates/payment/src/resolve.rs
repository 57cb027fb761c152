//! What people decide about cases.

use kernel::message::payment::Resolution;
use kernel::message::trade::LateSuccess;
use kernel::{CaseId, Money};

use crate::case::{Case, CaseKind, CaseStatus, Subject};
use crate::draft::Draft;
use crate::event::{Event, some_amount};
use crate::instruction::{Instruction, LegStep};
use crate::payment::{Failure, FailureCode, Payment, PaymentStatus, PaymentStep};
use crate::refund::{PartStatus, ReasonCode};
use crate::refusal::Refusal;
use crate::{ending, giving_back, plan, settle};

/// `Resolve`.
pub(crate) fn resolve(draft: &mut Draft<'_>, id: CaseId, resolution: Resolution, note: &str) -> Result<(), Refusal> {
    let case = draft.state.case(id.no).filter(|_| id.trade == draft.state.trade).ok_or(Refusal::NotFound)?.clone();
    match case.status {
        CaseStatus::Closed => return Err(Refusal::CaseClosed),
        CaseStatus::Open if !case.kind.allows(resolution) => {
            return Err(Refusal::ActionNotApplicable("cases of this kind cannot be decided this way"));
        }
        CaseStatus::Open => {}
    }
    let accepts = case.kind == CaseKind::AmountMismatch && resolution == Resolution::Accept;
    if accepts {
        check_accept(draft, &case)?;
    }
    let note = Some(note.to_owned());
    draft.push(Event::CaseClosed { case: case.no, resolution: Some(resolution), note });
    match (case.subject, resolution) {
        (Subject::Instruction(leg), Resolution::Accept) if accepts => accept(draft, leg, case.money),
        (Subject::Instruction(leg), Resolution::Refund) => refund(draft, leg, case.money),
        (Subject::Part(part), Resolution::Accept) => agree(draft, part),
        (Subject::Part(part), Resolution::Retry) => giving_back::retry(draft, part),
        (Subject::Part(part), Resolution::OtherWay) => giving_back::to_balance(draft, part),
        // Settled outside: nothing of ours moves.
        (Subject::Instruction(_), Resolution::Accept)
        | (Subject::Instruction(_), Resolution::Retry | Resolution::OtherWay)
        | (Subject::Part(_), Resolution::Refund) => {}
    }
    Ok(())
}

/// Other money than asked can pay only what still waits for it, and only where it covers what was asked.
fn check_accept(draft: &Draft<'_>, case: &Case) -> Result<(), Refusal> {
    let not = |why| Err(Refusal::ActionNotApplicable(why));
    let Subject::Instruction(no) = case.subject else { return not("there is no payment to accept it for") };
    let Some((payment, leg)) = draft.state.leg(no) else { return not("there is no payment to accept it for") };
    if payment.status != PaymentStatus::Review || !leg.status.awaits_money() {
        return not("the payment does not wait for this money any more");
    }
    if case.money.currency != payment.money.currency || case.money.amount < leg.amount {
        return not("the money does not cover what was asked");
    }
    if draft.state.effective(payment.due).is_some() || plan::running(draft, payment.due).next().is_some() {
        return not("another payment has taken its place");
    }
    if draft.state.is_quiet() && payment.late_success == LateSuccess::Refund {
        return not("the trade is closed");
    }
    if !settle::is_last(payment, no) && !can_go_on(draft, payment) {
        return not("no time is left for the legs that follow");
    }
    Ok(())
}

fn can_go_on(draft: &Draft<'_>, payment: &Payment) -> bool {
    !payment.stopped && payment.ending.is_none() && plan::order_end(payment.expires_at, draft.known.now).is_some()
}

/// The money is taken as the leg's; what is more than was asked goes back.
fn accept(draft: &mut Draft<'_>, instruction: u16, money: Money) {
    let Some((payment, leg)) = draft.state.leg(instruction) else { return };
    let (no, asked, last) = (payment.no, leg.amount, settle::is_last(payment, instruction));
    draft.push(Event::SuspenseDecided { instruction, money, accepted: true });
    draft.move_leg(instruction, LegStep::Succeed);
    if let Some(excess) = some_amount(money.amount.minor() - asked.minor()) {
        let excess = Money { amount: excess, currency: money.currency };
        giving_back::open_own(draft, instruction, excess, true, ReasonCode::Compensation);
    }
    if last {
        settle::take_effect(draft, no, None);
    } else {
        settle::go_on(draft, no);
    }
}

/// The money goes back as it came; a payment that waited for it has failed.
fn refund(draft: &mut Draft<'_>, instruction: u16, money: Money) {
    let Some((payment, leg)) = draft.state.leg(instruction) else { return };
    if awaits_decision(payment, leg) {
        let no = payment.no;
        ending::end(draft, no, PaymentStep::Fail, Some(mismatch()), LegStep::Fail);
    }
    draft.push(Event::SuspenseDecided { instruction, money, accepted: false });
    giving_back::open_own(draft, instruction, money, true, ReasonCode::Compensation);
}

fn awaits_decision(payment: &Payment, leg: &Instruction) -> bool {
    payment.status == PaymentStatus::Review && leg.status.awaits_money()
}

fn mismatch() -> Failure {
    let message = "another amount or currency came than was asked, and was given back".to_owned();
    Failure { code: FailureCode::AmountMismatch, message }
}

/// People settled a contradiction with the institution: what it says went out counts as gone, once.
fn agree(draft: &mut Draft<'_>, part: u16) {
    let Some((_, known)) = draft.state.part(part) else { return };
    match known.status {
        PartStatus::Pending | PartStatus::Unknown | PartStatus::Failed => {
            draft.overtake_case(CaseKind::UnknownOutcome, Subject::Part(part));
            draft.overtake_case(CaseKind::RefundFailed, Subject::Part(part));
            giving_back::book(draft, part);
        }
        PartStatus::Succeeded | PartStatus::Returned => {}
    }
}
