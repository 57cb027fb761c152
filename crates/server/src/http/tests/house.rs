//! A house with fakes behind its doors: a line that notes what it is told, a store with one trade of one merchant.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, StatusCode};
use engine::control::{ApiKey, Control, Merchant, Shared, Version};
use engine::line::Reply;
use engine::ports::{Clock, Random};
use engine::queue::{Entrance, Laid, Terms, queue};
use engine::request::{Command, ControlCommand, Request as Told};
use futures::FutureExt as _;
use futures::future::BoxFuture;
use http_body_util::BodyExt as _;
use kernel::message::risk::Signals;
use kernel::message::trade::Create;
use kernel::{
    AccountId, Bucket, CouponId, CreditLineId, Currency, GiftId, KeyId, MerchantId, Owner, PaymentId, PointsGrantId,
    RootId, StoredKind, Time, TradeId, UserId,
};
use rules::RuleBook;
use serde_json::Value;

use crate::config::Environment;
use crate::http::auth::{key_prefix, secret_hash};
use crate::http::ports::{
    Acknowledged, Asker, DryRun, Filter, Found, Hits, Institutions, Lookup, Notice, Object, Page, Part, Read, Tree,
    Waiters, Webhooks,
};
use crate::http::{Desk, Doors, Rates, Site, Visitor, open};
use crate::ports::SystemClock;

pub(super) const PLATFORM: &str = "platform";
pub(super) const SHOP: &str = "shop";
pub(super) const OTHER_SHOP: &str = "other_shop";
pub(super) const READER: &str = "reader";

pub(super) fn root(number: u128) -> RootId {
    RootId::new(Time::from_micros(1_800_000_000_000_000), Bucket::of("user:42"), number)
}

pub(super) fn shop() -> MerchantId {
    MerchantId(root(1))
}

pub(super) fn other_shop() -> MerchantId {
    MerchantId(root(2))
}

/// The one trade there is, the shop's.
pub(super) fn trade() -> TradeId {
    TradeId(root(3))
}

/// A trade whose read panics.
pub(super) fn cursed() -> TradeId {
    TradeId(root(666))
}

pub(super) struct Hands(AtomicI64);

impl Clock for Hands {
    fn now(&self) -> Time {
        Time::from_micros(self.0.load(Ordering::Relaxed))
    }
}

struct Dice(AtomicU64);

impl Random for Dice {
    fn bits(&self) -> u128 {
        u128::from(self.0.fetch_add(1, Ordering::Relaxed))
    }
}

/// The store: one trade with all its kin, and a word that changes with every wait.
#[derive(Default)]
pub(super) struct Shelf {
    pub(super) status: Mutex<String>,
    pub(super) asked: Mutex<Vec<String>>,
}

