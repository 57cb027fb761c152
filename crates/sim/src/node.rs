//! A node: a line per shard over the shared store, with their queues and their workers. It can crash and start again.

mod diary;
mod loops;

use std::sync::Arc;

use engine::channels::Channels;
use engine::control::{Control, Shared};
use engine::line::{Job, Setup};
use engine::ports::{Clock as _, Observer};
use engine::query::watermark::Watermark;
use engine::query::{self, Queries};
use engine::queue::{Exit, Stage, Terms};
use engine::route::Queues;
use engine::work::couriers::{self, Courier};
use engine::work::projections::Projections;
use engine::work::risk::{self as asking, Asker, Inquiries};
use engine::work::tasks::{self, Tasks};
use engine::work::webhooks::{self, Webhooks};
use engine::work::{Gateway, Lease};
use futures::FutureExt as _;
use futures::executor::LocalSpawner;
use futures::future::{AbortHandle, abortable};
use futures::task::LocalSpawnExt as _;
use kernel::Shards;
use kernel::message::risk::Switch;
use kernel::time::SECOND_US;
use store::{Place, Reader, Store, StoreError};

use self::diary::{Diary, Hearing, Stopped};
use crate::clock::VirtualClock;
use crate::disk::{self, FaultyReader, FaultySide, SlowLine};
use crate::people;
use crate::plan::Blocked;
use crate::planted::door;
use crate::risk::{self, RiskModel};
use crate::wire::Wire;

/// Jobs that may wait before a line.
const QUEUE: usize = 64;
/// Pauses after failed deliveries of a webhook, in seconds.
pub(crate) const SCHEDULE_S: [u32; 6] = [2, 30, 600, 3_600, 3_600, 3_600];
/// How late a task must be before a look at the table takes it, in microseconds.
const MARGIN_US: i64 = SECOND_US;

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
    pub(crate) blocked: Option<Blocked>,
    pub(crate) switched: Option<Switch>,
    pub(crate) risk: RiskModel,
    pub(crate) shards: Shards,
    /// How many things of a kind a line remembers from one batch to the next.
    pub(crate) memory: usize,
}

/// One node.
pub(crate) struct Node {
    disk: disk::Ground,
    queues: Queues,
    clock: VirtualClock,
    aborts: Vec<AbortHandle>,
    stopped: Stopped,
    pub(crate) queries: Queries,
}

/// What the work for one shard is made of.
struct Parts<'a> {
    shard: i64,
    ground: &'a Ground,
    reader: &'a Arc<dyn Reader>,
    control: &'a Shared,
    inquiries: &'a Inquiries,
}

impl Node {
    /// Starts a node.
    ///
    /// # Errors
    /// When the store has no line to give.
    pub(crate) fn start(disk: disk::Ground, ground: &Ground) -> Result<Self, String> {
        let (queues, exits) = Queues::new(ground.shards, Terms::of_places(QUEUE));
        let (diaries, hearings): (Vec<_>, Vec<_>) =
            ground.shards.all().map(|_| Diary::new(disk.planted, QUEUE)).unzip();
        let control = Shared::new(door::known(disk.planted, ground.control.clone()));
        let reader: Arc<dyn Reader> = Arc::new(FaultyReader::new(ground.store.reader(), disk.clone()));
        let setup = query::Setup {
            stored: kernel::StoredKind::BUILT_IN.to_vec(),
            known: diaries.iter().map(|diary| diary.known.clone()).collect(),
            reader: Arc::clone(&reader),
            control: control.clone(),
            channels: Arc::clone(&ground.channels),
            clock: Arc::new(ground.clock.clone()),
            alarm: Arc::new(ground.clock.clone()),
        };
        let (clock, aborts, stopped) = (ground.clock.clone(), Vec::new(), Stopped::default());
        let queries = Queries::new(ground.shards, setup);
        let (asker, inquiries) = Asker::new(asking::Setup {
            service: Arc::new(ground.risk.clone()),
            secret: risk::SECRET.to_owned(),
            calls: risk::CALLS,
            queues: queues.clone(),
            clock: Arc::new(ground.clock.clone()),
        });
        let mut node = Self { disk, queues, clock, aborts, stopped, queries };
        node.run(ground, asker.run())?;
        for (((shard, exit), diary), hearing) in ground.shards.all().zip(exits).zip(diaries).zip(hearings) {
            let parts = Parts { shard, ground, reader: &reader, control: &control, inquiries: &inquiries };
            node.serve(&parts, exit, diary, hearing)?;
        }
        Ok(node)
    }

    /// Everything that one shard needs.
    fn serve(&mut self, parts: &Parts<'_>, queue: Exit, diary: Diary, hearing: Hearing) -> Result<(), String> {
        let watermark = diary.known.watermark.clone();
        self.run_line(parts, queue, diary)?;
        self.run_tasks(parts, &hearing)?;
        if parts.ground.listens {
            self.run_webhooks(parts, hearing)?;
        }
        if parts.ground.shards.count() > 1 {
            self.run_courier(parts)?;
        }
        self.run_projections(parts, watermark)
    }

