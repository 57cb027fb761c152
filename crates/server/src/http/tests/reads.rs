//! Reads: lists and their parameters, waiting, what the control data shows, the institutions' door.

use axum::body::Body;
use axum::http::Request;
use serde_json::{Value, json};

use super::house::{House, PLATFORM, SHOP, shop, trade};
use kernel::PaymentId;

#[tokio::test]
async fn lists_say_what_they_were_asked() {
    let house = House::test();
    let answer = house.get(SHOP, "/v1/trades?status=paid&limit=5&stale=ok").await.json();
    assert_eq!(answer["data"][0]["id"], "x");
    assert_eq!(answer["has_more"], true);
    let expected = format!("trades Some({}) Some(\"paid\") 5 None true", shop());
    assert_eq!(house.shelf.asked.lock().unwrap().last(), Some(&expected));
    for bad in ["status=open", "limit=0", "limit=101", "stale=yes", "merchant_id=x"] {
        let code = house.get(SHOP, &format!("/v1/trades?{bad}")).await.code();
        assert!(["400 invalid_value", "400 invalid_id"].contains(&&*code), "{bad} {code}");
    }
}

#[tokio::test]
async fn the_log_always_has_a_cursor() {
    let house = House::test();
    let answer = house.get(SHOP, "/v1/events?limit=5").await.json();
    assert_eq!((answer["has_more"].as_bool(), answer["next_cursor"].is_string()), (Some(false), true));
    let next = format!("/v1/events?limit=1&after={}", answer["next_cursor"].as_str().unwrap());
    assert_eq!(house.get(SHOP, &next).await.json()["has_more"], true);
}

#[tokio::test]
async fn a_trade_by_its_order_number() {
    let house = House::test();
    let found = house.get(SHOP, "/v1/trades?merchant_order_id=A1001").await.json();
    assert_eq!(found["data"][0]["id"], trade().to_string());
    let none = house.get(SHOP, "/v1/trades?merchant_order_id=A1002").await.json();
    assert_eq!((none["data"].as_array().map(Vec::len), none["has_more"].as_bool()), (Some(0), Some(false)));
    let unnamed = house.get(PLATFORM, "/v1/trades?merchant_order_id=A1001").await;
    assert_eq!(unnamed.code(), "400 merchant_required");
}

#[tokio::test]
async fn a_search_says_what_it_was_asked() {
    let house = House::test();
    let answer = house.get(SHOP, "/v1/search?number=A%2F1&limit=5&stale=ok").await.json();
    assert_eq!((answer["data"][0]["id"].as_str(), answer["has_more"].as_bool()), (Some("x"), Some(true)));
    let asked = |merchant: &str, rest: &str| format!("search A/1 {merchant} {rest}");
    let own = asked(&format!("Some({})", shop()), "5 true");
    assert_eq!(house.shelf.asked.lock().unwrap().last(), Some(&own), "a merchant's key asks for its own");
    house.get(PLATFORM, "/v1/search?number=A%2F1").await.json();
    assert_eq!(house.shelf.asked.lock().unwrap().last(), Some(&asked("None", "20 false")));
    let long = format!("number={}", "x".repeat(65));
    let bad = [("", "400 missing_field"), ("number=", "400 invalid_text"), ("number=a+b", "400 invalid_text")];
    for (query, code) in
        bad.into_iter().chain([(&*long, "400 invalid_text"), ("number=1&cursor=x", "400 unknown_field")])
    {
        assert_eq!(house.get(SHOP, &format!("/v1/search?{query}")).await.code(), code, "{query}");
    }
}

