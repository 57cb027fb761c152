//! Opening a payment: what must be right about it, and its first step.
//!
//! 1. Everything that can be known from the request and the trade's own rows is checked; what is wrong refuses the request.
//! 2. An open payment of the same due makes room, unless nobody knows whether its leg was paid.
//! 3. The rules are asked: they may refuse it, order its tools, and bound the life of its orders. Where it would break a
//!    limit within a time, or risk control stops it, it is opened and fails. Last of all the outside risk service is heard,
//!    where the rules want that: what has not been heard yet is asked for, and the payment planned after that.
//! 4. Internal legs only: they take effect at once, all or nothing. With external legs: internal ones are held first, then
//!    the external ones follow one after another, in the client's order or that of the rules.

use std::collections::BTreeSet;

use kernel::message::payment::{Pay, Tool, ToolRequest};
use kernel::message::risk::{Asked, Assessment, Heard, Signals, Switch};
use kernel::message::rules::{Paying, PaymentTerms};
use kernel::time::SECOND_US;
use kernel::{Amount, PaymentId, Time, limits};

use crate::draft::Draft;
use crate::ending;
use crate::event::Event;
use crate::instruction::{Instruction, InstructionStatus, LegStep};
use crate::payment::{Failure, FailureCode, Payment, PaymentStatus, PaymentStep};
use crate::refusal::Refusal;
use crate::tool::{Asked as Planned, Moment, rules_of};
use crate::{counter, payout, settle};

/// How long before the trade's end an institution must let go of an order.
const MARGIN_US: i64 = 60 * SECOND_US;
/// The shortest life that an order is worth being placed for.
const SHORTEST_ORDER_US: i64 = 10 * SECOND_US;

/// When an order placed now must end; `None` where too little time is left for one.
pub(crate) fn order_end(trade_end: Time, now: Time) -> Option<Time> {
    let end = trade_end.plus(-MARGIN_US);
    (end.since(now) >= SHORTEST_ORDER_US).then_some(end)
}

/// `Pay`.
pub(crate) fn pay(draft: &mut Draft<'_>, pay: &Pay) -> Result<(), Refusal> {
    check_tools(pay)?;
    check_trade(draft, pay)?;
    let attempt = draft.state.next_payment();
    let refused = |rule| Refusal::Rule { rule: Box::new(rule), itself: pay.context.order_type.pays_itself() };
    let known = draft.known;
    let paying = Paying::new(pay, attempt, (known.signals, known.switches), known.now);
    let terms = known.rules.terms(&paying).map_err(refused)?;
    let mut payment = plan(draft, pay, &terms)?;
    let replaced: Vec<_> = running(draft, pay.due).flat_map(|older| counter::of(older, known.rules)).collect();
    let exceeded = counter::exceeded(&known.rules.velocity(&paying), &replaced, known.counters, known.now);
    let stopped = known.rules.stops(&paying).then(risk_refused);
    let in_the_way: Vec<_> = running(draft, pay.due).map(|payment| payment.no).collect();
    for older in in_the_way {
        ending::supersede(draft, older);
    }
    let taken = payment.instructions.iter().find_map(|leg| rules_of(&leg.tool).taken(draft, leg));
    let mut failure = stopped.or(exceeded).or(taken);
    if failure.is_none() {
        let passes;
        (payment.assessment, passes) = assess(draft, pay, &terms)?;
        failure = (!passes).then(risk_refused);
    }
    let no = payment.no;
    draft.push(Event::PaymentOpened(Box::new(payment)));
    match failure {
        Some(failure) => fail(draft, no, &failure),
        None => start(draft, no),
    }
    Ok(())
}

/// Says nothing of why: who is on a list is not to learn of it.
fn risk_refused() -> Failure {
    Failure { code: FailureCode::RiskRefused, message: "risk control has refused the payment".to_owned() }
}

