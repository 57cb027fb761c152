//! Who is let into a line: a function of what waits, of how fast the line is, and of the time.
//!
//! Refusing early is what keeps a line fast: a request that would be late anyway costs its place, and then is late.
//!
//! 1. Places and bytes are bounded. A quarter of each is kept for what has [begun](Stage::Begun): those who are owed an
//!    answer about their money are let in when new business is not.
//! 2. The wait is estimated: what stands before the request, at the line's pace, and what is under way. A batch that is
//!    late is taken to need as long again as it is late, so a store that stands still is noticed while it stands.
//! 3. Where that is more than the [`Terms`] allow, the request is refused, and told when to come back.
//!
//! An idle line lets everyone in, so a wrong estimate cannot last: the next batch corrects it.

use kernel::time::SECOND_US;
use kernel::{Code, Problem, Time, limits};

/// A pace that is taken for granted until one was seen, in requests per second.
const FIRST_PACE: i64 = 10_000;
/// The fastest pace that is believed, in requests per second: batches that fail at once prove nothing.
const TOP_PACE: i64 = 1_000_000;
/// One part in so many of the places, of the bytes and of each batch is kept.
pub(super) const KEPT: usize = 4;
/// Longest time after which a caller is told to come back, in seconds.
const LONGEST_RETRY_S: i64 = 30;

/// Whether a request begins something or goes on with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// New business: a trade, a payment, a coupon. The caller can go away and come back; no money is under way.
    New,
    /// What has begun: an institution's word, a confirmation, a refund, a timer. Somebody's money waits for it.
    Begun,
}

impl Stage {
    /// Both.
    pub const ALL: [Self; 2] = [Self::New, Self::Begun];

    /// Its word in metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Begun => "begun",
        }
    }
}

/// One value per stage.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Both<T> {
    /// Of new business.
    pub new: T,
    /// Of what has begun.
    pub begun: T,
}

impl<T> Both<T> {
    /// That of a stage.
    pub fn of(&self, stage: Stage) -> &T {
        match stage {
            Stage::New => &self.new,
            Stage::Begun => &self.begun,
        }
    }

    /// Value by value with another one.
    pub(super) fn zip(self, other: Self, join: impl Fn(T, T) -> T) -> Self {
        Self { new: join(self.new, other.new), begun: join(self.begun, other.begun) }
    }

    pub(super) fn of_mut(&mut self, stage: Stage) -> &mut T {
        match stage {
            Stage::New => &mut self.new,
            Stage::Begun => &mut self.begun,
        }
    }
}

/// What may wait, and how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// Most requests waiting.
    pub places: usize,
    /// Most bytes of their bodies.
    pub bytes: usize,
    /// Most requests of one batch.
    pub batch: usize,
    /// Longest estimated wait, in microseconds.
    pub patience_us: Both<i64>,
}

impl Terms {
    /// Nobody is refused but for want of a place.
    pub const fn of_places(places: usize) -> Self {
        let patience_us = Both { new: i64::MAX, begun: i64::MAX };
        Self { places, bytes: usize::MAX, batch: limits::MAX_BATCH, patience_us }
    }
}

/// Why a request was not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// All places are taken.
    Full,
    /// The bodies that wait are too many bytes.
    Bytes,
    /// It would wait too long.
    Late,
    /// The line is ending.
    Closed,
}

/// A request that was not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Why.
    pub reason: Reason,
    /// When it is worth to come back, in seconds.
    pub retry_after_s: u16,
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let (code, why) = match refusal.reason {
            Reason::Full | Reason::Bytes => (Code::overloaded, "too many requests are waiting"),
            Reason::Late => (Code::overloaded, "the request would have to wait too long"),
            Reason::Closed => (Code::draining, "the server is shutting down"),
        };
        Self::new(code, why).retry_after(refusal.retry_after_s)
    }
}

/// What is being decided and written: a batch, or one and the next together.
#[derive(Clone, Copy, Debug)]
pub(super) struct UnderWay {
    pub(super) requests: usize,
    pub(super) since: Time,
}

