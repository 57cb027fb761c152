//! Objects by their ids, and a trade by its merchant's own number.

use std::sync::Arc;

use accounting::Account;
use kernel::{
    AccountId, BillId, CouponId, CreditLineId, Currency, GiftId, MerchantId, PaymentId, PointsGrantId, Problem, Shards,
    TradeId, UserId, limits,
};
use payment::{Bill, Coupon, CreditLine, Gift, Payments, PointsGrant};
use store::tables::log::{Answer, Claim};
use store::unit::{Kept, Memory};
use trade::Trade;

use super::{Found, Page, Part, Queries, Tree, broken, no_place};
use crate::answers::{ClaimKind, place_of};
use crate::flows::credit::line_of;
use crate::news::Object;
use crate::wire;

/// What is there of a key that was asked for.
pub(super) fn there<A: Kept>(memory: &Memory, key: A::Key) -> Option<Arc<A>> {
    memory.get::<A>(key).flatten()
}

impl Queries {
    /// An object of a trade's tree, or a bill.
    ///
    /// # Errors
    /// When the store cannot be read; so for every other question.
    pub async fn object(&self, object: Object) -> Result<Option<Found>, Problem> {
        match (object, object.trade()) {
            (Object::Bill(id), _) => self.bill(id).await,
            (_, Some(trade)) => Ok(self.tree(trade).await?.and_then(|tree| tree.show(object))),
            (_, None) => Ok(None),
        }
    }

    /// Why a payment was planned as it was; `with_risk` says whether what was heard of the outside risk service is told,
    /// which is the platform's own business.
    pub async fn explain(&self, id: PaymentId, with_risk: bool) -> Result<Option<Found>, Problem> {
        let control = self.control.snapshot();
        Ok(self.tree(id.trade).await?.and_then(|tree| tree.explain(&control, id, with_risk)))
    }

    /// A trade with its payments: as its line wrote it last, where nobody has gone on since, else from its rows.
    async fn tree(&self, id: TradeId) -> Result<Option<Tree>, Problem> {
        let home = self.home(id.0.bucket())?;
        let recent = &home.known.recent;
        if recent.has(id)
            && let Some(tree) = recent.tree(id, home.head().await?)
        {
            return Ok(Some(tree));
        }
        let memory = home.load([Trade::key(id), Payments::key(id)]).await?;
        Ok(Tree::known(id, &[&memory]))
    }

    /// A trade by its merchant's own number: the number's claim leads to its answer, and that to the trade.
    pub async fn trade_by_order(
        &self,
        merchant: MerchantId,
        merchant_order_id: &str,
    ) -> Result<Option<Found>, Problem> {
        let answer = self.claimed(ClaimKind::Order, &merchant.to_string(), merchant_order_id).await?;
        match answer.and_then(|answer| TradeId::parse(answer.object.as_deref()?)) {
            Some(id) => self.object(Object::Trade(id)).await,
            None => Ok(None),
        }
    }

    /// The answer that a key is taken by.
    pub(super) async fn claimed(
        &self,
        kind: ClaimKind,
        scope: &str,
        key: &str,
    ) -> Result<Option<Arc<Answer>>, Problem> {
        let first = place_of(kind, scope, key);
        let places: Vec<i64> = (0..limits::MAX_CLAIM_PROBES).map(|probe| first.wrapping_add(probe)).collect();
        // A claim is by no shard; the answer that it leads to is by the shard of its object.
        let first = self.shard(Shards::FIRST).ok_or_else(broken)?;
        let claims = first.load(places.iter().map(|place| Claim::key(*place))).await?;
        let claims = places.iter().map_while(|place| there::<Claim>(&claims, *place));
        for claim in claims {
            let place = (claim.shard, claim.seq, claim.n);
            let shard = self.shard(claim.shard).ok_or_else(broken)?;
            let memory = shard.load([Answer::key(place)]).await?;
            let is_it =
                |answer: &Arc<Answer>| answer.kind == kind.as_str() && answer.scope == scope && answer.key == key;
            if let Some(answer) = there::<Answer>(&memory, place).filter(is_it) {
                return Ok(Some(answer));
            }
        }
        Ok(None)
    }

