//! Payouts: from a balance to an account outside, by the institution's own word.

use serde_json::{Value, json};

use crate::host::Host;
use crate::shop::{Shop, balance, id, list, order, with};

on_both!(
    every_outcome,
    without_notifications["sandbox.notify" = "false"],
    of_a_merchant,
    short_of_balance,
    what_is_ordered_is_not_called_back,
    through_a_kill,
    in_their_shards["shards" = "4"],
    by_whom,
    that_are_refused,
);

const ACCOUNT: &str = "6222020200112233445";
const NAME: &str = "Zhang San";

fn to(word: &str) -> Value {
    json!({"type": "bank_account", "account": ACCOUNT, "name": NAME, "sandbox": word})
}

fn from_42(word: &str) -> Value {
    json!({"payer": "user:42", "destination": to(word)})
}

async fn pay_out(shop: &Shop, amount: i64, word: &str) -> Value {
    let trade = shop.open("payout", amount, &from_42(word)).await.ok(201);
    assert_eq!((&trade["status"], &trade["payment"]["status"]), (&json!("created"), &json!("processing")), "{trade:#}");
    trade
}

async fn kinds(host: &Host, of: &[&str]) -> Vec<String> {
    let events = host.get("/v1/events?limit=100").await.ok(200);
    let ours = list(&events["data"]).iter().filter(|event| of.iter().any(|id| event["data"]["id"] == json!(id)));
    ours.map(|event| event["type"].as_str().unwrap().to_owned()).collect()
}

async fn every_outcome(host: &Host) {
    let shop = host.shop().await;
    host.fund("user:42", 1_000, "CNY").await;

    // Held and ordered, then paid out: the whole answer, as the API's description fixes it.
    let opened = pay_out(&shop, 100, "succeed").await;
    let trade = shop.trade_is(&id(&opened), "completed").await;
    let expected = json!({
        "id": opened["id"], "object": "trade", "status": "completed", "closing": false, "type": "payout",
        "sub_type": "general", "merchant_id": shop.id, "merchant_order_id": opened["merchant_order_id"],
        "amount": 100, "currency": "CNY", "paid_amount": 100, "confirmed_amount": 100, "escrow_amount": 0,
        "refunded_amount": 0, "refundable_amount": 0, "payer": "user:42",
        "destination": {"type": "bank_account", "account": "****3445", "name": "Z**"},
        "splits": [{"receiver": "user:42", "amount": 100, "released": 100, "returned": 0, "returning": 0}],
        "late_success": "refund", "payment": trade["payment"], "created_at": trade["created_at"],
        "expires_at": trade["expires_at"], "sequence": 3,
    });
    assert_eq!(trade, expected, "{trade:#}");
    let leg = &trade["payment"]["instructions"][0];
    assert_eq!(
        (&leg["tool"], &leg["method"], &leg["status"]),
        (&json!("payout"), &json!("bank_account"), &json!("succeeded"))
    );
    assert_eq!(host.balance("user:42", "2001").await, (900, 900));

    // Refused: let go, once.
    let refused = pay_out(&shop, 200, "payout_fail").await;
    let closed = shop.trade_is(&id(&refused), "closed").await;
    assert_eq!(
        (&closed["closed_reason"], &closed["payment"]["failure"]["code"]),
        (&json!("failed"), &json!("declined"))
    );
    assert_eq!(host.balance("user:42", "2001").await, (900, 900));

    // The answer is lost: asked, not guessed.
    let unknown = pay_out(&shop, 300, "payout_unknown").await;
    assert_eq!(host.balance("user:42", "2001").await, (900, 600), "what is on its way is held");
    shop.trade_is(&id(&unknown), "completed").await;
    assert_eq!(host.balance("user:42", "2001").await, (600, 600));

    // Paid out, and back a second later: the trade stays completed, the money is there again, once.
    let back = pay_out(&shop, 50, "payout_returned").await;
    let returned = |chain: &Value| chain["refunds"][0]["status"] == "succeeded";
    let chain = shop.wait_until(&format!("/v1/trades/{}/chain", id(&back)), returned).await;
    assert_eq!((&chain["trade"]["status"], list(&chain["refunds"]).len()), (&json!("completed"), 1));
    let refund = &chain["refunds"][0];
    assert_eq!(
        (&refund["reason_code"], &refund["amount"], &refund["parts"][0]["way"]),
        (&json!("returned"), &json!(50), &json!("balance"))
    );
    assert_eq!(
        (&chain["trade"]["refunded_amount"], &chain["trade"]["payment"]["status"]),
        (&json!(0), &json!("succeeded"))
    );
    assert_eq!(host.balance("user:42", "2001").await, (600, 600));
    host.trial_balance("CNY").await.assert_is(&[("1011.sandbox.in", 1_000), ("1011.sandbox.out", 400), ("2001", 600)]);

    let told = kinds(host, &[&id(&opened), &id(&opened["payment"])]).await;
    assert_eq!(told, ["trade.created", "payout.processing", "payout.succeeded", "trade.paid", "trade.completed"]);
    let told = kinds(host, &[&id(&refused), &id(&refused["payment"])]).await;
    assert_eq!(told, ["trade.created", "payout.processing", "payout.failed", "trade.closed"]);
    let told = kinds(host, &[&id(&back["payment"]), &id(refund)]).await;
    assert_eq!(
        told,
        ["payout.processing", "payout.succeeded", "refund.created", "payout.returned", "refund.succeeded"]
    );
    assert_nothing_told(host, &chain).await;
}

