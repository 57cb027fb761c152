//! What machines and databases do to the real program.
//!
//! Shoppers go on whatever happens and write down what they are told ([`crowd`], [`history`]); then something is done to
//! the server, its disk or its database; then everything is in order again, and what was told is compared with what is
//! there ([`judge`]). Every play ends as every story does: balanced, verified, stopped in order.
//!
//! `SUANPAN_FAULT_SEED` asks for other wishes and other moments, `SUANPAN_FAULT_ROUNDS` for so many times as many.

mod cable;
pub(crate) mod clock;
mod crowd;
mod database;
mod disk;
mod history;
mod judge;
mod kills;
mod paused;
mod points;
mod stall;
mod strace;

use testkit::postgres::Postgres;

use self::crowd::Crowd;
use crate::host::Host;
use crate::server::Settings;
use crate::store::{Engine, Store};

/// How many shoppers there are.
const SHOPPERS: usize = 6;

/// Where dice begin.
fn seed() -> u64 {
    variable("SUANPAN_FAULT_SEED")
}

/// How many times as long a play is.
fn rounds() -> usize {
    usize::try_from(variable("SUANPAN_FAULT_ROUNDS")).unwrap()
}

fn variable(name: &str) -> u64 {
    std::env::var(name).map_or(1, |text| text.parse().unwrap_or_else(|_| panic!("{name} is no number: {text}")))
}

/// A database server of a test's own, to which anything may be done; it flushes, as those outside do.
fn own_database() -> Option<(Postgres, Store)> {
    // Whether it is installed is said once.
    testkit::postgres::shared()?;
    let server = testkit::postgres::start_with(&["fsync=on"]).unwrap();
    let store = Store::at(server.create_database("faults").unwrap());
    Some((server, store))
}

/// A store of its own on either database.
fn new_store(engine: Engine) -> Option<(Option<Postgres>, Store)> {
    match engine {
        Engine::Sqlite => Some((None, Store::new(engine)?)),
        Engine::Postgres => own_database().map(|(server, store)| (Some(server), store)),
    }
}

/// The processes that write a store to the disk, of its own database or of the server under test.
fn on_the_disk(host: &Host, database: Option<&Postgres>) -> Vec<u32> {
    match database {
        None => vec![host.with_server(|server| server.pid())],
        Some(database) => database.processes().unwrap(),
    }
}

/// Plays a fault under load: the story begins with shoppers under way and ends with everything in order, then they go
/// home and what they were told is judged. Somebody must have noticed the fault.
fn play(store: Store, settings: Settings, story: impl AsyncFnOnce(&Host, &mut Crowd)) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let host = Host::on(store, settings);
        let mut crowd = Crowd::gather(&host, SHOPPERS).await;
        crowd.begin(&host.address, 0..SHOPPERS, seed());
        crowd.until_done(20).await;
        story(&host, &mut crowd).await;
        crowd.until_done(20).await;
        crowd.end().await;
        let [acknowledged, refused, unknown] = judge::judge(&host, &crowd, SHOPPERS).await;
        assert!(acknowledged >= 40 && refused > 0, "too little was played: {acknowledged}, {refused}, {unknown}");
        host.end_after_faults().await;
    });
}
