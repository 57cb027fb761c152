//! What the doors need from the rest of the server, as traits: questions to the store, changes to wait for, institutions,
//! webhooks. The doors know no SQL and no channel; a test puts fakes here.

use std::sync::Arc;

pub(crate) use engine::news::Object;
pub(crate) use engine::query::{Asker, Filter, Found, Hits, Page, Part, Tree};
pub(crate) use engine::wire::rules::DryRun;
use futures::future::BoxFuture;
use kernel::message::risk::Signals;
use kernel::message::trade::Create;
use kernel::{
    AccountId, CouponId, CreditLineId, Currency, GiftId, MerchantId, Owner, PaymentId, PointsGrantId, Problem, Time,
    TradeId, UserId,
};
use rules::RuleBook;

/// An answer that is on its way.
pub(crate) type Read<'a, T> = BoxFuture<'a, Result<T, Problem>>;

/// Questions to the store. Ids and order numbers are read from the rows themselves, lists from projections.
pub(crate) trait Lookup: Send + Sync {
    /// A trade, or a payment, refund, dispute or case of one; or a bill.
    fn object(&self, object: Object) -> Read<'_, Option<Found>>;
    /// A trade by its merchant's own number.
    fn trade_by_order<'a>(&'a self, merchant: MerchantId, merchant_order_id: &'a str) -> Read<'a, Option<Found>>;
    /// What a number names, at most `limit`: all merchants', or one's. The numbers of merchants may lag where `stale`.
    fn search<'a>(&'a self, number: &'a str, merchant: Option<MerchantId>, limit: usize, stale: bool)
    -> Read<'a, Hits>;
    /// Why a payment was planned as it was.
    fn explain(&self, payment: PaymentId, with_risk: bool) -> Read<'_, Option<Found>>;
    /// What a rule book would have changed of recorded trades; with the place of those opened before them.
    fn dry_run(&self, draft: Arc<RuleBook>, part: Part) -> Read<'_, (DryRun, Option<String>)>;
    /// Everything that belongs to a trade.
    fn chain(&self, trade: TradeId, whole: bool) -> Read<'_, Option<Found>>;
    /// What may pay a trade now.
    fn offer(&self, trade: TradeId, asker: Asker) -> Read<'_, Option<Found>>;
    /// What a request to open a trade would come to.
    fn preview(&self, create: Box<Create>, signals: Signals) -> Read<'_, Found>;
    /// A coupon.
    fn coupon(&self, id: CouponId) -> Read<'_, Option<Found>>;
    /// A gift.
    fn gift(&self, id: GiftId) -> Read<'_, Option<Found>>;
    /// A credit line.
    fn credit_line(&self, id: CreditLineId) -> Read<'_, Option<Found>>;
    /// The credit line of a user in a currency.
    fn credit_line_of<'a>(&'a self, user: &'a UserId, currency: Currency) -> Read<'a, Option<Found>>;
    /// The bills of a credit line, newest first; `None` where there is no such line.
    fn bills(&self, line: CreditLineId, part: Part) -> Read<'_, Option<Page>>;
    /// A grant of points.
    fn points_grant(&self, id: PointsGrantId) -> Read<'_, Option<Found>>;
    /// The grants of points of a user, newest first.
    fn points_grants<'a>(&'a self, user: &'a UserId, part: Part) -> Read<'a, Page>;
    /// An account, now or at a moment.
    fn account(&self, id: AccountId, at: Option<Time>) -> Read<'_, Option<Found>>;
    /// The accounts of an owner.
    fn accounts<'a>(&'a self, owner: &'a Owner) -> Read<'a, Vec<String>>;
    /// The transfers that touched an account, newest first.
    fn account_transfers(&self, id: AccountId, part: Part) -> Read<'_, Page>;
    /// The trial balance of the whole book; `date` is `yyyymmdd`, today where `None`.
    fn trial_balance(&self, currency: Currency, date: Option<i64>) -> Read<'_, String>;
    /// Trades, newest first.
    fn trades(&self, filter: Filter, part: Part) -> Read<'_, Page>;
    /// Cases, newest first.
    fn cases(&self, filter: Filter, part: Part) -> Read<'_, Page>;
    /// Disputes, newest first.
    fn disputes(&self, filter: Filter, part: Part) -> Read<'_, Page>;
    /// Events in the order of the log. [`Page::next`] is always given, also at the present end.
    fn events(&self, merchant: Option<MerchantId>, part: Part) -> Read<'_, Page>;
    /// An event.
    fn event<'a>(&'a self, id: &'a str) -> Read<'a, Option<Found>>;
}

/// Lets a reader wait for a change.
pub(crate) trait Waiters: Send + Sync {
    /// Ends when the trade's tree has changed after this call, with what it is then where that is known, or at the
    /// deadline. Listens from the call on, not from the first poll, so that a change between a read and the wait is not
    /// missed.
    fn changed(&self, trade: TradeId, deadline: Time) -> BoxFuture<'static, Option<Tree>>;
}

/// What an institution sent to its door.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Notice {
    /// The channel account that the address names.
    pub(crate) channel_account: String,
    /// Header names in lower case, and values, as they came.
    pub(crate) headers: Vec<(String, String)>,
    /// The raw body.
    pub(crate) body: Vec<u8>,
}

/// What the institution wants to hear.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Acknowledged {
    /// HTTP status.
    pub(crate) status: u16,
    /// The body's media type.
    pub(crate) content_type: &'static str,
    /// The body.
    pub(crate) body: String,
}

/// The doors' side of the channel gateway.
pub(crate) trait Institutions: Send + Sync {
    /// Takes a notification: verified, applied and durable when this returns. `None` where the account is unknown.
    fn notify(&self, notice: Notice) -> Read<'_, Option<Acknowledged>>;
    /// The channel accounts, as JSON objects, by name.
    fn accounts(&self) -> Vec<String>;
    /// The statement of a channel account for a day `yyyymmdd`, as CSV.
    fn statement<'a>(&'a self, channel_account: &'a str, day: i64) -> Read<'a, Option<String>>;
}

/// The doors' side of webhook delivery.
pub(crate) trait Webhooks: Send + Sync {
    /// Sends an event again to the endpoints that want it. Its id was looked up before.
    fn resend<'a>(&'a self, event: &'a str) -> Read<'a, ()>;
}
