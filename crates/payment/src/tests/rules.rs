//! What a payment is planned by may order its tools, bound its orders, or refuse it.

use kernel::message::payment::{Tool, ToolRequest};
use kernel::message::risk::{Asked, Assessment, Heard, Switch};
use kernel::message::rules::{AskRisk, Paying, PaymentRules, PaymentTerms, RuleRefusal, Unsaid, Velocity};
use kernel::message::trade::LateSuccess;
use kernel::{Code, OrderType, Problem, StoredKind};

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
        children: &[],
        routes: &routes,
        credit: None,
        counters: &Default::default(),
        signals: &Default::default(),
        switches: &Default::default(),
        asked: &Asked::NotYet,
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

/// A world whose rules want the risk service asked about every payment.
fn asking(no_answer: Unsaid, degraded: Unsaid) -> World {
    let ask_risk = Some(AskRisk { no_answer, degraded });
    World { terms: PaymentTerms { ask_risk, ..PaymentTerms::default() }, ..World::new() }
}

fn heard(heard: Heard) -> Asked {
    Asked::Heard(Assessment { heard, code: Some("R-1".to_owned()), attempt: Some(1), waited_ms: 12 })
}

/// What became of the last payment, and what was heard of the risk service about it.
fn last(world: &World) -> (PaymentStatus, Option<FailureCode>, Option<Heard>) {
    let payment = world.state.payments.last().unwrap();
    let failure = payment.failure.as_ref().map(|failure| failure.code);
    (payment.status, failure, payment.assessment.as_ref().map(|it| it.heard))
}

const LET_PASS: (PaymentStatus, Option<FailureCode>) = (PaymentStatus::Succeeded, None);
const REFUSED: (PaymentStatus, Option<FailureCode>) = (PaymentStatus::Failed, Some(FailureCode::RiskRefused));

#[test]
fn nothing_is_planned_before_the_risk_service_was_asked() {
    let mut world = asking(Unsaid::Pass, Unsaid::Pass);
    world.pay(vec![card(50)]).unwrap_err();
    assert_eq!(world.pay(vec![balance(100)]).unwrap_err(), Refusal::RiskUnasked);
    assert_eq!(world.state, World::new().state, "it has done nothing");
    assert_eq!(world.pay(vec![balance(100), coupon(9, 1)]).unwrap_err().to_string(), "there is no such coupon");
    world.asked = Asked::Tried;
    world.pay(vec![balance(100)]).unwrap();
    assert_eq!(last(&world), (LET_PASS.0, LET_PASS.1, None), "who only tries asks nobody");

    // What fails anyway is not asked about.
    let mut world = World { stopped: true, ..asking(Unsaid::Pass, Unsaid::Pass) };
    world.pay(vec![balance(100)]).unwrap();
    assert_eq!(last(&world), (REFUSED.0, REFUSED.1, None));
    let mut world = World { most: Some((1, 99)), ..asking(Unsaid::Pass, Unsaid::Pass) };
    world.pay(vec![balance(100)]).unwrap();
    assert_eq!(last(&world), (PaymentStatus::Failed, Some(FailureCode::VelocityExceeded), None));
}

#[test]
fn the_risk_services_word_holds_and_without_one_the_rules() {
    let below = Unsaid::PassBelow(money(1).currency, 100);
    let silence = [
        Heard::Late,
        Heard::Unreachable,
        Heard::Wrong,
        Heard::Busy,
        Heard::BreakerOpen,
        Heard::NotConfigured,
        Heard::SwitchedOff,
    ];
    for (no_answer, minor, passes) in
        [(Unsaid::Pass, 100, true), (Unsaid::Refuse, 1, false), (below, 99, true), (below, 100, false)]
    {
        let mut world = asking(no_answer, Unsaid::Refuse);
        let ends = |world: &mut World, word, passes| {
            world.asked = heard(word);
            world.pay(vec![balance(minor)]).unwrap();
            let (status, failure) = if passes { LET_PASS } else { REFUSED };
            assert_eq!(last(world), (status, failure, Some(word)), "{no_answer:?} {minor}");
            *world = asking(no_answer, Unsaid::Refuse);
        };
        ends(&mut world, Heard::Pass, true);
        ends(&mut world, Heard::Refuse, false);
        for word in silence {
            ends(&mut world, word, passes);
        }
    }
    assert_eq!(2 + silence.len(), Heard::ALL.len(), "every word was heard");
}

#[test]
fn who_is_switched_off_is_not_asked() {
    let mut world = World { switches: [Switch::Risk].into(), ..asking(Unsaid::Refuse, Unsaid::Pass) };
    world.pay(vec![balance(100)]).unwrap();
    assert_eq!(last(&world), (LET_PASS.0, LET_PASS.1, Some(Heard::SwitchedOff)));
    assert_eq!(world.state.payments[0].switches, [Switch::Risk].into());
    let mut world = World { switches: [Switch::Risk].into(), ..asking(Unsaid::Pass, Unsaid::Refuse) };
    world.asked = heard(Heard::Pass);
    world.pay(vec![balance(100)]).unwrap();
    assert_eq!(last(&world), (REFUSED.0, REFUSED.1, Some(Heard::SwitchedOff)), "an earlier word does not count");
    let mut world = World { switches: [Switch::Marketing].into(), ..asking(Unsaid::Pass, Unsaid::Pass) };
    assert_eq!(world.pay(vec![balance(100)]).unwrap_err(), Refusal::RiskUnasked);
}

#[test]
fn what_marketing_pays_for_is_not_taken_while_it_is_switched_off() {
    let mut world = World { switches: [Switch::Marketing].into(), ..World::new() };
    let stored = |kind| ToolRequest { tool: Tool::Stored(kind), ..balance(10) };
    for (tools, place) in [
        (vec![coupon(1, 100)], 0),
        (vec![balance(10), coupon(1, 100)], 1),
        (vec![card(5), balance(10), stored(StoredKind::RED_PACKET)], 2),
    ] {
        assert_eq!(world.pay(tools).unwrap_err(), Refusal::ToolSwitchedOff { place });
    }
    world.pay(vec![balance(10), stored(StoredKind::GIFT_CARD)]).unwrap();
    assert_eq!(last(&world).0, PaymentStatus::Succeeded, "a gift card was bought");

    // What a coupon has paid before still goes back into it.
    let mut world = World::new();
    world.pay(vec![coupon(1, 100)]).unwrap();
    world.switches = [Switch::Marketing].into();
    world.refund("r1", 100).unwrap();
    assert!(world.state.refunds[0].parts[0].way == crate::Way::CouponAgain);
}
