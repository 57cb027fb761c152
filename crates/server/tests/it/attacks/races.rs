//! E: refunds, balances and coupons that are reached for at once (cases 53 to 65).

use futures::future::join_all;
use kernel::Code;
use serde_json::{Value, json};

use super::routes::nowhere;
use super::stage::{Stage, attack, attack_in_silence};
use super::wire::Call;
use crate::api::Reply;
use crate::shop::{balance, card, coupon, id, list, number, with};

fn refund(stage: &Stage<'_>, trade: &str, body: Value) -> Call {
    let body = with(json!({"merchant_refund_id": number("R")}), &body);
    Call::post(&stage.shop.key, &format!("/v1/trades/{trade}/refunds"), body.to_string())
}

/// The answers that are 201; every other is this refusal.
#[track_caller]
fn taken<'a>(answers: &'a [Reply], status: u16, code: &str) -> Vec<&'a Reply> {
    answers.iter().filter(|answer| answer.status != 201).for_each(|answer| drop(answer.refused(status, code)));
    answers.iter().filter(|answer| answer.status == 201).collect()
}

#[test]
fn e53_e54_refunds_at_once() {
    attack(async |stage| {
        let nothing = json!({});
        for (amount, crowd) in [(60, 2), (100, 100)] {
            let trade = stage.shop.paid("instant", 100, &json!({})).await;
            let answers = join_all((0..crowd).map(|_| stage.shop.refund(&trade, amount, &nothing))).await;
            let one = taken(&answers, 422, "refund_exceeds_paid");
            assert_eq!(one.len(), 1, "{amount}");
            assert_eq!(one[0].json()["status"], "pending");
            stage.shop.refund_is(&id(&one[0].json()), "succeeded").await;
            assert_eq!(stage.shop.trade(&trade).await["refunded_amount"], amount);
        }
    });
}

#[test]
fn e55_refunds_of_the_wrong_amount() {
    attack(async |stage| {
        let trade = stage.shop.paid("instant", 100, &json!({})).await;
        stage.settle().await;
        for (amount, code) in [
            (json!(-5), Code::amount_not_positive),
            (json!(0), Code::amount_not_positive),
            (json!(101), Code::refund_exceeds_paid),
            (json!(i64::MAX), Code::amount_out_of_range),
            (json!(1.5), Code::invalid_type),
        ] {
            stage.refused(&refund(stage, &trade, json!({"amount": amount})), code, Some("amount"));
        }
        let currency = refund(stage, &trade, json!({"amount": 5, "currency": "USD"}));
        stage.refused(&currency, Code::unknown_field, Some("currency"));
        let stranger =
            refund(stage, &trade, json!({"amount": 5, "splits": [{"receiver": "seller:nobody", "amount": 5}]}));
        stage.refused(&stranger, Code::receiver_unknown, Some("splits[0].receiver"));
    });
}

#[test]
fn e56_refunds_of_what_was_not_paid() {
    attack(async |stage| {
        let unpaid = stage.shop.unpaid("instant", 100, &json!({})).await;
        let failed = stage.shop.unpaid("instant", 100, &json!({})).await;
        let payment = stage
            .shop
            .pay(&failed, &json!([{"tool": "channel", "method": "card", "amount": 100, "sandbox": "decline"}]))
            .await;
        stage.shop.payment_is(&id(&payment.ok(201)), "failed").await;
        let foreign = stage.other.paid("instant", 100, &json!({})).await;
        stage.settle().await;
        for trade in [&unpaid, &failed] {
            stage.refused(&refund(stage, trade, json!({"amount": 5})), Code::invalid_state, None);
        }
        for trade in [&foreign, &nowhere("trades")] {
            stage.refused(&refund(stage, trade, json!({"amount": 5})), Code::not_found, None);
        }
    });
}

