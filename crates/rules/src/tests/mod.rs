//! What books are refused, what they say, and what no book can do.

mod decisions;
mod properties;
mod refusals;
mod shelf;
mod velocity;
pub(crate) mod world;
