//! Merchants (商户): the platform opens them; each sees itself.

use engine::request::{Command, ControlCommand};
use engine::wire;
use kernel::{MerchantId, Problem, limits};

use super::json::Fields;
use super::list;
use super::query::Query;
use super::visit::{Shown, Told, Visit, not_found};

/// `POST /v1/merchants`
pub(super) fn create(visit: &Visit, body: &mut Fields) -> Result<Told, Problem> {
    let name = body.text("name", limits::MAX_SUBJECT)?;
    let id = MerchantId(visit.draw(&visit.request_id));
    Ok(Command::Control(ControlCommand::CreateMerchant { id, name }).into())
}

/// `GET /v1/merchants/{id}`
pub(super) async fn show(visit: Visit, query: Query) -> Result<Shown, Problem> {
    let id = visit.named(MerchantId::parse)?;
    query.finish()?;
    let control = visit.house.doors.control.snapshot();
    if !visit.identity.caller.may_see(Some(id)) || !control.merchants.contains_key(&id) {
        return Err(not_found());
    }
    Ok(Shown::json(wire::control::merchant(&control, id)))
}

/// `GET /v1/merchants`
pub(super) async fn list(visit: Visit, mut query: Query) -> Result<Shown, Problem> {
    let part = list::part(&visit, &mut query, "merchants", "cursor")?;
    query.finish()?;
    let control = visit.house.doors.control.snapshot();
    let newest_first = control.merchants.keys().rev().copied();
    Ok(list::control_page(&visit, "merchants", &part, newest_first, |id| wire::control::merchant(&control, id)))
}
