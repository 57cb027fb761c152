//! The log as clients walk it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::host::Host;
use crate::shop::{card_that, id};

on_both!(walked_without_gaps, walked_while_they_come);

/// Each object's `sequence` is 1, 2, 3, …, and none shows an older state of its object than its own. (All events of one
/// request show the object after it.)
fn assert_gapless(events: &[Value]) {
    let mut sequences: BTreeMap<String, Vec<i64>> = BTreeMap::new();
    for event in events {
        sequences.entry(id(&event["data"])).or_default().push(event["sequence"].as_i64().unwrap());
        assert!(event["data"]["sequence"].as_i64() >= event["sequence"].as_i64(), "{event:#}");
    }
    for (object, found) in sequences {
        let wanted: Vec<i64> = (1..).take(found.len()).collect();
        assert_eq!(found, wanted, "of {object}");
    }
}

async fn walked_without_gaps(host: &Host) {
    let (shop, other) = (host.shop().await, host.shop().await);
    let mut trades = BTreeSet::new();
    for word in ["succeed", "pay_twice", "decline", "succeed_later"] {
        let tools = json!({"pay": {"tools": [card_that(word, 100)]}});
        trades.insert(id(&shop.open("escrow", 100, &tools).await.ok(201)));
        other.unpaid("escrow", 5, &json!({})).await;
    }
    for trade in &trades {
        let path = format!("/v1/trades/{trade}/chain");
        let chain = shop.wait_until(&path, |chain| {
            let settled = |object: &Value| object["status"] == "succeeded" || object["status"] == "failed";
            chain["payments"].as_array().unwrap().iter().all(settled)
        });
        if chain.await["trade"]["status"] == "paid" {
            shop.confirm(trade, &json!({"amount": 40})).await.ok(200);
            let refund = shop.refund(trade, 10, &json!({})).await.ok(201);
            shop.refund_is(&id(&refund), "succeeded").await;
            shop.confirm(trade, &json!({})).await.ok(200);
        }
    }
    let twice = |chain: &Value| {
        chain["refunds"]
            .as_array()
            .unwrap()
            .iter()
            .any(|refund| refund["reason_code"] == "duplicate" && refund["status"] == "succeeded")
    };
    let mut surplus = false;
    for trade in &trades {
        let chain = shop.chain(trade).await;
        if chain["payments"][0]["instructions"][0]["received_amount"] == 200 {
            shop.wait_until(&format!("/v1/trades/{trade}/chain"), twice).await;
            surplus = true;
        }
    }
    assert!(surplus, "one was paid twice");

    let (events, _) = shop.events_from(None, 100).await;
    assert_gapless(&events);
    let ids: BTreeSet<_> = events.iter().map(id).collect();
    assert_eq!(ids.len(), events.len(), "none twice");
    assert!(events.iter().all(|event| event["merchant_id"] == shop.id), "its own only");
    let created = events.iter().filter(|event| event["type"] == "trade.created").map(|event| id(&event["data"]));
    assert_eq!(created.collect::<BTreeSet<_>>(), trades);
    // Smaller pages show the same, and each by its id is the same again.
    for limit in [1, 7] {
        assert_eq!(shop.events_from(None, limit).await.0, events);
    }
    for event in events.iter().step_by(5) {
        assert_eq!(&shop.get(&format!("/v1/events/{}", id(event))).await.ok(200), event);
        other.get(&format!("/v1/events/{}", id(event))).await.refused(404, "not_found");
    }
    let (all, cursor) = host.events_from(None, 13).await;
    assert_eq!(all.len(), events.len() + 4, "the platform sees everybody's");
    assert_eq!(host.events_from(cursor, 13).await.0, Vec::<Value>::new());
    let foreign = other.events_from(None, 100).await.1.unwrap();
    shop.get(&format!("/v1/events?after={foreign}")).await.refused(400, "cursor_invalid");
}

/// A reader beside writers misses nothing.
async fn walked_while_they_come(host: &Host) {
    let shop = host.shop().await;
    host.fund("user:42", 60, "CNY").await;
    let writing = async {
        for _ in 0..20 {
            let tools = json!({"pay": {"tools": [{"tool": "balance", "amount": 1}]}});
            let open = async || shop.open("instant", 1, &tools).await;
            let (a, b, c) = futures::join!(open(), open(), open());
            [a, b, c].iter().for_each(|reply| drop(reply.ok(201)));
        }
    };
    let reading = async {
        let (mut seen, mut cursor) = (Vec::new(), None);
        while seen.len() < 60 * 4 {
            let (more, next) = shop.events_from(cursor, 10).await;
            seen.extend(more);
            cursor = next;
        }
        seen
    };
    let (seen, ()) = futures::future::join(reading, writing).await;
    assert_gapless(&seen);
    assert_eq!(shop.events_from(None, 100).await.0, seen, "in the same order");
}
