//! Migrations: numbered steps from an empty store to the tables this program works with.
//!
//! A step is one transaction on both engines, so a kill half-way leaves nothing half-done. Its first row is its number in
//! `schema_version`, whose key also keeps two programs from taking the same step at once. A server never migrates a
//! store with data by itself: it says what to run.

use crate::Access;
use crate::door::{Cell, Dialect, Place, Step, StoreError};
use crate::tables::{self, schema, shard};

/// The version of the tables this program works with.
pub const WANTED: i64 = 1;

/// One step for one database: DDL, then rows.
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

/// The steps to take on a database of these places that was found at `version`; none when it is current, an error when
/// it may not be touched.
pub(crate) fn plan(
    version: i64,
    access: Access,
    places: &[Place],
    dialect: Dialect,
    birth: Birth,
) -> Result<Vec<Script>, StoreError> {
    // What is not the truth can be made anew at any time; what is needs somebody to say so.
    let empty = version == 0 && (matches!(access, Access::Serve { create: true }) || !places.contains(&Place::Main));
    if version == WANTED {
        return Ok(Vec::new());
    }
    if version < WANTED && (access == Access::Migrate || empty && access != Access::Inspect) {
        return Ok((version + 1..=WANTED).map(|step| script(step, places, dialect, birth)).collect());
    }
    Err(StoreError::Schema { found: version, wanted: WANTED })
}

fn script(version: i64, places: &[Place], dialect: Dialect, birth: Birth) -> Script {
    let take = run(&schema::TAKE, vec![Cell::Int(version), Cell::Int(birth.now)]);
    let mut ddl = Vec::new();
    let mut steps = Vec::new();
    if version == 1 {
        ddl.extend(
            tables::all()
                .into_iter()
                .filter(|table| places.contains(&table.place))
                .flat_map(|table| table.ddl(dialect)),
        );
        if places.contains(&Place::Main) {
            let hash = Cell::bytes([0; 32]);
            steps.extend((0..birth.shards).map(|shard| run(&shard::NEW, vec![Cell::Int(shard), hash.clone()])));
        }
    }
    Script { take, ddl, steps }
}

fn run(statement: &'static crate::Statement, params: Vec<Cell>) -> Step {
    Step::Run { statement, params, expect: Some(1) }
}
