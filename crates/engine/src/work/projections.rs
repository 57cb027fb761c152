//! The projections' worker: follows a shard's log and keeps what lists, statements and day sums are read from.
//!
//! 1. From the watermark on, take the next batches with their vouchers, transfers and events: those that a line of this
//!    process has just written are still here, others are read.
//! 2. Read what the projections say of the accounts, cases and dates that these go on with.
//! 3. Fold the one into the other, purely.
//! 4. Write the rows and the new watermark in one small transaction, which does nothing if another worker was faster.
//!
//! A crash leaves the projections behind, never wrong, so the transaction need not be durable. They are bounded by what
//! is truth: [`Projections::rebuild`] throws them away, and following the log again makes the same rows.

mod fold;
pub(crate) mod read;
mod written;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use accounting::Account;
use kernel::AccountId;
use metrics::counter;
use store::tables::derived::{CLEAR, SubjectDay, WATERMARK_BEGIN, WATERMARK_MOVE};
use store::{Applied, Cell, Reader, Side, Step, StoreError};

use self::fold::{DayKey, Misfit, Moved, Stretch, Told};
use super::{Progress, measure};
use crate::query::watermark::{Mark, Watermark};

/// Most accounts whose counters are kept between stretches.
const MOST_ACCOUNTS: usize = 10_000;

/// Nothing done, because another worker was faster: look again.
const AGAIN: Progress = Progress { done: 0, more: true, next: None };

/// The worker of one shard.
pub struct Projections {
    shard: i64,
    reader: Arc<dyn Reader>,
    side: Box<dyn Side>,
    watermark: Watermark,
    /// Where the rows are; `None` until they were looked at, and after another worker was faster.
    at: Option<Mark>,
    /// What is known as of there.
    kept: Kept,
}

/// What was touched lately, as of where the rows are.
#[derive(Default)]
struct Kept {
    accounts: BTreeMap<AccountId, Account>,
    /// The sums of these dates are all among `days`.
    dates: BTreeSet<i64>,
    days: BTreeMap<DayKey, SubjectDay>,
}

impl Kept {
    /// Goes on to the end of a stretch. Of accounts that are found by chance, none is better than another: where there are
    /// too many, all go. Dates follow on each other.
    fn go_on(&mut self, dates: BTreeSet<i64>, days: BTreeMap<DayKey, SubjectDay>, moved: Moved) {
        if self.accounts.len() + moved.accounts.len() > MOST_ACCOUNTS {
            self.accounts.clear();
        }
        self.accounts.extend(moved.accounts);
        (self.dates, self.days) = (dates, days);
        self.days.extend(moved.days);
    }
}

impl Projections {
    /// Nothing looked at yet. `side` writes to [`store::Place::Derived`].
    pub fn new(shard: i64, reader: Arc<dyn Reader>, side: Box<dyn Side>, watermark: Watermark) -> Self {
        Self { shard, reader, side, watermark, at: None, kept: Kept::default() }
    }

    /// Takes in the next batches, at most `limit`.
    ///
    /// # Errors
    /// When the store cannot be read or written, or does not say whether it was; `Broken` when something in the log does
    /// not fit what came before it, and then the projections stay where they are.
    pub async fn tick(&mut self, limit: usize) -> Result<Progress, StoreError> {
        let at = match self.at {
            Some(at) => at,
            None => {
                self.kept = Kept::default();
                read::mark(&*self.reader, self.shard).await?
            }
        };
        self.moved(at);
        let (stretch, more) = self.stretch(at.seq, limit).await?;
        let Some(end) = fold::end(&stretch) else { return Ok(Progress::default()) };
        let known = read::known(&*self.reader, &stretch, &self.kept).await?;
        let days = known.days.clone();
        let folded = match fold::fold(&stretch, known) {
            Ok(folded) => folded,
            Err(misfit) => return self.lost(at, misfit).await,
        };
        let mut steps = vec![self.run(&WATERMARK_BEGIN, &[], None)];
        steps.push(self.run(&WATERMARK_MOVE, &[at.seq, end.seq, end.at.micros()], Some(1)));
        let (changes, moved) = folded.into_changes(self.shard);
        steps.extend(changes.into_iter().map(Step::Change));
        // What becomes of the transaction is not known before its answer, nor whether it comes.
        self.at = None;
        match self.side.transaction(steps, false).await? {
            Applied::Done(_) => {
                self.moved(end);
                self.kept.go_on(stretch.dates(), days, moved);
                count(&stretch.told);
                Ok(Progress { done: stretch.batches.len(), more, next: None })
            }
            Applied::Refused { .. } => Ok(AGAIN),
            // The next tick looks where the rows are; where it is the disk that does not confirm, that is no hurry.
            Applied::Unknown => Err(StoreError::Unreachable { detail: "the projections may be written".to_owned() }),
        }
    }

    /// The next batches, and whether enough are left to go on at once: from what a line of this process has just written,
    /// else from the store.
    async fn stretch(&mut self, after: i64, limit: usize) -> Result<(Stretch, bool), StoreError> {
        let (written, more) = self.watermark.written_after(after, limit);
        if written.is_empty() {
            return read::stretch(&*self.reader, self.shard, after, limit).await;
        }
        Ok((written::stretch(self.shard, written)?, more))
    }

    /// Ends when a line of this process has committed what is not in yet.
    pub async fn rouse(&self) {
        self.watermark.behind().await;
    }

    /// Throws the projections of this shard away; ticks make them anew. Until then lists are behind.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub async fn rebuild(&mut self) -> Result<(), StoreError> {
        self.at = None;
        let steps = CLEAR.into_iter().map(|statement| self.run(statement, &[], None)).collect();
        self.side.transaction(steps, true).await?;
        self.watermark.publish(Mark::default());
        Ok(())
    }

    /// What was read did not fit together: another worker moved the projections in between, or the log is broken.
    async fn lost(&mut self, at: Mark, misfit: Misfit) -> Result<Progress, StoreError> {
        self.at = None;
        if read::mark(&*self.reader, self.shard).await? == at { Err(misfit.into()) } else { Ok(AGAIN) }
    }

    fn moved(&mut self, mark: Mark) {
        self.at = Some(mark);
        if self.watermark.mark() != mark {
            self.watermark.publish(mark);
        }
    }

    fn run(&self, statement: &'static store::Statement, rest: &[i64], expect: Option<u64>) -> Step {
        let params = std::iter::once(self.shard).chain(rest.iter().copied()).map(Cell::Int).collect();
        Step::Run { statement, params, expect }
    }
}

impl From<Misfit> for StoreError {
    fn from(misfit: Misfit) -> Self {
        Self::Broken { detail: misfit.to_string() }
    }
}

/// Counts what happened, for those who watch: disputes, cases, payments that failed.
fn count(told: &[Told]) {
    let mut kinds: BTreeMap<&str, u64> = BTreeMap::new();
    told.iter().for_each(|told| *kinds.entry(&told.kind).or_default() += 1);
    for (kind, times) in kinds {
        counter!(measure::HAPPENED, "type" => kind.to_owned()).increment(times);
    }
}
