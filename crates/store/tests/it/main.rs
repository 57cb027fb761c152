//! The store's tests from outside: one suite on three engines (SQLite in memory, SQLite on disk, PostgreSQL), and what
//! only one of them can show.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on says so by panicking, also outside its own function"
)]

mod conformance;
mod lost_commit;
mod opening;
mod proxy;
mod readers;
mod statements;
mod world;
