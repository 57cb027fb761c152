//! The simulator finds nothing in clean code, and finds every planted bug.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on must fail")]

mod clean;
mod effects;
mod planted;
mod regressions;
