//! `cargo xtask bench`: every figure of `docs/performance.md`, measured by one command on a fresh checkout.
//!
//! 1. Build the program as it is released ([`program`]); start a PostgreSQL of its own that flushes ([`postgres`]).
//! 2. Run the plan ([`plan`]): each measurement is a command of the program itself, on a new store, with a report in JSON.
//! 3. Of several runs of the same thing the one in the middle counts. Write the tables between the markers of the document
//!    ([`tables`], [`document`]), and everything beside it as JSON.
//!
//! `--quick` takes some ten minutes and proves that everything can be measured; the figures that are published are those
//! of the whole run, on a machine that does nothing else.

#![allow(clippy::float_arithmetic, reason = "rates, ratios and latencies; no money is here")]

mod document;
mod measure;
mod options;
mod plan;
mod postgres;
mod program;
mod report;
mod tables;

use std::fs;

use serde_json::{Value, json};

use crate::failure::Failure;
use crate::{checkout, step};
use measure::Bench;
use options::Options;

/// The page that is filled in, and the same as data.
const PAGE: &str = "docs/performance.md";
const DATA: &str = "docs/performance.json";

/// The folder of a run, inside the one that was asked for: it is removed.
const FOLDER: &str = "suanpan-bench";

/// Measures everything and writes it down.
pub(crate) fn run(arguments: &[String]) -> Result<(), Failure> {
    let options = Options::parse(arguments)?;
    let root = checkout::root()?;
    let build = ["build", "--release", "--package", "suanpan", "--target-dir"];
    step::run(step::cargo(&root).args(build).arg(root.join("target")))?;
    let folder = options.folder.clone().unwrap_or_else(|| root.join("target")).join(FOLDER);
    // What an earlier run left behind.
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).map_err(|error| Failure::new(format!("{}: {error}", folder.display())))?;
    let bench = Bench::new(&root, &folder, &options)?;
    let figures = plan::run(&bench, &options)?;
    drop(bench);
    let mut measured = json!({ "quick": options.quick, "settings": options.settings(), "figures": figures });
    // The first time there is nothing yet.
    let before = fs::read_to_string(root.join(DATA)).ok().and_then(|text| serde_json::from_str(&text).ok());
    keep(&before.unwrap_or_default(), &mut measured);
    write(&root, &measured)?;
    // It holds nothing but stores that were measured.
    let _ = fs::remove_dir_all(&folder);
    println!("{PAGE} and {DATA} are written");
    Ok(())
}

/// Parts that were not measured now keep what was measured before, so that page and data tell of the same.
fn keep(before: &Value, measured: &mut Value) {
    let Some(parts) = measured.get_mut("figures").and_then(Value::as_object_mut) else { return };
    for (name, rows) in parts {
        if let (true, Some(known)) =
            (rows.as_array().is_some_and(Vec::is_empty), before.pointer(&format!("/figures/{name}")))
        {
            *rows = known.clone();
        }
    }
}

fn write(root: &std::path::Path, figures: &Value) -> Result<(), Failure> {
    let failed = |path: &str| {
        let path = path.to_owned();
        move |error: std::io::Error| Failure::new(format!("{path}: {error}"))
    };
    let data = format!("{figures:#}\n");
    fs::write(root.join(DATA), data).map_err(failed(DATA))?;
    let page = fs::read_to_string(root.join(PAGE)).map_err(failed(PAGE))?;
    let page = document::fill(&page, &tables::all(figures))?;
    fs::write(root.join(PAGE), page).map_err(failed(PAGE))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_measured_now_is_kept() {
        let before = json!({ "figures": { "pay": [1], "ledger": [2], "machine": { "processors": 1 } } });
        let mut measured =
            json!({ "figures": { "pay": [], "ledger": [3], "time": [], "machine": { "processors": 2 } } });
        keep(&before, &mut measured);
        let wanted = json!({ "pay": [1], "ledger": [3], "time": [], "machine": { "processors": 2 } });
        assert_eq!(measured["figures"], wanted);
        keep(&Value::Null, &mut measured);
        assert_eq!(measured["figures"], wanted);
    }
}
