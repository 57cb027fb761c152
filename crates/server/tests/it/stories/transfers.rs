//! Transfers: from one balance to another, at once, all or nothing.

use serde_json::json;

use crate::host::{Host, play};
use crate::shop::{Shop, id, list, order, with};
use crate::store::Engine;

on_both!(
    between_users,
    of_a_merchant,
    short_of_balance,
    by_whom,
    that_are_refused,
    to_other_shards["shards" = "4"],
    away_through_a_kill["shards" = "4"],
);

/// The whole answer, as the API's description fixes it.
async fn between_users(host: &Host) {
    let shop = host.shop().await;
    host.fund("user:42", 1_000, "CNY").await;
    let body = order("transfer", 400, &json!({"payer": "user:42", "payee": "user:43", "subject": "Thanks"}));
    let trade = shop.post("/v1/trades", &body).await.ok(201);
    let expected = json!({
        "id": trade["id"], "object": "trade", "status": "completed", "closing": false, "type": "transfer",
        "sub_type": "general", "merchant_id": shop.id, "merchant_order_id": body["merchant_order_id"],
        "amount": 400, "currency": "CNY", "paid_amount": 400, "confirmed_amount": 400, "escrow_amount": 0,
        "refunded_amount": 0, "refundable_amount": 0, "payer": "user:42", "payee": "user:43", "subject": "Thanks",
        "splits": [{"receiver": "user:43", "amount": 400, "released": 400, "returned": 0, "returning": 0}],
        "late_success": "refund", "payment": trade["payment"], "created_at": trade["created_at"],
        "expires_at": trade["expires_at"], "sequence": 3,
    });
    assert_eq!(trade, expected, "{trade:#}");
    assert_eq!(
        (&trade["payment"]["status"], &trade["payment"]["instructions"][0]["tool"]),
        (&json!("succeeded"), &json!("balance"))
    );
    assert_eq!(
        (host.balance("user:42", "2001").await, host.balance("user:43", "2001").await),
        ((600, 600), (400, 400))
    );
    let vouchers = shop.chain(&id(&trade)).await["vouchers"].clone();
    assert_eq!(list(&vouchers).len(), 1, "debit and credit in one: {vouchers:#}");

    assert_eq!(shop.post("/v1/trades", &body).await.ok(200), trade, "the same order moves nothing again");
    for other in [json!({"payee": "user:44"}), json!({"payer": "user:44"}), json!({"amount": 401})] {
        shop.post("/v1/trades", &with(body.clone(), &other)).await.refused(409, "order_exists");
    }
    assert_eq!(host.balance("user:42", "2001").await, (600, 600));
    shop.refund(&id(&trade), 1, &json!({})).await.refused(422, "not_refundable");
    let back = json!({"payer": "user:43", "payee": "user:42"});
    assert_eq!(shop.open("transfer", 400, &back).await.ok(201)["status"], "completed");
    host.trial_balance("CNY").await.assert_is(&[("1011.sandbox.in", 1_000), ("2001", 1_000)]);
}

async fn of_a_merchant(host: &Host) {
    let (shop, other) = (host.shop().await, host.shop().await);
    host.fund(&shop.owner(), 500, "CNY").await;
    for (payee, amount) in [("user:42".to_owned(), 100), (other.owner(), 150)] {
        let trade = shop.open("transfer", amount, &json!({"payer": shop.owner(), "payee": payee})).await.ok(201);
        assert_eq!((&trade["status"], &trade["payee"]), (&json!("completed"), &json!(payee)));
    }
    assert_eq!(shop.balance(&shop.owner(), "2002").await, (250, 250));
    assert_eq!(other.balance(&other.owner(), "2002").await, (150, 150));
    host.trial_balance("CNY").await.assert_is(&[("1011.sandbox.in", 500), ("2001", 100), ("2002", 400)]);
}

