//! Disputes: institutions take back what buyers dispute, or leave it; beside refunds, and never more than came.

use serde_json::{Value, json};

use crate::host::Host;
use crate::shop::{Shop, card_that, id, list, with};

on_both!(
    every_outcome,
    beside_a_refund,
    of_what_was_spent_meanwhile,
    lists_and_waits,
    through_a_kill,
    in_their_shards["shards" = "4"],
);

/// A trade whose payment the institution is to do this with.
async fn sold(shop: &Shop, kind: &str, amount: i64, word: &str, more: &Value) -> String {
    let pay = json!({"pay": {"tools": [card_that(word, amount)]}});
    let trade = shop.open(kind, amount, &with(pay, more)).await.ok(201);
    id(&shop.trade_is(&id(&trade), if kind == "escrow" { "paid" } else { "completed" }).await)
}

async fn kinds(host: &Host, of: &str) -> Vec<String> {
    let events = host.get("/v1/events?limit=100").await.ok(200);
    let ours = list(&events["data"]).iter().filter(|event| event["data"]["id"] == json!(of));
    ours.map(|event| event["type"].as_str().unwrap().to_owned()).collect()
}

async fn every_outcome(host: &Host) {
    let shop = host.shop().await;
    let splits = json!({"splits": [{"receiver": "seller:a", "amount": 70}, {"receiver": "seller:b", "amount": 31}]});

    // By half: spread over the receivers, and the rest is theirs again. The whole answer, as the API's description fixes it.
    let part = sold(&shop, "instant", 101, "dispute_part", &splits).await;
    let dispute = shop.dispute_of(&part).await;
    let split = |name: &str, amount: i64, taken: i64| json!({"receiver": format!("seller:{name}"), "released": true, "amount": amount, "taken": taken});
    let chain = shop.chain(&part).await;
    let order = &chain["channel_orders"][0];
    let expected = json!({
        "id": dispute["id"], "object": "dispute", "trade_id": part, "payment_id": chain["payments"][0]["id"],
        "instruction": chain["payments"][0]["instructions"][0]["id"], "channel_account": "sandbox",
        "channel_no": format!("SBX{}D", order["number"].as_str().unwrap()), "status": "lost", "amount": 101,
        "currency": "CNY", "set_aside_amount": 101, "lost_amount": 50, "taken_amount": 50, "reason": "fraudulent",
        "respond_by": dispute["respond_by"], "splits": [split("a", 70, 35), split("b", 31, 15)],
        "opened_at": dispute["opened_at"], "closed_at": dispute["closed_at"], "sequence": 2,
    });
    assert_eq!(dispute, expected, "{dispute:#}");
    assert_eq!(shop.get(&format!("/v1/disputes/{}", id(&dispute))).await.ok(200), dispute);
    for kind in ["dispute.opened", "dispute.lost"] {
        let told = format!("suanpan_happened_total{{type=\"{kind}\"}}");
        assert_eq!(host.metric(&told).await, 1, "{kind}");
    }
    let trade = shop.trade(&part).await;
    let amounts = |trade: &Value| {
        ["status", "refunded_amount", "refundable_amount", "disputed_amount"].map(|field| trade[field].clone())
    };
    assert_eq!(amounts(&trade), [json!("completed"), json!(0), json!(51), json!(50)], "{trade:#}");
    assert_eq!(
        (host.balance(&shop.seller("a"), "2003").await, host.balance(&shop.seller("b"), "2003").await),
        ((35, 35), (16, 16))
    );
    shop.refund(&part, 52, &json!({})).await.refused(422, "refund_exceeds_paid");
    let refund = shop.refund(&part, 51, &json!({})).await.ok(201);
    shop.refund_is(&id(&refund), "succeeded").await;

    // Won: nothing is taken. Lost in escrow: the trade ends as if all of it had been refunded.
    let won = sold(&shop, "escrow", 200, "dispute_won", &json!({})).await;
    let dispute = shop.dispute_of(&won).await;
    assert_eq!((&dispute["status"], &dispute["taken_amount"]), (&json!("won"), &json!(0)));
    let trade = shop.trade(&won).await;
    assert_eq!(amounts(&trade), [json!("paid"), json!(0), json!(200), Value::Null], "{trade:#}");
    shop.confirm(&won, &json!({})).await.ok(200);
    let lost = sold(&shop, "escrow", 300, "dispute_lost", &json!({})).await;
    let dispute = shop.dispute_of(&lost).await;
    let trade = shop.trade(&lost).await;
    assert_eq!(amounts(&trade), [json!("closed"), json!(0), json!(0), json!(300)], "{trade:#}");
    host.trial_balance("CNY").await.assert_is(&[
        ("1011.sandbox.in", 601),
        ("1011.sandbox.refund", 51),
        ("1011.sandbox.dispute", 350),
        ("2003", 200),
    ]);

    // Everything is told and found, and the case is over.
    assert_eq!(kinds(host, &id(&dispute)).await, ["dispute.opened", "dispute.lost"]);
    let chain = shop.chain(&lost).await;
    let case = &chain["cases"][0];
    assert_eq!(
        (&case["kind"], &case["status"], &case["dispute"], &case["actions"]),
        (&json!("disputed"), &json!("closed"), &dispute["id"], &json!([]))
    );
    let outcomes: Vec<_> = list(&chain["channel_orders"][0]["evidence"]).iter().map(|word| &word["outcome"]).collect();
    assert_eq!(outcomes, ["paid", "disputed", "dispute_lost"]);
    let found = shop.get(&format!("/v1/search?number={}", dispute["channel_no"].as_str().unwrap())).await.ok(200);
    let objects: Vec<_> = list(&found["data"]).iter().map(|hit| (&hit["object"], &hit["id"])).collect();
    assert!(objects.contains(&(&json!("dispute"), &dispute["id"])), "{found:#}");
}

