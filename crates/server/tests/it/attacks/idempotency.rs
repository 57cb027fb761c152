//! C: keys and numbers that come twice (cases 32 to 42).

use std::io::Write as _;
use std::time::Duration;

use futures::future::join_all;
use kernel::Code;
use rusqlite::Connection;
use serde_json::{Value, json};

use super::routes::{Document, body_for};
use super::rows;
use super::stage::{Stage, attack, attack_on_files};
use super::wire::{Call, connect};
use crate::api::new_key;
use crate::shop::{id, list, number, order};

/// How many ask at once.
const CROWD: usize = 100;

fn open(stage: &Stage<'_>, key: &str, body: &Value) -> Call {
    Call::post(&stage.shop.key, "/v1/trades", body.to_string()).changed("idempotency-key", key)
}

#[test]
fn c32_every_post_needs_a_key() {
    attack(async |stage| {
        for route in Document::read(stage).posts() {
            let body = body_for(&route, stage).to_string();
            let call = Call::post(&stage.platform.key, &route.path_to_nothing(), body).without("idempotency-key");
            stage.refused(&call, Code::idempotency_key_required, Some("Idempotency-Key"));
        }
    });
}

#[test]
fn c33_keys_that_are_none() {
    attack(async |stage| {
        let body = order("instant", 5, &json!({}));
        let long = "k".repeat(129);
        for key in ["", "é", "密", "a\tb", long.as_str()] {
            stage.refused(&open(stage, key, &body), Code::idempotency_key_invalid, Some("Idempotency-Key"));
        }
        let raw = open(stage, "", &body).changed("idempotency-key", b"\xff".to_vec());
        stage.refused(&raw, Code::idempotency_key_invalid, Some("Idempotency-Key"));
        for (one, other) in [("a", "b"), ("a", "a")] {
            let twice = open(stage, one, &body).with("Idempotency-Key", other);
            stage.refused(&twice, Code::idempotency_key_invalid, Some("Idempotency-Key"));
        }
    });
}

#[test]
fn c34_c42_the_same_again() {
    attack(async |stage| {
        let key = new_key();
        let body = order("instant", 5, &json!({"metadata": {"a": "1", "b": "2"}}));
        let first = open(stage, &key, &body).send(&stage.platform.address);
        let made = first.ok(201);
        stage.settle().await;
        // The same value, written otherwise: other order, spaces, escapes.
        let number = body["merchant_order_id"].as_str().unwrap();
        let otherwise = format!(
            r#" {{ "buyer":"42", "metadata": {{"b":"2","\u0061":"1"}},"currency":"\u0043NY","amount" : 5,"type":"instant","merchant_order_id":"{number}" }} "#
        );
        for text in [body.to_string(), otherwise] {
            let call = Call::post(&stage.shop.key, "/v1/trades", text).changed("idempotency-key", key.clone());
            let again = call.send(&stage.platform.address);
            assert_eq!((again.status, &again.body), (first.status, &first.body));
            assert_eq!(again.header("idempotent-replayed"), "true");
            assert_ne!(again.header("request-id"), first.header("request-id"));
            stage.unchanged("a replay");
        }
        assert_eq!(first.header("idempotent-replayed"), "");
        // What was refused is answered the same way again, also after it would be possible.
        let refund = json!({"merchant_refund_id": "R", "amount": 5}).to_string();
        let path = format!("/v1/trades/{}/refunds", id(&made));
        let call = Call::post(&stage.shop.key, &path, refund);
        let refusal = stage.refused(&call, Code::invalid_state, None);
        let again = call.send(&stage.platform.address);
        assert_eq!((again.json(), again.header("idempotent-replayed")), (refusal, "true"));
        stage.unchanged("a replayed refusal");
    });
}

