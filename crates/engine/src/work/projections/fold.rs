//! From a stretch of the log to the rows of the projections: a function of what was read, nothing else.
//!
//! Accounts, day sums, cases and disputes go on from the rows that are there; everything else follows from the stretch
//! alone. On the way the running counters are held against the versions and balances that the transfers themselves carry:
//! a transfer that does not fit stops the projections and is named.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use accounting::{Account, HoldKey, Op, Side};
use kernel::{AccountId, Amount, CouponId, PointsGrantId, RootId, Time};
use store::tables::accounting::{TransferRow, VoucherRow};
use store::tables::derived::{
    AccountEntry, AccountList, CaseList, CouponList, DisputeList, GrantList, MerchantBatch, NumberPlace, SubjectDay,
    TradeBatch, TradeList,
};
use store::tables::shard::Batch;
use store::{Cell, Change, Row, Table, Text};

use crate::query::search::number_place;
use crate::query::watermark::Mark;

/// An id without its type.
pub(super) type Bytes = [u8; 16];

/// What an event says to the lists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Told {
    pub(super) seq: i64,
    pub(super) n: i64,
    /// What happened, as `trade.paid`.
    pub(super) kind: String,
    pub(super) merchant: Option<Bytes>,
    /// The trade.
    pub(super) tree: Option<Bytes>,
    /// The object's number in the trade's tree.
    pub(super) no: i64,
    /// The number that others gave the object, where this event brings it.
    pub(super) number: Option<Text>,
}

/// A stretch of a shard's log: whole batches, in order, with what they wrote.
#[derive(Clone, Debug, Default)]
pub(super) struct Stretch {
    pub(super) shard: i64,
    pub(super) batches: Vec<Batch>,
    pub(super) vouchers: Vec<VoucherRow>,
    pub(super) transfers: Vec<TransferRow>,
    pub(super) told: Vec<Told>,
}

impl Stretch {
    /// The accounting dates of its batches.
    pub(super) fn dates(&self) -> BTreeSet<i64> {
        self.batches.iter().map(|batch| batch.acct_date).collect()
    }
}

/// What the projections say before the stretch, of everything that it goes on with.
#[derive(Clone, Debug, Default)]
pub(super) struct Known {
    /// The accounts that its transfers touch; those that it opens with counters of zero.
    pub(super) accounts: BTreeMap<AccountId, Account>,
    /// The cases that it closes.
    pub(super) cases: BTreeMap<(Bytes, i64), CaseList>,
    /// The disputes that it ends.
    pub(super) disputes: BTreeMap<(Bytes, i64), DisputeList>,
    /// The sums of its dates.
    pub(super) days: BTreeMap<DayKey, SubjectDay>,
}

/// Date, currency, subject.
pub(super) type DayKey = (i64, Text, Text);

/// The rows of the projections that a stretch makes or makes anew, in key order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Folded {
    entries: Vec<AccountEntry>,
    accounts: BTreeMap<AccountId, Account>,
    days: BTreeMap<DayKey, SubjectDay>,
    trades: BTreeMap<Bytes, TradeList>,
    /// Those of them that the stretch opens.
    opened: BTreeSet<Bytes>,
    cases: BTreeMap<(Bytes, i64), CaseList>,
    disputes: BTreeMap<(Bytes, i64), DisputeList>,
    trade_batches: BTreeMap<(Bytes, i64), TradeBatch>,
    merchant_batches: BTreeMap<(Bytes, i64), MerchantBatch>,
    numbers: Vec<NumberPlace>,
    coupons: BTreeMap<Bytes, CouponList>,
    grants: BTreeMap<Bytes, GrantList>,
}

/// What later stretches go on with.
#[derive(Debug, Default)]
pub(super) struct Moved {
    /// Accounts.
    pub(super) accounts: BTreeMap<AccountId, Account>,
    /// Sums of dates.
    pub(super) days: BTreeMap<DayKey, SubjectDay>,
}

/// Something in the log does not fit what came before it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} {seq}/{n} does not fit: {why}")]
pub(super) struct Misfit {
    what: &'static str,
    seq: i64,
    n: i64,
    why: &'static str,
}

/// Where a stretch ends; `None` where it has no batch.
pub(super) fn end(stretch: &Stretch) -> Option<Mark> {
    stretch.batches.last().map(|batch| Mark { seq: batch.seq, at: Time::from_micros(batch.at) })
}

