//! A standby takes over that has not heard of the last batches, and the line has no reason to notice.

use std::sync::{Arc, Mutex};

use engine::request::Request;
use engine::verify::Options;
use futures::future::{BoxFuture, FutureExt as _};
use kernel::message::payment::Tool;
use store::{Ask, Head, Line, Snapshot, Store, StoreError, Work, Written};

use crate::world::{Engine, Sale, World, user, verify_store};

/// What a line talks to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Both have every batch.
    Beside,
    /// What is written now the standby does not hear of.
    Lags,
    /// Only the standby is left.
    TakenOver,
}

struct Pair {
    first: Box<dyn Line>,
    standby: Box<dyn Line>,
    stage: Arc<Mutex<Stage>>,
}

impl Pair {
    fn now(&mut self) -> &mut dyn Line {
        if *self.stage.lock().unwrap() == Stage::TakenOver { &mut *self.standby } else { &mut *self.first }
    }
}

impl Line for Pair {
    fn load<'a>(&'a mut self, shard: i64, asks: &'a [Ask], lock: bool) -> BoxFuture<'a, Result<Snapshot, StoreError>> {
        self.now().load(shard, asks, lock)
    }

    fn write(&mut self, work: Arc<Work>) -> BoxFuture<'static, Result<Written, StoreError>> {
        if *self.stage.lock().unwrap() == Stage::Beside {
            // What is in memory answers at once.
            let copied = self.standby.write(Arc::clone(&work)).now_or_never().unwrap();
            assert_eq!(copied.unwrap(), Written::Done);
        }
        self.now().write(work)
    }

    fn resolve(&mut self, shard: i64) -> BoxFuture<'_, Result<Head, StoreError>> {
        self.now().resolve(shard)
    }
}

#[test]
fn an_answer_that_the_standby_does_not_have_is_not_given_again() {
    let (stage, standby) = (Arc::new(Mutex::new(Stage::Beside)), Store::in_memory(1).unwrap());
    let (watched, second) = (Arc::clone(&stage), standby.line().unwrap());
    let between = Box::new(move |first| Box::new(Pair { first, standby: second, stage: watched }) as Box<dyn Line>);
    let mut world = World::build(Engine::Memory, between).unwrap();
    world.fund(user("u1"), 100);
    let mut purchase = |minor| {
        let (_, command) = world.create(&Sale::instant("u1", minor).paid(vec![(Tool::Balance, minor)]));
        world.request(command)
    };
    let (heard, lost) = (purchase(60), purchase(40));
    let mut say = |request: &Request| world.batch(vec![request.clone()]).remove(0).unwrap();
    let first = say(&heard);
    *stage.lock().unwrap() = Stage::Lags;
    assert_eq!((say(&lost).status, say(&lost).replayed), (201, true));
    *stage.lock().unwrap() = Stage::TakenOver;
    let again = say(&lost);
    assert_eq!((again.status, again.replayed), (201, false), "decided anew");
    let again = say(&heard);
    assert_eq!((again.body, again.replayed), (first.body, true));
    assert!(say(&lost).replayed);
    assert!(verify_store(&standby, Options::default()).findings.is_empty());
}
