//! Bugs between the line and the store: rows that are written otherwise than decided, or read otherwise than written.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use store::{Ask, Cell, Change, Head, Line, Snapshot, Statement, Step, StoreError, Table, Work, Written};

use super::{Planted, transit};

/// One line's bug, with what it must remember to be wrong in the right place.
pub(crate) struct Crooked {
    planted: Option<Planted>,
    /// Acknowledged, and not written yet. A crash drops it, unless a write of the same line goes on.
    owed: VecDeque<Arc<Work>>,
    /// Rows as they were first read, by table and key.
    old: BTreeMap<(&'static str, Vec<Cell>), Vec<Cell>>,
    /// Whether the next read gives old rows.
    stale: bool,
}

impl Crooked {
    /// With this bug.
    pub(crate) fn new(planted: Option<Planted>) -> Self {
        Self { planted, owed: VecDeque::new(), old: BTreeMap::new(), stale: false }
    }

    /// A conflict, and what the bug makes of it.
    pub(crate) fn conflict(&mut self) -> Written {
        self.stale = self.planted == Some(Planted::StaleAfterConflict);
        Written::Conflict
    }

    /// A commit that did not take place and whose answer is lost, and what the bug makes of it.
    pub(crate) fn lost(&self) -> Written {
        if self.planted == Some(Planted::LostCommitTakenAsDone) { Written::Done } else { Written::Unknown }
    }

    /// Writes a batch as a store with the bug would.
    pub(crate) async fn write(&mut self, inner: &mut dyn Line, work: Arc<Work>) -> Result<Written, StoreError> {
        let written = match self.planted {
            None => inner.write(work).await?,
            Some(Planted::DroppedFence) => {
                let head = inner.resolve(work.shard).await?;
                inner.write(Arc::new(renumbered(&work, &head))).await?
            }
            Some(Planted::EarlyAcknowledgement) => {
                while let Some(earlier) = self.owed.pop_front() {
                    inner.write(earlier).await?;
                }
                self.owed.push_back(work);
                Written::Done
            }
            Some(planted) => {
                let mut work = Arc::unwrap_or_clone(work);
                twist(planted, work.head.seq, &mut work.changes);
                inner.write(Arc::new(work)).await?
            }
        };
        Ok(if written == Written::Conflict { self.conflict() } else { written })
    }

