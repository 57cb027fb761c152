//! Token buckets: how often a key may ask, may miss, and an address may fail to authenticate.
//!
//! Time is given, so the rules are functions; the maps are bounded: when one is full, the buckets that have filled up
//! again (which remember nothing) go, and if none has, the one that was used longest ago.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use kernel::Time;
use kernel::time::SECOND_US;

/// How many tokens a bucket holds, and how fast it fills.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rate {
    /// Tokens of a full bucket.
    pub(crate) burst: u32,
    /// Tokens per second.
    pub(crate) per_second: u32,
}

/// What an attempt to take a token found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Grant {
    /// Whether there was one.
    pub(super) granted: bool,
    /// How many are left.
    pub(super) left: u32,
}

/// Level in millionths of a token, so that a microsecond's inflow is a whole number.
#[derive(Clone, Copy)]
struct Bucket {
    level: i64,
    at: Time,
}

/// Buckets by name, all of one rate.
pub(super) struct Buckets<K> {
    rate: Rate,
    most: usize,
    buckets: Mutex<BTreeMap<K, Bucket>>,
}

impl<K: Ord + Clone> Buckets<K> {
    /// At most `most` buckets are remembered.
    pub(super) fn new(rate: Rate, most: usize) -> Self {
        Self { rate, most, buckets: Mutex::new(BTreeMap::new()) }
    }

    /// The rate of each.
    pub(super) fn rate(&self) -> Rate {
        self.rate
    }

    /// Takes a token.
    pub(super) fn take(&self, name: &K, now: Time) -> Grant {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if !buckets.contains_key(name) && buckets.len() >= self.most {
            self.make_room(&mut buckets, now);
        }
        let full = Bucket { level: self.full(), at: now };
        let bucket = buckets.entry(name.clone()).or_insert(full);
        bucket.level = self.level(bucket, now);
        bucket.at = bucket.at.max(now);
        let granted = bucket.level >= SECOND_US;
        if granted {
            bucket.level -= SECOND_US;
        }
        Grant { granted, left: u32::try_from(bucket.level / SECOND_US).unwrap_or(0) }
    }

    /// Whether a token is there, without taking it.
    pub(super) fn has(&self, name: &K, now: Time) -> bool {
        let buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        buckets.get(name).is_none_or(|bucket| self.level(bucket, now) >= SECOND_US)
    }

    fn full(&self) -> i64 {
        i64::from(self.rate.burst) * SECOND_US
    }

    fn level(&self, bucket: &Bucket, now: Time) -> i64 {
        let inflow = now.since(bucket.at).max(0).saturating_mul(i64::from(self.rate.per_second));
        bucket.level.saturating_add(inflow).min(self.full())
    }

    fn make_room(&self, buckets: &mut BTreeMap<K, Bucket>, now: Time) {
        let full = self.full();
        buckets.retain(|_, bucket| self.level(bucket, now) < full);
        if buckets.len() >= self.most {
            let oldest = buckets.iter().min_by_key(|(_, bucket)| bucket.at).map(|(name, _)| name.clone());
            if let Some(oldest) = oldest {
                buckets.remove(&oldest);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: i64) -> Time {
        Time::from_micros(millis * 1_000)
    }

    #[test]
    fn a_bucket_empties_and_fills() {
        let buckets = Buckets::new(Rate { burst: 2, per_second: 10 }, 10);
        assert_eq!(buckets.take(&"a", at(0)), Grant { granted: true, left: 1 });
        assert_eq!(buckets.take(&"a", at(0)), Grant { granted: true, left: 0 });
        assert_eq!(buckets.take(&"a", at(99)), Grant { granted: false, left: 0 });
        assert!(!buckets.has(&"a", at(99)) && buckets.has(&"b", at(99)));
        assert!(buckets.take(&"b", at(99)).granted, "another's bucket is its own");
        assert!(buckets.take(&"a", at(100)).granted);
        assert!(!buckets.take(&"a", at(50)).granted, "a clock that goes back gives nothing");
        assert_eq!(buckets.take(&"a", at(10_000)).left, 1, "no more than the burst");
    }

    #[test]
    fn memory_is_bounded() {
        let buckets = Buckets::new(Rate { burst: 1, per_second: 1 }, 3);
        for name in 0..100 {
            buckets.take(&name, at(name));
        }
        assert!(buckets.buckets.lock().unwrap().len() <= 3);
        assert!(!buckets.has(&99, at(99)), "the newest is remembered");
    }
}
