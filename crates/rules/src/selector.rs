//! How a rule names tools: `balance`, `coupon`, `stored`, `points`, `credit`, `channel`, `payout`; one method of the channels as
//! `channel:card`, one kind of stored value as `stored:gift_card`.

use std::fmt;

use kernel::message::payment::Tool;
use kernel::{StoredKind, text};

/// The kinds of tools, as rules name them.
pub(crate) const KINDS: [&str; 7] = ["balance", "coupon", "stored", "points", "credit", "channel", "payout"];

/// The kind of a tool.
pub(crate) const fn kind(tool: &Tool) -> &'static str {
    match tool {
        Tool::Balance => "balance",
        Tool::Coupon(_) => "coupon",
        Tool::Stored(_) => "stored",
        Tool::Points => "points",
        Tool::Credit => "credit",
        Tool::Channel { .. } => "channel",
        Tool::Payout { .. } => "payout",
    }
}

/// The narrowest name of a tool: `balance`, `channel:card`.
pub(crate) fn narrowest(tool: &Tool) -> String {
    match tool {
        Tool::Channel { method, .. } => Selector::Method(method.clone()).to_string(),
        Tool::Stored(kind) => Selector::Stored(kind.clone()).to_string(),
        Tool::Balance | Tool::Coupon(_) | Tool::Points | Tool::Credit | Tool::Payout { .. } => kind(tool).to_owned(),
    }
}

/// A tool, or some of them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Selector {
    /// Every tool of a kind.
    Kind(&'static str),
    /// The channels' tools of one method.
    Method(String),
    /// Stored value of one kind.
    Stored(StoredKind),
}

impl Selector {
    /// Reads a name; `None` where it names no tool.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        if let Some(method) = name.strip_prefix("channel:") {
            let fits = text::is_reference(method, kernel::limits::MAX_SUB_TYPE);
            return fits.then(|| Self::Method(method.to_owned()));
        }
        if let Some(kind) = name.strip_prefix("stored:") {
            return StoredKind::parse(kind).map(Self::Stored);
        }
        KINDS.into_iter().find(|kind| *kind == name).map(Self::Kind)
    }

    /// Whether it names this tool.
    pub(crate) fn names(&self, tool: &Tool) -> bool {
        match (self, tool) {
            (Self::Kind(name), tool) => *name == kind(tool),
            (Self::Method(name), Tool::Channel { method, .. }) => name == method,
            (Self::Stored(name), Tool::Stored(kind)) => name == kind,
            (
                Self::Method(_),
                Tool::Balance | Tool::Coupon(_) | Tool::Stored(_) | Tool::Points | Tool::Credit | Tool::Payout { .. },
            )
            | (
                Self::Stored(_),
                Tool::Balance
                | Tool::Coupon(_)
                | Tool::Points
                | Tool::Credit
                | Tool::Channel { .. }
                | Tool::Payout { .. },
            ) => false,
        }
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Kind(name) => f.write_str(name),
            Self::Method(method) => write!(f, "channel:{method}"),
            Self::Stored(kind) => write!(f, "stored:{kind}"),
        }
    }
}

/// Several, as people read them: `balance, channel:card`.
pub(crate) fn list(selectors: &[Selector]) -> String {
    selectors.iter().map(Selector::to_string).collect::<Vec<_>>().join(", ")
}
