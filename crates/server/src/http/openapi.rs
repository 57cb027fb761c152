//! The OpenAPI 3.1 document, made from the table of routes and the schemas beside this file.
//!
//! The router and this document come from one declaration, so neither can name a route that the other lacks. The schemas
//! of bodies are held to the handlers by tests: every example is read by its handler, and every field is in the example.

use std::collections::BTreeMap;

use kernel::{Code, StoredKind};
use serde_json::{Map, Value, json};

use super::auth::{Scope, key_prefix};
use super::route::Route;
use super::{cases, disputes, trades};
use crate::config::Environment;

const BODIES: &str = include_str!("openapi/bodies.json");
const OBJECTS: &str = include_str!("openapi/objects.json");

/// Refusals of every route that takes an API key.
const WITH_KEY: &[Code] = &[
    Code::unauthorized,
    Code::scope_required,
    Code::rate_limited,
    Code::headers_too_large,
    Code::unknown_field,
    Code::parameter_pollution,
    Code::invalid_text,
    Code::invalid_value,
    Code::missing_field,
    Code::invalid_id,
    Code::invalid_time,
    Code::overloaded,
    Code::deadline_exceeded,
    Code::store_unavailable,
    Code::draining,
    Code::internal_error,
    Code::not_found,
];
/// Refusals of every POST that takes an API key, beside those.
const WITH_BODY: &[Code] = &[
    Code::idempotency_key_required,
    Code::idempotency_key_invalid,
    Code::idempotency_key_reused,
    Code::request_in_progress,
    Code::malformed_json,
    Code::duplicate_field,
    Code::body_too_deep,
    Code::body_too_large,
    Code::unsupported_media_type,
    Code::missing_field,
    Code::invalid_type,
    Code::invalid_amount,
    Code::invalid_id,
    Code::merchant_mismatch,
];
/// Refusals of every route that anybody may use.
const IN_THE_OPEN: &[Code] = &[Code::headers_too_large, Code::deadline_exceeded, Code::internal_error];

/// Every schema by its name, in a deployment with these kinds of stored value.
pub(super) fn schemas(stored: &[StoredKind]) -> Map<String, Value> {
    let mut all = Map::new();
    for text in [BODIES, OBJECTS] {
        if let Ok(Value::Object(part)) = serde_json::from_str(text) {
            all.extend(part);
        }
    }
    for item in [
        "Trade",
        "Dispute",
        "Case",
        "Account",
        "Transfer",
        "Merchant",
        "Key",
        "WebhookEndpoint",
        "Event",
        "Channel",
        "RuleBook",
        "Block",
        "Switch",
        "PointsGrant",
        "CreditLine",
        "Bill",
    ] {
        all.insert(format!("{item}List"), list_of(item));
    }
    all.insert("StoredKind".to_owned(), json!({ "enum": stored, "description": "A kind of stored value." }));
    all
}

fn list_of(item: &str) -> Value {
    json!({
        "type": "object",
        "required": ["data", "has_more", "next_cursor"],
        "properties": {
            "data": { "type": "array", "items": { "$ref": schema_ref(item) } },
            "has_more": { "type": "boolean" },
            "next_cursor": { "type": ["string", "null"], "description": "For the next page; opaque, and yours only." },
            "as_of": { "type": "string", "format": "date-time", "description": "What the list shows, with stale=ok." },
        },
    })
}

fn schema_ref(name: &str) -> String {
    format!("#/components/schemas/{name}")
}

/// The document.
pub(super) fn document(
    routes: &[Route],
    schemas: Map<String, Value>,
    base_url: &str,
    environment: Environment,
) -> Value {
    let mut paths: BTreeMap<&str, Map<String, Value>> = BTreeMap::new();
    for route in routes {
        let method = if route.is_post() { "post" } else { "get" };
        paths.entry(route.path).or_default().insert(method.to_owned(), operation(route));
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Suanpan",
            "version": "v1",
            "description": "Trades in, money moved, every movement in the books. Amounts are integers in minor units; \
                every POST carries an Idempotency-Key; every refusal is a problem with a stable code.",
        },
        "servers": [{ "url": base_url, "description": environment.as_str() }],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": { "key": {
                "type": "http", "scheme": "bearer",
                "description": format!("An API key, {}…", key_prefix(environment)),
            } },
        },
    })
}

