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
    let figures = json!({ "quick": options.quick, "settings": options.settings(), "figures": figures });
    write(&root, &figures)?;
    // It holds nothing but stores that were measured.
    let _ = fs::remove_dir_all(&folder);
    println!("{PAGE} and {DATA} are written");
    Ok(())
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
