//! The machine's clock is set, by hours, forward and back, under load.
//!
//! The machine's own clock stays as it is: `libfaketime` stands between the server and the system and adds what a file
//! says. What measures how long something takes is left alone, as it is where somebody sets a clock.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::crowd::Crowd;
use super::strace::Fault;
use super::{new_store, on_the_disk, play, rounds};
use crate::server::Server;
use crate::shop::{Shop, card_that, id};
use crate::store::{Engine, Store};
use crate::stories::webhooks::Door;

const ADVICE: &str = "libfaketime must be installed: type `cargo xtask setup` (or `apt-get install faketime`)";
/// Where it may be: directories of libraries, some of them with one more for each kind of machine.
const LIBRARIES: [&str; 3] = ["/usr/lib", "/usr/lib64", "/usr/local/lib"];
const LIBRARY: &str = "faketime/libfaketimeMT.so.1";
/// How far the clock is set.
const HOURS: i64 = 3;
/// How much longer a flush takes while the clock is set.
const FLUSH: Duration = Duration::from_millis(200);
/// What the time of an answer may differ by from what was expected of it.
const ABOUT: SignedDuration = SignedDuration::from_mins(2);
/// Longest time until a webhook comes.
const PATIENCE: Duration = Duration::from_secs(20);

/// The clock of the servers on a store.
pub(crate) struct Hands {
    file: PathBuf,
}

impl Hands {
    /// From now on servers that are started on the store have a clock that can be set.
    pub(crate) fn of(store: &mut Store) -> Self {
        let hands = Self { file: store.path("clock") };
        hands.set(0);
        store.variables = vec![
            ("LD_PRELOAD", library().display().to_string()),
            ("FAKETIME_TIMESTAMP_FILE", hands.file.display().to_string()),
            ("FAKETIME_NO_CACHE", "1".to_owned()),
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1".to_owned()),
            ("NO_FAKE_STAT", "1".to_owned()),
        ];
        hands
    }

    /// Sets it so many hours before or behind the machine's.
    pub(crate) fn set(&self, hours: i64) {
        // Nobody may read half of it.
        let new = self.file.with_extension("new");
        std::fs::write(&new, format!("{hours:+}h\n")).unwrap();
        std::fs::rename(new, &self.file).unwrap();
    }
}

fn library() -> PathBuf {
    let within = |directory: &str| {
        let below = std::fs::read_dir(directory).into_iter().flatten().flatten().map(|entry| entry.path());
        std::iter::once(PathBuf::from(directory))
            .chain(below)
            .map(|place| place.join(LIBRARY))
            .find(|path| path.is_file())
    };
    LIBRARIES.into_iter().find_map(within).expect(ADVICE)
}

/// By which time something happened.
fn time(object: &Value) -> Timestamp {
    object["created_at"].as_str().unwrap().parse().unwrap()
}

/// Opens a trade at the shop and pays it by card; what the institution answers cannot be read, so a timer must ask it
/// again. Gives by which time the trade was opened.
async fn pay(shop: &Shop) -> Timestamp {
    let trade = begin(shop).await;
    shop.trade_is(&id(&trade), "paid").await;
    time(&trade)
}

async fn begin(shop: &Shop) -> Value {
    let tools = json!({"pay": {"tools": [card_that("garbage", 100)]}});
    shop.open("escrow", 100, &tools).await.ok(201)
}

/// That a time is so many hours from the machine's.
#[track_caller]
fn assert_ahead(time: Timestamp, hours: i64) {
    let apart = time.duration_since(Timestamp::now() + SignedDuration::from_hours(hours));
    assert!(apart.abs() < ABOUT, "{time}, which is {apart} from what it should be");
}

/// Waits for a webhook about something new; it is signed with the time of day, which its receiver compares with its own.
async fn assert_signed_now(shop: &Shop, door: &Door) {
    let begun = Instant::now();
    let trade = shop.unpaid("escrow", 1, &json!({})).await;
    let letter = loop {
        if let Some(letter) = door.came().into_iter().find(|letter| letter.json()["data"]["id"] == trade) {
            break letter;
        }
        assert!(begun.elapsed() < PATIENCE, "no webhook is sent");
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    assert_ahead(Timestamp::from_second(letter.timestamp).unwrap(), 0);
}

/// Sets the clock while shoppers wait in the queue, behind a flush that takes its time: nobody is late because of it.
async fn set(hands: &Hands, hours: i64, crowd: &mut Crowd, on_the_disk: &[u32]) {
    let open = crowd.open();
    let slow = Fault::begin(on_the_disk, &[&format!("fdatasync:delay_exit={}", FLUSH.as_micros())]);
    tokio::time::sleep(FLUSH / 2).await;
    hands.set(hours);
    crowd.until_done(10).await;
    drop(slow);
    crowd.until_done(20).await;
    assert_eq!(crowd.open(), open, "somebody was left without an answer");
}

fn set_forward_and_back(engine: Engine) {
    let Some((database, mut store)) = new_store(engine) else { return };
    let hands = Hands::of(&mut store);
    // Another server of the same database, on a machine whose clock is right.
    let right = Store::at(store.url.clone());
    play(store, &[], async |host, crowd| {
        let shop = host.shop().await;
        let other = (engine == Engine::Postgres).then(|| Server::start(&right, &[], "127.0.0.1:0").unwrap());
        let door = Door::open(0).await;
        shop.post("/v1/webhook_endpoints", &json!({"url": door.url})).await.ok(201);
        set(&hands, -HOURS, crowd, &on_the_disk(host, database.as_ref())).await;
        assert_ahead(pay(&shop).await, 0);
        for _ in 0..rounds() {
            set(&hands, HOURS, crowd, &on_the_disk(host, database.as_ref())).await;
            let under_way = begin(&shop).await;
            assert_ahead(time(&under_way), HOURS);
            set(&hands, 0, crowd, &on_the_disk(host, database.as_ref())).await;
            shop.trade_is(&id(&under_way), "paid").await;
            // What has happened three hours from now is over; time goes on from there.
            assert_ahead(pay(&shop).await, HOURS);
            assert_signed_now(&shop, &door).await;
            if let Some(other) = &other {
                crowd.shop.known_at(&other.address).await;
                assert_ahead(pay(&shop.at_server(&other.address)).await, HOURS);
            }
            // Who is started only now finds it so.
            host.stop();
            host.restart();
            assert_ahead(pay(&shop).await, HOURS);
        }
        // No event is dated before the one that it follows.
        let times: Vec<Timestamp> = host.all_events().await.iter().map(time).collect();
        assert!(times.len() > 100 && times.is_sorted(), "{times:?}");
        if let Some(other) = other {
            assert_eq!(other.stop().code(), Some(0));
        }
    });
}

#[test]
fn set_forward_and_back_on_sqlite() {
    set_forward_and_back(Engine::Sqlite);
}

#[test]
fn set_forward_and_back_on_postgres() {
    set_forward_and_back(Engine::Postgres);
}
