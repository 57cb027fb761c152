//! A store with a line that runs when it is asked something, the projections' worker, and queries over both.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use accounting::{AccountKey, Subject};
use channel::adapter::Answer;
use channel::order::{Source, Told};
use channel::profile::{Operation, Profile, Profiles};
use engine::channels::Channels;
use engine::control::{Control, Shared};
use engine::line::{self, Committed, Job, Reply, Setup};
use engine::ports::{Alarm, Clock, Observer};
use engine::query::{self, Known, Part, Queries, Tree};
use engine::queue::{Stage, Terms, queue};
use engine::request::{Caller, Command, ControlCommand, GrantPoints, Idempotency, IssueCoupon, Request};
use engine::work::projections::Projections;
use futures::channel::oneshot;
use futures::executor::block_on;
use futures::future::{BoxFuture, FutureExt as _};
use kernel::message::channel::{Credential, DisputeOutcome, PayOutcome};
use kernel::message::payment::{Tool, ToolRequest};
use kernel::message::trade::{Create, Share};
use kernel::{
    AccountId, Amount, Bucket, Context, CouponId, Currency, KeyId, MerchantId, Money, OrderId, OrderType, Owner,
    PointsGrantId, Problem, RootId, SubType, Time, TradeId, UserId,
};
use serde_json::Value;
use store::{Ask, Cell, Place, Reader, Snapshot, Statement, Store, StoreError, Work};

const START: &str = "2026-11-23T08:00:00Z";
pub(crate) const SALT: [u8; 32] = [9; 32];

/// Time that passes when somebody waits for it.
pub(crate) struct TestClock(AtomicI64);

impl TestClock {
    pub(crate) fn pass(&self, micros: i64) {
        self.0.fetch_add(micros, Ordering::Relaxed);
    }
}

impl Clock for TestClock {
    fn now(&self) -> Time {
        Time::from_micros(self.0.load(Ordering::Relaxed))
    }
}

impl Alarm for TestClock {
    fn at(&self, time: Time) -> BoxFuture<'static, ()> {
        self.0.fetch_max(time.micros(), Ordering::Relaxed);
        futures::future::ready(()).boxed()
    }
}

/// What the last batch that changed a trade told about it.
type TreesTold = Arc<Mutex<BTreeMap<TradeId, Option<Tree>>>>;

struct Follow(Known, TreesTold);

impl Observer for Follow {
    fn wrote(&self, work: Work) {
        self.0.wrote(work);
    }

    fn committed(&self, committed: &Committed) {
        self.0.committed(committed);
        self.1.lock().unwrap().extend(committed.trees.clone());
    }
    fn stopped(&self, why: &str) {
        panic!("the line stopped: {why}");
    }
}

/// Counts the tables of which objects are read.
struct Counting(Arc<dyn Reader>, Arc<AtomicUsize>);

impl Reader for Counting {
    fn query(
        &self,
        statement: &'static Statement,
        params: Vec<Cell>,
    ) -> BoxFuture<'_, Result<Vec<Vec<Cell>>, StoreError>> {
        self.0.query(statement, params)
    }

    fn load(&self, shard: i64, asks: Vec<Ask>) -> BoxFuture<'_, Result<Snapshot, StoreError>> {
        self.1.fetch_add(asks.len(), Ordering::Relaxed);
        self.0.load(shard, asks)
    }
}

pub(crate) struct House {
    pub(crate) store: Store,
    pub(crate) clock: Arc<TestClock>,
    pub(crate) known: Known,
    pub(crate) worker: Projections,
    pub(crate) queries: Queries,
    pub(crate) told: TreesTold,
    /// Of how many tables objects were read.
    pub(crate) asked: Arc<AtomicUsize>,
    control: Shared,
    channels: Arc<Channels>,
    drawn: u64,
}

impl House {
    pub(crate) fn new() -> Self {
        Self::on(Store::in_memory(1).unwrap())
    }

    pub(crate) fn on(store: Store) -> Self {
        let clock = Arc::new(TestClock(AtomicI64::new(Time::parse(START).unwrap().micros())));
        let control = Shared::new(Control::default());
        let known = Known::default();
        let worker = Projections::new(0, store.reader(), store.side(Place::Derived).unwrap(), known.watermark.clone());
        let asked = Arc::<AtomicUsize>::default();
        let queries = queries(&store, &asked, &control, &known, &clock);
        let channels = channels();
        let mut house = Self {
            store,
            clock,
            known,
            worker,
            queries,
            told: TreesTold::default(),
            asked,
            control,
            channels,
            drawn: 0,
        };
        let key = KeyId(house.draw("key"));
        house.say(Command::Control(ControlCommand::Bootstrap { salt: SALT, key, hash: [3; 32] }));
        house
    }

