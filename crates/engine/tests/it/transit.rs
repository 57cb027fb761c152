//! Money between two shards: over once, whoever carries it and how often; back where it is refused, or parked; and on the
//! books all the way.

use std::sync::Arc;

use engine::channels::Channels;
use engine::control::{Control, Shared};
use engine::line::{Job, Reply, Setup};
use engine::ports::Clock as _;
use engine::queue::{Stage, Terms};
use engine::request::{Arrival, Command, ControlCommand, IssueGift, Request};
use engine::route::Queues;
use engine::verify::{self, Options};
use engine::work::couriers::{self, Courier};
use futures::channel::oneshot;
use futures::executor::LocalPool;
use futures::task::LocalSpawnExt as _;
use kernel::message::trade::{Create, Share};
use kernel::{
    Code, Context, GiftId, KeyId, MerchantId, OrderType, Owner, PaymentId, Problem, RootId, Shards, StoredKind,
    SubType, TradeId, UserId,
};
use payment::gift::Split;
use store::tables::accounting::AccountRow;
use store::tables::log::Parked;
use store::tables::payment::PaymentRow;
use store::tables::trade::TradeRow;
use store::tables::transit::Sent;
use store::{Ask, Change, Place, Row, Step, Store, Update};

use crate::world::{Deaf, Engine, Hands, cny, user};

const SHARDS: i64 = 4;

/// A store of four shards with a line each.
struct Town {
    store: Store,
    clock: Hands,
    queues: Queues,
    pool: LocalPool,
    runtime: Option<tokio::runtime::Runtime>,
    drawn: u128,
}

/// Everybody's shop.
fn merchant() -> MerchantId {
    MerchantId(RootId::from_bytes([1; 16]))
}

impl Town {
    fn new(engine: Engine) -> Option<Self> {
        let (store, runtime) = crate::world::new_store(engine, SHARDS)?;
        let shards = Shards::new(SHARDS).unwrap();
        let clock = Hands::default();
        let (queues, exits) = Queues::new(shards, Terms::of_places(64));
        let control = Shared::new(Control::default());
        let pool = LocalPool::new();
        for (shard, queue) in shards.all().zip(exits) {
            let setup = Setup {
                shard,
                writer: shard + 1,
                store: store.line().unwrap(),
                queue,
                queues: queues.clone(),
                inquiries: Default::default(),
                clock: Arc::new(clock.clone()),
                alarm: Arc::new(clock.clone()),
                observer: Arc::new(Deaf),
                control: control.clone(),
                channels: Arc::new(Channels::default()),
                approvals: Default::default(),
                zone: jiff::tz::TimeZone::UTC,
                batch_limit: 8,
                // Rows that a test changes behind its back are seen by the next batch.
                memory_limit: 0,
            };
            let line = engine::line::run(setup);
            pool.spawner().spawn_local(async move { line.await.unwrap() }).unwrap();
        }
        let mut town = Self { store, clock, queues, pool, runtime, drawn: 0 };
        let key = KeyId(RootId::from_bytes([9; 16]));
        town.say(Command::Control(ControlCommand::Bootstrap { salt: [7; 32], key, hash: [8; 32] }));
        town.say(Command::Control(ControlCommand::CreateMerchant { id: merchant(), name: "shop".to_owned() }));
        Some(town)
    }

    fn shards(&self) -> Shards {
        self.queues.shards()
    }

    /// Asks the line of the command's shard; the status of its answer.
    fn say(&mut self, command: Command) -> u16 {
        self.ask(command).unwrap().status
    }

    fn ask(&mut self, command: Command) -> Result<Reply, Problem> {
        let (reply, answer) = oneshot::channel();
        let request = Request::of_system("r", command);
        self.clock.pass(1_000);
        let now = self.clock.now();
        let job = Job { request, deadline: now.plus(kernel::time::DAY_US), reply };
        self.queues.lay(Stage::New, job, 0, now).unwrap();
        let _context = self.runtime.as_ref().map(tokio::runtime::Runtime::enter);
        self.pool.run_until(answer).unwrap()
    }

    fn fund(&mut self, owner: &Owner, minor: i64) {
        assert_eq!(self.say(Command::Fund { owner: owner.clone(), money: cny(minor) }), 201);
    }

    fn root(&mut self, owner: &Owner) -> RootId {
        self.drawn += 1;
        RootId::new(self.clock.now(), owner.bucket(), self.drawn)
    }

