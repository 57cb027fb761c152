//! Opening: new stores, old and new schemas, a second process, and looking in beside a server.

use std::collections::BTreeSet;
use std::time::Duration;

use store::tables::schema::FOUND;
use store::tables::shard::SHARDS;
use store::{Access, Cell, Kind, Place, SCHEMA, Statement, Step, Store, StoreError, Url, Written};

use crate::world::{Engine, World, new_database, on, open, write};

const SERVE: Access = Access::Serve { create: false };
const CREATE: Access = Access::Serve { create: true };

static AGE: Statement = Statement {
    name: "test.age",
    text: "UPDATE schema_version SET version = version + $1",
    params: &[Kind::Int],
    sqlite: None,
};

static REPRINT: Statement = Statement {
    name: "test.reprint",
    text: "UPDATE schema_version SET print = print - $1",
    params: &[Kind::Int],
    sqlite: None,
};

/// Runs a test on an address at which there is nothing yet.
fn on_nothing(test: impl AsyncFn(&Url)) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    runtime.block_on(async {
        let directory = tempfile::tempdir().unwrap();
        let new = directory.path().join("a").join("b");
        test(&Url::Sqlite(new)).await;
        if let Some(url) = new_database() {
            test(&url).await;
        }
    });
}

async fn touch(store: &Store, statement: &'static Statement, by: i64) {
    let step = Step::Run { statement, params: vec![Cell::Int(by)], expect: Some(1) };
    store.side(Place::Main).unwrap().transaction(vec![step], true).await.unwrap();
}

/// Opens a store that was just closed. A process that another test starts at this moment holds a copy of every open file,
/// and so of the lock, until it becomes another program.
async fn reopen(url: &Url, access: Access) -> Result<Store, StoreError> {
    for _ in 0..100 {
        match open(url, access).await {
            Err(StoreError::Busy { .. }) => tokio::time::sleep(Duration::from_millis(10)).await,
            opened => return opened,
        }
    }
    open(url, access).await
}

#[test]
fn nothing_is_made_unasked() {
    on_nothing(async |url| {
        let error = reopen(url, SERVE).await.err().unwrap();
        assert!(matches!(error, StoreError::Schema { found: 0, .. } | StoreError::Unreachable { .. }), "{error:?}");
        assert!(reopen(url, Access::Inspect).await.is_err());
        if let Url::Sqlite(directory) = url {
            assert!(!directory.exists());
        }
    });
}

#[test]
fn a_new_store_is_made_once() {
    on_nothing(async |url| {
        for access in [CREATE, CREATE, Access::Migrate, SERVE] {
            let store = reopen(url, access).await.unwrap();
            let shards = store.reader().query(&SHARDS, vec![]).await.unwrap();
            assert_eq!(shards, [vec![Cell::Int(0)], vec![Cell::Int(1)]]);
            assert_eq!(store.reader().query(&FOUND, vec![]).await.unwrap(), [vec![Cell::Int(SCHEMA)]]);
        }
        let store = reopen(url, Access::Inspect).await.unwrap();
        assert_eq!(store.reader().query(&SHARDS, vec![]).await.unwrap().len(), 2);
        assert!(store.line().is_err() && store.side(Place::Main).is_err(), "who inspects writes nothing");
    });
}

#[test]
fn an_older_schema_is_left_alone() {
    on_nothing(async |url| {
        let store = reopen(url, CREATE).await.unwrap();
        touch(&store, &AGE, -1).await;
        drop(store);
        for access in [SERVE, CREATE, Access::Migrate, Access::Inspect] {
            let error = reopen(url, access).await.err().unwrap();
            assert_eq!(error, StoreError::Schema { found: SCHEMA - 1, wanted: SCHEMA });
            assert!(error.to_string().contains("a new store"), "{error}");
        }
    });
}

#[test]
fn other_tables_of_the_same_schema_are_told_apart() {
    on_nothing(async |url| {
        let store = reopen(url, CREATE).await.unwrap();
        touch(&store, &REPRINT, 1).await;
        drop(store);
        for access in [SERVE, CREATE, Access::Migrate, Access::Inspect] {
            let error = reopen(url, access).await.err().unwrap();
            assert_eq!(error, StoreError::Tables { version: SCHEMA });
            assert_eq!((error.code(), error.is_fatal()), ("store_schema", true));
        }
    });
}

