//! Refunds: what is refused, what is the same, coupons that come back, and a part's way through trouble.

use kernel::message::accounting::CouponSource;
use kernel::message::payment::{RefundShare, Resolution};
use kernel::message::rules::{PaymentTerms, RefundFailed};
use kernel::message::trade::{self, Share};
use kernel::{Code, Currency, Owner, Problem, limits};

use super::show;
use super::world::{Step, World, amount, balance, card, coupon, coupon_id, merchant, money};
use crate::coupon::CouponStatus;
use crate::{RefundStatus, Refusal};

fn paid() -> World {
    let mut world = World::new();
    world.pay(vec![balance(100), card(200)]).unwrap();
    world.paid_exactly(1);
    world.log.clear();
    world
}

fn share(before: i64) -> Vec<RefundShare> {
    vec![RefundShare { receiver: Owner::Merchant(merchant()), before, after: 0 }]
}

#[test]
fn what_is_refused() {
    let mut world = paid();
    let code = |result: Result<(), Refusal>| Problem::from(result.unwrap_err()).code;
    assert_eq!(code(world.refund("r1", 301)), Code::refund_exceeds_paid);
    assert_eq!(code(world.refund_from("r1", 10, share(9))), Code::amount_sum_mismatch);
    let crooked = [share(11), share(-1)].concat();
    assert_eq!(code(world.refund_from("r1", 10, crooked)), Code::amount_sum_mismatch);
    world.refund("r1", 180).unwrap();
    assert_eq!(code(world.refund("r1", 180)), Code::refund_exists);
    assert_eq!(code(world.refund("r2", 121)), Code::refund_exceeds_paid, "what is reserved counts");
    world.refund("r2", 120).unwrap();
    assert_eq!(code(world.refund("r3", 1)), Code::refund_exceeds_paid);
}

#[test]
fn receivers_that_are_short_refuse_the_request() {
    let mut world = paid();
    let place = ("2004".to_owned(), Currency::parse("CNY").unwrap());
    world.ledger.frozen = Some(place.0);
    for minor in [1, 300] {
        let before = world.state.clone();
        let problem = Problem::from(world.refund("r1", minor).unwrap_err());
        assert_eq!(problem.code, Code::insufficient_receiver_balance);
        assert_eq!(world.state, before);
    }
}

#[test]
fn a_repeated_request_is_the_same_or_not() {
    let mut world = paid();
    world.refund("r1", 120).unwrap();
    let receiver = Owner::Merchant(merchant());
    let request = trade::Refund {
        merchant_refund_id: "r1".into(),
        amount: amount(120),
        reason: None,
        splits: Vec::new(),
        sandbox: None,
        users_debit: true,
    };
    let first = world.state.existing_refund("r1").unwrap();
    let split = |minor| Share { receiver: receiver.clone(), amount: amount(minor) };
    assert!(first.same_content(&request));
    assert!(first.same_content(&trade::Refund { splits: vec![split(120)], ..request.clone() }));
    assert!(!first.same_content(&trade::Refund { splits: vec![split(119)], ..request.clone() }));
    assert!(!first.same_content(&trade::Refund { amount: amount(121), ..request.clone() }));
    assert!(!first.same_content(&trade::Refund { reason: Some("broken".into()), ..request.clone() }));
    assert!(!first.same_content(&trade::Refund { sandbox: Some("refund_fail".into()), ..request }));
    assert_eq!(world.state.existing_refund("r2"), None);
}

#[test]
fn a_trade_has_so_many_refunds() {
    let mut world = World::new();
    world.ledger.fund("2001:42", money(10_000));
    world.pay(vec![balance(5_000)]).unwrap();
    for n in 0..limits::MAX_REFUNDS {
        world.refund(&format!("r{n}"), 1).unwrap();
    }
    assert!(matches!(world.refund("one more", 1), Err(Refusal::TooMany { objects: "refunds", .. })));
    assert_eq!(world.told_refunded, 1_000);
}

/// Pays with a coupon of 100 to a part of it, gives that back in these steps, and says what became of the coupon.
fn coupon_after(source: CouponSource, part: i64, refunds: &[i64], expires: bool) -> CouponStatus {
    let mut world = World::new();
    world.issue(7, source, 100);
    world.pay(vec![coupon(7, part)]).unwrap();
    if expires {
        world.coupons.get_mut(&coupon_id(7)).unwrap().expires_at = Some(world.now);
    }
    for (n, minor) in refunds.iter().enumerate() {
        world.refund(&format!("r{n}"), *minor).unwrap();
    }
    world.coupons[&coupon_id(7)].status
}

#[test]
fn a_coupon_comes_back_whole_or_not_at_all() {
    let budget = || CouponSource::Budget(Owner::Merchant(merchant()));
    let expense = || CouponSource::Expense;
    assert_eq!(coupon_after(expense(), 100, &[100], false), CouponStatus::Usable);
    assert_eq!(coupon_after(budget(), 100, &[100], false), CouponStatus::Usable);
    assert_eq!(coupon_after(expense(), 80, &[80], false), CouponStatus::Usable);
    assert_eq!(coupon_after(budget(), 80, &[80], false), CouponStatus::Spent, "the budget may be gone");
    assert_eq!(coupon_after(expense(), 100, &[100], true), CouponStatus::Spent, "its time is over");
    assert_eq!(coupon_after(expense(), 100, &[40, 60], false), CouponStatus::Spent, "never piece by piece");
}