    /// Opens a transfer; its order number is `object`.
    fn send(&mut self, from: &Owner, to: &Owner, minor: i64, object: &str) -> u16 {
        let money = cny(minor);
        let create = Create {
            id: TradeId(self.root(from)),
            context: Context { merchant: merchant(), order_type: OrderType::Transfer, sub_type: SubType::general() },
            merchant_order_id: object.to_owned(),
            money,
            payer: from.clone(),
            subject: None,
            expires_at: None,
            confirm_by: None,
            return_url: None,
            metadata: Default::default(),
            splits: vec![Share { receiver: to.clone(), amount: money.amount }],
            late_success: None,
            dues: Vec::new(),
            unpaid_due: None,
            destination: None,
            children: Vec::new(),
            parent: None,
            pay: None,
        };
        self.say(Command::CreateTrade(Box::new(create)))
    }

    /// How the transfers that left a shard stand.
    fn trades(&mut self, shard: i64) -> Vec<(String, i64, i64)> {
        let rows = self.rows::<TradeRow>(shard);
        rows.into_iter().map(|row| (row.status.to_string(), row.released, row.returned_after)).collect()
    }

    fn courier(&self, shard: i64) -> Courier {
        Courier::new(couriers::Setup {
            shard,
            shards: self.shards(),
            reader: self.store.reader(),
            line: self.queues.of(shard).unwrap().clone(),
            clock: Arc::new(self.clock.clone()),
            lease: None,
        })
    }

    /// Lets so many couriers of each shard work at once.
    fn carry(&mut self, each: usize) {
        let couriers: Vec<_> = self.shards().all().flat_map(|shard| vec![shard; each]).collect();
        let ticks = couriers.into_iter().map(|shard| {
            let mut courier = self.courier(shard);
            async move { courier.tick(3).await.unwrap() }
        });
        let ticks: Vec<_> = ticks.collect();
        let _context = self.runtime.as_ref().map(tokio::runtime::Runtime::enter);
        self.pool.run_until(futures::future::join_all(ticks));
    }

    fn rows<R: Row>(&mut self, shard: i64) -> Vec<R> {
        let ask = Ask { table: R::TABLE, keys: vec![Vec::new()] };
        let reader = self.store.reader();
        let _context = self.runtime.as_ref().map(tokio::runtime::Runtime::enter);
        let rows = self.pool.run_until(reader.load(shard, vec![ask])).unwrap().rows.into_iter().flatten();
        rows.map(|row| R::from_cells(row).unwrap()).collect()
    }

    /// An owner's balance.
    fn balance(&mut self, owner: &Owner) -> i64 {
        let accounts = self.rows::<AccountRow>(self.shards().of(owner.bucket()));
        accounts.iter().filter(|row| row.owner == owner.to_string()).map(|row| row.cp - row.dp).sum()
    }

    /// What is in transit, over all shards.
    fn in_transit(&mut self) -> i64 {
        let all: Vec<_> = self.shards().all().flat_map(|shard| self.rows::<AccountRow>(shard)).collect();
        all.iter().filter(|row| row.subject.starts_with("2011.")).map(|row| row.cp - row.dp).sum()
    }

    /// The codes of what does not hold, over all shards.
    fn findings(&mut self) -> Vec<&'static str> {
        let reader = self.store.reader();
        let _context = self.runtime.as_ref().map(tokio::runtime::Runtime::enter);
        let reports = self.pool.run_until(verify::run_all(reader.as_ref(), Options::default())).unwrap();
        assert_eq!(reports.len(), 4);
        let mut codes: Vec<_> = reports.iter().flat_map(|report| &report.findings).map(|it| it.invariant).collect();
        codes.dedup();
        codes
    }

    /// Changes rows behind the lines' back.
    fn change(&mut self, change: Change) {
        let mut side = self.store.side(Place::Main).unwrap();
        let _context = self.runtime.as_ref().map(tokio::runtime::Runtime::enter);
        self.pool.run_until(side.transaction(vec![Step::Change(change)], true)).unwrap();
    }

    fn freeze(&mut self, owner: &Owner, frozen: bool) {
        let accounts = self.rows::<AccountRow>(self.shards().of(owner.bucket()));
        let old = accounts.into_iter().find(|row| row.owner == owner.to_string()).unwrap();
        let new = AccountRow { credit_frozen: frozen, ..old.clone() };
        let mut change = Change::of(AccountRow::TABLE);
        change.updates.push(Update { old: old.cells(), new: new.cells() });
        self.change(change);
    }
}

/// A user of each shard.
fn users() -> Vec<Owner> {
    let shards = Shards::new(SHARDS).unwrap();
    let named = |shard: i64| {
        (0..).map(|number| user(&format!("u{number}"))).find(|owner| shards.of(owner.bucket()) == shard).unwrap()
    };
    shards.all().map(named).collect()
}

fn on_each(story: impl Fn(Town)) {
    for engine in [Engine::Memory, Engine::Postgres] {
        if let Some(town) = Town::new(engine) {
            story(town);
        }
    }
}

