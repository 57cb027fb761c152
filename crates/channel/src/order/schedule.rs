//! When an order is acted on and asked about next (补单): exponential, with jitter, within bounds, never in a hurry
//! to repeat a call whose fate is unknown.
//!
//! Both due times are fields of the order, so a restart forgets nothing and the engine's task rows follow from the state.
//! A call that starts much later than it was due may have been made by a process that died: it asks first.

use kernel::Time;

use super::{Job, Known, Order, Orders, PayStatus, Source, Told};
use crate::adapter::{Call, Task};
use crate::profile::{Operation, Profile};

/// What is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TimerKind {
    /// Make the pay or refund call.
    Call,
    /// Ask what became of the order.
    Query,
    /// Ask the institution to close the order.
    Close,
}

impl TimerKind {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::Call, Self::Query, Self::Close];

    /// The one word used in SQL and pages.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Call => "call",
            Self::Query => "query",
            Self::Close => "close",
        }
    }

    /// Reads the word back.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.as_str() == text)
    }
}

/// Something that an order waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timer {
    /// What is due.
    pub kind: TimerKind,
    /// The order's number.
    pub no: u16,
    /// When.
    pub due: Time,
}

/// The counters and due times of an order after a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// Pay, refund and close calls made.
    pub attempts: u16,
    /// Queries made.
    pub queries: u16,
    /// When the next pay, refund or close call is due.
    pub next_call_at: Option<Time>,
    /// When the next query is due.
    pub next_query_at: Option<Time>,
}

impl Orders {
    /// What is due when; a function of the state.
    pub fn timers(&self) -> Vec<Timer> {
        self.orders.iter().flat_map(Order::timers).collect()
    }

    /// The call that a due timer stands for, `None` where it has lapsed meanwhile.
    pub fn request(&self, no: u16, kind: TimerKind, known: &Known) -> Option<Call> {
        let order = self.get(no)?;
        let profile = known.profile(&order.channel_account);
        let task = match (kind, &order.job) {
            (TimerKind::Query, _) => order.next_query_at.map(|_| order.query())?,
            (TimerKind::Close, Job::Pay { .. }) if order.closing => order.next_call_at.map(|_| Task::Close)?,
            (TimerKind::Close, Job::Pay { .. } | Job::Refund { .. } | Job::Payout { .. }) => return None,
            (TimerKind::Call, _) if order.closing => return None,
            (TimerKind::Call, _) => {
                let due = order.next_call_at?;
                let late = known.now.since(due) > millis(profile.call_timeout_ms);
                if late || known.now >= order.lifetime_until { order.query() } else { self.act(order)? }
            }
        };
        let order_id = kernel::OrderId::new(self.trade, no);
        Some(Call { order: order_id, channel_account: order.channel_account.clone(), task })
    }

    /// `None` for a payout that does not say where it goes; none is placed.
    fn act(&self, order: &Order) -> Option<Task> {
        Some(match &order.job {
            Job::Pay { .. } => Task::Pay {
                method: order.method.clone(),
                money: order.money,
                expires_at: order.lifetime_until,
                sandbox: order.sandbox.clone(),
            },
            Job::Refund { of, .. } => Task::Refund { of: *of, money: order.money, sandbox: order.sandbox.clone() },
            Job::Payout { .. } => Task::Payout { to: order.destination.clone()?, money: order.money },
        })
    }
}

impl Order {
    fn timers(&self) -> impl Iterator<Item = Timer> {
        let act = if self.closing { TimerKind::Close } else { TimerKind::Call };
        let call = self.next_call_at.map(|due| Timer { kind: act, no: self.no, due });
        let query = self.next_query_at.map(|due| Timer { kind: TimerKind::Query, no: self.no, due });
        call.into_iter().chain(query)
    }

    fn query(&self) -> Task {
        match &self.job {
            Job::Pay { .. } => Task::Query,
            Job::Refund { of, .. } => Task::QueryRefund { of: *of },
            Job::Payout { .. } => Task::QueryPayout,
        }
    }

    /// When the first close call is due: at once where the institution has answered, else when a pay call that may be
    /// under way has had its time.
    pub(super) fn first_close(&self, known: &Known) -> Option<Time> {
        let profile = known.profile(&self.channel_account);
        if !profile.can(Operation::Close) {
            return None;
        }
        match &self.job {
            Job::Pay { status: PayStatus::Sent, .. } => Some(known.now.plus(millis(profile.call_timeout_ms))),
            Job::Pay { .. } | Job::Refund { .. } | Job::Payout { .. } => Some(known.now),
        }
    }

