//! `cargo xtask test`: everything that must hold before a change is taken, in the order of how soon it can say no.
//!
//! 1. setup: the machine has what the tests start; the packages of the lock file are on this disk.
//! 2. formatting, tidy, dag: seconds.
//! 3. clippy, in the tests' own profile, so that build scripts and C code are built once for both.
//! 4. `cargo test`, the whole workspace.
//!
//! After the first step nothing asks the network. The first failure ends the run, with the exit code of what failed.

use std::path::Path;
use std::time::{Duration, Instant};

use crate::failure::Failure;
use crate::{checkout, dag, setup, step, tidy};

/// Runs all steps; `arguments` are passed on to `cargo test`.
pub(crate) fn run(arguments: &[String]) -> Result<(), Failure> {
    let root = checkout::root()?;
    let mut report = Report::default();
    let mut counted = Counts::default();
    let outcome = report
        .step("setup", setup::run)
        .and_then(|()| report.step("packages", || fetch(&root)))
        .and_then(|()| report.step("formatting", || step::run(step::cargo(&root).args(["fmt", "--all", "--check"]))))
        .and_then(|()| report.step("tidy", tidy::run))
        .and_then(|()| report.step("dag", dag::run))
        .and_then(|()| report.step("clippy", || clippy(&root)))
        .and_then(|()| report.step("tests", || tests(&root, arguments, &mut counted)));
    report.print();
    if outcome.is_ok() {
        println!("\n{counted}");
    }
    outcome
}

/// Fetches the lock file's packages for this machine, but only if some are missing: with all of them here, no network is
/// needed.
fn fetch(root: &Path) -> Result<(), Failure> {
    let compiler = step::output(std::process::Command::new("rustc").arg("-vV").current_dir(root))?;
    let host = compiler
        .lines()
        .find_map(|line| line.strip_prefix("host: "))
        .ok_or_else(|| Failure::new("`rustc -vV` names no host"))?;
    if step::succeeds(step::cargo(root).args(["fetch", "--locked", "--offline", "--target", host])) {
        println!("all here");
        return Ok(());
    }
    step::run(step::cargo(root).args(["fetch", "--locked", "--target", host]))
}

fn clippy(root: &Path) -> Result<(), Failure> {
    let arguments = ["clippy", "--workspace", "--all-targets", "--locked", "--offline", "--", "-D", "warnings"];
    step::run(step::cargo(root).args(arguments))
}

fn tests(root: &Path, arguments: &[String], counted: &mut Counts) -> Result<(), Failure> {
    step::run_seen(step::cargo(root).args(test_arguments(arguments)), |line| counted.see(line))
}

/// The whole workspace, unless the caller names packages.
fn test_arguments(given: &[String]) -> Vec<String> {
    let of_cargo = given.split(|argument| argument == "--").next().unwrap_or_default();
    let names_packages =
        of_cargo.iter().any(|argument| argument.starts_with("-p") || argument.starts_with("--package"));
    let mut arguments = vec!["test".to_owned(), "--locked".to_owned(), "--offline".to_owned()];
    if !names_packages {
        arguments.push("--workspace".to_owned());
    }
    arguments.extend(given.iter().filter(|argument| *argument != "--offline").cloned());
    arguments
}

/// The tests of all the programs that `cargo test` ran; each ends with a line of its own and nothing adds them up.
#[derive(Default)]
struct Counts {
    passed: u64,
    failed: u64,
    ignored: u64,
}

impl Counts {
    fn see(&mut self, line: &str) {
        let Some(result) = line.strip_prefix("test result: ") else { return };
        let counts = result.split_once(". ").map_or("", |(_, counts)| counts);
        for part in counts.split("; ") {
            match part.split_once(' ').map(|(number, what)| (number.parse::<u64>(), what)) {
                Some((Ok(number), "passed")) => self.passed += number,
                Some((Ok(number), "failed")) => self.failed += number,
                Some((Ok(number), "ignored")) => self.ignored += number,
                _ => {}
            }
        }
    }
}

impl std::fmt::Display for Counts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} passed, {} failed, {} skipped", self.passed, self.failed, self.ignored)
    }
}

/// What each step took, and how it ended.
#[derive(Default)]
struct Report {
    steps: Vec<(&'static str, Duration, bool)>,
}

impl Report {
    fn step(&mut self, name: &'static str, work: impl FnOnce() -> Result<(), Failure>) -> Result<(), Failure> {
        println!("\n== {name}");
        let start = Instant::now();
        let outcome = work();
        let took = start.elapsed();
        println!("== {name}: {} after {:.1} s", verdict(outcome.is_ok()), took.as_secs_f32());
        self.steps.push((name, took, outcome.is_ok()));
        outcome
    }

    fn print(&self) {
        println!("\n== summary");
        for (name, took, good) in &self.steps {
            println!("{name:<12} {:>8.1} s  {}", took.as_secs_f32(), verdict(*good));
        }
    }
}

fn verdict(good: bool) -> &'static str {
    if good { "ok" } else { "FAILED" }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(text: &str) -> String {
        let arguments: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
        test_arguments(&arguments).join(" ")
    }

    #[test]
    fn the_whole_workspace_unless_packages_are_named() {
        assert_eq!(given(""), "test --locked --offline --workspace");
        assert_eq!(given("-p kernel money"), "test --locked --offline -p kernel money");
        assert_eq!(given("--package=kernel"), "test --locked --offline --package=kernel");
        assert_eq!(given("-- -p"), "test --locked --offline --workspace -- -p");
        assert_eq!(given("--offline"), "test --locked --offline --workspace");
    }

    #[test]
    fn counts_add_up_over_programs() {
        let mut counts = Counts::default();
        counts.see("test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 3 filtered out; finished in 0.01s");
        counts.see("test money::adds ... ok");
        counts.see("test result: FAILED. 2 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.01s");
        assert_eq!(counts.to_string(), "14 passed, 1 failed, 1 skipped");
    }

    #[test]
    fn a_failed_step_is_in_the_report_and_carries_its_failure() {
        let mut report = Report::default();
        assert!(report.step("good", || Ok(())).is_ok());
        assert!(report.step("bad", || Err(Failure::new("no"))).is_err());
        assert_eq!(
            report.steps.iter().map(|step| (step.0, step.2)).collect::<Vec<_>>(),
            [("good", true), ("bad", false)]
        );
    }
}
