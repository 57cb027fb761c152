//! A bill (账单) of a credit line: what was paid on credit from one bill to the next, and by when it is due.
//!
//! The account of what is owed (1061) counts what was ever drawn and what ever came back. A bill is a stretch of the first
//! count, and what came back pays the oldest bill first: how much of a bill is paid follows from the second count. So the
//! bills, and what is not billed yet, are what is owed, whatever made that less.

use kernel::{BillId, Time};

/// One bill. Its stretch and its days never change; the two moments come once each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bill {
    /// Its id: the line, and its number among the line's bills, from 1.
    pub id: BillId,
    /// Minor units ever drawn as of the bill before.
    pub from: i64,
    /// Minor units ever drawn as of this one; always more.
    pub up_to: i64,
    /// When it was made.
    pub issued_at: Time,
    /// From when on the line pays nothing unless it is paid; never before that of the bill before.
    pub due_at: Time,
    /// When it was found to be due and not paid.
    pub overdue_at: Option<Time>,
    /// When the last of it was paid.
    pub paid_at: Option<Time>,
}

/// Where a bill stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum BillStatus {
    /// It is to be paid.
    Open,
    /// It was to be paid before now.
    Overdue,
    /// It is paid.
    Paid,
}

impl BillStatus {
    /// The wire word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Overdue => "overdue",
            Self::Paid => "paid",
        }
    }
}

impl Bill {
    /// Minor units it is about.
    pub const fn amount(&self) -> i64 {
        self.up_to.saturating_sub(self.from)
    }

    /// Minor units of it that are paid, where so many ever came back.
    pub fn paid(&self, repaid: i64) -> i64 {
        repaid.saturating_sub(self.from).clamp(0, self.amount())
    }

    /// Where it stands.
    pub const fn status(&self) -> BillStatus {
        match (self.paid_at, self.overdue_at) {
            (Some(_), _) => BillStatus::Paid,
            (None, Some(_)) => BillStatus::Overdue,
            (None, None) => BillStatus::Open,
        }
    }

    /// How many events there were of it.
    pub fn sequence(&self) -> i64 {
        1 + i64::from(self.overdue_at.is_some()) + i64::from(self.paid_at.is_some())
    }

    /// When it must be looked at again.
    pub fn timer(&self) -> Option<Time> {
        (self.status() == BillStatus::Open).then_some(self.due_at)
    }

    /// Its day has come; answers whether it has become overdue.
    pub fn expire(&mut self, now: Time) -> bool {
        let overdue = self.status() == BillStatus::Open && self.due_at <= now;
        if overdue {
            self.overdue_at = Some(now);
        }
        overdue
    }
}

#[cfg(test)]
mod tests {
    use kernel::{Bucket, CreditLineId, RootId};

    use super::*;

    fn bill() -> Bill {
        let line = CreditLineId(RootId::new(Time::from_micros(0), Bucket::of("user:42"), 1));
        let at = Time::from_micros;
        let (from, up_to, issued_at, due_at) = (300, 800, at(10), at(20));
        Bill { id: BillId::new(line, 2), from, up_to, issued_at, due_at, overdue_at: None, paid_at: None }
    }

    #[test]
    fn what_came_back_pays_the_stretches_in_order() {
        let paid = [0, 300, 301, 799, 800, 801, i64::MAX].map(|repaid| bill().paid(repaid));
        assert_eq!(paid, [0, 0, 1, 499, 500, 500, 500]);
    }

    #[test]
    fn it_is_overdue_once_and_not_when_it_is_paid() {
        let mut open = bill();
        assert_eq!((open.expire(Time::from_micros(19)), open.status().as_str(), open.sequence()), (false, "open", 1));
        assert!(open.expire(Time::from_micros(20)) && !open.expire(Time::from_micros(21)));
        assert_eq!((open.status().as_str(), open.sequence(), open.timer()), ("overdue", 2, None));
        open.paid_at = Some(Time::from_micros(30));
        assert_eq!((open.status().as_str(), open.sequence()), ("paid", 3));
        let mut paid = Bill { paid_at: Some(Time::from_micros(15)), ..bill() };
        assert_eq!((paid.timer(), paid.expire(Time::from_micros(99)), paid.sequence()), (None, false, 2));
    }
}
