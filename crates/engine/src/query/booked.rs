//! Rows of the ledger that were read to be shown, found by their places.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use accounting::Account;
use kernel::{AccountId, Problem};
use store::tables::accounting::{TransferRow, VoucherRow};
use store::tables::derived::AccountEntry;
use store::tables::shard::Batch;
use store::unit::{Kept as _, Memory};
use store::{Ask, Cell, Inconsistent, Row};

use super::inconsistent;
use super::objects::there;
use super::shard::OfShard;
use crate::wire::accounting::{TransferObject, VoucherObject, account_id, line_json};

/// Places within the log: batch and number.
pub(super) type Places = BTreeSet<(i64, i64)>;

/// Vouchers, transfers, their batches and accounts.
#[derive(Default)]
pub(super) struct Booked {
    batches: BTreeMap<i64, Batch>,
    vouchers: BTreeMap<(i64, i64), VoucherRow>,
    transfers: BTreeMap<(i64, i64), TransferRow>,
    accounts: BTreeMap<AccountId, Arc<Account>>,
}

impl Booked {
    /// The questions that bring these vouchers and transfers with their batches.
    pub(super) fn asks(vouchers: &Places, transfers: &Places) -> Vec<Ask> {
        let cells = |(seq, n): &(i64, i64)| vec![Cell::Int(*seq), Cell::Int(*n)];
        let batches: BTreeSet<i64> = vouchers.iter().chain(transfers).map(|(seq, _)| *seq).collect();
        vec![
            Ask { table: Batch::TABLE, keys: batches.into_iter().map(|seq| vec![Cell::Int(seq)]).collect() },
            Ask { table: VoucherRow::TABLE, keys: vouchers.iter().map(cells).collect() },
            Ask { table: TransferRow::TABLE, keys: transfers.iter().map(cells).collect() },
        ]
    }

    /// What [`Self::asks`] brought.
    pub(super) fn read(rows: impl IntoIterator<Item = Vec<Vec<Cell>>>) -> Result<Self, Inconsistent> {
        let mut rows = rows.into_iter();
        Ok(Self {
            batches: take(&mut rows, |row: &Batch| row.seq)?,
            vouchers: take(&mut rows, |row: &VoucherRow| (row.seq, row.n))?,
            transfers: take(&mut rows, |row: &TransferRow| (row.seq, row.n))?,
            accounts: BTreeMap::new(),
        })
    }

    /// Drops the vouchers that `keep` does not want, with their transfers.
    pub(super) fn retain(&mut self, keep: impl Fn(&VoucherRow) -> bool) {
        self.vouchers.retain(|_, voucher| keep(voucher));
        let vouchers = &self.vouchers;
        self.transfers.retain(|_, transfer| vouchers.contains_key(&(transfer.seq, transfer.voucher)));
    }

    /// A line of an account's statement; `None` where a row of it is missing.
    pub(super) fn line(&self, account: AccountId, entry: &AccountEntry, salt: &[u8; 32]) -> Option<String> {
        let mut account = Account::clone(self.accounts.get(&account)?);
        (account.dp, account.cp, account.dh, account.ch) = (entry.dp, entry.cp, entry.dh, entry.ch);
        let transfer = self.transfers.get(&(entry.seq, entry.n))?;
        let voucher = self.vouchers.get(&(entry.seq, entry.voucher))?;
        Some(line_json(salt, &account, transfer, voucher, self.batches.get(&entry.seq)?))
    }

    /// The vouchers in the order of the log; `None` where a row of one is missing.
    pub(super) fn vouchers(&self, salt: &[u8; 32]) -> Option<Vec<VoucherObject<'_>>> {
        let mut transfers: BTreeMap<(i64, i64), Vec<TransferObject<'_>>> = BTreeMap::new();
        for row in self.transfers.values() {
            let account = |id| self.accounts.get(&account_id(id)).map(Arc::as_ref);
            let object = TransferObject::new(salt, row, account(row.debit)?, account(row.credit)?);
            transfers.entry((row.seq, row.voucher)).or_default().push(object);
        }
        let voucher = |(place, row): (&(i64, i64), _)| {
            Some(VoucherObject::new(row, self.batches.get(&place.0)?, transfers.remove(place).unwrap_or_default()))
        };
        self.vouchers.iter().map(voucher).collect()
    }
}

impl OfShard {
    /// Adds the accounts of the transfers.
    pub(super) async fn with_accounts(&self, mut booked: Booked) -> Result<Booked, Problem> {
        let sides = booked.transfers.values().flat_map(|row| [row.debit, row.credit]);
        let ids: BTreeSet<AccountId> = sides.map(account_id).collect();
        let memory: Memory = self.load(ids.iter().map(|id| Account::key(*id))).await?;
        booked.accounts = ids.into_iter().filter_map(|id| Some((id, there::<Account>(&memory, id)?))).collect();
        Ok(booked)
    }

    /// Vouchers and transfers with their batches and accounts.
    pub(super) async fn booked(&self, vouchers: &Places, transfers: &Places) -> Result<Booked, Problem> {
        let rows = self.snapshot(Booked::asks(vouchers, transfers)).await?.rows;
        self.with_accounts(Booked::read(rows).map_err(inconsistent)?).await
    }
}

fn take<K: Ord, R: Row>(
    rows: &mut impl Iterator<Item = Vec<Vec<Cell>>>,
    key: impl Fn(&R) -> K,
) -> Result<BTreeMap<K, R>, Inconsistent> {
    let rows = rows.next().unwrap_or_default().into_iter();
    rows.map(|row| R::from_cells(row).map(|row| (key(&row), row))).collect()
}
