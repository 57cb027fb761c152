//! Every situation of a payment, a refund part and a case against everything that can be said about it: what changes,
//! and what is asked of whom. A change of a rule is a visible difference here.

use kernel::Money;
use kernel::message::payment::{CaseAct, Resolution};
use kernel::message::trade::LateSuccess;

use super::world::{World, balance, card, coupon, money};
use crate::{Payments, Refusal};

type Said = Result<(), Refusal>;
/// What is said, and how.
type Saying<'a> = (&'a str, &'a dyn Fn(&mut World) -> Said);

/// A payment of a coupon and two cards of 200 and 300, brought into each situation by what is said about order 1.
fn payment_situations() -> Vec<(&'static str, World)> {
    let situation = |name, steps: &[&dyn Fn(&mut World)]| {
        let mut world = World::new();
        world.pay(vec![coupon(1, 100), card(200)]).unwrap();
        steps.iter().for_each(|step| step(&mut world));
        (name, world)
    };
    vec![
        situation("sent", &[]),
        situation("requires_action", &[&|w| w.accepted(1)]),
        situation("pending", &[&|w| w.pending(1)]),
        situation("unknown", &[&|w| w.unknown(1)]),
        situation("silent", &[&|w| w.silent(1)]),
        situation("canceling", &[&|w| w.accepted(1), &|w| w.cancel(1).unwrap()]),
        situation("stopping", &[&|w| w.accepted(1), &|w| w.stop(true)]),
        situation("silent, closed", &[&|w| w.silent(1), &|w| w.stop(true)]),
        situation("silent, reopens", &[&|w| w.silent(1), &|w| w.stop(true), &reopen]),
        situation("review less", &[&|w| w.paid(1, money(150))]),
        situation("review more", &[&|w| w.paid(1, money(250))]),
        situation("succeeded", &[&|w| w.paid_exactly(1)]),
        situation("failed", &[&|w| w.refused(1)]),
        situation("canceled", &[&|w| w.accepted(1), &|w| w.cancel(1).unwrap(), &|w| w.closed(1)]),
        situation("expired", &[&|w| w.stop(true), &|w| w.closed(1)]),
        situation("expired, reopens", &[&|w| w.stop(true), &|w| w.closed(1), &reopen]),
        situation("replaced", &[&|w| w.pending(1), &|w| w.pay(vec![card(300)]).unwrap()]),
        situation("replaced, paid", &[&|w| w.pending(1), &|w| w.pay(vec![balance(300)]).unwrap()]),
        situation("surplus", &[&|w| w.refused(1), &|w| w.paid_exactly(1)]),
        situation("reversed", &[&|w| w.refused(1), &|w| w.paid_exactly(1), &|w| w.refunded(2)]),
    ]
}

fn reopen(world: &mut World) {
    world.late_success = LateSuccess::Reopen;
    world.state.payments.iter_mut().for_each(|payment| payment.late_success = LateSuccess::Reopen);
}

fn outcome(world: &World, input: &dyn Fn(&mut World) -> Said, status: impl Fn(&Payments) -> String) -> String {
    let mut after = world.clone();
    after.log.clear();
    let before = status(&world.state);
    let said = input(&mut after);
    if let Err(refusal) = said {
        assert!(after.log.is_empty(), "a refusal changes nothing");
        return kernel::Problem::from(refusal).code.to_string();
    }
    let log = after.log.join("; ");
    let now = status(&after.state);
    match (now == before, log.is_empty()) {
        (true, true) => ".".to_owned(),
        (true, false) => log,
        (false, true) => now,
        (false, false) => format!("{now} | {log}"),
    }
}

