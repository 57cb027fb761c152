//! The webhook worker: every event to every endpoint that wants it (Standard Webhooks 1.0), at least once, in no
//! promised order.
//!
//! 1. Read the log from the cursor on; for each event begin a delivery per endpoint that wants it, many at a time.
//! 2. What fails, and what an endpoint that is slow or down has no place for, is *parked* with its next due time.
//! 3. The cursor follows behind the deliveries: it moves over an event when each of them is done or parked, in the same
//!    small transaction as the parked rows, and only from where this process knows it to be.
//! 4. Parked deliveries are tried again by the schedule; when that is used up the row stays, dead, until somebody
//!    resends it.
//!
//! A kill repeats at most what was between the cursor and the reading.
//!
//! Each endpoint has a [`lane`] of its own with few deliveries under way, so a slow one slows nobody else.

mod delivery;
mod lane;
mod parked;
mod window;

use std::collections::BTreeMap;
use std::sync::Arc;

use async_channel::Receiver;
use futures::StreamExt as _;
use futures::future::{BoxFuture, Either, FutureExt as _, select};
use futures::stream::FuturesUnordered;
use kernel::time::SECOND_US;
use kernel::{EndpointId, Time};
use store::tables::log::{Cursor, Event};
use store::tables::work::{CURSOR, CURSOR_BEGIN, CURSOR_MOVE};
use store::{Applied, Cell, Reader, Row as _, Side, Step, StoreError};

use self::delivery::Landed;
use self::lane::Lane;
use self::window::Window;
use super::{Lease, Progress};
use crate::control::Shared;
use crate::events::{self, LogEvent, Place};
use crate::ports::{Clock, Outside};

pub use self::parked::{DEAD, resend};

/// The name of the reader; parked rows carry it with the endpoint's id.
const READER: &str = "webhooks";
/// Events read at a time.
const PAGE: usize = 256;
/// Most deliveries under way.
const MAX_FLIGHTS: usize = 1_024;
/// Between two looks at the parked rows, and between two looks at a log that nobody listens to, in microseconds.
const LOOK_US: i64 = SECOND_US;

/// What the worker works with.
pub struct Setup {
    /// The shard.
    pub shard: i64,
    /// Reads beside the line.
    pub reader: Arc<dyn Reader>,
    /// Writes cursor and parked rows.
    pub side: Box<dyn Side>,
    /// Endpoints.
    pub control: Shared,
    /// Rings when the log has grown.
    pub bell: Receiver<()>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// HTTP to merchants.
    pub outside: Arc<dyn Outside>,
    /// Pauses after failed attempts, in seconds.
    pub schedule_s: Vec<u32>,
    /// Longest time for one attempt.
    pub timeout_ms: u32,
    /// Who may work, where several processes share the store.
    pub lease: Option<Lease>,
}

/// The worker of one shard.
pub struct Webhooks {
    setup: Setup,
    /// What was read and is not settled; `None` before the cursor was read.
    window: Option<Window>,
    flights: FuturesUnordered<BoxFuture<'static, Landed>>,
    landed: Vec<Landed>,
    lanes: BTreeMap<EndpointId, Lane>,
    /// Changes of parked rows that wait for the next transaction.
    steps: Vec<Step>,
    next_look: Time,
}

impl Webhooks {
    /// Nothing read yet.
    pub fn new(setup: Setup) -> Self {
        Self {
            setup,
            window: None,
            flights: FuturesUnordered::new(),
            landed: Vec::new(),
            lanes: BTreeMap::new(),
            steps: Vec::new(),
            next_look: Time::default(),
        }
    }

    /// Begins deliveries of at most `limit` events, and settles what has come to an end. Waits for the store at most.
    ///
    /// # Errors
    /// When the store cannot be reached; nothing is lost, the next tick tries again.
    pub async fn tick(&mut self, limit: usize) -> Result<Progress, StoreError> {
        let now = self.setup.clock.now();
        if let Some(lease) = &mut self.setup.lease
            && !lease.hold(now).await?
        {
            self.window = None;
            return Ok(Progress { done: 0, more: false, next: Some(now.plus(LOOK_US)) });
        }
        let mut done = self.land(now);
        let read = self.read(limit.min(PAGE), now).await?;
        if now >= self.next_look {
            self.next_look = now.plus(LOOK_US);
            done += self.retry(now).await?;
        }
        done += self.land(now);
        self.settle().await?;
        Ok(Progress { done: done + read, more: read > 0, next: Some(self.next_look) })
    }

