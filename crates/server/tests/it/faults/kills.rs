//! SIGKILL under load, again and again.

use std::time::Duration;

use super::{new_store, play, rounds, seed};
use crate::orders::Dice;
use crate::store::Engine;

/// How often the server is killed.
const KILLS: usize = 6;

fn killed_under_load(engine: Engine) {
    let Some((_server, store)) = new_store(engine) else { return };
    play(store, &[], async |host, crowd| {
        let mut dice = Dice(seed());
        for _ in 0..KILLS * rounds() {
            crowd.until_done(10).await;
            tokio::time::sleep(Duration::from_millis(dice.below(300).unsigned_abs())).await;
            host.kill();
            crowd.until_open(1).await;
            host.restart();
        }
    });
}

#[test]
fn on_sqlite() {
    killed_under_load(Engine::Sqlite);
}

#[test]
fn on_postgres() {
    killed_under_load(Engine::Postgres);
}
