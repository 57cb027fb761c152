//! Tools and shares as clients name them: with which means a payment is made, and who gets which part.

use channel::sandbox::word;
use kernel::message::payment::{Tool, ToolRequest};
use kernel::message::trade::Share;
use kernel::{Amount, Code, CouponId, Currency, MerchantId, Owner, Problem, StoredKind, limits};

use super::gifts;
use super::json::Fields;
use super::visit::Visit;
use crate::config::Environment;

/// Reads `tools`; at least one.
pub(super) fn tools(visit: &Visit, body: &mut Fields, currency: Option<Currency>) -> Result<Vec<ToolRequest>, Problem> {
    if !body.has("tools") {
        return Err(body.refuse(Code::missing_field, "tools", "the field is required"));
    }
    let tools = body.list("tools", limits::MAX_LEGS, |mut fields| {
        let tool = ToolRequest { tool: tool(visit, &mut fields)?, amount: fields.amount("amount", currency)? };
        fields.finish().map(|()| tool)
    })?;
    if tools.is_empty() {
        return Err(body.refuse(Code::invalid_value, "tools", "at least one tool"));
    }
    in_range(body, "tools", tools.iter().map(|tool| tool.amount))?;
    Ok(tools)
}

fn tool(visit: &Visit, fields: &mut Fields) -> Result<Tool, Problem> {
    match fields.word("tool", &visit.house.tools, |word| Named::parse(visit, word))? {
        Named::Balance => visit.require_consent(fields, "tool").map(|()| Tool::Balance),
        Named::Coupon => fields.id("coupon", CouponId::parse).map(Tool::Coupon),
        Named::Credit => visit.require_consent(fields, "tool").map(|()| Tool::Credit),
        Named::Points => visit.require_consent(fields, "tool").map(|()| Tool::Points),
        Named::Stored(kind) => visit.require_consent(fields, "tool").map(|()| Tool::Stored(kind)),
        Named::Channel => Ok(Tool::Channel {
            method: fields.reference("method", limits::MAX_SUB_TYPE)?,
            sandbox: sandbox(visit, fields, word::is_pay_word)?,
        }),
    }
}

/// The names of all tools of a deployment with these kinds of stored value, in words.
pub(super) fn names(stored: &[StoredKind]) -> String {
    let own = ["balance", "coupon", "points", "credit", "channel"].into_iter();
    own.chain(stored.iter().map(StoredKind::as_str)).collect::<Vec<_>>().join(", ")
}

/// A tool's name; what else it takes follows from it.
enum Named {
    Balance,
    Coupon,
    Points,
    Credit,
    Stored(StoredKind),
    Channel,
}

impl Named {
    fn parse(visit: &Visit, word: &str) -> Option<Self> {
        match word {
            "balance" => Some(Self::Balance),
            "coupon" => Some(Self::Coupon),
            "points" => Some(Self::Points),
            "credit" => Some(Self::Credit),
            "channel" => Some(Self::Channel),
            other => gifts::kind(visit, other).map(Self::Stored),
        }
    }
}

/// Reads `sandbox`, the outcome to simulate; it does not exist where the money is real.
pub(super) fn sandbox(
    visit: &Visit,
    fields: &mut Fields,
    is_word: fn(&str) -> bool,
) -> Result<Option<String>, Problem> {
    let known = |word: &str| is_word(word).then(|| word.to_owned());
    let word = fields.maybe_word("sandbox", "the outcomes of the sandbox, see /docs", known)?;
    if word.is_some() && visit.house.doors.environment == Environment::Live {
        return Err(fields.refuse(
            Code::environment_mismatch,
            "sandbox",
            "outcomes are chosen in the test environment",
        ));
    }
    Ok(word)
}

/// Reads `splits`; empty where it is left out. A bare `seller:ID` is one of the merchant's.
pub(super) fn splits(
    body: &mut Fields,
    merchant: Option<MerchantId>,
    currency: Option<Currency>,
) -> Result<Vec<Share>, Problem> {
    let splits = body.list("splits", limits::MAX_SPLITS, |mut fields| {
        let receiver = fields.id("receiver", |text| known_owner(text, merchant))?;
        let share = Share {
            receiver: receiver.map_err(|code| fields.refuse(code, "receiver", code.title()))?,
            amount: fields.amount("amount", currency)?,
        };
        fields.finish().map(|()| share)
    })?;
    if !splits.is_empty() {
        in_range(body, "splits", splits.iter().map(|share| share.amount))?;
    }
    Ok(splits)
}

/// An owner in the wire form, or why it cannot be one here; `None` where the text is no owner at all.
fn known_owner(text: &str, merchant: Option<MerchantId>) -> Option<Result<Owner, Code>> {
    let bare_seller = text.strip_prefix("seller:").is_some_and(|name| !name.contains(':'));
    if bare_seller && merchant.is_none() {
        return Some(Err(Code::merchant_required));
    }
    Some(match Owner::parse(text, merchant)? {
        Owner::Seller(other, _) if merchant.is_some_and(|own| own != other) => Err(Code::receiver_not_applicable),
        owner => Ok(owner),
    })
}

fn in_range(body: &Fields, name: &str, amounts: impl Iterator<Item = Amount>) -> Result<(), Problem> {
    match Amount::sum(amounts) {
        Ok(_) => Ok(()),
        Err(_) => Err(body.refuse(Code::amount_out_of_range, name, "the sum of the amounts is out of range")),
    }
}
