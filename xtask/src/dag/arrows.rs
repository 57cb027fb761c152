//! The arrows that are allowed, each with its reason, and what some layers must never name.
//!
//! An arrow that is not here is forbidden, a crate that is not here is an error. Tests may reach further than the code
//! they test, but a pure crate's tests stay as free of the world as its code.

/// What is asked of a crate beside its arrows.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Layer {
    /// Rules: functions of their arguments.
    Pure,
    /// All SQL.
    Store,
    /// Runs the rules; the world comes in through ports.
    Engine,
    /// Everything else.
    World,
}

/// A crate of the workspace: the crates it may depend on, each with the reason.
pub(super) struct Rule {
    pub(super) of: &'static str,
    pub(super) layer: Layer,
    pub(super) uses: &'static [(&'static str, &'static str)],
}

pub(super) const RULES: &[Rule] = &[
    Rule { of: "kernel", layer: Layer::Pure, uses: &[] },
    Rule { of: "trade", layer: Layer::Pure, uses: &[("kernel", "the shared words")] },
    Rule { of: "payment", layer: Layer::Pure, uses: &[("kernel", "the shared words")] },
    Rule { of: "rules", layer: Layer::Pure, uses: &[("kernel", "the shared words")] },
    Rule { of: "channel", layer: Layer::Pure, uses: &[("kernel", "the shared words")] },
    Rule { of: "accounting", layer: Layer::Pure, uses: &[("kernel", "the shared words")] },
    Rule {
        of: "store",
        layer: Layer::Store,
        uses: &[
            ("kernel", "the shared words"),
            ("trade", "its states are rows"),
            ("payment", "its states are rows"),
            ("channel", "its states are rows"),
            ("accounting", "accounts, transfers and the chain are rows"),
        ],
    },
    Rule {
        of: "engine",
        layer: Layer::Engine,
        uses: &[
            ("kernel", "the shared words"),
            ("trade", "runs its rules"),
            ("payment", "runs its rules"),
            ("rules", "asks its books"),
            ("channel", "runs its rules"),
            ("accounting", "runs its rules"),
            ("store", "reads for the rules and writes what they decide"),
        ],
    },
    Rule {
        of: "sim",
        layer: Layer::World,
        uses: &[
            ("kernel", "the shared words"),
            ("trade", "checks its invariants"),
            ("payment", "checks its invariants"),
            ("rules", "asks the same books again"),
            ("channel", "plays the institution"),
            ("accounting", "checks its invariants"),
            ("store", "puts faults before it"),
            ("engine", "runs it in virtual time"),
        ],
    },
    Rule { of: "bench", layer: Layer::World, uses: &[] },
    Rule {
        of: "suanpan",
        layer: Layer::World,
        uses: &[
            ("kernel", "the shared words"),
            ("trade", "its words on the wire"),
            ("payment", "its words on the wire"),
            ("rules", "checks books before they are uploaded"),
            ("channel", "the adapters behind the notify doors"),
            ("accounting", "its words on the wire"),
            ("store", "opens it"),
            ("engine", "runs it, and is its ports"),
            ("sim", "can be offered as a command"),
            ("bench", "`suanpan bench`"),
        ],
    },
    Rule { of: "testkit", layer: Layer::World, uses: &[] },
    Rule { of: "xtask", layer: Layer::World, uses: &[] },
];

/// Crates that exist for tests: nobody's normal dependency.
pub(super) const DEV_ONLY: &[&str] = &["testkit"];

/// How far a ban reaches.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Reach {
    Code,
    TestsToo,
}

/// Crates from outside that some layers must not name.
pub(super) struct Ban {
    layers: &'static [Layer],
    pub(super) crates: &'static [&'static str],
    pub(super) reach: Reach,
    pub(super) why: &'static str,
}

impl Layer {
    pub(super) fn is_banned_by(self, ban: &Ban) -> bool {
        ban.layers.contains(&self)
    }
}

pub(super) const BANS: &[Ban] = &[
    Ban {
        layers: &[Layer::Pure],
        crates: &["tokio", "rusqlite", "axum"],
        reach: Reach::TestsToo,
        why: "rules do no I/O and name no runtime, not even in their tests",
    },
    Ban {
        layers: &[Layer::Pure],
        crates: &["hyper", "reqwest", "tokio-postgres", "getrandom"],
        reach: Reach::Code,
        why: "rules do no I/O and draw no random number",
    },
    Ban {
        layers: &[Layer::Engine],
        crates: &["tokio", "hyper", "axum", "reqwest"],
        reach: Reach::Code,
        why: "the engine reaches the world through its ports",
    },
    Ban {
        layers: &[Layer::Engine, Layer::World],
        crates: &["rusqlite", "tokio-postgres"],
        reach: Reach::Code,
        why: "only the store names a database",
    },
];
