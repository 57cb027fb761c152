//! The doors' questions, passed on to the engine's queries.

use engine::query::{self, Queries};
use futures::future::FutureExt as _;
use kernel::{AccountId, CaseId, CouponId, Currency, MerchantId, Owner, PaymentId, RefundId, Time, TradeId};

use crate::http::ports::{Filter, Found, Lookup, Page, Part, Read};

/// Passes on.
pub(super) struct Asked(pub(super) Queries);

fn found(found: query::Found) -> Found {
    Found { merchant: found.merchant, body: found.body }
}

fn page(page: query::Page) -> Page {
    Page { data: page.data, next: page.next, as_of: page.as_of }
}

fn part(part: Part) -> query::Part {
    query::Part { limit: part.limit, after: part.after, stale: part.stale }
}

fn filter(filter: Filter) -> query::Filter {
    query::Filter { merchant: filter.merchant, status: filter.status }
}

/// The questions for one object by its id.
macro_rules! objects {
    ($($name:ident($id:ty);)+) => {$(
        fn $name(&self, id: $id) -> Read<'_, Option<Found>> {
            async move { Ok(self.0.$name(id).await?.map(found)) }.boxed()
        }
    )+};
}

impl Lookup for Asked {
    objects! {
        trade(TradeId);
        chain(TradeId);
        payment(PaymentId);
        refund(RefundId);
        case(CaseId);
        coupon(CouponId);
    }

    fn trade_by_order<'a>(&'a self, merchant: MerchantId, merchant_order_id: &'a str) -> Read<'a, Option<Found>> {
        async move { Ok(self.0.trade_by_order(merchant, merchant_order_id).await?.map(found)) }.boxed()
    }

    fn account(&self, id: AccountId, at: Option<Time>) -> Read<'_, Option<Found>> {
        async move { Ok(self.0.account(id, at).await?.map(found)) }.boxed()
    }

    fn accounts<'a>(&'a self, owner: &'a Owner) -> Read<'a, Vec<String>> {
        self.0.accounts(owner).boxed()
    }

    fn account_transfers(&self, id: AccountId, wanted: Part) -> Read<'_, Page> {
        async move { Ok(page(self.0.account_transfers(id, part(wanted)).await?)) }.boxed()
    }

    fn trial_balance(&self, currency: Currency, date: Option<i64>) -> Read<'_, String> {
        self.0.trial_balance(currency, date).boxed()
    }

    fn trades(&self, which: Filter, wanted: Part) -> Read<'_, Page> {
        async move { Ok(page(self.0.trades(filter(which), part(wanted)).await?)) }.boxed()
    }

    fn cases(&self, which: Filter, wanted: Part) -> Read<'_, Page> {
        async move { Ok(page(self.0.cases(filter(which), part(wanted)).await?)) }.boxed()
    }

    fn events(&self, merchant: Option<MerchantId>, wanted: Part) -> Read<'_, Page> {
        async move { Ok(page(self.0.events(merchant, part(wanted)).await?)) }.boxed()
    }

    fn event<'a>(&'a self, id: &'a str) -> Read<'a, Option<Found>> {
        async move { Ok(self.0.event(id).await?.map(found)) }.boxed()
    }
}
