//! Trades that complete when they are paid.

use serde_json::json;

use crate::api::Api;
use crate::host::Host;
use crate::shop::{balance, card, id, list, order};

on_both!(by_balance, short_of_balance, to_several_receivers, in_yen);

/// The whole answer, as the API's description fixes it.
async fn by_balance(host: &Host) {
    let shop = host.shop().await;
    host.fund("user:42", 20_000, "CNY").await;
    let mut body = order("instant", 14_490, &json!({"subject": "2 items", "metadata": {"basket": "b7"}}));
    body["pay"] = json!({"tools": [balance(14_490)]});
    let reply = shop.post("/v1/trades", &body).await;
    let trade = reply.ok(201);
    assert!(!reply.header("suanpan-seq").is_empty() && !reply.header("request-id").is_empty(), "{:?}", reply.headers);
    let payment = trade["payment"].clone();
    assert_prefix(&trade["id"], "trd_");
    assert_prefix(&payment["id"], "pay_");
    assert_prefix(&payment["instructions"][0]["id"], "ins_");
    for time in [&trade["created_at"], &trade["expires_at"], &payment["created_at"]] {
        assert!(time.as_str().unwrap().ends_with('Z'), "{time} is RFC 3339 UTC");
    }
    let expected = json!({
        "id": trade["id"], "object": "trade", "status": "completed", "closing": false, "type": "instant",
        "sub_type": "general", "merchant_id": shop.id, "merchant_order_id": body["merchant_order_id"],
        "amount": 14_490, "currency": "CNY", "paid_amount": 14_490, "confirmed_amount": 14_490, "escrow_amount": 0,
        "refunded_amount": 0, "refundable_amount": 14_490, "buyer": "42", "subject": "2 items",
        "splits": [{"receiver": shop.owner(), "amount": 14_490, "released": 14_490, "returned": 0, "returning": 0}],
        "late_success": "refund", "metadata": {"basket": "b7"},
        "payment": {
            "id": payment["id"], "object": "payment", "trade_id": trade["id"], "due": 1, "status": "succeeded",
            "amount": 14_490, "currency": "CNY",
            "instructions": [{
                "id": payment["instructions"][0]["id"], "tool": "balance", "amount": 14_490, "status": "succeeded",
                "received_amount": 14_490, "returned_amount": 0, "surplus": false,
            }],
            "next_action": null, "failure": null, "rule_version": 1, "created_at": payment["created_at"],
            "sequence": payment["sequence"],
        },
        "created_at": trade["created_at"], "expires_at": trade["expires_at"], "sequence": trade["sequence"],
    });
    assert_eq!(trade, expected, "{trade:#}");
    assert_eq!(shop.trade(&id(&trade)).await, trade, "what is read is what was answered");
    host.trial_balance("CNY").await.assert_is(&[("1011.sandbox.in", 20_000), ("2001", 5_510), ("2003", 14_490)]);
}

/// Short balance fails the payment, not the trade.
async fn short_of_balance(host: &Host) {
    let shop = host.shop().await;
    host.fund("user:42", 9_999, "CNY").await;
    let trade = shop.open("instant", 10_000, &json!({"pay": {"tools": [balance(10_000)]}})).await.ok(201);
    assert_eq!(trade["status"], "created");
    assert_eq!(trade["payment"]["status"], "failed");
    assert_eq!(trade["payment"]["failure"]["code"], "insufficient_balance", "{trade:#}");
    assert_eq!(host.balance("user:42", "2001").await, (9_999, 9_999), "nothing is held");

    host.fund("user:42", 1, "CNY").await;
    let payment = shop.pay(&id(&trade), &json!([balance(10_000)])).await.ok(201);
    assert_eq!(payment["status"], "succeeded", "{payment:#}");
    assert_eq!(shop.trade(&id(&trade)).await["status"], "completed");
    shop.pay(&id(&trade), &json!([balance(10_000)])).await.refused(409, "trade_not_payable");
    host.trial_balance("CNY").await.assert_is(&[("1011.sandbox.in", 10_000), ("2003", 10_000)]);
}

async fn to_several_receivers(host: &Host) {
    let shop = host.shop().await;
    let splits = json!([
        {"receiver": "seller:s1", "amount": 34}, {"receiver": "seller:s2", "amount": 33}, {"receiver": "platform", "amount": 33},
    ]);
    let trade = shop.paid("instant", 100, &json!({"splits": splits})).await;
    let shown = shop.trade(&trade).await;
    let released: Vec<_> = list(&shown["splits"]).iter().map(|split| split["released"].as_i64().unwrap()).collect();
    assert_eq!(released, [34, 33, 33]);
    assert_eq!(shop.balance(&shop.seller("s1"), "2003").await, (34, 34));
    assert_eq!(host.balance("platform", "2003").await, (33, 33));
    let wrong = json!({"splits": [{"receiver": "seller:s1", "amount": 99}]});
    shop.open("instant", 100, &wrong).await.refused(422, "amount_sum_mismatch");
    let other = host.shop().await;
    let foreign = json!({"splits": [{"receiver": other.seller("s1"), "amount": 100}]});
    shop.open("instant", 100, &foreign).await.refused(422, "receiver_not_applicable");
    host.trial_balance("CNY").await.assert_is(&[("1011.sandbox.in", 100), ("2003", 100)]);
}

/// A currency without minor units, and a merchant's trades beside those of another currency.
async fn in_yen(host: &Host) {
    let shop = host.shop().await;
    shop.paid("instant", 500, &json!({"currency": "JPY", "pay": {"tools": [card(500)]}})).await;
    shop.paid("instant", 700, &json!({})).await;
    host.trial_balance("JPY").await.assert_is(&[("1011.sandbox.in", 500), ("2003", 500)]);
    host.trial_balance("CNY").await.assert_is(&[("1011.sandbox.in", 700), ("2003", 700)]);
    none_of(host, "USD").await;
}

async fn none_of(host: &Api, currency: &str) {
    host.trial_balance(currency).await.assert_is(&[]);
}

#[track_caller]
fn assert_prefix(id: &serde_json::Value, prefix: &str) {
    assert!(id.as_str().is_some_and(|id| id.starts_with(prefix)), "{id} should start with {prefix}");
}
