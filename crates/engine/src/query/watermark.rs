//! How far the projections of a shard have come, shared within the process between the worker that writes them, the
//! readers that wait for them, and the line whose commits they follow.
//!
//! No runtime: who waits leaves a channel behind and is woken by whoever moves the mark. Nobody is woken by time; a
//! deadline is the waiter's own affair.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::channel::oneshot;
use kernel::Time;
use store::Work;

use super::tail::Tail;

/// A place that the projections have reached.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mark {
    /// Everything up to and including this batch is in.
    pub seq: i64,
    /// The time of that batch.
    pub at: Time,
}

/// One shard's mark. Clones share it.
#[derive(Clone, Default)]
pub struct Watermark(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    mark: Mark,
    /// The newest batch that this process committed.
    committed: i64,
    /// The newest batches themselves, as far as they are kept.
    tail: Tail,
    readers: Vec<(i64, oneshot::Sender<()>)>,
    worker: Option<oneshot::Sender<()>>,
    hurry: Option<oneshot::Sender<()>>,
}

impl Watermark {
    /// Where the projections are, as far as this process knows.
    pub fn mark(&self) -> Mark {
        self.state().mark
    }

    /// The projections have moved; wakes who waited for that. They move back only when they are made anew.
    pub fn publish(&self, mark: Mark) {
        let mut state = self.state();
        state.mark = mark;
        let waiting = std::mem::take(&mut state.readers);
        let (woken, waiting): (Vec<_>, Vec<_>) = waiting.into_iter().partition(|(seq, _)| *seq <= mark.seq);
        state.readers = waiting;
        drop(state);
        for (_, reader) in woken {
            // A reader that has given up does not listen.
            let _ = reader.send(());
        }
    }

    /// Ends when the projections have reached a batch.
    pub async fn reached(&self, seq: i64) {
        let told = {
            let mut state = self.state();
            if state.mark.seq >= seq {
                return;
            }
            state.readers.retain(|(_, reader)| !reader.is_canceled());
            let (tell, told) = oneshot::channel();
            state.readers.push((seq, tell));
            if let Some(worker) = state.hurry.take() {
                let _ = worker.send(());
            }
            told
        };
        let _ = told.await;
    }

    /// Ends when somebody waits for the projections, or when as much has been written as they take in at once: a worker
    /// that gathers commits should go on now.
    pub async fn wanted(&self) {
        let told = {
            let mut state = self.state();
            state.readers.retain(|(_, reader)| !reader.is_canceled());
            if !state.readers.is_empty() || state.tail.is_stretch() {
                return;
            }
            let (tell, told) = oneshot::channel();
            state.hurry = Some(tell);
            told
        };
        let _ = told.await;
    }

    /// A line has committed; wakes the worker.
    pub fn committed(&self, seq: i64) {
        let mut state = self.state();
        state.committed = state.committed.max(seq);
        let worker = state.worker.take();
        drop(state);
        if let Some(worker) = worker {
            let _ = worker.send(());
        }
    }

    /// How many batches this process has committed that the projections do not have.
    pub fn behind_by(&self) -> i64 {
        let state = self.state();
        state.committed.saturating_sub(state.mark.seq).max(0)
    }

    /// A line has written a batch, and it is durable.
    pub fn wrote(&self, work: Work) {
        let mut state = self.state();
        state.tail.wrote(work);
        let worker = if state.tail.is_stretch() { state.hurry.take() } else { None };
        drop(state);
        if let Some(worker) = worker {
            let _ = worker.send(());
        }
    }

    /// Takes out the batches that follow on a place, where they are kept; says whether as many are left.
    pub(crate) fn written_after(&self, seq: i64, limit: usize) -> (Vec<Work>, bool) {
        let mut state = self.state();
        (state.tail.after(seq, limit), state.tail.has_more(limit))
    }

    /// Ends when a line of this process has committed more than the projections have.
    pub async fn behind(&self) {
        let told = {
            let mut state = self.state();
            if state.committed > state.mark.seq {
                return;
            }
            let (tell, told) = oneshot::channel();
            state.worker = Some(tell);
            told
        };
        let _ = told.await;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;
    use store::tables::log::Event;
    use store::{Change, Head, Row as _};

    use super::super::tail::STRETCH_ROWS;
    use super::*;

    fn mark(seq: i64) -> Mark {
        Mark { seq, at: Time::from_micros(seq) }
    }

    #[test]
    fn readers_are_woken_when_their_batch_is_in_and_not_before() {
        let watermark = Watermark::default();
        let mut near = Box::pin(watermark.reached(2));
        let mut far = Box::pin(watermark.reached(5));
        assert!((&mut near).now_or_never().is_none() && (&mut far).now_or_never().is_none());
        watermark.publish(mark(3));
        assert!((&mut near).now_or_never().is_some());
        assert!((&mut far).now_or_never().is_none(), "it is at 3");
        watermark.publish(mark(5));
        assert!(far.now_or_never().is_some());
        assert!(watermark.reached(4).now_or_never().is_some(), "at once");
        assert_eq!(watermark.mark(), mark(5));
    }

    #[test]
    fn the_worker_is_woken_by_commits_that_it_does_not_have() {
        let watermark = Watermark::default();
        let mut wait = Box::pin(watermark.behind());
        assert!((&mut wait).now_or_never().is_none());
        watermark.committed(1);
        assert!(wait.now_or_never().is_some());
        assert!(watermark.behind().now_or_never().is_some(), "still behind");
        watermark.committed(3);
        assert_eq!(watermark.behind_by(), 3);
        watermark.publish(mark(3));
        assert!(watermark.behind().now_or_never().is_none());
        watermark.publish(mark(5));
        assert_eq!(watermark.behind_by(), 0, "another process went on");
    }

    #[test]
    fn a_gathering_worker_hurries_for_readers() {
        let watermark = Watermark::default();
        let mut gathering = Box::pin(watermark.wanted());
        assert!((&mut gathering).now_or_never().is_none(), "nobody waits");
        let mut reader = Box::pin(watermark.reached(1));
        assert!((&mut reader).now_or_never().is_none());
        assert!(gathering.now_or_never().is_some());
        assert!(watermark.wanted().now_or_never().is_some(), "somebody still waits");
        drop(reader);
        assert!(watermark.wanted().now_or_never().is_none(), "nobody waits any more");
    }

    #[test]
    fn a_gathering_worker_goes_on_when_there_is_as_much_as_it_takes() {
        let work = |seq, rows| {
            let mut change = Change::of(Event::TABLE);
            change.inserts = vec![Vec::new(); rows];
            let head = |seq| Head { seq, epoch: 0, hash: [0; 32], last_time: 0, acct_date: 0 };
            Work { shard: 0, before: head(seq - 1), head: head(seq), changes: vec![change] }
        };
        let watermark = Watermark::default();
        let mut gathering = Box::pin(watermark.wanted());
        watermark.wrote(work(1, STRETCH_ROWS - 1));
        assert!((&mut gathering).now_or_never().is_none(), "not yet");
        watermark.wrote(work(2, 1));
        assert!(gathering.now_or_never().is_some());
        assert!(watermark.wanted().now_or_never().is_some(), "it is still there");
        watermark.written_after(0, 9);
        assert!(watermark.wanted().now_or_never().is_none(), "it was taken");
    }

    #[test]
    fn readers_that_gave_up_leave_nothing_behind() {
        let watermark = Watermark::default();
        for _ in 0..100 {
            assert!(watermark.reached(9).now_or_never().is_none());
        }
        assert!(watermark.state().readers.len() <= 1);
    }
}
