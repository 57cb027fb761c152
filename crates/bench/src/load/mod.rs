//! The load generator: many callers, each with a connection of its own, and the two ways to drive them.
//!
//! - *Closed loop*: every caller sends its next request when the one before was answered. It finds the capacity; its
//!   latencies flatter a slow server, because a server that stalls is simply asked less.
//! - *Open loop*: arrivals have their times fixed beforehand at a rate, whatever the server does, and latency counts from
//!   the *intended* start. A stall is felt by everybody who arrives during it, as in life (no coordinated omission).
//!
//! Throughput is what was done within the counted time, whenever it was begun. Latencies are of what was meant to start
//! within it, also of arrivals that nobody was free for. The generator shares the machine with the server, so it does
//! little: requests are formatted straight into a buffer, answers are read by [`wire`] without a copy.

pub mod machine;
pub mod pace;
pub mod tally;
pub mod wire;

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures::future::join_all;

use crate::error::Error;
use machine::{Cpu, Watch};
use pace::Pace;
use tally::{Ended, Tally, Window};
use wire::{Answer, Wire};

/// What a request mostly fits in.
const REQUEST_BYTES: usize = 1_024;
/// Pause after a connection could not be made, so that callers of a server that is away do not spin.
const RECONNECT_PAUSE: Duration = Duration::from_millis(20);
/// Most reads that follow one request.
const MAX_FOLLOW_UPS: usize = 100;
/// Callers count together in so many places: histograms of their own would take thousands of callers so much memory that
/// making it ready is most of what the generator does.
const TALLIES: usize = 16;
/// Longest wait for one answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);

/// What an answer means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Judged {
    /// The thing is done; this is what is counted.
    Done,
    /// Not at its end: this is asked next.
    Next(Next),
    /// Not done, with a stable word.
    Refused(String),
}

/// The next request about the same thing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Next {
    /// Which step of the workload it is.
    pub step: &'static str,
    /// The thing that all steps are about.
    pub thing: String,
    /// What this step asks about; may be the thing itself.
    pub part: String,
}

/// What the callers send. Things are numbered from 0 over all callers; each is begun once.
pub trait Workload: Send + Sync + 'static {
    /// Writes the whole of the first request of thing `number`; false when there is nothing left to send.
    fn write(&self, number: u64, request: &mut Vec<u8>) -> bool;
    /// Writes the whole of a further one.
    fn write_next(&self, number: u64, next: &Next, request: &mut Vec<u8>);
    /// Reads the answer to the first request (`None`) or to a further one.
    fn judge(&self, number: u64, asked: Option<&Next>, answer: &Answer<'_>) -> Judged;
    /// Where a workload mixes things: which kind this one is. Each kind is told apart.
    fn kind(&self, _number: u64) -> Option<&'static str> {
        None
    }
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
    /// Arrivals that no caller was free for before the end (open loop). Each is among the latencies with what it had
    /// waited until then.
    pub not_started: u64,
    /// The counted time: the whole of it, or until the last thing was done where the work ran out before.
    pub elapsed: Duration,
    /// CPU time spent in the counted time by the watched processes.
    pub cpu: Option<Cpu>,
}

/// Drives a workload against `address`.
///
/// # Errors
/// When a caller panicked: what is left of its counts would be worth nothing.
pub async fn drive(
    address: SocketAddr,
    workload: Arc<dyn Workload>,
    drive: Drive,
    watch: &Watch,
) -> Result<Driven, Error> {
    let start = Instant::now();
    let from = start + drive.warm_up;
    let window = Window { from, end: from + drive.duration };
    let (pace, schedule) = match drive.rate {
        None => (Pace::Closed { end: window.end }, None),
        Some(rate) => {
            let (pace, schedule) = pace::open(start, window.end, rate);
            (pace, Some(schedule))
        }
    };
    let numbers = Arc::new(AtomicU64::new(0));
    let tallies: Vec<Arc<Mutex<Tally>>> = (0..TALLIES).map(|_| Arc::new(Mutex::new(Tally::new(window)))).collect();
    let callers = tallies.iter().cycle().take(drive.callers).map(|tally| {
        let caller = Caller {
            address,
            workload: Arc::clone(&workload),
            numbers: Arc::clone(&numbers),
            pace: pace.clone(),
            wire: None,
            tally: Arc::clone(tally),
        };
        tokio::spawn(caller.run())
    });
    let mut callers = join_all(callers);
    tokio::time::sleep_until(window.from.into()).await;
    let before = watch.look();
    let (ends, ran_out, after) = tokio::select! {
        ends = &mut callers => (ends, Instant::now() < window.end, watch.look()),
        () = tokio::time::sleep_until(window.end.into()) => {
            let after = watch.look();
            (callers.await, false, after)
        }
    };
    for end in ends {
        end.map_err(|error| Error::Caller(error.to_string()))?;
    }
    let mut tally = Tally::new(window);
    for part in &tallies {
        tally.add(&part.lock().unwrap_or_else(PoisonError::into_inner));
    }
    let not_started = schedule.map_or(0, |schedule| tally.never_started(&schedule.left()));
    let last = tally.last_done.filter(|_| ran_out);
    let elapsed = last.map_or(drive.duration, |last| last.saturating_duration_since(window.from));
    Ok(Driven { tally, not_started, elapsed, cpu: after.since(&before) })
}

struct Caller {
    address: SocketAddr,
    workload: Arc<dyn Workload>,
    numbers: Arc<AtomicU64>,
    pace: Pace,
    wire: Option<Wire>,
    tally: Arc<Mutex<Tally>>,
}

impl Caller {
    async fn run(mut self) {
        let mut request = Vec::with_capacity(REQUEST_BYTES);
        while let Some(intended) = self.pace.next().await {
            let number = self.numbers.fetch_add(1, Ordering::Relaxed);
            request.clear();
            if !self.workload.write(number, &mut request) {
                break;
            }
            let mut ended = self.one(number, &mut request).await;
            ended.intended = intended;
            self.tally.lock().unwrap_or_else(PoisonError::into_inner).count(&ended);
        }
    }

    /// Sends the first request of a thing and follows it to its end.
    async fn one(&mut self, number: u64, request: &mut Vec<u8>) -> Ended {
        let mut judged = self.exchange(number, None, request).await;
        let mut accepted = None;
        for _ in 0..MAX_FOLLOW_UPS {
            let Judged::Next(next) = &judged else { break };
            accepted.get_or_insert_with(Instant::now);
            request.clear();
            self.workload.write_next(number, next, request);
            judged = self.exchange(number, Some(next), request).await;
        }
        let refused = match judged {
            Judged::Done => None,
            Judged::Refused(code) => Some(code),
            Judged::Next(_) => Some("never_ended".to_owned()),
        };
        let ended = Instant::now();
        Ended { kind: self.workload.kind(number), intended: ended, accepted, ended, refused }
    }

    async fn exchange(&mut self, number: u64, asked: Option<&Next>, request: &[u8]) -> Judged {
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
            Ok(Ok(answer)) => self.workload.judge(number, asked, &answer),
        };
        self.wire = wire.is_open().then_some(wire);
        judged
    }
}

#[cfg(test)]
mod tests;
