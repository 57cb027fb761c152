//! What institutions do to a payment: every word of the sandbox, to its right end in the books.
//!
//! Orders live for two seconds there, so that what ends with their lifetime ends soon.

use serde_json::{Value, json};

use crate::host::Host;
use crate::shop::{Shop, card_that, id, list};

on_both!(every_outcome["sandbox.lifetime_s" = "2"], without_notifications["sandbox.notify" = "false"]);

/// One outcome: where the payment, the leg and the trade end, and what happened to the money.
struct Outcome {
    word: &'static str,
    payment: &'static str,
    leg: &'static str,
    trade: &'static str,
    /// What came, in multiples of the amount.
    received: i64,
    /// What went back.
    returned: i64,
}

const fn outcome(
    word: &'static str,
    [payment, leg, trade]: [&'static str; 3],
    received: i64,
    returned: i64,
) -> Outcome {
    Outcome { word, payment, leg, trade, received, returned }
}

const OUTCOMES: [Outcome; 11] = [
    outcome("succeed", ["succeeded", "succeeded", "paid"], 1, 0),
    outcome("succeed_later", ["succeeded", "succeeded", "paid"], 1, 0),
    outcome("decline", ["failed", "failed", "created"], 0, 0),
    outcome("timeout_paid", ["succeeded", "succeeded", "paid"], 1, 0),
    outcome("timeout_unpaid", ["failed", "failed", "created"], 0, 0),
    outcome("duplicate_notify", ["succeeded", "succeeded", "paid"], 1, 0),
    outcome("pay_twice", ["succeeded", "succeeded", "paid"], 2, 1),
    outcome("late_success", ["expired", "reversed", "created"], 1, 1),
    outcome("error_500", ["failed", "failed", "created"], 0, 0),
    outcome("garbage", ["succeeded", "succeeded", "paid"], 1, 0),
    outcome("never", ["expired", "canceled", "created"], 0, 0),
];

async fn every_outcome(host: &Host) {
    let shop = host.shop().await;
    let amount = |place: usize| 1_000 << place;
    let ends = OUTCOMES.iter().enumerate().map(|(place, outcome)| comes_to(&shop, outcome, amount(place)));
    let wrong = futures::future::join(wrong_amount(&shop), wrong_currency(&shop));
    futures::future::join(futures::future::join_all(ends), wrong).await;

    let sum = |part: fn(&Outcome) -> i64| {
        OUTCOMES.iter().enumerate().map(|(place, outcome)| amount(place) * part(outcome)).sum::<i64>()
    };
    let (received, returned) = (sum(|outcome| outcome.received), sum(|outcome| outcome.returned));
    host.trial_balance("CNY").await.assert_is(&[
        ("1011.sandbox.in", received + 76),
        ("1011.sandbox.refund", returned),
        ("2004", received - returned),
        ("2021", 76),
    ]);
    host.trial_balance("USD").await.assert_is(&[("1011.sandbox.in", 88), ("2021", 88)]);
}

/// Plays one outcome on a trade of its own.
async fn comes_to(shop: &Shop, outcome: &Outcome, amount: i64) {
    let word = outcome.word;
    let tools = json!({"pay": {"tools": [card_that(word, amount)]}});
    let trade = id(&shop.open("escrow", amount, &tools).await.ok(201));
    let is_over = |chain: &Value| {
        let payment = &list(&chain["payments"])[0];
        let leg = &payment["instructions"][0];
        let surplus_back = list(&chain["refunds"]).iter().all(|refund| refund["status"] == "succeeded");
        payment["status"] == outcome.payment
            && leg["status"] == outcome.leg
            && leg["received_amount"] == amount * outcome.received
            && leg["returned_amount"] == amount * outcome.returned
            && surplus_back
            && chain["trade"]["status"] == outcome.trade
    };
    let chain = shop.wait_until(&format!("/v1/trades/{trade}/chain"), is_over).await;
    assert_eq!(chain["cases"], json!([]), "{word}");
    // A leg that counted and was merely paid twice stays what it is.
    let surplus = outcome.leg == "reversed";
    assert_eq!(chain["payments"][0]["instructions"][0]["surplus"], surplus, "{word}: {:#}", chain["payments"]);
    let kinds: Vec<_> = list(&chain["events"]).iter().map(|event| event["type"].as_str().unwrap()).collect();
    let count = |kind: &str| kinds.iter().filter(|known| **known == kind).count();
    assert_eq!(count("trade.paid"), usize::from(outcome.trade == "paid"), "{word}: {kinds:?}");
    assert_eq!(count("payment.surplus"), usize::from(outcome.returned > 0), "{word}: {kinds:?}");
    let effects = list(&chain["vouchers"]).iter().filter(|voucher| voucher["template"] == "pay").count();
    assert_eq!(effects, usize::from(outcome.trade == "paid"), "{word}: {:#}", chain["vouchers"]);
    if let Some(refund) = list(&chain["refunds"]).first() {
        let reason = if outcome.trade == "paid" { "duplicate" } else { "late" };
        assert_eq!(refund["reason_code"], reason, "{word}");
    }
    assert_eq!(shop.trade(&trade).await["refunded_amount"], 0, "{word}: only what merchants refund counts");
}

async fn wrong_amount(shop: &Shop) {
    let tools = json!({"pay": {"tools": [card_that("wrong_amount", 77)]}});
    let trade = id(&shop.open("escrow", 77, &tools).await.ok(201));
    suspended(shop, &trade, json!(76), "CNY").await;
}

async fn wrong_currency(shop: &Shop) {
    let tools = json!({"pay": {"tools": [card_that("wrong_currency", 88)]}});
    let trade = id(&shop.open("escrow", 88, &tools).await.ok(201));
    suspended(shop, &trade, json!(88), "USD").await;
}

async fn suspended(shop: &Shop, trade: &str, amount: Value, currency: &str) {
    shop.open_case(trade, "amount_mismatch").await;
    let chain = shop.chain(trade).await;
    let (payment, case) = (&chain["payments"][0], &chain["cases"][0]);
    assert_eq!((&payment["status"], &chain["trade"]["status"]), (&json!("review"), &json!("created")), "{payment:#}");
    assert_eq!((&case["amount"], &case["currency"]), (&amount, &json!(currency)), "{case:#}");
}

/// An institution that never notifies is asked.
async fn without_notifications(host: &Host) {
    let shop = host.shop().await;
    let trade = shop.paid("escrow", 500, &json!({"pay": {"tools": [card_that("succeed_later", 500)]}})).await;
    let chain = shop.chain(&trade).await;
    let sources: Vec<_> =
        list(&chain["channel_orders"][0]["evidence"]).iter().map(|word| word["source"].clone()).collect();
    assert!(!sources.contains(&json!("notify")) && sources.contains(&json!("query")), "{sources:?}");
    host.trial_balance("CNY").await.assert_is(&[("1011.sandbox.in", 500), ("2004", 500)]);
}
