//! The desk: where a request is laid into a shard's line, and its durable answer is waited for.
//!
//! The queue is bounded; when it is full the answer is 503 at once, which costs nothing and keeps what is already
//! waiting on time. A request that waited longer than its patience is dropped by the line before it is decided; where
//! the line itself stands still, with its database, callers are not kept longer than that either.

use std::sync::Arc;
use std::time::Duration;

use async_channel::{Sender, TrySendError};
use engine::line::{Job, Reply};
use engine::ports::Clock;
use engine::request::Request;
use futures::channel::oneshot;
use kernel::{Code, Problem};

/// A way into the line.
#[derive(Clone)]
pub(crate) struct Desk {
    queue: Sender<Job>,
    clock: Arc<dyn Clock>,
    patience_us: i64,
}

impl Desk {
    /// `patience_us` is how long a request may wait for its answer.
    pub(crate) fn new(queue: Sender<Job>, clock: Arc<dyn Clock>, patience_us: i64) -> Self {
        Self { queue, clock, patience_us }
    }

    /// Waits for the durable answer.
    ///
    /// Refuses with `overloaded` when the queue is full, `draining` when it is closed, and `store_unavailable` when the
    /// line went away or stands still with the request; then the outcome is not known, and the same key asked again finds
    /// it.
    pub(crate) async fn submit(&self, request: Request) -> Result<Reply, Problem> {
        let (reply, answer) = oneshot::channel();
        let deadline = self.clock.now().plus(self.patience_us);
        match self.queue.try_send(Job { request, deadline, reply }) {
            Ok(()) => {}
            Err(TrySendError::Full(_)) => {
                return Err(Problem::new(Code::overloaded, "too many requests are waiting"));
            }
            Err(TrySendError::Closed(_)) => return Err(Problem::new(Code::draining, "the server is shutting down")),
        }
        let patience = Duration::from_micros(self.patience_us.unsigned_abs());
        match tokio::time::timeout(patience, answer).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => Err(Problem::new(Code::store_unavailable, "the request was not answered")),
            Err(_) => Err(Problem::new(Code::store_unavailable, "the request was not answered in time")),
        }
    }
}
