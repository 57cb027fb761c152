//! Every word of the sandbox to its end, on a quiet wire and on a bad one.

use std::fmt::Write as _;

use kernel::message::channel::Fact;
use kernel::time::{DAY_US, SECOND_US};

use super::world::{Faults, START, World};
use crate::adapter::{Adapter, LineKind};
use crate::sandbox::Sandbox;
use crate::sandbox::statement;
use crate::sandbox::word::{PayWord, PayoutWord, RefundWord};

const LIFETIME_S: i64 = 120;
const BAD: Faults = Faults { lost: 30, doubled: 30, delayed: 30, crashes: 3 };

fn summary(world: &World, no: u16) -> String {
    let order = world.orders.get(no).unwrap();
    let facts: Vec<String> = world.facts.iter().map(|fact| format!("{fact:?}")).collect();
    let facts: Vec<String> = facts.iter().map(|fact| fact.split([' ', '{']).next().unwrap().to_owned()).collect();
    let evidence = world.orders.evidence.iter().filter(|row| row.order == no);
    let evidence: Vec<String> = evidence
        .map(|row| {
            let money = row.amount.map(|amount| format!(" {amount} {}", row.currency.unwrap()));
            format!("{} by {}{}", row.outcome.as_str(), row.source.as_str(), money.unwrap_or_default())
        })
        .collect();
    format!(
        "{} | calls {} queries {} notifications {} | {} | {}",
        order.job.status(),
        order.attempts,
        order.queries,
        world.notified,
        facts.join(", "),
        evidence.join(", "),
    )
}

#[test]
fn every_pay_word() {
    let mut out = String::new();
    for method in ["card", "alipay.qr"] {
        for word in PayWord::ALL {
            let mut world = World::new(1, Faults::default());
            world.pay(1, method, word.as_str(), LIFETIME_S);
            world.finish();
            assert_eq!(world.told(), world.truth(), "{method} {word:?}");
            writeln!(out, "{method} {}: {}", word.as_str(), summary(&world, 1)).unwrap();
        }
    }
    insta::assert_snapshot!(out);
}

#[test]
fn every_payout_word() {
    let mut out = String::new();
    for word in PayoutWord::ALL {
        let mut world = World::new(1, Faults::default());
        world.pay_out(1, word.as_str());
        world.finish();
        assert_eq!(world.told(), world.truth(), "{word:?}");
        writeln!(out, "{}: {}", word.as_str(), summary(&world, 1)).unwrap();
    }
    insta::assert_snapshot!(out);
}

/// Lost, doubled and late on the wire: it is paid out once, and what it came to is told once.
#[test]
fn a_payout_on_a_bad_wire() {
    for seed in 0..200 {
        for word in PayoutWord::ALL {
            let mut world = World::new(seed, BAD);
            world.pay_out(1, word.as_str());
            world.finish();
            assert_eq!(world.told(), world.truth(), "{seed} {word:?}");
            let paid_out = world.facts.iter().filter(|fact| matches!(fact, Fact::PaidOut { .. })).count();
            let returned = world.facts.iter().filter(|fact| matches!(fact, Fact::PayoutReturned { .. })).count();
            let failed = world.facts.iter().filter(|fact| matches!(fact, Fact::PayoutFailed { .. })).count();
            let expected = match word {
                PayoutWord::Succeed | PayoutWord::PayoutUnknown => (1, 0, 0),
                PayoutWord::PayoutReturned => (1, 1, 0),
                PayoutWord::PayoutFail => (0, 0, 1),
            };
            assert_eq!((paid_out, returned, failed), expected, "{seed} {word:?}");
        }
    }
}

#[test]
fn every_refund_word() {
    let mut out = String::new();
    for word in RefundWord::ALL {
        let mut world = World::new(1, Faults::default());
        world.pay(1, "card", "succeed", LIFETIME_S);
        world.finish();
        world.facts.retain(|fact| !matches!(fact, Fact::Paid { .. }));
        world.refund(2, 1, word.as_str(), 400);
        world.finish();
        writeln!(out, "{}: {}", word.as_str(), summary(&world, 2)).unwrap();
    }
    insta::assert_snapshot!(out);
}

#[test]
fn most_words_end_within_seconds() {
    for method in ["card", "boleto"] {
        for word in PayWord::ALL {
            let waits =
                [PayWord::TimeoutUnpaid, PayWord::Error500, PayWord::Never, PayWord::LateSuccess].contains(word);
            let mut world = World::new(2, Faults::default());
            world.pay(1, method, word.as_str(), LIFETIME_S);
            world.run(START.plus(5 * SECOND_US));
            assert_eq!(world.orders.get(1).unwrap().is_open(), waits, "{method} {word:?}");
            let end = START.plus((LIFETIME_S + 5) * SECOND_US);
            world.run(end);
            assert!(!world.orders.get(1).unwrap().is_open(), "{method} {word:?}");
        }
    }
}

