//! The door: the one narrow place through which everything else speaks to a database.
//!
//! Inside are plain values: cells, rows, tables, asks and works. Two drivers stand behind it, `sqlite` and `postgres`;
//! nothing in front of it names either. Rows of a shard are written by its `Line` alone, fenced by the head.

pub(crate) mod bulk;
mod cell;
mod ddl;
mod error;
mod row;
mod statement;
mod table;
mod unit;

pub use bulk::Dialect;
pub use cell::{AsCell, Bytes, Cell, Cells, Inconsistent, Text};
pub(crate) use error::Stop;
pub use error::StoreError;
pub use row::{Row, column_name};
pub use statement::Statement;
pub use table::{Column, Index, Kind, Place, Table};
pub use unit::{Applied, Ask, Change, Head, Line, Reader, Side, Snapshot, Step, Update, Work, Written};