/// Neither answers, events nor the log say where it went.
async fn assert_nothing_told(host: &Host, chain: &Value) {
    let events = host.get("/v1/events?limit=100").await.ok(200).to_string();
    let log = host.with_server(|server| server.log());
    for text in [&chain.to_string(), &events, &log] {
        assert!(!text.contains(ACCOUNT) && !text.contains(NAME), "{text}");
    }
}

/// Only a question can tell; what comes back is not told then, and is found when somebody asks for it.
async fn without_notifications(host: &Host) {
    let shop = host.shop().await;
    host.fund("user:42", 100, "CNY").await;
    let unknown = pay_out(&shop, 60, "payout_unknown").await;
    shop.trade_is(&id(&unknown), "completed").await;
    host.trial_balance("CNY").await.assert_is(&[("1011.sandbox.in", 100), ("1011.sandbox.out", 60), ("2001", 40)]);
}

async fn of_a_merchant(host: &Host) {
    let shop = host.shop().await;
    host.fund(&shop.owner(), 600, "CNY").await;
    let wallet = json!({"type": "wallet", "channel_account": "sandbox", "account": "shop@example", "name": "A shop"});
    let trade = shop.open("payout", 500, &json!({"payer": shop.owner(), "destination": wallet})).await.ok(201);
    assert_eq!(trade["destination"]["channel_account"], "sandbox");
    shop.trade_is(&id(&trade), "completed").await;
    let back = json!({"payer": shop.owner(), "destination": to("payout_returned")});
    let trade = shop.open("payout", 100, &back).await.ok(201);
    let returned = |chain: &Value| chain["refunds"][0]["status"] == "succeeded";
    shop.wait_until(&format!("/v1/trades/{}/chain", id(&trade)), returned).await;
    assert_eq!(shop.balance(&shop.owner(), "2002").await, (100, 100));
    host.trial_balance("CNY").await.assert_is(&[("1011.sandbox.in", 600), ("1011.sandbox.out", 500), ("2002", 100)]);
}

async fn short_of_balance(host: &Host) {
    let shop = host.shop().await;
    host.fund("user:42", 99, "CNY").await;
    let body = order("payout", 100, &from_42("succeed"));
    let trade = shop.post("/v1/trades", &body).await.ok(201);
    assert_eq!((&trade["status"], &trade["closed_reason"]), (&json!("closed"), &json!("failed")), "{trade:#}");
    assert_eq!(trade["payment"]["failure"]["code"], "insufficient_balance", "{trade:#}");
    assert_eq!(shop.chain(&id(&trade)).await["channel_orders"], json!([]), "nobody outside was asked");
    // What is held by one payout is not there for another, nor for a payment.
    let held = shop.open("payout", 90, &from_42("payout_unknown")).await.ok(201);
    let second = shop.open("payout", 10, &from_42("succeed")).await.ok(201);
    assert_eq!(second["payment"]["failure"]["code"], "insufficient_balance");
    let sale = shop.open("instant", 10, &json!({"pay": {"tools": [balance(10)]}})).await.ok(201);
    assert_eq!(sale["payment"]["failure"]["code"], "insufficient_balance");
    shop.trade_is(&id(&held), "completed").await;
    host.trial_balance("CNY").await.assert_is(&[("1011.sandbox.in", 99), ("1011.sandbox.out", 90), ("2001", 9)]);
}

async fn what_is_ordered_is_not_called_back(host: &Host) {
    let shop = host.shop().await;
    host.fund("user:42", 100, "CNY").await;
    let body = order("payout", 100, &from_42("payout_unknown"));
    let opened = shop.post("/v1/trades", &body).await.ok(201);
    let (trade, payment) = (id(&opened), id(&opened["payment"]));
    shop.post(&format!("/v1/trades/{trade}/close"), &json!({})).await.refused(409, "invalid_state");
    shop.post(&format!("/v1/payments/{payment}/cancel"), &json!({})).await.refused(409, "payment_not_cancelable");
    shop.pay(&trade, &json!([balance(100)])).await.refused(409, "trade_not_payable");
    assert_eq!(id(&shop.post("/v1/trades", &body).await.ok(200)), trade, "the same order");
    let other = with(to("payout_unknown"), &json!({"account": "6222020200112233446"}));
    let other = with(body, &json!({"destination": other}));
    shop.post("/v1/trades", &other).await.refused(409, "order_exists");
    shop.trade_is(&trade, "completed").await;
    shop.refund(&trade, 1, &json!({})).await.refused(422, "not_refundable");
    host.trial_balance("CNY").await.assert_is(&[("1011.sandbox.in", 100), ("1011.sandbox.out", 100)]);
}

