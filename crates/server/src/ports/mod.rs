//! The ports on the real world: the system's clock, its randomness, its threads, and sockets to the outside.
//!
//! Everything below the server is a function of its arguments; what is not comes through these. This is the only place
//! that reads a clock, draws randomness, starts a thread or a task.

mod clock;
mod guard;
mod outside;
mod random;
mod risk;
mod spawn;

pub(crate) use self::clock::{PlatformClock, SystemClock};
pub(crate) use self::guard::url_allowed;
pub(crate) use self::outside::Web;
pub(crate) use self::random::SystemRandom;
pub(crate) use self::risk::RiskWeb;
pub(crate) use self::spawn::{Rank, block, give_way, store_ports, task, thread};
