//! The system's clock.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use engine::ports::{Alarm, Clock};
use futures::future::{BoxFuture, FutureExt as _};
use kernel::Time;

/// The time of this machine, to the microsecond.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct SystemClock;

impl Clock for SystemClock {
    #[allow(clippy::disallowed_methods, reason = "this is the clock's port")]
    fn now(&self) -> Time {
        // A clock before 1970 is reported by `suanpan doctor`; here it is the epoch.
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Time::from_micros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
    }
}

impl Alarm for SystemClock {
    fn at(&self, time: Time) -> BoxFuture<'static, ()> {
        async move {
            let left_us = time.since(Self.now()).max(0);
            tokio::time::sleep(Duration::from_micros(left_us.unsigned_abs())).await;
        }
        .boxed()
    }
}
