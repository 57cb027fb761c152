//! Counts and latencies of some callers, and of all together.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use serde::Serialize;

/// Longest latency that is told apart, in microseconds (10 minutes).
const LONGEST_US: u64 = 600_000_000;
/// Digits kept of a latency.
const DIGITS: u8 = 3;

/// Latencies in microseconds.
#[derive(Clone, Debug)]
pub struct Latencies(Option<Histogram<u64>>);

impl Default for Latencies {
    fn default() -> Self {
        Self(Histogram::new_with_bounds(1, LONGEST_US, DIGITS).ok())
    }
}

impl Latencies {
    /// Records one.
    pub fn record(&mut self, latency: Duration) {
        if let Some(histogram) = &mut self.0 {
            let micros = u64::try_from(latency.as_micros()).unwrap_or(LONGEST_US).clamp(1, LONGEST_US);
            // Whatever is within bounds has room.
            let _ = histogram.record(micros);
        }
    }

    /// Takes over those of another.
    pub fn add(&mut self, other: &Self) {
        if let (Some(histogram), Some(other)) = (&mut self.0, &other.0) {
            // Both have the same bounds, so this cannot fail.
            let _ = histogram.add(other);
        }
    }

    /// How many were recorded.
    pub fn count(&self) -> u64 {
        self.0.as_ref().map_or(0, Histogram::len)
    }

    /// The usual figures; `None` when nothing was recorded.
    pub fn summary(&self) -> Option<Summary> {
        let histogram = self.0.as_ref().filter(|histogram| !histogram.is_empty())?;
        let ms = |quantile| histogram.value_at_quantile(quantile) as f64 / 1_000.0;
        Some(Summary {
            p50_ms: ms(0.5),
            p90_ms: ms(0.9),
            p99_ms: ms(0.99),
            p999_ms: ms(0.999),
            max_ms: histogram.max() as f64 / 1_000.0,
        })
    }
}

/// Latencies in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Summary {
    /// Half are shorter.
    pub p50_ms: f64,
    /// 90 % are shorter.
    pub p90_ms: f64,
    /// 99 % are shorter.
    pub p99_ms: f64,
    /// 99.9 % are shorter.
    pub p999_ms: f64,
    /// The longest.
    pub max_ms: f64,
}

/// The counted time.
#[derive(Clone, Copy, Debug)]
pub struct Window {
    /// Its begin: the end of the warm-up.
    pub from: Instant,
    /// Its end.
    pub end: Instant,
}

impl Window {
    fn holds(&self, moment: Instant) -> bool {
        (self.from..self.end).contains(&moment)
    }
}

/// How one thing ended.
#[derive(Clone, Debug)]
pub struct Ended {
    /// Which kind of thing, where kinds are mixed.
    pub kind: Option<&'static str>,
    /// When it was meant to begin.
    pub intended: Instant,
    /// When its first answer came, where others followed.
    pub accepted: Option<Instant>,
    /// When its last answer came.
    pub ended: Instant,
    /// Why it was not done; `None` where it was.
    pub refused: Option<String>,
}

/// What was counted.
#[derive(Clone, Debug)]
pub struct Tally {
    window: Window,
    /// Things done, of those meant to begin in the counted time.
    pub done: u64,
    /// Those that were not, by code.
    pub refused: BTreeMap<String, u64>,
    /// Things done in each second of the counted time, whenever they were meant to begin.
    pub done_by_second: Vec<u64>,
    /// From the intended start to the end of those done, and to the end of the counted time of those never started.
    pub latency: Latencies,
    /// The same by kind, where kinds are mixed.
    pub by_kind: BTreeMap<&'static str, Latencies>,
    /// From the intended start to the first answer, of those whose end came later than it.
    pub accepted_latency: Latencies,
    /// From the intended start to the refusal.
    pub refused_latency: Latencies,
    /// When the last thing was done.
    pub last_done: Option<Instant>,
}

impl Tally {
    /// Nothing yet.
    pub fn new(window: Window) -> Self {
        Self {
            window,
            done: 0,
            refused: BTreeMap::new(),
            done_by_second: Vec::new(),
            latency: Latencies::default(),
            by_kind: BTreeMap::new(),
            accepted_latency: Latencies::default(),
            refused_latency: Latencies::default(),
            last_done: None,
        }
    }

    /// Counts one thing.
    pub fn count(&mut self, one: &Ended) {
        let latency = one.ended.saturating_duration_since(one.intended);
        let counts = self.window.holds(one.intended);
        if let Some(code) = &one.refused {
            if counts {
                *self.refused.entry(code.clone()).or_default() += 1;
                self.refused_latency.record(latency);
            }
            return;
        }
        if self.window.holds(one.ended) {
            self.one_more_at(one.ended);
        }
        self.last_done = self.last_done.max(Some(one.ended));
        if counts {
            self.done += 1;
            self.latency.record(latency);
            if let Some(kind) = one.kind {
                self.by_kind.entry(kind).or_default().record(latency);
            }
            if let Some(accepted) = one.accepted {
                self.accepted_latency.record(accepted.saturating_duration_since(one.intended));
            }
        }
    }

