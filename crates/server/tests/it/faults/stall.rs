//! The database stands still under more load than can wait: callers are told so soon, memory stays bounded, and as soon
//! as it goes on, so do we.

use std::process::Command;
use std::time::{Duration, Instant};

use futures::future::join_all;
use serde_json::json;
use testkit::postgres::Postgres;

use super::{own_database, play, rounds};
use crate::server::Server;

/// How long it stands still, in a run of one round.
const STALL: Duration = Duration::from_secs(5);
/// How long a request may wait for the line, as the settings below say, and what a busy machine may add.
const TOLD: Duration = Duration::from_secs(1 + 3);
/// Asked at once, again and again.
const ASKED: usize = 100;
/// What the server may grow by meanwhile.
const GROWTH_KIB: u64 = 64 * 1_024;
/// How soon callers are served again.
const BACK: Duration = Duration::from_secs(30);

/// Processes that stand still until this is dropped.
struct Still(Vec<u32>);

impl Still {
    fn all_of(server: &Postgres) -> Self {
        let processes = server.processes().unwrap();
        signal("STOP", &processes);
        Self(processes)
    }
}

impl Drop for Still {
    fn drop(&mut self) {
        signal("CONT", &self.0);
    }
}

/// Some may have ended meanwhile.
fn signal(name: &str, processes: &[u32]) {
    let _ = Command::new("kill").arg(format!("-{name}")).args(processes.iter().map(u32::to_string)).output();
}

fn resident_kib(server: &mut Server) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.pid())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

#[test]
fn the_database_stands_still() {
    let Some((server, store)) = own_database() else { return };
    let settings = &[("limits.request_timeout_ms", "1000"), ("limits.queue", "64")];
    play(store, settings, async |host, crowd| {
        let shop = host.shop().await;
        let before = host.with_server(resident_kib);
        let still = Still::all_of(&server);
        let begun = Instant::now();
        let mut told = 0;
        while begun.elapsed() < STALL * u32::try_from(rounds()).unwrap() {
            let ask = async || {
                let asked = Instant::now();
                let reply = shop.open("escrow", 1, &json!({})).await;
                (reply, asked.elapsed())
            };
            for (reply, took) in join_all((0..ASKED).map(|_| ask())).await {
                assert_eq!(reply.status, 503, "{}", reply.text());
                assert!(!reply.header("retry-after").is_empty(), "{:?}", reply.headers);
                assert!(took < TOLD, "told after {took:?}");
                told += 1;
            }
        }
        let grown = host.with_server(resident_kib).saturating_sub(before);
        assert!(grown < GROWTH_KIB, "grown by {grown} KiB");
        drop(still);
        let still = Instant::now();
        crowd.until_done(20).await;
        assert!(still.elapsed() < BACK, "served again after {:?}", still.elapsed());
        eprintln!("{told} told 503, grown by {grown} KiB, served again after {:?}", still.elapsed());
    });
}
