//! Raw SQL behind the store's back.

use std::path::Path;

use engine::verify::{Options, Report};
use rusqlite::Connection;
use store::Access;

use crate::world::{copy, open, verify_store};

/// The file of the truth, with no check in the way.
pub(crate) fn connect(directory: &Path) -> Connection {
    let connection = Connection::open(directory.join("suanpan.db")).unwrap();
    connection.execute_batch("PRAGMA ignore_check_constraints = ON").unwrap();
    connection
}

/// What the verifier says of a copy of a store on which this was done.
pub(crate) fn after(directory: &Path, options: Options, change: impl FnOnce(&Connection)) -> Report {
    let copied = copy(directory);
    let connection = connect(copied.path());
    change(&connection);
    drop(connection);
    let url = format!("sqlite:{}", copied.path().display()).parse().unwrap();
    let store = open(&url, Access::Inspect, None);
    verify_store(&store, options)
}
