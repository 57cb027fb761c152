//! The figures, as a Markdown table for people and as JSON for machines.

use std::collections::BTreeMap;
use std::io::Write;

use comfy_table::Table;
use comfy_table::presets::ASCII_MARKDOWN;
use serde::Serialize;

use super::Options;
use crate::load::Driven;
use crate::load::machine::Machine;
use crate::load::tally::Summary;

/// One cell of the grid.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// Connections.
    pub callers: usize,
    /// Percent of the payments that went to one merchant.
    pub hot_share_percent: u8,
    /// Arrivals per second meant (open loop).
    pub rate: Option<u64>,
    /// Payments counted.
    pub done: u64,
    /// Seconds they took.
    pub elapsed_s: f64,
    /// Payments per second.
    pub per_s: f64,
    /// Refused and failed, by code.
    pub refused: BTreeMap<String, u64>,
    /// Arrivals that no caller was free for before the end (open loop).
    pub not_started: u64,
    /// From the intended start to the end.
    pub latency: Option<Summary>,
    /// From the intended start to the first answer, where the end came later.
    pub accepted_latency: Option<Summary>,
    /// From the intended start to the refusal.
    pub refused_latency: Option<Summary>,
    /// CPU time of the server per payment, in microseconds.
    pub server_cpu_us: Option<f64>,
    /// CPU time of the database per payment, in microseconds.
    pub database_cpu_us: Option<f64>,
    /// Resident memory of the server at the end, in MiB.
    pub server_memory_mib: Option<u64>,
    /// The yardstick: echoes per second by as many callers, just before.
    pub echo_per_s: Option<f64>,
    /// Payments per echo.
    pub echo_ratio: Option<f64>,
}

impl Row {
    pub(super) fn new(
        callers: usize,
        hot_share_percent: u8,
        rate: Option<u64>,
        driven: &Driven,
        echoed: Option<&Driven>,
    ) -> Self {
        let tally = &driven.tally;
        let per_s = per_second(driven);
        let echo_per_s = echoed.map(per_second);
        let per_payment = |seconds: f64| (tally.done > 0).then(|| seconds * 1e6 / tally.done as f64);
        Self {
            callers,
            hot_share_percent,
            rate,
            done: tally.done,
            elapsed_s: driven.elapsed.as_secs_f64(),
            per_s,
            refused: tally.refused.clone(),
            not_started: driven.not_started,
            latency: tally.done_latency.summary(),
            accepted_latency: tally.accepted_latency.summary(),
            refused_latency: tally.refused_latency.summary(),
            server_cpu_us: driven.cpu.and_then(|cpu| per_payment(cpu.server.as_secs_f64())),
            database_cpu_us: driven.cpu.and_then(|cpu| per_payment(cpu.database.as_secs_f64())),
            server_memory_mib: driven.cpu.and_then(|cpu| cpu.server_memory_kib).map(|kib| kib / 1024),
            echo_per_s,
            echo_ratio: echo_per_s.filter(|echo| *echo > 0.0).map(|echo| per_s / echo),
        }
    }
}

fn per_second(driven: &Driven) -> f64 {
    driven.tally.done as f64 / driven.elapsed.as_secs_f64().max(1e-6)
}

/// The whole grid.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// When it was measured, RFC 3339.
    pub started_at: String,
    /// What a request did.
    pub scenario: &'static str,
    /// Counted seconds per row.
    pub duration_s: u64,
    /// Seconds before, not counted.
    pub warm_up_s: u64,
    /// Merchants beside the hot one.
    pub merchants: u32,
    /// Buyers.
    pub buyers: u32,
    /// Gives the same requests again.
    pub seed: u64,
    /// Where.
    pub machine: Machine,
    /// The figures.
    pub rows: Vec<Row>,
}

impl Report {
    pub(super) fn new(options: &Options, seed: u64, machine: Machine) -> Self {
        Self {
            started_at: jiff::Timestamp::now().to_string(),
            scenario: options.scenario.as_str(),
            duration_s: options.duration_s,
            warm_up_s: options.warm_up_s,
            merchants: options.merchants,
            buyers: options.buyers,
            seed,
            machine,
            rows: Vec::new(),
        }
    }

    /// Prints it for people.
    pub fn print(&self, out: &mut (dyn Write + Send)) -> std::io::Result<()> {
        let machine = &self.machine;
        writeln!(
            out,
            "{}: {} s per row after {} s, {} merchants and a hot one, {} buyers; {} cores of {}, Linux {}; the generator \
             shares them\n",
            self.scenario,
            self.duration_s,
            self.warm_up_s,
            self.merchants,
            self.buyers,
            machine.cores,
            machine.cpu_model,
            machine.kernel
        )?;
        let mut table = Table::new();
        table.load_style(ASCII_MARKDOWN).set_header([
            "callers",
            "hot %",
            "loop",
            "per s",
            "p50 ms",
            "p99 ms",
            "p99.9 ms",
            "CPU µs server",
            "CPU µs database",
            "MiB",
            "÷ echo",
            "refused",
        ]);
        for row in &self.rows {
            table.add_row(cells(row));
        }
        writeln!(out, "{table}")?;
        for row in &self.rows {
            print_particulars(row, out)?;
        }
        Ok(())
    }
}

fn cells(row: &Row) -> [String; 12] {
    let quantile = |pick: fn(&Summary) -> f64| shown(row.latency.as_ref().map(pick), 2);
    [
        row.callers.to_string(),
        row.hot_share_percent.to_string(),
        row.rate.map_or_else(|| "closed".to_owned(), |rate| format!("open {rate}/s")),
        format!("{:.0}", row.per_s),
        quantile(|latency| latency.p50_ms),
        quantile(|latency| latency.p99_ms),
        quantile(|latency| latency.p999_ms),
        shown(row.server_cpu_us, 1),
        shown(row.database_cpu_us, 1),
        row.server_memory_mib.map_or_else(|| "-".to_owned(), |mib| mib.to_string()),
        shown(row.echo_ratio, 2),
        row.refused.values().sum::<u64>().to_string(),
    ]
}

fn shown(figure: Option<f64>, digits: usize) -> String {
    figure.map_or_else(|| "-".to_owned(), |figure| format!("{figure:.digits$}"))
}

fn print_particulars(row: &Row, out: &mut (dyn Write + Send)) -> std::io::Result<()> {
    if let Some(accepted) = &row.accepted_latency {
        writeln!(
            out,
            "{} callers: first answer p50 {:.2} ms, p99 {:.2} ms",
            row.callers, accepted.p50_ms, accepted.p99_ms
        )?;
    }
    if row.not_started > 0 {
        writeln!(out, "{} callers: {} arrivals found no free caller before the end", row.callers, row.not_started)?;
    }
    for (code, count) in &row.refused {
        writeln!(out, "{} callers: {count} × {code}", row.callers)?;
    }
    if let Some(refused) = &row.refused_latency {
        writeln!(out, "{} callers: refused p50 {:.2} ms, p99 {:.2} ms", row.callers, refused.p50_ms, refused.p99_ms)?;
    }
    Ok(())
}
