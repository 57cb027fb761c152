//! The ports: everything that is not a function of its arguments comes through one of these.
//!
//! The server implements them with the real clock, the system's randomness and real sockets; the simulator with virtual
//! time and a seeded generator. Nothing in this crate names a runtime, a timer or a socket.

use kernel::Time;

use crate::line::Committed;

/// Tells the time.
pub trait Clock: Send + Sync {
    /// Now, by this machine's clock.
    fn now(&self) -> Time;
}

/// Draws random bits that nobody can guess.
pub trait Random: Send + Sync {
    /// 128 of them.
    fn bits(&self) -> u128;
}

/// Hears of every commit of a shard, after it is durable and before the answers go out.
pub trait Observer: Send + Sync {
    /// A batch is durable.
    fn committed(&self, committed: &Committed);
    /// Another node or a claim was faster; the batch is decided again.
    fn conflict(&self) {}
    /// The answer of a commit was lost and is being resolved.
    fn unknown(&self) {}
    /// A broken invariant or an unusable store stopped the line.
    fn stopped(&self, why: &str);
}