#[test]
fn e57_an_unknown_refund_counts() {
    attack_in_silence(async |stage| {
        let trade = stage.shop.paid("instant", 100, &json!({})).await;
        let first = stage.shop.refund(&trade, 60, &json!({"sandbox": "refund_unknown"})).await.ok(201);
        stage.settle().await;
        stage.refused(&refund(stage, &trade, json!({"amount": 41})), Code::refund_exceeds_paid, Some("amount"));
        assert_eq!(stage.shop.get(&format!("/v1/refunds/{}", id(&first))).await.ok(200)["status"], "pending");
        let rest = stage.shop.refund(&trade, 40, &json!({})).await.ok(201);
        stage.shop.refund_is(&id(&rest), "succeeded").await;
    });
}

#[test]
fn e58_a_coupon_is_not_regained_twice() {
    attack(async |stage| {
        let given = stage.shop.coupon("user:42", 30).await;
        let pay = json!({"pay": {"tools": [coupon(&given, 30), card(70)]}});
        let trade = id(&stage.shop.open("instant", 100, &pay).await.ok(201));
        stage.shop.trade_is(&trade, "completed").await;
        // Piece by piece, the cheapest first, until nothing is left.
        let mut refunds = Vec::new();
        for amount in [1, 1, 1, 7, 20, 30, 40] {
            let made = stage.shop.refund(&trade, amount, &json!({})).await.ok(201);
            refunds.push(stage.shop.refund_is(&id(&made), "succeeded").await);
        }
        stage.shop.refund(&trade, 1, &json!({})).await.refused(422, "refund_exceeds_paid");
        let returned = |tool: &str| -> i64 {
            let parts = refunds.iter().flat_map(|refund| list(&refund["parts"]));
            parts.filter(|part| part["tool"] == tool).map(|part| part["amount"].as_i64().unwrap()).sum()
        };
        assert_eq!((returned("coupon"), returned("channel")), (30, 70), "{refunds:#?}");
        // What was returned of the coupon pays nothing a second time.
        let second = stage.shop.unpaid("instant", 30, &json!({})).await;
        let again = stage.shop.pay(&second, &json!([coupon(&given, 30)])).await;
        assert_eq!(stage.platform.balance("user:42", "2001").await.0, 0);
        let state = stage.platform.get(&format!("/v1/coupons/{given}")).await.ok(200);
        assert!(again.status == 422 || state["status"] != "usable", "{state:#}\n{}", again.text());
    });
}

#[test]
fn e60_a_balance_never_falls_below_nothing() {
    attack(async |stage| {
        stage.platform.fund("user:42", 100, "CNY").await;
        let tools = json!({"pay": {"tools": [balance(10)]}});
        let answers = join_all((0..20).map(|_| stage.shop.open("instant", 10, &tools))).await;
        let paid = answers.iter().filter(|answer| answer.ok(201)["payment"]["status"] == "succeeded").count();
        let failed = answers
            .iter()
            .filter(|answer| answer.json()["payment"]["failure"]["code"] == "insufficient_balance")
            .count();
        assert_eq!((paid, failed), (10, 10));
        assert_eq!(stage.platform.balance("user:42", "2001").await, (0, 0));
        // A merchant's balance, emptied into its budget.
        assert_eq!(stage.platform.balance(&stage.shop.owner(), "2003").await.0, 100);
        stage.platform.fund(&stage.shop.owner(), 100, "CNY").await;
        let budget = json!({"amount": 10, "currency": "CNY"});
        let answers = join_all((0..20).map(|_| stage.shop.post("/v1/coupons/budgets", &budget))).await;
        assert_eq!(taken(&answers, 422, "insufficient_funds").len(), 10);
        assert_eq!(stage.platform.balance(&stage.shop.owner(), "2002").await, (0, 0));
    });
}

fn from_42(word: &str) -> Value {
    let to = json!({"type": "bank_account", "account": "6222020200112233445", "name": "Zhang San", "sandbox": word});
    json!({"payer": "user:42", "destination": to})
}