impl Shelf {
    fn own(&self, id: TradeId) -> Option<Found> {
        assert!(id != cursed(), "cursed");
        let status = self.status.lock().unwrap().clone();
        let body = format!(r#"{{"id":"{id}","status":"{status}"}}"#);
        (id == trade()).then(|| Found { merchant: Some(shop()), body })
    }

    fn page(&self, what: String, part: &Part) -> Page {
        self.asked.lock().unwrap().push(format!("{what} {} {:?} {}", part.limit, part.after, part.stale));
        Page { data: vec![r#"{"id":"x"}"#.to_owned()], next: Some("7".to_owned()), as_of: None }
    }
}

impl Lookup for Shelf {
    fn object(&self, object: Object) -> Read<'_, Option<Found>> {
        let found = object.trade().and_then(|trade| self.own(trade));
        async move { Ok(found) }.boxed()
    }
    fn trade_by_order<'a>(&'a self, merchant: MerchantId, merchant_order_id: &'a str) -> Read<'a, Option<Found>> {
        let found = (merchant == shop() && merchant_order_id == "A1001").then(|| self.own(trade())).flatten();
        async { Ok(found) }.boxed()
    }
    fn search<'a>(
        &'a self,
        number: &'a str,
        merchant: Option<MerchantId>,
        limit: usize,
        stale: bool,
    ) -> Read<'a, Hits> {
        self.asked.lock().unwrap().push(format!("search {number} {merchant:?} {limit} {stale}"));
        async { Ok(Hits { data: vec![r#"{"id":"x"}"#.to_owned()], more: true, as_of: None }) }.boxed()
    }
    fn explain(&self, payment: PaymentId, _: bool) -> Read<'_, Option<Found>> {
        self.object(Object::Trade(payment.trade))
    }
    fn dry_run(&self, draft: Arc<RuleBook>, part: Part) -> Read<'_, (DryRun, Option<String>)> {
        let next = self.page(format!("dry run {}", draft.name), &part).next;
        async { Ok((DryRun::default(), next)) }.boxed()
    }
    fn chain(&self, id: TradeId, _: bool) -> Read<'_, Option<Found>> {
        self.object(Object::Trade(id))
    }
    fn offer(&self, id: TradeId, asker: Asker) -> Read<'_, Option<Found>> {
        self.asked.lock().unwrap().push(format!("offer {:?} {}", asker.caller, asker.users_debit));
        self.object(Object::Trade(id))
    }
    fn preview(&self, create: Box<Create>, _: Signals) -> Read<'_, Found> {
        self.asked.lock().unwrap().push(format!("preview {}", create.merchant_order_id));
        async { Ok(Found { merchant: Some(shop()), body: r#"{"object":"trade_preview"}"#.to_owned() }) }.boxed()
    }
    fn coupon(&self, id: CouponId) -> Read<'_, Option<Found>> {
        self.object(Object::Trade(TradeId(id.0)))
    }

    fn gift(&self, id: GiftId) -> Read<'_, Option<Found>> {
        self.object(Object::Trade(TradeId(id.0)))
    }
    fn credit_line(&self, id: CreditLineId) -> Read<'_, Option<Found>> {
        self.object(Object::Trade(TradeId(id.0)))
    }
    fn credit_line_of<'a>(&'a self, user: &'a UserId, currency: Currency) -> Read<'a, Option<Found>> {
        let body = format!(r#"{{"owner":"user:{user}","currency":"{currency}"}}"#);
        async move { Ok(Some(Found { merchant: None, body })) }.boxed()
    }
    fn bills(&self, line: CreditLineId, part: Part) -> Read<'_, Option<Page>> {
        async move { Ok(Some(self.page(format!("bills {line}"), &part))) }.boxed()
    }
    fn points_grant(&self, id: PointsGrantId) -> Read<'_, Option<Found>> {
        self.object(Object::Trade(TradeId(id.0)))
    }
    fn points_grants<'a>(&'a self, user: &'a UserId, part: Part) -> Read<'a, Page> {
        async move { Ok(self.page(format!("points {user}"), &part)) }.boxed()
    }
    fn account(&self, id: AccountId, _at: Option<Time>) -> Read<'_, Option<Found>> {
        self.object(Object::Trade(TradeId(id.0)))
    }
    fn accounts<'a>(&'a self, owner: &'a Owner) -> Read<'a, Vec<String>> {
        async move { Ok(vec![format!(r#"{{"owner":"{}"}}"#, owner.wire())]) }.boxed()
    }
    fn account_transfers(&self, id: AccountId, part: Part) -> Read<'_, Page> {
        async move { Ok(self.page(format!("transfers {id}"), &part)) }.boxed()
    }
    fn trial_balance(&self, currency: Currency, date: Option<i64>) -> Read<'_, String> {
        async move { Ok(format!(r#"{{"currency":"{currency}","date":"{date:?}"}}"#)) }.boxed()
    }
    fn trades(&self, filter: Filter, part: Part) -> Read<'_, Page> {
        async move { Ok(self.page(format!("trades {:?} {:?}", filter.merchant, filter.status), &part)) }.boxed()
    }
    fn cases(&self, filter: Filter, part: Part) -> Read<'_, Page> {
        async move { Ok(self.page(format!("cases {:?} {:?}", filter.merchant, filter.status), &part)) }.boxed()
    }

    fn disputes(&self, filter: Filter, part: Part) -> Read<'_, Page> {
        async move { Ok(self.page(format!("disputes {:?} {:?}", filter.merchant, filter.status), &part)) }.boxed()
    }
    fn events(&self, merchant: Option<MerchantId>, part: Part) -> Read<'_, Page> {
        async move { Ok(self.page(format!("events {merchant:?}"), &part)) }.boxed()
    }
    fn event<'a>(&'a self, id: &'a str) -> Read<'a, Option<Found>> {
        let found = id.strip_prefix("evt_").and_then(|rest| TradeId::parse(&format!("trd_{rest}")));
        async move { Ok(found.and_then(|id| self.own(id))) }.boxed()
    }
}

