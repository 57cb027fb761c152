//! The same request again.

use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use crate::host::Host;
use crate::shop::{balance, card, id, order, with};

on_both!(under_its_key, of_a_merchant_order, after_a_kill);

async fn under_its_key(host: &Host) {
    let shop = host.shop().await;
    host.fund("user:42", 100, "CNY").await;
    let body = order("escrow", 100, &json!({"pay": {"tools": [balance(100)]}}));
    let first = shop.post_under("k1", "/v1/trades", &body).await;
    assert_eq!((first.status, first.header("idempotent-replayed")), (201, ""));
    let again = shop.post_under("k1", "/v1/trades", &body).await;
    assert_eq!((again.status, again.header("idempotent-replayed")), (201, "true"));
    assert_eq!(again.body, first.body, "the same bytes");
    // Another order of the fields is the same body; the stored answer stays what it was.
    let trade = id(&first.json());
    shop.confirm(&trade, &json!({})).await.ok(200);
    let text = body.to_string();
    let turned =
        format!("{{\"currency\":\"CNY\",{}", text.replacen("\"currency\":\"CNY\",", "", 1).trim_start_matches('{'));
    assert_ne!(turned, text);
    let turned = shop.send(reqwest::Method::POST, "/v1/trades", Some("k1"), turned.into()).await.unwrap();
    assert_eq!((turned.status, turned.body), (201, first.body.clone()));

    shop.post_under("k1", "/v1/trades", &with(body.clone(), &json!({"amount": 101})))
        .await
        .refused(422, "idempotency_key_reused");
    shop.post_under("k1", &format!("/v1/trades/{trade}/close"), &json!({}))
        .await
        .refused(422, "idempotency_key_reused");
    // A refusal that rules decided is stored like any other answer.
    let refused = shop.post_under("k2", &format!("/v1/trades/{trade}/confirm"), &json!({})).await;
    refused.refused(409, "invalid_state");
    let again = shop.post_under("k2", &format!("/v1/trades/{trade}/confirm"), &json!({})).await;
    assert_eq!((again.status, again.header("idempotent-replayed"), &again.body), (409, "true", &refused.body));
    // Another merchant's key of the same name is another key.
    let other = host.shop().await;
    let of_other = other.post_under("k1", "/v1/trades", &order("escrow", 7, &json!({}))).await.ok(201);
    assert_ne!(id(&of_other), trade);
    let missing = shop.send(reqwest::Method::POST, "/v1/trades", None, body.to_string().into()).await.unwrap();
    missing.refused(400, "idempotency_key_required");
    assert_eq!(shop.all("/v1/trades", 10).await.len(), 1);
}

async fn of_a_merchant_order(host: &Host) {
    let shop = host.shop().await;
    let at = (Timestamp::now() + SignedDuration::from_hours(1)).to_string();
    let body = order("escrow", 100, &json!({"expires_at": at, "metadata": {"a": "b"}}));
    let paying = with(body.clone(), &json!({"pay": {"tools": [card(100)]}}));
    let first = shop.post("/v1/trades", &paying).await.ok(201);
    let paid = shop.trade_is(&id(&first), "paid").await;
    // As it is now; what it asks to pay is not run again.
    for body in [&body, &paying] {
        assert_eq!(shop.post("/v1/trades", body).await.ok(200), paid);
    }
    let variants = [
        json!({"amount": 101}),
        json!({"currency": "USD"}),
        json!({"type": "instant"}),
        json!({"buyer": "43"}),
        json!({"subject": "x"}),
        json!({"metadata": {"a": "c"}}),
        json!({"splits": [{"receiver": "seller:s1", "amount": 100}]}),
    ];
    for other in variants {
        let refusal = shop.post("/v1/trades", &with(body.clone(), &other)).await.refused(409, "order_exists");
        assert_eq!(refusal["object"], first["id"], "{other}");
    }
    let of_other = host.shop().await.post("/v1/trades", &body).await.ok(201);
    assert_ne!(of_other["id"], first["id"], "numbers are a merchant's own");
    let number = body["merchant_order_id"].as_str().unwrap();
    let found = shop.get(&format!("/v1/trades?merchant_order_id={number}")).await.ok(200);
    assert_eq!(found["data"], json!([paid]));
    let none = shop.get("/v1/trades?merchant_order_id=never").await.ok(200);
    assert_eq!(none["data"], json!([]));
}

/// The stored answer outlives the process.
async fn after_a_kill(host: &Host) {
    let shop = host.shop().await;
    let body = order("escrow", 100, &json!({"pay": {"tools": [card(100)]}}));
    let first = shop.post_under("k1", "/v1/trades", &body).await;
    host.kill();
    host.restart();
    let again = shop.post_under("k1", "/v1/trades", &body).await;
    assert_eq!((again.status, again.header("idempotent-replayed")), (201, "true"));
    assert_eq!(again.body, first.body);
    assert_eq!(shop.trade_is(&id(&first.json()), "paid").await["paid_amount"], 100);
    host.trial_balance("CNY").await.assert_is(&[("1011.sandbox.in", 100), ("2004", 100)]);
}
