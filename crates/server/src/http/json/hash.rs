//! What a request asks, as sixteen bytes: the same for bodies that mean the same, whatever the order of their fields.
//!
//! BLAKE3 over method, path and the tree, every part with its kind and its length, so that no two different trees feed
//! the same bytes. Numbers count as they were sent: `1` and `1.0` are different requests.

use super::Json;

/// Bytes of most bodies as they are fed.
const USUAL: usize = 1_024;

/// The hash that an idempotency key is bound to.
pub(crate) fn body_hash(method: &str, path: &str, body: &Json) -> [u8; 16] {
    // Gathered first: a hash of many small parts costs more than the parts.
    let mut fed = Vec::with_capacity(USUAL);
    text(&mut fed, b'm', method);
    text(&mut fed, b'p', path);
    value(&mut fed, body);
    blake3::hash(&fed).as_bytes().first_chunk().copied().unwrap_or_default()
}

fn value(fed: &mut Vec<u8>, json: &Json) {
    match json {
        Json::Null => head(fed, b'n', 0),
        Json::Bool(value) => head(fed, b'b', usize::from(*value)),
        Json::Number(number) => text(fed, b'0', number),
        Json::Text(content) => text(fed, b't', content),
        Json::List(items) => {
            head(fed, b'l', items.len());
            items.iter().for_each(|item| value(fed, item));
        }
        Json::Object(members) => {
            head(fed, b'o', members.len());
            for (name, member) in members {
                text(fed, b'f', name);
                value(fed, member);
            }
        }
    }
}

fn text(fed: &mut Vec<u8>, kind: u8, content: &str) {
    head(fed, kind, content.len());
    fed.extend_from_slice(content.as_bytes());
}

fn head(fed: &mut Vec<u8>, kind: u8, length: usize) {
    fed.push(kind);
    fed.extend_from_slice(&(length as u64).to_le_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::json::parse;

    fn hash(path: &str, body: &str) -> [u8; 16] {
        body_hash("POST", path, &parse(body.as_bytes()).unwrap())
    }

    #[test]
    fn c42_the_order_of_fields_does_not_count() {
        let one = hash("/v1/trades", r#"{"a":1,"b":{"c":"x","d":[1,2]}}"#);
        assert_eq!(one, hash("/v1/trades", r#"{ "b": {"d":[1,2], "c":"\u0078"}, "a":1 }"#));
    }

    #[test]
    fn everything_else_counts() {
        let bodies = [
            r#"{"a":1}"#,
            r#"{"a":2}"#,
            r#"{"a":1.0}"#,
            r#"{"a":"1"}"#,
            r#"{"b":1}"#,
            r#"{"a":[1]}"#,
            r#"{"a":[1,2]}"#,
            r#"{"a":[2,1]}"#,
            r#"{"a":[[1],2]}"#,
            r#"{"a":null}"#,
            r#"{}"#,
            r#"[]"#,
            r#"{"a":true}"#,
            r#"{"a":false}"#,
            r#"{"a":"1","b":""}"#,
            r#"{"a":{"b":1}}"#,
            r#"{"ab":1}"#,
        ];
        let mut seen = std::collections::BTreeSet::new();
        for body in bodies {
            assert!(seen.insert(hash("/v1/trades", body)), "{body}");
        }
        assert!(seen.insert(hash("/v1/coupons", bodies[0])), "the route counts (C36)");
    }
}