#[test]
fn success_after_a_close_is_told_as_late_money() {
    let mut world = World::new(3, Faults::default());
    world.pay(1, "wechat.qr", "late_success", LIFETIME_S);
    world.run(START.plus(3 * SECOND_US));
    world.close(1);
    world.run(START.plus(4 * SECOND_US));
    assert_eq!(world.status(1), "closed");
    assert!(matches!(world.facts.last(), Some(Fact::NotPaid { closed: true, .. })));
    world.finish();
    assert_eq!(world.status(1), "paid");
    assert!(matches!(world.facts.last(), Some(Fact::Paid { receipt: 1, .. })));
}

#[test]
fn a_close_that_wins_prevents_the_payment() {
    let mut world = World::new(4, Faults::default());
    world.pay(1, "card", "succeed_later", LIFETIME_S);
    world.run(START.plus(SECOND_US / 2));
    world.close(1);
    world.finish();
    assert_eq!(world.status(1), "closed");
    assert!(world.truth().is_empty() && world.told().is_empty());
}

#[test]
fn refunds_stay_within_what_was_received() {
    let mut world = World::new(5, Faults::default());
    world.pay(1, "card", "pay_twice", LIFETIME_S);
    world.finish();
    assert_eq!(world.orders.get(1).unwrap().receipts, 2);
    for (no, minor, status) in [(2, 1_000, "refunded"), (3, 999, "refunded"), (4, 2, "failed"), (5, 1, "refunded")] {
        world.refund(no, 1, "succeed", minor);
        world.finish();
        assert_eq!(world.status(no), status, "{no}");
    }
}

/// Messages lost, delayed past each other and doubled, and crashes between: the payment core still hears exactly what the bank knows, once.
#[test]
fn every_word_on_a_bad_wire() {
    let methods = ["card", "alipay.qr"];
    for seed in 0..150 {
        for word in PayWord::ALL {
            let mut world = World::new(seed * 1_000 + *word as u64, BAD);
            world.pay(1, methods[seed as usize % 2], word.as_str(), LIFETIME_S);
            if seed % 3 == 0 {
                world.run(START.plus((seed % 40) as i64 * SECOND_US / 10));
                world.close(1);
            }
            world.finish();
            assert_eq!(world.told(), world.truth(), "{word:?} seed {seed}: {:?}", world.orders);
            let refusals = world.facts.iter().filter(|fact| matches!(fact, Fact::NotPaid { .. })).count();
            assert!(refusals <= 1, "{word:?} seed {seed}: {:?}", world.facts);
            let order = world.orders.get(1).unwrap();
            assert!(!order.is_open());
            assert_eq!(order.receipts == 0, world.truth().is_empty(), "{word:?} seed {seed}");
        }
        for word in RefundWord::ALL {
            let mut world = World::new(seed * 1_000 + 500 + *word as u64, BAD);
            world.pay(1, "card", "succeed", LIFETIME_S);
            world.finish();
            if world.status(1) != "paid" {
                continue;
            }
            world.refund(2, 1, word.as_str(), 400);
            world.finish();
            assert_eq!(world.told(), world.truth(), "{word:?} seed {seed}: {:?}", world.orders);
        }
    }
}

#[test]
fn the_statement_reads_back_as_it_happened() {
    let mut worlds = Vec::new();
    for (place, word) in PayWord::ALL.iter().enumerate() {
        let mut world = World::new(place as u64, Faults::default());
        world.pay(1, "card", word.as_str(), LIFETIME_S);
        world.finish();
        if *word == PayWord::Succeed {
            world.refund(2, 1, "refund_returned", 400);
            world.finish();
        }
        worlds.push(world);
    }
    let receipts: u16 = worlds.iter().map(|world| world.orders.get(1).unwrap().receipts).sum();
    for (place, word) in PayoutWord::ALL.iter().enumerate() {
        let mut world = World::new(100 + place as u64, Faults::default());
        world.pay_out(1, word.as_str());
        world.finish();
        worlds.push(world);
    }
    let records: Vec<_> = worlds.iter().filter_map(|world| world.record(1)).collect();
    let bytes = statement::write(START, START.plus(DAY_US), &records);
    let lines = Sandbox.statement(&bytes).unwrap();
    let count = |kind| lines.iter().filter(|line| line.kind == kind).count();
    assert_eq!(count(LineKind::Payment), usize::from(receipts));
    assert_eq!((count(LineKind::Refund), count(LineKind::Return)), (1, 1));
    assert_eq!((count(LineKind::Payout), count(LineKind::PayoutReturn)), (3, 1));
    assert!(lines.iter().all(|line| line.kind != LineKind::Payment || line.fee_minor == 6));
    let nothing = statement::write(START.plus(DAY_US), START.plus(2 * DAY_US), &records);
    assert_eq!(Sandbox.statement(&nothing), Ok(Vec::new()));
    insta::assert_snapshot!(String::from_utf8(bytes).unwrap());
}
