//! The batch loop: one shard's ordered line.
//!
//! 1. Take what queued while the last commit was flushing (natural group commit, no timer).
//! 2. Decide it in memory, in arrival order; what a request misses is collected.
//! 3. Load what is missing, in bulk, from one read-only snapshot; decide again. Rules are pure, so that costs nothing else.
//! 4. Write the difference in one transaction, fenced by the shard's head.
//! 5. Only when that is durable: tell the observer, answer the callers.
//!
//! While a batch is being written the next one is decided on what it will have changed, and sent when it is durable; where
//! it is not, both are decided again. One batch is on its way at a time.
//!
//! Safety is the fence alone: any number of lines may serve a shard. A conflict clears the memory and decides again; a
//! commit whose answer was lost is resolved by a read that waits for the old transaction. Nothing here awaits the outside
//! world, and an answer never leaves before its commit is known to be durable.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::pin::{Pin, pin};
use std::sync::Arc;

use futures::channel::oneshot;
use futures::future::{BoxFuture, Either, FutureExt as _, MaybeDone, maybe_done, poll_fn, select};
use kernel::{Code, Problem, RootId, Time, TradeId, limits};
use payment::Approvals;
use store::tables::shard::Batch as BatchRow;
use store::unit::{Key, Memory};
use store::{Ask, Cell, Head, Row as _, Snapshot, StoreError, Work, Written};

use crate::batch::{self, Decided};
use crate::channels::Channels;
use crate::control::{Control, Shared};
use crate::ports::{Alarm, Clock, Observer};
use crate::query::Tree;
use crate::queue::{Exit, Laid, Taken};
use crate::request::Request;
use crate::route::Queues;
use crate::serve::Verdict;
use crate::work::risk::Inquiries;

/// How long a line waits before it asks again for a store that is away, while a commit's answer is lost.
const AWAY_US: i64 = 100_000;

/// One waiting request and the way back to its caller.
pub struct Job {
    /// What is asked.
    pub request: Request,
    /// After this moment, by [`Clock::steady`], nobody waits for the answer any more.
    pub deadline: Time,
    /// The way back.
    pub reply: oneshot::Sender<Result<Reply, Problem>>,
}

/// A durable answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// HTTP status.
    pub status: u16,
    /// The stored bytes.
    pub body: Arc<str>,
    /// Whether an earlier request with the same key made it.
    pub replayed: bool,
    /// The shard's sequence at which it holds.
    pub seq: i64,
    /// Whether `body` is a problem.
    pub problem: bool,
}

/// What a commit changed, for those who act after it.
#[derive(Clone, Debug, Default)]
pub struct Committed {
    /// The shard.
    pub shard: i64,
    /// Its sequence.
    pub seq: i64,
    /// Whether it is the batch's own. What changed nothing writes no batch, and holds as of one that may be another's.
    pub written: bool,
    /// Trades of which something changed that readers are shown, as they are now where that is known.
    pub trees: BTreeMap<TradeId, Option<Tree>>,
    /// Tasks that were added, with their due times.
    pub tasks: Vec<Task>,
    /// How many events the log grew by.
    pub events: usize,
    /// How many requests were in the batch.
    pub requests: usize,
    /// How many rounds of loading it took.
    pub rounds: usize,
}

/// A durable task: something to do at a time.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Task {
    /// When.
    pub due: Time,
    /// For which tree: a trade's, or a coupon.
    pub tree: RootId,
    /// For which of its numbered children; 0 for the root itself.
    pub no: u16,
    /// What.
    pub kind: &'static str,
}

/// What a line needs to run.
pub struct Setup {
    /// The shard.
    pub shard: i64,
    /// A number drawn for this line; its batches carry it, so that after a lost answer they can be told from others'.
    pub writer: i64,
    /// The store's write line.
    pub store: Box<dyn store::Line>,
    /// What is waiting.
    pub queue: Exit,
    /// The ways to the lines of all shards, for requests that turn out to be another's.
    pub queues: Queues,
    /// The way to the one who asks the outside risk service.
    pub inquiries: Inquiries,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Ends a wait for a store that is away.
    pub alarm: Arc<dyn Alarm>,
    /// Who acts after a commit.
    pub observer: Arc<dyn Observer>,
    /// Control data, shared with the doors.
    pub control: Shared,
    /// The deployment's channel accounts.
    pub channels: Arc<Channels>,
    /// Which cases one person does not resolve alone.
    pub approvals: Arc<Approvals>,
    /// The book's zone, for accounting dates.
    pub zone: jiff::tz::TimeZone,
    /// Most requests of one batch.
    pub batch_limit: usize,
    /// Most aggregates of a type kept in memory between batches.
    pub memory_limit: usize,
}

