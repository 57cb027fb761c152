//! The tables, one Rust definition each, grouped by the domain that owns them. A domain's file touches its tables only.

pub mod log;
pub mod schema;
pub mod shard;

use crate::Row;
use crate::door::{Statement, Table};

/// Every table, in the order in which a new store creates them.
pub fn all() -> Vec<&'static Table> {
    vec![
        shard::Shard::TABLE,
        shard::Batch::TABLE,
        shard::Lease::TABLE,
        shard::Task::TABLE,
        shard::Control::TABLE,
        log::Answer::TABLE,
        log::Claim::TABLE,
        log::Event::TABLE,
        log::Cursor::TABLE,
        log::Parked::TABLE,
    ]
}

/// Every statement, so that a test can hold each against both engines.
pub fn statements() -> Vec<&'static Statement> {
    [schema::ALL, shard::ALL, log::ALL].concat()
}
