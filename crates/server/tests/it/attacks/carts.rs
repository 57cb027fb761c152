//! Carts under attack: sums that do not hold (B), children that go their own way (D), and who sees what (F).

use kernel::Code;
use serde_json::{Value, json};

use super::stage::{Stage, attack};
use super::wire::Call;
use crate::shop::{card, id, list, number, order, with};

const MOST: i64 = 1_000_000_000_000_000;

/// A child of this merchant.
fn child(merchant: &str, amount: i64) -> Value {
    json!({"merchant_id": merchant, "merchant_order_id": number("C"), "type": "instant", "amount": amount})
}

/// A cart of the platform's making, for this merchant.
fn cart(merchant: &str, amount: i64, children: &[Value]) -> Value {
    order("combined", amount, &json!({"merchant_id": merchant, "buyer": "42", "children": children}))
}

fn open(stage: &Stage<'_>, body: &Value) -> Call {
    Call::post(&stage.platform.key, "/v1/trades", body.to_string())
}

/// One child of each merchant, 60 and 40, opened by the platform in the first one's name.
async fn opened(stage: &Stage<'_>) -> (String, [String; 2]) {
    let children = [child(&stage.shop.id, 60), child(&stage.other.id, 40)];
    let parent = stage.platform.post("/v1/trades", &cart(&stage.shop.id, 100, &children)).await.ok(201);
    let of = |place: usize| parent["children"][place]["trade"].as_str().unwrap().to_owned();
    (id(&parent), [of(0), of(1)])
}

#[test]
fn b21_b25_carts_whose_sums_do_not_hold() {
    attack(async |stage| {
        let (shop, other) = (&stage.shop.id, &stage.other.id);
        stage.settle().await;
        let too_much = cart(shop, MOST, &[child(shop, MOST), child(other, MOST)]);
        stage.refused(&open(stage, &too_much), Code::amount_out_of_range, Some("children"));
        let many: Vec<Value> = (0..30).map(|_| child(other, MOST)).collect();
        stage.refused(&open(stage, &cart(shop, MOST, &many)), Code::amount_out_of_range, Some("children"));
        for amount in [99, 101, 1] {
            let short = cart(shop, amount, &[child(shop, 60), child(other, 40)]);
            stage.refused(&open(stage, &short), Code::amount_sum_mismatch, Some("children"));
        }
        // More than there may be, in another currency, of another buyer, in each other, and under one number.
        let crowd: Vec<Value> = (0..31).map(|_| child(other, 1)).collect();
        stage.refused(&open(stage, &cart(shop, 31, &crowd)), Code::invalid_value, Some("children"));
        let odd = |more: Value| cart(shop, 100, &[child(shop, 60), with(child(other, 40), &more)]);
        let refusals = [
            (json!({"currency": "USD"}), Code::unknown_field, "children[1].currency"),
            (json!({"buyer": "43"}), Code::unknown_field, "children[1].buyer"),
            (json!({"parent": "trd_00000000000000000000000000"}), Code::unknown_field, "children[1].parent"),
            (json!({"children": [child(other, 40)]}), Code::unknown_field, "children[1].children"),
            (json!({"type": "combined"}), Code::invalid_value, "children[1].type"),
        ];
        for (more, code, param) in refusals {
            stage.refused(&open(stage, &odd(more)), code, Some(param));
        }
        let twin = child(other, 50);
        let twice = cart(shop, 100, &[twin.clone(), twin]);
        stage.refused(&open(stage, &twice), Code::order_exists, Some("children[1].merchant_order_id"));
        let mut own = cart(shop, 100, &[child(shop, 100)]);
        own["children"][0]["merchant_order_id"] = own["merchant_order_id"].clone();
        stage.refused(&open(stage, &own), Code::order_exists, Some("children[0].merchant_order_id"));
    });
}

