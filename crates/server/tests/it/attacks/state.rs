//! D: states that are forced, and steps out of order (cases 43 to 52).

use std::time::{Duration, Instant};

use futures::future::{join, join_all};
use kernel::Code;
use serde_json::{Value, json};

use super::stage::{Stage, assert_problem, attack, attack_in_silence};
use super::wire::Call;
use crate::shop::{card, card_that, coupon, id, list, order};

fn post(stage: &Stage<'_>, path: &str, body: &serde_json::Value) -> Call {
    Call::post(&stage.shop.key, path, body.to_string())
}

#[test]
fn d43_states_are_not_written() {
    attack(async |stage| {
        let trade = stage.shop.unpaid("escrow", 100, &json!({})).await;
        stage.settle().await;
        for path in [format!("/v1/trades/{trade}"), "/v1/trades".to_owned()] {
            for method in ["PATCH", "PUT", "DELETE"] {
                let body = json!({"status": "paid"}).to_string();
                let call = Call::new(method, &path, body)
                    .with("authorization", format!("Bearer {}", stage.platform.key))
                    .with("content-type", "application/json")
                    .with("idempotency-key", "k");
                assert_problem(&call.send(&stage.platform.address), Code::method_not_allowed, method);
                stage.unchanged(method);
            }
        }
        for call in ["confirm", "close", "refunds", "payments"] {
            let body = match call {
                "payments" => json!({"tools": [card(100)], "status": "paid"}),
                "refunds" => json!({"merchant_refund_id": "R", "amount": 1, "status": "paid"}),
                _ => json!({"status": "paid"}),
            };
            stage.refused(
                &post(stage, &format!("/v1/trades/{trade}/{call}"), &body),
                Code::unknown_field,
                Some("status"),
            );
        }
    });
}

#[test]
fn d44_steps_out_of_order() {
    attack(async |stage| {
        let open = stage.shop.unpaid("escrow", 100, &json!({})).await;
        let instant = stage.shop.paid("instant", 100, &json!({})).await;
        let closed = stage.shop.unpaid("escrow", 100, &json!({})).await;
        stage.shop.post(&format!("/v1/trades/{closed}/close"), &json!({})).await.ok(200);
        stage.shop.trade_is(&closed, "closed").await;
        let released = stage.shop.paid("escrow", 100, &json!({})).await;
        stage.shop.confirm(&released, &json!({})).await.ok(200);
        stage.settle().await;
        let refund = json!({"merchant_refund_id": "R", "amount": 100});
        for (trade, step, body) in [
            (&open, "confirm", json!({})),
            (&open, "confirm", json!({"amount": 1})),
            (&open, "refunds", refund.clone()),
            (&closed, "confirm", json!({})),
            (&closed, "refunds", refund.clone()),
            (&instant, "confirm", json!({})),
            (&instant, "close", json!({})),
            (&released, "confirm", json!({})),
            (&released, "close", json!({})),
        ] {
            stage.refused(&post(stage, &format!("/v1/trades/{trade}/{step}"), &body), Code::invalid_state, None);
        }
    });
}

#[test]
fn d45_what_cannot_be_paid() {
    attack(async |stage| {
        let paid = stage.shop.paid("escrow", 100, &json!({})).await;
        let completed = stage.shop.paid("instant", 100, &json!({})).await;
        let closed = stage.shop.unpaid("instant", 100, &json!({})).await;
        stage.shop.post(&format!("/v1/trades/{closed}/close"), &json!({})).await.ok(200);
        stage.shop.trade_is(&closed, "closed").await;
        stage.settle().await;
        for trade in [&paid, &completed, &closed] {
            let call = post(stage, &format!("/v1/trades/{trade}/payments"), &json!({"tools": [card(100)]}));
            stage.refused(&call, Code::trade_not_payable, None);
        }
        // An expiry that would leave no time to pay is refused at the beginning.
        for expiry in ["2020-01-01T00:00:00Z", "2199-01-01T00:00:00Z"] {
            let body = order("instant", 100, &json!({"expires_at": expiry}));
            stage.refused(&post(stage, "/v1/trades", &body), Code::expires_at_invalid, Some("expires_at"));
        }
    });
}