    /// Another process on the same store: what it does is not told here, and what is done here it does not know.
    pub(crate) fn by_another<T>(&mut self, act: impl FnOnce(&mut Self) -> T) -> T {
        let known = std::mem::take(&mut self.known);
        let done = act(self);
        self.known = known;
        done
    }

    /// The queries of another process.
    pub(crate) fn elsewhere(&self) -> Queries {
        queries(&self.store, &self.asked, &self.control, &Known::default(), &self.clock)
    }

    pub(crate) fn draw(&mut self, bucket: &str) -> RootId {
        self.drawn += 1;
        self.clock.pass(1_000);
        RootId::new(self.clock.now(), Bucket::of(bucket), u128::from(self.drawn) * 0x1234_5678_9abc_def1)
    }

    /// Asks the line, all in one batch.
    pub(crate) fn ask(&mut self, commands: Vec<Command>) -> Vec<Result<Reply, Problem>> {
        let (queue, jobs) = queue(Terms::of_places(usize::MAX));
        let mut answers = Vec::new();
        for command in commands {
            self.drawn += 1;
            let idempotency = Some(Idempotency { key: format!("key-{}", self.drawn), body_hash: [0; 16] });
            let request = Request {
                caller: Caller::Platform,
                idempotency,
                request_id: "req".to_owned(),
                signals: Default::default(),
                assessment: None,
                command,
            };
            let (reply, answer) = oneshot::channel();
            let deadline = self.clock.now().plus(kernel::time::HOUR_US);
            queue.lay(Stage::New, Job { request, deadline, reply }, 0, self.clock.now()).unwrap();
            answers.push(answer);
        }
        drop(queue);
        let setup = Setup {
            shard: 0,
            writer: 1,
            store: self.store.line().unwrap(),
            queue: jobs,
            queues: engine::route::Queues::default(),
            inquiries: Default::default(),
            clock: self.clock.clone(),
            alarm: self.clock.clone(),
            observer: Arc::new(Follow(self.known.clone(), Arc::clone(&self.told))),
            control: self.control.clone(),
            channels: Arc::clone(&self.channels),
            approvals: Default::default(),
            zone: jiff::tz::TimeZone::UTC,
            batch_limit: 64,
            memory_limit: 10_000,
        };
        block_on(line::run(setup)).unwrap();
        answers.into_iter().map(|answer| block_on(answer).unwrap()).collect()
    }

    /// Asks one thing, which must be done; its answer.
    pub(crate) fn say(&mut self, command: Command) -> String {
        let reply = self.ask(vec![command]).remove(0).unwrap();
        assert!(!reply.problem, "{}", reply.body);
        reply.body.to_string()
    }

    pub(crate) fn merchant(&mut self) -> MerchantId {
        let id = MerchantId(self.draw("merchant"));
        self.say(Command::Control(ControlCommand::CreateMerchant { id, name: "shop".to_owned() }));
        id
    }

    pub(crate) fn fund(&mut self, user: &str, amount: i64) {
        self.say(Command::Fund { owner: self::user(user), money: cny(amount) });
    }

    /// A coupon of a user, usable with this merchant, or with any.
    pub(crate) fn coupon(
        &mut self,
        user: &str,
        merchant: Option<MerchantId>,
        amount: i64,
        expires_at: Option<Time>,
    ) -> CouponId {
        let id = CouponId(self.draw(&format!("user:{user}")));
        let (money, user) = (cny(amount), UserId::parse(user).unwrap());
        let terms = payment::CouponTerms::default();
        let issue = IssueCoupon { id, merchant, money, user, budget: false, terms, expires_at };
        self.say(Command::IssueCoupon(Box::new(issue)));
        id
    }

    pub(crate) fn points(&mut self, user: &str, points: i64) {
        let id = PointsGrantId(self.draw(&format!("user:{user}")));
        let (points, user) = (Amount::new(points).unwrap(), UserId::parse(user).unwrap());
        self.say(Command::GrantPoints(Box::new(GrantPoints { id, user, points, reference: None })));
    }

