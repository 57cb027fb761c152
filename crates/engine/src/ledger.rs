//! The ledger's part of a batch: vouchers and transfers as rows and as leaves of the batch's hash, and the batch's link in
//! the shard's chain. Every batch has a link, also one that moves no money, so that a lost commit can be found by it.

use accounting::chain::{self, Header, OpeningLeaf, TransferLeaf, VoucherLeaf};
use accounting::{Template, Transfer};
use kernel::{Context, MerchantId, TradeId};
use store::tables::accounting::{TransferRow, VoucherRow};
use store::tables::shard::Batch as BatchRow;
use store::unit::{Changes, Memory};
use store::{Head, Row as _};

use crate::batch::Ground;
use crate::view::Footing;

/// One voucher that a request booked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Posted {
    /// Its template.
    pub template: Template,
    /// The trade's context.
    pub context: Option<Context>,
    /// The merchant in whose name.
    pub merchant: Option<MerchantId>,
    /// The trade.
    pub trade: Option<TradeId>,
    /// The object whose fact it is.
    pub object: String,
    /// Its transfers.
    pub transfers: Vec<Transfer>,
}

/// A batch's ledger rows on their way.
pub struct Ledger {
    footing: Footing,
    vouchers: i64,
    transfers: i64,
    chain: chain::Batch,
}

impl Ledger {
    /// Nothing booked yet.
    pub fn new(footing: &Footing) -> Self {
        Self { footing: footing.clone(), vouchers: 0, transfers: 0, chain: chain::Batch::default() }
    }

    /// Takes a voucher and its transfers, in order.
    pub fn take(&mut self, posted: &Posted, changes: &mut Changes) {
        let n = self.vouchers;
        self.vouchers += 1;
        let context = posted.context.as_ref();
        let leaf = VoucherLeaf {
            seq: self.footing.seq,
            n,
            template: posted.template.name,
            template_version: i64::from(posted.template.version),
            merchant: posted.merchant,
            order_type: context.map(|context| context.order_type.as_str()),
            sub_type: context.map(|context| context.sub_type.as_str()),
            trade: posted.trade,
            object: &posted.object,
        };
        self.chain.voucher(&leaf);
        changes.insert(VoucherRow::TABLE, self.voucher(n, posted).cells());
        for transfer in &posted.transfers {
            let leaf = TransferLeaf::new(transfer, self.transfers, &leaf);
            self.chain.transfer(&leaf);
            changes.insert(TransferRow::TABLE, self.transfer(self.transfers, n, transfer).cells());
            self.transfers += 1;
        }
    }

    fn voucher(&self, n: i64, posted: &Posted) -> VoucherRow {
        let context = posted.context.as_ref();
        VoucherRow {
            shard: self.footing.shard,
            seq: self.footing.seq,
            n,
            template: posted.template.name.into(),
            template_version: i64::from(posted.template.version),
            merchant: posted.merchant.map(|merchant| merchant.0.bytes()),
            order_type: context.map(|context| context.order_type.as_str().into()),
            sub_type: context.map(|context| context.sub_type.as_str().into()),
            trade: posted.trade.map(|trade| trade.0.bytes()),
            object: posted.object.as_str().into(),
        }
    }

    fn transfer(&self, n: i64, voucher: i64, transfer: &Transfer) -> TransferRow {
        TransferRow {
            shard: self.footing.shard,
            seq: self.footing.seq,
            n,
            voucher,
            op: transfer.op.as_str().into(),
            hold: transfer.op.hold().map(accounting::HoldKey::number),
            debit: transfer.debit.0.bytes(),
            credit: transfer.credit.0.bytes(),
            amount: transfer.amount.minor(),
            pay_org: transfer.pay_org.as_str().into(),
            code: transfer.code.into(),
            d_ver: transfer.d_ver,
            d_bal: transfer.d_bal,
            c_ver: transfer.c_ver,
            c_bal: transfer.c_bal,
        }
    }

    /// Closes the batch: openings and applied sums are taken from the account rows as they are really written, so that
    /// they can disagree with the transfers. Returns the shard's new head.
    pub fn close(mut self, ground: &Ground<'_>, committed: &Memory, decided: &Memory, changes: &mut Changes) -> Head {
        for (id, account) in &decided.accounts {
            let Some(after) = account else { continue };
            let before = committed.accounts.get(id).and_then(Option::as_ref);
            self.chain.applied(before.map(std::convert::AsRef::as_ref), after);
            if before.is_none() && after.opened_seq == self.footing.seq {
                self.chain.opening(&OpeningLeaf::new(after));
            }
        }
        let Footing { shard, seq, now, acct_date, .. } = self.footing;
        let header = Header { shard, seq, writer: ground.writer, at: now, acct_date, prev_hash: ground.head.hash };
        let sealed = self.chain.seal(header);
        let row = BatchRow {
            shard,
            seq,
            writer: ground.writer,
            at: now.micros(),
            acct_date,
            rows: sealed.rows,
            prev_hash: header.prev_hash,
            root: sealed.root,
            digest: sealed.digest,
            hash: sealed.hash,
            dsum: sealed.dsum,
            csum: sealed.csum,
        };
        changes.insert(BatchRow::TABLE, row.cells());
        Head { seq, epoch: ground.writer, hash: sealed.hash, last_time: now.micros(), acct_date }
    }
}
