//! Tables: one Rust definition from which the DDL and all bulk reads and writes of both engines are made.
//!
//! Whatever can be derived is derived: a table whose first column is `shard` belongs to a shard's line; a table whose
//! key is one whole number is stored by it on SQLite. Everything a table states here the database enforces.

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// `BIGINT`; a signed 64-bit whole number.
    Int,
    /// `TEXT`, compared by bytes.
    Text,
    /// `BYTEA`, `BLOB` on SQLite.
    Bytes,
}

/// One column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name, as in Rust.
    pub name: &'static str,
    /// What it holds.
    pub kind: Kind,
    /// Whether it may hold nothing.
    pub null: bool,
}

/// A secondary index. Each one costs on every write: on the write path only what must be unique has one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Index {
    /// Its name, unique in the database.
    pub name: &'static str,
    /// Its columns, in order.
    pub columns: &'static [&'static str],
    /// The rows it covers, as a condition; none means all.
    pub only: Option<&'static str>,
    /// Whether two rows may be equal in it.
    pub unique: bool,
}

/// Where a table lives. On PostgreSQL all places are one database; on SQLite each is a file with a writer of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// The truth: what the lines write, durable when answered.
    Main,
    /// Projections, which can be made anew from the truth.
    Derived,
    /// The simulated institutions of the sandbox; never shares a transaction with us, as a real one would not.
    Bank,
}

impl Place {
    /// All places.
    pub const ALL: [Place; 3] = [Place::Main, Place::Derived, Place::Bank];
}

/// One table.
#[derive(Debug, PartialEq, Eq)]
pub struct Table {
    /// Its name, in the singular.
    pub name: &'static str,
    /// Where it lives.
    pub place: Place,
    /// Its columns; the first `key` of them are the primary key.
    pub columns: &'static [Column],
    /// The length of the primary key.
    pub key: usize,
    /// The column whose old value guards an update, if rows have versions.
    pub version: Option<&'static str>,
    /// Conditions that every row keeps, each with the `CHECK` it becomes.
    pub checks: &'static [&'static str],
    /// Secondary indexes.
    pub indexes: &'static [Index],
}

impl Table {
    /// Whether rows belong to one shard's line: the first column of the key is `shard`.
    pub fn sharded(&self) -> bool {
        self.columns.first().is_some_and(|column| column.name == "shard")
    }

    /// The columns of the primary key.
    pub fn key_columns(&self) -> &'static [Column] {
        self.columns.get(..self.key).unwrap_or(self.columns)
    }

    /// The columns of the primary key that an `Ask` gives: all but `shard`, which comes from the line.
    pub fn asked_columns(&self) -> &'static [Column] {
        let key = self.key_columns();
        if self.sharded() { key.get(1..).unwrap_or_default() } else { key }
    }

    /// The place of the version column among the columns.
    pub fn version_position(&self) -> Option<usize> {
        let name = self.version?;
        self.columns.iter().position(|column| column.name == name)
    }
}
