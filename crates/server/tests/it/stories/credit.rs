//! Credit lines: paid now, owed until it is repaid.

use futures::future::join_all;
use serde_json::{Value, json};

use crate::host::Host;
use crate::shop::{Shop, card_that, id, list};

on_both!(
    credit_is_drawn_given_back_and_repaid,
    what_a_line_does_not_do,
    who_lends,
    who_repays,
    what_comes_beyond_the_debt_is_kept,
    the_last_of_a_limit_pays_once,
);

fn credit(amount: i64) -> Value {
    json!({"tool": "credit", "amount": amount})
}

async fn line(host: &Host, limit: i64) -> String {
    let body = json!({"owner": "user:42", "currency": "CNY", "limit": limit});
    format!("/v1/credit_lines/{}", id(&host.post("/v1/credit_lines", &body).await.ok(201)))
}

async fn pays(shop: &Shop, kind: &str, tools: &[Value]) -> Value {
    let amount = tools.iter().map(|tool| tool["amount"].as_i64().unwrap()).sum();
    shop.open(kind, amount, &json!({"pay": {"tools": tools}})).await.ok(201)
}

fn balance(amount: i64) -> Value {
    json!({"tool": "balance", "amount": amount})
}

/// The user repays by these tools.
async fn repays(shop: &Shop, tools: &[Value]) -> Value {
    let amount: i64 = tools.iter().map(|tool| tool["amount"].as_i64().unwrap()).sum();
    let body = json!({"payer": "user:42", "pay": {"tools": tools}});
    shop.post("/v1/trades", &crate::shop::order("repayment", amount, &body)).await.ok(201)
}

/// What is owed, held, and can still be paid.
async fn stands(host: &Host, path: &str) -> (i64, i64, i64) {
    let line = host.get(path).await.ok(200);
    let minor = |name: &str| line[name].as_i64().unwrap();
    (minor("owed_amount"), minor("held_amount"), minor("available_amount"))
}

async fn credit_is_drawn_given_back_and_repaid(host: &Host) {
    let shop = host.shop().await;
    let path = line(host, 1_000).await;
    let offered = shop.unpaid("escrow", 1_200, &json!({})).await;
    let offer = shop.get(&format!("/v1/trades/{offered}/offer")).await.ok(200);
    let choice = list(&offer["tools"]).iter().find(|tool| tool["tool"] == "credit").unwrap();
    assert_eq!((&choice["available"], &choice["usable"]), (&json!(1_000), &json!(true)), "{offer:#}");

    // Held beside a card, owed when the card has paid.
    let payment = id(&shop.pay(&offered, &json!([credit(700), card_that("succeed_later", 500)])).await.ok(201));
    assert_eq!(stands(host, &path).await, (0, 700, 300));
    shop.payment_is(&payment, "succeeded").await;
    assert_eq!(stands(host, &path).await, (700, 0, 300));
    host.trial_balance("CNY").await.assert_is(&[("1011.sandbox.in", 500), ("1061", 700), ("2004", 1_200)]);
    let beyond = pays(&shop, "instant", &[credit(301)]).await;
    assert_eq!(beyond["payment"]["failure"]["code"], "credit_exceeded", "{beyond:#}");

    // Repaid out of the balance, and never more than is owed.
    assert_eq!(repays(&shop, &[balance(400)]).await["payment"]["failure"]["code"], "insufficient_balance");
    host.fund("user:42", 1_000, "CNY").await;
    let repaid = repays(&shop, &[balance(400)]).await;
    assert_eq!((&repaid["status"], &repaid["payer"]), (&json!("completed"), &json!("user:42")), "{repaid:#}");
    assert_eq!(stands(host, &path).await, (300, 0, 700));
    let beyond = repays(&shop, &[balance(301)]).await;
    assert_eq!(beyond["payment"]["failure"]["code"], "repayment_exceeds_owed", "{beyond:#}");
    shop.refund(&id(&repaid), 100, &json!({})).await.refused(422, "not_refundable");

    // A refund goes to the debt first; what exceeds it is the user's balance, in the same voucher.
    let refund = id(&shop.refund(&offered, 600, &json!({})).await.ok(201));
    let refund = shop.refund_is(&refund, "succeeded").await;
    let ways: Vec<_> = list(&refund["parts"]).iter().map(|part| (&part["way"], &part["amount"])).collect();
    assert_eq!(ways, [(&json!("credit"), &json!(350)), (&json!("channel"), &json!(250))]);
    assert_eq!(stands(host, &path).await, (0, 0, 1_000));
    assert_eq!(host.balance("user:42", "2001").await, (650, 650));
    let chain = shop.chain(&offered).await.to_string();
    assert!(chain.contains("1061"), "{chain}");
}

