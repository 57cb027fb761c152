//! Who may do what: attacks F66 to F73 and K117 to K122, over every route of the table.

use axum::body::Body;
use axum::http::{Method, Request};
use kernel::time::SECOND_US;

use super::house::{House, OTHER_SHOP, PLATFORM, READER, SHOP, other_shop, root, shop, trade};
use crate::config::Environment;
use crate::http::auth::Scope;
use crate::http::route::Route;
use crate::http::routes;

/// A path of the route that names an object by `number`.
fn path(route: &Route, number: u128) -> String {
    let noun = route.path.split('/').nth(2).unwrap_or_default();
    let child = |prefix: &str| format!("{}001", kernel::TradeId(root(number)).to_string().replace("trd", prefix));
    let plain = |prefix: &str| kernel::TradeId(root(number)).to_string().replace("trd", prefix);
    let id = match noun {
        "trades" => plain("trd"),
        "payments" => child("pay"),
        "refunds" => child("ref"),
        "disputes" => child("dsp"),
        "cases" => child("cas"),
        "accounts" => plain("acc"),
        "coupons" => plain("cpn"),
        "gifts" => plain("gft"),
        "points" => plain("pgr"),
        "credit_lines" => plain("crl"),
        "bills" => child("bil"),
        "merchants" => plain("mch"),
        "keys" => plain("key"),
        "webhook_endpoints" => plain("whe"),
        "blocks" => plain("blk"),
        "events" => plain("evt"),
        "switches" => "marketing".to_owned(),
        _ => "sandbox".to_owned(),
    };
    route.path.replace("{id}", &id)
}

async fn call(house: &House, who: &str, route: &Route, path: &str) -> super::house::Answer {
    if route.is_post() { house.post(who, path, "{}").await } else { house.get(who, path).await }
}

fn keyed() -> impl Iterator<Item = Route> {
    routes::table(Environment::Test).into_iter().filter(|route| route.scope().is_some())
}

#[tokio::test]
async fn k117_no_route_without_a_key() {
    let house = House::test();
    for route in keyed() {
        let path = path(&route, 3);
        let method = if route.is_post() { Method::POST } else { Method::GET };
        for bearer in [None, Some("Bearer sk_test_nobody"), Some("Bearer sk_live_platform"), Some("Basic eA==")] {
            let request = Request::builder().method(method.clone()).uri(&path);
            let request = bearer.into_iter().fold(request, |request, bearer| request.header("authorization", bearer));
            let answer = house.send(request.body(Body::empty()).unwrap()).await;
            assert!(
                ["401 unauthorized", "429 rate_limited"].contains(&&*answer.code()),
                "{path} {bearer:?} {}",
                answer.code()
            );
            house.later(SECOND_US);
        }
    }
    assert_eq!(house.count(), 0);
}

#[tokio::test]
async fn f69_f70_no_route_without_its_scope() {
    let house = House::test();
    for route in keyed() {
        let path = path(&route, 3);
        let scope = route.scope().unwrap();
        if scope != Scope::Read {
            assert_eq!(call(&house, READER, &route, &path).await.code(), "403 scope_required", "{path}");
        }
        if scope == Scope::Admin {
            assert_eq!(call(&house, SHOP, &route, &path).await.code(), "403 scope_required", "{path}");
        }
    }
    assert_eq!(house.count(), 0);
}

#[tokio::test]
async fn f66_what_is_anothers_is_not_there() {
    let house = House::test();
    // Objects that the fake store has are the shop's; number 1 is the shop itself, number 101 its key.
    let own = |route: &Route| match route.path.split('/').nth(2) {
        Some("merchants") => 1,
        Some("webhook_endpoints") => 0,
        _ => 3,
    };
    let mut seen = 0;
    for route in
        keyed().filter(|route| !route.is_post() && route.path.contains("{id}") && route.scope() == Some(Scope::Read))
    {
        let (theirs, random) = (path(&route, own(&route)), path(&route, 99));
        let mut foreign = call(&house, OTHER_SHOP, &route, &theirs).await;
        let mut absent = call(&house, OTHER_SHOP, &route, &random).await;
        for answer in [&mut foreign, &mut absent] {
            assert_eq!(answer.code(), "404 not_found", "{theirs}");
            let mut body = answer.json();
            body["request_id"] = serde_json::Value::Null;
            answer.text = body.to_string();
        }
        assert_eq!(foreign.text, absent.text, "{theirs}");
        if call(&house, SHOP, &route, &theirs).await.status.is_success() {
            seen += 1;
        }
    }
    assert!(seen >= 9, "the owner sees it: {seen}");
}

