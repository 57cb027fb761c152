//! Payouts: what is held, what the institution says, and what comes back.

use kernel::message::channel::Fact;
use kernel::message::payment::{Tool, ToolRequest};
use kernel::message::trade::Share;
use kernel::{Code, DestinationType, InstructionId, OrderId, OrderType, Owner, Problem};

use super::world::{World, amount, money, trade};
use crate::case::{CaseKind, CaseStatus};
use crate::{FailureCode, InstructionStatus, PaymentStatus, ReasonCode, RefundStatus};

/// With 1,000 on the balance.
fn world() -> World {
    let mut world = World::new();
    world.order_type = OrderType::Payout;
    world
}

fn tool(minor: i64) -> Vec<ToolRequest> {
    vec![ToolRequest { tool: Tool::Payout { to: DestinationType::BankAccount, sandbox: None }, amount: amount(minor) }]
}

/// 400 of 1,000 are held and ordered.
fn ordered() -> World {
    let mut world = world();
    world.pay(tool(400)).unwrap();
    world
}

fn ids() -> (OrderId, InstructionId) {
    (OrderId::new(trade(), 1), InstructionId::new(trade(), 1))
}

fn paid_out() -> Fact {
    let (order, instruction) = ids();
    Fact::PaidOut { order, instruction }
}

fn failed() -> Fact {
    let (order, instruction) = ids();
    Fact::PayoutFailed { order, instruction, code: "no_such_account".into() }
}

fn returned() -> Fact {
    let (order, instruction) = ids();
    Fact::PayoutReturned { order, instruction, code: "account_closed".into() }
}

fn unknown() -> Fact {
    let (order, instruction) = ids();
    Fact::PayoutUnknown { order, instruction }
}

/// Balance, held, paid out.
fn books(world: &World) -> (i64, i64, i64) {
    let cny = money(1).currency;
    let held = world.ledger.holds.values().flatten().map(|(_, minor)| minor).sum();
    (world.ledger.at("2001:42", cny), held, world.ledger.at("1011.out", cny))
}

fn stands(world: &World) -> (PaymentStatus, InstructionStatus) {
    let payment = &world.state.payments[0];
    (payment.status, payment.instructions[0].status)
}

#[test]
fn a_payout_in_every_way() {
    let mut pages = Vec::new();
    let mut paid = ordered();
    assert_eq!(books(&paid), (1_000, 400, 0));
    assert_eq!(stands(&paid), (PaymentStatus::Processing, InstructionStatus::Sent));
    pages.push(paid.story("held and ordered"));
    paid.fact(paid_out());
    assert_eq!(books(&paid), (600, 0, 400));
    assert_eq!(stands(&paid), (PaymentStatus::Succeeded, InstructionStatus::Succeeded));
    pages.push(paid.story("paid out"));
    paid.fact(returned());
    assert_eq!(books(&paid), (1_000, 0, 0));
    assert_eq!(stands(&paid), (PaymentStatus::Succeeded, InstructionStatus::Succeeded), "it stays what it was");
    pages.push(paid.story("and it comes back"));
    let mut no = ordered();
    no.log.clear();
    no.fact(failed());
    assert_eq!(books(&no), (1_000, 0, 0));
    assert_eq!(stands(&no), (PaymentStatus::Failed, InstructionStatus::Failed));
    assert_eq!((no.state.payments[0].failure.as_ref().unwrap().code, no.told_failed), (FailureCode::Declined, 1));
    pages.push(no.story("refused"));
    insta::assert_snapshot!(pages.join("\n"));
}

/// It leaves the balance with the rest, and the institution never hears of it.
#[test]
fn a_fee_stays_with_the_platform() {
    let fee = |world: &World| world.ledger.at(&super::ledger::balance(&Owner::Platform), money(1).currency);
    let mut world = world();
    world.receivers = vec![Share { receiver: Owner::Platform, amount: amount(3) }];
    world.pay(tool(400)).unwrap();
    assert_eq!((books(&world), fee(&world)), ((1_000, 400, 0), 0));
    assert_eq!(world.orders[&1].money, money(397));
    let (mut no, mut back) = (world.clone(), world.clone());
    no.fact(failed());
    assert_eq!((books(&no), fee(&no)), ((1_000, 0, 0), 0));
    world.fact(paid_out());
    assert_eq!((books(&world), fee(&world)), ((600, 0, 397), 3));
    [paid_out(), returned(), returned()].into_iter().for_each(|fact| back.fact(fact));
    assert_eq!((books(&back), fee(&back)), ((1_000, 0, 0), 0), "it comes back with its fee");
}

