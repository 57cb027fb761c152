//! A store with a line on it, driven by hand: what is submitted together is one batch.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};
use std::thread;

use channel::order::{Source, Told};
use channel::sandbox::Sandbox;
use channel::{Adapter as _, Answer, Profiles};
use engine::channels::Channels;
use engine::control::{Control, Shared};
use engine::line::{Committed, Job, Reply, Setup};
use engine::ports::{Alarm, Clock, Observer};
use engine::queue::{Entrance, Stage, Terms, queue};
use engine::request::{Caller, Command, ControlCommand, GrantPoints, Idempotency, IssueCoupon, IssueGift, Request};
use engine::verify::{self, Options, Report};
use futures::channel::oneshot;
use futures::executor::{LocalPool, block_on};
use futures::future::{BoxFuture, FutureExt as _, join_all};
use futures::task::LocalSpawnExt as _;
use kernel::message::payment::{Tool, ToolRequest};
use kernel::message::risk::Signals;
use kernel::message::trade::{Command as TradeCommand, Create, DueRequest, LateSuccess, Share, UnpaidDue};
use kernel::time::{DAY_US, HOUR_US};
use kernel::{
    Amount, Bucket, Context, CouponId, CreditLineId, Currency, Destination, DestinationType, GiftId, KeyId, MerchantId,
    Money, OrderId, OrderType, Owner, PointsGrantId, Problem, RootId, StoredKind, SubType, Time, TradeId, UserId,
};
use payment::gift::Split;
use payment::{BillTerms, CouponTerms};
use store::{Access, Line, Opening, Ports, Store, Url};

/// 2026-11-23T00:00:00Z.
const START: i64 = 1_795_392_000_000_000;

/// Where the rows are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Engine {
    Memory,
    Files,
    Postgres,
}

/// Time that moves by hand.
#[derive(Clone)]
pub(crate) struct Hands(Arc<AtomicI64>);

impl Default for Hands {
    fn default() -> Self {
        Self(Arc::new(AtomicI64::new(START)))
    }
}

impl Hands {
    pub(crate) fn pass(&self, micros: i64) {
        self.0.fetch_add(micros, Ordering::Relaxed);
    }
}

impl Clock for Hands {
    fn now(&self) -> Time {
        Time::from_micros(self.0.load(Ordering::Relaxed))
    }
}

impl Alarm for Hands {
    fn at(&self, time: Time) -> BoxFuture<'static, ()> {
        self.0.fetch_max(time.micros(), Ordering::Relaxed);
        futures::future::ready(()).boxed()
    }
}

pub(crate) struct Deaf;

impl Observer for Deaf {
    fn committed(&self, _: &Committed) {}
    fn stopped(&self, why: &str) {
        panic!("the line stopped: {why}");
    }
}

/// Where an answer comes.
pub(crate) type Answered = oneshot::Receiver<Result<Reply, Problem>>;

/// A store, its line, and what tests need to speak to it.
pub(crate) struct World {
    pub(crate) store: Store,
    pub(crate) merchant: MerchantId,
    clock: Hands,
    queue: Entrance,
    pool: LocalPool,
    drawn: u128,
    keys: u64,
    directory: Option<tempfile::TempDir>,
    runtime: Option<tokio::runtime::Runtime>,
}

/// What stands between the line and its store.
pub(crate) type Between = Box<dyn FnOnce(Box<dyn Line>) -> Box<dyn Line>>;

/// A new trade, in words.
pub(crate) struct Sale {
    pub(crate) kind: OrderType,
    pub(crate) buyer: &'static str,
    pub(crate) amount: i64,
    pub(crate) splits: Vec<(Owner, i64)>,
    pub(crate) pay: Option<Vec<(Tool, i64)>>,
    pub(crate) late: LateSuccess,
    pub(crate) confirm_after: Option<i64>,
    /// Minor units, and after which time it opens and ends, in microseconds; none where the whole is one.
    pub(crate) dues: Vec<(i64, i64, i64)>,
    pub(crate) unpaid_due: Option<UnpaidDue>,
}

impl Sale {
    pub(crate) fn instant(buyer: &'static str, amount: i64) -> Self {
        let (kind, late) = (OrderType::Instant, LateSuccess::Refund);
        let (splits, dues) = (Vec::new(), Vec::new());
        Self { kind, buyer, amount, splits, pay: None, late, confirm_after: None, dues, unpaid_due: None }
    }

