//! Control data: each change is a new version, written by the batch like everything else.

use std::sync::Arc;

use kernel::{Code, Problem, Time, limits};
use store::Cell;

use crate::answers::{self, ClaimKind, Draft, Found};
use crate::control::{ApiKey, Birth, Block, Control, Endpoint, Merchant, Throw, Version};
use crate::flows::{Done, Outcome, not_found, rules};
use crate::request::{Caller, ControlCommand};
use crate::stop::Stop;
use crate::view::View;

/// Every scope an API key can have.
pub const SCOPES: [&str; 4] = ["read", "write", "users:debit", "admin"];

/// Adds or changes control data.
pub fn change(view: &mut View<'_>, caller: &Caller, command: &ControlCommand) -> Result<Done, Stop> {
    let created_at = view.now().micros();
    let (outcome, versions) = match command {
        ControlCommand::Bootstrap { salt, key, hash } => {
            let Some(place) = unborn(view)? else { return Ok(Outcome::Done.into()) };
            answers::store(view, birth_draft(place));
            let scopes = SCOPES.map(str::to_owned).to_vec();
            let api_key = ApiKey { merchant: None, scopes, hash: *hash, created_at, revoked_at: None };
            (Outcome::Done, vec![Version::Birth(Birth { salt: *salt }), Version::Key(*key, api_key)])
        }
        ControlCommand::CreateMerchant { id, name } => {
            let merchant = Merchant { name: name.clone(), created_at };
            (Outcome::MerchantAdded(*id), vec![Version::Merchant(*id, merchant)])
        }
        ControlCommand::CreateKey { id, merchant, scopes, hash } => {
            if merchant.is_some_and(|merchant| !view.control.merchants.contains_key(&merchant)) {
                return Err(not_found());
            }
            let scopes = scopes.clone();
            let key = ApiKey { merchant: *merchant, scopes, hash: *hash, created_at, revoked_at: None };
            (Outcome::KeyAdded(*id), vec![Version::Key(*id, key)])
        }
        ControlCommand::RevokeKey(id) => {
            let key = view.control.keys.get(id).filter(|key| caller.may_see(key.merchant)).ok_or_else(not_found)?;
            let mut key = ApiKey::clone(key);
            key.revoked_at = Some(key.revoked_at.unwrap_or(created_at));
            (Outcome::KeyRevoked(*id), vec![Version::Key(*id, key)])
        }
        ControlCommand::CreateEndpoint { id, merchant, url, types, secret } => {
            let (url, types, secret) = (url.clone(), types.clone(), secret.clone());
            let endpoint = Endpoint { merchant: *merchant, url, types, secret, created_at, disabled_at: None };
            (Outcome::EndpointAdded(*id), vec![Version::Endpoint(*id, endpoint)])
        }
        ControlCommand::DisableEndpoint(id) => {
            let found = view.control.endpoints.get(id).filter(|endpoint| caller.may_see(endpoint.merchant));
            let mut endpoint = Endpoint::clone(found.ok_or_else(not_found)?);
            endpoint.disabled_at = Some(endpoint.disabled_at.unwrap_or(created_at));
            (Outcome::EndpointDisabled(*id), vec![Version::Endpoint(*id, endpoint)])
        }
        ControlCommand::CreateBlock { id, kind, value, reason, until, by } => {
            if view.control.blocks.len() >= limits::MAX_BLOCKS {
                let detail = format!("no more than {} blocks are kept", limits::MAX_BLOCKS);
                return Err(Stop::Refused(Problem::new(Code::too_many_objects, detail)));
            }
            if until.is_some_and(|until| until <= view.now()) {
                return Err(Stop::Refused(Problem::at(Code::invalid_value, "until", "a block ends later than now")));
            }
            let (kind, value, reason, by) = (*kind, value.clone(), reason.clone(), *by);
            let block = Block { kind, value, reason, until: until.map(Time::micros), by, created_at, lifted: None };
            (Outcome::BlockAdded(*id), vec![Version::Block(*id, block)])
        }
        ControlCommand::LiftBlock { id, by } => {
            let mut block = Block::clone(view.control.blocks.get(id).ok_or_else(not_found)?);
            block.lifted = block.lifted.or(Some((*by, created_at)));
            (Outcome::Block(*id), vec![Version::Block(*id, block)])
        }
        ControlCommand::Throw { switch, on, reason, by } => {
            let thrown = view.control.switches.get(switch).map_or(0, Vec::len);
            if thrown >= limits::MAX_THROWS {
                let detail = format!("a switch is thrown no more than {} times", limits::MAX_THROWS);
                return Err(Stop::Refused(Problem::new(Code::too_many_objects, detail)));
            }
            let throw = Throw { on: *on, reason: reason.clone(), by: *by, at: created_at };
            (Outcome::Thrown(*switch), vec![Version::Switch(*switch, throw)])
        }
        ControlCommand::UploadRules { source, book, by } => {
            return rules::upload(view, source, book, *by);
        }
        ControlCommand::ReleaseRules { book, version, from, again, by } => {
            let wish = rules::Wish { book, version: *version, from: *from, again: *again, by: *by };
            (Outcome::RulesReleased(book.clone()), vec![rules::release(view, &wish)?])
        }
    };
    Ok(Done { outcome, control: record(view, &versions)? })
}

/// Takes versions into the request's snapshot; returns their rows.
pub(super) fn record(view: &mut View<'_>, versions: &[Version]) -> Result<Vec<Vec<Cell>>, Stop> {
    let mut control = Control::clone(&view.control);
    let mut rows = Vec::with_capacity(versions.len());
    for version in versions {
        let number = control.apply(version);
        let row = Control::row(view.footing.shard, view.footing.seq, number, version);
        rows.push(row.map_err(|error| Stop::Broken(error.to_string()))?);
    }
    view.control = Arc::new(control);
    Ok(rows)
}

const BIRTH: &str = "birth";

/// The free place of the store's birth; `None` once it is born, also when another node did it just now.
fn unborn(view: &mut View<'_>) -> Result<Option<i64>, Stop> {
    Ok(match answers::look_up(view, ClaimKind::Once, BIRTH, BIRTH)? {
        Found::Taken(_) => None,
        Found::Free(place) => Some(place),
    })
}

fn birth_draft(place: i64) -> Draft {
    Draft {
        kind: ClaimKind::Once,
        scope: BIRTH.to_owned(),
        key: BIRTH.to_owned(),
        place,
        body_hash: None,
        status: 0,
        object: None,
        body: None,
    }
}
