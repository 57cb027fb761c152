//! Cases: work that people must decide. The table is called `work_case`, because `case` is a word of SQL.

use kernel::Time;
use payment::case::{CaseStatus, parse_resolution, resolution_as_str};
use payment::{Case, CaseKind, Subject};

use super::fits::Fits;
use crate::door::{Cell, Inconsistent};
use crate::unit::read_all;
use crate::{Row, Text, row};

row! {
    /// One piece of work.
    pub struct CaseRow in Main "work_case" key 3 {
        /// The shard.
        pub shard: i64,
        /// The trade.
        pub trade: [u8; 16],
        /// Its number in the tree, from 1.
        pub no: i64,
        /// What is wrong.
        pub kind: Text,
        /// The number of the instruction it is about.
        pub instruction: Option<i64>,
        /// The number of the refund part it is about.
        pub part: Option<i64>,
        /// Minor units.
        pub amount: i64,
        /// ISO 4217.
        pub currency: Text,
        /// open or closed.
        pub status: Text,
        /// Microseconds.
        pub opened_at: i64,
        /// What people decided.
        pub resolution: Option<Text>,
        /// Why, in words.
        pub note: Option<Text>,
        /// How many public events it had.
        pub sequence: i64,
    }
    check "amount > 0";
    check "(instruction IS NULL) <> (part IS NULL)";
    check "status = 'closed' OR (status = 'open' AND resolution IS NULL)";
}

/// The rows of cases.
pub(super) fn rows(shard: i64, trade: [u8; 16], cases: &[Case]) -> Vec<Vec<Cell>> {
    cases.iter().map(|case| case_row(shard, trade, case).cells()).collect()
}

/// The cases that these rows are.
pub(super) fn assemble(rows: Option<Vec<Vec<Cell>>>) -> Result<Vec<Case>, Inconsistent> {
    read_all::<CaseRow>(rows)?.into_iter().map(case).collect()
}

fn case_row(shard: i64, trade: [u8; 16], case: &Case) -> CaseRow {
    let (instruction, part) = match case.subject {
        Subject::Instruction(no) => (Some(i64::from(no)), None),
        Subject::Part(no) => (None, Some(i64::from(no))),
    };
    CaseRow {
        shard,
        trade,
        no: i64::from(case.no),
        kind: case.kind.as_str().into(),
        instruction,
        part,
        amount: case.money.amount.minor(),
        currency: case.money.currency.code().into(),
        status: case.status.as_str().into(),
        opened_at: case.opened_at.micros(),
        resolution: case.resolution.map(|resolution| resolution_as_str(resolution).into()),
        note: case.note.as_deref().map(Into::into),
        sequence: case.sequence,
    }
}

fn case(row: CaseRow) -> Result<Case, Inconsistent> {
    let fits = Fits("work_case");
    let subject = match (row.instruction, row.part) {
        (Some(no), None) => Subject::Instruction(fits.number("instruction", no)?),
        (None, Some(no)) => Subject::Part(fits.number("part", no)?),
        (None, None) | (Some(_), Some(_)) => {
            return Err(fits.wrong("instruction", "is no subject together with part"));
        }
    };
    let resolution =
        row.resolution.as_deref().map(|word| fits.word("resolution", parse_resolution(word))).transpose()?;
    Ok(Case {
        no: fits.number("no", row.no)?,
        kind: fits.word("kind", CaseKind::parse(&row.kind))?,
        subject,
        money: fits.money(row.amount, &row.currency)?,
        status: fits.word("status", CaseStatus::parse(&row.status))?,
        opened_at: Time::from_micros(row.opened_at),
        resolution,
        note: row.note.map(Into::into),
        sequence: row.sequence,
    })
}
