//! The reference for people, made from the OpenAPI document: every route with its parameters, its body, an example that
//! can be pasted into a shell, and its refusals.

use std::fmt::Write as _;

use serde_json::{Map, Value};

use super::markup::{escape, page};
use crate::http::openapi;
use crate::http::route::Route;

/// Writing into a `String` cannot fail.
macro_rules! put {
    ($out:expr, $($arg:tt)*) => {
        let _infallible = writeln!($out, $($arg)*);
    };
}

/// The whole reference.
pub(super) fn reference(routes: &[Route], schemas: &Map<String, Value>, base_url: &str, key_prefix: &str) -> String {
    let mut nouns: Vec<&str> = Vec::new();
    for route in routes {
        let noun = openapi::tag(route.path);
        if !nouns.contains(&noun) {
            nouns.push(noun);
        }
    }
    let mut out = String::new();
    put!(out, "<h1>Suanpan API</h1>");
    put!(
        out,
        "<p>Amounts are integers in minor units. Every POST carries an <code>Idempotency-Key</code>: the same again answers \
         the same again. A refusal is a problem with a stable code: <a href=\"/docs/errors\">all codes</a>. For machines: \
         <a href=\"/openapi.json\">openapi.json</a>.</p>"
    );
    contents(&mut out, routes, &nouns);
    for noun in nouns {
        put!(out, "<h2>{}</h2>", escape(&noun.replace('_', " ")));
        for route in routes.iter().filter(|route| openapi::tag(route.path) == noun) {
            operation(&mut out, route, schemas, base_url, key_prefix);
        }
    }
    page("Suanpan API", &out)
}

fn contents(out: &mut String, routes: &[Route], nouns: &[&str]) {
    put!(out, "<nav>");
    for noun in nouns {
        put!(out, "<p>");
        for route in routes.iter().filter(|route| openapi::tag(route.path) == *noun) {
            let (id, method) = (openapi::operation_id(route), method(route));
            put!(out, "<a href=\"#{id}\"><span class=\"method\">{method}</span> {}</a><br>", escape(route.path));
        }
        put!(out, "</p>");
    }
    put!(out, "</nav>");
}

fn method(route: &Route) -> &'static str {
    if route.is_post() { "POST" } else { "GET" }
}

fn operation(out: &mut String, route: &Route, schemas: &Map<String, Value>, base_url: &str, key_prefix: &str) {
    let id = openapi::operation_id(route);
    put!(
        out,
        "<h3 id=\"{id}\"><span class=\"method\">{}</span> <code>{}</code></h3>",
        method(route),
        escape(route.path)
    );
    let scope =
        route.scope().map(|scope| format!(" <span class=\"quiet\">Scope <code>{}</code>.</span>", scope.as_str()));
    put!(out, "<p>{}.{}</p>", escape(route.summary), scope.unwrap_or_default());
    parameters(out, route);
    let schema = route.body.and_then(|name| schemas.get(name));
    if let Some(schema) = schema {
        fields(out, schema, schemas);
    }
    if route.scope().is_some() {
        example(out, route, schema, base_url, key_prefix);
    }
    let (status, answer) = route.answer;
    put!(out, "<p>Answers {status}, {}.", escape(answer));
    if !route.refusals.is_empty() {
        put!(out, "Refuses with");
        let links = route.refusals.iter().map(|code| format!("<a href=\"/docs/errors/{code}\">{code}</a>"));
        put!(out, "{}.", links.collect::<Vec<_>>().join(", "));
    }
    put!(out, "</p>");
}

fn parameters(out: &mut String, route: &Route) {
    if route.parameters.is_empty() {
        return;
    }
    put!(out, "<table><tr><th>parameter</th><th></th></tr>");
    for name in route.parameters {
        let (required, _, description) = openapi::parameter(route, name);
        let required = if required { " (required)" } else { "" };
        put!(out, "<tr><td><code>{name}</code>{required}</td><td>{}</td></tr>", escape(description));
    }
    put!(out, "</table>");
}

fn fields(out: &mut String, schema: &Value, schemas: &Map<String, Value>) {
    let Some(properties) = schema.get("properties").and_then(Value::as_object).filter(|all| !all.is_empty()) else {
        return;
    };
    let required: Vec<&str> = schema
        .get("required")
        .and_then(Value::as_array)
        .map(|names| names.iter().filter_map(Value::as_str).collect())
        .unwrap_or_default();
    put!(out, "<table><tr><th>field</th><th></th><th></th></tr>");
    for (name, property) in properties {
        let described = resolve(property, schemas);
        let mark = if required.contains(&name.as_str()) { " (required)" } else { "" };
        put!(
            out,
            "<tr><td><code>{}</code>{mark}</td><td>{}</td><td>{}</td></tr>",
            escape(name),
            escape(&kind(described)),
            escape(described.get("description").and_then(Value::as_str).unwrap_or_default()),
        );
    }
    put!(out, "</table>");
}

/// What a reference leads to.
fn resolve<'a>(property: &'a Value, schemas: &'a Map<String, Value>) -> &'a Value {
    let name = property.get("$ref").and_then(Value::as_str).and_then(|reference| reference.rsplit('/').next());
    name.and_then(|name| schemas.get(name)).unwrap_or(property)
}

/// The type in words: its name, or the words it allows.
fn kind(schema: &Value) -> String {
    if let Some(words) = schema.get("enum").and_then(Value::as_array) {
        return words.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" | ");
    }
    match schema.get("type") {
        Some(Value::String(name)) => name.clone(),
        Some(Value::Array(names)) => {
            names.iter().filter_map(Value::as_str).find(|name| *name != "null").unwrap_or_default().to_owned()
        }
        _ => String::new(),
    }
}

fn example(out: &mut String, route: &Route, schema: Option<&Value>, base_url: &str, key_prefix: &str) {
    let mut text = format!("curl {base_url}{} \\\n  -H 'Authorization: Bearer {key_prefix}…'", route.path);
    if route.is_post() {
        text.push_str(" \\\n  -H 'Idempotency-Key: '$(uuidgen)");
        if let Some(body) = schema.and_then(|schema| schema.get("example")) {
            let body = serde_json::to_string_pretty(body).unwrap_or_default();
            text.push_str(&format!(" \\\n  -H 'Content-Type: application/json' -d '{body}'"));
        }
    }
    put!(out, "<pre><code>{}</code></pre>", escape(&text));
}
