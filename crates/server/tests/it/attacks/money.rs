//! B: amounts, currencies and sums (cases 16 to 31), on every route that takes money.

use kernel::Code;
use serde_json::{Value, json};

use super::routes::{Document, body_for};
use super::stage::attack;
use super::wire::Call;
use crate::shop::{balance, card, coupon, id, list, number, order};

/// What is sent as an amount, the code that answers it, and that of a currency without decimals where it differs.
const AMOUNTS: [(&str, Code); 26] = [
    ("0", Code::amount_not_positive),
    ("-0", Code::amount_not_positive),
    ("-1", Code::amount_not_positive),
    ("-9223372036854775808", Code::amount_not_positive),
    ("1.5", Code::invalid_type),
    ("\"1e3\"", Code::invalid_type),
    ("\"abc\"", Code::invalid_type),
    ("\"\"", Code::invalid_type),
    ("true", Code::invalid_type),
    ("null", Code::invalid_type),
    ("[1]", Code::invalid_type),
    ("{\"amount\":1}", Code::invalid_type),
    ("1e2", Code::invalid_amount),
    ("1E400", Code::invalid_amount),
    ("0.005", Code::invalid_amount),
    ("\"0x10\"", Code::invalid_amount),
    ("\"+5\"", Code::invalid_amount),
    ("\" 5\"", Code::invalid_amount),
    ("\"5\"", Code::invalid_amount),
    ("\"-5\"", Code::invalid_amount),
    ("\"５\"", Code::invalid_amount),
    ("\"٥\"", Code::invalid_amount),
    ("9223372036854775807", Code::amount_out_of_range),
    ("9223372036854775808", Code::amount_out_of_range),
    ("1000000000000001", Code::amount_out_of_range),
    ("1000000000000000000000000000000", Code::amount_out_of_range),
];

/// Puts a raw text where the body says `"@"`.
fn raw(body: &Value, text: &str) -> String {
    body.to_string().replace("\"@\"", text)
}

#[test]
fn b16_b17_b18_b19_b20_amounts_on_every_route_that_takes_one() {
    attack(async |stage| {
        let mut routes = 0;
        for route in Document::read(stage).posts() {
            let mut body = body_for(&route, stage);
            if body["amount"].is_null() {
                continue;
            }
            routes += 1;
            body["amount"] = json!("@");
            for (amount, code) in AMOUNTS {
                // Where the body names a currency of two decimals, 0.005 has one too many.
                let scale = amount == "0.005" && !body["currency"].is_null();
                let code = if scale { Code::currency_exponent_mismatch } else { code };
                let call = Call::post(&stage.platform.key, &route.path_to_nothing(), raw(&body, amount));
                stage.refused(&call, code, Some("amount"));
            }
        }
        assert!(routes >= 6, "{routes}");
    });
}

#[test]
fn b16_b19_b26_amounts_inside() {
    attack(async |stage| {
        let split =
            json!({"splits": [{"receiver": "seller:s1", "amount": 10}, {"receiver": "seller:s2", "amount": "@"}]});
        let tool = json!({"pay": {"tools": [card(10), {"tool": "coupon", "coupon": "cpn_01k9z8q5m0000000000000000a", "amount": "@"}]}});
        for (more, param) in [(split, "splits[1].amount"), (tool, "pay.tools[1].amount")] {
            for (amount, code) in AMOUNTS {
                let code = if amount == "0.005" { Code::currency_exponent_mismatch } else { code };
                let call = Call::post(&stage.shop.key, "/v1/trades", raw(&order("escrow", 9, &more), amount));
                stage.refused(&call, code, Some(param));
            }
        }
    });
}

#[test]
fn b21_sums_that_overflow() {
    attack(async |stage| {
        let trade = stage.shop.unpaid("instant", 9, &json!({})).await;
        stage.settle().await;
        let most = 1_000_000_000_000_000_i64;
        let tools = json!({"tools": [card(most), card(1)]});
        let pay = Call::post(&stage.shop.key, &format!("/v1/trades/{trade}/payments"), tools.to_string());
        stage.refused(&pay, Code::amount_out_of_range, Some("tools"));
        let many = json!({"tools": vec![card(most); 64]});
        let pay = Call::post(&stage.shop.key, &format!("/v1/trades/{trade}/payments"), many.to_string());
        stage.refused(&pay, Code::amount_out_of_range, Some("tools"));
        let splits =
            json!({"splits": [{"receiver": "seller:s1", "amount": most}, {"receiver": "seller:s2", "amount": most}]});
        let open = Call::post(&stage.shop.key, "/v1/trades", order("instant", most, &splits).to_string());
        stage.refused(&open, Code::amount_out_of_range, Some("splits"));
        // The greatest amount is an amount; what an account cannot hold in sum is refused, not wrapped.
        let fund = json!({"owner": "user:rich", "amount": most, "currency": "CNY"});
        for _ in 0..9_300 / 100 {
            stage.platform.post("/v1/sandbox/fund", &fund).await.ok(201);
        }
        assert_eq!(stage.platform.balance("user:rich", "2001").await.0, most * 93);
    });
}

