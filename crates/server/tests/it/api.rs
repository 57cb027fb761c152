//! A client of the API, as small as a test needs it: it sends, and says what came back.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use reqwest::header::HeaderMap;
use reqwest::{Client, Method};
use serde_json::Value;

/// Longest wait for something that should happen.
const PATIENCE: Duration = Duration::from_secs(20);

/// A caller with a key.
#[derive(Clone)]
pub(crate) struct Api {
    http: Client,
    /// As `127.0.0.1:41234`.
    pub(crate) address: String,
    pub(crate) key: String,
}

/// An answer.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    /// What was asked, for messages.
    pub(crate) asked: String,
}

impl Api {
    /// A caller with this key of the server at this address.
    pub(crate) fn new(address: &str, key: &str) -> Self {
        Self { http: client(), address: address.to_owned(), key: key.to_owned() }
    }

    /// The same server, another key.
    pub(crate) fn with_key(&self, key: &str) -> Self {
        Self { key: key.to_owned(), ..self.clone() }
    }

    /// The same key at another server.
    pub(crate) fn at(&self, address: &str) -> Self {
        Self { address: address.to_owned(), ..self.clone() }
    }

    /// Reads.
    pub(crate) async fn get(&self, path: &str) -> Reply {
        self.send_surely(Method::GET, path, None, Bytes::new()).await
    }

    /// Posts under an idempotency key of its own.
    pub(crate) async fn post(&self, path: &str, body: &Value) -> Reply {
        self.post_under(&new_key(), path, body).await
    }

    /// Posts under this idempotency key.
    pub(crate) async fn post_under(&self, key: &str, path: &str, body: &Value) -> Reply {
        self.send_surely(Method::POST, path, Some(key), body.to_string().into()).await
    }

    /// Sends, and once more where a connection that was kept had died with its server. The key makes that safe.
    async fn send_surely(&self, method: Method, path: &str, idempotency_key: Option<&str>, body: Bytes) -> Reply {
        match self.send(method.clone(), path, idempotency_key, body.clone()).await {
            Ok(reply) => reply,
            Err(_) => self.send(method, path, idempotency_key, body).await.unwrap(),
        }
    }

    /// Sends; an error where no answer came.
    pub(crate) async fn send(
        &self,
        method: Method,
        path: &str,
        idempotency_key: Option<&str>,
        body: Bytes,
    ) -> Result<Reply, reqwest::Error> {
        let asked = format!("{method} {path} {}", String::from_utf8_lossy(&body));
        let url = format!("http://{}{path}", self.address);
        let mut request = self.http.request(method, url).bearer_auth(&self.key);
        if let Some(key) = idempotency_key {
            request = request.header("idempotency-key", key).header("content-type", "application/json").body(body);
        }
        let answer = request.send().await?;
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        Ok(Reply { status, headers, body: answer.bytes().await?, asked })
    }

    /// Reads until the answer is as wished, and gives that.
    pub(crate) async fn wait_until(&self, path: &str, wish: impl Fn(&Value) -> bool) -> Value {
        let begun = Instant::now();
        loop {
            let now = self.get(path).await.ok(200);
            if wish(&now) {
                return now;
            }
            assert!(begun.elapsed() < PATIENCE, "GET {path} never was as wished; at last: {now:#}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Reads until the object has this status.
    pub(crate) async fn wait_for(&self, path: &str, status: &str) -> Value {
        let begun = Instant::now();
        loop {
            let now = self.get(path).await.ok(200);
            if now["status"] == status {
                return now;
            }
            assert!(begun.elapsed() < PATIENCE, "GET {path} never was {status}; at last: {now:#}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// A figure of the server's, by its name and labels; 0 where it has none yet.
    pub(crate) async fn metric(&self, name: &str) -> u64 {
        let text = self.get("/metrics").await.text();
        let value = text.lines().find_map(|line| line.strip_prefix(name)).unwrap_or("0");
        value.trim().parse().unwrap()
    }

    /// Every object of a list, over all its pages of `limit`.
    pub(crate) async fn all(&self, path: &str, limit: usize) -> Vec<Value> {
        let join = if path.contains('?') { '&' } else { '?' };
        let (mut found, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = self.get(&format!("{path}{join}limit={limit}{cursor}")).await.ok(200);
            let data = page["data"].as_array().unwrap();
            assert!(data.len() <= limit, "{} on a page of {limit}", data.len());
            found.extend(data.iter().cloned());
            match page["next_cursor"].as_str() {
                Some(next) if page["has_more"] == true => cursor = format!("&cursor={next}"),
                _ => return found,
            }
        }
    }
}

impl Api {
    /// Every event so far.
    pub(crate) async fn all_events(&self) -> Vec<Value> {
        self.events_from(None, 100).await.0
    }

    /// Walks from a cursor to the present end, in pages of `limit`; gives what it saw and the cursor after it.
    pub(crate) async fn events_from(&self, mut cursor: Option<String>, limit: usize) -> (Vec<Value>, Option<String>) {
        let mut seen = Vec::new();
        loop {
            let after = cursor.as_ref().map(|cursor| format!("&after={cursor}")).unwrap_or_default();
            let page = self.get(&format!("/v1/events?limit={limit}{after}")).await.ok(200);
            seen.extend(page["data"].as_array().unwrap().iter().cloned());
            cursor = page["next_cursor"].as_str().map(str::to_owned).or(cursor);
            if page["has_more"] == false {
                return (seen, cursor);
            }
        }
    }
}

impl Reply {
    /// The body as JSON, where the status is this one.
    #[track_caller]
    pub(crate) fn ok(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}\n{}", self.asked, self.text());
        self.json()
    }

    /// A refusal: this status, this code, and the shape that every problem has.
    #[track_caller]
    pub(crate) fn refused(&self, status: u16, code: &str) -> Value {
        let problem = self.ok(status);
        assert_eq!(problem["code"], code, "{}\n{problem:#}", self.asked);
        assert_eq!(problem["status"], status);
        assert_eq!(self.header("content-type"), "application/problem+json");
        assert_eq!(problem["request_id"], self.header("request-id"), "{problem:#}");
        problem
    }

    /// The body as JSON.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("no JSON: {}\n{}", self.asked, self.text()))
    }

    /// A header; empty where it is missing.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The body as text.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// An idempotency key that was never used.
pub(crate) fn new_key() -> String {
    static KEYS: AtomicU64 = AtomicU64::new(0);
    format!("it-{}", KEYS.fetch_add(1, Ordering::Relaxed))
}

/// A client with connections of its own: connections belong to a test's runtime.
fn client() -> Client {
    static TLS: LazyLock<rustls::ClientConfig> = LazyLock::new(|| {
        rustls::ClientConfig::builder().with_root_certificates(rustls::RootCertStore::empty()).with_no_client_auth()
    });
    Client::builder().tls_backend_preconfigured(TLS.clone()).no_proxy().timeout(PATIENCE * 2).build().unwrap()
}
