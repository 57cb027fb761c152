//! A store on disk: a directory with three files and a lock.
//!
//! `suanpan.db` is the truth, `derived.db` the projections, `bank.db` the simulated institutions. One file has one writer
//! at a time, so each has a pen that writers of this process pass on; other processes are kept out by the lock file,
//! held as long as anything of the store lives. Readers see all three files under one name space, as on PostgreSQL.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::future::{BoxFuture, FutureExt as _};

use super::copier::Copier;
use super::core::Core;
use super::crew::Crew;
use crate::door::{
    Applied, Ask, Cell, Dialect, Head, Line, Place, Reader, Side, Snapshot, Statement, Step, StoreError, Work, Written,
};
use crate::migrate::{self, Birth};
use crate::tables::schema::Found;
use crate::{Access, Ports, SpawnThread, Thread};

/// Threads that read; with two processors more only take turns.
const READERS: usize = 3;

/// An open directory.
pub(crate) struct Files {
    directory: PathBuf,
    /// None when it is only inspected: then nothing writes.
    lock: Option<Arc<File>>,
    thread: SpawnThread,
    pen: Pen,
    readers: Crew,
    sides: Vec<(Place, FileSide)>,
}

/// The right to write to one file, passed on among the connections of this process.
#[derive(Clone, Default)]
struct Pen(Arc<Mutex<()>>);

impl Pen {
    fn take(&self) -> MutexGuard<'_, ()> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Files {
    /// Opens a directory; see [`Store::open`](crate::Store::open).
    pub(crate) fn open(directory: &Path, access: Access, birth: Birth, ports: &Ports) -> Result<Self, StoreError> {
        let lock = if access == Access::Inspect { None } else { Some(Arc::new(lock(directory, access)?)) };
        let pen = Pen::default();
        let mut sides = Vec::new();
        if let Some(lock) = &lock {
            // The truth last: a store whose truth is current is current.
            for (place, pen) in
                [(Place::Bank, Pen::default()), (Place::Derived, Pen::default()), (Place::Main, pen.clone())]
            {
                let core = writing(directory, place, access, birth)?;
                let thread = if place == Place::Derived { Thread::Derived } else { Thread::Side };
                let crew = Crew::start(thread, vec![core], &ports.thread);
                sides.push((place, FileSide { crew, pen, lock: Arc::clone(lock) }));
            }
        }
        let mut readers = (0..READERS).map(|_| reading(directory)).collect::<Result<Vec<_>, _>>()?;
        if let Some(reader) = readers.first_mut() {
            migrate::plan(reader.schema()?, Access::Inspect, &[Place::Main], Dialect::Sqlite, birth)?;
        }
        let readers = Crew::start(Thread::Reader, readers, &ports.thread);
        Ok(Self { directory: directory.to_owned(), lock, thread: ports.thread.clone(), pen, readers, sides })
    }

    /// A line; its calls run on the thread that drives it.
    pub(crate) fn line(&self) -> Result<Box<dyn Line>, StoreError> {
        let lock = self.lock.clone().ok_or_else(inspected)?;
        let path = file(&self.directory, Place::Main);
        let copier = Copier::new(Crew::start(Thread::Copier, vec![Core::open(&path)?], &self.thread));
        let desk = Desk { core: Core::open(&path)?, copier, pen: self.pen.clone(), _lock: lock };
        Ok(Box::new(FileLine(Arc::new(Mutex::new(desk)))))
    }

    /// A reader.
    pub(crate) fn reader(&self) -> Arc<dyn Reader> {
        Arc::new(FileReader { crew: self.readers.clone() })
    }

    /// A writer of small transactions.
    pub(crate) fn side(&self, place: Place) -> Result<Box<dyn Side>, StoreError> {
        let side = self.sides.iter().find(|(of, _)| *of == place).map(|(_, side)| side.clone());
        side.map(|side| Box::new(side) as Box<dyn Side>).ok_or_else(inspected)
    }
}

fn file(directory: &Path, place: Place) -> PathBuf {
    directory.join(match place {
        Place::Main => "suanpan.db",
        Place::Derived => "derived.db",
        Place::Bank => "bank.db",
    })
}

