//! Webhook endpoints: where a merchant, or the platform, hears of events.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use engine::request::{Command, ControlCommand};
use engine::wire;
use kernel::{Code, EndpointId, Problem, limits};

use super::json::Fields;
use super::list;
use super::query::Query;
use super::visit::{Shown, Told, Visit, not_found};
use crate::ports::url_allowed;

/// Most types of one endpoint.
const MAX_TYPES: usize = 50;

/// `POST /v1/webhook_endpoints`
pub(super) fn create(visit: &Visit, body: &mut Fields) -> Result<Told, Problem> {
    let merchant = visit.maybe_merchant(body)?;
    let doors = &visit.house.doors;
    let url = body.text("url", limits::MAX_URL)?;
    url_allowed(&url, doors.environment).map_err(|why| body.refuse(Code::url_not_allowed, "url", why.to_string()))?;
    let types = body.words("types", MAX_TYPES, "types of events, as trade.paid", event_type)?.unwrap_or_default();
    let id = EndpointId(visit.draw(&visit.request_id));
    let secret = secret([doors.random.bits(), doors.random.bits()]);
    Ok(Command::Control(ControlCommand::CreateEndpoint { id, merchant, url, types, secret }).into())
}

/// `object.happened`, in lower-case letters.
fn event_type(text: &str) -> Option<String> {
    let is_word = |word: &str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
    let (object, happened) = text.split_once('.').filter(|_| text.len() <= limits::MAX_SUB_TYPE)?;
    (is_word(object) && is_word(happened)).then(|| text.to_owned())
}

/// A signing secret of 256 random bits, in the form of Standard Webhooks.
fn secret(random: [u128; 2]) -> String {
    let bytes: Vec<u8> = random.into_iter().flat_map(u128::to_be_bytes).collect();
    format!("whsec_{}", STANDARD.encode(bytes))
}

/// `POST /v1/webhook_endpoints/{id}/disable`
pub(super) fn disable(visit: &Visit, _body: &mut Fields) -> Result<Told, Problem> {
    let id = visit.named(EndpointId::parse)?;
    Ok(Command::Control(ControlCommand::DisableEndpoint(id)).into())
}

/// `GET /v1/webhook_endpoints/{id}`
pub(super) async fn show(visit: Visit, query: Query) -> Result<Shown, Problem> {
    let id = visit.named(EndpointId::parse)?;
    query.finish()?;
    let control = visit.house.doors.control.snapshot();
    let seen = control.endpoints.get(&id).filter(|endpoint| visit.identity.caller.may_see(endpoint.merchant));
    seen.map(|_| Shown::json(wire::control::endpoint(&control, id, false))).ok_or_else(not_found)
}

/// `GET /v1/webhook_endpoints`
pub(super) async fn list(visit: Visit, mut query: Query) -> Result<Shown, Problem> {
    let merchant = visit.merchant_in(&mut query)?;
    let name = format!("webhook_endpoints:{merchant:?}");
    let part = list::part(&visit, &mut query, &name, "cursor")?;
    query.finish()?;
    let control = visit.house.doors.control.snapshot();
    let wanted = control.endpoints.iter().rev().filter(|(_, one)| merchant.is_none() || one.merchant == merchant);
    let ids = wanted.map(|(id, _)| *id);
    Ok(list::control_page(&visit, &name, &part, ids, |id| wire::control::endpoint(&control, id, false)))
}
