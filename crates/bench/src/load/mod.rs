//! The load generator: many callers, each with a connection of its own, and the two ways to drive them.
//!
//! - *Closed loop*: every caller sends its next request when the one before was answered. It finds the capacity; its
//!   latencies flatter a slow server, because a server that stalls is simply asked less.
//! - *Open loop*: arrivals have their times fixed beforehand at a rate, whatever the server does, and latency counts from
//!   the *intended* start. A stall is felt by everybody who arrives during it, as in life (no coordinated omission).
//!
//! Only what was meant to start after the warm-up is counted. The generator shares the machine with the server, so it
//! does little: requests are formatted straight into a buffer, answers are read by [`wire`] without a copy.

pub mod machine;
pub mod pace;
pub mod tally;
pub mod wire;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use machine::{Cpu, Watch};
use pace::Pace;
use tally::Tally;
use wire::{Answer, Wire};

/// Pause after a connection could not be made, so that callers of a server that is away do not spin.
const RECONNECT_PAUSE: Duration = Duration::from_millis(20);
/// Most reads that follow one request.
const MAX_FOLLOW_UPS: usize = 100;
/// Longest wait for one answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);

/// What an answer means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Judged {
    /// The thing is done; this is what is counted.
    Done,
    /// Accepted; its end is to be asked for under this id.
    Pending(String),
    /// Not done, with a stable word.
    Refused(String),
}

/// What the callers send. Requests are numbered from 0 over all callers; each number is asked for once.
pub trait Workload: Send + Sync + 'static {
    /// Writes the whole of request `number`; false when there is nothing left to send.
    fn write(&self, number: u64, request: &mut Vec<u8>) -> bool;
    /// Reads the answer.
    fn judge(&self, answer: &Answer<'_>) -> Judged;
    /// Writes the request that asks how a pending thing ended.
    fn write_follow_up(&self, id: &str, request: &mut Vec<u8>);
    /// Reads its answer.
    fn judge_follow_up(&self, answer: &Answer<'_>) -> Judged;
}

/// How hard, and for how long.
#[derive(Clone, Copy, Debug)]
pub struct Drive {
    /// Connections, each with one request under way at most.
    pub callers: usize,
    /// Counted time.
    pub duration: Duration,
    /// Time before it that is not counted.
    pub warm_up: Duration,
    /// Arrivals per second; `None` for a closed loop.
    pub rate: Option<u64>,
}

/// What a drive came to.
#[derive(Debug)]
pub struct Driven {
    /// Counts and latencies.
    pub tally: Tally,
    /// Arrivals that no caller was free for before the end (open loop).
    pub not_started: u64,
    /// From the end of the warm-up to the last counted answer.
    pub elapsed: Duration,
    /// CPU time spent meanwhile by the watched processes.
    pub cpu: Option<Cpu>,
}

/// Drives a workload against `address`.
pub async fn drive(address: SocketAddr, workload: Arc<dyn Workload>, drive: Drive, watch: &Watch) -> Driven {
    let start = Instant::now();
    let counted_from = start + drive.warm_up;
    let end = counted_from + drive.duration;
    let (pace, schedule) = match drive.rate {
        None => (Pace::Closed { end }, None),
        Some(rate) => {
            let (pace, schedule) = pace::open(start, end, rate);
            (pace, Some(schedule))
        }
    };
    let numbers = Arc::new(AtomicU64::new(0));
    let callers: Vec<_> = (0..drive.callers)
        .map(|_| {
            let caller = Caller {
                address,
                workload: Arc::clone(&workload),
                numbers: Arc::clone(&numbers),
                pace: pace.clone(),
                counted_from,
                wire: None,
                tally: Tally::default(),
            };
            tokio::spawn(caller.run())
        })
        .collect();
    tokio::time::sleep_until(counted_from.into()).await;
    let before = watch.look();
    let mut tally = Tally::default();
    for caller in callers {
        if let Ok(part) = caller.await {
            tally.add(&part);
        }
    }
    let cpu = watch.look().since(&before);
    let not_started = schedule.map_or(0, |schedule| schedule.left());
    let elapsed = tally.last_answer.map_or(drive.duration, |last| last.saturating_duration_since(counted_from));
    Driven { tally, not_started, elapsed, cpu }
}

struct Caller {
    address: SocketAddr,
    workload: Arc<dyn Workload>,
    numbers: Arc<AtomicU64>,
    pace: Pace,
    counted_from: Instant,
    wire: Option<Wire>,
    tally: Tally,
}

/// How one numbered request ended.
struct Ended {
    judged: Judged,
    accepted_at: Option<Instant>,
}

impl Caller {
    async fn run(mut self) -> Tally {
        let mut request = Vec::with_capacity(4_096);
        while let Some(intended) = self.pace.next().await {
            let number = self.numbers.fetch_add(1, Ordering::Relaxed);
            request.clear();
            if !self.workload.write(number, &mut request) {
                break;
            }
            let ended = self.one(&mut request).await;
            if intended >= self.counted_from {
                self.tally.count(intended, ended.accepted_at, Instant::now(), &ended.judged);
            }
        }
        self.tally
    }

    /// Sends one request and follows it to its end.
    async fn one(&mut self, request: &mut Vec<u8>) -> Ended {
        let mut judged = self.exchange(request, false).await;
        let mut accepted_at = None;
        for _ in 0..MAX_FOLLOW_UPS {
            let Judged::Pending(id) = &judged else { break };
            accepted_at.get_or_insert_with(Instant::now);
            request.clear();
            self.workload.write_follow_up(id, request);
            judged = self.exchange(request, true).await;
        }
        if matches!(judged, Judged::Pending(_)) {
            judged = Judged::Refused("never_ended".to_owned());
        }
        Ended { judged, accepted_at }
    }

    async fn exchange(&mut self, request: &[u8], follow_up: bool) -> Judged {
        let mut wire = match self.wire.take() {
            Some(wire) => wire,
            None => match Wire::connect(self.address).await {
                Ok(wire) => wire,
                Err(_) => {
                    tokio::time::sleep(RECONNECT_PAUSE).await;
                    return Judged::Refused("no_connection".to_owned());
                }
            },
        };
        let judged = match tokio::time::timeout(ANSWER_TIMEOUT, wire.exchange(request)).await {
            Err(_) => return Judged::Refused("timeout".to_owned()),
            Ok(Err(_)) => return Judged::Refused("connection_broken".to_owned()),
            Ok(Ok(answer)) if follow_up => self.workload.judge_follow_up(&answer),
            Ok(Ok(answer)) => self.workload.judge(&answer),
        };
        self.wire = wire.is_open().then_some(wire);
        judged
    }
}

#[cfg(test)]
mod tests;
