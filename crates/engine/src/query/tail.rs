//! The newest batches of a line of this process, kept until the projections have taken them in, so that what has just been
//! written need not be read again.
//!
//! Only a shorter way: what is not kept, because it is another process's or was too much, is read from the store.

use std::collections::VecDeque;

use store::tables::accounting::{TransferRow, VoucherRow};
use store::tables::channel::EvidenceRow;
use store::tables::log::Event;
use store::tables::payment::RefundRow;
use store::tables::shard::Batch;
use store::tables::trade::TradeRow;
use store::{Row as _, Table, Work};

/// Most rows that the projections take in at once; a few megabytes and some milliseconds.
pub(crate) const STRETCH_ROWS: usize = 16_384;

/// Most rows that are kept: a stretch is written while the next one gathers.
const MOST_ROWS: usize = 2 * STRETCH_ROWS;

/// The tables from whose new rows the projections are made.
const FOLLOWED: [&Table; 7] = [
    Batch::TABLE,
    VoucherRow::TABLE,
    TransferRow::TABLE,
    Event::TABLE,
    TradeRow::TABLE,
    RefundRow::TABLE,
    EvidenceRow::TABLE,
];

/// Batches without a gap, the oldest first.
#[derive(Default)]
pub(super) struct Tail {
    batches: VecDeque<Work>,
    rows: usize,
}

impl Tail {
    /// A batch is durable.
    pub(super) fn wrote(&mut self, mut work: Work) {
        if self.batches.back().is_some_and(|last| last.head.seq + 1 != work.head.seq) {
            *self = Self::default();
        }
        work.changes.retain(|change| FOLLOWED.iter().any(|table| table.name == change.table.name));
        for change in &mut work.changes {
            (change.updates, change.deletes) = (Vec::new(), Vec::new());
        }
        self.rows += rows(&work);
        self.batches.push_back(work);
        while self.rows > MOST_ROWS && self.take().is_some() {}
    }

    /// Takes out the batches that follow on a place, at most `limit` and, but for the first, at most [`STRETCH_ROWS`] rows;
    /// none where the next one is not kept.
    pub(super) fn after(&mut self, seq: i64, limit: usize) -> Vec<Work> {
        while self.batches.front().is_some_and(|work| work.head.seq <= seq) {
            self.take();
        }
        let (mut taken, mut sum) = (Vec::new(), 0);
        let mut next = seq + 1;
        while taken.len() < limit.max(1) {
            let Some(work) = self.batches.front().filter(|work| work.head.seq == next) else { break };
            sum += rows(work);
            if !taken.is_empty() && sum > STRETCH_ROWS {
                break;
            }
            taken.extend(self.take());
            next += 1;
        }
        taken
    }

    /// Whether there are as many rows as are taken in at once.
    pub(super) fn is_stretch(&self) -> bool {
        self.rows >= STRETCH_ROWS
    }

    /// Whether there is as much as one more call of [`Self::after`] would take at most.
    pub(super) fn has_more(&self, limit: usize) -> bool {
        self.is_stretch() || self.batches.len() >= limit.max(1)
    }

    fn take(&mut self) -> Option<Work> {
        let work = self.batches.pop_front()?;
        self.rows -= rows(&work);
        Some(work)
    }
}

fn rows(work: &Work) -> usize {
    work.changes.iter().map(|change| change.inserts.len()).sum()
}

#[cfg(test)]
mod tests {
    use store::{Cell, Change, Head};

    use super::*;

    fn work(seq: i64, rows: usize) -> Work {
        let mut voucher = Change::of(VoucherRow::TABLE);
        voucher.inserts = vec![vec![Cell::Int(seq)]; rows];
        voucher.deletes = vec![vec![Cell::Int(0)]];
        let mut other = Change::of(store::tables::log::Claim::TABLE);
        other.inserts = vec![Vec::new(); 1_000];
        let head = |seq| Head { seq, epoch: 0, hash: [0; 32], last_time: 0, acct_date: 0 };
        Work { shard: 0, before: head(seq - 1), head: head(seq), changes: vec![voucher, other] }
    }

    fn seqs(works: &[Work]) -> Vec<i64> {
        works.iter().map(|work| work.head.seq).collect()
    }

    #[test]
    fn batches_are_taken_once_and_in_their_order() {
        let mut tail = Tail::default();
        (3..=7).for_each(|seq| tail.wrote(work(seq, 10)));
        assert_eq!(seqs(&tail.after(1, 9)), [0; 0], "the second is not here");
        let first = tail.after(2, 2);
        assert_eq!(seqs(&first), [3, 4]);
        assert_eq!(first[0].changes.len(), 1, "of tables that are followed");
        assert!(first[0].changes[0].deletes.is_empty());
        assert_eq!(seqs(&tail.after(9, 9)), [0; 0]);
        assert!(tail.batches.is_empty() && tail.rows == 0, "what is in already is gone");
        (8..=9).for_each(|seq| tail.wrote(work(seq, STRETCH_ROWS - 1)));
        assert_eq!(seqs(&tail.after(7, 9)), [8], "a second one would be too many rows");
        assert!(!tail.is_stretch() && !tail.has_more(2), "a row is missing, or a batch");
        tail.wrote(work(10, 1));
        assert!(tail.is_stretch() && tail.has_more(9) && tail.has_more(2));
        tail.after(9, 9);
        tail.wrote(work(11, STRETCH_ROWS + 1));
        assert_eq!(seqs(&tail.after(10, 9)), [11], "one is always taken");
    }

    #[test]
    fn after_a_gap_it_begins_anew_and_what_is_too_much_goes() {
        let mut tail = Tail::default();
        tail.wrote(work(1, 10));
        tail.wrote(work(3, 10));
        assert_eq!(seqs(&tail.after(0, 9)), [0; 0]);
        tail.wrote(work(4, MOST_ROWS));
        assert_eq!(seqs(&tail.after(2, 9)), [0; 0], "the third went");
        assert_eq!(seqs(&tail.after(3, 9)), [4]);
        tail.wrote(work(5, MOST_ROWS + 1));
        assert!(tail.batches.is_empty() && tail.rows == 0, "too much for itself");
    }
}
