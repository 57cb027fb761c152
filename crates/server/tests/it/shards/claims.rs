//! What is unique beyond a shard: many requests at once, whose buyers live in four of them.

use std::collections::BTreeMap;

use futures::future::join_all;
use serde_json::{Value, json};

use super::buyers;
use crate::api::{Api, Reply, new_key};
use crate::host::{Host, play};
use crate::shop::{Shop, card, id, order, with};
use crate::store::Engine;

on_both! {
    an_order_number_is_taken_once ["shards" = "4"],
    a_key_stands_for_one_request ["shards" = "4"],
}

/// Requests of each buyer; as many through each of two doors.
const EACH: usize = 24;

/// How often each status came, with the code of a refusal behind it.
fn tally(replies: &[Reply]) -> BTreeMap<String, usize> {
    let mut tally = BTreeMap::new();
    for reply in replies {
        let code = reply.json()["code"].as_str().map(|code| format!(" {code}")).unwrap_or_default();
        *tally.entry(format!("{}{code}", reply.status)).or_default() += 1;
    }
    tally
}

fn expected(counts: &[(&str, usize)]) -> BTreeMap<String, usize> {
    counts.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect()
}

/// Sends all of these at once, in turn to each door.
async fn at_once(doors: &[Api], requests: Vec<(String, Value)>) -> Vec<Reply> {
    let send = |(place, (key, body)): (usize, (String, Value))| {
        let door = &doors[place % doors.len()];
        async move { door.post_under(&key, "/v1/trades", &body).await }
    };
    join_all(requests.into_iter().enumerate().map(send)).await
}

fn body_of(buyer: &str, number: &str) -> Value {
    with(
        order("escrow", 100, &json!({"pay": {"tools": [card(100)]}})),
        &json!({"buyer": buyer, "merchant_order_id": number}),
    )
}

/// Four buyers ask for one order number again and again: one of them has it, whoever asks.
async fn numbers_at(host: &Host, shop: &Shop, doors: &[Api]) {
    for round in 0..5 {
        let number = format!("N{round}");
        let buyers = buyers(1);
        let requests = (0..EACH * buyers.len())
            .map(|place| (new_key(), body_of(&buyers[place / doors.len() % buyers.len()], &number)))
            .collect();
        let replies = at_once(doors, requests).await;
        assert_eq!(tally(&replies), expected(&[("201", 1), ("200", EACH - 1), ("409 order_exists", 3 * EACH)]));
        let trade = id(&replies.iter().find(|reply| reply.status == 201).unwrap().json());
        for reply in &replies {
            let said = reply.json();
            assert_eq!(if reply.status == 409 { &said["object"] } else { &said["id"] }, &json!(trade));
        }
        // The number leads to it, wherever it lives; and it was paid once.
        let found = shop.get(&format!("/v1/trades?merchant_order_id={number}")).await.ok(200);
        assert_eq!(id(&found["data"][0]), trade);
        shop.trade_is(&trade, "paid").await;
        let paid = 100 * (round + 1);
        host.trial_balance("CNY").await.assert_is(&[("1011.sandbox.in", paid), ("2004", paid)]);
    }
}

/// Four buyers' requests come under one key again and again: one of them is done, its repeats are told, others refused.
async fn keys_at(shop: &Shop, doors: &[Api]) {
    for round in 0..5 {
        let key = format!("shards-{round}");
        let buyers = buyers(1);
        let body = |place: usize| {
            let buyer = &buyers[place / doors.len() % buyers.len()];
            body_of(buyer, &format!("K{round}-{buyer}"))
        };
        let replies = at_once(doors, (0..EACH * buyers.len()).map(|place| (key.clone(), body(place))).collect()).await;
        assert_eq!(tally(&replies), expected(&[("201", EACH), ("422 idempotency_key_reused", 3 * EACH)]));
        let done: Vec<_> = replies.iter().filter(|reply| reply.status == 201).collect();
        assert!(done.iter().all(|reply| reply.body == done[0].body), "the same bytes for all");
        let fresh = done.iter().filter(|reply| reply.header("idempotent-replayed").is_empty()).count();
        assert_eq!(fresh, 1, "one ran, the others were told");
        assert_eq!(shop.all("/v1/trades", 100).await.len(), round + 1);
    }
}

async fn an_order_number_is_taken_once(host: &Host) {
    let shop = host.shop().await;
    numbers_at(host, &shop, &[Api::clone(&shop)]).await;
}

async fn a_key_stands_for_one_request(host: &Host) {
    let shop = host.shop().await;
    keys_at(&shop, &[Api::clone(&shop)]).await;
}

/// The same through two processes on one database, each with lines of its own for every shard.
#[test]
fn in_two_processes() {
    play(Engine::Postgres, &[("shards", "4")], async |host| {
        let shop = host.shop().await;
        let other = host.another().unwrap();
        // Keys made through one process are known to the other within two seconds.
        tokio::time::sleep(std::time::Duration::from_millis(2_500)).await;
        let doors = [Api::clone(&shop), shop.at(&other.address)];
        numbers_at(host, &shop, &doors).await;
        assert_eq!(other.errors(), Vec::<String>::new());
        assert_eq!(other.stop().code(), Some(0));
    });
}
