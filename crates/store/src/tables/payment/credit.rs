//! Credit lines: one row per user and currency. What is owed is on the books.

use kernel::{CreditLineId, Currency, RootId, Time, UserId};
use payment::CreditLine;

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
        /// Microseconds.
        pub created_at: i64,
    }
    check "most >= 0";
}

impl Aggregate for CreditLine {
    type Key = CreditLineId;
    const TABLES: &'static [&'static crate::Table] = &[CreditLineRow::TABLE];

    fn prefix(key: CreditLineId) -> Vec<Cell> {
        vec![Cell::bytes(key.0.bytes())]
    }

    fn rows(&self, shard: i64) -> TableRows {
        let row = CreditLineRow {
            shard,
            id: self.id.0.bytes(),
            holder: self.user.as_str().into(),
            currency: self.currency.code().into(),
            most: self.limit,
            frozen: mark(self.frozen),
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
        id: CreditLineId(RootId::from_bytes(row.id)),
        user: fits.word("holder", UserId::parse(&row.holder))?,
        currency: fits.word("currency", Currency::parse(&row.currency))?,
        limit: Some(row.most).filter(|most| *most >= 0).ok_or_else(|| fits.wrong("most", "is below zero"))?,
        frozen: fits.mark("frozen", row.frozen)?,
        created_at: Time::from_micros(row.created_at),
    })
}
