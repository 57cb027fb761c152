//! The objects as clients see them, rendered once: in answers, in events, in reads. The bytes that leave here are stored.
//!
//! Field order is fixed by the structs. Times are RFC 3339 UTC, amounts minor units, ids text.

pub mod accounting;
pub mod chain;
pub mod control;
pub mod credit;
pub mod gift;
pub mod offer;
pub mod payment;
pub mod points;
pub mod problem;
pub mod rules;
pub mod search;
pub mod trade;

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;

use ::accounting::Account;
use ::payment::{Bill, Coupon, CreditLine, Gift, Payments, PointsGrant};
use ::trade::Trade;
use kernel::{
    AccountId, BillId, CaseId, CouponId, CreditLineId, DisputeId, GiftClaimId, GiftId, Money, Owner, PayOrg, PaymentId,
    PointsGrantId, RefundId, TradeId,
};
use serde::Serialize;

use crate::flows::Outcome;
use crate::news::Object;
use crate::stop::Stop;
use crate::view::View;

/// A rendered answer.
#[derive(Clone, Debug)]
pub struct Rendered {
    /// HTTP status.
    pub status: u16,
    /// The bytes.
    pub body: Arc<str>,
    /// The object it is about.
    pub object: Option<String>,
}

impl Rendered {
    fn new(status: u16, object: impl std::fmt::Display, body: String) -> Self {
        Self { status, body: body.into(), object: Some(object.to_string()) }
    }

    /// A problem.
    pub fn problem(problem: &kernel::Problem, request_id: &str) -> Self {
        let status = problem.code.kind().status();
        Self { status, body: problem::body(problem, request_id).into(), object: problem.object.clone() }
    }
}

/// The JSON of anything that is only numbers, texts and lists of them.
pub fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_else(|_| "null".to_owned())
}

/// The answer that shows an outcome.
pub fn outcome(view: &mut View<'_>, outcome: &Outcome) -> Result<Rendered, Stop> {
    Ok(match outcome {
        Outcome::TradeOpened(id) => Rendered::new(201, id, trade_json(view, *id)?),
        Outcome::Trade(id) => Rendered::new(200, id, trade_json(view, *id)?),
        Outcome::PaymentOpened(id) => Rendered::new(201, id, payment_json(view, *id)?),
        Outcome::Payment(id) => Rendered::new(200, id, payment_json(view, *id)?),
        Outcome::RefundOpened(id) => Rendered::new(201, id, refund_json(view, *id)?),
        Outcome::Refund(id) => Rendered::new(200, id, refund_json(view, *id)?),
        Outcome::Case(id) => Rendered::new(200, id, case_json(view, *id)?),
        Outcome::CouponIssued(id) => Rendered::new(201, id, coupon_json(view, *id)?),
        Outcome::GiftIssued(id) => Rendered::new(201, id, gift_json(view, *id)?),
        Outcome::GiftClaimed(id) => Rendered::new(201, id, gift_claim_json(view, *id)?),
        Outcome::GiftClaim(id) => Rendered::new(200, id, gift_claim_json(view, *id)?),
        Outcome::CreditOpened(id) => Rendered::new(201, id, credit_json(view, *id)?),
        Outcome::CreditLine(id) => Rendered::new(200, id, credit_json(view, *id)?),
        Outcome::PointsGranted(id) => Rendered::new(201, id, points_json(view, *id)?),
        Outcome::PointsGrant(id) => Rendered::new(200, id, points_json(view, *id)?),
        Outcome::Funded(owner, money) => Rendered::new(201, owner.wire(), funded(owner, *money)),
        Outcome::MerchantAdded(id) => Rendered::new(201, id, control::merchant(&view.control, *id)),
        Outcome::KeyAdded(id) => Rendered::new(201, id, control::key(&view.control, *id)),
        Outcome::KeyRevoked(id) => Rendered::new(200, id, control::key(&view.control, *id)),
        Outcome::EndpointAdded(id) => Rendered::new(201, id, control::endpoint(&view.control, *id, true)),
        Outcome::BlockAdded(id) => Rendered::new(201, id, control::block(&view.control, *id)),
        Outcome::Block(id) => Rendered::new(200, id, control::block(&view.control, *id)),
        Outcome::Thrown(switch) => {
            let body = control::switch(&view.control, *switch);
            Rendered { status: 200, body: body.into(), object: None }
        }
        Outcome::EndpointDisabled(id) => Rendered::new(200, id, control::endpoint(&view.control, *id, false)),
        Outcome::RulesUploaded(number) => {
            let body = rules::version(&view.control, *number, view.now()).unwrap_or_default();
            Rendered { status: 201, body: body.into(), object: None }
        }
        Outcome::RulesReleased(book) => {
            let body = rules::book(&view.control, book, view.now()).unwrap_or_default();
            Rendered { status: 200, body: body.into(), object: None }
        }
        Outcome::Done => Rendered { status: 200, body: "{}".into(), object: None },
    })
}

