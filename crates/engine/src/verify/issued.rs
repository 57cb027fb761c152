//! What is issued to users, coupons, gifts and points: what the rows say of each other, and the timers of their states.

use std::collections::BTreeSet;

use kernel::{CouponId, CreditLineId, GiftId, PointsGrantId, RootId};
use store::invariants::{COUPONS_AFTER, GIFTS_AFTER, GRANTS_AFTER, LINES_AFTER, Over};
use store::tables::payment::{CouponRow, CreditLineRow, GiftRow, PointsGrantRow};
use store::unit::{Key, Memory};
use store::{Cell, Row as _, Statement, StoreError, Table};

use super::{Checked, Report, Scene, bytes, id, statements, tasks};
use crate::line::Task;
use crate::tasks::{coupon_timer, gift_timer, line_timer};

/// Ids read at once.
const CHUNK: i64 = 1_000;

/// A sort of things that are issued.
struct Sort {
    table: &'static Table,
    ids: &'static Statement,
    over: Over,
    name: fn(RootId) -> String,
    key: fn(RootId) -> Key,
    timer: fn(&Memory, RootId) -> BTreeSet<Task>,
    count: fn(&mut Checked) -> &mut u64,
}

const COUPONS: Sort = Sort {
    table: CouponRow::TABLE,
    ids: &COUPONS_AFTER,
    over: Over::Coupons,
    name: |id| CouponId(id).to_string(),
    key: |id| Key::Coupon(CouponId(id)),
    timer: |memory, id| coupon_timer(memory, CouponId(id)),
    count: |checked| &mut checked.coupons,
};

const GIFTS: Sort = Sort {
    table: GiftRow::TABLE,
    ids: &GIFTS_AFTER,
    over: Over::Gifts,
    name: |id| GiftId(id).to_string(),
    key: |id| Key::Gift(GiftId(id)),
    timer: |memory, id| gift_timer(memory, GiftId(id)),
    count: |checked| &mut checked.gifts,
};

const GRANTS: Sort = Sort {
    table: PointsGrantRow::TABLE,
    ids: &GRANTS_AFTER,
    over: Over::Grants,
    name: |id| PointsGrantId(id).to_string(),
    key: |id| Key::PointsGrant(PointsGrantId(id)),
    // Points that were given wait for nothing.
    timer: |_, _| BTreeSet::new(),
    count: |checked| &mut checked.grants,
};

const LINES: Sort = Sort {
    table: CreditLineRow::TABLE,
    ids: &LINES_AFTER,
    over: Over::Lines,
    name: |id| CreditLineId(id).to_string(),
    key: |id| Key::CreditLine(CreditLineId(id)),
    timer: |memory, id| line_timer(memory, CreditLineId(id)),
    count: |checked| &mut checked.credit_lines,
};

/// Checks every one of them, range by range.
pub(super) async fn check(scene: &Scene<'_>, report: &mut Report) -> Result<(), StoreError> {
    check_sort(scene, &COUPONS, report).await?;
    check_sort(scene, &GIFTS, report).await?;
    check_sort(scene, &GRANTS, report).await?;
    check_sort(scene, &LINES, report).await
}

async fn check_sort(scene: &Scene<'_>, sort: &Sort, report: &mut Report) -> Result<(), StoreError> {
    let mut after: Vec<u8> = Vec::new();
    loop {
        let params = vec![Cell::Int(scene.shard), bytes(&after), Cell::Int(CHUNK)];
        let rows = scene.query(sort.ids, params).await?;
        *(sort.count)(&mut report.checked) += rows.len() as u64;
        let upto = statements::end_of(&rows, CHUNK);
        statements::over(scene, sort.over, &[bytes(&after), bytes(&upto)], report).await?;
        let ids: Vec<RootId> = rows.iter().filter_map(|row| id(row)).map(RootId::from_bytes).collect();
        for id in &ids {
            scene.check_home(id.bucket(), sort.table, (sort.name)(*id), report);
        }
        check_timers(scene, sort, &ids, report).await?;
        if upto == statements::LAST {
            return Ok(());
        }
        after = upto;
    }
}

async fn check_timers(scene: &Scene<'_>, sort: &Sort, ids: &[RootId], report: &mut Report) -> Result<(), StoreError> {
    let keys: BTreeSet<Key> = ids.iter().map(|id| (sort.key)(*id)).collect();
    let mut memory = Memory::default();
    let rows = scene.reader.load(scene.shard, Memory::asks(&keys)).await?.rows;
    if memory.absorb(&keys, rows).is_err() {
        // One of them fits no state: each by itself.
        for id in ids {
            let keys = BTreeSet::from([(sort.key)(*id)]);
            let rows = scene.reader.load(scene.shard, Memory::asks(&keys)).await?.rows;
            if let Err(error) = memory.absorb(&keys, rows) {
                report.note_unfit(sort.table, (sort.name)(*id), &error);
            }
        }
    }
    let wanted = ids.iter().flat_map(|id| (sort.timer)(&memory, *id)).collect();
    tasks::check_timers(scene, &wanted, report).await
}
