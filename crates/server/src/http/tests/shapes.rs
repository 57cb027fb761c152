//! Bodies: every example of the documentation is read by its handler, everything else is refused with its place.

use std::sync::Arc;

use engine::request::Command;
use kernel::message::payment::Tool;
use kernel::message::trade::{Command as TradeCommand, LateSuccess, UnpaidDue};
use kernel::{OrderType, Owner};
use serde_json::{Map, Value, json};

use super::house::{House, OTHER_SHOP, PLATFORM, SHOP, shop, trade};
use crate::config::Environment;
use crate::http::route::Route;
use crate::http::{openapi, routes};

/// The routes that read a body, with the schema and its example for our shop.
fn bodies() -> Vec<(Arc<Route>, Value, Value)> {
    let schemas = openapi::schemas(&kernel::StoredKind::BUILT_IN);
    let routes =
        routes::table(Environment::Test).into_iter().filter(|route| route.is_post() && route.scope().is_some());
    let mut bodies = Vec::new();
    for route in routes.map(Arc::new) {
        for schema in variants(&schemas, route.body.unwrap_or_else(|| panic!("{} names no body", route.path))) {
            let mut example = schema["example"].clone();
            if example.get("merchant_id").is_some() {
                example["merchant_id"] = shop().to_string().into();
            }
            bodies.push((Arc::clone(&route), schema, example));
        }
    }
    bodies
}

/// A schema, or those that it is one of.
fn variants(schemas: &Map<String, Value>, name: &str) -> Vec<Value> {
    let schema = &schemas[name];
    match schema["oneOf"].as_array() {
        None => vec![schema.clone()],
        Some(of) => {
            of.iter().map(|one| schemas[one["$ref"].as_str().unwrap().rsplit('/').next().unwrap()].clone()).collect()
        }
    }
}

pub(super) fn path(route: &Route) -> String {
    let prefix = match route.path.split('/').nth(2) {
        Some("payments") => "pay",
        Some("disputes") => "dsp",
        Some("cases") => "cas",
        Some("gifts") => "gft",
        Some("points") => "pgr",
        Some("credit_lines") => "crl",
        Some("bills") => "bil",
        Some("merchants") => "mch",
        Some("keys") => "key",
        Some("webhook_endpoints") => "whe",
        Some("blocks") => "blk",
        Some("events") => "evt",
        Some("switches") => return route.path.replace("{id}", "marketing"),
        Some("rules") => return route.path.replace("{id}", "shop"),
        _ => "trd",
    };
    let number = if ["pay", "dsp", "cas", "bil"].contains(&prefix) { "001" } else { "" };
    route.path.replace("{id}", &format!("{}{number}", trade().to_string().replace("trd", prefix)))
}

#[tokio::test]
async fn every_documented_body_is_read_whole() {
    let house = House::test();
    for (route, schema, example) in bodies() {
        let answer = house.post(PLATFORM, &path(&route), &example.to_string()).await;
        assert!(answer.status.is_success(), "{}: {}", route.path, answer.text);
        let fields = |value: &Value| -> Vec<String> { value.as_object().unwrap().keys().cloned().collect() };
        assert_eq!(fields(&example), fields(&schema["properties"]), "{}: the example has every field", route.path);
    }
}

#[tokio::test]
async fn a5_c31_no_body_takes_a_field_that_is_not_documented() {
    let house = House::test();
    for (route, _, mut example) in bodies() {
        for field in ["is_paid", "fee_rate", "exchange_rate", "status"] {
            example[field] = json!("paid");
            let answer = house.post(PLATFORM, &path(&route), &example.to_string()).await;
            assert_eq!(answer.code(), "400 unknown_field", "{}", route.path);
            assert_eq!(answer.json()["param"], field);
            example.as_object_mut().unwrap().remove(field);
        }
    }
}

