//! One SQLite connection and everything the door does with it, call by call, without waiting for anything but the disk.

use std::collections::BTreeMap;
use std::path::Path;
use std::slice::ChunksExact;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, OpenFlags, Row, ToSql};

use super::fault::{fault, in_doubt, met_unique};
use crate::door::bulk::{Bulk, Pair, Verb, distinct, prefix};
use crate::door::{
    Applied, Ask, Cell, Dialect, Head, Snapshot, Statement, Step, Stop, StoreError, Table, Work, Written,
};
use crate::migrate::{Script, WANTED};
use crate::tables::schema::{self, Found};
use crate::tables::{self, shard};

/// How long a connection waits for another process or connection that is writing.
const BUSY: Duration = Duration::from_secs(5);
/// Statements kept prepared per connection; more than there are.
const PREPARED: usize = 1_024;
/// Frames in the log from which a checkpoint is due, of 4 KiB each: 64 MiB, so that pages that are written again and
/// again are copied back once.
const WAL_PAGES: i32 = 16_384;
/// Frames that may wait for a flush, of 4 KiB each: 2 MiB. A flush of much more keeps the disk so busy that whoever flushes
/// meanwhile, the line above all, waits for it.
const UNFLUSHED_PAGES: i32 = 512;

/// One connection.
pub(super) struct Core {
    connection: Connection,
    bulk_texts: BTreeMap<(&'static str, Verb, usize), String>,
    statement_texts: BTreeMap<&'static str, String>,
    /// Frames in the log after the last commit of this connection.
    wal_pages: Arc<AtomicI32>,
    /// Frames in the log from which the next checkpoint is tried.
    checkpoint_at: i32,
    /// Frames in the log when this connection flushed last.
    flushed_pages: i32,
    durable: bool,
}

impl Core {
    /// Opens a file for reading and writing, creating it if it is missing.
    pub(super) fn open(path: &Path) -> Result<Self, StoreError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        Self::prepare(Connection::open_with_flags(path, flags).map_err(fault)?)
    }

    /// A database that lives and dies with this connection.
    pub(super) fn in_memory() -> Result<Self, StoreError> {
        Self::prepare(Connection::open_in_memory().map_err(fault)?)
    }

