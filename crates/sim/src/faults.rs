//! Faults at the store's door: lost commits before and after they took place, an unreachable store, another node in
//! between. And planted bugs, which the world must find: they live here, so that no such switch is in the product.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use futures::future::{BoxFuture, FutureExt as _};
use store::{Ask, Cell, Head, Line, Snapshot, StoreError, Work, Written};

use crate::rng::Rng;

/// A bug that is put in on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Planted {
    /// A batch is written under the number that is free now, whatever it was decided on.
    DroppedFence,
    /// A batch is acknowledged before it is durable; a crash in between loses it.
    EarlyAcknowledgement,
}

/// What all nodes share about faults.
#[derive(Clone)]
pub(crate) struct Faults {
    /// Drawn from for every decision.
    pub(crate) rng: Rng,
    /// Whether faults strike now.
    pub(crate) on: Arc<AtomicBool>,
    /// The bug that was put in.
    pub(crate) planted: Option<Planted>,
}

impl Faults {
    fn strike(&self, percent: u64) -> bool {
        self.on.load(Ordering::Relaxed) && self.rng.chance(percent)
    }

    fn may_be_away(&self, percent: u64) -> Result<(), StoreError> {
        if self.strike(percent) {
            return Err(StoreError::Unreachable { detail: "the simulated store is away".to_owned() });
        }
        Ok(())
    }
}

/// A line with faults between it and the store.
pub(crate) struct FaultyLine {
    inner: Box<dyn Line>,
    faults: Faults,
    /// Acknowledged, and not written yet: only where that bug is planted.
    owed: Arc<Mutex<VecDeque<Work>>>,
}

impl FaultyLine {
    /// Stands in front of a line. A crash drops what is owed.
    pub(crate) fn new(inner: Box<dyn Line>, faults: Faults) -> Self {
        Self { inner, faults, owed: Arc::default() }
    }

    async fn pay_what_is_owed(&mut self) -> Result<(), StoreError> {
        loop {
            let next = self.owed.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
            let Some(work) = next else { return Ok(()) };
            self.inner.write(&work).await?;
        }
    }

    async fn store(&mut self, work: &Work) -> Result<Written, StoreError> {
        match self.faults.planted {
            None => self.inner.write(work).await,
            Some(Planted::DroppedFence) => {
                let head = self.inner.resolve(work.shard).await?;
                self.inner.write(&renumbered(work, &head)).await
            }
            Some(Planted::EarlyAcknowledgement) => {
                self.pay_what_is_owed().await?;
                self.owed.lock().unwrap_or_else(PoisonError::into_inner).push_back(work.clone());
                Ok(Written::Done)
            }
        }
    }
}

/// The same work as if it had been decided on `head`: what a writer without a fence would do.
fn renumbered(work: &Work, head: &Head) -> Work {
    let seq = head.seq + 1;
    let mut moved = work.clone();
    moved.expect = head.seq;
    moved.head.seq = seq;
    for change in &mut moved.changes {
        let Some(place) = change.table.columns.iter().position(|column| column.name == "seq") else { continue };
        for row in &mut change.inserts {
            if let Some(cell) = row.get_mut(place) {
                *cell = Cell::Int(seq);
            }
        }
    }
    moved
}

impl Line for FaultyLine {
    fn load<'a>(&'a mut self, shard: i64, asks: &'a [Ask], lock: bool) -> BoxFuture<'a, Result<Snapshot, StoreError>> {
        async move {
            pause(&self.faults.rng).await;
            self.faults.may_be_away(2)?;
            let snapshot = self.inner.load(shard, asks, lock).await?;
            // The other node may write between this read and our write.
            pause(&self.faults.rng).await;
            Ok(snapshot)
        }
        .boxed()
    }

    fn write<'a>(&'a mut self, work: &'a Work) -> BoxFuture<'a, Result<Written, StoreError>> {
        async move {
            pause(&self.faults.rng).await;
            self.faults.may_be_away(3)?;
            if self.faults.strike(4) {
                return Ok(Written::Unknown);
            }
            let written = self.store(work).await?;
            pause(&self.faults.rng).await;
            Ok(if self.faults.strike(4) { Written::Unknown } else { written })
        }
        .boxed()
    }

    fn resolve(&mut self, shard: i64) -> BoxFuture<'_, Result<Head, StoreError>> {
        async move {
            pause(&self.faults.rng).await;
            self.faults.may_be_away(25)?;
            self.inner.resolve(shard).await
        }
        .boxed()
    }
}

/// Lets others go first, a few times.
async fn pause(rng: &Rng) {
    for _ in 0..rng.below(3) {
        Yield(false).await;
    }
}

/// Ready when polled the second time.
struct Yield(bool);

impl Future for Yield {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.0 {
            return Poll::Ready(());
        }
        self.0 = true;
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}
