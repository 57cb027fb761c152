//! PostgreSQL loses sessions, processes, or itself under load; the server stays up and goes on.

use std::process::Command;
use std::time::{Duration, Instant};

use super::cable::Cable;
use super::{own_database, play, rounds};
use crate::server::Server;
use crate::store::Store;

/// Sessions of the server under test, at any moment.
const SESSIONS: &str = "FROM pg_stat_activity WHERE application_name = 'suanpan'";

/// The connection breaks at every so many commits, of lines and of everybody else.
const BREAKS: usize = 5;
/// How often lines lose a commit, and how often the answer to one, at least.
const LOST: usize = 6;
/// How many lost commits the server's lines have met.
const FOUND_OUT: &str = "suanpan_unknown_commits_total";

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

/// The connection is lost exactly at COMMIT, before it arrives or before its answer does. Each time the line finds out
/// which of the two it was, and goes on; nobody is told anything else than what became of the request.
#[test]
fn a_connection_is_lost_at_commit() {
    let Some((_server, store)) = own_database() else { return };
    let cable = Cable::to(&store.url);
    play(Store::at(cable.url.clone()), &[], async |host, crowd| {
        assert_eq!(host.metric(FOUND_OUT).await, 0);
        cable.break_at_every(BREAKS);
        while cable.of_lines().into_iter().min() < Some(LOST * rounds()) {
            crowd.until_done(1).await;
        }
        cable.hold();
        // Whoever is told something now was asked after the last loss, or waited until it was found out.
        crowd.until_done(20).await;
        let lost = cable.of_lines();
        assert_eq!(host.metric(FOUND_OUT).await, lost.iter().sum::<usize>() as u64, "{lost:?}");
        assert!(!host.with_server(Server::has_ended));
        eprintln!("lost before and after: {lost:?} of lines, {:?} of others", cable.of_others());
    });
}
