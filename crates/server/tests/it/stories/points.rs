//! Points: given, taken back, paid with at what the rules say they are worth, and given back.

use futures::future::join_all;
use serde_json::{Value, json};

use super::rules::in_use;
use crate::host::Host;
use crate::shop::{Shop, balance, card_that, id, list};

on_both!(
    points_pay_and_come_back,
    a_merchants_budget_pays_for_points,
    points_that_no_rule_values_pay_nothing,
    points_are_given_and_taken_back,
    what_is_no_grant,
    the_last_points_pay_once,
);

/// A hundred points pay one yuan in every scene that begins with `points.`.
const BOOK: &str = "book = \"points\"\nabout = \"A hundred points pay one yuan.\"\nsub_type = \"points.*\"\n\
    [[rule]]\nname = \"members\"\nwhen = 'trade.sub_type == \"points.members\"'\n\
    points = { currency = \"CNY\", points = 3, amount = 1, budget = true }\n\
    [[rule]]\nname = \"everybody\"\npoints = { currency = \"CNY\", points = 100, amount = 100 }\n";

fn points(amount: i64) -> Value {
    json!({"tool": "points", "amount": amount})
}

async fn grant(host: &Host, points: i64) -> String {
    id(&host.post("/v1/points", &json!({"owner": "user:42", "points": points})).await.ok(201))
}

/// What the user has, and what of it is available.
async fn has(host: &Host) -> (i64, i64) {
    host.balance("user:42", "2034").await
}

async fn pays(shop: &Shop, scene: &str, kind: &str, tools: &[Value]) -> Value {
    let amount = tools.iter().map(|tool| tool["amount"].as_i64().unwrap()).sum();
    shop.open(kind, amount, &json!({"sub_type": scene, "pay": {"tools": tools}})).await.ok(201)
}

fn parts(refund: &Value) -> Vec<(&str, i64, Option<i64>)> {
    let part = |part: &'_ Value| (part["amount"].as_i64().unwrap(), part["points"].as_i64());
    list(&refund["parts"]).iter().map(|it| (it["way"].as_str().unwrap(), part(it).0, part(it).1)).collect()
}

async fn points_pay_and_come_back(host: &Host) {
    let shop = host.shop().await;
    in_use(host, "points", BOOK).await;
    grant(host, 500).await;
    host.trial_balance("PTS").await.assert_is(&[("2034", 500), ("5003", 500)]);
    let accounts = host.account("user:42", "2034").await;
    assert_eq!(accounts["currency"], "PTS");

    // What may pay says what points are worth and how many it takes.
    let trade = shop.unpaid("escrow", 1_000, &json!({"sub_type": "points.all"})).await;
    let offer = shop.get(&format!("/v1/trades/{trade}/offer")).await.ok(200);
    let choice = list(&offer["tools"]).iter().find(|tool| tool["tool"] == "points").unwrap();
    let told = (&choice["amount"], &choice["points"], &choice["available"], &choice["usable"]);
    assert_eq!(told, (&json!(500), &json!(500), &json!(500), &json!(true)), "{offer:#}");
    assert!(list(&offer["suggestion"]).iter().any(|tool| tool["tool"] == "points"), "{offer:#}");

    // Held beside a card, redeemed when the card has paid.
    let payment = id(&shop.pay(&trade, &json!([points(300), card_that("succeed_later", 700)])).await.ok(201));
    assert_eq!(has(host).await, (500, 200));
    let paid = shop.payment_is(&payment, "succeeded").await;
    let leg = &list(&paid["instructions"])[0];
    assert_eq!((&leg["tool"], &leg["amount"], &leg["points"]), (&json!("points"), &json!(300), &json!(300)));
    host.trial_balance("PTS").await.assert_is(&[("2034", 200), ("2034.redeemed", 300), ("5003", 500)]);
    host.trial_balance("CNY").await.assert_is(&[("1011.sandbox.in", 700), ("2004", 1_000), ("5002", 300)]);
    let explained = shop.get(&format!("/v1/payments/{payment}/explain")).await.ok(200).to_string();
    assert!(explained.contains("100 points pay 100 minor units of CNY, out of marketing expense"), "{explained}");

    // More than there is fails the payment and moves nothing.
    let short = pays(&shop, "points.all", "instant", &[points(201)]).await;
    assert_eq!(short["payment"]["failure"]["code"], "insufficient_balance", "{short:#}");

    let refund = id(&shop.refund(&trade, 501, &json!({})).await.ok(201));
    let refund = shop.refund_is(&refund, "succeeded").await;
    assert_eq!(parts(&refund), [("points", 150, Some(150)), ("channel", 351, None)]);
    let refund = id(&shop.refund(&trade, 499, &json!({})).await.ok(201));
    let refund = shop.refund_is(&refund, "succeeded").await;
    assert_eq!(parts(&refund), [("points", 150, Some(150)), ("channel", 349, None)]);
    assert_eq!(has(host).await, (500, 500));
    host.trial_balance("PTS").await.assert_is(&[("2034", 500), ("5003", 500)]);
    host.trial_balance("CNY").await.assert_is(&[("1011.sandbox.in", 700), ("1011.sandbox.refund", 700)]);
}

