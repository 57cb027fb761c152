//! Tasks: what must be done at a time, as rows.
//!
//! Timers are a function of the state, so a batch adds and takes away exactly the difference between the timers of what
//! was committed and of what it decided; there is no second bookkeeping that could disagree.

use std::collections::BTreeSet;
use std::sync::Arc;

use kernel::{Time, TradeId};
use store::Row as _;
use store::door::Cell;
use store::tables::shard::Task as Row;
use store::unit::{Changes, Memory};

use crate::line::Task;

/// The timers of one trade's tree.
fn timers(memory: &Memory, committed: &Memory, trade: TradeId) -> BTreeSet<Task> {
    let mut tasks = BTreeSet::new();
    let root = memory.trades.get(&trade).or_else(|| committed.trades.get(&trade));
    if let Some(Some(state)) = root {
        tasks.extend(state.timers().into_iter().map(|timer| Task {
            due: timer.due,
            trade,
            no: timer.no,
            kind: timer.kind.as_str(),
        }));
    }
    let orders = memory.orders.get(&trade).or_else(|| committed.orders.get(&trade));
    if let Some(Some(state)) = orders {
        tasks.extend(state.timers().into_iter().map(|timer| Task {
            due: timer.due,
            trade,
            no: timer.no,
            kind: timer.kind.as_str(),
        }));
    }
    tasks
}

/// Trades of which any part changed.
pub fn touched(committed: &Memory, decided: &Memory) -> BTreeSet<TradeId> {
    let mut trees = BTreeSet::new();
    trees.extend(changed(&committed.trades, &decided.trades));
    trees.extend(changed(&committed.payments, &decided.payments));
    trees.extend(changed(&committed.orders, &decided.orders));
    trees
}

fn changed<'a, T>(
    committed: &'a store::unit::Place2<TradeId, T>,
    decided: &'a store::unit::Place2<TradeId, T>,
) -> impl Iterator<Item = TradeId> + 'a {
    decided.iter().filter_map(move |(trade, new)| {
        let same = match (committed.get(trade), new) {
            (Some(Some(old)), Some(new)) => Arc::ptr_eq(old, new),
            (None | Some(None), None) => true,
            _ => false,
        };
        (!same).then_some(*trade)
    })
}

/// Adds the task rows that come and go; returns those that come.
pub fn changes(shard: i64, committed: &Memory, decided: &Memory, changes: &mut Changes) -> Vec<Task> {
    let nothing = Memory::default();
    let mut added = Vec::new();
    for trade in touched(committed, decided) {
        let before = timers(committed, &nothing, trade);
        let after = timers(decided, committed, trade);
        for task in before.difference(&after) {
            changes.delete(Row::TABLE, key(shard, task));
        }
        for task in after.difference(&before) {
            changes.insert(Row::TABLE, row(shard, task));
            added.push(task.clone());
        }
    }
    added
}

fn row(shard: i64, task: &Task) -> Vec<Cell> {
    Row {
        shard,
        due: task.due.micros(),
        tree: task.trade.0.bytes(),
        no: i64::from(task.no),
        kind: task.kind.to_owned(),
        attempts: 0,
    }
    .cells()
}

fn key(shard: i64, task: &Task) -> Vec<Cell> {
    let mut cells = row(shard, task);
    cells.truncate(Row::TABLE.key);
    cells
}

/// The time of a task row.
pub fn due(row: &Row) -> Time {
    Time::from_micros(row.due)
}
