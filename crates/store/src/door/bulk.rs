//! Bulk reads and writes: from a table's definition and a change to SQL text and an order of parameters.
//!
//! SQLite takes some rows per execution of a cached statement; PostgreSQL takes all of them, whole rows as one array of
//! rows, keys and changed columns as one array per column, and unnests them; whole rows of several tables in one statement,
//! too. Both bind the same cells in the same order, so a `Bulk` is made once and knows nothing of an engine.

use std::fmt::Write as _;

use super::cell::Cell;
use super::error::StoreError;
use super::table::{Column, Kind, Table};
use super::unit::{Ask, Change};

/// The engine a text is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Dialect {
    /// SQLite 3.54 or later, bundled.
    Sqlite,
    /// PostgreSQL 14 or later.
    Postgres,
}

/// What is done to the rows; together with the table it names one text, which connections cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Verb {
    /// Read by prefixes of this many columns.
    Load(usize),
    /// Insert whole rows.
    Insert,
    /// Insert or replace whole rows.
    Upsert,
    /// Set the columns of this bit set. Only what changes is set: an index over unchanged columns is not touched.
    Update(u64),
    /// Delete by full key.
    Delete,
}

/// One parameter of the row form of a verb.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bound {
    column: usize,
    old: bool,
    pub(crate) kind: Kind,
}

/// One row to write, as it was (empty where that does not matter) and as it shall be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pair<'a> {
    old: &'a [Cell],
    new: &'a [Cell],
}

impl<'a> Pair<'a> {
    /// The cell bound to a parameter. Widths were checked when the bulk was made.
    pub(crate) fn cell(&self, bound: Bound) -> &'a Cell {
        let row = if bound.old { self.old } else { self.new };
        row.get(bound.column).unwrap_or(&Cell::Null)
    }
}

/// One verb on rows of one table.
#[derive(Debug)]
pub(crate) struct Bulk<'a> {
    pub(crate) table: &'static Table,
    pub(crate) verb: Verb,
    pub(crate) bound: Vec<Bound>,
    pub(crate) rows: Vec<Pair<'a>>,
}

impl<'a> Bulk<'a> {
    /// The bulks of a change, in the order in which they must run.
    pub(crate) fn of(change: &'a Change) -> Result<Vec<Self>, StoreError> {
        let table = change.table;
        let updates = change.updates.iter().map(|update| Pair { old: &update.old, new: &update.new });
        let mut bulks = Vec::with_capacity(4);
        for (verb, rows) in [
            (Verb::Delete, whole(&change.deletes)),
            (Verb::Update(changed(change)?), updates.collect()),
            (Verb::Insert, whole(&change.inserts)),
            (Verb::Upsert, whole(&change.upserts)),
        ] {
            if !rows.is_empty() && verb != Verb::Update(0) {
                bulks.push(Self::new(table, verb, rows)?);
            }
        }
        Ok(bulks)
    }

    fn new(table: &'static Table, verb: Verb, mut rows: Vec<Pair<'a>>) -> Result<Self, StoreError> {
        let width = if verb == Verb::Delete { table.key } else { table.columns.len() };
        if rows.iter().any(|row| row.new.len() != width) {
            return Err(StoreError::broken(format!("a row for {} has the wrong width", table.name)));
        }
        if !table.sharded() {
            // Lines of other shards write here too: all in one order, so that none waits for another in a ring.
            rows.sort_by(|a, b| a.new.cmp(b.new));
        }
        Ok(Self { table, verb, bound: verb.bound(table), rows })
    }

    /// Whether a unique key met by this bulk may be the doing of somebody else rather than our own fault.
    pub(crate) fn contended(&self) -> bool {
        !self.table.sharded() && self.verb == Verb::Insert
    }

    /// The error for a number of rows that must not be.
    pub(crate) fn miscounted(&self, touched: u64) -> StoreError {
        StoreError::broken(format!(
            "{:?} on {} touched {touched} of {} rows",
            self.verb,
            self.table.name,
            self.rows.len()
        ))
    }
}

fn whole(rows: &[Vec<Cell>]) -> Vec<Pair<'_>> {
    rows.iter().map(|row| Pair { old: &[], new: row }).collect()
}

