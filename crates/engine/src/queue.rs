//! What waits for a shard's line: two queues, new business and what has begun, behind one way in.
//!
//! Whether a request is let in is decided by [`admission`]; this is the mechanics. A batch takes what has begun first and
//! keeps a quarter of its places for new business, so that neither keeps the other away for ever. A request whose
//! deadline has passed is answered `deadline_exceeded` when it is met, and takes no place of a batch;
//! [`Entrance::sweep`] meets those that the line is too busy to look at.
//!
//! Every time in here is one of [`Clock::steady`]: a clock that is set makes nobody late. The lock is held for moves in
//! memory only. Bounded by [`Terms`]; beyond them come only the platform's own requests,
//! whose workers bound them.

mod admission;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use kernel::{Code, Problem, Time};

pub use self::admission::{Both, Reason, Refusal, Stage, Terms};
use self::admission::{KEPT, Load, Pace, UnderWay};
use crate::line::Job;
use crate::ports::Clock;

/// Bytes that a waiting request needs beside its body, as they are counted.
const OVERHEAD_BYTES: usize = 512;

/// The ways in and out of a new queue.
pub fn queue(terms: Terms) -> (Entrance, Exit) {
    let shared = Arc::new(Shared { terms, state: Mutex::default() });
    let entrance = Entrance { shared: Arc::clone(&shared), _end: Arc::new(End(Arc::clone(&shared))) };
    (entrance, Exit { shared })
}

/// The way in. The queue is closed when the last one is gone.
#[derive(Clone)]
pub struct Entrance {
    shared: Arc<Shared>,
    _end: Arc<End>,
}

/// The way out, of which there is one. When it is gone the queue is closed, and whoever waits in it is let go.
pub struct Exit {
    shared: Arc<Shared>,
}

/// What is decided together.
pub struct Taken {
    /// At least one, unless all that waited was late.
    pub jobs: Vec<Laid>,
    /// How long the first of them had waited, in microseconds.
    pub waited_us: i64,
}

/// A job, and as what it was laid into the queue.
pub struct Laid {
    /// What is to be decided.
    pub job: Job,
    stage: Stage,
    /// With which it counts.
    bytes: usize,
}

impl Laid {
    /// Tells its caller that it is not let in.
    pub(crate) fn refuse(self, refusal: Refusal) {
        // A caller that is gone needs no answer.
        let _ = self.job.reply.send(Err(refusal.into()));
    }
}

/// What has happened so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// Waiting now.
    pub waiting: Both<usize>,
    /// Bytes that they are counted with.
    pub bytes: usize,
    /// Let in.
    pub admitted: Both<u64>,
    /// Refused because all places were taken.
    pub full: Both<u64>,
    /// Refused because of their bytes.
    pub heavy: Both<u64>,
    /// Refused because they would have waited too long.
    pub late: Both<u64>,
    /// Let in, and dropped when their deadline had passed.
    pub expired: Both<u64>,
}

struct Shared {
    terms: Terms,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    queues: Both<VecDeque<Waiting>>,
    bytes: usize,
    pace: Pace,
    /// The batches that were taken and are not over, in order.
    under_way: VecDeque<UnderWay>,
    /// When the last one was over.
    ended: Time,
    closed: bool,
    /// Who waits, and for how many.
    waker: Option<(usize, Waker)>,
    figures: Figures,
}

impl Figures {
    /// With those of another queue.
    #[must_use]
    pub fn and(self, other: &Self) -> Self {
        Self {
            waiting: self.waiting.zip(other.waiting, usize::saturating_add),
            bytes: self.bytes.saturating_add(other.bytes),
            admitted: self.admitted.zip(other.admitted, u64::saturating_add),
            full: self.full.zip(other.full, u64::saturating_add),
            heavy: self.heavy.zip(other.heavy, u64::saturating_add),
            late: self.late.zip(other.late, u64::saturating_add),
            expired: self.expired.zip(other.expired, u64::saturating_add),
        }
    }
}

struct Waiting {
    laid: Laid,
    since: Time,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn close(&self) {
        let mut state = self.state();
        state.closed = true;
        let waker = state.waker.take();
        drop(state);
        waker.into_iter().for_each(|(_, waker)| waker.wake());
    }
}

/// Closes the queue when the last way in is gone.
struct End(Arc<Shared>);

impl Drop for End {
    fn drop(&mut self) {
        self.0.close();
    }
}

