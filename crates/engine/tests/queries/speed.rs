use std::sync::Arc; use std::time::Instant;
use futures::executor::block_on;
use kernel::message::payment::Tool;
use store::{Access, Opening, Ports, Store, Url};
use crate::house::House;
#[test]
#[allow(clippy::disallowed_methods)]
fn speed() {
    let directory = tempfile::tempdir().unwrap();
    let ports = Ports { spawn: Arc::new(|_| {}), thread: Arc::new(|_, work| drop(std::thread::spawn(work))) };
    let url = Url::Sqlite(directory.path().to_owned());
    let opening = Opening { access: Access::Serve { create: true }, shards: 1, now: 0 };
    let mut house = House::on(block_on(Store::open(&url, opening, ports)).unwrap());
    let merchant = house.merchant();
    for no in 0..1000 { house.fund(&no.to_string(), 1_000_000); }
    house.project();
    let t = Instant::now();
    let mut n = 0;
    for _ in 0..400 {
        let mut commands = Vec::new();
        for _ in 0..50 { n += 1; let (_, c) = house.order_by(merchant, &format!("{}", n * 7919 % 1000), &format!("N{n}"), Some(Tool::Balance), 100); commands.push(c); }
        house.ask(commands);
    }
    println!("wrote {n} in {:?}", t.elapsed());
    let t = Instant::now();
    let mut ticks = 0;
    while block_on(house.worker.tick(256)).unwrap().more { ticks += 1; }
    println!("projected {n} in {:?} ticks {ticks}", t.elapsed());
    let t = Instant::now();
    for _ in 0..1000 { block_on(house.queries.trades(Default::default(), crate::house::first(20))).unwrap(); }
    println!("list of 20: {:?}", t.elapsed() / 1000);
    for f in ["suanpan.db", "derived.db", "derived.db-wal"] { println!("{f} {:?}", std::fs::metadata(directory.path().join(f)).map(|m| m.len())); }
}