/// The columns that any update of the change sets to something else. Keys must stay.
fn changed(change: &Change) -> Result<u64, StoreError> {
    let table = change.table;
    let mut set = 0_u64;
    for update in &change.updates {
        if update.old.len() != update.new.len() {
            return Err(StoreError::broken(format!("an update of {} changes the width of a row", table.name)));
        }
        for (position, (old, new)) in update.old.iter().zip(&update.new).enumerate() {
            if old != new {
                if position < table.key {
                    return Err(StoreError::broken(format!("an update of {} changes its key", table.name)));
                }
                set |= bit(position);
            }
        }
    }
    Ok(set)
}

fn bit(position: usize) -> u64 {
    u32::try_from(position).ok().and_then(|position| 1_u64.checked_shl(position)).unwrap_or(0)
}

/// The keys of an ask without repetitions, in order.
pub(crate) fn distinct(ask: &Ask) -> Result<Vec<&[Cell]>, StoreError> {
    let width = prefix(ask);
    if width > ask.table.asked_columns().len() || ask.keys.iter().any(|key| key.len() != width) {
        return Err(StoreError::broken(format!("keys asked of {} fit no prefix of its key", ask.table.name)));
    }
    let mut keys: Vec<&[Cell]> = ask.keys.iter().map(Vec::as_slice).collect();
    keys.sort_unstable();
    keys.dedup();
    Ok(keys)
}

/// The length of the prefixes of an ask.
pub(crate) fn prefix(ask: &Ask) -> usize {
    ask.keys.first().map_or(0, Vec::len)
}

impl Verb {
    /// The parameters of the row form, in order: set columns, key, old version.
    fn bound(self, table: &'static Table) -> Vec<Bound> {
        let bind = |(column, definition): (usize, &Column)| Bound { column, old: false, kind: definition.kind };
        let key = table.key_columns().iter().enumerate().map(bind);
        match self {
            Verb::Load(_) => Vec::new(),
            Verb::Insert | Verb::Upsert => table.columns.iter().enumerate().map(bind).collect(),
            Verb::Delete => key.collect(),
            Verb::Update(set) => {
                let set = table.columns.iter().enumerate().filter(|(position, _)| set & bit(*position) != 0).map(bind);
                let version = table.version_position().map(|column| Bound { column, old: true, kind: Kind::Int });
                set.chain(key).chain(version).collect()
            }
        }
    }

    /// How many rows SQLite takes at a time, from the most on. A statement that inserts many rows keeps its place in the
    /// tree from one row to the next; with each its own, every row is looked up from the root. It is told to fail where a
    /// row cannot be inserted and to leave those before it, which whoever runs it rolls back anyway: else SQLite copies
    /// each page that it writes to, to undo the statement alone. An upsert copies them in any case.
    pub(crate) const fn at_once(self) -> &'static [usize] {
        match self {
            Verb::Insert => &[64, 16, 4, 1],
            Verb::Load(_) | Verb::Upsert | Verb::Update(_) | Verb::Delete => &[1],
        }
    }

    /// The text of this verb on this table; for SQLite, with so many rows as [`Self::at_once`] says.
    pub(crate) fn text(self, table: &'static Table, dialect: Dialect, rows: usize) -> String {
        let bound = self.bound(table);
        match (self, dialect) {
            (Verb::Load(prefix), _) => load_text(table, prefix, dialect),
            (Verb::Insert, Dialect::Sqlite) => {
                format!("INSERT OR FAIL INTO {} VALUES {}", head(table), marks(bound.len(), rows))
            }
            (Verb::Insert, Dialect::Postgres) => insert_text(&[table]),
            (Verb::Upsert, Dialect::Sqlite) => {
                format!("INSERT INTO {} VALUES {} {}", head(table), marks(bound.len(), rows), replace(table))
            }
            (Verb::Upsert, Dialect::Postgres) => {
                format!("{} {}", insert_text(&[table]), replace(table))
            }
            (Verb::Update(set), _) => update_text(table, set, &bound, dialect),
            (Verb::Delete, Dialect::Sqlite) => {
                format!("DELETE FROM {} WHERE {}", quoted(table.name), matching(table.key_columns(), "", 1, "?"))
            }
            (Verb::Delete, Dialect::Postgres) => format!(
                "DELETE FROM {} AS t USING {} AS v({}) WHERE {}",
                quoted(table.name),
                unnest(&bound),
                aliases(bound.len()),
                matching(table.key_columns(), "t.", 1, "v.p")
            ),
        }
    }
}

