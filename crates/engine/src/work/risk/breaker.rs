//! The circuit breaker (熔断): a service that keeps failing is not asked for a while, then by one question at a time.
//!
//! It opens after [`IN_A_ROW`] failures in a row, or where half of the last [`RECENT`] answers failed; for [`PAUSE_US`] at
//! first, twice as long after each probe that fails, at most [`LONGEST_US`]. A probe that is answered closes it. Every time
//! in here is one of [`crate::ports::Clock::steady`].

use std::collections::VecDeque;

use kernel::Time;
use kernel::time::{MINUTE_US, SECOND_US};

/// So many failures in a row open it.
pub(super) const IN_A_ROW: usize = 5;
/// So many answers are looked back at.
const RECENT: usize = 20;
/// For how long it opens first.
const PAUSE_US: i64 = 5 * SECOND_US;
/// For how long it opens at most.
const LONGEST_US: i64 = MINUTE_US;

/// Whether a question may be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Admission {
    /// It may.
    Ask,
    /// It may, and what becomes of it decides whether others may.
    Probe,
    /// It may not.
    No,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Closed,
    Open { until: Time, pause_us: i64 },
    Probing { pause_us: i64 },
}

/// One service's breaker.
#[derive(Debug)]
pub(super) struct Breaker {
    state: State,
    /// Whether the last questions failed, the newest last; only while it is closed.
    failed: VecDeque<bool>,
}

impl Breaker {
    /// Closed: everything may be asked.
    pub(super) const fn new() -> Self {
        Self { state: State::Closed, failed: VecDeque::new() }
    }

    /// Whether everything may be asked.
    pub(super) fn is_closed(&self) -> bool {
        self.state == State::Closed
    }

    /// Whether a question may be asked now. A probe must be told of by [`record`](Self::record).
    pub(super) fn admit(&mut self, now: Time) -> Admission {
        match self.state {
            State::Closed => Admission::Ask,
            State::Open { until, pause_us } if until <= now => {
                self.state = State::Probing { pause_us };
                Admission::Probe
            }
            State::Open { .. } | State::Probing { .. } => Admission::No,
        }
    }

    /// What became of a question that was admitted so.
    pub(super) fn record(&mut self, admission: Admission, answered: bool, now: Time) {
        match (self.state, admission) {
            (State::Closed, Admission::Ask) => {
                self.failed.push_back(!answered);
                if self.failed.len() > RECENT {
                    self.failed.pop_front();
                }
                if self.fails_too_often() {
                    self.open(PAUSE_US, now);
                }
            }
            (State::Probing { .. }, Admission::Probe) if answered => self.state = State::Closed,
            (State::Probing { pause_us }, Admission::Probe) => {
                self.open(pause_us.saturating_mul(2).min(LONGEST_US), now);
            }
            // Asked before it opened: what it came to opened it, or is of no more weight.
            (State::Closed | State::Open { .. } | State::Probing { .. }, _) => {}
        }
    }

    fn fails_too_often(&self) -> bool {
        let in_a_row = self.failed.iter().rev().take_while(|failed| **failed).count();
        let failures = self.failed.iter().filter(|failed| **failed).count();
        in_a_row >= IN_A_ROW || self.failed.len() == RECENT && failures * 2 >= RECENT
    }

    fn open(&mut self, pause_us: i64, now: Time) {
        self.failed.clear();
        self.state = State::Open { until: now.plus(pause_us), pause_us };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Time = Time::from_micros(0);

    /// Asks so often, with this end each time.
    fn ask(breaker: &mut Breaker, now: Time, ends: &[bool]) {
        for answered in ends {
            let admission = breaker.admit(now);
            assert_ne!(admission, Admission::No);
            breaker.record(admission, *answered, now);
        }
    }

    #[test]
    fn failures_in_a_row_open_it_and_a_probe_closes_it() {
        let mut breaker = Breaker::new();
        ask(&mut breaker, NOW, &[false, false, false, false, true, false, false, false, false]);
        assert!(breaker.is_closed(), "never five in a row");
        ask(&mut breaker, NOW, &[false]);
        assert_eq!(breaker.admit(NOW.plus(PAUSE_US - 1)), Admission::No);
        assert_eq!(breaker.admit(NOW.plus(PAUSE_US)), Admission::Probe);
        assert_eq!(breaker.admit(NOW.plus(PAUSE_US)), Admission::No, "one at a time");
        breaker.record(Admission::Ask, true, NOW.plus(PAUSE_US));
        assert!(!breaker.is_closed(), "what was asked before says nothing of now");
        breaker.record(Admission::Probe, true, NOW.plus(PAUSE_US));
        assert!(breaker.is_closed());
        ask(&mut breaker, NOW.plus(PAUSE_US), &[false, false, false, false]);
        assert!(breaker.is_closed(), "it begins anew");
    }

    #[test]
    fn a_probe_that_fails_makes_the_pause_longer() {
        let mut breaker = Breaker::new();
        ask(&mut breaker, NOW, &[false; IN_A_ROW]);
        let (mut now, mut pauses) = (NOW, Vec::new());
        for _ in 0..6 {
            let mut waited = 0;
            while breaker.admit(now.plus(waited)) == Admission::No {
                waited += SECOND_US;
            }
            pauses.push(waited / SECOND_US);
            now = now.plus(waited);
            breaker.record(Admission::Probe, false, now);
        }
        assert_eq!(pauses, [5, 10, 20, 40, 60, 60]);
    }

    #[test]
    fn half_of_the_last_twenty_open_it() {
        let mut breaker = Breaker::new();
        ask(&mut breaker, NOW, &[true; RECENT]);
        ask(&mut breaker, NOW, &[false, true].repeat(RECENT / 2 - 1));
        ask(&mut breaker, NOW, &[true]);
        assert!(breaker.is_closed());
        ask(&mut breaker, NOW, &[false]);
        assert!(!breaker.is_closed());
    }
}
