//! Any number finds its trade, wherever it lives; nobody finds what is another's; and lists are complete when they are read.

use serde_json::{Value, json};

use crate::api::Api;
use crate::host::Host;
use crate::shop::{card, coupon, id, list, with};

on_both! {
    every_number_of_a_trade ["shards" = "4"],
    numbers_that_many_have ["shards" = "4"],
    how_far_behind_lists_are,
}

async fn search(api: &Api, number: &str) -> Vec<Value> {
    let found = api.get(&format!("/v1/search?number={number}")).await.ok(200);
    list(&found["data"]).clone()
}

/// A trade of many parts, one per shard; each number that its chain shows leads back to it, through both its merchant's
/// key and the platform's.
async fn every_number_of_a_trade(host: &Host) {
    let (shop, other) = (host.shop().await, host.shop().await);
    for buyer in ["u1", "u2", "u3", "u4", "u5"] {
        let cut = shop.coupon(&format!("user:{buyer}"), 100).await;
        let more = json!({"buyer": buyer, "pay": {"tools": [coupon(&cut, 100), card(900)]}});
        let trade = shop.paid("escrow", 1_000, &more).await;
        let refund = id(&shop.refund(&trade, 500, &json!({})).await.ok(201));
        shop.refund_is(&refund, "succeeded").await;
        let chain = shop.chain(&trade).await;

        let mut numbers = vec![cut, chain["trade"]["merchant_order_id"].as_str().unwrap().to_owned()];
        let mut add = |value: &Value| numbers.push(value.as_str().unwrap().to_owned());
        add(&chain["trade"]["id"]);
        list(&chain["payments"]).iter().for_each(|payment| add(&payment["id"]));
        list(&chain["payments"][0]["instructions"]).iter().for_each(|instruction| add(&instruction["id"]));
        list(&chain["refunds"]).iter().for_each(|refund| add(&refund["id"]));
        add(&chain["refunds"][0]["merchant_refund_id"]);
        for order in list(&chain["channel_orders"]) {
            ["id", "number", "channel_no"].iter().for_each(|name| add(&order[*name]));
        }
        list(&chain["events"]).iter().for_each(|event| add(&event["id"]));
        for voucher in list(&chain["vouchers"]) {
            list(&voucher["transfers"]).iter().for_each(|transfer| add(&transfer["id"]));
        }
        assert!(numbers.len() > 20, "{numbers:?}");
        for number in numbers {
            let found = search(&shop, &number).await;
            assert_eq!((found.len(), &found[0]["trade_id"]), (1, &json!(trade)), "{number}: {found:#?}");
            assert_eq!(found[0]["merchant_id"], shop.id, "{number}");
            assert_eq!(search(host, &number).await, found, "{number}: the platform's key");
            assert_eq!(search(&other, &number).await, Vec::<Value>::new(), "{number}: another merchant's key");
        }
    }
    assert_eq!(search(&shop, "nobodys-number").await, Vec::<Value>::new());
    shop.get("/v1/search").await.refused(400, "missing_field");
    shop.get("/v1/search?number=a%20b").await.refused(400, "invalid_text");
    shop.get(&format!("/v1/search?number=x&merchant_id={}", other.id)).await.refused(403, "merchant_mismatch");
}

/// One order number of two merchants, and one refund number of many trades in all shards.
async fn numbers_that_many_have(host: &Host) {
    let shops = [host.shop().await, host.shop().await];
    for shop in &shops {
        for buyer in ["u1", "u2", "u3"] {
            let number = if buyer == "u1" { json!({"merchant_order_id": "SAME"}) } else { json!({}) };
            let trade = shop.paid("escrow", 100, &with(json!({"buyer": buyer}), &number)).await;
            let refund = json!({"merchant_refund_id": "R", "amount": 10});
            shop.post(&format!("/v1/trades/{trade}/refunds"), &refund).await.ok(201);
        }
    }
    for shop in &shops {
        let found = search(shop, "SAME").await;
        assert_eq!((found.len(), &found[0]["found_as"]), (1, &json!("merchant_order_id")), "{found:#?}");
        assert_eq!(search(shop, "R").await.len(), 3);
        let named = host.get(&format!("/v1/search?number=R&merchant_id={}", shop.id)).await.ok(200);
        assert_eq!(*list(&named["data"]), search(shop, "R").await);
    }
    assert_eq!(search(host, "SAME").await.len(), 2);
    assert_eq!(search(host, "R").await.len(), 6);
    let part = host.get("/v1/search?number=R&limit=4").await.ok(200);
    assert_eq!((list(&part["data"]).len(), &part["has_more"]), (4, &json!(true)));
}

/// Lists gather what they have not taken in yet, say how much that is, and have all of it for whoever asks.
async fn how_far_behind_lists_are(host: &Host) {
    let behind = "suanpan_projections_behind{shard=\"0\"}";
    let shop = host.shop().await;
    let mut opened = 0;
    // Whether the half second is over between the two is chance.
    loop {
        shop.unpaid("escrow", 1, &json!({})).await;
        opened += 1;
        if host.metric(behind).await > 0 {
            break;
        }
        assert!(opened < 50, "they never were behind");
    }
    assert_eq!(shop.all("/v1/trades", 100).await.len(), opened);
    assert_eq!(host.metric(behind).await, 0);
}
