//! The task worker: timers go to the line, calls go to institutions and their answers to the line.
//!
//! 1. A commit hands over the tasks it added; those due at once are begun without looking at the table.
//! 2. Once a second the table is read for whatever else is due: later timers, what another process left, what did not
//!    fit.
//! 3. Channel tasks are decided on the orders as they are now, loaded in bulk: a task that has lapsed asks for nothing.
//! 4. A call's answer, or its silence, is told to the line, which alone takes the task's row away.
//!
//! Each channel account has its own number of calls under way (bulkhead), so a slow institution slows nobody else. A task
//! under way is not begun a second time by this process; another process may, and institutions know an order by its
//! number. A task that comes back unchanged rests before it is tried again: a poison row blocks nothing.

mod flight;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use async_channel::Receiver;
use channel::Orders;
use channel::order::Known;
use futures::StreamExt as _;
use futures::future::{Either, FutureExt as _, select};
use futures::stream::FuturesUnordered;
use kernel::message::risk::CounterId;
use kernel::time::SECOND_US;
use kernel::{BillId, CouponId, CreditLineId, GiftId, RootId, Time, TradeId};
use metrics::gauge;
use store::tables::shard::Task as Row;
use store::tables::work::TASKS_DUE;
use store::unit::{Key, Memory};
use store::{Cell, Reader, Row as _, StoreError};

use self::flight::{Crew, Flight, Landed, Outcome};
use super::gateway::Gateway;
use super::{Lease, Progress, measure};
use crate::channels::Channels;
use crate::line::Task;
use crate::ports::{Clock, Outside};
use crate::queue::Entrance;
use crate::request::Command;
use crate::tasks::{BILL_DUE, COUNTER_CLEAN, COUPON_EXPIRE, CREDIT_BILL, GIFT_EXPIRE};

/// Between two looks at the table, in microseconds.
const LOOK_US: i64 = SECOND_US;
/// Tasks read at a time.
const PAGE: usize = 512;
/// Most tasks known at a time, whatever is with them.
const MAX_KNOWN: usize = 65_536;
/// Most tasks that wait for a place at one account.
const MAX_WAITING: usize = 4_096;
/// Most flights at a time.
const MAX_FLIGHTS: usize = 4_096;
/// How long a task that was done is not begun again, in microseconds: a look may have read its row just before.
const DONE_REST_US: i64 = 3 * SECOND_US;
/// How long a task that came back unchanged rests, in microseconds.
const STUCK_REST_US: i64 = 30 * SECOND_US;

/// What the worker works with.
pub struct Setup {
    /// The shard.
    pub shard: i64,
    /// Reads beside the line.
    pub reader: Arc<dyn Reader>,
    /// The way to the line.
    pub line: Entrance,
    /// What commits of this process added.
    pub handed: Receiver<Vec<Task>>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// HTTP to institutions.
    pub outside: Arc<dyn Outside>,
    /// Accounts and adapters.
    pub gateway: Arc<Gateway>,
    /// What each account's institution can do.
    pub channels: Arc<Channels>,
    /// Calls under way per account.
    pub account_limit: usize,
    /// Who may look at the table, where several processes share it; the only process looks without asking.
    pub lease: Option<Lease>,
    /// How late a task must be before a look takes it, in microseconds: where several processes share the table, the
    /// one whose commit added it has had its chance by then.
    pub margin_us: i64,
}

/// The worker of one shard.
pub struct Tasks {
    setup: Setup,
    crew: Arc<Crew>,
    /// Everything that is waiting, under way or resting: a task in here is not begun again.
    known: BTreeSet<Task>,
    ready: VecDeque<Task>,
    /// Waiting for a place at their account.
    full: BTreeMap<String, VecDeque<Task>>,
    resting: BTreeSet<(Time, Task)>,
    flights: FuturesUnordered<Flight>,
    landed: Vec<Landed>,
    busy: BTreeMap<String, usize>,
    look: Look,
}

