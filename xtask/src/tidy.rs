//! `cargo xtask tidy`: rules about files, as a test over everything that git tracks or would track.
//!
//! A rule takes the checkout and says what it found; it reads nothing else. Each lives beside the tests that break it.

mod error_pages;
mod layout;
mod links;
mod places;
mod words;

use std::fmt;

use crate::checkout::{Checkout, SourceFile};
use crate::failure::Failure;

type Rule = fn(&Checkout) -> Vec<Finding>;

const RULES: &[Rule] = &[
    words::unfinished,
    words::memory_unsafety,
    places::machine_paths_and_hosts,
    layout::module_docs,
    layout::whitespace,
    layout::lengths,
    error_pages::pages_and_codes,
    links::relative_links,
];

/// What a rule has against a line (or against the whole file: line 1).
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Finding {
    path: String,
    line: usize,
    what: String,
}

impl Finding {
    fn at(file: &SourceFile, line: usize, what: impl Into<String>) -> Self {
        Self { path: file.path.clone(), line, what: what.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line, self.what)
    }
}

/// Reads the checkout, prints what the rules find.
pub(crate) fn run() -> Result<(), Failure> {
    let checkout = Checkout::read()?;
    let mut findings: Vec<Finding> = RULES.iter().flat_map(|rule| rule(&checkout)).collect();
    findings.sort();
    for finding in &findings {
        println!("{finding}");
    }
    match findings.len() {
        0 => {
            println!("{} files, nothing found", checkout.files.len());
            Ok(())
        }
        count => Err(Failure::new(format!("tidy: {count} found"))),
    }
}

/// What a rule finds in a checkout of one file, as `line: what`.
#[cfg(test)]
fn found_in(rule: Rule, path: &str, text: &str) -> Vec<String> {
    rule(&Checkout::of(&[(path, text)])).iter().map(|finding| format!("{}: {}", finding.line, finding.what)).collect()
}