    /// Opens a file for reading only, with others beside it under names of their own; files that are missing are left
    /// out.
    pub(super) fn read_only(path: &Path, beside: &[(&str, &Path)]) -> Result<Self, StoreError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let core = Self::prepare(Connection::open_with_flags(path, flags).map_err(fault)?)?;
        for (name, path) in beside.iter().filter(|(_, path)| path.exists()) {
            let path = path.to_str().ok_or_else(|| StoreError::other("the store's path is not UTF-8"))?;
            core.connection.execute(&format!("ATTACH ?1 AS {name}"), [path]).map_err(fault)?;
        }
        core.connection.pragma_update(None, "query_only", true).map_err(fault)?;
        Ok(core)
    }

    fn prepare(connection: Connection) -> Result<Self, StoreError> {
        connection.busy_timeout(BUSY).map_err(fault)?;
        connection.set_prepared_statement_cache_capacity(PREPARED);
        // Else a plan may look at bound values: beside a partial index every new value compiles its statement anew.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).map_err(fault)?;
        if !connection.is_readonly("main").map_err(fault)? {
            connection.pragma_update(None, "journal_mode", "wal").map_err(fault)?;
        }
        for (name, value) in [
            ("foreign_keys", 1),
            ("temp_store", 2),
            ("cache_size", -65_536),
            ("mmap_size", 0),
            ("wal_autocheckpoint", 0),
        ] {
            connection.pragma_update(None, name, value).map_err(fault)?;
        }
        connection.pragma_update(None, "synchronous", "full").map_err(fault)?;
        let wal_pages = Arc::new(AtomicI32::new(0));
        let seen = Arc::clone(&wal_pages);
        let hook = move |_: &mut rusqlite::hooks::Wal, pages| {
            seen.store(pages, Ordering::Relaxed);
            Ok(())
        };
        let mut connection = connection;
        connection.wal_hook(Some(hook)).map_err(fault)?;
        Ok(Self {
            connection,
            bulk_texts: BTreeMap::new(),
            statement_texts: BTreeMap::new(),
            wal_pages,
            checkpoint_at: WAL_PAGES,
            flushed_pages: 0,
            durable: true,
        })
    }

    /// Head and rows of a shard as of one moment.
    pub(super) fn load(&mut self, shard: i64, asks: &[Ask], lock: bool) -> Result<Snapshot, StoreError> {
        self.begin(if lock { "BEGIN IMMEDIATE" } else { "BEGIN" })?;
        let snapshot = self.read_snapshot(shard, asks);
        self.rollback();
        snapshot
    }

    /// The head of a shard.
    pub(super) fn head(&mut self, shard: i64) -> Result<Head, StoreError> {
        let rows = self.query(&shard::HEAD, &[Cell::Int(shard)])?;
        shard::head(shard, rows)
    }

    /// Writes one batch.
    pub(super) fn write(&mut self, work: &Work) -> Result<Written, StoreError> {
        let bulks = work.changes.iter().map(Bulk::of).collect::<Result<Vec<_>, _>>()?;
        self.begin("BEGIN IMMEDIATE")?;
        match self.write_rows(work, &bulks) {
            Ok(()) => self.commit().map(|()| Written::Done),
            Err(stop) => {
                self.rollback();
                match stop {
                    Stop::Conflict => Ok(Written::Conflict),
                    Stop::Fault(error) => Err(error),
                }
            }
        }
    }

    /// Runs steps as one transaction. One that need not be durable is, where much has not been flushed.
    pub(super) fn transaction(&mut self, steps: &[Step], durable: bool) -> Result<Applied, StoreError> {
        let durable = durable || self.unflushed_pages() >= UNFLUSHED_PAGES;
        self.set_durable(durable)?;
        self.begin("BEGIN IMMEDIATE")?;
        match self.run_steps(steps) {
            Ok(counts) => match self.commit() {
                Ok(()) => {
                    if durable {
                        self.flushed_pages = self.wal_pages.load(Ordering::Relaxed);
                    }
                    Ok(Applied::Done(counts))
                }
                Err(StoreError::Undurable { detail }) => {
                    tracing::error!(detail, "the disk did not confirm a commit beside the line");
                    Ok(Applied::Unknown)
                }
                Err(error) => Err(error),
            },
            Err((step, stop)) => {
                self.rollback();
                match stop {
                    Stop::Conflict => Ok(Applied::Refused { step }),
                    Stop::Fault(error) => Err(error),
                }
            }
        }
    }

    /// Runs a statement and gives its rows.
    pub(super) fn query(
        &mut self,
        statement: &'static Statement,
        params: &[Cell],
    ) -> Result<Vec<Vec<Cell>>, StoreError> {
        let text = statement_text(&mut self.statement_texts, statement);
        let mut prepared = self.connection.prepare_cached(text).map_err(fault)?;
        bind(&mut prepared, params).map_err(fault)?;
        collect(&mut prepared)
    }

    /// What tables there are.
    pub(super) fn schema(&mut self) -> Result<Found, StoreError> {
        let known = "SELECT COUNT(*) FROM sqlite_master WHERE name = 'schema_version'";
        match self.connection.query_row(known, [], |row| row.get::<_, i64>(0)).map_err(fault)? {
            0 => Ok(Found::Nothing),
            _ => match schema::number(&self.query(&schema::FOUND, &[])?)? {
                0 => Ok(Found::Nothing),
                WANTED => Ok(Found::Current(schema::number(&self.query(&schema::PRINT, &[Cell::Int(WANTED)])?)?)),
                other => Ok(Found::Version(other)),
            },
        }
    }

    /// Makes the tables: all of them or none.
    pub(super) fn migrate(&mut self, script: &Script) -> Result<(), StoreError> {
        self.atomically(|core| {
            core.connection.execute_batch(schema::VERSIONS).map_err(fault)?;
            core.run_step(&script.take)?;
            for text in &script.ddl {
                core.connection.execute_batch(text).map_err(fault)?;
            }
            core.run_first(script)
        })
    }

    /// Takes every row out, and puts those in that a new database has.
    pub(super) fn renew(&mut self, script: &Script) -> Result<(), StoreError> {
        self.atomically(|core| {
            for name in std::iter::once("schema_version").chain(tables::all().into_iter().map(|table| table.name)) {
                core.execute(&format!("DELETE FROM \"{name}\"")).map_err(fault)?;
            }
            core.run_step(&script.take)?;
            core.run_first(script)
        })
    }

    fn run_first(&mut self, script: &Script) -> Result<(), StoreError> {
        self.run_steps(&script.steps).map(|_| ()).map_err(|(_, stop)| stop.into())
    }

    fn atomically(&mut self, work: impl FnOnce(&mut Self) -> Result<(), StoreError>) -> Result<(), StoreError> {
        self.begin("BEGIN IMMEDIATE")?;
        match work(self) {
            Ok(()) => self.commit(),
            Err(error) => {
                self.rollback();
                Err(error)
            }
        }
    }

    fn read_snapshot(&mut self, shard: i64, asks: &[Ask]) -> Result<Snapshot, StoreError> {
        let head = self.head(shard)?;
        let rows = asks.iter().map(|ask| self.read_ask(shard, ask)).collect::<Result<Vec<_>, _>>()?;
        Ok(Snapshot { head, rows })
    }

    fn read_ask(&mut self, shard: i64, ask: &Ask) -> Result<Vec<Vec<Cell>>, StoreError> {
        let text = bulk_text(&mut self.bulk_texts, ask.table, Verb::Load(prefix(ask)), 1);
        let mut prepared = self.connection.prepare_cached(text).map_err(fault)?;
        let mut rows = Vec::new();
        for key in distinct(ask)? {
            let mut position = 1;
            if ask.table.sharded() {
                prepared.raw_bind_parameter(position, shard).map_err(fault)?;
                position += 1;
            }
            for cell in key {
                prepared.raw_bind_parameter(position, cell).map_err(fault)?;
                position += 1;
            }
            collect_into(&mut prepared, &mut rows)?;
        }
        Ok(rows)
    }

    fn write_rows(&mut self, work: &Work, bulks: &[Vec<Bulk<'_>>]) -> Result<(), Stop> {
        if self.run_statement(&shard::FENCE, &shard::fence(work)).map_err(fault)? != 1 {
            return Err(Stop::Conflict);
        }
        bulks.iter().flatten().try_for_each(|bulk| self.write_bulk(bulk))
    }

    /// Writes the rows, as many at a time as go.
    fn write_bulk(&mut self, bulk: &Bulk<'_>) -> Result<(), Stop> {
        let mut touched = 0;
        let mut rest = bulk.rows.as_slice();
        for size in bulk.verb.at_once() {
            let chunks = rest.chunks_exact(*size);
            rest = chunks.remainder();
            if chunks.len() > 0 {
                touched += self.write_chunks(bulk, chunks)?;
            }
        }
        if touched == bulk.rows.len() as u64 { Ok(()) } else { Err(Stop::Fault(bulk.miscounted(touched))) }
    }

    /// Writes chunks of the same size; says how many rows that touched.
    fn write_chunks(&mut self, bulk: &Bulk<'_>, chunks: ChunksExact<'_, Pair<'_>>) -> Result<u64, Stop> {
        let size = chunks.clone().next().map_or(0, <[_]>::len);
        let text = bulk_text(&mut self.bulk_texts, bulk.table, bulk.verb, size);
        let mut prepared = self.connection.prepare_cached(text).map_err(fault)?;
        let mut touched = 0;
        for rows in chunks {
            let cells = rows.iter().flat_map(|row| bulk.bound.iter().map(|bound| row.cell(*bound)));
            for (position, cell) in cells.enumerate() {
                prepared.raw_bind_parameter(position + 1, cell).map_err(fault)?;
            }
            match prepared.raw_execute() {
                Ok(count) => touched += count as u64,
                Err(error) if met_unique(&error) && bulk.contended() => return Err(Stop::Conflict),
                Err(error) => return Err(Stop::Fault(fault(error))),
            }
        }
        Ok(touched)
    }

    fn run_steps(&mut self, steps: &[Step]) -> Result<Vec<u64>, (usize, Stop)> {
        steps.iter().enumerate().map(|(number, step)| self.run_step(step).map_err(|stop| (number, stop))).collect()
    }

    fn run_step(&mut self, step: &Step) -> Result<u64, Stop> {
        match step {
            Step::Run { statement, params, expect } => match self.run_statement(statement, params) {
                Ok(count) if expect.is_some_and(|expect| expect != count) => Err(Stop::Conflict),
                Ok(count) => Ok(count),
                Err(error) if met_unique(&error) => Err(Stop::Conflict),
                Err(error) => Err(Stop::Fault(fault(error))),
            },
            Step::Change(change) => {
                let mut count = 0;
                for bulk in Bulk::of(change)? {
                    self.write_bulk(&bulk)?;
                    count += bulk.rows.len() as u64;
                }
                Ok(count)
            }
        }
    }

    fn run_statement(&mut self, statement: &'static Statement, params: &[Cell]) -> rusqlite::Result<u64> {
        let text = statement_text(&mut self.statement_texts, statement);
        let mut prepared = self.connection.prepare_cached(text)?;
        bind(&mut prepared, params)?;
        prepared.raw_execute().map(|count| count as u64)
    }

    fn begin(&mut self, text: &str) -> Result<(), StoreError> {
        // A panic in the middle of an earlier call may have left a transaction open.
        self.rollback();
        self.execute(text).map_err(fault)
    }

    fn rollback(&mut self) {
        if !self.connection.is_autocommit()
            && let Err(error) = self.execute("ROLLBACK")
        {
            tracing::error!(%error, "a transaction could not be undone");
        }
    }

    fn commit(&mut self) -> Result<(), StoreError> {
        self.execute("COMMIT").map_err(|error| {
            self.rollback();
            if in_doubt(&error) { StoreError::Undurable { detail: error.to_string() } } else { fault(error) }
        })
    }

    /// Copies the log of whoever was here before into the file, and empties it. A flush that failed may have left frames
    /// in the log that are in memory only; what is written after them would be lost with them.
    pub(super) fn settle(&mut self) -> Result<(), StoreError> {
        let settled = self.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
        match settled.map_err(fault) {
            // What is there can be read, and nothing is written before there is room.
            Err(StoreError::Full { .. }) => Ok(()),
            settled => settled,
        }
    }

    fn execute(&mut self, text: &str) -> rusqlite::Result<()> {
        self.connection.prepare_cached(text)?.raw_execute().map(|_| ())
    }

    fn set_durable(&mut self, durable: bool) -> Result<(), StoreError> {
        if self.durable != durable {
            let level = if durable { "full" } else { "normal" };
            self.connection.pragma_update(None, "synchronous", level).map_err(fault)?;
            self.durable = durable;
        }
        Ok(())
    }

    /// Frames that wait for a flush. A log that is shorter than it was has begun anew.
    fn unflushed_pages(&mut self) -> i32 {
        let pages = self.wal_pages.load(Ordering::Relaxed);
        self.flushed_pages = if pages < self.flushed_pages { 0 } else { self.flushed_pages };
        pages - self.flushed_pages
    }

    /// Whether the log of this connection's file has grown long. Asked before a call rather than after a commit, so that
    /// the batch that was just committed is answered first.
    pub(super) fn is_log_long(&mut self) -> bool {
        let pages = self.wal_pages.load(Ordering::Relaxed);
        if pages < WAL_PAGES {
            self.checkpoint_at = WAL_PAGES;
        }
        pages >= self.checkpoint_at
    }

    /// Copies the log back into the file, so that the next commit may begin it anew; says how many of its frames are
    /// copied. What readers still need stays, and is tried again when the log has grown as much again.
    pub(super) fn copy_log(&mut self) -> i32 {
        let copied = self.connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |row| row.get(2));
        let pages = self.wal_pages.swap(0, Ordering::Relaxed);
        self.checkpoint_at = pages.saturating_add(WAL_PAGES);
        copied.unwrap_or_else(|error| {
            tracing::warn!(%error, "the log could not be copied back");
            0
        })
    }
}

