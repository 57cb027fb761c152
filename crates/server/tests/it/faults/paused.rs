//! A node that stands still for longer than any lease while another goes on, and then wakes up.

use std::time::Duration;

use super::crowd::Crowd;
use super::{own_database, rounds, seed};
use crate::host::Host;
use crate::server::Server;

/// Longer than a lease (10 s), and longer than a session may stay open inside a transaction.
const PAUSE: Duration = Duration::from_secs(12);
/// How many shoppers each node has.
const EACH: usize = 3;

/// Neither what the sleeper had in mind nor what it had promised to do is done twice, or over what the other did.
#[test]
fn one_sleeps_and_the_other_goes_on() {
    let Some((_server, store)) = own_database() else { return };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let host = Host::on(store, &[]);
        let other = host.another().unwrap();
        let mut crowd = Crowd::gather(&host, 2 * EACH).await;
        crowd.shop.known_at(&other.address).await;
        crowd.begin(&host.address, 0..EACH, seed());
        crowd.begin(&other.address, EACH..2 * EACH, seed());
        for _ in 0..rounds() {
            crowd.until_done(40).await;
            host.with_server(|server| server.signal("STOP"));
            let sleeping = tokio::time::Instant::now();
            // Only those at the other node are told anything now.
            crowd.until_done(EACH + 20).await;
            tokio::time::sleep_until(sleeping + PAUSE).await;
            host.with_server(|server| server.signal("CONT"));
            crowd.until_done(40).await;
        }
        crowd.end().await;
        assert!(!host.with_server(Server::has_ended));
        let [acknowledged, ..] = super::judge::judge(&host, &crowd, 2 * EACH).await;
        assert!(acknowledged >= 100, "{acknowledged}");
        assert_eq!(other.stop().code(), Some(0));
        host.end_after_faults().await;
    });
}
