//! All SQL of the platform, written once for SQLite and PostgreSQL, behind one small door.
//!
//! Read in this order: `door` (the values that pass, and the three traits `Line`, `Reader`, `Side`), `tables` (what is
//! stored), `sqlite` and `postgres` (the drivers; nothing else names either), `migrate`, `store` (opening). The store
//! decides nothing: rules are given rows and give back rows; here rows are read as of one moment, written as one
//! transaction behind a fence, and counted where some could be missing.

mod door;
pub mod invariants;
mod migrate;
mod postgres;
mod sqlite;
mod store;
pub mod tables;
pub mod unit;
mod url;

#[doc(hidden)]
pub use door::column_name;
pub use door::{
    Applied, AsCell, Ask, Bytes, Cell, Cells, Change, Column, Dialect, Head, Inconsistent, Index, Kind, Line, Place,
    Reader, Row, Side, Snapshot, Statement, Step, StoreError, Table, Text, Update, Work, Written,
};
pub use migrate::WANTED as SCHEMA;
pub use postgres::naive;
pub use sqlite::{Memory, sqlite_version};
pub use store::{Access, Opening, Ports, Spawn, SpawnThread, Store, Thread};
pub use url::Url;
