//! Switches (降级): what the platform's people take out of use for a while, so that the rest goes on.

use engine::request::{Command, ControlCommand};
use engine::wire;
use kernel::message::risk::Switch;
use kernel::{Code, Problem, limits};

use super::json::Fields;
use super::query::Query;
use super::visit::{Shown, Told, Visit};

/// `POST /v1/switches/{id}`
pub(super) fn throw(visit: &Visit, body: &mut Fields) -> Result<Told, Problem> {
    let missing = |body: &Fields, name| body.refuse(Code::missing_field, name, "the field is required");
    let Some(on) = body.flag("on")? else { return Err(missing(body, "on")) };
    let Some(reason) = body.prose("reason", limits::MAX_SUBJECT)? else { return Err(missing(body, "reason")) };
    // What is wrong with a body is told before whether there is what the path names.
    body.finish()?;
    let (switch, by) = (visit.named(Switch::parse)?, visit.identity.key);
    Ok(Command::Control(ControlCommand::Throw { switch, on, reason, by }).into())
}

/// `GET /v1/switches/{id}`
pub(super) async fn show(visit: Visit, query: Query) -> Result<Shown, Problem> {
    let switch = visit.named(Switch::parse)?;
    query.finish()?;
    Ok(Shown::json(wire::control::switch(&visit.house.doors.control.snapshot(), switch)))
}

/// `GET /v1/switches`
pub(super) async fn list(visit: Visit, query: Query) -> Result<Shown, Problem> {
    query.finish()?;
    let control = visit.house.doors.control.snapshot();
    let switches: Vec<String> = Switch::ALL.iter().map(|switch| wire::control::switch(&control, *switch)).collect();
    Ok(Shown::json(format!(r#"{{"data":[{}],"has_more":false,"next_cursor":null}}"#, switches.join(","))))
}