    pub(crate) fn escrow(buyer: &'static str, amount: i64) -> Self {
        Self { kind: OrderType::Escrow, ..Self::instant(buyer, amount) }
    }

    /// What a user repays.
    pub(crate) fn repayment(payer: &'static str, amount: i64) -> Self {
        Self { kind: OrderType::Repayment, ..Self::instant(payer, amount) }
    }

    pub(crate) fn paid(mut self, tools: Vec<(Tool, i64)>) -> Self {
        self.pay = Some(tools);
        self
    }
}

pub(crate) fn card() -> Tool {
    Tool::Channel { method: "card".to_owned(), sandbox: None }
}

pub(crate) fn cny(minor: i64) -> Money {
    Money { amount: Amount::new(minor).unwrap(), currency: Currency::parse("CNY").unwrap() }
}

pub(crate) fn user(name: &str) -> Owner {
    Owner::User(UserId::parse(name).unwrap())
}

pub(crate) fn tools(of: &[(Tool, i64)]) -> Vec<ToolRequest> {
    of.iter().map(|(tool, minor)| ToolRequest { tool: tool.clone(), amount: Amount::new(*minor).unwrap() }).collect()
}

pub(crate) fn shares(of: &[(Owner, i64)]) -> Vec<Share> {
    of.iter()
        .map(|(receiver, minor)| Share { receiver: receiver.clone(), amount: Amount::new(*minor).unwrap() })
        .collect()
}

/// Where payouts go.
fn destination() -> Destination {
    Destination {
        kind: DestinationType::BankAccount,
        channel_account: None,
        account: "6222020200112233445".to_owned(),
        name: "Zhang San".to_owned(),
        sandbox: None,
    }
}

impl World {
    pub(crate) fn new(engine: Engine) -> Option<Self> {
        Self::build(engine, Box::new(|line| line))
    }

    /// A line that forgets everything after each batch.
    pub(crate) fn forgetful() -> Self {
        Self::build_with(Engine::Memory, Box::new(|line| line), 0).unwrap()
    }

    /// `None` where the engine is not installed.
    pub(crate) fn build(engine: Engine, between: Between) -> Option<Self> {
        Self::build_with(engine, between, 10_000)
    }

    fn build_with(engine: Engine, between: Between, memory_limit: usize) -> Option<Self> {
        let directory = tempfile::tempdir().unwrap();
        let (url, runtime) = match engine {
            Engine::Memory => (None, None),
            Engine::Files => (Some(format!("sqlite:{}", directory.path().display()).parse().unwrap()), None),
            Engine::Postgres => (Some(new_database()?), Some(runtime())),
        };
        let store = match &url {
            None => Store::in_memory(1).unwrap(),
            Some(url) => open(url, Access::Serve { create: true }, runtime.as_ref()),
        };
        let clock = Hands::default();
        let (queue, exit) = queue(Terms::of_places(usize::MAX));
        let profiles = Profiles::from([("sandbox".to_owned(), Sandbox.profile())]);
        let setup = Setup {
            shard: 0,
            writer: 7,
            store: between(store.line().unwrap()),
            queue: exit,
            queues: engine::route::Queues::default(),
            inquiries: Default::default(),
            clock: Arc::new(clock.clone()),
            alarm: Arc::new(clock.clone()),
            observer: Arc::new(Deaf),
            control: Shared::new(Control::default()),
            channels: Arc::new(Channels::new(profiles)),
            approvals: Default::default(),
            zone: jiff::tz::TimeZone::UTC,
            batch_limit: 512,
            memory_limit,
        };
        let pool = LocalPool::new();
        let line = engine::line::run(setup);
        pool.spawner().spawn_local(async move { line.await.unwrap() }).unwrap();
        let merchant = MerchantId(RootId::new(Time::from_micros(START), Bucket::of("m"), 1));
        let directory = Some(directory);
        let mut world = Self { store, merchant, clock, queue, pool, drawn: 100, keys: 0, directory, runtime };
        let key = KeyId(RootId::from_bytes([9; 16]));
        world.system(Command::Control(ControlCommand::Bootstrap { salt: [7; 32], key, hash: [8; 32] }));
        world.ok(Command::Control(ControlCommand::CreateMerchant { id: merchant, name: "shop".to_owned() }));
        Some(world)
    }

    /// The directory of the files.
    pub(crate) fn path(&self) -> &Path {
        self.directory.as_ref().unwrap().path()
    }