#[tokio::test]
async fn a_dry_run_goes_on_where_it_ended() {
    let house = &House::test();
    let body = |more: Value| {
        let mut body = json!({"lines": ["book = \"shop\"", "about = \"x\""]});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    let run = |body: Value| async move { house.post(PLATFORM, "/v1/rules/shop/dry_run", &body.to_string()).await };
    let first = run(body(json!({}))).await.json();
    assert_eq!(house.shelf.asked.lock().unwrap().last().unwrap(), "dry run shop 100 None false");
    run(body(json!({"limit": 7, "cursor": first["next_cursor"]}))).await.json();
    assert_eq!(house.shelf.asked.lock().unwrap().last().unwrap(), "dry run shop 7 Some(\"7\") false");
    for (more, code) in [
        (json!({"limit": 0}), "400 invalid_value"),
        (json!({"limit": 101}), "400 invalid_value"),
        (json!({"cursor": "x"}), "400 cursor_invalid"),
        (json!({"lines": ["book = \"other\"", "about = \"x\""]}), "422 rule_book_invalid"),
        (json!({"lines": ["book = 1"]}), "422 rule_book_invalid"),
        (json!({"lines": []}), "400 invalid_value"),
        (json!({"version": 1}), "400 unknown_field"),
    ] {
        assert_eq!(run(body(more.clone())).await.code(), code, "{more}");
    }
    assert_eq!(
        house.post(SHOP, "/v1/rules/shop/dry_run", &body(json!({})).to_string()).await.code(),
        "403 scope_required"
    );
}

#[tokio::test]
async fn an_offer_knows_who_asks() {
    let house = House::test();
    house.get(SHOP, &format!("/v1/trades/{}/offer", trade())).await.json();
    let asked = house.shelf.asked.lock().unwrap().last().cloned().unwrap();
    assert!(asked.starts_with(&format!("offer Merchant({})", shop())), "{asked}");
    house.get(PLATFORM, &format!("/v1/trades/{}/offer", trade())).await.json();
    assert_eq!(house.shelf.asked.lock().unwrap().last().unwrap(), "offer Platform true");
    assert_eq!(house.get(SHOP, "/v1/trades/x/offer").await.code(), "404 not_found");
}

#[tokio::test]
async fn waiting_ends_with_a_change() {
    let house = House::test();
    let payment = PaymentId::new(trade(), 1);
    let read = async |query: &str| house.get(SHOP, &format!("/v1/payments/{payment}{query}")).await;
    assert_eq!(read("").await.json()["status"], "created");
    assert_eq!(read("?wait=0").await.json()["status"], "created");
    assert_eq!(read("?wait=10").await.json()["status"], "paid");
    "succeeded".clone_into(&mut house.shelf.status.lock().unwrap());
    assert_eq!(read("?wait=10").await.json()["status"], "succeeded", "settled: nothing to wait for");
    assert_eq!(read("?wait=31").await.code(), "400 invalid_value");
}

#[tokio::test]
async fn merchants_and_keys_are_shown_without_secrets() {
    let house = House::test();
    let own = house.get(SHOP, &format!("/v1/merchants/{}", shop())).await.json();
    assert_eq!(own["name"], "Shop");
    let keys = house.get(SHOP, &format!("/v1/merchants/{}/keys", shop())).await;
    assert_eq!(keys.json()["data"].as_array().map(Vec::len), Some(2));
    assert!(!keys.text.contains("sk_test") && !keys.text.contains("hash"), "{}", keys.text);
    let first = house.get(PLATFORM, "/v1/merchants?limit=1").await.json();
    assert_eq!(first["data"][0]["name"], "Other", "newest first");
    let rest = format!("/v1/merchants?limit=1&cursor={}", first["next_cursor"].as_str().unwrap());
    let second = house.get(PLATFORM, &rest).await.json();
    assert_eq!((second["data"][0]["name"].as_str(), second["has_more"].as_bool()), (Some("Shop"), Some(false)));
}

#[tokio::test]
async fn the_books_and_the_statements() {
    let house = House::test();
    let balance = house.get(PLATFORM, "/v1/ledger/trial_balance?currency=CNY&date=2026-11-23").await.json();
    assert_eq!((balance["currency"].as_str(), balance["date"].as_str()), (Some("CNY"), Some("Some(20261123)")));
    assert_eq!(house.get(PLATFORM, "/v1/ledger/trial_balance?currency=cny").await.code(), "422 unknown_currency");
    let statement = house.get(PLATFORM, "/v1/channels/sandbox/statements?date=2026-11-23").await;
    assert_eq!(
        (statement.text.as_str(), statement.header("content-type")),
        ("day,20261123\n", Some("text/csv; charset=utf-8"))
    );
    assert_eq!(house.get(PLATFORM, "/v1/channels/other/statements?date=2026-11-23").await.code(), "404 not_found");
    assert_eq!(house.get(PLATFORM, "/v1/channels/sandbox/statements").await.code(), "400 missing_field");
}

#[tokio::test]
async fn the_institutions_door_passes_bytes_on() {
    let house = House::test();
    let notify = async |account: &str, body: Vec<u8>| {
        house.send(Request::post(format!("/notify/{account}")).body(Body::from(body)).unwrap()).await
    };
    let answer = notify("sandbox", b"raw {".to_vec()).await;
    assert_eq!((answer.status.as_u16(), answer.text.as_str()), (200, "raw {"));
    assert_eq!(notify("nobody", Vec::new()).await.code(), "404 not_found");
    assert_eq!(notify("sandbox", vec![0; 100_000]).await.code(), "413 body_too_large");
}
