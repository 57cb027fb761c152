//! Tasks against the states: every timer of a state is a task, and every task a timer of a state.

use std::collections::BTreeSet;

use kernel::message::risk::CounterId;
use kernel::{BillId, CouponId, CreditLineId, GiftId, RootId, TradeId};
use store::invariants::TASKS_AFTER;
use store::tables::shard::Task as TaskRow;
use store::unit::{Key, Memory};
use store::{Ask, Cell, Row as _, StoreError};

use super::{Report, Scene, bytes, key};
use crate::line::Task;
use crate::tasks::{
    BILL_DUE, COUNTER_CLEAN, COUPON_EXPIRE, CREDIT_BILL, GIFT_EXPIRE, bill_timer, counter_timer, coupon_timer,
    gift_timer, line_timer, timers,
};

/// Tasks read at once.
const CHUNK: i64 = 500;

/// Every task is a timer of a state.
pub(super) async fn check(scene: &Scene<'_>, report: &mut Report) -> Result<(), StoreError> {
    let mut after = vec![Cell::Int(i64::MIN), bytes(&[]), Cell::Int(0), Cell::text("")];
    loop {
        let mut params = vec![Cell::Int(scene.shard)];
        params.extend(after);
        params.push(Cell::Int(CHUNK));
        let rows = scene.query(&TASKS_AFTER, params).await?;
        report.checked.tasks += rows.len() as u64;
        let Some(last) = rows.last() else { return Ok(()) };
        after = last.get(1..TaskRow::TABLE.key).unwrap_or_default().to_vec();
        let suspects = rows.into_iter().filter_map(|row| report.read::<TaskRow>(row)).collect();
        settle(scene, suspects, report).await?;
    }
}

/// Each of these timers of states is a task.
pub(super) async fn check_timers(
    scene: &Scene<'_>,
    wanted: &BTreeSet<Task>,
    report: &mut Report,
) -> Result<(), StoreError> {
    if wanted.is_empty() {
        return Ok(());
    }
    let rows: Vec<TaskRow> = wanted.iter().map(|task| row(scene.shard, task)).collect();
    let there = present(scene, &rows).await?;
    let suspects: Vec<TaskRow> = rows.into_iter().filter(|row| !there.contains(&place(row))).collect();
    if suspects.is_empty() { Ok(()) } else { settle(scene, suspects, report).await }
}

/// Looks at these tasks and the states they are about as of one moment.
async fn settle(scene: &Scene<'_>, suspects: Vec<TaskRow>, report: &mut Report) -> Result<(), StoreError> {
    let keys: BTreeSet<Key> = suspects.iter().flat_map(states_of).collect();
    let mut asks = vec![ask(&suspects)];
    asks.extend(Memory::asks(&keys));
    let mut rows = scene.reader.load(scene.shard, asks).await?.rows;
    let tasks = if rows.is_empty() { Vec::new() } else { rows.remove(0) };
    let tasks = tasks.into_iter().filter_map(|row| TaskRow::from_cells(row).ok());
    let there: BTreeSet<Place> = tasks.map(|row| place(&row)).collect();
    let mut memory = Memory::default();
    // A state that cannot be read is named where states are looked at.
    if memory.absorb(&keys, rows).is_err() {
        return Ok(());
    }
    let nothing = Memory::default();
    let mut wanted = BTreeSet::new();
    for key in &keys {
        let of_state = match key {
            Key::Trade(trade) => timers(&memory, &nothing, *trade),
            Key::Coupon(coupon) => coupon_timer(&memory, *coupon),
            Key::Gift(gift) => gift_timer(&memory, *gift),
            Key::Counter(counter) => counter_timer(&memory, *counter),
            Key::CreditLine(line) => line_timer(&memory, *line),
            Key::Bill(bill) => bill_timer(&memory, *bill),
            _ => BTreeSet::new(),
        };
        wanted.extend(of_state.iter().map(|task| place(&row(scene.shard, task))));
    }
    for suspect in &suspects {
        let of = place(suspect);
        let what = match (there.contains(&of), wanted.contains(&of)) {
            (true, false) => "no state waits for it",
            (false, true) => "is missing: a state waits for it",
            (true, true) | (false, false) => continue,
        };
        report.note("I32", TaskRow::TABLE, key::of_row(TaskRow::TABLE, &suspect.clone().cells()), what);
    }
    Ok(())
}

async fn present(scene: &Scene<'_>, rows: &[TaskRow]) -> Result<BTreeSet<Place>, StoreError> {
    let snapshot = scene.reader.load(scene.shard, vec![ask(rows)]).await?;
    let rows = snapshot.rows.into_iter().flatten().filter_map(|row| TaskRow::from_cells(row).ok());
    Ok(rows.map(|row| place(&row)).collect())
}

/// What a task is found by.
type Place = (i64, [u8; 16], i64, String);

fn place(row: &TaskRow) -> Place {
    (row.due, row.tree, row.no, row.kind.clone().into())
}

fn ask(rows: &[TaskRow]) -> Ask {
    let keys =
        rows.iter().map(|row| row.clone().cells().get(1..TaskRow::TABLE.key).unwrap_or_default().to_vec()).collect();
    Ask { table: TaskRow::TABLE, keys }
}

fn row(shard: i64, task: &Task) -> TaskRow {
    let (due, tree, no, kind) = (task.due.micros(), task.tree.bytes(), i64::from(task.no), task.kind.to_owned());
    TaskRow { shard, due, tree, no, kind: kind.into(), attempts: 0 }
}

fn states_of(row: &TaskRow) -> Vec<Key> {
    let root = RootId::from_bytes(row.tree);
    match row.kind.as_str() {
        COUPON_EXPIRE => vec![Key::Coupon(CouponId(root))],
        GIFT_EXPIRE => vec![Key::Gift(GiftId(root))],
        CREDIT_BILL => vec![Key::CreditLine(CreditLineId(root))],
        BILL_DUE => {
            u16::try_from(row.no).map(|no| Key::Bill(BillId::new(CreditLineId(root), no))).into_iter().collect()
        }
        COUNTER_CLEAN => vec![Key::Counter(CounterId(root))],
        _ => vec![Key::Trade(TradeId(root)), Key::Orders(TradeId(root))],
    }
}
