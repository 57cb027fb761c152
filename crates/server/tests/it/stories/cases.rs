//! Work that people decide.

use serde_json::{Value, json};

use crate::api::Api;
use crate::host::Host;
use crate::shop::{balance, card_that, id, list};

on_both!(less_than_asked, more_than_asked, another_currency, beside_a_trade_paid_otherwise, two_people);
on_both!(
    large_cases_want_two["cases.two_people_from" = "100"],
    kinds_want_two["cases.two_people_kinds" = "[\"amount_mismatch\"]"],
);

/// Too little cannot be accepted; it goes back, the payment has failed, and the trade is payable.
async fn less_than_asked(host: &Host) {
    let shop = host.shop().await;
    let tools = json!({"pay": {"tools": [card_that("wrong_amount", 100)]}});
    let trade = id(&shop.open("escrow", 100, &tools).await.ok(201));
    let case = shop.open_case(&trade, "amount_mismatch").await;
    host.trial_balance("CNY").await.assert_is(&[("1011.sandbox.in", 99), ("2021", 99)]);
    for action in ["accept", "retry", "other_way"] {
        host.resolve(&case, action).await.refused(422, "action_not_applicable");
    }
    shop.resolve(&case, "refund").await.refused(403, "scope_required");
    let found = shop.all("/v1/cases?status=open", 10).await;
    assert_eq!(found.iter().map(id).collect::<Vec<_>>(), std::slice::from_ref(&case));
    assert_eq!(host.shop().await.all("/v1/cases?status=open", 10).await.len(), 0, "another merchant's");

    host.resolve(&case, "refund").await.ok(200);
    let payment = id(&shop.trade(&trade).await["payment"]);
    let failed = shop.payment_is(&payment, "failed").await;
    assert_eq!(failed["failure"]["code"], "amount_mismatch", "{failed:#}");
    let path = format!("/v1/payments/{payment}");
    shop.wait_until(&path, |now| now["instructions"][0]["returned_amount"] == 99).await;
    assert_eq!(shop.all("/v1/cases?status=open", 10).await.len(), 0);
    host.fund("user:42", 100, "CNY").await;
    shop.pay(&trade, &json!([balance(100)])).await.ok(201);
    assert_eq!(shop.trade(&trade).await["status"], "paid");
    host.trial_balance("CNY").await.assert_is(&[("1011.sandbox.in", 199), ("1011.sandbox.refund", 99), ("2004", 100)]);
}

/// The sandbox pays two where one was asked: accepted, the excess goes back.
async fn more_than_asked(host: &Host) {
    let shop = host.shop().await;
    let tools = json!({"pay": {"tools": [card_that("wrong_amount", 1)]}});
    let trade = id(&shop.open("escrow", 1, &tools).await.ok(201));
    let case = shop.open_case(&trade, "amount_mismatch").await;
    host.resolve(&case, "accept").await.ok(200);
    shop.trade_is(&trade, "paid").await;
    let chain = shop
        .wait_until(&format!("/v1/trades/{trade}/chain"), |chain| {
            list(&chain["refunds"]).first().is_some_and(|refund| refund["status"] == "succeeded")
        })
        .await;
    let refund = &chain["refunds"][0];
    assert_eq!((&refund["amount"], &refund["reason_code"]), (&json!(1), &json!("compensation")), "{refund:#}");
    host.trial_balance("CNY").await.assert_is(&[("1011.sandbox.in", 2), ("1011.sandbox.refund", 1), ("2004", 1)]);
}

