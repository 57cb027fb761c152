//! Payments that end without success, and money that comes all the same.

use serde_json::{Value, json};

use crate::host::Host;
use crate::shop::{Shop, balance, card_that, coupon, id, list};

on_both!(
    canceled,
    canceled_at_once["sandbox.lifetime_s" = "2"],
    replaced_by_another_payment,
    sent_without_an_answer,
    closed_and_paid_late,
    closed_and_reopened["sandbox.lifetime_s" = "2"],
);

/// A payment of a trade of 100 that the institution has and nobody pays.
async fn waiting(shop: &Shop, word: &str, more: &Value) -> (String, String) {
    let trade = shop.unpaid("escrow", 100, more).await;
    let payment = id(&shop.pay(&trade, &json!([card_that(word, 100)])).await.ok(201));
    let path = format!("/v1/payments/{payment}");
    shop.wait_until(&path, |now| now["instructions"][0]["status"] == "pending").await;
    (trade, payment)
}

async fn canceled(host: &Host) {
    let shop = host.shop().await;
    let cut = shop.coupon("user:42", 40).await;
    let tools = json!({"pay": {"tools": [coupon(&cut, 40), card_that("never", 60)]}});
    let trade = shop.open("escrow", 100, &tools).await.ok(201);
    let payment = id(&trade["payment"]);
    // What is canceled before the institution has it is not over before the institution says so.
    shop.wait_until(&format!("/v1/payments/{payment}"), |now| now["instructions"][1]["status"] == "pending").await;
    let cancel = format!("/v1/payments/{payment}/cancel");
    shop.post(&cancel, &json!({})).await.ok(200);
    let over = shop.payment_is(&payment, "canceled").await;
    let legs: Vec<_> = list(&over["instructions"]).iter().map(|leg| leg["status"].as_str().unwrap()).collect();
    assert_eq!(legs, ["canceled", "canceled"]);
    assert_eq!(shop.get(&format!("/v1/coupons/{cut}")).await.ok(200)["status"], "usable");
    shop.post(&cancel, &json!({})).await.refused(409, "payment_not_cancelable");
    host.fund("user:42", 60, "CNY").await;
    let again = shop.pay(&id(&trade), &json!([coupon(&cut, 40), balance(60)])).await.ok(201);
    assert_eq!(again["status"], "succeeded", "{again:#}");
    shop.post(&format!("/v1/payments/{}/cancel", id(&again)), &json!({})).await.refused(409, "payment_not_cancelable");
    host.trial_balance("CNY").await.assert_is(&[("1011.sandbox.in", 60), ("2004", 100), ("5002", 40)]);
}

/// Nobody knows whether the institution will still hear of it: over when it surely cannot be paid any more.
async fn canceled_at_once(host: &Host) {
    let shop = host.shop().await;
    let trade = shop.unpaid("escrow", 100, &json!({})).await;
    let payment = id(&shop.pay(&trade, &json!([card_that("never", 100)])).await.ok(201));
    shop.post(&format!("/v1/payments/{payment}/cancel"), &json!({})).await.ok(200);
    shop.payment_is(&payment, "canceled").await;
    assert_eq!(shop.trade(&trade).await["status"], "created");
    host.trial_balance("CNY").await.assert_is(&[]);
}

/// The older one is canceled, its holds serve the newer one; it pays after all, and that goes back.
async fn replaced_by_another_payment(host: &Host) {
    let shop = host.shop().await;
    host.fund("user:42", 30, "CNY").await;
    let trade = shop.unpaid("escrow", 100, &json!({})).await;
    let older = id(&shop.pay(&trade, &json!([balance(30), card_that("late_success", 70)])).await.ok(201));
    shop.wait_until(&format!("/v1/payments/{older}"), |now| now["instructions"][1]["status"] == "pending").await;
    assert_eq!(host.balance("user:42", "2001").await, (30, 0), "all of it is held");
    let newer = id(&shop.pay(&trade, &json!([balance(30), card_that("succeed", 70)])).await.ok(201));
    shop.payment_is(&newer, "succeeded").await;
    shop.payment_is(&older, "canceled").await;
    let path = format!("/v1/payments/{older}");
    let late = shop.wait_until(&path, |now| now["instructions"][1]["status"] == "reversed").await;
    assert_eq!((&late["status"], &late["instructions"][1]["surplus"]), (&json!("canceled"), &json!(true)), "{late:#}");
    let chain = shop.chain(&trade).await;
    assert_eq!(chain["refunds"][0]["reason_code"], "duplicate", "{:#}", chain["refunds"]);
    assert_eq!(shop.trade(&trade).await["paid_amount"], 100);
    host.trial_balance("CNY").await.assert_is(&[
        ("1011.sandbox.in", 30 + 70 + 70),
        ("1011.sandbox.refund", 70),
        ("2004", 100),
    ]);
}

