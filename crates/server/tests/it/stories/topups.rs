//! Top-ups: money from outside onto a balance, and back.

use serde_json::{Value, json};

use crate::host::Host;
use crate::shop::{Shop, balance, card, card_that, id, order, with};

on_both!(of_a_user, of_a_merchant, given_back, paid_twice_and_late, as_far_as_it_is_there, that_are_refused);

async fn topped_up(shop: &Shop, amount: i64, payee: &str) -> String {
    shop.paid("topup", amount, &json!({"payee": payee})).await
}

/// The whole answer, as the API's description fixes it.
async fn of_a_user(host: &Host) {
    let shop = host.shop().await;
    let body = order("topup", 5_000, &json!({"payee": "user:42", "pay": {"tools": [card(5_000)]}}));
    let opened = shop.post("/v1/trades", &body).await.ok(201);
    assert_eq!((&opened["status"], &opened["payment"]["status"]), (&json!("created"), &json!("processing")));
    let trade = shop.trade_is(&id(&opened), "completed").await;
    let expected = json!({
        "id": opened["id"], "object": "trade", "status": "completed", "closing": false, "type": "topup",
        "sub_type": "general", "merchant_id": shop.id, "merchant_order_id": body["merchant_order_id"],
        "amount": 5_000, "currency": "CNY", "paid_amount": 5_000, "confirmed_amount": 5_000, "escrow_amount": 0,
        "refunded_amount": 0, "refundable_amount": 5_000, "payee": "user:42",
        "splits": [{"receiver": "user:42", "amount": 5_000, "released": 5_000, "returned": 0, "returning": 0}],
        "late_success": "refund", "payment": trade["payment"], "created_at": trade["created_at"],
        "expires_at": trade["expires_at"], "sequence": 3,
    });
    assert_eq!(trade, expected, "{trade:#}");
    assert_eq!(host.balance("user:42", "2001").await, (5_000, 5_000));
    host.trial_balance("CNY").await.assert_is(&[("1011.sandbox.in", 5_000), ("2001", 5_000)]);

    let again = with(body.clone(), &json!({"pay": null}));
    assert_eq!(shop.post("/v1/trades", &again).await.ok(200), trade, "the same order");
    let other = with(body, &json!({"payee": "user:43"}));
    shop.post("/v1/trades", &other).await.refused(409, "order_exists");
    let spent = shop.open("instant", 4_000, &json!({"pay": {"tools": [balance(4_000)]}})).await.ok(201);
    assert_eq!(spent["status"], "completed", "what was put there can be spent");
}

async fn of_a_merchant(host: &Host) {
    let shop = host.shop().await;
    let trade = topped_up(&shop, 700, &shop.owner()).await;
    assert_eq!(shop.trade(&trade).await["payee"], json!(shop.owner()));
    assert_eq!(shop.balance(&shop.owner(), "2002").await, (700, 700));
    // What it earned by sales is another account, and stays as it is when the top-up goes back.
    shop.paid("instant", 50, &json!({})).await;
    let refund = shop.refund(&trade, 700, &json!({})).await.ok(201);
    shop.refund_is(&id(&refund), "succeeded").await;
    host.trial_balance("CNY").await.assert_is(&[("1011.sandbox.in", 750), ("1011.sandbox.refund", 700), ("2003", 50)]);
}

async fn given_back(host: &Host) {
    let shop = host.shop().await;
    let trade = topped_up(&shop, 1_000, "user:42").await;
    let plain = host.with_key(&host.merchant_key(&shop.id, &["read", "write"]).await);
    plain.refund(&trade, 100, &json!({})).await.refused(403, "payer_consent_required");
    assert_eq!(shop.trade(&trade).await["refundable_amount"], 1_000);

    let sent = shop.refund(&trade, 100, &json!({"sandbox": "refund_later"})).await.ok(201);
    assert_eq!(host.balance("user:42", "2001").await, (1_000, 900), "what is on its way is held");
    assert_eq!(shop.refund_is(&id(&sent), "succeeded").await["parts"][0]["way"], "channel");
    assert_eq!(host.balance("user:42", "2001").await, (900, 900));

    // The institution cannot: the money stays on the balance where it is.
    let kept = shop.refund(&trade, 30, &json!({"sandbox": "refund_fail"})).await.ok(201);
    assert_eq!(shop.refund_is(&id(&kept), "succeeded").await["parts"][0]["way"], "balance");
    assert_eq!(host.balance("user:42", "2001").await, (900, 900));
    let shown = shop.trade(&trade).await;
    assert_eq!((&shown["refunded_amount"], &shown["refundable_amount"]), (&json!(130), &json!(870)));
    assert_eq!((&shown["status"], &shown["payment"]["status"]), (&json!("completed"), &json!("succeeded")));

    // Out, and back again: it belongs to nobody until people decide, who put it back on the balance.
    let back = shop.refund(&trade, 200, &json!({"sandbox": "refund_returned"})).await.ok(201);
    shop.refund_is(&id(&back), "returned").await;
    assert_eq!(host.balance("user:42", "2001").await, (700, 700));
    let case = shop.open_case(&trade, "refund_returned").await;
    shop.platform().resolve(&case, "other_way").await.ok(200);
    shop.refund_is(&id(&back), "succeeded").await;
    host.trial_balance("CNY").await.assert_is(&[
        ("1011.sandbox.in", 1_000),
        ("1011.sandbox.refund", 100),
        ("2001", 900),
    ]);
}