async fn what_a_line_does_not_do(host: &Host) {
    let shop = host.shop().await;
    let none = crate::shop::order("instant", 100, &json!({"pay": {"tools": [credit(100)]}}));
    let refused = shop.post("/v1/trades", &none).await.refused(422, "tool_not_applicable");
    assert_eq!(refused["detail"], "the payer has no credit line in this currency");
    let path = line(host, 500).await;
    let yen = json!({"currency": "JPY", "pay": {"tools": [credit(100)]}});
    shop.post("/v1/trades", &crate::shop::order("instant", 100, &yen)).await.refused(422, "tool_not_applicable");
    let key = host.merchant_key(&shop.id, &["read", "write"]).await;
    shop.with_key(&key).post("/v1/trades", &none).await.refused(403, "payer_consent_required");

    let frozen = host.post(&format!("{path}/freeze"), &json!({})).await.ok(200);
    assert_eq!((&frozen["status"], &frozen["available_amount"]), (&json!("frozen"), &json!(0)));
    let failed = pays(&shop, "instant", &[credit(100)]).await;
    assert_eq!(failed["payment"]["failure"]["code"], "credit_frozen", "{failed:#}");
    host.post(&format!("{path}/unfreeze"), &json!({})).await.ok(200);
    assert_eq!(pays(&shop, "instant", &[credit(400)]).await["status"], "completed");
    // A lower limit than is owed stops new payments, and nothing else.
    let lower = host.post(&format!("{path}/limit"), &json!({"limit": 300})).await.ok(200);
    assert_eq!((&lower["owed_amount"], &lower["available_amount"]), (&json!(400), &json!(0)));
    let failed = pays(&shop, "instant", &[credit(1)]).await;
    assert_eq!(failed["payment"]["failure"]["code"], "credit_exceeded", "{failed:#}");
    host.fund("user:42", 150, "CNY").await;
    assert_eq!(repays(&shop, &[balance(150)]).await["status"], "completed");
    assert_eq!(stands(host, &path).await, (250, 0, 50));
    host.post(&format!("{path}/limit"), &json!({"limit": 1_000})).await.ok(200);
    assert_eq!(pays(&shop, "instant", &[credit(750)]).await["status"], "completed");
}

async fn who_lends(host: &Host) {
    let shop = host.shop().await;
    let body = |owner: &str| json!({"owner": owner, "currency": "CNY", "limit": 500});
    host.post("/v1/credit_lines", &body(&shop.owner())).await.refused(400, "invalid_value");
    for (limit, code) in [
        (json!(0), "amount_not_positive"),
        (json!(-1), "amount_not_positive"),
        (json!(1_000_000_000_000_001_i64), "amount_out_of_range"),
    ] {
        let body = json!({"owner": "user:42", "currency": "CNY", "limit": limit});
        assert_eq!(host.post("/v1/credit_lines", &body).await.json()["code"], code);
    }
    for (terms, field, code) in [
        (json!({"bill_day": 0, "due_days": 5}), "bill_day", "invalid_value"),
        (json!({"bill_day": 29, "due_days": 5}), "bill_day", "invalid_value"),
        (json!({"bill_day": -1, "due_days": 5}), "bill_day", "invalid_value"),
        (json!({"bill_day": 257, "due_days": 5}), "bill_day", "invalid_value"),
        (json!({"bill_day": "5", "due_days": 5}), "bill_day", "invalid_type"),
        (json!({"bill_day": 5, "due_days": 0}), "due_days", "invalid_value"),
        (json!({"bill_day": 5, "due_days": 61}), "due_days", "invalid_value"),
        (json!({"bill_day": 5}), "due_days", "missing_field"),
        (json!({"due_days": 5}), "bill_day", "missing_field"),
    ] {
        let mut body = body("user:42");
        body.as_object_mut().unwrap().extend(terms.as_object().unwrap().clone());
        let refused = host.post("/v1/credit_lines", &body).await.json();
        assert_eq!((&refused["code"], &refused["param"]), (&json!(code), &json!(field)), "{terms}");
    }
    let made = host.post("/v1/credit_lines", &body("user:42")).await.ok(201);
    let bad =
        host.post(&format!("/v1/credit_lines/{}/terms", id(&made)), &json!({"bill_day": 29, "due_days": 5})).await;
    bad.refused(400, "invalid_value");
    host.post("/v1/credit_lines", &body("user:42")).await.refused(409, "credit_line_exists");
    let found = host.get("/v1/credit_lines?owner=user:42&currency=CNY").await.ok(200);
    assert_eq!(list(&found["data"]), &vec![made.clone()]);
    let none = host.get("/v1/credit_lines?owner=user:43&currency=CNY").await.ok(200);
    assert_eq!(list(&none["data"]).len(), 0);
    let path = format!("/v1/credit_lines/{}", id(&made));
    shop.post("/v1/credit_lines", &body("user:42")).await.refused(403, "scope_required");
    shop.get(&path).await.refused(403, "scope_required");
    for (way, body) in [
        ("limit", json!({"limit": 9})),
        ("freeze", json!({})),
        ("unfreeze", json!({})),
        ("terms", json!({"bill_day": 1, "due_days": 1})),
    ] {
        shop.post(&format!("{path}/{way}"), &body).await.refused(403, "scope_required");
    }
    assert_eq!(host.get(&path).await.ok(200), made);
}