/// Where the look at the table stands.
enum Look {
    /// The next one begins then.
    At(Time),
    /// One goes on after this row.
    After(Box<Row>),
}

/// A task's kind, understood.
enum Kind {
    Trade(trade::TimerKind),
    Channel(channel::TimerKind),
    Coupon,
    Gift,
    Counter,
    Credit,
    Bill,
}

impl Kind {
    fn parse(word: &str) -> Option<Self> {
        match word {
            COUPON_EXPIRE => Some(Self::Coupon),
            GIFT_EXPIRE => Some(Self::Gift),
            COUNTER_CLEAN => Some(Self::Counter),
            CREDIT_BILL => Some(Self::Credit),
            BILL_DUE => Some(Self::Bill),
            _ => trade::TimerKind::parse(word)
                .map(Self::Trade)
                .or_else(|| channel::TimerKind::parse(word).map(Self::Channel)),
        }
    }

    const fn as_str(&self) -> &'static str {
        match self {
            Self::Trade(kind) => kind.as_str(),
            Self::Channel(kind) => kind.as_str(),
            Self::Coupon => COUPON_EXPIRE,
            Self::Gift => GIFT_EXPIRE,
            Self::Counter => COUNTER_CLEAN,
            Self::Credit => CREDIT_BILL,
            Self::Bill => BILL_DUE,
        }
    }
}

impl Tasks {
    /// Nothing known yet; the first tick looks at the table.
    pub fn new(setup: Setup) -> Self {
        let crew = Arc::new(Crew {
            line: setup.line.clone(),
            clock: Arc::clone(&setup.clock),
            outside: Arc::clone(&setup.outside),
            gateway: Arc::clone(&setup.gateway),
            channels: Arc::clone(&setup.channels),
        });
        Self {
            setup,
            crew,
            known: BTreeSet::new(),
            ready: VecDeque::new(),
            full: BTreeMap::new(),
            resting: BTreeSet::new(),
            flights: FuturesUnordered::new(),
            landed: Vec::new(),
            busy: BTreeMap::new(),
            look: Look::At(Time::default()),
        }
    }

    /// Begins what is due, at most `limit` tasks, and takes in what has come to an end. Waits for the store at most.
    ///
    /// # Errors
    /// When the store cannot be read; nothing is lost, the next tick tries again.
    pub async fn tick(&mut self, limit: usize) -> Result<Progress, StoreError> {
        let now = self.setup.clock.now();
        let mut done = self.land(now);
        self.wake_rested(now);
        self.take_handed(now);
        self.look(now).await?;
        done += self.begin(now, limit).await?;
        done += self.land(now);
        gauge!(measure::TASKS_UNDER_WAY).set(measure::count(self.flights.len()));
        let next = match &self.look {
            Look::At(at) => Some(*at),
            Look::After(_) => None,
        };
        let more = next.is_none() || (!self.ready.is_empty() && self.flights.len() < MAX_FLIGHTS);
        Ok(Progress { done, more, next })
    }

    /// Waits until something was handed over or has come to an end. Can be dropped at any moment.
    pub async fn rouse(&mut self) {
        let handed = self.setup.handed.recv();
        if self.flights.is_empty() {
            match handed.await {
                Ok(tasks) => self.accept(tasks, self.setup.clock.now()),
                // Nobody hands over any more; the looks go on.
                Err(_) => futures::future::pending().await,
            }
            return;
        }
        let (tasks, landed) = match select(std::pin::pin!(handed), self.flights.next()).await {
            Either::Left((Ok(tasks), _)) => (tasks, None),
            Either::Left((Err(_), flight)) => (Vec::new(), flight.await),
            Either::Right((landed, _)) => (Vec::new(), landed),
        };
        self.accept(tasks, self.setup.clock.now());
        self.landed.extend(landed);
    }