/// One proposes, another approves; what each did stands in the trail, and nobody does both.
async fn two_people(host: &Host) {
    let shop = host.shop().await;
    let second = another(host).await;
    let tools = json!({"pay": {"tools": [card_that("wrong_amount", 1)]}});
    let trade = id(&shop.open("escrow", 1, &tools).await.ok(201));
    let case = shop.open_case(&trade, "amount_mismatch").await;
    let path = format!("/v1/cases/{case}");
    let act = async |api: &Api, what: &str, body: Value| api.post(&format!("{path}/{what}"), &body).await;
    let accept = || json!({"action": "accept", "note": "the bank agrees"});

    for (what, body) in [
        ("assign", json!({"to": "x"})),
        ("comment", json!({"text": "x"})),
        ("propose", accept()),
        ("approve", json!({})),
        ("reject", json!({})),
    ] {
        act(&shop, what, body).await.refused(403, "scope_required");
    }
    act(host, "approve", json!({})).await.refused(409, "invalid_state");
    act(host, "reject", json!({})).await.refused(409, "invalid_state");
    act(host, "propose", json!({"action": "retry"})).await.refused(422, "action_not_applicable");
    act(host, "comment", json!({"text": "card 4111 1111 1111 1111"})).await.refused(422, "pan_not_accepted");
    act(host, "assign", json!({"to": "Li Lei"})).await.ok(200);
    let sha256 = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
    let attachment = json!({
        "name": "letter.pdf", "media_type": "application/pdf", "sha256": sha256, "url": "https://desk.example/17",
    });
    act(&second, "comment", json!({"text": "by letter", "attachment": attachment})).await.ok(200);

    let proposed = act(host, "propose", accept()).await.ok(200);
    assert_eq!((&proposed["status"], &proposed["proposal"]["action"]), (&json!("proposed"), &json!("accept")));
    assert_eq!(host.all("/v1/cases?status=proposed", 10).await.iter().map(id).collect::<Vec<_>>(), [case.as_str()]);
    act(host, "approve", json!({})).await.refused(403, "second_person_required");
    host.resolve(&case, "refund").await.refused(409, "invalid_state");
    act(&second, "reject", json!({"note": "ask again"})).await.ok(200);
    act(&second, "propose", accept()).await.ok(200);
    act(&second, "approve", json!({})).await.refused(403, "second_person_required");
    let path_of_approval = format!("{path}/approve");
    let closed = host.post_under("approve-1", &path_of_approval, &json!({})).await.ok(200);
    assert_eq!(host.post_under("approve-1", &path_of_approval, &json!({})).await.ok(200), closed, "the same again");
    act(host, "approve", json!({})).await.refused(409, "case_not_open");
    act(host, "comment", json!({"text": "x"})).await.refused(409, "case_not_open");
    shop.trade_is(&trade, "paid").await;

    let shown = shop.get(&path).await.ok(200);
    assert_eq!((&shown["status"], &shown["assignee"]), (&json!("closed"), &json!("Li Lei")), "{shown:#}");
    assert_eq!((&shown["resolution"], &shown["note"]), (&json!("accept"), &json!("the bank agrees")));
    let trail = list(&shown["trail"]);
    let steps: Vec<_> = trail.iter().map(|entry| entry["step"].as_str().unwrap()).collect();
    assert_eq!(steps, ["assigned", "commented", "proposed", "rejected", "proposed", "approved"], "{shown:#}");
    assert_eq!(trail[1]["attachment"]["sha256"], sha256);
    let (first, other) = (&trail[2]["by"], &trail[3]["by"]);
    assert!(first != other && *other == trail[4]["by"] && *first == trail[5]["by"], "{trail:#?}");
    let chain = shop.chain(&trade).await;
    let about_cases = list(&chain["events"]).iter().filter_map(|event| event["type"].as_str()?.strip_prefix("case."));
    let told: Vec<_> = about_cases.collect();
    assert_eq!(told, ["opened", "assigned", "commented", "proposed", "rejected", "proposed", "closed"]);
}

/// Another person of the platform.
async fn another(host: &Host) -> Api {
    let key = host.post("/v1/keys", &json!({})).await.ok(201);
    host.with_key(key["key"].as_str().unwrap())
}

/// From an amount on, one person alone is refused; what two agreed on is overtaken by a payment, and agreed on anew.
async fn large_cases_want_two(host: &Host) {
    let shop = host.shop().await;
    let second = another(host).await;
    let small = json!({"pay": {"tools": [card_that("wrong_amount", 100)]}});
    let trade = id(&shop.open("escrow", 100, &small).await.ok(201));
    let case = shop.open_case(&trade, "amount_mismatch").await;
    host.resolve(&case, "refund").await.ok(200);

    let tools = json!({"pay": {"tools": [card_that("wrong_amount", 1_000)]}});
    let trade = id(&shop.open("escrow", 1_000, &tools).await.ok(201));
    let case = shop.open_case(&trade, "amount_mismatch").await;
    host.resolve(&case, "refund").await.refused(422, "approval_required");
    host.resolve(&case, "accept").await.refused(422, "approval_required");
    let path = format!("/v1/cases/{case}");
    host.post(&format!("{path}/propose"), &json!({"action": "refund"})).await.ok(200);
    let approve = || async { second.post(&format!("{path}/approve"), &json!({})).await };
    let (one, two) = tokio::join!(approve(), approve());
    let statuses = [one.status, two.status];
    assert!(statuses.contains(&200) && statuses.contains(&409), "approved once: {statuses:?}");
    shop.payment_is(&id(&shop.trade(&trade).await["payment"]), "failed").await;
    shop.wait_until(&format!("/v1/trades/{trade}/chain"), |chain| {
        list(&chain["refunds"]).first().is_some_and(|refund| refund["status"] == "succeeded")
    })
    .await;
}