async fn the_last_of_a_limit_pays_once(host: &Host) {
    let shop = host.shop().await;
    let path = line(host, 300).await;
    let tools = [credit(100)];
    let trades = join_all((0..8).map(|_| pays(&shop, "instant", &tools))).await;
    let paid = trades.iter().filter(|trade| trade["status"] == "completed").count();
    let failed = trades.iter().filter(|trade| trade["payment"]["failure"]["code"] == "credit_exceeded").count();
    assert_eq!((paid, failed), (3, 5));
    assert_eq!(stands(host, &path).await, (300, 0, 0));
}

async fn who_repays(host: &Host) {
    let shop = host.shop().await;
    let order = |body: &Value| crate::shop::order("repayment", 100, body);
    for (body, status, code, field) in [
        (json!({"payer": "user:43"}), 422, "payer_not_applicable", "payer"),
        (json!({"payer": shop.owner()}), 422, "payer_not_applicable", "payer"),
        (json!({"payer": "platform"}), 400, "invalid_id", "payer"),
        (json!({}), 400, "missing_field", "payer"),
        (json!({"payer": "user:42", "payee": "user:42"}), 422, "field_not_applicable", "payee"),
        (json!({"payer": "user:42", "splits": []}), 422, "field_not_applicable", "splits"),
    ] {
        let refused = shop.post("/v1/trades", &order(&body)).await.refused(status, code);
        assert_eq!(refused["param"], field, "{body}");
    }
    line(host, 500).await;
    let by = |tool: Value| order(&json!({"payer": "user:42", "pay": {"tools": [tool]}}));
    shop.post("/v1/trades", &by(credit(100))).await.refused(422, "tool_not_applicable");
    let key = host.merchant_key(&shop.id, &["read", "write"]).await;
    let without = shop.with_key(&key);
    without.post("/v1/trades", &by(balance(100))).await.refused(403, "payer_consent_required");
    without.post("/v1/trades", &by(card_that("succeed", 100))).await.ok(201);
}

/// Two repayments of the same debt, and a refund of what was bought: nothing is lost, and nobody owes less than nothing.
async fn what_comes_beyond_the_debt_is_kept(host: &Host) {
    let shop = host.shop().await;
    let path = line(host, 1_000).await;
    let bought = id(&pays(&shop, "instant", &[credit(500)]).await);
    let (tools, nothing) = ([card_that("succeed_later", 400)], json!({}));
    let (one, other, refund) =
        futures::join!(repays(&shop, &tools), repays(&shop, &tools), shop.refund(&bought, 200, &nothing));
    refund.ok(201);
    for trade in [&one, &other] {
        shop.trade_is(&id(trade), "completed").await;
    }
    assert_eq!(stands(host, &path).await, (0, 0, 1_000));
    assert_eq!(host.balance("user:42", "2001").await, (500, 500));
    host.trial_balance("CNY").await.assert_is(&[("1011.sandbox.in", 800), ("2001", 500), ("2003", 300)]);
}