    /// The schedule after a word; `self` is the order after the word's other effects, `before` the one before them.
    pub(super) fn schedule(&self, before: &Self, told: &Told, send_again: bool, known: &Known) -> Schedule {
        let attempts = self.attempts.saturating_add(u16::from(told.source == Source::Answer));
        let queries = self.queries.saturating_add(u16::from(told.source == Source::Query));
        let mut schedule = Schedule { attempts, queries, next_call_at: None, next_query_at: None };
        if !self.is_open() {
            return schedule;
        }
        let profile = known.profile(&self.channel_account);
        schedule.next_call_at = if self.closing {
            self.next_close(before, told, attempts, profile, known)
        } else if send_again {
            Some(known.now)
        } else if told.source == Source::Notify && !self.is_pending() {
            self.next_call_at
        } else {
            None
        };
        schedule.next_query_at = if schedule.next_call_at == Some(known.now) && send_again {
            None
        } else if told.source == Source::Query || self.next_query_at.is_none() {
            Some(self.next_query(queries, profile, known))
        } else {
            self.next_query_at
        };
        schedule
    }

    /// A closing order that the institution has just taken is closed at once; one that it still has after an answer is
    /// tried again later; for one that nobody knows of there is nothing to close yet.
    fn next_close(&self, before: &Self, told: &Told, attempts: u16, profile: &Profile, known: &Known) -> Option<Time> {
        if !profile.can(Operation::Close) {
            None
        } else if self.is_pending() && !before.is_pending() {
            Some(known.now)
        } else if told.source != Source::Answer {
            self.next_call_at
        } else if self.is_pending() {
            Some(known.now.plus(backoff(profile, attempts, known.jitter)))
        } else {
            None
        }
    }

    /// Backs off, but is there when the lifetime ends and when the grace ends; hourly or so once people were told.
    fn next_query(&self, queries: u16, profile: &Profile, known: &Known) -> Time {
        let silent_at = self.silent_at(profile);
        if known.now >= silent_at {
            return known.now.plus(spread(millis(profile.silent_query_ms), known.jitter));
        }
        let next = known.now.plus(backoff(profile, queries, known.jitter));
        let bound = if known.now < self.lifetime_until { self.lifetime_until } else { silent_at };
        next.min(bound)
    }

    /// When people are told that there is still no final word.
    pub(super) fn silent_at(&self, profile: &Profile) -> Time {
        self.lifetime_until.plus(i64::from(profile.grace_s).saturating_mul(kernel::time::SECOND_US))
    }
}

const fn millis(ms: u32) -> i64 {
    ms as i64 * 1_000
}

/// Microseconds to the next try after `tries` of them: doubled each time up to the most, then spread.
fn backoff(profile: &Profile, tries: u16, jitter: u32) -> i64 {
    let doublings = u32::from(tries.min(30));
    let wanted = millis(profile.first_query_ms).saturating_mul(1 << doublings);
    spread(wanted.min(millis(profile.max_query_ms)), jitter)
}

/// Three quarters to five quarters of a time, evenly by `jitter`, so that orders that failed together do not come back
/// together.
fn spread(micros: i64, jitter: u32) -> i64 {
    let share = (i128::from(micros) * i128::from(jitter)) >> 33;
    (micros - micros / 4).saturating_add(i64::try_from(share).unwrap_or(0)).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::FORGOTTEN;

    #[test]
    fn backoff_doubles_up_to_the_most_and_spreads_around_it() {
        let middle = 1 << 31;
        let profile = Profile { first_query_ms: 5_000, max_query_ms: 300_000, ..FORGOTTEN.clone() };
        let seconds = |tries| backoff(&profile, tries, middle) / 1_000_000;
        assert_eq!([0, 1, 2, 3, 6, 7, u16::MAX].map(seconds), [5, 10, 20, 40, 300, 300, 300]);
        assert_eq!(spread(4_000_000, 0), 3_000_000);
        assert_eq!(spread(4_000_000, u32::MAX), 4_999_999);
        assert_eq!(spread(0, 0), 1, "never at once: a loop would not end");
    }
}
