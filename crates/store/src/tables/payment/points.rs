//! Points that users were given: one row per grant. What users have of them is on the books.

use compact_str::ToCompactString as _;
use kernel::{PointsGrantId, RootId, Time, UserId};
use payment::PointsGrant;

use super::fits::Fits;
use crate::door::{Cell, Inconsistent};
use crate::unit::{Aggregate, TableRows, read_all};
use crate::{Row, Text, row};

row! {
    /// Points that a user was given.
    pub struct PointsGrantRow in Main "points_grant" key 2 {
        /// The shard.
        pub shard: i64,
        /// Its id.
        pub id: [u8; 16],
        /// Who was given them.
        pub holder: Text,
        /// How many.
        pub points: i64,
        /// The platform's own number of what they were given for.
        pub reference: Option<Text>,
        /// How many of them were taken back.
        pub reversed: i64,
        /// Microseconds.
        pub created_at: i64,
    }
    check "points > 0 AND reversed >= 0 AND reversed <= points";
}

impl Aggregate for PointsGrant {
    type Key = PointsGrantId;
    const TABLES: &'static [&'static crate::Table] = &[PointsGrantRow::TABLE];

    fn prefix(key: PointsGrantId) -> Vec<Cell> {
        vec![Cell::bytes(key.0.bytes())]
    }

    fn rows(&self, shard: i64) -> TableRows {
        let row = PointsGrantRow {
            shard,
            id: self.id.0.bytes(),
            holder: self.user.as_str().into(),
            points: self.points.minor(),
            reference: self.reference.as_deref().map(|text| text.to_compact_string()),
            reversed: self.reversed,
            created_at: self.created_at.micros(),
        };
        vec![vec![row.cells()]]
    }

    fn assemble(_: PointsGrantId, rows: TableRows) -> Result<Option<Self>, Inconsistent> {
        read_all::<PointsGrantRow>(rows.into_iter().next())?.into_iter().next().map(grant).transpose()
    }
}

fn grant(row: PointsGrantRow) -> Result<PointsGrant, Inconsistent> {
    let fits = Fits("points_grant");
    let points = fits.amount("points", row.points)?;
    if !(0..=points.minor()).contains(&row.reversed) {
        return Err(fits.wrong("reversed", "is not within what was given"));
    }
    Ok(PointsGrant {
        id: PointsGrantId(RootId::from_bytes(row.id)),
        user: fits.word("holder", UserId::parse(&row.holder))?,
        points,
        reference: row.reference.map(Into::into),
        reversed: row.reversed,
        created_at: Time::from_micros(row.created_at),
    })
}
