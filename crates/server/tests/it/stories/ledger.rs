//! What the books show: a trade's whole chain, an account's statement, a balance as it was.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::host::Host;
use crate::shop::{balance, card, coupon, id, list};

on_both!(the_chain_of_a_trade, an_account_and_its_statement["book.zone" = "UTC"], budgets_pay_for_coupons);

/// From the order to the ledger and the events, in one answer.
async fn the_chain_of_a_trade(host: &Host) {
    let shop = host.shop().await;
    let cut = shop.coupon("user:42", 100).await;
    let more = json!({"sub_type": "shop.checkout", "pay": {"tools": [coupon(&cut, 100), card(900)]}});
    let trade = shop.paid("escrow", 1_000, &more).await;
    shop.confirm(&trade, &json!({})).await.ok(200);
    let refund = shop.refund(&trade, 500, &json!({})).await.ok(201);
    shop.refund_is(&id(&refund), "succeeded").await;

    let chain = shop.chain(&trade).await;
    assert_eq!(chain["object"], "chain");
    assert_eq!(chain["trade"], shop.trade(&trade).await);
    let lengths: Vec<_> =
        ["payments", "refunds", "cases", "channel_orders"].map(|part| list(&chain[part]).len()).into();
    assert_eq!(lengths, [1, 1, 0, 2]);
    let purposes: Vec<_> = list(&chain["channel_orders"]).iter().map(|order| order["purpose"].clone()).collect();
    assert_eq!(purposes, ["pay", "refund"]);
    for order in list(&chain["channel_orders"]) {
        assert!(order["number"].as_str().unwrap().len() <= 32, "{order:#}");
        assert!(order["channel_no"].is_string() && !list(&order["evidence"]).is_empty(), "{order:#}");
    }
    let vouchers = list(&chain["vouchers"]);
    let templates: Vec<_> = vouchers.iter().map(|voucher| voucher["template"].as_str().unwrap()).collect();
    assert_eq!(templates, ["hold_tools", "pay", "confirm", "reserve_refund", "refund", "refund"], "{vouchers:#?}");
    for transfer in vouchers.iter().flat_map(|voucher| list(&voucher["transfers"])) {
        assert!(transfer["amount"].as_i64().unwrap() > 0 && transfer["currency"] == "CNY", "{transfer:#}");
    }
    let kinds: Vec<_> = list(&chain["events"]).iter().map(|event| event["type"].as_str().unwrap()).collect();
    for kind in [
        "trade.created",
        "payment.processing",
        "payment.succeeded",
        "trade.paid",
        "trade.completed",
        "refund.succeeded",
    ] {
        assert_eq!(kinds.iter().filter(|known| **known == kind).count(), 1, "{kind} in {kinds:?}");
    }
    for event in list(&chain["events"]) {
        assert_eq!(event["context"]["order_type"], "escrow", "{event:#}");
        assert_eq!(event["context"]["sub_type"], "shop.checkout", "{event:#}");
        assert_eq!(event["merchant_id"], shop.id, "{event:#}");
    }
    let other = host.shop().await;
    let hidden = other.get(&format!("/v1/trades/{trade}/chain")).await;
    hidden.refused(404, "not_found");
}

async fn an_account_and_its_statement(host: &Host) {
    let shop = host.shop().await;
    let mut moments = Vec::new();
    let pause = || tokio::time::sleep(std::time::Duration::from_millis(5));
    for amount in 1..=7 {
        host.fund("user:42", amount * 100, "CNY").await;
        pause().await;
        moments.push((Timestamp::now().to_string(), amount * (amount + 1) / 2 * 100));
        pause().await;
    }
    let trade = shop.unpaid("instant", 1_000, &json!({})).await;
    shop.pay(&trade, &json!([balance(1_000)])).await.ok(201);
    let account = host.account("user:42", "2001").await;
    assert_eq!(
        (&account["posted"], &account["available"], &account["held"], &account["currency"]),
        (&json!(1_800), &json!(1_800), &json!(0), &json!("CNY")),
        "{account:#}"
    );
    let path = format!("/v1/accounts/{}", id(&account));
    assert_eq!(host.get(&path).await.ok(200), account);
    for (at, posted) in moments {
        let then = host.get(&format!("{path}?at={at}")).await.ok(200);
        assert_eq!((&then["posted"], then["at"].is_string()), (&json!(posted), true), "at {at}: {then:#}");
    }
    // Newest first, each line with the balance after it, over pages of three.
    let lines = host.all(&format!("{path}/transfers"), 3).await;
    assert_eq!(lines.len(), 8);
    let amounts: Vec<_> = lines.iter().map(|line| line["amount"].as_i64().unwrap()).collect();
    assert_eq!(amounts, [1_000, 700, 600, 500, 400, 300, 200, 100]);
    assert_eq!((&lines[0]["side"], &lines[0]["trade_id"]), (&json!("debit"), &json!(trade)));
    let mut posted = 1_800;
    for line in &lines {
        assert_eq!(line["posted"], posted, "{line:#}");
        let amount = line["amount"].as_i64().unwrap();
        posted -= if line["side"] == "credit" { amount } else { -amount };
    }
    assert_eq!(posted, 0);
    shop.get(&path).await.refused(404, "not_found");
    shop.get("/v1/accounts?owner=user:42").await.refused(404, "not_found");
    let day = Timestamp::now().strftime("%Y-%m-%d").to_string();
    let today: Value = host.get(&format!("/v1/ledger/trial_balance?currency=CNY&date={day}")).await.ok(200);
    let before = host.get("/v1/ledger/trial_balance?currency=CNY&date=2020-01-01").await.ok(200);
    assert_eq!((&today["balanced"], &today["debit_total"]), (&json!(true), &json!(3_800)), "{today:#}");
    assert_eq!(list(&before["rows"]).len(), 0, "{before:#}");
}

async fn budgets_pay_for_coupons(host: &Host) {
    let shop = host.shop().await;
    host.fund(&shop.owner(), 1_000, "CNY").await;
    let money = |amount: i64| json!({"amount": amount, "currency": "CNY"});
    shop.post("/v1/coupons/budgets", &money(1_001)).await.refused(422, "insufficient_funds");
    shop.post("/v1/coupons/budgets", &money(900)).await.ok(201);
    let issue = |amount: i64| json!({"owner": "user:42", "amount": amount, "currency": "CNY"});
    shop.post("/v1/coupons", &issue(901)).await.refused(422, "budget_exhausted");
    let cut = id(&shop.post("/v1/coupons", &issue(600)).await.ok(201));
    shop.post("/v1/coupons", &issue(301)).await.refused(422, "budget_exhausted");
    shop.paid("instant", 1_000, &json!({"pay": {"tools": [coupon(&cut, 600), card(400)]}})).await;
    host.trial_balance("CNY").await.assert_is(&[
        ("1011.sandbox.in", 1_400),
        ("2002", 100),
        ("2003", 1_000),
        ("2032", 300),
    ]);
}