/// The template of a voucher that issues a coupon: from its source to its user.
const ISSUE_COUPON: &str = "issue_coupon";
/// The template of a voucher that gives a user points.
const GRANT_POINTS: &str = "grant_points";

/// Folds a stretch into what is known.
pub(super) fn fold(stretch: &Stretch, mut known: Known) -> Result<Folded, Misfit> {
    let mut folded = Folded::default();
    let batches: BTreeMap<i64, &Batch> = stretch.batches.iter().map(|batch| (batch.seq, batch)).collect();
    let vouchers: BTreeMap<(i64, i64), &VoucherRow> =
        stretch.vouchers.iter().map(|row| ((row.seq, row.n), row)).collect();
    for row in &stretch.transfers {
        let misfit = |why| Misfit { what: "transfer", seq: row.seq, n: row.n, why };
        let batch = batches.get(&row.seq).ok_or(misfit("its batch is missing"))?;
        let voucher = vouchers.get(&(row.seq, row.voucher)).ok_or(misfit("its voucher is missing"))?;
        for side in [Side::Debit, Side::Credit] {
            folded.side(stretch.shard, &mut known, row, batch.at, batch.acct_date, side)?;
        }
        if let Some(trade) = voucher.trade {
            let touched = folded.trade_batch(stretch.shard, trade, row.seq);
            widen(&mut touched.transfers_from, &mut touched.transfers_to, row.n);
        }
        let credited = AccountId(RootId::from_bytes(row.credit));
        let user = || known.accounts.get(&credited).ok_or(misfit("its account is missing"));
        if voucher.template == GRANT_POINTS {
            let id = PointsGrantId::parse(&voucher.object).ok_or(misfit("it grants no points"))?.0.bytes();
            let (shard, owner) = (stretch.shard, user()?.owner.to_string().into());
            folded.grants.insert(id, GrantList { shard, owner, points_grant: id });
        }
        if voucher.template == ISSUE_COUPON {
            let user = user()?;
            let coupon = CouponId::parse(&voucher.object).ok_or(misfit("it issues no coupon"))?.0.bytes();
            let (shard, owner) = (stretch.shard, user.owner.to_string().into());
            folded.coupons.insert(coupon, CouponList { shard, owner, coupon });
        }
    }
    for row in &stretch.vouchers {
        if let Some(trade) = row.trade {
            let touched = folded.trade_batch(stretch.shard, trade, row.seq);
            widen(&mut touched.vouchers_from, &mut touched.vouchers_to, row.n);
        }
    }
    for told in &stretch.told {
        folded.told(stretch.shard, told, &known.cases, &known.disputes)?;
    }
    folded.accounts = known.accounts.into_iter().filter(|(_, account)| account.version > 0).collect();
    folded.entries.sort_by_key(|entry| (entry.account, entry.ver));
    folded.numbers.sort_by_key(|row| (row.h, row.trade, row.no));
    Ok(folded)
}

impl Folded {
    /// The rows, and the accounts and days that were moved, as of the stretch's end. What a batch or an opening brings is
    /// new; everything else replaces what may be there.
    pub(super) fn into_changes(self, shard: i64) -> (Vec<Change>, Moved) {
        let (opened, known): (Vec<_>, Vec<_>) =
            self.trades.into_iter().partition(|(trade, _)| self.opened.contains(trade));
        let trades = Change {
            inserts: cells(opened.into_iter().map(|(_, row)| row)),
            ..replaced(TradeList::TABLE, known.into_iter().map(|(_, row)| row))
        };
        let changes = [
            new(AccountEntry::TABLE, self.entries),
            replaced(AccountList::TABLE, self.accounts.values().map(|account| list_row(shard, account))),
            replaced(SubjectDay::TABLE, self.days.values().cloned()),
            trades,
            replaced(CaseList::TABLE, self.cases.into_values()),
            replaced(DisputeList::TABLE, self.disputes.into_values()),
            new(TradeBatch::TABLE, self.trade_batches.into_values()),
            new(MerchantBatch::TABLE, self.merchant_batches.into_values()),
            replaced(NumberPlace::TABLE, self.numbers),
            replaced(CouponList::TABLE, self.coupons.into_values()),
            replaced(GrantList::TABLE, self.grants.into_values()),
        ];
        let brings = |change: &Change| !(change.upserts.is_empty() && change.inserts.is_empty());
        let moved = Moved { accounts: self.accounts, days: self.days };
        (changes.into_iter().filter(brings).collect(), moved)
    }

