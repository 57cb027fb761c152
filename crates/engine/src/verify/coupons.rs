//! Coupons: what the rows say of each other, and the timers of their states.

use std::collections::BTreeSet;

use kernel::{CouponId, RootId};
use store::invariants::{COUPONS_AFTER, Over};
use store::tables::payment::CouponRow;
use store::unit::{Key, Memory};
use store::{Cell, Row as _, StoreError};

use super::{Report, Scene, bytes, id, statements, tasks};
use crate::tasks::coupon_timer;

/// Coupons read at once.
const CHUNK: i64 = 1_000;

/// Checks every coupon, range by range.
pub(super) async fn check(scene: &Scene<'_>, report: &mut Report) -> Result<(), StoreError> {
    let mut after: Vec<u8> = Vec::new();
    loop {
        let params = vec![Cell::Int(scene.shard), bytes(&after), Cell::Int(CHUNK)];
        let ids = scene.query(&COUPONS_AFTER, params).await?;
        report.checked.coupons += ids.len() as u64;
        let upto = statements::end_of(&ids, CHUNK);
        statements::over(scene, Over::Coupons, &[bytes(&after), bytes(&upto)], report).await?;
        let coupons: Vec<_> =
            ids.iter().filter_map(|row| id(row)).map(|bytes| CouponId(RootId::from_bytes(bytes))).collect();
        for coupon in &coupons {
            scene.check_home(coupon.0.bucket(), CouponRow::TABLE, coupon.to_string(), report);
        }
        check_timers(scene, coupons, report).await?;
        if upto == statements::LAST {
            return Ok(());
        }
        after = upto;
    }
}

async fn check_timers(scene: &Scene<'_>, coupons: Vec<CouponId>, report: &mut Report) -> Result<(), StoreError> {
    let keys: BTreeSet<Key> = coupons.iter().map(|coupon| Key::Coupon(*coupon)).collect();
    let mut memory = Memory::default();
    let rows = scene.reader.load(scene.shard, Memory::asks(&keys)).await?.rows;
    if memory.absorb(&keys, rows).is_err() {
        // One of them fits no state: each by itself.
        for key in keys {
            let keys = BTreeSet::from([key]);
            let rows = scene.reader.load(scene.shard, Memory::asks(&keys)).await?.rows;
            if let (Err(error), Key::Coupon(coupon)) = (memory.absorb(&keys, rows), key) {
                report.note_unfit(CouponRow::TABLE, coupon.to_string(), &error);
            }
        }
    }
    let wanted = coupons.iter().flat_map(|coupon| coupon_timer(&memory, *coupon)).collect();
    tasks::check_timers(scene, &wanted, report).await
}
