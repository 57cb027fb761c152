//! The ports: everything that is not a function of its arguments comes through one of these.
//!
//! The server implements them with the real clock, the system's randomness and real sockets; the simulator with virtual
//! time and a seeded generator. Nothing in this crate names a runtime, a timer or a socket.

use channel::{Incoming, Outgoing};
use futures::future::BoxFuture;
use kernel::Time;
use store::Work;

use crate::line::Committed;

/// Tells the time, in three ways. They differ only where somebody sets this machine's clock.
pub trait Clock: Send + Sync {
    /// The platform's time: rows are dated by it, and what is due is due by it. Whatever this machine's clock does, it
    /// never goes back and never stands still.
    fn now(&self) -> Time;

    /// What this machine's clock shows: for messages that somebody outside compares with a clock of theirs.
    fn wall(&self) -> Time {
        self.now()
    }

    /// For how long something takes, or may take: from a beginning that means nothing, at a pace that nobody can set.
    fn steady(&self) -> Time {
        self.now()
    }
}

/// Rings at a time. What waits for something else as well uses it to give up.
pub trait Alarm: Send + Sync {
    /// Ends at `time`, which is one of [`Clock::steady`]; at once where that is over.
    fn at(&self, time: Time) -> BoxFuture<'static, ()>;
}

/// Draws random bits that nobody can guess.
pub trait Random: Send + Sync {
    /// 128 of them.
    fn bits(&self) -> u128;
}

/// Hears of every commit of a shard, after it is durable and before the answers go out.
pub trait Observer: Send + Sync {
    /// A batch was taken; the first of it had waited this long, in microseconds.
    fn taken(&self, _waited_us: i64) {}
    /// A batch is durable, and these are its rows, for who would read them next; before [`Self::committed`].
    fn wrote(&self, _work: Work) {}
    /// A batch is durable.
    fn committed(&self, committed: &Committed);
    /// Another node or a claim was faster; the batch is decided again.
    fn conflict(&self) {}
    /// The answer of a commit was lost and is being resolved.
    fn unknown(&self) {}
    /// A broken invariant or an unusable store stopped the line.
    fn stopped(&self, why: &str);
}

/// Why a message to the outside brought no answer. None of them says that it did not arrive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoAnswer {
    /// The address is not one we send to, or there is no such institution. The only one that says nothing was sent.
    #[error("refused")]
    Refused,
    /// Nobody is there.
    #[error("unreachable")]
    Unreachable,
    /// No answer within the time given.
    #[error("timeout")]
    Timeout,
    /// The connection broke, or what came was not HTTP.
    #[error("broken")]
    Broken,
}

/// Carries questions to the outside risk service, and its answers back.
pub trait RiskService: Send + Sync {
    /// Posts a JSON body with these headers, and waits for the answer no longer than the service has time. What is larger
    /// than an answer can be is [`NoAnswer::Broken`].
    fn ask(&self, headers: Vec<(&'static str, String)>, body: String)
    -> BoxFuture<'static, Result<Incoming, NoAnswer>>;
}

/// Speaks HTTP to the outside.
pub trait Outside: Send + Sync {
    /// Sends a message to the institution of a channel account.
    fn call(&self, account: &str, message: Outgoing, timeout_ms: u32)
    -> BoxFuture<'static, Result<Incoming, NoAnswer>>;

    /// Posts a JSON body to a merchant's address. Only the status comes back: nobody is ever shown what a merchant's
    /// address answers.
    fn deliver(
        &self,
        url: &str,
        headers: Vec<(&'static str, String)>,
        body: String,
        timeout_ms: u32,
    ) -> BoxFuture<'static, Result<u16, NoAnswer>>;
}
