//! A trade on the wire.

use std::collections::BTreeMap;

use kernel::message::trade::{LateSuccess, UnpaidDue};
use kernel::{Amount, Currency, Destination, MerchantId, OrderType, Owner, PaymentId, SubType, Time, TradeId, UserId};
use payment::Payments;
use serde::Serialize;
use serde_json::json;
use trade::{Child, Due, Split, Trade};

/// `"object": "trade"`. What is not there is left out: a body is stored with every answer, and its width is paid for.
#[derive(Serialize)]
pub struct Object<'a> {
    id: TradeId,
    object: &'static str,
    status: &'static str,
    closing: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    closed_reason: Option<&'static str>,
    #[serde(rename = "type")]
    order_type: OrderType,
    sub_type: &'a SubType,
    merchant_id: MerchantId,
    merchant_order_id: &'a str,
    amount: Amount,
    currency: Currency,
    paid_amount: i64,
    confirmed_amount: i64,
    #[serde(skip_serializing_if = "is_nothing")]
    fee_amount: i64,
    escrow_amount: i64,
    refunded_amount: i64,
    refundable_amount: i64,
    #[serde(skip_serializing_if = "is_nothing")]
    disputed_amount: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    buyer: Option<&'a UserId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    payer: Option<&'a Owner>,
    #[serde(skip_serializing_if = "Option::is_none")]
    payee: Option<&'a Owner>,
    #[serde(skip_serializing_if = "Option::is_none")]
    destination: Option<DestinationObject<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<&'a str>,
    splits: Vec<SplitObject<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    dues: Vec<DueObject>,
    #[serde(skip_serializing_if = "Option::is_none")]
    unpaid_due: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parent: Option<TradeId>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    children: Vec<ChildObject>,
    late_success: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    confirm_by: Option<Time>,
    #[serde(skip_serializing_if = "Option::is_none")]
    return_url: Option<&'a str>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    metadata: &'a BTreeMap<String, String>,
    payment: Option<super::payment::Object<'a>>,
    created_at: Time,
    expires_at: Time,
    sequence: i64,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde asks with a reference")]
const fn is_nothing(minor: &i64) -> bool {
    *minor == 0
}

/// One receiver's part.
#[derive(Serialize)]
struct SplitObject<'a> {
    receiver: &'a Owner,
    amount: Amount,
    released: i64,
    returned: i64,
    returning: i64,
}

/// Where a payout goes. It is personal data: shown is enough to tell it from others.
#[derive(Serialize)]
struct DestinationObject<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    channel_account: Option<&'a str>,
    account: String,
    name: String,
}

/// A trade that is paid by this one.
#[derive(Serialize)]
struct ChildObject {
    trade: TradeId,
    merchant_id: MerchantId,
    amount: Amount,
}

/// One due.
#[derive(Serialize)]
struct DueObject {
    no: u16,
    amount: Amount,
    opens_at: Time,
    expires_at: Time,
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    paid_at: Option<Time>,
    #[serde(skip_serializing_if = "Option::is_none")]
    payment_id: Option<PaymentId>,
}

impl<'a> Object<'a> {
    /// A trade with its newest payment.
    pub fn new(trade: &'a Trade, payments: Option<&'a Payments>) -> Self {
        let newest = payments.and_then(|state| state.payments.last());
        let Parties { buyer, payer, payee } = Parties::of(trade);
        Self {
            id: trade.id,
            object: "trade",
            status: trade.status.as_str(),
            closing: trade.status.is_closing(),
            closed_reason: trade.status.closed_reason().map(trade::ClosedReason::as_str),
            order_type: trade.context.order_type,
            sub_type: &trade.context.sub_type,
            merchant_id: trade.context.merchant,
            merchant_order_id: &trade.merchant_order_id,
            amount: trade.money.amount,
            currency: trade.money.currency,
            paid_amount: trade.paid,
            confirmed_amount: trade.moved.released,
            fee_amount: trade.fee(),
            escrow_amount: trade.escrow_amount(),
            refunded_amount: trade.refunded_amount() - payments.map_or(0, Payments::taken_by_disputes),
            refundable_amount: trade.refundable_amount(),
            disputed_amount: payments.map_or(0, Payments::disputed),
            buyer,
            payer,
            payee,
            destination: trade.destination.as_ref().map(destination),
            subject: trade.subject.as_deref(),
            splits: trade.splits.iter().map(split).collect(),
            dues: dues(trade),
            unpaid_due: trade.unpaid_due.map(UnpaidDue::as_str),
            parent: trade.parent,
            children: trade.children.iter().map(child).collect(),
            late_success: late_success(trade.late_success),
            confirm_by: trade.confirm_by,
            return_url: trade.return_url.as_deref(),
            metadata: &trade.metadata,
            payment: newest.map(|payment| super::payment::Object::new(trade.id, payment)),
            created_at: trade.created_at,
            expires_at: trade.expires_at,
            sequence: trade.sequence,
        }
    }
}

