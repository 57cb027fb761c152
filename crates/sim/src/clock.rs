//! Virtual time: moves only when the world moves it.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use engine::ports::{Alarm, Clock};
use futures::future::{BoxFuture, FutureExt as _};
use kernel::Time;

/// 2026-01-01T00:00:00Z.
const START_US: i64 = 1_767_225_600_000_000;

/// A clock that all nodes share.
#[derive(Clone, Debug)]
pub(crate) struct VirtualClock(Arc<AtomicI64>);

impl VirtualClock {
    /// At the beginning.
    pub(crate) fn new() -> Self {
        Self(Arc::new(AtomicI64::new(START_US)))
    }

    /// Moves on.
    pub(crate) fn pass(&self, micros: i64) {
        self.0.fetch_add(micros, Ordering::Relaxed);
    }
}

impl Clock for VirtualClock {
    fn now(&self) -> Time {
        Time::from_micros(self.0.load(Ordering::Relaxed))
    }
}

impl Alarm for VirtualClock {
    /// Nothing else happens in the world while a node waits, so time jumps to what it waits for.
    fn at(&self, time: Time) -> BoxFuture<'static, ()> {
        let clock = self.clone();
        async move { clock.pass(time.since(clock.now()).max(0)) }.boxed()
    }
}