fn bulk_text<'t>(
    texts: &'t mut BTreeMap<(&'static str, Verb, usize), String>,
    table: &'static Table,
    verb: Verb,
    rows: usize,
) -> &'t str {
    texts.entry((table.name, verb, rows)).or_insert_with(|| verb.text(table, Dialect::Sqlite, rows))
}

fn statement_text<'t>(texts: &'t mut BTreeMap<&'static str, String>, statement: &'static Statement) -> &'t str {
    texts.entry(statement.name).or_insert_with(|| statement.text_for(Dialect::Sqlite))
}

fn bind(prepared: &mut rusqlite::Statement<'_>, params: &[Cell]) -> rusqlite::Result<()> {
    let expected = prepared.parameter_count();
    if expected != params.len() {
        return Err(rusqlite::Error::InvalidParameterCount(params.len(), expected));
    }
    params.iter().enumerate().try_for_each(|(position, cell)| prepared.raw_bind_parameter(position + 1, cell))
}

fn collect(prepared: &mut rusqlite::Statement<'_>) -> Result<Vec<Vec<Cell>>, StoreError> {
    let mut rows = Vec::new();
    collect_into(prepared, &mut rows)?;
    Ok(rows)
}

fn collect_into(prepared: &mut rusqlite::Statement<'_>, out: &mut Vec<Vec<Cell>>) -> Result<(), StoreError> {
    let width = prepared.column_count();
    let mut rows = prepared.raw_query();
    while let Some(row) = rows.next().map_err(fault)? {
        out.push((0..width).map(|position| read(row, position)).collect::<Result<_, _>>()?);
    }
    Ok(())
}

