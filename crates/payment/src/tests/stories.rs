//! The flows of the specification, each from its first request to its last message.

use kernel::message::payment::{Command, Resolution};
use kernel::message::trade::{LateSuccess, Share};
use kernel::{Code, Currency, Money, Owner, Problem};

use super::show;
use super::world::{
    SECOND, Step, World, amount, balance, buyer, card, cny, coupon, coupon_id, gift_card, merchant, money,
};
use crate::coupon::CouponStatus;
use crate::{Input, PaymentStatus, Refusal};

/// Runs steps and writes down what each caused, and how it ends.
pub(super) fn story(mut world: World, steps: &[Step<'_>]) -> String {
    let mut out = String::new();
    for (title, step) in steps {
        step(&mut world);
        out.push_str(&world.story(title));
    }
    out + &show::state(&world.state)
}

#[test]
fn own_books_only() {
    insta::assert_snapshot!(story(
        World::new(),
        &[
            ("balance and coupon", &|w| w.pay(vec![coupon(1, 80), balance(120)]).unwrap()),
            ("refund a part", &|w| w.refund("r1", 50).unwrap()),
            ("refund the rest", &|w| w.refund("r2", 150).unwrap()),
        ]
    ));
}

#[test]
fn balance_too_short() {
    insta::assert_snapshot!(story(
        World::new(),
        &[
            ("more than there is", &|w| w.pay(vec![coupon(1, 100), balance(1_001)]).unwrap()),
            ("less", &|w| w.pay(vec![coupon(1, 100), balance(900)]).unwrap()),
        ]
    ));
}

#[test]
fn everything_combined() {
    insta::assert_snapshot!(story(
        World::new(),
        &[
            ("pay", &|w| w.pay(vec![card(300), coupon(1, 100), card(200), balance(400)]).unwrap()),
            ("first accepted", &|w| w.accepted(1)),
            ("first paid", &|w| w.paid_exactly(1)),
            ("second pending", &|w| w.pending(2)),
            ("second paid", &|w| w.paid_exactly(2)),
            ("refund it all", &|w| w.refund("r1", 1_000).unwrap()),
            ("one back", &|w| w.refunded(3)),
            ("all back", &|w| w.refunded(4)),
        ]
    ));
}

#[test]
fn stored_value_held_spent_and_given_back() {
    insta::assert_snapshot!(story(
        World::new(),
        &[
            ("pay", &|w| w.pay(vec![gift_card(120), card(380)]).unwrap()),
            ("paid", &|w| w.paid_exactly(1)),
            ("refund a half", &|w| w.refund("r1", 250).unwrap()),
            ("the institution gave it back", &|w| w.refunded(2)),
        ]
    ));
}

#[test]
fn stored_value_is_let_go_where_the_card_fails() {
    insta::assert_snapshot!(story(
        World::new(),
        &[
            ("pay", &|w| w.pay(vec![gift_card(120), card(380)]).unwrap()),
            ("refused", &|w| w.refused(1)),
            ("more than there is", &|w| w.pay(vec![gift_card(301), balance(199)]).unwrap()),
        ]
    ));
}

#[test]
fn a_merchant_has_no_stored_value() {
    let mut world = World::new();
    let before = world.state.clone();
    let Input::Command(Command::Pay(mut pay)) = world.asked(100, vec![gift_card(100)]) else { panic!("no payment") };
    pay.payer = Owner::Merchant(merchant());
    let refusal = world.tell(Input::Command(Command::Pay(pay))).unwrap_err();
    let problem = Problem::from(refusal);
    assert_eq!((problem.code, problem.param.as_deref()), (Code::tool_not_applicable, Some("tools[0].tool")));
    assert_eq!(world.state, before);
}

#[test]
fn a_later_leg_fails() {
    insta::assert_snapshot!(story(
        World::new(),
        &[
            ("pay", &|w| w.pay(vec![card(300), coupon(1, 100), card(200), balance(400)]).unwrap()),
            ("first paid", &|w| w.paid_exactly(1)),
            ("second refused", &|w| w.refused(2)),
            ("first is back", &|w| w.refunded(3)),
            ("the trade stays payable", &|w| w.pay(vec![coupon(1, 100), balance(900)]).unwrap()),
        ]
    ));
}

#[test]
fn a_newer_payment_replaces_an_older() {
    insta::assert_snapshot!(story(
        World::new(),
        &[
            ("pay", &|w| w.pay(vec![coupon(1, 100), card(200)]).unwrap()),
            ("accepted", &|w| w.accepted(1)),
            ("pay anew with the same coupon", &|w| w.pay(vec![coupon(1, 100), balance(200)]).unwrap()),
            ("the older one was paid after all", &|w| w.paid_exactly(1)),
            ("and is given back", &|w| w.refunded(2)),
        ]
    ));
}

#[test]
fn cancel_waits_for_the_institution() {
    insta::assert_snapshot!(story(
        World::new(),
        &[
            ("pay", &|w| w.pay(vec![coupon(1, 100), card(200)]).unwrap()),
            ("cancel before any answer", &|w| w.cancel(1).unwrap()),
            ("again", &|w| w.cancel(1).unwrap()),
            ("accepted meanwhile", &|w| w.accepted(1)),
            ("closed", &|w| w.closed(1)),
        ]
    ));
}

#[test]
fn paid_before_the_close_arrives() {
    insta::assert_snapshot!(story(
        World::new(),
        &[
            ("pay", &|w| w.pay(vec![coupon(1, 100), card(200)]).unwrap()),
            ("the trade stops", &|w| w.stop(false)),
            ("paid", &|w| w.paid_exactly(1)),
        ]
    ));
}

#[test]
fn expired_then_paid_late() {
    insta::assert_snapshot!(story(
        World::new(),
        &[
            ("pay", &|w| w.pay(vec![coupon(1, 100), card(200)]).unwrap()),
            ("the trade expires", &|w| w.stop(true)),
            ("closed", &|w| w.closed(1)),
            ("paid late", &|w| w.paid_exactly(1)),
            ("told again", &|w| w.paid_again(1, money(200))),
            ("and given back", &|w| w.refunded(2)),
        ]
    ));
}

fn reopening() -> World {
    World { late_success: LateSuccess::Reopen, ..World::new() }
}

#[test]
fn expired_then_reopened() {
    insta::assert_snapshot!(story(
        reopening(),
        &[
            ("pay", &|w| w.pay(vec![coupon(1, 100), card(200), balance(300)]).unwrap()),
            ("the trade expires", &|w| w.stop(true)),
            ("closed", &|w| w.closed(1)),
            ("paid late", &|w| w.paid_exactly(1)),
            ("told again", &|w| w.paid_again(1, money(200))),
            ("paid twice", &|w| w.paid_exactly(1)),
        ]
    ));
}

#[test]
fn reopening_falls_back_to_a_refund() {
    insta::assert_snapshot!(story(
        reopening(),
        &[
            ("pay", &|w| w.pay(vec![card(200), balance(300)]).unwrap()),
            ("closed by its own time", &|w| w.closed(1)),
            ("the balance is gone", &|w| w.ledger.frozen = Some("2001:42".into())),
            ("paid late", &|w| w.paid_exactly(1)),
            ("and given back", &|w| w.refunded(2)),
        ]
    ));
}

#[test]
fn a_used_coupon_cannot_reopen() {
    insta::assert_snapshot!(story(
        reopening(),
        &[
            ("pay", &|w| w.pay(vec![coupon(1, 100), card(200)]).unwrap()),
            ("closed", &|w| w.closed(1)),
            ("the coupon ran out", &|w| w.coupons.get_mut(&coupon_id(1)).unwrap().expires_at = Some(w.now)),
            ("paid late", &|w| w.paid_exactly(1)),
        ]
    ));
}

#[test]
fn paid_twice() {
    insta::assert_snapshot!(story(
        World::new(),
        &[
            ("pay", &|w| w.pay(vec![card(200)]).unwrap()),
            ("paid", &|w| w.paid_exactly(1)),
            ("paid twice", &|w| w.paid_exactly(1)),
            ("the second is back", &|w| w.refunded(2)),
            ("the first can still be refunded whole", &|w| w.refund("r1", 200).unwrap()),
        ]
    ));
}

#[test]
fn less_came_and_is_given_back() {
    insta::assert_snapshot!(story(
        World::new(),
        &[
            ("pay", &|w| w.pay(vec![balance(100), card(200)]).unwrap()),
            ("less came", &|w| w.paid(1, money(1))),
            ("it cannot be accepted", &|w| assert!(matches!(
                w.resolve(1, Resolution::Accept),
                Err(Refusal::ActionNotApplicable(_))
            ))),
            ("nor the payment canceled", &|w| assert!(matches!(w.cancel(1), Err(Refusal::NotCancelable("review"))))),
            ("refund", &|w| w.resolve(1, Resolution::Refund).unwrap()),
            ("it is closed now", &|w| assert_eq!(w.resolve(1, Resolution::Refund), Err(Refusal::CaseClosed))),
            ("back", &|w| w.refunded(2)),
        ]
    ));
}

#[test]
fn more_came_and_is_accepted() {
    insta::assert_snapshot!(story(
        World::new(),
        &[
            ("pay", &|w| w.pay(vec![balance(100), card(200), card(300)]).unwrap()),
            ("more came", &|w| w.paid(1, money(250))),
            ("accept", &|w| w.resolve(1, Resolution::Accept).unwrap()),
            ("the next is paid", &|w| w.paid_exactly(3)),
            ("the excess is back", &|w| w.refunded(2)),
        ]
    ));
}

#[test]
fn accepted_but_a_later_leg_fails() {
    insta::assert_snapshot!(story(
        World::new(),
        &[
            ("pay", &|w| w.pay(vec![card(200), card(300)]).unwrap()),
            ("more came", &|w| w.paid(1, money(250))),
            ("accept", &|w| w.resolve(1, Resolution::Accept).unwrap()),
            ("the next is refused", &|w| w.refused(3)),
            ("the excess is back", &|w| w.refunded(2)),
            ("the rest is back", &|w| w.refunded(4)),
        ]
    ));
}

#[test]
fn another_currency_came() {
    let usd = Money { amount: amount(200), currency: Currency::parse("USD").unwrap() };
    insta::assert_snapshot!(story(
        World::new(),
        &[
            ("pay", &|w| w.pay(vec![card(200)]).unwrap()),
            ("dollars came", &|w| w.paid(1, usd)),
            ("then what was asked", &|w| w.paid_exactly(1)),
            ("the dollars cannot be accepted", &|w| assert!(w.resolve(1, Resolution::Accept).is_err())),
            ("but given back", &|w| w.resolve(1, Resolution::Refund).unwrap()),
            ("the institution cannot", &|w| w.refund_failed(2, true)),
        ]
    ));
}

#[test]
fn what_was_asked_comes_while_a_newer_payment_runs() {
    insta::assert_snapshot!(story(
        World::new(),
        &[
            ("pay", &|w| w.pay(vec![card(200)]).unwrap()),
            ("less came", &|w| w.paid(1, money(50))),
            ("pay anew", &|w| w.pay(vec![coupon(1, 100), card(100)]).unwrap()),
            ("what was asked came too", &|w| w.paid_exactly(1)),
            ("the newer one was paid as well", &|w| w.paid_exactly(2)),
        ]
    ));
}

#[test]
fn a_closed_trade_takes_other_money_only_if_it_reopens() {
    for (world, taken) in [(World::new(), false), (reopening(), true)] {
        let mut world = world;
        world.pay(vec![balance(100), card(200)]).unwrap();
        world.paid(1, money(250));
        world.stop(true);
        assert_eq!(world.told_quiet, 1, "money that people decide about is not open outside");
        assert_eq!(world.resolve(1, Resolution::Accept).is_ok(), taken);
        assert_eq!(world.told_succeeded, u32::from(taken));
    }
}

#[test]
fn what_could_not_reopen_once_does_not_reopen_later() {
    let mut world = reopening();
    world.pay(vec![card(200), balance(300)]).unwrap();
    world.closed(1);
    world.ledger.frozen = Some("2001:42".into());
    world.paid_exactly(1);
    world.ledger.frozen = None;
    world.paid_exactly(1);
    assert_eq!(world.told_succeeded, 0);
    assert_eq!(world.state.refunds.len(), 2, "each receipt goes back");
}

#[test]
fn nobody_knows() {
    insta::assert_snapshot!(story(
        World::new(),
        &[
            ("pay", &|w| w.pay(vec![balance(100), card(200)]).unwrap()),
            ("no answer", &|w| w.unknown(1)),
            ("no new payment meanwhile", &|w| assert!(matches!(
                w.pay(vec![balance(300)]),
                Err(Refusal::PaymentInProgress(_))
            ))),
            ("the trade expires", &|w| w.stop(true)),
            ("never an answer", &|w| w.silent(1)),
            ("told again", &|w| w.silent(1)),
            ("nobody may guess", &|w| assert!(w.resolve(1, Resolution::Refund).is_err())),
            ("paid after all", &|w| w.paid_exactly(1)),
        ]
    ));
}

#[test]
fn nobody_knows_and_then_no() {
    insta::assert_snapshot!(story(
        World::new(),
        &[
            ("pay", &|w| w.pay(vec![coupon(2, 100), card(200)]).unwrap()),
            ("cancel", &|w| w.cancel(1).unwrap()),
            ("never an answer", &|w| w.silent(1)),
            ("it was not paid", &|w| w.refused(1)),
        ]
    ));
}

#[test]
fn no_time_for_the_next_leg() {
    insta::assert_snapshot!(story(
        World::new(),
        &[
            ("pay", &|w| w.pay(vec![card(100), card(200), balance(300)]).unwrap()),
            ("time passes", &|w| w.now = w.expires_at.plus(-69 * SECOND)),
            ("the first is paid", &|w| w.paid_exactly(1)),
        ]
    ));
}

#[test]
fn paid_straight_to_receivers() {
    let receiver = |name: &str| Owner::Seller(merchant(), name.into());
    let shares = [("s1", 120), ("s2", 80)].map(|(name, part)| Share { receiver: receiver(name), amount: amount(part) });
    let world = World { receivers: shares.to_vec(), ..World::new() };
    insta::assert_snapshot!(story(
        world,
        &[
            ("pay", &|w| w.pay(vec![balance(50), card(150)]).unwrap()),
            ("paid", &|w| w.paid_exactly(1)),
            ("refund from both", &|w| w.refund("r1", 150).unwrap()),
            ("back", &|w| w.refunded(2)),
            ("a receiver is short", &|w| {
                w.ledger.frozen = Some(format!("2003:{}", receiver("s2")));
                assert!(matches!(w.refund("r2", 50), Err(Refusal::ReceiversShort(_))));
            }),
        ]
    ));
}

#[test]
fn what_is_refused_changes_nothing() {
    let mut world = World::new();
    let refused = |world: &mut World, result: Result<(), Refusal>| {
        assert!(world.state.payments.is_empty() && world.log.is_empty());
        let problem = Problem::from(result.unwrap_err());
        (problem.code, problem.param)
    };
    let at = |param: &str| Some(param.to_owned());
    let result = world.pay_exactly(100, vec![balance(50), balance(40)]);
    assert_eq!(refused(&mut world, result), (Code::amount_sum_mismatch, at("tools")));
    let result = world.pay_exactly(100, Vec::new());
    assert_eq!(refused(&mut world, result), (Code::amount_sum_mismatch, at("tools")));
    let huge = kernel::limits::MAX_AMOUNT_MINOR;
    let result = world.pay_exactly(huge, vec![balance(huge), balance(huge)]);
    assert_eq!(refused(&mut world, result), (Code::amount_out_of_range, at("tools")));
    let result = world.pay(vec![balance(1); 65]);
    assert_eq!(refused(&mut world, result), (Code::too_many_objects, None));
    let result = world.pay(vec![balance(1), coupon(9, 10)]);
    assert_eq!(refused(&mut world, result), (Code::coupon_not_applicable, at("tools[1].coupon")));
    let result = world.pay(vec![coupon(1, 10), coupon(1, 10)]);
    assert_eq!(refused(&mut world, result), (Code::coupon_not_applicable, at("tools[1].coupon")));
    let result = world.pay(vec![coupon(1, 101)]);
    assert_eq!(refused(&mut world, result), (Code::coupon_not_applicable, at("tools[0].coupon")));
    let mut boleto = card(10);
    boleto.tool = kernel::message::payment::Tool::Channel { method: "boleto".into(), sandbox: None };
    let result = world.pay(vec![boleto]);
    assert_eq!(refused(&mut world, result), (Code::method_not_supported, at("tools[0].method")));
    let result = world.refund("r1", 10);
    assert_eq!(refused(&mut world, result), (Code::invalid_state, None));
    let result = world.cancel(1);
    assert_eq!(refused(&mut world, result), (Code::not_found, None));
    world.now = world.expires_at.plus(-69 * SECOND);
    let result = world.pay(vec![card(10)]);
    assert_eq!(refused(&mut world, result), (Code::trade_not_payable, None));
    world.pay(vec![balance(10)]).expect("nobody outside is needed");
}

#[test]
fn coupons_that_are_not_for_this() {
    type Change = fn(&mut crate::Coupon);
    let changes: [Change; 5] = [
        |coupon| coupon.user = kernel::UserId::parse("43").unwrap(),
        |coupon| coupon.merchant = Some(kernel::MerchantId(super::world::root(77))),
        |coupon| coupon.status = CouponStatus::Expired,
        |coupon| coupon.expires_at = Some(coupon.created_at),
        |coupon| coupon.money.currency = Currency::parse("USD").unwrap(),
    ];
    for change in changes {
        let mut world = World::new();
        change(world.coupons.get_mut(&coupon_id(1)).unwrap());
        let place = match world.pay(vec![balance(10), coupon(1, 100)]) {
            Err(Refusal::CouponNotApplicable { place, .. }) => place,
            other => panic!("{other:?}"),
        };
        assert_eq!(place, 1);
    }
    let mut world = World::new();
    let ours = world.coupons.get_mut(&coupon_id(1)).unwrap();
    ours.merchant = Some(merchant());
    ours.expires_at = Some(ours.created_at.plus(1));
    world.pay(vec![coupon(1, 100)]).unwrap();
}

#[test]
fn a_coupon_that_is_taken_fails_the_payment() {
    let mut world = World::new();
    let taken = world.coupons.get_mut(&coupon_id(1)).unwrap();
    taken.status = CouponStatus::Held;
    taken.held_by = Some(kernel::InstructionId::new(kernel::TradeId(super::world::root(9)), 1));
    world.pay(vec![coupon(1, 100), card(200), balance(5)]).unwrap();
    let payment = &world.state.payments[0];
    assert_eq!(payment.status, PaymentStatus::Failed);
    insta::assert_snapshot!(world.story("taken") + &show::state(&world.state));
}

#[test]
fn a_paid_due_is_paid() {
    let mut world = World::new();
    world.pay(vec![balance(10)]).unwrap();
    assert!(matches!(world.pay(vec![balance(10)]), Err(Refusal::TradeNotPayable(_))));
    let mut world = World::new();
    world.pay(vec![card(10)]).unwrap();
    world.stop(false);
    world.closed(1);
    assert!(matches!(world.pay(vec![balance(10)]), Err(Refusal::TradeNotPayable(_))));
    assert_eq!((buyer().as_str(), cny().code()), ("42", "CNY"));
}

#[test]
fn a_trade_has_so_many_payments() {
    let mut world = World::new();
    for _ in 0..kernel::limits::MAX_PAYMENTS {
        world.pay(vec![balance(5_000)]).unwrap();
    }
    assert!(matches!(world.pay(vec![balance(10)]), Err(Refusal::TooMany { objects: "payments", .. })));
}
