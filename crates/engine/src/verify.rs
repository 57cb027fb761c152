//! The verifier: everything that must always hold, derived again from the rows and compared; names the row that breaks it.
//!
//! 1. **The ledger from its transfers alone**: the head is fixed, then the chain is followed batch by batch in
//!    strides: numbers without gaps, hashes, sums; every counter and version of every account, every floor and every
//!    hold after each transfer. Account rows and holds are compared with what was derived.
//! 2. **What the rows say of each other**: the named statements of [`store::invariants`], in ranges.
//! 3. **What needs the rules**: events against the machines, states against their last event, states against the money
//!    that was booked for them, tasks against the timers of the states, claims against their answers.
//!
//! It reads only, and works beside a running server: no snapshot covers more than one stride. Where rows that change are
//! compared with the log, they are read together with the head of that moment, and the log is first followed up to it.
//! Memory: a few hundred bytes per account and per trade.

mod accounts;
mod answers;
mod bills;
mod book;
mod books;
mod chain;
mod counters;
mod events;
mod issued;
mod key;
mod money;
mod statements;
mod tasks;
mod trail;
mod trees;

use std::fmt;

use kernel::{Bucket, Shards, Time};
use store::tables::shard::{HEAD, SHARDS, Shard, shards};
use store::{Cell, Inconsistent, Reader, Row, StoreError, Table};

use self::books::Books;
use self::counters::Counted;
use crate::control::Control;

/// Most findings that a report lists; the rest is counted.
const MAX_FINDINGS: usize = 1_000;

/// One thing that does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The code of the invariant, as `I05`.
    pub invariant: &'static str,
    /// The table of the row that breaks it.
    pub table: &'static str,
    /// The row's key, readable: ids in their text form.
    pub key: String,
    /// What is wrong; never the value of a column.
    pub what: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { invariant, table, key, what } = self;
        write!(f, "{invariant}: {table} {key}: {what}")
    }
}

/// How much was looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Checked {
    /// Batches of the chain.
    pub batches: u64,
    /// Vouchers.
    pub vouchers: u64,
    /// Transfers.
    pub transfers: u64,
    /// Accounts.
    pub accounts: u64,
    /// Events.
    pub events: u64,
    /// Stored answers.
    pub answers: u64,
    /// Claims.
    pub claims: u64,
    /// Trades with their trees.
    pub trades: u64,
    /// Coupons.
    pub coupons: u64,
    /// Gifts.
    pub gifts: u64,
    /// Grants of points.
    pub grants: u64,
    /// Credit lines.
    pub credit_lines: u64,
    /// Their bills.
    pub bills: u64,
    /// Slots of counters.
    pub counters: u64,
    /// Tasks.
    pub tasks: u64,
    /// Runs of named statements.
    pub statements: u64,
}

/// What a verification found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// What does not hold, in the order in which it was found; the chain first.
    pub findings: Vec<Finding>,
    /// Findings beyond those listed.
    pub more: u64,
    /// How much was looked at.
    pub checked: Checked,
    /// The batch up to which the log was followed.
    pub seq: i64,
}

impl Report {
    /// Whether everything holds.
    pub fn is_clean(&self) -> bool {
        self.findings.is_empty()
    }

    fn note(&mut self, invariant: &'static str, table: &'static Table, key: String, what: impl Into<String>) {
        if self.findings.len() < MAX_FINDINGS {
            self.findings.push(Finding { invariant, table: table.name, key, what: what.into() });
        } else {
            self.more += 1;
        }
    }

    /// A row that fits no state of its type.
    fn note_unfit(&mut self, table: &'static Table, key: String, error: &Inconsistent) {
        self.note("row", table, key, format!("fits no state: column `{}` {}", error.column, error.why));
    }

    /// The row as its type; noted where it is none.
    fn read<R: Row>(&mut self, cells: Vec<Cell>) -> Option<R> {
        let key = key::of_row(R::TABLE, &cells);
        match R::from_cells(cells) {
            Ok(row) => Some(row),
            Err(error) => {
                self.note_unfit(R::TABLE, key, &error);
                None
            }
        }
    }
}

/// What is asked besides what always holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Where nothing is under way any more: the time past which nothing may wait without a case.
    pub quiesced_at: Option<Time>,
}

