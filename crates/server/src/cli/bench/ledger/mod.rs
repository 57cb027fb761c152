//! `suanpan bench ledger`: the ledger alone, from posting to flushed row; no HTTP, no trade, no payment, no event.
//!
//! One *transfer* is one voucher with one debit and one credit: a user's balance pays a merchant. A batch of them is
//! decided by accounting's rules, floors and all, and written with balances and hash chain, fenced, as one durable
//! transaction. A shard has one line; several shards are measured at the same time. At the end the store's own sums must
//! be those of what was counted, or there is no report.

mod line;
mod town;
mod writer;

use ::bench::load::machine::Cpu;
use ::bench::storage::{Part, Report, Row, Shape};
use clap::Args;
use engine::ports::{Alarm as _, Clock as _};
use kernel::Time;
use store::{Access, Opening, Store, Url};

use self::line::{Line, Times, Work, start};
use self::writer::Failure;
use crate::cli::{Exit, block, complain};
use crate::ports::{self, SystemClock};

/// A row per batch size.
#[derive(Args, Debug)]
pub(in crate::cli) struct Ledger {
    /// An empty store: sqlite:DIR or postgres://user:password@host:port/database
    #[arg(long, value_name = "ADDRESS")]
    store: Url,
    /// Transfers in one transaction, one row each
    #[arg(long, value_name = "N,N", value_delimiter = ',', default_value = "1,16,128,1000,2000,4000")]
    batch: Vec<usize>,
    /// Everything goes to one merchant
    #[arg(long)]
    hot: bool,
    /// Users who pay, in each shard
    #[arg(long, value_name = "N", default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(1..=10_000_000))]
    accounts: u64,
    /// Shards of the new store, each with a line of its own
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=64))]
    shards: u8,
    #[command(flatten)]
    run: super::Run,
}

impl Ledger {
    pub(super) fn run(self) -> Result<Exit, Exit> {
        block(async move {
            let report = self.measure().await.map_err(|failure| failed(&self.store, &failure))?;
            self.run.tell(&report)
        })
    }

    async fn measure(&self) -> Result<Report, Failure> {
        let opening = Opening {
            access: Access::Serve { create: true },
            shards: self.shards.into(),
            now: SystemClock.now().micros(),
        };
        let store = Store::open(&self.store, opening, ports::store_ports()).await?;
        let reader = store.reader();
        let mut lines = Vec::new();
        for shard in 0..i64::from(self.shards) {
            lines.push(Line::open(&store, shard, self.accounts).await?);
        }
        let accounts = self.accounts * u64::from(self.shards);
        let mut report = Report::new("ledger", super::engine_of(&self.store), accounts);
        for size in &self.batch {
            let work = Work { size: (*size).max(1), hot: self.hot };
            let (parts, cpu);
            (lines, parts, cpu) = self.row(lines, work).await?;
            let shape = Shape { batch: work.size, writers: parts.len(), hot: work.hot };
            report.rows.push(Row::new(shape, &parts, cpu));
        }
        for line in &lines {
            line.compare(&*reader).await?;
        }
        Ok(report)
    }

    /// All lines at the same time.
    async fn row(&self, lines: Vec<Line>, work: Work) -> Result<(Vec<Line>, Vec<Part>, Option<Cpu>), Failure> {
        let watch = self.run.watch();
        let times = Times::from(SystemClock.steady(), self.run.warm_up, self.run.duration);
        let on_a_thread = matches!(self.store, Url::Sqlite(_));
        let runs =
            lines.into_iter().map(|line| start(line, work, times, on_a_thread)).collect::<Result<Vec<_>, _>>()?;
        let look_at = async |time: Time| {
            SystemClock.at(time).await;
            watch.look()
        };
        let before = look_at(times.counted_from).await;
        let cpu = look_at(times.end).await.since(&before);
        let (mut lines, mut parts) = (Vec::new(), Vec::new());
        for run in runs {
            let (line, part) = run.await.map_err(|_| Failure::Panicked)??;
            lines.push(line);
            parts.push(part);
        }
        Ok((lines, parts, cpu))
    }
}

fn failed(store: &Url, failure: &Failure) -> Exit {
    complain(&format!("{store}: {failure}"));
    match failure {
        Failure::Store(_) => Exit::Store,
        Failure::Machine(_) => Exit::Machine,
        Failure::Refused(_) | Failure::NotWritten(_) | Failure::Panicked | Failure::Differs(_) => Exit::Findings,
    }
}
