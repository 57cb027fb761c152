//! The configuration: one struct, read from four layers, each over the one before.
//!
//! 1. The defaults below.
//! 2. A TOML file (`--config`).
//! 3. The environment: `SUANPAN_STORE` for a key at the top, `SUANPAN__LIMITS__BATCH` for any key.
//! 4. Flags.
//!
//! A key that is not known is refused in a file and under `SUANPAN__`; a wrong value is refused with its key, the value,
//! what is allowed and where it came from ([`load`]). What each key means stands once, in [`keys`]; a test holds both to
//! the same list. Rules and switches of the business are not here: they are data with versions in the store.

pub(crate) mod keys;
mod load;
mod values;

use std::net::SocketAddr;

use kernel::StoredKind;
use serde::{Deserialize, Serialize};

pub(crate) use self::load::{Flags, Loaded, default_of, load};
pub(crate) use self::values::{CaseKindWord, Environment, LogFormat, Secret, StoreUrl, Stored, Zone};

/// Everything that can be configured.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    /// Where the data lives.
    pub(crate) store: StoreUrl,
    /// Into how many shards a new store is divided; 1 where nothing is said. One that is there has those that it was made
    /// with, and must not be asked for others.
    pub(crate) shards: Option<i64>,
    /// Where the HTTP server listens.
    pub(crate) listen: SocketAddr,
    /// Test or live.
    pub(crate) environment: Environment,
    /// The platform key of an empty store.
    pub(crate) bootstrap_key: Option<Secret>,
    /// What clients call us.
    pub(crate) public_url: Option<String>,
    /// The books.
    pub(crate) book: Book,
    /// What can be paid with.
    pub(crate) tools: Tools,
    /// Bounds.
    pub(crate) limits: Limits,
    /// Work that people must decide.
    pub(crate) cases: Cases,
    /// The outside risk service.
    pub(crate) risk: Risk,
    /// The simulated institution.
    pub(crate) sandbox: Sandbox,
    /// Deliveries to merchants.
    pub(crate) webhook: Webhook,
    /// The log of this process.
    pub(crate) log: Log,
}

/// The books.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Book {
    /// In which zone a day begins and ends.
    pub(crate) zone: Zone,
}

/// What can be paid with, beside what every deployment has.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Tools {
    /// Further kinds of stored value.
    pub(crate) stored: Vec<Stored>,
}

impl Tools {
    /// Every kind of stored value of this deployment, each once.
    pub(crate) fn kinds(&self) -> Vec<StoredKind> {
        let mut kinds = StoredKind::BUILT_IN.to_vec();
        kinds.extend(self.stored.iter().map(|Stored(kind)| kind.clone()));
        kinds.sort_unstable();
        kinds.dedup();
        kinds
    }
}

/// Work that people must decide.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Cases {
    /// From which amount on a case wants two people, in minor units of its currency.
    pub(crate) two_people_from: i64,
    /// The kinds of cases that want two people whatever the amount.
    pub(crate) two_people_kinds: Vec<CaseKindWord>,
}

impl Cases {
    /// As the rules take it.
    pub(crate) fn approvals(&self) -> payment::Approvals {
        let kinds = self.two_people_kinds.iter().map(|word| word.0).collect();
        payment::Approvals { from_minor: Some(self.two_people_from), kinds }
    }
}

/// Bounds.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Limits {
    /// Most requests decided in one transaction.
    pub(crate) batch: usize,
    /// Most requests waiting for a shard's line.
    pub(crate) queue: usize,
    /// Most bytes of their bodies.
    pub(crate) queue_bytes: usize,
    /// Longest estimated wait of new business.
    pub(crate) wait_ms: u64,
    /// Most aggregates of a type that a line keeps in memory.
    pub(crate) memory: usize,
    /// Most open connections.
    pub(crate) connections: usize,
    /// Longest wait for an answer.
    pub(crate) request_timeout_ms: u64,
    /// Longest time for the head of a request to arrive.
    pub(crate) header_timeout_ms: u64,
    /// Requests per second of one key.
    pub(crate) rate_per_key: u32,
    /// Calls to one channel account under way at a time.
    pub(crate) channel_calls: usize,
    /// Longest time for open requests after SIGTERM.
    pub(crate) drain_ms: u64,
}

/// The outside risk service.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Risk {
    /// Where it is asked; the sandbox plays it in the test environment where none is named.
    pub(crate) url: Option<String>,
    /// What questions and answers are signed with, `whsec_…`.
    pub(crate) secret: Option<Secret>,
    /// Longest wait for its answer.
    pub(crate) timeout_ms: u64,
    /// Most questions under way.
    pub(crate) calls: usize,
}

/// The simulated institution (test environment).
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Sandbox {
    /// How long an unpaid order lives there.
    pub(crate) lifetime_s: u32,
    /// From an answer that is not final to the first query.
    pub(crate) first_query_ms: u32,
    /// Whether it sends notifications.
    pub(crate) notify: bool,
}

/// Deliveries to merchants.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Webhook {
    /// Pauses after each failed attempt; when they are used up, the delivery is dead.
    pub(crate) schedule_s: Vec<u32>,
    /// Longest time for one attempt.
    pub(crate) timeout_ms: u32,
}

/// The log of this process.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Log {
    /// For people or for machines.
    pub(crate) format: LogFormat,
    /// What is logged.
    pub(crate) level: String,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            store: StoreUrl::sqlite("./data"),
            shards: None,
            listen: SocketAddr::from(([127, 0, 0, 1], 8_080)),
            environment: Environment::Test,
            bootstrap_key: None,
            public_url: None,
            book: Book { zone: Zone::default() },
            tools: Tools { stored: Vec::new() },
            limits: Limits {
                batch: kernel::limits::MAX_BATCH,
                queue: kernel::limits::MAX_QUEUE,
                queue_bytes: kernel::limits::MAX_QUEUE_BYTES,
                wait_ms: 500,
                memory: 8_192,
                connections: 4_096,
                request_timeout_ms: 10_000,
                header_timeout_ms: 10_000,
                rate_per_key: 20_000,
                channel_calls: 256,
                drain_ms: 15_000,
            },
            // A store with one key has nobody who could approve.
            cases: Cases { two_people_from: kernel::limits::MAX_AMOUNT_MINOR, two_people_kinds: Vec::new() },
            risk: Risk { url: None, secret: None, timeout_ms: 300, calls: 64 },
            sandbox: Sandbox { lifetime_s: 1_800, first_query_ms: 1_000, notify: true },
            webhook: Webhook { schedule_s: vec![5, 300, 1_800, 7_200, 18_000, 36_000, 36_000], timeout_ms: 10_000 },
            log: Log { format: LogFormat::Auto, level: "info".to_owned() },
        }
    }
}
