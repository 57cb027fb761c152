//! What is measured, in which order.

mod long;
mod overload;

use serde_json::{Map, Value, json};

use super::measure::{Bench, Engine};
use super::options::Options;
use super::program::Program;
use super::report::number;
use crate::failure::Failure;

/// Runs the plan; a part that was not wanted is an empty list.
pub(super) fn run(bench: &Bench, options: &Options) -> Result<Value, Failure> {
    let mut figures = Map::new();
    figures.insert("machine".to_owned(), machine(bench)?);
    let mut part = |name: &str, measure: &dyn Fn() -> Result<Vec<Value>, Failure>| {
        let rows = if options.wants(name) { measure()? } else { Vec::new() };
        figures.insert(name.to_owned(), Value::from(rows.clone()));
        Ok::<_, Failure>(rows)
    };
    let pay = part("pay", &|| pay(bench, options))?;
    part("latency", &|| latency(bench, &pay))?;
    part("naive", &|| bench.runs(Engine::Postgres, &["naive"]))?;
    part("ledger", &|| ledger(bench, options))?;
    part("overload", &|| overload::run(bench, options))?;
    part("time", &|| long::run(bench, options))?;
    part("replay", &|| replay(bench, options))?;
    Ok(Value::Object(figures))
}

/// Every scenario over HTTP in a closed loop, with the yardstick beside each row.
fn pay(bench: &Bench, options: &Options) -> Result<Vec<Value>, Failure> {
    let callers = if options.quick { "1,256" } else { "1,16,256,1024" };
    let mut rows = Vec::new();
    for engine in Engine::BOTH {
        let hot = if options.quick { "0,100" } else { "0,50,100" };
        rows.extend(bench.pay(engine, "balance", &["--callers", callers, "--hot-share", hot, "--echo"])?);
        let (callers, hot) = if options.quick { ("256", "0") } else { (callers, "0,100") };
        for scenario in ["coupon_channel", "full"] {
            rows.extend(bench.pay(engine, scenario, &["--callers", callers, "--hot-share", hot, "--echo"])?);
        }
        for scenario in ["mixed", "batch_create"] {
            rows.extend(bench.pay(engine, scenario, &["--callers", callers, "--echo"])?);
        }
    }
    Ok(rows)
}

/// Every scenario in an open loop, at half of what 256 callers reached in a closed one.
fn latency(bench: &Bench, pay: &[Value]) -> Result<Vec<Value>, Failure> {
    let mut rows = Vec::new();
    for engine in Engine::BOTH {
        for scenario in ["balance", "coupon_channel", "full", "mixed", "batch_create"] {
            let is_it = |row: &&Value| {
                row.get("store") == Some(&json!(engine.name()))
                    && row.get("scenario") == Some(&json!(scenario))
                    && row.get("callers") == Some(&json!(256))
                    && row.get("hot_share_percent") == Some(&json!(0))
            };
            let Some(capacity) = pay.iter().find(is_it).map(|row| number(row, "per_s")) else { continue };
            let rate = format!("{:.0}", (capacity / 2.0).max(1.0));
            rows.extend(bench.pay(engine, scenario, &["--callers", "256", "--rate", &rate])?);
        }
    }
    Ok(rows)
}

/// The ledger alone by batch size, spread and hot; on PostgreSQL with two shards as well.
fn ledger(bench: &Bench, options: &Options) -> Result<Vec<Value>, Failure> {
    let sizes = if options.quick { "1,128,2000" } else { "1,16,128,1000,2000,4000" };
    let mut rows = Vec::new();
    for engine in Engine::BOTH {
        rows.extend(bench.runs(engine, &["ledger", "--batch", sizes])?);
        rows.extend(bench.runs(engine, &["ledger", "--batch", "2000", "--hot"])?);
    }
    rows.extend(bench.runs(Engine::Postgres, &["ledger", "--batch", "2000", "--shards", "2"])?);
    Ok(rows)
}

/// Real orders, where their files were given.
fn replay(bench: &Bench, options: &Options) -> Result<Vec<Value>, Failure> {
    let Some((orders, payments)) = &options.replay else { return Ok(Vec::new()) };
    let (orders, payments) = (orders.to_string_lossy(), payments.to_string_lossy());
    let mut rows = Vec::new();
    for engine in Engine::BOTH {
        let store = bench.store(engine)?;
        let files = ["replay", "--orders", &orders, "--payments", &payments];
        let more = ["--store", &store.url, "--concurrency", "256"];
        // A command that succeeds found the books in agreement.
        let report = bench.program.report(&[files.as_slice(), &more].concat(), None)?;
        let orders = report.pointer("/outcomes/completed/orders");
        rows.push(json!({ "store": engine.name(), "orders": orders, "seconds": report.get("elapsed_s") }));
    }
    Ok(rows)
}

/// Where it was measured.
fn machine(bench: &Bench) -> Result<Value, Failure> {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let field = |text: &str, name: &str| {
        let line = text.lines().find(|line| line.starts_with(name))?;
        line.split_once(':').map(|(_, value)| value.trim().to_owned())
    };
    let memory = field(&read("/proc/meminfo"), "MemTotal").unwrap_or_default();
    let kib: u64 = memory.trim_end_matches("kB").trim().parse().unwrap_or(0);
    let system = read("/etc/os-release");
    let system = system.lines().find_map(|line| line.strip_prefix("PRETTY_NAME=")).unwrap_or_default();
    let Program { binary, .. } = &bench.program;
    let size = std::fs::metadata(binary).map_or(0, |file| file.len());
    Ok(json!({
        "processors": std::thread::available_parallelism().map_or(0, usize::from),
        "model": field(&read("/proc/cpuinfo"), "model name"),
        "memory_gib": kib.div_ceil(1_048_576),
        "system": system.trim_matches('"'),
        "linux": read("/proc/sys/kernel/osrelease").trim(),
        "rust": crate::step::output(std::process::Command::new("rustc").arg("--version"))?.trim(),
        "postgres": bench.postgres.version()?,
        "postgres_settings": super::postgres::SETTINGS,
        "binary_bytes": size,
    }))
}
