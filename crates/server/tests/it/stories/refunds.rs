//! Money that merchants give back.

use serde_json::{Value, json};

use crate::host::Host;
use crate::shop::{Shop, balance, card, coupon, id, list};

on_both!(
    before_release_whole,
    after_release,
    to_the_last_cent,
    over_tools_and_receivers,
    of_a_receiver_who_spent_it,
    numbers_are_used_once,
);

async fn refunded(shop: &Shop, trade: &str, amount: i64, more: &Value) -> Value {
    let refund = shop.refund(trade, amount, more).await.ok(201);
    shop.refund_is(&id(&refund), "succeeded").await
}

async fn before_release_whole(host: &Host) {
    let shop = host.shop().await;
    let trade = shop.paid("escrow", 900, &json!({})).await;
    let refund = shop.refund(&trade, 900, &json!({"reason": "not in stock"})).await.ok(201);
    assert_eq!(refund["status"], "pending", "{refund:#}");
    assert_eq!((&refund["reason"], &refund["reason_code"]), (&json!("not in stock"), &json!("merchant")));
    let done = shop.refund_is(&id(&refund), "succeeded").await;
    assert_eq!(done["splits"], json!([{"receiver": shop.owner(), "before_release": 900, "after_release": 0}]));
    assert_eq!(list(&done["parts"])[0]["way"], "channel", "{done:#}");
    let closed = shop.trade(&trade).await;
    assert_eq!((&closed["status"], &closed["closed_reason"]), (&json!("closed"), &json!("refunded")), "{closed:#}");
    assert_eq!((&closed["refunded_amount"], &closed["refundable_amount"]), (&json!(900), &json!(0)));
    shop.refund(&trade, 1, &json!({})).await.refused(422, "refund_exceeds_paid");
    host.trial_balance("CNY").await.assert_is(&[("1011.sandbox.in", 900), ("1011.sandbox.refund", 900)]);
}

async fn after_release(host: &Host) {
    let shop = host.shop().await;
    let trade = shop.paid("escrow", 900, &json!({})).await;
    shop.confirm(&trade, &json!({"amount": 600})).await.ok(200);
    // 300 wait in escrow and 600 were released: a refund takes what waits first.
    let refund = refunded(&shop, &trade, 400, &json!({})).await;
    assert_eq!(refund["splits"], json!([{"receiver": shop.owner(), "before_release": 300, "after_release": 100}]));
    let shown = shop.trade(&trade).await;
    assert_eq!((&shown["status"], &shown["refunded_amount"]), (&json!("completed"), &json!(400)), "{shown:#}");
    refunded(&shop, &trade, 500, &json!({})).await;
    let shown = shop.trade(&trade).await;
    assert_eq!((&shown["status"], &shown["refundable_amount"]), (&json!("completed"), &json!(0)), "{shown:#}");
    shop.refund(&trade, 1, &json!({})).await.refused(422, "refund_exceeds_paid");
    assert_eq!(shop.balance(&shop.owner(), "2003").await, (0, 0));
    host.trial_balance("CNY").await.assert_is(&[("1011.sandbox.in", 900), ("1011.sandbox.refund", 900)]);
}

/// Small parts one after another, spread over three receivers and two tools: never a cent lost or made.
async fn to_the_last_cent(host: &Host) {
    let shop = host.shop().await;
    host.fund("user:42", 33, "CNY").await;
    let more = json!({
        "splits": [{"receiver": "seller:a", "amount": 34}, {"receiver": "seller:b", "amount": 33}, {"receiver": "seller:c", "amount": 33}],
        "pay": {"tools": [balance(33), card(67)]},
    });
    let trade = shop.paid("escrow", 100, &more).await;
    let mut left = 100;
    for amount in [1, 7, 1, 13, 29, 1, 3] {
        let refund = refunded(&shop, &trade, amount, &json!({})).await;
        let sum = |list: &Vec<Value>, names: &[&str]| -> i64 {
            list.iter().flat_map(|one| names.iter().map(|name| one[*name].as_i64().unwrap())).sum()
        };
        assert_eq!(sum(list(&refund["parts"]), &["amount"]), amount, "{refund:#}");
        assert_eq!(sum(list(&refund["splits"]), &["before_release", "after_release"]), amount, "{refund:#}");
        left -= amount;
        if left == 78 {
            shop.confirm(&trade, &json!({"amount": 40})).await.ok(200);
        }
        assert_eq!(shop.trade(&trade).await["refundable_amount"], left);
    }
    shop.refund(&trade, left + 1, &json!({})).await.refused(422, "refund_exceeds_paid");
    refunded(&shop, &trade, left, &json!({})).await;
    shop.refund(&trade, 1, &json!({})).await.refused(422, "refund_exceeds_paid");
    let shown = shop.trade(&trade).await;
    assert_eq!((&shown["refunded_amount"], &shown["escrow_amount"]), (&json!(100), &json!(0)), "{shown:#}");
    assert_eq!(host.balance("user:42", "2001").await, (33, 33), "every tool has back what it gave");
    for seller in ["a", "b", "c"] {
        assert_eq!(shop.balance(&shop.seller(seller), "2003").await, (0, 0));
    }
    host.trial_balance("CNY").await.assert_is(&[
        ("1011.sandbox.in", 33 + 67),
        ("1011.sandbox.refund", 67),
        ("2001", 33),
    ]);
}

