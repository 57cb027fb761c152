//! What institutions do to a refund: every word of the sandbox.

use serde_json::{Value, json};

use crate::host::Host;
use crate::shop::{Shop, id, list};

on_both!(every_outcome, refused_for_good, a_lost_answer_and_no_notifications["sandbox.notify" = "false"]);

async fn begun(shop: &Shop, word: &str, amount: i64) -> (String, String) {
    let trade = shop.paid("escrow", 100, &json!({})).await;
    let refund = shop.refund(&trade, amount, &json!({"sandbox": word})).await.ok(201);
    assert_eq!(refund["status"], "pending", "{word}: {refund:#}");
    (trade, id(&refund))
}

async fn every_outcome(host: &Host) {
    let shop = host.shop().await;
    let plain = async |word: &str, amount: i64, way: &str| {
        let (trade, refund) = begun(&shop, word, amount).await;
        let done = shop.refund_is(&refund, "succeeded").await;
        assert_eq!(done["parts"][0]["way"], way, "{word}: {done:#}");
        let shown = shop.trade(&trade).await;
        assert_eq!(
            (&shown["refunded_amount"], &shown["refundable_amount"]),
            (&json!(amount), &json!(100 - amount)),
            "{word}"
        );
        assert_eq!(shop.chain(&trade).await["cases"], json!([]), "{word}");
    };
    futures::join!(
        plain("succeed", 10, "channel"),
        plain("refund_later", 20, "channel"),
        // The institution cannot, and says that another way is right.
        plain("refund_fail", 30, "balance"),
        plain("refund_unknown", 40, "channel"),
        returned_then_kept(&shop),
    );
    assert_eq!(host.balance("user:42", "2001").await, (30 + 70, 30 + 70));
    // Of the returned refund: out, back, and out again, back again; then to the balance.
    host.trial_balance("CNY").await.assert_is(&[
        ("1011.sandbox.in", 500),
        ("1011.sandbox.refund", 10 + 20 + 40),
        ("2001", 30 + 70),
        ("2004", 500 - 10 - 20 - 30 - 40 - 70),
    ]);
}

/// It went through, comes back, is tried again, comes back again, and is kept as balance.
async fn returned_then_kept(shop: &Shop) {
    let (trade, refund) = begun(shop, "refund_returned", 70).await;
    let returned = shop.refund_is(&refund, "returned").await;
    assert_eq!(returned["parts"][0]["status"], "returned", "{returned:#}");
    let platform = shop.platform();
    let case = shop.open_case(&trade, "refund_returned").await;
    shop.resolve(&case, "other_way").await.refused(403, "scope_required");
    platform.resolve(&case, "accept").await.refused(422, "action_not_applicable");
    let closed = platform.resolve(&case, "retry").await.ok(200);
    assert_eq!((&closed["status"], &closed["resolution"]), (&json!("closed"), &json!("retry")));
    platform.resolve(&case, "retry").await.refused(409, "case_not_open");

    let second = shop.open_case(&trade, "refund_returned").await;
    assert_ne!(second, case);
    platform.resolve(&second, "other_way").await.ok(200);
    let done = shop.refund_is(&refund, "succeeded").await;
    assert_eq!((&done["parts"][0]["way"], &done["parts"][0]["status"]), (&json!("balance"), &json!("succeeded")));
    let chain = shop.chain(&trade).await;
    let open = list(&chain["cases"]).iter().filter(|case: &&Value| case["status"] == "open").count();
    assert_eq!(open, 0, "{:#}", chain["cases"]);
    assert_eq!(chain["trade"]["refunded_amount"], 70);
}

/// The institution names no other way: people decide, or the rules that planned the payment.
async fn refused_for_good(host: &Host) {
    let shop = host.shop().await;
    let (first, to_people) = begun(&shop, "refund_refused", 10).await;
    shop.open_case(&first, "refund_failed").await;
    assert_eq!(shop.get(&format!("/v1/refunds/{to_people}")).await.ok(200)["parts"][0]["status"], "failed");
    let book = r#"
book = "refused-refunds"
about = "What an institution will not give back goes to the balance."

[[rule]]
name = "to-the-balance"
when = 'payment.amount <= 100'
refund_failed = "balance"
"#;
    let version = super::rules::in_use(host, "refused-refunds", book).await;

    // What the old book planned stays with people, whatever holds now.
    let again = shop.refund(&first, 20, &json!({"sandbox": "refund_refused"})).await.ok(201);
    shop.wait_until(&format!("/v1/refunds/{}", id(&again)), |it| it["parts"][0]["status"] == "failed").await;
    assert_eq!(host.balance("user:42", "2001").await, (0, 0));

    let (trade, refund) = begun(&shop, "refund_refused", 30).await;
    let done = shop.refund_is(&refund, "succeeded").await;
    assert_eq!((&done["parts"][0]["way"], &done["parts"][0]["status"]), (&json!("balance"), &json!("succeeded")));
    assert_eq!(host.balance("user:42", "2001").await, (30, 30));
    let chain = shop.chain(&trade).await;
    assert_eq!((&chain["cases"], &chain["trade"]["refunded_amount"]), (&json!([]), &json!(30)), "{chain:#}");
    let payment = id(&chain["payments"][0]);
    let explained = shop.get(&format!("/v1/payments/{payment}/explain")).await.ok(200);
    assert_eq!(explained["rule_version"], version);
    let said = json!({
        "rule": "to-the-balance",
        "when": "payment.amount <= 100",
        "says": "refund_failed",
        "words": "a refund that an institution refuses goes to the balance of the user who paid",
    });
    assert_eq!(explained["rules"], json!([said]), "{explained:#}");

    // Tried on what is recorded: payments by card that the old book planned, of which a refusal would go elsewhere.
    let lines: Vec<&str> = book.lines().collect();
    let run = host.post("/v1/rules/refused-refunds/dry_run", &json!({"lines": lines})).await.ok(200);
    let changes: Vec<Value> =
        list(&run["changes"]).iter().map(|it| json!([it["change"], it["was"], it["would"]])).collect();
    assert_eq!(changes, [json!(["refund_failed", "case", "balance"])], "{run:#}");
}

/// Only a question can tell.
async fn a_lost_answer_and_no_notifications(host: &Host) {
    let shop = host.shop().await;
    let (trade, refund) = begun(&shop, "refund_unknown", 100).await;
    assert_eq!(shop.trade(&trade).await["refundable_amount"], 0, "what is on its way is reserved");
    shop.refund(&trade, 1, &json!({})).await.refused(422, "refund_exceeds_paid");
    shop.refund_is(&refund, "succeeded").await;
    let (_, later) = begun(&shop, "refund_later", 100).await;
    shop.refund_is(&later, "succeeded").await;
    host.trial_balance("CNY").await.assert_is(&[("1011.sandbox.in", 200), ("1011.sandbox.refund", 200)]);
}