    /// How many tasks are under way.
    pub fn under_way(&self) -> usize {
        self.flights.len()
    }

    /// Gives the lease back. What is under way is dropped; its rows are still there.
    ///
    /// # Errors
    /// When the store cannot be reached; then the lease ends by itself.
    pub async fn end(self) -> Result<(), StoreError> {
        match self.setup.lease {
            Some(lease) => lease.give_back().await,
            None => Ok(()),
        }
    }

    fn take_handed(&mut self, now: Time) {
        while let Ok(tasks) = self.setup.handed.try_recv() {
            self.accept(tasks, now);
        }
    }

    /// Keeps those that are due; a look finds the others when their time has come.
    fn accept(&mut self, tasks: impl IntoIterator<Item = Task>, now: Time) {
        for task in tasks.into_iter().filter(|task| task.due <= now) {
            if self.known.len() < MAX_KNOWN && self.known.insert(task.clone()) {
                self.ready.push_back(task);
            }
        }
    }

    fn wake_rested(&mut self, now: Time) {
        while let Some((_, task)) = self.resting.first().filter(|(until, _)| *until <= now).cloned() {
            self.resting.pop_first();
            self.known.remove(&task);
        }
    }

    /// Reads a page of the table where a look is due or under way.
    async fn look(&mut self, now: Time) -> Result<(), StoreError> {
        let after = match &self.look {
            Look::At(at) if now < *at => return Ok(()),
            Look::At(_) => {
                if let Some(lease) = &mut self.setup.lease
                    && !lease.hold(now).await?
                {
                    self.look = Look::At(now.plus(LOOK_US));
                    return Ok(());
                }
                vec![Cell::Int(i64::MIN), Cell::bytes([]), Cell::Int(0), Cell::text("")]
            }
            Look::After(row) => row.clone().cells().into_iter().skip(1).take(4).collect(),
        };
        if self.ready.len() >= PAGE {
            return Ok(());
        }
        let mut params = vec![Cell::Int(self.setup.shard), Cell::Int(now.plus(-self.setup.margin_us).micros())];
        params.extend(after);
        params.push(Cell::Int(i64::try_from(PAGE).unwrap_or(i64::MAX)));
        let rows = self.setup.reader.query(&TASKS_DUE, params).await?;
        let full = rows.len() >= PAGE;
        let rows = rows.into_iter().map(Row::from_cells).collect::<Result<Vec<_>, _>>()?;
        self.look = match rows.last() {
            Some(last) if full => Look::After(Box::new(last.clone())),
            _ => Look::At(now.plus(LOOK_US)),
        };
        self.accept(rows.into_iter().filter_map(task), now);
        Ok(())
    }

    /// Begins up to `limit` tasks.
    async fn begin(&mut self, now: Time, limit: usize) -> Result<usize, StoreError> {
        let room = limit.min(MAX_FLIGHTS.saturating_sub(self.flights.len())).min(self.ready.len());
        let batch: Vec<Task> = self.ready.drain(..room).collect();
        if let Some(task) = batch.first() {
            gauge!(measure::TASK_LAG).set(measure::seconds(now.since(task.due)));
        }
        let trades = batch.iter().filter(|task| matches!(Kind::parse(task.kind), Some(Kind::Channel(_))));
        let trades = trades.map(|task| TradeId(task.tree)).collect();
        let orders = match orders(&*self.setup.reader, self.setup.shard, trades).await {
            Ok(orders) => orders,
            Err(error) => {
                self.ready.extend(batch);
                return Err(error);
            }
        };
        let begun = batch.len();
        for task in batch {
            match Kind::parse(task.kind) {
                Some(Kind::Trade(kind)) => self.send(Command::Timer(TradeId(task.tree), kind), task),
                Some(Kind::Coupon) => self.send(Command::ExpireCoupon(CouponId(task.tree)), task),
                Some(Kind::Gift) => self.send(Command::ExpireGift(GiftId(task.tree)), task),
                Some(Kind::Credit) => self.send(Command::BillCredit(CreditLineId(task.tree)), task),
                Some(Kind::Bill) => {
                    self.send(Command::ExpireBill(BillId::new(CreditLineId(task.tree), task.no)), task);
                }
                Some(Kind::Counter) => {
                    let (shard, counter) = (self.setup.shard, CounterId(task.tree));
                    self.send(Command::CleanCounter { shard, counter }, task);
                }
                Some(Kind::Channel(kind)) => self.call(&orders, kind, task, now),
                None => self.rest(task, now.plus(STUCK_REST_US)),
            }
        }
        Ok(begun)
    }

