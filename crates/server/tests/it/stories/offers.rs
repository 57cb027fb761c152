//! The cashier's offer: what may pay a trade, and that it does.

use serde_json::{Value, json};

use crate::host::Host;
use crate::shop::{balance, card, card_that, coupon, id, list, order};

on_both!(an_offer_is_paid_as_it_stands, what_stands_in_the_way, a_trade_is_as_it_was_previewed);

fn tool<'a>(offer: &'a Value, name: &str) -> &'a Value {
    let is_it = |tool: &&Value| [&tool["coupon"], &tool["method"], &tool["tool"]].contains(&&json!(name));
    list(&offer["tools"]).iter().find(is_it).unwrap_or_else(|| panic!("no {name}: {offer:#}"))
}

async fn an_offer_is_paid_as_it_stands(host: &Host) {
    let (shop, other) = (host.shop().await, host.shop().await);
    host.fund("user:42", 300, "CNY").await;
    let cut = shop.coupon("user:42", 100).await;
    let theirs = other.coupon("user:42", 50).await;
    let trade = shop.unpaid("escrow", 1_000, &json!({})).await;
    let path = format!("/v1/trades/{trade}/offer");
    let offer = shop.get(&path).await.ok(200);
    assert_eq!((&offer["amount"], &offer["due"]), (&json!(1_000), &json!(1)), "{offer:#}");
    assert_eq!(offer["expires_at"], shop.trade(&trade).await["expires_at"]);
    assert_eq!((&tool(&offer, "balance")["available"], &tool(&offer, "card")["amount"]), (&json!(300), &json!(1_000)));
    assert!(!offer.to_string().contains(&theirs), "another merchant's coupon: {offer:#}");
    let foreign = host.get(&path).await.ok(200);
    assert_eq!(tool(&foreign, &theirs)["reason"]["code"], "coupon_not_applicable", "the platform sees why");
    other.get(&path).await.refused(404, "not_found");

    // Who may not spend the buyer's money is not told of it either.
    let plain = host.with_key(&host.merchant_key(&shop.id, &["read", "write"]).await);
    let seen = plain.get(&path).await.ok(200);
    assert_eq!(tool(&seen, "balance")["available"], Value::Null);
    assert_eq!(tool(&seen, "balance")["reason"]["code"], "payer_consent_required");
    assert!(list(&seen["suggestion"]).iter().all(|tool| tool["tool"] != "balance"), "{seen:#}");

    let suggestion = &offer["suggestion"];
    let amounts: Vec<i64> = list(suggestion).iter().map(|tool| tool["amount"].as_i64().unwrap()).collect();
    assert_eq!(amounts, [100, 300, 600], "{offer:#}");
    assert_eq!(suggestion[0]["coupon"], cut);
    let payment = id(&shop.pay(&trade, suggestion).await.ok(201));
    shop.payment_is(&payment, "succeeded").await;
    shop.get(&path).await.refused(409, "trade_not_payable");
}

async fn what_stands_in_the_way(host: &Host) {
    let shop = host.shop().await;
    let cut = shop.coupon("user:42", 100).await;
    let busy = shop.unpaid("escrow", 500, &json!({})).await;
    shop.pay(&busy, &json!([coupon(&cut, 100), card_that("never", 400)])).await.ok(201);
    let trade = shop.unpaid("escrow", 1_000, &json!({})).await;
    let offer = shop.get(&format!("/v1/trades/{trade}/offer")).await.ok(200);
    assert_eq!(tool(&offer, "balance")["reason"]["code"], "insufficient_balance", "{offer:#}");
    assert_eq!(tool(&offer, &cut)["reason"]["code"], "coupon_taken", "another payment has it");
    assert_eq!((list(&offer["suggestion"]).len(), &offer["suggestion"][0]["tool"]), (1, &json!("channel")));

    // A top-up takes money from outside only.
    let more = json!({"payee": "user:42"});
    let topup = id(&shop.open("topup", 200, &more).await.ok(201));
    host.fund("user:42", 500, "CNY").await;
    let offer = shop.get(&format!("/v1/trades/{topup}/offer")).await.ok(200);
    assert_eq!(tool(&offer, "balance")["reason"]["code"], "tool_not_applicable", "{offer:#}");
    assert_eq!(offer["suggestion"][0]["tool"], "channel");
    shop.post(&format!("/v1/trades/{topup}/payments"), &json!({"tools": [balance(200)]}))
        .await
        .refused(422, "tool_not_applicable");

    shop.post(&format!("/v1/trades/{trade}/close"), &json!({})).await.ok(200);
    shop.get(&format!("/v1/trades/{trade}/offer")).await.refused(409, "trade_not_payable");
}