#[test]
fn d45_dues_that_cannot_be_paid() {
    attack(async |stage| {
        let dues = json!({"dues": [{"amount": 30}, {"amount": 70, "opens_at": "2199-01-01T00:00:00Z"}]});
        let far = order("escrow", 100, &dues);
        stage.refused(&post(stage, "/v1/trades", &far), Code::expires_at_invalid, Some("dues[1].expires_at"));
        let soon = (jiff::Timestamp::now() + jiff::SignedDuration::from_hours(1)).to_string();
        let dues = json!({"dues": [{"amount": 30}, {"amount": 70, "opens_at": soon}]});
        let trade = stage.shop.unpaid("escrow", 100, &dues).await;
        let first = stage.shop.pay(&trade, &json!([card(30)])).await.ok(201);
        stage.shop.payment_is(&id(&first), "succeeded").await;
        stage.settle().await;
        let path = format!("/v1/trades/{trade}/payments");
        for (body, code, param) in [
            (json!({"tools": [card(70)]}), Code::due_not_open, "due"),
            (json!({"due": 2, "tools": [card(70)]}), Code::due_not_open, "due"),
            (json!({"due": 1, "tools": [card(30)]}), Code::trade_not_payable, "due"),
            (json!({"due": 3, "tools": [card(70)]}), Code::due_unknown, "due"),
            (json!({"due": 0, "tools": [card(70)]}), Code::invalid_value, "due"),
            (json!({"due": -1, "tools": [card(70)]}), Code::invalid_value, "due"),
            (json!({"due": 1.5, "tools": [card(70)]}), Code::invalid_value, "due"),
            (json!({"due": 4_294_967_298_i64, "tools": [card(70)]}), Code::invalid_value, "due"),
        ] {
            stage.refused(&post(stage, &path, &body), code, Some(param));
        }
        for (step, body) in [("confirm", json!({})), ("refunds", json!({"merchant_refund_id": "R", "amount": 1}))] {
            stage.refused(&post(stage, &format!("/v1/trades/{trade}/{step}"), &body), Code::invalid_state, None);
        }
    });
}

#[test]
fn d46_closing_while_a_payment_is_under_way() {
    attack(async |stage| {
        for word in ["succeed_later", "timeout_paid", "never"] {
            let trade = stage.shop.unpaid("escrow", 100, &json!({})).await;
            stage.shop.pay(&trade, &json!([card_that(word, 100)])).await.ok(201);
            // The institution has been asked. One that is closed before it was asked is asked about for as long as the
            // question could still arrive.
            let paid = Instant::now();
            let asked = |trade: &Value| {
                let silent = word == "timeout_paid" && paid.elapsed() > Duration::from_millis(500);
                silent || trade["payment"]["instructions"][0]["status"] != "sent"
            };
            stage.shop.wait_until(&format!("/v1/trades/{trade}"), asked).await;
            let closing = stage.shop.post(&format!("/v1/trades/{trade}/close"), &json!({})).await.ok(200);
            assert!(closing["closing"] == true || closing["status"] == "closed", "{word}: {closing:#}");
            let again = stage.shop.pay(&trade, &json!([card(100)])).await;
            again.refused(409, "trade_not_payable");
            // Whoever wins, no money is in two places.
            let ended = stage
                .shop
                .wait_until(&format!("/v1/trades/{trade}"), |trade| {
                    trade["status"] == "paid" || trade["status"] == "closed" || word == "never"
                })
                .await;
            assert!(ended["status"] != "closed" || ended["escrow_amount"] == 0, "{word}: {ended:#}");
        }
    });
}

