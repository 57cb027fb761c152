//! The program as operators meet it: how it starts, what it refuses, how it ends.

use std::sync::Arc;
use std::time::Duration;

use ::store::{Access, Opening, Place, Ports, Statement, Step};
use serde_json::json;

use crate::host::play;
use crate::server::Server;
use crate::store::{Engine, Store, program, text};

static AGE: Statement =
    Statement { name: "it.age", text: "UPDATE schema_version SET version = version + 1", params: &[], sqlite: None };

/// One process per directory; the second says so and leaves, and the first never notices.
#[test]
fn a_directory_is_served_by_one() {
    play(Engine::Sqlite, &[], async |host| {
        let refused = host.another().err().expect("it should not start");
        assert!(refused.contains("exit status: 3"), "{refused}");
        assert!(refused.contains("another process"), "{refused}");
        let output = host.store.run("migrate");
        assert_eq!(output.status.code(), Some(3), "{}", text(&output));
        let shop = host.shop().await;
        shop.paid("escrow", 100, &json!({})).await;
    });
}

#[test]
fn a_database_is_served_by_two() {
    play(Engine::Postgres, &[], async |host| {
        let other = host.another().unwrap();
        let shop = host.shop().await;
        let trade = shop.unpaid("escrow", 100, &json!({})).await;
        let there = shop.at_server(&other.address);
        // A key made here is known there within two seconds.
        for _ in 0..60 {
            if there.get("/v1/trades").await.status == 200 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        assert_eq!(there.trade(&trade).await, shop.trade(&trade).await);
        other.kill();
        shop.paid("escrow", 100, &json!({})).await;
    });
}

#[test]
fn wrong_configuration_is_named() {
    let refused = |arguments: &[&str], variable: Option<(&str, &str)>, names: &str| {
        let mut command = program();
        command.arg("serve").args(arguments).envs(variable);
        let output = command.output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?} {variable:?}: {}", text(&output));
        assert!(text(&output).contains(names), "{arguments:?} {variable:?} should name {names}: {}", text(&output));
    };
    refused(&["--store", "mysql://x"], None, "store");
    refused(&["--listen", "nowhere"], None, "listen");
    refused(&["--environment", "prod"], None, "environment");
    refused(&[], Some(("SUANPAN__LIMITS__BATCH", "0")), "limits.batch");
    refused(&[], Some(("SUANPAN__LIMITS__BACH", "1")), "limits.bach");
    refused(&[], Some(("SUANPAN_BOOTSTRAP_KEY", "sk_live_x")), "bootstrap_key");
    refused(&["--config", "/nowhere.toml"], None, "/nowhere.toml");
    refused(&["--nonsense"], None, "--nonsense");
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("suanpan.toml");
    std::fs::write(&file, "[webhook]\ntimeout_ms = \"soon\"\n").unwrap();
    let path = file.display().to_string();
    refused(&["--config", &path], None, "webhook.timeout_ms");
    refused(&["--config", &path], None, &path);
}

#[test]
fn rule_books_are_checked() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("book.toml");
    let check = |book: &str| {
        std::fs::write(&file, book).unwrap();
        program().args(["rules", "check"]).arg(&file).output().unwrap()
    };
    let good = check("book = \"shop\"\nabout = \"A shop.\"\n");
    assert_eq!((good.status.code(), text(&good).as_str()), (Some(0), "book shop: A shop.\n"));
    let bad = check("book = \"shop\"\nabot = \"A shop.\"\n");
    assert_eq!(bad.status.code(), Some(1), "{}", text(&bad));
    for line in ["book.toml: line 1, column 1: `about` is missing", "line 2, column 1: there is no key `abot`"] {
        assert!(text(&bad).contains(line), "{}", text(&bad));
    }
    let nowhere = program().args(["rules", "check", "/nowhere.toml"]).output().unwrap();
    assert_eq!(nowhere.status.code(), Some(6), "{}", text(&nowhere));
}

