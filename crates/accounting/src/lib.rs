//! Funds accounting (资金核算): which accounts a business verb moves, whether they allow it, and the proof of what was
//! written.
//!
//! A verb ([`kernel::message::accounting::Verb`]) becomes legs by its template ([`template`]); the legs are booked on a
//! working set of accounts and holds, all or nothing ([`mod@book`]); what was booked becomes immutable rows that each batch
//! chains by hash ([`chain`]). The unit is the transfer: one debit account, one credit account, one amount, so a row
//! that does not balance cannot be written down.
//!
//! Everything here is a function of its arguments: no clock, no randomness, no database. Amounts are `i64` minor units
//! in checked arithmetic, totals `i128`.

pub mod account;
pub mod book;
pub mod chain;
pub mod chart;
pub mod hold;
pub mod template;
pub mod trial;

pub use account::{Account, AccountKey};
pub use book::{Books, Transfer, book, touched};
pub use chart::{Entry, Side, Subject};
pub use hold::{Hold, HoldKey, Op};
pub use template::{Leg, Lookup, Template, legs};
