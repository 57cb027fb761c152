//! What a payment is planned by may order its tools, bound its orders, or refuse it.

use kernel::message::rules::{Paying, PaymentRules, PaymentTerms, RuleRefusal, Velocity};
use kernel::message::trade::LateSuccess;
use kernel::{Code, OrderType, Problem};

use super::world::{SECOND, World, balance, card, coupon, money};
use crate::{FailureCode, PaymentStatus, Refusal};

#[test]
fn rules_order_the_tools_and_bound_their_orders() {
    let mut world = World::new();
    world.terms = PaymentTerms {
        rule_version: 7,
        order: vec![1, 2, 0],
        order_life_us: Some(600 * SECOND),
        ..PaymentTerms::default()
    };
    world.pay(vec![card(300), coupon(1, 100), balance(400)]).unwrap();
    let payment = &world.state.payments[0];
    assert_eq!(payment.rule_version, 7);
    let amounts: Vec<i64> = payment.instructions.iter().map(|leg| leg.amount.minor()).collect();
    assert_eq!(amounts, [100, 400, 300], "the legs are numbered in the order of the rules");
    assert_eq!(payment.expires_at, world.now.plus(660 * SECOND), "the order's life, and the margin after it");

    world.terms.order_life_us = Some(86_400 * SECOND);
    world.cancel(1).unwrap();
    world.closed(1);
    world.pay(vec![card(300)]).unwrap();
    assert_eq!(world.state.payments[1].expires_at, world.expires_at, "never after the trade");
}

#[test]
fn refunds_are_taken_in_the_order_of_the_rules() {
    let mut world = World::new();
    world.terms = PaymentTerms { refund_ranks: vec![0, 2, 1], ..PaymentTerms::default() };
    world.pay(vec![card(300), coupon(1, 100), balance(400)]).unwrap();
    world.paid(1, money(300));
    let mut parts = |number: &str, minor| {
        world.refund(number, minor).unwrap();
        let refund = world.state.refunds.last().unwrap();
        refund.parts.iter().map(|part| (part.instruction, part.amount.minor())).collect::<Vec<_>>()
    };
    assert_eq!(parts("R1", 200), [(1, 200)]);
    assert_eq!(parts("R2", 300), [(1, 100), (3, 200)]);
    assert_eq!(parts("R3", 300), [(2, 100), (3, 200)]);
    let over = world.refund("R4", 1).unwrap_err();
    assert!(matches!(over, Refusal::RefundExceedsPaid { left: 0 }), "{over:?}");
}

#[test]
fn a_rule_refuses_before_anything_happens() {
    #[derive(Debug)]
    struct Never;
    impl PaymentRules for Never {
        fn terms(&self, paying: &Paying<'_>) -> Result<PaymentTerms, RuleRefusal> {
            let (book, rule) = ("shop".to_owned(), "no-cards".to_owned());
            let why = format!("payment {} of {}", paying.attempt, paying.money.amount.minor());
            Err(RuleRefusal { rule_version: 3, book, rule, why, place: Some(1) })
        }
        fn stops(&self, _: &Paying<'_>) -> bool {
            false
        }
        fn velocity(&self, _: &Paying<'_>) -> Vec<Velocity> {
            Vec::new()
        }
    }
    let mut world = World::new();
    let input = world.asked(1_000, vec![balance(700), card(300)]);
    let (coupons, routes) = (Default::default(), crate::Routes::default());
    let known = crate::Known {
        now: world.now,
        coupons: &coupons,
        routes: &routes,
        credit: None,
        counters: &Default::default(),
        signals: &Default::default(),
        rules: &Never,
        approvals: &Default::default(),
    };
    let problem = Problem::from(world.state.handle(&input, &known).unwrap_err());
    assert_eq!((problem.code, problem.param.as_deref()), (Code::rule_refused, Some("tools[1]")));
    assert_eq!(problem.detail, "rule `no-cards` of book `shop`, version 3: payment 1 of 1000");
    assert_eq!(world.state, World::new().state);
    world.order_type = OrderType::Transfer;
    let problem = Problem::from(world.state.handle(&world.asked(1, vec![balance(1)]), &known).unwrap_err());
    assert_eq!(problem.param.as_deref(), Some("type"), "nobody has named a tool");
    world.order_type = OrderType::Escrow;

    let short = world.asked(999, vec![balance(700), card(300)]);
    assert_eq!(
        world.state.handle(&short, &known).unwrap_err(),
        Refusal::ToolsSum,
        "what is wrong anyway is told first"
    );
    world.pay(vec![balance(1)]).unwrap();
}