/// A change comes at once, and turns the trade's status.
struct Bell(Arc<Shelf>);

impl Waiters for Bell {
    fn changed(&self, _trade: TradeId, _deadline: Time) -> BoxFuture<'static, Option<Tree>> {
        let shelf = Arc::clone(&self.0);
        async move {
            "paid".clone_into(&mut shelf.status.lock().unwrap());
            None
        }
        .boxed()
    }
}

struct Bank;

impl Institutions for Bank {
    fn notify(&self, notice: Notice) -> Read<'_, Option<Acknowledged>> {
        let body = String::from_utf8_lossy(&notice.body).into_owned();
        let known = notice.channel_account == "sandbox";
        async move { Ok(known.then_some(Acknowledged { status: 200, content_type: "text/plain", body })) }.boxed()
    }
    fn accounts(&self) -> Vec<String> {
        vec![r#"{"id":"sandbox"}"#.to_owned()]
    }
    fn statement<'a>(&'a self, channel_account: &'a str, day: i64) -> Read<'a, Option<String>> {
        async move { Ok((channel_account == "sandbox").then(|| format!("day,{day}\n"))) }.boxed()
    }
}

impl Webhooks for Bank {
    fn resend<'a>(&'a self, _event: &'a str) -> Read<'a, ()> {
        async { Ok(()) }.boxed()
    }
}

/// A router, what its line was told, and the hands of its clock.
pub(super) struct House {
    /// What stands before it.
    pub(super) site: Site,
    environment: Environment,
    pub(super) told: Arc<Mutex<Vec<Told>>>,
    pub(super) shelf: Arc<Shelf>,
    pub(super) clock: Arc<Hands>,
}

/// An answer, read.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) text: String,
}

impl Answer {
    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("no JSON: {} {}", self.status, self.text))
    }

    pub(super) fn code(&self) -> String {
        if self.status.is_success() {
            return self.status.as_u16().to_string();
        }
        assert_eq!(self.headers["content-type"], "application/problem+json", "{}", self.text);
        let problem = self.json();
        assert_eq!(problem["status"], self.status.as_u16());
        assert_eq!(problem["request_id"].as_str(), self.headers["request-id"].to_str().ok());
        format!("{} {}", self.status.as_u16(), problem["code"].as_str().unwrap())
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
}

fn control(environment: Environment) -> Control {
    let mut control = Control::default();
    for (id, name) in [(shop(), "Shop"), (other_shop(), "Other")] {
        control.apply(&Version::Merchant(id, Merchant { name: name.to_owned(), created_at: 0 }));
    }
    let keys: [(&str, Option<MerchantId>, &[&str]); 4] = [
        (PLATFORM, None, &["admin"]),
        (SHOP, Some(shop()), &["read", "write"]),
        (OTHER_SHOP, Some(other_shop()), &["read", "write", "users:debit"]),
        (READER, Some(shop()), &["read"]),
    ];
    for (number, (name, merchant, scopes)) in (100..).zip(keys) {
        let hash = secret_hash(&secret(environment, name));
        let scopes = scopes.iter().map(|scope| (*scope).to_owned()).collect();
        control.apply(&Version::Key(
            KeyId(root(number)),
            ApiKey { merchant, scopes, hash, created_at: 0, revoked_at: None },
        ));
    }
    control
}

fn secret(environment: Environment, name: &str) -> String {
    format!("{}{name}", key_prefix(environment))
}

