//! K: API keys (cases 117 to 122), and H: addresses that we are told to send to (94, 95, 98).

use std::time::{Duration, Instant};

use kernel::Code;
use serde_json::{Value, json};

use super::routes::{Document, Operation};
use super::stage::{assert_problem, attack};
use super::wire::Call;
use crate::shop::{id, list};

#[test]
fn k117_credentials_that_are_none() {
    attack(async |stage| {
        let good = stage.shop.key.clone();
        let values = [
            String::new(),
            "Bearer".to_owned(),
            "Bearer ".to_owned(),
            good.clone(),
            format!("Basic {good}"),
            format!("Bearer  {good}"),
            format!("Bearer {good}x"),
            format!("Bearer {}", &good[..good.len() - 1]),
            format!("Bearer {}", good.to_uppercase()),
            format!("Bearer {}", good.replace("sk_test_", "sk_live_")),
            "Bearer sk_test_".to_owned(),
            "Bearer null".to_owned(),
            "Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJwbGF0Zm9ybSJ9.".to_owned(),
            format!("Bearer {good}, Bearer {good}"),
        ];
        for value in values {
            let call = Call::get(&good, "/v1/trades").changed("authorization", value);
            stage.refused(&call, Code::unauthorized, None);
        }
        stage.refused(&Call::new("GET", "/v1/trades", ""), Code::unauthorized, None);
        let twice = Call::get(&good, "/v1/trades").with("Authorization", format!("Bearer {good}"));
        stage.refused(&twice, Code::unauthorized, None);
        let raw = Call::get(&good, "/v1/trades").changed("authorization", b"Bearer \xff".to_vec());
        stage.refused(&raw, Code::unauthorized, None);
        let elsewhere =
            Call::new("GET", "/v1/trades", "").with("x-api-key", good.clone()).with("cookie", format!("key={good}"));
        stage.refused(&elsewhere, Code::unauthorized, None);
    });
}

#[test]
fn k120_bad_keys_hold_up_nobody_else() {
    attack(async |stage| {
        let mut limited = 0;
        for _ in 0..300 {
            let answer = Call::get("sk_test_nobody", "/v1/trades").send(&stage.platform.address);
            if answer.status == 429 {
                assert_problem(&answer, Code::rate_limited, "a bad key");
                assert_eq!(answer.header("retry-after"), "1");
                limited += 1;
            }
        }
        assert!(limited > 100, "{limited}");
        for _ in 0..20 {
            stage.shop.get("/v1/trades").await.ok(200);
        }
        stage.unchanged("bad keys");
    });
}

#[test]
fn k121_a_revoked_key_is_over() {
    attack(async |stage| {
        let key = stage.platform.merchant_key(&stage.shop.id, &["read", "write"]).await;
        let api = stage.platform.with_key(&key);
        api.get("/v1/trades").await.ok(200);
        let keys = stage.shop.get(&format!("/v1/merchants/{}/keys", stage.shop.id)).await.ok(200);
        let newest = id(&list(&keys["data"])[0]);
        api.post(&format!("/v1/keys/{newest}/revoke"), &json!({})).await.ok(200);
        let begun = Instant::now();
        loop {
            let answer = api.get("/v1/trades").await;
            if answer.status == 401 {
                break;
            }
            assert!(begun.elapsed() < Duration::from_secs(5), "it still works");
        }
        stage.settle().await;
        stage.refused(&Call::post(&key, "/v1/trades", "{}"), Code::unauthorized, None);
        stage.shop.get("/v1/trades").await.ok(200);
    });
}

#[test]
fn k122_secrets_are_not_in_urls_and_answers_tell_nothing() {
    attack(async |stage| {
        let key = stage.shop.key.clone();
        for name in ["api_key", "key", "access_token", "authorization"] {
            let nobody = Call::new("GET", &format!("/v1/trades?{name}={key}"), "");
            let problem = stage.refused(&nobody, Code::unauthorized, None);
            assert!(!problem.to_string().contains(&key));
            let call = Call::get(&key, &format!("/v1/trades?{name}={key}"));
            let problem = stage.refused(&call, Code::unknown_field, Some(name));
            assert!(!problem.to_string().contains(&key), "the value is not repeated");
        }
        for route in Document::read(stage).operations().into_iter().filter(Operation::takes_a_key) {
            let answer = Call::new(&route.method, &route.path_to_nothing(), "").send(&stage.platform.address);
            assert!(["", "Suanpan"].contains(&answer.header("server")), "{}", answer.header("server"));
            assert!(answer.header("x-powered-by").is_empty());
            assert_eq!(answer.header("x-content-type-options"), "nosniff");
            assert_eq!(answer.header("cache-control"), "no-store");
        }
        let hook = json!({"url": "https://shop.example/hooks"});
        let endpoint = stage.shop.post("/v1/webhook_endpoints", &hook).await.ok(201);
        assert!(endpoint["secret"].as_str().unwrap().starts_with("whsec_"));
        for path in [format!("/v1/webhook_endpoints/{}", id(&endpoint)), "/v1/webhook_endpoints".to_owned()] {
            assert!(!stage.shop.get(&path).await.text().contains("whsec_"), "{path} shows the secret");
        }
        let keys = stage.shop.get(&format!("/v1/merchants/{}/keys", stage.shop.id)).await;
        assert!(!keys.text().contains("sk_test_"), "{}", keys.text());
    });
}

#[test]
fn h94_h95_h98_addresses_that_are_not_sent_to() {
    attack(async |stage| {
        let hosts = [
            "0.0.0.0",
            "169.254.169.254",
            "100.100.100.200",
            "10.0.0.1",
            "172.16.0.1",
            "172.31.255.254",
            "192.168.0.1",
            "100.64.0.1",
            "[fc00::1]",
            "[fd00::1]",
            "[fe80::1]",
            "[::ffff:127.0.0.1]",
            "[::ffff:10.0.0.1]",
            "[64:ff9b::7f00:1]",
            "[2002:7f00:1::]",
            "[2001::1]",
            "167772161",
            "0xa.1",
            "10.1",
            "01200000001",
            "metadata.google.internal",
            "db",
            "printer.local",
        ];
        let others = [
            "file:///etc/passwd",
            "gopher://shop.example/",
            "ftp://shop.example/",
            "https://ok@evil.example/",
            "https://ok:pw@evil.example/",
            "https://shop.example/\\@evil.example",
            "https://shop.example:22/",
            "https://shop.example:6379/",
            "javascript:alert(1)",
            "//shop.example/",
            "shop.example",
            "https://",
            "https://shop.example/#x",
            "https://shop.example/ x",
            "https://shöp.example/",
        ];
        let urls = hosts.iter().map(|host| format!("https://{host}/hook")).chain(others.map(str::to_owned));
        for url in urls {
            let body = json!({"url": url}).to_string();
            let call = Call::post(&stage.shop.key, "/v1/webhook_endpoints", body);
            stage.refused(&call, Code::url_not_allowed, Some("url"));
        }
        for url in ["https://shop.example/\r\nhost: x", "https://shop.example/\tx", "https://shop.example/\u{0}"] {
            let call = Call::post(&stage.shop.key, "/v1/webhook_endpoints", json!({"url": url}).to_string());
            stage.refused(&call, Code::invalid_text, Some("url"));
        }
        let page = stage.shop.get("/v1/webhook_endpoints").await.ok(200);
        assert_eq!(page["data"], Value::Array(Vec::new()));
    });
}
