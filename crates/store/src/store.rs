//! Opening a store, and what an open store gives: lines, readers, and writers of small transactions.

use std::sync::Arc;

use futures::future::BoxFuture;
use kernel::Shards;

use crate::door::{Line, Place, Reader, Side, StoreError};
use crate::migrate::Birth;
use crate::postgres::Postgres;
use crate::sqlite::{Files, Memory};
use crate::tables::shard;
use crate::url::Url;

/// Lets a future run on its own: what drives a connection to PostgreSQL.
pub type Spawn = Arc<dyn Fn(BoxFuture<'static, ()>) + Send + Sync>;

/// Lets a closure run on a thread of its own: what reads and writes SQLite files beside the line.
pub type SpawnThread = Arc<dyn Fn(Thread, Box<dyn FnOnce() + Send>) + Send + Sync>;

/// A thread of the store, by what it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Thread {
    /// Answers reads.
    Reader,
    /// Writes small transactions beside the line.
    Side,
    /// Writes the projections.
    Derived,
    /// Copies a line's log back into its file.
    Copier,
}

impl Thread {
    /// What it is called where threads are listed.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Reader => "store-reader",
            Self::Side => "store-side",
            Self::Derived => "store-derived",
            Self::Copier => "store-copier",
        }
    }

    /// Whether whatever somebody waits for goes first: it works in bursts, and holds nothing that a line needs.
    pub const fn is_background(self) -> bool {
        matches!(self, Self::Derived | Self::Copier)
    }
}

/// What the store needs from outside.
#[derive(Clone)]
pub struct Ports {
    /// Runs futures.
    pub spawn: Spawn,
    /// Runs threads.
    pub thread: SpawnThread,
}

/// What is going to be done with the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Read and write. An empty store is given its tables where `create` says so; an older one is refused.
    Serve {
        /// Whether a store that is not there is made.
        create: bool,
    },
    /// Bring the tables up to this program, from nothing if need be; then read and write.
    Migrate,
    /// Read only, beside whoever serves; takes no lock.
    Inspect,
}

/// How to open a store.
#[derive(Clone, Copy, Debug)]
pub struct Opening {
    /// What for.
    pub access: Access,
    /// How many shards a new store is given, as [`Shards::new`] takes it; one that is there keeps those it has.
    pub shards: i64,
    /// The time, in microseconds, noted with migrations.
    pub now: i64,
}

/// An open store. Clones share it.
#[derive(Clone)]
pub struct Store {
    engine: Engine,
}

#[derive(Clone)]
enum Engine {
    Files(Arc<Files>),
    Memory(Memory),
    Postgres(Arc<Postgres>),
}

impl Store {
    /// Opens the store at `url`.
    ///
    /// # Errors
    /// `Busy` when another process serves the same directory, `Schema` when the tables are of another version,
    /// `Unreachable` when there is nothing or nobody answers.
    pub async fn open(url: &Url, opening: Opening, ports: Ports) -> Result<Self, StoreError> {
        let birth = Birth { shards: opening.shards.max(1), now: opening.now };
        let engine = match url {
            Url::Sqlite(directory) => Engine::Files(Arc::new(Files::open(directory, opening.access, birth, &ports)?)),
            Url::Postgres(url) => {
                Engine::Postgres(Arc::new(Postgres::open(url, opening.access, birth, ports.spawn).await?))
            }
        };
        Ok(Self { engine })
    }

    /// A new store in memory, for tests and the simulator.
    ///
    /// # Errors
    /// Only when SQLite itself fails.
    pub fn in_memory(shards: i64) -> Result<Self, StoreError> {
        Ok(Self { engine: Engine::Memory(Memory::new(shards)?) })
    }

    /// A new store in memory in the place of this one, which nobody uses any more: for many short lives, one after another.
    ///
    /// # Errors
    /// Only when SQLite itself fails.
    pub fn anew_in_memory(self, shards: i64) -> Result<Self, StoreError> {
        match self.engine {
            Engine::Memory(memory) => Ok(Self { engine: Engine::Memory(memory.anew(shards)?) }),
            Engine::Files(_) | Engine::Postgres(_) => Self::in_memory(shards),
        }
    }

    /// A line with connections of its own.
    ///
    /// # Errors
    /// When the store is only inspected, or the file cannot be opened.
    pub fn line(&self) -> Result<Box<dyn Line>, StoreError> {
        match &self.engine {
            Engine::Files(files) => files.line(),
            Engine::Memory(memory) => Ok(Box::new(memory.clone())),
            Engine::Postgres(postgres) => postgres.line(),
        }
    }

    /// A reader, to be shared by those who answer callers.
    pub fn reader(&self) -> Arc<dyn Reader> {
        match &self.engine {
            Engine::Files(files) => files.reader(),
            Engine::Memory(memory) => Arc::new(memory.clone()),
            Engine::Postgres(postgres) => postgres.reader(),
        }
    }

    /// A reader for those who work. On PostgreSQL it has a few connections of its own, so that thousands of callers who
    /// ask do not keep the work waiting that they ask for.
    pub fn own_reader(&self) -> Arc<dyn Reader> {
        match &self.engine {
            Engine::Postgres(postgres) => postgres.own_reader(),
            Engine::Files(_) | Engine::Memory(_) => self.reader(),
        }
    }

    /// How many shards the store was made with.
    ///
    /// # Errors
    /// When it cannot be read; `Broken` when their rows are not those of a store.
    pub async fn shards(&self) -> Result<Shards, StoreError> {
        shard::shards(&self.reader().query(&shard::SHARDS, Vec::new()).await?)
    }

    /// A writer of small transactions beside the lines.
    ///
    /// # Errors
    /// When the store is only inspected.
    pub fn side(&self, place: Place) -> Result<Box<dyn Side>, StoreError> {
        match &self.engine {
            Engine::Files(files) => files.side(place),
            Engine::Memory(memory) => Ok(Box::new(memory.clone())),
            Engine::Postgres(postgres) => postgres.side(place),
        }
    }
}