#[test]
fn c35_c36_the_key_of_another_request() {
    attack(async |stage| {
        let key = new_key();
        let body = order("instant", 5, &json!({}));
        let trade = id(&open(stage, &key, &body).send(&stage.platform.address).ok(201));
        stage.settle().await;
        let reused = |call: Call| stage.refused(&call, Code::idempotency_key_reused, Some("Idempotency-Key"));
        let mut other = body.clone();
        other["amount"] = json!(6);
        reused(open(stage, &key, &other));
        other["amount"] = json!(-6);
        reused(open(stage, &key, &other));
        other["is_paid"] = json!(true);
        reused(open(stage, &key, &other));
        for path in
            [format!("/v1/trades/{trade}/close"), format!("/v1/trades/{trade}/payments"), "/v1/coupons".to_owned()]
        {
            reused(Call::post(&stage.shop.key, &path, body.to_string()).changed("idempotency-key", key.clone()));
            reused(Call::post(&stage.shop.key, &path, "{}").changed("idempotency-key", key.clone()));
        }
    });
}

#[test]
fn c37_one_key_a_hundred_at_once() {
    attack(async |stage| {
        let key = new_key();
        let body = order("instant", 5, &json!({}));
        let answers = join_all((0..CROWD).map(|_| stage.shop.post_under(&key, "/v1/trades", &body))).await;
        let first: Vec<_> = answers.iter().filter(|answer| answer.header("idempotent-replayed").is_empty()).collect();
        assert_eq!(first.iter().filter(|answer| answer.status == 201).count(), 1);
        let made = first.iter().find(|answer| answer.status == 201).unwrap();
        for answer in &answers {
            match answer.status {
                201 => assert_eq!(answer.body, made.body),
                _ => {
                    answer.refused(409, "request_in_progress");
                    assert_eq!(answer.header("retry-after"), "1");
                }
            }
        }
        assert_eq!(list(&stage.shop.get("/v1/trades").await.ok(200)["data"]).len(), 1);
    });
}

#[test]
fn c38_keys_are_their_owners() {
    attack(async |stage| {
        let key = new_key();
        let body = order("instant", 5, &json!({}));
        let ours = stage.shop.post_under(&key, "/v1/trades", &body).await.ok(201);
        let theirs = stage.other.post_under(&key, "/v1/trades", &body).await;
        assert_eq!(theirs.header("idempotent-replayed"), "");
        let theirs = theirs.ok(201);
        assert_ne!(ours["id"], theirs["id"]);
        assert_eq!(theirs["merchant_id"], stage.other.id.as_str());
        // Another key of the same owner is the same owner.
        let again = stage.plain.post_under(&key, "/v1/trades", &body).await;
        assert_eq!((again.ok(201)["id"].clone(), again.header("idempotent-replayed")), (ours["id"].clone(), "true"));
    });
}

#[test]
fn c39_killed_between_commit_and_answer() {
    attack_on_files(async |stage| {
        let key = new_key();
        let body = order("instant", 5, &json!({}));
        let mut stream = connect(&stage.platform.address);
        stream.write_all(&open(stage, &key, &body).bytes()).unwrap();
        // It is durable once the row is there; nobody ever reads the answer.
        let base = Connection::open(rows::directory(&stage.host.store.url).join("suanpan.db")).unwrap();
        let kept = || -> i64 {
            base.query_row("SELECT count(*) FROM answer WHERE kind = 'key' AND key = ?1", [&key], |row| row.get(0))
                .unwrap()
        };
        while kept() == 0 {
            std::thread::sleep(Duration::from_millis(1));
        }
        stage.host.kill();
        drop((stream, base));
        stage.host.restart();
        let again = open(stage, &key, &body).send(&stage.platform.address);
        assert_eq!(again.header("idempotent-replayed"), "true");
        let made = again.ok(201);
        assert_eq!(stage.shop.trade(&id(&made)).await["merchant_order_id"], body["merchant_order_id"]);
        assert_eq!(list(&stage.shop.get("/v1/trades").await.ok(200)["data"]).len(), 1);
    });
}

