//! The project's own tools: `cargo xtask <command>`.
//!
//! One file or folder per command: [`pipeline`] is the whole test run, [`soak`] the long one, [`setup`] makes sure that the
//! machine has what the tests start by themselves, [`tidy`] reads every file of the checkout, [`dag`] reads the arrows
//! between the crates, [`bench`] measures everything, [`schemathesis`] holds the server to its document. Rules are
//! pure functions over what was read, so each is tested on a sample that breaks it.

#![allow(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a command-line tool: it prints, and it measures how long its own steps take"
)]

mod bench;
mod checkout;
mod dag;
mod failure;
mod pipeline;
mod schemathesis;
mod setup;
mod soak;
mod step;
mod tidy;

use std::process::ExitCode;

use failure::Failure;

const HELP: &str = "cargo xtask <command>

  test [ARGS]  setup, formatting, tidy, dag, clippy, then `cargo test`, to which ARGS are passed on
  soak --minutes N  kills, faults and simulated worlds, each time from a fresh seed, until the time is over
  bench [OPTIONS]  measure everything, and fill in docs/performance.md (`bench --help`)
  setup        see that the machine has what the tests start (PostgreSQL, strace, faketime); install it where that is possible
  tidy         rules about files: words, places, lengths, module docs, links, error pages
  dag          rules about crates: which may depend on which
  schemathesis [ARGS]
               the server against its OpenAPI document; the first run fetches the tool
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("{failure}");
            failure.exit_code()
        }
    }
}

fn run(arguments: &[String]) -> Result<(), Failure> {
    match arguments {
        [command, rest @ ..] if command == "test" => pipeline::run(rest),
        [command, rest @ ..] if command == "bench" => bench::run(rest),
        [command, flag, minutes] if command == "soak" && flag == "--minutes" => soak::run(minutes),
        [command] if command == "setup" => setup::run(),
        [command] if command == "tidy" => tidy::run(),
        [command] if command == "dag" => dag::run(),
        [command, rest @ ..] if command == "schemathesis" => schemathesis::run(rest),
        [command] if command == "help" || command == "--help" => {
            print!("{HELP}");
            Ok(())
        }
        _ => Err(Failure::usage(HELP)),
    }
}