#[test]
fn a_newer_schema_is_refused() {
    on_nothing(async |url| {
        let store = reopen(url, CREATE).await.unwrap();
        touch(&store, &AGE, 1).await;
        drop(store);
        for access in [SERVE, CREATE, Access::Migrate, Access::Inspect] {
            let error = reopen(url, access).await.err().unwrap();
            assert_eq!(error, StoreError::Schema { found: SCHEMA + 1, wanted: SCHEMA });
            assert!(error.to_string().contains("newer program"));
        }
    });
}

#[test]
fn a_step_that_fails_leaves_nothing() {
    on_nothing(async |url| {
        let Url::Sqlite(directory) = url else { return };
        std::fs::create_dir_all(directory).unwrap();
        let path = directory.join("suanpan.db");
        let connection = rusqlite::Connection::open(&path).unwrap();
        // In the way of one of the last tables.
        connection.execute_batch("CREATE TABLE parked (x)").unwrap();
        assert!(reopen(url, CREATE).await.is_err());
        let tables = || -> BTreeSet<String> {
            let mut names = connection.prepare("SELECT name FROM sqlite_master WHERE type = 'table'").unwrap();
            names.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
        };
        assert_eq!(tables(), BTreeSet::from(["parked".to_owned()]));
        connection.execute_batch("DROP TABLE parked").unwrap();
        assert!(reopen(url, CREATE).await.is_ok());
        assert!(tables().contains("answer"));
    });
}

#[test]
fn two_programs_may_make_the_same_store() {
    on_nothing(async |url| {
        if let Url::Postgres(_) = url {
            let opened = futures::future::join_all((0..4).map(|_| open(url, CREATE))).await;
            for store in opened {
                assert_eq!(store.unwrap().reader().query(&SHARDS, vec![]).await.unwrap().len(), 2);
            }
        }
    });
}

#[test]
fn a_directory_is_served_by_one() {
    on(Engine::File, async |world: World| {
        let url = world.url.as_ref().unwrap();
        for access in [SERVE, CREATE, Access::Migrate] {
            assert_eq!(open(url, access).await.err().unwrap().code(), "store_busy");
        }
        let beside = open(url, Access::Inspect).await.unwrap();
        assert_eq!(write(&mut *world.line(), 0, vec![]).await, Ok(Written::Done));
        assert_eq!(beside.reader().load(0, vec![]).await.unwrap().head.seq, 1, "who inspects sees what is committed");
        let line = world.line();
        drop(world.store);
        assert_eq!(open(url, SERVE).await.err().unwrap().code(), "store_busy", "a line holds the store");
        drop(line);
        assert!(reopen(url, SERVE).await.is_ok(), "the lock does not outlive the store");
    });
}

#[test]
fn what_is_derived_may_be_deleted() {
    on(Engine::File, async |world: World| {
        let Some(Url::Sqlite(directory)) = world.url.clone() else { panic!("a directory") };
        drop(world.store);
        for name in ["derived.db", "derived.db-wal", "derived.db-shm"] {
            let _ = std::fs::remove_file(directory.join(name));
        }
        let store = reopen(&Url::Sqlite(directory.clone()), SERVE).await.unwrap();
        assert!(directory.join("derived.db").exists());
        drop(store);
    });
}

#[test]
fn addresses_hide_passwords() {
    let url: Url = "postgres://pay:s3cret@db.example:5432/pay?sslmode=disable".parse().unwrap();
    assert_eq!(
        (url.to_string(), format!("{url:?}").contains("s3cret")),
        ("postgres://db.example:5432/pay".to_owned(), false)
    );
    let socket: Url = "postgres://pay@/pay?host=/run/postgresql&password=s3cret".parse().unwrap();
    assert!(!socket.to_string().contains("s3cret"));
    for wrong in ["", "sqlite:", "postgres://db.example", "mysql://x/y", "suanpan.db"] {
        assert!(wrong.parse::<Url>().is_err(), "{wrong}");
    }
}
