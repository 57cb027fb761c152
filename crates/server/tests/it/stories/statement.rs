//! The institution's statement of a day.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::json;

use crate::host::Host;
use crate::shop::{card_that, id, list};

on_both!(of_today["book.zone" = "UTC"]);

/// It says what our books say: every receipt, refund and payout once, and what came back, under our number.
async fn of_today(host: &Host) {
    let shop = host.shop().await;
    let first = shop.paid("escrow", 1_000, &json!({})).await;
    let twice = shop.paid("escrow", 2_000, &json!({"pay": {"tools": [card_that("pay_twice", 2_000)]}})).await;
    shop.open("escrow", 4_000, &json!({"pay": {"tools": [card_that("decline", 4_000)]}})).await.ok(201);
    let refund = shop.refund(&first, 300, &json!({})).await.ok(201);
    shop.refund_is(&id(&refund), "succeeded").await;
    let path = format!("/v1/trades/{twice}/chain");
    shop.wait_until(&path, |chain| chain["refunds"][0]["status"] == "succeeded").await;
    host.fund("user:42", 70, "CNY").await;
    let to = json!({"type": "wallet", "account": "a@example", "name": "A", "sandbox": "payout_returned"});
    let out = id(&shop.open("payout", 70, &json!({"payer": "user:42", "destination": to})).await.ok(201));
    let path = format!("/v1/trades/{out}/chain");
    shop.wait_until(&path, |chain| chain["refunds"][0]["status"] == "succeeded").await;
    let disputed =
        id(&shop.open("escrow", 500, &json!({"pay": {"tools": [card_that("dispute_part", 500)]}})).await.ok(201));
    shop.dispute_of(&disputed).await;

    let day = Timestamp::now().strftime("%Y-%m-%d");
    let reply = host.get(&format!("/v1/channels/sandbox/statements?date={day}")).await;
    assert_eq!((reply.status, reply.header("content-type")), (200, "text/csv; charset=utf-8"), "{}", reply.text());
    let text = reply.text();
    let mut lines = text.lines().map(|line| line.split(',').collect::<Vec<_>>());
    assert_eq!(lines.next().unwrap(), ["kind", "number", "channel_no", "amount", "currency", "fee", "at"]);
    let (totals, moves): (Vec<_>, Vec<_>) = lines.partition(|line| line[0] == "total");
    let mut said: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for line in &moves {
        said.entry(line[1].to_owned()).or_default().push(format!("{} {} {}", line[0], line[3], line[4]));
    }
    let mut booked: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for trade in [&first, &twice] {
        for order in list(&shop.chain(trade).await["channel_orders"]) {
            let kind = if order["purpose"] == "pay" { "payment" } else { "refund" };
            let receipts = order["receipts"].as_u64().unwrap().max(1);
            let line = format!("{kind} {} CNY", order["amount"]);
            let number = order["number"].as_str().unwrap().to_owned();
            booked.insert(number, (0..receipts).map(|_| line.clone()).collect());
        }
    }
    let order = &shop.chain(&out).await["channel_orders"][0];
    assert_eq!((&order["purpose"], &order["status"]), (&json!("payout"), &json!("returned")), "{order:#}");
    let both = ["payout 70 CNY", "payout_return 70 CNY"].map(str::to_owned).to_vec();
    booked.insert(order["number"].as_str().unwrap().to_owned(), both);
    let order = &shop.chain(&disputed).await["channel_orders"][0];
    let both = ["payment 500 CNY", "dispute 250 CNY"].map(str::to_owned).to_vec();
    booked.insert(order["number"].as_str().unwrap().to_owned(), both);
    assert_eq!(said, booked, "{text}");
    assert_eq!(totals.len(), 5, "{text}");
    assert_eq!((totals[0][2], totals[0][3]), ("4", "5500"), "{text}");
    assert_eq!((totals[1][2], totals[1][3]), ("2", "2300"), "{text}");

    let before = host.get("/v1/channels/sandbox/statements?date=2020-01-01").await;
    assert_eq!((before.status, before.text().lines().count()), (200, 1), "a day on which nothing was");
    host.get("/v1/channels/other/statements?date=2020-01-01").await.refused(404, "not_found");
    host.get("/v1/channels/sandbox/statements?date=2020-02-30").await.refused(400, "invalid_time");
    shop.get(&format!("/v1/channels/sandbox/statements?date={day}")).await.refused(403, "scope_required");
}