/// The bodies of everything the request told, and the institution of each event, both as of its end. `bodies` holds what
/// the answer has rendered already.
pub fn bodies(view: &mut View<'_>, mut bodies: BTreeMap<Object, Arc<str>>) -> Result<BTreeMap<Object, Arc<str>>, Stop> {
    let objects: Vec<Object> = view.told.iter().map(|told| told.object).collect();
    for object in objects {
        if let Entry::Vacant(place) = bodies.entry(object) {
            place.insert(body(view, object)?.into());
        }
    }
    let trades: Vec<Option<TradeId>> = view.told.iter().map(|told| told.object.trade()).collect();
    for (place, trade) in trades.into_iter().enumerate() {
        let Some(trade) = trade else { continue };
        let payments = view.get::<Payments>(trade)?;
        if let Some(told) = view.told.get_mut(place) {
            told.pay_org = institution(payments.as_deref(), told.object);
        }
    }
    Ok(bodies)
}

/// An object's JSON.
pub fn body(view: &mut View<'_>, object: Object) -> Result<String, Stop> {
    match object {
        Object::Trade(id) => trade_json(view, id),
        Object::Payment(id) => payment_json(view, id),
        Object::Refund(id) => refund_json(view, id),
        Object::Dispute(id) => dispute_json(view, id),
        Object::Case(id) => case_json(view, id),
        Object::Bill(id) => bill_json(view, id),
    }
}

/// An object as it is now, by its id in text form; for answers whose bytes are gone.
pub fn by_id(view: &mut View<'_>, id: &str) -> Result<Rendered, Stop> {
    let outcome = if let Some(id) = TradeId::parse(id) {
        Outcome::Trade(id)
    } else if let Some(id) = PaymentId::parse(id) {
        Outcome::Payment(id)
    } else if let Some(id) = RefundId::parse(id) {
        Outcome::Refund(id)
    } else if let Some(id) = CaseId::parse(id) {
        Outcome::Case(id)
    } else if let Some(id) = CouponId::parse(id) {
        Outcome::CouponIssued(id)
    } else if let Some(id) = GiftId::parse(id) {
        Outcome::GiftIssued(id)
    } else if let Some(id) = GiftClaimId::parse(id) {
        Outcome::GiftClaim(id)
    } else if let Some(id) = CreditLineId::parse(id) {
        Outcome::CreditLine(id)
    } else if let Some(id) = PointsGrantId::parse(id) {
        Outcome::PointsGrant(id)
    } else if let Some(id) = kernel::MerchantId::parse(id) {
        Outcome::MerchantAdded(id)
    } else if let Some(id) = kernel::KeyId::parse(id) {
        Outcome::KeyAdded(id)
    } else if let Some(id) = kernel::BlockId::parse(id) {
        Outcome::Block(id)
    } else if let Some(id) = kernel::EndpointId::parse(id) {
        Outcome::EndpointDisabled(id)
    } else {
        Outcome::Done
    };
    self::outcome(view, &outcome)
}

