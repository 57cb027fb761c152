//! What each key means, in one table: shown by `suanpan config keys`, held to the configuration by a test.

/// One key.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Key {
    /// Its path, as `limits.batch`.
    pub(crate) name: &'static str,
    /// What it is for.
    pub(crate) meaning: &'static str,
    /// The unit, or the kind of value.
    pub(crate) unit: &'static str,
    /// The numbers allowed, where it is a number.
    pub(crate) range: Option<(i64, i64)>,
}

const fn key(name: &'static str, unit: &'static str, meaning: &'static str) -> Key {
    Key { name, meaning, unit, range: None }
}

const fn number(name: &'static str, unit: &'static str, least: i64, most: i64, meaning: &'static str) -> Key {
    Key { name, meaning, unit, range: Some((least, most)) }
}

/// Every key.
pub(crate) const KEYS: &[Key] = &[
    key("store", "address", "where the data lives: sqlite:DIRECTORY or postgres://user:password@host:port/database"),
    number(
        "shards",
        "shards",
        1,
        256,
        "into how many shards a new store is divided, a power of two; one that is there keeps what it was made with",
    ),
    key("listen", "address:port", "where the HTTP server listens"),
    key("environment", "test or live", "test: keys are sk_test_…, the simulated institution answers, no money moves"),
    key(
        "bootstrap_key",
        "secret",
        "platform key of an empty store (sk_test_…); one is made and printed where none is given",
    ),
    key("public_url", "URL", "what clients and institutions call us; http://LISTEN where none is given"),
    key("book.zone", "IANA zone", "in which zone an accounting day begins and ends"),
    key(
        "tools.stored",
        "list of words",
        "kinds of stored value beside gift_card and red_packet, as meal_card; each is a tool of that name",
    ),
    number("limits.batch", "requests", 1, 4_096, "most requests decided in one transaction"),
    number(
        "limits.queue",
        "requests",
        1,
        1_000_000,
        "most requests waiting for a shard's line; beyond it the answer is 503",
    ),
    number(
        "limits.queue_bytes",
        "bytes",
        1_000,
        1_000_000_000_000,
        "most bytes of the bodies that wait for a shard's line; beyond it the answer is 503",
    ),
    number(
        "limits.wait_ms",
        "milliseconds",
        1,
        600_000,
        "longest estimated wait of new business for a shard's line; beyond it the answer is 503",
    ),
    number(
        "limits.memory",
        "aggregates",
        0,
        10_000_000,
        "most aggregates of a type (trades, accounts, …) that a line keeps in memory between batches",
    ),
    number(
        "limits.connections",
        "connections",
        1,
        1_000_000,
        "most open connections; beyond it new ones are answered 503",
    ),
    number("limits.request_timeout_ms", "milliseconds", 1, 600_000, "longest wait for an answer of a line"),
    number("limits.header_timeout_ms", "milliseconds", 1, 600_000, "longest time for the head of a request to arrive"),
    number(
        "limits.rate_per_key",
        "requests/second",
        1,
        1_000_000,
        "requests of one API key; beyond it the answer is 429",
    ),
    number("limits.channel_calls", "calls", 1, 100_000, "calls to one channel account under way at a time"),
    number("limits.drain_ms", "milliseconds", 0, 600_000, "longest time that open requests get after SIGTERM"),
    number(
        "cases.two_people_from",
        "minor units",
        0,
        1_000_000_000_000_000,
        "cases over so much or more are resolved by two people: one proposes, another approves; the same on every node",
    ),
    key(
        "cases.two_people_kinds",
        "list of kinds",
        "kinds of cases that two people resolve whatever the amount, as refund_failed; the same on every node",
    ),
    key(
        "risk.url",
        "URL",
        "where the outside risk service is asked (https; in the test environment also http); the sandbox plays it there where none is given",
    ),
    key("risk.secret", "secret", "what its questions and answers are signed with, as webhooks are (whsec_…)"),
    number("risk.timeout_ms", "milliseconds", 10, 5_000, "longest wait for its answer"),
    number("risk.calls", "questions", 1, 10_000, "questions to it under way at a time; beyond it none is asked"),
    number(
        "sandbox.lifetime_s",
        "seconds",
        1,
        7_776_000,
        "how long an unpaid order lives at the simulated institution",
    ),
    number(
        "sandbox.first_query_ms",
        "milliseconds",
        1,
        86_400_000,
        "from an answer that is not final to the first query",
    ),
    key("sandbox.notify", "true or false", "whether the simulated institution sends notifications"),
    number(
        "webhook.schedule_s",
        "list of seconds",
        0,
        2_592_000,
        "pauses after failed deliveries; after the last one it is dead",
    ),
    number("webhook.timeout_ms", "milliseconds", 1, 60_000, "longest time for one delivery"),
    key("log.format", "auto, pretty or json", "auto: pretty on a terminal, JSON elsewhere"),
    key("log.level", "filter", "what is logged, as `info` or `warn,engine=debug`"),
];

/// The key of this name.
pub(crate) fn find(name: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.name == name)
}
