//! What stands between a node and the store: time that a call takes, faults that the plan has armed, and the bugs that
//! were planted there.

use std::pin::Pin;
use std::sync::{Arc, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use engine::ports::{Alarm as _, Clock as _};
use futures::future::{BoxFuture, FutureExt as _};
use futures::lock::Mutex;
use store::{Applied, Ask, Cell, Head, Line, Reader, Side, Snapshot, Statement, Step, StoreError, Work, Written};

use crate::clock::VirtualClock;
use crate::mishap::{Errand, Mishaps};
use crate::plan::StoreFault;
use crate::planted::rows::Crooked;
use crate::planted::{self, Planted};
use crate::rng::Rng;

/// What every door to the store needs.
#[derive(Clone)]
pub(crate) struct Ground {
    /// Which node's.
    pub(crate) node: usize,
    pub(crate) clock: VirtualClock,
    pub(crate) mishaps: Mishaps,
    /// How long calls take.
    pub(crate) rng: Rng,
    pub(crate) orphans: Orphans,
    pub(crate) planted: Option<Planted>,
}

/// A write on its way to the store.
pub(crate) type Write = BoxFuture<'static, Result<Written, StoreError>>;

/// Writes whose nodes died while they were on their way. The store goes on with those that it had heard of, beside whatever
/// the node does that starts again. Clones share them.
#[derive(Clone)]
pub(crate) struct Orphans {
    /// `None` when the world has ended.
    left: Arc<std::sync::Mutex<Option<Vec<Write>>>>,
    rng: Rng,
}

impl Orphans {
    /// None yet.
    pub(crate) fn new(rng: Rng) -> Self {
        Self { left: Arc::new(std::sync::Mutex::new(Some(Vec::new()))), rng }
    }

    /// Those that nobody lets go on yet.
    pub(crate) fn take(&self) -> Vec<Write> {
        self.left().as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// Keeps no more of them.
    pub(crate) fn close(&self) {
        drop(self.left().take());
    }

    /// Of half of those that died at any moment the store had heard.
    fn leave(&self, write: Write) {
        if self.rng.chance(50) {
            self.keep(write);
        }
    }

    fn keep(&self, write: Write) {
        if let Some(left) = &mut *self.left() {
            left.push(write);
        }
    }

    fn left(&self) -> MutexGuard<'_, Option<Vec<Write>>> {
        self.left.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A write that somebody waits for; where that one is gone before its end, it is an orphan.
struct Awaited {
    write: Option<Write>,
    orphans: Orphans,
}

impl Future for Awaited {
    type Output = Result<Written, StoreError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(write) = &mut self.write else { return Poll::Pending };
        let written = write.poll_unpin(context);
        if written.is_ready() {
            self.write = None;
        }
        written
    }
}

impl Drop for Awaited {
    fn drop(&mut self) {
        if let Some(write) = self.write.take() {
            self.orphans.leave(write);
        }
    }
}

impl Ground {
    /// The call is under way, and others go on.
    async fn takes(&self, most_us: i64) {
        let until = self.clock.now().plus(self.rng.between(0, most_us));
        self.clock.at(until).await;
    }

    fn meets(&self, errand: Errand) -> Option<StoreFault> {
        self.mishaps.store(self.node, errand)
    }
}

fn away() -> StoreError {
    StoreError::Unreachable { detail: "the simulated store is away".to_owned() }
}

/// A line with all that between it and the store.
#[derive(Clone)]
pub(crate) struct SlowLine {
    door: Arc<Mutex<Door>>,
    ground: Ground,
}

/// The store's own line, and the bug at it.
struct Door {
    inner: Box<dyn Line>,
    crooked: Crooked,
}

impl SlowLine {
    /// Stands in front of a line.
    pub(crate) fn new(inner: Box<dyn Line>, ground: Ground) -> Self {
        let crooked = Crooked::new(ground.planted);
        Self { door: Arc::new(Mutex::new(Door { inner, crooked })), ground }
    }

    async fn commit(&self, work: Arc<Work>) -> Result<Written, StoreError> {
        let mut door = self.door.lock().await;
        let Door { inner, crooked } = &mut *door;
        crooked.write(&mut **inner, work).await
    }

    async fn write_late(self, work: Arc<Work>, millis: u32) -> Result<Written, StoreError> {
        let until = self.ground.clock.now().plus(i64::from(millis) * 1_000);
        self.ground.clock.at(until).await;
        self.commit(work).await
    }

    async fn write_through(self, work: Arc<Work>, fault: Option<StoreFault>) -> Result<Written, StoreError> {
        self.ground.takes(400).await;
        match fault {
            Some(StoreFault::WriteAway) => Err(away()),
            Some(StoreFault::WriteFull) => Err(StoreError::Full { detail: "the simulated disk is full".to_owned() }),
            Some(StoreFault::WriteBusy) => Err(StoreError::Busy { detail: "somebody holds the files".to_owned() }),
            Some(StoreFault::WriteConflict) => Ok(self.door.lock().await.crooked.conflict()),
            Some(StoreFault::CommitLostBefore) => Ok(self.door.lock().await.crooked.lost()),
            Some(StoreFault::CommitLostAfter) => {
                self.commit(work).await?;
                Ok(Written::Unknown)
            }
            Some(StoreFault::DiesAfterCommit) => {
                self.commit(work).await?;
                self.ground.mishaps.kill(self.ground.node);
                std::future::pending().await
            }
            Some(StoreFault::DiesInWrite(millis)) => {
                self.ground.mishaps.kill(self.ground.node);
                self.ground.orphans.keep(self.clone().write_late(work, millis).boxed());
                std::future::pending().await
            }
            Some(StoreFault::WriteSlow(millis)) => self.write_late(work, millis).await,
            _ => {
                let written = self.commit(work).await?;
                // A crash may come between the commit and its answer.
                self.ground.takes(200).await;
                Ok(written)
            }
        }
    }
}

impl Line for SlowLine {
    fn load<'a>(&'a mut self, shard: i64, asks: &'a [Ask], lock: bool) -> BoxFuture<'a, Result<Snapshot, StoreError>> {
        async move {
            self.ground.takes(100).await;
            if self.ground.meets(Errand::Load).is_some() {
                return Err(away());
            }
            let mut door = self.door.lock().await;
            let snapshot = door.inner.load(shard, asks, lock).await?;
            Ok(door.crooked.loaded(asks, snapshot))
        }
        .boxed()
    }

    fn write(&mut self, work: Arc<Work>) -> BoxFuture<'static, Result<Written, StoreError>> {
        // What it meets is drawn now: one that goes on alone takes no fault away from the node that has started again.
        let fault = self.ground.meets(Errand::Write);
        let write = Some(self.clone().write_through(work, fault).boxed());
        Awaited { write, orphans: self.ground.orphans.clone() }.boxed()
    }

    fn resolve(&mut self, shard: i64) -> BoxFuture<'_, Result<Head, StoreError>> {
        async move {
            self.ground.takes(200).await;
            if self.ground.meets(Errand::Resolve).is_some() {
                return Err(away());
            }
            self.door.lock().await.inner.resolve(shard).await
        }
        .boxed()
    }
}

