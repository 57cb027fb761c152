//! The workers' loops: tick while there is something to do, else wait until roused, until the time has come, or until the
//! end.

use std::sync::Arc;
use std::time::Duration;

use engine::channels::Channels;
use engine::control::Shared;
use engine::events;
use engine::place_id::{PlaceId, Placed};
use engine::ports::{Clock, Outside, Random as _};
use engine::query::Known;
use engine::query::watermark::Watermark;
use engine::queue::Entrance;
use engine::work::couriers::{self, Courier};
use engine::work::projections::Projections;
use engine::work::tasks::{self, Tasks};
use engine::work::webhooks::{self, Webhooks};
use engine::work::{Gateway, Lease, Progress};
use futures::future::{BoxFuture, FutureExt as _};
use kernel::time::SECOND_US;
use kernel::{Code, Problem, Shards};
use store::{Place, Reader, Side, Store, StoreError, Url};
use tokio::sync::{Mutex, watch};
use tokio::task::JoinHandle;

use super::observer::Hearing;
use crate::config::Config;
use crate::http;
use crate::ports::{self, PlatformClock, SystemRandom};

/// Tasks, or events, begun per tick.
const LIMIT: usize = 256;
/// Pause after the store could not be reached.
const PAUSE: Duration = Duration::from_millis(500);
/// Longest time without a tick.
const LONGEST: Duration = Duration::from_secs(1);
/// How long projections wait for more commits to go along; they go on at once when a reader waits for them.
const GATHER: Duration = Duration::from_millis(500);
/// How long a worker may take to end.
const GRACE: Duration = Duration::from_secs(5);

/// What the workers are made of.
pub(super) struct Parts<'a> {
    pub(super) config: &'a Config,
    pub(super) store: &'a Store,
    pub(super) control: &'a Shared,
    pub(super) platform: &'a Arc<PlatformClock>,
    pub(super) outside: &'a Arc<dyn Outside>,
    pub(super) gateway: &'a Arc<Gateway>,
    pub(super) channels: &'a Arc<Channels>,
    pub(super) shards: Shards,
}

/// What the workers of one shard hear and follow.
pub(super) struct Followed {
    pub(super) shard: i64,
    pub(super) queue: Entrance,
    pub(super) hearing: Hearing,
    pub(super) known: Known,
}

/// Everything that runs beside the lines.
pub(super) struct Workers {
    stopping: watch::Receiver<bool>,
    loops: Vec<JoinHandle<()>>,
    /// Ended without being asked, after the loops.
    others: Vec<JoinHandle<()>>,
}

impl Workers {
    pub(super) fn new(stopping: watch::Receiver<bool>) -> Self {
        Self { stopping, loops: Vec::new(), others: Vec::new() }
    }

    /// Runs something that may be dropped at any moment.
    pub(super) fn also(&mut self, work: impl Future<Output = ()> + Send + 'static) {
        self.others.push(ports::task(work));
    }

    /// Starts a shard's workers of tasks, webhooks and projections, and its courier.
    pub(super) fn start(&mut self, parts: &Parts<'_>, followed: Followed) -> Result<(), StoreError> {
        let Followed { shard, queue, hearing, known } = followed;
        let watermark = known.watermark;
        // Several processes can only share a database.
        let shared = matches!(parts.config.store.0, Url::Postgres(_));
        let holder = format!("{:032x}", SystemRandom.bits());
        let lease = |role| -> Result<Option<Lease>, StoreError> {
            let side = shared.then(|| parts.store.side(Place::Main)).transpose()?;
            Ok(side.map(|side| Lease::new(side, shard, role, holder.clone())))
        };
        let clock: Arc<dyn Clock> = Arc::<PlatformClock>::clone(parts.platform);
        let reader = parts.store.own_reader();
        let tasks = Tasks::new(tasks::Setup {
            shard,
            reader: Arc::clone(&reader),
            line: queue.clone(),
            handed: hearing.handed,
            clock: Arc::clone(&clock),
            outside: Arc::clone(parts.outside),
            gateway: Arc::clone(parts.gateway),
            channels: Arc::clone(parts.channels),
            account_limit: parts.config.limits.channel_calls,
            lease: lease("tasks")?,
            margin_us: if shared { SECOND_US } else { 0 },
        });
        let webhooks = Webhooks::new(webhooks::Setup {
            shard,
            reader: Arc::clone(&reader),
            side: parts.store.side(Place::Main)?,
            control: parts.control.clone(),
            bell: hearing.bell,
            clock: Arc::clone(&clock),
            outside: Arc::clone(parts.outside),
            schedule_s: parts.config.webhook.schedule_s.clone(),
            timeout_ms: parts.config.webhook.timeout_ms,
            lease: lease("webhooks")?,
        });
        // With one shard there is nothing to bring.
        if parts.shards.count() > 1 {
            let courier = Courier::new(couriers::Setup {
                shard,
                shards: parts.shards,
                reader: Arc::clone(&reader),
                line: queue.clone(),
                clock: Arc::clone(&clock),
                lease: lease("courier")?,
            });
            self.loops.push(ports::task(turn(courier, Arc::clone(&clock), self.stopping.clone())));
        }
        let derived = parts.store.side(Place::Derived)?;
        let projections = Projections::new(shard, reader, derived, watermark.clone());
        let projecting = Projecting { projections, watermark, platform: Arc::clone(parts.platform) };
        self.loops.push(ports::task(turn(projecting, Arc::clone(&clock), self.stopping.clone())));
        self.loops.push(ports::task(turn(tasks, Arc::clone(&clock), self.stopping.clone())));
        self.loops.push(ports::task(turn(webhooks, clock, self.stopping.clone())));
        Ok(())
    }