/// What is not there moves nothing, and the trade is over.
async fn short_of_balance(host: &Host) {
    let shop = host.shop().await;
    host.fund("user:42", 99, "CNY").await;
    let body = order("transfer", 100, &json!({"payer": "user:42", "payee": "user:43"}));
    let trade = shop.post("/v1/trades", &body).await.ok(201);
    assert_eq!((&trade["status"], &trade["closed_reason"]), (&json!("closed"), &json!("failed")), "{trade:#}");
    assert_eq!(trade["payment"]["failure"]["code"], "insufficient_balance", "{trade:#}");
    let (trade, payment) = (id(&trade), id(&trade["payment"]));
    shop.pay(&trade, &json!([crate::shop::balance(100)])).await.refused(409, "trade_not_payable");
    shop.refund(&trade, 1, &json!({})).await.refused(409, "invalid_state");
    shop.post(&format!("/v1/payments/{payment}/cancel"), &json!({})).await.refused(409, "payment_not_cancelable");
    shop.post(&format!("/v1/trades/{trade}/close"), &json!({})).await.refused(409, "invalid_state");
    host.fund("user:42", 1, "CNY").await;
    assert_eq!(shop.post("/v1/trades", &body).await.ok(200)["status"], "closed", "its number is used");
    host.trial_balance("CNY").await.assert_is(&[("1011.sandbox.in", 100), ("2001", 100)]);
    let events = host.get("/v1/events").await.ok(200);
    let of_trade = list(&events["data"]).iter().filter(|event| event["data"]["id"] == json!(trade));
    let kinds: Vec<_> = of_trade.map(|event| event["type"].as_str().unwrap().to_owned()).collect();
    assert_eq!(kinds, ["trade.created", "trade.closed"]);
}

/// A merchant spends its own money; users' only with the scope, and never another merchant's.
async fn by_whom(host: &Host) {
    let (shop, other) = (host.shop().await, host.shop().await);
    let plain = host.with_key(&host.merchant_key(&shop.id, &["read", "write"]).await);
    for owner in ["user:42", &shop.owner(), &other.owner()] {
        host.fund(owner, 100, "CNY").await;
    }
    let from = |payer: &str| order("transfer", 10, &json!({"payer": payer, "payee": "user:43"}));
    let problem = plain.post("/v1/trades", &from("user:42")).await.refused(403, "payer_consent_required");
    assert_eq!(problem["param"], "payer");
    plain.post("/v1/trades", &from(&shop.owner())).await.ok(201);
    let problem = shop.post("/v1/trades", &from(&other.owner())).await.refused(422, "payer_not_applicable");
    assert_eq!(problem["param"], "payer");
    // The platform says whose trade it is, and spends that merchant's money or a user's.
    let by_platform = |payer: &str, merchant: &str| with(from(payer), &json!({"merchant_id": merchant}));
    host.post("/v1/trades", &by_platform("user:42", &shop.id)).await.ok(201);
    host.post("/v1/trades", &by_platform(&other.owner(), &other.id)).await.ok(201);
    host.post("/v1/trades", &by_platform(&other.owner(), &shop.id)).await.refused(422, "payer_not_applicable");
    assert_eq!(host.balance("user:43", "2001").await, (30, 30));
    assert_eq!(other.balance(&other.owner(), "2002").await, (90, 90));
}

async fn that_are_refused(host: &Host) {
    let shop = host.shop().await;
    host.fund("user:42", 100, "CNY").await;
    let nobody = shop.owner().replace(&shop.id[4..], "01k9z8q5m0000000000000000a");
    let pair = |payer: &str, payee: &str| json!({"payer": payer, "payee": payee});
    let good = pair("user:42", "user:43");
    let extra = |field: &str, value: serde_json::Value| with(good.clone(), &json!({field: value}));
    for (more, status, code, param) in [
        (json!({"payee": "user:43"}), 400, "missing_field", "payer"),
        (json!({"payer": "user:42"}), 400, "missing_field", "payee"),
        (pair("platform", "user:43"), 400, "invalid_id", "payer"),
        (pair("user:42", "seller:s1"), 400, "invalid_id", "payee"),
        (pair("user:42", "user:42"), 422, "receiver_not_applicable", "payee"),
        (pair("user:42", &nobody), 404, "not_found", "payee"),
        (extra("buyer", json!("42")), 422, "field_not_applicable", "buyer"),
        (extra("splits", json!([])), 422, "field_not_applicable", "splits"),
        (extra("pay", json!({})), 422, "field_not_applicable", "pay"),
        (extra("expires_at", json!("2099-01-01T00:00:00Z")), 422, "field_not_applicable", "expires_at"),
    ] {
        let problem = shop.open("transfer", 10, &more).await.refused(status, code);
        assert_eq!(problem["param"], param, "{problem:#}");
    }
    host.trial_balance("CNY").await.assert_is(&[("1011.sandbox.in", 100), ("2001", 100)]);
}

