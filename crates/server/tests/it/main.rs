//! Stories over HTTP against the real program, on SQLite and on PostgreSQL.
//!
//! Every story has a server and a store of its own (`host`), speaks to it as any client would (`api`, `shop`), and ends
//! with the same questions: are the books balanced, does `suanpan verify` find nothing, does the server end when told to,
//! and did it never log an error.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "a test that cannot go on says so by panicking, also outside its own function; it has real clocks and tasks"
)]

#[macro_use]
mod host;
mod api;
mod attacks;
mod bench;
mod books;
mod commands;
mod desk;
mod faults;
mod kills;
mod orders;
mod overload;
mod races;
mod server;
mod shards;
mod shop;
mod store;
mod stories;