#[test]
fn an_address_that_is_taken() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let store = Store::new(Engine::Sqlite).unwrap();
    let refused = Server::start(&store, &[], &address).err().expect("it should not start");
    assert!(refused.contains("exit status: 5") && refused.contains(&address), "{refused}");
}

#[test]
fn a_database_that_is_not_there() {
    let output = program().args(["serve", "--store", "postgres://nobody@127.0.0.1:1/none"]).output().unwrap();
    assert_eq!(output.status.code(), Some(3), "{}", text(&output));
}

/// What was asked before SIGTERM is answered; nothing new is taken; it ends with 0.
fn drains(engine: Engine) {
    play(engine, &[], async |host| {
        let shop = host.shop().await;
        let trade = shop.unpaid("escrow", 100, &json!({})).await;
        let asked: Vec<_> = (0..50)
            .map(|_| {
                let shop = shop.clone();
                tokio::spawn(async move { shop.open("escrow", 100, &json!({})).await.status })
            })
            .collect();
        let waits = {
            let (shop, path) = (shop.clone(), format!("/v1/trades/{trade}?wait=1"));
            tokio::spawn(async move { shop.get(&path).await.status })
        };
        tokio::time::sleep(Duration::from_millis(300)).await;
        host.with_server(|server| server.signal("TERM"));
        for asked in asked {
            assert_eq!(asked.await.unwrap(), 201);
        }
        assert_eq!(waits.await.unwrap(), 200, "who waits is answered");
        assert_eq!(host.with_server(Server::wait).code(), Some(0));
        let late = shop.send(reqwest::Method::GET, "/v1/trades", None, bytes::Bytes::new()).await;
        assert!(late.is_err(), "nobody is there any more");
        host.forget();
        host.restart();
        assert_eq!(shop.all("/v1/trades", 100).await.len(), 51, "all that was answered is there");
    });
}

#[test]
fn sigterm_drains_on_sqlite() {
    drains(Engine::Sqlite);
}

#[test]
fn sigterm_drains_on_postgres() {
    drains(Engine::Postgres);
}

/// Makes a store that nobody serves one of a newer program. (Older ones there are none yet.)
async fn age(store: &Store) {
    let runtime = tokio::runtime::Handle::current();
    let ports = Ports {
        spawn: Arc::new(move |future| drop(runtime.spawn(future))),
        thread: Arc::new(|thread, run| {
            drop(std::thread::Builder::new().name(thread.name().into()).spawn(run).unwrap())
        }),
    };
    let opening = Opening { access: Access::Serve { create: false }, shards: 1, now: 0 };
    let opened = ::store::Store::open(&store.url.parse().unwrap(), opening, ports).await.unwrap();
    let step = Step::Run { statement: &AGE, params: Vec::new(), expect: None };
    opened.side(Place::Main).unwrap().transaction(vec![step], true).await.unwrap();
}

#[tokio::test]
async fn a_newer_schema_is_left_alone() {
    for engine in [Engine::Sqlite, Engine::Postgres] {
        let Some(store) = Store::new(engine) else { continue };
        assert_eq!(store.run("migrate").status.code(), Some(0));
        age(&store).await;
        for command in ["serve", "migrate", "verify"] {
            let output = store.run(command);
            assert_eq!(output.status.code(), Some(3), "{command}: {}", text(&output));
            assert!(text(&output).contains("newer program"), "{command}: {}", text(&output));
        }
    }
}

/// A store is made by `migrate` alone as well, and `verify` on it finds nothing.
#[test]
fn a_new_store_by_migrate() {
    for engine in [Engine::Sqlite, Engine::Postgres] {
        let Some(store) = Store::new(engine) else { continue };
        assert_eq!(store.run("verify").status.code(), Some(3), "there is nothing yet");
        for _ in 0..2 {
            let output = store.run("migrate");
            assert_eq!(output.status.code(), Some(0), "{}", text(&output));
        }
        store.verify();
    }
}