/// Verifies a shard.
///
/// # Errors
/// When the store cannot be read; never because of what is in it.
pub async fn run(reader: &dyn Reader, shard: i64) -> Result<Report, StoreError> {
    run_with(reader, shard, Options::default()).await
}

/// Verifies a shard, with options.
///
/// # Errors
/// When the store cannot be read; never because of what is in it.
pub async fn run_with(reader: &dyn Reader, shard: i64, options: Options) -> Result<Report, StoreError> {
    let mut report = Report::default();
    if reader.query(&HEAD, vec![Cell::Int(shard)]).await?.is_empty() {
        report.note("I33", Shard::TABLE, shard.to_string(), "is missing");
        return Ok(report);
    }
    let shards = match shards(&reader.query(&SHARDS, Vec::new()).await?) {
        Ok(shards) => shards,
        Err(error) => {
            report.note("I33", Shard::TABLE, shard.to_string(), error.detail());
            return Ok(report);
        }
    };
    let scene = Scene { reader, shard, shards, options };
    let mut books = Books::new(shard);
    books.follow_to_head(&scene, &mut report).await?;
    let control = scene.control(&mut report).await?;
    accounts::check(&scene, &mut books, control.as_ref().map(|control| control.salt), &mut report).await?;
    let mut counted = match &control {
        Some(control) => Some(Counted::begin(&scene, control, &mut report).await?),
        None => None,
    };
    trees::check(&scene, &mut books, counted.as_mut(), &mut report).await?;
    if let Some(counted) = counted {
        counted.end(&scene, &mut report).await?;
    }
    answers::check(&scene, &mut report).await?;
    tasks::check(&scene, &mut report).await?;
    issued::check(&scene, &mut report).await?;
    bills::check(&scene, &mut books, &mut report).await?;
    statements::over_log(&scene, books.seq(), &mut report).await?;
    statements::over_shard(&scene, &mut report).await?;
    report.seq = books.seq();
    Ok(report)
}

/// Verifies all shards of a store, one after the other; what each brought, in their order.
///
/// # Errors
/// When the store cannot be read; never because of what is in it.
pub async fn run_all(reader: &dyn Reader, options: Options) -> Result<Vec<Report>, StoreError> {
    let known = shards(&reader.query(&SHARDS, Vec::new()).await?).unwrap_or(Shards::ONE);
    let mut reports = Vec::new();
    for shard in known.all() {
        reports.push(run_with(reader, shard, options).await?);
    }
    Ok(reports)
}

/// Where a verification takes place.
#[derive(Clone, Copy)]
struct Scene<'a> {
    reader: &'a dyn Reader,
    shard: i64,
    shards: Shards,
    options: Options,
}

impl Scene<'_> {
    /// Notes what does not stand in the shard of its bucket.
    fn check_home(&self, bucket: Bucket, table: &'static Table, key: String, report: &mut Report) {
        if self.shards.of(bucket) != self.shard {
            report.note("I37", table, key, "stands in another shard than that of its bucket");
        }
    }

    /// Control data, with what account ids are derived with; `None`, and noted, where the store was never given it.
    async fn control(&self, report: &mut Report) -> Result<Option<Control>, StoreError> {
        let table = store::tables::shard::Control::TABLE;
        match Control::load(self.reader, 0, &Control::default()).await {
            Ok(control) if control.born => Ok(Some(control)),
            Ok(_) if report.checked.transfers == 0 => Ok(None),
            Ok(_) => {
                report.note("I33", table, "birth".to_owned(), "is missing: account ids cannot be derived");
                Ok(None)
            }
            Err(StoreError::Broken { detail }) => {
                report.note("row", table, "(one of them)".to_owned(), detail);
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// A statement's rows.
    async fn query(
        &self,
        statement: &'static store::Statement,
        params: Vec<Cell>,
    ) -> Result<Vec<Vec<Cell>>, StoreError> {
        self.reader.query(statement, params).await
    }
}

/// Bytes as a cell.
fn bytes(value: &[u8]) -> Cell {
    Cell::bytes(value)
}

/// The sixteen bytes of an id in the first cell of a row.
fn id(row: &[Cell]) -> Option<[u8; 16]> {
    match row.first() {
        Some(Cell::Bytes(bytes)) => bytes.as_ref().try_into().ok(),
        _ => None,
    }
}
