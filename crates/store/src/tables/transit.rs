//! Between shards: what one has sent to another, and how far the other has taken it.
//!
//! What is sent is append-only, in the order of the sender's log. The receiver's place among it is a row of `cursor`, moved
//! in the batch that takes the message in, so nothing is taken twice; what could not be taken in is a row of `parked`, and
//! the place moves on.

use super::log::{Cursor, Parked};
use crate::door::{Cell, Inconsistent};
use crate::unit::{Aggregate, TableRows, read_all};
use crate::{Row, Text, row, statements};

row! {
    /// What one shard has sent to another: money, or word of what became of money. Never changed.
    pub struct Sent in Main "sent" key 4 {
        /// The shard that sends.
        pub shard: i64,
        /// The shard that receives.
        pub to_shard: i64,
        /// The batch that sent it.
        pub seq: i64,
        /// The number within the batch.
        pub n: i64,
        /// give: money that is the receiver's, whatever its books say today; transfer: money that comes back where they
        /// refuse it; arrived: a transfer was taken in; returned: it was not, and this is its money.
        pub errand: Text,
        /// Into what: balance, or stored:{kind}.
        pub purse: Text,
        /// Whose.
        pub owner: Text,
        /// Minor units; none where it is only word.
        pub amount: i64,
        /// ISO 4217.
        pub currency: Text,
        /// What it is for: the claim of a gift, the trade.
        pub object: Text,
    }
    check "errand IN ('give', 'transfer', 'arrived', 'returned')";
    check "amount >= 0 AND (amount = 0) = (errand = 'arrived')";
    check "shard <> to_shard";
}

/// Every table of this file.
pub const TABLES: &[&crate::Table] = &[Sent::TABLE];

statements! {
    /// What a shard has sent to another after a place in its log, in order.
    SENT_AFTER = "transit.sent_after" (Int, Int, Int, Int, Int)
        "SELECT seq, n FROM sent WHERE shard = $1 AND to_shard = $2 AND (seq, n) > ($3, $4)
         ORDER BY shard, to_shard, seq, n LIMIT $5";
}

/// The name under which a shard reads what others send to it.
pub fn reader(to: i64) -> String {
    format!("shard:{to}")
}

/// How far a shard has taken what another sends to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inbox {
    /// The shard that receives.
    pub to: i64,
    /// The shard that sends.
    pub from: i64,
    /// The batch and the number within it up to which everything is taken or parked.
    pub place: (i64, i64),
}

impl Aggregate for Sent {
    /// The shard that sends, the one that receives, the batch, the number within it.
    type Key = (i64, i64, i64, i64);
    const TABLES: &'static [&'static crate::Table] = TABLES;

    fn prefix((_, to, seq, n): Self::Key) -> Vec<Cell> {
        vec![Cell::Int(to), Cell::Int(seq), Cell::Int(n)]
    }

    fn rows(&self, _: i64) -> TableRows {
        vec![vec![self.clone().cells()]]
    }

    fn assemble(_: Self::Key, rows: TableRows) -> Result<Option<Self>, Inconsistent> {
        Ok(read_all(rows.into_iter().next())?.into_iter().next())
    }
}

impl Aggregate for Inbox {
    /// The shard that receives, the one that sends.
    type Key = (i64, i64);
    const TABLES: &'static [&'static crate::Table] = &[Cursor::TABLE];

    fn prefix((to, from): Self::Key) -> Vec<Cell> {
        vec![Cell::text(reader(to)), Cell::Int(from)]
    }

    fn rows(&self, _: i64) -> TableRows {
        let (seq, n) = self.place;
        vec![vec![Cursor { reader: reader(self.to).into(), shard: self.from, seq, n }.cells()]]
    }

    fn assemble((to, from): Self::Key, rows: TableRows) -> Result<Option<Self>, Inconsistent> {
        let row = read_all::<Cursor>(rows.into_iter().next())?.into_iter().next();
        Ok(row.map(|row| Self { to, from, place: (row.seq, row.n) }))
    }
}

impl Aggregate for Parked {
    /// The shard that receives, the one that sends, the batch, the number within it.
    type Key = (i64, i64, i64, i64);
    const TABLES: &'static [&'static crate::Table] = &[Parked::TABLE];

    fn prefix((to, from, seq, n): Self::Key) -> Vec<Cell> {
        vec![Cell::text(reader(to)), Cell::Int(from), Cell::Int(seq), Cell::Int(n)]
    }

    fn rows(&self, _: i64) -> TableRows {
        vec![vec![self.clone().cells()]]
    }

    fn assemble(_: Self::Key, rows: TableRows) -> Result<Option<Self>, Inconsistent> {
        Ok(read_all(rows.into_iter().next())?.into_iter().next())
    }
}