#[test]
fn b22_the_scale_of_another_currency() {
    attack(async |stage| {
        let body = order("instant", 1, &json!({"amount": "@"}));
        for (amount, currency) in
            [("100.00", "JPY"), ("100.0", "JPY"), ("1.2345", "BHD"), ("1.234", "CNY"), ("0.1", "JPY"), ("5.000", "USD")]
        {
            let mut body = body.clone();
            body["currency"] = json!(currency);
            let call = Call::post(&stage.shop.key, "/v1/trades", raw(&body, amount));
            stage.refused(&call, Code::currency_exponent_mismatch, Some("amount"));
        }
        let three = stage.shop.open("instant", 1_234, &json!({"currency": "BHD"})).await.ok(201);
        assert_eq!((&three["amount"], &three["currency"]), (&json!(1_234), &json!("BHD")));
    });
}

#[test]
fn b23_unknown_currencies_on_every_route_that_takes_one() {
    attack(async |stage| {
        let mut routes = 0;
        for route in Document::read(stage).posts() {
            let mut body = body_for(&route, stage);
            if body["currency"].is_null() {
                continue;
            }
            routes += 1;
            for currency in ["XXX", "XTS", "cny", "Cny", "", "СNY", "CN", "CNYY", "ＣＮＹ", "156", "XAU", "CNY ", "DEM"]
            {
                body["currency"] = json!(currency);
                let call = Call::post(&stage.platform.key, &route.path_to_nothing(), body.to_string());
                stage.refused(&call, Code::unknown_currency, Some("currency"));
            }
        }
        assert!(routes >= 4, "{routes}");
    });
}

#[test]
fn b24_another_currency_than_the_trades() {
    attack(async |stage| {
        let trade = stage.shop.unpaid("instant", 100, &json!({})).await;
        let body = json!({"owner": "user:42", "amount": 100, "currency": "USD", "merchant_id": stage.shop.id});
        let dollars = id(&stage.platform.post("/v1/coupons", &body).await.ok(201));
        stage.settle().await;
        // A tool and a refund have no currency of their own, so none can be forced on them.
        let mut tool = card(100);
        tool["currency"] = json!("USD");
        let pay = format!("/v1/trades/{trade}/payments");
        let call = Call::post(&stage.shop.key, &pay, json!({"tools": [tool]}).to_string());
        stage.refused(&call, Code::unknown_field, Some("tools[0].currency"));
        let refund = json!({"merchant_refund_id": "R", "amount": 1, "currency": "USD"});
        let call = Call::post(&stage.shop.key, &format!("/v1/trades/{trade}/refunds"), refund.to_string());
        stage.refused(&call, Code::unknown_field, Some("currency"));
        let call = Call::post(&stage.shop.key, &pay, json!({"tools": [coupon(&dollars, 100)]}).to_string());
        stage.refused(&call, Code::coupon_not_applicable, Some("tools[0].coupon"));
    });
}

#[test]
fn b25_b28_parts_that_are_not_the_whole() {
    attack(async |stage| {
        let trade = stage.shop.unpaid("escrow", 100, &json!({})).await;
        stage.settle().await;
        let pay = format!("/v1/trades/{trade}/payments");
        for tools in
            [json!([card(99)]), json!([card(101)]), json!([card(50), balance(49)]), json!([balance(100), card(1)])]
        {
            let call = Call::post(&stage.shop.key, &pay, json!({"tools": tools}).to_string());
            stage.refused(&call, Code::amount_sum_mismatch, Some("tools"));
        }
        for (more, param) in [
            (json!({"splits": [{"receiver": "seller:s1", "amount": 99}]}), "splits"),
            (
                json!({"splits": [{"receiver": "seller:s1", "amount": 99}, {"receiver": "seller:s2", "amount": 2}]}),
                "splits",
            ),
            (json!({"pay": {"tools": [card(99)]}}), "pay.tools"),
        ] {
            let call = Call::post(&stage.shop.key, "/v1/trades", order("escrow", 100, &more).to_string());
            stage.refused(&call, Code::amount_sum_mismatch, Some(param));
        }
        // A total is never taken from a client beside what is there to be paid.
        for field in ["total", "total_amount", "paid_amount", "due_amount"] {
            let mut body = json!({"tools": [card(100)]});
            body[field] = json!(1);
            stage.refused(&Call::post(&stage.shop.key, &pay, body.to_string()), Code::unknown_field, Some(field));
        }
        let refund =
            json!({"merchant_refund_id": "R", "amount": 3, "splits": [{"receiver": "seller:s1", "amount": 2}]});
        let paid = stage.shop.paid("escrow", 100, &json!({"splits": [{"receiver": "seller:s1", "amount": 100}]})).await;
        stage.settle().await;
        let call = Call::post(&stage.shop.key, &format!("/v1/trades/{paid}/refunds"), refund.to_string());
        stage.refused(&call, Code::amount_sum_mismatch, Some("splits"));
        let confirm = json!({"amount": 3, "splits": [{"receiver": "seller:s1", "amount": 2}]});
        let call = Call::post(&stage.shop.key, &format!("/v1/trades/{paid}/confirm"), confirm.to_string());
        stage.refused(&call, Code::amount_sum_mismatch, Some("splits"));
    });
}

