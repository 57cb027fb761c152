//! A node: one line over the shared store with its queue and its workers. It can crash and start again.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_channel::{Receiver, Sender};
use engine::channels::Channels;
use engine::control::{Control, Shared};
use engine::line::{Committed, Job, Setup, Task};
use engine::ports::{Alarm as _, Clock as _, Observer};
use engine::query::watermark::Watermark;
use engine::query::{self, Queries};
use engine::queue::{Entrance, Exit, Stage, Terms, queue};
use engine::work::projections::Projections;
use engine::work::tasks::{self, Tasks};
use engine::work::webhooks::{self, Webhooks};
use engine::work::{Gateway, Lease, Progress};
use futures::FutureExt as _;
use futures::executor::LocalSpawner;
use futures::future::{AbortHandle, abortable, select};
use futures::task::LocalSpawnExt as _;
use kernel::Shards;
use kernel::time::SECOND_US;
use store::{Place, Reader, Store, StoreError};

use crate::clock::VirtualClock;
use crate::disk::{self, FaultyReader, FaultySide, SlowLine};
use crate::wire::Wire;

/// Jobs that may wait at a node.
const QUEUE: usize = 64;
/// Tasks, or batches, begun per tick.
const LIMIT: usize = 32;
/// Pause of a worker after the store could not be reached, in microseconds.
const PAUSE_US: i64 = SECOND_US / 2;
/// How long projections wait for more commits to go along, in microseconds.
const GATHER_US: i64 = 20 * SECOND_US;
/// Between two looks of the projections at what the other node has committed, in microseconds.
const LOOK_US: i64 = 600 * SECOND_US;
/// How late a task must be before a look at the table takes it, in microseconds.
const MARGIN_US: i64 = SECOND_US;

/// What a node tells of itself.
#[derive(Default)]
struct Diary {
    stopped: Mutex<Option<StoreError>>,
    watermark: Watermark,
    handed: Option<Sender<Vec<Task>>>,
    bell: Option<Sender<()>>,
}

impl Diary {
    fn stopped_for(&self) -> MutexGuard<'_, Option<StoreError>> {
        self.stopped.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Observer for Diary {
    fn committed(&self, committed: &Committed) {
        self.watermark.committed(committed.seq);
        if let Some(handed) = self.handed.as_ref().filter(|_| !committed.tasks.is_empty()) {
            // No room: the worker's next look at the table finds them.
            let _ = handed.try_send(committed.tasks.clone());
        }
        if let Some(bell) = self.bell.as_ref().filter(|_| committed.events > 0) {
            // No room: it is ringing already.
            let _ = bell.try_send(());
        }
    }

    /// The line itself says why, in more words.
    fn stopped(&self, _: &str) {}
}

/// What every start of a node needs.
#[derive(Clone)]
pub(crate) struct Ground {
    pub(crate) store: Store,
    pub(crate) clock: VirtualClock,
    pub(crate) control: Control,
    pub(crate) channels: Arc<Channels>,
    pub(crate) gateway: Arc<Gateway>,
    pub(crate) wire: Wire,
    pub(crate) spawner: LocalSpawner,
    pub(crate) leases: bool,
    pub(crate) listens: bool,
}

/// One node.
pub(crate) struct Node {
    disk: disk::Ground,
    queue: Entrance,
    clock: VirtualClock,
    aborts: Vec<AbortHandle>,
    diary: Arc<Diary>,
    pub(crate) queries: Queries,
}

impl Node {
    /// Starts a node.
    ///
    /// # Errors
    /// When the store has no line to give.
    pub(crate) fn start(disk: disk::Ground, ground: &Ground) -> Result<Self, String> {
        let (queue, jobs) = queue(Terms::of_places(QUEUE));
        let (handed, tasks) = async_channel::bounded(QUEUE);
        let (bell, rung) = async_channel::bounded(1);
        let diary = Arc::new(Diary { handed: Some(handed), bell: Some(bell), ..Diary::default() });
        let control = Shared::new(ground.control.clone());
        let reader: Arc<dyn Reader> = Arc::new(FaultyReader::new(ground.store.reader(), disk.clone()));
        let queries = query::Setup {
            watermarks: vec![diary.watermark.clone()],
            reader: Arc::clone(&reader),
            control: control.clone(),
            clock: Arc::new(ground.clock.clone()),
            alarm: Arc::new(ground.clock.clone()),
        };
        let queries = Queries::new(Shards::ONE, queries);
        let mut node = Self { disk, queue, clock: ground.clock.clone(), aborts: Vec::new(), diary, queries };
        node.run_line(ground, jobs, control.clone())?;
        node.run_tasks(ground, tasks, Arc::clone(&reader))?;
        if ground.listens {
            node.run_webhooks(ground, rung, control, Arc::clone(&reader))?;
        }
        node.run_projections(ground, reader)?;
        Ok(node)
    }

    fn run_line(&mut self, ground: &Ground, queue: Exit, control: Shared) -> Result<(), String> {
        let inner = ground.store.line().map_err(|error| error.to_string())?;
        let writer = i64::try_from(self.disk.rng.bits() >> 2).unwrap_or(0);
        let line = engine::line::run(Setup {
            shard: 0,
            writer,
            store: Box::new(SlowLine::new(inner, self.disk.clone())),
            queue,
            queues: engine::route::Queues::default(),
            clock: Arc::new(ground.clock.clone()),
            alarm: Arc::new(ground.clock.clone()),
            observer: Arc::clone(&self.diary) as Arc<dyn Observer>,
            control,
            channels: Arc::clone(&ground.channels),
            zone: jiff::tz::TimeZone::UTC,
            batch_limit: 32,
            memory_limit: 160,
        });
        let diary = Arc::clone(&self.diary);
        self.run(ground, async move {
            if let Err(error) = line.await {
                *diary.stopped_for() = Some(error);
            }
        })
    }

