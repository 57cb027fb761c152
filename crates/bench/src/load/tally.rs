//! Counts and latencies of one caller, and of all together.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use serde::Serialize;

use super::Judged;

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
            histogram.saturating_record(u64::try_from(latency.as_micros()).unwrap_or(LONGEST_US).max(1));
        }
    }

    /// Takes over those of another.
    pub fn add(&mut self, other: &Self) {
        if let (Some(histogram), Some(other)) = (&mut self.0, &other.0) {
            // Both have the same bounds, so this cannot fail.
            let _ = histogram.add(other);
        }
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

/// What was counted.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// Requests that came to what they asked for.
    pub done: u64,
    /// Those that did not, by code.
    pub refused: BTreeMap<String, u64>,
    /// From the intended start to the end of those done.
    pub done_latency: Latencies,
    /// From the intended start to the first answer, of those whose end came later than it.
    pub accepted_latency: Latencies,
    /// From the intended start to the refusal.
    pub refused_latency: Latencies,
    /// When the last answer came.
    pub last_answer: Option<Instant>,
}

impl Tally {
    /// Counts one request.
    pub fn count(&mut self, intended: Instant, accepted: Option<Instant>, ended: Instant, judged: &Judged) {
        let latency = ended.saturating_duration_since(intended);
        match judged {
            Judged::Done => {
                self.done += 1;
                self.done_latency.record(latency);
                if let Some(accepted) = accepted {
                    self.accepted_latency.record(accepted.saturating_duration_since(intended));
                }
            }
            Judged::Refused(code) | Judged::Pending(code) => {
                *self.refused.entry(code.clone()).or_default() += 1;
                self.refused_latency.record(latency);
            }
        }
        self.last_answer = self.last_answer.max(Some(ended));
    }

    /// Takes over the counts of another caller.
    pub fn add(&mut self, other: &Self) {
        self.done += other.done;
        for (code, count) in &other.refused {
            *self.refused.entry(code.clone()).or_default() += count;
        }
        self.done_latency.add(&other.done_latency);
        self.accepted_latency.add(&other.accepted_latency);
        self.refused_latency.add(&other.refused_latency);
        self.last_answer = self.last_answer.max(other.last_answer);
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

    #[test]
    fn latency_counts_from_the_intended_start() {
        let intended = Instant::now();
        let mut one = Tally::default();
        one.count(intended, None, intended + Duration::from_millis(300), &Judged::Done);
        one.count(intended, None, intended + Duration::from_millis(1), &Judged::Refused("overloaded".to_owned()));
        let mut all = Tally::default();
        all.add(&one);
        all.add(&one);
        assert_eq!((all.done, all.refusals(), all.refused["overloaded"]), (2, 2, 2));
        let summary = all.done_latency.summary().unwrap();
        assert!((299.0..=301.0).contains(&summary.p50_ms), "{summary:?}");
        assert_eq!(all.last_answer, Some(intended + Duration::from_millis(300)));
    }
}