#[test]
fn d47_an_amount_once_ordered_stays() {
    attack_in_silence(async |stage| {
        let body = order("escrow", 100, &json!({"pay": {"tools": [card_that("never", 100)]}}));
        let trade = id(&stage.shop.post("/v1/trades", &body).await.ok(201));
        stage.settle().await;
        let mut other = body.clone();
        other["amount"] = json!(1);
        other["pay"] = json!({"tools": [card(1)]});
        let problem = stage.refused(&post(stage, "/v1/trades", &other), Code::order_exists, Some("merchant_order_id"));
        assert_eq!(problem["object"], trade.as_str());
        let call = post(stage, &format!("/v1/trades/{trade}/payments"), &json!({"tools": [card(1)]}));
        stage.refused(&call, Code::amount_sum_mismatch, Some("tools"));
        assert_eq!(stage.shop.trade(&trade).await["amount"], 100);
    });
}

#[test]
fn d48_confirmed_twice_at_once() {
    attack(async |stage| {
        let trade = stage.shop.paid("escrow", 100, &json!({})).await;
        let (whole, part) = (json!({}), json!({"amount": 100}));
        let answers =
            join_all([&whole, &part, &whole, &part, &whole].map(|body| stage.shop.confirm(&trade, body))).await;
        assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 1);
        answers
            .iter()
            .filter(|answer| answer.status != 200)
            .for_each(|answer| drop(answer.refused(409, "invalid_state")));
        assert_eq!(stage.platform.balance(&stage.shop.owner(), "2003").await.0, 100);
        // Parts at once: together they release no more than there is.
        let trade = stage.shop.paid("escrow", 100, &json!({})).await;
        let part = json!({"amount": 30});
        let answers = join_all((0..8).map(|_| stage.shop.confirm(&trade, &part))).await;
        assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 3);
        answers
            .iter()
            .filter(|answer| answer.status != 200)
            .for_each(|answer| drop(answer.refused(422, "nothing_to_confirm")));
        assert_eq!(stage.shop.trade(&trade).await["escrow_amount"], 10);
    });
}

#[test]
fn d49_releases_and_refunds_of_the_same_money() {
    attack_in_silence(async |stage| {
        // Refund first: what it reserved cannot be released.
        let trade = stage.shop.paid("escrow", 100, &json!({})).await;
        stage.shop.refund(&trade, 100, &json!({"sandbox": "refund_unknown"})).await.ok(201);
        let confirm = format!("/v1/trades/{trade}/confirm");
        stage.settle().await;
        stage.refused(&post(stage, &confirm, &json!({})), Code::nothing_to_confirm, Some("amount"));
        stage.refused(&post(stage, &confirm, &json!({"amount": 1})), Code::nothing_to_confirm, Some("amount"));
        // Release first: the refund comes from the receiver.
        let trade = stage.shop.paid("escrow", 100, &json!({})).await;
        stage.shop.confirm(&trade, &json!({})).await.ok(200);
        let refund = stage.shop.refund(&trade, 60, &json!({})).await.ok(201);
        stage.shop.refund_is(&id(&refund), "succeeded").await;
        let shown = stage.shop.trade(&trade).await;
        assert_eq!((&shown["status"], &shown["escrow_amount"]), (&json!("completed"), &json!(0)), "{shown:#}");
        assert_eq!(stage.platform.balance(&stage.shop.owner(), "2003").await.0, 40);
        // Both at once, many times: escrow is never less than nothing, and nothing is given twice.
        let trade = stage.shop.paid("escrow", 100, &json!({})).await;
        let before = stage.platform.balance(&stage.shop.owner(), "2003").await.0;
        let part = json!({"amount": 20});
        let confirms = join_all((0..6).map(|_| stage.shop.confirm(&trade, &part)));
        let nothing = json!({});
        let refunds = join_all((0..6).map(|_| stage.shop.refund(&trade, 20, &nothing)));
        let (confirms, refunds) = join(confirms, refunds).await;
        for refund in refunds.iter().filter(|refund| refund.status == 201) {
            stage.shop.refund_is(&id(&refund.json()), "succeeded").await;
        }
        let shown = stage.shop.trade(&trade).await;
        let number = |field: &str| shown[field].as_i64().unwrap();
        let released = 20 * i64::try_from(confirms.iter().filter(|answer| answer.status == 200).count()).unwrap();
        let refunded = 20 * i64::try_from(refunds.iter().filter(|answer| answer.status == 201).count()).unwrap();
        assert_eq!((number("confirmed_amount"), number("refunded_amount")), (released, refunded), "{shown:#}");
        assert!(refunded <= 100 && number("escrow_amount") >= 0, "{shown:#}");
        let after = stage.platform.balance(&stage.shop.owner(), "2003").await.0;
        assert_eq!(after - before + number("escrow_amount") + refunded, 100, "{shown:#}");
    });
}