/// Runs a shard's line until its queue is closed and empty, or its store is unusable.
pub async fn run(setup: Setup) -> Result<(), StoreError> {
    let observer = Arc::clone(&setup.observer);
    let (memory, again) = (Memory::default(), VecDeque::new());
    let mut line = Line { setup, memory, head: None, conflicts: 0, flight: None, again };
    let end = line.serve().await;
    if let Err(error) = &end {
        observer.stopped(error.code());
    }
    end
}

struct Line {
    setup: Setup,
    /// What is known as of `head`. Forgetting is always right, but never what is on its way: the store does not have it
    /// yet.
    memory: Memory,
    /// What the memory is valid for, once what is on its way is durable; `None` before the first load and after a
    /// conflict.
    head: Option<Head>,
    /// Conflicts in a row; from the second on the snapshot waits for the other writer.
    conflicts: u32,
    /// The batch that is being written.
    flight: Option<Flight>,
    /// Batches that must be decided again, in order.
    again: VecDeque<Vec<Laid>>,
}

/// A batch on its way to the disk. Nobody was told of it, and whoever is decided after it is told only when it has landed.
struct Flight {
    jobs: Vec<Laid>,
    outcome: Outcome,
    work: Arc<Work>,
    /// What it was decided on: where the shard stands until it lands.
    before: Head,
    write: MaybeDone<BoxFuture<'static, Result<Written, StoreError>>>,
}

/// What a decided batch comes to, beside its rows.
struct Outcome {
    verdicts: Vec<Verdict>,
    control: Option<Arc<Control>>,
    committed: Committed,
}

/// A batch, decided.
struct Round {
    decided: Decided,
    /// What it was decided on.
    head: Head,
    rounds: usize,
}

impl Line {
    async fn serve(&mut self) -> Result<(), StoreError> {
        while let Some(jobs) = self.next().await? {
            self.batch(jobs).await?;
        }
        Ok(())
    }

    /// What is to be decided next: what did not come about, or else what has queued. A write may land meanwhile. `None`
    /// once the queue is closed and empty and nothing is on its way.
    async fn next(&mut self) -> Result<Option<Vec<Laid>>, StoreError> {
        loop {
            if self.is_alone() {
                self.land().await?;
            }
            if let Some(jobs) = self.again.pop_front() {
                return Ok(Some(jobs));
            }
            match self.taken().await {
                Some(Some(taken)) if taken.jobs.is_empty() => {}
                Some(Some(taken)) => {
                    self.setup.observer.taken(taken.waited_us);
                    return Ok(Some(taken.jobs));
                }
                Some(None) if self.flight.is_none() => return Ok(None),
                Some(None) | None => drop(self.land().await?),
            }
        }
    }

    /// Whether nothing is decided beside the batch that is on its way: what changes control data is seen by the next one,
    /// and where others write too, being ahead of them is work for nothing.
    fn is_alone(&self) -> bool {
        let control = self.flight.as_ref().is_some_and(|flight| flight.outcome.control.is_some());
        control || self.conflicts > 0
    }

    /// What the queue gives; `None` where the batch that is on its way has landed first.
    async fn taken(&mut self) -> Option<Option<Taken>> {
        let Setup { queue, batch_limit, clock, .. } = &mut self.setup;
        let Some(flight) = &mut self.flight else {
            return Some(queue.take(*batch_limit, &**clock).await);
        };
        // A smaller batch than the one on its way would be sent too early: batches cost less the larger they are.
        let take = queue.take_ahead(flight.jobs.len(), *batch_limit, &**clock);
        match select(&mut flight.write, pin!(take)).await {
            Either::Left(_) => None,
            Either::Right((taken, _)) => Some(taken),
        }
    }

    /// One batch: decided while the one before is being written, and sent after it once that is durable. Where it is not,
    /// both are decided again.
    async fn batch(&mut self, jobs: Vec<Laid>) -> Result<(), StoreError> {
        let round = self.decide(&jobs).await;
        let stands = self.land().await?;
        match round {
            Ok(Some(round)) if stands => return self.send(jobs, round).await,
            Err(error) if stands || error.is_fatal() => return self.give_up(jobs, error),
            Ok(Some(_)) | Err(_) => {}
            Ok(None) => self.forget(),
        }
        self.again.push_back(jobs);
        Ok(())
    }

