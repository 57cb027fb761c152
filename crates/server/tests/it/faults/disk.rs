//! Disks that are full for a while, and disks that do not confirm.

use std::time::{Duration, Instant};

use serde_json::json;

use super::strace::Fault;
use super::{new_store, own_database, play, rounds};
use crate::host::Host;
use crate::server::Server;
use crate::store::{Engine, Store};

/// Longest time until the server has noticed that its disk does not keep what it is given.
const NOTICED: Duration = Duration::from_secs(20);

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
            let processes = match &server {
                None => vec![host.with_server(|server| server.pid())],
                Some(server) => server.processes().unwrap(),
            };
            let full = Fault::begin(&processes, &["pwrite64:error=ENOSPC", "pwritev:error=ENOSPC"]);
            crowd.until_open(10).await;
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
