//! A trade with its payments as of one moment, and its objects as clients see them.

use std::sync::Arc;

use kernel::{PaymentId, TradeId};
use payment::Payments;
use store::unit::{Kept, Memory};
use trade::Trade;

use super::Found;
use crate::control::Control;
use crate::news::Object;
use crate::wire;

/// A trade and its payments, of one moment.
#[derive(Clone, Debug)]
pub struct Tree {
    trade: Arc<Trade>,
    payments: Option<Arc<Payments>>,
}

impl Tree {
    /// From what memories know, the newest first; `None` where they do not know enough, or there is no such trade.
    pub(crate) fn known(id: TradeId, memories: &[&Memory]) -> Option<Self> {
        Some(Self { trade: known::<Trade>(id, memories)??, payments: known::<Payments>(id, memories)? })
    }

    /// Why a payment of it was planned as it was; `with_risk` says whether what was heard of the outside risk service is
    /// told.
    pub(crate) fn explain(&self, control: &Control, payment: PaymentId, with_risk: bool) -> Option<Found> {
        let body = wire::rules::explanation(control, &self.trade, self.payments.as_deref()?, payment.no, with_risk)?;
        Some(Found { merchant: Some(self.trade.context.merchant), body })
    }

    /// An object of it, if it is there. It is whose the trade is.
    pub fn show(&self, object: Object) -> Option<Found> {
        let state = self.payments.as_deref();
        let body = match object {
            Object::Trade(_) => Some(wire::trade::json(&self.trade, state)),
            Object::Payment(id) => wire::payment::payment_json(state?, id.no),
            Object::Refund(id) => wire::payment::refund_json(state?, id.no),
            Object::Dispute(id) => wire::payment::dispute_json(state?, id.no),
            Object::Case(id) => wire::payment::case_json(state?, id.no),
            Object::Bill(_) => None,
        };
        body.map(|body| Found { merchant: Some(self.trade.context.merchant), body })
    }
}

fn known<A: Kept>(key: A::Key, memories: &[&Memory]) -> Option<Option<Arc<A>>> {
    memories.iter().find_map(|memory| memory.get::<A>(key))
}

#[cfg(test)]
impl Tree {
    /// A trade that nobody has tried to pay.
    pub(super) fn unpaid(id: TradeId) -> Self {
        use kernel::message::rules::TradeTerms;
        use kernel::{Amount, Context, Currency, MerchantId, Money, OrderType, Owner, SubType, Time, UserId};

        let create = kernel::message::trade::Create {
            id,
            context: Context {
                merchant: MerchantId(id.0),
                order_type: OrderType::Instant,
                sub_type: SubType::general(),
            },
            merchant_order_id: "A1".to_owned(),
            money: Money { amount: Amount::new(1).unwrap(), currency: Currency::parse("CNY").unwrap() },
            payer: Owner::User(UserId::parse("42").unwrap()),
            subject: None,
            expires_at: None,
            confirm_by: None,
            return_url: None,
            metadata: std::collections::BTreeMap::new(),
            splits: Vec::new(),
            late_success: None,
            dues: Vec::new(),
            unpaid_due: None,
            destination: None,
            children: Vec::new(),
            parent: None,
            pay: None,
        };
        let known = trade::Known { now: Time::from_micros(0), terms: TradeTerms::default(), away: None };
        Self { trade: Trade::create(&create, &known).unwrap().0.into(), payments: None }
    }
}
