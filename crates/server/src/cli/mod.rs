//! The command line: one file per command.
//!
//! Results go to standard output, the log and errors to standard error. Exit codes are part of the interface ([`Exit`]).

mod bench;
mod cases;
mod config;
mod demo;
mod doctor;
mod exit;
mod fsync;
mod import;
mod migrate;
mod own;
mod remote;
mod replay;
mod rules;
mod search;
mod serve;
mod switches;
mod verify;

use std::io::Write;
use std::path::PathBuf;

use clap::{Args, CommandFactory as _, Parser, Subcommand};

pub(crate) use self::exit::Exit;
use crate::config::{Flags, Loaded, load};

/// Suanpan 算盘: a payment platform in one binary.
#[derive(Debug, Parser)]
#[command(name = "suanpan", version, after_help = exit::HELP, disable_help_subcommand = true)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve the API; creates the tables of an empty store
    Serve(serve::Serve),
    /// Show it all: a store of its own, a few hundred orders, then a trickle of them until Ctrl-C
    Demo(demo::Demo),
    /// Verify everything that must always hold; reads only, works beside a running server
    Verify(verify::Verify),
    /// Check this machine, the configuration and the store; every line says how to mend what is wrong
    Doctor(Common),
    /// Bring a store's tables up to this program
    Migrate(Common),
    /// Show or check the configuration
    #[command(subcommand)]
    Config(config::Config),
    /// Find what any number names, at a server
    Search(search::Search),
    /// Open trades from a CSV file at a server; without --confirm every line is only previewed
    Import(import::Import),
    /// Work on a server's cases
    Cases(cases::Cases),
    /// Work on rule books: files, and a server's
    #[command(subcommand)]
    Rules(rules::Rules),
    /// Take something out of use at a server for a while, or bring it back
    #[command(subcommand)]
    Switches(switches::Switches),
    /// Play real orders from CSV files through the API and compare the books
    Replay(replay::Replay),
    /// Measure
    #[command(subcommand)]
    Bench(bench::Bench),
}

/// Where the configuration comes from.
#[derive(Args, Clone, Debug, Default)]
struct Common {
    /// A TOML file; `suanpan config keys` lists what it may say
    #[arg(long, value_name = "FILE", env = "SUANPAN_CONFIG")]
    config: Option<PathBuf>,
    /// Where the data lives: sqlite:DIR or postgres://user:password@host:port/database
    #[arg(long, value_name = "ADDRESS")]
    store: Option<String>,
    /// Into how many shards a new store is divided: 1, 2, 4, …
    #[arg(long, value_name = "COUNT")]
    shards: Option<i64>,
    /// Where the server listens, as 127.0.0.1:8080
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<String>,
    /// test or live
    #[arg(long, value_name = "WORLD")]
    environment: Option<String>,
}

impl Common {
    /// Reads all layers; what is wrong is printed, one line per fault.
    fn load(&self) -> Result<Loaded, Exit> {
        let flags = Flags::default()
            .with("store", self.store.as_deref())
            .with("shards", self.shards)
            .with("listen", self.listen.as_deref())
            .with("environment", self.environment.as_deref());
        load(self.config.as_deref(), &flags).map_err(|error| {
            for fault in error.0 {
                complain(&fault);
            }
            Exit::Usage
        })
    }
}

/// Reads the arguments and does what they say.
pub(crate) fn main() -> Exit {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are such errors too; clap knows where they go.
            let _ = error.print();
            return if error.use_stderr() { Exit::Usage } else { Exit::Ok };
        }
    };
    let Some(command) = cli.command else {
        // A terminal that is gone needs no help.
        let _ = Cli::command().print_help();
        return Exit::Usage;
    };
    let done = match command {
        Command::Serve(command) => command.run(),
        Command::Demo(command) => command.run(),
        Command::Verify(command) => command.run(),
        Command::Doctor(common) => doctor::run(&common),
        Command::Migrate(common) => migrate::run(&common),
        Command::Config(command) => command.run(),
        Command::Search(command) => command.run(),
        Command::Import(command) => command.run(),
        Command::Cases(command) => command.run(),
        Command::Rules(command) => command.run(),
        Command::Switches(command) => command.run(),
        Command::Replay(command) => command.run(),
        Command::Bench(command) => command.run(),
    };
    done.unwrap_or_else(|exit| exit)
}

/// A line of the result.
fn say(line: &str) {
    // Whoever closed our output does not want to hear.
    let _ = writeln!(std::io::stdout().lock(), "{line}");
}

/// A line about what is wrong.
fn complain(line: &str) {
    let _ = writeln!(std::io::stderr().lock(), "suanpan: {line}");
}

/// A runtime for one command.
fn block<T>(work: impl Future<Output = Result<T, Exit>>) -> Result<T, Exit> {
    match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime.block_on(work),
        Err(error) => {
            complain(&format!("the system gives no threads: {error}"));
            Err(Exit::Machine)
        }
    }
}

/// Ready at SIGTERM or SIGINT (Ctrl-C).
async fn told_to_stop() {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut terminate), Ok(mut interrupt)) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        complain("the system gives no signals; end this process from outside");
        return std::future::pending().await;
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_arguments_fit_together() {
        Cli::command().debug_assert();
    }
}
