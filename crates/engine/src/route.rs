//! Which line a request goes to.
//!
//! A request is decided where its rows live: in the shard of the bucket that its root id carries, or of the owner whose
//! money it moves. So a payment never leaves its buyer's shard, and the same request asked again comes to the same line.
//! What belongs to nobody goes to the first shard.

use std::sync::Arc;

use async_channel::{Receiver, Sender, TrySendError};
use kernel::{Bucket, Code, Problem, Shards};

use crate::line::Job;
use crate::request::Command;

impl Command {
    /// The bucket in which it happens; `None` where it belongs to nobody.
    pub fn bucket(&self) -> Option<Bucket> {
        match self {
            Self::CreateTrade(create) => Some(create.id.0.bucket()),
            Self::Trade(trade, _) | Self::Timer(trade, _) => Some(trade.0.bucket()),
            Self::CancelPayment(payment) => Some(payment.trade.0.bucket()),
            Self::ResolveCase { case, .. } => Some(case.trade.0.bucket()),
            Self::IssueCoupon(issue) => Some(issue.id.0.bucket()),
            Self::ExpireCoupon(coupon) => Some(coupon.0.bucket()),
            Self::Fund { owner, .. } | Self::FundBudget { owner, .. } => Some(owner.bucket()),
            Self::Depart(departure) => Some(departure.from.owner().bucket()),
            Self::Word(told) => Some(told.order.trade.0.bucket()),
            Self::Control(_) | Self::Recall(_) | Self::Arrive(_) => None,
        }
    }

    /// The shard whose line decides it.
    pub fn shard(&self, shards: Shards) -> i64 {
        match self {
            Self::Arrive(arrival) => arrival.to,
            other => other.bucket().map_or(Shards::FIRST, |bucket| shards.of(bucket)),
        }
    }
}

/// The bounded queues of all lines, one per shard, in order; none where a line is alone and hands nothing over. Clones
/// share them.
#[derive(Clone)]
pub struct Queues {
    shards: Shards,
    queues: Arc<[Sender<Job>]>,
}

impl Default for Queues {
    fn default() -> Self {
        Self { shards: Shards::ONE, queues: Arc::new([]) }
    }
}

impl Queues {
    /// A queue of at most `bound` jobs for each shard, and its other end.
    pub fn bounded(shards: Shards, bound: usize) -> (Self, Vec<Receiver<Job>>) {
        let (queues, ends): (Vec<_>, Vec<_>) = shards.all().map(|_| async_channel::bounded(bound)).unzip();
        (Self { shards, queues: queues.into() }, ends)
    }

    /// The queue of the only shard.
    pub fn one(queue: Sender<Job>) -> Self {
        Self { shards: Shards::ONE, queues: Arc::new([queue]) }
    }

    /// How many shards there are.
    pub fn shards(&self) -> Shards {
        self.shards
    }

    /// The queue of a shard; `None` where there is no such shard.
    pub fn of(&self, shard: i64) -> Option<&Sender<Job>> {
        self.queues.get(usize::try_from(shard).ok()?)
    }

    /// Lays a job into the queue of the shard that decides it.
    ///
    /// # Errors
    /// Where that queue is full or closed; the job is gone.
    pub fn lay(&self, job: Job) -> Result<(), TrySendError<()>> {
        let Some(queue) = self.of(job.request.command.shard(self.shards)) else { return Err(TrySendError::Closed(())) };
        queue.try_send(job).map_err(|refused| match refused {
            TrySendError::Full(_) => TrySendError::Full(()),
            TrySendError::Closed(_) => TrySendError::Closed(()),
        })
    }

    /// Gives a job to another shard's line, or tells its caller why not.
    pub(crate) fn hand_over(&self, shard: i64, job: Job) {
        let handed = match self.of(shard) {
            Some(queue) => queue.try_send(job),
            None => Err(TrySendError::Closed(job)),
        };
        let (job, problem) = match handed {
            Ok(()) => return,
            Err(TrySendError::Full(job)) => (job, Problem::new(Code::overloaded, "too many requests are waiting")),
            Err(TrySendError::Closed(job)) => (job, Problem::new(Code::draining, "the server is shutting down")),
        };
        // A caller that is gone needs no answer.
        let _ = job.reply.send(Err(problem));
    }

    /// How many jobs wait in all of them.
    pub fn waiting(&self) -> usize {
        self.queues.iter().map(Sender::len).sum()
    }

    /// Closes all of them; what waits is still taken.
    pub fn close(&self) {
        for queue in self.queues.iter() {
            queue.close();
        }
    }
}
