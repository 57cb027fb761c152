//! Tasks: what must be done at a time, as rows.
//!
//! Timers are a function of the state, so a batch adds and takes away exactly the difference between the timers of what
//! was committed and of what it decided; there is no second bookkeeping that could disagree.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use kernel::message::risk::CounterId;
use kernel::{BillId, CouponId, CreditLineId, GiftId, TradeId};
use store::tables::shard::Task as Row;
use store::unit::{Changes, Memory};
use store::{Cell, Row as _};

use crate::line::Task;

/// The timers of one trade's tree.
pub(crate) fn timers(memory: &Memory, committed: &Memory, trade: TradeId) -> BTreeSet<Task> {
    let mut tasks = BTreeSet::new();
    let root = memory.trades.get(&trade).or_else(|| committed.trades.get(&trade));
    if let Some(Some(state)) = root {
        tasks.extend(state.timers().into_iter().map(|timer| Task {
            due: timer.due,
            tree: trade.0,
            no: timer.no,
            kind: timer.kind.as_str(),
        }));
    }
    let orders = memory.orders.get(&trade).or_else(|| committed.orders.get(&trade));
    if let Some(Some(state)) = orders {
        tasks.extend(state.timers().into_iter().map(|timer| Task {
            due: timer.due,
            tree: trade.0,
            no: timer.no,
            kind: timer.kind.as_str(),
        }));
    }
    tasks
}

/// Trades of which something changed that their readers are shown. Orders are ours alone: one that is asked about again
/// and again changes nothing for those who wait.
pub fn shown(committed: &Memory, decided: &Memory) -> BTreeSet<TradeId> {
    let trades = changed(&committed.trades, &decided.trades);
    trades.chain(changed(&committed.payments, &decided.payments)).collect()
}

/// Trades of which any part changed.
fn touched(committed: &Memory, decided: &Memory) -> BTreeSet<TradeId> {
    let mut trees = shown(committed, decided);
    trees.extend(changed(&committed.orders, &decided.orders));
    trees
}

fn changed<'a, K: Ord + Copy, T>(
    committed: &'a BTreeMap<K, Option<Arc<T>>>,
    decided: &'a BTreeMap<K, Option<Arc<T>>>,
) -> impl Iterator<Item = K> + 'a {
    decided.iter().filter_map(move |(key, new)| {
        let same = match (committed.get(key), new) {
            (Some(Some(old)), Some(new)) => Arc::ptr_eq(old, new),
            (None | Some(None), None) => true,
            _ => false,
        };
        (!same).then_some(*key)
    })
}

/// The timer of one coupon.
pub(crate) fn coupon_timer(memory: &Memory, coupon: CouponId) -> BTreeSet<Task> {
    let state = memory.coupons.get(&coupon).and_then(Option::as_ref);
    let due = state.and_then(|coupon| coupon.timer());
    due.map(|due| Task { due, tree: coupon.0, no: 0, kind: COUPON_EXPIRE }).into_iter().collect()
}

/// The timer of one gift.
pub(crate) fn gift_timer(memory: &Memory, gift: GiftId) -> BTreeSet<Task> {
    let state = memory.gifts.get(&gift).and_then(Option::as_ref);
    let due = state.and_then(|gift| gift.timer());
    due.map(|due| Task { due, tree: gift.0, no: 0, kind: GIFT_EXPIRE }).into_iter().collect()
}

/// The timer of one credit line.
pub(crate) fn line_timer(memory: &Memory, line: CreditLineId) -> BTreeSet<Task> {
    let state = memory.credit_lines.get(&line).and_then(Option::as_ref);
    let due = state.and_then(|line| line.timer());
    due.map(|due| Task { due, tree: line.0, no: 0, kind: CREDIT_BILL }).into_iter().collect()
}