    fn one_more_at(&mut self, moment: Instant) {
        let second = moment.saturating_duration_since(self.window.from).as_secs();
        let Ok(second) = usize::try_from(second) else { return };
        if self.done_by_second.len() <= second {
            self.done_by_second.resize(second + 1, 0);
        }
        if let Some(count) = self.done_by_second.get_mut(second) {
            *count += 1;
        }
    }

    /// Counts arrivals that nobody was free for: each had waited until the end. Says how many.
    pub fn never_started(&mut self, intended: &[Instant]) -> u64 {
        for start in intended.iter().filter(|start| self.window.holds(**start)) {
            self.latency.record(self.window.end.saturating_duration_since(*start));
        }
        u64::try_from(intended.len()).unwrap_or(u64::MAX)
    }

    /// Takes over the counts of other callers.
    pub fn add(&mut self, other: &Self) {
        self.done += other.done;
        for (code, count) in &other.refused {
            *self.refused.entry(code.clone()).or_default() += count;
        }
        if self.done_by_second.len() < other.done_by_second.len() {
            self.done_by_second.resize(other.done_by_second.len(), 0);
        }
        for (sum, count) in self.done_by_second.iter_mut().zip(&other.done_by_second) {
            *sum += count;
        }
        self.latency.add(&other.latency);
        for (kind, latencies) in &other.by_kind {
            self.by_kind.entry(kind).or_default().add(latencies);
        }
        self.accepted_latency.add(&other.accepted_latency);
        self.refused_latency.add(&other.refused_latency);
        self.last_done = self.last_done.max(other.last_done);
    }

    /// Things done within the counted time, whenever they were meant to begin.
    pub fn done_in_time(&self) -> u64 {
        self.done_by_second.iter().sum()
    }

    /// All refusals.
    pub fn refusals(&self) -> u64 {
        self.refused.values().sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_those_of_what_was_recorded() {
        let mut latencies = Latencies::default();
        assert_eq!(latencies.summary(), None);
        for ms in 1..=1_000 {
            latencies.record(Duration::from_millis(ms));
        }
        let summary = latencies.summary().unwrap();
        assert!((499.0..=501.0).contains(&summary.p50_ms), "{summary:?}");
        assert!((989.0..=991.0).contains(&summary.p99_ms), "{summary:?}");
        assert!((998.0..=1_001.0).contains(&summary.p999_ms), "{summary:?}");
    }

    fn second(from: Instant, ms: u64) -> Instant {
        from + Duration::from_millis(ms)
    }

    fn ended(intended: Instant, ms: u64, refused: Option<&str>) -> Ended {
        let ended = second(intended, ms);
        Ended { kind: None, intended, accepted: None, ended, refused: refused.map(str::to_owned) }
    }

    #[test]
    fn latency_counts_from_the_intended_start() {
        let from = Instant::now();
        let window = Window { from, end: second(from, 2_000) };
        let mut one = Tally::new(window);
        one.count(&ended(from, 300, None));
        one.count(&ended(from, 1, Some("overloaded")));
        let mut all = Tally::new(window);
        all.add(&one);
        all.add(&one);
        assert_eq!((all.done, all.refusals(), all.refused["overloaded"]), (2, 2, 2));
        let summary = all.latency.summary().unwrap();
        assert!((299.0..=301.0).contains(&summary.p50_ms), "{summary:?}");
        assert_eq!(all.last_done, Some(second(from, 300)));
    }

    #[test]
    fn throughput_is_what_was_done_in_the_counted_time_and_latency_of_what_was_meant_to_begin_in_it() {
        let from = Instant::now() + Duration::from_secs(10);
        let mut tally = Tally::new(Window { from, end: second(from, 2_000) });
        tally.count(&ended(from - Duration::from_millis(10), 20, None)); // begun before, done within
        tally.count(&ended(second(from, 1_100), 50, None)); // all within
        tally.count(&ended(second(from, 1_900), 5_000, None)); // begun within, done long after
        tally.count(&ended(second(from, 1_900), 60_000, Some("timeout"))); // a late refusal lowers nothing
        assert_eq!(tally.done_by_second, [1, 1]);
        assert_eq!((tally.done_in_time(), tally.done), (2, 2));
        assert!(tally.latency.summary().unwrap().max_ms > 4_900.0);
    }

    #[test]
    fn arrivals_that_nobody_was_free_for_are_among_the_latencies() {
        let from = Instant::now();
        let mut tally = Tally::new(Window { from, end: second(from, 1_000) });
        assert_eq!(tally.never_started(&[second(from, 100), second(from, 500)]), 2);
        let summary = tally.latency.summary().unwrap();
        assert!(summary.max_ms > 899.0 && summary.p50_ms < 501.0, "{summary:?}");
        assert_eq!((tally.done, tally.done_in_time()), (0, 0));
    }
}