impl Entrance {
    /// Whether a request would be let in now. Asked before its body is read, so that a refusal costs next to nothing.
    ///
    /// # Errors
    /// Why not, and when to come back. It counts as refused.
    pub fn admits(&self, stage: Stage, now: Time) -> Result<(), Refusal> {
        self.shared.state().admit(&self.shared.terms, stage, 0, now)
    }

    /// As [`admits`](Self::admits), but only asked: where several queues are, a refusal of one need not be a refusal.
    ///
    /// # Errors
    /// Why not, and when to come back.
    pub(crate) fn would_admit(&self, stage: Stage, now: Time) -> Result<(), Refusal> {
        let state = self.shared.state();
        state.open().and_then(|()| state.load().admit(&self.shared.terms, stage, 0, now))
    }

    /// Lays a request with a body of so many bytes into the queue.
    ///
    /// # Errors
    /// Why not, and when to come back; its caller's end of the reply is let go.
    pub fn lay(&self, stage: Stage, job: Job, bytes: usize, now: Time) -> Result<(), Refusal> {
        let bytes = bytes.saturating_add(OVERHEAD_BYTES);
        let mut state = self.shared.state();
        state.admit(&self.shared.terms, stage, bytes, now)?;
        let waker = state.push(Waiting { laid: Laid { job, stage, bytes }, since: now });
        drop(state);
        waker.into_iter().for_each(Waker::wake);
        Ok(())
    }

    /// Lays what another line hands over into the queue, as what it was laid into that line's; its caller is told where it
    /// is not let in.
    pub(crate) fn take_over(&self, laid: Laid, now: Time) {
        let mut state = self.shared.state();
        if let Err(refusal) = state.admit(&self.shared.terms, laid.stage, laid.bytes, now) {
            drop(state);
            return laid.refuse(refusal);
        }
        let waker = state.push(Waiting { laid, since: now });
        drop(state);
        waker.into_iter().for_each(Waker::wake);
    }

    /// Lays a request of the platform itself into the queue: a timer, an answer that a worker has brought. It has begun,
    /// and is let in as long as the line is there.
    ///
    /// # Errors
    /// [`Reason::Closed`].
    pub fn lay_own(&self, job: Job, now: Time) -> Result<(), Refusal> {
        let mut state = self.shared.state();
        state.open()?;
        let laid = Laid { job, stage: Stage::Begun, bytes: OVERHEAD_BYTES };
        let waker = state.push(Waiting { laid, since: now });
        drop(state);
        waker.into_iter().for_each(Waker::wake);
        Ok(())
    }

    /// Answers those whose deadline has passed, while the line is busy with something else.
    pub fn sweep(&self, now: Time) {
        let late = self.shared.state().sweep(now);
        late.into_iter().for_each(tell_late);
    }

    /// Lets nobody in any more. What waits is still decided.
    pub fn close(&self) {
        self.shared.close();
    }

    /// What has happened so far.
    pub fn figures(&self) -> Figures {
        let state = self.shared.state();
        Figures { waiting: state.waiting(), bytes: state.bytes, ..state.figures }
    }
}

impl Exit {
    /// Waits for a request, then takes what else is there, at most `limit`. `None` once the queue is closed and empty.
    pub async fn take(&mut self, limit: usize, clock: &dyn Clock) -> Option<Taken> {
        self.take_ahead(1, limit, clock).await
    }

    /// The same, but waits for `least` of them, unless nobody comes any more.
    pub async fn take_ahead(&mut self, least: usize, limit: usize, clock: &dyn Clock) -> Option<Taken> {
        std::future::poll_fn(|context| self.poll(context, least, limit, clock)).await
    }

    /// The first of the batches that were taken is over.
    pub fn end_batch(&self, clock: &dyn Clock) {
        self.shared.state().end_batch(&self.shared.terms, clock.steady());
    }

    fn poll(&self, context: &mut Context<'_>, least: usize, limit: usize, clock: &dyn Clock) -> Poll<Option<Taken>> {
        let mut state = self.shared.state();
        let length = state.length();
        if length == 0 && state.closed {
            return Poll::Ready(None);
        }
        if length < least && !state.closed {
            state.waker = Some((least, context.waker().clone()));
            return Poll::Pending;
        }
        let (taken, late) = state.take(limit, clock.steady());
        drop(state);
        late.into_iter().for_each(tell_late);
        Poll::Ready(Some(taken))
    }
}

impl Drop for Exit {
    fn drop(&mut self) {
        self.shared.close();
        let queues = std::mem::take(&mut self.shared.state().queues);
        // Their callers learn that nobody will answer.
        drop(queues);
    }
}

