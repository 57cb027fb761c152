//! Merchants, keys, endpoints, blocks and switches on the wire. A key's secret is never here: the door that made it adds it to its one
//! answer.

use kernel::message::risk::{BlockKind, Switch};
use kernel::{BlockId, EndpointId, KeyId, MerchantId, Time};
use serde_json::json;

use crate::control::Control;

/// `"object": "merchant"`.
pub fn merchant(control: &Control, id: MerchantId) -> String {
    let merchant = control.merchants.get(&id);
    let name = merchant.map(|merchant| merchant.name.as_str());
    let created_at = merchant.map(|merchant| Time::from_micros(merchant.created_at));
    super::json(&json!({"id": id, "object": "merchant", "name": name, "created_at": created_at}))
}

/// `"object": "key"`.
pub fn key(control: &Control, id: KeyId) -> String {
    let key = control.keys.get(&id);
    super::json(&json!({
        "id": id,
        "object": "key",
        "merchant_id": key.and_then(|key| key.merchant),
        "scopes": key.map(|key| key.scopes.clone()),
        "key": null,
        "revoked": key.is_some_and(|key| key.revoked_at.is_some()),
        "created_at": key.map(|key| Time::from_micros(key.created_at)),
    }))
}

/// `"object": "webhook_endpoint"`; its signing secret only in the answer that made it.
pub fn endpoint(control: &Control, id: EndpointId, with_secret: bool) -> String {
    let endpoint = control.endpoints.get(&id);
    super::json(&json!({
        "id": id,
        "object": "webhook_endpoint",
        "merchant_id": endpoint.and_then(|endpoint| endpoint.merchant),
        "url": endpoint.map(|endpoint| endpoint.url.as_str()),
        "types": endpoint.map(|endpoint| endpoint.types.clone()),
        "secret": endpoint.filter(|_| with_secret).map(|endpoint| endpoint.secret.as_str()),
        "disabled": endpoint.is_some_and(|endpoint| endpoint.disabled_at.is_some()),
        "created_at": endpoint.map(|endpoint| Time::from_micros(endpoint.created_at)),
    }))
}

/// `"object": "block"`; of an account outside only its end is shown.
pub fn block(control: &Control, id: BlockId) -> String {
    let block = control.blocks.get(&id);
    let value = block.map(|block| match block.kind {
        BlockKind::Destination => kernel::destination::masked(&block.value),
        _ => block.value.clone(),
    });
    super::json(&json!({
        "id": id,
        "object": "block",
        "kind": block.map(|block| block.kind),
        "value": value,
        "reason": block.map(|block| block.reason.as_str()),
        "until": block.and_then(|block| block.until).map(Time::from_micros),
        "by": block.map(|block| block.by),
        "created_at": block.map(|block| Time::from_micros(block.created_at)),
        "lifted_by": block.and_then(|block| block.lifted).map(|(by, _)| by),
        "lifted_at": block.and_then(|block| block.lifted).map(|(_, at)| Time::from_micros(at)),
    }))
}

/// `"object": "switch"`, with every time it was thrown, the newest first.
pub fn switch(control: &Control, switch: Switch) -> String {
    let throws = control.switches.get(&switch).map_or(&[][..], Vec::as_slice);
    let shown = |throw: &std::sync::Arc<crate::control::Throw>| json!({"on": throw.on, "reason": throw.reason, "by": throw.by, "at": Time::from_micros(throw.at)});
    super::json(&json!({
        "object": "switch",
        "name": switch,
        "on": control.is_off(switch),
        "throws": throws.iter().rev().map(shown).collect::<Vec<_>>(),
    }))
}