/// What a preview says is what happens; it keeps nothing, whatever it says.
async fn a_trade_is_as_it_was_previewed(host: &Host) {
    let shop = host.shop().await;
    host.fund("user:42", 300, "CNY").await;
    let at = &shop;
    let preview = |body: Value| async move { at.post("/v1/trades/preview", &body).await };
    let bodies = [
        order("escrow", 1_000, &json!({})),
        order("instant", 300, &json!({"pay": {"tools": [balance(300)]}})),
        order("instant", 301, &json!({"pay": {"tools": [balance(301)]}})),
        order("escrow", 900, &json!({"pay": {"tools": [balance(200), card(700)]}})),
        order("topup", 50, &json!({"payee": "user:42", "pay": {"tools": [card(50)]}})),
    ];
    for body in bodies {
        let told = preview(body.clone()).await.ok(200);
        assert_eq!((&told["exists"], &told["trade_id"]), (&json!(false), &Value::Null), "{told:#}");
        assert_eq!(list(&shop.get("/v1/trades").await.ok(200)["data"]).len(), 0, "nothing is kept");
        assert_eq!(told["amount"], body["amount"]);
    }
    let body = order("instant", 300, &json!({"pay": {"tools": [balance(300)]}}));
    let told = preview(body.clone()).await.ok(200);
    assert_eq!((&told["status"], &told["payment"]["status"]), (&json!("completed"), &json!("succeeded")));
    let short = order("instant", 301, &json!({"pay": {"tools": [balance(301)]}}));
    assert_eq!(preview(short).await.ok(200)["payment"]["failure"]["code"], "insufficient_balance");

    let trade = shop.post("/v1/trades", &body).await.ok(201);
    assert_eq!((&trade["status"], &trade["payment"]["status"]), (&told["status"], &told["payment"]["status"]));
    let known = preview(body.clone()).await.ok(200);
    assert_eq!((&known["exists"], &known["trade_id"]), (&json!(true), &trade["id"]));
    let mut other = body;
    other["amount"] = json!(299);
    other["pay"]["tools"][0]["amount"] = json!(299);
    preview(other).await.refused(409, "order_exists");

    for (more, status, code) in [
        (json!({"amount": 0}), 422, "amount_not_positive"),
        (json!({"pay": {"tools": [card(1)]}}), 422, "amount_sum_mismatch"),
        (json!({"expires_at": "2020-01-01T00:00:00Z"}), 422, "expires_at_invalid"),
        (json!({"nonsense": 1}), 400, "unknown_field"),
    ] {
        let refused = preview(order("escrow", 10, &more)).await.refused(status, code);
        let opened = shop.post("/v1/trades", &order("escrow", 10, &more)).await.refused(status, code);
        assert_eq!((&refused["detail"], &refused["param"]), (&opened["detail"], &opened["param"]));
    }
    let reader = shop.with_key(&host.merchant_key(&shop.id, &["read"]).await);
    reader.post("/v1/trades/preview", &order("escrow", 10, &json!({}))).await.refused(403, "scope_required");
    assert_eq!(list(&shop.get("/v1/trades").await.ok(200)["data"]).len(), 1);
}
