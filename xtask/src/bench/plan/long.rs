//! What time and size do: the start on an empty and on a full store, memory at rest and under load, a long run against
//! its own first minute, and the same load on a store that is full.

use std::time::Duration;

use serde_json::{Value, json};

use crate::bench::measure::{Bench, Engine};
use crate::bench::options::Options;
use crate::bench::report::{number, rows};
use crate::failure::Failure;

/// The length of the first and the last part of the long run, in seconds, where it is long enough.
const PART: usize = 60;
/// Longer than any fill takes, in seconds: the number of payments ends it.
const FILLING: &str = "86400";

/// A row per store.
pub(super) fn run(bench: &Bench, options: &Options) -> Result<Vec<Value>, Failure> {
    Engine::BOTH.into_iter().map(|engine| of(bench, options, engine)).collect()
}

fn of(bench: &Bench, options: &Options, engine: Engine) -> Result<Value, Failure> {
    let store = bench.store(engine)?;
    let served = bench.program.serve(&store.url, None)?;
    let start_empty = served.ready_after;
    std::thread::sleep(Duration::from_secs(options.rest));
    let rest = served.memory_mib();
    let empty_bytes = store.size()?;

    let pid = served.pid();
    let drive = |seconds: &str, more: &[&str]| {
        let mut arguments = vec!["bench", "pay", "--url", &served.url, "--server-pid", &pid, "--callers", "256"];
        arguments.extend(["--duration", seconds]);
        arguments.extend(more);
        let report = bench.program.report(&arguments, None)?;
        rows(&report)?.into_iter().next().ok_or_else(|| Failure::new("a report without rows"))
    };
    let long = drive(&options.sustained.to_string(), &[])?;
    let (first, last) = ends(&long);
    let short = options.sustained.min(PART as u64).min(options.duration * 6).to_string();
    let paid = number(&long, "done");
    let left = (options.fill as f64 - paid).max(1.0);
    let filled = drive(FILLING, &["--warm-up", "0", "--limit", &format!("{left:.0}")])?;
    let payments = paid + number(&filled, "done");
    let bytes = store.size()?.saturating_sub(empty_bytes) as f64;
    let full = drive(&short, &[])?;
    drop(served);

    let served = bench.program.serve(&store.url, None)?;
    Ok(json!({
        "store": engine.name(), "payments": payments, "bytes_per_payment": bytes / payments.max(1.0),
        "start_empty_ms": ms(start_empty), "start_full_ms": ms(served.ready_after),
        "rest_mib": rest, "peak_mib": full.get("server_peak_mib"),
        "sustained_s": options.sustained, "first_per_s": first, "last_per_s": last, "sustained": last / first.max(1.0),
        "full_per_s": number(&full, "per_s"), "growth": number(&full, "per_s") / first.max(1.0),
        "by_second": long.get("done_by_second"),
    }))
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// Per second in the first and in the last part of a long run.
fn ends(row: &Value) -> (f64, f64) {
    let counts: Vec<f64> =
        row.get("done_by_second").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_f64).collect();
    let part = PART.min(counts.len() / 2).max(1);
    let mean = |part: &[f64]| part.iter().sum::<f64>() / (part.len().max(1) as f64);
    let first = counts.get(..part).unwrap_or_default();
    let last = counts.get(counts.len().saturating_sub(part)..).unwrap_or_default();
    (mean(first), mean(last))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_that_slows_down_shows() {
        let counts: Vec<u32> = (0..600)
            .map(|second| {
                if second < 60 {
                    100
                } else if second < 540 {
                    70
                } else {
                    50
                }
            })
            .collect();
        assert_eq!(ends(&json!({ "done_by_second": counts })), (100.0, 50.0));
        assert_eq!(ends(&json!({ "done_by_second": [8, 8, 4, 4] })), (8.0, 4.0));
        assert_eq!(ends(&json!({})), (0.0, 0.0));
    }
}