#[test]
fn e60_payments_and_payouts_at_once() {
    attack(async |stage| {
        stage.platform.fund("user:42", 100, "CNY").await;
        let (tools, all, some) = (json!({"pay": {"tools": [balance(10)]}}), from_42("succeed"), from_42("payout_fail"));
        let answers = join_all((0..30).map(async |n| match n % 10 {
            0 => stage.shop.open("payout", 100, &all).await,
            5 => stage.shop.open("payout", 30, &some).await,
            _ => stage.shop.open("instant", 10, &tools).await,
        }))
        .await;
        let mut out = 0;
        for answer in &answers {
            let trade = answer.ok(201);
            let (failure, ordered) = (&trade["payment"]["failure"]["code"], trade["payment"]["status"] == "processing");
            assert!(failure.is_null() || failure == "insufficient_balance", "{trade:#}");
            if ordered && trade["amount"] == 100 {
                out += stage.shop.trade_is(&id(&trade), "completed").await["amount"].as_i64().unwrap();
            } else if ordered {
                stage.shop.trade_is(&id(&trade), "closed").await;
            }
        }
        let (posted, available) = stage.platform.balance("user:42", "2001").await;
        let sold = stage.platform.balance(&stage.shop.owner(), "2003").await.0;
        assert_eq!((posted + sold + out, available), (100, posted), "{out} went out, {sold} to the shop");
        assert!(posted >= 0, "{posted}");
    });
}

#[test]
fn e64_a_payout_is_not_called_back() {
    attack_in_silence(async |stage| {
        stage.platform.fund("user:42", 100, "CNY").await;
        let trade = stage.shop.open("payout", 60, &from_42("payout_unknown")).await.ok(201);
        let unknown = |trade: &Value| trade["payment"]["instructions"][0]["status"] == "unknown";
        stage.shop.wait_until(&format!("/v1/trades/{}", id(&trade)), unknown).await;
        stage.settle().await;
        for (path, code) in [
            (format!("/v1/payments/{}/cancel", id(&trade["payment"])), Code::payment_not_cancelable),
            (format!("/v1/trades/{}/close", id(&trade)), Code::invalid_state),
        ] {
            stage.refused(&Call::post(&stage.shop.key, &path, "{}"), code, None);
        }
        stage.refused(&refund(stage, &id(&trade), json!({"amount": 5})), Code::invalid_state, None);
        assert_eq!(stage.platform.balance("user:42", "2001").await, (100, 40), "held until the institution speaks");
    });
}

#[test]
fn e61_one_coupon_on_twenty_trades() {
    attack(async |stage| {
        let one = stage.shop.coupon("user:42", 10).await;
        let tools = json!({"pay": {"tools": [coupon(&one, 10)]}});
        let answers = join_all((0..20).map(|_| stage.shop.open("instant", 10, &tools))).await;
        let opened: Vec<Value> = answers.iter().filter(|answer| answer.status == 201).map(Reply::json).collect();
        let paid = opened.iter().filter(|trade| trade["payment"]["status"] == "succeeded").count();
        assert_eq!(paid, 1);
        for answer in answers.iter().filter(|answer| answer.status != 201) {
            answer.refused(422, "coupon_not_applicable");
        }
        assert_eq!(stage.platform.balance(&stage.shop.owner(), "2003").await.0, 10);
    });
}

#[test]
fn e62_coupons_of_others() {
    attack(async |stage| {
        let of_another_user = stage.shop.coupon("user:43", 10).await;
        let of_another_merchant = stage.other.coupon("user:42", 10).await;
        let one = stage.shop.coupon("user:42", 10).await;
        let soon = (jiff::Timestamp::now() + jiff::SignedDuration::from_millis(400)).to_string();
        let body = json!({"merchant_id": stage.shop.id, "owner": "user:42", "amount": 10, "currency": "CNY", "expires_at": soon});
        let expired = id(&stage.platform.post("/v1/coupons", &body).await.ok(201));
        stage.platform.wait_for(&format!("/v1/coupons/{expired}"), "expired").await;
        let trade = stage.shop.unpaid("instant", 20, &json!({})).await;
        stage.settle().await;
        let pay = |tools: Value| {
            Call::post(&stage.shop.key, &format!("/v1/trades/{trade}/payments"), json!({"tools": tools}).to_string())
        };
        let late = json!({"merchant_id": stage.shop.id, "owner": "user:42", "amount": 10, "currency": "CNY", "expires_at": soon});
        let late = Call::post(&stage.platform.key, "/v1/coupons", late.to_string());
        stage.refused(&late, Code::expires_at_invalid, Some("expires_at"));
        for (other, rest) in [(of_another_user, 10), (of_another_merchant, 10), (expired, 10), (nowhere("coupons"), 10)]
        {
            let problem = stage.refused(
                &pay(json!([coupon(&other, 10), card(rest)])),
                Code::coupon_not_applicable,
                Some("tools[0].coupon"),
            );
            assert!(!problem.to_string().contains("user:43"), "{problem:#}");
        }
        stage.refused(&pay(json!([coupon(&one, 11), card(9)])), Code::coupon_not_applicable, Some("tools[0].coupon"));
        stage.refused(
            &pay(json!([coupon(&one, 10), coupon(&one, 10)])),
            Code::coupon_not_applicable,
            Some("tools[1].coupon"),
        );
    });
}

