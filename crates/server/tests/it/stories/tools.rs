//! Payments by several tools.

use serde_json::{Value, json};

use crate::host::Host;
use crate::shop::{balance, card, card_that, coupon, id, list, with};

on_both!(
    coupon_and_card,
    all_kinds_at_once,
    cards_one_after_another,
    a_later_card_declines,
    what_may_not_be_combined,
    coupons_on_terms,
);

fn statuses(payment: &Value) -> Vec<&str> {
    list(&payment["instructions"]).iter().map(|leg| leg["status"].as_str().unwrap()).collect()
}

async fn coupon_and_card(host: &Host) {
    let shop = host.shop().await;
    let cut = shop.coupon("user:42", 1_000).await;
    host.trial_balance("CNY").await.assert_is(&[("2031", 1_000), ("5002", 1_000)]);
    let tools = json!({"pay": {"tools": [coupon(&cut, 1_000), card_that("succeed_later", 13_490)]}});
    let trade = shop.open("escrow", 14_490, &tools).await.ok(201);
    let payment = id(&trade["payment"]);
    let waits = shop.wait_until(&format!("/v1/payments/{payment}"), |now| statuses(now)[1] == "pending").await;
    assert_eq!((waits["status"].as_str(), statuses(&waits)), (Some("processing"), vec!["held", "pending"]));
    assert_eq!(shop.get(&format!("/v1/coupons/{cut}")).await.ok(200)["status"], "held");
    let paid = shop.payment_is(&payment, "succeeded").await;
    assert_eq!(statuses(&paid), ["succeeded", "succeeded"]);
    assert_eq!(shop.get(&format!("/v1/coupons/{cut}")).await.ok(200)["status"], "spent");
    host.trial_balance("CNY").await.assert_is(&[("1011.sandbox.in", 13_490), ("2004", 14_490), ("5002", 1_000)]);
}

/// `?wait=` tells the change, so nobody has to ask again and again.
async fn all_kinds_at_once(host: &Host) {
    let shop = host.shop().await;
    let cut = shop.coupon("user:42", 300).await;
    host.fund("user:42", 500, "CNY").await;
    let qr = json!({"tool": "channel", "method": "alipay.qr", "amount": 200});
    let trade = shop.unpaid("escrow", 1_000, &json!({})).await;
    let payment = id(&shop.pay(&trade, &json!([qr, balance(500), coupon(&cut, 300)])).await.ok(201));
    let path = format!("/v1/payments/{payment}?wait=20");
    let mut seen = Vec::new();
    loop {
        let now = shop.get(&path).await.ok(200);
        let shown =
            (now["status"].as_str().unwrap().to_owned(), now["next_action"]["type"].as_str().map(str::to_owned));
        let done = shown.0 == "succeeded";
        seen.push(shown);
        if done {
            break;
        }
        assert!(seen.len() < 20, "{seen:?}");
    }
    let shown = |status: &str, action: Option<&str>| (status.to_owned(), action.map(str::to_owned));
    assert!(seen.contains(&shown("requires_action", Some("qr_code"))), "{seen:?}");
    assert_eq!(seen.last(), Some(&shown("succeeded", None)));
    host.trial_balance("CNY").await.assert_is(&[("1011.sandbox.in", 700), ("2004", 1_000), ("5002", 300)]);
}

async fn cards_one_after_another(host: &Host) {
    let shop = host.shop().await;
    let tools: Vec<_> =
        (1..=6).map(|place| card_that(if place % 2 == 0 { "succeed_later" } else { "succeed" }, place)).collect();
    let trade = shop.open("instant", 21, &json!({"pay": {"tools": tools}})).await.ok(201);
    let path = format!("/v1/payments/{}", id(&trade["payment"]));
    // The second waits while the first is there: received, not yet effective; the third was not sent.
    let middle = shop.wait_until(&path, |now| statuses(now)[1] == "pending").await;
    assert_eq!(statuses(&middle), ["succeeded", "pending", "created", "created", "created", "created"]);
    host.trial_balance("CNY").await.assert_is(&[("1011.sandbox.in", 1), ("2022", 1)]);
    shop.wait_for(&path, "succeeded").await;
    host.trial_balance("CNY").await.assert_is(&[("1011.sandbox.in", 21), ("2003", 21)]);
    let orders = shop.chain(&id(&trade)).await["channel_orders"].clone();
    assert_eq!(list(&orders).iter().filter(|order| order["status"] == "paid").count(), 6, "{orders:#}");
}

/// What was charged goes back, what was held is let go, the trade stays payable.
async fn a_later_card_declines(host: &Host) {
    let shop = host.shop().await;
    let cut = shop.coupon("user:42", 100).await;
    host.fund("user:42", 100, "CNY").await;
    let tools = json!([coupon(&cut, 100), balance(100), card(300), card_that("decline", 500)]);
    let trade = shop.open("escrow", 1_000, &json!({"pay": {"tools": tools}})).await.ok(201);
    let failed = shop.payment_is(&id(&trade["payment"]), "failed").await;
    assert_eq!(failed["failure"]["code"], "declined", "{failed:#}");
    let path = format!("/v1/payments/{}", id(&failed));
    let over = shop.wait_until(&path, |now| statuses(now)[2] == "reversed").await;
    assert_eq!(statuses(&over), ["canceled", "canceled", "reversed", "failed"]);
    assert_eq!(host.balance("user:42", "2001").await, (100, 100));
    assert_eq!(shop.get(&format!("/v1/coupons/{cut}")).await.ok(200)["status"], "usable");
    let chain = shop.chain(&id(&trade)).await;
    let refund = &list(&chain["refunds"])[0];
    assert_eq!(
        (&refund["reason_code"], &refund["status"]),
        (&json!("compensation"), &json!("succeeded")),
        "{refund:#}"
    );
    assert_eq!(shop.trade(&id(&trade)).await["refunded_amount"], 0, "merchants' refunds only");

    let again = json!([coupon(&cut, 100), balance(100), card(800)]);
    let payment = shop.pay(&id(&trade), &again).await.ok(201);
    shop.payment_is(&id(&payment), "succeeded").await;
    host.trial_balance("CNY").await.assert_is(&[
        ("1011.sandbox.in", 100 + 300 + 800),
        ("1011.sandbox.refund", 300),
        ("2004", 1_000),
        ("5002", 100),
    ]);
}