async fn a_merchants_budget_pays_for_points(host: &Host) {
    let shop = host.shop().await;
    in_use(host, "points", BOOK).await;
    grant(host, 1_000).await;
    let broke = pays(&shop, "points.members", "instant", &[points(100)]).await;
    assert_eq!(broke["payment"]["failure"]["code"], "budget_exhausted", "{broke:#}");
    assert_eq!(has(host).await, (1_000, 1_000));
    host.fund(&shop.owner(), 100, "CNY").await;
    let budget = json!({"merchant_id": shop.id, "amount": 100, "currency": "CNY"});
    host.post("/v1/coupons/budgets", &budget).await.ok(201);
    let trade = pays(&shop, "points.members", "instant", &[points(100)]).await;
    assert_eq!(trade["status"], "completed", "{trade:#}");
    host.trial_balance("PTS").await.assert_is(&[("2034", 700), ("2034.redeemed", 300), ("5003", 1_000)]);
    host.trial_balance("CNY").await.assert_is(&[("1011.sandbox.in", 100), ("2003", 100)]);
    // Points come back by what is left: down, and all of them in the end. The money is the budget's again.
    for (amount, back) in [(34, 102), (33, 99), (33, 99)] {
        let refund = shop.refund(&id(&trade), amount, &json!({})).await.ok(201);
        assert_eq!(parts(&refund), [("points", amount, Some(back))]);
    }
    host.trial_balance("PTS").await.assert_is(&[("2034", 1_000), ("5003", 1_000)]);
    host.trial_balance("CNY").await.assert_is(&[("1011.sandbox.in", 100), ("2032", 100)]);
}

async fn points_that_no_rule_values_pay_nothing(host: &Host) {
    let shop = host.shop().await;
    grant(host, 500).await;
    let body = |more: &Value| crate::shop::order("instant", 100, more);
    let refused = shop.post("/v1/trades", &body(&json!({"pay": {"tools": [points(100)]}}))).await;
    let refused = refused.refused(422, "tool_not_applicable");
    assert_eq!(refused["detail"], "no rule says what points are worth here", "{refused:#}");
    let trade = shop.unpaid("instant", 100, &json!({})).await;
    let offer = shop.get(&format!("/v1/trades/{trade}/offer")).await.ok(200);
    let choice = list(&offer["tools"]).iter().find(|tool| tool["tool"] == "points").unwrap();
    assert_eq!((&choice["usable"], &choice["reason"]["code"]), (&json!(false), &json!("tool_not_applicable")));
    // The rule is about yuan.
    in_use(host, "points", BOOK).await;
    let yen = json!({"sub_type": "points.all", "currency": "JPY", "pay": {"tools": [points(100)]}});
    shop.post("/v1/trades", &body(&yen)).await.refused(422, "tool_not_applicable");
    // A key without users:debit spends nobody's points; points are no currency of a trade, and top nothing up.
    let key = host.merchant_key(&shop.id, &["read", "write"]).await;
    let poor = shop.with_key(&key);
    let pay = json!({"sub_type": "points.all", "pay": {"tools": [points(100)]}});
    poor.post("/v1/trades", &body(&pay)).await.refused(403, "payer_consent_required");
    let in_points = crate::shop::with(body(&json!({})), &json!({"currency": "PTS"}));
    shop.post("/v1/trades", &in_points).await.refused(422, "unknown_currency");
    let fund = json!({"owner": "user:42", "amount": 5, "currency": "PTS"});
    host.post("/v1/sandbox/fund", &fund).await.refused(422, "unknown_currency");
    assert_eq!(has(host).await, (500, 500));
}

