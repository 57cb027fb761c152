//! The canonical encoding of immutable rows, and the hashes over it.
//!
//! The structs borrow plain columns, so a row that was just booked and a row that was read back are encoded by the same
//! code. The order of the columns below is the encoding; a change of it is a new hash version.

use blake3::Hasher;
use kernel::message::accounting::Post;
use kernel::{AccountId, Amount, Currency, MerchantId, Owner, TradeId};

use super::{Hash, LeafKind, Sealed};
use crate::account::Account;
use crate::book::Transfer;
use crate::chart::{Side, Subject};
use crate::hold::Op;
use crate::template::Template;

/// The version of all that is hashed here.
const VERSION: i64 = 1;
/// The length of a field that is absent.
const ABSENT: u32 = u32::MAX;

/// A voucher's columns. Its time and accounting date are its batch's.
#[derive(Clone, Copy, Debug)]
pub struct VoucherLeaf<'a> {
    /// The batch.
    pub seq: i64,
    /// Its number in the batch.
    pub n: i64,
    /// The template's name.
    pub template: &'a str,
    /// The template's version.
    pub template_version: i64,
    /// The merchant that it concerns.
    pub merchant: Option<MerchantId>,
    /// The trade's type, from the context.
    pub order_type: Option<&'a str>,
    /// The scene, from the context.
    pub sub_type: Option<&'a str>,
    /// The trade, where it belongs to one.
    pub trade: Option<TradeId>,
    /// The object whose fact it is, in text form.
    pub object: &'a str,
}

impl<'a> VoucherLeaf<'a> {
    /// The columns of a posting's voucher: number `n` of batch `seq`.
    pub fn new(post: &'a Post, seq: i64, n: i64, trade: Option<TradeId>) -> Self {
        let Template { name, version } = Template::of(&post.verb);
        let context = post.context.as_ref();
        Self {
            seq,
            n,
            template: name,
            template_version: i64::from(version),
            merchant: post.merchant.or(context.map(|context| context.merchant)),
            order_type: context.map(|context| context.order_type.as_str()),
            sub_type: context.map(|context| context.sub_type.as_str()),
            trade,
            object: &post.object,
        }
    }

    pub(super) fn write(&self, fields: &mut Fields) {
        fields.integer(self.seq);
        fields.integer(self.n);
        fields.text(self.template);
        fields.integer(self.template_version);
        fields.maybe(self.merchant.map(|merchant| merchant.0.bytes()).as_ref());
        fields.maybe(self.order_type);
        fields.maybe(self.sub_type);
        fields.maybe(self.trade.map(|trade| trade.0.bytes()).as_ref());
        fields.text(self.object);
    }
}

/// A transfer's columns. Its time and accounting date are its batch's.
#[derive(Clone, Copy, Debug)]
pub struct TransferLeaf<'a> {
    /// The batch.
    pub seq: i64,
    /// Its number in the batch.
    pub n: i64,
    /// The number of its voucher in the batch.
    pub voucher: i64,
    /// What it did, and to which hold.
    pub op: Op,
    /// The account that was debited.
    pub debit: AccountId,
    /// The account that was credited.
    pub credit: AccountId,
    /// How much.
    pub amount: Amount,
    /// The institution, or `internal`.
    pub pay_org: &'a str,
    /// What it is within its voucher.
    pub code: &'a str,
    /// The debit account's version after it.
    pub d_ver: i64,
    /// The debit account's posted balance after it.
    pub d_bal: i64,
    /// The credit account's version after it.
    pub c_ver: i64,
    /// The credit account's posted balance after it.
    pub c_bal: i64,
}

impl<'a> TransferLeaf<'a> {
    /// The columns of a transfer that was just booked: number `n` of the batch, within its voucher.
    pub fn new(transfer: &'a Transfer, n: i64, voucher: &VoucherLeaf<'_>) -> Self {
        Self {
            seq: voucher.seq,
            n,
            voucher: voucher.n,
            op: transfer.op,
            debit: transfer.debit,
            credit: transfer.credit,
            amount: transfer.amount,
            pay_org: transfer.pay_org.as_str(),
            code: transfer.code,
            d_ver: transfer.d_ver,
            d_bal: transfer.d_bal,
            c_ver: transfer.c_ver,
            c_bal: transfer.c_bal,
        }
    }