async fn over_tools_and_receivers(host: &Host) {
    let shop = host.shop().await;
    let cut = shop.coupon("user:42", 200).await;
    host.fund("user:42", 300, "CNY").await;
    let more = json!({
        "splits": [{"receiver": "seller:a", "amount": 600}, {"receiver": "seller:b", "amount": 400}],
        "pay": {"tools": [coupon(&cut, 200), balance(300), card(500)]},
    });
    let trade = shop.paid("instant", 1_000, &more).await;
    // Seller b alone gives back half of its part, over the tools by their weight.
    let refund = refunded(&shop, &trade, 200, &json!({"splits": [{"receiver": "seller:b", "amount": 200}]})).await;
    let parts: Vec<_> = list(&refund["parts"]).iter().map(|part| part["amount"].as_i64().unwrap()).collect();
    assert_eq!(parts, [40, 60, 100], "{refund:#}");
    assert_eq!(shop.balance(&shop.seller("b"), "2003").await, (200, 200));
    let too_much = json!({"splits": [{"receiver": "seller:b", "amount": 201}]});
    shop.refund(&trade, 201, &too_much).await.refused(422, "refund_exceeds_paid");
    refunded(&shop, &trade, 800, &json!({})).await;
    assert_eq!(host.balance("user:42", "2001").await, (300, 300));
    // A part of the coupon went back to where it came from before: it is not usable again, not even in part.
    assert_eq!(shop.get(&format!("/v1/coupons/{cut}")).await.ok(200)["status"], "spent");
    host.trial_balance("CNY").await.assert_is(&[
        ("1011.sandbox.in", 300 + 500),
        ("1011.sandbox.refund", 500),
        ("2001", 300),
    ]);

    // Refunded whole at once, a coupon is there again.
    let cut = shop.coupon("user:42", 200).await;
    let trade = shop.paid("escrow", 1_000, &json!({"pay": {"tools": [coupon(&cut, 200), card(800)]}})).await;
    refunded(&shop, &trade, 1_000, &json!({})).await;
    assert_eq!(shop.get(&format!("/v1/coupons/{cut}")).await.ok(200)["status"], "usable");
    shop.paid("escrow", 200, &json!({"pay": {"tools": [coupon(&cut, 200)]}})).await;
}

/// What a receiver has given back on one trade cannot be taken from it for another.
async fn of_a_receiver_who_spent_it(host: &Host) {
    let shop = host.shop().await;
    let first = shop.paid("instant", 100, &json!({})).await;
    let second = shop.paid("instant", 50, &json!({})).await;
    shop.refund(&first, 101, &json!({})).await.refused(422, "refund_exceeds_paid");
    refunded(&shop, &first, 100, &json!({})).await;
    assert_eq!(shop.balance(&shop.owner(), "2003").await, (50, 50));
    refunded(&shop, &second, 50, &json!({})).await;
    let unpaid = shop.unpaid("instant", 10, &json!({})).await;
    shop.refund(&unpaid, 10, &json!({})).await.refused(409, "invalid_state");
    let other = if first.ends_with('0') { '1' } else { '0' };
    let gone = format!("{}{other}", &first[..first.len() - 1]);
    assert_eq!(host.shop().await.refund(&first, 1, &json!({})).await.status, 404, "another merchant's");
    assert_eq!(shop.refund(&gone, 1, &json!({})).await.status, 404);
    host.trial_balance("CNY").await.assert_is(&[("1011.sandbox.in", 150), ("1011.sandbox.refund", 150)]);
}

async fn numbers_are_used_once(host: &Host) {
    let shop = host.shop().await;
    let trade = shop.paid("escrow", 100, &json!({})).await;
    let path = format!("/v1/trades/{trade}/refunds");
    let body = json!({"merchant_refund_id": "R1", "amount": 60});
    let first = shop.post(&path, &body).await.ok(201);
    let again = shop.post(&path, &body).await.ok(200);
    assert_eq!(again["id"], first["id"]);
    let other = json!({"merchant_refund_id": "R1", "amount": 40});
    let refusal = shop.post(&path, &other).await.refused(409, "refund_exists");
    assert_eq!(refusal["object"], first["id"], "{refusal:#}");
    // Unique within the trade only.
    let second = shop.paid("escrow", 100, &json!({})).await;
    shop.post(&format!("/v1/trades/{second}/refunds"), &body).await.ok(201);
    shop.refund_is(&id(&first), "succeeded").await;
    assert_eq!(shop.trade(&trade).await["refunded_amount"], 60);
}
