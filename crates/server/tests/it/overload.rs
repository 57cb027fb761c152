//! More work than can be done: who is turned away, how fast, who is let in all the same, and how soon it is over.
//!
//! The database stands still for three seconds, which is more than any burst of a test could do to a server.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};

use crate::api::{Reply, new_key};
use crate::host::{self, Host};
use crate::shop::{Shop, order};
use crate::store::{Engine, Store};

/// How long the database stands still.
const STALL: Duration = Duration::from_secs(3);

/// A call on its way, with the time that its answer took.
fn send(shop: &Shop, path: &str, body: &Value) -> tokio::task::JoinHandle<(Reply, Duration)> {
    let (shop, path, body) = (shop.clone(), path.to_owned(), body.to_string());
    tokio::spawn(async move {
        let begun = Instant::now();
        let reply = shop.send(Method::POST, &path, Some(&new_key()), body.into()).await.unwrap();
        (reply, begun.elapsed())
    })
}

#[test]
fn a_database_that_stands_still() {
    let server = match testkit::postgres::start() {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return,
        server => server.unwrap(),
    };
    let store = |name: &str| Store::at(server.create_database(name).unwrap());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let host = Host::on(store("patient"), &[("limits.wait_ms", "300"), ("limits.request_timeout_ms", "30000")]);
        let hasty = Host::on(store("hasty"), &[("limits.request_timeout_ms", "700")]);
        let (shop, hasty_shop) = (host.shop().await, hasty.shop().await);
        let paid = shop.paid("escrow", 1_000, &json!({})).await;
        let refund = json!({"merchant_refund_id": "R-stall", "amount": 400});
        let new = || order("escrow", 100, &json!({}));

        let frozen = server.freeze().unwrap();
        let begun = Instant::now();
        // This one is being decided when the database stands still; what comes at once after it waits.
        let under_way = send(&shop, "/v1/trades", &new());
        let hasty_under_way = send(&hasty_shop, "/v1/trades", &new());
        tokio::time::sleep(Duration::from_millis(200)).await;
        let waiting = send(&shop, "/v1/trades", &new());
        let hasty_waiting = send(&hasty_shop, "/v1/trades", &new());
        tokio::time::sleep(Duration::from_millis(600)).await;

        let mut quickest = STALL;
        for _ in 0..20 {
            let (reply, took) = send(&shop, "/v1/trades", &new()).await.unwrap();
            reply.refused(503, "overloaded");
            let seconds: u64 = reply.header("retry-after").parse().unwrap();
            assert!((1..=3).contains(&seconds), "{seconds}");
            quickest = quickest.min(took);
        }
        assert!(quickest < Duration::from_millis(50), "{quickest:?}");
        // Money that is owed is not turned away.
        let refunded = send(&shop, &format!("/v1/trades/{paid}/refunds"), &refund);
        // Who has waited too long is told so, though the line is busy.
        let (late, took) = hasty_waiting.await.unwrap();
        late.refused(503, "deadline_exceeded");
        // So is whose request is under way: what becomes of it nobody knows yet.
        hasty_under_way.await.unwrap().0.refused(503, "store_unavailable");
        assert!(begun.elapsed() < STALL && took < Duration::from_secs(2), "{took:?}");
        // Whoever is neither queued nor refused is still served: it needs no database.
        assert_eq!(host.get("/readyz").await.status, 200);

        tokio::time::sleep(STALL.saturating_sub(begun.elapsed())).await;
        assert!(!refunded.is_finished() && !under_way.is_finished() && !waiting.is_finished());
        drop(frozen);
        let thawed = Instant::now();
        for (call, status) in [(under_way, 201), (waiting, 201), (refunded, 201)] {
            call.await.unwrap().0.ok(status);
        }
        let back = shop.open("escrow", 100, &json!({})).await;
        assert_eq!(back.status, 201, "{}", back.text());
        assert!(thawed.elapsed() < Duration::from_secs(10), "{:?}", thawed.elapsed());
        assert_eq!(host.metric(r#"suanpan_queue_refused_total{stage="new",reason="late"}"#).await, 20);
        assert_eq!(host.metric(r#"suanpan_queue_refused_total{stage="begun",reason="late"}"#).await, 0);
        assert_eq!(hasty.metric(r#"suanpan_queue_refused_total{stage="new",reason="expired"}"#).await, 1);
        // Every answer is counted by its route, whoever refused it.
        assert_eq!(host.get("/v1/nothing").await.status, 404);
        for (route, status, times) in
            [("/v1/trades", 503, 20), ("/v1/trades/{id}/refunds", 201, 1), ("(none)", 404, 1), ("/readyz", 200, 1)]
        {
            let name = format!("suanpan_http_requests_total{{route=\"{route}\",status=\"{status}\"}}");
            assert_eq!(host.metric(&name).await, times, "{name}");
        }
        host.end().await;
        hasty.end().await;
    });
}

/// How far the threads of a process step back for others, by the threads' names.
#[cfg(target_os = "linux")]
fn nice(pid: u32) -> BTreeMap<String, i32> {
    let threads = std::fs::read_dir(format!("/proc/{pid}/task")).unwrap();
    let of = |thread: std::io::Result<std::fs::DirEntry>| {
        let stat = std::fs::read_to_string(thread.unwrap().path().join("stat")).unwrap();
        let (head, rest) = stat.rsplit_once(") ").unwrap();
        let nice = rest.split(' ').nth(16).unwrap().parse().unwrap();
        (head.split_once('(').unwrap().1.to_owned(), nice)
    };
    threads.map(of).collect()
}

/// Where processors are short, who reads requests goes before the line, and the line before what nobody waits for. What
/// writes into the line's own file keeps its place, because the line waits for it.
#[cfg(target_os = "linux")]
#[test]
fn who_goes_first() {
    host::play(Engine::Sqlite, &[], async |host| {
        let nice = nice(host.with_server(|server| server.pid()));
        let usual = nice["tokio-rt-worker"];
        for (thread, rank) in
            [("line", 5), ("store-derived", 10), ("store-copier", 10), ("store-side", usual), ("store-reader", usual)]
        {
            assert_eq!(nice.get(thread), Some(&rank.max(usual)), "{thread}: {nice:?}");
        }
    });
}
