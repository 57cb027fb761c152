//! PostgreSQL's errors in the store's words.

use std::error::Error as _;

use tokio_postgres::Error;
use tokio_postgres::error::{DbError, Severity, SqlState};

use crate::door::{Stop, StoreError};

/// What an error means for the transaction it met. `contended` says whether a unique key that was met may be the doing
/// of somebody else.
pub(super) fn stop(error: &Error, contended: bool) -> Stop {
    match error.as_db_error() {
        Some(answer) if again(answer) || contended && *answer.code() == SqlState::UNIQUE_VIOLATION => Stop::Conflict,
        _ => Stop::Fault(fault(error)),
    }
}

/// The store's word for an error.
pub(super) fn fault(error: &Error) -> StoreError {
    match error.as_db_error() {
        Some(answer) => refused(answer),
        None => broken_off(error),
    }
}

/// Whether a table that was asked for is not there.
pub(super) fn no_table(error: &Error) -> bool {
    error.code() == Some(&SqlState::UNDEFINED_TABLE)
}

/// Whether two programs created the same thing at once.
pub(super) fn created_twice(error: &Error) -> bool {
    // A table is also a type of its name; which of the two is met first is a matter of the moment.
    let twice = [SqlState::UNIQUE_VIOLATION, SqlState::DUPLICATE_TABLE, SqlState::DUPLICATE_OBJECT];
    error.code().is_some_and(|code| twice.contains(code))
}

/// Whether the server said for certain that a commit did not happen. A connection that is cut, or a server that goes
/// down, says nothing about the commit that was under way.
pub(super) fn undone(error: &Error) -> bool {
    error
        .as_db_error()
        .is_some_and(|answer| answer.parsed_severity() == Some(Severity::Error) && matches!(class(answer), "23" | "40"))
}

/// Serialisation failures and deadlocks: running again is the remedy.
fn again(answer: &DbError) -> bool {
    class(answer) == "40"
}

fn class(answer: &DbError) -> &str {
    answer.code().code().get(..2).unwrap_or_default()
}

fn refused(answer: &DbError) -> StoreError {
    let detail = describe(answer);
    let code = answer.code();
    match class(answer) {
        _ if *code == SqlState::DISK_FULL => StoreError::Full { detail },
        // 08 connection, 53 resources, 57 operator, 25006 a standby, 25P03 idle for too long.
        "08" | "53" | "57" => StoreError::Unreachable { detail },
        "25" if matches!(code.code(), "25006" | "25P03") => StoreError::Unreachable { detail },
        "22" | "23" => StoreError::Broken { detail },
        _ => StoreError::Other { detail },
    }
}

/// Code, message, table and constraint; never the server's `DETAIL`, which quotes rows.
fn describe(answer: &DbError) -> String {
    let mut text = format!("{}: {}", answer.code().code(), answer.message());
    for (what, name) in [("table", answer.table()), ("constraint", answer.constraint())] {
        if let Some(name) = name {
            text.push_str(&format!(", {what} {name}"));
        }
    }
    text
}

fn broken_off(error: &Error) -> StoreError {
    let cause = error.source();
    let detail = cause.map_or_else(|| error.to_string(), |cause| format!("{error}: {cause}"));
    if error.is_closed() || cause.is_some_and(|cause| cause.is::<std::io::Error>()) || !converts(error) {
        StoreError::Unreachable { detail }
    } else {
        StoreError::Broken { detail }
    }
}

/// Whether a value could not be turned into or from the wire's form: our fault, not the connection's.
fn converts(error: &Error) -> bool {
    let text = error.to_string();
    text.starts_with("error serializing parameter") || text.starts_with("error deserializing column")
}
