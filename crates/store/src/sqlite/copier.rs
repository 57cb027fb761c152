//! Copies a line's log back into its file beside the line, so that no batch waits for it.
//!
//! A log can begin anew only when all of it is copied and nobody reads it, and while a line goes on writing there is always
//! a bit more of it. So the most of it, with its flush, is copied by a thread of its own, again and again until little has
//! come meanwhile; that little is then copied by the line itself, between two batches.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use super::core::Core;
use super::crew::Crew;

/// A round that copied so few frames, of 4 KiB each, leaves little enough to the line.
const FEW: i32 = 512;
/// Most rounds: where the log grows as fast as it is copied, more of them do not help.
const ROUNDS: usize = 4;

/// Nothing to copy, or not begun.
const IDLE: u8 = 0;
/// The thread is at it.
const COPYING: u8 = 1;
/// The line copies the rest.
const COPIED: u8 = 2;

/// The thread that copies, and how far it is.
pub(super) struct Copier {
    crew: Crew,
    state: Arc<AtomicU8>,
}

impl Copier {
    /// `crew` is a thread with a connection to the same file.
    pub(super) fn new(crew: Crew) -> Self {
        Self { crew, state: Arc::default() }
    }

    /// Called between two batches: starts copying where the line's log is long, and ends it.
    pub(super) fn look(&self, line: &mut Core) {
        match self.state.load(Ordering::Acquire) {
            IDLE if line.is_log_long() => {
                self.state.store(COPYING, Ordering::Release);
                let state = Arc::clone(&self.state);
                let left = self.crew.leave(move |core| {
                    copy(|| core.copy_log());
                    state.store(COPIED, Ordering::Release);
                });
                if !left {
                    self.state.store(COPIED, Ordering::Release);
                }
            }
            COPIED => {
                line.copy_log();
                self.state.store(IDLE, Ordering::Release);
            }
            _ => {}
        }
    }
}

/// `round` says how many frames of the log are copied so far.
fn copy(mut round: impl FnMut() -> i32) {
    let mut before = 0;
    for _ in 0..ROUNDS {
        let copied = round();
        if copied.saturating_sub(before) < FEW {
            return;
        }
        before = copied;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rounds(copied: &[i32]) -> usize {
        let mut left = copied.iter();
        copy(|| *left.next().unwrap());
        copied.len() - left.len()
    }

    #[test]
    fn it_is_copied_until_little_is_left_and_not_for_ever() {
        assert_eq!(rounds(&[100, 0]), 1, "little at once");
        assert_eq!(rounds(&[16_000, 18_000, 18_500, 0]), 3);
        assert_eq!(rounds(&[16_000, 32_000, 48_000, 64_000, 80_000]), 4, "it grows as fast as it is copied");
        assert_eq!(rounds(&[16_000, 16_000, 0]), 2, "readers need the rest");
    }
}