/// Counted together with refunds: what went back already is not taken, and people are told of it.
async fn beside_a_refund(host: &Host) {
    let shop = host.shop().await;
    let trade = sold(&shop, "instant", 100, "dispute_lost", &json!({})).await;
    let refund = shop.refund(&trade, 60, &json!({"sandbox": "refund_later"})).await.ok(201);
    shop.refund_is(&id(&refund), "succeeded").await;
    let dispute = shop.dispute_of(&trade).await;
    let figures = |dispute: &Value| {
        ["amount", "set_aside_amount", "lost_amount", "taken_amount"].map(|field| dispute[field].as_i64().unwrap())
    };
    assert_eq!(figures(&dispute), [100, 40, 100, 40]);
    let case = shop.open_case(&trade, "dispute_uncovered").await;
    shop.resolve(&case, "refund").await.refused(403, "scope_required");
    host.resolve(&case, "refund").await.refused(422, "action_not_applicable");
    host.resolve(&case, "accept").await.ok(200);
    let shown = shop.trade(&trade).await;
    assert_eq!((&shown["refunded_amount"], &shown["refundable_amount"]), (&json!(60), &json!(0)));
    // After a refund of all of it, nothing is left to take.
    let trade = sold(&shop, "instant", 100, "dispute_lost", &json!({})).await;
    let refund = shop.refund(&trade, 100, &json!({})).await.ok(201);
    shop.refund_is(&id(&refund), "succeeded").await;
    assert_eq!(figures(&shop.dispute_of(&trade).await), [100, 0, 100, 0]);
    host.trial_balance("CNY").await.assert_is(&[
        ("1011.sandbox.in", 200),
        ("1011.sandbox.refund", 160),
        ("1011.sandbox.dispute", 40),
    ]);
}

