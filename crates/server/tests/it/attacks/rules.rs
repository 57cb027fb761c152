//! J: rules (cases 109 to 111), and what they stop (case 62).

use kernel::Code;
use serde_json::{Value, json};

use super::stage::{Stage, attack};
use super::wire::Call;
use crate::api::Api;
use crate::shop::{coupon, id};

/// A book whose only rule refuses what this condition is true of.
fn book(when: &str) -> Value {
    let head = "book = \"attacked\"\nabout = \"x\"\n[[rule]]\nname = \"r\"";
    lines(&format!("{head}\nwhen = '{when}'\nrefuse = \"no\""))
}

fn lines(source: &str) -> Value {
    json!({"lines": source.lines().collect::<Vec<_>>()})
}

fn upload(stage: &Stage<'_>, body: &Value) -> Call {
    Call::post(&stage.platform.key, "/v1/rules/attacked", body.to_string())
}

/// The platform's second person.
async fn second(stage: &Stage<'_>) -> Api {
    let key = stage.platform.post("/v1/keys", &json!({})).await.ok(201);
    stage.platform.with_key(key["key"].as_str().unwrap())
}

#[test]
fn j109_rules_that_cannot_be_evaluated() {
    attack(async |stage| {
        let version =
            stage.platform.post("/v1/rules/attacked", &book("trade.amount > 5")).await.ok(201)["version"].clone();
        let two = second(stage).await;
        two.post("/v1/rules/attacked/approve", &json!({"version": version})).await.ok(200);
        stage.settle().await;
        let terms = vec!["1"; 200].join(" + ");
        let deep = format!("{}trade.amount > 1{}", "(".repeat(300), ")".repeat(300));
        for when in [
            "trade.amount / 0 > 1",
            "trade.amount % 0 == 1",
            "1 / (trade.amount - trade.amount) > 1",
            "trade.amount * 9223372036854775807 > 1",
            &format!("{terms} > trade.amount"),
            &deep,
            "trade.sub_type.matches(\"(a+)+$\")",
            "[1, 2, 3].all(a, [1, 2, 3].all(b, a > b))",
            "trade.amount > 1.5",
            "trade.nothing > 1",
            "trade.amount",
            "(",
            "",
        ] {
            let problem = stage.refused_anywhere(&upload(stage, &book(when)), Code::rule_book_invalid);
            let detail = problem["detail"].as_str().unwrap();
            assert!(detail.contains("line 5, column "), "where: {when:?}: {detail}");
        }
        let cycle = "book = \"attacked\"\nabout = \"x\"\n[define]\na = 'b'\nb = 'a'\n[[rule]]\nname = \"r\"\nwhen = 'a'\nrefuse = \"no\"";
        stage.refused_anywhere(&upload(stage, &lines(cycle)), Code::rule_book_invalid);
        let still = stage.platform.get("/v1/rules/attacked").await.ok(200);
        assert_eq!(still["current_version"], version, "the old book stays");
    });
}

#[test]
fn j111_rules_are_not_changed_by_one_person() {
    attack(async |stage| {
        let version =
            stage.platform.post("/v1/rules/attacked", &book("trade.amount > 5")).await.ok(201)["version"].clone();
        stage.settle().await;
        let approve =
            |key: &str| Call::post(key, "/v1/rules/attacked/approve", json!({"version": version}).to_string());
        stage.refused(&approve(&stage.platform.key), Code::second_person_required, None);
        stage.refused(&approve(&stage.shop.key), Code::scope_required, None);
        let back =
            Call::post(&stage.platform.key, "/v1/rules/attacked/rollback", json!({"version": version}).to_string());
        stage.refused_anywhere(&back, Code::invalid_state);
        stage.shop.open("instant", 10, &json!({})).await.ok(201);
    });
}

#[test]
fn e62_coupons_that_rules_do_not_stack() {
    attack(async |stage| {
        let source = book("tools.coupons > 1");
        let version = stage.platform.post("/v1/rules/attacked", &source).await.ok(201)["version"].clone();
        let two = second(stage).await;
        two.post("/v1/rules/attacked/approve", &json!({"version": version})).await.ok(200);
        let trade = stage.shop.unpaid("instant", 20, &json!({})).await;
        let (one, other) = (stage.shop.coupon("user:42", 10).await, stage.shop.coupon("user:42", 10).await);
        stage.settle().await;
        let tools = json!({"tools": [coupon(&one, 10), coupon(&other, 10)]});
        let call = Call::post(&stage.shop.key, &format!("/v1/trades/{trade}/payments"), tools.to_string());
        stage.refused(&call, Code::rule_refused, Some("tools"));
        assert_eq!(id(&stage.shop.get(&format!("/v1/coupons/{one}")).await.ok(200)), one);
    });
}

#[test]
fn j112_limits_that_count_nothing_are_no_limits() {
    attack(async |stage| {
        let head = "book = \"attacked\"\nabout = \"x\"\n[[rule]]\nname = \"r\"";
        for limit in [
            "by = \"user\", window = \"0m\", count = 1",
            "by = \"user\", window = \"-1d\", count = 1",
            "by = \"user\", window = \"9223372036854775807d\", count = 1",
            "by = \"user\", window = \"32d\", count = 1",
            "by = \"user\", window = \"\", count = 1",
            "by = \"user\", window = \"1d\", count = 0",
            "by = \"user\", window = \"1d\", count = -1",
            "by = \"user\", window = \"1d\", count = 9223372036854775808",
            "by = \"user\", window = \"1d\", sum = 9223372036854775807, currency = \"CNY\"",
            "by = \"user\", window = \"1d\", sum = 100",
            "by = \"ip\", window = \"1d\", count = 1",
            "by = [\"user\"], window = \"1d\", count = 1",
            "window = \"1d\", count = 1",
            "by = \"user\", count = 1",
            "by = \"user\", window = \"1d\"",
        ] {
            let body = lines(&format!("{head}\nvelocity = {{ {limit} }}"));
            let problem = stage.refused_anywhere(&upload(stage, &body), Code::rule_book_invalid);
            assert!(problem["detail"].as_str().unwrap().contains("line 5, column "), "{limit}: {problem:#}");
        }
    });
}