#[tokio::test]
async fn required_fields_are_required_and_amounts_are_amounts() {
    let house = House::test();
    for (route, schema, example) in bodies() {
        for field in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            let mut without = example.clone();
            without.as_object_mut().unwrap().remove(field);
            let answer = house.post(PLATFORM, &path(&route), &without.to_string()).await;
            assert_eq!(answer.code(), "400 missing_field", "{} {field}", route.path);
            assert_eq!(answer.json()["param"], field);
        }
        for (value, code) in [
            (json!(0), "422 amount_not_positive"),
            (json!(-1), "422 amount_not_positive"),
            (json!(1.5), "400 invalid_type"),
            (json!("1e3"), "400 invalid_type"),
            (json!(true), "400 invalid_type"),
            (json!(null), "400 invalid_type"),
            (json!([]), "400 invalid_type"),
            (json!("5"), "400 invalid_amount"),
            (json!(i64::MAX), "422 amount_out_of_range"),
        ] {
            if example.get("amount").is_some() {
                let mut other = example.clone();
                other["amount"] = value.clone();
                let answer = house.post(PLATFORM, &path(&route), &other.to_string()).await;
                assert_eq!(answer.code(), code, "{} {value}", route.path);
            }
        }
    }
}

#[tokio::test]
async fn no_body_is_read_as_another_type() {
    let house = House::test();
    for (route, _, _) in bodies() {
        for body in ["[]", "null", "1", "\"x\""] {
            assert_eq!(
                house.post(PLATFORM, &path(&route), body).await.code(),
                "400 invalid_type",
                "{} {body}",
                route.path
            );
        }
    }
}

#[tokio::test]
async fn a_trade_as_it_was_meant() {
    let house = House::test();
    let (_, _, example) = bodies().into_iter().find(|(route, ..)| route.path == "/v1/trades").unwrap();
    house.post(SHOP, "/v1/trades", &example.to_string()).await;
    let Command::CreateTrade(create) = house.last().command else { panic!("no trade") };
    assert_eq!(create.context.merchant, shop());
    assert_eq!(create.context.order_type, OrderType::Escrow);
    assert_eq!(create.context.sub_type.as_str(), "shop.checkout");
    assert_eq!(create.merchant_order_id, "A1001");
    assert_eq!((create.money.amount.minor(), create.money.currency.code()), (14_490, "CNY"));
    assert_eq!(create.payer.to_string(), "user:42");
    assert_eq!(create.id.0.bucket(), kernel::Bucket::of("user:42"), "it lives with its buyer");
    assert_eq!(create.subject.as_deref(), Some("2 items"));
    assert_eq!(create.expires_at, kernel::Time::parse("2026-11-23T16:30:00Z"));
    assert_eq!(create.confirm_by, kernel::Time::parse("2026-12-03T16:00:00Z"));
    assert_eq!(create.return_url.as_deref(), Some("https://shop.example/done"));
    assert_eq!(create.metadata.get("cart").map(String::as_str), Some("17"));
    assert_eq!(create.late_success, Some(LateSuccess::Refund));
    assert_eq!(create.splits[0].receiver, Owner::Seller(shop(), "s1".to_owned()));
    assert_eq!(create.splits[1].amount.minor(), 2_490);
    let tools = create.pay.unwrap();
    assert!(matches!(tools[0].tool, Tool::Coupon(_)));
    let card = Tool::Channel { method: "card".to_owned(), sandbox: Some("succeed".to_owned()) };
    assert_eq!((&tools[1].tool, tools[1].amount.minor()), (&card, 13_490));
}

