//! The HTTP doors (v1): from bytes to commands and questions, and back to bytes.
//!
//! `routes` is the table of contents, one declaration per route; `door` is the way every request takes; each noun has a
//! file with its handlers, which are pure where they read a body. The doors decide nothing about money: they find out
//! who asks, refuse what is no question, and pass on the rest. What they need stands in [`Doors`].
//! Bounded by the limits on bodies, headers, time and rates; the list of answers that a refusal can have is in
//! `docs/errors`.

mod accounts;
pub(crate) mod auth;
mod blocks;
mod body;
mod cases;
mod channels;
mod coupons;
mod credit_lines;
mod cursor;
mod desk;
mod disputes;
mod docs;
mod door;
mod errors;
mod events;
mod frame;
mod gifts;
mod health;
mod idempotency;
mod json;
mod keys;
mod ledger;
mod list;
mod merchants;
mod notify;
mod openapi;
mod parties;
mod payments;
mod points;
pub(crate) mod ports;
mod problem;
mod query;
mod rate;
mod refunds;
mod risk;
mod route;
mod routes;
mod rules;
mod sandbox;
mod search;
mod serve;
mod site;
mod switches;
#[cfg(test)]
mod tests;
mod tools;
mod trades;
mod visit;
mod wait;
mod webhook_endpoints;

use std::net::IpAddr;
use std::sync::Arc;

use engine::control::Shared;
use engine::ports::{Clock, Random};
use kernel::{KeyId, StoredKind};

pub(crate) use desk::Desk;
pub(crate) use keys::secret as draw_secret;
pub(crate) use rate::Rate;
pub(crate) use serve::{Bounds, serve};
pub(crate) use site::{Site, Visitor};

use rate::Buckets;

use crate::config::Environment;

/// Most keys and addresses whose rates are remembered.
const MAX_BUCKETS: usize = 10_000;

/// What the doors need.
pub(crate) struct Doors {
    /// The way into the line.
    pub(crate) desk: Desk,
    /// Merchants, keys, endpoints, the salt.
    pub(crate) control: Shared,
    /// Questions to the store.
    pub(crate) lookup: Arc<dyn ports::Lookup>,
    /// Changes to wait for.
    pub(crate) waiters: Arc<dyn ports::Waiters>,
    /// Institutions' notifications, accounts and statements.
    pub(crate) institutions: Arc<dyn ports::Institutions>,
    /// Sending events again.
    pub(crate) webhooks: Arc<dyn ports::Webhooks>,
    /// The time.
    pub(crate) clock: Arc<dyn Clock>,
    /// Bits for ids and secrets.
    pub(crate) random: Arc<dyn Random>,
    /// Test or live.
    pub(crate) environment: Environment,
    /// Where this server is reached from outside, as `https://pay.example.com`.
    pub(crate) base_url: String,
    /// The figures for Prometheus.
    pub(crate) metrics: Arc<dyn Fn() -> String + Send + Sync>,
    /// Whether it serves; false while draining.
    pub(crate) ready: Arc<dyn Fn() -> bool + Send + Sync>,
    /// The kinds of stored value that can be paid with.
    pub(crate) stored: Vec<StoredKind>,
    /// How often callers may ask.
    pub(crate) rates: Rates,
}

/// How often callers may ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rates {
    /// Requests of one API key.
    pub(crate) requests: Rate,
    /// Answers 404 to one API key; guessing ids ends here.
    pub(crate) misses: Rate,
    /// Failed authentications of one address.
    pub(crate) failures: Rate,
}

impl Default for Rates {
    fn default() -> Self {
        Self {
            requests: Rate { burst: 40_000, per_second: 20_000 },
            misses: Rate { burst: 2_000, per_second: 20 },
            failures: Rate { burst: 120, per_second: 2 },
        }
    }
}

/// The doors, and what they remember between two requests.
struct House {
    doors: Doors,
    requests: Buckets<KeyId>,
    misses: Buckets<KeyId>,
    failures: Buckets<IpAddr>,
    pages: docs::Pages,
    /// The names of all tools, in words.
    tools: String,
}

/// Every door, ready to be served.
pub(crate) fn open(doors: Doors) -> Site {
    let routes = routes::table(doors.environment);
    let rates = doors.rates;
    let house = House {
        pages: docs::Pages::of(&routes, &doors),
        tools: tools::names(&doors.stored),
        requests: Buckets::new(rates.requests, MAX_BUCKETS),
        misses: Buckets::new(rates.misses, MAX_BUCKETS),
        failures: Buckets::new(rates.failures, MAX_BUCKETS),
        doors,
    };
    Site::new(house, routes)
}