/// A balance that was topped up and spent: who spent it owes what is short.
async fn of_what_was_spent_meanwhile(host: &Host) {
    let shop = host.shop().await;
    let topup = sold(&shop, "topup", 100, "dispute_lost", &json!({"payee": "user:42"})).await;
    let sale = json!({"buyer": "42", "pay": {"tools": [{"tool": "balance", "amount": 70}]}});
    shop.open("instant", 70, &sale).await.ok(201);
    let dispute = shop.dispute_of(&topup).await;
    assert_eq!(dispute["taken_amount"], 100);
    shop.open_case(&topup, "dispute_short").await;
    assert_eq!(host.balance("user:42", "2001").await, (0, 0));
    host.trial_balance("CNY").await.assert_is(&[
        ("1011.sandbox.in", 100),
        ("1011.sandbox.dispute", 100),
        ("1062", 70),
        ("2003", 70),
    ]);
}

async fn lists_and_waits(host: &Host) {
    let (shop, other) = (host.shop().await, host.shop().await);
    let first = sold(&shop, "instant", 10, "dispute_won", &json!({})).await;
    let second = sold(&shop, "instant", 20, "dispute_lost", &json!({})).await;
    let wanted = [id(&shop.dispute_of(&second).await), id(&shop.dispute_of(&first).await)];
    let ids = |page: &Value| list(&page["data"]).iter().map(id).collect::<Vec<_>>();
    let mut all = ids(&shop.get("/v1/disputes").await.ok(200));
    all.sort();
    let mut sorted = wanted.to_vec();
    sorted.sort();
    assert_eq!(all, sorted);
    assert_eq!(ids(&shop.get("/v1/disputes?status=won").await.ok(200)), wanted[1..]);
    assert_eq!(ids(&shop.get("/v1/disputes?status=open").await.ok(200)), Vec::<String>::new());
    assert_eq!(ids(&host.get(&format!("/v1/disputes?merchant_id={}&status=lost", shop.id)).await.ok(200)), wanted[..1]);
    assert_eq!(ids(&other.get("/v1/disputes").await.ok(200)), Vec::<String>::new());
    let page = shop.get("/v1/disputes?limit=1").await.ok(200);
    let cursor = page["next_cursor"].as_str().unwrap();
    let rest = shop.get(&format!("/v1/disputes?limit=1&cursor={cursor}")).await.ok(200);
    assert_eq!((ids(&page).len(), ids(&rest).len(), &rest["has_more"]), (1, 1, &json!(false)));
    other.get(&format!("/v1/disputes/{}", wanted[0])).await.refused(404, "not_found");
    shop.get("/v1/disputes?status=paid").await.refused(400, "invalid_value");
    shop.get("/v1/disputes/dsp_1").await.refused(404, "not_found");
    let read = shop.get(&format!("/v1/disputes/{}?wait=1", wanted[0])).await.ok(200);
    assert_eq!(read["status"], "lost");
}

/// The process dies while the institution decides: each is taken once.
async fn through_a_kill(host: &Host) {
    let shop = host.shop().await;
    let mut trades = Vec::new();
    for word in ["dispute_won", "dispute_lost", "dispute_part"] {
        trades.push(sold(&shop, "escrow", 100, word, &json!({})).await);
    }
    let opened = |chain: &Value| list(&chain["disputes"]).len() == 1;
    shop.wait_until(&format!("/v1/trades/{}/chain", trades[2]), opened).await;
    host.kill();
    host.restart();
    let mut taken = Vec::new();
    for trade in &trades {
        taken.push(shop.dispute_of(trade).await["taken_amount"].as_i64().unwrap());
    }
    assert_eq!(taken, [0, 100, 50]);
    host.trial_balance("CNY").await.assert_is(&[
        ("1011.sandbox.in", 300),
        ("1011.sandbox.dispute", 150),
        ("2004", 150),
    ]);
}

async fn in_their_shards(host: &Host) {
    let shop = host.shop().await;
    for buyer in 1..6 {
        let trade = sold(&shop, "instant", 10, "dispute_part", &json!({"buyer": buyer.to_string()})).await;
        assert_eq!(shop.dispute_of(&trade).await["taken_amount"], 5);
    }
    host.trial_balance("CNY").await.assert_is(&[("1011.sandbox.in", 50), ("1011.sandbox.dispute", 25), ("2003", 25)]);
}