    fn run_line(&mut self, parts: &Parts<'_>, queue: Exit, diary: Diary) -> Result<(), String> {
        let ground = parts.ground;
        let inner = ground.store.line().map_err(|error| error.to_string())?;
        let writer = i64::try_from(self.disk.rng.bits() >> 2).unwrap_or(0);
        let line = engine::line::run(Setup {
            shard: parts.shard,
            writer,
            store: Box::new(SlowLine::new(inner, self.disk.clone())),
            queue,
            queues: self.queues.clone(),
            inquiries: parts.inquiries.clone(),
            clock: Arc::new(ground.clock.clone()),
            alarm: Arc::new(ground.clock.clone()),
            observer: Arc::new(diary) as Arc<dyn Observer>,
            control: parts.control.clone(),
            channels: Arc::clone(&ground.channels),
            approvals: Arc::new(people::approvals()),
            zone: jiff::tz::TimeZone::UTC,
            batch_limit: 32,
            memory_limit: ground.memory,
        });
        let stopped = self.stopped.clone();
        self.run(ground, async move {
            if let Err(error) = line.await {
                stopped.because(error);
            }
        })
    }

    fn run_tasks(&mut self, parts: &Parts<'_>, hearing: &Hearing) -> Result<(), String> {
        let ground = parts.ground;
        let lease = self.lease(parts, "tasks")?;
        let Some(line) = self.queues.of(parts.shard).cloned() else { return Ok(()) };
        let tasks = Tasks::new(tasks::Setup {
            shard: parts.shard,
            reader: Arc::clone(parts.reader),
            line,
            handed: hearing.handed.clone(),
            clock: Arc::new(ground.clock.clone()),
            outside: Arc::new(ground.wire.clone()),
            gateway: Arc::clone(&ground.gateway),
            channels: Arc::clone(&ground.channels),
            account_limit: 4,
            lease,
            margin_us: MARGIN_US,
        });
        self.run(ground, loops::work_on_tasks(tasks, ground.clock.clone()))
    }

    fn run_webhooks(&mut self, parts: &Parts<'_>, hearing: Hearing) -> Result<(), String> {
        let ground = parts.ground;
        let webhooks = Webhooks::new(webhooks::Setup {
            shard: parts.shard,
            reader: Arc::clone(parts.reader),
            side: Box::new(self.side(ground, Place::Main)?),
            control: parts.control.clone(),
            bell: hearing.bell,
            clock: Arc::new(ground.clock.clone()),
            outside: Arc::new(ground.wire.clone()),
            schedule_s: SCHEDULE_S.to_vec(),
            timeout_ms: 3_000,
            lease: self.lease(parts, "webhooks")?,
        });
        self.run(ground, loops::work_on_webhooks(webhooks, ground.clock.clone()))
    }

    fn run_courier(&mut self, parts: &Parts<'_>) -> Result<(), String> {
        let ground = parts.ground;
        let Some(line) = self.queues.of(parts.shard).cloned() else { return Ok(()) };
        let courier = Courier::new(couriers::Setup {
            shard: parts.shard,
            shards: ground.shards,
            reader: Arc::clone(parts.reader),
            line,
            clock: Arc::new(ground.clock.clone()),
            lease: self.lease(parts, "courier")?,
        });
        self.run(ground, loops::work_as_courier(courier, ground.clock.clone()))
    }

    fn lease(&self, parts: &Parts<'_>, role: &'static str) -> Result<Option<Lease>, String> {
        let side = parts.ground.leases.then(|| self.side(parts.ground, Place::Main)).transpose()?;
        let holder = format!("{:016x}", self.disk.rng.bits());
        Ok(side.map(|side| Lease::new(Box::new(side), parts.shard, role, holder)))
    }

    fn run_projections(&mut self, parts: &Parts<'_>, watermark: Watermark) -> Result<(), String> {
        let ground = parts.ground;
        let side = self.side(ground, Place::Derived)?;
        let projections = Projections::new(parts.shard, Arc::clone(parts.reader), Box::new(side), watermark);
        self.run(ground, loops::work_on_projections(projections, ground.clock.clone()))
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

    /// Stops where it is.
    pub(crate) fn abort(&self) {
        for abort in &self.aborts {
            abort.abort();
        }
    }

    /// Why one of its lines stopped, if one did.
    pub(crate) fn stopped(&self) -> Option<StoreError> {
        self.stopped.why()
    }

    /// Hands a job over to the line that decides it; a full queue refuses it, as the door would.
    pub(crate) fn submit(&self, job: Job) -> bool {
        self.queues.lay(Stage::New, job, 0, self.clock.now()).is_ok()
    }
}
