//! Blocks (黑名单): whom and what risk control lets pay nothing; set and lifted by the platform's people.

use engine::request::{Command, ControlCommand};
use engine::wire;
use kernel::message::risk::BlockKind;
use kernel::{BlockId, Code, MerchantId, Problem, UserId, limits, text};

use super::json::Fields;
use super::list;
use super::query::Query;
use super::risk;
use super::visit::{Shown, Told, Visit, not_found};

/// The kinds, in words.
const KINDS: &str = "user, merchant, device, ip, card_fingerprint, destination";

/// `POST /v1/blocks`
pub(super) fn create(visit: &Visit, body: &mut Fields) -> Result<Told, Problem> {
    let kind = body.word("kind", KINDS, BlockKind::parse)?;
    let value = value(kind, body)?;
    let Some(reason) = body.prose("reason", limits::MAX_SUBJECT)? else {
        return Err(body.refuse(Code::missing_field, "reason", "the field is required"));
    };
    let until = body.time("until")?;
    let (id, by) = (BlockId(visit.draw("platform")), visit.identity.key);
    Ok(Command::Control(ControlCommand::CreateBlock { id, kind, value, reason, until, by }).into())
}

/// Reads `value` as one of its kind, in the one form in which payments name it.
fn value(kind: BlockKind, body: &mut Fields) -> Result<String, Problem> {
    match kind {
        BlockKind::User => body.id("value", UserId::parse).map(|user| user.as_str().to_owned()),
        BlockKind::Merchant => body.id("value", MerchantId::parse).map(|merchant| merchant.to_string()),
        BlockKind::Device => body.reference("value", limits::MAX_SIGNAL),
        BlockKind::Ip => body.word("value", risk::ADDRESS, risk::address).map(|ip| ip.to_string()),
        BlockKind::CardFingerprint => {
            let value = body.reference("value", limits::MAX_SIGNAL)?;
            if text::holds_card_number(&value) {
                return Err(body.refuse(Code::pan_not_accepted, "value", risk::NO_CARD_NUMBER));
            }
            Ok(value)
        }
        BlockKind::Destination => body.reference("value", limits::MAX_DESTINATION),
    }
}

/// `POST /v1/blocks/{id}/lift`
pub(super) fn lift(visit: &Visit, _body: &mut Fields) -> Result<Told, Problem> {
    let (id, by) = (visit.named(BlockId::parse)?, visit.identity.key);
    Ok(Command::Control(ControlCommand::LiftBlock { id, by }).into())
}

/// `GET /v1/blocks/{id}`
pub(super) async fn show(visit: Visit, query: Query) -> Result<Shown, Problem> {
    let id = visit.named(BlockId::parse)?;
    query.finish()?;
    let control = visit.house.doors.control.snapshot();
    let there = control.blocks.contains_key(&id);
    there.then(|| Shown::json(wire::control::block(&control, id))).ok_or_else(not_found)
}

/// `GET /v1/blocks`
pub(super) async fn list(visit: Visit, mut query: Query) -> Result<Shown, Problem> {
    let kind = query.read("kind", Code::invalid_value, KINDS, BlockKind::parse)?;
    let name = format!("blocks:{kind:?}");
    let part = list::part(&visit, &mut query, &name, "cursor")?;
    query.finish()?;
    let control = visit.house.doors.control.snapshot();
    let wanted = control.blocks.iter().rev().filter(|(_, block)| kind.is_none_or(|kind| block.kind == kind));
    let ids = wanted.map(|(id, _)| *id);
    Ok(list::control_page(&visit, &name, &part, ids, |id| wire::control::block(&control, id)))
}
