//! Success: a payment takes effect in one voucher with all its legs, and what follows from the books' answers.
//!
//! An external leg that is not the last is booked as received and the next one is sent. The last one completes the
//! payment: everything takes effect at once. Late money may open an ended payment again, where the trade's rule says so.

use kernel::OrderType;
use kernel::message::accounting::{HoldNo, PayLeg, Refused, Source};
use kernel::message::trade::LateSuccess;

use crate::draft::Draft;
use crate::event::{Event, MoneyPlace};
use crate::input::Booking;
use crate::instruction::{Instruction, InstructionStatus, LegStep};
use crate::payment::{Failure, FailureCode, Payment, PaymentStatus, PaymentStep};
use crate::plan;
use crate::refusal::Refusal;
use crate::tool::{Moment, rules_of};
use crate::{dispute, ending, giving_back, surplus};

/// The books' answer.
pub(crate) fn booked(draft: &mut Draft<'_>, token: Booking, result: &Result<(), Refused>) -> Result<(), Refusal> {
    match (token, result) {
        (Booking::Hold { payment }, Ok(())) => plan::held(draft, payment),
        (Booking::Hold { payment }, Err(refused)) => plan::fail(draft, payment, &failure(draft, payment, refused)),
        (Booking::Effect { payment, .. }, Ok(())) => succeed(draft, payment),
        // What the parent brought is there; only an account that cannot take it refuses, and with it all of the checkout.
        (Booking::Effect { payment, .. }, Err(_)) if is_share(draft, payment) => return Err(Refusal::OutOfRange),
        (Booking::Effect { payment, fresh }, Err(refused)) => {
            no_effect(draft, payment, fresh, &failure(draft, payment, refused))
        }
        (Booking::Reserve { refund }, Ok(())) => giving_back::reserved(draft, refund),
        (Booking::Refund { refund }, Ok(())) => giving_back::done_at_once(draft, refund),
        (Booking::Reserve { .. } | Booking::Refund { .. }, Err(refused)) => {
            return Err(Refusal::ReceiversShort(refused.clone()));
        }
        (Booking::Dispute { dispute }, Err(_)) => dispute::short(draft, dispute),
        (Booking::Dispute { .. }, Ok(())) | (Booking::Sure, Ok(()) | Err(_)) => {}
    }
    Ok(())
}

fn is_share(draft: &Draft<'_>, payment: u16) -> bool {
    draft.state.payment(payment).is_some_and(|payment| payment.parent.is_some())
}

/// Which failure the books' refusal is for the payer; says no figures of accounts that are not the payer's.
fn failure(draft: &Draft<'_>, payment: u16, refused: &Refused) -> Failure {
    let repays = draft.state.payment(payment).is_some_and(|payment| payment.context.order_type == OrderType::Repayment);
    let (subject, frozen) = match refused {
        Refused::Insufficient { subject, .. } => (subject, false),
        Refused::Frozen { subject, .. } => (subject, true),
        Refused::OutOfRange { subject, .. } => (subject, false),
    };
    let (code, message) = match (frozen, subject.as_str()) {
        (true, _) => (FailureCode::AccountFrozen, "an account that should pay is frozen"),
        (false, "2001" | "2002") => (FailureCode::InsufficientBalance, "the balance does not cover its part"),
        (false, stored) if stored.starts_with("2033.") => {
            (FailureCode::InsufficientBalance, "the stored value does not cover its part")
        }
        (false, "1061") if repays => (FailureCode::RepaymentExceedsOwed, "less is owed than the balance would repay"),
        (false, "1061") => (FailureCode::CreditExceeded, "less of the credit limit is free than this part takes"),
        (false, "2034") => (FailureCode::InsufficientBalance, "the points do not cover their part"),
        (false, "2032") => (FailureCode::BudgetExhausted, "the marketing budget does not cover what points pay"),
        (false, "2031") => (FailureCode::CouponTaken, "the coupon has been used by another payment"),
        (false, _) => (FailureCode::LedgerRefused, "the books cannot take this payment"),
    };
    Failure { code, message: message.to_owned() }
}

/// The asked money came for a leg that counts.
pub(crate) fn count(draft: &mut Draft<'_>, instruction: u16, receipt: u16) {
    let Some((payment, leg)) = draft.state.leg(instruction) else { return };
    let (no, money) = (payment.no, kernel::Money { amount: leg.amount, currency: payment.money.currency });
    let last = is_last(payment, instruction);
    let place = if last { MoneyPlace::Effective } else { MoneyPlace::Received };
    draft.push(Event::MoneyCame { instruction, receipt, money, place });
    draft.move_leg(instruction, LegStep::Succeed);
    if last {
        take_effect(draft, no, Some(instruction));
    } else {
        go_on(draft, no);
    }
}

/// Whether no other external leg is missing.
pub(crate) fn is_last(payment: &Payment, instruction: u16) -> bool {
    payment.external().all(|leg| leg.no == instruction || leg.status == InstructionStatus::Succeeded)
}