/// What was heard of the outside risk service where the rules want that, and whether the payment passes by it.
fn assess(draft: &Draft<'_>, pay: &Pay, terms: &PaymentTerms) -> Result<(Option<Assessment>, bool), Refusal> {
    let Some(wanted) = terms.ask_risk else { return Ok((None, true)) };
    if draft.known.switches.contains(&Switch::Risk) {
        return Ok((Some(Assessment::unasked(Heard::SwitchedOff)), wanted.degraded.lets_pass(pay.money)));
    }
    match draft.known.asked {
        Asked::NotYet => Err(Refusal::RiskUnasked),
        Asked::Tried => Ok((None, true)),
        Asked::Heard(assessment) => {
            let passes = assessment.heard.answer().unwrap_or_else(|| wanted.no_answer.lets_pass(pay.money));
            Ok((Some(assessment.clone()), passes))
        }
    }
}

fn check_tools(pay: &Pay) -> Result<(), Refusal> {
    if pay.tools.len() > limits::MAX_LEGS {
        return Err(Refusal::TooMany { objects: "tools", limit: limits::MAX_LEGS });
    }
    if pay.tools.is_empty() {
        return Err(Refusal::ToolsSum);
    }
    let sum = Amount::sum(pay.tools.iter().map(|request| request.amount)).map_err(|_| Refusal::OutOfRange)?;
    if sum == pay.money.amount { Ok(()) } else { Err(Refusal::ToolsSum) }
}

fn check_trade(draft: &Draft<'_>, pay: &Pay) -> Result<(), Refusal> {
    let (state, now) = (&draft.state, draft.known.now);
    if state.payments.len() >= limits::MAX_PAYMENTS {
        return Err(Refusal::TooMany { objects: "payments", limit: limits::MAX_PAYMENTS });
    }
    if state.effective(pay.due).is_some() {
        return Err(Refusal::TradeNotPayable("this part of the trade is paid"));
    }
    if state.is_stopped() {
        return Err(Refusal::TradeNotPayable("the trade is closing"));
    }
    let outside = pay.tools.iter().any(|request| matches!(request.tool, Tool::Channel { .. }));
    let too_late = if outside { order_end(pay.expires_at, now).is_none() } else { pay.expires_at <= now };
    if too_late {
        return Err(Refusal::TradeNotPayable("too little time is left to pay this way"));
    }
    match running(draft, pay.due).find(|older| older.instructions.iter().any(|leg| leg.status.is_unanswered())) {
        Some(older) => Err(Refusal::PaymentInProgress(PaymentId::new(state.trade, older.no))),
        None => Ok(()),
    }
}

/// Payments in review are not in the way: only people move them.
pub(crate) fn running<'a>(draft: &'a Draft<'_>, due: u16) -> impl Iterator<Item = &'a Payment> {
    draft.state.payments.iter().filter(move |payment| payment.due == due && payment.status.is_running())
}

fn plan(draft: &Draft<'_>, pay: &Pay, terms: &PaymentTerms) -> Result<Payment, Refusal> {
    let first = draft.state.next_leg();
    let mut instructions = Vec::with_capacity(pay.tools.len());
    for ((place, request), no) in in_order(&pay.tools, &terms.order).zip(first..) {
        let mut leg = leg(no, request);
        let rules = rules_of(&leg.tool);
        if rules.is_marketing(&leg.tool) && draft.known.switches.contains(&Switch::Marketing) {
            return Err(Refusal::ToolSwitchedOff { place });
        }
        rules.plan(&Planned { pay, draft, place, terms, before: &instructions }, &mut leg)?;
        instructions.push(leg);
    }
    Ok(Payment {
        expires_at: own_end(pay.expires_at, draft.known.now, terms),
        signals: draft.known.signals.clone(),
        switches: draft.known.switches.clone(),
        instructions,
        ..opened(draft, pay, draft.state.next_payment(), terms.rule_version)
    })
}

/// A payment of a due that has no instructions yet.
pub(crate) fn opened(draft: &Draft<'_>, pay: &Pay, no: u16, rule_version: i64) -> Payment {
    Payment {
        no,
        due: pay.due,
        parent: None,
        context: pay.context.clone(),
        money: pay.money,
        payer: pay.payer.clone(),
        receivers: pay.receivers.clone(),
        expires_at: pay.expires_at,
        late_success: pay.late_success,
        status: PaymentStatus::Created,
        failure: None,
        ending: None,
        stopped: false,
        rule_version,
        signals: Signals::default(),
        switches: BTreeSet::new(),
        assessment: None,
        sequence: 0,
        created_at: draft.known.now,
        instructions: Vec::new(),
    }
}