/// What counts now: how many payments, and how much.
fn counted(world: &World) -> (i64, i64) {
    world.counters.values().next().map_or((0, 0), |counter| counter.at(world.now))
}

#[test]
fn a_payment_counts_from_its_opening_until_it_surely_fails() {
    let mut world = World::new();
    world.most = Some((1, 1_000));
    world.pay(vec![card(700)]).unwrap();
    assert_eq!(counted(&world), (1, 700));
    world.unknown(1);
    assert_eq!(counted(&world), (1, 700), "nobody knows, so it may still take effect");
    world.pending(1);
    world.pay(vec![card(900)]).unwrap();
    assert_eq!(counted(&world), (1, 900), "what it replaces is given back");
    world.closed(1);
    world.refused(2);
    assert_eq!((world.state.payments[1].status, counted(&world)), (PaymentStatus::Failed, (0, 0)));
    world.pay(vec![balance(1_001)]).unwrap();
    let failure = world.state.payments[2].failure.clone().unwrap();
    assert_eq!(failure.code, FailureCode::VelocityExceeded);
    assert_eq!(failure.message, "rule `a-day` of book `shop`, version 1: enough for today");
    assert_eq!((counted(&world), world.ledger.at("2001:42", money(1).currency)), ((0, 0), 1_000));
    world.most = Some((1, 2_000));
    world.pay(vec![balance(1_001)]).unwrap();
    assert_eq!(world.state.payments[3].failure.clone().unwrap().code, FailureCode::InsufficientBalance);
    assert_eq!(counted(&world), (0, 0), "what the books refuse is given back too");
    world.pay(vec![balance(300)]).unwrap();
    assert_eq!(counted(&world), (1, 300));
    world.refund("r1", 300).unwrap();
    assert_eq!(counted(&world), (1, 300), "what was paid was paid, also where it goes back");
}

#[test]
fn late_money_that_is_kept_counts_again() {
    let mut world = World { late_success: LateSuccess::Reopen, most: Some((1, 1_000)), ..World::new() };
    world.pay(vec![card(700)]).unwrap();
    world.stop(true);
    world.closed(1);
    assert_eq!((world.state.payments[0].status, counted(&world)), (PaymentStatus::Expired, (0, 0)));
    world.paid_exactly(1);
    assert_eq!((world.state.payments[0].status, counted(&world)), (PaymentStatus::Succeeded, (1, 700)));
}

#[test]
fn what_was_longer_ago_than_the_window_does_not_count() {
    let mut world = World { most: Some((1, 700)), ..World::new() };
    world.expires_at = world.now.plus(3 * 86_400 * SECOND);
    world.pay(vec![card(700)]).unwrap();
    world.now = world.now.plus(86_400 * SECOND);
    assert_eq!(counted(&world), (0, 0));
    world.pending(1);
    world.pay(vec![balance(700)]).unwrap();
    assert_eq!((world.state.payments[1].status, counted(&world)), (PaymentStatus::Succeeded, (1, 700)));
}

#[test]
fn whom_risk_control_stops_holds_and_counts_nothing() {
    let mut world = World { most: Some((5, 5_000)), stopped: true, ..World::new() };
    world.pay(vec![coupon(1, 100), balance(400), card(300)]).unwrap();
    let payment = world.state.payments[0].clone();
    let failure = payment.failure.clone().unwrap();
    assert_eq!(
        (failure.code, failure.message.as_str()),
        (FailureCode::RiskRefused, "risk control has refused the payment")
    );
    assert!(world.orders.is_empty() && world.ledger.holds.is_empty());
    assert_eq!((counted(&world), world.ledger.at("2001:42", money(1).currency)), ((0, 0), 1_000));
    world.stopped = false;
    world.pay(vec![balance(700)]).unwrap();
    assert_eq!((world.state.payments[1].status, counted(&world)), (PaymentStatus::Succeeded, (1, 700)));
}