#[test]
fn money_goes_over_once() {
    on_each(|mut town| {
        let users = users();
        for user in &users {
            town.fund(user, 1_000);
        }
        // Everybody sends to everybody, some of it twice.
        let mut number = 0;
        for (from, sender) in users.iter().enumerate() {
            for receiver in users.iter().filter(|receiver| *receiver != sender) {
                number += 1;
                for status in [201, 200] {
                    let minor = 10 * (1 + i64::try_from(from).unwrap());
                    assert_eq!(town.send(sender, receiver, minor, &format!("t{number}")), status);
                }
            }
        }
        // It has left and is not there: on the books it is in transit, and the trades are paid.
        assert_eq!(town.trades(0), vec![("paid".to_owned(), 10, 0); 3]);
        assert_eq!(users.iter().map(|user| town.balance(user)).collect::<Vec<_>>(), [970, 940, 910, 880]);
        assert_eq!(town.in_transit(), 300);
        assert_eq!(town.findings(), Vec::<&str>::new());
        // However many carry it, it arrives once.
        for _ in 0..3 {
            town.carry(3);
            assert_eq!(users.iter().map(|user| town.balance(user)).collect::<Vec<_>>(), [1_060, 1_020, 980, 940]);
            assert_eq!(town.in_transit(), 0);
            assert_eq!(town.findings(), Vec::<&str>::new());
        }
        assert_eq!(town.trades(0), vec![("completed".to_owned(), 10, 0); 3]);
        // Who has not enough sends nothing.
        assert_eq!(town.send(&users[0], &users[1], 5_000, "too much"), 201);
        assert_eq!((town.in_transit(), town.trades(0)[3].0.as_str()), (0, "closed"));
    });
}

#[test]
fn a_message_that_is_not_the_next_changes_nothing() {
    on_each(|mut town| {
        let users = users();
        town.fund(&users[0], 1_000);
        for object in ["a", "b"] {
            assert_eq!(town.send(&users[0], &users[1], 100, object), 201);
        }
        let places: Vec<_> = town.rows::<Sent>(0).iter().map(|sent| (sent.seq, sent.n)).collect();
        let arrive = |after, place| Command::Arrive(Arrival { to: 1, from: 0, after, place });
        // The second before the first, and as if it were the first.
        town.say(arrive(places[0], places[1]));
        assert_eq!((town.balance(&users[1]), town.in_transit()), (0, 200));
        town.say(arrive((0, -1), places[0]));
        town.say(arrive((0, -1), places[0]));
        assert_eq!((town.balance(&users[1]), town.in_transit()), (100, 100));
        town.say(arrive(places[0], places[1]));
        town.say(arrive(places[0], places[1]));
        assert_eq!((town.balance(&users[1]), town.in_transit()), (200, 0));
        assert_eq!(town.findings(), Vec::<&str>::new());
    });
}

/// A transfer that is refused goes back, and what is behind it goes on.
#[test]
fn what_is_refused_goes_back_and_blocks_nothing() {
    on_each(|mut town| {
        let users = users();
        let shards = town.shards();
        let other = (0..).map(|number| user(&format!("v{number}"))).find(|it| shards.of(it.bucket()) == 1).unwrap();
        town.fund(&users[0], 1_000);
        town.fund(&users[1], 1);
        town.freeze(&users[1], true);
        assert_eq!(town.send(&users[0], &users[1], 100, "a"), 201);
        assert_eq!(town.send(&users[0], &other, 30, "b"), 201);
        assert_eq!((town.balance(&users[0]), town.in_transit()), (870, 130));
        town.carry(1);
        assert_eq!((town.balance(&users[1]), town.balance(&other)), (1, 30));
        for _ in 0..2 {
            town.carry(2);
            assert_eq!((town.balance(&users[0]), town.in_transit()), (970, 0));
            let mut trades = town.trades(0);
            trades.sort();
            assert_eq!(trades, [("closed".to_owned(), 100, 100), ("completed".to_owned(), 30, 0)]);
        }
        town.freeze(&users[1], false);
        assert_eq!(town.findings(), Vec::<&str>::new());
    });
}

