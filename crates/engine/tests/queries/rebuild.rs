//! Projections made anew are the ones that were followed, whatever the steps; on files as in memory.

use std::sync::Arc;

use engine::request::Command;
use engine::work::projections::Projections;
use futures::executor::block_on;
use futures::future::{BoxFuture, FutureExt as _};
use kernel::Time;
use kernel::message::channel::DisputeOutcome;
use kernel::message::payment::Tool;
use kernel::message::trade::Command as TradeCommand;
use store::tables::derived;
use store::{Access, Applied, Ask, Cell, Opening, Place, Ports, Side, Step, Store, StoreError, Url};

use crate::house::{House, card, cny, first};

/// Every row of every projection.
fn rows(house: &House) -> Vec<(&'static str, Vec<Vec<Cell>>)> {
    let asks = derived::TABLES.iter().map(|table| Ask { table, keys: vec![Vec::new()] }).collect();
    let snapshot = block_on(house.store.reader().load(0, asks)).unwrap();
    derived::TABLES.iter().map(|table| table.name).zip(snapshot.rows).collect()
}

/// A little of everything, the projections following in steps of their own.
fn live(house: &mut House) {
    let merchant = house.merchant();
    house.fund("42", 10_000);
    house.coupon("42", None, 100, None);
    house.points("42", 100);
    for no in 0..6 {
        let (trade, _) = house.trade(merchant, &format!("A{no}"), Some(Tool::Balance), 100 + no);
        if no % 2 == 0 {
            house.say(Command::Trade(trade, TradeCommand::Confirm { amount: None, splits: Vec::new() }));
        }
        if no % 3 == 0 {
            block_on(house.worker.tick(1)).unwrap();
        }
        let (wrong, _) = house.trade(merchant, &format!("B{no}"), card(), 500);
        house.paid_outside(wrong, 500 - no % 2);
        if no % 2 == 0 {
            let (number, reason, at) = (format!("D{no}"), "fraudulent".to_owned(), Time::from_micros(1));
            let opened = DisputeOutcome::Opened { number: number.clone(), money: cny(500), reason, respond_by: at, at };
            house.disputed(wrong, opened);
            house.disputed(wrong, DisputeOutcome::Won { number, at });
        }
        if no % 2 == 1 {
            house.project();
        }
    }
    house.project();
}

fn rebuilt_equals_followed(house: &mut House) {
    live(house);
    let followed = rows(house);
    assert!(followed.iter().all(|(name, rows)| !rows.is_empty() || *name == "case_list"), "something in each");
    assert!(!followed[5].1.is_empty(), "{} has rows", followed[5].0);
    block_on(house.worker.rebuild()).unwrap();
    assert!(rows(house).iter().all(|(_, rows)| rows.is_empty()));
    let problem = block_on(house.queries.trades(Default::default(), first(5))).unwrap_err();
    assert_eq!(problem.code, kernel::Code::projection_behind);
    // In one step, where they were followed in small ones.
    assert!(!block_on(house.worker.tick(1_000)).unwrap().more);
    assert_eq!(rows(house), followed);
}

#[test]
fn in_memory() {
    rebuilt_equals_followed(&mut House::new());
}

#[test]
#[allow(clippy::disallowed_methods, reason = "the threads of a store on disk")]
fn on_files() {
    let directory = tempfile::tempdir().unwrap();
    let ports = Ports { spawn: Arc::new(|_| {}), thread: Arc::new(|_, work| drop(std::thread::spawn(work))) };
    let url = Url::Sqlite(directory.path().to_owned());
    let opening = Opening { access: Access::Serve { create: true }, shards: 1, now: 0 };
    let store = block_on(Store::open(&url, opening, ports)).unwrap();
    rebuilt_equals_followed(&mut House::on(store));
}

#[test]
fn two_workers_do_not_disturb_each_other() {
    let mut house = House::new();
    let side = house.store.side(Place::Derived).unwrap();
    let mut other = Projections::new(0, house.store.reader(), side, Default::default());
    block_on(other.tick(1)).unwrap();
    live(&mut house);
    let followed = rows(&house);
    // It believes to be far behind where the rows are; what it writes is fenced by the watermark.
    for _ in 0..100 {
        block_on(other.tick(2)).unwrap();
    }
    assert_eq!(rows(&house), followed);
}

/// Writes, and is never told so.
struct Unheard(Box<dyn Side>);

impl Side for Unheard {
    fn transaction(&mut self, steps: Vec<Step>, durable: bool) -> BoxFuture<'_, Result<Applied, StoreError>> {
        self.0.transaction(steps, durable).map(|done| done.map(|_| Applied::Unknown)).boxed()
    }
}

#[test]
fn a_lost_answer_is_looked_up_and_no_hurry() {
    let mut house = House::new();
    live(&mut house);
    let followed = rows(&house);
    block_on(house.worker.rebuild()).unwrap();
    let side = Unheard(house.store.side(Place::Derived).unwrap());
    let mut unheard = Projections::new(0, house.store.reader(), Box::new(side), Default::default());
    let mut lost = 0;
    while let Err(error) = block_on(unheard.tick(2)) {
        assert_eq!(error.code(), "store_unreachable", "who gets it waits a moment");
        lost += 1;
        assert!(lost < 1_000, "it never goes on");
    }
    assert!(lost > 5, "nothing left to do after {lost}");
    assert_eq!(rows(&house), followed, "each was written, and once");
}
