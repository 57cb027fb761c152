//! The system's clocks, and the platform's time, which is made of them.

use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use engine::ports::{Alarm, Clock};
use futures::future::{BoxFuture, FutureExt as _};
use kernel::Time;

/// This machine's clock as it is, to the microsecond: whoever sets it sets this one.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct SystemClock;

impl Clock for SystemClock {
    #[allow(clippy::disallowed_methods, reason = "this is the clock's port")]
    fn now(&self) -> Time {
        // A clock before 1970 is reported by `suanpan doctor`; here it is the epoch.
        time(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default())
    }

    /// Since somebody first asked.
    #[allow(clippy::disallowed_methods, reason = "this is the clock's port")]
    fn steady(&self) -> Time {
        static BEGINNING: OnceLock<Instant> = OnceLock::new();
        time(BEGINNING.get_or_init(Instant::now).elapsed())
    }
}

impl Alarm for SystemClock {
    fn at(&self, time: Time) -> BoxFuture<'static, ()> {
        async move {
            let left_us = time.since(Self.steady()).max(0);
            tokio::time::sleep(Duration::from_micros(left_us.unsigned_abs())).await;
        }
        .boxed()
    }
}

fn time(since: Duration) -> Time {
    Time::from_micros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}

/// One part in so many is left out of every second while the machine's clock is behind.
const SLOWER: i64 = 10;

/// The platform's time: what this machine's clock shows, unless that is behind what was shown before, or behind what the
/// store was dated by before a restart or by another process. Then time goes on from there, so that what is due comes to
/// its turn, and somewhat slower than usual ([`SLOWER`]), so that the machine's clock catches up.
#[derive(Debug)]
pub(crate) struct PlatformClock(Mutex<Latest>);

/// The latest moment that was shown by the machine's clock or heard of.
#[derive(Clone, Copy, Debug)]
struct Latest {
    time: Time,
    /// When that was, by [`Clock::steady`].
    at: Time,
}

impl PlatformClock {
    /// Nothing is behind it yet but what this machine's clock shows.
    pub(crate) fn new() -> Self {
        Self(Mutex::new(Latest { time: SystemClock.now(), at: SystemClock.steady() }))
    }

    /// The store is dated by this moment: it is over.
    pub(crate) fn heed(&self, dated: Time) {
        self.show(dated);
    }

    fn show(&self, moment: Time) -> Time {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).show(moment, SystemClock.steady())
    }
}

impl Clock for PlatformClock {
    fn now(&self) -> Time {
        self.show(SystemClock.now())
    }

    fn wall(&self) -> Time {
        SystemClock.now()
    }

    fn steady(&self) -> Time {
        SystemClock.steady()
    }
}

impl Latest {
    /// The later of a moment and of what has become of the latest one meanwhile.
    fn show(&mut self, moment: Time, steady: Time) -> Time {
        let gone_us = steady.since(self.at).max(0);
        let meanwhile = self.time.plus(gone_us - gone_us / SLOWER);
        if moment < meanwhile {
            return meanwhile;
        }
        *self = Self { time: moment, at: steady };
        moment
    }
}

#[cfg(test)]
mod tests {
    use kernel::time::{HOUR_US, SECOND_US};

    use super::*;

    fn at(hours: i64, seconds: i64) -> Time {
        Time::from_micros(hours * HOUR_US + seconds * SECOND_US)
    }

    #[test]
    fn set_forward_and_back_it_goes_on_until_the_machine_has_caught_up() {
        let mut latest = Latest { time: at(9, 0), at: at(0, 0) };
        let mut show = |wall, steady| latest.show(wall, steady);
        assert_eq!(show(at(9, 1), at(0, 1)), at(9, 1), "as the machine's clock says");
        assert_eq!(show(at(12, 2), at(0, 2)), at(12, 2), "also where that was set forward");
        assert_eq!(show(at(9, 2), at(0, 2)), at(12, 2), "set back, it does not go back");
        assert_eq!(show(at(9, 22), at(0, 22)), at(12, 20), "and does not stand still");
        for second in 23..1_000 {
            show(at(9, second), at(0, second));
        }
        assert_eq!(show(at(10, 2), at(1, 2)), at(12, 3_240 + 2), "however often somebody looks");
        assert_eq!(show(at(39, 4), at(30, 4)), at(39, 4), "thirty hours made up for three");
    }

    #[test]
    fn it_is_not_behind_what_it_has_heard_of() {
        let clock = PlatformClock::new();
        let ahead = SystemClock.now().plus(HOUR_US);
        clock.heed(ahead);
        assert!(clock.now() >= ahead && clock.wall() < ahead);
        clock.heed(at(0, 0));
        assert!(clock.now() >= ahead, "what is long over says nothing");
    }
}
