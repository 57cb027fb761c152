//! Counters of velocity limits against the payments: each slot says how many took effect or still may, and how much they
//! are, as the versions of the rules say that planned them.
//!
//! Counters are read before the trees and after them. A slot that did not change in between was looked at as it stands; one
//! that did is left to the next verification, because payments are not read as of one moment.

use std::collections::{BTreeMap, BTreeSet};

use kernel::message::risk::CounterId;
use kernel::{PaymentId, RootId, Time};
use payment::Payments;
use payment::counter::{self, Slot};
use store::invariants::COUNTERS_AFTER;
use store::tables::payment::{CounterRow, PaymentRow};
use store::{Cell, Row as _, StoreError};
use trade::Trade;

use super::{Report, Scene, bytes, key, tasks};
use crate::control::Control;
use crate::line::Task;
use crate::planning::Planner;
use crate::tasks::COUNTER_CLEAN;

/// Rows read, and timers looked for, at once.
const CHUNK: usize = 1_000;

/// A counter and the beginning of a slot of it.
type Place = (CounterId, i64);

/// What payments say of counters.
pub(super) struct Counted<'a> {
    control: &'a Control,
    before: BTreeMap<Place, Slot>,
    wanted: BTreeMap<Place, Slot>,
}

impl<'a> Counted<'a> {
    /// Reads all counters, before any payment is looked at.
    pub(super) async fn begin(
        scene: &Scene<'_>,
        control: &'a Control,
        report: &mut Report,
    ) -> Result<Self, StoreError> {
        let before = read(scene, report).await?;
        report.checked.counters = before.len() as u64;
        Ok(Self { control, before, wanted: BTreeMap::new() })
    }

    /// Counts the payments of a trade.
    pub(super) fn count(&mut self, trade: &Trade, payments: &Payments, report: &mut Report) {
        let planner = Planner { control: self.control, trade };
        for payment in &payments.payments {
            if self.control.rules.version(payment.rule_version).is_none() {
                let id = PaymentId::new(trade.id, payment.no).to_string();
                report.note("I41", PaymentRow::TABLE, id, "was planned by rules that do not exist");
            }
            let counts = Some(payment).filter(|payment| payment.status.counts());
            for limit in counts.into_iter().flat_map(|payment| counter::of(payment, &planner)) {
                let slot = limit.window.slot(payment.created_at);
                let none = Slot { count: 0, sum: 0, changes: 0, until: limit.window.until(slot) };
                let wanted = self.wanted.entry((limit.counter, slot)).or_insert(none);
                wanted.count = wanted.count.saturating_add(1);
                wanted.sum = wanted.sum.saturating_add(limit.minor);
            }
        }
    }

    /// Reads all counters again and compares.
    pub(super) async fn end(self, scene: &Scene<'_>, report: &mut Report) -> Result<(), StoreError> {
        let after = read(scene, report).await?;
        let now = Time::from_micros(scene.reader.load(scene.shard, Vec::new()).await?.head.last_time);
        for (place, slot) in &after {
            let wanted = self.wanted.get(place).map_or((0, 0, slot.until), |slot| (slot.count, slot.sum, slot.until));
            let rests = self.before.get(place) == Some(slot);
            if rests && wanted != (slot.count, slot.sum, slot.until) {
                report.note("I41", CounterRow::TABLE, name(*place), "does not say what the payments say");
            }
        }
        let missing = self.wanted.iter().filter(|(place, slot)| {
            let there = after.contains_key(*place) || self.before.contains_key(*place);
            !there && slot.until > now
        });
        for (place, _) in missing {
            report.note("I41", CounterRow::TABLE, name(*place), "is missing: payments count in it");
        }
        check_timers(scene, &after, report).await
    }
}

async fn read(scene: &Scene<'_>, report: &mut Report) -> Result<BTreeMap<Place, Slot>, StoreError> {
    let mut slots = BTreeMap::new();
    let mut after = [bytes(&[]), Cell::Int(0)];
    loop {
        let [id, slot] = after;
        let params = vec![Cell::Int(scene.shard), id, slot, Cell::Int(CHUNK as i64)];
        let rows = scene.query(&COUNTERS_AFTER, params).await?;
        let Some([_, id, slot, ..]) = rows.last().map(Vec::as_slice) else { return Ok(slots) };
        after = [id.clone(), slot.clone()];
        let full = rows.len() >= CHUNK;
        for row in rows.into_iter().filter_map(|row| report.read::<CounterRow>(row)) {
            let until = Time::from_micros(row.until);
            let slot = Slot { count: row.payments, sum: row.minor, changes: row.changes, until };
            slots.insert((CounterId(RootId::from_bytes(row.id)), row.slot), slot);
        }
        if !full {
            return Ok(slots);
        }
    }
}

/// Each counter has the timer that cleans it.
async fn check_timers(scene: &Scene<'_>, slots: &BTreeMap<Place, Slot>, report: &mut Report) -> Result<(), StoreError> {
    let mut dues: BTreeMap<CounterId, Time> = BTreeMap::new();
    for ((counter, _), slot) in slots {
        let due = dues.entry(*counter).or_insert(slot.until);
        *due = slot.until.max(*due);
    }
    let task = |(counter, due): (CounterId, Time)| Task { due, tree: counter.0, no: 0, kind: COUNTER_CLEAN };
    let timers: Vec<Task> = dues.into_iter().map(task).collect();
    for timers in timers.chunks(CHUNK) {
        tasks::check_timers(scene, &BTreeSet::from_iter(timers.iter().cloned()), report).await?;
    }
    Ok(())
}

fn name((counter, slot): Place) -> String {
    key::of(CounterRow::TABLE, &[bytes(&counter.0.bytes()), Cell::Int(slot)])
}