    /// One side of a transfer: the account's counters, its line, the date's sums.
    fn side(
        &mut self,
        shard: i64,
        known: &mut Known,
        row: &TransferRow,
        at: i64,
        date: i64,
        side: Side,
    ) -> Result<(), Misfit> {
        let misfit = |why| Misfit { what: "transfer", seq: row.seq, n: row.n, why };
        let (id, ver, posted) = match side {
            Side::Debit => (row.debit, row.d_ver, row.d_bal),
            Side::Credit => (row.credit, row.c_ver, row.c_bal),
        };
        let account = AccountId(RootId::from_bytes(id));
        let account = known.accounts.get_mut(&account).ok_or(misfit("its account is missing"))?;
        let before = counters(account);
        let op = op(row).ok_or(misfit("it is no operation"))?;
        let amount = Amount::new(row.amount).map_err(|_| misfit("its amount is none"))?;
        account.shift(op, side, amount).map_err(|_| misfit("a counter would leave its range"))?;
        if account.version != ver {
            return Err(misfit("it is not the account's next version"));
        }
        if account.posted() != posted {
            return Err(misfit("the account's balance is not what it says"));
        }
        let after = counters(account);
        let [dp, cp, dh, ch] = after;
        let (seq, n, voucher) = (row.seq, row.n, row.voucher);
        self.entries.push(AccountEntry { shard, account: id, ver, seq, n, voucher, at, dp, cp, dh, ch });
        let empty = day(shard, date, account);
        let key = (date, empty.currency.clone(), empty.subject.clone());
        let before_it = || known.days.get(&key).cloned().unwrap_or(empty);
        let day = self.days.entry(key.clone()).or_insert_with(before_it);
        move_day(day, before, after).ok_or(misfit("a sum of the day would leave its range"))
    }

    /// One event: the lists that show its object, and the places where its trade and its merchant find it again.
    fn told(
        &mut self,
        shard: i64,
        told: &Told,
        cases: &BTreeMap<(Bytes, i64), CaseList>,
        disputes: &BTreeMap<(Bytes, i64), DisputeList>,
    ) -> Result<(), Misfit> {
        if let Some(merchant) = told.merchant {
            let empty = MerchantBatch { shard, merchant, seq: told.seq, events_from: 0, events_to: 0 };
            let batch = self.merchant_batches.entry((merchant, told.seq)).or_insert(empty);
            widen(&mut batch.events_from, &mut batch.events_to, told.n);
        }
        // What is no merchant's is of no trade: bills.
        let Some(trade) = told.tree.filter(|_| told.merchant.is_some()) else { return Ok(()) };
        let batch = self.trade_batch(shard, trade, told.seq);
        widen(&mut batch.events_from, &mut batch.events_to, told.n);
        let kind = told.kind.split_once('.');
        if let (Some((object, _)), Some(merchant), Some(number)) = (kind, told.merchant, &told.number) {
            let h = number_place(number);
            self.numbers.push(NumberPlace { shard, h, merchant, trade, object: object.into(), no: told.no });
        }
        match (kind, told.merchant) {
            (Some(("trade", status)), Some(merchant)) => {
                if status == "created" {
                    self.opened.insert(trade);
                }
                self.trades.insert(trade, TradeList { shard, trade, merchant, status: status.into() });
                Ok(())
            }
            (Some(("case", what)), Some(merchant)) => self.case(shard, told, trade, merchant, what, cases),
            (Some(("dispute", what)), Some(merchant)) => self.dispute(shard, told, trade, merchant, what, disputes),
            (Some(_) | None, _) => Ok(()),
        }
    }

    fn case(
        &mut self,
        shard: i64,
        told: &Told,
        trade: Bytes,
        merchant: Bytes,
        what: &str,
        cases: &BTreeMap<(Bytes, i64), CaseList>,
    ) -> Result<(), Misfit> {
        let key = (trade, told.no);
        if what == "opened" {
            let (opened_seq, opened_n) = (told.seq, told.n);
            let status = "open".to_owned();
            self.cases.insert(
                key,
                CaseList { shard, trade, no: told.no, merchant, status: status.into(), opened_seq, opened_n },
            );
            return Ok(());
        }
        let case = match self.cases.entry(key) {
            Entry::Occupied(case) => case.into_mut(),
            Entry::Vacant(place) => {
                let missing = Misfit { what: "event", seq: told.seq, n: told.n, why: "its case was never opened" };
                place.insert(cases.get(&key).cloned().ok_or(missing)?)
            }
        };
        match what {
            "assigned" | "commented" => {}
            "rejected" => case.status = "open".into(),
            status => case.status = status.into(),
        }
        Ok(())
    }

