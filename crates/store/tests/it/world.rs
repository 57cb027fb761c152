//! A fresh store per test, on any engine, and a table of its own to play with.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

use store::{
    Access, Applied, Ask, Cell, Change, Dialect, Head, Line, Opening, Place, Ports, Row, Snapshot, Statement, Step,
    Store, StoreError, Table, Update, Url, Work, Written, row,
};
use tokio::runtime::{Builder, Handle};

/// Where a test runs.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Engine {
    Memory,
    File,
    Postgres,
}

/// A store with two shards and the table `piece`.
pub(crate) struct World {
    pub(crate) store: Store,
    pub(crate) engine: Engine,
    /// The address; none in memory.
    pub(crate) url: Option<Url>,
    _directory: Option<tempfile::TempDir>,
}

row! {
    /// A row with every kind of column.
    pub(crate) struct Piece in Main "piece" key 4, version version {
        /// The shard.
        pub(crate) shard: i64,
        /// A number in the key.
        pub(crate) shelf: i64,
        /// Text in the key.
        pub(crate) name: store::Text,
        /// Bytes in the key.
        pub(crate) id: [u8; 2],
        /// A number with a check.
        pub(crate) count: i64,
        /// Text or nothing, unique.
        pub(crate) label: Option<store::Text>,
        /// Bytes or nothing.
        pub(crate) blob: Option<Vec<u8>>,
        /// The version.
        pub(crate) version: i64,
    }
    check "count >= 0";
    unique "piece_label" (shard, label) where "label IS NOT NULL";
}

/// A row of `piece`.
pub(crate) fn piece(shelf: i64, name: &str, count: i64) -> Piece {
    let name = name.to_owned();
    Piece { shard: 0, shelf, name: name.into(), id: [0, 1], count, label: None, blob: None, version: 0 }
}

/// Runs a test on an engine; says so and passes where there is no PostgreSQL.
pub(crate) fn on(engine: Engine, test: impl AsyncFnOnce(World)) {
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        if let Some(world) = World::new(engine).await {
            test(world).await;
        }
    });
}

/// The address of a new database; none where there is no PostgreSQL.
pub(crate) fn new_database() -> Option<Url> {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let name = format!("test_{}", NUMBER.fetch_add(1, Ordering::Relaxed));
    let url = testkit::postgres::shared()?.create_database(&name).unwrap();
    Some(url.parse().unwrap())
}

/// The ports, on the runtime of the caller.
pub(crate) fn ports() -> Ports {
    let handle = Handle::current();
    Ports {
        spawn: Arc::new(move |future| drop(handle.spawn(future))),
        thread: Arc::new(|thread, run| drop(thread::Builder::new().name(thread.name().into()).spawn(run).unwrap())),
    }
}

/// Opens a store.
pub(crate) async fn open(url: &Url, access: Access) -> Result<Store, StoreError> {
    Store::open(url, Opening { access, shards: 2, now: 1 }, ports()).await
}

/// Creates a table of the tests.
pub(crate) async fn create(store: &Store, table: &Table, dialect: Dialect) {
    let mut side = store.side(Place::Main).unwrap();
    for text in table.ddl(dialect) {
        let statement = Statement { name: text.clone().leak(), text: text.leak(), params: &[], sqlite: None };
        let steps = vec![Step::Run { statement: Box::leak(Box::new(statement)), params: Vec::new(), expect: None }];
        assert!(matches!(side.transaction(steps, true).await.unwrap(), Applied::Done(_)));
    }
}

impl World {
    async fn new(engine: Engine) -> Option<Self> {
        let directory = tempfile::tempdir().unwrap();
        let url = match engine {
            Engine::Memory => None,
            Engine::File => Some(format!("sqlite:{}", directory.path().display()).parse().unwrap()),
            Engine::Postgres => Some(new_database()?),
        };
        let store = match &url {
            None => Store::in_memory(2).unwrap(),
            Some(url) => open(url, Access::Serve { create: true }).await.unwrap(),
        };
        let dialect = if engine == Engine::Postgres { Dialect::Postgres } else { Dialect::Sqlite };
        create(&store, Piece::TABLE, dialect).await;
        Some(Self { store, engine, url, _directory: Some(directory) })
    }

    pub(crate) fn line(&self) -> Box<dyn Line> {
        self.store.line().unwrap()
    }
}

/// The head after the next batch of a shard.
pub(crate) fn next(head: &Head) -> Head {
    Head { seq: head.seq + 1, last_time: head.last_time + 1, hash: [7; 32], ..head.clone() }
}

/// The next batch of shard 0, decided on this head.
pub(crate) fn after(head: &Head, changes: Vec<Change>) -> Arc<Work> {
    Arc::new(Work { shard: 0, before: head.clone(), head: next(head), changes })
}

/// Writes changes on top of the shard's present head.
pub(crate) async fn write(line: &mut dyn Line, shard: i64, changes: Vec<Change>) -> Result<Written, StoreError> {
    let head = line.load(shard, &[], false).await.unwrap().head;
    line.write(Arc::new(Work { shard, before: head.clone(), head: next(&head), changes })).await
}

/// A change that inserts rows.
pub(crate) fn inserts<R: Row>(rows: &[R]) -> Change {
    Change { inserts: rows.iter().cloned().map(Row::cells).collect(), ..Change::of(R::TABLE) }
}

/// A change that updates rows.
pub(crate) fn updates<R: Row>(pairs: &[(R, R)]) -> Change {
    let updates =
        pairs.iter().map(|(old, new)| Update { old: old.clone().cells(), new: new.clone().cells() }).collect();
    Change { updates, ..Change::of(R::TABLE) }
}

/// A change that deletes a row.
pub(crate) fn deletes<R: Row>(row: &R) -> Change {
    let key = row.clone().cells().into_iter().take(R::TABLE.key).collect();
    Change { deletes: vec![key], ..Change::of(R::TABLE) }
}

/// Asks for rows by prefixes.
pub(crate) fn ask<R: Row>(keys: Vec<Vec<Cell>>) -> Ask {
    Ask { table: R::TABLE, keys }
}

/// The rows of the first ask.
pub(crate) fn rows<R: Row>(snapshot: Snapshot) -> Vec<R> {
    let rows = snapshot.rows.into_iter().next().unwrap();
    rows.into_iter().map(|row| R::from_cells(row).unwrap()).collect()
}

/// All rows of a table in a shard.
pub(crate) async fn all<R: Row>(line: &mut dyn Line, shard: i64) -> Vec<R> {
    rows(line.load(shard, &[ask::<R>(vec![vec![]])], false).await.unwrap())
}

/// A text cell.
pub(crate) fn text(text: &str) -> Cell {
    Cell::text(text)
}
