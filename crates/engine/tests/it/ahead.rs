//! A batch is decided while the one before is being written: what comes of both when writes end at will.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use engine::request::{Command, ControlCommand, Request};
use futures::channel::oneshot;
use futures::executor::block_on;
use futures::future::{BoxFuture, FutureExt as _};
use kernel::MerchantId;
use kernel::message::payment::Tool;
use store::{Ask, Head, Line, Snapshot, StoreError, Work, Written};

use crate::world::{Answered, Engine, Sale, World, user};

/// How a write ends.
enum End {
    /// As the store says.
    Through,
    /// Without having been tried.
    Not(Result<Written, StoreError>),
}

/// Where writes wait until they are told how to end; open in the beginning.
#[derive(Clone, Default)]
struct Gate(Arc<Mutex<Held>>);

#[derive(Default)]
struct Held {
    shut: bool,
    waiting: VecDeque<oneshot::Sender<End>>,
    /// What each write was decided on.
    expected: Vec<i64>,
}

impl Gate {
    fn world(&self) -> World {
        let gate = self.clone();
        World::build(Engine::Memory, Box::new(move |line| Box::new(Gated { line, gate }))).unwrap()
    }

    fn shut(&self) {
        *self.0.lock().unwrap() = Held { shut: true, ..Held::default() };
    }

    /// Ends the write that waits.
    fn end(&self, end: End) {
        let first = self.0.lock().unwrap().waiting.pop_front();
        assert!(first.expect("nobody writes").send(end).is_ok());
    }

    /// Lets through what is written from now on.
    fn through(&self, world: &mut World) {
        world.settle();
        while self.writes() > 0 {
            self.end(End::Through);
            world.settle();
        }
    }

    fn writes(&self) -> usize {
        self.0.lock().unwrap().waiting.len()
    }

    /// What the writes were decided on, counted from the first.
    fn expected(&self) -> Vec<i64> {
        let held = self.0.lock().unwrap();
        held.expected.iter().map(|seq| seq - held.expected[0]).collect()
    }
}

struct Gated {
    line: Box<dyn Line>,
    gate: Gate,
}

impl Line for Gated {
    fn load<'a>(&'a mut self, shard: i64, asks: &'a [Ask], lock: bool) -> BoxFuture<'a, Result<Snapshot, StoreError>> {
        self.line.load(shard, asks, lock)
    }

    fn write(&mut self, work: Arc<Work>) -> BoxFuture<'static, Result<Written, StoreError>> {
        let mut held = self.gate.0.lock().unwrap();
        held.expected.push(work.before.seq);
        let write = self.line.write(work);
        if !held.shut {
            return write;
        }
        let (end, ended) = oneshot::channel();
        held.waiting.push_back(end);
        async move {
            match ended.await.unwrap() {
                End::Through => write.await,
                End::Not(written) => written,
            }
        }
        .boxed()
    }

    fn resolve(&mut self, shard: i64) -> BoxFuture<'_, Result<Head, StoreError>> {
        self.line.resolve(shard)
    }
}

/// A request to buy for all of a user's 100.
fn purchase(world: &mut World, buyer: &'static str) -> Request {
    let (_, command) = world.create(&Sale::instant(buyer, 100).paid(vec![(Tool::Balance, 100)]));
    world.request(command)
}

/// The status of the payment, or the code of what was refused; none while there is no answer.
fn said(answer: &mut Answered) -> Option<String> {
    Some(match answer.try_recv().unwrap()? {
        Err(problem) => problem.code.as_str().to_owned(),
        Ok(reply) => {
            let body: serde_json::Value = serde_json::from_str(&reply.body).unwrap();
            let words = [&body["code"], &body["payment"]["status"], &body["object"]];
            words.into_iter().find_map(|word| word.as_str()).unwrap().to_owned()
        }
    })
}

/// A world in which two users have 100 each, and the line knows nothing of the second.
fn two_with_money(gate: &Gate) -> World {
    let mut world = gate.world();
    world.fund(user("u1"), 100);
    world.fund(user("u2"), 100);
    gate.shut();
    world
}

