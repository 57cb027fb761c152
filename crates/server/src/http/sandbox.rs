//! The sandbox's own doors; they exist in the test environment only.

use engine::request::Command;
use kernel::{Code, Owner, Problem};

use super::json::Fields;
use super::visit::{Told, Visit};

/// `POST /v1/sandbox/fund`
pub(super) fn fund(_visit: &Visit, body: &mut Fields) -> Result<Told, Problem> {
    let owner = body.id("owner", |text| Owner::parse(text, None))?;
    if !matches!(owner, Owner::User(_) | Owner::Merchant(_)) {
        return Err(body.refuse(Code::invalid_value, "owner", "a user or a merchant has a balance"));
    }
    Ok(Command::Fund { owner, money: body.money()? }.into())
}
