//! SIGKILL in the middle of a replay, several times; then to the end, to the same figures as if nothing had been.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

use crate::host::{Host, play};
use crate::orders::Orders;
use crate::server::Settings;
use crate::store::Engine;

/// How often the server is killed at most.
const KILLS: usize = 4;

/// What a replay came to, without what may differ: ids, times, and the order of things.
fn figures(report: &Value) -> Value {
    let orders = report["orders"].as_array().unwrap().iter().map(|order| {
        let mut order = order.clone();
        order.as_object_mut().unwrap().remove("trade");
        order
    });
    serde_json::json!({
        "orders": orders.collect::<Vec<_>>(),
        "outcomes": report["outcomes"],
        "refunds": report["refunds"],
        "checks": report["checks"],
        "balanced": report["balanced"],
    })
}

/// Everything that must be there once, and how often it is: trades, effects, refunds, receipts.
async fn counts(host: &Host) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for event in host.all_events().await {
        let kind = event["type"].as_str().unwrap().to_owned();
        // How often a payment is told to be under way depends on who was faster.
        if !["payment.processing", "payment.requires_action", "payment.created"].contains(&kind.as_str()) {
            *counts.entry(kind).or_default() += 1;
        }
    }
    counts
}

/// What a replay came to: its report, the balances, and how often everything happened.
pub(crate) type Figures = (Value, BTreeMap<String, i64>, BTreeMap<String, usize>);

/// Asks for them.
pub(crate) async fn all_figures(host: &Host, report: &Value) -> Figures {
    (figures(report), host.trial_balance("BRL").await.balances(), counts(host).await)
}

/// An undisturbed run on a store of its own.
fn undisturbed(engine: Engine, settings: Settings, orders: &Orders) -> Option<Figures> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let host = Host::start(engine, settings)?;
        let report = orders.replay(&host.store, &host.address).report();
        let figures = all_figures(&host, &report).await;
        host.end().await;
        Some(figures)
    })
}

fn killed_and_the_same(engine: Engine, settings: Settings, orders: impl FnOnce(&std::path::Path) -> Option<Orders>) {
    let directory = tempfile::tempdir().unwrap();
    let Some(orders) = orders(directory.path()) else { return };
    let Some(expected) = undisturbed(engine, settings, &orders) else { return };
    play(engine, settings, async |host| {
        let mut replay = orders.replay(&host.store, &host.address);
        let mut killed = 0;
        // The first while it sets up, the others deeper and deeper in.
        for after in [100, 300, 500, 700].into_iter().take(KILLS) {
            tokio::time::sleep(Duration::from_millis(after)).await;
            if replay.is_over() {
                break;
            }
            host.kill();
            killed += 1;
            host.restart();
        }
        assert!(killed >= 2, "the replay was over before it was disturbed");
        let report = replay.report();
        assert_eq!(all_figures(host, &report).await, expected);
        // And once more from the start: everything is there, nothing happens twice.
        let again = orders.replay(&host.store, &host.address).report();
        assert_eq!(all_figures(host, &again).await, expected);
        host.store.verify_at_rest();
    });
}

fn made_up(directory: &std::path::Path) -> Option<Orders> {
    Some(Orders::write(directory, 300))
}

fn real(_: &std::path::Path) -> Option<Orders> {
    Orders::real(300)
}

#[test]
fn made_up_orders_on_sqlite() {
    killed_and_the_same(Engine::Sqlite, &[], made_up);
}

#[test]
fn made_up_orders_on_postgres() {
    killed_and_the_same(Engine::Postgres, &[], made_up);
}

#[test]
fn made_up_orders_on_four_shards_of_sqlite() {
    killed_and_the_same(Engine::Sqlite, &[("shards", "4")], made_up);
}

#[test]
fn made_up_orders_on_four_shards_of_postgres() {
    killed_and_the_same(Engine::Postgres, &[("shards", "4")], made_up);
}

#[test]
fn real_orders_on_sqlite() {
    killed_and_the_same(Engine::Sqlite, &[], real);
}

#[test]
fn real_orders_on_postgres() {
    killed_and_the_same(Engine::Postgres, &[], real);
}