    fn run_tasks(
        &mut self,
        ground: &Ground,
        handed: Receiver<Vec<Task>>,
        reader: Arc<dyn Reader>,
    ) -> Result<(), String> {
        let lease = self.lease(ground, "tasks")?;
        let tasks = Tasks::new(tasks::Setup {
            shard: 0,
            reader,
            line: self.queue.clone(),
            handed,
            clock: Arc::new(ground.clock.clone()),
            outside: Arc::new(ground.wire.clone()),
            gateway: Arc::clone(&ground.gateway),
            channels: Arc::clone(&ground.channels),
            account_limit: 4,
            lease,
            margin_us: MARGIN_US,
        });
        self.run(ground, work_on_tasks(tasks, ground.clock.clone()))
    }

    fn run_webhooks(
        &mut self,
        ground: &Ground,
        bell: Receiver<()>,
        control: Shared,
        reader: Arc<dyn Reader>,
    ) -> Result<(), String> {
        let webhooks = Webhooks::new(webhooks::Setup {
            shard: 0,
            reader,
            side: Box::new(self.side(ground, Place::Main)?),
            control,
            bell,
            clock: Arc::new(ground.clock.clone()),
            outside: Arc::new(ground.wire.clone()),
            schedule_s: vec![2, 30, 600, 3_600, 3_600, 3_600],
            timeout_ms: 3_000,
            lease: self.lease(ground, "webhooks")?,
        });
        self.run(ground, work_on_webhooks(webhooks, ground.clock.clone()))
    }

    fn lease(&self, ground: &Ground, role: &'static str) -> Result<Option<Lease>, String> {
        let side = ground.leases.then(|| self.side(ground, Place::Main)).transpose()?;
        let holder = format!("{:016x}", self.disk.rng.bits());
        Ok(side.map(|side| Lease::new(Box::new(side), 0, role, holder)))
    }

    fn run_projections(&mut self, ground: &Ground, reader: Arc<dyn Reader>) -> Result<(), String> {
        let side = self.side(ground, Place::Derived)?;
        let watermark = self.diary.watermark.clone();
        let projections = Projections::new(0, reader, Box::new(side), watermark);
        self.run(ground, work_on_projections(projections, ground.clock.clone()))
    }

    fn side(&self, ground: &Ground, place: Place) -> Result<FaultySide, String> {
        let inner = ground.store.side(place).map_err(|error| error.to_string())?;
        Ok(FaultySide::new(inner, self.disk.clone()))
    }

    fn run(&mut self, ground: &Ground, work: impl Future<Output = ()> + 'static) -> Result<(), String> {
        let (work, abort) = abortable(work);
        self.aborts.push(abort);
        // Aborted is crashed.
        ground.spawner.spawn_local(work.map(|_| ())).map_err(|error| error.to_string())
    }

    /// Dies in the middle of whatever it does, and starts again from the store.
    ///
    /// # Errors
    /// When the store has no line to give.
    pub(crate) fn crash(&mut self, ground: &Ground) -> Result<(), String> {
        let disk = self.disk.clone();
        self.abort();
        *self = Self::start(disk, ground)?;
        Ok(())
    }

    /// Dies for good.
    pub(crate) fn end(self) {
        self.abort();
    }

    fn abort(&self) {
        for abort in &self.aborts {
            abort.abort();
        }
    }

    /// Why its line stopped, if it did.
    pub(crate) fn stopped(&self) -> Option<StoreError> {
        self.diary.stopped_for().clone()
    }

    /// Hands a job over; a full queue refuses it, as the door would.
    pub(crate) fn submit(&self, job: Job) -> bool {
        self.queue.lay(Stage::New, job, 0, self.clock.now()).is_ok()
    }
}

async fn work_on_tasks(mut tasks: Tasks, clock: VirtualClock) {
    loop {
        match tasks.tick(LIMIT).await {
            Ok(Progress { more: true, .. }) => {}
            Ok(Progress { next, .. }) => {
                let nap = clock.nap(next.unwrap_or(clock.now().plus(SECOND_US)));
                select(std::pin::pin!(tasks.rouse()), nap).await;
            }
            Err(error) => rest(&clock, &error).await,
        }
    }
}

async fn work_on_webhooks(mut webhooks: Webhooks, clock: VirtualClock) {
    loop {
        match webhooks.tick(LIMIT).await {
            Ok(Progress { more: true, .. }) => {}
            Ok(Progress { next, .. }) => {
                let nap = clock.nap(next.unwrap_or(clock.now().plus(SECOND_US)));
                select(std::pin::pin!(webhooks.rouse()), nap).await;
            }
            Err(error) => rest(&clock, &error).await,
        }
    }
}

async fn work_on_projections(mut projections: Projections, clock: VirtualClock) {
    loop {
        match projections.tick(LIMIT).await {
            Ok(Progress { more: true, .. }) => {}
            Ok(_) => {
                let nap = clock.nap(clock.now().plus(LOOK_US));
                select(std::pin::pin!(projections.rouse()), nap).await;
                clock.at(clock.now().plus(GATHER_US)).await;
            }
            Err(error) => rest(&clock, &error).await,
        }
    }
}

/// A store that is away may come back. One in which something is broken is looked at again, seldom.
async fn rest(clock: &VirtualClock, error: &StoreError) {
    let factor = if error.is_fatal() { 7_200 } else { 1 };
    clock.at(clock.now().plus(PAUSE_US * factor)).await;
}