    /// Sends a decided batch on its way, or answers it where it changes nothing.
    async fn send(&mut self, jobs: Vec<Laid>, round: Round) -> Result<(), StoreError> {
        let Round { decided, head: before, rounds } = round;
        let written = decided.work.is_some();
        let committed = Committed {
            shard: self.setup.shard,
            seq: decided.work.as_ref().map_or(before.seq, |work| work.head.seq),
            written,
            trees: decided.trees,
            tasks: decided.tasks,
            events: decided.events,
            requests: jobs.len(),
            rounds,
        };
        let outcome = Outcome { verdicts: decided.verdicts, control: decided.control, committed };
        let Some(work) = decided.work else {
            match self.is_behind(rounds).await {
                Ok(true) => self.again.push_front(jobs),
                Ok(false) => self.answer(jobs, outcome),
                Err(error) => return self.give_up(jobs, error),
            }
            return Ok(());
        };
        self.head = Some(work.head.clone());
        self.memory.lay(decided.memory);
        let work = Arc::new(work);
        let write = maybe_done(self.setup.store.write(Arc::clone(&work)));
        self.flight = Some(Flight { jobs, outcome, work, before, write });
        Ok(())
    }

    /// Waits for the batch that is being written, if there is one: whether what was decided on it stands. A conflict or a
    /// lost commit decides it again; what cannot be written is given up.
    async fn land(&mut self) -> Result<bool, StoreError> {
        let Some(mut flight) = self.flight.take() else { return Ok(true) };
        (&mut flight.write).await;
        let written = Pin::new(&mut flight.write).take_output().unwrap_or(Ok(Written::Unknown));
        let done = match written {
            Ok(Written::Done) => true,
            Ok(Written::Conflict) => false,
            Ok(Written::Unknown) => self.resolve(&flight.work.head).await?,
            Err(error) => {
                self.give_up(flight.jobs, error)?;
                return Ok(false);
            }
        };
        if done {
            self.conflicts = 0;
            drop(flight.write);
            self.setup.observer.wrote(Arc::unwrap_or_clone(flight.work));
            self.answer(flight.jobs, flight.outcome);
            return Ok(true);
        }
        self.setup.observer.conflict();
        self.conflicts = self.conflicts.saturating_add(1);
        self.forget();
        self.again.push_front(flight.jobs);
        Ok(false)
    }

    /// What changes nothing meets no fence, and holds only where the shard has not moved on since the memory was read, nor
    /// lost what is in it: a database that took over may not have the answer that a key is given again. What just loaded
    /// something has seen the head.
    async fn is_behind(&mut self, rounds: usize) -> Result<bool, StoreError> {
        Ok(rounds == 0 && matches!(self.load(&BTreeSet::new()).await?, Seen::Moved))
    }

    /// Decides in rounds: what a round misses is loaded in bulk for the next. Where the shard moves on meanwhile, what was
    /// read before is read again, so that a busy neighbour never keeps a batch from coming to its end; `None` where it
    /// does so while a batch is on its way, whose end has to be heard first.
    async fn decide(&mut self, jobs: &[Laid]) -> Result<Option<Round>, StoreError> {
        let mut rounds = 0;
        let mut wanted = BTreeSet::new();
        loop {
            if let Some(head) = &self.head {
                let ground = batch::Ground {
                    shard: self.setup.shard,
                    shards: self.setup.queues.shards(),
                    writer: self.setup.writer,
                    head,
                    now: self.setup.clock.now(),
                    zone: &self.setup.zone,
                    control: self.setup.control.snapshot(),
                    channels: Arc::clone(&self.setup.channels),
                    approvals: Arc::clone(&self.setup.approvals),
                };
                match batch::decide(&ground, &self.memory, jobs.iter().map(|laid| &laid.job.request)) {
                    Ok(decided) => return Ok(Some(Round { decided, head: head.clone(), rounds })),
                    Err(missing) => {
                        rounds += 1;
                        if rounds > limits::MAX_ROUNDS * jobs.len().max(1) {
                            return Err(StoreError::broken("a batch did not come to an end of its reads"));
                        }
                        wanted.extend(missing.iter().copied());
                        match self.load(&missing).await? {
                            Seen::Known => {}
                            Seen::Moved => {
                                self.load(&wanted).await?;
                            }
                            Seen::Aside => return Ok(None),
                        }
                    }
                }
            } else {
                self.load(&BTreeSet::new()).await?;
            }
        }
    }