/// The institution that an object's money went through: the first outside one, else our own books.
fn institution(payments: Option<&Payments>, object: Object) -> PayOrg {
    let Some(state) = payments else { return PayOrg::internal() };
    let of_dispute = |no| state.leg(state.dispute(no)?.instruction).map(|(payment, _)| payment);
    let payment = match object {
        Object::Trade(_) => state.payments.last(),
        Object::Payment(id) => state.payment(id.no),
        // What several dues brought goes back in one.
        Object::Refund(id) => state.refund(id.no).and_then(|refund| {
            let of_parts = refund.parts.iter().filter_map(|part| state.leg(part.instruction));
            let outside = of_parts.into_iter().find(|(_, leg)| leg.is_external()).map(|(payment, _)| payment);
            outside.or_else(|| state.payment(refund.payment))
        }),
        Object::Dispute(id) => of_dispute(id.no),
        Object::Case(id) => state.case(id.no).and_then(|case| match case.subject {
            ::payment::Subject::Instruction(no) => state.leg(no).map(|(payment, _)| payment),
            ::payment::Subject::Dispute(no) => of_dispute(no),
            ::payment::Subject::Part(no) => state.part(no).and_then(|(refund, _)| state.payment(refund.payment)),
        }),
        Object::Bill(_) => None,
    };
    let outside =
        payment.and_then(|payment| payment.instructions.iter().find_map(|leg| leg.channel_account.as_deref()));
    outside.map_or_else(PayOrg::internal, PayOrg::institution)
}

fn trade_json(view: &mut View<'_>, id: TradeId) -> Result<String, Stop> {
    let (trade, payments) = (view.get::<Trade>(id)?, view.get::<Payments>(id)?);
    let trade = trade.ok_or_else(|| gone(id))?;
    Ok(trade::json(&trade, payments.as_deref()))
}

fn payment_json(view: &mut View<'_>, id: PaymentId) -> Result<String, Stop> {
    let state = view.get::<Payments>(id.trade)?.ok_or_else(|| gone(id))?;
    payment::payment_json(&state, id.no).ok_or_else(|| gone(id))
}

fn refund_json(view: &mut View<'_>, id: RefundId) -> Result<String, Stop> {
    let state = view.get::<Payments>(id.trade)?.ok_or_else(|| gone(id))?;
    payment::refund_json(&state, id.no).ok_or_else(|| gone(id))
}

fn dispute_json(view: &mut View<'_>, id: DisputeId) -> Result<String, Stop> {
    let state = view.get::<Payments>(id.trade)?.ok_or_else(|| gone(id))?;
    payment::dispute_json(&state, id.no).ok_or_else(|| gone(id))
}

fn case_json(view: &mut View<'_>, id: CaseId) -> Result<String, Stop> {
    let state = view.get::<Payments>(id.trade)?.ok_or_else(|| gone(id))?;
    payment::case_json(&state, id.no).ok_or_else(|| gone(id))
}

fn coupon_json(view: &mut View<'_>, id: CouponId) -> Result<String, Stop> {
    let coupon = view.get::<Coupon>(id)?.ok_or_else(|| gone(id))?;
    Ok(payment::coupon_json(&coupon))
}

fn gift_json(view: &mut View<'_>, id: GiftId) -> Result<String, Stop> {
    let gift = view.get::<Gift>(id)?.ok_or_else(|| gone(id))?;
    Ok(gift::json(&gift))
}

fn gift_claim_json(view: &mut View<'_>, id: GiftClaimId) -> Result<String, Stop> {
    let gift = view.get::<Gift>(id.gift)?.ok_or_else(|| gone(id))?;
    gift::claim_json(&gift, id.no).ok_or_else(|| gone(id))
}

fn credit_json(view: &mut View<'_>, id: CreditLineId) -> Result<String, Stop> {
    let account = view.get::<Account>(AccountId(id.0))?;
    let line = view.get::<CreditLine>(id)?.ok_or_else(|| gone(id))?;
    Ok(credit::json(&line, account.as_deref(), view.now()))
}

fn bill_json(view: &mut View<'_>, id: BillId) -> Result<String, Stop> {
    let account = view.get::<Account>(AccountId(id.line.0))?;
    let line = view.get::<CreditLine>(id.line)?.ok_or_else(|| gone(id.line))?;
    let bill = view.get::<Bill>(id)?.ok_or_else(|| gone(id))?;
    Ok(credit::bill_json(&line, &bill, account.as_deref()))
}

fn points_json(view: &mut View<'_>, id: PointsGrantId) -> Result<String, Stop> {
    let grant = view.get::<PointsGrant>(id)?.ok_or_else(|| gone(id))?;
    Ok(points::json(&grant))
}

fn funded(owner: &Owner, money: Money) -> String {
    json(
        &serde_json::json!({"object": "funding", "owner": owner.wire(), "amount": money.amount, "currency": money.currency}),
    )
}

fn gone(id: impl std::fmt::Display) -> Stop {
    Stop::Broken(format!("{id} is not where it must be"))
}