/// What comes back to an account that takes nothing either is parked, and tried again until it does.
#[test]
fn what_cannot_come_back_is_parked() {
    on_each(|mut town| {
        let users = users();
        town.fund(&users[0], 1_000);
        town.fund(&users[1], 1);
        users[..2].iter().for_each(|owner| town.freeze(owner, true));
        assert_eq!(town.send(&users[0], &users[1], 100, "a"), 201);
        town.carry(1);
        town.carry(1);
        assert_eq!((town.balance(&users[0]), town.in_transit()), (900, 100));
        let parked = town.rows::<Parked>(1);
        assert_eq!(parked.len(), 1);
        assert_eq!((parked[0].reader.as_str(), parked[0].shard, parked[0].attempts), ("shard:0", 1, 1));
        assert_eq!(town.trades(0), [("paid".to_owned(), 100, 0)], "nobody has it, and it is on its way");
        // Before it is due nobody tries again; then it is refused again, and rests longer.
        town.carry(1);
        assert_eq!(town.rows::<Parked>(1), parked);
        town.clock.pass(6_000_000);
        town.carry(1);
        let again = town.rows::<Parked>(1);
        assert!(again[0].attempts == 2 && again[0].due - parked[0].due > 9_000_000, "{again:?}");
        users[..2].iter().for_each(|owner| town.freeze(owner, false));
        town.clock.pass(60_000_000);
        town.carry(3);
        assert_eq!((town.balance(&users[0]), town.in_transit()), (1_000, 0));
        assert_eq!(town.rows::<Parked>(1), []);
        assert_eq!(town.trades(0), [("closed".to_owned(), 100, 100)]);
        assert_eq!(town.findings(), Vec::<&str>::new());
    });
}

/// A share of a gift follows its user; where the books refuse it there it is parked, because it is the user's.
#[test]
fn a_share_goes_where_its_user_lives() {
    on_each(|mut town| {
        let issuer = Owner::Platform;
        let home = town.shards().of(issuer.bucket());
        let gift = GiftId(town.root(&issuer));
        let issue = IssueGift {
            id: gift,
            merchant: None,
            kind: StoredKind::RED_PACKET,
            money: cny(400),
            budget: false,
            shares: 4,
            split: Split::Equal,
            code_hash: None,
            expires_at: None,
        };
        assert_eq!(town.say(Command::IssueGift(Box::new(issue))), 201);
        for owner in users() {
            let user: UserId = owner.user().unwrap().clone();
            for status in [201, 200] {
                let claim = Command::ClaimGift { gift, user: user.clone(), code_hash: None, luck: 0 };
                assert_eq!(town.say(claim), status);
            }
        }
        assert_eq!(town.in_transit(), 300);
        town.carry(2);
        assert_eq!(town.in_transit(), 0);
        for owner in users() {
            assert_eq!(town.balance(&owner), 100, "{owner}");
        }
        assert_eq!(town.rows::<Sent>(home).len(), 3);
        assert_eq!(town.findings(), Vec::<&str>::new());
    });
}

#[test]
fn what_does_not_come_out_even_is_found() {
    on_each(|mut town| {
        let users = users();
        town.fund(&users[0], 1_000);
        town.send(&users[0], &users[1], 100, "a");
        town.carry(1);
        town.send(&users[0], &users[1], 50, "b");
        assert_eq!(town.findings(), Vec::<&str>::new());
        let sent = town.rows::<Sent>(0);
        assert_eq!(sent.len(), 2);
        // A message that is lost, and one that says more than was taken.
        let mut lost = Change::of(Sent::TABLE);
        lost.deletes.push(sent[1].clone().cells()[..4].to_vec());
        town.change(lost);
        assert_eq!(town.findings(), ["I22"]);
        let mut more = Change::of(Sent::TABLE);
        more.inserts.push(Sent { amount: 51, ..sent[1].clone() }.cells());
        town.change(more);
        assert_eq!(town.findings(), ["I22"]);
        let mut right = Change::of(Sent::TABLE);
        let (old, new) = (Sent { amount: 51, ..sent[1].clone() }.cells(), sent[1].clone().cells());
        right.updates.push(Update { old, new });
        town.change(right);
        assert_eq!(town.findings(), Vec::<&str>::new());
    });
}

/// A process that has not read the rules yet by which another has planned a payment decides nothing about it, and says so.
#[test]
fn a_payment_by_rules_that_are_not_known_yet_waits() {
    on_each(|mut town| {
        let users = users();
        town.fund(&users[0], 1_000);
        assert_eq!(town.send(&users[0], &users[1], 100, "a"), 201);
        let row = town.rows::<PaymentRow>(0).remove(0);
        let cancel = Command::CancelPayment(PaymentId::new(TradeId(RootId::from_bytes(row.trade)), 1));
        assert_eq!(town.say(cancel.clone()), 409, "it has succeeded");
        let mut planned = Change::of(PaymentRow::TABLE);
        let new = PaymentRow { rule_version: 9, ..row.clone() };
        planned.updates.push(Update { old: row.cells(), new: new.cells() });
        town.change(planned);
        let problem = town.ask(cancel).unwrap_err();
        assert_eq!((problem.code, problem.retry_after_s), (Code::store_unavailable, Some(2)), "{problem:?}");
    });
}
