//! Who takes part in a trade, by its type, and which other fields a trade of that type takes.

use kernel::{Code, Destination, DestinationType, OrderType, Owner, Problem, UserId, limits};

use super::json::Fields;
use super::tools;
use super::visit::Visit;

/// The fields that not every type takes.
const OF_SOME: [&str; 14] = [
    "buyer",
    "payer",
    "payee",
    "destination",
    "splits",
    "confirm_by",
    "expires_at",
    "return_url",
    "late_success",
    "dues",
    "unpaid_due",
    "pay",
    "risk",
    "children",
];

/// Those of them that a trade of this type takes.
const fn of(order_type: OrderType) -> &'static [&'static str] {
    match order_type {
        OrderType::Instant | OrderType::Escrow => {
            &["buyer", "splits", "confirm_by", "expires_at", "return_url", "late_success", "dues", "unpaid_due", "pay"]
        }
        OrderType::Topup => &["payee", "expires_at", "return_url", "late_success", "pay"],
        OrderType::Repayment => &["payer", "expires_at", "return_url", "late_success", "pay"],
        OrderType::Transfer => &["payer", "payee", "risk"],
        OrderType::Payout => &["payer", "destination", "risk"],
        OrderType::Combined => &["buyer", "expires_at", "return_url", "pay", "children"],
    }
}

/// Refuses the fields that belong to trades of other types.
pub(super) fn only_of(order_type: OrderType, body: &mut Fields) -> Result<(), Problem> {
    for name in OF_SOME.into_iter().filter(|name| !of(order_type).contains(name)) {
        body.without(name, Code::field_not_applicable, "a trade of this type does not take the field")?;
    }
    Ok(())
}

/// Whose money it is: the buyer's; of a top-up, the payee's, whose balance it fills; of a repayment, that of who owes. A user
/// who is the `payer` spends the user's own money.
pub(super) fn payer(visit: &Visit, order_type: OrderType, body: &mut Fields) -> Result<Owner, Problem> {
    match order_type {
        OrderType::Instant | OrderType::Escrow | OrderType::Combined => {
            body.id("buyer", UserId::parse).map(Owner::User)
        }
        OrderType::Topup => body.id("payee", with_balance),
        // By which tools a user repays is asked where they are named.
        OrderType::Repayment => body.id("payer", with_balance),
        OrderType::Transfer | OrderType::Payout => {
            let payer = body.id("payer", with_balance)?;
            if payer.user().is_some() {
                visit.require_consent(body, "payer")?;
            }
            Ok(payer)
        }
    }
}

/// To whom it goes where it neither is split nor fills the payer's own balance.
pub(super) fn payee(order_type: OrderType, body: &mut Fields) -> Result<Option<Owner>, Problem> {
    match order_type {
        OrderType::Instant
        | OrderType::Escrow
        | OrderType::Topup
        | OrderType::Payout
        | OrderType::Repayment
        | OrderType::Combined => Ok(None),
        OrderType::Transfer => body.id("payee", with_balance).map(Some),
    }
}

/// Where a payout goes. It is personal data: it is stored, sent to the institution, and shown masked.
pub(super) fn destination(
    visit: &Visit,
    order_type: OrderType,
    body: &mut Fields,
) -> Result<Option<Destination>, Problem> {
    if order_type != OrderType::Payout {
        return Ok(None);
    }
    let Some(mut fields) = body.object("destination")? else {
        return Err(body.refuse(Code::missing_field, "destination", "the field is required"));
    };
    let missing = fields.refuse(Code::missing_field, "name", "the field is required");
    let named = |text: &str| kernel::text::is_reference(text, limits::MAX_SUB_TYPE).then(|| text.to_owned());
    let destination = Destination {
        kind: fields.word("type", "bank_account, wallet", DestinationType::parse)?,
        channel_account: fields.maybe_word("channel_account", "the name of a channel account", named)?,
        account: fields.reference("account", limits::MAX_DESTINATION)?,
        name: fields.prose("name", limits::MAX_DESTINATION_NAME)?.ok_or(missing)?,
        sandbox: tools::sandbox(visit, &mut fields, channel::sandbox::word::is_payout_word)?,
    };
    fields.finish()?;
    Ok(Some(destination))
}

/// `user:…` or `merchant:…`: who has a balance to spend at will.
fn with_balance(text: &str) -> Option<Owner> {
    Owner::parse(text, None).filter(Owner::has_balance)
}