#[tokio::test]
async fn f66_accounts_of_users_and_the_platform_are_not_a_merchants_to_see() {
    let house = House::test();
    let own = format!("merchant:{}", shop());
    for (who, owner, expected) in [
        (SHOP, "user:42", "404 not_found"),
        (SHOP, "platform", "404 not_found"),
        (SHOP, "channel:sandbox", "404 not_found"),
        (SHOP, &*format!("merchant:{}", other_shop()), "404 not_found"),
        (SHOP, &*format!("seller:{}:s1", other_shop()), "404 not_found"),
        (SHOP, "seller:s1", "200"),
        (SHOP, &own, "200"),
        (PLATFORM, "user:42", "200"),
        (PLATFORM, "seller:s1", "400 invalid_id"),
        (SHOP, "robot:1", "400 invalid_id"),
    ] {
        let answer = house.get(who, &format!("/v1/accounts?owner={owner}")).await;
        assert_eq!(answer.code(), expected, "{who} {owner}");
    }
    assert_eq!(house.get(SHOP, "/v1/accounts").await.code(), "400 missing_field");
}

#[tokio::test]
async fn f67_a_key_speaks_for_its_own_merchant() {
    let house = House::test();
    let body = |merchant| format!(r#"{{"merchant_id":"{merchant}","amount":5,"currency":"CNY"}}"#);
    let path = "/v1/coupons/budgets";
    assert_eq!(house.post(SHOP, path, &body(other_shop())).await.code(), "403 merchant_mismatch");
    assert_eq!(house.post(SHOP, path, &body(shop())).await.code(), "201");
    assert_eq!(house.post(PLATFORM, path, &body(other_shop())).await.code(), "201");
    let list = format!("/v1/trades?merchant_id={}", other_shop());
    assert_eq!(house.get(SHOP, &list).await.code(), "403 merchant_mismatch");
    let trade = r#"{"merchant_order_id":"A","type":"instant","amount":5,"currency":"CNY","buyer":"42"}"#;
    assert_eq!(house.post(PLATFORM, "/v1/trades", trade).await.code(), "400 merchant_required");
    assert_eq!(house.post(SHOP, "/v1/trades", trade).await.code(), "201");
}

#[tokio::test]
async fn f68_cursors_of_others() {
    let house = House::test();
    let mine = house.get(SHOP, "/v1/trades?limit=1").await.json();
    let cursor = mine["next_cursor"].as_str().unwrap();
    assert_eq!(house.get(SHOP, &format!("/v1/trades?cursor={cursor}")).await.code(), "200");
    assert!(house.shelf.asked.lock().unwrap().last().unwrap().contains("Some(\"7\")"));
    for (who, path) in [
        (OTHER_SHOP, "/v1/trades"),
        (PLATFORM, "/v1/trades"),
        (SHOP, "/v1/cases"),
        (SHOP, "/v1/disputes"),
        (SHOP, "/v1/webhook_endpoints"),
        (PLATFORM, &*format!("/v1/trades?merchant_id={}", shop())),
    ] {
        let joint = if path.contains('?') { '&' } else { '?' };
        let answer = house.get(who, &format!("{path}{joint}cursor={cursor}")).await;
        assert_eq!(answer.code(), "400 cursor_invalid", "{who} {path}");
    }
    assert_eq!(house.get(SHOP, "/v1/trades?status=paid&cursor=abc").await.code(), "400 cursor_invalid");
}

#[tokio::test]
async fn f71_guessing_ids_ends() {
    let house = House::test();
    for number in 0..2_000 {
        let path = format!("/v1/trades/{}", kernel::TradeId(root(10_000 + number)));
        assert_eq!(house.get(OTHER_SHOP, &path).await.code(), "404 not_found");
    }
    let path = format!("/v1/trades/{}", kernel::TradeId(root(9_999)));
    assert_eq!(house.get(OTHER_SHOP, &path).await.code(), "429 rate_limited");
    assert_eq!(house.get(SHOP, &format!("/v1/trades/{}", trade())).await.code(), "200", "others go on");
    house.later(SECOND_US);
    assert_eq!(house.get(OTHER_SHOP, &path).await.code(), "404 not_found");
}

#[tokio::test]
async fn k120_bad_keys_end_in_429_and_good_ones_go_on() {
    let house = House::test();
    let codes = {
        let mut codes = Vec::new();
        for _ in 0..130 {
            codes.push(house.get("nobody", "/v1/trades").await);
        }
        codes
    };
    assert_eq!(codes.iter().filter(|answer| answer.code() == "401 unauthorized").count(), 120);
    let last = codes.last().unwrap();
    assert_eq!((last.code().as_str(), last.header("retry-after")), ("429 rate_limited", Some("1")));
    assert_eq!(house.get(SHOP, "/v1/trades").await.code(), "200");
}

#[tokio::test]
async fn f73_the_sandbox_does_not_exist_where_money_is_real() {
    let live = House::new(Environment::Live);
    let fund = r#"{"owner":"user:42","amount":5,"currency":"CNY"}"#;
    assert_eq!(live.post(PLATFORM, "/v1/sandbox/fund", fund).await.code(), "404 not_found");
    assert_eq!(House::test().post(PLATFORM, "/v1/sandbox/fund", fund).await.code(), "201");
    let pay = format!("/v1/trades/{}/payments", trade());
    let tools = r#"{"tools":[{"tool":"channel","method":"card","amount":5,"sandbox":"succeed"}]}"#;
    assert_eq!(live.post(SHOP, &pay, tools).await.code(), "403 environment_mismatch");
    assert_eq!(live.count(), 0);
}

#[tokio::test]
async fn spending_users_own_money_needs_consent() {
    let house = House::test();
    let pay = format!("/v1/trades/{}/payments", trade());
    let balance = r#"{"tools":[{"tool":"balance","amount":5}]}"#;
    let refusal = house.post(SHOP, &pay, balance).await;
    assert_eq!(refusal.code(), "403 payer_consent_required");
    assert_eq!(refusal.json()["param"], "tools[0].tool");
    assert_eq!(house.post(OTHER_SHOP, &pay, balance).await.code(), "201", "with users:debit");
    assert_eq!(house.post(PLATFORM, &pay, balance).await.code(), "201");
}

#[tokio::test]
async fn a_merchants_coupons_come_out_of_its_own_budget() {
    let house = House::test();
    let coupon = |more: &str| format!(r#"{{"amount":5,"currency":"CNY","owner":"user:42"{more}}}"#);
    let refused = house.post(SHOP, "/v1/coupons", &coupon(r#","budget":false"#)).await;
    assert_eq!(refused.code(), "403 scope_required");
    assert_eq!(house.post(SHOP, "/v1/coupons", &coupon("")).await.code(), "201");
    let engine::request::Command::IssueCoupon(issue) = house.last().command else { panic!("no coupon") };
    assert!(issue.budget && issue.merchant == Some(shop()));
    assert_eq!(house.post(PLATFORM, "/v1/coupons", &coupon("")).await.code(), "201");
    let engine::request::Command::IssueCoupon(issue) = house.last().command else { panic!("no coupon") };
    assert!(!issue.budget && issue.merchant.is_none());
}

#[tokio::test]
async fn a_keys_secret_is_shown_once() {
    let house = House::test();
    let path = format!("/v1/merchants/{}/keys", shop());
    let first = house.post(PLATFORM, &path, "").await.json();
    assert!(first["key"].as_str().unwrap().starts_with("sk_test_"));
    let again = house.post_with(PLATFORM, &path, "again", "").await.json();
    assert!(again["key"].is_null());
    let admin = house.post(PLATFORM, &path, r#"{"scopes":["admin"]}"#).await;
    assert_eq!(admin.code(), "400 invalid_value", "never a merchant's");
}
