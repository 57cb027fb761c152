//! Twice of what it can do: server and database on one processor, the generator on another, in both runs.

use serde_json::{Value, json};

use crate::bench::measure::{Bench, Engine};
use crate::bench::options::Options;
use crate::bench::report::{number, rows};
use crate::failure::Failure;

const SERVER_CPU: &str = "0";
const GENERATOR_CPU: &str = "1";
/// So many that they do not all wait for an answer at once, for then nobody asks twice of what can be done; fewer than
/// the server lets in.
const CALLERS: &str = "4000";

/// A row per store; none where the machine has one processor only.
pub(super) fn run(bench: &Bench, options: &Options) -> Result<Vec<Value>, Failure> {
    if std::thread::available_parallelism().map_or(1, usize::from) < 2 {
        println!("one processor only: overload is not measured");
        return Ok(Vec::new());
    }
    let postgres = bench.pinned_postgres(SERVER_CPU)?;
    let seconds = options.duration.max(5).to_string();
    let mut measured = Vec::new();
    for engine in Engine::BOTH {
        let store = bench.store_in(engine, &postgres)?;
        let served = bench.program.serve(&store.url, Some(SERVER_CPU))?;
        let drive = |callers: &str, rate: Option<&str>| {
            let mut arguments =
                vec!["bench", "pay", "--url", &served.url, "--callers", callers, "--duration", &seconds];
            arguments.extend(rate.iter().flat_map(|rate| ["--rate", rate]));
            let report = bench.program.report(&arguments, Some(GENERATOR_CPU))?;
            rows(&report)?.into_iter().next().ok_or_else(|| Failure::new("a report without rows"))
        };
        let peak = number(&drive("256", None)?, "per_s");
        let asked = 2.0 * peak;
        let over = drive(CALLERS, Some(&format!("{asked:.0}")))?;
        let done = number(&over, "per_s");
        let refused: u64 = over
            .get("refused")
            .and_then(Value::as_object)
            .into_iter()
            .flatten()
            .filter_map(|(_, count)| count.as_u64())
            .sum();
        measured.push(json!({
            "store": engine.name(), "peak_per_s": peak, "asked_per_s": asked, "done_per_s": done,
            "ratio": done / peak.max(1.0), "refused": refused, "refused_by_code": over.get("refused"),
            "refused_p99_ms": over.pointer("/refused_latency/p99_ms"), "done_p99_ms": over.pointer("/latency/p99_ms"),
            "not_started": over.get("not_started"),
        }));
    }
    Ok(measured)
}
