//! Merchants (商户): the platform opens them; each sees itself.

use engine::control::Merchant;
use engine::request::{Command, ControlCommand};
use kernel::{MerchantId, Problem, Time, limits};
use serde::Serialize;

use super::json::Fields;
use super::list;
use super::query::Query;
use super::visit::{Shown, Told, Visit, not_found};

#[derive(Serialize)]
struct Wire<'a> {
    id: MerchantId,
    object: &'static str,
    name: &'a str,
    created_at: Time,
}

impl<'a> Wire<'a> {
    fn of(id: MerchantId, merchant: &'a Merchant) -> Self {
        Self { id, object: "merchant", name: &merchant.name, created_at: Time::from_micros(merchant.created_at) }
    }
}

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
    let seen = control.merchants.get(&id).filter(|_| visit.identity.caller.may_see(Some(id)));
    let merchant = seen.ok_or_else(not_found)?;
    list::text(&Wire::of(id, merchant)).map(Shown::json)
}

/// `GET /v1/merchants`
pub(super) async fn list(visit: Visit, mut query: Query) -> Result<Shown, Problem> {
    let part = list::part(&visit, &mut query, "merchants", "cursor")?;
    query.finish()?;
    let control = visit.house.doors.control.snapshot();
    let newest_first = control.merchants.iter().rev().map(|(id, merchant)| (id.to_string(), Wire::of(*id, merchant)));
    list::control_page(&visit, "merchants", &part, newest_first)
}
