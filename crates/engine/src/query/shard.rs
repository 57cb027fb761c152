//! One shard, as the queries read it.

use std::collections::BTreeSet;
use std::sync::Arc;

use futures::future::select;
use kernel::time::SECOND_US;
use kernel::{Code, Problem, Time};
use store::unit::{Key, Memory};
use store::{Ask, Cell, Reader, Snapshot, Statement};

use super::watermark::Mark;
use super::{Known, PATIENCE_US, inconsistent, unreadable};
use crate::ports::{Alarm, Clock};
use crate::work::projections::read;

/// Between two looks at what another process may have written, in microseconds.
const LOOK_US: i64 = SECOND_US / 50;

/// One shard.
#[derive(Clone)]
pub(super) struct OfShard {
    pub(super) shard: i64,
    pub(super) reader: Arc<dyn Reader>,
    pub(super) known: Known,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) alarm: Arc<dyn Alarm>,
}

impl OfShard {
    /// Its number, as statements take it.
    pub(super) fn number(&self) -> Cell {
        Cell::Int(self.shard)
    }

    /// Aggregates, all as of one moment.
    pub(super) async fn load(&self, keys: impl IntoIterator<Item = Key>) -> Result<Memory, Problem> {
        let keys: BTreeSet<Key> = keys.into_iter().collect();
        let mut memory = Memory::default();
        if !keys.is_empty() {
            let snapshot = self.snapshot(Memory::asks(&keys)).await?;
            memory.absorb(&keys, snapshot.rows).map_err(inconsistent)?;
        }
        Ok(memory)
    }

    pub(super) async fn snapshot(&self, asks: Vec<Ask>) -> Result<Snapshot, Problem> {
        self.reader.load(self.shard, asks).await.map_err(|error| unreadable(&error))
    }

    /// How far the shard is, by whosever hands.
    pub(super) async fn head(&self) -> Result<i64, Problem> {
        self.snapshot(Vec::new()).await.map(|snapshot| snapshot.head.seq)
    }

    pub(super) async fn rows(
        &self,
        statement: &'static Statement,
        params: Vec<Cell>,
    ) -> Result<Vec<Vec<Cell>>, Problem> {
        self.reader.query(statement, params).await.map_err(|error| unreadable(&error))
    }

    /// Waits until the projections have everything that is committed now. With `stale` it does not wait, and says as of
    /// when they are.
    pub(super) async fn caught_up(&self, stale: bool) -> Result<Option<Time>, Problem> {
        if stale {
            return self.look().await.map(|mark| Some(mark.at));
        }
        let head = self.head().await?;
        let deadline = self.clock.steady().plus(PATIENCE_US);
        while self.known.watermark.mark().seq < head {
            let now = self.clock.steady();
            let alarm = self.alarm.at(deadline.min(now.plus(LOOK_US)));
            select(Box::pin(self.known.watermark.reached(head)), alarm).await;
            if self.known.watermark.mark().seq < head
                && self.look().await?.seq < head
                && self.clock.steady() >= deadline
            {
                return Err(Problem::new(Code::projection_behind, "the list is not up to date yet; ask again"));
            }
        }
        Ok(None)
    }

    /// Where the projections are by their own rows, which another process may have moved.
    async fn look(&self) -> Result<Mark, Problem> {
        let mark = read::mark(&*self.reader, self.shard).await.map_err(|error| unreadable(&error))?;
        if mark > self.known.watermark.mark() {
            self.known.watermark.publish(mark);
        }
        Ok(mark)
    }
}
