//! The document against the doors: every place of every body, and every parameter, with values that its schema forbids.
//!
//! The places come from the schemas, so a field that is added tomorrow is attacked tomorrow. Each wrong value must be
//! refused with a code that the route documents, and the refusal must name the place.

use axum::http::Method;
use serde_json::{Map, Value, json};

use super::house::{House, PLATFORM, shop, trade};
use crate::config::Environment;
use crate::http::route::Route;
use crate::http::{openapi, routes};

/// A place in a body: as JSON pointers, and as refusals name it.
struct Place {
    pointer: String,
    param: String,
    schema: Value,
}

fn resolved(schema: &Value, all: &Map<String, Value>) -> Value {
    match schema["$ref"].as_str() {
        Some(reference) => resolved(&all[reference.rsplit('/').next().unwrap()], all),
        None => schema.clone(),
    }
}

/// Every place that the example has, with its schema.
fn places(schema: &Value, example: &Value, at: &Place, all: &Map<String, Value>, found: &mut Vec<Place>) {
    let schema = resolved(schema, all);
    match example {
        Value::Object(members) => {
            let tool = |one: &&Value| one["properties"]["tool"]["const"] == example["tool"];
            let schema =
                schema["oneOf"].as_array().and_then(|kinds| kinds.iter().find(tool)).unwrap_or(&schema).clone();
            for (name, value) in members {
                let param = if at.param.is_empty() { name.clone() } else { format!("{}.{name}", at.param) };
                let inner = match &schema["properties"][name] {
                    Value::Null => schema["additionalProperties"].clone(),
                    known => known.clone(),
                };
                let place = Place { pointer: format!("{}/{name}", at.pointer), param, schema: resolved(&inner, all) };
                places(&inner, value, &place, all, found);
                found.push(place);
            }
        }
        Value::Array(items) => {
            for (n, item) in items.iter().enumerate() {
                let inner = schema["items"].clone();
                let pointer = format!("{}/{n}", at.pointer);
                let place = Place { pointer, param: format!("{}[{n}]", at.param), schema: resolved(&inner, all) };
                places(&inner, item, &place, all, found);
                found.push(place);
            }
        }
        _ => {}
    }
}

/// Values that a schema forbids: of each other type, and beyond each bound that it has.
fn forbidden(schema: &Value) -> Vec<Value> {
    let types: Vec<&str> = match &schema["type"] {
        Value::String(one) => vec![one],
        Value::Array(some) => some.iter().filter_map(Value::as_str).collect(),
        // A choice of words, or an object of several kinds.
        _ if schema["oneOf"].is_array() => vec!["object"],
        _ if schema["enum"].as_array().is_some_and(|words| words.contains(&Value::Null)) => vec!["string", "null"],
        _ => vec!["string"],
    };
    let others = [("boolean", json!(true)), ("object", json!({})), ("array", json!([])), ("string", json!("\u{fe0f}"))];
    let mut values: Vec<Value> = others.into_iter().filter(|(kind, _)| !types.contains(kind)).map(|(_, v)| v).collect();
    if !types.contains(&"null") && !types.contains(&"object") {
        values.push(Value::Null);
    }
    if !types.contains(&"integer") {
        values.push(json!(7));
    } else {
        values.extend([json!(1.5), json!("7")]);
    }
    let bound = |name: &str| schema[name].as_i64();
    values.extend(bound("minimum").map(|least| json!(least - 1)));
    values.extend(bound("maximum").map(|most| json!(most + 1)));
    if types.contains(&"string") {
        let most = bound("maxLength").and_then(|most| usize::try_from(most).ok());
        values.extend(most.map(|most| json!("a".repeat(most + 1))));
        if bound("minLength").is_some() {
            values.push(json!(""));
        }
        if schema["pattern"].is_string() || schema["enum"].is_array() || schema["format"].is_string() {
            values.push(json!("no such\u{7}word"));
        }
    }
    if types.contains(&"array") {
        let most = bound("maxItems").and_then(|most| usize::try_from(most).ok());
        values.extend(most.map(|most| Value::Array(vec![Value::Null; most + 1])));
    }
    values
}

fn documented(route: &Route, code: &str) -> bool {
    let mut all = openapi::refusals(route).into_iter();
    all.any(|(status, codes)| codes.iter().any(|known| code == format!("{status} {known}")))
}

#[tokio::test]
async fn every_place_of_every_body_refuses_what_its_schema_forbids() {
    let house = House::test();
    let schemas = openapi::schemas(&kernel::StoredKind::BUILT_IN);
    let (mut tried, mut wrong) = (0, Vec::new());
    for route in routes::table(Environment::Test).into_iter().filter(|route| route.is_post() && route.scope().is_some())
    {
        let schema = schemas[route.body.unwrap()].clone();
        let mut example = schema["example"].clone();
        if example.get("merchant_id").is_some() {
            example["merchant_id"] = shop().to_string().into();
        }
        let whole = Place { pointer: String::new(), param: String::new(), schema: Value::Null };
        let mut found = Vec::new();
        places(&schema, &example, &whole, &schemas, &mut found);
        for place in found {
            for value in forbidden(&place.schema) {
                let mut body = example.clone();
                *body.pointer_mut(&place.pointer).unwrap() = value.clone();
                house.later(10_000_000);
                let path = super::shapes::path(&route);
                let answer = house.post(PLATFORM, &path, &body.to_string()).await;
                let what = format!("{} {} = {value}: {}", route.path, place.param, answer.text);
                // The reader may name the place, something in it, or what it is a part of.
                let param = if answer.status.is_success() { Value::Null } else { answer.json()["param"].clone() };
                let root = |text: &str| text.split(['.', '[']).next().unwrap_or_default().to_owned();
                let named = root(param.as_str().unwrap_or_default()) == root(&place.param);
                if !(answer.status.is_client_error() && documented(&route, &answer.code()) && named) {
                    wrong.push(what);
                }
                tried += 1;
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(tried > 300, "{tried}");
}

#[tokio::test]
async fn every_parameter_refuses_what_its_schema_forbids() {
    let house = House::test();
    let mut tried = 0;
    for route in
        routes::table(Environment::Test).into_iter().filter(|route| !route.is_post() && route.scope().is_some())
    {
        for name in route.parameters {
            let (_, schema, _) = openapi::parameter(&route, name);
            let schema = resolved(&schema, &openapi::schemas(&kernel::StoredKind::BUILT_IN));
            let mut values = vec!["no%20such%20value"];
            if schema["type"] == "integer" {
                values.extend(["-1", "101", "1.0", "+1", "1e1", "%EF%BC%95", ""]);
            }
            for value in values {
                house.later(10_000_000);
                let path = format!("{}?{name}={value}", route.path.replace("{id}", &trade().to_string()));
                let request = house.request(PLATFORM, Method::GET, &path).body(axum::body::Body::empty()).unwrap();
                let answer = house.send(request).await;
                assert!(answer.status.is_client_error(), "{path}: {}", answer.text);
                assert!(documented(&route, &answer.code()), "{path}: {}", answer.text);
                let named = answer.json()["param"].as_str() == Some(*name);
                // What is not there is not there, and a number is a merchant's, whatever else is asked.
                let code = answer.code();
                assert!(named || code == "404 not_found" || code == "400 merchant_required", "{path}: {code}");
                tried += 1;
            }
        }
    }
    assert!(tried > 50, "{tried}");
}
