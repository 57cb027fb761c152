//! Which tables a store has.

use crate::door::{Cell, StoreError};
use crate::statements;

/// The table that says which tables were made; one text for both engines.
pub(crate) const VERSIONS: &str = "CREATE TABLE IF NOT EXISTS schema_version (
  version BIGINT PRIMARY KEY,
  print BIGINT NOT NULL,
  applied_at BIGINT NOT NULL
)";

statements! {
    /// The newest version.
    FOUND = "schema.found" () "SELECT COALESCE(MAX(version), 0) AS version FROM schema_version";
    /// The print of the tables of a version.
    PRINT = "schema.print" (Int) "SELECT print FROM schema_version WHERE version = $1";
    /// Makes a version.
    TAKE = "schema.take" (Int, Int, Int) "INSERT INTO schema_version (version, print, applied_at) VALUES ($1, $2, $3)";
}

/// What a database was found to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// Empty.
    Nothing,
    /// Of another version of this program.
    Version(i64),
    /// Of this version, with tables of this print.
    Current(i64),
}

/// The answer to `FOUND` or `PRINT`: one number.
pub(crate) fn number(rows: &[Vec<Cell>]) -> Result<i64, StoreError> {
    match rows.first().map(Vec::as_slice) {
        Some([Cell::Int(number)]) => Ok(*number),
        _ => Err(StoreError::broken("the version of the tables, or their print, is not a number")),
    }
}
