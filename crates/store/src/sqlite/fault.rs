//! SQLite's errors in the store's words.

use rusqlite::ErrorCode;
use rusqlite::ffi;

use crate::door::StoreError;

/// The store's word for an error. Whatever it is, the statement did nothing.
pub(super) fn fault(error: rusqlite::Error) -> StoreError {
    let detail = error.to_string();
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => StoreError::Full { detail },
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => StoreError::Busy { detail },
        Some(ErrorCode::CannotOpen | ErrorCode::SystemIoFailure) => StoreError::Unreachable { detail },
        Some(ErrorCode::ConstraintViolation | ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
            StoreError::Broken { detail }
        }
        _ => StoreError::Other { detail },
    }
}

/// Whether a unique key was met.
pub(super) fn met_unique(error: &rusqlite::Error) -> bool {
    let code = error.sqlite_error().map(|error| error.extended_code);
    matches!(
        code,
        Some(ffi::SQLITE_CONSTRAINT_PRIMARYKEY | ffi::SQLITE_CONSTRAINT_UNIQUE | ffi::SQLITE_CONSTRAINT_ROWID)
    )
}

/// Whether a commit that ended so may still be found committed after a crash: its frames may have reached the disk.
pub(super) fn in_doubt(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(ErrorCode::SystemIoFailure)
}
