//! The only words that cross a border: per domain the commands it can be told and the facts it tells. No logic.
//!
//! Commands go down (trade → payment → channel, accounting), facts come back up. A command may refuse; a fact never can.

pub mod accounting;
pub mod channel;
pub mod payment;
pub mod risk;
pub mod rules;
pub mod trade;
