//! The trades of a combined checkout, as a client names them: each with its own merchant, number, type and receivers. Buyer,
//! currency and time to be paid are the parent's.

use kernel::message::trade::Create;
use kernel::{Code, Context, Money, OrderType, Owner, Problem, TradeId, limits};

use super::super::json::Fields;
use super::super::tools;
use super::super::visit::Visit;
use super::sub_type;

/// What a child has of its parent.
pub(super) struct Parent<'a> {
    pub(super) id: TradeId,
    pub(super) payer: &'a Owner,
    pub(super) money: Money,
}

/// Reads `children`; at least one.
pub(super) fn read(visit: &Visit, body: &mut Fields, parent: &Parent<'_>) -> Result<Vec<Create>, Problem> {
    if !body.has("children") {
        return Err(body.refuse(Code::missing_field, "children", "the field is required"));
    }
    let children = body.list("children", limits::MAX_CHILDREN, |mut fields| {
        let create = child(visit, &mut fields, parent)?;
        fields.finish().map(|()| create)
    })?;
    if children.is_empty() {
        return Err(body.refuse(Code::invalid_value, "children", "at least one trade"));
    }
    Ok(children)
}

fn child(visit: &Visit, body: &mut Fields, parent: &Parent<'_>) -> Result<Create, Problem> {
    let currency = parent.money.currency;
    let merchant = visit.merchant(body)?;
    let context =
        Context { merchant, order_type: body.word("type", "instant, escrow", sale)?, sub_type: sub_type(body)? };
    Ok(Create {
        id: TradeId(visit.draw(&parent.payer.to_string())),
        context,
        merchant_order_id: body.reference("merchant_order_id", limits::MAX_MERCHANT_NUMBER)?,
        money: Money { amount: body.amount("amount", Some(currency))?, currency },
        payer: parent.payer.clone(),
        subject: body.prose("subject", limits::MAX_SUBJECT)?,
        expires_at: None,
        confirm_by: body.time("confirm_by")?,
        return_url: None,
        metadata: body.notes("metadata")?,
        splits: tools::splits(body, Some(merchant), Some(currency))?,
        late_success: None,
        dues: Vec::new(),
        unpaid_due: None,
        destination: None,
        children: Vec::new(),
        parent: Some(parent.id),
        pay: None,
    })
}

fn sale(word: &str) -> Option<OrderType> {
    OrderType::parse(word).filter(|known| matches!(known, OrderType::Instant | OrderType::Escrow))
}
