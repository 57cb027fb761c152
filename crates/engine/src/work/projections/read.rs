//! What the projections' worker reads: a stretch of the log, and the rows that it goes on with. One question per table.

use std::collections::{BTreeMap, BTreeSet};

use accounting::{Account, AccountKey, Subject};
use kernel::{AccountId, Currency, Owner, RootId, Time};
use store::tables::accounting::{self as ledger, AccountRow, TransferRow, VoucherRow};
use store::tables::derived::{self, AccountList, CaseList, DisputeList, SubjectDay};
use store::tables::shard::{BATCHES_AFTER, Batch};
use store::{Ask, Cell, Cells, Inconsistent, Reader, Row, StoreError};

use super::Kept;
use super::fold::{Bytes, Known, Stretch, Told};
use crate::query::tail::STRETCH_ROWS;
use crate::query::watermark::Mark;

/// How far the projections have come, as their rows say.
pub(crate) async fn mark(reader: &dyn Reader, shard: i64) -> Result<Mark, StoreError> {
    let ask = Ask { table: derived::Watermark::TABLE, keys: vec![Vec::new()] };
    let mut rows = reader.load(shard, vec![ask]).await?.rows.into_iter().flatten();
    let Some(row) = rows.next() else { return Ok(Mark::default()) };
    let row = derived::Watermark::from_cells(row)?;
    Ok(Mark { seq: row.seq, at: Time::from_micros(row.at) })
}

/// The next batches after a place, at most `limit`, and whether there are more.
///
/// The batches come first: what they say of their size decides how many are taken, so that a stretch is bounded by its
/// rows, whatever the batches hold.
pub(super) async fn stretch(
    reader: &dyn Reader,
    shard: i64,
    after: i64,
    limit: usize,
) -> Result<(Stretch, bool), StoreError> {
    // One more says whether there are more.
    let most = i64::try_from(limit.max(1)).unwrap_or(i64::MAX).saturating_add(1);
    let rows = reader.query(&BATCHES_AFTER, [shard, after, most].map(Cell::Int).to_vec()).await?;
    let mut batches: Vec<Batch> = rows.into_iter().map(Batch::from_cells).collect::<Result<_, _>>()?;
    let read = batches.len();
    batches.truncate(limit.max(1));
    let batches = within_bounds(batches);
    let more = batches.len() < read;
    let Some(last) = batches.last().map(|batch| batch.seq) else {
        return Ok((Stretch { shard, ..Stretch::default() }, more));
    };
    let told_rows = reader.query(&derived::TOLD, [shard, after, last].map(Cell::Int).to_vec()).await?;
    let keys: Vec<Vec<Cell>> = batches.iter().map(|batch| vec![Cell::Int(batch.seq)]).collect();
    let asks = [VoucherRow::TABLE, TransferRow::TABLE].map(|table| Ask { table, keys: keys.clone() });
    let mut rows = reader.load(shard, asks.to_vec()).await?.rows.into_iter();
    let (vouchers, transfers) = (take(&mut rows)?, take(&mut rows)?);
    let told = told_rows.into_iter().map(told).collect::<Result<_, _>>()?;
    Ok((Stretch { shard, batches, vouchers, transfers, told }, more))
}

/// As many batches as stay within [`STRETCH_ROWS`] together, and at least one.
fn within_bounds(mut batches: Vec<Batch>) -> Vec<Batch> {
    let mut rows = 0_usize;
    let fit = batches.iter().take_while(|batch| {
        let first = rows == 0;
        rows = rows.saturating_add(usize::try_from(batch.rows).unwrap_or(usize::MAX)).saturating_add(1);
        first || rows <= STRETCH_ROWS
    });
    let fit = fit.count();
    batches.truncate(fit);
    batches
}

