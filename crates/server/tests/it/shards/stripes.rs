//! A merchant's money is in every shard where its buyers are; the API shows it as one.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{SHARDS, buyers};
use crate::host::Host;
use crate::shop::{Shop, balance, card, coupon, id, order, with};

on_both! {
    a_merchant_has_one_account ["shards" = "4"],
    lists_are_laid_together ["shards" = "4"],
    every_door_finds_its_shard ["shards" = "4"],
}

/// A trade of `amount` that a buyer pays whole from the balance.
async fn bought(shop: &Shop, buyer: &str, amount: i64) -> String {
    let more = json!({"buyer": buyer, "pay": {"tools": [balance(amount)]}});
    let trade = shop.post("/v1/trades", &with(order("escrow", amount, &json!({})), &more)).await.ok(201);
    assert_eq!(trade["status"], "paid", "{trade:#}");
    id(&trade)
}

async fn a_merchant_has_one_account(host: &Host) {
    let shop = host.shop().await;
    let buyers = buyers(2);
    let mut trades = Vec::new();
    for (place, buyer) in buyers.iter().enumerate() {
        host.fund(&format!("user:{buyer}"), 1_000, "CNY").await;
        trades.push(bought(&shop, buyer, 100 + i64::try_from(place).unwrap()).await);
    }
    let all: i64 = 8 * 100 + 28;
    assert_eq!(host.balance(&shop.owner(), "2004").await, (all, all));
    let before_confirming = host.account(&shop.owner(), "2004").await;
    for trade in &trades {
        shop.confirm(trade, &json!({})).await.ok(200);
    }
    assert_eq!(host.balance(&shop.owner(), "2004").await, (0, 0));
    assert_eq!(host.balance(&shop.owner(), "2003").await, (all, all));
    // One row per owner, subject and currency, found by its id as well, now and as it was.
    let rows = host.get(&format!("/v1/accounts?owner={}", shop.owner())).await.ok(200);
    let subjects: Vec<_> = rows["data"].as_array().unwrap().iter().map(|row| row["subject"].clone()).collect();
    assert_eq!(subjects, [json!("2003"), json!("2004")]);
    let pending = host.account(&shop.owner(), "2003").await;
    assert_eq!(host.get(&format!("/v1/accounts/{}", id(&pending))).await.ok(200), pending);
    let paid_at = shop.trade(&trades[7]).await["created_at"].as_str().unwrap().to_owned();
    let then = host.get(&format!("/v1/accounts/{}?at={paid_at}", id(&before_confirming))).await.ok(200);
    assert_eq!(then["posted"], all, "escrow when the last one had paid");
    // Its statement is that of all stripes, in pages of any size.
    let lines = host.all(&format!("/v1/accounts/{}/transfers", id(&pending)), 3).await;
    assert_eq!(lines.len(), 8);
    let times: Vec<_> = lines.iter().map(|line| line["created_at"].as_str().unwrap()).collect();
    assert!(times.is_sorted_by(|newer, older| newer >= older), "{times:?}");
    assert_eq!(lines.iter().map(|line| line["amount"].as_i64().unwrap()).sum::<i64>(), all);
    assert_eq!(lines.iter().map(id).collect::<BTreeSet<_>>().len(), 8);

    // A refund takes it back in the shard of its trade.
    shop.refund(&trades[5], 105, &json!({})).await.ok(201);
    assert_eq!(host.balance(&shop.owner(), "2003").await, (all - 105, all - 105));
    assert_eq!(host.balance(&format!("user:{}", buyers[5]), "2001").await.0, 1_000);
    // Merchants' own balance lives in one shard, where its budget is filled from it.
    host.fund(&shop.owner(), 500, "CNY").await;
    let budget = json!({"merchant_id": shop.id, "amount": 300, "currency": "CNY"});
    shop.platform().post("/v1/coupons/budgets", &budget).await.ok(201);
    assert_eq!(host.balance(&shop.owner(), "2002").await, (200, 200));
    assert_eq!(host.balance(&shop.owner(), "2032").await, (300, 300));
    let all_users = 8 * 1_000 - all + 105;
    host.trial_balance("CNY").await.assert_is(&[
        ("1011.sandbox.in", 8_500),
        ("2001", all_users),
        ("2002", 200),
        ("2003", all - 105),
        ("2032", 300),
    ]);
}

/// Walks a list and says its ids.
fn ids(objects: &[Value]) -> Vec<String> {
    objects.iter().map(id).collect()
}