#[test]
fn a_coupon_that_came_back_can_be_spent_once_more() {
    let mut world = World::new();
    world.pay(vec![coupon(1, 100), balance(50)]).unwrap();
    world.refund("r1", 75).unwrap();
    assert_eq!(world.coupons[&coupon_id(1)].status, CouponStatus::Spent);
    world.refund("r2", 75).unwrap();
    assert_eq!(
        world.coupons[&coupon_id(1)].status,
        CouponStatus::Spent,
        "regained by pieces, it would be gained twice"
    );
    assert_eq!(world.state.refunds[1].status, RefundStatus::Succeeded);
}

fn story(steps: &[Step<'_>]) -> String {
    let mut world = paid();
    let mut out = String::new();
    for (title, step) in steps {
        step(&mut world);
        out.push_str(&world.story(title));
    }
    out + &show::state(&world.state)
}

#[test]
fn fails_then_goes_another_way() {
    insta::assert_snapshot!(story(&[
        ("refund", &|w| w.refund("r1", 150).unwrap()),
        ("the institution cannot", &|w| w.refund_failed(2, false)),
        ("people try again", &|w| w.resolve(1, Resolution::Retry).unwrap()),
        ("it cannot again", &|w| w.refund_failed(3, false)),
        ("another way", &|w| w.resolve(2, Resolution::OtherWay).unwrap()),
        ("the first try speaks up", &|w| w.refunded(2)),
    ]));
}

#[test]
fn goes_to_the_balance_by_the_rules_that_planned_it() {
    let by_rule = |refund_failed| PaymentTerms { refund_failed, ..PaymentTerms::default() };
    let mut world = World::new();
    world.terms = by_rule(RefundFailed::Balance);
    world.pay(vec![balance(100), card(200)]).unwrap();
    world.paid_exactly(1);
    world.log.clear();
    let mut out = String::new();
    let steps: &[Step<'_>] = &[
        ("refund", &|w| w.refund("r1", 150).unwrap()),
        ("the institution cannot", &|w| w.refund_failed(2, false)),
        ("told twice", &|w| w.refund_failed(2, false)),
        ("it speaks up after all", &|w| w.refunded(2)),
    ];
    for (title, step) in steps {
        step(&mut world);
        out.push_str(&world.story(title));
    }
    insta::assert_snapshot!(out + &show::state(&world.state));

    world.refund("r2", 60).unwrap();
    world.refund_returned(3);
    assert!(world.state.cases.is_empty(), "what comes back before it was through is a no");
    world.terms = by_rule(RefundFailed::Case);
    world.refund("r3", 30).unwrap();
    world.refund_failed(4, false);
    assert_eq!(world.state.cases.len(), 1, "its rules leave it to people");
}

#[test]
fn people_decide_where_no_user_has_paid() {
    let mut world = World { payer: Owner::Merchant(merchant()), ..World::new() };
    world.terms = PaymentTerms { refund_failed: RefundFailed::Balance, ..PaymentTerms::default() };
    world.pay(vec![card(200)]).unwrap();
    world.paid_exactly(1);
    world.refund("r1", 150).unwrap();
    world.refund_failed(2, false);
    assert_eq!(world.state.cases.len(), 1);
}

#[test]
fn through_and_back_again() {
    insta::assert_snapshot!(story(&[
        ("refund", &|w| w.refund("r1", 150).unwrap()),
        ("through", &|w| w.refunded(2)),
        ("it comes back", &|w| w.refund_returned(2)),
        ("told twice", &|w| w.refund_returned(2)),
        ("people try again", &|w| w.resolve(1, Resolution::Retry).unwrap()),
        ("through", &|w| w.refunded(3)),
        ("it comes back again", &|w| w.refund_returned(3)),
        ("another way", &|w| w.resolve(2, Resolution::OtherWay).unwrap()),
    ]));
}

#[test]
fn one_part_comes_back_before_the_other_is_through() {
    let mut world = World::new();
    world.pay(vec![card(100), card(200)]).unwrap();
    world.paid_exactly(1);
    world.paid_exactly(2);
    world.refund("r1", 300).unwrap();
    world.refunded(3);
    world.refund_returned(3);
    assert_eq!(world.state.refunds[0].status, RefundStatus::Pending);
    assert_eq!(world.told_refunded, 0);
    world.refunded(4);
    assert_eq!(world.state.refunds[0].status, RefundStatus::Returned);
    assert_eq!(world.told_refunded, 300, "the receivers have given it all");
    world.resolve(1, Resolution::OtherWay).unwrap();
    assert_eq!(world.state.refunds[0].status, RefundStatus::Succeeded);
    assert_eq!(world.told_refunded, 300);
}

#[test]
fn another_amount_went_out() {
    insta::assert_snapshot!(story(&[
        ("refund", &|w| w.refund("r1", 150).unwrap()),
        ("the institution gave less", &|w| {
            let order = kernel::OrderId::new(super::world::trade(), 2);
            w.fact(kernel::message::channel::Fact::Refunded { order, part: 2, amount: amount(1) });
        }),
        ("people settled it", &|w| w.resolve(1, Resolution::Accept).unwrap()),
    ]));
}
