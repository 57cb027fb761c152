//! The figures, as a Markdown table for people and as JSON for machines.

use std::collections::BTreeMap;
use std::io::Write;
use std::time::Duration;

use comfy_table::Table;
use comfy_table::presets::ASCII_MARKDOWN;
use serde::Serialize;

use super::Options;
use crate::load::Driven;
use crate::load::machine::Machine;
use crate::load::tally::{Latencies, Summary};

/// One cell of the grid.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// Connections.
    pub callers: usize,
    /// Percent of the payments that went to one merchant.
    pub hot_share_percent: u8,
    /// Arrivals per second meant (open loop).
    pub rate: Option<u64>,
    /// Things done, of those meant to begin in the counted time.
    pub done: u64,
    /// The counted time in seconds.
    pub elapsed_s: f64,
    /// Things done in the counted time, per second.
    pub per_s: f64,
    /// The same, second by second.
    pub done_by_second: Vec<u64>,
    /// Refused and failed, by code.
    pub refused: BTreeMap<String, u64>,
    /// Arrivals that no caller was free for before the end (open loop).
    pub not_started: u64,
    /// From the intended start to the end; arrivals that never started count with what they had waited.
    pub latency: Option<Summary>,
    /// The same by kind, where a scenario mixes kinds.
    pub by_kind: BTreeMap<&'static str, Kind>,
    /// From the intended start to the first answer, where the end came later.
    pub accepted_latency: Option<Summary>,
    /// From the intended start to the refusal.
    pub refused_latency: Option<Summary>,
    /// CPU time of the server per thing done, in microseconds.
    pub server_cpu_us: Option<f64>,
    /// CPU time of the database per thing done, in microseconds, where it is watched.
    pub database_cpu_us: Option<f64>,
    /// Resident memory of the server at the end, in MiB.
    pub server_memory_mib: Option<u64>,
    /// The most it ever was, in MiB.
    pub server_peak_mib: Option<u64>,
    /// The yardstick: echoes per second by as many callers, just before.
    pub echo_per_s: Option<f64>,
    /// Things per echo.
    pub echo_ratio: Option<f64>,
}

/// One kind of thing among others.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Kind {
    /// How many.
    pub done: u64,
    /// From the intended start to the end.
    #[serde(flatten)]
    pub latency: Summary,
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
        let in_time = tally.done_in_time();
        let per_thing = |time: Duration| (in_time > 0).then(|| time.as_secs_f64() * 1e6 / in_time as f64);
        let kind = |latencies: &Latencies| latencies.summary().map(|latency| Kind { done: latencies.count(), latency });
        Self {
            callers,
            hot_share_percent,
            rate,
            done: tally.done,
            elapsed_s: driven.elapsed.as_secs_f64(),
            per_s,
            done_by_second: tally.done_by_second.clone(),
            refused: tally.refused.clone(),
            not_started: driven.not_started,
            latency: tally.latency.summary(),
            by_kind: tally.by_kind.iter().filter_map(|(name, of)| Some((*name, kind(of)?))).collect(),
            accepted_latency: tally.accepted_latency.summary(),
            refused_latency: tally.refused_latency.summary(),
            server_cpu_us: driven.cpu.and_then(|cpu| per_thing(cpu.server)),
            database_cpu_us: driven.cpu.filter(|cpu| !cpu.database.is_zero()).and_then(|cpu| per_thing(cpu.database)),
            server_memory_mib: driven.cpu.and_then(|cpu| cpu.server_memory_kib).map(|kib| kib / 1024),
            server_peak_mib: driven.cpu.and_then(|cpu| cpu.server_peak_kib).map(|kib| kib / 1024),
            echo_per_s,
            echo_ratio: echo_per_s.filter(|echo| *echo > 0.0).map(|echo| per_s / echo),
        }
    }
}

fn per_second(driven: &Driven) -> f64 {
    driven.tally.done_in_time() as f64 / driven.elapsed.as_secs_f64().max(1e-6)
}

/// The whole grid.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// When it was measured, RFC 3339.
    pub started_at: String,
    /// What a caller did.
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
    for (name, kind) in &row.by_kind {
        let latency = &kind.latency;
        writeln!(
            out,
            "{} callers: {} × {name}: p50 {:.2} ms, p99 {:.2} ms, p99.9 {:.2} ms",
            row.callers, kind.done, latency.p50_ms, latency.p99_ms, latency.p999_ms
        )?;
    }
    if row.not_started > 0 {
        writeln!(
            out,
            "{} callers: {} arrivals found no free caller before the end; the latencies count what they had waited",
            row.callers, row.not_started
        )?;
    }
    for (code, count) in &row.refused {
        writeln!(out, "{} callers: {count} × {code}", row.callers)?;
    }
    if let Some(refused) = &row.refused_latency {
        writeln!(out, "{} callers: refused p50 {:.2} ms, p99 {:.2} ms", row.callers, refused.p50_ms, refused.p99_ms)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn summary(p50_ms: f64) -> Summary {
        Summary { p50_ms, p90_ms: 2.0 * p50_ms, p99_ms: 3.0 * p50_ms, p999_ms: 4.0 * p50_ms, max_ms: 9.0 * p50_ms }
    }

    fn row(callers: usize, rate: Option<u64>) -> Row {
        Row {
            callers,
            hot_share_percent: 50,
            rate,
            done: 2_000,
            elapsed_s: 2.0,
            per_s: 1_000.4,
            done_by_second: vec![1_001, 999],
            refused: BTreeMap::new(),
            not_started: 0,
            latency: Some(summary(1.5)),
            by_kind: BTreeMap::new(),
            accepted_latency: None,
            refused_latency: None,
            server_cpu_us: Some(61.26),
            database_cpu_us: None,
            server_memory_mib: Some(73),
            server_peak_mib: Some(80),
            echo_per_s: Some(4_000.0),
            echo_ratio: Some(0.2501),
        }
    }

    #[test]
    fn what_people_read() {
        let machine = Machine {
            cores: 2,
            cpu_model: "a processor".to_owned(),
            memory_mib: Some(24_000),
            kernel: "6.1".to_owned(),
        };
        let open = Row {
            refused: BTreeMap::from([("overloaded".to_owned(), 7)]),
            not_started: 12,
            by_kind: BTreeMap::from([("read", Kind { done: 1_500, latency: summary(0.5) })]),
            accepted_latency: Some(summary(0.4)),
            refused_latency: Some(summary(0.1)),
            echo_ratio: None,
            ..row(256, Some(500))
        };
        let mut report = Report::new(&Options { duration_s: 2, ..Options::default() }, 7, machine);
        report.rows = vec![row(1, None), open];
        let mut printed = Vec::new();
        report.print(&mut printed).unwrap();
        insta::assert_snapshot!(String::from_utf8(printed).unwrap());
    }
}
