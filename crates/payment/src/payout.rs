//! Paying out (提现): a balance is held, an institution pays it out, and what it says decides.
//!
//! 1. The balance is held towards the institution (1011.out). Short or frozen, the payment has failed and the trade is
//!    over.
//! 2. Held, the order is placed: from now on only the institution's own word moves the money. Silence is asked about,
//!    never taken for a no, and what is held stays held.
//! 3. *Paid out*: the hold is captured. *Failed*: it is let go, once.
//! 4. *Returned* after it was paid out (退票): the payment stays what it is, and the money is back on the balance, as a
//!    refund with the reason `returned`, once.
//!
//! A fee leaves the balance with the rest and stays with the platform: held, taken, let go and given back together.

use kernel::message::accounting::{HoldNo, Payout};
use kernel::message::channel::Fact;
use kernel::message::payment::Pay;
use kernel::{Amount, InstructionId, Money, OrderId};

use crate::case::{CaseKind, Subject};
use crate::draft::Draft;
use crate::event::{Event, PayoutStep};
use crate::giving_back;
use crate::instruction::{Instruction, InstructionStatus, LegStep};
use crate::payment::{Failure, FailureCode, Payment, PaymentStatus, PaymentStep};
use crate::refund::{Part, PartSource, PartStatus, ReasonCode, Refund, RefundStatus, Way};
use crate::refusal::Refusal;

/// The channel account that will pay out.
pub(crate) fn account(draft: &Draft<'_>, pay: &Pay, to: &str) -> Result<String, Refusal> {
    let named = pay.destination.as_ref().and_then(|destination| destination.channel_account.as_deref());
    let field = if named.is_some() { "destination.channel_account" } else { "destination.type" };
    let found = draft.known.routes.payout_account(to, named);
    found.map(str::to_owned).ok_or(Refusal::PayoutNotSupported(field))
}

/// Asks the books to hold the balance.
pub(crate) fn hold(draft: &mut Draft<'_>, payment: u16) {
    draft.push(Event::PayoutBooked { payment, step: PayoutStep::Hold });
}

/// The books hold it: the institution is asked to pay it out.
pub(crate) fn send(draft: &mut Draft<'_>, payment: u16, instruction: u16) {
    let order = draft.state.next_order();
    draft.move_leg(instruction, LegStep::Send);
    draft.push(Event::PayoutSent { instruction, order });
    draft.move_payment(payment, PaymentStep::Work, None);
}

/// What the books are asked about a payout.
pub(crate) fn booking(payment: &Payment) -> Option<Payout> {
    let leg = payment.payout()?;
    Some(Payout {
        hold: HoldNo::Instruction(leg.no),
        owner: payment.payer.clone(),
        channel_account: leg.channel_account.clone()?,
        amount: paid_out_amount(payment, leg)?,
        fee: payment.payout_fee(),
    })
}

/// What an institution pays out of what leaves the balance.
pub(crate) fn paid_out_amount(payment: &Payment, leg: &Instruction) -> Option<Amount> {
    Amount::new(leg.amount.minor() - payment.payout_fee()).ok()
}

/// What an institution says about an order to pay out. Never refused; told twice, nothing happens.
pub(crate) fn told(draft: &mut Draft<'_>, fact: &Fact) {
    match fact {
        Fact::PayoutPending { order, instruction } => {
            if waiting(draft, *order, *instruction).is_some() {
                draft.move_leg(instruction.no, LegStep::Wait);
            }
        }
        Fact::PayoutUnknown { order, instruction } => {
            if waiting(draft, *order, *instruction).is_some() {
                draft.move_leg(instruction.no, LegStep::Lose);
            }
        }
        Fact::PaidOut { order, instruction } => paid_out(draft, *order, *instruction),
        Fact::PayoutFailed { order, instruction, code } => failed(draft, *order, *instruction, code),
        Fact::PayoutReturned { order, instruction, .. } => returned(draft, *order, *instruction),
        Fact::Accepted { .. }
        | Fact::Pending { .. }
        | Fact::Unknown { .. }
        | Fact::Paid { .. }
        | Fact::NotPaid { .. }
        | Fact::Silent { .. }
        | Fact::Suspect { .. }
        | Fact::Refunded { .. }
        | Fact::RefundFailed { .. }
        | Fact::RefundReturned { .. }
        | Fact::Disputed { .. }
        | Fact::DisputeWon { .. }
        | Fact::DisputeLost { .. } => {}
    }
}

