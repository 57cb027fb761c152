//! Every text against both engines: it can be prepared, takes and gives the same, uses the portable subset, and on
//! SQLite looks at no table as a whole.

use std::collections::BTreeSet;
use std::str::FromStr as _;

use rusqlite::Connection;
use store::{Access, Dialect, Kind, Statement, Url, tables};
use tokio_postgres::types::Type;
use tokio_postgres::{Client, Config, NoTls, SimpleQueryMessage};

use crate::world::{new_database, open};

/// Words that mean different things on the two engines, or nothing on others of PostgreSQL's kind.
const FOREIGN: [&str; 27] = [
    "now(",
    "current_time",
    "current_date",
    "ilike",
    "skip locked",
    "serial",
    "nextval",
    "advisory",
    "generate_series",
    "distinct on",
    "::",
    "savepoint",
    "temp ",
    "temporary",
    "listen ",
    "notify ",
    "unnest",
    "any(",
    "any (",
    "array[",
    "jsonb",
    "->",
    "returning *",
    "boolean",
    " true",
    " false",
    "random(",
];

/// Statements that read a whole table on purpose: it is small, or they are for that.
const WHOLE: [&str; 10] = [
    "schema.found",
    "shard.all",
    "invariant.coupon_books",
    "invariant.gift_books",
    "invariant.points_hands",
    "invariant.points_issued",
    "invariant.transit_pairs",
    "invariant.parent_children",
    "invariant.dispute_shares",
    "invariant.leg_shares",
];

fn sqlite() -> Connection {
    let connection = Connection::open_in_memory().unwrap();
    connection
        .execute_batch("CREATE TABLE schema_version (version BIGINT PRIMARY KEY, print BIGINT NOT NULL, applied_at BIGINT NOT NULL)")
        .unwrap();
    for text in tables::all().into_iter().flat_map(|table| table.ddl(Dialect::Sqlite)) {
        connection.execute_batch(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    }
    connection
}

#[test]
fn names_are_unique() {
    let statements = tables::statements();
    let names: BTreeSet<&str> = statements.iter().map(|statement| statement.name).collect();
    assert_eq!(names.len(), statements.len());
    let tables = tables::all();
    let names: BTreeSet<&str> = tables.iter().map(|table| table.name).collect();
    assert_eq!(names.len(), tables.len());
    let indexes: Vec<&str> = tables.iter().flat_map(|table| table.indexes).map(|index| index.name).collect();
    assert_eq!(indexes.iter().collect::<BTreeSet<_>>().len(), indexes.len());
}

#[test]
fn tables_are_sound() {
    for table in tables::all() {
        let name = table.name;
        assert!(table.columns.len() <= 64, "{name} has more columns than an update can name");
        assert!((1..=table.columns.len()).contains(&table.key), "{name} has a key");
        assert!(table.key_columns().iter().all(|column| !column.null), "{name}: a key is never null");
        assert!(table.version.is_none() || table.version_position().is_some_and(|position| position >= table.key));
        for column in table.indexes.iter().flat_map(|index| index.columns) {
            assert!(table.columns.iter().any(|known| known.name == *column), "{name}: no column {column}");
        }
    }
}

#[test]
fn texts_keep_to_the_subset() {
    for statement in tables::statements() {
        assert_eq!(foreign(statement.text), None, "{}", statement.name);
        assert!(statement.sqlite.is_none(), "{}: a text of its own wants a reason", statement.name);
    }
    assert_eq!(foreign("SELECT x::bigint FROM t"), Some("::"));
    assert_eq!(foreign("WITH a AS (DELETE FROM t RETURNING x) SELECT x FROM a"), Some("a CTE that writes"));
    assert_eq!(foreign("SELECT SUM(x) FROM t"), Some("a sum without CAST"));
}

fn foreign(text: &str) -> Option<&'static str> {
    let text = text.to_lowercase();
    let writes = ["insert ", "update ", "delete "].iter().any(|word| text.contains(word));
    if text.trim_start().starts_with("with") && writes {
        return Some("a CTE that writes");
    }
    if text.contains("sum(") && !text.contains("cast(sum(") {
        return Some("a sum without CAST");
    }
    FOREIGN.into_iter().find(|word| text.contains(word))
}

