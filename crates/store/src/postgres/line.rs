//! Writers with connections of their own: a shard's line, and a writer of small transactions beside it.

use std::sync::Arc;

use futures::channel::oneshot;
use futures::future::{BoxFuture, FutureExt as _};
use futures::lock::Mutex;

use super::link::Link;
use super::run;
use crate::Spawn;
use crate::door::{Applied, Ask, Head, Line, Side, Snapshot, Step, StoreError, Work, Written};

/// A line: one connection that writes, and one on which the next batch is read meanwhile.
pub(super) struct PgLine {
    pub(super) writer: Arc<Mutex<Link>>,
    pub(super) reader: Link,
    pub(super) spawn: Spawn,
}

impl Line for PgLine {
    fn load<'a>(&'a mut self, shard: i64, asks: &'a [Ask], lock: bool) -> BoxFuture<'a, Result<Snapshot, StoreError>> {
        async move {
            if lock {
                // Asked for where something was odd: whatever the reading connection saw, it shall not see it again.
                self.reader.renew();
                return run::load(self.writer.lock().await.ready().await?, shard, asks, lock).await;
            }
            run::load(self.reader.ready().await?, shard, asks, lock).await
        }
        .boxed()
    }

    /// A task of its own, so that the commit follows at once however busy the line is with the next batch.
    fn write(&mut self, work: Arc<Work>) -> BoxFuture<'static, Result<Written, StoreError>> {
        let (answer, answered) = oneshot::channel();
        // Taken here and not in the task, so that whatever is asked next comes after it.
        let (mut now, later) = (self.writer.try_lock_owned(), Arc::clone(&self.writer));
        let write = async move {
            let writer = match &mut now {
                Some(writer) => writer,
                None => now.insert(later.lock_owned().await),
            };
            let written = match writer.ready().await {
                Ok(open) => run::write(open, &work).await,
                Err(error) => Err(error),
            };
            drop((now, work));
            // Nobody waits any more when the line is gone; what was written stays written.
            let _ = answer.send(written);
        };
        (self.spawn)(write.boxed());
        // A task that vanished may have written.
        async move { answered.await.unwrap_or(Ok(Written::Unknown)) }.boxed()
    }

    fn resolve(&mut self, shard: i64) -> BoxFuture<'_, Result<Head, StoreError>> {
        async move {
            let mut writer = self.writer.lock().await;
            writer.renew();
            self.reader.renew();
            run::head_locked(writer.ready().await?, shard).await
        }
        .boxed()
    }
}

/// One connection that writes small transactions.
pub(super) struct PgSide(pub(super) Link);

impl Side for PgSide {
    fn transaction(&mut self, steps: Vec<Step>, durable: bool) -> BoxFuture<'_, Result<Applied, StoreError>> {
        async move { run::apply(self.0.ready().await?, &steps, durable).await }.boxed()
    }
}