impl State {
    fn open(&self) -> Result<(), Refusal> {
        if self.closed { Err(Refusal { reason: Reason::Closed, retry_after_s: 5 }) } else { Ok(()) }
    }

    fn admit(&mut self, terms: &Terms, stage: Stage, bytes: usize, now: Time) -> Result<(), Refusal> {
        self.open()?;
        let answer = self.load().admit(terms, stage, bytes, now);
        if let Err(refusal) = &answer {
            let counted = match refusal.reason {
                Reason::Full => &mut self.figures.full,
                Reason::Bytes => &mut self.figures.heavy,
                Reason::Late | Reason::Closed => &mut self.figures.late,
            };
            *counted.of_mut(stage) += 1;
        }
        answer
    }

    fn load(&self) -> Load {
        Load { waiting: self.waiting(), bytes: self.bytes, pace: self.pace, under_way: self.under_way() }
    }

    fn waiting(&self) -> Both<usize> {
        Both { new: self.queues.new.len(), begun: self.queues.begun.len() }
    }

    fn length(&self) -> usize {
        self.queues.new.len() + self.queues.begun.len()
    }

    /// Who is to be woken.
    fn push(&mut self, waiting: Waiting) -> Option<Waker> {
        let stage = waiting.laid.stage;
        self.bytes = self.bytes.saturating_add(waiting.laid.bytes);
        *self.figures.admitted.of_mut(stage) += 1;
        self.queues.of_mut(stage).push_back(waiting);
        let length = self.length();
        self.waker.take_if(|(least, _)| *least <= length).map(|(_, waker)| waker)
    }

    /// All that is under way as one, which began when what was before it was over.
    fn under_way(&self) -> Option<UnderWay> {
        let first = self.under_way.front()?;
        let requests = self.under_way.iter().map(|batch| batch.requests).sum();
        Some(UnderWay { requests, since: first.since.max(self.ended) })
    }

    /// A batch that was taken before the last one was over has had the line for itself only since then.
    fn end_batch(&mut self, terms: &Terms, now: Time) {
        if let Some(batch) = self.under_way.pop_front() {
            self.pace.learn(batch.requests, now.since(batch.since.max(self.ended)), terms.batch);
            self.ended = now;
        }
    }

    /// What has begun first, but a quarter of the places for new business, and no place left empty; and what was late.
    fn take(&mut self, limit: usize, now: Time) -> (Taken, Vec<Job>) {
        let room = limit.min(self.length());
        let mut batch = Batch { jobs: Vec::with_capacity(room), oldest: now, late: Vec::new() };
        self.fill(Stage::Begun, limit - limit / KEPT, now, &mut batch);
        self.fill(Stage::New, limit, now, &mut batch);
        self.fill(Stage::Begun, limit, now, &mut batch);
        if !batch.jobs.is_empty() {
            self.under_way.push_back(UnderWay { requests: batch.jobs.len(), since: now });
        }
        (Taken { jobs: batch.jobs, waited_us: now.since(batch.oldest) }, batch.late)
    }

    fn fill(&mut self, stage: Stage, until: usize, now: Time, batch: &mut Batch) {
        while batch.jobs.len() < until {
            let Some(Waiting { laid, since }) = self.queues.of_mut(stage).pop_front() else { break };
            self.bytes = self.bytes.saturating_sub(laid.bytes);
            if laid.job.deadline < now {
                *self.figures.expired.of_mut(stage) += 1;
                batch.late.push(laid.job);
            } else {
                batch.oldest = batch.oldest.min(since);
                batch.jobs.push(laid);
            }
        }
    }

    fn sweep(&mut self, now: Time) -> Vec<Job> {
        let mut late = Vec::new();
        for stage in Stage::ALL {
            let queue = self.queues.of_mut(stage);
            if queue.iter().all(|waiting| waiting.laid.job.deadline >= now) {
                continue;
            }
            let (over, left): (VecDeque<_>, VecDeque<_>) =
                std::mem::take(queue).into_iter().partition(|waiting| waiting.laid.job.deadline < now);
            *queue = left;
            *self.figures.expired.of_mut(stage) += over.len() as u64;
            for Waiting { laid, .. } in over {
                self.bytes = self.bytes.saturating_sub(laid.bytes);
                late.push(laid.job);
            }
        }
        late
    }
}

struct Batch {
    jobs: Vec<Laid>,
    oldest: Time,
    late: Vec<Job>,
}

fn tell_late(job: Job) {
    let late = Problem::new(Code::deadline_exceeded, "the request waited longer than it may");
    // A caller that is gone needs no answer.
    let _ = job.reply.send(Err(late));
}
