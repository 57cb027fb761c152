//! Attacks A4 to A15 on the transport, and what every answer carries.

use axum::body::{Body, Bytes};
use axum::http::{Method, Request};
use engine::queue::Terms;
use futures::stream;

use super::house::{House, PLATFORM, READER, SHOP, cursed, trade};
use crate::config::Environment;
use crate::ports::SystemClock;

const GOOD: &str = r#"{"merchant_refund_id":"R1","amount":5}"#;

fn refunds() -> String {
    format!("/v1/trades/{}/refunds", trade())
}

#[tokio::test]
async fn what_every_answer_carries() {
    let house = House::test();
    let answer = house.post(SHOP, &refunds(), GOOD).await;
    assert_eq!(answer.code(), "201");
    assert!(answer.header("request-id").unwrap().starts_with("req_"));
    assert_eq!(answer.header("suanpan-seq"), Some("17"));
    assert_eq!(answer.header("idempotent-replayed"), None);
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    assert_eq!(answer.header("ratelimit"), Some("\"key\";r=39999;t=1"));
    let again = house.post_with(SHOP, &refunds(), "again", GOOD).await;
    assert_eq!(again.header("idempotent-replayed"), Some("true"));
    assert_ne!(again.header("request-id"), answer.header("request-id"));
}

