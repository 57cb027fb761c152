//! Workers: what happens after a commit, at least once, safe to repeat.
//!
//! [`tasks`] does what is due (timers, calls to institutions); [`webhooks`] tells merchants; [`projections`] keeps what
//! lists are read from; [`couriers`] bring shards what others have sent. Each is a `tick` that does what can be done now, and
//! a `rouse` that waits until there is more; production loops them, the simulator chooses which one ticks. They name no
//! runtime and no timer, and nothing is lost when they are killed: a task is a row until a line takes it away, an event is
//! read again until the cursor has moved past it, and projections go on from their watermark.
//!
//! [`risk`] works before a commit, not after one: it asks the outside risk service about requests that a line has given
//! out of its hands undone.

pub mod couriers;
pub mod gateway;
pub mod lease;
pub mod measure;
pub mod projections;
pub mod risk;
pub mod signed;
pub mod tasks;
pub mod webhooks;

use kernel::Time;

pub use self::gateway::Gateway;
pub use self::lease::Lease;

/// What a tick came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// How much was begun or ended.
    pub done: usize,
    /// Whether there is enough to do for the next tick to come at once.
    pub more: bool,
    /// When the next tick is due at the latest.
    pub next: Option<Time>,
}