    /// A coupon.
    pub async fn coupon(&self, id: CouponId) -> Result<Option<Found>, Problem> {
        let memory = self.home(id.0.bucket())?.load([Coupon::key(id)]).await?;
        let found =
            |coupon: Arc<Coupon>| Found { merchant: coupon.merchant, body: wire::payment::coupon_json(&coupon) };
        Ok(there::<Coupon>(&memory, id).map(found))
    }

    /// A user's credit line; the platform's own.
    pub async fn credit_line(&self, id: CreditLineId) -> Result<Option<Found>, Problem> {
        let memory = self.home(id.0.bucket())?.load([CreditLine::key(id), Account::key(AccountId(id.0))]).await?;
        let account = there::<Account>(&memory, AccountId(id.0));
        let line = there::<CreditLine>(&memory, id);
        let now = self.home(id.0.bucket())?.clock.now();
        Ok(line.map(|line| Found { merchant: None, body: wire::credit::json(&line, account.as_deref(), now) }))
    }

    /// A bill of a credit line; the platform's own.
    async fn bill(&self, id: BillId) -> Result<Option<Found>, Problem> {
        let keys = [CreditLine::key(id.line), Account::key(AccountId(id.line.0)), Bill::key(id)];
        let memory = self.home(id.line.0.bucket())?.load(keys).await?;
        let account = there::<Account>(&memory, AccountId(id.line.0));
        let both = there::<CreditLine>(&memory, id.line).zip(there::<Bill>(&memory, id));
        let body = both.map(|(line, bill)| wire::credit::bill_json(&line, &bill, account.as_deref()));
        Ok(body.map(|body| Found { merchant: None, body }))
    }

    /// The bills of a credit line, newest first; `None` where there is no such line.
    pub async fn bills(&self, line: CreditLineId, part: Part) -> Result<Option<Page>, Problem> {
        let home = self.home(line.0.bucket())?;
        let memory = home.load([CreditLine::key(line), Account::key(AccountId(line.0))]).await?;
        let Some(state) = there::<CreditLine>(&memory, line) else { return Ok(None) };
        let account = there::<Account>(&memory, AccountId(line.0));
        let last = state.billing.map_or(0, |billing| billing.last);
        let upto = match &part.after {
            None => last,
            Some(place) => place.parse::<u16>().ok().filter(|no| (1..=last).contains(no)).ok_or_else(no_place)? - 1,
        };
        let first = upto.saturating_sub(u16::try_from(part.limit).unwrap_or(u16::MAX)) + 1;
        let ids: Vec<BillId> = (first..=upto).rev().map(|no| BillId::new(line, no)).collect();
        let bills = home.load(ids.iter().map(|id| Bill::key(*id))).await?;
        let bills = ids.iter().filter_map(|id| there::<Bill>(&bills, *id));
        let data = bills.map(|bill| wire::credit::bill_json(&state, &bill, account.as_deref())).collect();
        let next = ids.last().filter(|_| first > 1).map(|id| id.no.to_string());
        Ok(Some(Page { data, next, as_of: None }))
    }

    /// The credit line of a user in a currency.
    pub async fn credit_line_of(&self, user: &UserId, currency: Currency) -> Result<Option<Found>, Problem> {
        let salt = self.control.snapshot().salt;
        self.credit_line(line_of(user, currency, &salt)).await
    }

    /// A grant of points; the platform's own.
    pub async fn points_grant(&self, id: PointsGrantId) -> Result<Option<Found>, Problem> {
        let memory = self.home(id.0.bucket())?.load([PointsGrant::key(id)]).await?;
        let found = |grant: Arc<PointsGrant>| Found { merchant: None, body: wire::points::json(&grant) };
        Ok(there::<PointsGrant>(&memory, id).map(found))
    }

    /// A gift.
    pub async fn gift(&self, id: GiftId) -> Result<Option<Found>, Problem> {
        let memory = self.home(id.0.bucket())?.load([Gift::key(id)]).await?;
        let found = |gift: Arc<Gift>| Found { merchant: gift.merchant, body: wire::gift::json(&gift) };
        Ok(there::<Gift>(&memory, id).map(found))
    }
}
