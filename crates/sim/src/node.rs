//! A node: one line over the shared store, with a queue, that can crash and start again.

use std::sync::Arc;

use async_channel::{Receiver, Sender};
use engine::channels::Channels;
use engine::control::{Control, Shared};
use engine::line::{Committed, Job, Setup};
use engine::ports::Observer;
use futures::executor::LocalSpawner;
use futures::future::{AbortHandle, abortable};
use futures::task::LocalSpawnExt as _;
use store::Store;

use crate::clock::VirtualClock;
use crate::faults::{Faults, FaultyLine};

/// What a node tells of itself.
#[derive(Default)]
pub(crate) struct Diary {
    stopped: std::sync::Mutex<Vec<String>>,
}

impl Diary {
    /// Why the node's lines stopped, if they did.
    pub(crate) fn stops(&self) -> Vec<String> {
        self.stopped.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }
}

impl Observer for Diary {
    fn committed(&self, _: &Committed) {}

    fn stopped(&self, why: &str) {
        self.stopped.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push(why.to_owned());
    }
}

/// One node.
pub(crate) struct Node {
    number: i64,
    queue: Sender<Job>,
    abort: AbortHandle,
    pub(crate) diary: Arc<Diary>,
}

/// What every start of a node needs.
#[derive(Clone)]
pub(crate) struct Ground {
    pub(crate) store: Store,
    pub(crate) clock: VirtualClock,
    pub(crate) faults: Faults,
    pub(crate) control: Control,
    pub(crate) spawner: LocalSpawner,
}

impl Node {
    /// Starts a node.
    pub(crate) fn start(number: i64, ground: &Ground) -> Result<Self, String> {
        let (queue, receiver) = async_channel::bounded(64);
        let diary = Arc::new(Diary::default());
        let abort = Self::line(number, ground, receiver, &diary)?;
        Ok(Self { number, queue, abort, diary })
    }

    fn line(number: i64, ground: &Ground, queue: Receiver<Job>, diary: &Arc<Diary>) -> Result<AbortHandle, String> {
        let inner = ground.store.line().map_err(|error| error.to_string())?;
        let writer = number << 32 | i64::try_from(ground.faults.rng.below(1 << 31)).unwrap_or(0);
        let setup = Setup {
            shard: 0,
            writer,
            store: Box::new(FaultyLine::new(inner, ground.faults.clone())),
            queue,
            queues: engine::route::Queues::default(),
            clock: Arc::new(ground.clock.clone()),
            alarm: Arc::new(ground.clock.clone()),
            observer: Arc::clone(diary) as Arc<dyn Observer>,
            control: Shared::new(ground.control.clone()),
            channels: Arc::new(Channels::default()),
            zone: jiff::tz::TimeZone::UTC,
            batch_limit: 8,
            memory_limit: 64,
        };
        let (line, abort) = abortable(engine::line::run(setup));
        let line = async move {
            // How it ended is in the diary; an abort is a crash.
            let _ = line.await;
        };
        ground.spawner.spawn_local(line).map_err(|error| error.to_string())?;
        Ok(abort)
    }

    /// Dies in the middle of whatever it does, and starts again from the store.
    pub(crate) fn crash(&mut self, ground: &Ground) -> Result<(), String> {
        self.abort.abort();
        let (queue, receiver) = async_channel::bounded(64);
        self.queue = queue;
        self.abort = Self::line(self.number, ground, receiver, &self.diary)?;
        Ok(())
    }

    /// Hands a job over; a full queue refuses it, as the door would.
    pub(crate) fn submit(&self, job: Job) -> bool {
        self.queue.try_send(job).is_ok()
    }
}
