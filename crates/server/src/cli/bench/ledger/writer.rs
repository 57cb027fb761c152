//! A shard's line with nothing above it: postings are decided by accounting's rules and written as one batch, the way
//! the batch loop does it. Same views, same hash chain, same fence, same flush.

use std::collections::BTreeSet;
use std::sync::Arc;

use engine::batch::Ground;
use engine::channels::Channels;
use engine::control::Control;
use engine::flows::accounting::book;
use engine::ledger::Ledger;
use engine::ports::{Clock as _, Random as _};
use engine::stop::Stop;
use engine::view::{Footing, View};
use jiff::tz::TimeZone;
use kernel::message::accounting::Post;
use kernel::{Shards, Time};
use store::unit::{Changes, Key, Memory};
use store::{Head, Line, Store, StoreError, Work, Written};

use crate::ports::{SystemClock, SystemRandom};

/// Why a batch was not written.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    /// The store could not do it.
    #[error("{0} ({detail})", detail = .0.detail())]
    Store(#[from] StoreError),
    /// Accounting said no, or a rule was broken: the load is wrong.
    #[error("a posting was refused: {0}")]
    Refused(String),
    /// Somebody else wrote the shard, or the commit's answer was lost: what was measured would be worth nothing.
    #[error("the batch was not written: {0:?}")]
    NotWritten(Written),
    /// The store does not hold what was counted.
    #[error("what is stored is not what was counted: {0}")]
    Differs(String),
    /// The machine gives no thread.
    #[error("no thread for the line: {0}")]
    Machine(String),
    /// A fault in the program.
    #[error("a line panicked")]
    Panicked,
}

/// Writes batches of postings to one shard.
pub(super) struct Writer {
    shard: i64,
    number: i64,
    line: Box<dyn Line>,
    head: Head,
    memory: Memory,
    control: Arc<Control>,
    channels: Arc<Channels>,
}

/// A decided batch.
struct Decided {
    work: Work,
    memory: Memory,
}

/// Why there is none.
enum Undecided {
    Misses(BTreeSet<Key>),
    Refused(String),
}

impl Writer {
    /// Takes a connection of its own and reads where the shard stands.
    pub(super) async fn open(store: &Store, shard: i64) -> Result<Self, Failure> {
        let mut line = store.line()?;
        let head = line.load(shard, &[], false).await?.head;
        let number = i64::from_le_bytes(SystemRandom.bits().to_le_bytes().first_chunk().copied().unwrap_or_default());
        let (control, channels) = (Arc::new(Control::default()), Arc::new(Channels::default()));
        Ok(Self { shard, number, line, head, memory: Memory::default(), control, channels })
    }

    /// The shard.
    pub(super) fn shard(&self) -> i64 {
        self.shard
    }

    /// Whether anything was ever written to the shard.
    pub(super) fn has_batches(&self) -> bool {
        self.head.seq > 0
    }

    /// Decides and writes one batch; it is durable when this returns.
    pub(super) async fn write(&mut self, posts: &[Post]) -> Result<(), Failure> {
        let decided = loop {
            match self.decide(posts) {
                Ok(decided) => break decided,
                Err(Undecided::Refused(why)) => return Err(Failure::Refused(why)),
                Err(Undecided::Misses(keys)) => {
                    let loaded = self.line.load(self.shard, &Memory::asks(&keys), false).await?;
                    self.memory.absorb(&keys, loaded.rows).map_err(StoreError::from)?;
                }
            }
        };
        let work = Arc::new(decided.work);
        match self.line.write(Arc::clone(&work)).await? {
            Written::Done => {}
            other => return Err(Failure::NotWritten(other)),
        }
        self.head = work.head.clone();
        self.memory.lay(decided.memory);
        Ok(())
    }

    fn decide(&self, posts: &[Post]) -> Result<Decided, Undecided> {
        let now = SystemClock.now().max(Time::from_micros(self.head.last_time + 1));
        let acct_date = now.day_in(&TimeZone::UTC).max(self.head.acct_date);
        let (shard, shards, seq, zone) = (self.shard, Shards::ONE, self.head.seq + 1, TimeZone::UTC);
        let footing = Footing { shard, shards, seq, now, acct_date, zone };
        let (mut ledger, mut memory, mut changes) = (Ledger::new(&footing), Memory::default(), Changes::default());
        let mut misses = BTreeSet::new();
        for post in posts {
            let (control, channels) = (Arc::clone(&self.control), Arc::clone(&self.channels));
            let mut view = View::new(&footing, &self.memory, &mut memory, control, channels, Arc::default(), 0);
            match book(&mut view, None, post) {
                Err(Stop::Miss) => misses.extend(view.missing().iter().copied()),
                Ok(Ok(())) => {
                    let traces = view.finish();
                    for posted in &traces.posted {
                        ledger.take(posted, &mut changes);
                    }
                }
                Ok(Err(refused)) => return Err(Undecided::Refused(refused.to_string())),
                Err(other) => return Err(Undecided::Refused(format!("{other:?}"))),
            }
        }
        if !misses.is_empty() {
            return Err(Undecided::Misses(misses));
        }
        memory.changes(&self.memory, self.shard, &mut changes);
        let ground = Ground {
            shards: Shards::ONE,
            shard: self.shard,
            writer: self.number,
            head: &self.head,
            now,
            zone: &TimeZone::UTC,
            control: Arc::clone(&self.control),
            channels: Arc::clone(&self.channels),
            approvals: Arc::default(),
        };
        let head = ledger.close(&ground, &self.memory, &memory, &mut changes);
        let work = Work { shard: self.shard, before: self.head.clone(), head, changes: changes.into_vec() };
        Ok(Decided { work, memory })
    }
}
