//! The benchmarks against the real program, for a second each: what they report is what the store holds.

use std::process::Command;

use serde_json::Value;

use crate::store::{Engine, Store, program, text};

/// Runs a benchmark; gives its report.
fn measured(store: &Store, command: &mut Command) -> Value {
    let path = store.path("report.json");
    let output = command.arg("--json").arg(&path).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

fn bench(word: &str, store: &Store, seconds: &str) -> Command {
    let mut command = program();
    command.args(["bench", word, "--store", &store.url, "--warm-up", "0", "--duration", seconds]);
    command
}

fn pay(engine: Engine, scenario: &str, limit: u64) {
    let Some(store) = Store::new(engine) else { return };
    let mut command = bench("pay", &store, "60");
    command.args(["--scenario", scenario, "--callers", "8", "--merchants", "3", "--buyers", "20"]);
    let report = measured(&store, command.args(["--limit", &limit.to_string(), "--coupons", "40"]));
    let row = &report["rows"][0];
    assert_eq!(row["done"], limit, "{row}");
    assert_eq!(row["refused"], serde_json::json!({}), "{row}");
    // A run of so few may be over before the system's clock of processor time has ticked.
    assert!(row["per_s"].as_f64() > Some(0.0) && row["server_cpu_us"].is_number(), "{row}");
    store.verify();
}

#[test]
fn every_scenario_on_sqlite() {
    for scenario in ["full", "coupon_channel", "mixed", "batch_create"] {
        pay(Engine::Sqlite, scenario, 40);
    }
}

#[test]
fn the_whole_life_of_orders_on_postgres() {
    pay(Engine::Postgres, "full", 40);
}

/// The command itself compares the sums of the store with what it counted.
#[test]
fn the_ledger_alone() {
    for (engine, shards) in [(Engine::Sqlite, "1"), (Engine::Postgres, "2")] {
        let Some(store) = Store::new(engine) else { continue };
        let mut command = bench("ledger", &store, "1");
        let report =
            measured(&store, command.args(["--batch", "1,100", "--accounts", "50", "--shards", shards, "--hot"]));
        let done: Vec<u64> =
            report["rows"].as_array().unwrap().iter().map(|row| row["done"].as_u64().unwrap()).collect();
        assert!(done.len() == 2 && done[0] > 10 && done[1] >= 1_000, "{report}");
        let again = bench("ledger", &store, "1").output().unwrap();
        assert!(text(&again).contains("not empty"), "{}", text(&again));
    }
}

#[test]
fn the_naive_way() {
    let Some(store) = Store::new(Engine::Postgres) else { return };
    let mut command = bench("naive", &store, "1");
    let report = measured(&store, command.args(["--connections", "4", "--accounts", "50"]));
    let rows = report["rows"].as_array().unwrap();
    assert_eq!(rows.iter().map(|row| row["hot"].as_bool().unwrap()).collect::<Vec<_>>(), [false, true]);
    assert!(rows.iter().all(|row| row["done"].as_u64() > Some(10)), "{report}");
    let refused = program().args(["bench", "naive", "--store", "sqlite:nowhere"]).output().unwrap();
    assert_eq!(refused.status.code(), Some(2));
}
