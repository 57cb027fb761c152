//! What the store can say when it cannot do its work.

/// An error of the store. `Display` is for callers and names no SQL and no data; `detail` is for the log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The database does not answer. Nothing was committed; trying again later is safe.
    #[error("the database cannot be reached")]
    Unreachable {
        /// For the log.
        detail: String,
    },
    /// The disk under the database is full. Nothing was committed.
    #[error("the disk of the database is full")]
    Full {
        /// For the log.
        detail: String,
    },
    /// The disk did not confirm a commit. Whether it stands is not known, and a later flush that succeeds says nothing
    /// about an earlier one that failed: only a process that reads the files anew can go on.
    #[error("the disk of the database did not confirm a commit")]
    Undurable {
        /// For the log.
        detail: String,
    },
    /// Another process holds the SQLite files, or held them longer than we wait.
    #[error("another process holds this store")]
    Busy {
        /// For the log.
        detail: String,
    },
    /// The tables are those of another version of this program.
    #[error("the store has schema {found}, this program needs {wanted}: {}", advice(*found, *wanted))]
    Schema {
        /// The version found; 0 is an empty store.
        found: i64,
        /// The version this program works with.
        wanted: i64,
    },
    /// The tables have this program's version, but are not its tables: another state of its source made them.
    #[error(
        "the store has other tables than this program, although both have schema {version}: use the program that made it, \
         or a new store"
    )]
    Tables {
        /// The version of both.
        version: i64,
    },
    /// Something that must always hold does not: a row count differs, a check refused, a row fits no state. Nothing
    /// was committed; the shard must stop until somebody has looked.
    #[error("an invariant of the store is broken")]
    Broken {
        /// For the log.
        detail: String,
    },
    /// Anything else the database refused, or an address that is none.
    #[error("the database refused")]
    Other {
        /// For the log.
        detail: String,
    },
}

impl StoreError {
    /// A stable word for metrics and error pages.
    pub fn code(&self) -> &'static str {
        match self {
            StoreError::Unreachable { .. } => "store_unreachable",
            StoreError::Full { .. } => "store_full",
            StoreError::Undurable { .. } => "store_undurable",
            StoreError::Busy { .. } => "store_busy",
            StoreError::Schema { .. } | StoreError::Tables { .. } => "store_schema",
            StoreError::Broken { .. } => "store_broken",
            StoreError::Other { .. } => "store_refused",
        }
    }

    /// Whether the line that met it must stop: going on could make it worse, or could not be durable.
    pub fn is_fatal(&self) -> bool {
        match self {
            StoreError::Unreachable { .. } | StoreError::Full { .. } => false,
            StoreError::Undurable { .. }
            | StoreError::Busy { .. }
            | StoreError::Schema { .. }
            | StoreError::Tables { .. }
            | StoreError::Broken { .. }
            | StoreError::Other { .. } => true,
        }
    }

    /// What the log should know; may name tables and constraints.
    pub fn detail(&self) -> &str {
        match self {
            StoreError::Unreachable { detail }
            | StoreError::Full { detail }
            | StoreError::Undurable { detail }
            | StoreError::Busy { detail }
            | StoreError::Broken { detail }
            | StoreError::Other { detail } => detail,
            StoreError::Schema { .. } | StoreError::Tables { .. } => "",
        }
    }

    /// A broken invariant, in words for the log.
    pub fn broken(detail: impl Into<String>) -> Self {
        StoreError::Broken { detail: detail.into() }
    }

    pub(crate) fn other(detail: impl Into<String>) -> Self {
        StoreError::Other { detail: detail.into() }
    }
}

impl From<super::cell::Inconsistent> for StoreError {
    fn from(row: super::cell::Inconsistent) -> Self {
        StoreError::Broken { detail: row.to_string() }
    }
}

fn advice(found: i64, wanted: i64) -> &'static str {
    match found {
        0 => "run `suanpan migrate`",
        _ if found < wanted => "no program leads from there to here; use the one that made it, or a new store",
        _ => "use a newer program",
    }
}

/// What ends a transaction before its commit.
#[derive(Debug)]
pub(crate) enum Stop {
    /// Somebody else was faster, or a guard did not hold; nothing is wrong.
    Conflict,
    /// It cannot be done.
    Fault(StoreError),
}

impl From<StoreError> for Stop {
    fn from(error: StoreError) -> Self {
        Stop::Fault(error)
    }
}

impl From<Stop> for StoreError {
    fn from(stop: Stop) -> Self {
        match stop {
            Stop::Conflict => StoreError::other("another transaction was in the way"),
            Stop::Fault(error) => error,
        }
    }
}
