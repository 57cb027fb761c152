//! A store in memory, for tests and the simulator: one connection that any number of lines share, call by call.
//!
//! No threads, no waiting, nothing on disk: the same calls in the same order give the same rows. All places are one
//! database, as on PostgreSQL.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::future::{BoxFuture, FutureExt as _};

use super::core::Core;
use crate::door::{
    Applied, Ask, Cell, Dialect, Head, Line, Place, Reader, Side, Snapshot, Statement, Step, StoreError, Work, Written,
};
use crate::migrate::{self, Birth, Script};

fn script(shards: i64) -> Script {
    migrate::script(&Place::ALL, Dialect::Sqlite, Birth { shards, now: 0 })
}

/// One database in memory; clones share it. It is `Line`, `Reader` and `Side` at once.
#[derive(Clone)]
pub struct Memory(Arc<Mutex<Core>>);

impl Memory {
    /// A new database with this many shards.
    pub fn new(shards: i64) -> Result<Self, StoreError> {
        let mut core = Core::in_memory()?;
        core.migrate(&script(shards))?;
        Ok(Self(Arc::new(Mutex::new(core))))
    }

    /// This database without its rows, born anew with this many shards: what is prepared stays prepared. Another one where
    /// somebody still holds this.
    pub fn anew(self, shards: i64) -> Result<Self, StoreError> {
        let Some(core) = Arc::into_inner(self.0) else { return Self::new(shards) };
        let mut core = core.into_inner().unwrap_or_else(PoisonError::into_inner);
        core.renew(&script(shards))?;
        Ok(Self(Arc::new(Mutex::new(core))))
    }

    fn core(&self) -> MutexGuard<'_, Core> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Line for Memory {
    fn load<'a>(&'a mut self, shard: i64, asks: &'a [Ask], lock: bool) -> BoxFuture<'a, Result<Snapshot, StoreError>> {
        async move { self.core().load(shard, asks, lock) }.boxed()
    }

    fn write(&mut self, work: Arc<Work>) -> BoxFuture<'static, Result<Written, StoreError>> {
        let memory = self.clone();
        async move { memory.core().write(&work) }.boxed()
    }

    fn resolve(&mut self, shard: i64) -> BoxFuture<'_, Result<Head, StoreError>> {
        async move { self.core().head(shard) }.boxed()
    }
}

impl Reader for Memory {
    fn query(
        &self,
        statement: &'static Statement,
        params: Vec<Cell>,
    ) -> BoxFuture<'_, Result<Vec<Vec<Cell>>, StoreError>> {
        async move { self.core().query(statement, &params) }.boxed()
    }

    fn load(&self, shard: i64, asks: Vec<Ask>) -> BoxFuture<'_, Result<Snapshot, StoreError>> {
        async move { self.core().load(shard, &asks, false) }.boxed()
    }
}

impl Side for Memory {
    fn transaction(&mut self, steps: Vec<Step>, durable: bool) -> BoxFuture<'_, Result<Applied, StoreError>> {
        async move { self.core().transaction(&steps, durable) }.boxed()
    }
}
