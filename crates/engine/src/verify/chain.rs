//! One batch against its rows: built again, compared with the chain, and the row that is wrong named.

use accounting::chain::{self, Broken, Header, LeafKind, OpeningLeaf, Sealed, TransferLeaf, VoucherLeaf};
use accounting::hold::{HoldKey, Op};
use accounting::{Account, Side, Subject};
use kernel::{AccountId, Amount, Currency, MerchantId, Owner, RootId, Time, TradeId};
use store::tables::accounting::{AccountRow, TransferRow, VoucherRow};
use store::tables::shard::Batch as BatchRow;
use store::{Row as _, Table};

/// A row as it was read; none where it fits no state of its type.
pub(super) struct Item<R> {
    /// Its key, readable.
    pub(super) key: String,
    /// What it says.
    pub(super) row: Option<R>,
}

/// Stands in the place of a row that cannot be read, so that the rows after it keep theirs.
const UNREADABLE: &str = "(unreadable)";

/// The rows of one batch.
pub(super) struct Rows<'a> {
    pub(super) vouchers: &'a [Item<VoucherRow>],
    pub(super) transfers: &'a [Item<TransferRow>],
    /// The accounts that it opened, by id, as their rows are now.
    pub(super) openings: &'a [(AccountId, Option<Account>)],
}

/// What is wrong with a batch: in which table, at which key, what.
pub(super) struct Wrong {
    pub(super) table: &'static Table,
    pub(super) key: String,
    pub(super) what: String,
}

/// The chain row as the chain knows it.
pub(super) fn sealed(row: BatchRow) -> Sealed {
    Sealed {
        header: Header {
            shard: row.shard,
            seq: row.seq,
            writer: row.writer,
            at: Time::from_micros(row.at),
            acct_date: row.acct_date,
            prev_hash: row.prev_hash,
        },
        rows: row.rows,
        root: row.root,
        digest: row.digest,
        dsum: row.dsum,
        csum: row.csum,
        hash: row.hash,
    }
}

/// Holds a batch against its rows and the batch before it.
pub(super) fn judge(before: Option<&Sealed>, stored: &Sealed, rows: &Rows<'_>) -> Option<Wrong> {
    let built = rows.build(stored.header.seq);
    let broken = chain::verify(before, stored, built.clone()).err()?;
    let of_batch = |what: String| Wrong { table: BatchRow::TABLE, key: stored.header.seq.to_string(), what };
    let Broken::Row { kind, place } = broken else { return Some(of_batch(broken.to_string())) };
    if built.seal(stored.header).root == stored.root {
        // The rows give the root, so it is the list of their hashes that was changed.
        return Some(of_batch("the digest is not that of the rows".to_owned()));
    }
    Some(rows.wrong(kind, place, stored.header.seq))
}

impl Rows<'_> {
    fn build(&self, seq: i64) -> chain::Batch {
        let mut batch = chain::Batch::default();
        for item in self.vouchers {
            batch.voucher(&item.row.as_ref().map_or_else(|| unreadable_voucher(seq), voucher));
        }
        for item in self.transfers {
            let leaf = item.row.as_ref().and_then(transfer).or_else(|| unreadable_transfer(seq));
            if let Some(leaf) = leaf {
                batch.transfer(&leaf);
            }
        }
        for (id, account) in self.openings {
            match account {
                Some(account) => batch.opening(&OpeningLeaf::new(account)),
                None => {
                    if let Some(leaf) = missing_opening(seq, *id) {
                        batch.opening(&leaf);
                    }
                }
            }
        }
        batch
    }

    fn wrong(&self, kind: LeafKind, place: usize, seq: i64) -> Wrong {
        // Vouchers and transfers are numbered from 0 without gaps, so their place is their number.
        let expected = format!("{seq}/{place}");
        let (table, key) = match kind {
            LeafKind::Voucher => (VoucherRow::TABLE, self.vouchers.get(place).map(|item| item.key.clone())),
            LeafKind::Transfer => (TransferRow::TABLE, self.transfers.get(place).map(|item| item.key.clone())),
            LeafKind::Opening => {
                let key = self.openings.get(place).map_or_else(|| "(none)".to_owned(), |(id, _)| id.to_string());
                return Wrong { table: AccountRow::TABLE, key, what: format!("is not what batch {seq} opened") };
            }
        };
        let what = if key.as_ref() == Some(&expected) {
            format!("is not what batch {seq} wrote")
        } else {
            "is missing".to_owned()
        };
        Wrong { table, key: expected, what }
    }
}

fn trade(bytes: Option<[u8; 16]>) -> Option<TradeId> {
    bytes.map(|bytes| TradeId(RootId::from_bytes(bytes)))
}

fn voucher(row: &VoucherRow) -> VoucherLeaf<'_> {
    VoucherLeaf {
        seq: row.seq,
        n: row.n,
        template: &row.template,
        template_version: row.template_version,
        merchant: row.merchant.map(|bytes| MerchantId(RootId::from_bytes(bytes))),
        order_type: row.order_type.as_deref(),
        sub_type: row.sub_type.as_deref(),
        trade: trade(row.trade),
        object: &row.object,
    }
}

/// What a transfer did; `None` where its columns do not go together.
pub(super) fn op(row: &TransferRow) -> Option<Op> {
    let hold = match row.hold {
        None => None,
        Some(number) => Some(HoldKey::from_number(number)?),
    };
    Op::parse(&row.op, hold)
}

fn transfer(row: &TransferRow) -> Option<TransferLeaf<'_>> {
    Some(TransferLeaf {
        seq: row.seq,
        n: row.n,
        voucher: row.voucher,
        op: op(row)?,
        debit: AccountId(RootId::from_bytes(row.debit)),
        credit: AccountId(RootId::from_bytes(row.credit)),
        amount: Amount::new(row.amount).ok()?,
        pay_org: &row.pay_org,
        code: &row.code,
        d_ver: row.d_ver,
        d_bal: row.d_bal,
        c_ver: row.c_ver,
        c_bal: row.c_bal,
    })
}

fn unreadable_voucher(seq: i64) -> VoucherLeaf<'static> {
    VoucherLeaf {
        seq,
        n: -1,
        template: UNREADABLE,
        template_version: 0,
        merchant: None,
        order_type: None,
        sub_type: None,
        trade: None,
        object: UNREADABLE,
    }
}

fn unreadable_transfer(seq: i64) -> Option<TransferLeaf<'static>> {
    let nobody = AccountId(RootId::from_bytes([0; 16]));
    Some(TransferLeaf {
        seq,
        n: -1,
        voucher: -1,
        op: Op::Post,
        debit: nobody,
        credit: nobody,
        amount: Amount::new(1).ok()?,
        pay_org: UNREADABLE,
        code: UNREADABLE,
        d_ver: 0,
        d_bal: 0,
        c_ver: 0,
        c_bal: 0,
    })
}

fn missing_opening(seq: i64, account: AccountId) -> Option<OpeningLeaf<'static>> {
    static OWNER: Owner = Owner::Platform;
    static SUBJECT: Subject = Subject::ESCROW;
    let currency = Currency::parse("CNY")?;
    Some(OpeningLeaf {
        seq,
        account,
        owner: &OWNER,
        subject: &SUBJECT,
        currency,
        side: Side::Credit,
        floor: None,
        ceil: None,
    })
}