    /// One snapshot: the head and the rows of `keys`. If the shard has moved on, memory starts anew from it.
    ///
    /// While a batch is on its way the snapshot may be of before it or after it: what is asked for is not in memory, so
    /// the batch has not changed it.
    async fn load(&mut self, keys: &BTreeSet<Key>) -> Result<Seen, StoreError> {
        let lock = self.conflicts >= 2;
        let shard = self.setup.shard;
        let mut by_shard = Memory::by_shard(keys, shard);
        let keys = by_shard.remove(&shard).unwrap_or_default();
        let snapshot = self.read(shard, &Memory::asks(&keys), lock).await?;
        let is_of = |head: &Head| (head.seq, head.hash) == (snapshot.head.seq, snapshot.head.hash);
        let known = self.head.as_ref().is_some_and(is_of);
        let seen = match &self.flight {
            Some(flight) if known || is_of(&flight.before) => Seen::Known,
            Some(_) => return Ok(Seen::Aside),
            None if known => Seen::Known,
            None => {
                self.memory = Memory::default();
                self.head = Some(snapshot.head);
                Seen::Moved
            }
        };
        self.memory.absorb(&keys, snapshot.rows)?;
        // What of other shards is there never changes, so it does not matter as of when it is read; what was not there yet is
        // met by a unique key, or asked for again.
        for (shard, keys) in by_shard {
            let snapshot = self.read(shard, &Memory::asks(&keys), false).await?;
            self.memory.absorb(&keys, snapshot.rows)?;
        }
        Ok(seen)
    }

    /// Reads, while what is on its way goes on.
    async fn read(&mut self, shard: i64, asks: &[Ask], lock: bool) -> Result<Snapshot, StoreError> {
        let mut reading = self.setup.store.load(shard, asks, lock);
        let flight = &mut self.flight;
        poll_fn(|context| {
            if let Some(flight) = flight {
                // Its end is heard where it lands.
                let _ = flight.write.poll_unpin(context);
            }
            reading.poll_unpin(context)
        })
        .await
    }

    /// Nothing of the batch was written, and its callers are told so. A store that is away may come back; one in which
    /// something is broken stops the line.
    fn give_up(&mut self, jobs: Vec<Laid>, error: StoreError) -> Result<(), StoreError> {
        self.forget();
        self.setup.queue.end_batch(&*self.setup.clock);
        for Laid { job, .. } in jobs {
            // A caller that is gone needs no answer.
            let _ = job.reply.send(Err(Problem::new(Code::store_unavailable, error.to_string())));
        }
        if error.is_fatal() { Err(error) } else { Ok(()) }
    }

    /// Whether the lost commit took place. Until that is known the batch is neither answered nor failed, however long the
    /// store is away.
    async fn resolve(&mut self, ours: &Head) -> Result<bool, StoreError> {
        self.setup.observer.unknown();
        loop {
            match self.took_place(ours).await {
                Err(error) if !error.is_fatal() => {
                    self.setup.alarm.at(self.setup.clock.steady().plus(AWAY_US)).await;
                }
                known => return known,
            }
        }
    }

    /// The read waits for the old transaction; when that did not take place, its fence is stale for ever, so deciding
    /// again is safe. If the shard has moved on since, our batch's row tells, read where the head was read.
    async fn took_place(&mut self, ours: &Head) -> Result<bool, StoreError> {
        let shard = self.setup.shard;
        let head = self.setup.store.resolve(shard).await?;
        if head.seq < ours.seq {
            return Ok(false);
        }
        let ask = Ask { table: BatchRow::TABLE, keys: vec![vec![Cell::Int(ours.seq)]] };
        let snapshot = self.setup.store.load(shard, &[ask], true).await?;
        let Some(row) = snapshot.rows.into_iter().flatten().next() else {
            return Err(StoreError::broken("a batch below the head is missing"));
        };
        Ok(BatchRow::from_cells(row)?.hash == ours.hash)
    }

    fn forget(&mut self) {
        self.memory = Memory::default();
        self.head = None;
    }

    /// The batch is durable: wake who acts on it, answer. Nothing is on its way now, so what is too much may be forgotten.
    fn answer(&mut self, jobs: Vec<Laid>, outcome: Outcome) {
        self.setup.queue.end_batch(&*self.setup.clock);
        self.memory.trim(self.setup.memory_limit);
        if let Some(control) = outcome.control {
            self.setup.control.publish(control);
        }
        self.setup.observer.committed(&outcome.committed);
        for (laid, verdict) in jobs.into_iter().zip(outcome.verdicts) {
            match verdict {
                // A caller that is gone finds the stored answer under its key.
                Verdict::Answered(reply) => drop(laid.job.reply.send(reply)),
                Verdict::Elsewhere(shard) => self.setup.queues.hand_over(shard, laid, self.setup.clock.steady()),
                Verdict::Ask(question) => {
                    let Setup { shard, queues, inquiries, clock, .. } = &self.setup;
                    inquiries.take(laid, question, *shard, queues, clock.steady());
                }
            }
        }
    }
}

/// What a load saw of the shard.
enum Seen {
    /// Nothing new.
    Known,
    /// It has moved on; memory has begun anew.
    Moved,
    /// It has moved on, while a batch of our own is on its way; nothing was taken in.
    Aside,
}
