//! Figures of what lies below HTTP, measured inside a process: the ledger alone, and the naive way beside it. The caller
//! measures; here are the sums, the table and the JSON.

use std::io::Write;
use std::path::Path;
use std::time::Duration;

use comfy_table::Table;
use comfy_table::presets::ASCII_MARKDOWN;
use serde::Serialize;

use crate::load::machine::{Cpu, Machine};
use crate::load::tally::{Latencies, Summary};

/// How the work was cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Things in one transaction.
    pub batch: usize,
    /// Transactions under way at a time: lines, or connections.
    pub writers: usize,
    /// Whether everything goes to one account.
    pub hot: bool,
}

/// What one writer did in the time counted.
#[derive(Clone, Debug, Default)]
pub struct Part {
    /// Things that are durable.
    pub done: u64,
    /// From the beginning to the end of its last transaction.
    pub elapsed: Duration,
    /// Of one transaction, decided and written.
    pub latency: Latencies,
}

/// The figures of one shape.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// Things in one transaction.
    pub batch: usize,
    /// Transactions under way at a time.
    pub writers: usize,
    /// Whether everything went to one account.
    pub hot: bool,
    /// Things done.
    pub done: u64,
    /// Things per second, summed over the writers.
    pub per_s: f64,
    /// Of one transaction.
    pub latency: Option<Summary>,
    /// CPU time of this process per thing, in microseconds; with SQLite the database is in it.
    pub own_cpu_us: Option<f64>,
    /// CPU time of the database's processes per thing, in microseconds, where they are watched.
    pub database_cpu_us: Option<f64>,
}

impl Row {
    /// Sums up what the writers did at the same time.
    pub fn new(shape: Shape, parts: &[Part], cpu: Option<Cpu>) -> Self {
        let done: u64 = parts.iter().map(|part| part.done).sum();
        let per_s = parts.iter().map(|part| part.done as f64 / part.elapsed.as_secs_f64().max(1e-6)).sum();
        let mut latency = Latencies::default();
        for part in parts {
            latency.add(&part.latency);
        }
        let per_thing = |time: Duration| (done > 0).then(|| time.as_secs_f64() * 1e6 / done as f64);
        Self {
            batch: shape.batch,
            writers: shape.writers,
            hot: shape.hot,
            done,
            per_s,
            latency: latency.summary(),
            own_cpu_us: cpu.and_then(|cpu| per_thing(cpu.server)),
            database_cpu_us: cpu.filter(|cpu| !cpu.database.is_zero()).and_then(|cpu| per_thing(cpu.database)),
        }
    }
}

/// All shapes of one run.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// When it was measured, RFC 3339.
    pub started_at: String,
    /// What was measured: `ledger` or `naive`.
    pub what: &'static str,
    /// Which database: `sqlite` or `postgres`.
    pub store: &'static str,
    /// Accounts of payers.
    pub accounts: u64,
    /// Where.
    pub machine: Machine,
    /// The figures.
    pub rows: Vec<Row>,
}

impl Report {
    /// A report without figures yet.
    pub fn new(what: &'static str, store: &'static str, accounts: u64) -> Self {
        let started_at = jiff::Timestamp::now().to_string();
        Self { started_at, what, store, accounts, machine: Machine::this(), rows: Vec::new() }
    }

    /// Prints it for people.
    pub fn print(&self, out: &mut (dyn Write + Send)) -> std::io::Result<()> {
        let machine = &self.machine;
        writeln!(
            out,
            "{} on {}: {} accounts; {} cores of {}, Linux {}\n",
            self.what, self.store, self.accounts, machine.cores, machine.cpu_model, machine.kernel
        )?;
        let mut table = Table::new();
        table.load_style(ASCII_MARKDOWN).set_header([
            "batch",
            "writers",
            "hot",
            "per s",
            "p50 ms",
            "p99 ms",
            "CPU µs own",
            "CPU µs database",
        ]);
        for row in &self.rows {
            table.add_row(cells(row));
        }
        writeln!(out, "{table}")
    }

    /// Writes it for machines.
    pub fn write_json(&self, path: &Path) -> std::io::Result<()> {
        std::fs::write(path, serde_json::to_vec_pretty(self)?)
    }
}

fn cells(row: &Row) -> [String; 8] {
    let shown = |figure: Option<f64>, digits: usize| figure.map_or_else(|| "-".to_owned(), |f| format!("{f:.digits$}"));
    [
        row.batch.to_string(),
        row.writers.to_string(),
        if row.hot { "yes" } else { "no" }.to_owned(),
        format!("{:.0}", row.per_s),
        shown(row.latency.map(|latency| latency.p50_ms), 2),
        shown(row.latency.map(|latency| latency.p99_ms), 2),
        shown(row.own_cpu_us, 1),
        shown(row.database_cpu_us, 1),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writers_add_up_and_costs_are_per_thing() {
        let part = |done, seconds| Part { done, elapsed: Duration::from_secs(seconds), ..Part::default() };
        let cpu = Cpu { server: Duration::from_secs(3), database: Duration::ZERO, ..Cpu::default() };
        let row = Row::new(Shape { batch: 10, writers: 2, hot: false }, &[part(2_000, 2), part(4_000, 1)], Some(cpu));
        assert_eq!((row.done, row.per_s.round()), (6_000, 5_000.0));
        assert_eq!(row.own_cpu_us, Some(500.0));
        assert_eq!(row.database_cpu_us, None, "nobody watched it");
    }
}