#[tokio::test]
async fn a4_large_bodies() {
    let house = House::test();
    let large = format!(r#"{{"a":"{}"}}"#, "x".repeat(2 << 20));
    assert_eq!(house.post(SHOP, "/v1/trades", &large).await.code(), "413 body_too_large");
    let chunks = stream::iter((0..512).map(|_| Ok::<_, std::io::Error>(Bytes::from(vec![b' '; 4_096]))));
    let request = house.request(SHOP, Method::POST, "/v1/trades").header("idempotency-key", "k");
    let request = request.header("content-type", "application/json").body(Body::from_stream(chunks)).unwrap();
    assert_eq!(house.send(request).await.code(), "413 body_too_large");
    assert_eq!(house.post(SHOP, "/v1/trades", &"[".repeat(10_000)).await.code(), "400 body_too_deep");
    assert_eq!(house.post(SHOP, "/v1/trades", "{").await.code(), "400 malformed_json");
    assert_eq!(house.count(), 0);
}

#[tokio::test]
async fn a7_a14_media_types() {
    let house = House::test();
    let send = async |headers: &[(&str, &str)]| {
        let mut request = house.request(SHOP, Method::POST, &refunds()).header("idempotency-key", "k");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        house.send(request.body(Body::from(GOOD)).unwrap()).await.code()
    };
    assert_eq!(send(&[("content-type", "application/json")]).await, "201");
    assert_eq!(send(&[]).await, "415 unsupported_media_type");
    assert_eq!(send(&[("content-type", "text/plain")]).await, "415 unsupported_media_type");
    let gzip = [("content-type", "application/json"), ("content-encoding", "gzip")];
    assert_eq!(send(&gzip).await, "415 unsupported_media_type");
    assert_eq!(house.count(), 1);
}

#[tokio::test]
async fn a9_methods_that_do_not_exist() {
    let house = House::test();
    for (method, path, allow) in [
        (Method::TRACE, "/v1/trades", "GET,HEAD,POST"),
        (Method::PUT, "/v1/trades", "GET,HEAD,POST"),
        (Method::PATCH, &*format!("/v1/trades/{}", trade()), "GET,HEAD"),
        (Method::DELETE, &*refunds(), "POST"),
        (Method::OPTIONS, "/livez", "GET,HEAD"),
        (Method::GET, "/notify/sandbox", "POST"),
    ] {
        let answer = house.send(house.request(SHOP, method.clone(), path).body(Body::empty()).unwrap()).await;
        assert_eq!(answer.code(), "405 method_not_allowed", "{method} {path}");
        let mut allowed: Vec<&str> = answer.header("allow").unwrap().split(',').collect();
        allowed.sort_unstable();
        assert_eq!(allowed.join(","), allow, "{path}");
    }
}

#[tokio::test]
async fn a10_parameters_given_twice() {
    let house = House::test();
    for path in ["/v1/trades?status=paid&status=closed", "/v1/trades?limit=1&%6Cimit=2"] {
        assert_eq!(house.get(SHOP, path).await.code(), "400 parameter_pollution", "{path}");
    }
    let both = house.post(SHOP, &format!("{}?amount=1", refunds()), GOOD).await;
    assert_eq!(both.code(), "400 parameter_pollution");
    let alone = house.post(SHOP, &format!("{}?dry_run=1", refunds()), GOOD).await;
    assert_eq!(alone.code(), "400 unknown_field");
    assert_eq!(house.get(SHOP, "/v1/trades?limmit=3").await.code(), "400 unknown_field");
    assert_eq!(house.count(), 0);
}

#[tokio::test]
async fn a12_large_headers() {
    let house = House::test();
    let one = house.request(SHOP, Method::GET, "/v1/trades").header("x-large", "x".repeat(65_536));
    assert_eq!(house.send(one.body(Body::empty()).unwrap()).await.code(), "431 headers_too_large");
    let mut many = house.request(SHOP, Method::GET, "/v1/trades");
    for number in 0..1_000 {
        many = many.header(format!("x-{number}"), "x");
    }
    assert_eq!(house.send(many.body(Body::empty()).unwrap()).await.code(), "431 headers_too_large");
}

#[tokio::test]
async fn a13_paths_that_trick() {
    let house = House::test();
    let id = trade();
    for path in [
        "/v1/trades/..%2f",
        "/v1/trades/%00",
        "/v1/trades/%252e%252e",
        "/v1/trades/%ff",
        "/v1/trades/..",
        "/v1//trades",
        "/v1/trades/",
        "/V1/trades",
        "/v1/trades./x",
        "/v2/trades",
        &format!("/v1/trades/{id}."),
        &format!("/v1/trades/{id}%20"),
        &format!("/v1/trades/{id}/"),
        &format!("/v1/trades/{}", id.to_string().to_uppercase()),
        "/docs/errors/..%2fREADME",
        &format!("/v1/trades/%2e%2e/{id}"),
    ] {
        assert_eq!(house.get(SHOP, path).await.code(), "404 not_found", "{path}");
    }
}

#[tokio::test]
async fn a15_headers_of_strangers_name_nobody() {
    let house = House::test();
    let other = super::house::other_shop().to_string();
    let request = house.request(SHOP, Method::POST, "/v1/coupons/budgets").header("x-merchant-id", &other);
    let request = request.header("x-forwarded-for", "10.0.0.1").header("idempotency-key", "k");
    let body = Body::from(r#"{"amount":5,"currency":"CNY"}"#);
    let answer = house.send(request.header("content-type", "application/json").body(body).unwrap()).await;
    assert_eq!(answer.code(), "201");
    assert_eq!(house.last().caller, engine::request::Caller::Merchant(super::house::shop()));
}

#[tokio::test]
async fn a_panic_is_our_fault_and_says_nothing() {
    let house = House::test();
    let answer = house.get(SHOP, &format!("/v1/trades/{}", cursed())).await;
    assert_eq!(answer.code(), "500 internal_error");
    assert!(!answer.text.contains("cursed"), "{}", answer.text);
}

#[tokio::test]
async fn a_full_line_says_come_back() {
    let (queue, mut jobs) = engine::queue::queue(Terms::of_places(1));
    let house = House::with(Environment::Test, queue.clone(), std::sync::Arc::default());
    let refunds = refunds();
    let first = house.post(SHOP, &refunds, GOOD);
    let second = async {
        let answer = house.post(SHOP, &refunds, GOOD).await;
        drop(jobs.take(1, &SystemClock).await);
        answer
    };
    let (first, second) = futures::join!(first, second);
    assert_eq!(second.code(), "503 overloaded");
    assert_eq!(second.header("retry-after"), Some("1"));
    assert_eq!(first.code(), "503 store_unavailable", "the line went away with it");
    queue.close();
    let late = house.post(SHOP, &refunds, GOOD).await;
    assert_eq!((late.code().as_str(), late.header("retry-after")), ("503 draining", Some("5")));
}

#[tokio::test]
async fn new_business_is_refused_before_anything_of_it_is_looked_at() {
    let (queue, _jobs) = engine::queue::queue(Terms::of_places(1));
    let house = House::with(Environment::Test, queue.clone(), std::sync::Arc::default());
    let asked = |method: Method, path: &str| {
        house.send(Request::builder().method(method).uri(path).body(Body::empty()).unwrap())
    };
    assert_eq!(asked(Method::POST, "/v1/trades").await.code(), "401 unauthorized", "there is room");
    queue.close();
    let refused = asked(Method::POST, "/v1/trades").await;
    assert_eq!((refused.code().as_str(), refused.header("retry-after")), ("503 draining", Some("5")));
    assert_eq!(
        (refused.header("cache-control"), refused.header("x-content-type-options")),
        (Some("no-store"), Some("nosniff"))
    );
    assert!(refused.header("request-id").is_some_and(|id| id.starts_with("req_") && refused.text.contains(id)));
    for (method, path) in
        [(Method::GET, "/v1/trades"), (Method::POST, &*refunds()), (Method::POST, "/v1/webhook_endpoints/x")]
    {
        let code = asked(method.clone(), path).await.code();
        assert!(!code.starts_with("503"), "{method} {path}: {code}");
    }
}

#[tokio::test]
async fn c32_c33_idempotency_keys() {
    let house = House::test();
    let post = |headers: &[&str]| {
        let request = house.request(SHOP, Method::POST, &refunds()).header("content-type", "application/json");
        headers
            .iter()
            .fold(request, |request, key| request.header("idempotency-key", *key))
            .body(Body::from(GOOD))
            .unwrap()
    };
    assert_eq!(house.send(post(&[])).await.code(), "400 idempotency_key_required");
    assert_eq!(house.send(post(&[""])).await.code(), "400 idempotency_key_invalid");
    assert_eq!(house.send(post(&["a", "a"])).await.code(), "400 idempotency_key_invalid");
    assert_eq!(house.send(post(&[&"k".repeat(129)])).await.code(), "400 idempotency_key_invalid");
    assert_eq!(house.count(), 0);
}

#[tokio::test]
async fn c36_c42_what_a_key_is_bound_to() {
    let house = House::test();
    let mut hashes = Vec::new();
    let close = format!("/v1/trades/{}/close", trade());
    for (path, body) in [
        (&*refunds(), r#"{"merchant_refund_id":"R1","amount":5}"#),
        (&*refunds(), r#"{ "amount" : 5, "merchant_refund_id":"R1" }"#),
        (&*refunds(), r#"{"merchant_refund_id":"R1","amount":6}"#),
        (&*close, "{}"),
        (&*close, ""),
        (&*close.replace("/close", "/confirm"), "{}"),
    ] {
        assert_eq!(house.post(SHOP, path, body).await.code(), "201", "{body}");
        hashes.push(house.last().idempotency.unwrap().body_hash);
    }
    assert_eq!(hashes[0], hashes[1], "the order of fields does not count");
    assert_ne!(hashes[0], hashes[2]);
    assert_eq!(hashes[3], hashes[4], "an absent body says nothing");
    assert_ne!(hashes[3], hashes[5], "another route");
}

#[tokio::test]
async fn a_wrong_shape_asks_for_the_key_first() {
    let house = House::test();
    let answer = house.post_with(SHOP, &refunds(), "k9", r#"{"merchant_refund_id":"R1","amount":0}"#).await;
    assert_eq!(answer.code(), "422 amount_not_positive");
    assert_eq!(answer.json()["param"], "amount");
    let told = house.last();
    assert!(matches!(told.command, engine::request::Command::Recall(_)));
    assert_eq!(told.idempotency.unwrap().key, "k9");
    // What the caller may not do is not asked for.
    assert_eq!(house.post(READER, &refunds(), GOOD).await.code(), "403 scope_required");
    assert_eq!(house.post(PLATFORM, &refunds(), "[").await.code(), "400 malformed_json");
    assert_eq!(house.count(), 1);
}