fn operation(route: &Route) -> Value {
    let mut operation = Map::new();
    let mut put = |name: &str, value: Value| drop(operation.insert(name.to_owned(), value));
    put("operationId", operation_id(route).into());
    put("tags", json!([tag(route.path)]));
    put("summary", route.summary.into());
    put("parameters", parameters(route).into());
    put("responses", responses(route));
    if let Some(scope) = route.scope() {
        put("security", json!([{ "key": [] }]));
        put("description", scope_text(scope).into());
    }
    if let Some(schema) = route.body {
        let media_type = if route.scope().is_some() { "application/json" } else { "*/*" };
        let content = json!({ media_type: { "schema": { "$ref": schema_ref(schema) } } });
        put("requestBody", json!({ "required": schema != "Nothing", "content": content }));
    }
    Value::Object(operation)
}

fn scope_text(scope: Scope) -> String {
    match scope {
        Scope::Admin => "Platform keys only (scope `admin`).".to_owned(),
        Scope::Read | Scope::Write | Scope::UsersDebit => format!("Needs the scope `{}`.", scope.as_str()),
    }
}

/// `post_trades_id_refunds`
pub(super) fn operation_id(route: &Route) -> String {
    let method = if route.is_post() { "post" } else { "get" };
    let words = route.path.split(['/', '{', '}', '.']).filter(|word| !word.is_empty() && *word != "v1");
    words.fold(method.to_owned(), |name, word| format!("{name}_{word}"))
}

/// The first noun of the path.
pub(super) fn tag(path: &str) -> &str {
    let path = path.strip_prefix("/v1").unwrap_or("/platform");
    path.split('/').nth(1).unwrap_or("platform")
}

fn parameters(route: &Route) -> Vec<Value> {
    let mut all = Vec::new();
    if route.path.contains("{id}") {
        all.push(json!({ "name": "id", "in": "path", "required": true, "schema": { "type": "string" } }));
    }
    for name in route.parameters {
        let (required, schema, description) = parameter(route, name);
        all.push(json!({
            "name": name, "in": "query", "required": required, "schema": schema, "description": description,
        }));
    }
    if route.is_post() && route.scope().is_some() {
        all.push(json!({
            "name": "Idempotency-Key", "in": "header", "required": true,
            "schema": { "type": "string", "pattern": "^[ -~]{1,128}$" },
            "description": "Unique to this operation; the same again answers the same again.",
        }));
    }
    all
}

/// How the ids of merchants, owners of accounts and cursors are written.
const MERCHANT: &str = "^mch_[0-7][0-9a-hjkmnp-tv-z]{25}$";
const OWNER: &str = "^(platform|(user|channel):[A-Za-z0-9._@-]{1,64}|merchant:mch_[0-7][0-9a-hjkmnp-tv-z]{25}\
                     |seller:(mch_[0-7][0-9a-hjkmnp-tv-z]{25}:)?[A-Za-z0-9._@-]{1,64})$";
const CURSOR: &str = "^[A-Za-z0-9_-]{22,}$";

fn like(pattern: &str) -> Value {
    json!({ "type": "string", "pattern": pattern })
}

/// What a block can name.
fn kinds() -> Vec<&'static str> {
    kernel::message::risk::BlockKind::ALL.map(|kind| kind.as_str()).to_vec()
}

/// Whether a query parameter must be there, its schema, and what it is for.
pub(super) fn parameter(route: &Route, name: &str) -> (bool, Value, &'static str) {
    let text = json!({ "type": "string" });
    match name {
        "merchant_id" => (false, like(MERCHANT), "With a platform key: of this merchant only."),
        "merchant_order_id" => (false, like("^[!-~]{1,64}$"), "The merchant's own number of a trade."),
        "number" => {
            let description = "An id of ours, a merchant's own number of a trade or refund, an institution's of a movement or dispute.";
            (true, like("^[!-~]{1,64}$"), description)
        }
        "status" => {
            let words: &[&str] = match tag(route.path) {
                "cases" => &cases::STATUSES,
                "disputes" => &disputes::STATUSES,
                _ => &trades::STATUSES,
            };
            (false, json!({ "enum": words }), "In this status only.")
        }
        "limit" => (false, json!({ "type": "integer", "minimum": 1, "maximum": 100, "default": 20 }), "Most objects."),
        "cursor" => (false, like(CURSOR), "The `next_cursor` of the page before."),
        "after" => (false, like(CURSOR), "The `next_cursor` of the answer before; from the beginning where left out."),
        "stale" => (false, json!({ "enum": ["ok"] }), "The list may lag; the answer says as of when it is."),
        "wait" => (
            false,
            json!({ "type": "integer", "minimum": 0, "maximum": super::wait::LONGEST_S }),
            "Seconds to wait for a change.",
        ),
        "at" => (false, json!({ "type": "string", "format": "date-time" }), "As of this moment."),
        "owner" => (true, like(OWNER), "user:…, merchant:…, seller:…, platform or channel:…"),
        "currency" => (true, json!({ "$ref": schema_ref("Currency") }), "ISO 4217."),
        "kind" => (false, json!({ "enum": kinds() }), "Of this kind only."),
        "version" => (false, json!({ "type": "integer", "minimum": 1 }), "This version, with its text."),
        // A trial balance is today's where no day is named; a statement is of a day that was asked for.
        "date" => (route.answer.1 == "Statement", json!({ "type": "string", "format": "date" }), "The accounting day."),
        _ => (false, text, ""),
    }
}

