//! The routes as the server documents them, and for each a body that it takes.

use serde_json::{Value, json};

use super::stage::Stage;
use super::wire::Call;

/// A well-formed id that names nothing; its prefix is put before it.
const NOWHERE: &str = "01k9z8q5m0000000000000000a";

/// `/openapi.json`.
pub(super) struct Document(pub(super) Value);

/// One operation of it.
#[derive(Clone, Debug)]
pub(super) struct Operation {
    pub(super) method: String,
    pub(super) path: String,
    operation: Value,
    schema: Value,
}

impl Document {
    /// What the server says of itself.
    pub(super) fn read(stage: &Stage<'_>) -> Self {
        Self(Call::new("GET", "/openapi.json", "").send(&stage.platform.address).ok(200))
    }

    /// Every operation.
    pub(super) fn operations(&self) -> Vec<Operation> {
        let mut all = Vec::new();
        for (path, methods) in self.0["paths"].as_object().unwrap() {
            for (method, operation) in methods.as_object().unwrap() {
                all.push(Operation {
                    method: method.to_ascii_uppercase(),
                    path: path.clone(),
                    operation: operation.clone(),
                    schema: self.schema(operation),
                });
            }
        }
        all
    }

    /// The POSTs that take an API key.
    pub(super) fn posts(&self) -> Vec<Operation> {
        self.operations().into_iter().filter(|one| one.method == "POST" && one.takes_a_key()).collect()
    }

    /// The methods that a path has.
    pub(super) fn methods(&self, path: &str) -> Vec<String> {
        self.0["paths"][path].as_object().unwrap().keys().map(|method| method.to_ascii_uppercase()).collect()
    }

    fn schema(&self, operation: &Value) -> Value {
        let reference = operation.pointer("/requestBody/content/application~1json/schema/$ref").and_then(Value::as_str);
        reference.map_or(Value::Null, |reference| self.resolve(reference).clone())
    }

    /// A schema by its reference; where it is one of several, the first of them.
    fn resolve(&self, reference: &str) -> &Value {
        let schema = self.0.pointer(reference.strip_prefix('#').unwrap()).unwrap();
        match schema["oneOf"][0]["$ref"].as_str() {
            Some(first) => self.resolve(first),
            None => schema,
        }
    }
}

impl Operation {
    /// Whether it needs an API key.
    pub(super) fn takes_a_key(&self) -> bool {
        !self.operation["security"].is_null()
    }

    /// Whether only platform keys may use it.
    pub(super) fn is_for_the_platform(&self) -> bool {
        self.operation["description"].as_str().is_some_and(|text| text.contains("admin"))
    }

    /// Whether its path names an object.
    pub(super) fn names_an_object(&self) -> bool {
        self.path.contains("{id}")
    }

    /// The first noun of its path.
    pub(super) fn noun(&self) -> &str {
        self.path.split('/').nth(2).unwrap_or_default()
    }

    /// Whether the body may name a merchant.
    pub(super) fn takes_a_merchant(&self) -> bool {
        !self.schema["properties"]["merchant_id"].is_null()
    }

    /// Whether its query may have this parameter.
    pub(super) fn asks(&self, name: &str) -> bool {
        let parameters = self.operation["parameters"].as_array().unwrap();
        parameters.iter().any(|parameter| parameter["in"] == "query" && parameter["name"] == name)
    }

    /// Whether this refusal is documented.
    pub(super) fn documents(&self, status: u16, code: &str) -> bool {
        let listed = self.operation["responses"][status.to_string()]["description"].as_str();
        listed.is_some_and(|codes| codes.split(", ").any(|known| known == code))
    }

    /// Its path with this id in it.
    pub(super) fn path_to(&self, id: &str) -> String {
        self.path.replace("{id}", id)
    }

    /// Its path, with a well-formed id of nothing where it names an object.
    pub(super) fn path_to_nothing(&self) -> String {
        if self.names_an_object() { self.path_to(&nowhere(self.noun())) } else { self.path.clone() }
    }
}

/// A well-formed id of something that is not there.
pub(super) fn nowhere(noun: &str) -> String {
    match noun {
        "trades" => format!("trd_{NOWHERE}"),
        "payments" => format!("pay_{NOWHERE}001"),
        "refunds" => format!("ref_{NOWHERE}001"),
        "disputes" => format!("dsp_{NOWHERE}001"),
        "cases" => format!("cas_{NOWHERE}001"),
        "accounts" => format!("acc_{NOWHERE}"),
        "coupons" => format!("cpn_{NOWHERE}"),
        "gifts" => format!("gft_{NOWHERE}"),
        "points" => format!("pgr_{NOWHERE}"),
        "credit_lines" => format!("crl_{NOWHERE}"),
        "bills" => format!("bil_{NOWHERE}001"),
        "merchants" => format!("mch_{NOWHERE}"),
        "keys" => format!("key_{NOWHERE}"),
        "webhook_endpoints" => format!("whe_{NOWHERE}"),
        "blocks" => format!("blk_{NOWHERE}"),
        "events" => format!("evt_{NOWHERE}000"),
        "channels" | "rules" | "switches" => "nobody".to_owned(),
        other => panic!("say what an id of /v1/{other} looks like"),
    }
}

/// The documented example of a body, for the stage's merchant and with things that exist.
pub(super) fn body_for(route: &Operation, stage: &Stage<'_>) -> Value {
    let mut body = if route.schema["example"].is_object() { route.schema["example"].clone() } else { json!({}) };
    if !body["merchant_id"].is_null() {
        body["merchant_id"] = json!(stage.shop.id);
    }
    let fields = body.as_object_mut().unwrap();
    fields.remove("expires_at");
    fields.remove("confirm_by");
    if fields.contains_key("pay") {
        fields.insert("pay".to_owned(), json!({"tools": [{"tool": "channel", "method": "card", "amount": 14_490}]}));
        fields.insert("merchant_order_id".to_owned(), json!(crate::shop::number("B")));
    }
    body
}
