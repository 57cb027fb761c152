//! Cells: the only values that pass the door, in both directions.
//!
//! Four kinds suffice for two engines: whole numbers (money in minor units, time in microseconds, states as small codes
//! or words), text, bytes, and nothing. The order of cells is the order in which both engines sort their columns.

use std::fmt;

use smallvec::SmallVec;

use super::table::Table;

/// Text of a cell; short ones, and most are words and codes, are kept in place.
pub use compact_str::CompactString as Text;

/// Bytes of a cell; an id is kept in place.
pub type Bytes = SmallVec<[u8; 16]>;

/// The longest text or bytes that `Debug` shows; anything longer may be a body and is named by its length alone.
const SHOWN: usize = 32;

/// One value of one column of one row.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cell {
    /// No value; only in columns that allow it.
    Null,
    /// A whole number.
    Int(i64),
    /// Text in UTF-8 without NUL characters (PostgreSQL stores none).
    Text(Text),
    /// Bytes.
    Bytes(Bytes),
}

impl Cell {
    /// Text.
    pub fn text(text: impl Into<Text>) -> Self {
        Self::Text(text.into())
    }

    /// Bytes.
    pub fn bytes(bytes: impl AsRef<[u8]>) -> Self {
        Self::Bytes(Bytes::from_slice(bytes.as_ref()))
    }
}

impl fmt::Debug for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Cell::Null => f.write_str("null"),
            Cell::Int(number) => write!(f, "{number}"),
            Cell::Text(text) if text.len() <= SHOWN => write!(f, "{text:?}"),
            Cell::Text(text) => write!(f, "text of {} bytes", text.len()),
            Cell::Bytes(bytes) if bytes.len() <= SHOWN => {
                bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))?;
                f.write_str("h")
            }
            Cell::Bytes(bytes) => write!(f, "{} bytes", bytes.len()),
        }
    }
}

/// A row that fits no state of its type: written by a newer program, by hand, or by a fault. Never papered over.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a row of `{table}` fits no state: column `{column}` {why}")]
pub struct Inconsistent {
    /// The table of the row.
    pub table: &'static str,
    /// The column that does not fit, or the last one read.
    pub column: &'static str,
    /// What was found wrong; never the value itself.
    pub why: &'static str,
}

/// A reader over one row, column by column; texts and bytes move out, nothing is copied.
pub struct Cells {
    table: &'static Table,
    position: usize,
    row: std::vec::IntoIter<Cell>,
}

impl Cells {
    /// A reader that stands before the first column of `row`.
    pub fn new(table: &'static Table, row: Vec<Cell>) -> Self {
        Self { table, position: 0, row: row.into_iter() }
    }

    /// The next cell, whatever its kind.
    pub fn cell(&mut self) -> Result<Cell, Inconsistent> {
        self.position += 1;
        self.row.next().ok_or_else(|| self.wrong("is missing"))
    }

    /// The next cell, a whole number.
    pub fn int(&mut self) -> Result<i64, Inconsistent> {
        match self.cell()? {
            Cell::Int(number) => Ok(number),
            _ => Err(self.wrong("is not a whole number")),
        }
    }

    /// The next cell, text.
    pub fn text(&mut self) -> Result<Text, Inconsistent> {
        match self.cell()? {
            Cell::Text(text) => Ok(text),
            _ => Err(self.wrong("is not text")),
        }
    }

    /// The next cell, bytes.
    pub fn bytes(&mut self) -> Result<Bytes, Inconsistent> {
        match self.cell()? {
            Cell::Bytes(bytes) => Ok(bytes),
            _ => Err(self.wrong("is not bytes")),
        }
    }

    /// The next cell, exactly `N` bytes.
    pub fn fixed<const N: usize>(&mut self) -> Result<[u8; N], Inconsistent> {
        let bytes = self.bytes()?;
        <[u8; N]>::try_from(bytes.as_slice()).map_err(|_| self.wrong("has the wrong length"))
    }

    /// A whole number, or nothing.
    pub fn opt_int(&mut self) -> Result<Option<i64>, Inconsistent> {
        self.optional(Self::int)
    }

    /// Text, or nothing.
    pub fn opt_text(&mut self) -> Result<Option<Text>, Inconsistent> {
        self.optional(Self::text)
    }

    /// Bytes, or nothing.
    pub fn opt_bytes(&mut self) -> Result<Option<Bytes>, Inconsistent> {
        self.optional(Self::bytes)
    }

    /// Reads the next cell by `read` unless it is null.
    pub fn optional<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<T, Inconsistent>,
    ) -> Result<Option<T>, Inconsistent> {
        if let Some(Cell::Null) = self.row.as_slice().first() {
            self.cell().map(|_| None)
        } else {
            read(self).map(Some)
        }
    }

    /// The error for the cell that was read last; for types that know more than the kind.
    pub fn wrong(&self, why: &'static str) -> Inconsistent {
        let column = self.table.columns.get(self.position.saturating_sub(1)).map_or("(none)", |column| column.name);
        Inconsistent { table: self.table.name, column, why }
    }

    /// Succeeds when every cell was read: a row wider than its type is as wrong as a narrower one.
    pub fn end(&mut self) -> Result<(), Inconsistent> {
        match self.row.next() {
            None => Ok(()),
            Some(_) => Err(self.wrong("is followed by columns that the type does not know")),
        }
    }
}