#[test]
fn what_is_told_again_changes_nothing() {
    for (first, later) in [
        (vec![paid_out()], vec![paid_out(), failed(), unknown()]),
        (vec![failed()], vec![failed(), paid_out(), returned(), unknown()]),
        (vec![paid_out(), returned()], vec![returned(), paid_out(), failed(), unknown()]),
        (vec![], vec![returned()]),
    ] {
        let mut world = ordered();
        first.iter().for_each(|fact| world.fact(fact.clone()));
        let before = (world.state.clone(), books(&world));
        later.iter().for_each(|fact| world.fact(fact.clone()));
        assert_eq!((world.state.clone(), books(&world)), before, "{first:?} then {later:?}");
    }
}

#[test]
fn what_comes_back_is_one_refund() {
    let mut world = ordered();
    [paid_out(), returned(), returned()].into_iter().for_each(|fact| world.fact(fact));
    let [refund] = world.state.refunds.as_slice() else { panic!("{:?}", world.state.refunds) };
    assert_eq!(
        (refund.reason_code, refund.status, refund.money),
        (ReasonCode::Returned, RefundStatus::Succeeded, money(400))
    );
    assert_eq!(world.told_refunded, 0, "the trade stays what it is");
}

#[test]
fn a_balance_that_is_short_or_frozen_orders_nothing() {
    let mut short = world();
    short.pay(tool(1_001)).unwrap();
    let mut frozen = world();
    frozen.ledger.frozen = Some("2001:42".to_owned());
    frozen.pay(tool(1)).unwrap();
    for (world, code) in [(short, FailureCode::InsufficientBalance), (frozen, FailureCode::AccountFrozen)] {
        assert_eq!(world.state.payments[0].failure.as_ref().unwrap().code, code);
        assert_eq!((books(&world), world.orders.len(), world.told_failed), ((1_000, 0, 0), 0, 1));
    }
}

#[test]
fn silence_holds_the_money_until_the_institution_speaks() {
    for (last, books_after) in [(paid_out(), (600, 0, 400)), (failed(), (1_000, 0, 0))] {
        let mut world = ordered();
        world.fact(unknown());
        assert_eq!((stands(&world).1, books(&world)), (InstructionStatus::Unknown, (1_000, 400, 0)));
        world.silent(1);
        world.silent(1);
        let case = |world: &World| world.state.cases.iter().map(|case| (case.kind, case.status)).collect::<Vec<_>>();
        assert_eq!(case(&world), [(CaseKind::UnknownOutcome, CaseStatus::Open)]);
        assert_eq!((stands(&world).0, books(&world)), (PaymentStatus::Processing, (1_000, 400, 0)));
        world.fact(last);
        assert_eq!(case(&world), [(CaseKind::UnknownOutcome, CaseStatus::Closed)]);
        assert_eq!(books(&world), books_after);
    }
}

#[test]
fn it_is_not_called_back() {
    let mut world = ordered();
    let problem = Problem::from(world.cancel(1).unwrap_err());
    assert_eq!(problem.code, Code::payment_not_cancelable);
    assert_eq!(books(&world), (1_000, 400, 0));
}

#[test]
fn nobody_pays_out_there() {
    let mut world = world();
    let wallet = ToolRequest { tool: Tool::Payout { to: DestinationType::Wallet, sandbox: None }, amount: amount(1) };
    let problem = Problem::from(world.pay(vec![wallet]).unwrap_err());
    assert_eq!((problem.code, problem.param.as_deref()), (Code::method_not_supported, Some("destination.type")));
    assert_eq!(world.state.payments, []);
}
