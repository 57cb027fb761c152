//! The system's source of randomness.

use std::cell::RefCell;

use engine::ports::Random;

/// Bits drawn from the system per call to it; a call costs more than the bits.
const BLOCK: usize = 1_024;

/// Randomness of the operating system, drawn in blocks per thread.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct SystemRandom;

/// What a thread has drawn and not given out yet.
struct Drawn {
    bytes: [u8; BLOCK],
    used: usize,
}

thread_local! {
    static DRAWN: RefCell<Drawn> = const { RefCell::new(Drawn { bytes: [0; BLOCK], used: BLOCK }) };
}

impl Random for SystemRandom {
    fn bits(&self) -> u128 {
        DRAWN.with_borrow_mut(Drawn::next)
    }
}

impl Drawn {
    fn next(&mut self) -> u128 {
        if self.used + 16 > BLOCK {
            fill(&mut self.bytes);
            self.used = 0;
        }
        let bytes = self.bytes.get_mut(self.used..self.used + 16).unwrap_or_default();
        let bits = <[u8; 16]>::try_from(&*bytes).map_or(0, u128::from_le_bytes);
        // What was given out is not kept.
        bytes.fill(0);
        self.used += 16;
        bits
    }
}

/// Ids and keys that could be guessed are worse than no service: without randomness the process ends.
fn fill(bytes: &mut [u8]) {
    if let Err(error) = getrandom::fill(bytes) {
        tracing::error!(%error, "the system gives no randomness");
        std::process::abort();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_differ_also_across_blocks() {
        let mut seen = std::collections::BTreeSet::new();
        assert!((0..1_000).all(|_| seen.insert(SystemRandom.bits())));
    }
}
