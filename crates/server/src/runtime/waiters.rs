//! Readers that wait for a change of a trade (`GET …?wait=`).

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use engine::ports::Clock as _;
use futures::channel::oneshot;
use futures::future::{BoxFuture, FutureExt as _};
use kernel::{Time, TradeId};

use crate::http::ports::{self, Tree};
use crate::ports::SystemClock;

type Waiting = BTreeMap<TradeId, BTreeMap<u64, oneshot::Sender<Option<Tree>>>>;

/// Who waits for which trade; clones share it. Bounded by the number of open requests.
#[derive(Clone, Default)]
pub(super) struct Waiters(Arc<Shelf>);

#[derive(Default)]
struct Shelf {
    waiting: Mutex<Waiting>,
    /// How many trades are waited for, so that a commit that concerns nobody takes no lock.
    trades: AtomicUsize,
    next: std::sync::atomic::AtomicU64,
}

impl Shelf {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn count(&self, waiting: &Waiting) {
        self.trades.store(waiting.len(), Ordering::SeqCst);
    }
}

impl Waiters {
    /// These trades have changed, to what is said where it is known.
    pub(super) fn wake(&self, trades: &BTreeMap<TradeId, Option<Tree>>) {
        if self.0.trades.load(Ordering::SeqCst) == 0 {
            return;
        }
        let mut waiting = self.0.lock();
        for (trade, tree) in trades {
            for (_, waiter) in waiting.remove(trade).unwrap_or_default() {
                // One that is gone needs no waking.
                let _ = waiter.send(tree.clone());
            }
        }
        self.0.count(&waiting);
    }
}

/// A place in the shelf; given back when the reader goes.
struct Place {
    shelf: Arc<Shelf>,
    trade: TradeId,
    number: u64,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut waiting = self.shelf.lock();
        if let Some(places) = waiting.get_mut(&self.trade) {
            places.remove(&self.number);
            if places.is_empty() {
                waiting.remove(&self.trade);
            }
        }
        self.shelf.count(&waiting);
    }
}

impl ports::Waiters for Waiters {
    fn changed(&self, trade: TradeId, deadline: Time) -> BoxFuture<'static, Option<Tree>> {
        let (waiter, woken) = oneshot::channel();
        let number = self.0.next.fetch_add(1, Ordering::Relaxed);
        let mut waiting = self.0.lock();
        waiting.entry(trade).or_default().insert(number, waiter);
        self.0.count(&waiting);
        drop(waiting);
        let place = Place { shelf: Arc::clone(&self.0), trade, number };
        async move {
            let left_us = deadline.since(SystemClock.steady()).max(0);
            // Woken, or the deadline: both end the wait.
            let told = tokio::time::timeout(Duration::from_micros(left_us.unsigned_abs()), woken).await;
            drop(place);
            told.ok()?.ok()?
        }
        .boxed()
    }
}

#[cfg(test)]
mod tests {
    use kernel::{Bucket, RootId};

    use super::*;
    use crate::http::ports::Waiters as _;

    fn trade(number: u128) -> TradeId {
        TradeId(RootId::new(Time::from_micros(0), Bucket::of("x"), number))
    }

    #[tokio::test]
    async fn a_change_between_the_call_and_the_wait_is_not_missed() {
        let waiters = Waiters::default();
        let hour = SystemClock.steady().plus(kernel::time::HOUR_US);
        let change = waiters.changed(trade(1), hour);
        waiters.wake(&[(trade(1), None)].into());
        change.await;
        assert!(waiters.0.lock().is_empty());
    }

    #[tokio::test]
    async fn others_changes_do_not_wake_and_whoever_goes_leaves_nothing() {
        let waiters = Waiters::default();
        let soon = SystemClock.steady().plus(20_000);
        let change = waiters.changed(trade(1), soon);
        waiters.wake(&[(trade(2), None)].into());
        change.await;
        assert!(SystemClock.steady() >= soon);
        drop(waiters.changed(trade(3), soon));
        assert!(waiters.0.lock().is_empty() && waiters.0.trades.load(Ordering::SeqCst) == 0);
    }
}
