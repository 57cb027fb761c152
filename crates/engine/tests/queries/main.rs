//! Queries and projections over stores that a real line has written.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

mod accounts;
mod house;
mod lists;
mod objects;
mod offer;
mod rebuild;
mod search;