impl Table {
    /// Every kind of text that is made for the table, so that a test can hold each against an engine.
    pub fn bulk_texts(&'static self, dialect: Dialect) -> Vec<String> {
        let loads = (0..=self.asked_columns().len()).map(Verb::Load);
        let all = (self.key..self.columns.len()).fold(0, |set, position| set | bit(position));
        let update = Some(Verb::Update(all)).filter(|_| all != 0);
        let verbs = loads.chain([Verb::Insert, Verb::Upsert, Verb::Delete]).chain(update);
        let texts = |verb: Verb| verb.at_once().iter().map(move |rows| verb.text(self, dialect, *rows));
        verbs.flat_map(texts).collect()
    }
}

fn load_text(table: &'static Table, prefix: usize, dialect: Dialect) -> String {
    let asked = table.asked_columns().get(..prefix).unwrap_or_default();
    let first = if table.sharded() { 2 } else { 1 };
    let mut conditions = Vec::new();
    if table.sharded() {
        conditions.push(format!("t.\"shard\" = {}1", if dialect == Dialect::Sqlite { "?" } else { "$" }));
    }
    match (dialect, asked) {
        (_, []) => {}
        (Dialect::Sqlite, _) => conditions.push(matching(asked, "t.", first, "?")),
        (Dialect::Postgres, _) => conditions.push(matching(asked, "t.", 1, "v.p")),
    }
    let filter = if conditions.is_empty() { String::new() } else { format!(" WHERE {}", conditions.join(" AND ")) };
    let from = match (dialect, asked) {
        (Dialect::Postgres, [_, ..]) => {
            // Each key is looked up by itself: `OFFSET 0` keeps the planner from mixing the inner query with the outer.
            // Of a table without statistics it believes that a shard has few rows, reads all of them and throws away
            // what was not asked for.
            let kinds: Vec<Kind> = asked.iter().map(|column| column.kind).collect();
            let (keys, names) = (unnest_kinds(&kinds, first), aliases(asked.len()));
            let one = format!("SELECT * FROM {} AS t{filter} OFFSET 0", quoted(table.name));
            format!("{keys} AS v({names}) CROSS JOIN LATERAL ({one}) AS t")
        }
        _ => format!("{} AS t{filter}", quoted(table.name)),
    };
    let order = names(table.key_columns(), "t.");
    format!("SELECT {} FROM {from} ORDER BY {order}", names(table.columns, "t."))
}

fn update_text(table: &'static Table, set: u64, bound: &[Bound], dialect: Dialect) -> String {
    let (target, value, from) = match dialect {
        Dialect::Sqlite => ("", "?", String::new()),
        Dialect::Postgres => ("t.", "v.p", format!(" FROM {} AS v({})", unnest(bound), aliases(bound.len()))),
    };
    let columns = table.columns.iter().enumerate().filter(|(position, _)| set & bit(*position) != 0);
    let assignments: Vec<String> =
        columns.zip(1..).map(|((_, column), n)| format!("{} = {value}{n}", quoted(column.name))).collect();
    let first_key = assignments.len() + 1;
    let mut filter = matching(table.key_columns(), target, first_key, value);
    if let Some(version) = table.version {
        let _ = write!(filter, " AND {target}{} = {value}{}", quoted(version), bound.len());
    }
    format!("UPDATE {} AS t SET {}{from} WHERE {filter}", quoted(table.name), assignments.join(", "))
}

