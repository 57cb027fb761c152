//! A lean HTTP/1.1 client of the platform: pooled keep-alive connections, one key, JSON in and out.
//!
//! A *patient* client (replay, shoppers, preparation of a benchmark) repeats a call that got no answer or a passing
//! refusal, with the same `Idempotency-Key`, so that a repeat can never double anything. It waits as long as
//! `Retry-After` says, else exponentially longer with jitter, and gives up when the trouble of that one call has lasted
//! longer than its patience. An impatient client never repeats: what the server did is what is measured.

use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use hyper::{Method, Request, Uri};
use hyper_util::client::legacy::Client as Pool;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use serde::de::DeserializeOwned;

use crate::error::{Error, Problem};
use crate::seed;

/// Longest time one attempt may take; above the longest `?wait=`.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(40);
/// Longest answer that is read.
const MAX_ANSWER_BYTES: usize = 16 * 1024 * 1024;
/// First pause before a repeat.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
/// Longest pause that the client chooses on its own.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// A pooled client; clones share the pool.
#[derive(Clone)]
pub struct Client {
    pool: Pool<HttpConnector, Full<Bytes>>,
    base: String,
    bearer: HeaderValue,
    patience: Option<Duration>,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").field("base", &self.base).field("patience", &self.patience).finish_non_exhaustive()
    }
}

/// A successful answer (2xx).
#[derive(Clone, Debug)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The body as it came.
    pub body: Bytes,
}

impl Answer {
    /// Reads the body as JSON; `path` is for the error.
    pub fn json<T: DeserializeOwned>(&self, path: &str) -> Result<T, Error> {
        serde_json::from_slice(&self.body)
            .map_err(|error| Error::Unexpected { path: path.to_owned(), reason: error.to_string() })
    }
}

/// What one attempt came to.
enum Attempt {
    Done(Answer),
    Refused { status: u16, problem: Problem, retry_after: Option<Duration> },
    NoAnswer(String),
}

impl Client {
    /// A client that never repeats. `base_url` is `http://host:port`; the key is sent as a bearer token.
    pub fn new(base_url: &str, key: &str) -> Result<Self, Error> {
        let base = base_url.trim_end_matches('/').to_owned();
        let uri: Uri = base.parse().map_err(|error| Error::Setup(format!("{base}: not an address: {error}")))?;
        if uri.scheme_str() != Some("http") || uri.authority().is_none() {
            return Err(Error::Setup(format!("{base}: expected http://host:port")));
        }
        let mut bearer = HeaderValue::try_from(format!("Bearer {key}"))
            .map_err(|_| Error::Setup("the key has characters that no key has".to_owned()))?;
        bearer.set_sensitive(true);
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        connector.set_connect_timeout(Some(Duration::from_secs(5)));
        let pool = Pool::builder(TokioExecutor::new()).pool_timer(TokioTimer::new()).build(connector);
        Ok(Self { pool, base, bearer, patience: None })
    }

    /// The same client, repeating calls until their trouble has lasted for `patience`.
    #[must_use]
    pub fn patient(mut self, patience: Duration) -> Self {
        self.patience = Some(patience);
        self
    }

    /// Posts a JSON body under an idempotency key; a status of 400 or more is an error.
    pub async fn post(&self, path: &str, idempotency_key: &str, body: impl Into<Bytes>) -> Result<Answer, Error> {
        self.call(Method::POST, path, Some(idempotency_key), body.into()).await
    }

    /// Posts a JSON value and reads the answer.
    pub async fn post_json<T: DeserializeOwned>(
        &self,
        path: &str,
        idempotency_key: &str,
        body: &serde_json::Value,
    ) -> Result<T, Error> {
        self.post(path, idempotency_key, body.to_string()).await?.json(path)
    }

    /// Reads; a status of 400 or more is an error.
    pub async fn get(&self, path: &str) -> Result<Answer, Error> {
        self.call(Method::GET, path, None, Bytes::new()).await
    }

    /// Reads JSON.
    pub async fn get_json<T: DeserializeOwned>(&self, path: &str) -> Result<T, Error> {
        self.get(path).await?.json(path)
    }