    /// Waits until the log has grown or a delivery has come to an end. Can be dropped at any moment.
    pub async fn rouse(&mut self) {
        let bell = self.setup.bell.recv();
        if self.flights.is_empty() {
            if bell.await.is_err() {
                // Nobody rings any more; the looks go on.
                futures::future::pending::<()>().await;
            }
            return;
        }
        let landed = match select(std::pin::pin!(bell), self.flights.next()).await {
            Either::Left((Ok(()), _)) => None,
            Either::Left((Err(_), flight)) => flight.await,
            Either::Right((landed, _)) => landed,
        };
        self.landed.extend(landed);
    }

    /// Gives the lease back. What is under way is dropped, and delivered again by whoever comes next.
    ///
    /// # Errors
    /// When the store cannot be reached; then the lease ends by itself.
    pub async fn end(self) -> Result<(), StoreError> {
        match self.setup.lease {
            Some(lease) => lease.give_back().await,
            None => Ok(()),
        }
    }

    /// Reads on in the log and begins deliveries; says how many events it read.
    async fn read(&mut self, limit: usize, now: Time) -> Result<usize, StoreError> {
        let window = match self.window.take() {
            Some(window) => window,
            None => Window::from(self.cursor().await?),
        };
        let window = self.window.insert(window);
        if self.setup.control.snapshot().endpoints.values().all(|endpoint| endpoint.disabled_at.is_some()) {
            return self.skip(now).await;
        }
        if window.is_full() || self.flights.len() >= MAX_FLIGHTS {
            return Ok(0);
        }
        let rows = events::rows_after(&*self.setup.reader, self.setup.shard, window.read_to(), limit).await?;
        let count = rows.len();
        let (mut all, mut wanted) = (Vec::with_capacity(count), Vec::new());
        for row in rows {
            all.push((row.seq, row.n));
            if self.is_wanted(&row) {
                wanted.push(row);
            }
        }
        let wanted = events::with_bodies(&*self.setup.reader, self.setup.shard, wanted).await?;
        if let Some(window) = &mut self.window {
            window.add(all);
        }
        for event in wanted {
            self.begin(event, now);
        }
        Ok(count)
    }

    /// Nobody listens: on to the end of the log, now and then.
    async fn skip(&mut self, now: Time) -> Result<usize, StoreError> {
        if now >= self.next_look {
            let head = self.setup.reader.load(self.setup.shard, Vec::new()).await?.head;
            if let Some(window) = &mut self.window {
                window.skip_to((head.seq, i64::MAX));
            }
        }
        Ok(0)
    }

