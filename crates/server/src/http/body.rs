//! A request's body: bounded in bytes and in time, and only as `application/json`, not compressed.

use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::HeaderMap;
use axum::http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use kernel::{Code, Problem, limits};

/// How long a caller may take to send a body.
const PATIENCE: Duration = Duration::from_secs(10);

/// Refuses with `unsupported_media_type` what is not plain JSON. A body that is absent needs no type.
pub(super) fn require_json(headers: &HeaderMap, is_empty: bool) -> Result<(), Problem> {
    let refuse = |detail: &str| Err(Problem::new(Code::unsupported_media_type, detail));
    if headers.contains_key(CONTENT_ENCODING) {
        return refuse("compressed bodies are not read");
    }
    let mut types = headers.get_all(CONTENT_TYPE).iter();
    match (types.next(), types.next()) {
        (None, None) if is_empty => Ok(()),
        (Some(one), None) if one.to_str().is_ok_and(is_json) => Ok(()),
        _ => refuse("send Content-Type: application/json"),
    }
}

/// `application/json`, perhaps with `charset=utf-8`.
fn is_json(value: &str) -> bool {
    let (media_type, parameter) = value.split_once(';').unwrap_or((value, "charset=utf-8"));
    let parameter = parameter.trim().to_ascii_lowercase();
    media_type.trim().eq_ignore_ascii_case("application/json")
        && matches!(parameter.as_str(), "charset=utf-8" | "charset=\"utf-8\"")
}

/// Reads it whole, or refuses with `body_too_large` or `deadline_exceeded`.
pub(super) async fn read(body: Body) -> Result<Bytes, Problem> {
    let too_large = || Problem::new(Code::body_too_large, format!("at most {} bytes are read", limits::MAX_BODY_BYTES));
    let limited = Limited::new(body, limits::MAX_BODY_BYTES);
    match tokio::time::timeout(PATIENCE, limited.collect()).await {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_large()),
        Ok(Err(_)) => Err(Problem::new(Code::malformed_json, "the body broke off")),
        Err(_) => Err(Problem::new(Code::deadline_exceeded, "the body took too long to arrive")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(pairs: &[(axum::http::HeaderName, &str)], is_empty: bool) -> bool {
        let headers = pairs.iter().map(|(name, value)| (name.clone(), value.parse().unwrap())).collect();
        require_json(&headers, is_empty).is_ok()
    }

    #[test]
    fn a7_a14_media_types() {
        for value in ["application/json", "application/json; charset=utf-8", "Application/JSON;charset=UTF-8"] {
            assert!(checked(&[(CONTENT_TYPE, value)], false), "{value}");
        }
        for value in [
            "text/plain",
            "application/json; charset=gbk",
            "application/jsonx",
            "",
            "application/x-www-form-urlencoded",
        ] {
            assert!(!checked(&[(CONTENT_TYPE, value)], false), "{value}");
            assert!(!checked(&[(CONTENT_TYPE, value)], true), "{value}");
        }
        assert!(!checked(&[], false) && checked(&[], true));
        assert!(!checked(&[(CONTENT_TYPE, "application/json"), (CONTENT_TYPE, "application/json")], false));
        for coding in ["gzip", "identity", "br"] {
            assert!(!checked(&[(CONTENT_TYPE, "application/json"), (CONTENT_ENCODING, coding)], false), "{coding}");
        }
    }
}
