//! One shard under load: batch after batch, and the comparison of what the store holds with what was counted.

use std::time::Duration;

use ::bench::storage::Part;
use engine::ports::{Clock as _, Random as _};
use kernel::Time;
use kernel::message::accounting::Post;
use store::tables::accounting::TRIAL;
use store::{Cell, Reader, Store};
use tokio::sync::oneshot;

use super::town::Town;
use super::writer::{Failure, Writer};
use crate::ports::{self, SystemClock, SystemRandom};

/// Postings of one batch while users are given money.
const FUNDING_BATCH: usize = 2_000;

/// What each batch is.
#[derive(Clone, Copy)]
pub(super) struct Work {
    /// Transfers in it.
    pub(super) size: usize,
    /// Whether all go to one merchant.
    pub(super) hot: bool,
}

/// When a row is measured.
#[derive(Clone, Copy)]
pub(super) struct Times {
    /// A batch that begins earlier is not counted.
    pub(super) counted_from: Time,
    /// No batch begins later.
    pub(super) end: Time,
}

impl Times {
    pub(super) fn from(start: Time, warm_up_s: u32, duration_s: u32) -> Self {
        let counted_from = start.plus(i64::from(warm_up_s) * kernel::time::SECOND_US);
        Self { counted_from, end: counted_from.plus(i64::from(duration_s) * kernel::time::SECOND_US) }
    }
}

/// One shard, its people, and what was paid so far.
pub(super) struct Line {
    writer: Writer,
    town: Town,
    paid: u64,
}

impl Line {
    /// A line on an empty shard, with money on every user's account.
    pub(super) async fn open(store: &Store, shard: i64, users: u64) -> Result<Self, Failure> {
        let mut writer = Writer::open(store, shard).await?;
        if writer.has_batches() {
            return Err(Failure::Refused("the store is not empty".to_owned()));
        }
        let town = Town::new(shard, users).ok_or_else(|| Failure::Refused("no such users".to_owned()))?;
        let funding: Vec<Post> = town.funding().collect();
        for posts in funding.chunks(FUNDING_BATCH) {
            writer.write(posts).await?;
        }
        Ok(Self { writer, town, paid: 0 })
    }

    /// Batches until the end.
    async fn run(mut self, work: Work, times: Times) -> Result<(Self, Part), Failure> {
        let seed = SystemRandom.bits() as u64;
        let (mut part, mut first) = (Part::default(), None);
        loop {
            let begun = SystemClock.steady();
            if begun >= times.end {
                return Ok((self, part));
            }
            let posts: Vec<Post> =
                (self.paid..).take(work.size).filter_map(|n| self.town.payment(seed, n, work.hot)).collect();
            self.writer.write(&posts).await?;
            let count = u64::try_from(posts.len()).unwrap_or_default();
            self.paid += count;
            if begun >= times.counted_from {
                let ended = SystemClock.steady();
                part.done += count;
                part.latency.record(duration(begun, ended));
                part.elapsed = duration(*first.get_or_insert(begun), ended);
            }
        }
    }

    /// Whether the shard's books balance and its merchants have exactly what was paid.
    pub(super) async fn compare(&self, reader: &dyn Reader) -> Result<(), Failure> {
        let params = vec![Cell::Int(self.writer.shard()), Cell::text(self.town.currency().code())];
        let rows = reader.query(&TRIAL, params).await?;
        let (mut debits, mut credits, mut received) = (0_i128, 0_i128, 0_i128);
        for row in &rows {
            let [Cell::Text(subject), _, Cell::Int(dp), Cell::Int(cp), ..] = row.as_slice() else { continue };
            debits += i128::from(*dp);
            credits += i128::from(*cp);
            if **subject == *accounting::Subject::PENDING.as_str() {
                received += i128::from(*cp);
            }
        }
        let paid = i128::from(self.paid) * i128::from(super::town::AMOUNT_MINOR);
        if debits == credits && received == paid {
            return Ok(());
        }
        Err(Failure::Differs(format!("debits {debits}, credits {credits}; received {received}, paid {paid}")))
    }
}

fn duration(from: Time, to: Time) -> Duration {
    Duration::from_micros(u64::try_from(to.since(from)).unwrap_or_default())
}

/// A line under load: itself and what it did, when it has come to its end.
type Running = oneshot::Receiver<Result<(Line, Part), Failure>>;

/// Runs a line as the server would: SQLite on a thread of its own, PostgreSQL as a task.
pub(super) fn start(line: Line, work: Work, times: Times, on_a_thread: bool) -> Result<Running, Failure> {
    let (end, ended) = oneshot::channel();
    if on_a_thread {
        let run = move || drop(end.send(ports::block(line.run(work, times))));
        ports::thread("line", run).map_err(|error| Failure::Machine(error.to_string()))?;
    } else {
        ports::task(async move { drop(end.send(line.run(work, times).await)) });
    }
    Ok(ended)
}