/// For PostgreSQL, whole rows into each of these tables: all but the last beside the statement that the last one is.
pub(crate) fn insert_text(tables: &[&'static Table]) -> String {
    let one = |(n, table): (usize, &&'static Table)| format!("INSERT INTO {} {}", head(table), unnest_rows(table, n));
    let mut inserts: Vec<String> = (1..).zip(tables).map(one).collect();
    let last = inserts.pop().unwrap_or_default();
    if inserts.is_empty() {
        return last;
    }
    let beside: Vec<String> = (1..).zip(inserts).map(|(n, insert): (usize, _)| format!("i{n} AS ({insert})")).collect();
    format!("WITH {} {last}", beside.join(", "))
}

/// `"table" ("a", "b")`
fn head(table: &Table) -> String {
    format!("{} ({})", quoted(table.name), names(table.columns, ""))
}

/// `ON CONFLICT ("key") DO UPDATE SET "a" = excluded."a"`; a table that is all key has nothing to set but its key.
fn replace(table: &Table) -> String {
    let rest = table.columns.get(table.key..).filter(|rest| !rest.is_empty()).unwrap_or(table.columns);
    let set: Vec<String> = rest.iter().map(|column| format!("{0} = excluded.{0}", quoted(column.name))).collect();
    format!("ON CONFLICT ({}) DO UPDATE SET {}", names(table.key_columns(), ""), set.join(", "))
}

/// `(?1, ?2), (?3, ?4)`
fn marks(width: usize, rows: usize) -> String {
    let row = |row: usize| (1..=width).map(|n| format!("?{}", row * width + n)).collect::<Vec<_>>().join(", ");
    (0..rows).map(|n| format!("({})", row(n))).collect::<Vec<_>>().join(", ")
}

/// `p1, p2`
fn aliases(count: usize) -> String {
    (1..=count).map(|n| format!("p{n}")).collect::<Vec<_>>().join(", ")
}

/// `SELECT v."a", v."b" FROM UNNEST($1::"table"[]) AS v`: whole rows as one array of the table's own row type. PostgreSQL
/// keeps what an array held until the statement ends, once for each array; one of rows costs half of one per column.
fn unnest_rows(table: &Table, param: usize) -> String {
    format!("SELECT {} FROM UNNEST(${param}::{}[]) AS v", names(table.columns, "v."), quoted(table.name))
}

/// `UNNEST($1::bigint[], $2::text[])`
fn unnest(bound: &[Bound]) -> String {
    let kinds: Vec<Kind> = bound.iter().map(|bound| bound.kind).collect();
    unnest_kinds(&kinds, 1)
}

fn unnest_kinds(kinds: &[Kind], first: usize) -> String {
    let arrays: Vec<String> =
        kinds.iter().enumerate().map(|(n, kind)| format!("${}::{}", first + n, array(*kind))).collect();
    format!("UNNEST({})", arrays.join(", "))
}

/// `t."a" = ?1 AND t."b" = ?2`
fn matching(columns: &[Column], target: &str, first: usize, value: &str) -> String {
    let pairs: Vec<String> = columns
        .iter()
        .enumerate()
        .map(|(n, column)| format!("{target}{} = {value}{}", quoted(column.name), first + n))
        .collect();
    pairs.join(" AND ")
}

fn names(columns: &[Column], target: &str) -> String {
    columns.iter().map(|column| format!("{target}{}", quoted(column.name))).collect::<Vec<_>>().join(", ")
}

fn quoted(name: &str) -> String {
    format!("\"{name}\"")
}

fn array(kind: Kind) -> &'static str {
    match kind {
        Kind::Int => "bigint[]",
        Kind::Text => "text[]",
        Kind::Bytes => "bytea[]",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Row, Text, row};

    row! {
        /// A row with everything that a text can depend on.
        pub(crate) struct Shelf in Main "shelf" key 3, version version {
            /// In the key.
            pub(crate) shard: i64,
            /// In the key.
            pub(crate) no: i64,
            /// In the key.
            pub(crate) id: [u8; 2],
            /// Not in the key.
            pub(crate) label: Option<Text>,
            /// The guard.
            pub(crate) version: i64,
        }
    }

    fn text(verb: Verb, dialect: Dialect) -> String {
        verb.text(Shelf::TABLE, dialect, 1)
    }

    #[test]
    fn sqlite_takes_rows_with_marks_of_their_own() {
        let text = |verb| text(verb, Dialect::Sqlite);
        let all = r#"SELECT t."shard", t."no", t."id", t."label", t."version" FROM "shelf" AS t WHERE t."shard" = ?1"#;
        let order = r#"ORDER BY t."shard", t."no", t."id""#;
        assert_eq!(text(Verb::Load(0)), format!("{all} {order}"));
        assert_eq!(text(Verb::Load(2)), format!(r#"{all} AND t."no" = ?2 AND t."id" = ?3 {order}"#));
        assert_eq!(
            text(Verb::Insert),
            r#"INSERT OR FAIL INTO "shelf" ("shard", "no", "id", "label", "version") VALUES (?1, ?2, ?3, ?4, ?5)"#
        );
        let two = Verb::Insert.text(Shelf::TABLE, Dialect::Sqlite, 2);
        assert!(two.ends_with("VALUES (?1, ?2, ?3, ?4, ?5), (?6, ?7, ?8, ?9, ?10)"), "{two}");
        assert_eq!(
            text(Verb::Update(0b11000)),
            r#"UPDATE "shelf" AS t SET "label" = ?1, "version" = ?2 WHERE "shard" = ?3 AND "no" = ?4 AND "id" = ?5 AND "version" = ?6"#
        );
        assert_eq!(text(Verb::Delete), r#"DELETE FROM "shelf" WHERE "shard" = ?1 AND "no" = ?2 AND "id" = ?3"#);
    }

    #[test]
    fn postgres_takes_arrays() {
        let text = |verb| text(verb, Dialect::Postgres);
        let columns = r#"SELECT t."shard", t."no", t."id", t."label", t."version" FROM"#;
        let order = r#"ORDER BY t."shard", t."no", t."id""#;
        assert_eq!(text(Verb::Load(0)), format!(r#"{columns} "shelf" AS t WHERE t."shard" = $1 {order}"#));
        assert_eq!(
            text(Verb::Load(1)),
            format!(
                r#"{columns} UNNEST($2::bigint[]) AS v(p1) CROSS JOIN LATERAL (SELECT * FROM "shelf" AS t WHERE t."shard" = $1 AND t."no" = v.p1 OFFSET 0) AS t {order}"#
            )
        );
        assert_eq!(
            text(Verb::Load(2)),
            format!(
                r#"{columns} UNNEST($2::bigint[], $3::bytea[]) AS v(p1, p2) CROSS JOIN LATERAL (SELECT * FROM "shelf" AS t WHERE t."shard" = $1 AND t."no" = v.p1 AND t."id" = v.p2 OFFSET 0) AS t {order}"#
            )
        );
        assert_eq!(
            text(Verb::Upsert),
            r#"INSERT INTO "shelf" ("shard", "no", "id", "label", "version") SELECT v."shard", v."no", v."id", v."label", v."version" FROM UNNEST($1::"shelf"[]) AS v ON CONFLICT ("shard", "no", "id") DO UPDATE SET "label" = excluded."label", "version" = excluded."version""#
        );
        assert_eq!(
            text(Verb::Update(0b10000)),
            r#"UPDATE "shelf" AS t SET "version" = v.p1 FROM UNNEST($1::bigint[], $2::bigint[], $3::bigint[], $4::bytea[], $5::bigint[]) AS v(p1, p2, p3, p4, p5) WHERE t."shard" = v.p2 AND t."no" = v.p3 AND t."id" = v.p4 AND t."version" = v.p5"#
        );
    }

    #[test]
    fn postgres_inserts_into_several_tables_at_once() {
        let one = r#"INSERT INTO "shelf" ("shard", "no", "id", "label", "version") SELECT v."shard", v."no", v."id", v."label", v."version" FROM UNNEST("#;
        assert_eq!(
            insert_text(&[Shelf::TABLE, Shelf::TABLE]),
            format!(r#"WITH i1 AS ({one}$1::"shelf"[]) AS v) {one}$2::"shelf"[]) AS v"#)
        );
    }

    #[test]
    fn only_what_changes_is_set() {
        let old = Shelf { shard: 0, no: 1, id: [0, 0], label: None, version: 1 };
        let new = Shelf { version: 2, ..old.clone() };
        let update = crate::Update { old: old.cells(), new: new.cells() };
        let change = Change { updates: vec![update], ..Change::of(Shelf::TABLE) };
        let bulks = Bulk::of(&change).unwrap();
        assert_eq!(bulks.iter().map(|bulk| bulk.verb).collect::<Vec<_>>(), [Verb::Update(0b10000)]);
        let cells: Vec<&Cell> = bulks[0].bound.iter().map(|bound| bulks[0].rows[0].cell(*bound)).collect();
        let id = Cell::bytes([0, 0]);
        assert_eq!(cells, [&Cell::Int(2), &Cell::Int(0), &Cell::Int(1), &id, &Cell::Int(1)]);
    }
}
