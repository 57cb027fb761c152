//! A world in virtual time: the order machine, the adapter, the bank, and a wire between them that can lose, delay and
//! double what it carries. One seed, one course of events.

use std::collections::{BTreeMap, BTreeSet};

use kernel::id::{Bucket, MerchantId, RootId};
use kernel::message::channel::{Command, Fact, Place, Purpose};
use kernel::time::{HOUR_US, SECOND_US};
use kernel::{
    Amount, Context, Currency, Destination, DestinationType, InstructionId, Money, OrderId, OrderType, SubType, Time,
    TradeId,
};

use crate::adapter::{Account, Adapter, Answer, Call, Incoming, Task};
use crate::order::{Input, Known, Message, Orders, Source, TimerKind, Told};
use crate::profile::Profiles;
use crate::sandbox::Sandbox;
use crate::sandbox::bank::{self, BankOrder, Truth};
use crate::sandbox::wire::About;
use crate::signature::Secret;

pub(super) const START: Time = Time::from_micros(1_800_000_000 * SECOND_US);
/// One way, at least.
const WIRE_US: i64 = 10_000;

/// What may go wrong on the wire, each in a hundred messages.
#[derive(Clone, Copy, Default)]
pub(super) struct Faults {
    pub(super) lost: u64,
    pub(super) doubled: u64,
    pub(super) delayed: u64,
    pub(super) crashes: u64,
}

enum Flight {
    Request(Call, TimerKind),
    Answer(Call, TimerKind, Incoming),
    Timeout(Call, TimerKind),
    Notification(Incoming),
}

pub(super) struct World {
    pub(super) now: Time,
    pub(super) orders: Orders,
    pub(super) account: Account,
    pub(super) profiles: Profiles,
    pub(super) bank: BTreeMap<String, String>,
    pub(super) facts: Vec<Fact>,
    pub(super) claims: BTreeSet<String>,
    pub(super) notified: u64,
    flights: Vec<(Time, Flight)>,
    busy: BTreeSet<(u16, TimerKind)>,
    faults: Faults,
    seed: u64,
}

pub(super) fn account(key: &str) -> Account {
    Account { name: "sandbox".into(), keys: vec![Secret::new(key.into())], sandbox: None }
}

pub(super) fn money(minor: i64) -> Money {
    Money { amount: Amount::new(minor).unwrap(), currency: Currency::parse("CNY").unwrap() }
}

pub(super) fn order_id(no: u16) -> OrderId {
    OrderId::new(TradeId(RootId::new(START, Bucket::of("user:42"), 7)), no)
}

impl World {
    pub(super) fn new(seed: u64, faults: Faults) -> Self {
        Self {
            now: START,
            orders: Orders::new(order_id(1).trade),
            account: account("test key"),
            profiles: Profiles::from([("sandbox".to_owned(), Sandbox.profile())]),
            bank: BTreeMap::new(),
            facts: Vec::new(),
            claims: BTreeSet::new(),
            notified: 0,
            flights: Vec::new(),
            busy: BTreeSet::new(),
            faults,
            seed,
        }
    }

    pub(super) fn pay(&mut self, no: u16, method: &str, word: &str, lifetime_s: i64) {
        let purpose = Purpose::Pay(InstructionId::new(order_id(1).trade, no));
        self.place(no, purpose, method, word, Some(self.now.plus(lifetime_s * SECOND_US)), 1_000);
    }

    pub(super) fn refund(&mut self, no: u16, of: u16, word: &str, minor: i64) {
        let method = self.orders.get(of).unwrap().method.clone();
        self.place(no, Purpose::Refund { of: order_id(of), part: no }, &method, word, None, minor);
    }

    pub(super) fn pay_out(&mut self, no: u16, word: &str) {
        let purpose = Purpose::Payout(InstructionId::new(order_id(1).trade, no));
        self.place(no, purpose, "bank_account", word, None, 1_000);
    }