/// What the projections say of whatever the stretch goes on with, and the names of the accounts that it opens; what is
/// `kept` of accounts and dates is as of the stretch's beginning and not read.
pub(super) async fn known(reader: &dyn Reader, stretch: &Stretch, kept: &Kept) -> Result<Known, StoreError> {
    let sides = stretch.transfers.iter().flat_map(|row| [(row.debit, row.d_ver), (row.credit, row.c_ver)]);
    let (mut opened, mut touched, mut accounts) = (BTreeSet::new(), BTreeSet::new(), BTreeMap::new());
    for (account, ver) in sides {
        let id = AccountId(RootId::from_bytes(account));
        if ver == 1 {
            opened.insert(account);
        } else if let Some(known) = kept.accounts.get(&id) {
            accounts.entry(id).or_insert_with(|| known.clone());
        } else {
            touched.insert(account);
        }
    }
    let of_kind = |kind: &str| -> Vec<Vec<Cell>> {
        let told = stretch.told.iter().filter(|told| told.kind.starts_with(kind));
        let objects: BTreeSet<(Bytes, i64)> = told.filter_map(|told| Some((told.tree?, told.no))).collect();
        objects.iter().map(|(trade, no)| vec![bytes(trade), Cell::Int(*no)]).collect()
    };
    let dates = stretch.dates();
    let asks = vec![
        Ask { table: AccountRow::TABLE, keys: opened.iter().map(|id| vec![bytes(id)]).collect() },
        Ask { table: AccountList::TABLE, keys: touched.difference(&opened).map(|id| vec![bytes(id)]).collect() },
        Ask { table: CaseList::TABLE, keys: of_kind("case.") },
        Ask { table: DisputeList::TABLE, keys: of_kind("dispute.") },
        Ask {
            table: SubjectDay::TABLE,
            keys: dates.difference(&kept.dates).map(|date| vec![Cell::Int(*date)]).collect(),
        },
    ];
    let mut rows = reader.load(stretch.shard, asks).await?.rows.into_iter();
    for row in take::<AccountRow>(&mut rows)? {
        let account = ledger::account(row)?;
        accounts.insert(account.id, Account::open(account.id, &ledger::key_of(&account), account.opened_seq));
    }
    for row in take::<AccountList>(&mut rows)? {
        let account = listed(row)?;
        accounts.insert(account.id, account);
    }
    let cases = take::<CaseList>(&mut rows)?.into_iter().map(|row| ((row.trade, row.no), row)).collect();
    let disputes = take::<DisputeList>(&mut rows)?.into_iter().map(|row| ((row.trade, row.no), row)).collect();
    let days = take::<SubjectDay>(&mut rows)?.into_iter();
    let read = days.map(|row| ((row.date, row.currency.clone(), row.subject.clone()), row));
    let kept = kept.days.iter().filter(|((date, ..), _)| dates.contains(date));
    let days = kept.map(|(key, day)| (key.clone(), day.clone())).chain(read).collect();
    Ok(Known { accounts, cases, disputes, days })
}

fn take<R: Row>(rows: &mut impl Iterator<Item = Vec<Vec<Cell>>>) -> Result<Vec<R>, Inconsistent> {
    rows.next().unwrap_or_default().into_iter().map(R::from_cells).collect()
}

fn bytes(id: &Bytes) -> Cell {
    Cell::bytes(id)
}

/// One row of [`derived::TOLD`].
fn told(row: Vec<Cell>) -> Result<Told, Inconsistent> {
    let mut cells = Cells::new(store::tables::log::Event::TABLE, row);
    Ok(Told {
        seq: cells.int()?,
        n: cells.int()?,
        kind: cells.text()?.into(),
        merchant: cells.optional(Cells::fixed)?,
        tree: cells.optional(Cells::fixed)?,
        no: cells.int()?,
        number: cells.optional(Cells::text)?,
    })
}

/// An account with its counters as of the watermark.
pub(super) fn listed(row: AccountList) -> Result<Account, Inconsistent> {
    let wrong = |column, why| Inconsistent { table: "account_list", column, why };
    let key = AccountKey {
        owner: Owner::parse(&row.owner, None).ok_or(wrong("owner", "names no owner"))?,
        subject: Subject::parse(&row.subject).ok_or(wrong("subject", "is not on the chart"))?,
        currency: Currency::on_books(&row.currency).ok_or(wrong("currency", "is no currency"))?,
    };
    let mut account = Account::open(AccountId(RootId::from_bytes(row.account)), &key, 0);
    (account.dp, account.cp, account.dh, account.ch) = (row.dp, row.cp, row.dh, row.ch);
    account.version = row.ver;
    Ok(account)
}
