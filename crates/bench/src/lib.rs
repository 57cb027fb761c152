//! Everything that drives the platform from outside, over HTTP only:
//!
//! - [`replay`]: real orders turned into escrow trades, paid, confirmed, partly refunded, and the books compared to the
//!   cent with sums that the replay makes from the files on its own;
//! - [`pay`]: the load generator (closed loop for capacity, open loop for latency) and [`echo`], the yardstick beside it;
//! - [`storage`]: the sums and tables of what the server measures below HTTP;
//! - [`shoppers`]: the demo's customers, who meet every outcome that the sandbox can produce.
//!
//! This crate knows the public API and nothing else: no other crate of the workspace is a dependency, so what it proves
//! holds for any client. What it prints goes to a writer given by the caller. Money is integers everywhere; floating
//! point is used for latencies and rates only.
#![allow(
    clippy::disallowed_methods,
    clippy::float_arithmetic,
    reason = "a client of the platform: it measures real time, runs its own tasks, and computes latencies and rates"
)]

pub mod api;
pub mod client;
pub mod echo;
pub mod error;
pub mod load;
pub mod olist;
pub mod pay;
pub mod replay;
pub mod seed;
pub mod shoppers;
pub mod storage;

pub use client::Client;
pub use error::{Error, Problem};

#[cfg(test)]
mod tests {
    /// What a multi-threaded server spawns must be `Send`; the compiler says so here and not at the caller.
    #[test]
    fn everything_can_be_spawned() {
        fn spawnable<T: Send>(_: T) {}
        let mut out = Vec::new();
        spawnable(crate::replay::replay(&crate::replay::Options::default(), &mut out));
        spawnable(crate::pay::run(&crate::pay::Options::default(), &mut out));
        let options = crate::shoppers::Options { base_url: String::new(), key: String::new(), orders: 0, seed: 0 };
        spawnable(crate::shoppers::play(&options, &mut out));
        let every = std::time::Duration::from_secs(1);
        spawnable(crate::shoppers::trickle(&options, every, std::future::pending(), &mut out));
    }
}