#[tokio::test]
async fn a_sale_in_dues_as_it_was_meant() {
    let house = House::test();
    let (.., example) = bodies().into_iter().find(|(.., example)| example.get("dues").is_some()).unwrap();
    house.post(SHOP, "/v1/trades", &example.to_string()).await;
    let Command::CreateTrade(create) = house.last().command else { panic!("no trade") };
    let [deposit, balance] = create.dues.as_slice() else { panic!("{:?}", create.dues) };
    assert_eq!((deposit.amount.minor(), balance.amount.minor()), (2_000, 12_490));
    assert_eq!(deposit.expires_at, kernel::Time::parse("2026-11-23T16:30:00Z"));
    assert_eq!(balance.opens_at, kernel::Time::parse("2026-12-01T00:00:00Z"));
    assert_eq!(create.unpaid_due, Some(UnpaidDue::Forfeit));

    for (due, code) in [
        (json!(2), "201"),
        (json!(null), "201"),
        (json!(0), "400 invalid_value"),
        (json!(8), "201"),
        (json!(9), "400 invalid_value"),
        (json!(65_537), "400 invalid_value"),
        (json!("2"), "400 invalid_type"),
    ] {
        let body = json!({"due": due, "tools": [{"tool": "channel", "method": "card", "amount": 1}]});
        let answer = house.post(SHOP, &format!("/v1/trades/{}/payments", trade()), &body.to_string()).await;
        assert_eq!(answer.code(), code, "{body}");
        if code == "201" {
            let Command::Trade(_, TradeCommand::Pay { due: told, .. }) = house.last().command else { panic!("no") };
            assert_eq!(told.map(i64::from), due.as_i64());
        }
    }
}

#[tokio::test]
async fn trades_that_are_refused() {
    let house = House::test();
    let good = json!({"merchant_order_id": "A1", "type": "instant", "amount": 100, "currency": "CNY", "buyer": "42"});
    let split = |receiver: &str, amount: Value| json!([{"receiver": receiver, "amount": amount}]);
    let tool = |tool: Value| json!({"tools": [tool]});
    let foreign = format!("seller:{}:s1", super::house::other_shop());
    for (field, value, code, param) in [
        ("type", json!("barter"), "400 invalid_value", "type"),
        ("sub_type", json!("Shop"), "400 invalid_value", "sub_type"),
        ("currency", json!("XXX"), "422 unknown_currency", "currency"),
        ("currency", json!("СNY"), "422 unknown_currency", "currency"),
        ("buyer", json!("a b"), "400 invalid_id", "buyer"),
        ("merchant_order_id", json!("x".repeat(65)), "400 invalid_text", "merchant_order_id"),
        ("merchant_order_id", json!("a\n{\"level\":1}"), "400 invalid_text", "merchant_order_id"),
        ("subject", json!("4111 1111 1111 1111"), "422 pan_not_accepted", "subject"),
        ("metadata", json!({"card": "4111-1111-1111-1111"}), "422 pan_not_accepted", "metadata.card"),
        ("metadata", json!({"n": 1}), "400 invalid_type", "metadata.n"),
        ("expires_at", json!("tomorrow"), "400 invalid_time", "expires_at"),
        ("return_url", json!("javascript:alert(1)"), "400 invalid_value", "return_url"),
        ("late_success", json!("keep"), "400 invalid_value", "late_success"),
        ("dues", json!([{"amount": 100}]), "400 invalid_value", "dues"),
        ("dues", json!(vec![json!({"amount": 10}); 9]), "400 invalid_value", "dues"),
        ("dues", json!([{"amount": 60}, {"amount": 0}]), "422 amount_not_positive", "dues[1].amount"),
        ("dues", json!([{"amount": 60, "opens_at": "soon"}, {"amount": 40}]), "400 invalid_time", "dues[0].opens_at"),
        ("dues", json!([{"amount": 60, "no": 1}, {"amount": 40}]), "400 unknown_field", "dues[0].no"),
        ("dues", json!({"amount": 60}), "400 invalid_type", "dues"),
        ("unpaid_due", json!("return"), "400 missing_field", "dues"),
        ("unpaid_due", json!("keep"), "400 invalid_value", "unpaid_due"),
        ("splits", split("seller:s1", json!(0)), "422 amount_not_positive", "splits[0].amount"),
        ("splits", split("seller:s1", json!(-1)), "422 amount_not_positive", "splits[0].amount"),
        ("splits", split(&foreign, json!(100)), "422 receiver_not_applicable", "splits[0].receiver"),
        ("splits", split("robot:1", json!(100)), "400 invalid_id", "splits[0].receiver"),
        ("pay", json!({}), "400 missing_field", "pay.tools"),
        ("pay", json!({"tools": []}), "400 invalid_value", "pay.tools"),
        ("pay", json!({"tools": [], "now": true}), "400 invalid_value", "pay.tools"),
        ("pay", tool(json!({"tool": "cash", "amount": 1})), "400 invalid_value", "pay.tools[0].tool"),
        ("pay", tool(json!({"tool": "coupon", "coupon": "x", "amount": 1})), "400 invalid_id", "pay.tools[0].coupon"),
        (
            "pay",
            tool(json!({"tool": "channel", "method": "card", "amount": 0})),
            "422 amount_not_positive",
            "pay.tools[0].amount",
        ),
        (
            "pay",
            tool(json!({"tool": "channel", "method": "card", "amount": 1, "sandbox": "refund_fail"})),
            "400 invalid_value",
            "pay.tools[0].sandbox",
        ),
        (
            "pay",
            tool(json!({"tool": "coupon", "method": "card", "amount": 1})),
            "400 missing_field",
            "pay.tools[0].coupon",
        ),
    ] {
        let mut body = good.clone();
        body[field] = value;
        let answer = house.post(SHOP, "/v1/trades", &body.to_string()).await;
        assert_eq!((answer.code().as_str(), &answer.json()["param"]), (code, &json!(param)), "{body}");
    }
}

