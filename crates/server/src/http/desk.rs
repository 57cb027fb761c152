//! The desk: where a request is laid into a shard's line, and its durable answer is waited for.
//!
//! Who is let in is decided by the queue ([`engine::queue`]): one that would wait too long is told at once when to come
//! back, which costs nothing and keeps what is already waiting on time. A request that waits longer than its patience
//! all the same is dropped before it is decided; where the line itself stands still with it, with its database, its
//! caller is not kept longer than that either.

use std::sync::Arc;
use std::time::Duration;

use engine::line::{Job, Reply};
use engine::ports::Clock;
use engine::queue::Stage;
use engine::request::Request;
use engine::route::Queues;
use futures::channel::oneshot;
use kernel::{Code, Problem};

/// What is still queued when its patience ends is swept within this, and told so.
const SWEPT: Duration = Duration::from_millis(250);

/// A way into the lines.
#[derive(Clone)]
pub(crate) struct Desk {
    queues: Queues,
    clock: Arc<dyn Clock>,
    patience_us: i64,
}

impl Desk {
    /// `patience_us` is how long a request may wait for its answer.
    pub(crate) fn new(queues: Queues, clock: Arc<dyn Clock>, patience_us: i64) -> Self {
        Self { queues, clock, patience_us }
    }

    /// Whether a request would be let in now; asked before its body is read.
    ///
    /// Refuses with `overloaded` and `draining`.
    pub(crate) fn admits(&self, stage: Stage) -> Result<(), Problem> {
        Ok(self.queues.admits(stage, self.clock.steady())?)
    }

    /// Waits for the durable answer to a request whose body had so many bytes.
    ///
    /// Refuses with `overloaded` when it is not let in, `draining` when the line is ending, `deadline_exceeded` when it
    /// waited too long, and `store_unavailable` when the line went away or stands still with the request; then the outcome
    /// is not known, and the same key asked again finds it.
    pub(crate) async fn submit(&self, stage: Stage, request: Request, bytes: usize) -> Result<Reply, Problem> {
        let (reply, answer) = oneshot::channel();
        let now = self.clock.steady();
        let job = Job { request, deadline: now.plus(self.patience_us), reply };
        self.queues.lay(stage, job, bytes, now)?;
        let patience = Duration::from_micros(self.patience_us.unsigned_abs()) + SWEPT;
        match tokio::time::timeout(patience, answer).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => Err(Problem::new(Code::store_unavailable, "the request was not answered")),
            Err(_) => Err(Problem::new(Code::store_unavailable, "the request was not answered in time")),
        }
    }
}
