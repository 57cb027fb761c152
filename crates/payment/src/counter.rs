//! A counter (计数器) of velocity limits: what was paid within a time, in slots; an aggregate of its own, because many
//! trades count in the same one.
//!
//! A payment counts from its opening, so that two attempts at once cannot both be the last that fits. One that ends
//! without effect is given back; what is refunded later is not. Slots that are too old to count go with the next change,
//! or when the last of them is too old.

use std::collections::BTreeMap;

use kernel::Time;
use kernel::message::risk::{CounterId, Window};
use kernel::message::rules::{PaymentRules, Velocity};

use crate::payment::{Failure, FailureCode, Payment};
use crate::payments::Payments;

/// What was paid within a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counter {
    /// Which.
    pub id: CounterId,
    /// Its slots, by their beginning in microseconds.
    pub slots: BTreeMap<i64, Slot>,
}

/// What was paid within one slot of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slot {
    /// How many payments.
    pub count: i64,
    /// How much, in minor units; 0 where only payments are counted.
    pub sum: i64,
    /// How often it was changed.
    pub changes: i64,
    /// From when on it does not count any more.
    pub until: Time,
}

/// What a counter is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// A payment of this moment counts.
    Count {
        /// When it was opened.
        at: Time,
        /// The counter's window.
        window: Window,
        /// What it adds.
        minor: i64,
    },
    /// It does not after all.
    GiveBack {
        /// When it was opened.
        at: Time,
        /// The counter's window.
        window: Window,
        /// What it had added.
        minor: i64,
    },
    /// Its time is over.
    Clean,
}

impl Counter {
    /// One in which nothing counts.
    pub const fn new(id: CounterId) -> Self {
        Self { id, slots: BTreeMap::new() }
    }

    /// How many payments count now, and how much they are.
    pub fn at(&self, now: Time) -> (i64, i64) {
        let counting = self.slots.values().filter(|slot| slot.until > now);
        counting.fold((0, 0), |(count, sum), slot| (slot.count.saturating_add(count), slot.sum.saturating_add(sum)))
    }

    /// Takes a command; what is too old to count is forgotten with it.
    pub fn handle(&mut self, command: Command, now: Time) {
        self.slots.retain(|_, slot| slot.until > now);
        match command {
            Command::Count { at, window, minor } => self.change(at, window, (1, minor), now),
            Command::GiveBack { at, window, minor } => self.change(at, window, (-1, -minor), now),
            Command::Clean => {}
        }
    }

    fn change(&mut self, at: Time, window: Window, (count, sum): (i64, i64), now: Time) {
        let place = window.slot(at);
        let until = window.until(place);
        if until > now {
            let slot = self.slots.entry(place).or_insert(Slot { count: 0, sum: 0, changes: 0, until });
            slot.count = slot.count.saturating_add(count);
            slot.sum = slot.sum.saturating_add(sum);
            slot.changes += 1;
        }
    }

    /// Whether nothing is left of it.
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// When the last of it is too old to count.
    pub fn timer(&self) -> Option<Time> {
        self.slots.values().map(|slot| slot.until).max()
    }
}

/// The limits that concern a payment of a trade.
pub fn of(payment: &Payment, rules: &dyn PaymentRules) -> Vec<Velocity> {
    // A share of another payment is counted there.
    if payment.parent.is_some() {
        return Vec::new();
    }
    let tools = payment.tools();
    rules.velocity(&payment.paying(&tools))
}

/// The first limit that a payment would break, by what the counters say and what payments that it replaces give back.
pub(crate) fn exceeded(
    limits: &[Velocity],
    replaced: &[Velocity],
    counters: &BTreeMap<CounterId, Counter>,
    now: Time,
) -> Option<Failure> {
    let breaks = |limit: &&Velocity| {
        let (count, sum) = counters.get(&limit.counter).map_or((0, 0), |counter| counter.at(now));
        let given_back = replaced.iter().filter(|other| other.counter == limit.counter);
        let (count, sum) = given_back.fold((count, sum), |(count, sum), other| (count - 1, sum - other.minor));
        limit.count.is_some_and(|most| count.saturating_add(1) > most)
            || limit.sum.is_some_and(|most| sum.saturating_add(limit.minor) > most)
    };
    let limit = &limits.iter().find(breaks)?.refusal;
    let message =
        format!("rule `{}` of book `{}`, version {}: {}", limit.rule, limit.book, limit.rule_version, limit.why);
    Some(Failure { code: FailureCode::VelocityExceeded, message })
}

/// What counters are to be told of a change of a trade's payments: whoever counts now and did not before, and the other
/// way round.
pub(crate) fn told(before: &Payments, after: &Payments, rules: &dyn PaymentRules) -> Vec<(CounterId, Command)> {
    let mut told = Vec::new();
    for payment in &after.payments {
        let counted = before.payment(payment.no).is_some_and(|payment| payment.status.counts());
        let (at, counts) = (payment.created_at, payment.status.counts());
        if counted != counts {
            told.extend(of(payment, rules).into_iter().map(|Velocity { counter, window, minor, .. }| {
                let command = match counts {
                    true => Command::Count { at, window, minor },
                    false => Command::GiveBack { at, window, minor },
                };
                (counter, command)
            }));
        }
    }
    told
}

#[cfg(test)]
mod tests {
    use kernel::RootId;
    use kernel::time::{DAY_US, HOUR_US, MINUTE_US};

    use super::*;

    const NOW: Time = Time::from_micros(1_796_077_800_000_000);
    const WINDOW: Window = Window::Last(DAY_US);

    fn count(counter: &mut Counter, at: Time, minor: i64) {
        counter.handle(Command::Count { at, window: WINDOW, minor }, at);
    }

    #[test]
    fn what_is_older_than_the_window_does_not_count() {
        let mut counter = Counter::new(CounterId(RootId::from_bytes([7; 16])));
        count(&mut counter, NOW, 100);
        count(&mut counter, NOW.plus(MINUTE_US), 20);
        count(&mut counter, NOW.plus(5 * HOUR_US), 3);
        assert_eq!((counter.slots.len(), counter.at(NOW.plus(5 * HOUR_US))), (2, (3, 123)));
        assert_eq!(counter.at(NOW.plus(DAY_US)), (3, 123), "a day later it still counts");
        assert_eq!(counter.at(NOW.plus(DAY_US + HOUR_US)), (1, 3), "and not an hour after that");
        count(&mut counter, NOW.plus(DAY_US + HOUR_US), 1);
        assert_eq!(counter.slots.len(), 2, "what is too old goes with the next change");
        assert_eq!(counter.timer(), Some(WINDOW.until(WINDOW.slot(NOW.plus(DAY_US + HOUR_US)))));
        counter.handle(Command::Clean, NOW.plus(5 * DAY_US));
        assert!(counter.is_empty());
    }

    #[test]
    fn what_is_given_back_is_given_back_where_it_was_counted() {
        let mut counter = Counter::new(CounterId(RootId::from_bytes([7; 16])));
        count(&mut counter, NOW, 100);
        count(&mut counter, NOW.plus(2 * HOUR_US), 20);
        let back = Command::GiveBack { at: NOW, window: WINDOW, minor: 100 };
        counter.handle(back, NOW.plus(3 * HOUR_US));
        assert_eq!(counter.at(NOW.plus(3 * HOUR_US)), (1, 20));
        assert_eq!(counter.slots.get(&WINDOW.slot(NOW)).map(|slot| (slot.count, slot.changes)), Some((0, 2)));
        counter.handle(back, NOW.plus(2 * DAY_US));
        assert!(counter.is_empty(), "what does not count any more cannot be given back");
    }
}