/// Money that counts for nothing goes back to where it came from, and is never on the balance.
async fn paid_twice_and_late(host: &Host) {
    let shop = host.shop().await;
    let pay = |word: &str| json!({"payee": "user:42", "pay": {"tools": [card_that(word, 100)]}});
    let twice = shop.open("topup", 100, &pay("pay_twice")).await.ok(201);
    shop.trade_is(&id(&twice), "completed").await;
    let surplus = surplus_of(&shop, &id(&twice)).await;
    assert_eq!((&surplus["reason_code"], &surplus["amount"]), (&json!("duplicate"), &json!(100)));

    let late = shop.open("topup", 100, &pay("late_success")).await.ok(201);
    asked(&shop, &late).await;
    shop.post(&format!("/v1/trades/{}/close", id(&late)), &json!({})).await.ok(200);
    let surplus = surplus_of(&shop, &id(&late)).await;
    assert_eq!((&surplus["reason_code"], &surplus["amount"]), (&json!("late"), &json!(100)));
    assert_eq!(shop.trade(&id(&late)).await["closed_reason"], "canceled");
    assert_eq!(host.balance("user:42", "2001").await, (100, 100));

    let kept = shop.open("topup", 100, &with(pay("late_success"), &json!({"late_success": "reopen"}))).await.ok(201);
    asked(&shop, &kept).await;
    shop.post(&format!("/v1/trades/{}/close", id(&kept)), &json!({})).await.ok(200);
    shop.trade_is(&id(&kept), "completed").await;
    assert_eq!(host.balance("user:42", "2001").await, (200, 200));
    host.trial_balance("CNY").await.assert_is(&[("1011.sandbox.in", 400), ("1011.sandbox.refund", 200), ("2001", 200)]);
}

/// The institution has the order, so that it is asked to close it.
async fn asked(shop: &Shop, trade: &Value) {
    let has = |payment: &Value| payment["instructions"][0]["status"] != "sent";
    shop.wait_until(&format!("/v1/payments/{}", id(&trade["payment"])), has).await;
}

/// The refund of surplus money, once it is through.
async fn surplus_of(shop: &Shop, trade: &str) -> Value {
    let through = |chain: &Value| chain["refunds"][0]["status"] == "succeeded";
    shop.wait_until(&format!("/v1/trades/{trade}/chain"), through).await["refunds"][0].clone()
}

/// What the payee has spent cannot be taken back.
async fn as_far_as_it_is_there(host: &Host) {
    let shop = host.shop().await;
    let trade = topped_up(&shop, 100, "user:42").await;
    shop.open("instant", 70, &json!({"pay": {"tools": [balance(70)]}})).await.ok(201);
    shop.refund(&trade, 31, &json!({})).await.refused(422, "insufficient_receiver_balance");
    let shown = shop.trade(&trade).await;
    assert_eq!((&shown["refunded_amount"], &shown["refundable_amount"]), (&json!(0), &json!(100)));
    let refund = shop.refund(&trade, 30, &json!({})).await.ok(201);
    shop.refund_is(&id(&refund), "succeeded").await;
    shop.refund(&trade, 71, &json!({})).await.refused(422, "refund_exceeds_paid");
    assert_eq!(host.balance("user:42", "2001").await, (0, 0));
    host.trial_balance("CNY").await.assert_is(&[("1011.sandbox.in", 100), ("1011.sandbox.refund", 30), ("2003", 70)]);
}

async fn that_are_refused(host: &Host) {
    let (shop, other) = (host.shop().await, host.shop().await);
    host.fund("user:42", 100, "CNY").await;
    let coupon = shop.coupon("user:42", 50).await;
    let tools = |tools: Value| json!({"payee": "user:42", "pay": {"tools": tools}});
    let coupon = crate::shop::coupon(&coupon, 50);
    for (more, status, code, param) in [
        (json!({}), 400, "missing_field", "payee"),
        (json!({"payee": "seller:s1"}), 400, "invalid_id", "payee"),
        (json!({"payee": other.owner()}), 422, "receiver_not_applicable", "payee"),
        (json!({"payee": "user:42", "buyer": "42"}), 422, "field_not_applicable", "buyer"),
        (json!({"payee": "user:42", "splits": []}), 422, "field_not_applicable", "splits"),
        (tools(json!([balance(100)])), 422, "tool_not_applicable", "pay.tools[0].tool"),
        (tools(json!([card(50), coupon])), 422, "tool_not_applicable", "pay.tools[1].tool"),
    ] {
        let problem = shop.open("topup", 100, &more).await.refused(status, code);
        assert_eq!(problem["param"], param, "{problem:#}");
    }
    let sale = shop.open("instant", 100, &json!({"payee": "user:42"})).await.refused(422, "field_not_applicable");
    assert_eq!(sale["param"], "payee");
    let unpaid = shop.unpaid("topup", 100, &json!({"payee": "user:42"})).await;
    let problem = shop.pay(&unpaid, &json!([balance(100)])).await.refused(422, "tool_not_applicable");
    assert_eq!(problem["param"], "tools[0].tool");
    shop.confirm(&unpaid, &json!({})).await.refused(409, "invalid_state");
    host.trial_balance("CNY").await.assert_is(&[("1011.sandbox.in", 100), ("2001", 100), ("2031", 50), ("5002", 50)]);
}
