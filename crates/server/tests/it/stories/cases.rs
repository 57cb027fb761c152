//! Work that people decide.

use serde_json::json;

use crate::host::Host;
use crate::shop::{balance, card_that, id, list};

on_both!(less_than_asked, more_than_asked, another_currency, beside_a_trade_paid_otherwise);

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