fn read(row: &Row<'_>, position: usize) -> Result<Cell, StoreError> {
    match row.get_ref(position).map_err(fault)? {
        ValueRef::Null => Ok(Cell::Null),
        ValueRef::Integer(number) => Ok(Cell::Int(number)),
        ValueRef::Text(text) => match std::str::from_utf8(text) {
            Ok(text) => Ok(Cell::text(text)),
            Err(_) => Err(StoreError::broken("a text is not UTF-8")),
        },
        ValueRef::Blob(bytes) => Ok(Cell::bytes(bytes)),
        ValueRef::Real(_) => Err(StoreError::broken("a value is a floating-point number")),
    }
}

impl ToSql for Cell {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Cell::Null => ValueRef::Null,
            Cell::Int(number) => ValueRef::Integer(*number),
            Cell::Text(text) => ValueRef::Text(text.as_bytes()),
            Cell::Bytes(bytes) => ValueRef::Blob(bytes),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tables::derived::{WATERMARK_BEGIN, WATERMARK_MOVE};

    #[test]
    fn what_need_not_be_durable_does_not_wait_for_its_flush_for_ever() {
        let directory = tempfile::tempdir().unwrap();
        let mut core = Core::open(&directory.path().join("derived.db")).unwrap();
        let table = "CREATE TABLE watermark (shard INTEGER PRIMARY KEY, seq INTEGER, at INTEGER)";
        core.connection.execute_batch(table).unwrap();
        let run = |core: &mut Core, statement, params: &[i64], durable| {
            let params = params.iter().copied().map(Cell::Int).collect();
            let step = Step::Run { statement, params, expect: Some(1) };
            assert!(matches!(core.transaction(&[step], durable), Ok(Applied::Done(_))));
            core.unflushed_pages()
        };
        assert_eq!(run(&mut core, &WATERMARK_BEGIN, &[0], true), 0, "it is flushed");
        let go_on = |core: &mut Core, from: i64, times: i64| -> Vec<i32> {
            (from..from + times).map(|seq| run(core, &WATERMARK_MOVE, &[0, seq, seq + 1, 0], false)).collect()
        };
        let twice = i64::from(UNFLUSHED_PAGES) * 2;
        let waiting = go_on(&mut core, 0, twice);
        assert_eq!(waiting.iter().max(), Some(&UNFLUSHED_PAGES), "each writes one page");
        assert_eq!(waiting.iter().filter(|pages| **pages == 0).count(), 1, "flushed once meanwhile");
        core.copy_log();
        assert_eq!(go_on(&mut core, twice, 3), [1, 2, 3], "the log began anew");
    }
}
