//! Disks that are full for a while, disks that do not confirm, and disks that are slow.

use std::time::{Duration, Instant};

use futures::future::join_all;
use serde_json::json;

use super::strace::Fault;
use super::{new_store, on_the_disk, own_database, play, rounds};
use crate::host::Host;
use crate::server::Server;
use crate::shop::Shop;
use crate::store::{Engine, Store};

/// Longest time until what became of a disk, for better or worse, is noticed.
const NOTICED: Duration = Duration::from_secs(20);

/// How much longer every flush takes on a slow disk.
const SLOW: Duration = Duration::from_millis(50);
/// Orders that are placed one after another to see how long one takes.
const ONE_BY_ONE: usize = 15;
/// Orders that come all at once, in less time than a slow disk needs for one flush each.
const AT_ONCE: usize = 100;

/// The server ends by itself.
async fn ended(host: &Host) {
    let begun = Instant::now();
    while !host.with_server(Server::has_ended) {
        assert!(begun.elapsed() < NOTICED, "it goes on over a disk that does not confirm");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// The flush of a commit fails, once: what is on the disk is not known any more, and a later flush that succeeds says
/// nothing about it. The server acknowledges nothing and ends; the next one finds out.
#[test]
fn a_flush_that_fails_ends_the_server_on_sqlite() {
    play(Store::new(Engine::Sqlite).unwrap(), &[], async |host, crowd| {
        for _ in 0..2 * rounds() {
            let fault = Fault::begin(&[host.with_server(|server| server.pid())], &["fdatasync:error=EIO:when=3"]);
            ended(host).await;
            let status = host.with_server(Server::wait);
            assert_eq!(status.code(), Some(4), "{}", host.with_server(|server| server.log()));
            assert!(fault.struck() > 0);
            drop(fault);
            assert!(host.with_server(|server| server.log()).contains("did not confirm"));
            host.forget();
            host.restart();
            crowd.until_done(10).await;
        }
    });
}

/// PostgreSQL panics by itself where a flush fails, and recovers; the server waits for that and goes on.
#[test]
fn a_flush_that_fails_on_postgres() {
    let Some((server, store)) = own_database() else { return };
    play(store, &[], async |_, crowd| {
        for _ in 0..2 * rounds() {
            let fault = Fault::begin(&server.processes().unwrap()[1..], &["fdatasync:error=EIO:when=2"]);
            let begun = Instant::now();
            while fault.struck() == 0 {
                assert!(begun.elapsed() < NOTICED, "PostgreSQL never flushes");
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            crowd.until_done(10).await;
        }
        assert!(server.log().contains("PANIC"), "{}", server.log());
    });
}

/// Nothing is acknowledged while the disk is full; what is there can be read; once there is room, it goes on by itself.
fn full_and_back(engine: Engine) {
    let Some((mut server, store)) = new_store(engine) else { return };
    play(store, &[("limits.request_timeout_ms", "1000")], async |host, crowd| {
        let shop = host.shop().await;
        let trade = shop.unpaid("escrow", 100, &json!({})).await;
        for _ in 0..rounds() {
            let processes = on_the_disk(host, server.as_ref());
            let open = crowd.open();
            let full = Fault::begin(&processes, &["pwrite64:error=ENOSPC", "pwritev:error=ENOSPC"]);
            crowd.until_open(open, 10).await;
            assert!(full.struck() > 0);
            match engine {
                Engine::Sqlite => {
                    let refused = shop.open("escrow", 1, &json!({})).await;
                    refused.refused(503, "store_unavailable");
                    shop.trade(&trade).await;
                }
                // PostgreSQL is down: it cannot write its log.
                Engine::Postgres => {}
            }
            drop(full);
            if let Some(server) = &mut server {
                server.revive().unwrap();
            }
            crowd.until_done(10).await;
        }
    });
}

#[test]
fn full_and_back_on_sqlite() {
    full_and_back(Engine::Sqlite);
}

#[test]
fn full_and_back_on_postgres() {
    full_and_back(Engine::Postgres);
}

/// How long orders take that are placed one after another, the quickest first.
async fn times(shop: &Shop) -> Vec<Duration> {
    let mut times = Vec::new();
    for _ in 0..ONE_BY_ONE {
        let asked = Instant::now();
        shop.unpaid("escrow", 1, &json!({})).await;
        times.push(asked.elapsed());
    }
    times.sort();
    times
}

/// Every answer waits for its flush, many share one, nobody is refused or left without an answer; and it is over when it
/// is over.
fn slow(engine: Engine) {
    let Some((server, store)) = new_store(engine) else { return };
    play(store, &[], async |host, crowd| {
        let shop = host.shop().await;
        for _ in 0..rounds() {
            let processes = on_the_disk(host, server.as_ref());
            let before = times(&shop).await;
            let open = crowd.open();
            let delay = SLOW.as_micros();
            let fault = Fault::begin(
                &processes,
                &[&format!("fdatasync:delay_exit={delay}"), &format!("fsync:delay_exit={delay}")],
            );
            // A flush that was under way when the fault began may have been quick.
            shop.unpaid("escrow", 1, &json!({})).await;
            let during = times(&shop).await;
            assert!(during[0] >= SLOW, "answered before it was flushed: {during:?}");
            let begun = Instant::now();
            let order = json!({});
            let answers = join_all((0..AT_ONCE).map(|_| shop.open("escrow", 1, &order))).await;
            let together = begun.elapsed();
            assert!(
                answers.iter().all(|reply| reply.status == 201),
                "{:?}",
                answers.iter().find(|reply| reply.status != 201)
            );
            assert!(
                together < SLOW * u32::try_from(AT_ONCE).unwrap(),
                "each waited for a flush of its own: {together:?}"
            );
            crowd.until_done(20).await;
            assert_eq!(crowd.open(), open, "somebody was left without an answer");
            assert!(fault.struck() > 0);
            drop(fault);
            crowd.until_done(20).await;
            let fast = Instant::now();
            let mut after = times(&shop).await;
            while after[0] >= SLOW {
                assert!(fast.elapsed() < NOTICED, "slow for ever: {after:?}");
                after = times(&shop).await;
            }
            let median = ONE_BY_ONE / 2;
            eprintln!(
                "an order took {:?}, slowed {:?}, afterwards {:?}; {AT_ONCE} at once, slowed: {together:?}",
                before[median], during[median], after[median],
            );
        }
    });
}

#[test]
fn slow_on_sqlite() {
    slow(Engine::Sqlite);
}

#[test]
fn slow_on_postgres() {
    slow(Engine::Postgres);
}