    pub(super) fn write(&self, fields: &mut Fields) {
        fields.integer(self.seq);
        fields.integer(self.n);
        fields.integer(self.voucher);
        fields.text(self.op.as_str());
        fields.maybe(self.op.hold().map(|key| key.number().to_le_bytes()).as_ref());
        fields.bytes(&self.debit.0.bytes());
        fields.bytes(&self.credit.0.bytes());
        fields.integer(self.amount.minor());
        fields.text(self.pay_org);
        fields.text(self.code);
        fields.integer(self.d_ver);
        fields.integer(self.d_bal);
        fields.integer(self.c_ver);
        fields.integer(self.c_bal);
    }
}

/// The columns with which an account was opened.
#[derive(Clone, Copy, Debug)]
pub struct OpeningLeaf<'a> {
    /// The batch.
    pub seq: i64,
    /// The account.
    pub account: AccountId,
    /// Whose.
    pub owner: &'a Owner,
    /// On what.
    pub subject: &'a Subject,
    /// In what.
    pub currency: Currency,
    /// The normal side.
    pub side: Side,
    /// What must stay available.
    pub floor: Option<i64>,
    /// What it may reach.
    pub ceil: Option<i64>,
}

impl<'a> OpeningLeaf<'a> {
    /// The opening of an account whose limits have not changed since.
    pub fn new(account: &'a Account) -> Self {
        Self {
            seq: account.opened_seq,
            account: account.id,
            owner: &account.owner,
            subject: &account.subject,
            currency: account.currency,
            side: account.side,
            floor: account.floor,
            ceil: account.ceil,
        }
    }

    pub(super) fn write(&self, fields: &mut Fields) {
        fields.integer(self.seq);
        fields.bytes(&self.account.0.bytes());
        fields.text(&self.owner.to_string());
        fields.text(self.subject.as_str());
        fields.text(self.currency.code());
        fields.text(self.side.as_str());
        fields.maybe(self.floor.map(i64::to_le_bytes).as_ref());
        fields.maybe(self.ceil.map(i64::to_le_bytes).as_ref());
    }
}

/// Fields being encoded; the space is used again for the next row.
#[derive(Clone, Debug, Default)]
pub(super) struct Fields(Vec<u8>);

impl Fields {
    pub(super) fn leaf(&mut self, kind: LeafKind, write: impl FnOnce(&mut Self)) -> Hash {
        self.start(kind.as_str());
        write(self);
        self.hash()
    }

    /// The hash of a batch over all its columns but the hash itself.
    pub(super) fn batch(&mut self, batch: &Sealed) -> Hash {
        self.start("batch");
        self.integer(batch.header.shard);
        self.integer(batch.header.seq);
        self.integer(batch.header.writer);
        self.integer(batch.header.at.micros());
        self.integer(batch.header.acct_date);
        self.bytes(&batch.header.prev_hash);
        self.integer(batch.rows);
        self.bytes(&batch.root);
        self.bytes(&batch.digest);
        self.integer(batch.dsum);
        self.integer(batch.csum);
        self.hash()
    }

    fn start(&mut self, tag: &str) {
        self.0.clear();
        self.text(tag);
        self.integer(VERSION);
    }

    fn hash(&self) -> Hash {
        *blake3::hash(&self.0).as_bytes()
    }

    fn bytes(&mut self, value: &[u8]) {
        self.0.extend_from_slice(&(value.len() as u32).to_le_bytes());
        self.0.extend_from_slice(value);
    }

    fn text(&mut self, value: &str) {
        self.bytes(value.as_bytes());
    }

    fn integer(&mut self, value: i64) {
        self.bytes(&value.to_le_bytes());
    }

    fn maybe(&mut self, value: Option<&(impl AsRef<[u8]> + ?Sized)>) {
        match value {
            Some(value) => self.bytes(value.as_ref()),
            None => self.0.extend_from_slice(&ABSENT.to_le_bytes()),
        }
    }
}

/// The beginning of a hash over many hashes, fed by [`put`].
pub(super) fn tagged(tag: &str) -> Hasher {
    let mut hasher = Hasher::new();
    put(&mut hasher, tag.as_bytes());
    put(&mut hasher, &VERSION.to_le_bytes());
    hasher
}

/// One field of a hash that is too long to be encoded first.
pub(super) fn put(hasher: &mut Hasher, value: &[u8]) {
    hasher.update(&(value.len() as u32).to_le_bytes());
    hasher.update(value);
}
