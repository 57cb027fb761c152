//! The webhook worker against a store in memory and endpoints that answer, fail, or never answer.

use std::sync::Mutex;
use std::sync::atomic::{AtomicI64, Ordering};

use channel::{Incoming, Outgoing};
use futures::executor::block_on;
use kernel::{EndpointId, MerchantId, RootId};
use store::tables::body::Body;
use store::tables::log::Parked;
use store::tables::work::PARKED_DUE;
use store::{Ask, Change, Place as Where, Store, Work};

use super::*;
use crate::control::{Control, Endpoint, Version};
use crate::ports::NoAnswer;

fn merchant() -> MerchantId {
    MerchantId(RootId::from_bytes([1; 16]))
}

/// A clock that stands where it is put.
#[derive(Default)]
struct Hand(AtomicI64);

impl Clock for Hand {
    fn now(&self) -> Time {
        Time::from_micros(self.0.load(Ordering::SeqCst))
    }
}

/// Endpoints by address: what they answer, and what they were sent.
#[derive(Default)]
struct Net {
    answers: Mutex<BTreeMap<String, Result<u16, NoAnswer>>>,
    sent: Mutex<Vec<(String, String)>>,
}

impl Net {
    fn answers(&self, url: &str, answer: Result<u16, NoAnswer>) {
        self.answers.lock().unwrap().insert(url.to_owned(), answer);
    }

    /// The ids delivered to an address so far, in order.
    fn taken(&self, url: &str) -> Vec<String> {
        let mut ids: Vec<String> = std::mem::take(&mut *self.sent.lock().unwrap())
            .into_iter()
            .filter(|(to, _)| to == url)
            .map(|(_, id)| id)
            .collect();
        ids.sort();
        ids
    }
}

impl Outside for Net {
    fn call(&self, _: &str, _: Outgoing, _: u32) -> BoxFuture<'static, Result<Incoming, NoAnswer>> {
        async { Err(NoAnswer::Refused) }.boxed()
    }

    fn deliver(
        &self,
        url: &str,
        headers: Vec<(&'static str, String)>,
        _: String,
        _: u32,
    ) -> BoxFuture<'static, Result<u16, NoAnswer>> {
        let id = headers.into_iter().find(|(name, _)| *name == "webhook-id").map(|(_, id)| id).unwrap();
        self.sent.lock().unwrap().push((url.to_owned(), id));
        let answer = self.answers.lock().unwrap().get(url).copied().unwrap_or(Ok(204));
        match answer {
            // A slow one never answers.
            Err(NoAnswer::Timeout) => futures::future::pending().boxed(),
            answer => async move { answer }.boxed(),
        }
    }
}

struct World {
    store: Store,
    clock: Arc<Hand>,
    net: Arc<Net>,
    control: Shared,
    seq: i64,
}

impl World {
    fn new(endpoints: &[(u8, &str, &[&str])]) -> Self {
        let mut control = Control::default();
        for (number, url, types) in endpoints {
            let endpoint = Endpoint {
                merchant: Some(merchant()),
                url: (*url).to_owned(),
                types: types.iter().map(|kind| (*kind).to_owned()).collect(),
                secret: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".to_owned(),
                created_at: 0,
                disabled_at: None,
            };
            control.apply(&Version::Endpoint(EndpointId(RootId::from_bytes([*number; 16])), endpoint));
        }
        let store = Store::in_memory(1).unwrap();
        let clock = Arc::new(Hand(AtomicI64::new(SECOND_US)));
        Self { store, clock, net: Arc::default(), control: Shared::new(control), seq: 0 }
    }

    fn worker(&self) -> Webhooks {
        let (_, bell) = async_channel::bounded(1);
        Webhooks::new(Setup {
            shard: 0,
            reader: self.store.reader(),
            side: self.store.side(Where::Main).unwrap(),
            control: self.control.clone(),
            bell,
            clock: Arc::clone(&self.clock) as Arc<dyn Clock>,
            outside: Arc::clone(&self.net) as Arc<dyn Outside>,
            schedule_s: vec![5, 300],
            timeout_ms: 100,
            lease: None,
        })
    }

    /// One batch with so many events.
    fn events(&mut self, count: i64, kind: &str) {
        let mut line = self.store.line().unwrap();
        let head = block_on(line.load(0, &[], false)).unwrap().head;
        self.seq = head.seq + 1;
        let mut change = Change::of(Event::TABLE);
        for n in 0..count {
            let row = Event {
                shard: 0,
                seq: self.seq,
                n,
                r#type: kind.into(),
                merchant: Some(merchant().0.bytes()),
                object: "trd".into(),
                tree: Some([9; 16]),
                no: 0,
                sequence: n + 1,
                order_type: Some("instant".into()),
                sub_type: Some("general".into()),
                pay_org: Some("internal".into()),
                at: SECOND_US,
                body_at: None,
                body_from: None,
                body_len: None,
                body: Some(Body("{}".into())),
            };
            change.inserts.push(row.cells());
        }
        let next = store::Head { seq: self.seq, ..head.clone() };
        let work = Work { shard: 0, before: head, head: next, changes: vec![change] };
        block_on(line.write(Arc::new(work))).unwrap();
    }

