//! A writer with a connection of its own: a shard's line, or a writer of small transactions beside it.

use futures::future::{BoxFuture, FutureExt as _};

use super::link::Link;
use super::run;
use crate::door::{Applied, Ask, Head, Line, Side, Snapshot, Step, StoreError, Work, Written};

/// One connection that writes.
pub(super) struct PgLine(pub(super) Link);

impl Line for PgLine {
    fn load<'a>(&'a mut self, shard: i64, asks: &'a [Ask], lock: bool) -> BoxFuture<'a, Result<Snapshot, StoreError>> {
        async move { run::load(self.0.ready().await?, shard, asks, lock).await }.boxed()
    }

    fn write<'a>(&'a mut self, work: &'a Work) -> BoxFuture<'a, Result<Written, StoreError>> {
        async move { run::write(self.0.ready().await?, work).await }.boxed()
    }

    fn resolve(&mut self, shard: i64) -> BoxFuture<'_, Result<Head, StoreError>> {
        async move {
            self.0.renew();
            run::head_locked(self.0.ready().await?, shard).await
        }
        .boxed()
    }
}

impl Side for PgLine {
    fn transaction(&mut self, steps: Vec<Step>, durable: bool) -> BoxFuture<'_, Result<Applied, StoreError>> {
        async move { run::apply(self.0.ready().await?, &steps, durable).await }.boxed()
    }
}
