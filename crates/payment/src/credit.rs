//! A credit line (信用额度): how much a user may pay now and owe us. What is owed is on the books (1061); here is how much it may
//! come to, whether anything more may be paid with it, and how far it is billed. There is one for each user and currency.

use jiff::tz::TimeZone;
use kernel::{BillId, CreditLineId, Currency, Time, UserId, limits};

use crate::bill::Bill;
use crate::payment::{Failure, FailureCode};

/// One line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreditLine {
    /// Its id.
    pub id: CreditLineId,
    /// Whose.
    pub user: UserId,
    /// In what.
    pub currency: Currency,
    /// Most minor units that may be owed, holds counted. Where more is owed, because it was more before, nothing can be paid.
    pub limit: i64,
    /// Whether nothing can be paid with it.
    pub frozen: bool,
    /// When it is billed, and how far it is; a line without is never billed.
    pub billing: Option<Billing>,
    /// When it was opened.
    pub created_at: Time,
}

/// When a line is billed, and by when bills are due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BillTerms {
    /// The day of each month that ends a period (账单日), 1 to 28; its beginning does.
    pub day: u8,
    /// How many days there are to pay (还款期限), 1 to 60.
    pub due_days: u8,
}

/// How far a line is billed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Billing {
    /// By which terms the next bill is made.
    pub terms: BillTerms,
    /// When.
    pub next_at: Time,
    /// The number of the last bill; 0 before the first.
    pub last: u16,
    /// Where the last bill ends, in minor units ever drawn.
    pub up_to: i64,
    /// How many bills are paid: always the oldest.
    pub paid: u16,
    /// The oldest of those that are not.
    pub oldest: Option<Oldest>,
}

/// The oldest bill that is not paid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Oldest {
    /// Where it ends, in minor units ever drawn.
    pub up_to: i64,
    /// From when on nothing can be paid with the line.
    pub due_at: Time,
}

impl From<&Bill> for Oldest {
    fn from(bill: &Bill) -> Self {
        Self { up_to: bill.up_to, due_at: bill.due_at }
    }
}

impl CreditLine {
    /// Where it stands, in the wire word.
    pub fn status(&self, now: Time) -> &'static str {
        match (self.frozen, self.is_overdue(now)) {
            (true, _) => "frozen",
            (false, true) => "overdue",
            (false, false) => "active",
        }
    }

    /// Why nothing can be paid with it, where that is so.
    pub fn stopped(&self, now: Time) -> Option<Failure> {
        let failure = |code, message: &str| Some(Failure { code, message: message.to_owned() });
        match (self.frozen, self.is_overdue(now)) {
            (true, _) => failure(FailureCode::CreditFrozen, "the credit line is frozen"),
            (false, true) => failure(FailureCode::CreditOverdue, "a bill of the credit line is overdue"),
            (false, false) => None,
        }
    }

    /// Minor units that can still be paid, where so many are owed or held.
    pub fn free(&self, used: i64, now: Time) -> i64 {
        if self.stopped(now).is_some() { 0 } else { self.limit.saturating_sub(used).max(0) }
    }

    /// Whether a bill of it is due and not paid.
    fn is_overdue(&self, now: Time) -> bool {
        self.billing.and_then(|billing| billing.oldest).is_some_and(|oldest| oldest.due_at <= now)
    }

    /// Bills it by these terms from now on; what is not billed yet is on the next bill.
    pub fn bill_by(&mut self, terms: BillTerms, now: Time, zone: &TimeZone) {
        let next_at = now.next_monthday(terms.day, zone);
        let none = Billing { terms, next_at, last: 0, up_to: 0, paid: 0, oldest: None };
        self.billing = Some(Billing { terms, next_at, ..self.billing.unwrap_or(none) });
    }

    /// When it must be billed.
    pub fn timer(&self) -> Option<Time> {
        self.billing.map(|billing| billing.next_at)
    }

    /// The period is over: the bill of what was drawn in it, where that is anything. Periods that were missed are one. A
    /// bill is not due before the one before it; `last` is that, where it is not paid.
    pub fn bill(&mut self, drawn: i64, last: Option<&Bill>, now: Time, zone: &TimeZone) -> Option<Bill> {
        let id = self.id;
        let billing = self.billing.as_mut().filter(|billing| billing.next_at <= now)?;
        billing.next_at = now.next_monthday(billing.terms.day, zone);
        if drawn <= billing.up_to || billing.last >= limits::MAX_TREE_NUMBER {
            return None;
        }
        let due_at = now.days_on(billing.terms.due_days, zone).max(last.map_or(now, |last| last.due_at));
        let (id, from) = (BillId::new(id, billing.last + 1), billing.up_to);
        let bill = Bill { id, from, up_to: drawn, issued_at: now, due_at, overdue_at: None, paid_at: None };
        (billing.last, billing.up_to) = (id.no, drawn);
        billing.oldest = billing.oldest.or_else(|| Some(Oldest::from(&bill)));
        Some(bill)
    }

    /// The last bill, where it is not paid.
    pub fn last_unpaid(&self) -> Option<BillId> {
        let billing = self.billing.filter(|billing| billing.paid < billing.last)?;
        Some(BillId::new(self.id, billing.last))
    }

    /// The oldest bill that is not paid, where so many minor units that ever came back pay it; and the one after it.
    pub fn covered(&self, repaid: i64) -> Option<(BillId, Option<BillId>)> {
        let billing = self.billing.filter(|billing| billing.oldest.is_some_and(|it| it.up_to <= repaid))?;
        let id = |no| BillId::new(self.id, no);
        let next = billing.paid.saturating_add(2);
        Some((id(billing.paid.saturating_add(1)), (next <= billing.last).then(|| id(next))))
    }

    /// The oldest bill is paid, and this one is the oldest now.
    pub fn paid(&mut self, next: Option<&Bill>) {
        if let Some(billing) = &mut self.billing {
            billing.paid = billing.paid.saturating_add(1);
            billing.oldest = next.map(Oldest::from);
        }
    }
}

