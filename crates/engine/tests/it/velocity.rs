//! Limits within a time, from the request to the rows and back.

use engine::request::{Command, Request};
use kernel::message::payment::Tool;
use kernel::message::risk::{CounterId, Signals};
use kernel::time::{DAY_US, HOUR_US};
use kernel::{PaymentId, RootId};
use rusqlite::Connection;

use crate::world::{Engine, Sale, World, user};

const TWO_A_DAY: &str = "book = \"limits\"\nabout = \"Twice a day.\"\n\
    [[rule]]\nname = \"two\"\nvelocity = { by = \"user\", window = \"1d\", count = 2 }\n\
    [[rule]]\nname = \"device\"\nvelocity = { by = \"device\", window = \"day\", currency = \"CNY\", sum = 100 }\n";

fn world() -> World {
    let mut world = World::new(Engine::Files).unwrap();
    for name in ["u1", "u2"] {
        world.fund(user(name), 1_000);
    }
    world.rules(TWO_A_DAY);
    world
}

/// Pays that much, perhaps with a device; the trade as it is then.
fn pay(world: &mut World, buyer: &'static str, minor: i64, device: Option<&str>) -> serde_json::Value {
    let request = request(world, buyer, minor, device);
    let reply = world.batch(vec![request]).remove(0).unwrap();
    assert_eq!(reply.status, 201, "{}", reply.body);
    serde_json::from_str(&reply.body).unwrap()
}

fn request(world: &mut World, buyer: &'static str, minor: i64, device: Option<&str>) -> Request {
    let command = world.create(&Sale::instant(buyer, minor).paid(vec![(Tool::Balance, minor)])).1;
    let signals = Signals { device: device.map(str::to_owned), ..Signals::default() };
    Request { signals, ..world.request(command) }
}

fn counters(world: &World) -> Vec<(Vec<u8>, i64, i64)> {
    let connection = Connection::open(world.path().join("suanpan.db")).unwrap();
    let mut rows = connection.prepare("SELECT id, payments, minor FROM counter ORDER BY id, slot").unwrap();
    let rows = rows.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).unwrap();
    rows.collect::<Result<_, _>>().unwrap()
}

fn sound(world: &World) {
    let findings: Vec<String> = world.verify().findings.iter().map(ToString::to_string).collect();
    assert!(findings.is_empty(), "{findings:#?}");
}

#[test]
fn who_has_paid_often_enough_waits_for_the_window() {
    let mut world = world();
    for _ in 0..2 {
        assert_eq!(pay(&mut world, "u1", 10, None)["status"], "completed");
    }
    let third = pay(&mut world, "u1", 10, None);
    assert_eq!((&third["status"], &third["payment"]["status"]), (&"created".into(), &"failed".into()), "{third}");
    assert_eq!(third["payment"]["failure"]["code"], "velocity_exceeded");
    let words = "rule `two` of book `limits`, version 2: one user pays 2 times at most within 1d";
    assert_eq!(third["payment"]["failure"]["message"], words);
    assert_eq!(pay(&mut world, "u2", 10, None)["status"], "completed", "another user");
    sound(&world);
    world.pass(DAY_US + HOUR_US);
    assert_eq!(pay(&mut world, "u1", 10, None)["status"], "completed");
    assert_eq!(counters(&world).len(), 2, "what is too old is gone with the first that counts again");
    sound(&world);
}

#[test]
fn of_those_that_come_together_no_more_go_through_than_fit() {
    let mut world = world();
    let requests = (0..5).map(|_| request(&mut world, "u1", 10, None)).collect();
    let replies = world.batch(requests);
    let completed = |body: &str| body.contains(r#""status":"completed""#);
    let through: Vec<bool> = replies.into_iter().map(|reply| completed(&reply.unwrap().body)).collect();
    assert_eq!(through, [true, true, false, false, false]);
    sound(&world);
}

#[test]
fn a_device_is_counted_whoever_holds_it_and_not_told() {
    let mut world = world();
    assert_eq!(pay(&mut world, "u1", 60, Some("phone-1"))["status"], "completed");
    let other = pay(&mut world, "u2", 60, Some("phone-1"));
    assert_eq!(other["payment"]["failure"]["code"], "velocity_exceeded");
    assert!(!other.to_string().contains("phone-1"), "{other}");
    assert_eq!(pay(&mut world, "u2", 60, Some("phone-2"))["status"], "completed");
    assert_eq!(pay(&mut world, "u2", 60, None)["status"], "completed", "it names no device");
    assert!(counters(&world).iter().all(|(id, ..)| id.len() == 16));
    sound(&world);
}

#[test]
fn what_failed_is_given_back_and_what_was_refused_was_never_counted() {
    let mut world = world();
    for _ in 0..4 {
        let short = pay(&mut world, "u2", 5_000, Some("phone-1"));
        assert_eq!(short["payment"]["failure"]["code"], "velocity_exceeded", "its device");
        let short = pay(&mut world, "u2", 5_000, None);
        assert_eq!(short["payment"]["failure"]["code"], "insufficient_balance");
    }
    assert!(counters(&world).iter().all(|(_, payments, minor)| (*payments, *minor) == (0, 0)));
    assert_eq!(pay(&mut world, "u2", 100, Some("phone-1"))["status"], "completed");
    sound(&world);
}

#[test]
fn counters_that_count_nothing_any_more_are_cleaned() {
    let mut world = world();
    pay(&mut world, "u1", 60, Some("phone-1"));
    let known = counters(&world);
    assert_eq!(known.len(), 2);
    world.pass(DAY_US + HOUR_US);
    for (id, ..) in known {
        let counter = CounterId(RootId::from_bytes(id.try_into().unwrap()));
        world.system(Command::CleanCounter { shard: 0, counter });
    }
    assert_eq!(counters(&world), []);
    sound(&world);
}

#[test]
fn a_payment_that_no_limit_concerns_writes_no_counter() {
    let mut world = World::new(Engine::Files).unwrap();
    world.fund(user("u1"), 1_000);
    let trade = pay(&mut world, "u1", 60, Some("phone-1"));
    let payment = trade["payment"]["id"].as_str().and_then(PaymentId::parse);
    assert!(payment.is_some() && counters(&world).is_empty(), "{trade}");
}