/// The tools with their places in the request, in the order of the rules; in the client's where they say none.
fn in_order<'a>(tools: &'a [ToolRequest], order: &'a [usize]) -> impl Iterator<Item = (usize, &'a ToolRequest)> {
    let all = if order.is_empty() { tools.len() } else { 0 };
    (0..all).chain(order.iter().copied()).filter_map(|place| Some((place, tools.get(place)?)))
}

/// When a payment's time is over: with the trade's, or sooner where the rules bound the life of its orders.
fn own_end(trade_end: Time, now: Time, terms: &PaymentTerms) -> Time {
    terms.order_life_us.map_or(trade_end, |life| trade_end.min(now.plus(life).plus(MARGIN_US)))
}

/// An instruction that has done nothing yet.
pub(crate) fn leg(no: u16, request: &ToolRequest) -> Instruction {
    Instruction {
        no,
        tool: request.tool.clone(),
        amount: request.amount,
        coupon: None,
        points: None,
        credit_limit: None,
        channel_account: None,
        order: None,
        open: false,
        status: InstructionStatus::Created,
        received: 0,
        returning: 0,
        returned: 0,
        receipts: 0,
        surplus: false,
        suspended: false,
        credential: None,
    }
}

/// The first step of a payment that was just opened.
fn start(draft: &mut Draft<'_>, no: u16) {
    let Some(payment) = draft.state.payment(no) else { return };
    if payment.payout().is_some() {
        payout::hold(draft, no);
    } else if payment.external().next().is_none() {
        settle::take_effect(draft, no, None);
    } else if payment.internal().next().is_none() {
        go_outside(draft, no);
    } else {
        let holds = payment.internal().filter_map(|leg| ending::hold_of(payment, leg)).collect();
        draft.push(Event::HoldsAsked { payment: no, holds });
    }
}

/// The books hold the internal legs: now the first external one may be sent.
pub(crate) fn held(draft: &mut Draft<'_>, no: u16) {
    let Some(payment) = draft.state.payment(no) else { return };
    if let Some(leg) = payment.payout().map(|leg| leg.no) {
        return payout::send(draft, no, leg);
    }
    let internal: Vec<_> = payment.internal().map(|leg| leg.no).collect();
    for leg in internal {
        draft.move_leg(leg, LegStep::Hold);
        draft.tell_tool(leg, Moment::Held);
    }
    go_outside(draft, no);
}

fn go_outside(draft: &mut Draft<'_>, no: u16) {
    if send_next(draft, no) {
        draft.move_payment(no, PaymentStep::Work, None);
    }
}

/// Sends the next external leg that was not sent yet; false where there is none or its time would be too short.
pub(crate) fn send_next(draft: &mut Draft<'_>, no: u16) -> bool {
    let Some(payment) = draft.state.payment(no) else { return false };
    let next = payment.external().find(|leg| leg.status == InstructionStatus::Created).map(|leg| leg.no);
    let (Some(instruction), Some(expires_at)) = (next, order_end(payment.expires_at, draft.known.now)) else {
        return false;
    };
    let order = draft.state.next_order();
    draft.move_leg(instruction, LegStep::Send);
    draft.push(Event::OrderPlaced { instruction, order, expires_at });
    true
}

/// A payment that fails before anything was held or sent: its internal legs failed, the rest never began.
pub(crate) fn fail(draft: &mut Draft<'_>, no: u16, failure: &Failure) {
    let Some(payment) = draft.state.payment(no) else { return };
    let legs: Vec<_> = payment.instructions.iter().map(|leg| (leg.no, leg.is_external())).collect();
    for (leg, external) in legs {
        draft.move_leg(leg, if external { LegStep::Cancel } else { LegStep::Fail });
    }
    draft.move_payment(no, PaymentStep::Fail, Some(failure.clone()));
}
