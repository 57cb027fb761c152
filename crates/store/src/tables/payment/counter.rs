//! Counters of velocity limits: a row per slot, so that what changes is one narrow row.

use kernel::Time;
use kernel::message::risk::CounterId;
use payment::Counter;
use payment::counter::Slot;

use crate::door::{Cell, Inconsistent};
use crate::unit::{Aggregate, TableRows, read_all};
use crate::{Row, row};

row! {
    /// What was paid within one slot of a counter. Whom it counts is in its id, as a hash.
    pub struct CounterRow in Main "counter" key 3 {
        /// The shard.
        pub shard: i64,
        /// The counter.
        pub id: [u8; 16],
        /// The beginning of the slot, microseconds.
        pub slot: i64,
        /// How many payments of the slot took effect or still may.
        pub payments: i64,
        /// How much they are, minor units; 0 where only payments are counted.
        pub minor: i64,
        /// How often it was changed.
        pub changes: i64,
        /// From when on it does not count any more, microseconds.
        pub until: i64,
    }
    check "payments >= 0 AND minor >= 0 AND changes > 0 AND \"until\" > slot";
}

impl Aggregate for Counter {
    type Key = CounterId;
    const TABLES: &'static [&'static crate::Table] = &[CounterRow::TABLE];

    fn prefix(key: CounterId) -> Vec<Cell> {
        vec![Cell::bytes(key.0.bytes())]
    }

    fn rows(&self, shard: i64) -> TableRows {
        let row = |(begin, slot): (&i64, &Slot)| CounterRow {
            shard,
            id: self.id.0.bytes(),
            slot: *begin,
            payments: slot.count,
            minor: slot.sum,
            changes: slot.changes,
            until: slot.until.micros(),
        };
        vec![self.slots.iter().map(|slot| row(slot).cells()).collect()]
    }

    fn assemble(id: CounterId, rows: TableRows) -> Result<Option<Self>, Inconsistent> {
        let rows = read_all::<CounterRow>(rows.into_iter().next())?;
        let slot = |row: CounterRow| {
            let until = Time::from_micros(row.until);
            (row.slot, Slot { count: row.payments, sum: row.minor, changes: row.changes, until })
        };
        let counter = Self { id, slots: rows.into_iter().map(slot).collect() };
        Ok((!counter.is_empty()).then_some(counter))
    }
}