async fn what_may_not_be_combined(host: &Host) {
    let shop = host.shop().await;
    let other = host.shop().await;
    let of_other = other.coupon("user:42", 100).await;
    let of_user = shop.coupon("user:43", 100).await;
    let cut = shop.coupon("user:42", 100).await;
    let pay = |tools: Value| json!({"pay": {"tools": tools}});
    for foreign in [of_other, of_user] {
        let tools = pay(json!([coupon(&foreign, 100), card(900)]));
        shop.open("escrow", 1_000, &tools).await.refused(422, "coupon_not_applicable");
    }
    let twice = pay(json!([coupon(&cut, 100), coupon(&cut, 100), card(800)]));
    let refusal = shop.open("escrow", 1_000, &twice).await;
    assert_eq!(refusal.status, 422, "{}", refusal.text());
    let short = pay(json!([card(999)]));
    shop.open("escrow", 1_000, &short).await.refused(422, "amount_sum_mismatch");
    let unknown = pay(json!([with(card(1_000), &json!({"method": "shells"}))]));
    shop.open("escrow", 1_000, &unknown).await.refused(422, "method_not_supported");
    let many = pay((0..65).map(|_| card(1)).collect());
    let refusal = shop.open("escrow", 65, &many).await;
    assert!((400..=422).contains(&refusal.status), "{}", refusal.text());
    assert_eq!(shop.all("/v1/trades", 10).await.len(), 0, "none of them left a trade");
    let most = pay((0..64).map(|_| card(1)).collect());
    let trade = shop.open("escrow", 64, &most).await.ok(201);
    shop.trade_is(&id(&trade), "paid").await;
}

/// A fifth off, at most 300, from 1,000 on, in the shop only, beside no other coupon.
async fn coupons_on_terms(host: &Host) {
    let shop = host.shop().await;
    let other = shop.coupon("user:42", 100).await;
    let issue = async |more: &Value| {
        let body = json!({"merchant_id": shop.id, "amount": 300, "currency": "CNY", "owner": "user:42"});
        host.post("/v1/coupons", &with(body, more)).await
    };
    let terms = json!({"min_spend": 1_000, "percent": 20, "sub_type": "shop.*", "stackable": false});
    let made = issue(&terms).await.ok(201);
    for (name, value) in terms.as_object().unwrap() {
        assert_eq!(&made[name], value, "{made:#}");
    }
    let cut = id(&made);
    let in_shop = |tools: Value| json!({"sub_type": "shop.web", "pay": {"tools": tools}});
    for (amount, more, why) in [
        (999, in_shop(json!([coupon(&cut, 199), card(800)])), "smaller than the coupon asks for"),
        (1_000, in_shop(json!([coupon(&cut, 201), card(799)])), "larger than the coupon's share"),
        (1_000, json!({"pay": {"tools": [coupon(&cut, 200), card(800)]}}), "another scene"),
        (1_000, in_shop(json!([coupon(&cut, 200), coupon(&other, 100), card(700)])), "not combined with other coupons"),
    ] {
        let problem = shop.open("instant", amount, &more).await.refused(422, "coupon_not_applicable");
        assert!(problem["detail"].as_str().unwrap().contains(why), "{problem:#}");
        assert_eq!(problem["param"], "pay.tools[0].coupon", "{problem:#}");
    }
    let early = json!({"usable_from": (jiff::Timestamp::now() + jiff::SignedDuration::from_hours(1)).to_string()});
    let early = id(&issue(&early).await.ok(201));
    let tools = json!({"pay": {"tools": [coupon(&early, 300)]}});
    let problem = shop.open("instant", 300, &tools).await.refused(422, "coupon_not_applicable");
    assert!(problem["detail"].as_str().unwrap().contains("cannot be used yet"), "{problem:#}");
    for (more, status, code, param) in [
        (json!({"percent": 101}), 400, "invalid_value", "percent"),
        (json!({"percent": 0}), 400, "invalid_value", "percent"),
        (json!({"min_spend": 0}), 422, "amount_not_positive", "min_spend"),
        (json!({"sub_type": "Shop"}), 400, "invalid_value", "sub_type"),
        (
            json!({"usable_from": "2100-01-02T00:00:00Z", "expires_at": "2100-01-01T00:00:00Z"}),
            422,
            "expires_at_invalid",
            "usable_from",
        ),
    ] {
        assert_eq!(issue(&more).await.refused(status, code)["param"], param, "{more}");
    }
    // What it does not pay of its face goes back to where it came from.
    let tools = in_shop(json!([coupon(&cut, 200), card(800)]));
    let trade = shop.open("instant", 1_000, &tools).await.ok(201);
    shop.trade_is(&id(&trade), "completed").await;
    host.trial_balance("CNY").await.assert_is(&[
        ("1011.sandbox.in", 800),
        ("2003", 1_000),
        ("2031", 100 + 300),
        ("5002", 100 + 300 + 200),
    ]);
}