#[test]
fn e63_two_budgets_and_two_buyers_at_once() {
    attack(async |stage| {
        // Postings between the same accounts in both directions, at once: no deadlock reaches a client.
        for owner in [stage.shop.owner(), stage.other.owner()] {
            stage.platform.fund(&owner, 1_000, "CNY").await;
        }
        stage.platform.fund("user:42", 1_000, "CNY").await;
        let budget = json!({"amount": 1, "currency": "CNY"});
        let tools = json!({"pay": {"tools": [balance(1)]}});
        let answers = join_all((0..40).map(async |n| {
            let shop = if n % 2 == 0 { &stage.shop } else { &stage.other };
            if n % 4 < 2 {
                shop.post("/v1/coupons/budgets", &budget).await
            } else {
                shop.open("instant", 1, &tools).await
            }
        }))
        .await;
        assert!(answers.iter().all(|answer| answer.status == 201));
    });
}

#[test]
fn e63_opposite_transfers_at_once() {
    attack(async |stage| {
        for user in ["user:42", "user:43"] {
            stage.platform.fund(user, 1_000, "CNY").await;
        }
        let answers = join_all((0..40).map(async |n| {
            let (payer, payee) = if n % 2 == 0 { ("user:42", "user:43") } else { ("user:43", "user:42") };
            stage.shop.open("transfer", 7, &json!({"payer": payer, "payee": payee})).await
        }))
        .await;
        assert!(answers.iter().all(|answer| answer.status == 201 && answer.json()["status"] == "completed"));
        for user in ["user:42", "user:43"] {
            assert_eq!(stage.platform.balance(user, "2001").await, (1_000, 1_000));
        }
    });
}

/// A hundred claim three shares at once, each of twenty users five times: three have one each, and they sum to the packet.
#[test]
fn e65_a_red_packet_is_claimed_by_a_crowd() {
    attack(async |stage| {
        let body = json!({"tool": "red_packet", "amount": 100, "currency": "CNY", "shares": 3, "split": "lucky"});
        let packet = id(&stage.platform.post("/v1/gifts", &body).await.ok(201));
        let path = format!("/v1/gifts/{packet}/claims");
        let claims: Vec<Value> = (0..100).map(|n| json!({"owner": format!("user:p{}", n % 20)})).collect();
        let answers = join_all(claims.iter().map(|claim| stage.platform.post(&path, claim))).await;
        let mine = |answer: &&Reply| answer.status != 200;
        let answers: Vec<Reply> = answers.into_iter().filter(|answer| mine(&answer)).collect();
        let taken = taken(&answers, 422, "gift_not_claimable");
        let shares: Vec<i64> = taken.iter().map(|answer| answer.json()["amount"].as_i64().unwrap()).collect();
        assert_eq!((shares.len(), shares.iter().sum::<i64>()), (3, 100), "{shares:?}");
        stage.settle().await;
        let late = Call::post(&stage.platform.key, &path, json!({"owner": "user:late"}).to_string());
        stage.refused(&late, Code::gift_not_claimable, None);
    });
}