/// Where the payee lives in another shard, the money is on its way for a moment, and then there.
async fn to_other_shards(host: &Host) {
    let shop = host.shop().await;
    host.fund("user:42", 1_000, "CNY").await;
    let (mut here, mut away) = (0, 0);
    let mut trades = Vec::new();
    for number in 0..24 {
        let payee = format!("user:s{number}");
        let trade = shop.open("transfer", 10, &json!({"payer": "user:42", "payee": payee})).await.ok(201);
        assert_eq!((&trade["paid_amount"], &trade["escrow_amount"]), (&json!(10), &json!(0)), "{trade:#}");
        match trade["status"].as_str() {
            Some("completed") => here += 1,
            Some("paid") => away += 1,
            other => panic!("{other:?}"),
        }
        trades.push((id(&trade), payee));
    }
    assert!(here > 0 && away > 0, "{here} {away}");
    assert_eq!(host.balance("user:42", "2001").await, (760, 760));
    for (trade, payee) in &trades {
        let trade = shop.trade_is(trade, "completed").await;
        assert_eq!((&trade["payee"], &trade["sequence"]), (&json!(payee), &json!(3)));
        assert_eq!(host.balance(payee, "2001").await, (10, 10));
    }
    let merchant = shop.open("transfer", 60, &json!({"payer": "user:42", "payee": shop.owner()})).await.ok(201);
    shop.trade_is(&id(&merchant), "completed").await;
    host.trial_balance("CNY").await.assert_is(&[("1011.sandbox.in", 1_000), ("2001", 940), ("2002", 60)]);
}

/// The process dies while money is between two shards.
async fn away_through_a_kill(host: &Host) {
    let shop = host.shop().await;
    host.fund("user:42", 1_000, "CNY").await;
    let mut trades = Vec::new();
    for number in 0..12 {
        let to = json!({"payer": "user:42", "payee": format!("user:s{number}")});
        trades.push(id(&shop.open("transfer", 10, &to).await.ok(201)));
    }
    host.kill();
    host.restart();
    for trade in &trades {
        shop.trade_is(trade, "completed").await;
    }
    host.trial_balance("CNY").await.assert_is(&[("1011.sandbox.in", 1_000), ("2001", 1_000)]);
    assert_eq!(host.balance("user:42", "2001").await, (880, 880));
}

#[test]
fn brought_by_whoever_is_left() {
    play(Engine::Postgres, &[("shards", "4")], each_dies_in_turn);
}

/// Of two processes each dies in turn while money is between shards. The other brings it, when the lease of the dead one has
/// ended at the latest.
async fn each_dies_in_turn(host: &Host) {
    let shop = host.shop().await;
    host.fund("user:42", 1_000, "CNY").await;
    let other = host.another().unwrap();
    let there = shop.known_at(&other.address).await;
    let mut number = 0;
    let mut send = async |at: &Shop| -> Vec<String> {
        let mut trades = Vec::new();
        for _ in 0..12 {
            number += 1;
            let to = json!({"payer": "user:42", "payee": format!("user:s{number}")});
            trades.push(id(&at.open("transfer", 10, &to).await.ok(201)));
        }
        trades
    };
    let sent = [send(&there).await, send(&shop).await].concat();
    host.kill();
    for trade in &sent {
        there.trade_is(trade, "completed").await;
    }
    let brought = "suanpan_transit_brought_total ";
    assert!(there.metric(brought).await > 0);
    host.restart();
    let sent = [send(&shop).await, send(&there).await].concat();
    other.kill();
    for trade in &sent {
        shop.trade_is(trade, "completed").await;
    }
    assert!(shop.metric(brought).await > 0);
    host.trial_balance("CNY").await.assert_is(&[("1011.sandbox.in", 1_000), ("2001", 1_000)]);
    assert_eq!(host.balance("user:42", "2001").await, (520, 520));
}
