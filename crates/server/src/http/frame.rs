//! What every answer has, whatever made it: a `Request-Id`, an end in time, no panic that gets through, and headers that
//! keep browsers and caches from doing more than they should.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use axum::body::Body;
use axum::http::header::{CACHE_CONTROL, X_CONTENT_TYPE_OPTIONS};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Response};
use futures::FutureExt as _;
use kernel::{Bucket, Code, Problem, RootId, TradeId};

use super::{House, problem, wait};

const REQUEST_ID: HeaderName = HeaderName::from_static("request-id");
/// Longest that a request may take: the longest wait, and what a busy line may need beside it.
const PATIENCE: Duration = Duration::from_secs(wait::LONGEST_S as u64 + 15);
/// Most header lines of a request.
const MAX_HEADERS: usize = 64;
/// Most bytes of names and values of a request's headers.
const MAX_HEADER_BYTES: usize = 16_384;

/// Puts on an answer what every one has.
pub(super) fn dress(response: &mut Response<Body>, name: &str) {
    let headers = response.headers_mut();
    if let Ok(value) = HeaderValue::try_from(name) {
        headers.insert(REQUEST_ID, value);
    }
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
}

/// The answer, or a refusal where it does not come in time or a panic comes instead.
pub(super) async fn within_time(answer: impl Future<Output = Response<Body>>, name: &str) -> Response<Body> {
    let refusal = match tokio::time::timeout(PATIENCE, AssertUnwindSafe(answer).catch_unwind()).await {
        Ok(Ok(response)) => return response,
        Ok(Err(_)) => {
            tracing::error!(request_id = name, "a request panicked");
            Problem::new(Code::internal_error, "something is wrong on our side")
        }
        Err(_) => Problem::new(Code::deadline_exceeded, "the request took longer than it may"),
    };
    problem::response(&refusal, name)
}

/// Refuses with `headers_too_large`.
pub(super) fn refuse_headers(headers: &HeaderMap) -> Result<(), Problem> {
    let bytes: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
    if headers.len() > MAX_HEADERS || bytes > MAX_HEADER_BYTES {
        let detail = format!("at most {MAX_HEADERS} headers with {MAX_HEADER_BYTES} bytes are read");
        return Err(Problem::new(Code::headers_too_large, detail));
    }
    Ok(())
}

/// The name of a request: `req_` and the text of an id, which is in the order of time.
pub(super) fn draw(house: &House) -> String {
    let doors = &house.doors;
    let root = RootId::new(doors.clock.now(), Bucket::of(""), doors.random.bits());
    TradeId(root).to_string().replacen(TradeId::PREFIX, "req", 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a12_headers_are_bounded() {
        let many = |count: usize, size: usize| -> HeaderMap {
            let name = |n: usize| HeaderName::try_from(format!("x-{n}")).unwrap();
            (0..count).map(|n| (name(n), "v".repeat(size).parse().unwrap())).collect()
        };
        assert!(refuse_headers(&many(20, 100)).is_ok());
        for headers in [many(1_000, 1), many(1, 65_536)] {
            assert_eq!(refuse_headers(&headers).unwrap_err().code, Code::headers_too_large);
        }
    }
}