    /// Ends everything and leaves the files behind.
    pub(crate) fn leave(mut self) -> tempfile::TempDir {
        let directory = self.directory.take().unwrap();
        drop(self);
        directory
    }

    pub(crate) fn now(&self) -> Time {
        self.clock.now()
    }

    pub(crate) fn pass(&self, micros: i64) {
        self.clock.pass(micros);
    }

    /// Submits requests together: one batch.
    pub(crate) fn batch(&mut self, requests: Vec<Request>) -> Vec<Result<Reply, Problem>> {
        let answers: Vec<_> = requests.into_iter().map(|request| self.lay(request)).collect();
        let _context = self.runtime.as_ref().map(tokio::runtime::Runtime::enter);
        self.pool.run_until(join_all(answers)).into_iter().map(Result::unwrap).collect()
    }

    /// Submits a request; the line has not looked at it yet.
    pub(crate) fn lay(&mut self, request: Request) -> Answered {
        let (reply, answer) = oneshot::channel();
        let job = Job { request, deadline: self.now().plus(DAY_US), reply };
        self.queue.lay(Stage::New, job, 0, self.now()).unwrap();
        answer
    }

    /// The line does what it can do now; says how many requests it has left in the queue.
    pub(crate) fn settle(&mut self) -> usize {
        self.pool.run_until_stalled();
        self.queue.figures().waiting.new
    }

    /// A request of the platform with a key of its own.
    pub(crate) fn request(&mut self, command: Command) -> Request {
        self.keys += 1;
        let hash = blake3::hash(format!("{command:?}").as_bytes());
        let body_hash = *hash.as_bytes().first_chunk::<16>().unwrap();
        let key = format!("k{}", self.keys);
        Request {
            caller: Caller::Platform,
            request_id: format!("r-{key}"),
            idempotency: Some(Idempotency { key, body_hash }),
            signals: Signals::default(),
            assessment: None,
            command,
        }
    }

    /// Says something and gives the answer, whatever it is.
    pub(crate) fn say(&mut self, command: Command) -> Reply {
        let request = self.request(command);
        self.batch(vec![request]).remove(0).unwrap()
    }

    /// Says something that must be taken; gives the answer's JSON.
    pub(crate) fn ok(&mut self, command: Command) -> serde_json::Value {
        let reply = self.say(command);
        assert!(reply.status < 300, "{}: {}", reply.status, reply.body);
        serde_json::from_str(&reply.body).unwrap()
    }

    /// Brings a rule book into use.
    pub(crate) fn rules(&mut self, source: &str) {
        let book = rules::RuleBook::load(source).unwrap_or_else(|findings| panic!("{findings:?}"));
        let name = book.name.clone();
        let (source, book, by) = (source.to_owned(), Arc::new(book), KeyId(RootId::from_bytes([1; 16])));
        let uploaded = self.ok(Command::Control(ControlCommand::UploadRules { source, book, by }));
        let (version, by) = (uploaded["version"].as_i64().unwrap(), KeyId(RootId::from_bytes([2; 16])));
        let release = ControlCommand::ReleaseRules { book: name, version, from: None, again: false, by };
        self.ok(Command::Control(release));
    }

    /// Takes a rule book out of use.
    pub(crate) fn no_rules(&mut self, book: &str) {
        let (book, by) = (book.to_owned(), KeyId(RootId::from_bytes([1; 16])));
        let release = ControlCommand::ReleaseRules { book, version: 1, from: None, again: true, by };
        self.ok(Command::Control(release));
    }

    /// Says something as the system does.
    pub(crate) fn system(&mut self, command: Command) {
        let request = Request::of_system("s", command);
        let reply = self.batch(vec![request]).remove(0).unwrap();
        assert!(reply.status < 300, "{}", reply.body);
    }

    /// Bits that were not drawn before.
    pub(crate) fn draw(&mut self, bucket: &str) -> RootId {
        self.drawn += 1;
        RootId::new(self.now(), Bucket::of(bucket), self.drawn)
    }

    pub(crate) fn fund(&mut self, owner: Owner, minor: i64) {
        self.ok(Command::Fund { owner, money: cny(minor) });
    }

    pub(crate) fn fund_budget(&mut self, owner: Owner, minor: i64) {
        self.ok(Command::FundBudget { owner, money: cny(minor) });
    }

    /// Issues a coupon of the platform; it ends after `life` microseconds, if at all.
    pub(crate) fn coupon(&mut self, user: &str, minor: i64, budget: bool, life: Option<i64>) -> CouponId {
        let (id, command) = self.issue_with(user, minor, budget, life);
        self.ok(command);
        id
    }