/// Which fields a trade takes depends on its type.
#[tokio::test]
async fn each_type_takes_its_own_fields() {
    let house = House::test();
    let body = |more: Value| {
        let mut body = json!({"merchant_order_id": "A1", "amount": 100, "currency": "CNY"});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    let sale = body(json!({"type": "instant", "buyer": "42"}));
    let topup = body(json!({"type": "topup", "payee": "user:42"}));
    let repayment = body(json!({"type": "repayment", "payer": "user:42"}));
    let transfer = body(json!({"type": "transfer", "payer": "user:42", "payee": "user:43"}));
    let destination = json!({"type": "wallet", "account": "a@b", "name": "A"});
    let payout = body(json!({"type": "payout", "payer": "user:42", "destination": destination}));
    let of_others = [
        ("destination", destination.clone()),
        ("buyer", json!("42")),
        ("payer", json!("user:42")),
        ("payee", json!("user:42")),
        ("splits", json!([])),
        ("confirm_by", json!("2026-12-03T16:00:00Z")),
        ("expires_at", json!("2026-11-23T16:30:00Z")),
        ("return_url", json!("https://shop.example/done")),
        ("late_success", json!("reopen")),
        ("dues", json!([{"amount": 60}, {"amount": 40}])),
        ("pay", json!({"tools": [{"tool": "channel", "method": "card", "amount": 100}]})),
    ];
    for (good, takes) in [
        (&sale, &["buyer", "splits", "confirm_by", "expires_at", "return_url", "late_success", "dues", "pay"][..]),
        (&topup, &["payee", "expires_at", "return_url", "late_success", "pay"]),
        (&repayment, &["payer", "expires_at", "return_url", "late_success", "pay"]),
        (&transfer, &["payer", "payee"]),
        (&payout, &["payer", "destination"]),
    ] {
        assert_eq!(house.post(OTHER_SHOP, "/v1/trades", &good.to_string()).await.code(), "201", "{good}");
        for (field, value) in &of_others {
            let mut with = good.clone();
            with[field] = value.clone();
            let answer = house.post(OTHER_SHOP, "/v1/trades", &with.to_string()).await;
            if takes.contains(field) {
                assert_eq!(answer.code(), "201", "{with}");
            } else {
                let told = (answer.code(), answer.json()["param"].clone());
                assert_eq!(told, ("422 field_not_applicable".to_owned(), json!(field)), "{with}");
            }
        }
    }
    for owner in ["42", "user:", "platform", "seller:s1", "channel:sandbox", "merchant:x"] {
        let mut other = topup.clone();
        other["payee"] = json!(owner);
        let answer = house.post(OTHER_SHOP, "/v1/trades", &other.to_string()).await;
        assert_eq!((answer.code().as_str(), &answer.json()["param"]), ("400 invalid_id", &json!("payee")), "{owner}");
    }
}

/// A top-up lives where the balance is that it fills.
#[tokio::test]
async fn a_top_up_as_it_was_meant() {
    let house = House::test();
    for payee in ["user:42".to_owned(), format!("merchant:{}", shop())] {
        let body = json!({
            "merchant_order_id": "T1", "type": "topup", "amount": 5, "currency": "CNY", "payee": payee, "splits": null,
        });
        house.post(SHOP, "/v1/trades", &body.to_string()).await;
        let Command::CreateTrade(create) = house.last().command else { panic!("no trade") };
        assert_eq!((create.context.order_type, create.payer.to_string()), (OrderType::Topup, payee.clone()));
        assert_eq!((create.id.0.bucket(), create.splits.len()), (kernel::Bucket::of(&payee), 0));
    }
}

#[tokio::test]
async fn b21_sums_beyond_the_range() {
    let house = House::test();
    let half = json!({"tool": "channel", "method": "card", "amount": 600_000_000_000_000_i64});
    let answer = house
        .post(SHOP, &format!("/v1/trades/{}/payments", trade()), &json!({"tools": [half, half]}).to_string())
        .await;
    assert_eq!((answer.code().as_str(), &answer.json()["param"]), ("422 amount_out_of_range", &json!("tools")));
}

#[tokio::test]
async fn b22_b30_scales() {
    let house = House::test();
    let raw = |amount: &str, currency: &str| {
        format!(
            r#"{{"merchant_order_id":"A","type":"instant","amount":{amount},"currency":"{currency}","buyer":"42"}}"#
        )
    };
    for (amount, currency) in [("100.00", "JPY"), ("1.2345", "BHD")] {
        let answer = house.post(SHOP, "/v1/trades", &raw(amount, currency)).await;
        assert_eq!(answer.code(), "422 currency_exponent_mismatch", "{amount} {currency}");
    }
    let refunds = format!("/v1/trades/{}/refunds", trade());
    let refund = house.post(SHOP, &refunds, r#"{"merchant_refund_id":"R","amount":0.005}"#).await;
    assert_eq!(refund.code(), "400 invalid_amount");
}

#[tokio::test]
async fn a_platform_key_names_the_merchant_of_bare_sellers() {
    let house = House::test();
    let confirm = format!("/v1/trades/{}/confirm", trade());
    let body = json!({"splits": [{"receiver": "seller:s1", "amount": 5}]});
    assert_eq!(house.post(PLATFORM, &confirm, &body.to_string()).await.code(), "400 merchant_required");
    assert_eq!(house.post(SHOP, &confirm, &body.to_string()).await.code(), "201");
    let Command::Trade(id, TradeCommand::Confirm { amount: None, splits }) = house.last().command else {
        panic!("no confirm")
    };
    assert_eq!((id, splits.len()), (trade(), 1));
}

#[tokio::test]
async fn webhook_addresses_and_types() {
    let house = House::test();
    for (body, code) in [
        (json!({"url": "https://shop.example/hook"}), "201"),
        (json!({"url": "http://127.0.0.1:9000/hook", "types": ["trade.paid"]}), "201"),
        (json!({"url": "http://169.254.169.254/"}), "422 url_not_allowed"),
        (json!({"url": "https://ok@evil.example/"}), "422 url_not_allowed"),
        (json!({"url": "https://shop.example/", "types": ["Trade Paid"]}), "400 invalid_value"),
        (json!({"url": 5}), "400 invalid_type"),
    ] {
        assert_eq!(house.post(SHOP, "/v1/webhook_endpoints", &body.to_string()).await.code(), code, "{body}");
    }
}