/// What the line answers: the refusal it was asked to recall, or what it would have made.
fn reply(told: &Told) -> Result<Reply, kernel::Problem> {
    let (status, body) = match &told.command {
        Command::Recall(refusal) => return Err(refusal.clone()),
        Command::Control(ControlCommand::CreateKey { id, .. }) => (201, format!(r#"{{"id":"{id}","key":null}}"#)),
        _ => (201, r#"{"id":"x"}"#.to_owned()),
    };
    let replayed = told.idempotency.as_ref().is_some_and(|idempotency| idempotency.key == "again");
    Ok(Reply { status, body: body.into(), replayed, seq: 17, problem: false })
}

impl House {
    pub(super) fn new(environment: Environment) -> Self {
        let (queue, mut jobs) = queue(Terms::of_places(64));
        let told: Arc<Mutex<Vec<Told>>> = Arc::default();
        let noted = Arc::clone(&told);
        crate::ports::task(async move {
            while let Some(taken) = jobs.take(1, &SystemClock).await {
                jobs.end_batch(&SystemClock);
                let Some(Laid { job, .. }) = taken.jobs.into_iter().next() else { continue };
                noted.lock().unwrap().push(job.request.clone());
                let _ = job.reply.send(reply(&job.request));
            }
        });
        Self::with(environment, queue, told)
    }

    pub(super) fn with(environment: Environment, queue: Entrance, told: Arc<Mutex<Vec<Told>>>) -> Self {
        let clock = Arc::new(Hands(AtomicI64::new(1_800_000_000_000_000)));
        let shelf = Arc::new(Shelf { status: Mutex::new("created".to_owned()), ..Shelf::default() });
        let doors = Doors {
            desk: Desk::new(engine::route::Queues::one(queue), clock.clone(), 10_000_000),
            control: Shared::new(control(environment)),
            lookup: shelf.clone(),
            waiters: Arc::new(Bell(shelf.clone())),
            institutions: Arc::new(Bank),
            webhooks: Arc::new(Bank),
            clock: clock.clone(),
            random: Arc::new(Dice(AtomicU64::new(1))),
            environment,
            base_url: "https://pay.example".to_owned(),
            metrics: Arc::new(|| "suanpan_up 1\n".to_owned()),
            ready: Arc::new(|| true),
            stored: StoredKind::BUILT_IN.to_vec(),
            rates: Rates::default(),
        };
        Self { site: open(doors), environment, told, shelf, clock }
    }

    pub(super) fn test() -> Self {
        Self::new(Environment::Test)
    }

    /// Sends a request as it is.
    pub(super) async fn send(&self, request: Request<Body>) -> Answer {
        let visitor = Visitor { address: IpAddr::V4(Ipv4Addr::LOCALHOST), has_place: true };
        let response = self.site.clone().answer(visitor, request).await;
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        Answer { status: parts.status, headers: parts.headers, text }
    }

    /// A GET with somebody's key.
    pub(super) async fn get(&self, who: &str, path: &str) -> Answer {
        self.send(self.request(who, Method::GET, path).body(Body::empty()).unwrap()).await
    }

    /// A POST with somebody's key and an idempotency key.
    pub(super) async fn post(&self, who: &str, path: &str, body: &str) -> Answer {
        self.post_with(who, path, "k1", body).await
    }

    pub(super) async fn post_with(&self, who: &str, path: &str, key: &str, body: &str) -> Answer {
        let request = self.request(who, Method::POST, path).header("idempotency-key", key);
        self.send(request.header("content-type", "application/json").body(Body::from(body.to_owned())).unwrap()).await
    }

    /// The start of a request with somebody's key.
    pub(super) fn request(&self, who: &str, method: Method, path: &str) -> axum::http::request::Builder {
        let bearer = format!("Bearer {}", secret(self.environment, who));
        Request::builder().method(method).uri(path).header("authorization", bearer)
    }

    pub(super) fn later(&self, micros: i64) {
        self.clock.0.fetch_add(micros, Ordering::Relaxed);
    }

    /// The last command that the line was told.
    pub(super) fn last(&self) -> Told {
        self.told.lock().unwrap().last().unwrap().clone()
    }

    pub(super) fn count(&self) -> usize {
        self.told.lock().unwrap().len()
    }
}
