//! One endpoint's lane: how much is under way to it, and what waits for a place.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use crate::events::{LogEvent, Place};

/// Deliveries under way to one endpoint.
const PLACES: usize = 16;
/// Deliveries that wait for a place; beyond that they are parked.
const MAX_WAITING: usize = 512;

/// An event on its way, and how often it was attempted; `None` for the first attempt, straight from the log.
pub(super) type Load = (Arc<LogEvent>, Option<i64>);

/// The lane of one endpoint.
#[derive(Default)]
pub(super) struct Lane {
    /// Everything in the lane.
    known: BTreeSet<Place>,
    under_way: usize,
    waiting: VecDeque<Load>,
}

impl Lane {
    /// Whether this event is in the lane.
    pub(super) fn has(&self, place: Place) -> bool {
        self.known.contains(&place)
    }

    /// Whether nothing more can be taken.
    pub(super) fn is_full(&self) -> bool {
        self.waiting.len() >= MAX_WAITING
    }

    /// Takes an event in.
    pub(super) fn push(&mut self, load: Load) {
        self.known.insert(load.0.place);
        self.waiting.push_back(load);
    }

    /// The next to begin, if there is a place for it.
    pub(super) fn pop(&mut self) -> Option<Load> {
        if self.under_way >= PLACES {
            return None;
        }
        let load = self.waiting.pop_front()?;
        self.under_way += 1;
        Some(load)
    }

    /// One that was begun has come to its end.
    pub(super) fn end(&mut self, place: Place) {
        self.known.remove(&place);
        self.under_way = self.under_way.saturating_sub(1);
    }

    /// Whether there is nothing in it.
    pub(super) fn is_empty(&self) -> bool {
        self.under_way == 0 && self.waiting.is_empty()
    }
}
