//! What one request sees and changes: the batch so far, over what is committed.
//!
//! Reads go through [`View::get`]; what is not known yet is noted and stops the request for this round. Whatever the
//! request writes goes into the batch, with a note of what it covers; a refusal takes all of it back.

use std::collections::BTreeSet;
use std::sync::Arc;

use kernel::message::risk::{Asked, Signals};
use kernel::{Context, Shards, Time, TradeId};
use payment::Approvals;
use store::unit::{Before, Kept, Key, Memory};

use crate::channels::Channels;
use crate::control::Control;
use crate::ledger::Posted;
use crate::news::Told;
use crate::stop::Stop;

/// What a whole batch stands on; the same for each of its requests.
#[derive(Clone)]
pub struct Footing {
    /// The shard.
    pub shard: i64,
    /// How many shards the store has.
    pub shards: Shards,
    /// The sequence the batch will have.
    pub seq: i64,
    /// The batch's time: after every earlier batch, never before the clock.
    pub now: Time,
    /// The book's date at that time, `yyyymmdd`; never going back.
    pub acct_date: i64,
    /// The book's zone: where days begin.
    pub zone: jiff::tz::TimeZone,
}

/// One request's view.
pub struct View<'a> {
    /// What the batch stands on.
    pub footing: &'a Footing,
    /// Control data as of this request.
    pub control: Arc<Control>,
    /// The deployment's channel accounts.
    pub channels: Arc<Channels>,
    /// Which cases one person does not resolve alone.
    pub approvals: Arc<Approvals>,
    /// What the request says of who pays.
    pub signals: Signals,
    /// What is known of the outside risk service's word about it.
    pub asked: Asked,
    committed: &'a Memory,
    batch: &'a mut Memory,
    /// What the request's changes cover, in their order.
    covered: Vec<Before>,
    missing: BTreeSet<Key>,
    /// Public events, in order.
    pub told: Vec<Told>,
    /// Booked vouchers, in order.
    pub posted: Vec<Posted>,
    /// Where the next answer of the batch stands.
    pub next_answer: i64,
    /// Control data and the next answer before this request, for [`Self::undo`].
    before: (Arc<Control>, i64),
}

/// What a request leaves behind when it came to its end.
pub struct Traces {
    /// Public events.
    pub told: Vec<Told>,
    /// Vouchers.
    pub posted: Vec<Posted>,
    /// Control data after it.
    pub control: Arc<Control>,
    /// Where the next answer of the batch stands.
    pub next_answer: i64,
}

impl<'a> View<'a> {
    /// Nothing changed yet.
    pub fn new(
        footing: &'a Footing,
        committed: &'a Memory,
        batch: &'a mut Memory,
        control: Arc<Control>,
        channels: Arc<Channels>,
        approvals: Arc<Approvals>,
        next_answer: i64,
    ) -> Self {
        Self {
            before: (Arc::clone(&control), next_answer),
            footing,
            control,
            channels,
            approvals,
            signals: Signals::default(),
            asked: Asked::NotYet,
            committed,
            batch,
            covered: Vec::new(),
            missing: BTreeSet::new(),
            told: Vec::new(),
            posted: Vec::new(),
            next_answer,
        }
    }

    /// The batch's time.
    pub fn now(&self) -> Time {
        self.footing.now
    }

    /// An aggregate, or `None` where there is none. What is not known yet stops the request for this round.
    pub fn get<A: Kept>(&mut self, key: A::Key) -> Result<Option<Arc<A>>, Stop> {
        self.peek::<A>(key).ok_or(Stop::Miss)
    }

    /// The same without stopping: `None` when it is not known yet (and then it is noted), so that several reads of one
    /// round can be noted together.
    pub fn peek<A: Kept>(&mut self, key: A::Key) -> Option<Option<Arc<A>>> {
        let known = self.batch.get::<A>(key).or_else(|| self.committed.get::<A>(key));
        if known.is_none() {
            self.missing.insert(A::key(key));
        }
        known
    }

    /// Changes an aggregate.
    pub fn put<A: Kept>(&mut self, key: A::Key, value: A) {
        self.cover(key, Some(Arc::new(value)));
    }

    /// Takes an aggregate away.
    pub fn remove<A: Kept>(&mut self, key: A::Key) {
        self.cover::<A>(key, None);
    }

    fn cover<A: Kept>(&mut self, key: A::Key, value: Option<Arc<A>>) {
        self.covered.push(self.batch.put(key, value));
    }

    /// Notes that an aggregate cannot exist, because its id was drawn just now.
    pub fn fresh<A: Kept>(&mut self, key: A::Key) {
        if self.peek::<A>(key).is_none() {
            self.missing.remove(&A::key(key));
            self.cover::<A>(key, None);
        }
    }

    /// A trade's context, for events and postings.
    pub fn context(&mut self, trade: TradeId) -> Result<Option<Context>, Stop> {
        Ok(self.get::<trade::Trade>(trade)?.map(|trade| trade.context.clone()))
    }

    /// Takes back everything the request did; what it missed stays noted.
    pub fn undo(&mut self) {
        while let Some(before) = self.covered.pop() {
            self.batch.restore(before);
        }
        self.told.clear();
        self.posted.clear();
        self.control = Arc::clone(&self.before.0);
        self.next_answer = self.before.1;
    }

    /// Whether the request has missed anything; what it does now is done again.
    pub fn misses(&self) -> bool {
        !self.missing.is_empty()
    }

    /// What the request missed, if anything.
    pub fn missing(&self) -> &BTreeSet<Key> {
        &self.missing
    }

    /// Ends the request.
    pub fn finish(self) -> Traces {
        Traces { told: self.told, posted: self.posted, control: self.control, next_answer: self.next_answer }
    }
}
