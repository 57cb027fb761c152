//! What a payment by balance costs: create and pay in one call, one receiver, on a store where both have accounts.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};

use futures::future::BoxFuture;
use kernel::message::payment::Tool;
use rusqlite::Connection;
use store::{Ask, Head, Line, Snapshot, StoreError, Work, Written};

use crate::world::{Engine, Sale, World, user};

/// Rows of one payment.
const MOST_ROWS: usize = 16;
/// Bytes of one payment on SQLite: 2.2 KB.
const MOST_BYTES: i64 = 2_252;
const PAYMENTS: i64 = 1_000;
/// Requests of one batch.
const BATCH: i64 = 50;

/// A line that keeps what was written.
struct Watched {
    line: Box<dyn Line>,
    works: Arc<Mutex<Vec<Work>>>,
}

impl Line for Watched {
    fn load<'a>(&'a mut self, shard: i64, asks: &'a [Ask], lock: bool) -> BoxFuture<'a, Result<Snapshot, StoreError>> {
        self.line.load(shard, asks, lock)
    }

    fn write(&mut self, work: Arc<Work>) -> BoxFuture<'static, Result<Written, StoreError>> {
        self.works.lock().unwrap().push((*work).clone());
        self.line.write(work)
    }

    fn resolve(&mut self, shard: i64) -> BoxFuture<'_, Result<Head, StoreError>> {
        self.line.resolve(shard)
    }
}

fn sale() -> Sale {
    Sale::instant("u1", 100).paid(vec![(Tool::Balance, 100)])
}

#[test]
fn a_payment_is_sixteen_rows() {
    let works = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&works);
    let between = Box::new(move |line| Box::new(Watched { line, works: seen }) as Box<dyn Line>);
    let mut world = World::build(Engine::Memory, between).unwrap();
    world.fund(user("u1"), 1_000);
    world.sell(sale());
    works.lock().unwrap().clear();
    world.sell(sale());
    let works = works.lock().unwrap();
    let [work] = works.as_slice() else { panic!("one batch: {}", works.len()) };
    let mut inserted = BTreeMap::new();
    for change in work.changes.iter().filter(|change| change.table.name != "batch") {
        assert!(change.deletes.is_empty() && change.upserts.is_empty(), "{}", change.table.name);
        assert!(change.updates.is_empty() || change.table.name == "account", "{}", change.table.name);
        if !change.inserts.is_empty() {
            inserted.insert(change.table.name, change.inserts.len());
        }
    }
    let rows: usize = inserted.values().sum();
    println!("{rows} rows, and one of the batch: {inserted:?}");
    assert!(rows <= MOST_ROWS, "{rows} rows: {inserted:?}");
}

/// Size of the file, all of it written back.
fn size(directory: &Path) -> i64 {
    let connection = Connection::open(directory.join("suanpan.db")).unwrap();
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
    connection
        .query_row("SELECT page_count * page_size FROM pragma_page_count, pragma_page_size", [], |row| row.get(0))
        .unwrap()
}

/// Bytes of rows per table.
fn payload(directory: &Path) -> BTreeMap<String, i64> {
    let connection = Connection::open(directory.join("suanpan.db")).unwrap();
    let text = "SELECT name, SUM(pgsize) FROM dbstat GROUP BY name";
    let mut statement = connection.prepare(text).unwrap();
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    rows.collect::<Result<_, _>>().unwrap()
}

#[test]
fn a_payment_is_two_kilobytes() {
    let mut world = World::new(Engine::Files).unwrap();
    world.fund(user("u1"), 1_000_000);
    world.sell(sale());
    let (before, tables) = (size(world.path()), payload(world.path()));
    for _ in 0..PAYMENTS / BATCH {
        world.pass(20_000);
        let requests = (0..BATCH).map(|_| {
            let command = world.create(&sale()).1;
            world.request(command)
        });
        let requests = requests.collect();
        for reply in world.batch(requests) {
            let reply = reply.unwrap();
            assert!(reply.status == 201 && reply.body.contains("\"completed\""), "{}", reply.body);
        }
    }
    let (after, more) = (size(world.path()), payload(world.path()));
    let each = (after - before) / PAYMENTS;
    println!("{each} bytes of file per payment in batches of {BATCH}");
    for (name, bytes) in &more {
        let grown = bytes - tables.get(name).copied().unwrap_or_default();
        if grown > 0 {
            println!("{:>6}  {name}", grown / PAYMENTS);
        }
    }
    assert!(each <= MOST_BYTES, "{each} bytes");
}
