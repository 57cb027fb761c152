//! The verifier beside a running line: whatever is under way is not a finding.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use engine::verify;
use futures::executor::block_on;
use kernel::message::payment::Tool;
use kernel::message::trade::Command as TradeCommand;

use crate::stories::paid;
use crate::world::{Engine, Sale, World, card, cny, user};

#[test]
fn nothing_is_found_while_payments_go_on() {
    let mut world = World::new(Engine::Files).unwrap();
    world.fund(user("u1"), 1_000_000);
    let reader = world.store.reader();
    let over = Arc::new(AtomicBool::new(false));
    let ended = Arc::clone(&over);
    let verifier = thread::Builder::new()
        .spawn(move || {
            let mut reports = Vec::new();
            while !ended.load(Ordering::Relaxed) {
                reports.push(block_on(verify::run(reader.as_ref(), 0)).unwrap());
            }
            reports
        })
        .unwrap();
    for number in 0..200 {
        let coupon = world.coupon("u1", 20, false, None);
        let trade = world.sell(Sale::escrow("u1", 100).paid(vec![(Tool::Coupon(coupon), 20), (card(), 80)]));
        world.word(trade, 1, paid(cny(80), &format!("N{number}")));
        world.tell_trade(trade, TradeCommand::Confirm { amount: None, splits: Vec::new() });
        world.sell(Sale::instant("u1", 10).paid(vec![(Tool::Balance, 10)]));
    }
    over.store(true, Ordering::Relaxed);
    let reports = verifier.join().unwrap();
    for report in &reports {
        let findings: Vec<String> = report.findings.iter().map(ToString::to_string).collect();
        assert!(findings.is_empty(), "{findings:#?}");
    }
    let places: BTreeSet<i64> = reports.iter().map(|report| report.seq).collect();
    assert!(places.len() > 2, "nothing went on: {places:?}");
    println!("{} reports, at {places:?}", reports.len());
}
