//! How far an amount has moved on: the five counters that a trade and each of its receivers keep, and their arithmetic.
//!
//! *Before* and *after* mean before and after release: taken from escrow, or taken back from the receiver. *Returning* is
//! reserved by refunds and disputes under way, *returned* is gone. All in minor units, never negative. The sums stay inside `i64`:
//! every counter is bounded by an amount, and an amount by [`kernel::limits::MAX_AMOUNT_MINOR`].

/// The counters of one amount (a whole trade's or one receiver's).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Moved {
    /// Went from escrow to the receiver.
    pub released: i64,
    /// Refunded from escrow.
    pub returned_before: i64,
    /// Refunded from what was released.
    pub returned_after: i64,
    /// Reserved in escrow by refunds under way.
    pub returning_before: i64,
    /// Reserved from what was released by refunds under way.
    pub returning_after: i64,
}

impl Moved {
    /// Waits in escrow, reserved or not. `paid` is how much ever came in.
    pub const fn in_escrow(&self, paid: i64) -> i64 {
        paid - self.released - self.returned_before
    }

    /// Waits in escrow and nobody asked it back: what can be released.
    pub const fn free_in_escrow(&self, paid: i64) -> i64 {
        self.in_escrow(paid) - self.returning_before
    }

    /// Is with the receiver and nobody asked it back.
    pub const fn kept(&self) -> i64 {
        self.released - self.returned_after - self.returning_after
    }

    /// Can still be refunded: neither refunded nor reserved by a refund under way.
    pub const fn refundable(&self, paid: i64) -> i64 {
        self.free_in_escrow(paid) + self.kept()
    }

    /// Was refunded.
    pub const fn refunded(&self) -> i64 {
        self.returned_before + self.returned_after
    }

    /// Whether the counters are possible at all; the database checks the same for every row.
    pub const fn is_within(&self, paid: i64) -> bool {
        self.released >= 0
            && self.returned_before >= 0
            && self.returned_after >= 0
            && self.returning_before >= 0
            && self.returning_after >= 0
            && self.free_in_escrow(paid) >= 0
            && self.kept() >= 0
    }

    /// How a refund of `part` is taken: escrow first, then what was released. Answers (before, after).
    pub(crate) fn taken(&self, paid: i64, part: i64) -> (i64, i64) {
        let before = part.min(self.free_in_escrow(paid));
        (before, part - before)
    }

    pub(crate) const fn release(&mut self, amount: i64) {
        self.released += amount;
    }

    pub(crate) const fn reserve(&mut self, before: i64, after: i64) {
        self.returning_before += before;
        self.returning_after += after;
    }

    pub(crate) const fn let_go(&mut self, before: i64, after: i64) {
        self.reserve(-before, -after);
    }

    pub(crate) const fn give_back(&mut self, before: i64, after: i64) {
        self.let_go(before, after);
        self.returned_before += before;
        self.returned_after += after;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refund_takes_escrow_first() {
        let mut moved = Moved { released: 60, ..Moved::default() };
        assert_eq!(moved.taken(100, 70), (40, 30));
        moved.reserve(40, 30);
        assert_eq!(
            (moved.in_escrow(100), moved.free_in_escrow(100), moved.kept(), moved.refundable(100)),
            (40, 0, 30, 30)
        );
        moved.give_back(40, 0);
        moved.let_go(0, 30);
        assert_eq!((moved.in_escrow(100), moved.kept(), moved.refunded()), (0, 60, 40));
        assert!(moved.is_within(100));
    }

    #[test]
    fn impossible_counters_are_seen() {
        let possible =
            Moved { released: 60, returned_before: 30, returning_before: 10, returned_after: 50, returning_after: 10 };
        assert!(possible.is_within(100));
        for impossible in [
            Moved { released: 61, ..possible },
            Moved { returned_before: 31, ..possible },
            Moved { returning_before: 11, ..possible },
            Moved { returned_after: 51, ..possible },
            Moved { returning_after: 11, ..possible },
            Moved { returning_after: -1, ..possible },
        ] {
            assert!(!impossible.is_within(100), "{impossible:?}");
        }
    }
}
