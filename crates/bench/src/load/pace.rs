//! When the next request is meant to start.

use std::time::{Duration, Instant};

use async_channel::{Receiver, Sender};

/// Longest sleep of the schedule's thread between two looks at whether anybody still listens.
const LONGEST_SLEEP: Duration = Duration::from_millis(100);

/// Where a caller gets its next intended start from.
#[derive(Clone, Debug)]
pub enum Pace {
    /// At once, until the end.
    Closed {
        /// No request starts after it.
        end: Instant,
    },
    /// When the schedule says so; whoever is free takes the next arrival, late ones first.
    Open {
        /// Arrivals whose time has come.
        due: Receiver<Instant>,
        /// No request starts after it, however late it is.
        end: Instant,
    },
}

impl Pace {
    /// The intended start of the caller's next request, when it has come; `None` at the end.
    pub async fn next(&self) -> Option<Instant> {
        match self {
            Self::Closed { end } => Some(Instant::now()).filter(|now| now < end),
            Self::Open { due, end } => {
                if Instant::now() >= *end {
                    return None;
                }
                due.recv().await.ok()
            }
        }
    }
}

/// The arrivals that are left over when all callers are gone.
#[derive(Debug)]
pub struct Schedule {
    due: Receiver<Instant>,
}

impl Schedule {
    /// The intended starts of the arrivals that nobody took.
    pub fn left(&self) -> Vec<Instant> {
        std::iter::from_fn(|| self.due.try_recv().ok()).collect()
    }
}

/// An open loop at `rate` arrivals per second, evenly spaced from `start` to `end`.
///
/// A thread of its own keeps the time: the runtime's timers are good to a millisecond only, which is more than what is
/// measured. It holds at most one entry per arrival of the whole run.
pub fn open(start: Instant, end: Instant, rate: u64) -> (Pace, Schedule) {
    let (sender, due) = async_channel::unbounded();
    tokio::task::spawn_blocking(move || keep_time(start, end, rate.max(1), &sender));
    (Pace::Open { due: due.clone(), end }, Schedule { due })
}

/// When arrival `number` is meant to happen.
pub fn intended(start: Instant, rate: u64, number: u64) -> Instant {
    let whole = Duration::from_secs(number / rate);
    let nanos = u128::from(number % rate) * 1_000_000_000 / u128::from(rate);
    start + whole + Duration::from_nanos(u64::try_from(nanos).unwrap_or(0))
}

fn keep_time(start: Instant, end: Instant, rate: u64, due: &Sender<Instant>) {
    for number in 0.. {
        let at = intended(start, rate, number);
        if at >= end {
            return;
        }
        loop {
            if due.is_closed() {
                return;
            }
            let ahead = at.saturating_duration_since(Instant::now());
            if ahead.is_zero() {
                break;
            }
            std::thread::sleep(ahead.min(LONGEST_SLEEP));
        }
        if due.try_send(at).is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrivals_are_evenly_spaced_and_do_not_drift() {
        let start = Instant::now();
        assert_eq!(intended(start, 3, 0), start);
        assert_eq!(intended(start, 3, 3_000_000), start + Duration::from_secs(1_000_000));
        assert_eq!(intended(start, 4, 1), start + Duration::from_millis(250));
    }

    #[tokio::test]
    async fn a_late_caller_gets_the_intended_time_not_the_present() {
        let start = Instant::now();
        let (pace, schedule) = open(start, start + Duration::from_millis(200), 100);
        tokio::time::sleep(Duration::from_millis(60)).await;
        assert_eq!(pace.next().await, Some(start));
        assert_eq!(pace.next().await, Some(start + Duration::from_millis(10)));
        tokio::time::sleep(Duration::from_millis(200)).await;
        assert_eq!(pace.next().await, None, "nothing starts after the end");
        let left = schedule.left();
        assert_eq!(left.len(), 18, "what nobody took is told");
        assert_eq!(left.first(), Some(&(start + Duration::from_millis(20))));
    }
}