#[test]
fn d45_no_child_goes_its_own_way() {
    attack(async |stage| {
        let (parent, [first, second]) = opened(stage).await;
        stage.settle().await;
        let pay = json!({"tools": [card(60)]}).to_string();
        let ask = |trade: &str, what: &str, body: &str| {
            Call::post(&stage.platform.key, &format!("/v1/trades/{trade}/{what}"), body.to_owned())
        };
        stage.refused_anywhere(&ask(&first, "payments", &pay), Code::combined_trade);
        stage.refused_anywhere(&ask(&second, "close", "{}"), Code::combined_trade);
        let refund = json!({"amount": 1, "merchant_refund_id": "R"}).to_string();
        for (what, body) in [("confirm", "{}"), ("refunds", refund.as_str())] {
            stage.refused_anywhere(&ask(&parent, what, body), Code::combined_trade);
        }
        // Part of a cart is not paid, and what is paid is not paid again.
        stage.refused_anywhere(&ask(&parent, "payments", &pay), Code::amount_sum_mismatch);
        stage.shop.pay(&parent, &json!([card(100)])).await.ok(201);
        stage.platform.trade_is(&parent, "completed").await;
        stage.settle().await;
        for (trade, amount) in [(&parent, 100), (&first, 60), (&second, 40)] {
            let again = json!({"tools": [card(amount)]}).to_string();
            stage.refused_anywhere(&ask(trade, "payments", &again), Code::trade_not_payable);
        }
        let more = json!({"amount": 61, "merchant_refund_id": "R"}).to_string();
        stage.refused(&ask(&first, "refunds", &more), Code::refund_exceeds_paid, Some("amount"));
    });
}

#[test]
fn f66_a_cart_shows_each_merchant_its_own() {
    attack(async |stage| {
        let (parent, [first, second]) = opened(stage).await;
        stage.shop.pay(&parent, &json!([card(100)])).await.ok(201);
        stage.platform.trade_is(&parent, "completed").await;
        stage.settle().await;
        // The other merchant's child only; of the parent, that there is one.
        for path in ["", "/chain", "/offer"] {
            for trade in [&parent, &first] {
                let call = Call::get(&stage.other.key, &format!("/v1/trades/{trade}{path}"));
                stage.refused_anywhere(&call, Code::not_found);
            }
        }
        let refund = json!({"amount": 1, "merchant_refund_id": "R"}).to_string();
        for (key, trade) in [(&stage.other.key, &first), (&stage.shop.key, &second)] {
            let call = Call::post(key, &format!("/v1/trades/{trade}/refunds"), refund.clone());
            stage.refused_anywhere(&call, Code::not_found);
        }
        let own = stage.other.get(&format!("/v1/trades/{second}/chain")).await.text();
        assert!(own.contains(&second) && !own.contains(&first) && !own.contains(&stage.shop.id), "{own}");
        let listed = stage.other.get("/v1/trades").await.ok(200);
        let ids: Vec<String> = list(&listed["data"]).iter().map(id).collect();
        assert_eq!(ids, [second], "{listed:#}");
        let (events, _) = stage.other.events_from(None, 100).await;
        let told = json!(events).to_string();
        assert!(!told.contains(&first) && !told.contains(&stage.shop.id), "{told}");
    });
}

#[test]
fn f67_no_key_opens_a_cart_for_others() {
    attack(async |stage| {
        stage.settle().await;
        let (shop, other) = (&stage.shop.id, &stage.other.id);
        let mixed = cart(shop, 100, &[child(shop, 60), child(other, 40)]).to_string();
        let call = Call::post(&stage.shop.key, "/v1/trades", mixed.clone());
        stage.refused(&call, Code::merchant_mismatch, Some("children[1].merchant_id"));
        let call = Call::post(&stage.other.key, "/v1/trades", mixed);
        stage.refused(&call, Code::merchant_mismatch, Some("merchant_id"));
        let theirs = cart(other, 100, &[child(shop, 100)]).to_string();
        let call = Call::post(&stage.shop.key, "/v1/trades", theirs);
        stage.refused(&call, Code::merchant_mismatch, Some("merchant_id"));
    });
}
