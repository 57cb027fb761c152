//! The institution's records in the store: read in bulk, written in bulk.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use channel::sandbox::bank::BankOrder;
use channel::sandbox::statement as paper;
use kernel::Time;
use store::tables::bank::{AFTER, BankOrder as Row, NEXT_DUE};
use store::{Applied, Ask, Cell, Change, Reader, Row as _, Side, Step, StoreError};

/// Any shard will do to read beside: the records belong to none.
const SHARD: i64 = kernel::Shards::FIRST;
/// Records read at a time for a statement.
const PAGE: i64 = 1_000;

/// The records, as a place to read and write.
pub(super) struct Records {
    reader: Arc<dyn Reader>,
    side: Box<dyn Side>,
}

/// Records under work; what was put is what is saved.
#[derive(Default)]
pub(super) struct Open {
    read: BTreeMap<String, BankOrder>,
    put: BTreeMap<String, BankOrder>,
}

impl Open {
    pub(super) fn get(&self, number: &str) -> Option<BankOrder> {
        self.put.get(number).or_else(|| self.read.get(number)).cloned()
    }

    pub(super) fn all(&self) -> Vec<(String, BankOrder)> {
        self.read.clone().into_iter().collect()
    }

    /// A record that did not change is not saved.
    pub(super) fn put(&mut self, number: String, order: BankOrder) {
        if self.read.get(&number) == Some(&order) {
            self.put.remove(&number);
        } else {
            self.put.insert(number, order);
        }
    }

    /// When the first letter of what was put is due.
    pub(super) fn first_due(&self) -> Option<i64> {
        self.put.values().filter_map(BankOrder::due).min()
    }
}

impl Records {
    pub(super) fn new(reader: Arc<dyn Reader>, side: Box<dyn Side>) -> Self {
        Self { reader, side }
    }

    /// The records of these numbers, in one read.
    pub(super) async fn load<'a>(&mut self, numbers: impl Iterator<Item = &'a str>) -> Result<Open, StoreError> {
        let numbers: BTreeSet<&str> = numbers.collect();
        let keys = numbers.into_iter().map(|number| vec![Cell::text(number)]).collect();
        let snapshot = self.reader.load(SHARD, vec![Ask { table: Row::TABLE, keys }]).await?;
        open(snapshot.rows.into_iter().flatten())
    }

    /// The records with letters that are due, at most `limit`, and when the next one after them is.
    pub(super) async fn due(&mut self, now: Time, limit: usize) -> Result<(Open, i64), StoreError> {
        let wanted = i64::try_from(limit).unwrap_or(i64::MAX).saturating_add(1);
        let rows = self.reader.query(&NEXT_DUE, vec![Cell::Int(wanted)]).await?;
        let mut rows = rows.into_iter().map(Row::from_cells).collect::<Result<Vec<_>, _>>()?;
        let later = rows.iter().skip(limit).chain(rows.iter().filter(|row| !is_due(row, now)));
        let next_due = later.filter_map(|row| row.due).min().unwrap_or(i64::MAX);
        rows.truncate(limit);
        rows.retain(|row| is_due(row, now));
        Ok((open(rows.into_iter().map(|row| row.cells()))?, next_due))
    }

    /// Saves what was put, in one transaction.
    pub(super) async fn save(&mut self, open: Open) -> Result<(), StoreError> {
        if open.put.is_empty() {
            return Ok(());
        }
        let mut change = Change::of(Row::TABLE);
        for (number, order) in open.put {
            let body = serde_json::to_string(&order).map_err(|error| broken(&error))?;
            change.upserts.push(Row { number: number.into(), due: order.due(), body: body.into() }.cells());
        }
        match self.side.transaction(vec![Step::Change(change)], false).await? {
            Applied::Done(_) => Ok(()),
            Applied::Refused { .. } | Applied::Unknown => {
                Err(StoreError::Unreachable { detail: "the answer of a commit was lost".to_owned() })
            }
        }
    }
}

fn is_due(row: &Row, now: Time) -> bool {
    row.due.is_some_and(|due| due <= now.micros())
}

fn open(rows: impl Iterator<Item = Vec<Cell>>) -> Result<Open, StoreError> {
    let mut read = BTreeMap::new();
    for row in rows {
        let row = Row::from_cells(row)?;
        read.insert(row.number.into(), serde_json::from_str(&row.body).map_err(|error| broken(&error))?);
    }
    Ok(Open { read, put: BTreeMap::new() })
}

fn broken(error: &serde_json::Error) -> StoreError {
    StoreError::Broken { detail: format!("a record of the sandbox is none: {error}") }
}

/// The institution's statement of a period, as it would send it.
pub(crate) async fn statement(reader: &dyn Reader, from: Time, until: Time) -> Result<Vec<u8>, StoreError> {
    let mut records: Vec<BankOrder> = Vec::new();
    let mut after = String::new();
    loop {
        let rows = reader.query(&AFTER, vec![Cell::text(after.as_str()), Cell::Int(PAGE)]).await?;
        let page = open(rows.into_iter())?;
        let Some((last, _)) = page.read.last_key_value() else { break };
        after.clone_from(last);
        // What cannot have moved money in the period is not kept in memory.
        records.extend(page.read.into_values().filter(|order| moved(order, from, until)));
    }
    Ok(paper::write(from, until, &records))
}

fn moved(order: &BankOrder, from: Time, until: Time) -> bool {
    let steps = order.steps.iter().chain(order.refunds.iter().flat_map(|refund| &refund.steps));
    steps.into_iter().any(|step| (from.micros()..until.micros()).contains(&step.at))
}
