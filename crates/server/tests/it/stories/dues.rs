//! Trades of several dues: a deposit and a balance, paid one by one; what becomes of the one where the other is not paid.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::api::Reply;
use crate::host::Host;
use crate::shop::{Shop, balance, card, card_that, coupon, id, list, order, with};

on_both!(
    a_deposit_and_a_balance,
    at_once_when_all_is_paid,
    given_back_where_one_is_not_paid,
    forfeited_where_one_is_not_paid,
    refunded_over_all_payments,
    disputed_before_all_is_paid,
    the_same_order_again,
    that_are_refused,
);

fn after(seconds: i64) -> String {
    format!("{:.3}", Timestamp::now() + SignedDuration::from_secs(seconds))
}

/// 300 and 700, both open.
fn both() -> Value {
    json!({"dues": [{"amount": 300}, {"amount": 700}]})
}

fn two_sellers() -> Value {
    json!({"splits": [{"receiver": "seller:s1", "amount": 600}, {"receiver": "seller:s2", "amount": 400}]})
}

impl Shop {
    async fn pay_due(&self, trade: &str, due: u16, tools: &Value) -> Reply {
        self.post(&format!("/v1/trades/{trade}/payments"), &json!({"due": due, "tools": tools})).await
    }

    async fn close(&self, trade: &str) -> Value {
        self.post(&format!("/v1/trades/{trade}/close"), &json!({})).await.ok(200)
    }
}