#[test]
fn j112_what_is_said_of_the_payer_is_bounded() {
    attack(async |stage| {
        let trade = stage.shop.unpaid("instant", 100, &json!({})).await;
        stage.settle().await;
        let (own, path) = (&stage.shop.key, format!("/v1/trades/{trade}/payments"));
        let long = "d".repeat(65);
        for (risk, code, param) in [
            (json!({"device": long}), Code::invalid_text, "risk.device"),
            (json!({"device": ""}), Code::invalid_text, "risk.device"),
            (json!({"device": "a\nb"}), Code::invalid_text, "risk.device"),
            (json!({"device": "手机"}), Code::invalid_text, "risk.device"),
            (json!({"device": 7}), Code::invalid_type, "risk.device"),
            (json!({"ip": "192.0.2"}), Code::invalid_value, "risk.ip"),
            (json!({"ip": "192.0.2.7/8"}), Code::invalid_value, "risk.ip"),
            (json!({"ip": "fe80::1%eth0"}), Code::invalid_value, "risk.ip"),
            (json!({"ip": "localhost"}), Code::invalid_value, "risk.ip"),
            (json!({"card_fingerprint": long}), Code::invalid_text, "risk.card_fingerprint"),
            (json!({"card_fingerprint": "4111111111111111"}), Code::pan_not_accepted, "risk.card_fingerprint"),
            (json!({"answer": "pass"}), Code::unknown_field, "risk.answer"),
            (json!([]), Code::invalid_type, "risk"),
        ] {
            let body = json!({"tools": [crate::shop::card(100)], "risk": risk});
            let problem = stage.refused(&Call::post(own, &path, body.to_string()), code, Some(param));
            assert!(!problem.to_string().contains("4111"), "it is not repeated: {problem:#}");
        }
        let unpaid = crate::shop::order("instant", 5, &json!({"risk": {"device": "d"}}));
        let call = Call::post(own, "/v1/trades", unpaid.to_string());
        stage.refused(&call, Code::field_not_applicable, Some("risk"));
    });
}

#[test]
fn j112_switches_of_nothing_and_by_nobody() {
    attack(async |stage| {
        let thrown = json!({"on": true, "reason": "x"});
        let call =
            |key: &str, name: &str, body: &Value| Call::post(key, &format!("/v1/switches/{name}"), body.to_string());
        for name in ["Risk", "risk%00", "velocity", "risk,marketing", "ledger"] {
            stage.refused(&call(&stage.platform.key, name, &thrown), Code::not_found, None);
        }
        for (name, value, code) in [
            ("on", Value::Null, Code::missing_field),
            ("on", json!("true"), Code::invalid_type),
            ("on", json!(1), Code::invalid_type),
            ("reason", Value::Null, Code::missing_field),
            ("reason", json!("x".repeat(257)), Code::invalid_text),
            ("reason", json!("card 4111 1111 1111 1111"), Code::pan_not_accepted),
            ("until", json!("2036-01-01T00:00:00Z"), Code::unknown_field),
        ] {
            let body = crate::shop::with(thrown.clone(), &json!({name: value}));
            stage.refused(&call(&stage.platform.key, "risk", &body), code, Some(name));
        }
        stage.refused(&call(&stage.shop.key, "risk", &thrown), Code::scope_required, None);
    });
}

#[test]
fn j112_blocks_of_nothing_and_by_nobody() {
    attack(async |stage| {
        let long = "d".repeat(65);
        let path = "/v1/blocks";
        let call = |key: &str, body: &Value| Call::post(key, path, body.to_string());
        for (kind, value, code) in [
            ("user", json!("a b"), Code::invalid_id),
            ("user", json!(""), Code::invalid_id),
            ("user", json!(["42"]), Code::invalid_type),
            ("merchant", json!("42"), Code::invalid_id),
            ("device", json!(long), Code::invalid_text),
            ("device", json!("a\nb"), Code::invalid_text),
            ("ip", json!("192.0.2.0/24"), Code::invalid_value),
            ("ip", json!("*"), Code::invalid_value),
            ("card_fingerprint", json!("4111111111111111"), Code::pan_not_accepted),
            ("destination", json!(long), Code::invalid_text),
            ("destination", Value::Null, Code::missing_field),
        ] {
            let body = json!({"kind": kind, "value": value, "reason": "x"});
            stage.refused(&call(&stage.platform.key, &body), code, Some("value"));
        }
        let block = json!({"kind": "device", "value": "d", "reason": "x"});
        for (name, value, code) in [
            ("kind", json!("everybody"), Code::invalid_value),
            ("reason", Value::Null, Code::missing_field),
            ("reason", json!("card 4111 1111 1111 1111"), Code::pan_not_accepted),
            ("until", json!("2020-01-01T00:00:00Z"), Code::invalid_value),
            ("until", json!("tomorrow"), Code::invalid_time),
            ("merchant_id", json!(stage.shop.id), Code::unknown_field),
        ] {
            let body = crate::shop::with(block.clone(), &json!({name: value}));
            stage.refused_anywhere(&call(&stage.platform.key, &body), code);
        }
        stage.refused(&call(&stage.shop.key, &block), Code::scope_required, None);
    });
}
