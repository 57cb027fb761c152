//! F: who may see and do what (cases 66 to 74), over every route of the document.
//!
//! A new route is attacked without anybody thinking of it; a noun that is not known here fails the tests until somebody
//! has said whose things it names.

use std::collections::BTreeMap;

use futures::future::join_all;
use kernel::Code;
use serde_json::{Value, json};

use super::routes::{Document, Operation, body_for, nowhere};
use super::stage::{Stage, assert_problem, attack, attack_in_silence};
use super::wire::{Answer, Call};
use crate::api::Api;
use crate::shop::{card, card_that, id, list, number, order};

/// What the merchant under attack has, by the noun of the path that names it.
pub(super) struct Goods(BTreeMap<&'static str, Vec<String>>);

impl Goods {
    pub(super) async fn make(stage: &Stage<'_>) -> Self {
        let (shop, platform) = (&stage.shop, &stage.platform);
        let open = shop.unpaid("escrow", 100, &json!({})).await;
        let paid = shop.paid("escrow", 100, &json!({})).await;
        let refund = id(&shop.refund(&paid, 10, &json!({})).await.ok(201));
        shop.refund_is(&refund, "succeeded").await;
        shop.confirm(&paid, &json!({"amount": 10})).await.ok(200);
        let waiting = shop.unpaid("escrow", 100, &json!({})).await;
        let payment = id(&shop.pay(&waiting, &json!([card_that("never", 100)])).await.ok(201));
        let odd = shop.unpaid("escrow", 100, &json!({})).await;
        shop.pay(&odd, &json!([card_that("wrong_amount", 100)])).await.ok(201);
        let case = shop.open_case(&odd, "amount_mismatch").await;
        let contested = shop.unpaid("instant", 100, &json!({})).await;
        shop.pay(&contested, &json!([card_that("dispute_won", 100)])).await.ok(201);
        let dispute = id(&shop.dispute_of(&contested).await);
        let child = json!({"merchant_id": shop.id, "merchant_order_id": number("C"), "type": "instant", "amount": 100});
        let cart = shop.unpaid("combined", 100, &json!({"buyer": "42", "children": [child]})).await;
        shop.pay(&cart, &json!([card_that("dispute_won", 100)])).await.ok(201);
        let share = shop.trade(&cart).await["children"][0]["trade"].as_str().unwrap().to_owned();
        let of_share = id(&shop.dispute_of(&share).await);
        let hook = json!({"url": "https://shop.example/hooks"});
        let book = "the-platforms-book";
        let lines =
            [&format!("book = \"{book}\""), "about = \"x\"", "[[rule]]", "name = \"r\"", "tools = [\"channel\"]"];
        platform.post(&format!("/v1/rules/{book}"), &json!({"lines": lines})).await.ok(201);
        let endpoint = id(&shop.post("/v1/webhook_endpoints", &hook).await.ok(201));
        let first = |page: &Value| id(&list(&page["data"])[0]);
        let accounts = shop.get(&format!("/v1/accounts?owner={}", shop.owner())).await.ok(200);
        let events = shop.get("/v1/events?limit=1").await.ok(200);
        let keys = shop.get(&format!("/v1/merchants/{}/keys", shop.id)).await.ok(200);
        platform.fund("user:42", 5, "CNY").await;
        let users = platform.get("/v1/accounts?owner=user:42").await.ok(200);
        let gift = json!({"merchant_id": shop.id, "tool": "red_packet", "amount": 10, "currency": "CNY"});
        let gift = id(&platform.post("/v1/gifts", &gift).await.ok(201));
        let points = id(&platform.post("/v1/points", &json!({"owner": "user:42", "points": 5})).await.ok(201));
        let line = json!({"owner": "user:42", "currency": "CNY", "limit": 5});
        let line = id(&platform.post("/v1/credit_lines", &line).await.ok(201));
        let block = json!({"kind": "device", "value": "nobody-pays-with-it", "reason": "attack"});
        let block = id(&platform.post("/v1/blocks", &block).await.ok(201));
        Self(BTreeMap::from([
            ("trades", vec![open, paid, waiting, cart, share]),
            ("payments", vec![payment]),
            ("refunds", vec![refund]),
            ("disputes", vec![dispute, of_share]),
            ("cases", vec![case]),
            ("coupons", vec![shop.coupon("user:42", 10).await]),
            ("gifts", vec![gift]),
            // The platform's alone.
            ("points", vec![points]),
            ("credit_lines", vec![line]),
            // There is none before its day.
            ("bills", vec![super::routes::nowhere("bills")]),
            ("merchants", vec![shop.id.clone()]),
            ("keys", vec![first(&keys)]),
            ("webhook_endpoints", vec![endpoint]),
            ("events", vec![first(&events)]),
            ("accounts", vec![first(&accounts), first(&users)]),
            // The platform's own; merchants may know which there are.
            ("channels", vec!["sandbox".to_owned()]),
            // The platform's alone.
            ("rules", vec![book.to_owned()]),
            ("blocks", vec![block]),
            ("switches", vec!["marketing".to_owned()]),
        ]))
    }

    /// The ids that this route can be asked for.
    #[track_caller]
    pub(super) fn of(&self, route: &Operation) -> &[String] {
        let known = self.0.get(route.noun());
        known.unwrap_or_else(|| panic!("{}: say in Goods whose things this route names", route.path))
    }
}

fn call(api: &Api, route: &Operation, path: &str, stage: &Stage<'_>) -> Call {
    match route.method.as_str() {
        "POST" => {
            let mut body = body_for(route, stage);
            // Nobody speaks for another merchant here; that is another attack.
            body.as_object_mut().unwrap().remove("merchant_id");
            Call::post(&api.key, path, body.to_string())
        }
        _ => Call::get(&api.key, path),
    }
}

/// An answer but for what is of this one request.
fn anonymous(answer: &Answer) -> (u16, Value) {
    let mut body = answer.json();
    body["request_id"] = Value::Null;
    (answer.status, body)
}

#[test]
fn f66_what_is_anothers_is_as_if_it_were_not_there() {
    attack_in_silence(async |stage| {
        let goods = Goods::make(stage).await;
        stage.settle().await;
        let mut tried = 0;
        for route in Document::read(stage).operations() {
            if !route.takes_a_key() || !route.names_an_object() || route.is_for_the_platform() {
                continue;
            }
            let random = route.path_to(&nowhere(route.noun()));
            for theirs in goods.of(&route) {
                let foreign = call(&stage.other, &route, &route.path_to(theirs), stage);
                let absent = call(&stage.other, &route, &random, stage);
                stage.refused(&foreign, Code::not_found, None);
                stage.refused(&absent, Code::not_found, None);
                let (foreign, absent) = (foreign.send(&stage.platform.address), absent.send(&stage.platform.address));
                assert_eq!(anonymous(&foreign), anonymous(&absent), "{} {}", route.method, route.path);
                // Its owner finds it: the refusal above was about who asks.
                if route.method == "GET" && *theirs != goods.0["accounts"][1] {
                    let own = call(&stage.shop, &route, &route.path_to(theirs), stage).send(&stage.platform.address);
                    // Its own state may stand against an offer.
                    let may_be = if route.path.ends_with("/offer") { vec![200, 409] } else { vec![200] };
                    assert!(may_be.contains(&own.status), "{} {}", route.path, own.body);
                }
                tried += 1;
            }
        }
        assert!(tried >= 25, "{tried}");
    });
}

/// Whatever is another's is found by none of its numbers; its owner finds what belongs to a trade.
fn nothing_by_number(stage: &Stage<'_>, goods: &Goods, route: &Operation) {
    for (noun, ids) in &goods.0 {
        for number in ids {
            let path = format!("{}?number={number}", route.path);
            let found = |api: &Api| Call::get(&api.key, &path).send(&stage.platform.address).ok(200)["data"].clone();
            assert_eq!(found(&stage.other), json!([]), "{path}");
            if ["trades", "payments", "refunds", "disputes", "cases", "coupons", "events"].contains(noun) {
                assert_eq!(list(&found(&stage.shop)).len(), 1, "{path}");
            }
        }
    }
}

#[test]
fn f71_ids_open_nothing_and_cannot_be_counted() {
    attack_in_silence(async |stage| {
        let goods = Goods::make(stage).await;
        let nobody = stage.platform.with_key("sk_test_nobody");
        for route in Document::read(stage).operations().into_iter().filter(Operation::takes_a_key) {
            let path = if route.names_an_object() { route.path_to(&goods.of(&route)[0]) } else { route.path.clone() };
            let answer = call(&nobody, &route, &path, stage).send(&stage.platform.address);
            assert_problem(&answer, Code::unauthorized, &path);
        }
        // The next and the one before of an id, and the same place under another name, are nothing.
        for noun in ["trades", "events", "coupons", "accounts"] {
            let known = &goods.0[noun][0];
            for last in "0123456789abcdefghjkmnpqrstvwxyz".chars() {
                let mut next = known.clone();
                next.pop();
                next.push(last);
                if next != *known {
                    stage.shop.get(&format!("/v1/{noun}/{next}")).await.refused(404, "not_found");
                }
            }
        }
        let trades = join_all((0..20).map(|_| async { stage.shop.unpaid("instant", 5, &json!({})).await })).await;
        let tails: Vec<&str> = trades.iter().map(|trade| &trade[trade.len() - 13..]).collect();
        for (place, tail) in tails.iter().enumerate() {
            assert!(tails.iter().skip(place + 1).all(|other| other != tail && other[..6] != tail[..6]), "{tails:?}");
        }
    });
}

#[test]
fn f67_a_key_speaks_for_its_own_merchant() {
    attack_in_silence(async |stage| {
        let goods = Goods::make(stage).await;
        stage.settle().await;
        let document = Document::read(stage);
        let mut tried = 0;
        for route in
            document.posts().into_iter().filter(|route| route.takes_a_merchant() && !route.is_for_the_platform())
        {
            let path = if route.names_an_object() { route.path_to(&goods.of(&route)[0]) } else { route.path.clone() };
            let body = body_for(&route, stage);
            assert_eq!(body["merchant_id"], stage.shop.id.as_str(), "{}: the example names a merchant", route.path);
            let call = Call::post(&stage.other.key, &path, body.to_string());
            stage.refused(&call, Code::merchant_mismatch, Some("merchant_id"));
            tried += 1;
        }
        for route in document.operations() {
            if route.method == "GET" && route.takes_a_key() && route.asks("merchant_id") {
                let path = format!("{}?merchant_id={}", route.path, stage.shop.id);
                stage.refused(&Call::get(&stage.other.key, &path), Code::merchant_mismatch, Some("merchant_id"));
                tried += 1;
            }
        }
        assert!(tried >= 11, "{tried}");
        // A receiver of another merchant is not reached by naming it.
        for receiver in
            [stage.shop.seller("s1"), stage.shop.owner(), "user:42".to_owned(), "channel:sandbox".to_owned()]
        {
            let splits = json!({"splits": [{"receiver": receiver, "amount": 100}]});
            let call = Call::post(&stage.other.key, "/v1/trades", order("escrow", 100, &splits).to_string());
            stage.refused(&call, Code::receiver_not_applicable, Some("splits[0].receiver"));
        }
    });
}

#[test]
fn f66_f68_lists_hold_ones_own() {
    attack_in_silence(async |stage| {
        let goods = Goods::make(stage).await;
        stage.other.unpaid("instant", 5, &json!({})).await;
        stage.other.unpaid("instant", 5, &json!({})).await;
        stage.settle().await;
        let mut lists = 0;
        for route in Document::read(stage).operations() {
            if route.method != "GET" || !route.takes_a_key() || route.is_for_the_platform() || route.names_an_object() {
                continue;
            }
            if route.asks("number") {
                nothing_by_number(stage, &goods, &route);
                continue;
            }
            let owner = if route.asks("owner") { format!("?owner={}", stage.other.owner()) } else { String::new() };
            let answer = Call::get(&stage.other.key, &format!("{}{owner}", route.path)).send(&stage.platform.address);
            answer.ok(200);
            for (noun, ids) in goods.0.iter().filter(|(noun, _)| **noun != "channels") {
                for id in ids {
                    assert!(!answer.body.contains(id.as_str()), "{} shows another's {noun}", route.path);
                }
            }
            lists += 1;
        }
        assert!(lists >= 6, "{lists}");
        for owner in [
            stage.shop.owner(),
            stage.shop.seller("s1"),
            "user:42".to_owned(),
            "platform".to_owned(),
            "channel:sandbox".to_owned(),
        ] {
            stage.refused(&Call::get(&stage.other.key, &format!("/v1/accounts?owner={owner}")), Code::not_found, None);
        }
        // Cursors: another's, another list's, another filter's, changed, made up.
        let mine = stage.other.get("/v1/trades?limit=1").await.ok(200)["next_cursor"].as_str().unwrap().to_owned();
        let flipped = format!("{}{}", if mine.starts_with('A') { "B" } else { "A" }, &mine[1..]);
        for (key, path) in [
            (&stage.shop.key, format!("/v1/trades?cursor={mine}")),
            (&stage.platform.key, format!("/v1/trades?cursor={mine}")),
            (&stage.platform.key, format!("/v1/trades?merchant_id={}&cursor={mine}", stage.other.id)),
            (&stage.other.key, format!("/v1/cases?cursor={mine}")),
            (&stage.other.key, format!("/v1/trades?status=paid&cursor={mine}")),
            (&stage.other.key, format!("/v1/trades?cursor={flipped}")),
            (&stage.other.key, format!("/v1/trades?cursor={}", &mine[1..])),
            (&stage.other.key, "/v1/trades?cursor=MC8w".to_owned()),
            (&stage.other.key, "/v1/trades?cursor=".to_owned()),
            (&stage.other.key, "/v1/trades?cursor=%27%20OR%201%3D1%20--".to_owned()),
        ] {
            stage.refused(&Call::get(key, &path), Code::cursor_invalid, Some("cursor"));
        }
        let after = Call::get(&stage.other.key, &format!("/v1/events?after={mine}"));
        let problem = stage.refused(&after, Code::cursor_invalid, Some("after"));
        assert!(problem["detail"].as_str().unwrap().contains("cursor"));
        let rest = stage.other.get(&format!("/v1/trades?cursor={mine}")).await.ok(200);
        assert_eq!(list(&rest["data"]).len(), 1);
    });
}

#[test]
fn f69_f70_scopes_on_every_route() {
    attack_in_silence(async |stage| {
        let goods = Goods::make(stage).await;
        stage.settle().await;
        let mut tried = 0;
        for route in Document::read(stage).operations().into_iter().filter(Operation::takes_a_key) {
            let path = if route.names_an_object() { route.path_to(&goods.of(&route)[0]) } else { route.path.clone() };
            let writes = route.method == "POST";
            let admin = route.is_for_the_platform();
            for (who, may) in [(&stage.reader, !writes && !admin), (&*stage.shop, !admin), (&*stage.other, !admin)] {
                if !may {
                    stage.refused(&call(who, &route, &path, stage), Code::scope_required, None);
                    tried += 1;
                }
            }
        }
        assert!(tried > 25, "{tried}");
        // No key makes itself stronger, and no merchant makes keys.
        let keys = format!("/v1/merchants/{}/keys", stage.shop.id);
        for scopes in [json!(["admin"]), json!(["read", "admin"]), json!(["*"]), json!(["ADMIN"])] {
            let body = json!({"scopes": scopes}).to_string();
            stage.refused(&Call::post(&stage.shop.key, &keys, body.clone()), Code::scope_required, None);
            let problem = stage.refused_anywhere(&Call::post(&stage.platform.key, &keys, body), Code::invalid_value);
            assert!(problem["param"].as_str().unwrap().starts_with("scopes["), "{problem:#}");
        }
        // A user's own money needs more than to write.
        let trade = &goods.0["trades"][0];
        let tools = json!({"tools": [{"tool": "balance", "amount": 100}]}).to_string();
        let pay = Call::post(&stage.plain.key, &format!("/v1/trades/{trade}/payments"), tools);
        stage.refused(&pay, Code::payer_consent_required, Some("tools[0].tool"));
        let budget = json!({"owner": "user:42", "amount": 5, "currency": "CNY", "budget": false}).to_string();
        stage.refused(&Call::post(&stage.shop.key, "/v1/coupons", budget), Code::scope_required, Some("budget"));
    });
}

#[test]
fn f71_guessing_ends() {
    attack(async |stage| {
        let mut seen = BTreeMap::new();
        for n in 0..2_600 {
            let path = format!("/v1/trades/trd_01k9z8q5m0000000000000{n:04}a");
            let answer = stage.other.get(&path).await;
            *seen.entry(answer.status).or_insert(0) += 1;
            if answer.status == 429 {
                answer.refused(429, "rate_limited");
                assert_eq!(answer.header("retry-after"), "1");
                break;
            }
        }
        assert_eq!(seen.get(&429), Some(&1), "{seen:?}");
        stage.shop.get("/v1/trades").await.ok(200);
        stage.unchanged("guesses");
    });
}

#[test]
fn f74_no_header_leads_into_the_shadow() {
    attack(async |stage| {
        let body = order("instant", 5, &json!({"pay": {"tools": [card(5)]}}));
        let call = ["suanpan-lane", "x-shadow", "shadow", "x-lane", "lane"]
            .into_iter()
            .fold(Call::post(&stage.shop.key, "/v1/trades", body.to_string()), |call, name| call.with(name, "shadow"));
        let trade = id(&call.send(&stage.platform.address).ok(201));
        stage.shop.trade_is(&trade, "completed").await;
        assert_eq!(stage.platform.balance(&stage.shop.owner(), "2003").await.0, 5, "it is an ordinary trade");
        for (field, value) in [("lane", json!("shadow")), ("shadow", json!(true))] {
            let mut body = order("instant", 5, &json!({}));
            body[field] = value;
            stage.settle().await;
            let call = Call::post(&stage.shop.key, "/v1/trades", body.to_string());
            stage.refused(&call, Code::unknown_field, Some(field));
        }
    });
}