fn grid(situations: &[(&str, World)], inputs: &[Saying<'_>], status: impl Fn(&Payments) -> String + Copy) -> String {
    let mut out = String::new();
    for (name, world) in situations {
        out.push_str(&format!("{name}: {}\n", status(&world.state)));
        for (said, input) in inputs {
            out.push_str(&format!("  {said:<16} {}\n", outcome(world, input, status)));
        }
    }
    out
}

fn told(say: impl Fn(&mut World)) -> impl Fn(&mut World) -> Said {
    move |world| {
        say(world);
        Ok(())
    }
}

#[test]
fn payments() {
    let usd = Money { currency: kernel::Currency::parse("USD").unwrap(), ..money(200) };
    insta::assert_snapshot!(grid(
        &payment_situations(),
        &[
            ("accepted", &told(|w| w.accepted(1))),
            ("pending", &told(|w| w.pending(1))),
            ("unknown", &told(|w| w.unknown(1))),
            ("paid", &told(|w| w.paid_exactly(1))),
            ("paid, told twice", &told(|w| w.paid_again(1, money(200)))),
            ("paid less", &told(|w| w.paid(1, money(1)))),
            ("paid dollars", &told(|w| w.paid(1, usd))),
            ("refused", &told(|w| w.refused(1))),
            ("closed", &told(|w| w.closed(1))),
            ("silent", &told(|w| w.silent(1))),
            ("suspect", &told(|w| w.suspect(1))),
            ("cancel", &|w| w.cancel(1)),
            ("stop", &told(|w| w.stop(false))),
            ("pay balance", &|w| w.pay(vec![balance(300)])),
            ("pay coupon, card", &|w| w.pay(vec![coupon(1, 100), card(200)])),
            ("refund", &|w| w.refund("r9", 10)),
            ("accept", &|w| w.resolve(1, Resolution::Accept)),
            ("give back", &|w| w.resolve(1, Resolution::Refund)),
            ("propose giving back", &|w| w.propose(1, Resolution::Refund)),
            ("approve", &|w| w.people(1, 2, CaseAct::Approve)),
        ],
        |state| {
            let payment = &state.payments[0];
            let leg = &payment.instructions[1];
            format!("{}/{}", payment.status.as_str(), leg.status.as_str())
        },
    ));
}

/// A refund of 60 from balance and 90 from a card, brought into each situation by what is said about order 2.
fn refund_situations() -> Vec<(&'static str, World)> {
    let situation = |name, steps: &[&dyn Fn(&mut World)]| {
        let mut world = World::new();
        world.pay(vec![balance(120), card(180)]).unwrap();
        world.paid_exactly(1);
        world.refund("r1", 150).unwrap();
        steps.iter().for_each(|step| step(&mut world));
        (name, world)
    };
    vec![
        situation("pending", &[]),
        situation("silent", &[&|w| w.silent(2)]),
        situation("suspect", &[&|w| w.suspect(2)]),
        situation("succeeded", &[&|w| w.refunded(2)]),
        situation("failed", &[&|w| w.refund_failed(2, false)]),
        situation("failed, suspect", &[&|w| w.refund_failed(2, false), &|w| w.suspect(2)]),
        situation("other way", &[&|w| w.refund_failed(2, true)]),
        situation("returned", &[&|w| w.refunded(2), &|w| w.refund_returned(2)]),
        situation(
            "failed, retry proposed",
            &[&|w| w.refund_failed(2, false), &|w| w.propose(1, Resolution::Retry).unwrap()],
        ),
        situation("tried again", &[&|w| w.refund_failed(2, false), &|w| w.resolve(1, Resolution::Retry).unwrap()]),
        situation(
            "returned, tried again",
            &[&|w| w.refunded(2), &|w| w.refund_returned(2), &|w| w.resolve(1, Resolution::Retry).unwrap()],
        ),
    ]
}

#[test]
fn refunds() {
    insta::assert_snapshot!(grid(
        &refund_situations(),
        &[
            ("refunded", &told(|w| w.refunded(2))),
            (
                "refunded, retry",
                &told(|w| if w.orders.contains_key(&3) {
                    w.refunded(3)
                })
            ),
            ("failed", &told(|w| w.refund_failed(2, false))),
            ("failed, other way", &told(|w| w.refund_failed(2, true))),
            (
                "failed, retry",
                &told(|w| if w.orders.contains_key(&3) {
                    w.refund_failed(3, false)
                })
            ),
            ("returned", &told(|w| w.refund_returned(2))),
            ("silent", &told(|w| w.silent(2))),
            ("suspect", &told(|w| w.suspect(2))),
            ("refund the same", &|w| w.refund("r1", 150)),
            ("refund the rest", &|w| w.refund("r2", 150)),
            ("refund too much", &|w| w.refund("r2", 151)),
            ("case 1: accept", &|w| w.resolve(1, Resolution::Accept)),
            ("case 1: refund", &|w| w.resolve(1, Resolution::Refund)),
            ("case 1: retry", &|w| w.resolve(1, Resolution::Retry)),
            ("case 1: other way", &|w| w.resolve(1, Resolution::OtherWay)),
            ("case 2: accept", &|w| w.resolve(2, Resolution::Accept)),
            ("case 1: propose retry", &|w| w.propose(1, Resolution::Retry)),
            ("case 1: approve", &|w| w.people(1, 2, CaseAct::Approve)),
        ],
        |state| format!("{}/{}", state.refunds[0].status.as_str(), state.refunds[0].parts[1].status.as_str()),
    ));
}