    fn wait(&self, seconds: i64) {
        self.clock.0.fetch_add(seconds * SECOND_US, Ordering::SeqCst);
    }

    fn cursor(&self) -> Place {
        let ask = Ask { table: Cursor::TABLE, keys: vec![vec![Cell::text(READER)]] };
        let rows = block_on(self.store.reader().load(0, vec![ask])).unwrap().rows;
        let row = Cursor::from_cells(rows.into_iter().flatten().next().unwrap()).unwrap();
        (row.seq, row.n)
    }

    fn parked(&self) -> Vec<Parked> {
        let params = [0, i64::MAX].map(Cell::Int).into_iter();
        let params = params.chain(["a", "z"].map(Cell::text)).chain([Cell::Int(1_000)]).collect();
        let rows = block_on(self.store.reader().query(&PARKED_DUE, params)).unwrap();
        rows.into_iter().map(|row| Parked::from_cells(row).unwrap()).collect()
    }
}

/// Ticks until nothing more happens at this moment.
fn run(worker: &mut Webhooks) {
    for _ in 0..20 {
        block_on(worker.tick(100)).unwrap();
    }
}

#[test]
fn every_event_reaches_every_endpoint_that_wants_it_and_the_cursor_follows() {
    let mut world = World::new(&[(1, "http://all", &[]), (2, "http://paid", &["trade.paid"])]);
    world.events(3, "trade.created");
    world.events(2, "trade.paid");
    let mut worker = world.worker();
    run(&mut worker);
    let sent = world.net.sent.lock().unwrap().len();
    assert_eq!(sent, 5 + 2);
    assert_eq!(world.cursor(), (2, 1));
    assert!(world.parked().is_empty());
    run(&mut world.worker());
    assert_eq!(world.net.sent.lock().unwrap().len(), sent, "a new worker goes on at the cursor");
}

#[test]
fn a_failure_is_parked_tried_by_the_schedule_and_given_up_and_resent() {
    let mut world = World::new(&[(1, "http://down", &[])]);
    world.net.answers("http://down", Ok(500));
    world.events(1, "trade.paid");
    let mut worker = world.worker();
    run(&mut worker);
    assert_eq!(world.cursor(), (1, 0), "the cursor moves on");
    let ids = world.net.taken("http://down");
    assert_eq!(ids.len(), 1);
    let row = world.parked().remove(0);
    assert_eq!((row.attempts, &*row.error), (1, "http_500"));
    world.wait(4);
    run(&mut worker);
    assert!(world.net.taken("http://down").is_empty(), "not yet");
    world.wait(2);
    run(&mut worker);
    assert_eq!(world.net.taken("http://down"), ids, "the same id again");
    world.wait(400);
    run(&mut worker);
    assert_eq!(world.net.taken("http://down").len(), 1);
    assert_eq!(world.parked().remove(0).due, DEAD.micros(), "given up, and still there");
    world.wait(1_000_000);
    run(&mut worker);
    assert!(world.net.taken("http://down").is_empty());

    world.net.answers("http://down", Ok(204));
    let event = block_on(events::find(&*world.store.reader(), 0, (1, 0))).unwrap().unwrap();
    let mut side = world.store.side(Where::Main).unwrap();
    let control = world.control.snapshot();
    let again = resend(side.as_mut(), &control, &event, world.clock.now());
    assert_eq!(block_on(again).unwrap(), 1);
    world.wait(2);
    run(&mut worker);
    assert_eq!(world.net.taken("http://down"), ids);
    assert!(world.parked().is_empty());
}

#[test]
fn a_slow_endpoint_holds_the_cursor_and_not_the_others() {
    let mut world = World::new(&[(1, "http://slow", &[]), (2, "http://fast", &[])]);
    world.net.answers("http://slow", Err(NoAnswer::Timeout));
    world.events(100, "trade.paid");
    let mut worker = world.worker();
    run(&mut worker);
    assert_eq!(world.net.taken("http://fast").len(), 100);
    assert_eq!(world.cursor(), (0, 0), "what is under way is not done");
    // Killed here, another one delivers again whatever was not settled.
    world.net.answers("http://slow", Ok(204));
    run(&mut world.worker());
    assert_eq!(world.net.taken("http://slow").len(), 100);
    assert_eq!(world.cursor(), (1, 99));
}

#[test]
fn nobody_listening_costs_no_reading() {
    let mut world = World::new(&[]);
    world.events(5, "trade.paid");
    let mut worker = world.worker();
    run(&mut worker);
    assert_eq!(world.cursor(), (1, i64::MAX));
}