/// A type that fills exactly one column.
pub trait AsCell: Sized {
    /// The kind of the column.
    const KIND: super::table::Kind;
    /// Whether the column may hold nothing.
    const NULL: bool = false;
    /// The value as a cell.
    fn into_cell(self) -> Cell;
    /// Reads the next cell as a value of this type.
    fn from_cell(cells: &mut Cells) -> Result<Self, Inconsistent>;
}

impl AsCell for i64 {
    const KIND: super::table::Kind = super::table::Kind::Int;
    fn into_cell(self) -> Cell {
        Cell::Int(self)
    }
    fn from_cell(cells: &mut Cells) -> Result<Self, Inconsistent> {
        cells.int()
    }
}

/// A flag: 1 or 0.
impl AsCell for bool {
    const KIND: super::table::Kind = super::table::Kind::Int;
    fn into_cell(self) -> Cell {
        Cell::Int(i64::from(self))
    }
    fn from_cell(cells: &mut Cells) -> Result<Self, Inconsistent> {
        match cells.int()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(cells.wrong("is neither 0 nor 1")),
        }
    }
}

impl AsCell for Text {
    const KIND: super::table::Kind = super::table::Kind::Text;
    fn into_cell(self) -> Cell {
        Cell::Text(self)
    }
    fn from_cell(cells: &mut Cells) -> Result<Self, Inconsistent> {
        cells.text()
    }
}

impl AsCell for Vec<u8> {
    const KIND: super::table::Kind = super::table::Kind::Bytes;
    fn into_cell(self) -> Cell {
        Cell::Bytes(self.into())
    }
    fn from_cell(cells: &mut Cells) -> Result<Self, Inconsistent> {
        cells.bytes().map(Bytes::into_vec)
    }
}

impl<const N: usize> AsCell for [u8; N] {
    const KIND: super::table::Kind = super::table::Kind::Bytes;
    fn into_cell(self) -> Cell {
        Cell::bytes(self)
    }
    fn from_cell(cells: &mut Cells) -> Result<Self, Inconsistent> {
        cells.fixed()
    }
}

impl<T: AsCell> AsCell for Option<T> {
    const KIND: super::table::Kind = T::KIND;
    const NULL: bool = true;
    fn into_cell(self) -> Cell {
        self.map_or(Cell::Null, T::into_cell)
    }
    fn from_cell(cells: &mut Cells) -> Result<Self, Inconsistent> {
        cells.optional(T::from_cell)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Row as _;
    use crate::tables::shard::Shard;

    fn cells(row: Vec<Cell>) -> Cells {
        Cells::new(Shard::TABLE, row)
    }

    #[test]
    fn long_values_are_not_shown() {
        assert_eq!(format!("{:?}", Cell::Text("paid".into())), "\"paid\"");
        assert_eq!(format!("{:?}", Cell::bytes([1, 255])), "01ffh");
        let body = Cell::Text("4111111111111111".repeat(3).into());
        assert_eq!(format!("{body:?}"), "text of 48 bytes");
        assert_eq!(format!("{:?}", Cell::bytes([7; 33])), "33 bytes");
    }

    #[test]
    fn what_does_not_fit_is_named_without_its_value() {
        let wrong = |row: Vec<Cell>| {
            let mut cells = cells(row);
            cells.int().and_then(|_| cells.int()).and_then(|_| cells.end()).unwrap_err().to_string()
        };
        assert!(wrong(vec![Cell::Int(1), Cell::Null]).contains("`epoch` is not a whole number"));
        assert!(wrong(vec![Cell::Int(1)]).contains("`epoch` is missing"));
        assert!(wrong(vec![Cell::Int(1); 3]).contains("is followed by columns"));
        assert!(cells(vec![Cell::bytes([0; 3])]).fixed::<4>().unwrap_err().why.contains("length"));
    }

    #[test]
    fn nothing_is_read_as_nothing() {
        let mut cells = cells(vec![Cell::Null, Cell::Text("a".into()), Cell::Null, Cell::Null]);
        assert_eq!(cells.opt_int(), Ok(None));
        assert_eq!(cells.opt_text(), Ok(Some("a".into())));
        assert_eq!(Option::<[u8; 16]>::from_cell(&mut cells), Ok(None));
        assert!(Text::from_cell(&mut cells).is_err());
    }

    #[test]
    fn cells_sort_as_columns_do() {
        let text = |text: &str| Cell::Text(text.into());
        assert!(text("B") < text("a") && text("a") < text("aa") && text("z") < text("ä"));
        assert!(Cell::Int(-1) < Cell::Int(0) && Cell::bytes([1]) < Cell::bytes([1, 0]));
    }
}
