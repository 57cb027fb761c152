//! The tables, one Rust definition each, grouped by the domain that owns them. A domain's file touches its tables only.

pub mod accounting;
pub mod bank;
pub mod body;
pub mod channel;
pub mod derived;
pub mod log;
pub mod payment;
pub mod schema;
pub mod shard;
pub mod trade;
pub mod transit;
pub mod work;

use crate::Row;
use crate::door::{Statement, Table};

/// Every table, in the order in which a new store creates them.
pub fn all() -> Vec<&'static Table> {
    let own = [
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
        bank::BankOrder::TABLE,
    ];
    [&own, trade::TABLES, payment::TABLES, channel::TABLES, accounting::TABLES, transit::TABLES, derived::TABLES]
        .concat()
}

/// Every statement, so that a test can hold each against both engines.
pub fn statements() -> Vec<&'static Statement> {
    let own =
        [schema::ALL, shard::ALL, log::ALL, work::ALL, bank::ALL, accounting::ALL, transit::ALL, derived::ALL].concat();
    [own, crate::invariants::registered()].concat()
}

#[cfg(test)]
mod tests;
