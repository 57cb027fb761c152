//! The unit of work: what a batch asks for, what it is given, and what it wants written, as plain data.

use std::sync::Arc;

use futures::future::BoxFuture;

use super::cell::Cell;
use super::error::StoreError;
use super::statement::Statement;
use super::table::Table;

/// Rows wanted of one table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ask {
    /// The table.
    pub table: &'static Table,
    /// Prefixes of the primary key (after `shard`, where the table has one), all of one length. The answer is every row
    /// whose key starts with one of them, in key order, each once. One empty prefix is the whole table,
    /// no key at all is no row.
    pub keys: Vec<Vec<Cell>>,
}

/// Where a shard's line stands: its row of table `shard`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// The number of the last committed batch; 0 before the first.
    pub seq: i64,
    /// The fencing number of the lease under which it was written.
    pub epoch: i64,
    /// The hash of the chain up to that batch.
    pub hash: [u8; 32],
    /// The time of that batch, in microseconds since 1970.
    pub last_time: i64,
    /// The accounting date of that batch, as `yyyymmdd`; 0 before the first.
    pub acct_date: i64,
}

/// One consistent view of a shard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// The head at that moment.
    pub head: Head,
    /// Per ask, its rows; per row, all columns.
    pub rows: Vec<Vec<Vec<Cell>>>,
}

/// A row that changes; the key stays.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Update {
    /// The whole row as it was read.
    pub old: Vec<Cell>,
    /// The whole row as it shall be.
    pub new: Vec<Cell>,
}

/// What shall change in one table. Carried out in the order deletes, updates, inserts, upserts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The table.
    pub table: &'static Table,
    /// Whole rows that must not exist yet.
    pub inserts: Vec<Vec<Cell>>,
    /// Rows that must exist, with the version they were read with.
    pub updates: Vec<Update>,
    /// Full keys (with `shard`) of rows that must exist.
    pub deletes: Vec<Vec<Cell>>,
    /// Whole rows that may exist: then they are replaced. For projections, which may see the same thing again.
    pub upserts: Vec<Vec<Cell>>,
}

impl Change {
    /// A change of `table` that changes nothing yet.
    pub fn of(table: &'static Table) -> Self {
        Self { table, inserts: Vec::new(), updates: Vec::new(), deletes: Vec::new(), upserts: Vec::new() }
    }
}

/// One batch, decided and ready to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Work {
    /// The shard.
    pub shard: i64,
    /// The head it was decided on: the fence. The hash is compared as well as the number, so that what was decided on one
    /// history is never written onto another of the same length, as a database that took over may have it.
    pub before: Head,
    /// The head after it.
    pub head: Head,
    /// The rows.
    pub changes: Vec<Change>,
}

/// How a write ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    /// Committed and durable.
    Done,
    /// Nothing was written: the shard has moved on, or another shard took a unique key. Decide again from fresh rows.
    Conflict,
    /// The answer of the commit was lost: only `Line::resolve` can tell.
    Unknown,
}

/// One step of a small transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Runs a statement that returns no rows.
    Run {
        /// The statement.
        statement: &'static Statement,
        /// Its parameters.
        params: Vec<Cell>,
        /// How many rows it must touch; where it touches another number, the whole transaction is undone.
        expect: Option<u64>,
    },
    /// Changes rows of one table; every row count must fit, as in a batch.
    Change(Change),
}

/// How a small transaction ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Applied {
    /// Committed; per step the number of rows it touched.
    Done(Vec<u64>),
    /// Undone: this step did not touch the number of rows it had to, or met a unique key.
    Refused {
        /// Which step, from 0.
        step: usize,
    },
    /// The answer of the commit was lost. Steps are written so that running them again is safe.
    Unknown,
}

/// The ordered line of one or more shards of one database; object safe, so that a simulator can stand in between.
///
/// A future that is dropped half-way leaves nothing behind that a later call could trip over. A write that has begun may
/// go on after its future was dropped; the next write, `resolve` and a `load` with `lock` come after its end.
pub trait Line: Send {
    /// Reads head and rows of `shard` as of one moment; while a batch is being written, of before it or after it. With
    /// `lock`, first waits for every transaction that holds the head, so that the next `write` has the best chance; nothing
    /// stays locked.
    fn load<'a>(&'a mut self, shard: i64, asks: &'a [Ask], lock: bool) -> BoxFuture<'a, Result<Snapshot, StoreError>>;

    /// Writes one batch as one transaction: the fence first, then the rows, then the commit. Wherever rows may be missing
    /// (updates, deletes), their number is compared. It may be waited for beside a `load`; the next `write` comes after its
    /// end.
    fn write(&mut self, work: Arc<Work>) -> BoxFuture<'static, Result<Written, StoreError>>;

    /// After `Written::Unknown`: the head, read behind whatever the lost transaction still does. Once this answers,
    /// that transaction is either in the head or can never commit any more.
    fn resolve<'a>(&'a mut self, shard: i64) -> BoxFuture<'a, Result<Head, StoreError>>;
}

/// Reads beside the lines; shared by all tasks.
pub trait Reader: Send + Sync {
    /// Runs a statement and gives its rows.
    fn query<'a>(
        &'a self,
        statement: &'static Statement,
        params: Vec<Cell>,
    ) -> BoxFuture<'a, Result<Vec<Vec<Cell>>, StoreError>>;

    /// Reads head and rows of `shard` as of one moment.
    fn load<'a>(&'a self, shard: i64, asks: Vec<Ask>) -> BoxFuture<'a, Result<Snapshot, StoreError>>;
}

/// Small transactions beside the lines: cursors, leases, projections, the simulated bank.
pub trait Side: Send {
    /// Runs all steps as one transaction. Where `durable` is false, a crash may forget it, never half of it.
    fn transaction<'a>(&'a mut self, steps: Vec<Step>, durable: bool) -> BoxFuture<'a, Result<Applied, StoreError>>;
}
