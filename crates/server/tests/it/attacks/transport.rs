//! A: how bytes arrive (cases 4, 9, 11 to 15; and 91, which is the same at every door). Sent over a plain socket, because no client library would.

use std::io::Write as _;
use std::time::{Duration, Instant};

use kernel::{Code, limits};
use serde_json::json;

use super::routes::{Document, nowhere};
use super::stage::{Stage, assert_problem, attack};
use super::wire::{Answer, Call, connect, exchange, read_to_close};
use crate::shop::order;

/// Every method that HTTP clients know, and one that nobody does.
const METHODS: [&str; 9] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "REFUND"];

fn good(stage: &Stage<'_>) -> Call {
    Call::post(&stage.shop.key, "/v1/trades", order("instant", 5, &json!({})).to_string())
}

/// Sends bytes that must be refused with this problem, and nothing but it.
#[track_caller]
fn refused(stage: &Stage<'_>, bytes: &[u8], code: Code) {
    let answers = exchange(&stage.platform.address, bytes);
    let asked: String = String::from_utf8_lossy(bytes).chars().take(300).collect();
    assert_eq!(count(&answers), 1, "{asked}");
    assert_problem(&Answer::read(&answers).unwrap(), code, &asked);
    stage.unchanged(&asked);
    stage.still_serves();
}

fn count(answers: &[u8]) -> usize {
    String::from_utf8_lossy(answers).matches("HTTP/1.1 ").count()
}

#[test]
fn a04_large_bodies() {
    attack(async |stage| {
        let large = "x".repeat(limits::MAX_BODY_BYTES + 1);
        stage.refused(&Call::post(&stage.shop.key, "/v1/trades", large.clone()), Code::body_too_large, None);
        // Two megabytes are announced; what is sent is enough to see that they are too many.
        let mut announced = good(stage).head("content-length: 2097152");
        announced.extend_from_slice(large.as_bytes());
        refused(stage, &announced, Code::body_too_large);
        // The same without a length.
        let mut chunked = good(stage).head("transfer-encoding: chunked");
        let chunk = format!("1000\r\n{}\r\n", " ".repeat(4_096));
        chunked.extend_from_slice(chunk.repeat(17).as_bytes());
        refused(stage, &chunked, Code::body_too_large);
        let at_the_bound = format!("{{\"subject\":\"{}", "x".repeat(limits::MAX_BODY_BYTES - 12));
        assert_eq!(at_the_bound.len(), limits::MAX_BODY_BYTES);
        stage.refused(&Call::post(&stage.shop.key, "/v1/trades", at_the_bound), Code::malformed_json, None);
    });
}

#[test]
fn a09_undeclared_methods_on_every_path() {
    attack(async |stage| {
        let document = Document::read(stage);
        let paths = document.0["paths"].as_object().unwrap();
        for path in paths.keys() {
            let mut declared = document.methods(path);
            if declared.contains(&"GET".to_owned()) {
                declared.push("HEAD".to_owned());
            }
            declared.sort();
            let noun = path.split('/').nth(2).unwrap_or_default();
            let id = if path.starts_with("/v1") && path.contains("{id}") { nowhere(noun) } else { "x".to_owned() };
            for method in METHODS.into_iter().filter(|method| !declared.contains(&(*method).to_owned())) {
                let call = Call::new(method, &path.replace("{id}", &id), "");
                let answer =
                    call.with("authorization", format!("Bearer {}", stage.platform.key)).send(&stage.platform.address);
                let asked = format!("{method} {path}");
                assert_eq!(answer.status, 405, "{asked}");
                let mut allowed: Vec<String> =
                    answer.header("allow").split(',').map(|name| name.trim().to_owned()).collect();
                allowed.sort();
                assert_eq!(allowed, declared, "{asked}");
                if method != "HEAD" {
                    assert_problem(&answer, Code::method_not_allowed, &asked);
                }
            }
        }
        stage.unchanged("methods that do not exist");
    });
}

