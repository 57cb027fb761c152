//! The courier of a shard: brings it what the others have sent, in order, and again what is parked and due.
//!
//! It only names places; the shard's line reads what was sent, takes it in once, and says so by moving its place in the
//! same batch. So a courier may be killed, doubled or late: what it names a second time changes nothing.

use std::sync::Arc;

use futures::channel::oneshot;
use kernel::time::SECOND_US;
use kernel::{Problem, Shards, Time};
use metrics::{counter, gauge};
use store::tables::log::{Cursor, Parked};
use store::tables::transit::{SENT_AFTER, reader};
use store::tables::work::{CURSOR, PARKED_DUE};
use store::{Cell, Reader, Row as _, StoreError};

use super::{Lease, Progress, measure};
use crate::flows::transit::BEGINNING;
use crate::line::{Job, Reply};
use crate::ports::Clock;
use crate::queue::Entrance;
use crate::request::{Arrival, Command, Request};

/// Between two looks, in microseconds.
const LOOK_US: i64 = SECOND_US;
/// Longest wait for the line, in microseconds.
const PATIENCE_US: i64 = 10 * SECOND_US;

/// What a courier works with.
pub struct Setup {
    /// The shard it brings things to.
    pub shard: i64,
    /// All of them.
    pub shards: Shards,
    /// Reads beside the lines.
    pub reader: Arc<dyn Reader>,
    /// The way to the shard's line.
    pub line: Entrance,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Who of several processes brings; this one where there are no others.
    pub lease: Option<Lease>,
}

/// The courier of one shard.
pub struct Courier {
    setup: Setup,
}

impl Courier {
    /// Nothing looked at yet.
    pub fn new(setup: Setup) -> Self {
        Self { setup }
    }

    /// Brings at most `limit` messages of each shard, and what is parked and due.
    ///
    /// # Errors
    /// When the store cannot be read; nothing is lost, the next tick tries again.
    pub async fn tick(&mut self, limit: usize) -> Result<Progress, StoreError> {
        let mut progress = Progress::default();
        let now = self.setup.clock.now();
        progress.next = Some(now.plus(LOOK_US));
        if let Some(lease) = &mut self.setup.lease
            && !lease.hold(now).await?
        {
            self.found_parked(0);
            return Ok(progress);
        }
        let (shards, home) = (self.setup.shards, self.setup.shard);
        let mut parked = 0;
        for from in shards.all().filter(|from| *from != home) {
            let due = self.due(from, limit).await?;
            let next = self.next(from, limit).await?;
            progress.more |= next.len() >= limit.max(1);
            parked += due.len();
            for arrival in due.into_iter().chain(next) {
                if !self.bring(arrival).await {
                    progress.more = false;
                    break;
                }
                progress.done += 1;
                counter!(measure::BROUGHT).increment(1);
            }
        }
        self.found_parked(parked);
        Ok(progress)
    }

    fn found_parked(&self, parked: usize) {
        gauge!(measure::TRANSIT_PARKED, "shard" => self.setup.shard.to_string()).set(measure::count(parked));
    }

    /// Gives the lease back. What is on its way is brought by whoever comes next.
    ///
    /// # Errors
    /// When the store cannot be reached; then the lease ends by itself.
    pub async fn end(self) -> Result<(), StoreError> {
        match self.setup.lease {
            Some(lease) => lease.give_back().await,
            None => Ok(()),
        }
    }

    /// What another shard has sent after the place up to which it was taken in.
    async fn next(&mut self, from: i64, limit: usize) -> Result<Vec<Arrival>, StoreError> {
        let to = self.setup.shard;
        let params = vec![Cell::text(reader(to)), Cell::Int(from)];
        let cursor = self.setup.reader.query(&CURSOR, params).await?.into_iter().next();
        let cursor = cursor.map(Cursor::from_cells).transpose()?;
        let mut after = cursor.map_or(BEGINNING, |cursor| (cursor.seq, cursor.n));
        let limit = i64::try_from(limit.max(1)).unwrap_or(i64::MAX);
        let params = [from, to, after.0, after.1, limit].map(Cell::Int).to_vec();
        let mut arrivals = Vec::new();
        for row in self.setup.reader.query(&SENT_AFTER, params).await? {
            let [Cell::Int(seq), Cell::Int(n)] = row.as_slice() else {
                return Err(StoreError::broken("what was sent has no place"));
            };
            arrivals.push(Arrival { to, from, after, place: (*seq, *n) });
            after = (*seq, *n);
        }
        Ok(arrivals)
    }

    /// What is parked and due.
    async fn due(&mut self, from: i64, limit: usize) -> Result<Vec<Arrival>, StoreError> {
        let to = self.setup.shard;
        let now: Time = self.setup.clock.now();
        let (first, last) = (reader(to), format!("{}!", reader(to)));
        let limit = i64::try_from(limit.max(1)).unwrap_or(i64::MAX);
        let params =
            vec![Cell::Int(from), Cell::Int(now.micros()), Cell::text(first), Cell::text(last), Cell::Int(limit)];
        let rows = self.setup.reader.query(&PARKED_DUE, params).await?.into_iter().map(Parked::from_cells);
        let arrival = |row: Parked| Arrival { to, from, after: BEGINNING, place: (row.seq, row.n) };
        Ok(rows.collect::<Result<Vec<_>, _>>()?.into_iter().map(arrival).collect())
    }

    /// Hands one over; whether the line has decided it.
    async fn bring(&mut self, arrival: Arrival) -> bool {
        let (reply, answer) = oneshot::channel::<Result<Reply, Problem>>();
        let command = Command::Arrive(arrival);
        let request = Request::of_system("", command);
        let now = self.setup.clock.steady();
        let job = Job { request, deadline: now.plus(PATIENCE_US), reply };
        self.setup.line.lay_own(job, now).is_ok() && matches!(answer.await, Ok(Ok(reply)) if !reply.problem)
    }
}