async fn kinds_want_two(host: &Host) {
    let shop = host.shop().await;
    let second = another(host).await;
    let tools = json!({"pay": {"tools": [card_that("wrong_amount", 1)]}});
    let trade = id(&shop.open("escrow", 1, &tools).await.ok(201));
    let case = shop.open_case(&trade, "amount_mismatch").await;
    host.resolve(&case, "accept").await.refused(422, "approval_required");
    let path = format!("/v1/cases/{case}");
    host.post(&format!("{path}/propose"), &json!({"action": "accept"})).await.ok(200);
    // While the second person thinks, the buyer pays otherwise.
    host.fund("user:42", 1, "CNY").await;
    shop.pay(&trade, &json!([balance(1)])).await.ok(201);
    second.post(&format!("{path}/approve"), &json!({})).await.refused(422, "action_not_applicable");
    host.post(&format!("{path}/reject"), &json!({"note": "paid otherwise"})).await.ok(200);
    host.post(&format!("{path}/propose"), &json!({"action": "refund"})).await.ok(200);
    second.post(&format!("{path}/approve"), &json!({})).await.ok(200);
    shop.wait_until(&format!("/v1/trades/{trade}/chain"), |chain| {
        list(&chain["refunds"]).first().is_some_and(|refund| refund["status"] == "succeeded")
    })
    .await;
    assert_eq!(shop.trade(&trade).await["paid_amount"], 1);
}

async fn another_currency(host: &Host) {
    let shop = host.shop().await;
    let tools = json!({"pay": {"tools": [card_that("wrong_currency", 100)]}});
    let trade = id(&shop.open("escrow", 100, &tools).await.ok(201));
    let case = shop.open_case(&trade, "amount_mismatch").await;
    host.resolve(&case, "accept").await.refused(422, "action_not_applicable");
    host.trial_balance("USD").await.assert_is(&[("1011.sandbox.in", 100), ("2021", 100)]);
    host.resolve(&case, "refund").await.ok(200);
    shop.wait_until(&format!("/v1/trades/{trade}/chain"), |chain| {
        list(&chain["refunds"]).first().is_some_and(|refund| refund["status"] == "succeeded")
    })
    .await;
    host.trial_balance("USD").await.assert_is(&[("1011.sandbox.in", 100), ("1011.sandbox.refund", 100)]);
    host.trial_balance("CNY").await.assert_is(&[]);
}

/// While people think, another payment pays; the money in suspense can only go back.
async fn beside_a_trade_paid_otherwise(host: &Host) {
    let shop = host.shop().await;
    let tools = json!({"pay": {"tools": [card_that("wrong_amount", 1)]}});
    let trade = id(&shop.open("escrow", 1, &tools).await.ok(201));
    let case = shop.open_case(&trade, "amount_mismatch").await;
    host.fund("user:42", 1, "CNY").await;
    let payment = shop.pay(&trade, &json!([balance(1)])).await.ok(201);
    assert_eq!(payment["status"], "succeeded", "{payment:#}");
    host.resolve(&case, "accept").await.refused(422, "action_not_applicable");
    host.resolve(&case, "refund").await.ok(200);
    shop.wait_until(&format!("/v1/trades/{trade}/chain"), |chain| {
        list(&chain["refunds"]).first().is_some_and(|refund| refund["status"] == "succeeded")
    })
    .await;
    assert_eq!(shop.trade(&trade).await["paid_amount"], 1);
    host.trial_balance("CNY").await.assert_is(&[("1011.sandbox.in", 3), ("1011.sandbox.refund", 2), ("2004", 1)]);
}