/// A reader with faults.
pub(crate) struct FaultyReader {
    inner: Arc<dyn Reader>,
    ground: Ground,
}

impl FaultyReader {
    /// Stands in front of a reader.
    pub(crate) fn new(inner: Arc<dyn Reader>, ground: Ground) -> Self {
        Self { inner, ground }
    }
}

impl Reader for FaultyReader {
    fn query<'a>(
        &'a self,
        statement: &'static Statement,
        params: Vec<Cell>,
    ) -> BoxFuture<'a, Result<Vec<Vec<Cell>>, StoreError>> {
        if self.ground.meets(Errand::Read).is_some() {
            return async { Err(away()) }.boxed();
        }
        let planted = self.ground.planted;
        async move {
            let rows = self.inner.query(statement, params).await?;
            Ok(planted::rows::queried(planted, statement, rows))
        }
        .boxed()
    }

    fn load<'a>(&'a self, shard: i64, asks: Vec<Ask>) -> BoxFuture<'a, Result<Snapshot, StoreError>> {
        if self.ground.meets(Errand::Read).is_some() {
            return async { Err(away()) }.boxed();
        }
        self.inner.load(shard, asks)
    }
}

/// A writer of small transactions with faults.
pub(crate) struct FaultySide {
    inner: Box<dyn Side>,
    ground: Ground,
}

impl FaultySide {
    /// Stands in front of a writer.
    pub(crate) fn new(inner: Box<dyn Side>, ground: Ground) -> Self {
        Self { inner, ground }
    }
}

impl Side for FaultySide {
    fn transaction<'a>(
        &'a mut self,
        mut steps: Vec<Step>,
        durable: bool,
    ) -> BoxFuture<'a, Result<Applied, StoreError>> {
        if let Some(planted) = self.ground.planted {
            planted::rows::aside(planted, &mut steps);
        }
        async move {
            match self.ground.meets(Errand::Side) {
                Some(StoreFault::SideLost) => {
                    self.inner.transaction(steps, durable).await?;
                    Ok(Applied::Unknown)
                }
                Some(_) => Err(away()),
                None => self.inner.transaction(steps, durable).await,
            }
        }
        .boxed()
    }
}
