//! `suanpan bench`: what this machine can do. Over HTTP with the yardstick beside it, and below HTTP: the ledger alone,
//! and the naive way as a yardstick for that.

mod ledger;
mod naive;
mod pay;

use std::io::stdout;
use std::net::SocketAddr;
use std::path::PathBuf;

use ::bench::load::machine::Watch;
use ::bench::storage::Report;
use clap::{Args, Subcommand};

use super::{Exit, block, complain, say, told_to_stop};

/// Measures.
#[derive(Debug, Subcommand)]
pub(super) enum Bench {
    /// How many payments a second, how long they take, what they cost
    Pay(Box<pay::Pay>),
    /// How many transfers a second the ledger alone decides and writes, by batch size
    Ledger(ledger::Ledger),
    /// How many payments a second the naive way makes on PostgreSQL: a statement per row, a transaction per payment
    Naive(naive::NaiveWay),
    /// Serve the yardstick: the same HTTP stack, nothing decided, nothing stored
    Echo {
        /// Where
        #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8081")]
        listen: SocketAddr,
    },
}

impl Bench {
    pub(super) fn run(self) -> Result<Exit, Exit> {
        match self {
            Self::Pay(pay) => pay.run(),
            Self::Ledger(ledger) => ledger.run(),
            Self::Naive(naive) => naive.run(),
            Self::Echo { listen } => block(echo(listen)),
        }
    }
}

/// The store's engine in one word.
fn engine_of(store: &store::Url) -> &'static str {
    match store {
        store::Url::Sqlite(_) => "sqlite",
        store::Url::Postgres(_) => "postgres",
    }
}

/// How long, what is watched meanwhile, and where it is written: the same for whatever is measured below HTTP.
#[derive(Args, Debug)]
struct Run {
    /// Counted seconds per row
    #[arg(long, value_name = "SECONDS", default_value_t = 10)]
    duration: u32,
    /// Seconds before, not counted
    #[arg(long, value_name = "SECONDS", default_value_t = 1)]
    warm_up: u32,
    /// The database's first process, to tell its CPU time
    #[arg(long, value_name = "PID")]
    database_pid: Option<u32>,
    /// Write the report as JSON, too
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

impl Run {
    /// This process and the database.
    fn watch(&self) -> Watch {
        Watch { server_pid: Some(std::process::id()), database_pid: self.database_pid }
    }

    /// Prints the figures, and writes them where that was asked for.
    fn tell(&self, report: &Report) -> Result<Exit, Exit> {
        let json = self.json.as_deref();
        let told = report.print(&mut stdout()).and_then(|()| json.map_or(Ok(()), |path| report.write_json(path)));
        told.map(|()| Exit::Ok).map_err(|error| {
            complain(&format!("cannot write the report: {error}"));
            Exit::Machine
        })
    }
}

async fn echo(listen: SocketAddr) -> Result<Exit, Exit> {
    let listener = match tokio::net::TcpListener::bind(listen).await {
        Ok(listener) => listener,
        Err(error) => {
            complain(&format!("cannot listen on {listen}: {error}"));
            return Err(Exit::Listen);
        }
    };
    say(&format!("echoing on http://{listen}{}", ::bench::echo::PATH));
    match ::bench::echo::serve(listener, told_to_stop()).await {
        Ok(()) => Ok(Exit::Ok),
        Err(error) => {
            complain(&error.to_string());
            Err(Exit::Machine)
        }
    }
}
