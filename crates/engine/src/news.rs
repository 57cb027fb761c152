//! Public events on their way into the log: what happened to which object, and which body shows it.
//!
//! States between two commits were never visible, so all events of one object in one request show one body: the object
//! after the request. Where the stored answer shows the same object, the events point into the answer's bytes; where a
//! trade's body contains its payment's, the payment's events point at that part. Otherwise the first event of an object
//! holds the body and the others point to it.

use std::collections::BTreeMap;
use std::sync::Arc;

use kernel::{BillId, CaseId, Context, DisputeId, PayOrg, PaymentId, RefundId, RootId, TradeId};
use store::tables::body::Body;
use store::tables::log::Event;
use store::{Cell, Row as _};

use crate::view::Footing;

/// The object of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Object {
    /// The trade itself.
    Trade(TradeId),
    /// A payment.
    Payment(PaymentId),
    /// A refund.
    Refund(RefundId),
    /// A dispute.
    Dispute(DisputeId),
    /// A case.
    Case(CaseId),
    /// A bill of a credit line; of no trade.
    Bill(BillId),
}

impl Object {
    /// The trade in whose tree it is.
    pub fn trade(self) -> Option<TradeId> {
        match self {
            Self::Trade(id) => Some(id),
            Self::Payment(id) => Some(id.trade),
            Self::Refund(id) => Some(id.trade),
            Self::Dispute(id) => Some(id.trade),
            Self::Case(id) => Some(id.trade),
            Self::Bill(_) => None,
        }
    }

    /// What it hangs under: its trade, or its credit line.
    fn root(self) -> Option<RootId> {
        match self {
            Self::Bill(id) => Some(id.line.0),
            other => other.trade().map(|trade| trade.0),
        }
    }

    /// Its number in that tree.
    pub fn no(self) -> u16 {
        match self {
            Self::Trade(_) => 0,
            Self::Payment(id) => id.no,
            Self::Refund(id) => id.no,
            Self::Dispute(id) => id.no,
            Self::Case(id) => id.no,
            Self::Bill(id) => id.no,
        }
    }

    /// The letters of its id.
    pub const fn prefix(self) -> &'static str {
        match self {
            Self::Trade(_) => TradeId::PREFIX,
            Self::Payment(_) => PaymentId::PREFIX,
            Self::Refund(_) => RefundId::PREFIX,
            Self::Dispute(_) => DisputeId::PREFIX,
            Self::Case(_) => CaseId::PREFIX,
            Self::Bill(_) => BillId::PREFIX,
        }
    }
}

/// One public event of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// The wire type, as `trade.paid`.
    pub kind: &'static str,
    /// Of what.
    pub object: Object,
    /// The object's own count of its events.
    pub sequence: i64,
    /// The trade's context, where it is of a trade.
    pub context: Option<Context>,
    /// The institution that moved a trade's money, `internal` where none did.
    pub pay_org: PayOrg,
}

/// The bodies of one request: rendered objects, and the answer that may contain them.
#[derive(Default)]
pub struct Bodies {
    /// The answer's place and bytes, where it was stored.
    pub answer: Option<(i64, Arc<str>)>,
    /// Each object's JSON after the request.
    pub objects: BTreeMap<Object, Arc<str>>,
}

/// Where a body stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Pointer {
    at: i64,
    from: i64,
    len: i64,
}

/// The event rows of one request; `first` is the number of its first event within the batch.
pub fn rows(footing: &Footing, first: i64, told: &[Told], bodies: &Bodies) -> Vec<Vec<Cell>> {
    let mut held: BTreeMap<Object, Pointer> = BTreeMap::new();
    let mut texts: Vec<(i64, Arc<str>)> = bodies.answer.iter().cloned().collect();
    let mut rows = Vec::with_capacity(told.len());
    for (n, event) in (first..).zip(told) {
        let body = bodies.objects.get(&event.object).cloned().unwrap_or_else(|| "{}".into());
        let pointer = held.get(&event.object).copied().or_else(|| texts.iter().find_map(|text| point(text, &body)));
        let own = pointer.is_none().then(|| Body(Arc::clone(&body)));
        if own.is_some() {
            texts.push((-1 - n, Arc::clone(&body)));
        }
        let whole = Pointer { at: -1 - n, from: 0, len: length(&body) };
        held.entry(event.object).or_insert_with(|| pointer.unwrap_or(whole));
        rows.push(row(footing, n, event, pointer, own).cells());
    }
    rows
}

/// Finds a body inside a text that is stored anyway. Its beginning holds the object's id, so that is looked for, and what
/// follows is compared.
fn point((at, text): &(i64, Arc<str>), body: &str) -> Option<Pointer> {
    let head = body.get(..HEAD).unwrap_or(body);
    let from = text.find(head)?;
    let found = text.get(from..).is_some_and(|rest| rest.starts_with(body));
    found.then_some(Pointer { at: *at, from: i64::try_from(from).ok()?, len: length(body) })
}

/// Bytes of a body that name its object: `{"id":"pay_` and an id.
const HEAD: usize = 40;

fn length(text: &str) -> i64 {
    i64::try_from(text.len()).unwrap_or(i64::MAX)
}

fn row(footing: &Footing, n: i64, event: &Told, pointer: Option<Pointer>, own: Option<Body>) -> Event {
    let context = event.context.as_ref();
    Event {
        shard: footing.shard,
        seq: footing.seq,
        n,
        r#type: event.kind.into(),
        merchant: context.map(|context| context.merchant.0.bytes()),
        object: event.object.prefix().into(),
        tree: event.object.root().map(RootId::bytes),
        no: i64::from(event.object.no()),
        sequence: event.sequence,
        order_type: context.map(|context| context.order_type.as_str().into()),
        sub_type: context.map(|context| context.sub_type.as_str().into()),
        pay_org: context.map(|_| event.pay_org.as_str().into()),
        at: footing.now.micros(),
        body_at: pointer.map(|pointer| pointer.at),
        body_from: pointer.map(|pointer| pointer.from),
        body_len: pointer.map(|pointer| pointer.len),
        body: own,
    }
}