/// How fast a line is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    per_second: i64,
}

impl Default for Pace {
    fn default() -> Self {
        Self { per_second: FIRST_PACE }
    }
}

impl Pace {
    /// Learns from a batch that took this long. A faster one is proof, and counts by a quarter. A slower one counts by its
    /// size: a batch of one says little about what a full one can do.
    pub(super) fn learn(&mut self, requests: usize, took_us: i64, batch: usize) {
        let seen = (count(requests).saturating_mul(SECOND_US) / took_us.max(1)).min(TOP_PACE);
        let gap = seen - self.per_second;
        let change = if gap > 0 { gap / 4 } else { gap.saturating_mul(count(requests)) / count(batch).max(1) / 4 };
        self.per_second = (self.per_second + change).max(1);
    }

    /// How long so many requests take, in microseconds.
    fn time_us(self, requests: usize) -> i64 {
        count(requests).saturating_mul(SECOND_US) / self.per_second
    }
}

/// What a decision is made from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Load {
    pub(super) waiting: Both<usize>,
    pub(super) bytes: usize,
    pub(super) pace: Pace,
    pub(super) under_way: Option<UnderWay>,
}

impl Load {
    /// Lets a request with a body of so many bytes in, or says why not.
    pub(super) fn admit(&self, terms: &Terms, stage: Stage, bytes: usize, now: Time) -> Result<(), Refusal> {
        let kept = match stage {
            Stage::New => KEPT - 1,
            Stage::Begun => KEPT,
        };
        // Of fewer than four there is nothing to keep.
        let part = |whole: usize| if whole < KEPT { whole } else { whole / KEPT * kept };
        let wait_us = self.wait_us(stage, now);
        let excess_us = wait_us.saturating_sub(*terms.patience_us.of(stage));
        let refuse = |reason, us| Err(Refusal { reason, retry_after_s: seconds(us) });
        if self.waiting.new + self.waiting.begun >= part(terms.places) {
            refuse(Reason::Full, wait_us)
        } else if self.bytes.saturating_add(bytes) > part(terms.bytes) {
            refuse(Reason::Bytes, wait_us)
        } else if excess_us > 0 {
            refuse(Reason::Late, excess_us)
        } else {
            Ok(())
        }
    }

    /// How long a request that comes now will wait to be decided, in microseconds, as far as can be known.
    fn wait_us(&self, stage: Stage, now: Time) -> i64 {
        let before = match stage {
            Stage::New => self.waiting.new + self.waiting.begun,
            Stage::Begun => self.waiting.begun,
        };
        let under_way = |batch: UnderWay| (self.pace.time_us(batch.requests) - now.since(batch.since)).saturating_abs();
        self.pace.time_us(before).saturating_add(self.under_way.map_or(0, under_way))
    }
}

fn seconds(us: i64) -> u16 {
    let seconds = us.saturating_add(SECOND_US - 1) / SECOND_US;
    u16::try_from(seconds.clamp(1, LONGEST_RETRY_S)).unwrap_or(1)
}