async fn points_are_given_and_taken_back(host: &Host) {
    let shop = host.shop().await;
    in_use(host, "points", BOOK).await;
    let body = json!({"owner": "user:42", "points": 500, "reference": "signup-42"});
    let made = host.post_under("points-1", "/v1/points", &body).await.ok(201);
    assert_eq!(host.post_under("points-1", "/v1/points", &body).await.ok(201), made, "given once");
    let told = (&made["object"], &made["status"], &made["points"], &made["reversed_points"], &made["reference"]);
    assert_eq!(told, (&json!("points_grant"), &json!("granted"), &json!(500), &json!(0), &json!("signup-42")));
    let (path, reverse) = (format!("/v1/points/{}", id(&made)), format!("/v1/points/{}/reverse", id(&made)));
    let back = host.post_under("back-1", &reverse, &json!({"points": 100})).await.ok(200);
    assert_eq!(host.post_under("back-1", &reverse, &json!({"points": 100})).await.ok(200), back, "taken back once");
    assert_eq!((&back["status"], &back["reversed_points"]), (&json!("granted"), &json!(100)));
    assert_eq!(has(host).await, (400, 400));
    // What the user has spent, or holds for a payment, is not there to be taken.
    pays(&shop, "points.all", "instant", &[points(150)]).await;
    pays(&shop, "points.all", "escrow", &[points(150), card_that("succeed_later", 1)]).await;
    let short = host.post(&reverse, &json!({"points": 101})).await.refused(422, "points_not_reversible");
    assert_eq!(short["param"], "points", "{short:#}");
    host.post(&reverse, &json!({"points": 401})).await.refused(422, "points_not_reversible");
    let other = grant(host, 400).await;
    let whole = host.post(&reverse, &json!({})).await.ok(200);
    assert_eq!((&whole["status"], &whole["reversed_points"]), (&json!("reversed"), &json!(500)));
    host.post(&reverse, &json!({})).await.refused(422, "points_not_reversible");
    assert_eq!(host.get(&path).await.ok(200), whole);
    let listed = host.all("/v1/points?owner=user:42", 1).await;
    let ids: Vec<_> = listed.iter().map(id).collect();
    assert_eq!(ids, [other, id(&made)], "the newest first");
    assert_eq!(host.all("/v1/points?owner=user:43", 10).await, Vec::<Value>::new());
}

async fn what_is_no_grant(host: &Host) {
    let shop = host.shop().await;
    let owner = |owner: &str| json!({"owner": owner, "points": 5});
    host.post("/v1/points", &owner(&shop.owner())).await.refused(400, "invalid_value");
    host.post("/v1/points", &owner("platform")).await.refused(400, "invalid_value");
    for (points, code) in [
        (json!(0), "amount_not_positive"),
        (json!(-5), "amount_not_positive"),
        (json!(1_000_000_000_000_001_i64), "amount_out_of_range"),
        (json!(1.5), "currency_exponent_mismatch"),
        (json!("5"), "invalid_amount"),
    ] {
        let body = json!({"owner": "user:42", "points": points});
        let refused = host.post("/v1/points", &body).await;
        assert_eq!(refused.json()["code"], code, "{points}: {}", refused.text());
    }
    // Not a merchant's to give, to see, or to take back, whatever its key may do else.
    let made = grant(host, 5).await;
    let key = host.merchant_key(&shop.id, &["read", "write", "users:debit"]).await;
    let shop = shop.with_key(&key);
    shop.post("/v1/points", &owner("user:42")).await.refused(403, "scope_required");
    shop.get("/v1/points?owner=user:42").await.refused(403, "scope_required");
    shop.get(&format!("/v1/points/{made}")).await.refused(403, "scope_required");
    shop.post(&format!("/v1/points/{made}/reverse"), &json!({})).await.refused(403, "scope_required");
    assert_eq!(has(host).await, (5, 5));
}

async fn the_last_points_pay_once(host: &Host) {
    let shop = host.shop().await;
    in_use(host, "points", BOOK).await;
    host.fund("user:42", 1_000, "CNY").await;
    grant(host, 300).await;
    let tools = [points(100), balance(1)];
    let trades = join_all((0..8).map(|_| pays(&shop, "points.all", "instant", &tools))).await;
    let paid = trades.iter().filter(|trade| trade["status"] == "completed").count();
    let failed = trades.iter().filter(|trade| trade["payment"]["failure"]["code"] == "insufficient_balance").count();
    assert_eq!((paid, failed), (3, 5));
    assert_eq!(has(host).await, (0, 0));
    host.trial_balance("PTS").await.assert_is(&[("2034.redeemed", 300), ("5003", 300)]);
}
