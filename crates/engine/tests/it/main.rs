//! The engine from its line down to real stores: the verifier and its mutations, batches cut anywhere, the row budget.

#![allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

mod ahead;
mod beside;
mod budget;
mod carts;
mod columns;
mod cuts;
mod mutations;
mod raw;
mod standby;
mod stories;
mod tools;
mod transit;
mod velocity;
mod world;