    /// A trade over `amount` with a number of its own, paid with these tools.
    pub(crate) fn order(
        &mut self,
        merchant: MerchantId,
        number: &str,
        pay: Option<Tool>,
        amount: i64,
    ) -> (TradeId, Command) {
        let id = TradeId(self.draw("user:42"));
        let command = Command::CreateTrade(Box::new(Create {
            id,
            context: Context { merchant, order_type: OrderType::Escrow, sub_type: SubType::general() },
            merchant_order_id: number.to_owned(),
            money: cny(amount),
            payer: Owner::User(UserId::parse("42").unwrap()),
            subject: None,
            expires_at: None,
            confirm_by: None,
            return_url: None,
            metadata: BTreeMap::new(),
            splits: vec![Share { receiver: Owner::Seller(merchant, "s1".to_owned()), amount: cny(amount).amount }],
            late_success: None,
            dues: Vec::new(),
            unpaid_due: None,
            destination: None,
            children: Vec::new(),
            parent: None,
            pay: pay.map(|tool| vec![ToolRequest { tool, amount: cny(amount).amount }]),
        }));
        (id, command)
    }

    pub(crate) fn trade(
        &mut self,
        merchant: MerchantId,
        number: &str,
        pay: Option<Tool>,
        amount: i64,
    ) -> (TradeId, String) {
        let (id, command) = self.order(merchant, number, pay, amount);
        (id, self.say(command))
    }

    /// The institution says that money came for the trade's first order.
    pub(crate) fn paid_outside(&mut self, trade: TradeId, amount: i64) {
        let channel_no = format!("S{trade}");
        let word = Answer::Pay(PayOutcome::Paid { money: cny(amount), at: self.clock.now(), channel_no });
        let told = Told { order: OrderId::new(trade, 1), word, source: Source::Notify, digest: [0xab; 32] };
        self.say(Command::Word(told));
    }

    /// The institution says something about a dispute of what a trade's first order received.
    pub(crate) fn disputed(&mut self, trade: TradeId, word: DisputeOutcome) {
        let (order, word) = (OrderId::new(trade, 1), Answer::Dispute(word));
        self.say(Command::Word(Told { order, word, source: Source::Notify, digest: [2; 32] }));
    }

    /// The institution took the trade's first order, if there is one: it is known to wait for the buyer.
    pub(crate) fn accepted(&mut self, trade: TradeId) {
        let word = Answer::Pay(PayOutcome::Accepted(Credential::Redirect("https://bank.example/1".to_owned())));
        let told = Told { order: OrderId::new(trade, 1), word, source: Source::Answer, digest: [0xac; 32] };
        self.say(Command::Word(told));
    }

    /// Lets the projections catch up.
    pub(crate) fn project(&mut self) {
        while block_on(self.worker.tick(3)).unwrap().done > 0 {}
    }
}

fn queries(
    store: &Store,
    asked: &Arc<AtomicUsize>,
    control: &Shared,
    known: &Known,
    clock: &Arc<TestClock>,
) -> Queries {
    let setup = query::Setup {
        stored: kernel::StoredKind::BUILT_IN.to_vec(),
        reader: Arc::new(Counting(store.reader(), Arc::clone(asked))),
        control: control.clone(),
        channels: channels(),
        known: vec![known.clone()],
        clock: clock.clone(),
        alarm: clock.clone(),
    };
    Queries::new(kernel::Shards::ONE, setup)
}

fn channels() -> Arc<Channels> {
    let profiles: Profiles = [("sandbox".to_owned(), profile())].into();
    Arc::new(Channels::new(profiles))
}

fn profile() -> Profile {
    Profile {
        operations: vec![Operation::Pay, Operation::Query, Operation::Close, Operation::Refund, Operation::QueryRefund],
        methods: vec!["card".to_owned()],
        payouts: Vec::new(),
        currencies: Vec::new(),
        lifetime_s: 900,
        refund_lifetime_s: 900,
        grace_s: 600,
        call_timeout_ms: 5_000,
        first_query_ms: 1_000,
        max_query_ms: 60_000,
        silent_query_ms: 600_000,
    }
}

pub(crate) fn card() -> Option<Tool> {
    Some(Tool::Channel { method: "card".to_owned(), sandbox: None })
}

pub(crate) fn cny(amount: i64) -> Money {
    Money { amount: Amount::new(amount).unwrap(), currency: Currency::parse("CNY").unwrap() }
}

pub(crate) fn user(name: &str) -> Owner {
    Owner::User(UserId::parse(name).unwrap())
}

pub(crate) fn balance_of(name: &str) -> AccountId {
    let key = AccountKey { owner: user(name), subject: Subject::USER_BALANCE, currency: cny(1).currency };
    key.id(&SALT)
}

pub(crate) fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

pub(crate) fn first(limit: usize) -> Part {
    Part { limit, after: None, stale: false }
}
