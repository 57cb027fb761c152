//! Randomness from a seed: SplitMix64 (Steele, Lea and Flood 2014), small, fast, and the same everywhere.

use std::sync::{Arc, Mutex, PoisonError};

/// A generator. Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Rng(Arc<Mutex<u64>>);

impl Rng {
    /// From a seed, for one use of it: streams do not disturb each other.
    pub(crate) fn new(seed: u64, stream: u64) -> Self {
        let rng = Self(Arc::new(Mutex::new(seed ^ stream.wrapping_mul(0xd6e8_feb8_6659_fd93))));
        rng.bits();
        rng
    }

    /// The next 64 bits.
    pub(crate) fn bits(&self) -> u64 {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = *state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Below `bound`, which is at least 1.
    pub(crate) fn below(&self, bound: u64) -> u64 {
        self.bits() % bound.max(1)
    }

    /// From `low` to `high`, both included.
    pub(crate) fn between(&self, low: i64, high: i64) -> i64 {
        let width = high.saturating_sub(low).saturating_add(1).max(1).unsigned_abs();
        low.saturating_add(i64::try_from(self.below(width)).unwrap_or(0))
    }

    /// True in `percent` of a hundred cases.
    pub(crate) fn chance(&self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// One of several; `None` where there is none.
    pub(crate) fn pick<'a, T>(&self, of: &'a [T]) -> Option<&'a T> {
        if of.is_empty() { None } else { of.get(usize::try_from(self.below(of.len() as u64)).unwrap_or(0)) }
    }
}
