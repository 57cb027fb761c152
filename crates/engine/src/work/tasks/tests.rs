//! The task worker against a store in memory, an institution that never answers, and a line played by the test.

use std::cell::RefCell;
use std::sync::Mutex;
use std::sync::atomic::{AtomicI64, Ordering};

use async_channel::Sender;
use channel::{Incoming, Outgoing, Registry, Source};
use futures::executor::block_on;
use futures::future::BoxFuture;
use kernel::message::channel::{Command as ChannelCommand, Place as PlaceOrder, Purpose};
use kernel::{Amount, Context, Currency, InstructionId, MerchantId, Money, OrderId, OrderType, Problem, SubType};
use store::unit::Changes;
use store::{Head, Store, Work};

use super::*;
use crate::line::Reply;
use crate::ports::NoAnswer;
use crate::queue::{Exit, Laid, Terms, queue};

#[derive(Default)]
struct Hand(AtomicI64);

impl Clock for Hand {
    fn now(&self) -> Time {
        Time::from_micros(self.0.load(Ordering::SeqCst))
    }
}

/// An institution that never answers; how often it was called.
#[derive(Default)]
struct Deaf(Mutex<usize>);

impl Outside for Deaf {
    fn call(&self, _: &str, _: Outgoing, _: u32) -> BoxFuture<'static, Result<Incoming, NoAnswer>> {
        *self.0.lock().unwrap() += 1;
        futures::future::pending().boxed()
    }

    fn deliver(
        &self,
        _: &str,
        _: Vec<(&'static str, String)>,
        _: String,
        _: u32,
    ) -> BoxFuture<'static, Result<u16, NoAnswer>> {
        async { Err(NoAnswer::Refused) }.boxed()
    }
}

struct World {
    store: Store,
    clock: Arc<Hand>,
    deaf: Arc<Deaf>,
    jobs: RefCell<Exit>,
    line: Entrance,
    handed: Sender<Vec<Task>>,
}

fn tree(number: u8) -> RootId {
    RootId::from_bytes([number; 16])
}

fn timer(number: u8, due: i64) -> Task {
    Task { due: Time::from_micros(due), tree: tree(number), no: 0, kind: trade::TimerKind::Expire.as_str() }
}

impl World {
    fn new(account_limit: usize) -> (Self, Tasks) {
        let store = Store::in_memory(1).unwrap();
        let clock = Arc::new(Hand(AtomicI64::new(100 * SECOND_US)));
        let (line, jobs) = queue(Terms::of_places(10_000));
        let (handed, handed_over) = async_channel::bounded(100);
        let registry = Registry::test();
        let profile = registry.get("sandbox").unwrap().profile();
        let account = channel::Account {
            name: "sandbox".to_owned(),
            keys: vec![channel::signature::Secret::new("key".to_owned())],
            sandbox: None,
        };
        let deaf = Arc::<Deaf>::default();
        let tasks = Tasks::new(Setup {
            shard: 0,
            reader: store.reader(),
            line: line.clone(),
            handed: handed_over,
            clock: Arc::clone(&clock) as Arc<dyn Clock>,
            outside: Arc::clone(&deaf) as Arc<dyn Outside>,
            gateway: Arc::new(Gateway::new(registry).with("sandbox", account)),
            channels: Arc::new(Channels::new([("sandbox".to_owned(), profile)].into())),
            account_limit,
            lease: None,
            margin_us: 0,
        });
        (Self { store, clock, deaf, jobs: RefCell::new(jobs), line, handed }, tasks)
    }

    /// Writes rows as a line would.
    fn write(&self, tasks: &[Task], orders: &[Orders]) {
        let mut line = self.store.line().unwrap();
        let head = block_on(line.load(0, &[], false)).unwrap().head;
        let mut changes = Changes::default();
        for task in tasks {
            let row = Row {
                shard: 0,
                due: task.due.micros(),
                tree: task.tree.bytes(),
                no: i64::from(task.no),
                kind: task.kind.into(),
                attempts: 0,
            };
            changes.insert(Row::TABLE, row.cells());
        }
        let mut memory = Memory::default();
        for orders in orders {
            memory.put(orders.trade, Some(Arc::new(orders.clone())));
        }
        memory.changes(&Memory::default(), 0, &mut changes);
        let next = Head { seq: head.seq + 1, ..head.clone() };
        let work = Work { shard: 0, before: head, head: next, changes: changes.into_vec() };
        block_on(line.write(Arc::new(work))).unwrap();
    }

    fn wait(&self, seconds: i64) {
        self.clock.0.fetch_add(seconds * SECOND_US, Ordering::SeqCst);
    }

    /// What the line was told, answered the same way each.
    fn answer(&self, answer: &Result<Reply, Problem>) -> Vec<Command> {
        let mut told = Vec::new();
        let taken = self.jobs.borrow_mut().take(10_000, &*self.clock).now_or_never().flatten();
        for Laid { job, .. } in taken.into_iter().flat_map(|taken| taken.jobs) {
            told.push(job.request.command);
            let _ = job.reply.send(answer.clone());
        }
        told
    }
}