/// A leg succeeded and others follow. A payment that should end, or has no time left, ends here instead.
pub(crate) fn go_on(draft: &mut Draft<'_>, no: u16) {
    let Some(payment) = draft.state.payment(no) else { return };
    let ending = payment.ending.or(payment.stopped.then_some(crate::payment::Ending::Canceled));
    if ending.is_none() && plan::send_next(draft, no) {
        draft.move_payment(no, PaymentStep::Work, None);
    } else {
        let step = ending.map_or(PaymentStep::Expire, crate::payment::Ending::step);
        ending::end(draft, no, step, None, LegStep::Cancel);
    }
}

/// Asks the books to let a payment take effect.
pub(crate) fn take_effect(draft: &mut Draft<'_>, no: u16, fresh: Option<u16>) {
    let Some(payment) = draft.state.payment(no) else { return };
    let legs = payment.instructions.iter().filter_map(|leg| pay_leg(payment, leg, fresh)).collect();
    draft.push(Event::EffectAsked { payment: no, legs, fresh });
}

fn pay_leg(payment: &Payment, leg: &Instruction, fresh: Option<u16>) -> Option<PayLeg> {
    let source = match (leg.internal_tool(&payment.payer), leg.channel_account.clone()) {
        (Some(tool), _) if leg.status == InstructionStatus::Held => Source::Held(tool, HoldNo::Instruction(leg.no)),
        (Some(tool), _) => Source::Tool(tool),
        (None, Some(account)) if leg.suspended => Source::Suspended(account),
        (None, Some(account)) if fresh == Some(leg.no) => Source::Channel(account),
        (None, Some(account)) => Source::Earlier(account),
        (None, None) => return None,
    };
    Some(PayLeg { source, amount: leg.amount })
}

/// The books took it: the payment has its effect, and no other payment of the due may still get one.
fn succeed(draft: &mut Draft<'_>, no: u16) {
    let Some(payment) = draft.state.payment(no) else { return };
    let due = payment.due;
    let legs: Vec<_> = payment.instructions.iter().map(|leg| leg.no).collect();
    for leg in legs {
        draft.move_leg(leg, LegStep::Succeed);
        draft.tell_tool(leg, Moment::Spent);
    }
    draft.move_payment(no, PaymentStep::Succeed, None);
    let others: Vec<_> = plan::running(draft, due).map(|payment| payment.no).collect();
    for other in others {
        ending::supersede(draft, other);
    }
    ending::quiet_by_now(draft);
}

/// The books refused the effect. Nothing outside was involved: the payment failed. Otherwise the money is there and goes
/// back: as that of a failed payment, or, where an ended payment was to be opened again, as surplus.
fn no_effect(draft: &mut Draft<'_>, no: u16, fresh: Option<u16>, failure: &Failure) {
    let Some(payment) = draft.state.payment(no) else { return };
    let open = payment.status.is_open();
    let outside = payment.external().next().is_some();
    let money = fresh
        .and_then(|leg| draft.state.leg(leg))
        .map(|(payment, leg)| kernel::Money { amount: leg.amount, currency: payment.money.currency });
    if let (Some(instruction), Some(money)) = (fresh, money) {
        draft.push(Event::MoneyParked { instruction, money });
        if !open {
            surplus::give_back(draft, instruction, money);
        }
    }
    if open && outside {
        ending::end(draft, no, PaymentStep::Fail, Some(failure.clone()), LegStep::Cancel);
    } else if open {
        plan::fail(draft, no, failure);
    }
    ending::quiet_by_now(draft);
}

/// Whether late money for this leg may open its ended payment again: the rule says so, nothing else pays or may pay the
/// due, no other external leg is missing, and every tool can be used again. (Whether the money is there is the books' to say.)
pub(crate) fn can_reopen(draft: &Draft<'_>, payment: &Payment, instruction: u16) -> bool {
    let ended = matches!(payment.status, PaymentStatus::Canceled | PaymentStatus::Expired);
    let alone = draft.state.payments.iter().all(|other| {
        let rival = other.due == payment.due && (other.status.is_open() || other.status == PaymentStatus::Succeeded);
        other.no == payment.no || !rival
    });
    let others_internal = payment.external().all(|leg| leg.no == instruction);
    let untouched = payment.external().all(|leg| leg.received == 0);
    let usable = payment.internal().all(|leg| rules_of(&leg.tool).again(draft.known, leg));
    payment.late_success == LateSuccess::Reopen && ended && alone && others_internal && untouched && usable
}

/// Tries to open an ended payment again with money that came late.
pub(crate) fn reopen(draft: &mut Draft<'_>, instruction: u16, receipt: u16) {
    let Some((payment, leg)) = draft.state.leg(instruction) else { return };
    let (no, money) = (payment.no, kernel::Money { amount: leg.amount, currency: payment.money.currency });
    draft.push(Event::MoneyCame { instruction, receipt, money, place: MoneyPlace::Effective });
    take_effect(draft, no, Some(instruction));
}
