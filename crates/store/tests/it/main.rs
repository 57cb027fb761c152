//! The store's tests from outside: one suite on three engines (SQLite in memory, SQLite on disk, PostgreSQL), and what
//! only one of them can show.

mod conformance;
mod lost_commit;
mod opening;
mod proxy;
mod statements;
mod world;
