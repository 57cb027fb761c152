//! What the doors read: objects by id, everything of a trade, lists, statements, events, the trial balance.
//!
//! Objects are read from the rows themselves, in one snapshot with one question per table, and rendered by the same
//! functions that render answers and events, so the bytes are the same. Lists find their objects in the projections and
//! read them in one more snapshot. By default a read sees everything that was committed before it began: it waits for
//! the projections, for [`PATIENCE_US`] at most; whoever may lag is told as of when the list is.
//!
//! Nothing here decides who may see what: each object says whose it is, and the door knows who asks.

mod accounts;
mod booked;
mod chain;
mod feed;
mod lists;
mod objects;
mod trial;
pub mod watermark;

use std::collections::BTreeSet;
use std::sync::Arc;

use futures::future::select;
use kernel::time::SECOND_US;
use kernel::{Code, MerchantId, Problem, Time};
use store::unit::{Key, Memory};
use store::{Cell, Inconsistent, Reader, Snapshot, Statement, StoreError};

use self::watermark::{Mark, Watermark};
use crate::control::Shared;
use crate::ports::{Alarm, Clock};
use crate::work::projections::read;

/// Longest wait for the projections, in microseconds.
pub const PATIENCE_US: i64 = SECOND_US;
/// Between two looks at what another process may have written, in microseconds.
const LOOK_US: i64 = SECOND_US / 50;

/// An object as clients see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Whose it is; `None` where it is the platform's or a user's.
    pub merchant: Option<MerchantId>,
    /// Its JSON.
    pub body: String,
}

/// A part of a list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// JSON objects.
    pub data: Vec<String>,
    /// Where the rest begins, as [`Part::after`] takes it; `None` at the end.
    pub next: Option<String>,
    /// The moment that the list shows, where the caller allowed it to lag.
    pub as_of: Option<Time>,
}

/// Which part of a list is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// Most objects.
    pub limit: usize,
    /// A place that an earlier [`Page::next`] named; the beginning where `None`.
    pub after: Option<String>,
    /// Whether the list may lag behind what was written.
    pub stale: bool,
}

/// Which trades or cases.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Of this merchant only.
    pub merchant: Option<MerchantId>,
    /// In this status only.
    pub status: Option<&'static str>,
}

/// What queries work with.
#[derive(Clone)]
pub struct Setup {
    /// The shard.
    pub shard: i64,
    /// Reads beside the line.
    pub reader: Arc<dyn Reader>,
    /// Control data; the salt of ids is in it.
    pub control: Shared,
    /// How far the projections are, as this process knows.
    pub watermark: Watermark,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Ends waiting.
    pub alarm: Arc<dyn Alarm>,
}

/// The questions that can be asked of one shard.
#[derive(Clone)]
pub struct Queries {
    setup: Setup,
}

impl Queries {
    /// Ready to be asked.
    pub fn new(setup: Setup) -> Self {
        Self { setup }
    }

    /// Aggregates, all as of one moment.
    async fn load(&self, keys: impl IntoIterator<Item = Key>) -> Result<Memory, Problem> {
        let keys: BTreeSet<Key> = keys.into_iter().collect();
        let mut memory = Memory::default();
        if !keys.is_empty() {
            let snapshot = self.snapshot(Memory::asks(&keys)).await?;
            memory.absorb(&keys, snapshot.rows).map_err(inconsistent)?;
        }
        Ok(memory)
    }

    async fn snapshot(&self, asks: Vec<store::Ask>) -> Result<Snapshot, Problem> {
        self.setup.reader.load(self.setup.shard, asks).await.map_err(|error| unreadable(&error))
    }

    async fn rows(&self, statement: &'static Statement, params: Vec<Cell>) -> Result<Vec<Vec<Cell>>, Problem> {
        self.setup.reader.query(statement, params).await.map_err(|error| unreadable(&error))
    }

    fn salt(&self) -> [u8; 32] {
        self.setup.control.snapshot().salt
    }

    /// Waits until the projections have everything that is committed now. With `stale` it does not wait, and says as of
    /// when they are.
    async fn caught_up(&self, stale: bool) -> Result<Option<Time>, Problem> {
        if stale {
            return self.look().await.map(|mark| Some(mark.at));
        }
        let head = self.snapshot(Vec::new()).await?.head.seq;
        let deadline = self.setup.clock.now().plus(PATIENCE_US);
        let watermark = &self.setup.watermark;
        while watermark.mark().seq < head {
            let now = self.setup.clock.now();
            let alarm = self.setup.alarm.at(deadline.min(now.plus(LOOK_US)));
            select(Box::pin(watermark.reached(head)), alarm).await;
            if watermark.mark().seq < head && self.look().await?.seq < head && self.setup.clock.now() >= deadline {
                return Err(Problem::new(Code::projection_behind, "the list is not up to date yet; ask again"));
            }
        }
        Ok(None)
    }

    /// Where the projections are by their own rows, which another process may have moved.
    async fn look(&self) -> Result<Mark, Problem> {
        let mark = read::mark(&*self.setup.reader, self.setup.shard).await.map_err(|error| unreadable(&error))?;
        if mark > self.setup.watermark.mark() {
            self.setup.watermark.publish(mark);
        }
        Ok(mark)
    }
}

/// What a client is told of a store that cannot be read; the log is told more.
fn unreadable(error: &StoreError) -> Problem {
    match error {
        StoreError::Broken { detail } | StoreError::Other { detail } => {
            tracing::error!(code = error.code(), %detail, "a read failed");
            broken()
        }
        StoreError::Unreachable { .. }
        | StoreError::Full { .. }
        | StoreError::Undurable { .. }
        | StoreError::Busy { .. }
        | StoreError::Schema { .. } => Problem::new(Code::store_unavailable, error.to_string()),
    }
}

/// What a client is told of rows that fit no state.
fn inconsistent(row: Inconsistent) -> Problem {
    unreadable(&StoreError::from(row))
}

fn broken() -> Problem {
    Problem::new(Code::internal_error, "something is wrong on our side")
}

/// The refusal of a place that no list of ours named.
fn no_place() -> Problem {
    Problem::at(Code::cursor_invalid, "cursor", "take the cursor from this list's last answer, unchanged")
}

/// A limit with one more, to see whether there is more; as SQL takes it.
fn one_more(limit: usize) -> Cell {
    Cell::Int(i64::try_from(limit.saturating_add(1)).unwrap_or(i64::MAX))
}

fn bytes(id: kernel::RootId) -> Cell {
    Cell::Bytes(id.bytes().as_slice().into())
}

/// Cuts a list that was read with [`one_more`] to its limit; says where the rest begins, if there is any.
fn cut<T>(rows: &mut Vec<T>, limit: usize, place: impl FnOnce(&T) -> String) -> Option<String> {
    let more = rows.len() > limit;
    rows.truncate(limit);
    rows.last().filter(|_| more).map(place)
}
