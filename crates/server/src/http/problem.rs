//! A refusal as an answer: RFC 9457 with our stable code.
//!
//! The body says nothing about how the platform is built. `object` names what stands in the way, where there is one.

use axum::body::Body;
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderValue, Response, StatusCode};
use kernel::{Code, Kind, Problem};
use serde::Serialize;

/// The media type of every refusal.
pub(super) const MEDIA_TYPE: HeaderValue = HeaderValue::from_static("application/problem+json");

#[derive(Serialize)]
struct Wire<'a> {
    r#type: String,
    title: &'static str,
    status: u16,
    detail: &'a str,
    code: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    param: Option<&'a str>,
    retryable: bool,
    request_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    object: Option<&'a str>,
}

/// The whole answer for a refusal.
pub(super) fn response(problem: &Problem, request_id: &str) -> Response<Body> {
    let mut response = Response::new(Body::from(body(problem, request_id)));
    *response.status_mut() = StatusCode::from_u16(problem.code.kind().status()).unwrap_or(StatusCode::BAD_REQUEST);
    response.headers_mut().insert(CONTENT_TYPE, MEDIA_TYPE);
    if let Some(seconds) = retry_after_s(problem.code) {
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

fn body(problem: &Problem, request_id: &str) -> Vec<u8> {
    let kind = problem.code.kind();
    let wire = Wire {
        r#type: format!("/docs/errors/{}", problem.code),
        title: problem.code.title(),
        status: kind.status(),
        detail: &problem.detail,
        code: problem.code.as_str(),
        param: problem.param.as_deref(),
        retryable: kind.retryable(),
        request_id,
        object: problem.object.as_deref(),
    };
    // Texts and numbers only: this cannot fail.
    serde_json::to_vec(&wire).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_on_the_wire() {
        let problem = Problem::at(Code::order_exists, "merchant_order_id", "another trade has it").about("trd_1");
        let text = String::from_utf8(body(&problem, "req_1")).unwrap();
        let expected = concat!(
            r#"{"type":"/docs/errors/order_exists","title":"The merchant order number belongs to a trade with other content.","#,
            r#""status":409,"detail":"another trade has it","code":"order_exists","param":"merchant_order_id","#,
            r#""retryable":false,"request_id":"req_1","object":"trd_1"}"#
        );
        assert_eq!(text, expected);
    }

    #[test]
    fn who_may_come_back() {
        assert_eq!(retry_after_s(Code::rate_limited), Some(1));
        assert_eq!(retry_after_s(Code::overloaded), Some(1));
        assert_eq!(retry_after_s(Code::request_in_progress), Some(1));
        assert_eq!(retry_after_s(Code::order_exists), None);
        assert_eq!(retry_after_s(Code::internal_error), None);
    }
}