fn responses(route: &Route) -> Value {
    let (status, schema) = route.answer;
    let media_type = match schema {
        "Text" => "text/plain",
        "Html" => "text/html",
        "Css" => "text/css",
        "Statement" => "text/csv",
        _ => "application/json",
    };
    let content = json!({ media_type: { "schema": { "$ref": schema_ref(schema) } } });
    let mut all = Map::new();
    all.insert(status.to_string(), json!({ "description": "Done.", "content": content.clone() }));
    if route.is_post() && status == 201 {
        all.insert("200".to_owned(), json!({ "description": "It was there already.", "content": content }));
    }
    for (status, codes) in refusals(route) {
        let names: Vec<&str> = codes.iter().map(|code| code.as_str()).collect();
        all.insert(
            status.to_string(),
            json!({
                "description": names.join(", "),
                "content": { "application/problem+json": { "schema": { "$ref": schema_ref("Problem") } } },
            }),
        );
    }
    Value::Object(all)
}

/// The refusals of a route by their status.
pub(super) fn refusals(route: &Route) -> BTreeMap<u16, Vec<Code>> {
    let common: &[&[Code]] = match (route.scope(), route.is_post()) {
        (None, _) => &[IN_THE_OPEN],
        (Some(_), false) => &[WITH_KEY],
        (Some(_), true) => &[WITH_KEY, WITH_BODY],
    };
    let mut by_status: BTreeMap<u16, Vec<Code>> = BTreeMap::new();
    for code in common.iter().copied().chain([route.refusals]).flatten() {
        by_status.entry(code.kind().status()).or_default().push(*code);
    }
    for codes in by_status.values_mut() {
        codes.sort_unstable();
        codes.dedup();
    }
    by_status
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::routes;

    fn references(value: &Value, found: &mut Vec<String>) {
        match value {
            Value::Object(members) => {
                found.extend(members.get("$ref").and_then(Value::as_str).map(str::to_owned));
                members.values().for_each(|member| references(member, found));
            }
            Value::Array(items) => items.iter().for_each(|item| references(item, found)),
            _ => {}
        }
    }

    #[test]
    fn the_document_is_whole() {
        let routes = routes::table(Environment::Test);
        let document = document(&routes, schemas(&StoredKind::BUILT_IN), "http://localhost", Environment::Test);
        let mut found = Vec::new();
        references(&document, &mut found);
        for reference in found {
            let pointer = reference.strip_prefix('#').unwrap();
            assert!(document.pointer(pointer).is_some(), "{reference} leads nowhere");
        }
        let mut names: Vec<String> = routes.iter().map(operation_id).collect();
        let all = names.len();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), all, "an operation's id is its own");
        for route in &routes {
            assert!(route.parameters.iter().all(|name| !parameter(route, name).2.is_empty()), "{}", route.path);
        }
    }

    #[test]
    fn the_simulated_outcomes_are_the_channels() {
        let all = schemas(&StoredKind::BUILT_IN);
        let words = |pointer: &str, name: &str| -> Vec<Value> {
            all[name]
                .pointer(pointer)
                .and_then(Value::as_array)
                .unwrap()
                .iter()
                .filter(|w| !w.is_null())
                .cloned()
                .collect()
        };
        for word in words("/oneOf/5/properties/sandbox/enum", "Tool") {
            assert!(channel::sandbox::word::is_pay_word(word.as_str().unwrap()), "{word}");
        }
        for word in words("/properties/sandbox/enum", "NewDestination") {
            assert!(channel::sandbox::word::is_payout_word(word.as_str().unwrap()), "{word}");
        }
        for word in words("/properties/sandbox/enum", "NewRefund") {
            assert!(channel::sandbox::word::is_refund_word(word.as_str().unwrap()), "{word}");
        }
    }
}