#[test]
fn d51_two_devices_pay_one_trade() {
    attack(async |stage| {
        let trade = stage.shop.unpaid("escrow", 100, &json!({})).await;
        let tools =
            |method: &str| json!([{"tool": "channel", "method": method, "amount": 100, "sandbox": "succeed_later"}]);
        let (card, qr) = (tools("card"), tools("alipay.qr"));
        let answers = join_all([stage.shop.pay(&trade, &card), stage.shop.pay(&trade, &qr)]).await;
        let taken: Vec<_> =
            answers.iter().filter(|answer| answer.status == 201).map(|answer| id(&answer.json())).collect();
        assert!(!taken.is_empty());
        answers
            .iter()
            .filter(|answer| answer.status != 201)
            .for_each(|answer| drop(answer.refused(409, "payment_in_progress")));
        let paid = stage.shop.trade_is(&trade, "paid").await;
        assert_eq!((&paid["paid_amount"], &paid["escrow_amount"]), (&json!(100), &json!(100)), "{paid:#}");
        let payments = stage.shop.chain(&trade).await["payments"].clone();
        assert_eq!(
            list(&payments).iter().filter(|payment| payment["status"] == "succeeded").count(),
            1,
            "{payments:#}"
        );
        // One that the institution takes twice is kept once; the surplus goes back to where it came from.
        let trade = stage.shop.unpaid("escrow", 100, &json!({})).await;
        stage.shop.pay(&trade, &json!([card_that("pay_twice", 100)])).await.ok(201);
        stage.shop.trade_is(&trade, "paid").await;
        let chain = stage
            .shop
            .wait_until(&format!("/v1/trades/{trade}/chain"), |chain| {
                list(&chain["refunds"]).iter().any(|refund| refund["status"] == "succeeded")
            })
            .await;
        let refunds = list(&chain["refunds"]);
        assert_eq!(refunds.len(), 1, "{refunds:#?}");
        assert_eq!((&refunds[0]["reason_code"], &refunds[0]["amount"]), (&json!("duplicate"), &json!(100)));
        assert_eq!(stage.shop.trade(&trade).await["refunded_amount"], 0, "the merchant refunded nothing");
    });
}

#[test]
fn tools_that_do_not_fit() {
    attack(async |stage| {
        let trade = stage.shop.unpaid("instant", 100, &json!({})).await;
        let used = stage.shop.coupon("user:42", 100).await;
        stage.settle().await;
        let pay = format!("/v1/trades/{trade}/payments");
        for (tools, code, param) in [
            (json!([]), Code::invalid_value, "tools"),
            (json!([{"tool": "cash", "amount": 100}]), Code::invalid_value, "tools[0].tool"),
            (json!([{"tool": "points", "amount": 100}]), Code::tool_not_applicable, "tools[0].tool"),
            (json!([{"tool": "credit", "amount": 100}]), Code::tool_not_applicable, "tools[0].tool"),
            (
                json!([{"tool": "channel", "method": "cash", "amount": 100}]),
                Code::method_not_supported,
                "tools[0].method",
            ),
            (json!([coupon(&used, 50), coupon(&used, 50)]), Code::coupon_not_applicable, "tools[1].coupon"),
            (
                json!([{"tool": "channel", "method": "card", "amount": 100, "sandbox": "refund_fail"}]),
                Code::invalid_value,
                "tools[0].sandbox",
            ),
        ] {
            stage.refused(&post(stage, &pay, &json!({"tools": tools})), code, Some(param));
        }
        let many = json!({"tools": vec![card(1); 65]});
        stage.refused(&post(stage, &pay, &many), Code::invalid_value, Some("tools"));
    });
}