/// Takes the directory for this process.
fn lock(directory: &Path, access: Access) -> Result<File, StoreError> {
    let unreachable = |error: std::io::Error| StoreError::Unreachable { detail: error.to_string() };
    if matches!(access, Access::Serve { create: true } | Access::Migrate) {
        fs::create_dir_all(directory).map_err(unreachable)?;
    }
    let path = directory.join("suanpan.lock");
    let file = OpenOptions::new().create(true).truncate(false).write(true).open(path).map_err(unreachable)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StoreError::Busy { detail: "the directory's lock is held".to_owned() }),
        Err(TryLockError::Error(error)) => Err(unreachable(error)),
    }
}

/// A connection that writes to one file, whose tables are current.
fn writing(directory: &Path, place: Place, access: Access, birth: Birth) -> Result<Core, StoreError> {
    let path = file(directory, place);
    if place == Place::Main && !path.exists() {
        // Refused before anything is created.
        migrate::plan(Found::Nothing, access, &[place], Dialect::Sqlite, birth)?;
    }
    let mut core = Core::open(&path)?;
    core.settle()?;
    if let Some(script) = migrate::plan(core.schema()?, access, &[place], Dialect::Sqlite, birth)? {
        core.migrate(&script)?;
    }
    Ok(core)
}

/// A connection that reads all files.
fn reading(directory: &Path) -> Result<Core, StoreError> {
    let [derived, bank] = [file(directory, Place::Derived), file(directory, Place::Bank)];
    Core::read_only(&file(directory, Place::Main), &[("derived", &derived), ("bank", &bank)])
}

fn inspected() -> StoreError {
    StoreError::other("a store that is only inspected has no writers")
}

/// A line on a file: one connection for everything, on the thread that drives the line. A second one, to read for the next
/// batch while one is written, would lose what it has in memory with every commit of the first.
struct FileLine(Arc<Mutex<Desk>>);

/// The connection of a line, and what goes with it.
struct Desk {
    core: Core,
    copier: Copier,
    pen: Pen,
    _lock: Arc<File>,
}

impl FileLine {
    fn desk(&self) -> MutexGuard<'_, Desk> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Desk {
    fn write(&mut self, work: &Work) -> Result<Written, StoreError> {
        let _pen = self.pen.take();
        self.copier.look(&mut self.core);
        self.core.write(work)
    }
}

impl Line for FileLine {
    fn load<'a>(&'a mut self, shard: i64, asks: &'a [Ask], lock: bool) -> BoxFuture<'a, Result<Snapshot, StoreError>> {
        async move {
            let Desk { core, pen, .. } = &mut *self.desk();
            let _pen = lock.then(|| pen.take());
            core.load(shard, asks, lock)
        }
        .boxed()
    }

    fn write(&mut self, work: Arc<Work>) -> BoxFuture<'static, Result<Written, StoreError>> {
        let line = Self(Arc::clone(&self.0));
        async move { line.desk().write(&work) }.boxed()
    }

    fn resolve(&mut self, shard: i64) -> BoxFuture<'_, Result<Head, StoreError>> {
        async move {
            let Desk { core, pen, .. } = &mut *self.desk();
            let _pen = pen.take();
            core.head(shard)
        }
        .boxed()
    }
}

/// A reader of all files.
struct FileReader {
    crew: Crew,
}

impl Reader for FileReader {
    fn query(
        &self,
        statement: &'static Statement,
        params: Vec<Cell>,
    ) -> BoxFuture<'_, Result<Vec<Vec<Cell>>, StoreError>> {
        self.crew.call(move |core| core.query(statement, &params)).boxed()
    }

    fn load(&self, shard: i64, asks: Vec<Ask>) -> BoxFuture<'_, Result<Snapshot, StoreError>> {
        self.crew.call(move |core| core.load(shard, &asks, false)).boxed()
    }
}

/// A writer of small transactions to one file.
#[derive(Clone)]
struct FileSide {
    crew: Crew,
    pen: Pen,
    lock: Arc<File>,
}

impl Side for FileSide {
    fn transaction(&mut self, steps: Vec<Step>, durable: bool) -> BoxFuture<'_, Result<Applied, StoreError>> {
        let (pen, lock) = (self.pen.clone(), Arc::clone(&self.lock));
        let call = move |core: &mut Core| {
            let _lock = lock;
            if core.is_log_long() {
                core.copy_log();
            }
            let _pen = pen.take();
            core.transaction(&steps, durable)
        };
        self.crew.call(call).boxed()
    }
}
