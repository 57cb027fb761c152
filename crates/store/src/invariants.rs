//! Invariants that rows can prove among themselves: named statements, each of which answers the rows that break it.
//!
//! On sound data every one of them is silent. They are read in ranges (of trades, of coupons, of batches), so that none
//! holds a snapshot of a whole store; what needs hashes, the domains' rules or sums over the log is the verifier's own
//! work. An invariant's rows are keys of one table, so a finding can name the row. The statements are in the registry and
//! are held against both engines like all others.
//!
//! Codes are those of the reference list (`docs/guide/verify.md`); several statements may prove parts of one.

mod channel;
mod combined;
mod coupon;
mod credit;
mod dispute;
mod gift;
mod ledger;
mod log;
mod payment;
mod points;
mod refund;
mod trade;

use crate::door::{Kind, Statement, Table};
use crate::{Row as _, statements, tables};

/// Over which range a statement runs. All take the shard as `$1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Over {
    /// Trades after `$2` up to and including `$3`, ids as bytes.
    Trades,
    /// The same, with the time in microseconds as `$4`: true only where nothing is under way any more.
    Deadlines,
    /// Coupons after `$2` up to and including `$3`, ids as bytes.
    Coupons,
    /// Gifts after `$2` up to and including `$3`, ids as bytes.
    Gifts,
    /// Grants of points after `$2` up to and including `$3`, ids as bytes.
    Grants,
    /// Credit lines after `$2` up to and including `$3`, ids as bytes.
    Lines,
    /// Batches after `$2` up to and including `$3`.
    Log,
    /// The whole shard at once.
    Shard,
}

impl Over {
    const fn params(self) -> &'static [Kind] {
        match self {
            Self::Trades | Self::Coupons | Self::Gifts | Self::Grants | Self::Lines => {
                &[Kind::Int, Kind::Bytes, Kind::Bytes]
            }
            Self::Deadlines => &[Kind::Int, Kind::Bytes, Kind::Bytes, Kind::Int],
            Self::Log => &[Kind::Int, Kind::Int, Kind::Int],
            Self::Shard => &[Kind::Int],
        }
    }
}

/// One invariant.
#[derive(Debug)]
pub struct Invariant {
    /// Its code in the reference list.
    pub code: &'static str,
    /// What always holds, in words.
    pub holds: &'static str,
    /// The table whose keys (without the shard) the statement answers.
    pub table: &'static Table,
    /// Over which range it runs.
    pub over: Over,
    /// Answers the rows that break it.
    pub statement: Statement,
}

/// Declares invariants and `ALL`, their list: range, name, table, what holds, the text.
macro_rules! invariants {
    ($( $over:ident $name:literal $code:literal on $row:ty, $holds:literal: $text:literal; )+) => {
        /// The invariants of this file.
        pub(super) static ALL: &[$crate::invariants::Invariant] = &[ $( $crate::invariants::Invariant {
            code: $code,
            holds: $holds,
            table: <$row as $crate::Row>::TABLE,
            over: $crate::invariants::Over::$over,
            statement: $crate::Statement {
                name: concat!("invariant.", $name),
                text: $text,
                params: $crate::invariants::Over::$over.params(),
                sqlite: None,
            },
        }, )+ ];
    };
}
use invariants;

/// Every invariant.
pub fn all() -> impl Iterator<Item = &'static Invariant> {
    let of_trades = [trade::ALL, payment::ALL, refund::ALL, dispute::ALL, channel::ALL, combined::ALL];
    let issued = [coupon::ALL, gift::ALL, points::ALL, credit::ALL];
    [ledger::ALL, log::ALL].into_iter().chain(of_trades).chain(issued).flatten()
}

statements! {
    /// The trades after an id, in order.
    TRADES_AFTER = "verify.trades_after" (Int, Bytes, Int)
        "SELECT trade FROM trade WHERE shard = $1 AND trade > $2 ORDER BY shard, trade LIMIT $3";
    /// The coupons after an id, in order.
    COUPONS_AFTER = "verify.coupons_after" (Int, Bytes, Int)
        "SELECT id FROM coupon WHERE shard = $1 AND id > $2 ORDER BY shard, id LIMIT $3";
    /// The gifts after an id, in order.
    GIFTS_AFTER = "verify.gifts_after" (Int, Bytes, Int)
        "SELECT id FROM gift WHERE shard = $1 AND id > $2 ORDER BY shard, id LIMIT $3";
    /// The grants of points after an id, in order.
    GRANTS_AFTER = "verify.grants_after" (Int, Bytes, Int)
        "SELECT id FROM points_grant WHERE shard = $1 AND id > $2 ORDER BY shard, id LIMIT $3";
    /// The credit lines after an id, in order.
    LINES_AFTER = "verify.lines_after" (Int, Bytes, Int)
        "SELECT id FROM credit_line WHERE shard = $1 AND id > $2 ORDER BY shard, id LIMIT $3";
    /// The slots of counters after one of them, in order.
    COUNTERS_AFTER = "verify.counters_after" (Int, Bytes, Int, Int)
        "SELECT shard, id, slot, payments, minor, changes, until FROM counter
         WHERE shard = $1 AND (id, slot) > ($2, $3) ORDER BY shard, id, slot LIMIT $4";
    /// The accounts after an id, in order.
    ACCOUNTS_AFTER = "verify.accounts_after" (Int, Bytes, Int)
        "SELECT id FROM account WHERE shard = $1 AND id > $2 ORDER BY shard, id LIMIT $3";
    /// The tasks after a place among them, in order.
    TASKS_AFTER = "verify.tasks_after" (Int, Int, Bytes, Int, Text, Int)
        "SELECT shard, due, tree, no, kind, attempts FROM task
         WHERE shard = $1 AND (due, tree, no, kind) > ($2, $3, $4, $5)
         ORDER BY shard, due, tree, no, kind LIMIT $6";
    /// Claims on a shard's answers after a place, with the answers they point to, in order; all null where there is none.
    CLAIMS_AFTER = "verify.claims_after" (Int, Int, Int)
        "SELECT c.h, a.kind, a.scope, a.key FROM claim c
         LEFT JOIN answer a ON a.shard = c.shard AND a.seq = c.seq AND a.n = c.n
         WHERE c.shard = $1 AND c.h > $2 ORDER BY c.h LIMIT $3";
    /// The events of the batches after one up to another, in order, without their bodies.
    EVENTS_IN = "verify.events_in" (Int, Int, Int)
        "SELECT seq, n, type, object, tree, no, sequence FROM event
         WHERE shard = $1 AND seq > $2 AND seq <= $3 ORDER BY shard, seq, n";
    /// Answers after a place in the log, in order, without their bodies.
    ANSWERS_AFTER = "verify.answers_after" (Int, Int, Int, Int)
        "SELECT seq, n, kind, scope, key FROM answer
         WHERE shard = $1 AND (seq, n) > ($2, $3) ORDER BY shard, seq, n LIMIT $4";
}

/// Every statement of this module.
pub(crate) fn registered() -> Vec<&'static Statement> {
    ALL.iter().copied().chain(all().map(|invariant| &invariant.statement)).collect()
}

/// The tables whose rows belong to a trade's tree, apart from the trade's own.
pub fn tree_tables() -> impl Iterator<Item = &'static Table> {
    let of_trades = tables::trade::TABLES.iter().chain(tables::payment::TABLES).chain(tables::channel::TABLES);
    let holds = tables::accounting::HoldRow::TABLE;
    of_trades.copied().chain([holds]).filter(|table| table.columns.get(1).is_some_and(|column| column.name == "trade"))
}
