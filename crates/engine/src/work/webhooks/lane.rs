//! One endpoint's lane: how much is under way to it, and what waits for a place.

use std::collections::{BTreeMap, VecDeque};
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
    /// Everything in the lane, and how often: after the log was read again from the cursor, an event may be there twice.
    known: BTreeMap<Place, usize>,
    under_way: usize,
    waiting: VecDeque<Load>,
}

impl Lane {
    /// Whether this event is in the lane.
    pub(super) fn has(&self, place: Place) -> bool {
        self.known.contains_key(&place)
    }

    /// Whether nothing more can be taken.
    pub(super) fn is_full(&self) -> bool {
        self.waiting.len() >= MAX_WAITING
    }

    /// Takes an event in.
    pub(super) fn push(&mut self, load: Load) {
        *self.known.entry(load.0.place).or_default() += 1;
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
        if let Some(times) = self.known.get_mut(&place) {
            *times -= 1;
            if *times == 0 {
                self.known.remove(&place);
            }
        }
        self.under_way = self.under_way.saturating_sub(1);
    }

    /// Whether there is nothing in it.
    pub(super) fn is_empty(&self) -> bool {
        self.known.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use kernel::Time;

    use super::*;

    fn load(seq: i64) -> Load {
        let event = LogEvent {
            shard: 0,
            place: (seq, 0),
            kind: "trade.paid".to_owned(),
            merchant: None,
            object: "trd".to_owned(),
            sequence: 1,
            order_type: None,
            sub_type: None,
            pay_org: None,
            at: Time::default(),
            body: "{}".to_owned(),
        };
        (Arc::new(event), None)
    }

    #[test]
    fn what_is_there_twice_ends_twice() {
        let mut lane = Lane::default();
        (0..PLACES).for_each(|_| lane.push(load(1)));
        assert_eq!(std::iter::from_fn(|| lane.pop()).count(), PLACES);
        lane.push(load(1));
        (0..PLACES).for_each(|_| lane.end((1, 0)));
        assert!(lane.has((1, 0)) && !lane.is_empty(), "one waits");
        assert!(lane.pop().is_some());
        lane.end((1, 0));
        assert!(lane.is_empty() && !lane.has((1, 0)));
    }
}