    /// Lets the loops end, then drops everything else.
    pub(super) async fn stop(&mut self) {
        for mut work in self.loops.drain(..) {
            if tokio::time::timeout(GRACE, &mut work).await.is_err() {
                work.abort();
            }
        }
        for work in self.others.drain(..) {
            work.abort();
        }
    }
}

/// A worker, as its loop sees it.
trait Worker: Send + 'static {
    const NAME: &'static str;
    fn tick(&mut self) -> BoxFuture<'_, Result<Progress, StoreError>>;
    fn rouse(&mut self) -> BoxFuture<'_, ()>;
    fn end(self) -> BoxFuture<'static, Result<(), StoreError>>;
}

macro_rules! worker {
    ($type:ty, $name:literal) => {
        impl Worker for $type {
            const NAME: &'static str = $name;
            fn tick(&mut self) -> BoxFuture<'_, Result<Progress, StoreError>> {
                self.tick(LIMIT).boxed()
            }
            fn rouse(&mut self) -> BoxFuture<'_, ()> {
                self.rouse().boxed()
            }
            fn end(self) -> BoxFuture<'static, Result<(), StoreError>> {
                self.end().boxed()
            }
        }
    };
}

worker!(Tasks, "tasks");
worker!(Webhooks, "webhooks");

impl Worker for Courier {
    const NAME: &'static str = "courier";

    fn tick(&mut self) -> BoxFuture<'_, Result<Progress, StoreError>> {
        self.tick(LIMIT).boxed()
    }

    /// Nobody says that something was sent: it looks again when its time has come.
    fn rouse(&mut self) -> BoxFuture<'_, ()> {
        std::future::pending().boxed()
    }

    fn end(self) -> BoxFuture<'static, Result<(), StoreError>> {
        self.end().boxed()
    }
}

/// The projections with the mark that wakes them. They see the batches of all processes, and so tell the platform's clock
/// how far time has come.
struct Projecting {
    projections: Projections,
    watermark: Watermark,
    platform: Arc<PlatformClock>,
}

impl Worker for Projecting {
    const NAME: &'static str = "projections";

    fn tick(&mut self) -> BoxFuture<'_, Result<Progress, StoreError>> {
        async {
            let progress = self.projections.tick(LIMIT).await;
            self.platform.heed(self.watermark.mark().at);
            progress
        }
        .boxed()
    }

    /// Somewhat later than the first commit, so that the next ones go along in the same transaction.
    fn rouse(&mut self) -> BoxFuture<'_, ()> {
        let watermark = self.watermark.clone();
        async move {
            watermark.behind().await;
            // Who is there first does not matter: a reader that wants them, or the end of the time.
            let _ = tokio::time::timeout(GATHER, watermark.wanted()).await;
        }
        .boxed()
    }

    fn end(self) -> BoxFuture<'static, Result<(), StoreError>> {
        async { Ok(()) }.boxed()
    }
}

async fn turn<W: Worker>(mut worker: W, clock: Arc<dyn Clock>, mut stopping: watch::Receiver<bool>) {
    while !*stopping.borrow() {
        let wait = match worker.tick().await {
            Ok(Progress { more: true, .. }) => {
                tokio::task::yield_now().await;
                continue;
            }
            Ok(Progress { next, .. }) => {
                let left_us = next.map_or(i64::MAX, |next| next.since(clock.now())).max(0);
                Duration::from_micros(left_us.unsigned_abs()).min(LONGEST)
            }
            Err(error) => {
                tracing::warn!(worker = W::NAME, %error, detail = error.detail(), "a worker could not use the store");
                tokio::time::sleep(PAUSE).await;
                continue;
            }
        };
        tokio::select! {
            () = worker.rouse() => {}
            () = tokio::time::sleep(wait) => {}
            _ = stopping.changed() => {}
        }
    }
    if let Err(error) = worker.end().await {
        tracing::debug!(worker = W::NAME, %error, "a lease could not be given back");
    }
}

/// The doors' way to send an event again.
pub(super) struct Resender {
    side: Mutex<Box<dyn Side>>,
    reader: Arc<dyn Reader>,
    control: Shared,
    clock: Arc<dyn Clock>,
}

impl Resender {
    pub(super) fn new(side: Box<dyn Side>, reader: Arc<dyn Reader>, control: Shared, clock: Arc<dyn Clock>) -> Self {
        Self { side: Mutex::new(side), reader, control, clock }
    }

    async fn again(&self, id: &str) -> Result<Option<()>, StoreError> {
        let control = self.control.snapshot();
        let Some(id) = PlaceId::parse(id, Placed::Event, &control.salt) else { return Ok(None) };
        let Some(event) = events::find(&*self.reader, id.shard, (id.seq, id.n)).await? else { return Ok(None) };
        let mut side = self.side.lock().await;
        webhooks::resend(side.as_mut(), &control, &event, self.clock.now()).await.map(|_| Some(()))
    }
}

impl http::ports::Webhooks for Resender {
    fn resend<'a>(&'a self, event: &'a str) -> http::ports::Read<'a, ()> {
        async move {
            match self.again(event).await {
                Ok(Some(())) => Ok(()),
                Ok(None) => Err(Problem::new(Code::not_found, "there is no such object")),
                Err(error) => Err(super::unavailable(&error)),
            }
        }
        .boxed()
    }
}