#[test]
fn c41_one_order_number_at_once() {
    attack(async |stage| {
        let body = order("instant", 5, &json!({}));
        let answers = join_all((0..CROWD).map(|_| stage.shop.post("/v1/trades", &body))).await;
        let opened = answers.iter().filter(|answer| answer.status == 201).count();
        assert_eq!(opened, 1);
        let trade = id(&answers.iter().find(|answer| answer.status == 201).unwrap().json());
        assert!(
            answers.iter().filter(|answer| answer.status != 201).all(|answer| answer.ok(200)["id"] == trade.as_str())
        );
        stage.settle().await;
        for (field, value) in [
            ("amount", json!(6)),
            ("currency", json!("USD")),
            ("type", json!("escrow")),
            ("buyer", json!("43")),
            ("metadata", json!({"a": "b"})),
            ("splits", json!([{"receiver": "seller:s1", "amount": 5}])),
        ] {
            let mut other = body.clone();
            other[field] = value;
            let problem =
                stage.refused(&open(stage, &new_key(), &other), Code::order_exists, Some("merchant_order_id"));
            assert_eq!(problem["object"], trade.as_str());
        }
        // Another merchant's numbers are its own.
        stage.other.post("/v1/trades", &body).await.ok(201);
    });
}

#[test]
fn c41_one_refund_number_at_once() {
    attack(async |stage| {
        let trade = stage.shop.paid("instant", 100, &json!({})).await;
        let path = format!("/v1/trades/{trade}/refunds");
        let body = json!({"merchant_refund_id": number("R"), "amount": 10});
        let answers = join_all((0..20).map(|_| stage.shop.post(&path, &body))).await;
        assert_eq!(answers.iter().filter(|answer| answer.status == 201).count(), 1);
        let refund = id(&answers.iter().find(|answer| answer.status == 201).unwrap().json());
        assert!(answers.iter().all(|answer| answer.json()["id"] == refund.as_str()));
        stage.shop.refund_is(&refund, "succeeded").await;
        stage.settle().await;
        let other = json!({"merchant_refund_id": body["merchant_refund_id"], "amount": 11});
        let call = Call::post(&stage.shop.key, &path, other.to_string());
        let problem = stage.refused(&call, Code::refund_exists, Some("merchant_refund_id"));
        assert_eq!(problem["object"], refund.as_str());
    });
}

#[test]
fn c40_a_key_whose_bytes_are_gone() {
    attack_on_files(async |stage| {
        let key = new_key();
        let body = order("instant", 5, &json!({}));
        let made = open(stage, &key, &body).send(&stage.platform.address).ok(201);
        let path = format!("/v1/trades/{}/close", id(&made));
        stage.shop.post(&path, &json!({})).await.ok(200);
        stage.shop.trade_is(&id(&made), "closed").await;
        // The bytes of an answer are dropped after 90 days; who has the key still has the object.
        stage.host.stop();
        let base = Connection::open(rows::directory(&stage.host.store.url).join("suanpan.db")).unwrap();
        let read = "SELECT body FROM answer WHERE key = ?1";
        let bytes: rusqlite::types::Value = base.query_row(read, [&key], |row| row.get(0)).unwrap();
        base.execute("UPDATE answer SET body = NULL WHERE key = ?1", [&key]).unwrap();
        stage.host.restart();
        let again = open(stage, &key, &body).send(&stage.platform.address);
        assert_eq!((again.status, again.header("idempotent-replayed")), (201, "true"));
        let now = again.json();
        assert_eq!((&now["id"], &now["status"]), (&made["id"], &json!("closed")));
        assert_eq!(list(&stage.shop.get("/v1/trades").await.ok(200)["data"]).len(), 1, "nothing new");
        let mut other = body.clone();
        other["amount"] = json!(6);
        let call = open(stage, &key, &other);
        stage.settle().await;
        stage.refused(&call, Code::idempotency_key_reused, Some("Idempotency-Key"));
        // Nothing drops them yet, so the story ends with them in place.
        base.execute("UPDATE answer SET body = ?2 WHERE key = ?1", rusqlite::params![key, bytes]).unwrap();
    });
}