#[cfg(test)]
mod tests {
    use kernel::{Bucket, RootId};

    use super::*;

    fn line() -> CreditLine {
        CreditLine {
            id: CreditLineId(RootId::new(Time::from_micros(0), Bucket::of("user:42"), 1)),
            user: UserId::parse("42").unwrap(),
            currency: Currency::parse("CNY").unwrap(),
            limit: 1_000,
            frozen: false,
            billing: None,
            created_at: Time::from_micros(0),
        }
    }

    fn at(text: &str) -> Time {
        Time::parse(&format!("{text}T00:00:00Z")).unwrap()
    }

    const UTC: &TimeZone = &TimeZone::UTC;

    fn billed(day: u8, due_days: u8) -> CreditLine {
        let mut line = line();
        line.bill_by(BillTerms { day, due_days }, at("2026-11-09"), UTC);
        line
    }

    #[test]
    fn what_is_free_is_never_less_than_nothing() {
        let (mut line, now) = (line(), at("2026-11-09"));
        assert_eq!([0, 400, 1_000, 1_001, i64::MAX].map(|used| line.free(used, now)), [1_000, 600, 0, 0, 0]);
        line.frozen = true;
        assert_eq!((line.free(0, now), line.status(now)), (0, "frozen"));
    }

    #[test]
    fn bills_touch_and_a_period_without_anything_has_none() {
        let mut line = billed(10, 20);
        assert_eq!(line.bill(500, None, at("2026-11-09"), UTC), None, "too early");
        let first = line.bill(500, None, at("2026-11-10"), UTC).unwrap();
        assert_eq!((first.id.no, first.from, first.up_to, first.due_at), (1, 0, 500, at("2026-11-30")));
        assert_eq!(line.bill(700, None, at("2026-11-10"), UTC), None, "once per period");
        assert_eq!(line.bill(500, Some(&first), at("2026-12-10"), UTC), None, "nothing new");
        let second = line.bill(700, Some(&first), at("2027-03-15"), UTC).unwrap();
        assert_eq!((second.id.no, second.from, second.up_to), (2, 500, 700));
        assert_eq!((line.timer(), line.last_unpaid()), (Some(at("2027-04-10")), Some(second.id)));
        assert_eq!(line.billing.unwrap().oldest, Some(Oldest::from(&first)));
    }

    #[test]
    fn the_oldest_is_paid_first_and_what_is_due_stops_the_line() {
        let mut line = billed(10, 20);
        let first = line.bill(500, None, at("2026-11-10"), UTC).unwrap();
        let second = line.bill(700, Some(&first), at("2026-12-10"), UTC).unwrap();
        let (before, due) = (at("2026-11-29"), at("2026-11-30"));
        assert_eq!((line.status(before), line.free(700, before), line.stopped(before)), ("active", 300, None));
        let stopped = line.stopped(due).map(|failure| failure.code);
        assert_eq!((line.status(due), line.free(700, due), stopped), ("overdue", 0, Some(FailureCode::CreditOverdue)));
        assert_eq!((line.covered(499), line.covered(500)), (None, Some((first.id, Some(second.id)))));
        line.paid(Some(&second));
        assert!(!line.is_overdue(at("2026-12-29")) && line.is_overdue(at("2026-12-30")));
        assert_eq!((line.covered(699), line.covered(700)), (None, Some((second.id, None))));
        line.paid(None);
        assert_eq!((line.covered(i64::MAX), line.last_unpaid()), (None, None));
        assert!(!line.is_overdue(at("2099-01-01")));
    }

    #[test]
    fn other_terms_bill_what_is_not_billed_and_let_no_bill_overtake() {
        let mut line = billed(10, 60);
        let first = line.bill(500, None, at("2026-11-10"), UTC).unwrap();
        line.bill_by(BillTerms { day: 15, due_days: 1 }, at("2026-11-12"), UTC);
        assert_eq!(line.timer(), Some(at("2026-11-15")));
        let second = line.bill(700, Some(&first), at("2026-11-15"), UTC).unwrap();
        assert_eq!((second.from, second.due_at), (500, first.due_at));
        assert_eq!(line.bill(900, None, at("2026-12-15"), UTC).unwrap().due_at, at("2026-12-16"));
    }

    #[test]
    fn a_line_without_terms_has_no_bills() {
        let mut line = line();
        assert_eq!((line.timer(), line.bill(500, None, at("2099-01-01"), UTC)), (None, None));
        assert!(line.covered(i64::MAX).is_none() && !line.is_overdue(at("2099-01-01")));
    }
}
