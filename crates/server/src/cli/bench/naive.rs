//! `suanpan bench naive`: the yardstick on PostgreSQL, a statement per row and a transaction per payment
//! ([`store::naive`]), over several connections. The storage path only: no HTTP, no rules, no hash chain.

use std::time::Duration;

use ::bench::load::machine::Cpu;
use ::bench::storage::{Part, Report, Row, Shape};
use clap::Args;
use engine::ports::{Alarm as _, Clock as _, Random as _};
use kernel::Time;
use kernel::time::SECOND_US;
use store::naive::{AMOUNT_MINOR, Naive, Payment, Sums, Till};
use store::{StoreError, Url};

use crate::cli::{Exit, block, complain};
use crate::ports::{self, SystemClock, SystemRandom};

/// Accounts from 0 that receive; 0 is the hot one.
const MERCHANTS: u64 = 1_000;

/// Two rows: spread, and all to one merchant.
#[derive(Args, Debug)]
pub(in crate::cli) struct NaiveWay {
    /// A database, as postgres://user:password@host:port/database; the schema `naive` in it is made anew
    #[arg(long, value_name = "ADDRESS")]
    store: Url,
    /// Connections
    #[arg(long, value_name = "N", default_value_t = 16, value_parser = clap::value_parser!(u8).range(1..=90))]
    connections: u8,
    /// Accounts that pay
    #[arg(long, value_name = "N", default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    accounts: u32,
    #[command(flatten)]
    run: super::Run,
}

/// When, and to whom.
#[derive(Clone, Copy)]
struct Load {
    payers: u64,
    hot: bool,
    counted_from: Time,
    end: Time,
}

impl NaiveWay {
    pub(super) fn run(self) -> Result<Exit, Exit> {
        let Url::Postgres(address) = &self.store else {
            complain("the naive way is measured on PostgreSQL: --store postgres://…");
            return Err(Exit::Usage);
        };
        block(async {
            let report = self.measure(address).await.map_err(|error| {
                complain(&format!("{}: {error} ({})", self.store, error.detail()));
                Exit::Store
            })?;
            self.run.tell(&report)
        })
    }

    async fn measure(&self, address: &str) -> Result<Report, StoreError> {
        let payers = u64::from(self.accounts);
        let last = i64::try_from(MERCHANTS + payers).unwrap_or(i64::MAX) - 1;
        let naive = Naive::make(address, last, ports::store_ports().spawn).await?;
        let begin = naive.sums().await?;
        let mut report = Report::new("naive", super::engine_of(&self.store), payers);
        let mut paid = 0;
        for hot in [false, true] {
            let counted_from = SystemClock.steady().plus(i64::from(self.run.warm_up) * SECOND_US);
            let end = counted_from.plus(i64::from(self.run.duration) * SECOND_US);
            let (parts, sum, cpu) = self.row(&naive, Load { payers, hot, counted_from, end }).await?;
            paid += sum;
            let shape = Shape { batch: 1, writers: parts.len(), hot };
            report.rows.push(Row::new(shape, &parts, cpu));
        }
        let wanted = Sums { payments: paid, paid: paid * AMOUNT_MINOR, balances: begin.balances };
        match naive.sums().await? {
            sums if sums == wanted => Ok(report),
            sums => Err(StoreError::broken(format!("stored {sums:?}, counted {wanted:?}"))),
        }
    }

    async fn row(&self, naive: &Naive, load: Load) -> Result<(Vec<Part>, i64, Option<Cpu>), StoreError> {
        let watch = self.run.watch();
        let mut runs = Vec::new();
        for _ in 0..self.connections {
            runs.push(ports::task(pay(naive.till().await?, load)));
        }
        SystemClock.at(load.counted_from).await;
        let before = watch.look();
        SystemClock.at(load.end).await;
        let cpu = watch.look().since(&before);
        let (mut parts, mut paid) = (Vec::new(), 0);
        for run in runs {
            let (part, count) = run.await.map_err(|_| StoreError::broken("a connection's task panicked"))??;
            parts.push(part);
            paid += count;
        }
        Ok((parts, paid, cpu))
    }
}

/// One connection's payments until the end: those counted, and how many there were in all.
async fn pay(mut till: Till, load: Load) -> Result<(Part, i64), StoreError> {
    let (mut part, mut first, mut paid) = (Part::default(), None, 0);
    loop {
        let begun = SystemClock.steady();
        if begun >= load.end {
            return Ok((part, paid));
        }
        if !till.pay(&draw(load)).await? {
            return Err(StoreError::broken("a payer has too little"));
        }
        paid += 1;
        if begun >= load.counted_from {
            let ended = SystemClock.steady();
            part.done += 1;
            part.latency.record(between(begun, ended));
            part.elapsed = between(*first.get_or_insert(begun), ended);
        }
    }
}

fn draw(load: Load) -> Payment {
    let below = |most: u64| i64::try_from(SystemRandom.bits() % u128::from(most.max(1))).unwrap_or(0);
    let first_payer = i64::try_from(MERCHANTS).unwrap_or(0);
    Payment {
        payer: first_payer + below(load.payers),
        merchant: if load.hot { 0 } else { below(MERCHANTS) },
        ids: std::array::from_fn(|_| SystemRandom.bits()),
    }
}

fn between(from: Time, to: Time) -> Duration {
    Duration::from_micros(u64::try_from(to.since(from)).unwrap_or_default())
}
