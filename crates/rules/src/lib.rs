//! Rule books (规则簿): which tools may pay what, in which order, within which limits and times, as data that people read.
//!
//! A book is a TOML text with CEL conditions. [`RuleBook::load`] checks all of it and compiles it once: unknown names,
//! types, cycles, overflow, cost, rules that can never decide anything. A bad book is refused with every place and
//! reason. What is loaded is a total function: asking it cannot fail, takes no clock and no I/O, and a bounded time.
//!
//! | concept | file |
//! |---|---|
//! | a book, and what is checked of it as a whole | `book.rs` |
//! | what a book can say | `rule.rs`, `selector.rs`, `span.rs` |
//! | reading TOML, with the place of everything | `toml.rs` |
//! | conditions: CEL in, a typed expression out; its cost and its range | `condition/check.rs`, `condition/range.rs` |
//! | asking a condition | `condition/mod.rs` |
//! | the names that conditions may use | `facts.rs` |
//! | what a book says of a trade, of a payment, and in words | `decide.rs`, `explain.rs` |
//! | what another book would have changed | `compare.rs` |
//! | all versions of all books, and which one holds when | `shelf.rs` |
//! | books that come with the program | `samples.rs`, `books/` |
//!
//! Amounts are whole minor units; there is no fraction anywhere.

mod book;
pub mod compare;
mod condition;
mod decide;
mod explain;
mod facts;
mod finding;
pub mod limits;
mod rule;
mod samples;
mod selector;
mod shelf;
mod span;
#[cfg(test)]
mod tests;
mod toml;

pub use book::{BUILT_IN, RuleBook, Scope};
pub use decide::Counting;
pub use explain::{Explanation, Said};
pub use facts::{Facts, Name, PaymentFacts};
pub use finding::{Finding, Place};
pub use samples::{SAMPLES, sample};
pub use shelf::{Overlap, Release, Shelf, Version};
