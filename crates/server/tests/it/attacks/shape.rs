//! A: what is no request at all (cases 1 to 8), and what the routes do not take (10).

use kernel::Code;
use serde_json::{Value, json};

use super::routes::{Document, body_for};
use super::stage::{Stage, attack};
use super::wire::Call;
use crate::shop::{card, order};

const TRADES: &str = "/v1/trades";

/// Sends bodies that must be refused to the route that opens trades.
#[track_caller]
fn bodies<'a>(stage: &Stage<'_>, rows: impl IntoIterator<Item = (&'a [u8], Code, Option<&'a str>)>) {
    for (body, code, param) in rows {
        stage.refused(&Call::post(&stage.shop.key, TRADES, body), code, param);
    }
}

#[test]
fn a01_invalid_json() {
    attack(async |stage| {
        let whole = order("instant", 5, &json!({})).to_string();
        let cut: Vec<&[u8]> = [1, 10, whole.len() - 1].map(|end| &whole.as_bytes()[..end]).to_vec();
        let others: [&[u8]; 8] =
            [b"nul", b"{,}", b"{\"a\":1,}", b"{a:1}", b"{'a':1}", b"{} {}", b"\xef\xbb\xbf{}", b"{\"amount\":0x10}"];
        bodies(stage, cut.into_iter().chain(others).map(|body| (body, Code::malformed_json, None)));
    });
}

#[test]
fn a02_duplicate_fields() {
    attack(async |stage| {
        bodies(
            stage,
            [
                (br#"{"amount":1,"amount":100}"# as &[u8], Code::duplicate_field, Some("amount")),
                (br#"{"amount":1,"\u0061mount":100}"#, Code::duplicate_field, Some("amount")),
                (
                    br#"{"pay":{"tools":[{"amount":1},{"amount":1,"amount":2}]}}"#,
                    Code::duplicate_field,
                    Some("pay.tools[1].amount"),
                ),
            ],
        );
    });
}

#[test]
fn a03_deep_bodies() {
    attack(async |stage| {
        let deep = ["[".repeat(10_000), "{\"a\":".repeat(10_000), format!("{{\"metadata\":{}1", "[".repeat(9_000))];
        bodies(stage, deep.iter().map(|body| (body.as_bytes(), Code::body_too_deep, None)));
    });
}

#[test]
fn a05_unknown_fields_on_every_route() {
    attack(async |stage| {
        let document = Document::read(stage);
        let mut tried = 0;
        for route in document.posts() {
            let mut body = body_for(&route, stage);
            for field in ["is_paid", "status", "state", "fee_rate", "exchange_rate", "paid_amount", "id"] {
                body[field] = json!("PAID");
                let call = Call::post(&stage.platform.key, &route.path_to_nothing(), body.to_string());
                stage.refused(&call, Code::unknown_field, Some(field));
                tried += 1;
                body.as_object_mut().unwrap().remove(field);
            }
        }
        assert!(tried > 60, "{tried}");
        for (place, body) in [
            ("pay.tools[0].is_paid", json!({"pay": {"tools": [{"tool": "balance", "amount": 5, "is_paid": true}]}})),
            ("pay.status", json!({"pay": {"tools": [card(5)], "status": "succeeded"}})),
            ("splits[0].released", json!({"splits": [{"receiver": "seller:s1", "amount": 5, "released": 5}]})),
        ] {
            let call = Call::post(&stage.shop.key, TRADES, order("instant", 5, &body).to_string());
            stage.refused(&call, Code::unknown_field, Some(place));
        }
    });
}

#[test]
fn a06_wrong_types() {
    attack(async |stage| {
        let mut tried = 0;
        for (field, wrong) in [
            ("amount", json!("1e3")),
            ("amount", json!(true)),
            ("amount", Value::Null),
            ("amount", json!([])),
            ("amount", json!({})),
            ("currency", json!(156)),
            ("buyer", json!(42)),
            ("type", json!(["escrow"])),
            ("merchant_order_id", json!({"$ne": ""})),
            ("subject", json!(["x"])),
            ("metadata", json!([])),
            ("metadata", json!("x")),
            ("splits", json!({})),
            ("pay", json!([])),
            ("expires_at", json!(1_795_455_600)),
        ] {
            let mut body = order("instant", 5, &json!({}));
            body[field] = wrong;
            stage.refused(&Call::post(&stage.shop.key, TRADES, body.to_string()), Code::invalid_type, Some(field));
            tried += 1;
        }
        assert_eq!(tried, 15);
        for body in ["[]", "null", "7", "\"x\"", "true"] {
            stage.refused(&Call::post(&stage.shop.key, TRADES, body), Code::invalid_type, None);
        }
    });
}

#[test]
fn a07_media_types() {
    attack(async |stage| {
        let call = Call::post(&stage.shop.key, TRADES, order("instant", 5, &json!({})).to_string());
        stage.refused(&call.clone().without("content-type"), Code::unsupported_media_type, None);
        for media_type in [
            "text/plain",
            "application/x-www-form-urlencoded",
            "multipart/form-data; boundary=x",
            "application/json; charset=gbk",
            "application/jsonp",
            "",
        ] {
            let other = call.clone().changed("content-type", media_type);
            stage.refused(&other, Code::unsupported_media_type, None);
        }
        let twice = call.with("content-type", "text/plain");
        stage.refused(&twice, Code::unsupported_media_type, None);
    });
}

#[test]
fn a08_invalid_text() {
    attack(async |stage| {
        bodies(
            stage,
            [
                (b"{\"subject\":\"\xff\"}" as &[u8], Code::invalid_text, None),
                (b"{\"subject\":\"\xc0\xaf\"}", Code::invalid_text, None),
                (b"{\"subject\":\"\xed\xa0\x80\"}", Code::invalid_text, None),
                (br#"{"subject":"\ud800"}"#, Code::invalid_text, Some("subject")),
                (br#"{"subject":"\udfff\ud800"}"#, Code::invalid_text, Some("subject")),
                (br#"{"subject":"\u0000"}"#, Code::invalid_text, Some("subject")),
                (b"{\"subject\":\"\0\"}", Code::invalid_text, Some("subject")),
                (br#"{"metadata":{"a\u0000b":"x"}}"#, Code::invalid_text, Some("metadata")),
            ],
        );
    });
}

#[test]
fn a10_parameters_given_twice() {
    attack(async |stage| {
        let (key, shop, other) = (&stage.platform.key, &stage.shop.id, &stage.other.id);
        for query in [
            format!("merchant_id={shop}&merchant_id={other}"),
            format!("merchant_id={shop}&merchant%5fid={other}"),
            format!("merchant_id={shop}&merchant_id={shop}"),
        ] {
            let call = Call::get(key, &format!("/v1/trades?{query}"));
            stage.refused(&call, Code::parameter_pollution, Some("merchant_id"));
        }
        let body = order("instant", 5, &json!({"merchant_id": shop})).to_string();
        let both = Call::post(key, &format!("/v1/trades?merchant_id={other}"), body.clone());
        stage.refused(&both, Code::parameter_pollution, Some("merchant_id"));
        let beside = Call::post(key, "/v1/trades?is_paid=true", body);
        stage.refused(&beside, Code::unknown_field, Some("is_paid"));
        stage.refused(&Call::get(key, "/v1/trades?is_paid=true"), Code::unknown_field, Some("is_paid"));
    });
}
