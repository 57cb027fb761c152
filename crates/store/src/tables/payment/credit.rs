//! Credit lines: one row per user and currency, and one per bill. What is owed is on the books.

use kernel::{BillId, CreditLineId, Currency, RootId, Time, UserId, limits};
use payment::{Bill, BillTerms, Billing, CreditLine, Oldest};

use super::fits::Fits;
use super::mark;
use crate::door::{Cell, Inconsistent};
use crate::unit::{Aggregate, TableRows, read_all};
use crate::{Row, Text, row};

row! {
    /// How much a user may pay on credit.
    pub struct CreditLineRow in Main "credit_line" key 2 {
        /// The shard.
        pub shard: i64,
        /// Its id; that of the account on which it is owed.
        pub id: [u8; 16],
        /// Whose.
        pub holder: Text,
        /// ISO 4217.
        pub currency: Text,
        /// Most minor units that may be owed.
        pub most: i64,
        /// 1 where nothing can be paid with it.
        pub frozen: Option<i64>,
        /// The day of each month on which it is billed; never where null.
        pub bill_day: Option<i64>,
        /// Within how many days a bill is to be paid.
        pub due_days: Option<i64>,
        /// When the next bill is made. Microseconds.
        pub next_bill_at: Option<i64>,
        /// How many bills there are.
        pub bills: Option<i64>,
        /// Where the last of them ends, minor units ever drawn.
        pub billed: Option<i64>,
        /// How many of them are paid.
        pub bills_paid: Option<i64>,
        /// Where the oldest of the others ends, minor units ever drawn.
        pub oldest_up_to: Option<i64>,
        /// From when on it stops the line. Microseconds.
        pub oldest_due_at: Option<i64>,
        /// Microseconds.
        pub created_at: i64,
    }
    check "most >= 0";
    check "bill_day BETWEEN 1 AND 28 AND due_days BETWEEN 1 AND 60";
    check "bills >= 0 AND billed >= 0 AND bills_paid BETWEEN 0 AND bills AND oldest_up_to <= billed";
    check "(bill_day IS NULL) = (due_days IS NULL) AND (bill_day IS NULL) = (next_bill_at IS NULL)";
    check "(bill_day IS NULL) = (bills IS NULL) AND (bill_day IS NULL) = (billed IS NULL)";
    check "(bill_day IS NULL) = (bills_paid IS NULL) AND (oldest_up_to IS NULL) = (oldest_due_at IS NULL)";
    check "(bills IS NOT NULL AND bills_paid < bills) = (oldest_up_to IS NOT NULL)";
}

row! {
    /// A bill of a credit line.
    pub struct BillRow in Main "bill" key 3 {
        /// The shard.
        pub shard: i64,
        /// The line.
        pub line: [u8; 16],
        /// Its number among the line's bills, from 1.
        pub no: i64,
        /// Where the one before it ends, minor units ever drawn.
        pub begins: i64,
        /// Where it ends.
        pub up_to: i64,
        /// Microseconds.
        pub issued_at: i64,
        /// Microseconds.
        pub due_at: i64,
        /// When it was due and not paid. Microseconds.
        pub overdue_at: Option<i64>,
        /// When the last of it was paid. Microseconds.
        pub paid_at: Option<i64>,
    }
    check "no > 0 AND begins >= 0 AND up_to > begins AND due_at >= issued_at";
    check "overdue_at >= due_at AND paid_at >= issued_at AND paid_at >= overdue_at";
}

impl Aggregate for CreditLine {
    type Key = CreditLineId;
    const TABLES: &'static [&'static crate::Table] = &[CreditLineRow::TABLE];

    fn prefix(key: CreditLineId) -> Vec<Cell> {
        vec![Cell::bytes(key.0.bytes())]
    }

    fn rows(&self, shard: i64) -> TableRows {
        let billing = self.billing.as_ref();
        let oldest = billing.and_then(|billing| billing.oldest.as_ref());
        let row = CreditLineRow {
            shard,
            id: self.id.0.bytes(),
            holder: self.user.as_str().into(),
            currency: self.currency.code().into(),
            most: self.limit,
            frozen: mark(self.frozen),
            bill_day: billing.map(|billing| billing.terms.day.into()),
            due_days: billing.map(|billing| billing.terms.due_days.into()),
            next_bill_at: billing.map(|billing| billing.next_at.micros()),
            bills: billing.map(|billing| billing.last.into()),
            billed: billing.map(|billing| billing.up_to),
            bills_paid: billing.map(|billing| billing.paid.into()),
            oldest_up_to: oldest.map(|oldest| oldest.up_to),
            oldest_due_at: oldest.map(|oldest| oldest.due_at.micros()),
            created_at: self.created_at.micros(),
        };
        vec![vec![row.cells()]]
    }

    fn assemble(_: CreditLineId, rows: TableRows) -> Result<Option<Self>, Inconsistent> {
        read_all::<CreditLineRow>(rows.into_iter().next())?.into_iter().next().map(line).transpose()
    }
}