    fn place(&mut self, no: u16, purpose: Purpose, method: &str, word: &str, expires_at: Option<Time>, minor: i64) {
        let merchant = MerchantId(RootId::new(START, Bucket::of("m"), 1));
        let payout = matches!(purpose, Purpose::Payout(_));
        self.tell(Input::Command(Command::Place(Box::new(Place {
            order: order_id(no),
            context: Context { merchant, order_type: OrderType::Instant, sub_type: SubType::general() },
            purpose,
            channel_account: "sandbox".into(),
            method: method.into(),
            money: money(minor),
            expires_at,
            sandbox: Some(word.into()),
            destination: payout.then(|| Destination {
                kind: DestinationType::BankAccount,
                channel_account: None,
                account: "6222020200112233445".into(),
                name: "Zhang San".into(),
                sandbox: Some(word.into()),
            }),
        }))));
    }

    pub(super) fn close(&mut self, no: u16) {
        self.tell(Input::Command(Command::Close(order_id(no))));
    }

    pub(super) fn status(&self, no: u16) -> &'static str {
        self.orders.get(no).unwrap().job.status()
    }

    pub(super) fn record(&self, no: u16) -> Option<BankOrder> {
        self.bank.get(&order_id(no).institution_number()).map(|text| serde_json::from_str(text).unwrap())
    }

    /// What the bank knows to have happened by now, by the institution's number: `(word, number, minor units)`.
    pub(super) fn truth(&self) -> BTreeSet<(&'static str, String, i64)> {
        let mut truth = BTreeSet::new();
        for text in self.bank.values() {
            let record: BankOrder = serde_json::from_str(text).unwrap();
            let refunds =
                record.refunds.iter().flat_map(|refund| refund.steps.iter().map(|step| (&refund.number, step)));
            for (number, step) in record.steps.iter().map(|step| (&record.number, step)).chain(refunds) {
                if step.at > self.now.micros() {
                    continue;
                }
                match &step.truth {
                    Truth::Paid { amount, channel_no, .. } => truth.insert(("paid", channel_no.clone(), *amount)),
                    Truth::Refunded { amount, .. } => truth.insert(("refunded", number.clone(), *amount)),
                    Truth::Returned { .. } => truth.insert(("returned", number.clone(), 0)),
                    Truth::PaidOut { amount, .. } => truth.insert(("paid out", number.clone(), *amount)),
                    Truth::PayoutReturned { .. } => truth.insert(("returned", number.clone(), 0)),
                    // Where its end was told first, nobody says how much was disputed.
                    Truth::Disputed { dispute, .. } => truth.insert(("disputed", dispute.clone(), 0)),
                    Truth::DisputeWon { dispute } => truth.insert(("won", dispute.clone(), 0)),
                    Truth::DisputeLost { dispute, amount, .. } => truth.insert(("lost", dispute.clone(), *amount)),
                    Truth::Closed | Truth::Failed { .. } | Truth::RefundFailed { .. } | Truth::PayoutFailed { .. } => {
                        false
                    }
                };
            }
        }
        truth
    }

    /// What the payment core was told of money, in the form of [`Self::truth`]; panics where it was told twice.
    pub(super) fn told(&self) -> BTreeSet<(&'static str, String, i64)> {
        let mut told = BTreeSet::new();
        for fact in &self.facts {
            let new = match fact {
                Fact::Paid { channel_no, money, .. } => told.insert(("paid", channel_no.clone(), money.amount.minor())),
                Fact::Refunded { order, amount, .. } => {
                    told.insert(("refunded", order.institution_number(), amount.minor()))
                }
                Fact::PaidOut { order, .. } => told.insert(("paid out", order.institution_number(), 1_000)),
                Fact::Disputed { number, .. } => told.insert(("disputed", number.clone(), 0)),
                Fact::DisputeWon { number, .. } => told.insert(("won", number.clone(), 0)),
                Fact::DisputeLost { number, money, .. } => told.insert(("lost", number.clone(), money.amount.minor())),
                Fact::RefundReturned { order, .. } | Fact::PayoutReturned { order, .. } => {
                    told.insert(("returned", order.institution_number(), 0))
                }
                _ => true,
            };
            assert!(new, "told twice: {fact:?}");
        }
        told
    }

    fn tell(&mut self, input: Input) {
        let jitter = self.draw() as u32;
        let taken = BTreeSet::new();
        let known = Known { now: self.now, profiles: &self.profiles, jitter, taken: &taken };
        for message in self.orders.handle(input, &known).unwrap().messages {
            match message {
                Message::Payment(fact) => self.facts.push(fact),
                Message::Claim { channel_no, .. } => assert!(self.claims.insert(channel_no), "claimed twice"),
            }
        }
    }

    fn draw(&mut self) -> u64 {
        self.seed = self.seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.seed;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn chance(&mut self, in_a_hundred: u64) -> bool {
        self.draw() % 100 < in_a_hundred
    }

    fn delay(&mut self) -> i64 {
        if self.chance(self.faults.delayed) { WIRE_US + (self.draw() % 6_000_000) as i64 } else { WIRE_US }
    }

    /// Runs until nothing is due before `until`; returns whether anything is due later.
    pub(super) fn run(&mut self, until: Time) -> bool {
        for _ in 0..100_000 {
            let Some(next) = self.next() else { return false };
            if next > until {
                self.now = until;
                return true;
            }
            self.now = self.now.max(next);
            self.step();
        }
        panic!("no end");
    }

    /// Runs to the end of all things, or two days.
    pub(super) fn finish(&mut self) {
        assert!(!self.run(self.now.plus(48 * HOUR_US)), "still busy after two days: {:?}", self.orders);
    }

    fn next(&self) -> Option<Time> {
        let timers = self.orders.timers().into_iter().filter(|timer| !self.busy.contains(&(timer.no, timer.kind)));
        let flights = self.flights.iter().map(|(at, _)| *at);
        let letters = self.records().filter_map(|(_, record)| record.due()).map(Time::from_micros);
        timers.map(|timer| timer.due).chain(flights).chain(letters).min()
    }

    fn records(&self) -> impl Iterator<Item = (String, BankOrder)> {
        self.bank.iter().map(|(number, text)| (number.clone(), serde_json::from_str(text).unwrap()))
    }

    /// The process dies and is back at once: what it waited for is forgotten, what was sent is under way.
    fn crash(&mut self) {
        self.busy.clear();
        self.flights.retain(|(_, flight)| matches!(flight, Flight::Request(..) | Flight::Notification(_)));
    }

    fn step(&mut self) {
        if self.chance(self.faults.crashes) {
            self.crash();
            return;
        }
        let landed = self.flights.iter().position(|(at, _)| *at <= self.now);
        if let Some(place) = landed {
            let (_, flight) = self.flights.swap_remove(place);
            return self.land(flight);
        }
        for timer in self.orders.timers() {
            if timer.due <= self.now && self.busy.insert((timer.no, timer.kind)) {
                return self.call(timer.no, timer.kind);
            }
        }
        self.send_letter();
    }

    fn call(&mut self, no: u16, kind: TimerKind) {
        let taken = BTreeSet::new();
        let known = Known { now: self.now, profiles: &self.profiles, jitter: 0, taken: &taken };
        let Some(call) = self.orders.request(no, kind, &known) else {
            self.busy.remove(&(no, kind));
            panic!("a timer without a call: {kind:?} of {:?}", self.orders.get(no));
        };
        let timeout = self.now.plus(i64::from(Sandbox.profile().call_timeout_ms) * 1_000);
        self.flights.push((timeout, Flight::Timeout(call.clone(), kind)));
        if !self.chance(self.faults.lost) {
            let arrival = self.now.plus(self.delay());
            self.flights.push((arrival, Flight::Request(call.clone(), kind)));
        }
        if matches!(call.task, Task::Query | Task::Close) && self.chance(self.faults.doubled) {
            let arrival = self.now.plus(self.delay());
            self.flights.push((arrival, Flight::Request(call, kind)));
        }
    }

    fn land(&mut self, flight: Flight) {
        match flight {
            Flight::Request(call, kind) => {
                if let Some(answer) = self.serve(&call)
                    && !self.chance(self.faults.lost)
                {
                    let arrival = self.now.plus(self.delay());
                    self.flights.push((arrival, Flight::Answer(call, kind, answer)));
                }
            }
            Flight::Answer(call, kind, answer) => {
                if self.hang_up(&call) {
                    let word = Sandbox.decode(&call, &answer, &self.account, self.now);
                    self.hear(&call, kind, word);
                }
            }
            Flight::Timeout(call, kind) => self.hear(&call, kind, Answer::Unknown),
            Flight::Notification(message) => self.notice(&message),
        }
    }

    /// Ends the wait for an answer; `false` when it was over already.
    fn hang_up(&mut self, call: &Call) -> bool {
        let waits =
            self.flights.iter().position(|(_, flight)| matches!(flight, Flight::Timeout(other, _) if other == call));
        waits.map(|place| self.flights.swap_remove(place)).is_some()
    }

    fn hear(&mut self, call: &Call, kind: TimerKind, word: Answer) {
        self.busy.remove(&(call.order.no, kind));
        self.tell(Input::Told(Told { order: call.order, word, source: call.source(), digest: [1; 32] }));
    }

    fn serve(&mut self, call: &Call) -> Option<Incoming> {
        let outgoing = Sandbox.encode(call, &self.account, self.now).unwrap();
        let request = bank::read(&outgoing, &self.account, self.now).unwrap();
        let record = self.bank.get(request.record()).map(|text| serde_json::from_str(text).unwrap());
        let (reply, record) = bank::answer(record, &request, self.now);
        if let Some(record) = record {
            self.bank.insert(request.record().to_owned(), serde_json::to_string(&record).unwrap());
        }
        bank::sign(reply, &self.account, self.now)
    }

    fn send_letter(&mut self) {
        let due = self.records().find_map(|(number, record)| {
            let letter = record.letters_due(self.now).next().cloned();
            letter.map(|letter| (number, record, letter))
        });
        let Some((number, record, letter)) = due else { return };
        let message = bank::envelope(&letter, &self.account, self.now);
        let arrives = !self.chance(self.faults.lost);
        let early = matches!(letter.report.about, About::Dispute(_)) && self.is_unpaid(1);
        let heard = arrives && !self.chance(self.faults.lost) && !early;
        let copies = u64::from(arrives) + u64::from(self.chance(self.faults.doubled));
        for _ in 0..copies {
            let arrival = self.now.plus(self.delay());
            self.flights.push((arrival, Flight::Notification(message.clone())));
        }
        let record = record.delivered(letter.no, heard, self.now);
        self.bank.insert(number, serde_json::to_string(&record).unwrap());
    }

    fn is_unpaid(&self, no: u16) -> bool {
        self.orders.get(no).is_some_and(|order| order.receipts == 0)
    }

    fn notice(&mut self, message: &Incoming) {
        self.notified += 1;
        let heard = Sandbox.notification(message, &self.account, self.now).unwrap();
        if matches!(heard.word, Answer::Dispute(_)) && self.is_unpaid(heard.order.no) {
            // Refused; the institution says it again.
            assert!(!self.orders.fits(heard.order, &heard.word));
            return;
        }
        assert!(self.orders.fits(heard.order, &heard.word));
        let told = Told { order: heard.order, word: heard.word, source: Source::Notify, digest: heard.digest };
        self.tell(Input::Told(told));
    }
}