async fn lists_are_laid_together(host: &Host) {
    let shop = host.shop().await;
    let buyers = buyers(3);
    let mut trades = Vec::new();
    for (place, buyer) in buyers.iter().enumerate() {
        let opened = shop.post("/v1/trades", &with(order("escrow", 100, &json!({})), &json!({"buyer": buyer}))).await;
        trades.push(id(&opened.ok(201)));
        if place % 3 == 0 {
            shop.post(&format!("/v1/trades/{}/close", trades[place]), &json!({})).await.ok(200);
        }
    }
    let newest_first = |wanted: &dyn Fn(usize) -> bool| -> Vec<String> {
        let mut chosen: Vec<_> = trades.iter().enumerate().filter(|(place, _)| wanted(*place)).collect();
        chosen.sort_by(|a, b| b.1.cmp(a.1));
        chosen.into_iter().map(|(_, trade)| trade.clone()).collect()
    };
    for limit in [1, 2, 5, 100] {
        assert_eq!(ids(&shop.all("/v1/trades", limit).await), newest_first(&|_| true), "{limit}");
        let closed = shop.all("/v1/trades?status=closed", limit).await;
        assert_eq!(ids(&closed), newest_first(&|place| place % 3 == 0), "{limit}");
    }
    // Every walk of the logs sees every event once, and goes on from where it ended.
    let mut walks = Vec::new();
    for caller in [&**host, &*shop] {
        let (seen, cursor) = caller.events_from(None, 2).await;
        assert_eq!(seen.len(), 12 + 4, "all were opened, four were closed");
        assert_eq!(ids(&seen).into_iter().collect::<BTreeSet<_>>().len(), seen.len());
        for event in &seen {
            assert_eq!(&caller.get(&format!("/v1/events/{}", id(event))).await.ok(200), event);
        }
        walks.push((caller, cursor));
    }
    shop.post(&format!("/v1/trades/{}/close", trades[1]), &json!({})).await.ok(200);
    for (caller, cursor) in walks {
        let (news, cursor) = caller.events_from(cursor, 2).await;
        assert_eq!(news.len(), 1, "{news:#?}");
        assert_eq!((&news[0]["type"], &news[0]["data"]["id"]), (&json!("trade.closed"), &json!(trades[1])));
        assert_eq!(caller.events_from(cursor, 2).await.0, Vec::<Value>::new());
    }
    // Cases, which payments of a wrong amount open.
    let mut cases = Vec::new();
    for buyer in &buyers[..6] {
        let wrong = json!({"tool": "channel", "method": "card", "amount": 100, "sandbox": "wrong_amount"});
        let more = json!({"buyer": buyer, "pay": {"tools": [wrong]}});
        let trade = id(&shop.post("/v1/trades", &with(order("escrow", 100, &json!({})), &more)).await.ok(201));
        cases.insert(0, shop.open_case(&trade, "amount_mismatch").await);
    }
    for limit in [1, 4, 100] {
        assert_eq!(ids(&shop.all("/v1/cases", limit).await), cases, "{limit}");
    }
    for case in &cases {
        host.resolve(case, "refund").await.ok(200);
    }
}

async fn every_door_finds_its_shard(host: &Host) {
    let shop = host.shop().await;
    let mut seen = BTreeSet::new();
    for buyer in buyers(1) {
        let user = format!("user:{buyer}");
        host.fund(&user, 100, "CNY").await;
        let gift = shop.coupon(&user, 30).await;
        let tools = json!({"tools": [coupon(&gift, 30), balance(50), card(20)]});
        let more = json!({"buyer": buyer, "pay": tools});
        let trade = shop.post("/v1/trades", &with(order("escrow", 100, &json!({})), &more)).await.ok(201);
        let trade = shop.trade_is(&id(&trade), "paid").await;
        assert_eq!(host.get(&format!("/v1/coupons/{gift}")).await.ok(200)["status"], "spent");
        assert_eq!(shop.get(&format!("/v1/payments/{}", id(&trade["payment"]))).await.ok(200)["status"], "succeeded");
        let refund = id(&shop.refund(&id(&trade), 100, &json!({})).await.ok(201));
        shop.refund_is(&refund, "succeeded").await;
        let chain = shop.chain(&id(&trade)).await;
        assert!(chain["vouchers"].as_array().unwrap().len() >= 4, "{chain:#}");
        assert_eq!(host.balance(&user, "2001").await, (100, 100));
        seen.insert(id(&trade));
        // Another user's coupon is none, in whichever shard it is.
        for other in buyers(1).iter().filter(|other| **other != buyer) {
            let theirs = shop.coupon(&format!("user:{other}"), 30).await;
            let more = json!({"buyer": buyer, "pay": {"tools": [coupon(&theirs, 30), card(70)]}});
            let refused = shop.post("/v1/trades", &with(order("escrow", 100, &json!({})), &more)).await;
            refused.refused(422, "coupon_not_applicable");
        }
    }
    assert_eq!(i64::try_from(seen.len()).unwrap(), SHARDS);
}
