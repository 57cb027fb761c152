//! The trial balance of the whole book: now from the accounts themselves, for a date from the day sums.

use accounting::Subject;
use accounting::trial::{Row as Sum, Sums, Trial, trial};
use kernel::{Currency, Problem};
use store::tables::accounting::{AccountRow, TRIAL};
use store::tables::derived::{DAYS, SubjectDay};
use store::{Cell, Cells, Inconsistent, Row as _};

use super::shard::OfShard;
use super::{Queries, inconsistent};
use crate::wire;

impl Queries {
    /// The trial balance in a currency: everything booked up to and including accounting date `date` (`yyyymmdd`), or
    /// everything there is.
    pub async fn trial_balance(&self, currency: Currency, date: Option<i64>) -> Result<String, Problem> {
        let sums = match date {
            None => self.everywhere(|shard| shard.sums_now(currency)).await?,
            Some(date) => self.everywhere(|shard| shard.sums_until(currency, date)).await?,
        };
        let nothing = Trial { currency, lines: Vec::new(), total: Sums::default() };
        let trial = trial(sums.into_iter().flatten()).into_iter().next().unwrap_or(nothing);
        Ok(wire::accounting::trial_json(&trial, date))
    }
}

impl OfShard {
    async fn sums_now(&self, currency: Currency) -> Result<Vec<Sum>, Problem> {
        let params = vec![self.number(), Cell::text(currency.code())];
        let rows = self.rows(&TRIAL, params).await?;
        rows.into_iter().map(|row| now(currency, row)).collect::<Result<_, _>>().map_err(inconsistent)
    }

    async fn sums_until(&self, currency: Currency, date: i64) -> Result<Vec<Sum>, Problem> {
        self.caught_up(false).await?;
        let params = vec![self.number(), Cell::Int(date), Cell::text(currency.code())];
        let rows = self.rows(&DAYS, params).await?;
        rows.into_iter().map(|row| day(currency, row)).collect::<Result<_, _>>().map_err(inconsistent)
    }
}

/// One row of [`TRIAL`].
fn now(currency: Currency, row: Vec<Cell>) -> Result<Sum, Inconsistent> {
    let mut cells = Cells::new(AccountRow::TABLE, row);
    let subject = subject(&cells.text()?)?;
    cells.cell()?;
    Ok(Sum { subject, currency, dp: cells.int()?, cp: cells.int()?, dh: cells.int()?, ch: cells.int()? })
}

fn day(currency: Currency, row: Vec<Cell>) -> Result<Sum, Inconsistent> {
    let row = SubjectDay::from_cells(row)?;
    Ok(Sum { subject: subject(&row.subject)?, currency, dp: row.dp, cp: row.cp, dh: row.dh, ch: row.ch })
}

fn subject(code: &str) -> Result<Subject, Inconsistent> {
    let wrong = Inconsistent { table: "account", column: "subject", why: "is not on the chart" };
    Subject::parse(code).ok_or(wrong)
}
