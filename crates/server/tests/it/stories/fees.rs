//! Fees of top-ups, transfers and payouts: a part of the amount that stays with the platform, and goes back with the rest.

use serde_json::{Value, json};

use super::rules::in_use;
use crate::host::Host;
use crate::shop::{Shop, card, id, list, order};

on_both!(of_every_type, through_a_kill);

const BOOK: &str = r#"
book = "fees"
about = "What money that moves costs."

[[rule]]
name = "payouts"
when = 'trade.order_type == "payout"'
fee = { bp = 100, min = 2, max = 50, currency = "CNY" }

[[rule]]
name = "topups"
when = 'trade.order_type == "topup"'
fee = { bp = 60 }

[[rule]]
name = "transfers"
fee = { fixed = 1, currency = "CNY" }
"#;

fn payout(word: &str) -> Value {
    json!({"payer": "user:42", "destination": {"type": "bank_account", "account": "6222", "name": "A Name", "sandbox": word}})
}

fn parts(trade: &Value) -> Vec<(&str, i64, i64, i64)> {
    let part = |split: &Value, field: &str| split[field].as_i64().unwrap();
    let splits = list(&trade["splits"]).iter();
    splits
        .map(|it| (it["receiver"].as_str().unwrap(), part(it, "amount"), part(it, "released"), part(it, "returned")))
        .collect()
}

async fn of_every_type(host: &Host) {
    let shop = host.shop().await;
    in_use(host, "fees", BOOK).await;

    // A top-up: said before, taken when it is paid, given back in proportion.
    let body = order("topup", 1_000, &json!({"payee": "user:42", "pay": {"tools": [card(1_000)]}}));
    let told = shop.post("/v1/trades/preview", &body).await.ok(200);
    assert_eq!(told["fee_amount"], 6, "{told:#}");
    let topup = id(&shop.post("/v1/trades", &body).await.ok(201));
    let trade = shop.trade_is(&topup, "completed").await;
    assert_eq!(trade["fee_amount"], 6, "{trade:#}");
    assert_eq!(parts(&trade), [("user:42", 994, 994, 0), ("platform", 6, 6, 0)]);
    host.trial_balance("CNY").await.assert_is(&[("1011.sandbox.in", 1_000), ("2001", 994), ("4001", 6)]);
    assert_eq!(shop.post("/v1/trades", &body).await.ok(200)["id"], topup.as_str(), "the same order is the same trade");
    let refund = shop.refund(&topup, 500, &json!({})).await.ok(201);
    shop.refund_is(&id(&refund), "succeeded").await;
    assert_eq!(parts(&shop.trade(&topup).await), [("user:42", 994, 994, 497), ("platform", 6, 6, 3)]);
    host.trial_balance("CNY").await.assert_is(&[
        ("1011.sandbox.in", 1_000),
        ("1011.sandbox.refund", 500),
        ("2001", 497),
        ("4001", 3),
    ]);

    // A transfer: the payee has the rest.
    let transfer = shop.open("transfer", 100, &json!({"payer": "user:42", "payee": "user:43"})).await.ok(201);
    assert_eq!(
        (&transfer["fee_amount"], parts(&transfer)),
        (&json!(1), vec![("user:43", 99, 99, 0), ("platform", 1, 1, 0)])
    );
    assert_eq!(host.balance("user:43", "2001").await, (99, 99));

    // A payout: the whole leaves the balance, the institution pays out the rest. Refused or returned, the fee is back, too.
    for (word, status, amount) in
        [("succeed", "completed", 200), ("payout_fail", "closed", 100), ("payout_returned", "completed", 100)]
    {
        let opened = shop.open("payout", amount, &payout(word)).await.ok(201);
        assert_eq!(opened["fee_amount"], 2);
        let chain = ended(&shop, &id(&opened), status, word == "payout_returned").await;
        assert_eq!(chain["channel_orders"][0]["amount"], amount - 2, "{chain:#}");
        assert_eq!(host.balance("user:42", "2001").await, (197, 197), "{word}");
        host.trial_balance("CNY").await.assert_is(&[
            ("1011.sandbox.in", 1_000),
            ("1011.sandbox.refund", 500),
            ("1011.sandbox.out", 198),
            ("2001", 197 + 99),
            ("4001", 6),
        ]);
    }

    // What a fee would leave nothing of is refused, and a rule that names no fee takes none.
    let little = shop.open("payout", 2, &payout("succeed")).await.refused(422, "amount_out_of_range");
    assert_eq!(little["param"], "amount");
    let sale = shop.paid("instant", 300, &json!({})).await;
    assert_eq!(shop.trade(&sale).await.get("fee_amount"), None);
}

async fn ended(shop: &Shop, trade: &str, status: &str, returned: bool) -> Value {
    let done = |chain: &Value| {
        chain["trade"]["status"] == status && (!returned || chain["refunds"][0]["status"] == "succeeded")
    };
    shop.wait_until(&format!("/v1/trades/{trade}/chain"), done).await
}

/// What was held before a kill is held after it, the fee included.
async fn through_a_kill(host: &Host) {
    let shop = host.shop().await;
    in_use(host, "fees", BOOK).await;
    host.fund("user:42", 1_000, "CNY").await;
    let opened = shop.open("payout", 500, &payout("payout_unknown")).await.ok(201);
    host.kill();
    host.restart();
    shop.trade_is(&id(&opened), "completed").await;
    host.trial_balance("CNY").await.assert_is(&[
        ("1011.sandbox.in", 1_000),
        ("1011.sandbox.out", 495),
        ("2001", 500),
        ("4001", 5),
    ]);
}
