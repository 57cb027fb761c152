//! H: what the other side of a webhook may do to us (cases 97, 99, 100).

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;

use super::stage::attack_with;
use crate::shop::id;

/// What a target answers that must never be seen by anybody.
const SECRET: &str = "the-inside-of-another-network";

/// A target on a port of its own; it answers every connection in its way and counts them.
struct Target {
    url: String,
    seen: Arc<AtomicUsize>,
}

impl Target {
    fn open(answer: impl Fn(&mut TcpStream) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let (seen, answer) = (Arc::<AtomicUsize>::default(), Arc::new(answer));
        let count = Arc::clone(&seen);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (count, answer) = (Arc::clone(&count), Arc::clone(&answer));
                std::thread::spawn(move || {
                    let mut stream = stream.unwrap();
                    let mut head = [0; 4_096];
                    if stream.read(&mut head).is_ok_and(|read| read > 0) {
                        count.fetch_add(1, Ordering::Relaxed);
                        answer(&mut stream);
                    }
                });
            }
        });
        Self { url, seen }
    }

    fn seen(&self) -> usize {
        self.seen.load(Ordering::Relaxed)
    }

    /// Waits until it was called so often.
    async fn wait_for(&self, count: usize) {
        let begun = Instant::now();
        while self.seen() < count {
            assert!(begun.elapsed() < Duration::from_secs(20), "{} of {count} calls", self.seen());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

#[test]
fn h97_h99_h100_hooks_that_answer_badly() {
    attack_with(&[("webhook.timeout_ms", "1000")], async |stage| {
        let inside = Target::open(|stream| drop(stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")));
        let to = inside.url.clone();
        let redirecting = Target::open(move |stream| {
            let _ = write!(stream, "HTTP/1.1 302 Found\r\nlocation: {to}\r\ncontent-length: 0\r\n\r\n");
        });
        let refusing = Target::open(|stream| {
            let body = format!("{SECRET}\n");
            let _ = write!(stream, "HTTP/1.1 500 No\r\ncontent-length: {}\r\n\r\n{body}", body.len());
        });
        let endless = Target::open(|stream| {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n");
            let chunk = format!("10000\r\n{}\r\n", "x".repeat(0x10000));
            while stream.write_all(chunk.as_bytes()).is_ok() {}
        });
        let silent = Target::open(|_| std::thread::sleep(Duration::from_secs(30)));
        let bomb = Target::open(|stream| {
            let _ = stream
                .write_all(b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 1000000000\r\n\r\n\x1f\x8b");
        });
        let good = Target::open(|stream| drop(stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")));
        let mut endpoints = Vec::new();
        for target in [&redirecting, &refusing, &endless, &silent, &bomb, &good] {
            let body = json!({"url": target.url, "types": ["trade.created"]});
            endpoints.push(id(&stage.shop.post("/v1/webhook_endpoints", &body).await.ok(201)));
        }
        stage.shop.unpaid("instant", 5, &json!({})).await;
        // Each is tried again, so none of them kept a delivery for ever; and the good one does not wait for them.
        for target in [&redirecting, &refusing, &silent] {
            target.wait_for(2).await;
        }
        for target in [&endless, &bomb, &good] {
            target.wait_for(1).await;
        }
        stage.shop.unpaid("instant", 5, &json!({})).await;
        good.wait_for(2).await;
        assert_eq!(inside.seen(), 0, "a redirection was followed");
        for path in [
            "/v1/webhook_endpoints".to_owned(),
            format!("/v1/webhook_endpoints/{}", endpoints[1]),
            "/v1/events".to_owned(),
        ] {
            assert!(!stage.shop.get(&path).await.text().contains(SECRET), "{path}");
        }
        stage.host.with_server(|server| assert!(!server.log().contains(SECRET), "{}", server.log()));
        for endpoint in endpoints {
            stage.shop.post(&format!("/v1/webhook_endpoints/{endpoint}/disable"), &json!({})).await.ok(200);
        }
    });
}