fn count(requests: usize) -> i64 {
    i64::try_from(requests).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TERMS: Terms = Terms {
        places: 8_000,
        bytes: 1_000_000,
        batch: 512,
        patience_us: Both { new: 500_000, begun: 10 * SECOND_US },
    };

    fn at(millis: i64) -> Time {
        Time::from_micros(millis * 1_000)
    }

    /// A line of 10,000 requests per second.
    fn load(new: usize, begun: usize) -> Load {
        Load { waiting: Both { new, begun }, bytes: 0, pace: Pace::default(), under_way: None }
    }

    fn refused(load: &Load, stage: Stage, millis: i64) -> Option<(Reason, u16)> {
        let refusal = load.admit(&TERMS, stage, 100, at(millis)).err();
        refusal.map(|refusal| (refusal.reason, refusal.retry_after_s))
    }

    #[test]
    fn what_would_be_late_is_refused() {
        assert_eq!(refused(&load(5_000, 0), Stage::New, 0), None, "half a second");
        assert_eq!(refused(&load(5_001, 0), Stage::New, 0), Some((Reason::Late, 1)));
        assert_eq!(refused(&load(4_000, 1_001), Stage::New, 0), Some((Reason::Late, 1)), "what has begun goes first");
        assert_eq!(refused(&load(5_900, 0), Stage::Begun, 0), None, "and waits for nothing new");
    }

    #[test]
    fn a_quarter_is_kept_for_what_has_begun() {
        let slow = Terms { patience_us: Both { new: i64::MAX, begun: i64::MAX }, ..TERMS };
        let admit =
            |new, bytes, stage| load(new, 0).admit(&slow, stage, bytes, at(0)).map_err(|refusal| refusal.reason);
        assert_eq!(admit(5_999, 1, Stage::New), Ok(()));
        assert_eq!(admit(6_000, 1, Stage::New), Err(Reason::Full));
        assert_eq!(admit(7_999, 1, Stage::Begun), Ok(()));
        assert_eq!(admit(8_000, 1, Stage::Begun), Err(Reason::Full));
        assert_eq!(admit(0, 750_000, Stage::New), Ok(()));
        assert_eq!(admit(0, 750_001, Stage::New), Err(Reason::Bytes));
        assert_eq!(admit(0, 1_000_000, Stage::Begun), Ok(()));
        assert_eq!(admit(0, 1_000_001, Stage::Begun), Err(Reason::Bytes));
        let tiny = Terms { places: 1, ..slow };
        assert!(load(0, 0).admit(&tiny, Stage::New, 1, at(0)).is_ok(), "one place is a place");
    }

    #[test]
    fn a_store_that_stands_still_is_noticed() {
        let under_way = Some(UnderWay { requests: 500, since: at(0) });
        let stalled = Load { under_way, ..load(0, 0) };
        assert_eq!(refused(&stalled, Stage::New, 50), None, "just in time");
        assert_eq!(refused(&stalled, Stage::New, 550), None, "half a second late");
        assert_eq!(refused(&stalled, Stage::New, 551), Some((Reason::Late, 1)));
        assert_eq!(refused(&stalled, Stage::New, 8_000), Some((Reason::Late, 8)), "come back when it may be over");
        assert_eq!(refused(&stalled, Stage::New, 500_000), Some((Reason::Late, 30)));
        assert_eq!(refused(&stalled, Stage::Begun, 10_050), None);
        assert_eq!(refused(&stalled, Stage::Begun, 10_051), Some((Reason::Late, 1)));
    }

    #[test]
    fn an_idle_line_lets_everyone_in() {
        let mut slowest = load(0, 0);
        slowest.pace.learn(512, 3_600 * SECOND_US, 512);
        slowest.pace.per_second = 1;
        assert_eq!(refused(&slowest, Stage::New, 0), None);
    }

    #[test]
    fn one_stall_is_not_the_pace() {
        let mut pace = Pace::default();
        for _ in 0..100 {
            pace.learn(512, 25_600, 512);
        }
        assert!((19_000..=20_000).contains(&pace.per_second), "{pace:?}");
        pace.learn(512, 20 * SECOND_US, 512);
        assert!((14_000..=15_100).contains(&pace.per_second), "a quarter slower: {pace:?}");
        for _ in 0..10 {
            pace.learn(512, 25_600, 512);
        }
        assert!(pace.per_second > 19_000, "{pace:?}");
    }

    #[test]
    fn small_batches_say_little_and_full_ones_much() {
        let mut pace = Pace::default();
        for _ in 0..100 {
            pace.learn(1, 1_000, 512);
        }
        assert!(pace.per_second > 9_000, "an idle line is not a slow one: {pace:?}");
        for _ in 0..30 {
            pace.learn(512, 2 * SECOND_US, 512);
        }
        assert!((256..300).contains(&pace.per_second), "{pace:?}");
        pace.learn(512, 0, 512);
        assert!(pace.per_second < TOP_PACE, "{pace:?}");
    }
}
