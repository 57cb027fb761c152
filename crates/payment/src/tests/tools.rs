//! Tools that are no money: points, and what is owed.

use kernel::message::accounting::CouponSource;
use kernel::message::payment::Command;
use kernel::message::rules::PointsWorth;
use kernel::time::DAY_US;
use kernel::{Code, Currency, Owner, Problem};

use super::stories::story;
use super::world::{World, balance, card, cny, credit, merchant, points};
use crate::{BillTerms, Billing, Input, Oldest};

#[test]
fn points_held_redeemed_and_given_back_with_what_is_left() {
    insta::assert_snapshot!(story(
        World::new(),
        &[
            ("pay", &|w| w.pay(vec![points(100), card(200)]).unwrap()),
            ("paid", &|w| w.paid_exactly(1)),
            ("refund a third", &|w| w.refund("r1", 100).unwrap()),
            ("the institution gave it back", &|w| w.refunded(2)),
            ("refund the rest", &|w| w.refund("r2", 200).unwrap()),
            ("the institution gave it back", &|w| w.refunded(3)),
        ]
    ));
}

#[test]
fn points_at_once_and_those_that_are_short() {
    insta::assert_snapshot!(story(
        World::new(),
        &[
            ("more than there are", &|w| w.pay(vec![points(334), balance(1)]).unwrap()),
            ("let go where the card fails", &|w| w.pay(vec![points(333), card(1)]).unwrap()),
            ("refused", &|w| w.refused(1)),
            ("all there are, but one", &|w| w.pay(vec![points(333)]).unwrap()),
            ("a third", &|w| w.refund("r1", 111).unwrap()),
            ("the rest", &|w| w.refund("r2", 222).unwrap()),
        ]
    ));
}

#[test]
fn credit_held_drawn_and_given_back() {
    insta::assert_snapshot!(story(
        World::new(),
        &[
            ("beyond the limit", &|w| w.pay(vec![credit(501)]).unwrap()),
            ("held", &|w| w.pay(vec![credit(400), card(100)]).unwrap()),
            ("refused outside", &|w| w.refused(1)),
            ("again", &|w| w.pay(vec![credit(400), card(100)]).unwrap()),
            ("paid", &|w| w.paid_exactly(2)),
            ("the user repays a part", &|w| w.ledger.repay("42", 300)),
            ("refund half", &|w| w.refund("r1", 250).unwrap()),
            ("the institution gave it back", &|w| w.refunded(3)),
        ]
    ));
}

#[test]
fn what_exceeds_the_debt_is_the_users_balance() {
    let mut world = World::new();
    world.pay(vec![credit(400)]).unwrap();
    world.ledger.repay("42", 300);
    world.refund("r1", 250).unwrap();
    assert_eq!((world.ledger.at("1061:42", cny()), world.ledger.at("2001:42", cny())), (0, 1_000 - 300 + 150));
}

#[test]
fn a_bill_that_is_overdue_lets_nothing_be_paid() {
    let mut world = World::new();
    let line = world.credit.as_mut().unwrap();
    let oldest = Some(Oldest { up_to: 10, due_at: world.now.plus(1) });
    let terms = BillTerms { day: 1, due_days: 1 };
    line.billing = Some(Billing { terms, next_at: world.now.plus(DAY_US), last: 1, up_to: 10, paid: 0, oldest });
    world.now = world.now.plus(1);
    world.pay(vec![credit(100)]).unwrap();
    let failure = world.state.payments[0].failure.clone().unwrap();
    assert_eq!((failure.code, world.ledger.at("1061:42", cny())), (crate::FailureCode::CreditOverdue, 0));
    world.now = world.now.plus(-1);
    world.pay(vec![credit(100)]).unwrap();
    assert_eq!((world.state.payments[1].failure.clone(), world.ledger.at("1061:42", cny())), (None, -100));
}

#[test]
fn who_has_no_credit_line_pays_nothing_with_it_and_a_frozen_one_fails() {
    let mut world = World::new();
    world.credit.as_mut().unwrap().frozen = true;
    world.pay(vec![credit(100)]).unwrap();
    let failure = world.state.payments[0].failure.clone().unwrap();
    assert_eq!(failure.code, crate::FailureCode::CreditFrozen);
    world.credit.as_mut().unwrap().user = kernel::UserId::parse("43").unwrap();
    let problem = Problem::from(world.pay(vec![credit(100)]).unwrap_err());
    assert_eq!((problem.code, problem.param.as_deref()), (Code::tool_not_applicable, Some("tools[0].tool")));
    world.credit = None;
    world.pay(vec![balance(1), credit(100)]).unwrap_err();
    assert_eq!(world.ledger.at("1061:42", cny()), 0);
}

#[test]
fn points_that_no_rule_values_or_no_user_has_do_not_pay() {
    let mut world = World::new();
    let refuses = |world: &mut World, pay: Input| {
        let before = world.state.clone();
        let problem = Problem::from(world.tell(pay).unwrap_err());
        assert_eq!((problem.code, problem.param.as_deref()), (Code::tool_not_applicable, Some("tools[0].tool")));
        assert_eq!(world.state, before);
        problem.detail
    };
    let Input::Command(Command::Pay(mut pay)) = world.asked(100, vec![points(100)]) else { panic!("no payment") };
    pay.payer = Owner::Merchant(merchant());
    assert_eq!(refuses(&mut world, Input::Command(Command::Pay(pay))), "only users have points");
    let most = kernel::limits::MAX_AMOUNT_MINOR;
    world.terms.points = Some(PointsWorth { points: most, minor: 1, budget: false });
    let pay = world.asked(2, vec![points(2)]);
    assert_eq!(refuses(&mut world, pay), "this takes more points than can be counted");
    world.terms.points = None;
    let pay = world.asked(1, vec![points(1)]);
    assert_eq!(refuses(&mut world, pay), "no rule says what points are worth here");
}

#[test]
fn a_budget_that_pays_for_points_is_the_merchants() {
    let mut world = World::new();
    world.terms.points = Some(PointsWorth { points: 3, minor: 2, budget: true });
    world.pay(vec![points(5)]).unwrap();
    let used = world.state.payments[0].instructions[0].points.clone().unwrap();
    assert_eq!((used.points, used.source), (8, CouponSource::Budget(Owner::Merchant(merchant()))));
    assert_eq!((world.ledger.at("2034:42", Currency::POINTS), world.ledger.at("2032", cny())), (992, -5));
    // What planned the payment counts, whatever the rules say later.
    world.terms.points = None;
    world.refund("r1", 5).unwrap();
    assert_eq!((world.ledger.at("2034:42", Currency::POINTS), world.ledger.at("2032", cny())), (1_000, 0));
}
