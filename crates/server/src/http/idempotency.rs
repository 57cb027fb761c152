//! The `Idempotency-Key` of a POST: exactly one header, 1 to 128 printable ASCII characters.

use axum::http::{HeaderMap, HeaderName};
use kernel::{Code, Problem, limits};

/// The header.
pub(super) const HEADER: HeaderName = HeaderName::from_static("idempotency-key");

/// Reads the key, or refuses with `idempotency_key_required` or `idempotency_key_invalid`.
pub(super) fn key(headers: &HeaderMap) -> Result<String, Problem> {
    let mut values = headers.get_all(HEADER).iter();
    let refuse = |code, detail: String| Err(Problem::at(code, "Idempotency-Key", detail));
    let Some(value) = values.next() else {
        return refuse(Code::idempotency_key_required, "send a key that is unique to this operation".to_owned());
    };
    let wanted = || format!("one header with 1 to {} printable ASCII characters", limits::MAX_IDEMPOTENCY_KEY);
    let fits = (1..=limits::MAX_IDEMPOTENCY_KEY).contains(&value.len())
        && value.as_bytes().iter().all(|b| (b' '..=b'~').contains(b))
        && values.next().is_none();
    match value.to_str() {
        Ok(key) if fits => Ok(key.to_owned()),
        _ => refuse(Code::idempotency_key_invalid, wanted()),
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn sent(values: &[&[u8]]) -> Result<String, Code> {
        let pairs = values.iter().map(|value| (HEADER, HeaderValue::from_bytes(value).unwrap()));
        key(&pairs.collect()).map_err(|problem| problem.code)
    }

    #[test]
    fn c32_c33_which_keys_are_taken() {
        assert_eq!(sent(&[]), Err(Code::idempotency_key_required));
        assert_eq!(sent(&[b"A1 \"x\""]), Ok("A1 \"x\"".to_owned()));
        assert_eq!(sent(&[&[b'k'; 128]]).map(|key| key.len()), Ok(128));
        for bad in
            [&[b"" as &[u8]] as &[&[u8]], &[&[b'k'; 129]], &["é".as_bytes()], &[b"a\tb"], &[b"a", b"a"], &[b"\xff"]]
        {
            assert_eq!(sent(bad), Err(Code::idempotency_key_invalid), "{bad:?}");
        }
    }
}