#[test]
fn a11_requests_that_can_be_read_two_ways() {
    attack(async |stage| {
        let body = order("instant", 5, &json!({})).to_string();
        let good = good(stage);
        let length = format!("content-length: {}", body.len());
        let hidden = format!("0\r\n\r\n{}", String::from_utf8(good.bytes()).unwrap());
        let chunked = |chunks: &str| [good.head("transfer-encoding: chunked"), chunks.as_bytes().to_vec()].concat();
        let with = |lengths: &str, body: &str| [good.head(lengths), body.as_bytes().to_vec()].concat();
        for bytes in [
            with(&format!("{length}\r\ncontent-length: 3"), &body),
            with(&format!("{length}, 3"), &body),
            with(&format!("content-length: +{}", body.len()), &body),
            with("content-length: 0x10", &body),
            with("transfer-encoding: identity, chunked, identity", &hidden),
            with("transfer-encoding: xchunked", &hidden),
            with(&format!("x-folded: a\r\n  b\r\n{length}"), &body),
            with(&format!("content-length : {}", body.len()), &body),
            with(&format!("x y: 1\r\n{length}"), &body),
            with(&format!("x-nul: a\0b\r\n{length}"), &body),
            chunked("zz\r\nab\r\n0\r\n\r\n"),
            chunked("-1\r\nab\r\n0\r\n\r\n"),
            chunked("2\r\nabc\r\n0\r\n\r\n"),
            chunked("fffffffffffffffff\r\nab\r\n0\r\n\r\n"),
        ] {
            let answers = exchange(&stage.platform.address, &bytes);
            let asked = String::from_utf8_lossy(&bytes).into_owned();
            assert_eq!(count(&answers), 1, "{asked}\n{}", String::from_utf8_lossy(&answers));
            assert_eq!(Answer::read(&answers).unwrap().status, 400, "{asked}");
            stage.unchanged(&asked);
        }
        // Both lengths: at most one request is read, and what follows it is none.
        let both = with(&format!("{length}\r\ntransfer-encoding: chunked"), &hidden);
        let answers = exchange(&stage.platform.address, &both);
        assert_eq!(count(&answers), 1, "{}", String::from_utf8_lossy(&answers));
        assert_eq!(Answer::read(&answers).unwrap().status, 400, "{}", String::from_utf8_lossy(&answers));
        stage.unchanged("both lengths");
        stage.still_serves();
    });
}

#[test]
fn a12_large_headers() {
    attack(async |stage| {
        refused(stage, &good(stage).with("x-large", "v".repeat(65_536)).bytes(), Code::headers_too_large);
        let many = (0..80).fold(good(stage), |call, n| call.with(&format!("x-{n}"), "v"));
        refused(stage, &many.bytes(), Code::headers_too_large);
        // Beyond what the parser reads at all, the answer has no body.
        for bytes in [
            (0..110).fold(good(stage), |call, n| call.with(&format!("x-{n}"), "v")).bytes(),
            (0..1_000).fold(good(stage), |call, n| call.with(&format!("x-{n}"), "v")).bytes(),
            good(stage).with("x-large", "v".repeat(300_000)).bytes(),
        ] {
            let answers = exchange(&stage.platform.address, &bytes);
            assert_eq!(Answer::read(&answers).map(|answer| answer.status), Some(431));
            stage.unchanged("a header section beyond all bounds");
            stage.still_serves();
        }
        let long_path = Call::get(&stage.shop.key, &format!("/v1/trades/{}", "x".repeat(300_000)));
        let answers = exchange(&stage.platform.address, &long_path.bytes());
        assert!([414, 431].contains(&Answer::read(&answers).unwrap().status), "{}", String::from_utf8_lossy(&answers));
        stage.unchanged("a path beyond all bounds");
    });
}