    fn is_wanted(&self, row: &Event) -> bool {
        let control = self.setup.control.snapshot();
        let merchant = row.merchant.map(|bytes| kernel::MerchantId(kernel::RootId::from_bytes(bytes)));
        control.endpoints_for(merchant, &row.r#type).any(|(_, endpoint)| endpoint.created_at <= row.at)
    }

    /// Puts an event into the lanes of the endpoints that want it; parks it where a lane is full.
    fn begin(&mut self, event: LogEvent, now: Time) {
        let control = self.setup.control.snapshot();
        let event = Arc::new(event);
        for (id, endpoint) in control.endpoints_for(event.merchant, &event.kind) {
            if endpoint.created_at > event.at.micros() {
                continue;
            }
            let lane = self.lanes.entry(id).or_default();
            if lane.is_full() {
                self.steps.push(parked::park(id, self.setup.shard, event.place, now, 0, "no_place"));
                continue;
            }
            lane.push((Arc::clone(&event), None));
            if let Some(window) = &mut self.window {
                window.begin(event.place);
            }
            self.advance(id);
        }
    }

    /// Begins what a lane has places for.
    fn advance(&mut self, id: EndpointId) {
        let control = self.setup.control.snapshot();
        let Some(lane) = self.lanes.get_mut(&id) else { return };
        let endpoint = control.endpoints.get(&id).filter(|endpoint| endpoint.disabled_at.is_none());
        while let Some((event, attempts)) = lane.pop() {
            let Some(endpoint) = endpoint else {
                // Nobody wants it any more.
                self.landed.push(Landed { id, place: event.place, attempts, failure: None });
                continue;
            };
            let endpoint = Arc::clone(endpoint);
            let delivery = delivery::Delivery { id, endpoint, event, attempts, timeout_ms: self.setup.timeout_ms };
            let (clock, outside) = (Arc::clone(&self.setup.clock), Arc::clone(&self.setup.outside));
            self.flights.push(delivery.run(control.salt, clock, outside).boxed());
        }
    }

    /// Puts parked deliveries whose time has come back into their lanes.
    async fn retry(&mut self, now: Time) -> Result<usize, StoreError> {
        let due = parked::due(&*self.setup.reader, self.setup.shard, now, PAGE).await?;
        metrics::gauge!(super::measure::PARKED).set(super::measure::count(due.len()));
        let control = self.setup.control.snapshot();
        let mut wanted = Vec::new();
        for (id, row) in due {
            let place = (row.seq, row.n);
            let lane = self.lanes.entry(id).or_default();
            if control.endpoints.get(&id).is_none_or(|endpoint| endpoint.disabled_at.is_some()) {
                self.steps.push(parked::done(id, self.setup.shard, place));
            } else if !lane.has(place) && !lane.is_full() {
                wanted.push((id, place, row.attempts));
            }
        }
        let places = wanted.iter().map(|(_, place, _)| *place).collect();
        let found = events::at(&*self.setup.reader, self.setup.shard, places).await?;
        let found: BTreeMap<Place, Arc<LogEvent>> =
            found.into_iter().map(|event| (event.place, Arc::new(event))).collect();
        let count = wanted.len();
        for (id, place, attempts) in wanted {
            match found.get(&place) {
                Some(event) => {
                    self.lanes.entry(id).or_default().push((Arc::clone(event), Some(attempts)));
                    self.advance(id);
                }
                None => self.steps.push(parked::done(id, self.setup.shard, place)),
            }
        }
        Ok(count)
    }

    /// Takes in deliveries that have come to an end, without waiting.
    fn land(&mut self, now: Time) -> usize {
        while let Some(Some(landed)) = self.flights.next().now_or_never() {
            self.landed.push(landed);
        }
        let mut count = 0;
        // Advancing a lane may end deliveries that nobody wants any more.
        while let Some(landed) = self.landed.pop() {
            count += 1;
            self.take_in(landed, now);
        }
        count
    }

    fn take_in(&mut self, Landed { id, place, attempts, failure }: Landed, now: Time) {
        if let Some(lane) = self.lanes.get_mut(&id) {
            lane.end(place);
            if lane.is_empty() {
                self.lanes.remove(&id);
            }
        }
        self.advance(id);
        if attempts.is_none()
            && let Some(window) = &mut self.window
        {
            window.end(place);
        }
        let shard = self.setup.shard;
        match failure {
            None if attempts.is_some() => self.steps.push(parked::done(id, shard, place)),
            None => {}
            Some(why) => {
                let made = attempts.unwrap_or(0).saturating_add(1);
                let due = parked::next(&self.setup.schedule_s, made, place, now);
                if due == DEAD {
                    metrics::counter!(super::measure::DELIVERIES, "outcome" => "dead").increment(1);
                    tracing::warn!(endpoint = %id, error = %why, "a webhook delivery is given up");
                }
                self.steps.push(parked::park(id, shard, place, due, made, &why));
            }
        }
    }

    /// Writes parked rows and the cursor, together.
    async fn settle(&mut self) -> Result<(), StoreError> {
        let Some(window) = &mut self.window else { return Ok(()) };
        let (from, to) = (window.settled(), window.settle());
        if from == to && self.steps.is_empty() {
            return Ok(());
        }
        let mut steps = Vec::with_capacity(self.steps.len() + 1);
        let mut params = vec![Cell::text(READER)];
        params.extend([self.setup.shard, to.0, to.1, from.0, from.1].map(Cell::Int));
        steps.push(Step::Run { statement: &CURSOR_MOVE, params, expect: Some(1) });
        steps.append(&mut self.steps);
        match self.setup.side.transaction(steps, false).await {
            Ok(Applied::Done(_)) => Ok(()),
            // Another process has moved the cursor, or nobody knows: read again from where it is now. What was delivered
            // in between is delivered once more.
            Ok(Applied::Refused { .. } | Applied::Unknown) => {
                self.window = None;
                Ok(())
            }
            Err(error) => {
                self.window = None;
                Err(error)
            }
        }
    }

    /// Where the cursor is; it begins at the beginning of the log.
    async fn cursor(&mut self) -> Result<Place, StoreError> {
        let (reader, shard) = (Cell::text(READER), Cell::Int(self.setup.shard));
        let rows = self.setup.reader.query(&CURSOR, vec![reader.clone(), shard.clone()]).await?;
        if let Some(row) = rows.into_iter().next() {
            let cursor = Cursor::from_cells(row)?;
            return Ok((cursor.seq, cursor.n));
        }
        let params = vec![reader, shard, Cell::Int(0), Cell::Int(0)];
        let steps = vec![Step::Run { statement: &CURSOR_BEGIN, params, expect: None }];
        self.setup.side.transaction(steps, false).await?;
        Ok((0, 0))
    }
}

#[cfg(test)]
mod tests;
