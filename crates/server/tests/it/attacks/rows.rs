//! What a store holds, table by table: the proof that a refused request changed nothing.
//!
//! SQLite's files are read beside the running server, in one snapshot each; PostgreSQL is asked in one statement. Left out are the tables that say how the platform
//! runs rather than what happened: the log's own rows, cursors and leases; answers are counted apart, because a refusal
//! may itself be kept under its idempotency key, and nothing else may.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags};

/// Not business: the platform's own bookkeeping, and the answers.
const LEFT_OUT: [&str; 7] = ["shard", "batch", "cursor", "lease", "answer", "claim", "schema_version"];
/// The institution's records are its own business table.
const FILES: [&str; 2] = ["suanpan.db", "bank.db"];

/// A fingerprint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Rows {
    /// Table to the hash of its rows and their number.
    tables: BTreeMap<String, (blake3::Hash, usize)>,
    /// What is kept under keys: kind and status.
    answers: Vec<(String, i64)>,
    claims: i64,
}

impl Rows {
    /// Reads the store at this address.
    pub(super) fn read(url: &str) -> Self {
        if url.starts_with("sqlite:") { Self::of_files(&directory(url)) } else { Self::of_database(url) }
    }

    /// One line per table, answer, and the number of claims.
    fn of_database(url: &str) -> Self {
        let mut rows = Self { tables: BTreeMap::new(), answers: Vec::new(), claims: 0 };
        for line in psql(url, DATABASE).lines() {
            match line.split('|').collect::<Vec<_>>()[..] {
                ["table", name, count, hash] => {
                    let derived = store::tables::derived::TABLES.iter().any(|table| table.name == name);
                    if !derived && !LEFT_OUT.contains(&name) {
                        let hash = blake3::hash(hash.as_bytes());
                        rows.tables.insert(name.to_owned(), (hash, count.parse().unwrap()));
                    }
                }
                ["answer", kind, status, _] => rows.answers.push((kind.to_owned(), status.parse().unwrap())),
                ["claims", count, ..] => rows.claims = count.parse().unwrap(),
                _ => panic!("{line}"),
            }
        }
        assert!(rows.tables.contains_key("trade") && !rows.tables.contains_key("answer"), "{rows:?}");
        rows
    }

    fn of_files(directory: &Path) -> Self {
        let mut tables = BTreeMap::new();
        for file in FILES {
            let base = open(&directory.join(file));
            let snapshot = base.unchecked_transaction().unwrap();
            for table in names(&snapshot) {
                if !LEFT_OUT.contains(&table.as_str()) {
                    tables.insert(table.clone(), hash(&snapshot, &table));
                }
            }
        }
        let base = open(&directory.join(FILES[0]));
        let mut answers = base.prepare("SELECT kind, status FROM answer ORDER BY seq, n").unwrap();
        let pairs = answers.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
        let claims = base.query_row("SELECT count(*) FROM claim", [], |row| row.get(0)).unwrap();
        Self { tables, answers: pairs.map(Result::unwrap).collect(), claims }
    }

    /// The number of rows of a table.
    pub(super) fn count(&self, table: &str) -> usize {
        self.tables[table].1
    }

    /// Nothing changed since `before` but that refusals were kept under their keys: at most `kept` of them.
    #[track_caller]
    pub(super) fn assert_unchanged(&self, before: &Self, kept: usize, what: &str) {
        let changed: Vec<&String> = self
            .tables
            .iter()
            .filter(|(table, rows)| before.tables.get(*table) != Some(rows))
            .map(|(table, _)| table)
            .collect();
        assert_eq!(changed, Vec::<&String>::new(), "tables changed by {what}");
        let new = &self.answers[before.answers.len()..];
        assert!(new.len() <= kept, "{new:?} was written by {what}");
        assert!(new.iter().all(|(kind, status)| kind == "key" && *status >= 400), "{new:?} was written by {what}");
        let claims = usize::try_from(self.claims - before.claims).unwrap();
        assert_eq!(claims, new.len(), "claims without answers by {what}");
    }

    /// Whether the business tables are the same.
    pub(super) fn same_business(&self, other: &Self) -> bool {
        self.tables == other.tables
    }
}

/// Everything in one snapshot. Rows are hashed one by one, because the order in which they are found means nothing.
const DATABASE: &str = "\
WITH rows AS (
    SELECT table_name AS name, query_to_xml(format(
        $q$SELECT count(*) AS n, coalesce(md5(string_agg(md5(r::text), '' ORDER BY md5(r::text))), '') AS h FROM %I r$q$,
        table_name), true, false, '') AS found
    FROM information_schema.tables WHERE table_schema = 'public' AND table_type = 'BASE TABLE'
)
SELECT line FROM (
    SELECT 0 AS a, 0::bigint AS seq, 0::bigint AS n, 'table|' || name || '|' || (xpath('//n/text()', found))[1]::text
        || '|' || coalesce((xpath('//h/text()', found))[1]::text, '') AS line FROM rows
    UNION ALL SELECT 1, seq, n, 'answer|' || kind || '|' || status || '|' FROM answer
    UNION ALL SELECT 2, 0, 0, 'claims|' || count(*) FROM claim
) lines ORDER BY a, seq, n, line";