    fn dispute(
        &mut self,
        shard: i64,
        told: &Told,
        trade: Bytes,
        merchant: Bytes,
        what: &str,
        disputes: &BTreeMap<(Bytes, i64), DisputeList>,
    ) -> Result<(), Misfit> {
        let key = (trade, told.no);
        if what == "opened" {
            let (opened_seq, opened_n, status) = (told.seq, told.n, "open".into());
            let opened = DisputeList { shard, trade, no: told.no, merchant, status, opened_seq, opened_n };
            self.disputes.insert(key, opened);
            return Ok(());
        }
        let dispute = match self.disputes.entry(key) {
            Entry::Occupied(dispute) => dispute.into_mut(),
            Entry::Vacant(place) => {
                let missing = Misfit { what: "event", seq: told.seq, n: told.n, why: "its dispute was never opened" };
                place.insert(disputes.get(&key).cloned().ok_or(missing)?)
            }
        };
        dispute.status = what.into();
        Ok(())
    }

    fn trade_batch(&mut self, shard: i64, trade: Bytes, seq: i64) -> &mut TradeBatch {
        self.trade_batches.entry((trade, seq)).or_insert(TradeBatch {
            shard,
            trade,
            seq,
            vouchers_from: 0,
            vouchers_to: 0,
            transfers_from: 0,
            transfers_to: 0,
            events_from: 0,
            events_to: 0,
        })
    }
}

/// Makes a range hold a number; numbers come in order.
fn widen(from: &mut i64, to: &mut i64, n: i64) {
    if *to == 0 {
        *from = n;
    }
    *to = n + 1;
}

fn op(row: &TransferRow) -> Option<Op> {
    let hold = match row.hold {
        None => None,
        Some(number) => Some(HoldKey::from_number(number)?),
    };
    Op::parse(&row.op, hold)
}

const fn counters(account: &Account) -> [i64; 4] {
    [account.dp, account.cp, account.dh, account.ch]
}

fn list_row(shard: i64, account: &Account) -> AccountList {
    let [dp, cp, dh, ch] = counters(account);
    AccountList {
        shard,
        account: account.id.0.bytes(),
        owner: account.owner.to_string().into(),
        subject: account.subject.as_str().into(),
        currency: account.currency.code().into(),
        ver: account.version,
        dp,
        cp,
        dh,
        ch,
    }
}

fn cells<R: Row>(rows: impl IntoIterator<Item = R>) -> Vec<Vec<Cell>> {
    rows.into_iter().map(Row::cells).collect()
}

/// Rows that are not there yet.
fn new<R: Row>(table: &'static Table, rows: impl IntoIterator<Item = R>) -> Change {
    Change { inserts: cells(rows), ..Change::of(table) }
}

/// The sums of a date for an account's currency and subject, before its first posting.
fn day(shard: i64, date: i64, account: &Account) -> SubjectDay {
    let (currency, subject) = (account.currency.code().into(), account.subject.as_str().into());
    SubjectDay { shard, date, currency, subject, dp: 0, cp: 0, dh: 0, ch: 0 }
}

/// Moves a date's sums as an account's counters have moved; `None` where one would leave its range.
fn move_day(day: &mut SubjectDay, before: [i64; 4], after: [i64; 4]) -> Option<()> {
    let sums = [&mut day.dp, &mut day.cp, &mut day.dh, &mut day.ch];
    for (sum, (before, after)) in sums.into_iter().zip(before.into_iter().zip(after)) {
        *sum = sum.checked_add(after.checked_sub(before)?)?;
    }
    Some(())
}

/// Rows that may be there, and are replaced then.
fn replaced<R: Row>(table: &'static Table, rows: impl IntoIterator<Item = R>) -> Change {
    Change { upserts: cells(rows), ..Change::of(table) }
}

#[cfg(test)]
mod tests;
