//! Statements: the SQL that is not a bulk read or write of one table, as named texts written once for both engines.
//!
//! The portable subset: parameters `$1..$n`; integers, text, bytes; `ON CONFLICT`, `RETURNING`, CTEs for reads;
//! `CAST(SUM(x) AS BIGINT)`; explicit `NULLS FIRST/LAST`; time is a parameter. `{for_update}` locks the rows read on
//! PostgreSQL and is nothing on SQLite, whose writers are alone anyway. A test prepares every registered statement on
//! both engines, compares what they take and give, and refuses words outside the subset.

use super::bulk::Dialect;
use super::table::Kind;

/// One named statement.
#[derive(Debug, PartialEq, Eq)]
pub struct Statement {
    /// Unique; `area.verb`.
    pub name: &'static str,
    /// The text in the portable subset.
    pub text: &'static str,
    /// The kinds of `$1..$n`.
    pub params: &'static [Kind],
    /// A text of its own for SQLite, for the few that cannot be said in both.
    pub sqlite: Option<&'static str>,
}

impl Statement {
    /// The text as the engine takes it.
    pub fn text_for(&self, dialect: Dialect) -> String {
        match dialect {
            Dialect::Postgres => self.text.replace("{for_update}", "FOR UPDATE"),
            // In SQLite `$2` is a *name*, numbered by first appearance; only `?2` is the second parameter.
            Dialect::Sqlite => self.sqlite.unwrap_or(self.text).replace("{for_update}", "").replace('$', "?"),
        }
    }
}

/// Defines statements and `ALL`, the list through which the registry finds them.
///
/// ```
/// store::statements! {
///     /// The orders of a merchant, newest first.
///     ORDERS = "orders.of_merchant" (Bytes, Int) "SELECT no, amount FROM orders WHERE merchant = $1 LIMIT $2";
/// }
/// assert_eq!(ALL.len(), 1);
/// ```
#[macro_export]
macro_rules! statements {
    ( $( $(#[$meta:meta])* $id:ident = $name:literal ( $($kind:ident),* ) $text:literal $( sqlite $sqlite:literal )? ; )+ ) => {
        $(
            $(#[$meta])*
            pub static $id: $crate::Statement = $crate::Statement {
                name: $name,
                text: $text,
                params: &[ $( $crate::Kind::$kind, )* ],
                sqlite: $crate::row!(@option $( $sqlite )?),
            };
        )+
        /// The statements of this file.
        pub static ALL: &[&$crate::Statement] = &[ $( &$id, )+ ];
    };
}
