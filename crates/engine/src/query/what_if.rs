//! The rules of a line over rows that were read; whatever is done in it leaves nothing behind.

use std::collections::BTreeSet;
use std::sync::Arc;

use kernel::message::risk::Asked;
use kernel::{Problem, Time, limits};
use store::unit::{Key, Memory};

use super::shard::OfShard;
use super::{Queries, broken, inconsistent};
use crate::control::Control;
use crate::stop::Stop;
use crate::view::{Footing, View};

/// A line that writes nothing.
pub(super) struct WhatIf<'a> {
    pub(super) home: &'a OfShard,
    pub(super) queries: &'a Queries,
    pub(super) control: Arc<Control>,
    pub(super) known: Memory,
    pub(super) now: Time,
    seq: i64,
    acct_date: i64,
}

impl<'a> WhatIf<'a> {
    pub(super) fn new(queries: &'a Queries, home: &'a OfShard) -> Self {
        let (control, now) = (queries.control.snapshot(), home.clock.now());
        Self { home, queries, control, known: Memory::default(), now, seq: 0, acct_date: 0 }
    }

    /// Reads rows, as of now.
    pub(super) async fn load(&mut self, keys: BTreeSet<Key>) -> Result<(), Problem> {
        let snapshot = self.home.snapshot(Memory::asks(&keys)).await?;
        self.known.absorb(&keys, snapshot.rows).map_err(inconsistent)?;
        self.now = self.now.max(Time::from_micros(snapshot.head.last_time + 1));
        (self.seq, self.acct_date) = (snapshot.head.seq, snapshot.head.acct_date);
        Ok(())
    }

    /// What a flow would come to: what it finds, or what refuses it. What it misses is read, and it is tried again.
    pub(super) async fn attempt<T>(
        &mut self,
        flow: impl Fn(&mut View<'_>) -> Result<T, Stop>,
    ) -> Result<Result<T, Problem>, Problem> {
        for _ in 0..limits::MAX_ROUNDS {
            match self.once(&flow) {
                Ok(done) => return done,
                Err(missing) => self.load(missing).await?,
            }
        }
        Err(broken())
    }

    fn once<T>(
        &self,
        flow: impl Fn(&mut View<'_>) -> Result<T, Stop>,
    ) -> Result<Result<Result<T, Problem>, Problem>, BTreeSet<Key>> {
        let footing = Footing {
            shard: self.home.shard,
            shards: self.queries.shards,
            seq: self.seq + 1,
            now: self.now,
            acct_date: self.acct_date,
            // Nothing that is asked looks at days.
            zone: jiff::tz::TimeZone::UTC,
        };
        let (control, channels) = (Arc::clone(&self.control), Arc::clone(&self.queries.channels));
        let mut scratch = Memory::default();
        let mut view = View::new(&footing, &self.known, &mut scratch, control, channels, Arc::default(), 0);
        view.asked = Asked::Tried;
        let done = flow(&mut view);
        if view.misses() {
            return Err(view.missing().clone());
        }
        Ok(match done {
            Ok(found) => Ok(Ok(found)),
            Err(Stop::Refused(problem) | Stop::Behind(problem)) => Ok(Err(problem)),
            Err(Stop::Miss | Stop::Elsewhere(_) | Stop::Ask(_) | Stop::Broken(_)) => Err(broken()),
        })
    }
}