/// What a statement says, in the database of a store.
fn psql(url: &str, statement: &str) -> String {
    let (_, database) = url.rsplit_once('/').unwrap();
    testkit::postgres::shared().unwrap().run_in(database, statement).unwrap()
}

/// The first text that a query finds.
pub(super) fn text(url: &str, query: &str) -> String {
    if url.starts_with("sqlite:") {
        open(&directory(url).join(FILES[0])).query_row(query, [], |row| row.get(0)).unwrap()
    } else {
        psql(url, query)
    }
}

/// The directory of a store's address.
pub(super) fn directory(url: &str) -> PathBuf {
    PathBuf::from(url.strip_prefix("sqlite:").unwrap())
}

fn open(file: &Path) -> Connection {
    Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap()
}

fn names(base: &Connection) -> Vec<String> {
    let mut tables = base.prepare("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name").unwrap();
    let names = tables.query_map([], |row| row.get(0)).unwrap();
    names.map(Result::unwrap).collect()
}

fn hash(base: &Connection, table: &str) -> (blake3::Hash, usize) {
    let mut all = base.prepare(&format!("SELECT * FROM \"{table}\"")).unwrap();
    let columns = all.column_count();
    let mut rows = all.query([]).unwrap();
    let mut hashes = Vec::new();
    while let Some(row) = rows.next().unwrap() {
        let mut hasher = blake3::Hasher::new();
        for column in 0..columns {
            add(&mut hasher, row.get_ref(column).unwrap());
        }
        hashes.push(*hasher.finalize().as_bytes());
    }
    // The order in which rows are found means nothing.
    hashes.sort_unstable();
    let mut hasher = blake3::Hasher::new();
    for row in &hashes {
        hasher.update(row);
    }
    (hasher.finalize(), hashes.len())
}

fn add(hasher: &mut blake3::Hasher, value: ValueRef<'_>) {
    let (kind, bytes): (u8, Vec<u8>) = match value {
        ValueRef::Null => (0, Vec::new()),
        ValueRef::Integer(number) => (1, number.to_le_bytes().to_vec()),
        ValueRef::Real(number) => (2, number.to_le_bytes().to_vec()),
        ValueRef::Text(text) => (3, text.to_vec()),
        ValueRef::Blob(bytes) => (4, bytes.to_vec()),
    };
    hasher.update(&[kind]).update(&(bytes.len() as u64).to_le_bytes()).update(&bytes);
}

#[test]
fn a_changed_value_a_new_row_and_a_lost_row_are_seen() {
    let directory = tempfile::tempdir().unwrap();
    let main = Connection::open(directory.path().join(FILES[0])).unwrap();
    Connection::open(directory.path().join(FILES[1])).unwrap();
    main.execute_batch(
        "CREATE TABLE trade (id INTEGER, amount INTEGER); INSERT INTO trade VALUES (1, 5), (2, 7);
         CREATE TABLE cursor (seq INTEGER);
         CREATE TABLE answer (seq INTEGER, n INTEGER, kind TEXT, status INTEGER); CREATE TABLE claim (h INTEGER)",
    )
    .unwrap();
    let before = Rows::of_files(directory.path());
    for (change, seen) in [
        ("UPDATE trade SET amount = 6 WHERE id = 1", true),
        ("UPDATE trade SET amount = 5 WHERE id = 1; INSERT INTO cursor VALUES (1)", false),
        ("INSERT INTO trade VALUES (3, 5)", true),
        ("DELETE FROM trade WHERE id >= 2", true),
    ] {
        main.execute_batch(change).unwrap();
        assert_eq!(!Rows::of_files(directory.path()).same_business(&before), seen, "{change}");
    }
}

#[test]
fn they_are_seen_in_a_database_too() {
    let Some(server) = testkit::postgres::shared() else { return };
    let url = server.create_database("attacked_rows").unwrap();
    psql(
        &url,
        "CREATE TABLE trade (id bigint, amount bigint); INSERT INTO trade VALUES (1, 5), (2, 7);
         CREATE TABLE cursor (seq bigint); CREATE TABLE claim (h bigint);
         CREATE TABLE answer (seq bigint, n bigint, kind text, status bigint)",
    );
    let before = Rows::read(&url);
    assert_eq!(before.count("trade"), 2);
    for (change, seen) in [
        ("UPDATE trade SET amount = 6 WHERE id = 1", true),
        ("UPDATE trade SET amount = 5 WHERE id = 1; INSERT INTO cursor VALUES (1)", false),
        ("INSERT INTO trade VALUES (3, 5)", true),
        ("DELETE FROM trade WHERE id >= 2", true),
    ] {
        psql(&url, change);
        assert_eq!(!Rows::read(&url).same_business(&before), seen, "{change}");
    }
    psql(&url, "INSERT INTO answer VALUES (1, 0, 'key', 400)");
    psql(&url, "INSERT INTO claim VALUES (1)");
    let after = Rows::read(&url);
    assert_eq!((after.answers, after.claims), (vec![("key".to_owned(), 400)], 1));
}