#[test]
fn b27_a_discount_larger_than_the_order() {
    attack(async |stage| {
        let large = stage.shop.coupon("user:42", 500).await;
        let trade = stage.shop.unpaid("instant", 100, &json!({})).await;
        stage.settle().await;
        let pay = format!("/v1/trades/{trade}/payments");
        for (tools, code, param) in [
            (json!([coupon(&large, 500)]), Code::amount_sum_mismatch, "tools"),
            (json!([coupon(&large, 501), card(1)]), Code::amount_sum_mismatch, "tools"),
        ] {
            let call = Call::post(&stage.shop.key, &pay, json!({"tools": tools}).to_string());
            stage.refused(&call, code, Some(param));
        }
        let negative = json!({"tools": [coupon(&large, 500), {"tool": "channel", "method": "card", "amount": -400}]});
        let call = Call::post(&stage.shop.key, &pay, negative.to_string());
        stage.refused(&call, Code::amount_not_positive, Some("tools[1].amount"));
        let beyond = json!({"tools": [coupon(&stage.shop.coupon("user:42", 50).await, 100)]});
        stage.settle().await;
        let call = Call::post(&stage.shop.key, &pay, beyond.to_string());
        stage.refused(&call, Code::coupon_not_applicable, Some("tools[0].coupon"));
    });
}

#[test]
fn b29_thirds_sum_to_the_whole() {
    attack(async |stage| {
        let thirds = [34, 33, 33];
        let splits: Vec<Value> = thirds
            .iter()
            .enumerate()
            .map(|(n, amount)| json!({"receiver": format!("seller:s{n}"), "amount": amount}))
            .collect();
        let trade = stage.shop.paid("escrow", 100, &json!({"splits": splits})).await;
        // Parts that no third divides: spread over what is left of each, never more and never less than asked.
        for amount in [1, 10, 50] {
            stage.shop.confirm(&trade, &json!({"amount": amount})).await.ok(200);
        }
        let refund = stage.shop.refund(&trade, 10, &json!({})).await.ok(201);
        stage.shop.refund_is(&id(&refund), "succeeded").await;
        let shown = stage.shop.trade(&trade).await;
        let sum =
            |field: &str| -> i64 { list(&shown["splits"]).iter().map(|split| split[field].as_i64().unwrap()).sum() };
        assert_eq!(sum("amount"), 100);
        assert_eq!(shown["confirmed_amount"], 61, "{shown:#}");
        assert_eq!((&shown["refunded_amount"], &shown["escrow_amount"]), (&json!(10), &json!(29)), "{shown:#}");
        stage.shop.confirm(&trade, &json!({})).await.ok(200);
        let mut received = 0;
        for n in 0..3 {
            received += stage.platform.balance(&stage.shop.seller(&format!("s{n}")), "2003").await.0;
        }
        assert_eq!(received, 90, "not a cent more or less");
    });
}

#[test]
fn b30_rounding_cannot_be_farmed() {
    attack(async |stage| {
        let trade = stage.shop.paid("escrow", 3, &json!({"splits": [
            {"receiver": "seller:s1", "amount": 1}, {"receiver": "seller:s2", "amount": 1}, {"receiver": "seller:s3", "amount": 1},
        ]})).await;
        stage.settle().await;
        let path = format!("/v1/trades/{trade}/refunds");
        for _ in 0..100 {
            let body = format!(r#"{{"merchant_refund_id":"{}","amount":0.005}}"#, number("F"));
            stage.refused(&Call::post(&stage.shop.key, &path, body), Code::invalid_amount, Some("amount"));
        }
        let mut refunded = 0;
        for _ in 0..10 {
            let answer = stage.shop.refund(&trade, 1, &json!({})).await;
            refunded += i64::from(answer.status == 201);
        }
        assert_eq!(refunded, 3, "one cent each, never a fourth");
    });
}

#[test]
fn b31_rates_are_not_the_clients() {
    attack(async |stage| {
        for field in ["exchange_rate", "fee_rate", "rate", "discount", "fee", "settlement_currency"] {
            let mut body = order("instant", 100, &json!({}));
            body[field] = json!("7.1");
            let call = Call::post(&stage.shop.key, "/v1/trades", body.to_string());
            stage.refused(&call, Code::unknown_field, Some(field));
        }
    });
}