/// The process dies with orders under way: each is paid out once.
async fn through_a_kill(host: &Host) {
    let shop = host.shop().await;
    host.fund("user:42", 100, "CNY").await;
    let mut trades = Vec::new();
    for word in ["succeed", "payout_unknown", "payout_returned", "payout_fail"] {
        trades.push(id(&pay_out(&shop, 10, word).await));
    }
    host.kill();
    host.restart();
    for (trade, status) in trades.iter().zip(["completed", "completed", "completed", "closed"]) {
        shop.trade_is(trade, status).await;
    }
    let returned = |chain: &Value| chain["refunds"][0]["status"] == "succeeded";
    shop.wait_until(&format!("/v1/trades/{}/chain", trades[2]), returned).await;
    host.trial_balance("CNY").await.assert_is(&[("1011.sandbox.in", 100), ("1011.sandbox.out", 20), ("2001", 80)]);
}

/// Every balance is paid out where it is kept.
async fn in_their_shards(host: &Host) {
    let shop = host.shop().await;
    let payers = ["user:1", "user:2", "user:3", "user:4", "user:5", &shop.owner()];
    for payer in payers {
        host.fund(payer, 10, "CNY").await;
        let trade = shop.open("payout", 7, &json!({"payer": payer, "destination": to("payout_unknown")})).await.ok(201);
        shop.trade_is(&id(&trade), "completed").await;
    }
    host.trial_balance("CNY").await.assert_is(&[
        ("1011.sandbox.in", 60),
        ("1011.sandbox.out", 42),
        ("2001", 15),
        ("2002", 3),
    ]);
}

async fn by_whom(host: &Host) {
    let (shop, other) = (host.shop().await, host.shop().await);
    let plain = host.with_key(&host.merchant_key(&shop.id, &["read", "write"]).await);
    for owner in ["user:42", &shop.owner(), &other.owner()] {
        host.fund(owner, 100, "CNY").await;
    }
    let from = |payer: &str| order("payout", 10, &json!({"payer": payer, "destination": to("succeed")}));
    let problem = plain.post("/v1/trades", &from("user:42")).await.refused(403, "payer_consent_required");
    assert_eq!(problem["param"], "payer");
    shop.trade_is(&id(&plain.post("/v1/trades", &from(&shop.owner())).await.ok(201)), "completed").await;
    shop.trade_is(&id(&shop.post("/v1/trades", &from("user:42")).await.ok(201)), "completed").await;
    let problem = shop.post("/v1/trades", &from(&other.owner())).await.refused(422, "payer_not_applicable");
    assert_eq!(problem["param"], "payer");
    let by_platform = with(from(&other.owner()), &json!({"merchant_id": other.id}));
    other.trade_is(&id(&host.post("/v1/trades", &by_platform).await.ok(201)), "completed").await;
    assert_eq!(other.balance(&other.owner(), "2002").await, (90, 90));
}

async fn that_are_refused(host: &Host) {
    let shop = host.shop().await;
    host.fund("user:42", 100, "CNY").await;
    let there = |more: Value| json!({"payer": "user:42", "destination": with(to("succeed"), &more)});
    let extra = |field: &str, value: Value| with(from_42("succeed"), &json!({field: value}));
    for (more, status, code, param) in [
        (json!({"destination": to("succeed")}), 400, "missing_field", "payer"),
        (json!({"payer": "user:42"}), 400, "missing_field", "destination"),
        (json!({"payer": "user:42", "destination": {}}), 400, "missing_field", "destination.type"),
        (json!({"payer": "seller:s1", "destination": to("succeed")}), 400, "invalid_id", "payer"),
        (there(json!({"type": "cash"})), 400, "invalid_value", "destination.type"),
        (there(json!({"account": ""})), 400, "invalid_text", "destination.account"),
        (there(json!({"account": "1 2"})), 400, "invalid_text", "destination.account"),
        (there(json!({"name": null})), 400, "missing_field", "destination.name"),
        (there(json!({"sandbox": "refund_fail"})), 400, "invalid_value", "destination.sandbox"),
        (there(json!({"iban": "x"})), 400, "unknown_field", "destination.iban"),
        (there(json!({"channel_account": "nobody"})), 422, "method_not_supported", "destination.channel_account"),
        (extra("payee", json!("user:43")), 422, "field_not_applicable", "payee"),
        (extra("pay", json!({})), 422, "field_not_applicable", "pay"),
        (extra("expires_at", json!("2099-01-01T00:00:00Z")), 422, "field_not_applicable", "expires_at"),
    ] {
        let problem = shop.open("payout", 10, &more).await.refused(status, code);
        assert_eq!(problem["param"], param, "{problem:#}");
        assert!(!problem.to_string().contains(ACCOUNT), "{problem:#}");
    }
    let sale =
        shop.open("instant", 10, &json!({"destination": to("succeed")})).await.refused(422, "field_not_applicable");
    assert_eq!(sale["param"], "destination");
    host.trial_balance("CNY").await.assert_is(&[("1011.sandbox.in", 100), ("2001", 100)]);
}
