//! PostgreSQL loses sessions, processes, or itself under load; the server stays up and goes on.

use std::process::Command;
use std::time::{Duration, Instant};

use super::{own_database, play, rounds};
use crate::server::Server;

/// Sessions of the server under test, at any moment.
const SESSIONS: &str = "FROM pg_stat_activity WHERE application_name = 'suanpan'";

fn kill(pid: u32) {
    assert!(Command::new("kill").args(["-KILL", &pid.to_string()]).status().unwrap().success());
}

/// Somebody ends all sessions, in the middle of whatever they do.
#[test]
fn sessions_are_ended() {
    let Some((server, store)) = own_database() else { return };
    play(store, &[], async |host, crowd| {
        for _ in 0..10 * rounds() {
            server.run(&format!("SELECT pg_terminate_backend(pid) {SESSIONS}")).unwrap();
            crowd.until_done(10).await;
        }
        assert!(!host.with_server(Server::has_ended));
    });
}

/// A process of PostgreSQL that serves us is killed: PostgreSQL ends all others, and recovers.
#[test]
fn a_backend_is_killed() {
    let Some((server, store)) = own_database() else { return };
    play(store, &[], async |host, crowd| {
        for _ in 0..3 * rounds() {
            let busiest = server.run(&format!("SELECT pid {SESSIONS} ORDER BY query_start DESC LIMIT 1")).unwrap();
            kill(busiest.parse().unwrap());
            // Where PostgreSQL is back before anybody's patience ends, no caller notices.
            let begun = Instant::now();
            while server.run(&format!("SELECT count(*) {SESSIONS} AND pid = {busiest}")).ok().as_deref() != Some("0") {
                assert!(begun.elapsed() < Duration::from_secs(60), "PostgreSQL does not come back");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            crowd.until_done(10).await;
        }
        assert!(!host.with_server(Server::has_ended));
    });
}

/// PostgreSQL as a whole is killed, stays away for a while, and comes back.
#[test]
fn the_database_is_killed() {
    let Some((mut server, store)) = own_database() else { return };
    play(store, &[("limits.request_timeout_ms", "1000")], async |host, crowd| {
        for _ in 0..2 * rounds() {
            let open = crowd.open();
            kill(server.processes().unwrap()[0]);
            crowd.until_open(open, 20).await;
            server.start_again().unwrap();
            crowd.until_done(10).await;
        }
        assert!(!host.with_server(Server::has_ended));
    });
}