    fn send(&mut self, command: Command, task: Task) {
        self.flights.push(Arc::clone(&self.crew).tell(command, task).boxed());
    }

    /// Begins a call, unless it has lapsed or its account has enough under way.
    fn call(&mut self, memory: &Memory, kind: channel::TimerKind, task: Task, now: Time) {
        let known = Known { now, profiles: &self.setup.channels.profiles, jitter: 0, taken: &BTreeSet::new() };
        let orders = memory.get::<Orders>(TradeId(task.tree)).flatten();
        let Some(call) = orders.and_then(|orders| orders.request(task.no, kind, &known)) else {
            self.rest(task, now.plus(DONE_REST_US));
            return;
        };
        let account = call.channel_account.clone();
        let busy = self.busy.entry(account.clone()).or_insert(0);
        if *busy >= self.setup.account_limit {
            let waiting = self.full.entry(account).or_default();
            if waiting.len() < MAX_WAITING {
                waiting.push_back(task);
            } else {
                // A later look finds it again.
                self.known.remove(&task);
            }
        } else {
            *busy += 1;
            self.flights.push(Arc::clone(&self.crew).call(call, account, task).boxed());
        }
    }

    /// Takes in what has come to an end, without waiting.
    fn land(&mut self, now: Time) -> usize {
        while let Some(Some(landed)) = self.flights.next().now_or_never() {
            self.landed.push(landed);
        }
        let landed = std::mem::take(&mut self.landed);
        let count = landed.len();
        for Landed { task, account, outcome } in landed {
            if let Some(account) = account {
                self.free_place(&account);
            }
            let rest = match outcome {
                Outcome::Done => DONE_REST_US,
                Outcome::Again => STUCK_REST_US,
            };
            self.rest(task, now.plus(rest));
        }
        count
    }

    /// A call of this account has ended: the one that waited longest is looked at again.
    fn free_place(&mut self, account: &str) {
        if let Some(busy) = self.busy.get_mut(account) {
            *busy = busy.saturating_sub(1);
        }
        if let Some(task) = self.full.get_mut(account).and_then(VecDeque::pop_front) {
            self.ready.push_front(task);
        }
    }

    fn rest(&mut self, task: Task, until: Time) {
        self.resting.insert((until, task));
    }
}

/// The orders of these trades as they are now, in one read.
async fn orders(reader: &dyn Reader, shard: i64, trades: BTreeSet<TradeId>) -> Result<Memory, StoreError> {
    let mut memory = Memory::default();
    if !trades.is_empty() {
        let keys: BTreeSet<Key> = trades.into_iter().map(Key::Orders).collect();
        memory.absorb(&keys, reader.load(shard, Memory::asks(&keys)).await?.rows)?;
    }
    Ok(memory)
}

/// A row as a task; `None` where its kind is none that this program knows.
fn task(row: Row) -> Option<Task> {
    let Some(kind) = Kind::parse(&row.kind) else {
        tracing::warn!(kind = %row.kind, "a task of an unknown kind is left alone");
        return None;
    };
    let no = u16::try_from(row.no).ok()?;
    Some(Task { due: Time::from_micros(row.due), tree: RootId::from_bytes(row.tree), no, kind: kind.as_str() })
}

#[cfg(test)]
mod tests;
