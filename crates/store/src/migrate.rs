//! From an empty store to the tables this program works with, and what a store that has others is told.
//!
//! Making them is one transaction on both engines, so a kill half-way leaves nothing half-done. Its first row says which
//! version they are, and its key keeps two programs from making them at once; with it stands the *print* of the tables, so
//! that a store with others of the same version is told apart and never half understood. A server never touches a store
//! with data by itself: it says what to do.

use crate::Access;
use crate::door::{Cell, Dialect, Place, Step, StoreError};
use crate::tables::schema::Found;
use crate::tables::{self, schema, shard};

/// The version of the tables this program works with. Version 1 kept no print of them.
pub const WANTED: i64 = 2;

/// What one database is given: DDL, then rows.
#[derive(Debug)]
pub(crate) struct Script {
    /// The row that says so; whoever writes it first does the rest.
    pub(crate) take: Step,
    pub(crate) ddl: Vec<String>,
    pub(crate) steps: Vec<Step>,
}

/// What a new store is given.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Birth {
    /// How many shards.
    pub(crate) shards: i64,
    /// The time, in microseconds.
    pub(crate) now: i64,
}

/// What to do with a database of these places in which this was found: nothing when it is current, an error when it may
/// not be touched.
pub(crate) fn plan(
    found: Found,
    access: Access,
    places: &[Place],
    dialect: Dialect,
    birth: Birth,
) -> Result<Option<Script>, StoreError> {
    let (script, wanted) = (script(places, dialect, birth), WANTED);
    // What is not the truth can be made anew at any time; what is needs somebody to say so.
    let may_make = match access {
        Access::Serve { create } => create || !places.contains(&Place::Main),
        Access::Migrate => true,
        Access::Inspect => false,
    };
    match found {
        Found::Nothing if may_make => Ok(Some(script)),
        Found::Nothing => Err(StoreError::Schema { found: 0, wanted }),
        Found::Version(found) => Err(StoreError::Schema { found, wanted }),
        Found::Current(print) if print == print_of(&script.ddl) => Ok(None),
        Found::Current(_) => Err(StoreError::Tables { version: wanted }),
    }
}

fn ddl(places: &[Place], dialect: Dialect) -> Vec<String> {
    let tables = tables::all().into_iter().filter(|table| places.contains(&table.place));
    tables.flat_map(|table| table.ddl(dialect)).collect()
}

/// The beginning of the hash of all that makes the tables: another column, another check, another print.
fn print_of(ddl: &[String]) -> i64 {
    let hash = blake3::hash(ddl.join(";\n").as_bytes());
    let [a, b, c, d, e, f, g, h, ..] = *hash.as_bytes();
    i64::from_be_bytes([a, b, c, d, e, f, g, h])
}

/// What an empty database of these places is given.
pub(crate) fn script(places: &[Place], dialect: Dialect, birth: Birth) -> Script {
    let ddl = ddl(places, dialect);
    let take = run(&schema::TAKE, vec![Cell::Int(WANTED), Cell::Int(print_of(&ddl)), Cell::Int(birth.now)]);
    let shards = if places.contains(&Place::Main) { birth.shards } else { 0 };
    let hash = Cell::bytes([0; 32]);
    let steps = (0..shards).map(|shard| run(&shard::NEW, vec![Cell::Int(shard), hash.clone()])).collect();
    Script { take, ddl, steps }
}

fn run(statement: &'static crate::Statement, params: Vec<Cell>) -> Step {
    Step::Run { statement, params, expect: Some(1) }
}
