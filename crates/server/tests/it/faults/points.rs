//! Crash points: the server is killed at the n-th flush, write or message, n = 1, 2, 3 …, until a scenario passes
//! untouched. Every commit and every outside call lies between two of these, so all of them are crashed before, within
//! and after. The client repeats under the same keys; in the end everything has happened once.

use std::time::{Duration, Instant};

use bytes::Bytes;
use reqwest::Method;
use serde_json::{Value, json};

use super::strace::Fault;
use super::{new_store, rounds};
use crate::api::Reply;
use crate::host::Host;
use crate::server::Server;
use crate::shop::{Shop, balance, card, id, with};
use crate::store::Engine;

/// Longest time for one step of a scenario, over all crashes.
const PATIENCE: Duration = Duration::from_secs(30);
/// What every scenario leaves on the books.
const LEFT: [(&str, i64); 4] = [("1011.sandbox.in", 130), ("1011.sandbox.refund", 20), ("2003", 40), ("2004", 70)];

/// One client that does not give up.
struct Client<'a> {
    host: &'a Host,
    shop: Shop,
    /// Names everything of one scenario.
    name: String,
}

impl Client<'_> {
    /// Starts the server again where it has ended.
    fn attend(&self) -> bool {
        let ended = self.host.with_server(Server::has_ended);
        if ended {
            self.host.forget();
            self.host.restart();
        }
        ended
    }

    /// Sends until there is an answer that says something.
    async fn send(&self, method: Method, step: &str, path: &str, body: &Value) -> Reply {
        let begun = Instant::now();
        let api = if step == "fund" { self.shop.platform() } else { &*self.shop };
        let key = format!("{}-{step}", self.name);
        loop {
            let bytes = Bytes::from(body.to_string());
            let key = (method == Method::POST).then_some(key.as_str());
            if let Ok(reply) = api.send(method.clone(), path, key, bytes).await
                && reply.status < 500
                && reply.status != 409
            {
                return reply;
            }
            assert!(begun.elapsed() < PATIENCE, "{method} {path} is never answered");
            if !self.attend() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    }

    async fn post(&self, step: &str, path: &str, body: &Value) -> Value {
        let reply = self.send(Method::POST, step, path, body).await;
        assert!(reply.status < 300, "{}", reply.text());
        reply.json()
    }

    async fn wait_for(&self, path: &str, status: &str) {
        let begun = Instant::now();
        loop {
            let now = self.send(Method::GET, "", path, &Value::Null).await.ok(200);
            if now["status"] == status {
                return;
            }
            assert!(begun.elapsed() < PATIENCE, "GET {path} never was {status}: {now:#}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Paid by balance and by card, confirmed in part, refunded in part by each.
    async fn scenario(&self) {
        let user = format!("user-{}", self.name);
        let funded = json!({"owner": format!("user:{user}"), "amount": 70, "currency": "CNY"});
        self.post("fund", "/v1/sandbox/fund", &funded).await;
        let order = |number: &str, amount: i64, tool: Value| {
            json!({"merchant_order_id": format!("{}-{number}", self.name), "type": "escrow", "amount": amount,
                "currency": "CNY", "buyer": user, "pay": {"tools": [tool]}})
        };
        let trade = id(&self.post("open", "/v1/trades", &order("A", 70, balance(70))).await);
        let confirmed = json!({"amount": 20});
        self.post("confirm", &format!("/v1/trades/{trade}/confirm"), &confirmed).await;
        let card_trade = id(&self.post("card", "/v1/trades", &order("B", 60, card(60))).await);
        self.wait_for(&format!("/v1/trades/{card_trade}"), "paid").await;
        self.post("confirm-card", &format!("/v1/trades/{card_trade}/confirm"), &confirmed).await;
        let refund = with(json!({"merchant_refund_id": "R"}), &json!({"amount": 20}));
        let refund = id(&self.post("refund", &format!("/v1/trades/{card_trade}/refunds"), &refund).await);
        self.wait_for(&format!("/v1/refunds/{refund}"), "succeeded").await;
    }
}

/// Kills at the n-th of these calls, n = 1, 1 + stride, …, until nobody is killed; gives how often somebody was.
fn killed_at_every(engine: Engine, call: &str, stride: usize, least: usize) {
    let Some((_server, store)) = new_store(engine) else { return };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let host = Host::on(store, &[]);
        let shop = host.shop().await;
        let (mut played, mut kills, mut point) = (0, 0, 1);
        loop {
            let client = Client { host: &host, shop: shop.clone(), name: format!("{call}{point}") };
            let fault = Fault::begin(
                &[host.with_server(|server| server.pid())],
                &[&format!("{call}:signal=KILL:when={point}")],
            );
            let before = host.with_server(|server| server.pid());
            client.scenario().await;
            played += 1;
            client.attend();
            if host.with_server(|server| server.pid()) == before {
                break;
            }
            drop(fault);
            kills += 1;
            point += stride;
        }
        eprintln!("{call} on {engine:?}: killed at {kills} points, untouched at {point}");
        assert!(kills >= least, "killed at {kills} points only");
        let left: Vec<(&str, i64)> = LEFT.iter().map(|(subject, left)| (*subject, left * played)).collect();
        host.trial_balance("CNY").await.assert_is(&left);
        assert_eq!(shop.all("/v1/trades", 100).await.len(), usize::try_from(2 * played).unwrap());
        host.end_after_faults().await;
    });
}

/// In a short run only every so many points are tried.
fn stride(short: usize) -> usize {
    if rounds() > 1 { 1 } else { short }
}

#[test]
fn at_every_flush_on_sqlite() {
    killed_at_every(Engine::Sqlite, "fdatasync", 1, 5);
}

#[test]
fn at_writes_on_sqlite() {
    killed_at_every(Engine::Sqlite, "pwrite64", stride(7), 5);
}

/// Answers to clients, notifications of the institution.
#[test]
fn at_messages_on_sqlite() {
    killed_at_every(Engine::Sqlite, "writev", stride(3), 2);
}

/// Statements and commits on their way to the database, answers to clients, notifications of the institution.
#[test]
fn at_messages_on_postgres() {
    killed_at_every(Engine::Postgres, "sendto", stride(7), 3);
}
