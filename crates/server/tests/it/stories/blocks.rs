//! Blocks: who and what pays nothing, and learns nothing of why.

use std::time::Duration;

use serde_json::{Value, json};

use crate::host::Host;
use crate::shop::{balance, card, coupon, id, list, with};

on_both!(whom_nobody_pays_and_who_pays_nobody, what_a_payment_came_with, a_block_ends, blocks_survive);

async fn block(host: &Host, kind: &str, value: &str) -> Value {
    host.post("/v1/blocks", &json!({"kind": kind, "value": value, "reason": "looked odd"})).await.ok(201)
}

#[track_caller]
fn refused(payment: &Value) {
    assert_eq!(
        (&payment["status"], &payment["failure"]["code"]),
        (&json!("failed"), &json!("risk_refused")),
        "{payment:#}"
    );
    assert_eq!(payment["failure"]["message"], "risk control has refused the payment");
}

async fn whom_nobody_pays_and_who_pays_nobody(host: &Host) {
    let (shop, other) = (host.shop().await, host.shop().await);
    for user in ["user:42", "user:43"] {
        host.fund(user, 1_000, "CNY").await;
    }
    let set = block(host, "user", "42").await;
    assert_eq!((&set["object"], &set["kind"], &set["value"]), (&json!("block"), &json!("user"), &json!("42")));
    let cut = shop.coupon("user:42", 100).await;
    let trade = shop.unpaid("escrow", 500, &json!({})).await;
    let payment = shop.pay(&trade, &json!([coupon(&cut, 100), balance(100), card(300)])).await.ok(201);
    refused(&payment);
    let chain = shop.chain(&trade).await;
    assert_eq!(
        (list(&chain["channel_orders"]).len(), shop.trade(&trade).await["status"].clone()),
        (0, json!("created"))
    );
    assert_eq!(shop.get(&format!("/v1/coupons/{cut}")).await.ok(200)["status"], "usable");
    let explained = shop.get(&format!("/v1/payments/{}/explain", id(&payment))).await.ok(200);
    assert!(!explained.to_string().contains("looked odd"), "{explained:#}");
    let offer = shop.get(&format!("/v1/trades/{trade}/offer")).await.ok(200);
    assert!(list(&offer["tools"]).iter().all(|tool| tool["reason"]["code"] == "risk_refused"), "{offer:#}");
    // Nor does anybody pay that user; who is not blocked pays.
    let to = json!({"payer": "user:43", "payee": "user:42"});
    let transfer = shop.open("transfer", 10, &to).await.ok(201);
    assert_eq!((&transfer["status"], &transfer["closed_reason"]), (&json!("closed"), &json!("failed")));
    refused(&transfer["payment"]);
    let paid = json!({"buyer": "43", "pay": {"tools": [balance(10)]}});
    assert_eq!(shop.open("instant", 10, &paid).await.ok(201)["status"], "completed");
    // A merchant sells nothing, and is paid out nothing.
    block(host, "merchant", &shop.id).await;
    refused(&shop.open("instant", 10, &paid).await.ok(201)["payment"]);
    assert_eq!(other.open("instant", 10, &paid).await.ok(201)["status"], "completed");
    // A trade that is open can still be paid once the block is lifted.
    let lifted = host.post(&format!("/v1/blocks/{}/lift", id(&set)), &json!({})).await.ok(200);
    assert!(lifted["lifted_by"].is_string() && lifted["lifted_at"].is_string(), "{lifted:#}");
    let again = host.post(&format!("/v1/blocks/{}/lift", id(&set)), &json!({})).await.ok(200);
    assert_eq!(again, lifted, "a block is lifted once");
    let trade = other.unpaid("instant", 10, &json!({})).await;
    assert_eq!(other.pay(&trade, &json!([balance(10)])).await.ok(201)["status"], "succeeded");
}

async fn what_a_payment_came_with(host: &Host) {
    let shop = host.shop().await;
    host.fund("user:42", 1_000, "CNY").await;
    block(host, "device", "phone-1").await;
    block(host, "card_fingerprint", "fp-1").await;
    block(host, "ip", "::ffff:192.0.2.7").await;
    let payout = block(host, "destination", "6222020200112233445").await;
    assert_eq!(payout["value"], "****3445");
    let trade = shop.unpaid("instant", 10, &json!({})).await;
    let path = format!("/v1/trades/{trade}/payments");
    for (risk, stopped) in [
        (json!({"device": "phone-1"}), true),
        (json!({"card_fingerprint": "fp-1"}), true),
        (json!({"ip": "192.0.2.7"}), true),
        (json!({"device": "phone-2", "card_fingerprint": "phone-1", "ip": "192.0.2.8"}), false),
    ] {
        let payment = shop.post(&path, &json!({"tools": [balance(10)], "risk": risk})).await.ok(201);
        match stopped {
            true => refused(&payment),
            false => assert_eq!(payment["status"], "succeeded", "{payment:#}"),
        }
    }
    let to = |account: &str| json!({"payer": "user:42", "destination": {"type": "bank_account", "account": account, "name": "Zhang San"}});
    let stopped = shop.open("payout", 10, &to("6222020200112233445")).await.ok(201);
    assert_eq!((&stopped["status"], &stopped["closed_reason"]), (&json!("closed"), &json!("failed")));
    refused(&stopped["payment"]);
    let through = id(&shop.open("payout", 10, &to("6222020200112233446")).await.ok(201));
    shop.trade_is(&through, "completed").await;
    let all = host.get("/v1/blocks?kind=ip").await.ok(200);
    assert_eq!((list(&all["data"]).len(), &all["data"][0]["value"]), (1, &json!("192.0.2.7")));
    assert_eq!(list(&host.get("/v1/blocks").await.ok(200)["data"]).len(), 4);
}

async fn a_block_ends(host: &Host) {
    let shop = host.shop().await;
    host.fund("user:42", 1_000, "CNY").await;
    let soon = in_seconds(2);
    let body = json!({"kind": "user", "value": "42", "reason": "a moment", "until": soon});
    let set = host.post("/v1/blocks", &body).await.ok(201);
    let trade = shop.unpaid("instant", 10, &json!({})).await;
    refused(&shop.pay(&trade, &json!([balance(10)])).await.ok(201));
    tokio::time::sleep(Duration::from_millis(2_500)).await;
    assert_eq!(shop.pay(&trade, &json!([balance(10)])).await.ok(201)["status"], "succeeded");
    assert_eq!(host.get(&format!("/v1/blocks/{}", id(&set))).await.ok(200)["until"], set["until"]);
    let past = with(body, &json!({"until": "2020-01-01T00:00:00Z"}));
    assert_eq!(host.post("/v1/blocks", &past).await.refused(400, "invalid_value")["param"], "until");
}

/// So many seconds from now.
fn in_seconds(seconds: i64) -> String {
    (jiff::Timestamp::now() + jiff::SignedDuration::from_secs(seconds)).to_string()
}

async fn blocks_survive(host: &Host) {
    let set = block(host, "user", "42").await;
    host.kill();
    host.restart();
    let shop = host.shop().await;
    let trade = shop.unpaid("instant", 10, &json!({})).await;
    refused(&shop.pay(&trade, &json!([card(10)])).await.ok(201));
    assert_eq!(host.get(&format!("/v1/blocks/{}", id(&set))).await.ok(200), set);
}
