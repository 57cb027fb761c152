//! Who hears of every commit of a shard, after it is durable and before its answers leave: waiting readers, workers, metrics.
//!
//! It runs on the line's own thread, so it does nothing that waits: what finds no room is left to the workers' own looks.

use async_channel::{Receiver, Sender};
use engine::line::{Committed, Task};
use engine::ports::Observer;
use engine::query::Known;
use metrics::{Counter, Histogram, counter, histogram};
use store::Work;

use super::waiters::Waiters;
use crate::telemetry::{self, BATCH_REQUESTS, BATCH_ROUNDS, COMMITS, CONFLICTS, EVENTS, QUEUE_WAIT, UNKNOWN_COMMITS};

/// Commits whose tasks may wait for the task worker.
const HANDED: usize = 1_024;

/// Tells everyone.
pub(super) struct Watcher {
    waiters: Waiters,
    handed: Sender<Vec<Task>>,
    bell: Sender<()>,
    known: Known,
    figures: Figures,
}

/// What the workers hear.
pub(super) struct Hearing {
    /// Tasks that commits have added.
    pub(super) handed: Receiver<Vec<Task>>,
    /// Rings when the log has grown.
    pub(super) bell: Receiver<()>,
}

/// Handles, so that a commit looks nothing up.
struct Figures {
    requests: Histogram,
    rounds: Histogram,
    commits: Counter,
    conflicts: Counter,
    unknown: Counter,
    events: Counter,
    wait: Histogram,
}

impl Watcher {
    /// With the other ends.
    pub(super) fn new(waiters: Waiters, known: Known) -> (Self, Hearing) {
        let (handed, handed_over) = async_channel::bounded(HANDED);
        let (bell, rung) = async_channel::bounded(1);
        let figures = Figures {
            requests: histogram!(BATCH_REQUESTS),
            rounds: histogram!(BATCH_ROUNDS),
            commits: counter!(COMMITS),
            conflicts: counter!(CONFLICTS),
            unknown: counter!(UNKNOWN_COMMITS),
            events: counter!(EVENTS),
            wait: histogram!(QUEUE_WAIT),
        };
        let watcher = Self { waiters, handed, bell, known, figures };
        (watcher, Hearing { handed: handed_over, bell: rung })
    }
}

#[allow(clippy::cast_precision_loss, reason = "figures for people")]
impl Observer for Watcher {
    fn taken(&self, waited_us: i64) {
        self.figures.wait.record(telemetry::seconds(waited_us));
    }

    fn wrote(&self, work: Work) {
        self.known.wrote(work);
    }

    fn committed(&self, committed: &Committed) {
        self.figures.commits.increment(1);
        self.figures.events.increment(committed.events as u64);
        self.figures.requests.record(committed.requests as f64);
        self.figures.rounds.record(committed.rounds as f64);
        self.known.committed(committed);
        self.waiters.wake(&committed.trees);
        if !committed.tasks.is_empty() {
            // No room: the worker's next look at the table finds them.
            let _ = self.handed.try_send(committed.tasks.clone());
        }
        if committed.events > 0 {
            // No room: it is ringing already.
            let _ = self.bell.try_send(());
        }
    }

    fn conflict(&self) {
        self.figures.conflicts.increment(1);
    }

    fn unknown(&self) {
        self.figures.unknown.increment(1);
        tracing::warn!("the answer of a commit was lost; it is being resolved");
    }

    fn stopped(&self, why: &str) {
        tracing::error!(why, "the line stopped");
    }
}