    async fn call(&self, method: Method, path: &str, key: Option<&str>, body: Bytes) -> Result<Answer, Error> {
        let mut trouble_since = None;
        for attempt in 0_u32.. {
            let outcome = self.attempt(&method, path, key, body.clone()).await;
            let advised = match &outcome {
                Attempt::Refused { retry_after, .. } => *retry_after,
                Attempt::Done(_) | Attempt::NoAnswer(_) => None,
            };
            let error = match outcome {
                Attempt::Done(answer) => return Ok(answer),
                Attempt::Refused { status, problem, .. } => {
                    let passing = is_passing(status, &problem);
                    let error = Error::Refused { path: path.to_owned(), status, problem: Box::new(problem) };
                    if !passing {
                        return Err(error);
                    }
                    error
                }
                Attempt::NoAnswer(reason) => Error::NoAnswer { path: path.to_owned(), reason },
            };
            let Some(patience) = self.patience else { return Err(error) };
            let since = *trouble_since.get_or_insert_with(Instant::now);
            let name = key.unwrap_or(path);
            // What the server advised, and a little more, so that those it sent away do not come back together.
            let pause = advised.map_or_else(|| pause(attempt, name), |advised| advised + pause(0, name));
            if since.elapsed() + pause > patience {
                return Err(error);
            }
            tokio::time::sleep(pause).await;
        }
        Err(Error::NoAnswer { path: path.to_owned(), reason: "too many attempts".to_owned() })
    }

    async fn attempt(&self, method: &Method, path: &str, key: Option<&str>, body: Bytes) -> Attempt {
        let request = match self.request(method, path, key, body) {
            Ok(request) => request,
            Err(error) => return Attempt::NoAnswer(error.to_string()),
        };
        match tokio::time::timeout(ATTEMPT_TIMEOUT, self.exchange(request)).await {
            Ok(attempt) => attempt,
            Err(_) => Attempt::NoAnswer(format!("nothing within {} s", ATTEMPT_TIMEOUT.as_secs())),
        }
    }

    fn request(
        &self,
        method: &Method,
        path: &str,
        key: Option<&str>,
        body: Bytes,
    ) -> Result<Request<Full<Bytes>>, hyper::http::Error> {
        let mut request = Request::builder()
            .method(method.clone())
            .uri(format!("{}{path}", self.base))
            .header(AUTHORIZATION, self.bearer.clone());
        if let Some(key) = key {
            request = request.header("idempotency-key", key).header(CONTENT_TYPE, "application/json");
        }
        request.body(Full::new(body))
    }

    async fn exchange(&self, request: Request<Full<Bytes>>) -> Attempt {
        let response = match self.pool.request(request).await {
            Ok(response) => response,
            Err(error) => return Attempt::NoAnswer(chain(&error)),
        };
        let status = response.status().as_u16();
        let retry_after = response
            .headers()
            .get(RETRY_AFTER)
            .and_then(|value| value.to_str().ok()?.parse().ok())
            .map(Duration::from_secs);
        let body = match http_body_util::Limited::new(response.into_body(), MAX_ANSWER_BYTES).collect().await {
            Ok(body) => body.to_bytes(),
            Err(error) => return Attempt::NoAnswer(error.to_string()),
        };
        if status < 400 {
            Attempt::Done(Answer { status, body })
        } else {
            Attempt::Refused { status, problem: Problem::read(&body), retry_after }
        }
    }
}

/// Whether the same request may be answered otherwise later.
fn is_passing(status: u16, problem: &Problem) -> bool {
    matches!(status, 429 | 502 | 503 | 504) || problem.retryable || problem.code == "request_in_progress"
}

/// Exponential, bounded, with half of it spread by the call's own name, so that callers do not come back together.
fn pause(attempt: u32, name: &str) -> Duration {
    let full = FIRST_PAUSE.saturating_mul(1 << attempt.min(10)).min(LONGEST_PAUSE);
    let share = seed::mix(seed::of_name(name).wrapping_add(u64::from(attempt))) % 1_000;
    full / 2 + (full / 2).mul_f64(share as f64 / 1_000.0)
}

/// An error with its causes: hyper's own text alone says little.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_are_bounded() {
        assert!(pause(0, "a") < Duration::from_millis(51));
        assert!(pause(3, "a") >= Duration::from_millis(200));
        assert!(pause(30, "a") <= LONGEST_PAUSE);
        assert_ne!(pause(5, "a"), pause(5, "b"));
    }

    #[test]
    fn addresses_are_checked() {
        assert!(Client::new("http://127.0.0.1:8080/", "sk_test_1").is_ok());
        assert!(Client::new("https://127.0.0.1:8080", "sk_test_1").is_err());
        assert!(Client::new("127.0.0.1", "sk_test_1").is_err());
        assert!(Client::new("http://127.0.0.1:1", "sk\n").is_err());
    }

    #[test]
    fn what_passes_and_what_does_not() {
        let code = |code: &str| Problem { code: code.to_owned(), ..Problem::default() };
        assert!(is_passing(503, &code("overloaded")));
        assert!(is_passing(409, &code("request_in_progress")));
        assert!(!is_passing(409, &code("order_exists")));
        assert!(!is_passing(500, &code("")));
    }
}