/// The timer of one bill.
pub(crate) fn bill_timer(memory: &Memory, bill: BillId) -> BTreeSet<Task> {
    let state = memory.bills.get(&bill).and_then(Option::as_ref);
    let due = state.and_then(|bill| bill.timer());
    due.map(|due| Task { due, tree: bill.line.0, no: bill.no, kind: BILL_DUE }).into_iter().collect()
}

/// The timer of one counter.
pub(crate) fn counter_timer(memory: &Memory, counter: CounterId) -> BTreeSet<Task> {
    let state = memory.counters.get(&counter).and_then(Option::as_ref);
    let due = state.and_then(|counter| counter.timer());
    due.map(|due| Task { due, tree: counter.0, no: 0, kind: COUNTER_CLEAN }).into_iter().collect()
}

/// The task kind of a counter in which nothing counts any more.
pub const COUNTER_CLEAN: &str = "counter.clean";

/// The task kind of the end of a credit line's period.
pub const CREDIT_BILL: &str = "credit.bill";

/// The task kind of a bill's last day.
pub const BILL_DUE: &str = "bill.due";

/// The task kind of a gift's expiry.
pub const GIFT_EXPIRE: &str = "gift.expire";

/// The task kind of a coupon's expiry.
pub const COUPON_EXPIRE: &str = "coupon.expire";

/// Adds the task rows that come and go; returns those that come.
pub fn changes(shard: i64, committed: &Memory, decided: &Memory, changes: &mut Changes) -> Vec<Task> {
    let nothing = Memory::default();
    let trades = touched(committed, decided);
    let coupons: Vec<CouponId> = changed(&committed.coupons, &decided.coupons).collect();
    let of_trades = trades.into_iter().map(|it| (timers(committed, &nothing, it), timers(decided, committed, it)));
    let of_coupons = coupons.into_iter().map(|it| (coupon_timer(committed, it), coupon_timer(decided, it)));
    let gifts: Vec<GiftId> = changed(&committed.gifts, &decided.gifts).collect();
    let of_gifts = gifts.into_iter().map(|it| (gift_timer(committed, it), gift_timer(decided, it)));
    let counters: Vec<CounterId> = changed(&committed.counters, &decided.counters).collect();
    let of_counters = counters.into_iter().map(|it| (counter_timer(committed, it), counter_timer(decided, it)));
    let lines: Vec<CreditLineId> = changed(&committed.credit_lines, &decided.credit_lines).collect();
    let of_lines = lines.into_iter().map(|it| (line_timer(committed, it), line_timer(decided, it)));
    let bills: Vec<BillId> = changed(&committed.bills, &decided.bills).collect();
    let of_bills = bills.into_iter().map(|it| (bill_timer(committed, it), bill_timer(decided, it)));
    let mut added = Vec::new();
    let of_credit = of_lines.chain(of_bills);
    for (before, after) in of_trades.chain(of_coupons).chain(of_gifts).chain(of_counters).chain(of_credit) {
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
        tree: task.tree.bytes(),
        no: i64::from(task.no),
        kind: task.kind.into(),
        attempts: 0,
    }
    .cells()
}

fn key(shard: i64, task: &Task) -> Vec<Cell> {
    let mut cells = row(shard, task);
    cells.truncate(Row::TABLE.key);
    cells
}

#[cfg(test)]
mod tests {
    use channel::Orders;
    use kernel::{Bucket, RootId, Time};

    use super::*;

    #[test]
    fn an_order_alone_is_shown_to_nobody() {
        let id = TradeId(RootId::new(Time::from_micros(0), Bucket::of("x"), 1));
        let (committed, mut decided) = (Memory::default(), Memory::default());
        decided.orders.insert(id, Some(Arc::new(Orders::new(id))));
        assert!(shown(&committed, &decided).is_empty());
        assert_eq!(touched(&committed, &decided), [id].into(), "its timers are looked at all the same");
        decided.payments.insert(id, Some(Arc::new(payment::Payments::new(id))));
        assert_eq!(shown(&committed, &decided), [id].into());
    }
}
