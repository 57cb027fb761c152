//! What was read of the log and is not settled yet: the cursor may move over an event once nothing of it is under way.

use std::collections::BTreeMap;

use crate::events::Place;

/// Most events between the cursor and the reading.
const MAX_EVENTS: usize = 4_096;

/// The part of the log between the cursor and the reading.
pub(super) struct Window {
    settled: Place,
    read_to: Place,
    /// Deliveries under way, per event.
    open: BTreeMap<Place, usize>,
}

impl From<Place> for Window {
    /// Empty, at the cursor.
    fn from(cursor: Place) -> Self {
        Self { settled: cursor, read_to: cursor, open: BTreeMap::new() }
    }
}

impl Window {
    /// Where the cursor stands, as far as this process knows.
    pub(super) fn settled(&self) -> Place {
        self.settled
    }

    /// Up to where the log was read.
    pub(super) fn read_to(&self) -> Place {
        self.read_to
    }

    /// Whether reading must wait for deliveries.
    pub(super) fn is_full(&self) -> bool {
        self.open.len() >= MAX_EVENTS
    }

    /// Takes in events that were read, in order.
    pub(super) fn add(&mut self, places: Vec<Place>) {
        self.read_to = places.last().copied().unwrap_or(self.read_to);
        self.open.extend(places.into_iter().map(|place| (place, 0)));
    }

    /// Nobody wants what comes before this place.
    pub(super) fn skip_to(&mut self, place: Place) {
        self.read_to = self.read_to.max(place);
    }

    /// A delivery of an event begins.
    pub(super) fn begin(&mut self, place: Place) {
        if let Some(open) = self.open.get_mut(&place) {
            *open += 1;
        }
    }

    /// A delivery of an event has come to its end.
    pub(super) fn end(&mut self, place: Place) {
        if let Some(open) = self.open.get_mut(&place) {
            *open = open.saturating_sub(1);
        }
    }

    /// Moves over every event before the first that has something under way; says where that is.
    pub(super) fn settle(&mut self) -> Place {
        while let Some(first) = self.open.first_entry().filter(|first| *first.get() == 0) {
            self.settled = *first.key();
            first.remove();
        }
        if self.open.is_empty() {
            self.settled = self.read_to;
        }
        self.settled
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cursor_waits_for_the_oldest_delivery_under_way() {
        let mut window = Window::from((0, 0));
        window.add(vec![(1, 0), (1, 1), (2, 0)]);
        window.begin((1, 1));
        window.begin((1, 1));
        assert_eq!(window.settle(), (1, 0));
        window.end((1, 1));
        assert_eq!(window.settle(), (1, 0), "one of two");
        window.end((1, 1));
        assert_eq!(window.settle(), (2, 0));
        window.end((9, 9));
        assert_eq!(window.settle(), (2, 0));
        window.skip_to((7, i64::MAX));
        assert_eq!((window.settle(), window.read_to()), ((7, i64::MAX), (7, i64::MAX)));
    }
}
