//! Everything that belongs to a trade, on the wire: one document from the order to the ledger and the events.
//!
//! What an institution gave the buyer to pay with is left out, and evidence shows its digest, not its bytes.

use ::payment::Payments;
use ::trade::Trade;
use channel::Orders;
use channel::order::{Evidence, Job, Order};
use kernel::{Amount, Currency, InstructionId, OrderId, Time};
use serde::Serialize;
use serde_json::value::RawValue;

use super::accounting::VoucherObject;
use super::payment::{CaseObject, DisputeObject, RefundObject};

/// `"object": "chain"`.
#[derive(Serialize)]
struct Object<'a> {
    object: &'static str,
    trade: super::trade::Object<'a>,
    payments: Vec<super::payment::Object<'a>>,
    refunds: Vec<RefundObject<'a>>,
    disputes: Vec<DisputeObject<'a>>,
    cases: Vec<CaseObject<'a>>,
    channel_orders: Vec<OrderObject<'a>>,
    vouchers: Vec<VoucherObject<'a>>,
    events: Vec<&'a RawValue>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    children: Vec<&'a RawValue>,
}

/// One attempt at an institution.
#[derive(Serialize)]
struct OrderObject<'a> {
    id: OrderId,
    object: &'static str,
    number: String,
    purpose: &'static str,
    instruction: Option<InstructionId>,
    refund_of: Option<OrderId>,
    refund_part: Option<u16>,
    channel_account: &'a str,
    method: &'a str,
    amount: Amount,
    currency: Currency,
    status: &'static str,
    closing: bool,
    channel_no: Option<&'a str>,
    receipts: u16,
    attempts: u16,
    queries: u16,
    created_at: Time,
    lifetime_until: Time,
    evidence: Vec<EvidenceObject<'a>>,
}

/// One word of the institution.
#[derive(Serialize)]
struct EvidenceObject<'a> {
    source: &'static str,
    outcome: &'static str,
    amount: Option<i64>,
    currency: Option<Currency>,
    channel_no: Option<&'a str>,
    at: Time,
    digest: String,
}

/// A trade's whole chain; `events` are JSON objects, `children` the chains of the trades that it pays.
pub fn json(
    trade: &Trade,
    payments: Option<&Payments>,
    orders: Option<&Orders>,
    vouchers: Vec<VoucherObject<'_>>,
    events: &[Box<RawValue>],
    children: &[Box<RawValue>],
) -> String {
    super::json(&Object {
        object: "chain",
        trade: super::trade::Object::new(trade, payments),
        payments: payments.map_or_else(Vec::new, |state| {
            state.payments.iter().map(|payment| super::payment::Object::new(trade.id, payment)).collect()
        }),
        refunds: payments.map_or_else(Vec::new, |state| {
            state.refunds.iter().filter_map(|refund| super::payment::refund(state, refund.no)).collect()
        }),
        disputes: payments.map_or_else(Vec::new, |state| {
            state.disputes.iter().map(|dispute| super::payment::dispute(state, dispute)).collect()
        }),
        cases: payments
            .map_or_else(Vec::new, |state| state.cases.iter().map(|case| CaseObject::new(trade.id, case)).collect()),
        channel_orders: orders
            .map_or_else(Vec::new, |orders| orders.orders.iter().map(|order| self::order(orders, order)).collect()),
        vouchers,
        events: events.iter().map(AsRef::as_ref).collect(),
        children: children.iter().map(AsRef::as_ref).collect(),
    })
}

fn order<'a>(orders: &'a Orders, order: &'a Order) -> OrderObject<'a> {
    let id = OrderId::new(orders.trade, order.no);
    let (purpose, instruction, refund_of, refund_part) = match &order.job {
        Job::Pay { instruction, .. } => ("pay", Some(*instruction), None, None),
        Job::Refund { of, part, .. } => ("refund", None, Some(*of), Some(*part)),
        Job::Payout { instruction, .. } => ("payout", Some(*instruction), None, None),
    };
    OrderObject {
        id,
        object: "channel_order",
        number: id.institution_number(),
        purpose,
        instruction,
        refund_of,
        refund_part,
        channel_account: &order.channel_account,
        method: &order.method,
        amount: order.money.amount,
        currency: order.money.currency,
        status: order.job.status(),
        closing: order.closing,
        channel_no: order.channel_no.as_deref(),
        receipts: order.receipts,
        attempts: order.attempts,
        queries: order.queries,
        created_at: order.created_at,
        lifetime_until: order.lifetime_until,
        evidence: orders.evidence.iter().filter(|word| word.order == order.no).map(evidence).collect(),
    }
}

fn evidence(word: &Evidence) -> EvidenceObject<'_> {
    EvidenceObject {
        source: word.source.as_str(),
        outcome: word.outcome.as_str(),
        amount: word.amount,
        currency: word.currency,
        channel_no: word.channel_no.as_deref(),
        at: word.at,
        digest: blake3::Hash::from_bytes(word.digest).to_hex().to_string(),
    }
}
