//! A refusal as an answer: RFC 9457 with our stable code.
//!
//! The body says nothing about how the platform is built. `object` names what stands in the way, where there is one.

use axum::body::Body;
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderValue, Response, StatusCode};
use engine::wire;
use kernel::{Code, Kind, Problem};

/// The media type of every refusal.
pub(super) const MEDIA_TYPE: HeaderValue = HeaderValue::from_static("application/problem+json");

/// The whole answer for a refusal.
pub(super) fn response(problem: &Problem, request_id: &str) -> Response<Body> {
    let mut response = Response::new(Body::from(wire::problem::body(problem, request_id)));
    *response.status_mut() = StatusCode::from_u16(problem.code.kind().status()).unwrap_or(StatusCode::BAD_REQUEST);
    response.headers_mut().insert(CONTENT_TYPE, MEDIA_TYPE);
    if let Some(seconds) = problem.retry_after_s.or_else(|| retry_after_s(problem.code)) {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

/// After how many seconds a caller should come back, where it should.
pub(super) fn retry_after_s(code: Code) -> Option<u16> {
    match (code, code.kind()) {
        (Code::draining, _) => Some(5),
        (Code::request_in_progress, _) | (_, Kind::TooMany | Kind::Unavailable) => Some(1),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_may_come_back() {
        assert_eq!(retry_after_s(Code::rate_limited), Some(1));
        assert_eq!(retry_after_s(Code::overloaded), Some(1));
        assert_eq!(retry_after_s(Code::request_in_progress), Some(1));
        assert_eq!(retry_after_s(Code::order_exists), None);
        assert_eq!(retry_after_s(Code::internal_error), None);
    }
}
