//! The desk: where a request is laid into a shard's line, and its durable answer is waited for.
//!
//! The queue is bounded; when it is full the answer is 503 at once, which costs nothing and keeps what is already
//! waiting on time. A request that waited longer than its patience is dropped by the line before it is decided.

use std::sync::Arc;

use async_channel::TrySendError;
use engine::line::{Job, Reply};
use engine::ports::Clock;
use engine::request::Request;
use engine::route::Queues;
use futures::channel::oneshot;
use kernel::{Code, Problem};

/// A way into the lines.
#[derive(Clone)]
pub(crate) struct Desk {
    queues: Queues,
    clock: Arc<dyn Clock>,
    patience_us: i64,
}

impl Desk {
    /// `patience_us` is how long a request may wait to be decided.
    pub(crate) fn new(queues: Queues, clock: Arc<dyn Clock>, patience_us: i64) -> Self {
        Self { queues, clock, patience_us }
    }

    /// Waits for the durable answer.
    ///
    /// Refuses with `overloaded` when the queue is full, `draining` when it is closed, and `store_unavailable` when the
    /// line went away with the request; then the outcome is not known, and the same key asked again finds it.
    pub(crate) async fn submit(&self, request: Request) -> Result<Reply, Problem> {
        let (reply, answer) = oneshot::channel();
        let deadline = self.clock.now().plus(self.patience_us);
        match self.queues.lay(Job { request, deadline, reply }) {
            Ok(()) => {}
            Err(TrySendError::Full(_)) => {
                return Err(Problem::new(Code::overloaded, "too many requests are waiting"));
            }
            Err(TrySendError::Closed(_)) => return Err(Problem::new(Code::draining, "the server is shutting down")),
        }
        answer.await.unwrap_or_else(|_| Err(Problem::new(Code::store_unavailable, "the request was not answered")))
    }
}
