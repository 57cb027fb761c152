//! Payments of several dues of one trade: beside each other, and given back together.

use kernel::message::trade::LateSuccess;
use kernel::{Code, Problem, limits};

use super::show;
use super::world::{World, balance, card, coupon};
use crate::{PaymentStatus, ReasonCode, Refusal};

/// Due 1 is paid by a coupon and a card, due 2 by balance and a card.
fn both_paid() -> World {
    let mut world = World::new();
    world.pay_due(1, vec![coupon(1, 100), card(200)]).unwrap();
    world.paid_exactly(1);
    world.pay_due(2, vec![balance(400), card(300)]).unwrap();
    world.paid_exactly(2);
    world
}

fn code(result: Result<(), Refusal>) -> Code {
    Problem::from(result.unwrap_err()).code
}

#[test]
fn payments_of_two_dues_do_not_stand_in_each_others_way() {
    let mut world = World::new();
    world.pay_due(1, vec![card(300)]).unwrap();
    world.pay_due(2, vec![card(700)]).unwrap();
    assert_eq!(code(world.pay_due(2, vec![balance(700)])), Code::payment_in_progress);
    world.pending(2);
    world.pay_due(2, vec![balance(700)]).unwrap();
    let statuses: Vec<_> = world.state.payments.iter().map(|payment| (payment.due, payment.status)).collect();
    let replaced = (2, PaymentStatus::Canceled);
    assert_eq!(statuses, [(1, PaymentStatus::Processing), replaced, (2, PaymentStatus::Succeeded)]);
    world.paid_exactly(1);
    assert_eq!(world.told_succeeded, 2);
    world.paid_exactly(2);
    let reasons: Vec<_> = world.state.refunds.iter().map(|refund| refund.reason_code).collect();
    assert_eq!(reasons, [ReasonCode::Duplicate], "of due 2, which is paid");
    assert_eq!(code(world.pay_due(1, vec![balance(300)])), Code::trade_not_payable);
}

#[test]
fn a_refund_goes_over_the_tools_of_all_dues() {
    let mut world = both_paid();
    assert_eq!(code(world.refund("r1", 1_001)), Code::refund_exceeds_paid);
    world.log.clear();
    world.refund("r1", 1_000).unwrap();
    let mut out = world.story("all of it");
    world.refunded(3);
    world.refunded(4);
    out += &world.story("both institutions gave it back");
    insta::assert_snapshot!(out + &show::state(&world.state));
}

#[test]
fn what_dues_brought_goes_back_where_another_is_not_paid() {
    let mut world = World { late_success: LateSuccess::Refund, ..World::new() };
    world.pay_due(1, vec![balance(100), card(200)]).unwrap();
    world.paid_exactly(1);
    world.pay_due(2, vec![card(700)]).unwrap();
    world.pending(2);
    world.log.clear();
    world.stop(true);
    world.closed(2);
    let mut out = world.story("the time of due 2 is over");
    world.return_dues(300);
    out += &world.story("the trade gives back");
    world.paid_exactly(2);
    out += &world.story("due 2 is paid too late");
    world.refunded(3);
    world.refunded(4);
    out += &world.story("all of it is back");
    insta::assert_snapshot!(out + &show::state(&world.state));
}

/// However many refunds there were: this one is not the merchant's.
#[test]
fn giving_dues_back_is_never_too_much() {
    let mut world = World::new();
    world.ledger.fund("2001:42", super::world::money(10_000));
    let many = i64::try_from(limits::MAX_REFUNDS).unwrap();
    world.pay_due(1, vec![balance(many + 1)]).unwrap();
    for number in 0..many {
        world.refund(&format!("r{number}"), 1).unwrap();
    }
    assert_eq!(code(world.refund("r", 1)), Code::too_many_objects);
    world.return_dues(1);
    assert_eq!(world.state.refunds.last().map(|refund| refund.reason_code), Some(ReasonCode::DueUnpaid));
}
