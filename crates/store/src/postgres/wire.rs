//! Cells on PostgreSQL's wire, in its binary form.
//!
//! Many rows go as one array of rows, a column of them as one array, encoded straight from the rows: no copy is made on
//! the way.

use std::error::Error;
use std::fmt;

use bytes::{BufMut as _, BytesMut};
use tokio_postgres::types::{self, FromSql, IsNull, ToSql, Type, to_sql_checked};

use crate::door::bulk::{Bound, Pair};
use crate::door::{Cell, Kind};

type Failure = Box<dyn Error + Sync + Send>;

/// One parameter of a statement.
pub(super) enum Param<'a> {
    /// One value.
    Cell(&'a Cell),
    /// Many rows, with all their bound columns.
    Rows(&'a [Pair<'a>], &'a [Bound]),
    /// One bound column of many rows.
    Column(&'a [Pair<'a>], Bound),
    /// One column of many keys.
    Keys(&'a [&'a [Cell]], usize, Kind),
}

impl fmt::Debug for Param<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Param::Cell(cell) => cell.fmt(f),
            Param::Rows(rows, _) => write!(f, "{} rows", rows.len()),
            Param::Column(rows, _) => write!(f, "{} values", rows.len()),
            Param::Keys(keys, ..) => write!(f, "{} keys", keys.len()),
        }
    }
}

/// The type of a kind.
pub(super) fn scalar(kind: Kind) -> Type {
    match kind {
        Kind::Int => Type::INT8,
        Kind::Text => Type::TEXT,
        Kind::Bytes => Type::BYTEA,
    }
}

impl ToSql for Param<'_> {
    fn to_sql(&self, ty: &Type, out: &mut BytesMut) -> Result<IsNull, Failure> {
        match self {
            Param::Cell(Cell::Null) => return Ok(IsNull::Yes),
            Param::Cell(cell) => value(cell, out),
            Param::Rows(rows, columns) => {
                let types::Kind::Array(row) = ty.kind() else { return Err("rows go as an array".into()) };
                dimension(false, row, rows.len(), out)?;
                rows.iter().try_for_each(|row| composite(row, columns, out))?;
            }
            Param::Column(rows, bound) => array(bound.kind, rows.iter().map(|row| row.cell(*bound)), out)?,
            Param::Keys(keys, position, kind) => {
                array(*kind, keys.iter().map(|key| key.get(*position).unwrap_or(&Cell::Null)), out)?;
            }
        }
        Ok(IsNull::No)
    }

    fn accepts(ty: &Type) -> bool {
        let scalar = |ty: &Type| [Type::INT8, Type::TEXT, Type::BYTEA].contains(ty);
        let row = |ty: &Type| matches!(ty.kind(), types::Kind::Composite(_));
        scalar(ty) || matches!(ty.kind(), types::Kind::Array(of) if scalar(of) || row(of))
    }

    to_sql_checked!();
}

/// What stands before the elements of a one-dimensional array: dimensions, whether it has nulls, the elements' type,
/// length and lower bound. Each element stands behind its own length.
fn dimension(nulls: bool, of: &Type, length: usize, out: &mut BytesMut) -> Result<(), Failure> {
    out.put_i32(1);
    out.put_i32(nulls.into());
    out.put_u32(of.oid());
    out.put_i32(i32::try_from(length)?);
    out.put_i32(1);
    Ok(())
}

fn array<'c>(
    kind: Kind,
    cells: impl ExactSizeIterator<Item = &'c Cell> + Clone,
    out: &mut BytesMut,
) -> Result<(), Failure> {
    dimension(cells.clone().any(|cell| *cell == Cell::Null), &scalar(kind), cells.len(), out)?;
    cells.into_iter().try_for_each(|cell| element(cell, kind, out))
}

/// A row within an array: how many columns, then each behind its type.
fn composite(row: &Pair<'_>, columns: &[Bound], out: &mut BytesMut) -> Result<(), Failure> {
    let start = out.len();
    out.put_i32(0);
    out.put_i32(i32::try_from(columns.len())?);
    for column in columns {
        out.put_u32(scalar(column.kind).oid());
        element(row.cell(*column), column.kind, out)?;
    }
    let length = i32::try_from(out.len() - start - size_of::<i32>())?;
    if let Some(mut place) = out.get_mut(start..) {
        place.put_i32(length);
    }
    Ok(())
}

/// A value behind its length.
fn element(cell: &Cell, kind: Kind, out: &mut BytesMut) -> Result<(), Failure> {
    out.put_i32(match cell {
        Cell::Null => -1,
        Cell::Int(_) if kind == Kind::Int => 8,
        Cell::Text(text) if kind == Kind::Text => i32::try_from(text.len())?,
        Cell::Bytes(bytes) if kind == Kind::Bytes => i32::try_from(bytes.len())?,
        _ => return Err("a cell is of another kind than its column".into()),
    });
    value(cell, out);
    Ok(())
}

fn value(cell: &Cell, out: &mut BytesMut) {
    match cell {
        Cell::Null => {}
        Cell::Int(number) => out.put_i64(*number),
        Cell::Text(text) => out.put_slice(text.as_bytes()),
        Cell::Bytes(bytes) => out.put_slice(bytes),
    }
}

impl<'a> FromSql<'a> for Cell {
    fn from_sql(ty: &Type, raw: &'a [u8]) -> Result<Self, Failure> {
        if *ty == Type::INT8 {
            return i64::from_sql(ty, raw).map(Cell::Int);
        }
        if *ty == Type::TEXT {
            return <&str>::from_sql(ty, raw).map(Cell::text);
        }
        Ok(Cell::bytes(raw))
    }

    fn from_sql_null(_: &Type) -> Result<Self, Failure> {
        Ok(Cell::Null)
    }

    fn accepts(ty: &Type) -> bool {
        [Type::INT8, Type::TEXT, Type::BYTEA].contains(ty)
    }
}
