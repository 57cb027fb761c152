//! Objects by their ids, and a trade by its merchant's own number.

use std::sync::Arc;

use kernel::{CaseId, CouponId, MerchantId, PaymentId, Problem, RefundId, Shards, TradeId, limits};
use payment::{Coupon, Payments};
use store::tables::log::{Answer, Claim};
use store::unit::{Kept, Memory};
use trade::Trade;

use super::{Found, Queries, broken};
use crate::answers::{ClaimKind, place_of};
use crate::wire;

/// What is there of a key that was asked for.
pub(super) fn there<A: Kept>(memory: &Memory, key: A::Key) -> Option<Arc<A>> {
    memory.get::<A>(key).flatten()
}

impl Queries {
    /// A trade.
    ///
    /// # Errors
    /// When the store cannot be read; so for every other question.
    pub async fn trade(&self, id: TradeId) -> Result<Option<Found>, Problem> {
        let memory = self.home(id.0.bucket())?.load([Trade::key(id), Payments::key(id)]).await?;
        let payments = there::<Payments>(&memory, id);
        Ok(there::<Trade>(&memory, id).map(|trade| Found {
            merchant: Some(trade.context.merchant),
            body: wire::trade::json(&trade, payments.as_deref()),
        }))
    }

    /// A trade by its merchant's own number: the number's claim leads to its answer, and that to the trade.
    pub async fn trade_by_order(
        &self,
        merchant: MerchantId,
        merchant_order_id: &str,
    ) -> Result<Option<Found>, Problem> {
        let scope = merchant.to_string();
        let first = place_of(ClaimKind::Order, &scope, merchant_order_id);
        let places: Vec<i64> = (0..limits::MAX_CLAIM_PROBES).map(|probe| first.wrapping_add(probe)).collect();
        // A claim is by no shard; the answer that it leads to is by the shard of its trade.
        let first = self.shard(Shards::FIRST).ok_or_else(broken)?;
        let claims = first.load(places.iter().map(|place| Claim::key(*place))).await?;
        let claims = places.iter().map_while(|place| there::<Claim>(&claims, *place));
        for claim in claims {
            let place = (claim.shard, claim.seq, claim.n);
            let shard = self.shard(claim.shard).ok_or_else(broken)?;
            let memory = shard.load([Answer::key(place)]).await?;
            let is_it = |answer: &Arc<Answer>| {
                answer.kind == ClaimKind::Order.as_str() && answer.scope == scope && answer.key == merchant_order_id
            };
            let answer = there::<Answer>(&memory, place).filter(is_it);
            if let Some(id) = answer.and_then(|answer| TradeId::parse(answer.object.as_deref()?)) {
                return self.trade(id).await;
            }
        }
        Ok(None)
    }

    /// A payment.
    pub async fn payment(&self, id: PaymentId) -> Result<Option<Found>, Problem> {
        self.child(id.trade, |state| wire::payment::payment_json(state, id.no)).await
    }

    /// A refund.
    pub async fn refund(&self, id: RefundId) -> Result<Option<Found>, Problem> {
        self.child(id.trade, |state| wire::payment::refund_json(state, id.no)).await
    }

    /// A case.
    pub async fn case(&self, id: CaseId) -> Result<Option<Found>, Problem> {
        self.child(id.trade, |state| wire::payment::case_json(state, id.no)).await
    }

    /// Something of a trade's payments; it is whose the trade is.
    async fn child(
        &self,
        trade: TradeId,
        render: impl FnOnce(&Payments) -> Option<String>,
    ) -> Result<Option<Found>, Problem> {
        let memory = self.home(trade.0.bucket())?.load([Trade::key(trade), Payments::key(trade)]).await?;
        let found = there::<Trade>(&memory, trade).zip(there::<Payments>(&memory, trade));
        Ok(found.and_then(|(trade, state)| {
            render(&state).map(|body| Found { merchant: Some(trade.context.merchant), body })
        }))
    }

    /// A coupon.
    pub async fn coupon(&self, id: CouponId) -> Result<Option<Found>, Problem> {
        let memory = self.home(id.0.bucket())?.load([Coupon::key(id)]).await?;
        let found =
            |coupon: Arc<Coupon>| Found { merchant: coupon.merchant, body: wire::payment::coupon_json(&coupon) };
        Ok(there::<Coupon>(&memory, id).map(found))
    }
}