/// Who takes part, as far as a trade of its type says so.
struct Parties<'a> {
    buyer: Option<&'a UserId>,
    payer: Option<&'a Owner>,
    payee: Option<&'a Owner>,
}

impl<'a> Parties<'a> {
    fn of(trade: &'a Trade) -> Self {
        let nobody = Self { buyer: None, payer: None, payee: None };
        match trade.context.order_type {
            OrderType::Instant | OrderType::Escrow | OrderType::Combined => {
                Self { buyer: trade.payer.user(), ..nobody }
            }
            OrderType::Topup => Self { payee: Some(&trade.payer), ..nobody },
            OrderType::Transfer => {
                let payee = trade.splits.first().map(|split| &split.receiver);
                Self { payer: Some(&trade.payer), payee, ..nobody }
            }
            OrderType::Payout | OrderType::Repayment => Self { payer: Some(&trade.payer), ..nobody },
        }
    }
}

/// A trade's JSON.
pub fn json(trade: &Trade, payments: Option<&Payments>) -> String {
    super::json(&Object::new(trade, payments))
}

/// `"object": "trade_preview"`: what a request to open a trade would come to.
pub fn preview(trade: &Trade, payments: Option<&Payments>, is_new: bool) -> String {
    let payment = payments.and_then(|state| state.payments.last());
    let failure = payment.and_then(|payment| payment.failure.as_ref());
    super::json(&json!({
        "object": "trade_preview",
        "exists": !is_new,
        "trade_id": (!is_new).then_some(trade.id),
        "type": trade.context.order_type,
        "merchant_order_id": trade.merchant_order_id,
        "amount": trade.money.amount,
        "currency": trade.money.currency,
        "fee_amount": trade.fee(),
        "status": trade.status.as_str(),
        "expires_at": trade.expires_at,
        "confirm_by": trade.confirm_by,
        "payment": payment.map(|payment| json!({
            "status": payment.status.as_str(),
            "rule_version": payment.rule_version,
            "failure": failure.map(|failure| json!({"code": failure.code.as_str(), "message": failure.message})),
        })),
    }))
}

fn split(split: &Split) -> SplitObject<'_> {
    SplitObject {
        receiver: &split.receiver,
        amount: split.amount,
        released: split.moved.released,
        returned: split.moved.returned_before + split.moved.returned_after,
        returning: split.moved.returning_before + split.moved.returning_after,
    }
}

fn child(child: &Child) -> ChildObject {
    ChildObject { trade: child.trade, merchant_id: child.merchant, amount: child.amount }
}

fn destination(to: &Destination) -> DestinationObject<'_> {
    DestinationObject {
        kind: to.kind.as_str(),
        channel_account: to.channel_account.as_deref(),
        account: to.masked_account(),
        name: to.masked_name(),
    }
}

/// The dues, where there are several; a single one is the trade's own amount and expiry.
fn dues(trade: &Trade) -> Vec<DueObject> {
    if trade.has_dues() { trade.dues.iter().map(|it| due(trade.id, it)).collect() } else { Vec::new() }
}

fn due(trade: TradeId, due: &Due) -> DueObject {
    DueObject {
        no: due.no,
        amount: due.amount,
        opens_at: due.opens_at,
        expires_at: due.expires_at,
        status: if due.paid.is_some() { "paid" } else { "unpaid" },
        paid_at: due.paid.map(|paid| paid.at),
        payment_id: due.paid.map(|paid| PaymentId::new(trade, paid.payment)),
    }
}

/// The wire word.
pub fn late_success(late: LateSuccess) -> &'static str {
    match late {
        LateSuccess::Refund => "refund",
        LateSuccess::Reopen => "reopen",
    }
}