    /// What a line with the bug makes of what it read.
    pub(crate) fn loaded(&mut self, asks: &[Ask], mut snapshot: Snapshot) -> Snapshot {
        let Some(planted) = self.planted else { return snapshot };
        // The first read after a conflict may ask for nothing but the head.
        let stale = self.stale && asks.iter().any(|ask| !ask.keys.is_empty());
        self.stale &= !stale;
        for (ask, rows) in asks.iter().zip(&mut snapshot.rows) {
            for row in rows {
                misread(planted, ask.table, row);
                if planted == Planted::StaleAfterConflict {
                    let key = (ask.table.name, row.get(..ask.table.key).unwrap_or_default().to_vec());
                    match self.old.get(&key) {
                        Some(old) if stale => row.clone_from(old),
                        _ => drop(self.old.insert(key, row.clone())),
                    }
                }
            }
        }
        snapshot
    }
}

/// What a worker with the bug is given for a query.
pub(crate) fn queried(
    planted: Option<Planted>,
    statement: &'static Statement,
    mut rows: Vec<Vec<Cell>>,
) -> Vec<Vec<Cell>> {
    match planted {
        Some(Planted::ProjectionSkips) if statement.name == store::tables::derived::TOLD.name => {
            rows.retain(|row| !matches!(row.first(), Some(Cell::Int(seq)) if seq % 5 == 0));
        }
        Some(Planted::TransitSkipped) if statement.name == store::tables::transit::SENT_AFTER.name => {
            rows.retain(|row| !matches!(row.first(), Some(Cell::Int(seq)) if seq % 3 == 0));
        }
        Some(Planted::CallLostAtCrash) if statement.name == store::tables::work::TASKS_DUE.name => {
            let table = <store::tables::shard::Task as store::Row>::TABLE;
            rows.retain(|row| text(table, row, "kind") != Some("call"));
        }
        Some(_) | None => {}
    }
    rows
}

/// What a worker with the bug is given of what its line has just written.
pub(crate) fn followed(planted: Option<Planted>, mut work: Work) -> Work {
    if planted == Some(Planted::ProjectionSkips) && work.head.seq % 5 == 0 {
        let event = <store::tables::log::Event as store::Row>::TABLE;
        work.changes.retain(|change| change.table.name != event.name);
    }
    work
}

/// Twists what a worker writes beside the line.
pub(crate) fn aside(planted: Planted, steps: &mut [Step]) {
    if planted != Planted::WebhookGivenUp {
        return;
    }
    for step in steps {
        let Step::Change(change) = step else { continue };
        let table = change.table;
        for row in change.upserts.iter_mut().filter(|_| table.name == "parked") {
            if let Some(due) = cell_mut(table, row, "due") {
                *due = Cell::Int(i64::MAX);
            }
        }
    }
}

/// The same work as if it had been decided on `head`: what a writer without a fence would do.
fn renumbered(work: &Work, head: &Head) -> Work {
    let seq = head.seq + 1;
    let mut moved = work.clone();
    moved.before = head.clone();
    moved.head.seq = seq;
    for change in &mut moved.changes {
        let table = change.table;
        for row in &mut change.inserts {
            if let Some(cell) = cell_mut(table, row, "seq") {
                *cell = Cell::Int(seq);
            }
        }
    }
    moved
}

/// What a batch of this number looks like with the bug.
fn twist(planted: Planted, seq: i64, changes: &mut Vec<Change>) {
    match planted {
        Planted::TransitTakenTwice if seq % 2 == 0 => transit::place_not_kept(changes),
        Planted::ArrivalUntold => drop_rows(changes, "sent", "errand", "arrived"),
        Planted::RefusalForgotten => transit::not_parked(changes),
        Planted::OrderNumberUnclaimed => unclaimed(changes, "order"),
        Planted::KeyUnclaimed => unclaimed(changes, "key"),
        Planted::ChannelNumberUnclaimed => unclaimed(changes, "channel"),
        Planted::EventMissing => drop_rows(changes, "event", "type", "refund.succeeded"),
        Planted::EvidenceMissing => drop_rows(changes, "evidence", "outcome", "paid"),
        Planted::ExpiryDropped => drop_rows(changes, "task", "kind", "trade.expire"),
        Planted::QueryDropped => drop_rows(changes, "task", "kind", "query"),
        Planted::EventTwice => event_twice(changes),
        Planted::CreditTwice => credit_twice(changes),
        Planted::DisputeUncounted => uncounted(changes, false),
        Planted::ShareDisputeUncounted => uncounted(changes, true),
        Planted::DisputeLossForgotten => {
            drop_rows(changes, "evidence", "outcome", "dispute_lost");
            keep_old(changes, "dispute", |table, _, new| text(table, new, "status") == Some("lost"));
        }
        Planted::VoucherMissing => without_voucher(changes),
        Planted::HoldKept => {
            keep_old(changes, "hold", |table, old, new| int(table, new, "released") > int(table, old, "released"))
        }
        Planted::CouponSpentTwice => {
            keep_old(changes, "coupon", |table, _, new| text(table, new, "status") == Some("spent"))
        }
        Planted::VelocityNotCounted => {
            keep_old(changes, "counter", |table, old, new| int(table, new, "payments") > int(table, old, "payments"))
        }
        Planted::VelocityNotGivenBack => {
            keep_old(changes, "counter", |table, old, new| int(table, new, "payments") < int(table, old, "payments"))
        }
        Planted::DuePaidForgotten => keep_old(changes, "due", |table, old, new| {
            int(table, old, "payment").is_none() && int(table, new, "payment").is_some()
        }),
        Planted::PointsReversalForgotten => keep_old(changes, "points_grant", |table, old, new| {
            int(table, new, "reversed") > int(table, old, "reversed")
        }),
        Planted::PointsReturnForgotten => {
            for change in changes.iter_mut().filter(|change| change.table.name == "refund_part") {
                let table = change.table;
                for cell in change.inserts.iter_mut().filter_map(|row| cell_mut(table, row, "points")) {
                    *cell = Cell::Null;
                }
            }
        }
        Planted::BillPaidUntold => drop_rows(changes, "event", "type", "bill.paid"),
        Planted::ChildUnpaid => keep_old(changes, "trade", |table, old, new| {
            is_child(table, new) && int(table, old, "paid") == Some(0) && int(table, new, "paid") > Some(0)
        }),
        Planted::ShareTooLarge => share_too_large(changes),
        Planted::ClaimForgotten => {
            changes.iter_mut().filter(|change| change.table.name == "gift_claim").for_each(|it| it.inserts.clear());
        }
        _ => {}
    }
    changes.retain(|change| {
        let Change { inserts, updates, deletes, upserts, .. } = change;
        !(inserts.is_empty() && updates.is_empty() && deletes.is_empty() && upserts.is_empty())
    });
}

/// How a row is understood with the bug.
fn misread(planted: Planted, table: &'static Table, row: &mut [Cell]) {
    let forgotten: &[&str] = match (planted, table.name) {
        (Planted::ReservedIgnored, "trade" | "split") => &["returning_before", "returning_after"],
        (Planted::ReservedIgnored, "instruction") => &["returning"],
        (Planted::ReleaseAfterRefund, "trade" | "split") => &["returned_before"],
        _ => &[],
    };
    for column in forgotten {
        if let Some(cell) = cell_mut(table, row, column) {
            *cell = Cell::Int(0);
        }
    }
    if let (Planted::CodeNotChecked, "gift", Some(cell)) = (planted, table.name, cell_mut(table, row, "code_hash")) {
        *cell = Cell::Null;
    }
    if let (Planted::DueOpensEarly, "due", Some(cell)) = (planted, table.name, cell_mut(table, row, "opens_at")) {
        *cell = Cell::Int(0);
    }
    let payout = table.name == "payment" && text(table, row, "order_type") == Some("payout");
    if let (Planted::PayoutFeeForgotten, true, Some(cell)) = (planted, payout, cell_mut(table, row, "receivers")) {
        *cell = Cell::Null;
    }
    if let (Planted::ChildrenUnheard, "dispute", Some(cell)) =
        (planted, table.name, cell_mut(table, row, "of_children"))
    {
        *cell = Cell::Int(0);
    }
    if let (Planted::ParentForgotten, "trade", Some(cell)) = (planted, table.name, cell_mut(table, row, "parent")) {
        *cell = Cell::Null;
    }
    let forfeits = table.name == "trade" && text(table, row, "unpaid_due") == Some("forfeit");
    if let (Planted::ForfeitForgotten, true, Some(cell)) = (planted, forfeits, cell_mut(table, row, "unpaid_due")) {
        *cell = Cell::text("return");
    }
    if let (Planted::CreditLimitIgnored, "credit_line", Some(cell)) =
        (planted, table.name, cell_mut(table, row, "most"))
    {
        *cell = Cell::Int(1_000_000);
    }
    if let (Planted::BillNeverDue, "credit_line", Some(cell)) =
        (planted, table.name, cell_mut(table, row, "oldest_due_at"))
        && *cell != Cell::Null
    {
        *cell = Cell::Int(i64::MAX);
    }
    let all_paid = table.name == "credit_line" && int(table, row, "oldest_up_to").is_none();
    if let (Planted::BilledForgotten, true, Some(cell)) = (planted, all_paid, cell_mut(table, row, "billed"))
        && *cell != Cell::Null
    {
        *cell = Cell::Int(0);
    }
    let floorless = match planted {
        Planted::FloorIgnored => Some("2001"),
        Planted::PointsFloorIgnored => Some("2034"),
        Planted::CreditFloorIgnored => Some("1061"),
        _ => None,
    };
    let account = table.name == "account" && floorless.is_some() && text(table, row, "subject") == floorless;
    if let (true, Some(cell)) = (account, cell_mut(table, row, "floor")) {
        *cell = Cell::Null;
    }
}

/// Whether a trade, a payment or a dispute has a parent.
fn is_child(table: &'static Table, row: &[Cell]) -> bool {
    place(table, "parent").and_then(|at| row.get(at)).is_some_and(|cell| *cell != Cell::Null)
}

/// Makes the first share of every child that is paid one more than it is.
fn share_too_large(changes: &mut [Change]) {
    let mut trades: BTreeSet<Cell> = BTreeSet::new();
    for change in changes.iter().filter(|change| change.table.name == "payment") {
        let children = change.inserts.iter().filter(|row| is_child(change.table, row));
        trades.extend(children.filter_map(|row| row.get(place(change.table, "trade")?).cloned()));
    }
    for change in changes.iter_mut().filter(|change| change.table.name == "instruction") {
        let table = change.table;
        for row in &mut change.inserts {
            let trade = place(table, "trade").and_then(|at| row.get(at).cloned());
            if !trade.is_some_and(|trade| trades.remove(&trade)) {
                continue;
            }
            for column in ["amount", "received"] {
                if let Some(Cell::Int(minor)) = cell_mut(table, row, column) {
                    *minor += 1;
                }
            }
        }
    }
}

/// Leaves out the claims of the answers of a kind.
fn unclaimed(changes: &mut [Change], kind: &str) {
    let mut places = BTreeSet::new();
    for change in changes.iter().filter(|change| change.table.name == "answer") {
        let of_kind = change.inserts.iter().filter(|row| text(change.table, row, "kind") == Some(kind));
        places.extend(of_kind.map(|row| (int(change.table, row, "seq"), int(change.table, row, "n"))));
    }
    for change in changes.iter_mut().filter(|change| change.table.name == "claim") {
        let table = change.table;
        change.inserts.retain(|row| !places.contains(&(int(table, row, "seq"), int(table, row, "n"))));
    }
}

/// Leaves out new rows with a word in a column, and their deletion later.
fn drop_rows(changes: &mut [Change], name: &str, column: &str, word: &str) {
    for change in changes.iter_mut().filter(|change| change.table.name == name) {
        let table = change.table;
        change.inserts.retain(|row| text(table, row, column) != Some(word));
        change.deletes.retain(|key| text(table, key, column) != Some(word));
    }
}

/// Leaves out changes of rows.
fn keep_old(changes: &mut [Change], name: &str, which: fn(&'static Table, &[Cell], &[Cell]) -> bool) {
    for change in changes.iter_mut().filter(|change| change.table.name == name) {
        let table = change.table;
        change.updates.retain(|update| !which(table, &update.old, &update.new));
    }
}

/// Where a dispute sets money aside, nobody counts it; of trades that a cart paid only, where `shares` says so.
fn uncounted(changes: &mut [Change], shares: bool) {
    let mut trades: BTreeSet<Cell> = BTreeSet::new();
    for change in changes.iter().filter(|change| change.table.name == "dispute") {
        let trade = place(change.table, "trade");
        let some = change.inserts.iter().filter(|row| !shares || is_child(change.table, row));
        trades.extend(some.filter_map(|row| row.get(trade?).cloned()));
    }
    for change in changes.iter_mut().filter(|change| ["trade", "split", "instruction"].contains(&change.table.name)) {
        let table = change.table;
        let of = |row: &[Cell]| place(table, "trade").and_then(|at| row.get(at).cloned());
        for update in change.updates.iter_mut().filter(|update| of(&update.new).is_some_and(|id| trades.contains(&id)))
        {
            for column in ["returning", "returning_before", "returning_after"] {
                let old = place(table, column).and_then(|at| update.old.get(at).cloned());
                if let (Some(old), Some(cell)) = (old, cell_mut(table, &mut update.new, column)) {
                    *cell = old;
                }
            }
        }
    }
}

fn event_twice(changes: &mut [Change]) {
    for change in changes.iter_mut().filter(|change| change.table.name == "event") {
        let table = change.table;
        let next = change.inserts.iter().filter_map(|row| int(table, row, "n")).max().unwrap_or(0) + 1;
        let paid = change.inserts.iter().find(|row| text(table, row, "type") == Some("trade.paid"));
        if let Some(mut again) = paid.cloned() {
            if let Some(cell) = cell_mut(table, &mut again, "n") {
                *cell = Cell::Int(next);
            }
            change.inserts.push(again);
        }
    }
}

fn credit_twice(changes: &mut [Change]) {
    for change in changes.iter_mut().filter(|change| change.table.name == "account") {
        let table = change.table;
        for update in &mut change.updates {
            let user = text(table, &update.new, "subject") == Some("2001");
            let counters = int(table, &update.old, "cp").zip(int(table, &update.new, "cp"));
            if let (true, Some((old, new)), Some(cell)) = (user, counters, cell_mut(table, &mut update.new, "cp")) {
                *cell = Cell::Int(new + (new - old));
            }
        }
    }
}

fn without_voucher(changes: &mut [Change]) {
    let mut places = BTreeSet::new();
    for change in changes.iter_mut().filter(|change| change.table.name == "voucher") {
        let table = change.table;
        change.inserts.retain(|row| {
            let release = text(table, row, "template") == Some("confirm");
            if release {
                places.insert(int(table, row, "n"));
            }
            !release
        });
    }
    for change in changes.iter_mut().filter(|change| change.table.name == "transfer") {
        let table = change.table;
        change.inserts.retain(|row| !places.contains(&int(table, row, "voucher")));
    }
}

fn place(table: &'static Table, column: &str) -> Option<usize> {
    table.columns.iter().position(|known| known.name == column)
}

fn cell_mut<'r>(table: &'static Table, row: &'r mut [Cell], column: &str) -> Option<&'r mut Cell> {
    row.get_mut(place(table, column)?)
}

pub(super) fn text<'r>(table: &'static Table, row: &'r [Cell], column: &str) -> Option<&'r str> {
    match row.get(place(table, column)?)? {
        Cell::Text(text) => Some(text),
        _ => None,
    }
}

fn int(table: &'static Table, row: &[Cell], column: &str) -> Option<i64> {
    match row.get(place(table, column)?)? {
        Cell::Int(value) => Some(*value),
        _ => None,
    }
}
