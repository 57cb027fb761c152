//! The doors' questions, passed on to the engine's queries.

use std::sync::Arc;

use engine::query::Queries;
use futures::future::FutureExt as _;
use kernel::message::risk::Signals;
use kernel::message::trade::Create;
use kernel::{
    AccountId, CouponId, CreditLineId, Currency, GiftId, MerchantId, Owner, PaymentId, PointsGrantId, Time, TradeId,
    UserId,
};

use rules::RuleBook;

use crate::http::ports::{Asker, DryRun, Filter, Found, Hits, Lookup, Object, Page, Part, Read};

impl Lookup for Queries {
    fn object(&self, object: Object) -> Read<'_, Option<Found>> {
        self.object(object).boxed()
    }

    fn trade_by_order<'a>(&'a self, merchant: MerchantId, merchant_order_id: &'a str) -> Read<'a, Option<Found>> {
        self.trade_by_order(merchant, merchant_order_id).boxed()
    }

    fn search<'a>(
        &'a self,
        number: &'a str,
        merchant: Option<MerchantId>,
        limit: usize,
        stale: bool,
    ) -> Read<'a, Hits> {
        self.search(number, merchant, limit, stale).boxed()
    }

    fn explain(&self, payment: PaymentId, with_risk: bool) -> Read<'_, Option<Found>> {
        self.explain(payment, with_risk).boxed()
    }

    fn dry_run(&self, draft: Arc<RuleBook>, part: Part) -> Read<'_, (DryRun, Option<String>)> {
        self.dry_run(draft, part).boxed()
    }

    fn chain(&self, trade: TradeId, whole: bool) -> Read<'_, Option<Found>> {
        self.chain(trade, whole).boxed()
    }

    fn offer(&self, trade: TradeId, asker: Asker) -> Read<'_, Option<Found>> {
        async move { self.offer(trade, &asker).await }.boxed()
    }

    fn preview(&self, create: Box<Create>, signals: Signals) -> Read<'_, Found> {
        async move { self.preview(&create, &signals).await }.boxed()
    }

    fn coupon(&self, id: CouponId) -> Read<'_, Option<Found>> {
        self.coupon(id).boxed()
    }

    fn gift(&self, id: GiftId) -> Read<'_, Option<Found>> {
        self.gift(id).boxed()
    }

    fn credit_line(&self, id: CreditLineId) -> Read<'_, Option<Found>> {
        self.credit_line(id).boxed()
    }

    fn credit_line_of<'a>(&'a self, user: &'a UserId, currency: Currency) -> Read<'a, Option<Found>> {
        self.credit_line_of(user, currency).boxed()
    }

    fn bills(&self, line: CreditLineId, part: Part) -> Read<'_, Option<Page>> {
        self.bills(line, part).boxed()
    }

    fn points_grant(&self, id: PointsGrantId) -> Read<'_, Option<Found>> {
        self.points_grant(id).boxed()
    }

    fn points_grants<'a>(&'a self, user: &'a UserId, part: Part) -> Read<'a, Page> {
        self.points_grants(user, part).boxed()
    }

    fn account(&self, id: AccountId, at: Option<Time>) -> Read<'_, Option<Found>> {
        self.account(id, at).boxed()
    }

    fn accounts<'a>(&'a self, owner: &'a Owner) -> Read<'a, Vec<String>> {
        self.accounts(owner).boxed()
    }

    fn account_transfers(&self, id: AccountId, part: Part) -> Read<'_, Page> {
        self.account_transfers(id, part).boxed()
    }

    fn trial_balance(&self, currency: Currency, date: Option<i64>) -> Read<'_, String> {
        self.trial_balance(currency, date).boxed()
    }

    fn trades(&self, filter: Filter, part: Part) -> Read<'_, Page> {
        self.trades(filter, part).boxed()
    }

    fn cases(&self, filter: Filter, part: Part) -> Read<'_, Page> {
        self.cases(filter, part).boxed()
    }

    fn disputes(&self, filter: Filter, part: Part) -> Read<'_, Page> {
        self.disputes(filter, part).boxed()
    }

    fn events(&self, merchant: Option<MerchantId>, part: Part) -> Read<'_, Page> {
        self.events(merchant, part).boxed()
    }

    fn event<'a>(&'a self, id: &'a str) -> Read<'a, Option<Found>> {
        self.event(id).boxed()
    }
}
