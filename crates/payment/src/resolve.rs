//! What people do about cases: remarks, and decisions, by one person or by two.

use kernel::message::payment::{CaseAct, Resolution};
use kernel::message::trade::LateSuccess;
use kernel::{CaseId, KeyId, Money, limits};

use crate::case::{Case, CaseKind, CaseStatus, CaseStep, Subject};
use crate::draft::Draft;
use crate::event::{Event, some_amount};
use crate::instruction::{Instruction, LegStep};
use crate::payment::{Failure, FailureCode, Payment, PaymentStatus, PaymentStep};
use crate::refund::{PartStatus, ReasonCode};
use crate::refusal::Refusal;
use crate::{ending, giving_back, plan, settle};

/// `Case`: a step that somebody takes.
pub(crate) fn act(draft: &mut Draft<'_>, id: CaseId, by: KeyId, act: &CaseAct) -> Result<(), Refusal> {
    let case = draft.state.case(id.no).filter(|_| id.trade == draft.state.trade).ok_or(Refusal::NotFound)?.clone();
    if case.status == CaseStatus::Closed {
        return Err(Refusal::CaseClosed);
    }
    let step = step(draft, &case, by, act)?;
    if case.status.after(&step).is_none() {
        return Err(Refusal::CaseState(match case.status {
            CaseStatus::Proposed => "somebody has proposed how to resolve this case; approve or reject that",
            CaseStatus::Open | CaseStatus::Closed => "nobody has proposed how to resolve this case",
        }));
    }
    bounded(&case, &step)?;
    let resolution = step.outcome().map(|(resolution, _)| resolution);
    draft.move_case(case.no, Some(by), step);
    if let Some(resolution) = resolution {
        carry_out(draft, &case, resolution);
    }
    Ok(())
}

/// The step that an act is, if it may be taken now: what is proposed could be done now, and what is approved still can.
fn step(draft: &Draft<'_>, case: &Case, by: KeyId, act: &CaseAct) -> Result<CaseStep, Refusal> {
    Ok(match act {
        CaseAct::Assign { to } => CaseStep::Assigned { to: to.clone() },
        CaseAct::Comment { text, attachment } => {
            CaseStep::Commented { text: text.clone(), attachment: attachment.clone() }
        }
        CaseAct::Propose { resolution, note } => {
            check(draft, case, *resolution)?;
            CaseStep::Proposed { resolution: *resolution, note: note.clone() }
        }
        CaseAct::Reject { note } => CaseStep::Rejected { note: note.clone() },
        CaseAct::Approve => {
            let nothing = Refusal::CaseState("nobody has proposed how to resolve this case");
            let (resolution, note, proposer) = case.proposal().ok_or(nothing)?;
            if proposer == by {
                return Err(Refusal::SecondPerson);
            }
            check(draft, case, resolution)?;
            CaseStep::Approved { resolution, note: note.to_owned() }
        }
        CaseAct::Resolve { resolution, note } => {
            if draft.known.approvals.wants(case) {
                return Err(Refusal::ApprovalRequired);
            }
            check(draft, case, *resolution)?;
            CaseStep::Resolved { resolution: *resolution, note: note.clone() }
        }
    })
}

/// A case takes so many remarks and so many steps; what would leave no place for its decision is refused.
fn bounded(case: &Case, step: &CaseStep) -> Result<(), Refusal> {
    let limit = match step {
        CaseStep::Assigned { .. } | CaseStep::Commented { .. } => limits::MAX_CASE_REMARKS,
        CaseStep::Proposed { .. } => limits::MAX_CASE_STEPS,
        CaseStep::Rejected { .. } => limits::MAX_CASE_STEPS - 1,
        CaseStep::Approved { .. } | CaseStep::Resolved { .. } | CaseStep::Overtaken => return Ok(()),
    };
    if case.trail.len() < limit { Ok(()) } else { Err(Refusal::TooMany { objects: "steps of a case", limit }) }
}

/// Whether a case can be decided this way as things stand.
fn check(draft: &Draft<'_>, case: &Case, resolution: Resolution) -> Result<(), Refusal> {
    if !case.kind.allows(resolution) {
        return Err(Refusal::ActionNotApplicable("cases of this kind cannot be decided this way"));
    }
    if takes_the_money(case, resolution) { check_accept(draft, case) } else { Ok(()) }
}

fn takes_the_money(case: &Case, resolution: Resolution) -> bool {
    case.kind == CaseKind::AmountMismatch && resolution == Resolution::Accept
}

/// What follows from a decision.
fn carry_out(draft: &mut Draft<'_>, case: &Case, resolution: Resolution) {
    match (case.subject, resolution) {
        (Subject::Instruction(leg), Resolution::Accept) if takes_the_money(case, resolution) => {
            accept(draft, leg, case.money)
        }
        (Subject::Instruction(leg), Resolution::Refund) => refund(draft, leg, case.money),
        (Subject::Part(part), Resolution::Accept) => agree(draft, part),
        (Subject::Part(part), Resolution::Retry) => giving_back::retry(draft, part),
        (Subject::Part(part), Resolution::OtherWay) => giving_back::to_balance(draft, part),
        // Settled outside: nothing of ours moves.
        (Subject::Instruction(_), Resolution::Accept)
        | (Subject::Instruction(_), Resolution::Retry | Resolution::OtherWay)
        | (Subject::Part(_), Resolution::Refund)
        | (Subject::Dispute(_), _) => {}
    }
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