#[test]
fn a13_path_tricks() {
    attack(async |stage| {
        let trade = stage.shop.unpaid("instant", 5, &json!({})).await;
        stage.settle().await;
        let key = &stage.shop.key;
        for path in [
            format!("/v1/payments/..%2ftrades%2f{trade}"),
            format!("/v1/payments/../trades/{trade}"),
            format!("/v1/./trades/{trade}"),
            format!("//v1/trades/{trade}"),
            format!("/v1//trades/{trade}"),
            format!("/v1/trades/{trade}/"),
            format!("/v1/trades/{trade}."),
            format!("/v1/trades/{trade}%00"),
            format!("/v1/trades/{trade}%20"),
            format!("/v1/trades/{trade}%2500"),
            format!("/v1/trades/{trade}%252f"),
            "/v1/trades/%2574rd".to_owned(),
            format!("/v1/trades/{trade};x=1"),
            format!("/v1/trades/{trade}%0d%0aset-cookie:x"),
            format!("/v1/trades/{}", trade.to_uppercase()),
            format!("/V1/trades/{trade}"),
            "/v1/trades/%ff".to_owned(),
            "/v1/trades/%zz".to_owned(),
            "/..%2f..%2fetc/passwd".to_owned(),
            "/docs/errors/..%2f..%2fREADME".to_owned(),
            "/docs/errors/%2e%2e/README".to_owned(),
            "/docs/style.css%00".to_owned(),
        ] {
            stage.refused(&Call::get(key, &path), Code::not_found, None);
        }
        let own = Call::get(key, &format!("/v1/trades/{trade}")).send(&stage.platform.address);
        assert_eq!(own.ok(200)["id"], trade.as_str());
        // One text form only, but a path may be written in more: this is the same path.
        let encoded = Call::get(key, &format!("/v1/trades/%74{}", &trade[1..])).send(&stage.platform.address);
        assert_eq!(encoded.ok(200)["id"], trade.as_str());
    });
}

#[test]
fn a14_compressed_bodies() {
    attack(async |stage| {
        // A gzip stream of a megabyte of spaces; it is never inflated.
        let bomb: &[u8] = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\xed\xc1\x01\x0d\x00\x00\x00\xc2\xa0\xf7\x4f\x6d";
        for coding in ["gzip", "deflate", "br", "zstd", "identity", "x-gzip", "gzip, gzip"] {
            let call = Call::post(&stage.shop.key, "/v1/trades", bomb).with("content-encoding", coding);
            stage.refused(&call, Code::unsupported_media_type, None);
        }
        stage.refused(&Call::post(&stage.shop.key, "/v1/trades", bomb), Code::invalid_text, None);
        let chunked = good(stage).head("transfer-encoding: gzip, chunked");
        let answers = exchange(&stage.platform.address, &[chunked, b"0\r\n\r\n".to_vec()].concat());
        assert!(Answer::read(&answers).unwrap().status >= 400, "{}", String::from_utf8_lossy(&answers));
        stage.unchanged("a transfer coding");
    });
}

#[test]
fn a15_headers_that_name_somebody_else() {
    attack(async |stage| {
        let trade = stage.shop.unpaid("instant", 5, &json!({})).await;
        stage.settle().await;
        let strangers = |call: Call| {
            call.with("x-forwarded-for", "127.0.0.1")
                .with("forwarded", "for=127.0.0.1")
                .with("x-real-ip", "127.0.0.1")
                .with("x-merchant-id", stage.shop.id.clone())
                .with("x-original-url", "/v1/merchants")
                .with("x-http-method-override", "GET")
        };
        let read = strangers(Call::get(&stage.other.key, &format!("/v1/trades/{trade}")));
        stage.refused(&read, Code::not_found, None);
        let open = strangers(Call::post(&stage.other.key, "/v1/trades", order("instant", 5, &json!({})).to_string()));
        let opened = open.send(&stage.platform.address).ok(201);
        assert_eq!(opened["merchant_id"], stage.other.id.as_str(), "it is the key's merchant");
        stage.settle().await;
        // Whoever fails to authenticate is counted by the true peer, whatever address is claimed.
        let tries = (0..200).map(|n| {
            let call = Call::get("sk_test_nobody", "/v1/trades").with("x-forwarded-for", format!("203.0.113.{n}"));
            call.send(&stage.platform.address).status
        });
        assert!(tries.filter(|status| *status == 429).count() > 0, "claimed addresses have buckets of their own");
        stage.unchanged("failed authentications");
    });
}

#[test]
fn g91_slow_bodies_are_given_up() {
    attack(async |stage| {
        let begun = Instant::now();
        let calls = [good(stage), Call::new("POST", "/notify/sandbox", "")];
        let mut streams = calls.map(|call| {
            let mut stream = connect(&stage.platform.address);
            stream.write_all(&call.head("content-length: 100")).unwrap();
            stream.write_all(b"{\"am").unwrap();
            stream
        });
        for stream in &mut streams {
            let answer = Answer::read(&read_to_close(stream)).unwrap();
            assert_problem(&answer, Code::deadline_exceeded, "a body that does not come");
        }
        assert!(begun.elapsed() < Duration::from_secs(15), "{:?}", begun.elapsed());
        stage.unchanged("a body that does not come");
    });
}