fn done() -> Result<Reply, Problem> {
    Ok(Reply { status: 200, body: "{}".into(), replayed: false, seq: 1, problem: false })
}

fn run(tasks: &mut Tasks) {
    for _ in 0..5 {
        block_on(tasks.tick(1_000)).unwrap();
    }
}

/// One order that was placed just now, with the task of its call.
fn placed(number: u8, now: Time, channels: &Channels) -> (Orders, Task) {
    let trade = TradeId(tree(number));
    let mut orders = Orders::new(trade);
    let money = Money { amount: Amount::new(100).unwrap(), currency: Currency::parse("CNY").unwrap() };
    let place = PlaceOrder {
        order: OrderId::new(trade, 1),
        context: Context {
            merchant: MerchantId(tree(0)),
            order_type: OrderType::Instant,
            sub_type: SubType::general(),
        },
        purpose: Purpose::Pay(InstructionId::new(trade, 1)),
        channel_account: "sandbox".to_owned(),
        method: "card".to_owned(),
        money,
        expires_at: Some(now.plus(3_600 * SECOND_US)),
        sandbox: None,
        destination: None,
    };
    let known = Known { now, profiles: &channels.profiles, jitter: 0, taken: &BTreeSet::new() };
    orders.handle(channel::Input::Command(ChannelCommand::Place(Box::new(place))), &known).unwrap();
    let timer = orders.timers().into_iter().next().unwrap();
    (orders, Task { due: timer.due, tree: trade.0, no: timer.no, kind: timer.kind.as_str() })
}

#[test]
fn what_is_due_is_told_once_and_what_is_not_waits() {
    let (world, mut tasks) = World::new(8);
    let now = world.clock.now().micros();
    world.write(&[timer(1, now - 5), timer(2, now), timer(3, now + 10 * SECOND_US)], &[]);
    world.handed.try_send(vec![timer(1, now - 5)]).unwrap();
    run(&mut tasks);
    world.wait(2);
    run(&mut tasks);
    let told = world.answer(&done());
    assert_eq!(told.len(), 2, "handed over and found in the table, it is begun once");
    assert!(told.iter().all(|command| matches!(command, Command::Timer(_, trade::TimerKind::Expire))));
    world.wait(9);
    run(&mut tasks);
    // The rows of the first two are still there, because this line takes none away; they rest and come again.
    let due: BTreeSet<String> = world.answer(&done()).iter().map(|command| format!("{command:?}")).collect();
    assert!(due.iter().any(|command| command.contains(&TradeId(tree(3)).to_string())), "{due:?}");
}

#[test]
fn what_the_line_cannot_take_now_rests_and_comes_again() {
    let (world, mut tasks) = World::new(8);
    world.write(&[timer(1, 0)], &[]);
    run(&mut tasks);
    let busy = Err(Problem::new(kernel::Code::store_unavailable, "later"));
    assert_eq!(world.answer(&busy).len(), 1);
    for _ in 0..10 {
        world.wait(1);
        run(&mut tasks);
    }
    assert!(world.answer(&busy).is_empty(), "it does not spin");
    world.wait(30);
    run(&mut tasks);
    assert_eq!(world.answer(&done()).len(), 1);
}

#[test]
fn a_slow_institution_has_its_places_and_slows_no_timer() {
    let (world, mut tasks) = World::new(2);
    let now = world.clock.now();
    let channels = Arc::clone(&tasks.setup.channels);
    let (orders, calls): (Vec<_>, Vec<_>) = (1..=5).map(|number| placed(number, now, &channels)).unzip();
    world.write(&calls, &orders);
    world.write(&[timer(9, now.micros())], &[]);
    run(&mut tasks);
    assert_eq!(*world.deaf.0.lock().unwrap(), 2, "as many calls as there are places");
    assert_eq!(world.answer(&done()).len(), 1, "the timer");
    world.wait(2);
    run(&mut tasks);
    assert_eq!(*world.deaf.0.lock().unwrap(), 2, "no call is made twice while it is under way");
}

#[test]
fn a_task_that_has_lapsed_asks_for_nothing() {
    let (world, mut tasks) = World::new(2);
    let now = world.clock.now();
    let channels = Arc::clone(&tasks.setup.channels);
    let (mut orders, call) = placed(1, now, &channels);
    let known = Known { now, profiles: &channels.profiles, jitter: 0, taken: &BTreeSet::new() };
    let closed = channel::Told {
        order: OrderId::new(orders.trade, 1),
        word: channel::Answer::Pay(kernel::message::channel::PayOutcome::Closed),
        source: Source::Notify,
        digest: [0; 32],
    };
    orders.handle(channel::Input::Told(closed), &known).unwrap();
    world.write(&[call], &[orders]);
    run(&mut tasks);
    assert_eq!(*world.deaf.0.lock().unwrap(), 0);
    assert!(world.answer(&done()).is_empty());
    drop(world.line);
}
