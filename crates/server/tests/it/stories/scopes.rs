//! What a key may do, and whose things it sees.

use serde_json::json;

use crate::host::Host;
use crate::shop::{balance, card, id, order};

on_both!(of_merchant_keys, of_the_platform, revoked);

async fn of_merchant_keys(host: &Host) {
    let merchant = host.merchant().await;
    let key = host.post(&format!("/v1/merchants/{merchant}/keys"), &json!({})).await.ok(201);
    let plain = host.with_key(key["key"].as_str().unwrap());
    host.fund("user:42", 100, "CNY").await;
    let by = |tool| order("escrow", 100, &json!({"pay": {"tools": [tool]}}));
    plain.post("/v1/trades", &by(balance(100))).await.refused(403, "payer_consent_required");
    let trade = id(&plain.post("/v1/trades", &by(card(100))).await.ok(201));
    plain.trade_is(&trade, "paid").await;

    let reader = host.with_key(&host.merchant_key(&merchant, &["read"]).await);
    assert_eq!(reader.trade(&trade).await["status"], "paid");
    reader.confirm(&trade, &json!({})).await.refused(403, "scope_required");
    reader.post("/v1/trades", &by(card(100))).await.refused(403, "scope_required");
    let writer = host.with_key(&host.merchant_key(&merchant, &["write"]).await);
    writer.get(&format!("/v1/trades/{trade}")).await.refused(403, "scope_required");
    for (path, body) in [
        ("/v1/merchants", json!({"name": "x"})),
        ("/v1/sandbox/fund", json!({"owner": "user:42", "amount": 1, "currency": "CNY"})),
    ] {
        plain.post(path, &body).await.refused(403, "scope_required");
    }
    plain.get("/v1/ledger/trial_balance?currency=CNY").await.refused(403, "scope_required");
    let admin = host.post(&format!("/v1/merchants/{merchant}/keys"), &json!({"scopes": ["admin"]})).await;
    admin.refused(400, "invalid_value");

    let other = host.shop().await;
    for path in [format!("/v1/trades/{trade}"), format!("/v1/merchants/{merchant}")] {
        other.get(&path).await.refused(404, "not_found");
    }
    other.confirm(&trade, &json!({})).await.refused(404, "not_found");
    let named = order("escrow", 100, &json!({"merchant_id": merchant}));
    other.post("/v1/trades", &named).await.refused(403, "merchant_mismatch");
}

async fn of_the_platform(host: &Host) {
    let merchant = host.merchant().await;
    host.post("/v1/trades", &order("escrow", 100, &json!({}))).await.refused(400, "merchant_required");
    host.fund("user:42", 100, "CNY").await;
    let body = order("escrow", 100, &json!({"merchant_id": merchant, "pay": {"tools": [balance(100)]}}));
    let trade = host.post("/v1/trades", &body).await.ok(201);
    assert_eq!(trade["status"], "paid");
    host.confirm(&id(&trade), &json!({})).await.ok(200);
    for key in ["sk_test_of_nobody", "sk_live_stories_of_the_platform", ""] {
        host.with_key(key).get("/v1/merchants").await.refused(401, "unauthorized");
    }
}

async fn revoked(host: &Host) {
    let merchant = host.merchant().await;
    let key = host.post(&format!("/v1/merchants/{merchant}/keys"), &json!({})).await.ok(201);
    let caller = host.with_key(key["key"].as_str().unwrap());
    caller.get("/v1/trades").await.ok(200);
    let gone = host.post(&format!("/v1/keys/{}/revoke", id(&key)), &json!({})).await.ok(200);
    assert_eq!(gone["revoked"], true);
    caller.get("/v1/trades").await.refused(401, "unauthorized");
    host.kill();
    host.restart();
    caller.get("/v1/trades").await.refused(401, "unauthorized");
    let shown = host.get(&format!("/v1/merchants/{merchant}/keys")).await.ok(200);
    assert!(!shown.to_string().contains("sk_test_"), "shown once: {shown:#}");
}
