//! What the doors read: objects by id, everything of a trade, lists, statements, events, the trial balance.
//!
//! Objects are read from the rows themselves, in one snapshot with one question per table, and rendered by the same
//! functions that render answers and events, so the bytes are the same. What this process wrote last is kept, and shown
//! without its rows as long as the shard has not moved on by others' hands ([`recent`]). Lists find their objects in the projections and
//! read them in one more snapshot. By default a read sees everything that was committed before it began: it waits for
//! the projections, for [`PATIENCE_US`] at most; whoever may lag is told as of when the list is.
//!
//! What has an id is read in the shard of its bucket. Lists are read in all shards and laid together; an account is the
//! sum of what it has in each of them.
//!
//! Nothing here decides who may see what: each object says whose it is, and the door knows who asks.

mod accounts;
mod booked;
mod chain;
mod dry_run;
mod feed;
mod lists;
mod merge;
mod objects;
mod offer;
mod preview;
mod recent;
pub(crate) mod search;
mod shard;
pub(crate) mod tail;
mod tree;
mod trial;
pub mod watermark;
mod what_if;

use std::sync::Arc;

use futures::future::try_join_all;
use kernel::time::SECOND_US;
use kernel::{Bucket, Code, MerchantId, Problem, Shards, StoredKind, Time};
use store::{Cell, Inconsistent, Reader, StoreError};

pub use self::offer::Asker;
pub use self::recent::Recent;
pub use self::search::Hits;
use self::shard::OfShard;
pub use self::tree::Tree;
use self::watermark::Watermark;
use crate::channels::Channels;
use crate::control::Shared;
use crate::line::Committed;
use crate::ports::{Alarm, Clock};

/// Longest wait for the projections, in microseconds.
pub const PATIENCE_US: i64 = SECOND_US;

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

/// What this process knows of one shard beside its rows. Clones share it.
#[derive(Clone, Default)]
pub struct Known {
    /// How far its projections are.
    pub watermark: Watermark,
    /// What its line wrote last.
    pub recent: Recent,
}

impl Known {
    /// Its line has written a batch, and its observer hands it over.
    pub fn wrote(&self, work: store::Work) {
        self.watermark.wrote(work);
    }

    /// Its line has committed, and its observer says so.
    pub fn committed(&self, committed: &Committed) {
        self.recent.committed(committed);
        self.watermark.committed(committed.seq);
    }
}

/// What queries work with.
#[derive(Clone)]
pub struct Setup {
    /// What this process knows of each shard, in order.
    pub known: Vec<Known>,
    /// Reads beside the lines.
    pub reader: Arc<dyn Reader>,
    /// Control data; the salt of ids is in it.
    pub control: Shared,
    /// The channel accounts, by whose names institutions' numbers are claimed.
    pub channels: Arc<Channels>,
    /// The kinds of stored value that can be paid with.
    pub stored: Vec<StoredKind>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Ends waiting.
    pub alarm: Arc<dyn Alarm>,
}

/// The questions that can be asked.
#[derive(Clone)]
pub struct Queries {
    shards: Shards,
    of: Vec<OfShard>,
    control: Shared,
    channels: Arc<Channels>,
    stored: Vec<StoredKind>,
}

impl Queries {
    /// Ready to be asked.
    pub fn new(shards: Shards, setup: Setup) -> Self {
        let Setup { known, reader, control, channels, stored, clock, alarm } = setup;
        let of = shards.all().zip(known).map(|(shard, known)| OfShard {
            shard,
            reader: Arc::clone(&reader),
            known,
            clock: Arc::clone(&clock),
            alarm: Arc::clone(&alarm),
        });
        Self { shards, of: of.collect(), control, channels, stored }
    }

    /// The shard where a bucket's rows are.
    fn home(&self, bucket: Bucket) -> Result<&OfShard, Problem> {
        self.shard(self.shards.of(bucket)).ok_or_else(broken)
    }

    /// A shard by its number.
    fn shard(&self, shard: i64) -> Option<&OfShard> {
        self.of.get(usize::try_from(shard).ok()?)
    }

    /// Asks all shards the same; their answers in their order.
    async fn everywhere<'a, T, A>(&'a self, ask: impl Fn(&'a OfShard) -> A) -> Result<Vec<T>, Problem>
    where
        A: Future<Output = Result<T, Problem>> + 'a,
    {
        try_join_all(self.of.iter().map(ask)).await
    }

    /// Waits until the projections of all shards have everything that is committed now. With `stale` it does not wait,
    /// and says as of when the one that is furthest behind is.
    async fn caught_up(&self, stale: bool) -> Result<Option<Time>, Problem> {
        let marks = self.everywhere(|shard| shard.caught_up(stale)).await?;
        Ok(marks.into_iter().flatten().min())
    }

    fn salt(&self) -> [u8; 32] {
        self.control.snapshot().salt
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
        | StoreError::Schema { .. }
        | StoreError::Tables { .. } => Problem::new(Code::store_unavailable, error.to_string()),
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
    Cell::bytes(id.bytes())
}
