//! Rows: a plain struct per table, and the macro that makes struct, table and conversions from one definition.

use super::cell::{Cell, Cells, Inconsistent};
use super::table::Table;

/// A struct that is one row of one table, its fields the columns in order.
pub trait Row: Clone + PartialEq + Sized {
    /// The table.
    const TABLE: &'static Table;

    /// Appends one cell per column.
    fn write(self, out: &mut Vec<Cell>);

    /// Reads one cell per column.
    fn read(cells: &mut Cells) -> Result<Self, Inconsistent>;

    /// The row as cells.
    fn cells(self) -> Vec<Cell> {
        let mut out = Vec::with_capacity(Self::TABLE.columns.len());
        self.write(&mut out);
        out
    }

    /// A whole row from its cells; a row that is too short or too long is an error.
    fn from_cells(row: Vec<Cell>) -> Result<Self, Inconsistent> {
        let mut cells = Cells::new(Self::TABLE, row);
        let read = Self::read(&mut cells)?;
        cells.end()?;
        Ok(read)
    }
}

/// The column name of a field: `r#type` is `type`.
#[doc(hidden)]
pub const fn column_name(field: &'static str) -> &'static str {
    match field.as_bytes() {
        [b'r', b'#', rest @ ..] => match std::str::from_utf8(rest) {
            Ok(name) => name,
            Err(_) => field,
        },
        _ => field,
    }
}

/// Defines a table and the struct of its rows.
///
/// ```
/// store::row! {
///     /// What one shelf holds.
///     pub struct Shelf in Main "shelf" key 2, version version {
///         /// The shard.
///         pub shard: i64,
///         /// The shelf within the shard.
///         pub no: i64,
///         /// How many pieces lie on it.
///         pub pieces: i64,
///         /// What they are, if any.
///         pub label: Option<store::Text>,
///         /// Raised by every update.
///         pub version: i64,
///     }
///     check "pieces >= 0";
///     unique "shelf_label" (shard, label) where "label IS NOT NULL";
/// }
/// ```
/// The first `key` fields are the primary key. `version` names the column whose old value guards updates. Field types
/// implement [`AsCell`](crate::AsCell). Checks stand before indexes.
#[macro_export]
macro_rules! row {
    (
        $(#[$meta:meta])*
        $vis:vis struct $name:ident in $place:ident $table:literal key $key:literal $(, version $version:ident)? {
            $( $(#[$field_meta:meta])* $field_vis:vis $field:ident : $type:ty ),+ $(,)?
        }
        $( check $check:literal; )*
        $( unique $unique:literal ( $($unique_column:ident),+ ) $( where $unique_only:literal )? ; )*
        $( index $index:literal ( $($index_column:ident),+ ) $( where $index_only:literal )? ; )*
    ) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        $vis struct $name { $( $(#[$field_meta])* $field_vis $field: $type, )+ }

        impl $crate::Row for $name {
            const TABLE: &'static $crate::Table = &$crate::Table {
                name: $table,
                place: $crate::Place::$place,
                columns: &[ $( $crate::Column {
                    name: $crate::column_name(stringify!($field)),
                    kind: <$type as $crate::AsCell>::KIND,
                    null: <$type as $crate::AsCell>::NULL,
                }, )+ ],
                key: $key,
                version: $crate::row!(@option $( $crate::column_name(stringify!($version)) )?),
                checks: &[ $( $check, )* ],
                indexes: &[
                    $( $crate::Index {
                        name: $unique,
                        columns: &[ $( $crate::column_name(stringify!($unique_column)), )+ ],
                        only: $crate::row!(@option $( $unique_only )?),
                        unique: true,
                    }, )*
                    $( $crate::Index {
                        name: $index,
                        columns: &[ $( $crate::column_name(stringify!($index_column)), )+ ],
                        only: $crate::row!(@option $( $index_only )?),
                        unique: false,
                    }, )*
                ],
            };

            fn write(self, out: &mut Vec<$crate::Cell>) {
                $( out.push($crate::AsCell::into_cell(self.$field)); )+
            }

            fn read(cells: &mut $crate::Cells) -> Result<Self, $crate::Inconsistent> {
                Ok(Self { $( $field: $crate::AsCell::from_cell(cells)?, )+ })
            }
        }
    };
    (@option) => { None };
    (@option $value:expr) => { Some($value) };
}
