//! Problems on the wire: RFC 9457 `application/problem+json`.

use kernel::Problem;
use serde::Serialize;

/// The members of a problem.
#[derive(Serialize)]
struct Body<'a> {
    #[serde(rename = "type")]
    kind: String,
    title: &'a str,
    status: u16,
    detail: &'a str,
    code: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    param: Option<&'a str>,
    retryable: bool,
    request_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    object: Option<&'a str>,
}

/// A problem's bytes.
pub fn body(problem: &Problem, request_id: &str) -> String {
    let kind = problem.code.kind();
    super::json(&Body {
        kind: format!("/docs/errors/{}", problem.code),
        title: problem.code.title(),
        status: kind.status(),
        detail: &problem.detail,
        code: problem.code.as_str(),
        param: problem.param.as_deref(),
        retryable: kind.retryable(),
        request_id,
        object: problem.object.as_deref(),
    })
}