#[test]
fn nobody_is_told_of_what_is_not_durable() {
    let gate = Gate::default();
    let mut world = two_with_money(&gate);
    let first = purchase(&mut world, "u1");
    let mut first = world.lay(first);
    assert_eq!((world.settle(), gate.writes()), (0, 1));
    let second = purchase(&mut world, "u2");
    let mut second = world.lay(second);
    assert_eq!((world.settle(), gate.writes()), (0, 1), "decided, and not sent");
    assert_eq!((said(&mut first), said(&mut second)), (None, None));
    gate.end(End::Through);
    assert_eq!((world.settle(), gate.writes()), (0, 1), "now it is");
    assert_eq!((said(&mut first).unwrap(), said(&mut second)), ("succeeded".to_owned(), None));
    gate.end(End::Through);
    world.settle();
    assert_eq!(said(&mut second).unwrap(), "succeeded");
    assert_eq!(gate.expected(), [0, 1]);
    assert!(world.verify().findings.is_empty());
}

#[test]
fn what_stands_on_a_batch_that_fell_is_decided_again() {
    let lost = || StoreError::Full { detail: "no room".to_owned() };
    // How the first write ends, and what its caller and the next are told, who want the same money.
    for (end, told, sent) in [
        (End::Through, ["succeeded", "failed"], vec![0, 1]),
        (End::Not(Ok(Written::Conflict)), ["succeeded", "failed"], vec![0, 0, 1]),
        (End::Not(Ok(Written::Unknown)), ["succeeded", "failed"], vec![0, 0, 1]),
        (End::Not(Err(lost())), ["store_unavailable", "succeeded"], vec![0, 0]),
    ] {
        let gate = Gate::default();
        let mut world = two_with_money(&gate);
        let (first, second) = (purchase(&mut world, "u1"), purchase(&mut world, "u1"));
        let mut first = world.lay(first);
        world.settle();
        let mut second = world.lay(second);
        assert_eq!((world.settle(), gate.writes()), (0, 1));
        gate.end(end);
        gate.through(&mut world);
        assert_eq!([said(&mut first).unwrap(), said(&mut second).unwrap()], told);
        assert_eq!(gate.expected(), sent);
        assert!(world.verify().findings.is_empty());
    }
}

#[test]
fn a_smaller_batch_waits_for_the_one_before() {
    let gate = Gate::default();
    let mut world = two_with_money(&gate);
    for _ in 0..3 {
        let request = purchase(&mut world, "u1");
        drop(world.lay(request));
    }
    assert_eq!(world.settle(), 0);
    for left in [1, 2, 0] {
        let request = purchase(&mut world, "u2");
        drop(world.lay(request));
        assert_eq!(world.settle(), left);
    }
}

#[test]
fn what_changes_control_data_is_known_to_the_next() {
    for first_end in [End::Through, End::Not(Ok(Written::Conflict))] {
        let gate = Gate::default();
        let mut world = two_with_money(&gate);
        let merchant = MerchantId(world.draw("m"));
        let create = ControlCommand::CreateMerchant { id: merchant, name: "another".to_owned() };
        let create = world.request(Command::Control(create));
        let mut created = world.lay(create);
        assert_eq!(world.settle(), 0);
        world.merchant = merchant;
        let purchase = purchase(&mut world, "u1");
        let mut bought = world.lay(purchase);
        assert_eq!(world.settle(), 1, "it waits");
        gate.end(first_end);
        gate.through(&mut world);
        assert_eq!([said(&mut created).unwrap(), said(&mut bought).unwrap()], ["merchant", "succeeded"]);
    }
}

#[test]
fn somebody_else_writes_under_the_same_number() {
    let gate = Gate::default();
    let mut world = two_with_money(&gate);
    let first = purchase(&mut world, "u1");
    let mut first = world.lay(first);
    world.settle();
    let mut other = world.store.line().unwrap();
    let head = block_on(other.load(0, &[], false)).unwrap().head;
    let next = Head { seq: head.seq + 1, hash: [7; 32], last_time: head.last_time + 1, ..head.clone() };
    let work = Work { shard: 0, before: head, head: next, changes: Vec::new() };
    assert_eq!(block_on(other.write(Arc::new(work))), Ok(Written::Done));
    // The line has to read for this one, and finds a batch that it did not write.
    let second = purchase(&mut world, "u3");
    let mut second = world.lay(second);
    assert_eq!((world.settle(), gate.writes()), (0, 1));
    gate.end(End::Through);
    gate.through(&mut world);
    assert_eq!(said(&mut first).unwrap(), "succeeded");
    assert_eq!(said(&mut second).unwrap(), "failed");
    assert_eq!(gate.expected(), [0, 1, 2]);
}
