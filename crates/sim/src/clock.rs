//! Virtual time: it stands while anybody has something to do, and then moves to the next moment somebody waits for.
//!
//! An *alarm* is such a moment. A *nap* is one that matters only if there is something to find then: workers nap between
//! two looks at their tables, and two days of looks at nothing are not played.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use engine::ports::{Alarm, Clock};
use futures::channel::oneshot;
use futures::future::{BoxFuture, FutureExt as _};
use kernel::Time;

/// 2026-01-01T00:00:00Z.
pub(crate) const START: Time = Time::from_micros(1_767_225_600_000_000);

/// A clock that the whole world shares.
#[derive(Clone)]
pub(crate) struct VirtualClock(Arc<Mutex<State>>);

/// Who waits, by the moment and by who came first.
type Waiting = BTreeMap<(i64, u64), oneshot::Sender<()>>;

struct State {
    now: i64,
    came: u64,
    alarms: Waiting,
    naps: Waiting,
}

impl VirtualClock {
    /// At the beginning.
    pub(crate) fn new() -> Self {
        let (alarms, naps) = (Waiting::new(), Waiting::new());
        Self(Arc::new(Mutex::new(State { now: START.micros(), came: 0, alarms, naps })))
    }

    /// Moves on to a moment and wakes whoever waits for it or for an earlier one.
    pub(crate) fn advance(&self, to: Time) {
        let mut state = self.state();
        state.now = state.now.max(to.micros());
        let now = state.now;
        let State { alarms, naps, .. } = &mut *state;
        let mut rung = Vec::new();
        for waiting in [alarms, naps] {
            let later = waiting.split_off(&(now.saturating_add(1), 0));
            rung.extend(std::mem::replace(waiting, later).into_values());
        }
        drop(state);
        for ring in rung {
            // Who has given up does not listen.
            let _ = ring.send(());
        }
    }

    /// The next moment that somebody waits for.
    pub(crate) fn next_alarm(&self) -> Option<Time> {
        first(&mut self.state().alarms)
    }

    /// The next moment at which somebody would look whether there is something to do.
    pub(crate) fn next_nap(&self) -> Option<Time> {
        first(&mut self.state().naps)
    }

    /// Ends at a moment, or later if nobody misses whoever naps.
    pub(crate) fn nap(&self, until: Time) -> BoxFuture<'static, ()> {
        self.wait(until, |state| &mut state.naps)
    }

    fn wait(&self, until: Time, among: fn(&mut State) -> &mut Waiting) -> BoxFuture<'static, ()> {
        let mut state = self.state();
        if until.micros() <= state.now {
            return futures::future::ready(()).boxed();
        }
        let (ring, rung) = oneshot::channel();
        state.came += 1;
        let place = (until.micros(), state.came);
        among(&mut state).insert(place, ring);
        // The clock outlives everybody.
        rung.map(|_| ()).boxed()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The first who still waits.
fn first(waiting: &mut Waiting) -> Option<Time> {
    while let Some(entry) = waiting.first_entry() {
        if !entry.get().is_canceled() {
            return Some(Time::from_micros(entry.key().0));
        }
        entry.remove();
    }
    None
}

impl Clock for VirtualClock {
    fn now(&self) -> Time {
        Time::from_micros(self.state().now)
    }
}

impl Alarm for VirtualClock {
    fn at(&self, time: Time) -> BoxFuture<'static, ()> {
        self.wait(time, |state| &mut state.alarms)
    }
}
