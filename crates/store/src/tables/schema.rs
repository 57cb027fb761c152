//! The version of the tables themselves.

use crate::door::{Cell, StoreError};
use crate::statements;

/// The table of the migration steps taken; one text for both engines.
pub(crate) const VERSIONS: &str =
    "CREATE TABLE IF NOT EXISTS schema_version (version BIGINT PRIMARY KEY, applied_at BIGINT NOT NULL)";

statements! {
    /// The newest step taken.
    FOUND = "schema.found" () "SELECT COALESCE(MAX(version), 0) AS version FROM schema_version";
    /// Takes a step.
    TAKE = "schema.take" (Int, Int) "INSERT INTO schema_version (version, applied_at) VALUES ($1, $2)";
}

/// The answer to `FOUND`.
pub(crate) fn found(rows: &[Vec<Cell>]) -> Result<i64, StoreError> {
    match rows.first().map(Vec::as_slice) {
        Some([Cell::Int(version)]) => Ok(*version),
        _ => Err(StoreError::broken("the schema version is not a number")),
    }
}
