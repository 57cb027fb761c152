//! What `cargo xtask bench` can be told.

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::failure::Failure;

const HELP: &str = "cargo xtask bench [OPTIONS]

  --quick               short runs, once each: some ten minutes beside the build
  --only WORD,WORD      parts of the plan: pay, latency, naive, ledger, overload, time, replay
  --fill N              payments in the full store (default 10,000,000; 200,000 with --quick)
  --folder DIR          where stores are made and removed; it decides which disk is measured (default target)
  --orders FILE         real orders to replay: the CSV file of items, plain or gzip
  --payments FILE       and that of payments
";

/// Read from the command line; lengths are in seconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Options {
    pub(super) quick: bool,
    pub(super) only: Vec<String>,
    pub(super) fill: u64,
    pub(super) folder: Option<PathBuf>,
    pub(super) replay: Option<(PathBuf, PathBuf)>,
    /// Counted time of a row.
    pub(super) duration: u64,
    /// Not counted before it.
    pub(super) warm_up: u64,
    /// Runs of each row; the middle one counts.
    pub(super) runs: usize,
    /// The long run that must not slow down.
    pub(super) sustained: u64,
    /// Without requests, before memory at rest is read.
    pub(super) rest: u64,
}

const PARTS: [&str; 7] = ["pay", "latency", "naive", "ledger", "overload", "time", "replay"];

impl Options {
    pub(super) fn parse(arguments: &[String]) -> Result<Self, Failure> {
        let quick = arguments.iter().any(|argument| argument == "--quick");
        let mut options = if quick { Self::quick() } else { Self::whole() };
        let (mut orders, mut payments) = (None, None);
        let mut rest = arguments.iter().filter(|argument| *argument != "--quick");
        while let Some(name) = rest.next() {
            let value = rest.next().ok_or_else(|| Failure::usage(HELP))?;
            match name.as_str() {
                "--only" => options.only = value.split(',').map(str::to_owned).collect(),
                "--fill" => options.fill = value.parse().map_err(|_| Failure::usage(HELP))?,
                "--folder" => options.folder = Some(PathBuf::from(value)),
                "--orders" => orders = Some(PathBuf::from(value)),
                "--payments" => payments = Some(PathBuf::from(value)),
                _ => return Err(Failure::usage(HELP)),
            }
        }
        if options.only.iter().any(|part| !PARTS.contains(&part.as_str())) {
            return Err(Failure::usage(HELP));
        }
        options.replay = match (orders, payments) {
            (None, None) => None,
            (Some(orders), Some(payments)) => Some((orders, payments)),
            _ => return Err(Failure::usage(HELP)),
        };
        Ok(options)
    }

    fn quick() -> Self {
        Self { quick: true, fill: 200_000, duration: 3, warm_up: 1, runs: 1, sustained: 20, rest: 3, ..Self::whole() }
    }

    fn whole() -> Self {
        Self {
            quick: false,
            only: Vec::new(),
            fill: 10_000_000,
            folder: None,
            replay: None,
            duration: 10,
            warm_up: 2,
            runs: 3,
            sustained: 600,
            rest: 60,
        }
    }

    /// Whether a part of the plan is wanted.
    pub(super) fn wants(&self, part: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|wanted| wanted == part)
    }

    /// What the figures were measured with.
    pub(super) fn settings(&self) -> Value {
        json!({
            "duration_s": self.duration, "warm_up_s": self.warm_up, "runs": self.runs, "sustained_s": self.sustained,
            "rest_s": self.rest, "fill": self.fill,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Options, Failure> {
        Options::parse(&line.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn arguments_are_read_in_any_order() {
        let options = parse("--fill 5000 --quick --only pay,ledger").unwrap();
        assert_eq!((options.quick, options.fill, options.runs), (true, 5_000, 1));
        assert!(options.wants("pay") && !options.wants("overload"));
        assert_eq!(parse("").unwrap(), Options::whole());
        assert!(parse("").unwrap().wants("overload"));
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        for line in ["--fast", "--fill", "--fill many", "--only everything", "--orders a.csv"] {
            assert!(parse(line).is_err(), "{line}");
        }
        assert!(parse("--orders a.csv --payments b.csv").unwrap().replay.is_some());
    }
}