    /// Lets a user pay on credit.
    pub(crate) fn lend(&mut self, user: &str, minor: i64) -> CreditLineId {
        self.lend_on(user, minor, None)
    }

    /// The same, billed on these terms.
    pub(crate) fn lend_on(&mut self, user: &str, minor: i64, terms: Option<BillTerms>) -> CreditLineId {
        let user = UserId::parse(user).unwrap();
        let shown = self.ok(Command::OpenCredit { user, limit: cny(minor), terms });
        CreditLineId::parse(shown["id"].as_str().unwrap()).unwrap()
    }

    /// Gives a user points.
    pub(crate) fn grant(&mut self, user: &str, points: i64) -> PointsGrantId {
        let id = PointsGrantId(self.draw(&format!("user:{user}")));
        let (user, points) = (UserId::parse(user).unwrap(), Amount::new(points).unwrap());
        self.ok(Command::GrantPoints(Box::new(GrantPoints { id, user, points, reference: None })));
        id
    }

    /// Issues a red packet of the platform; it ends after `life` microseconds, if at all.
    pub(crate) fn gift(&mut self, minor: i64, shares: u16, life: Option<i64>) -> GiftId {
        let id = GiftId(self.draw("platform"));
        let expires_at = life.map(|life| self.now().plus(life));
        let issue = IssueGift {
            id,
            merchant: None,
            kind: StoredKind::RED_PACKET,
            money: cny(minor),
            shares,
            split: Split::Lucky,
            code_hash: None,
            budget: false,
            expires_at,
        };
        self.ok(Command::IssueGift(Box::new(issue)));
        id
    }

    /// The command that issues a coupon without a budget and without an end.
    pub(crate) fn issue(&mut self, user: &str, minor: i64) -> (CouponId, Command) {
        self.issue_with(user, minor, false, None)
    }

    fn issue_with(&mut self, user: &str, minor: i64, budget: bool, life: Option<i64>) -> (CouponId, Command) {
        let id = CouponId(self.draw(&format!("user:{user}")));
        let expires_at = life.map(|life| self.now().plus(life));
        let user = UserId::parse(user).unwrap();
        let issue = IssueCoupon {
            id,
            merchant: None,
            money: cny(minor),
            user,
            budget,
            terms: CouponTerms::default(),
            expires_at,
        };
        (id, Command::IssueCoupon(Box::new(issue)))
    }

    fn due(&self, minor: i64, opens: i64, ends: i64) -> DueRequest {
        let (opens_at, expires_at) = (Some(self.now().plus(opens)), Some(self.now().plus(ends)));
        DueRequest { amount: Amount::new(minor).unwrap(), opens_at, expires_at }
    }

    /// The command that opens a sale, and its trade.
    pub(crate) fn create(&mut self, sale: &Sale) -> (TradeId, Command) {
        let id = TradeId(self.draw(&format!("user:{}", sale.buyer)));
        let context = Context { merchant: self.merchant, order_type: sale.kind, sub_type: SubType::general() };
        let create = Create {
            id,
            context,
            merchant_order_id: format!("o{}", self.drawn),
            money: cny(sale.amount),
            payer: user(sale.buyer),
            subject: None,
            expires_at: sale.dues.is_empty().then(|| self.now().plus(HOUR_US)),
            confirm_by: sale.confirm_after.map(|after| self.now().plus(after)),
            return_url: None,
            metadata: BTreeMap::new(),
            splits: shares(&sale.splits),
            late_success: sale.dues.is_empty().then_some(sale.late),
            dues: sale.dues.iter().map(|(minor, opens, ends)| self.due(*minor, *opens, *ends)).collect(),
            unpaid_due: sale.unpaid_due,
            destination: (sale.kind == OrderType::Payout).then(destination),
            children: Vec::new(),
            parent: None,
            pay: sale.pay.as_deref().map(tools),
        };
        (id, Command::CreateTrade(Box::new(create)))
    }

    /// The command that opens a trade which pays these, and the ids of all; they sum to it.
    pub(crate) fn cart(&mut self, cart: Sale, children: &[Sale]) -> (TradeId, Vec<TradeId>, Command) {
        let (id, command) = self.create(&Sale { kind: OrderType::Combined, ..cart });
        let Command::CreateTrade(mut parent) = command else { panic!("{command:?}") };
        parent.late_success = None;
        for child in children {
            let Command::CreateTrade(child) = self.create(child).1 else { panic!("not an order") };
            parent.children.push(Create { expires_at: None, late_success: None, parent: Some(id), ..*child });
        }
        let ids = parent.children.iter().map(|child| child.id).collect();
        (id, ids, Command::CreateTrade(parent))
    }