fn line(row: CreditLineRow) -> Result<CreditLine, Inconsistent> {
    let fits = Fits("credit_line");
    Ok(CreditLine {
        billing: billing(&row)?,
        id: CreditLineId(RootId::from_bytes(row.id)),
        user: fits.word("holder", UserId::parse(&row.holder))?,
        currency: fits.word("currency", Currency::parse(&row.currency))?,
        limit: Some(row.most).filter(|most| *most >= 0).ok_or_else(|| fits.wrong("most", "is below zero"))?,
        frozen: fits.mark("frozen", row.frozen)?,
        created_at: Time::from_micros(row.created_at),
    })
}

fn billing(row: &CreditLineRow) -> Result<Option<Billing>, Inconsistent> {
    let fits = Fits("credit_line");
    let parts = (row.bill_day, row.due_days, row.next_bill_at, row.bills, row.billed, row.bills_paid);
    let oldest = match (row.oldest_up_to, row.oldest_due_at) {
        (Some(up_to), Some(due_at)) => Some(Oldest { up_to, due_at: Time::from_micros(due_at) }),
        (None, None) => None,
        (Some(_), None) | (None, Some(_)) => return Err(fits.wrong("oldest_due_at", "does not go with its end")),
    };
    let (day, due_days, next_at, last, up_to, paid) = match parts {
        (Some(day), Some(due_days), Some(next_at), Some(last), Some(up_to), Some(paid)) => {
            (day, due_days, next_at, last, up_to, paid)
        }
        (None, None, None, None, None, None) if oldest.is_none() => return Ok(None),
        _ => return Err(fits.wrong("bill_day", "does not go with the other terms")),
    };
    let day = fits.days("bill_day", day, limits::MAX_BILL_DAY)?;
    let terms = BillTerms { day, due_days: fits.days("due_days", due_days, limits::MAX_DUE_DAYS)? };
    let (last, paid) = (fits.number("bills", last)?, fits.number("bills_paid", paid)?);
    if paid > last || (paid < last) != oldest.is_some() {
        return Err(fits.wrong("bills_paid", "does not go with the bills"));
    }
    Ok(Some(Billing { terms, next_at: Time::from_micros(next_at), last, up_to, paid, oldest }))
}

impl Aggregate for Bill {
    type Key = BillId;
    const TABLES: &'static [&'static crate::Table] = &[BillRow::TABLE];

    fn prefix(key: BillId) -> Vec<Cell> {
        vec![Cell::bytes(key.line.0.bytes()), Cell::Int(key.no.into())]
    }

    fn rows(&self, shard: i64) -> TableRows {
        let row = BillRow {
            shard,
            line: self.id.line.0.bytes(),
            no: self.id.no.into(),
            begins: self.from,
            up_to: self.up_to,
            issued_at: self.issued_at.micros(),
            due_at: self.due_at.micros(),
            overdue_at: self.overdue_at.map(Time::micros),
            paid_at: self.paid_at.map(Time::micros),
        };
        vec![vec![row.cells()]]
    }

    fn assemble(_: BillId, rows: TableRows) -> Result<Option<Self>, Inconsistent> {
        read_all::<BillRow>(rows.into_iter().next())?.into_iter().next().map(bill).transpose()
    }
}

fn bill(row: BillRow) -> Result<Bill, Inconsistent> {
    let no = Fits("bill").number("no", row.no)?;
    Ok(Bill {
        id: BillId::new(CreditLineId(RootId::from_bytes(row.line)), no),
        from: row.begins,
        up_to: row.up_to,
        issued_at: Time::from_micros(row.issued_at),
        due_at: Time::from_micros(row.due_at),
        overdue_at: row.overdue_at.map(Time::from_micros),
        paid_at: row.paid_at.map(Time::from_micros),
    })
}