#[test]
fn sqlite_prepares_every_text() {
    let connection = sqlite();
    for statement in tables::statements() {
        let text = statement.text_for(Dialect::Sqlite);
        let prepared = connection.prepare(&text).unwrap_or_else(|error| panic!("{}: {error}", statement.name));
        assert_eq!(prepared.parameter_count(), statement.params.len(), "{}", statement.name);
    }
    for text in tables::all().into_iter().flat_map(|table| table.bulk_texts(Dialect::Sqlite)) {
        connection.prepare(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    }
}

#[test]
fn sqlite_looks_at_no_table_as_a_whole() {
    let connection = sqlite();
    let plan = |text: &str| -> Vec<String> {
        let mut plan = connection.prepare(&format!("EXPLAIN QUERY PLAN {text}")).unwrap();
        let mut rows = plan.raw_query();
        let mut lines = Vec::new();
        while let Some(row) = rows.next().unwrap() {
            lines.push(row.get(3).unwrap());
        }
        lines
    };
    for statement in tables::statements().into_iter().filter(|statement| !WHOLE.contains(&statement.name)) {
        let plan = plan(&statement.text_for(Dialect::Sqlite));
        assert!(!plan.iter().any(|line| line.starts_with("SCAN")), "{}: {plan:?}", statement.name);
    }
    assert!(plan("SELECT body FROM event WHERE no = 7").iter().any(|line| line.starts_with("SCAN")));
    for table in tables::all() {
        for text in table.bulk_texts(Dialect::Sqlite).iter().filter(|text| text.contains(" WHERE ")) {
            let plan = plan(text);
            assert!(!plan.iter().any(|line| line.starts_with("SCAN")), "{text}: {plan:?}");
        }
    }
}

#[test]
fn both_engines_take_and_give_the_same() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    runtime.block_on(async {
        let Some(url) = new_database() else { return };
        open(&url, Access::Migrate).await.unwrap();
        let client = connect(&url).await;
        let sqlite = sqlite();
        for statement in tables::statements() {
            compare(statement, &client, &sqlite).await;
        }
        for text in tables::all().into_iter().flat_map(|table| table.bulk_texts(Dialect::Postgres)) {
            client.prepare(&text).await.unwrap_or_else(|error| panic!("{error:?}\n{text}"));
        }
    });
}

/// A plan that is made while a table is young is kept, so it must look its keys up even then: not read what a part of the
/// key fits and throw away the rest.
#[test]
fn postgres_looks_keys_up_in_young_tables() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    runtime.block_on(async {
        let Some(url) = new_database() else { return };
        open(&url, Access::Migrate).await.unwrap();
        let client = connect(&url).await;
        client.batch_execute("SET plan_cache_mode = force_generic_plan; SET enable_seqscan = off").await.unwrap();
        for table in tables::all() {
            for text in table.bulk_texts(Dialect::Postgres).iter().filter(|text| text.contains("LATERAL")) {
                let plan = plan(&client, text).await;
                assert!(!plan.contains("Filter:") && plan.contains("Index Cond:"), "{text}\n{plan}");
            }
        }
        let careless = r#"SELECT t.* FROM "instruction" AS t WHERE t."shard" = $1 AND t."trade" = ANY ($2::bytea[])"#;
        assert!(plan(&client, careless).await.contains("Filter:"), "the test sees what it looks for");
    });
}

async fn plan(client: &Client, text: &str) -> String {
    let params = (1..).take_while(|n| text.contains(&format!("${n}")));
    let values: Vec<&str> = params.map(|n| if text.contains(&format!("${n}::")) { "'{}'" } else { "0" }).collect();
    client.simple_query(&format!("PREPARE p AS {text}")).await.unwrap();
    let lines = client.simple_query(&format!("EXPLAIN EXECUTE p({})", values.join(", "))).await.unwrap();
    client.simple_query("DEALLOCATE p").await.unwrap();
    let line = |message: &SimpleQueryMessage| match message {
        SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
        _ => None,
    };
    lines.iter().filter_map(line).collect::<Vec<_>>().join("\n")
}

async fn connect(url: &Url) -> Client {
    let Url::Postgres(text) = url else { panic!("a database") };
    let (client, connection) = Config::from_str(text).unwrap().connect(NoTls).await.unwrap();
    tokio::runtime::Handle::current().spawn(connection);
    client
}

async fn compare(statement: &'static Statement, client: &Client, sqlite: &Connection) {
    let name = statement.name;
    let own = client.prepare(&statement.text_for(Dialect::Postgres)).await;
    let own = own.unwrap_or_else(|error| panic!("{name}: {error:?}"));
    let params: Vec<Option<Kind>> = own.params().iter().map(kind).collect();
    let stated: Vec<Option<Kind>> = statement.params.iter().copied().map(Some).collect();
    assert_eq!(params, stated, "{name}: what it takes is not what PostgreSQL infers");
    let other = sqlite.prepare(&statement.text_for(Dialect::Sqlite)).unwrap();
    let other = other.columns();
    assert_eq!(own.columns().len(), other.len(), "{name}");
    for (own, other) in own.columns().iter().zip(other) {
        assert_eq!(own.name(), other.name(), "{name}");
        let own = kind(own.type_());
        assert!(own.is_some(), "{name}: a column is of a type that the door does not know");
        // SQLite knows the types of columns, not of expressions.
        let declared = other.decl_type().map(|word| match word {
            "INTEGER" | "BIGINT" => Kind::Int,
            "TEXT" => Kind::Text,
            _ => Kind::Bytes,
        });
        assert!(declared.is_none() || declared == own, "{name}: {}", other.name());
    }
}

fn kind(of: &Type) -> Option<Kind> {
    [(Type::INT8, Kind::Int), (Type::TEXT, Kind::Text), (Type::BYTEA, Kind::Bytes)]
        .into_iter()
        .find(|(known, _)| known == of)
        .map(|(_, kind)| kind)
}