/// As long as nothing at all is known of a leg that was sent, there is no second payment.
async fn sent_without_an_answer(host: &Host) {
    let shop = host.shop().await;
    let trade = shop.unpaid("escrow", 100, &json!({})).await;
    let first = id(&shop.pay(&trade, &json!([card_that("timeout_paid", 100)])).await.ok(201));
    host.fund("user:42", 100, "CNY").await;
    shop.pay(&trade, &json!([balance(100)])).await.refused(409, "payment_in_progress");
    shop.payment_is(&first, "succeeded").await;
    host.trial_balance("CNY").await.assert_is(&[("1011.sandbox.in", 200), ("2001", 100), ("2004", 100)]);
}

async fn closed_and_paid_late(host: &Host) {
    let shop = host.shop().await;
    let (trade, payment) = waiting(&shop, "late_success", &json!({})).await;
    let closing = shop.post(&format!("/v1/trades/{trade}/close"), &json!({})).await.ok(200);
    assert!(closing["closing"] == true || closing["status"] == "closed", "{closing:#}");
    let closed = shop.trade_is(&trade, "closed").await;
    assert_eq!((&closed["closing"], &closed["closed_reason"]), (&json!(false), &json!("canceled")), "{closed:#}");
    let path = format!("/v1/payments/{payment}");
    let late = shop.wait_until(&path, |now| now["instructions"][0]["status"] == "reversed").await;
    assert_eq!(late["status"], "canceled", "terminal states stay: {late:#}");
    let chain = shop.chain(&trade).await;
    assert_eq!(chain["refunds"][0]["reason_code"], "late");
    assert_eq!(shop.trade(&trade).await["status"], "closed");
    host.trial_balance("CNY").await.assert_is(&[("1011.sandbox.in", 100), ("1011.sandbox.refund", 100)]);
}

/// Where the merchant wants late money, it makes the payment and the trade good again.
async fn closed_and_reopened(host: &Host) {
    let shop = host.shop().await;
    let reopen = json!({"late_success": "reopen"});
    let (trade, payment) = waiting(&shop, "late_success", &reopen).await;
    shop.post(&format!("/v1/trades/{trade}/close"), &json!({})).await.ok(200);
    shop.trade_is(&trade, "closed").await;
    let paid = shop.trade_is(&trade, "paid").await;
    assert_eq!((&paid["closed_reason"], &paid["paid_amount"]), (&Value::Null, &json!(100)), "{paid:#}");
    shop.payment_is(&payment, "succeeded").await;

    // A payment that expired by the institution's own time, of a trade that is still open.
    let (trade, payment) = waiting(&shop, "late_success", &reopen).await;
    shop.payment_is(&payment, "expired").await;
    shop.trade_is(&trade, "paid").await;
    shop.payment_is(&payment, "succeeded").await;
    host.trial_balance("CNY").await.assert_is(&[("1011.sandbox.in", 200), ("2004", 200)]);
}

/// A trade lives two minutes at least, and so does this test; the simulator plays the same in virtual time.
async fn expired(host: &Host) {
    let shop = host.shop().await;
    let at = jiff::Timestamp::now() + jiff::SignedDuration::from_secs(121);
    let more = json!({"expires_at": at.to_string(), "pay": {"tools": [card_that("never", 100)]}});
    let trade = id(&shop.open("escrow", 100, &more).await.ok(201));
    let left = at.as_millisecond() - jiff::Timestamp::now().as_millisecond();
    tokio::time::sleep(std::time::Duration::from_millis(u64::try_from(left).unwrap())).await;
    let closed = shop.trade_is(&trade, "closed").await;
    assert_eq!(closed["closed_reason"], "expired", "{closed:#}");
    shop.payment_is(&id(&closed["payment"]), "expired").await;
    host.trial_balance("CNY").await.assert_is(&[]);
}

#[test]
#[ignore = "takes two minutes"]
fn expired_on_sqlite() {
    crate::host::play(crate::store::Engine::Sqlite, &[], expired);
}

#[test]
#[ignore = "takes two minutes"]
fn expired_on_postgres() {
    crate::host::play(crate::store::Engine::Postgres, &[], expired);
}