/// The first due, then the second when its time has come.
async fn a_deposit_and_a_balance(host: &Host) {
    let shop = host.shop().await;
    host.fund("user:42", 300, "CNY").await;
    let (opens_at, expires_at) = (after(3), after(300));
    let dues = json!([{"amount": 300, "expires_at": after(200)},
        {"amount": 700, "opens_at": opens_at, "expires_at": expires_at}]);
    let body = order("escrow", 1_000, &json!({"dues": dues, "pay": {"tools": [balance(300)]}}));
    let opened = shop.post("/v1/trades", &body).await.ok(201);
    let trade = id(&opened);
    assert_eq!((&opened["status"], &opened["paid_amount"]), (&json!("created"), &json!(300)), "{opened:#}");
    assert_eq!((&opened["escrow_amount"], &opened["refundable_amount"]), (&json!(300), &json!(0)));
    assert_eq!((&opened["unpaid_due"], &opened["late_success"]), (&json!("return"), &json!("refund")));
    let (first, second) = (&opened["dues"][0], &opened["dues"][1]);
    assert_eq!((&first["no"], &first["amount"], &first["status"]), (&json!(1), &json!(300), &json!("paid")));
    assert_eq!((&first["opens_at"], &first["payment_id"]), (&opened["created_at"], &opened["payment"]["id"]));
    assert!(first["paid_at"].is_string(), "{first:#}");
    let time = |value: &Value| value.as_str().unwrap().parse::<Timestamp>().unwrap();
    assert_eq!(time(&second["opens_at"]), opens_at.parse::<Timestamp>().unwrap());
    assert_eq!((&second["status"], second.get("paid_at")), (&json!("unpaid"), None));
    assert_eq!(opened["expires_at"], second["expires_at"], "the last due's");

    // Not yet, not again, and nothing else before all of it is paid.
    for reply in [shop.pay_due(&trade, 2, &json!([card(700)])).await, shop.pay(&trade, &json!([card(700)])).await] {
        assert_eq!(reply.refused(409, "due_not_open")["param"], "due");
    }
    assert_eq!(shop.pay_due(&trade, 1, &json!([card(300)])).await.refused(409, "trade_not_payable")["param"], "due");
    assert_eq!(shop.pay_due(&trade, 3, &json!([card(700)])).await.refused(422, "due_unknown")["param"], "due");
    shop.get(&format!("/v1/trades/{trade}/offer")).await.refused(409, "due_not_open");
    shop.refund(&trade, 1, &json!({})).await.refused(409, "invalid_state");
    shop.confirm(&trade, &json!({})).await.refused(409, "invalid_state");

    let path = format!("/v1/trades/{trade}/offer");
    let offer = loop {
        let reply = shop.get(&path).await;
        if reply.status == 200 {
            break reply.ok(200);
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    };
    assert!(Timestamp::now() >= time(&second["opens_at"]), "not before its time");
    assert_eq!((&offer["due"], &offer["amount"]), (&json!(2), &json!(700)), "{offer:#}");
    assert_eq!(offer["expires_at"], second["expires_at"]);
    let payment = shop.pay(&trade, &offer["suggestion"]).await.ok(201);
    assert_eq!(payment["due"], 2);
    let paid = shop.trade_is(&trade, "paid").await;
    assert_eq!((&paid["paid_amount"], &paid["escrow_amount"]), (&json!(1_000), &json!(1_000)));
    assert_eq!((&paid["dues"][1]["status"], &paid["dues"][1]["payment_id"]), (&json!("paid"), &payment["id"]));
    shop.confirm(&trade, &json!({})).await.ok(200);
    host.trial_balance("CNY").await.assert_is(&[("1011.sandbox.in", 1_000), ("2003", 1_000)]);

    let (events, _) = shop.events_from(None, 100).await;
    let of_trade = events.iter().filter(|event| event["data"]["object"] == "trade");
    let told: Vec<_> = of_trade.map(|event| (event["type"].as_str().unwrap(), event["sequence"].as_i64())).collect();
    let kinds = ["created", "due_paid", "due_paid", "paid", "completed"].map(|kind| format!("trade.{kind}"));
    let wanted: Vec<_> = kinds.iter().map(String::as_str).zip((1..).map(Some)).collect();
    assert_eq!(told, wanted);
    let dues = |event: &&Value| event["type"] == "payment.succeeded";
    let paid: Vec<_> = events.iter().filter(dues).map(|event| event["data"]["due"].as_i64().unwrap()).collect();
    assert_eq!(paid, [1, 2], "which one is said by its payment");
    let chain = shop.chain(&trade).await;
    assert_eq!(list(&chain["payments"]).len(), 2);
}

/// Also of an instant trade the money waits until all of it is there; in whatever order.
async fn at_once_when_all_is_paid(host: &Host) {
    let shop = host.shop().await;
    host.fund("user:42", 300, "CNY").await;
    let trade = shop.unpaid("instant", 1_000, &with(both(), &two_sellers())).await;
    let second = id(&shop.pay_due(&trade, 2, &json!([card(700)])).await.ok(201));
    shop.payment_is(&second, "succeeded").await;
    let partly = shop.trade(&trade).await;
    assert_eq!((&partly["status"], &partly["paid_amount"]), (&json!("created"), &json!(700)));
    host.trial_balance("CNY").await.assert_is(&[("1011.sandbox.in", 1_000), ("2001", 300), ("2004", 700)]);
    shop.pay(&trade, &json!([balance(300)])).await.ok(201);
    let done = shop.trade(&trade).await;
    assert_eq!((&done["status"], &done["confirmed_amount"]), (&json!("completed"), &json!(1_000)), "{done:#}");
    assert_eq!(shop.balance(&shop.seller("s1"), "2003").await.0, 600);
    host.trial_balance("CNY").await.assert_is(&[("1011.sandbox.in", 1_000), ("2003", 1_000)]);
}

/// By balance, coupon and card, the way each came; and what comes for the other due is too late.
async fn given_back_where_one_is_not_paid(host: &Host) {
    let shop = host.shop().await;
    host.fund("user:42", 100, "CNY").await;
    let cut = shop.coupon("user:42", 50).await;
    let tools = json!({"pay": {"tools": [coupon(&cut, 50), balance(100), card(150)]}});
    let trade = id(&shop.open("instant", 1_000, &with(both(), &tools)).await.ok(201));
    let path = format!("/v1/trades/{trade}");
    shop.wait_until(&path, |now| now["paid_amount"] == 300).await;
    let late = id(&shop.pay_due(&trade, 2, &json!([card_that("late_success", 700)])).await.ok(201));
    let pending = |now: &Value| now["instructions"][0]["status"] == "pending";
    shop.wait_until(&format!("/v1/payments/{late}"), pending).await;
    shop.close(&trade).await;
    let closed = shop.trade_is(&trade, "closed").await;
    assert_eq!((&closed["closed_reason"], &closed["refundable_amount"]), (&json!("canceled"), &json!(0)), "{closed:#}");
    let reversed = |now: &Value| now["instructions"][0]["status"] == "reversed";
    shop.wait_until(&format!("/v1/payments/{late}"), reversed).await;
    shop.wait_until(&path, |now| now["refunded_amount"] == 300).await;
    let chain = shop.chain(&trade).await;
    let refunds: Vec<_> = list(&chain["refunds"]).iter().map(|it| (&it["reason_code"], &it["amount"])).collect();
    assert_eq!(refunds, [(&json!("due_unpaid"), &json!(300)), (&json!("late"), &json!(700))], "{chain:#}");
    assert_eq!(chain["refunds"][0]["merchant_refund_id"], Value::Null);
    assert_eq!(shop.get(&format!("/v1/coupons/{cut}")).await.ok(200)["status"], "usable");
    shop.close(&trade).await;
    shop.pay_due(&trade, 2, &json!([card(700)])).await.refused(409, "trade_not_payable");
    shop.refund(&trade, 1, &json!({})).await.refused(409, "invalid_state");
    assert_eq!(list(&shop.chain(&trade).await["refunds"]).len(), 2, "once");
    host.trial_balance("CNY").await.assert_is(&[
        ("1011.sandbox.in", 100 + 150 + 700),
        ("1011.sandbox.refund", 150 + 700),
        ("2001", 100),
        ("2031", 50),
        ("5002", 50),
    ]);
}

/// It is the receivers', by their parts of the whole; a merchant may give it back all the same.
async fn forfeited_where_one_is_not_paid(host: &Host) {
    let shop = host.shop().await;
    host.fund("user:42", 300, "CNY").await;
    let more = with(both(), &json!({"unpaid_due": "forfeit", "pay": {"tools": [balance(300)]}}));
    let trade = id(&shop.open("escrow", 1_000, &with(more, &two_sellers())).await.ok(201));
    shop.close(&trade).await;
    let closed = shop.trade_is(&trade, "closed").await;
    assert_eq!((&closed["closed_reason"], &closed["confirmed_amount"]), (&json!("forfeited"), &json!(300)));
    assert_eq!((&closed["escrow_amount"], &closed["refundable_amount"]), (&json!(0), &json!(300)), "{closed:#}");
    assert_eq!(shop.balance(&shop.seller("s1"), "2003").await.0, 180);
    assert_eq!(shop.balance(&shop.seller("s2"), "2003").await.0, 120);
    assert_eq!(list(&shop.chain(&trade).await["refunds"]).len(), 0);
    shop.refund(&trade, 301, &json!({})).await.refused(422, "refund_exceeds_paid");
    shop.refund(&trade, 100, &json!({})).await.ok(201);
    let after = shop.trade(&trade).await;
    assert_eq!((&after["status"], &after["refundable_amount"]), (&json!("closed"), &json!(200)));
    assert_eq!(shop.balance(&shop.seller("s1"), "2003").await.0, 120);
    host.trial_balance("CNY").await.assert_is(&[("1011.sandbox.in", 300), ("2001", 100), ("2003", 200)]);
}

async fn refunded_over_all_payments(host: &Host) {
    let shop = host.shop().await;
    host.fund("user:42", 300, "CNY").await;
    let trade = shop.unpaid("escrow", 1_000, &both()).await;
    shop.pay(&trade, &json!([balance(300)])).await.ok(201);
    shop.pay(&trade, &json!([card(700)])).await.ok(201);
    shop.trade_is(&trade, "paid").await;
    let refund = shop.refund(&trade, 500, &json!({})).await.ok(201);
    let parts: Vec<_> = list(&refund["parts"]).iter().map(|part| (&part["tool"], &part["amount"])).collect();
    assert_eq!(parts, [(&json!("balance"), &json!(150)), (&json!("channel"), &json!(350))], "{refund:#}");
    shop.refund_is(&id(&refund), "succeeded").await;
    let rest = shop.refund(&trade, 500, &json!({})).await.ok(201);
    shop.refund_is(&id(&rest), "succeeded").await;
    let closed = shop.trade(&trade).await;
    assert_eq!((&closed["status"], &closed["closed_reason"]), (&json!("closed"), &json!("refunded")));
    host.trial_balance("CNY").await.assert_is(&[
        ("1011.sandbox.in", 1_000),
        ("1011.sandbox.refund", 700),
        ("2001", 300),
    ]);
}

/// What waits for the other due may yet go another way: nothing of it is set aside, and people are told.
async fn disputed_before_all_is_paid(host: &Host) {
    let shop = host.shop().await;
    host.fund("user:42", 700, "CNY").await;
    let first = json!({"pay": {"tools": [card_that("dispute_lost", 300)]}});
    let trade = id(&shop.open("instant", 1_000, &with(both(), &first)).await.ok(201));
    let dispute = shop.dispute_of(&trade).await;
    assert_eq!((&dispute["status"], &dispute["lost_amount"]), (&json!("lost"), &json!(300)), "{dispute:#}");
    assert_eq!((&dispute["set_aside_amount"], &dispute["taken_amount"]), (&json!(0), &json!(0)));
    let case = shop.open_case(&trade, "dispute_uncovered").await;
    let shown = shop.get(&format!("/v1/cases/{case}")).await.ok(200);
    assert_eq!((&shown["amount"], &shop.trade(&trade).await["paid_amount"]), (&json!(300), &json!(300)));
    shop.pay_due(&trade, 2, &json!([balance(700)])).await.ok(201);
    shop.trade_is(&trade, "completed").await;
    host.trial_balance("CNY").await.assert_is(&[("1011.sandbox.in", 1_000), ("2003", 1_000)]);
}

async fn the_same_order_again(host: &Host) {
    let shop = host.shop().await;
    host.fund("user:42", 300, "CNY").await;
    let body = order("escrow", 1_000, &both());
    let trade = shop.post("/v1/trades", &body).await.ok(201);
    shop.pay(&id(&trade), &json!([balance(300)])).await.ok(201);
    let again = shop.post("/v1/trades", &body).await.ok(200);
    assert_eq!((&again["id"], &again["paid_amount"]), (&trade["id"], &json!(300)));
    for other in [
        json!({"dues": [{"amount": 300}, {"amount": 700, "opens_at": after(60)}]}),
        json!({"dues": [{"amount": 700}, {"amount": 300}]}),
        json!({"dues": [{"amount": 300}, {"amount": 300}, {"amount": 400}]}),
        json!({"unpaid_due": "forfeit"}),
        json!({"dues": null}),
    ] {
        shop.post("/v1/trades", &with(body.clone(), &other)).await.refused(409, "order_exists");
    }
}

async fn that_are_refused(host: &Host) {
    let shop = host.shop().await;
    let two = |first: Value, second: Value| json!({"dues": [first, second]});
    let due = |amount: i64, more: Value| with(json!({"amount": amount}), &more);
    let plain = |amount| due(amount, json!({}));
    for (more, status, code, param) in [
        (two(plain(300), plain(699)), 422, "amount_sum_mismatch", "dues"),
        (
            two(due(300, json!({"opens_at": after(60)})), due(700, json!({"opens_at": after(59)}))),
            422,
            "opens_at_invalid",
            "dues[1].opens_at",
        ),
        (two(plain(300), due(700, json!({"expires_at": after(119)}))), 422, "expires_at_invalid", "dues[1].expires_at"),
        (
            two(due(300, json!({"opens_at": after(60), "expires_at": after(179)})), plain(700)),
            422,
            "expires_at_invalid",
            "dues[0].expires_at",
        ),
        (
            two(plain(300), due(700, json!({"expires_at": after(91 * 86_400)}))),
            422,
            "expires_at_invalid",
            "dues[1].expires_at",
        ),
        (with(both(), &json!({"expires_at": after(600)})), 422, "field_not_applicable", "expires_at"),
        (with(both(), &json!({"late_success": "reopen"})), 422, "field_not_applicable", "late_success"),
        (with(both(), &json!({"pay": {"tools": [card(1_000)]}})), 422, "amount_sum_mismatch", "pay.tools"),
    ] {
        let problem = shop.open("escrow", 1_000, &more).await.refused(status, code);
        assert_eq!(problem["param"], param, "{more}");
    }
    shop.open("topup", 1_000, &with(both(), &json!({"payee": "user:42"}))).await.refused(422, "field_not_applicable");

    // A payment is of one due; each has one that runs.
    let trade = shop.unpaid("escrow", 1_000, &both()).await;
    shop.pay_due(&trade, 1, &json!([card(1_000)])).await.refused(422, "amount_sum_mismatch");
    let waits = id(&shop.pay_due(&trade, 1, &json!([card_that("never", 300)])).await.ok(201));
    let other = id(&shop.pay_due(&trade, 2, &json!([card(700)])).await.ok(201));
    shop.payment_is(&other, "succeeded").await;
    let untouched = shop.get(&format!("/v1/payments/{waits}")).await.ok(200);
    assert!(["processing", "requires_action"].contains(&untouched["status"].as_str().unwrap()), "{untouched:#}");
    shop.pay_due(&trade, 2, &json!([card(700)])).await.refused(409, "trade_not_payable");
}
