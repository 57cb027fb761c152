//! A few connections that readers share.
//!
//! A permit per connection bounds how many there are; a permit always comes back. A connection comes back only from a
//! call that ran to its end: one that was given up half-way is dropped with the call, and a new one takes its place.

use std::sync::{Arc, Mutex, PoisonError};

use futures::future::{BoxFuture, FutureExt as _};

use super::link::{Link, Open, Server, Use};
use super::run;
use crate::door::{Ask, Cell, Reader, Snapshot, Statement, StoreError};

/// The connections that nobody uses, and the permits to use one.
pub(super) struct Pool {
    server: Arc<Server>,
    idle: Mutex<Vec<Link>>,
    permits: async_channel::Receiver<()>,
    back: async_channel::Sender<()>,
}

/// The right to use one connection.
struct Permit<'p>(&'p async_channel::Sender<()>);

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        // There is room for every permit.
        let _ = self.0.try_send(());
    }
}

impl Pool {
    /// A pool of at most this many connections; each comes about when it is first needed.
    pub(super) fn new(server: &Arc<Server>, connections: usize) -> Self {
        let (back, permits) = async_channel::bounded(connections);
        for _ in 0..connections {
            drop(Permit(&back));
        }
        Self { server: Arc::clone(server), idle: Mutex::new(Vec::new()), permits, back }
    }

    async fn with<T>(&self, call: impl AsyncFnOnce(&mut Open) -> Result<T, StoreError>) -> Result<T, StoreError> {
        // The channel is never closed: this pool holds both ends.
        let _permit = self.permits.recv().await.map(|()| Permit(&self.back));
        let mut link = self.take().unwrap_or_else(|| Link::new(Arc::clone(&self.server), Use::Read));
        let answer = call(link.ready().await?).await;
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(link);
        answer
    }

    fn take(&self) -> Option<Link> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }
}

impl Reader for Pool {
    fn query(
        &self,
        statement: &'static Statement,
        params: Vec<Cell>,
    ) -> BoxFuture<'_, Result<Vec<Vec<Cell>>, StoreError>> {
        self.with(async move |open: &mut Open| run::query(open, statement, &params).await).boxed()
    }

    fn load(&self, shard: i64, asks: Vec<Ask>) -> BoxFuture<'_, Result<Snapshot, StoreError>> {
        self.with(async move |open: &mut Open| run::load(open, shard, &asks, false).await).boxed()
    }
}