/// The order's lifetime and grace are over without a word: people must look; what is held stays so.
pub(crate) fn silent(draft: &mut Draft<'_>, order: OrderId, instruction: InstructionId) {
    let Some((payment, leg)) = waiting(draft, order, instruction) else { return };
    let Some(amount) = paid_out_amount(payment, leg) else { return };
    let money = Money { amount, currency: payment.money.currency };
    let subject = Subject::Instruction(instruction.no);
    draft.move_leg(instruction.no, LegStep::Lose);
    if draft.state.open_case(subject, CaseKind::UnknownOutcome).is_none() {
        draft.open_case(CaseKind::UnknownOutcome, subject, money);
    }
}

/// The leg that an order serves, and its payment.
fn of_order<'a>(
    draft: &'a Draft<'_>,
    order: OrderId,
    instruction: InstructionId,
) -> Option<(&'a Payment, &'a Instruction)> {
    let ours = order.trade == draft.state.trade && instruction.trade == draft.state.trade;
    draft.state.leg(instruction.no).filter(|(_, leg)| ours && leg.is_payout() && leg.order == Some(order.no))
}

/// The leg, where nobody knows yet what became of it.
fn waiting<'a>(
    draft: &'a Draft<'_>,
    order: OrderId,
    instruction: InstructionId,
) -> Option<(&'a Payment, &'a Instruction)> {
    of_order(draft, order, instruction)
        .filter(|(payment, leg)| payment.status.is_running() && leg.status.awaits_money())
}

fn paid_out(draft: &mut Draft<'_>, order: OrderId, instruction: InstructionId) {
    let Some(payment) = waiting(draft, order, instruction).map(|(payment, _)| payment.no) else { return };
    draft.overtake_case(CaseKind::UnknownOutcome, Subject::Instruction(instruction.no));
    draft.push(Event::PayoutBooked { payment, step: PayoutStep::Pay });
    draft.move_leg(instruction.no, LegStep::Succeed);
    draft.move_payment(payment, PaymentStep::Succeed, None);
}

fn failed(draft: &mut Draft<'_>, order: OrderId, instruction: InstructionId, code: &str) {
    let Some(payment) = waiting(draft, order, instruction).map(|(payment, _)| payment.no) else { return };
    draft.overtake_case(CaseKind::UnknownOutcome, Subject::Instruction(instruction.no));
    draft.push(Event::PayoutBooked { payment, step: PayoutStep::Release });
    draft.move_leg(instruction.no, LegStep::Fail);
    let message = format!("the institution refused: {code}");
    draft.move_payment(payment, PaymentStep::Fail, Some(Failure { code: FailureCode::Declined, message }));
}

/// It was paid out and is back: a refund of all of it to the balance that it left.
fn returned(draft: &mut Draft<'_>, order: OrderId, instruction: InstructionId) {
    let fits = |(payment, leg): &(&Payment, &Instruction)| {
        payment.status == PaymentStatus::Succeeded && leg.status == InstructionStatus::Succeeded && leg.left() > 0
    };
    let Some((payment, leg)) = of_order(draft, order, instruction).filter(fits) else { return };
    let (no, amount) = (payment.no, leg.amount);
    let money = Money { amount, currency: payment.money.currency };
    let part = draft.state.next_part();
    let refund = Refund {
        no: draft.state.next_refund(),
        payment: no,
        merchant_refund_id: None,
        reason: None,
        reason_code: ReasonCode::Returned,
        money,
        shares: Vec::new(),
        status: RefundStatus::Pending,
        parts: vec![Part {
            no: part,
            instruction: instruction.no,
            amount,
            points: 0,
            status: PartStatus::Pending,
            order: None,
            source: PartSource::PaidOut,
            way: Way::Balance,
            lines: Vec::new(),
        }],
        sandbox: None,
        sequence: 0,
        created_at: draft.known.now,
    };
    draft.push(Event::RefundOpened(Box::new(refund)));
    draft.push(Event::PayoutCameBack { payment: no });
    giving_back::book(draft, part);
}