    /// Opens a sale; it must be taken.
    pub(crate) fn sell(&mut self, sale: Sale) -> TradeId {
        let (id, command) = self.create(&sale);
        self.ok(command);
        id
    }

    pub(crate) fn tell_trade(&mut self, trade: TradeId, command: TradeCommand) -> serde_json::Value {
        self.ok(Command::Trade(trade, command))
    }

    pub(crate) fn pay(&mut self, trade: TradeId, with: &[(Tool, i64)]) -> serde_json::Value {
        self.tell_trade(trade, TradeCommand::Pay { due: None, tools: tools(with) })
    }

    /// An institution's word about order `no` of a trade.
    pub(crate) fn word(&mut self, trade: TradeId, no: u16, word: Answer) {
        self.pass(1_000);
        let command = self.told(trade, no, word);
        self.system(command);
    }

    /// The command that tells it.
    pub(crate) fn told(&mut self, trade: TradeId, no: u16, word: Answer) -> Command {
        let mut digest = [0; 32];
        digest[..8].copy_from_slice(&self.keys.to_le_bytes());
        self.keys += 1;
        Command::Word(Told { order: OrderId::new(trade, no), word, source: Source::Notify, digest })
    }

    /// The runtime that PostgreSQL's connections need, where there is one.
    pub(crate) fn enter(&self) -> Option<tokio::runtime::EnterGuard<'_>> {
        self.runtime.as_ref().map(tokio::runtime::Runtime::enter)
    }

    pub(crate) fn verify(&self) -> Report {
        let _context = self.enter();
        verify_store(&self.store, Options::default())
    }
}

/// What the verifier says of a store.
pub(crate) fn verify_store(store: &Store, options: Options) -> Report {
    let reader = store.reader();
    block_on(verify::run_with(reader.as_ref(), 0, options)).unwrap()
}

/// A new store of so many shards, and the runtime that it needs; `None` where the engine is not installed.
pub(crate) fn new_store(engine: Engine, shards: i64) -> Option<(Store, Option<tokio::runtime::Runtime>)> {
    if engine != Engine::Postgres {
        return Some((Store::in_memory(shards).unwrap(), None));
    }
    let (url, runtime) = (new_database()?, runtime());
    let store = open_with(&url, Access::Serve { create: true }, shards, Some(&runtime));
    Some((store, Some(runtime)))
}

/// Opens a store that may have been closed just now.
pub(crate) fn open(url: &Url, access: Access, runtime: Option<&tokio::runtime::Runtime>) -> Store {
    open_with(url, access, 1, runtime)
}

fn open_with(url: &Url, access: Access, shards: i64, runtime: Option<&tokio::runtime::Runtime>) -> Store {
    let handle = runtime.map(|runtime| runtime.handle().clone());
    let ports = Ports {
        spawn: Arc::new(move |future| drop(handle.as_ref().expect("a runtime").spawn(future))),
        thread: Arc::new(|thread, run| drop(thread::Builder::new().name(thread.name().into()).spawn(run).unwrap())),
    };
    let opening = Opening { access, shards, now: 1 };
    let guard = runtime.map(tokio::runtime::Runtime::enter);
    let store = block_on(Store::open(url, opening, ports)).unwrap();
    drop(guard);
    store
}

pub(crate) fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap()
}

fn new_database() -> Option<Url> {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let name = format!("engine_{}", NUMBER.fetch_add(1, Ordering::Relaxed));
    Some(testkit::postgres::shared()?.create_database(&name).unwrap().parse().unwrap())
}

/// Copies a directory of files. A reader that ends just now takes its log file away; then the copy begins anew.
pub(crate) fn copy(from: &Path) -> tempfile::TempDir {
    (0..100).find_map(|_| copy_once(from)).expect("a directory that comes to rest")
}

fn copy_once(from: &Path) -> Option<tempfile::TempDir> {
    let to = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path: PathBuf = entry.unwrap().path();
        match std::fs::copy(&path, to.path().join(path.file_name().unwrap())) {
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return None,
            Err(error) => panic!("{}: {error}", path.display()),
        }
    }
    Some(to)
}
