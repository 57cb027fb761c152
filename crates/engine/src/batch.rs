//! Deciding a batch: requests in arrival order, each to its end; then the difference as one write.
//!
//! Pure: the same ground, memory and requests give the same rows. Cutting the same requests into other batches gives the
//! same states, answers and postings (a property test holds that), only the sequence numbers differ.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use kernel::{Shards, Time, TradeId};
use payment::Approvals;
use store::tables::log::Event;
use store::tables::shard::Control as ControlRecord;
use store::unit::{Changes, Key, Memory};
use store::{Head, Row as _, Work};

use crate::channels::Channels;
use crate::control::Control;
use crate::ledger::Ledger;
use crate::line::Task;
use crate::news;
use crate::query::Tree;
use crate::request::Request;
use crate::serve::{self, Served, Verdict};
use crate::view::{Footing, View};

/// What a batch stands on.
pub struct Ground<'a> {
    /// The shard.
    pub shard: i64,
    /// How many shards the store has.
    pub shards: Shards,
    /// This line's number, drawn when it started; it tells our batches from another node's.
    pub writer: i64,
    /// Where the shard stands.
    pub head: &'a Head,
    /// This machine's time.
    pub now: Time,
    /// The book's zone.
    pub zone: &'a jiff::tz::TimeZone,
    /// Control data.
    pub control: Arc<Control>,
    /// The deployment's channel accounts.
    pub channels: Arc<Channels>,
    /// Which cases one person does not resolve alone.
    pub approvals: Arc<Approvals>,
}

/// A decided batch.
pub struct Decided {
    /// What to write; `None` when nothing changes.
    pub work: Option<Work>,
    /// States after it.
    pub memory: Memory,
    /// Control data after it, if it changed.
    pub control: Option<Arc<Control>>,
    /// One per request, in order.
    pub verdicts: Vec<Verdict>,
    /// Trades of which something changed that readers are shown, as they are now where that is known.
    pub trees: BTreeMap<TradeId, Option<Tree>>,
    /// Tasks that were added.
    pub tasks: Vec<Task>,
    /// How many events the log grows by.
    pub events: usize,
}

/// Decides all requests, or says what has to be read first.
pub fn decide<'r>(
    ground: &Ground<'_>,
    committed: &Memory,
    requests: impl Iterator<Item = &'r Request>,
) -> Result<Decided, BTreeSet<Key>> {
    let now = ground.now.max(Time::from_micros(ground.head.last_time + 1));
    let acct_date = now.day_in(ground.zone).max(ground.head.acct_date);
    let (seq, zone) = (ground.head.seq + 1, ground.zone.clone());
    let footing = Footing { shard: ground.shard, shards: ground.shards, seq, now, acct_date, zone };
    let mut batch = Batch::new(footing, Arc::clone(&ground.control));
    let mut missing = BTreeSet::new();
    for request in requests {
        let mut view = View::new(
            &batch.footing,
            committed,
            &mut batch.memory,
            Arc::clone(&batch.control),
            Arc::clone(&ground.channels),
            Arc::clone(&ground.approvals),
            batch.next_answer,
        );
        let served = serve::serve(&mut view, request);
        if view.misses() {
            missing.extend(view.missing().iter().copied());
            view.undo();
        } else {
            let traces = view.finish();
            batch.take(served, traces);
        }
    }
    if missing.is_empty() { Ok(batch.finish(ground, committed)) } else { Err(missing) }
}

/// What has been decided so far.
struct Batch {
    footing: Footing,
    memory: Memory,
    control: Arc<Control>,
    next_answer: i64,
    next_event: i64,
    ledger: Ledger,
    changes: Changes,
    verdicts: Vec<Verdict>,
}

impl Batch {
    fn new(footing: Footing, control: Arc<Control>) -> Self {
        Self {
            ledger: Ledger::new(&footing),
            footing,
            memory: Memory::default(),
            control,
            next_answer: 0,
            next_event: 0,
            changes: Changes::default(),
            verdicts: Vec::new(),
        }
    }

    /// Adds one request's traces.
    fn take(&mut self, served: Served, traces: crate::view::Traces) {
        for row in news::rows(&self.footing, self.next_event, &traces.told, &served.bodies) {
            self.changes.insert(Event::TABLE, row);
            self.next_event += 1;
        }
        for posted in &traces.posted {
            self.ledger.take(posted, &mut self.changes);
        }
        for row in served.control {
            self.changes.insert(ControlRecord::TABLE, row);
        }
        self.control = traces.control;
        self.next_answer = traces.next_answer;
        self.verdicts.push(served.verdict);
    }

    fn finish(mut self, ground: &Ground<'_>, committed: &Memory) -> Decided {
        let before = self.changes.len();
        self.memory.changes(committed, ground.shard, &mut self.changes);
        let control = (!Arc::ptr_eq(&self.control, &ground.control)).then_some(self.control);
        if before == 0 && self.changes.is_empty() {
            return Decided {
                work: None,
                memory: self.memory,
                control,
                verdicts: self.verdicts,
                trees: BTreeMap::new(),
                tasks: Vec::new(),
                events: 0,
            };
        }
        let tasks = crate::tasks::changes(ground.shard, committed, &self.memory, &mut self.changes);
        let trees = crate::tasks::shown(committed, &self.memory).into_iter();
        let trees = trees.map(|id| (id, Tree::known(id, &[&self.memory, committed]))).collect();
        let head = self.ledger.close(ground, committed, &self.memory, &mut self.changes);
        let work = Work { shard: ground.shard, before: ground.head.clone(), head, changes: self.changes.into_vec() };
        Decided {
            work: Some(work),
            memory: self.memory,
            control,
            verdicts: self.verdicts,
            trees,
            tasks,
            events: usize::try_from(self.next_event).unwrap_or(0),
        }
    }
}
