//! The hash chain: every batch proves all immutable rows it wrote and the batch before it.
//!
//! Hash version 1, all BLAKE3 over fields, each with its length before it (4 bytes, little endian; integers are 8 bytes,
//! little endian; an absent field has the length 2³²−1 and no bytes):
//!
//! - a *leaf* per row: `voucher`, `transfer` or `opening`, the version, then the row's columns in the order of its struct;
//! - the *root*: `root`, the version, then per kind (vouchers, transfers, openings) their number and their leaves, each
//!   kind in the order of its rows: vouchers and transfers by number, openings by account id;
//! - the *hash*: `batch`, the version, shard, seq, writer, at, accounting date, the hash before, rows, root, digest, dsum,
//!   csum.
//!
//! The *digest*, kept beside the root, is the leaves in short: per kind the number of leaves (4 bytes, little endian), then
//! the first 8 bytes of each. It lets a verifier name the first wrong row instead of the wrong batch.
//!
//! Mutable columns (counters, holds) are not hashed; they are re-derived from transfers and compared.
//! `dsum` and `csum` are the sums of what was *applied* to account rows, so their equality is not true by construction.

mod leaf;
mod verify;

use kernel::Time;

use crate::account::Account;
use crate::hold::Op;

pub use leaf::{OpeningLeaf, TransferLeaf, VoucherLeaf};
pub use verify::{Broken, verify};

use leaf::Fields;

/// A BLAKE3 hash.
pub type Hash = [u8; 32];

/// The hash before the first batch of a shard.
pub const GENESIS: Hash = [0; 32];

/// Which immutable row a leaf stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LeafKind {
    /// A voucher.
    Voucher,
    /// A transfer.
    Transfer,
    /// The opening of an account.
    Opening,
}

impl LeafKind {
    const ALL: [Self; 3] = [Self::Voucher, Self::Transfer, Self::Opening];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Voucher => "voucher",
            Self::Transfer => "transfer",
            Self::Opening => "opening",
        }
    }
}

/// What a batch is besides its rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// The shard.
    pub shard: i64,
    /// Its number in the shard's line. Every batch has a link, also one that wrote no ledger row.
    pub seq: i64,
    /// The number of the line that wrote it, so that after a lost commit it can be told from another node's.
    pub writer: i64,
    /// When, never before the batch before.
    pub at: Time,
    /// The accounting date, as the number that rows store; never before that of the batch before.
    pub acct_date: i64,
    /// The hash of the batch before; [`GENESIS`] for the first.
    pub prev_hash: Hash,
}

/// A batch's chain row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sealed {
    /// What it is besides its rows.
    pub header: Header,
    /// How many rows the root covers.
    pub rows: i64,
    /// Over all leaves.
    pub root: Hash,
    /// The leaves in short, to name the first wrong one.
    pub digest: Vec<u8>,
    /// Debits applied to account rows, posted and held, all currencies, modulo 2⁶⁴.
    pub dsum: i64,
    /// Credits applied to account rows, posted and held, all currencies, modulo 2⁶⁴.
    pub csum: i64,
    /// Over all of this; the next batch's `prev_hash`.
    pub hash: Hash,
}

/// A batch being written: takes its rows as they come, and keeps 32 bytes of each.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    vouchers: Vec<Hash>,
    transfers: Vec<Hash>,
    openings: Vec<Hash>,
    dsum: i64,
    csum: i64,
    /// What the transfers add to the counters of either side, modulo 2⁶⁴.
    moved: i64,
    /// Written over for every leaf.
    fields: Fields,
}

impl Batch {
    /// Takes a voucher; in the order of their numbers.
    pub fn voucher(&mut self, row: &VoucherLeaf<'_>) {
        let leaf = self.fields.leaf(LeafKind::Voucher, |fields| row.write(fields));
        self.vouchers.push(leaf);
    }

    /// Takes a transfer; in the order of their numbers.
    pub fn transfer(&mut self, row: &TransferLeaf<'_>) {
        let leaf = self.fields.leaf(LeafKind::Transfer, |fields| row.write(fields));
        self.transfers.push(leaf);
        self.moved = match row.op {
            Op::Post | Op::Hold(_) => self.moved.wrapping_add(row.amount.minor()),
            Op::Capture(_) => self.moved,
            Op::Release(_) => self.moved.wrapping_sub(row.amount.minor()),
        };
    }

    /// Takes the opening of an account; in the order of their ids.
    pub fn opening(&mut self, row: &OpeningLeaf<'_>) {
        let leaf = self.fields.leaf(LeafKind::Opening, |fields| row.write(fields));
        self.openings.push(leaf);
    }

    /// Counts what is applied to an account's row: the difference between what it held (`None` where it is new) and what
    /// it will hold.
    pub fn applied(&mut self, before: Option<&Account>, after: &Account) {
        let debits = |account: &Account| account.dp.wrapping_add(account.dh);
        let credits = |account: &Account| account.cp.wrapping_add(account.ch);
        self.dsum = self.dsum.wrapping_add(debits(after)).wrapping_sub(before.map_or(0, debits));
        self.csum = self.csum.wrapping_add(credits(after)).wrapping_sub(before.map_or(0, credits));
    }

    /// The chain row of this batch.
    pub fn seal(mut self, header: Header) -> Sealed {
        let mut sealed = Sealed {
            header,
            rows: self.rows(),
            root: self.root(),
            digest: self.digest(),
            dsum: self.dsum,
            csum: self.csum,
            hash: GENESIS,
        };
        sealed.hash = self.fields.batch(&sealed);
        sealed
    }

    fn rows(&self) -> i64 {
        self.kinds().iter().map(|leaves| leaves.len() as i64).sum()
    }

    fn kinds(&self) -> [&[Hash]; 3] {
        LeafKind::ALL.map(|kind| match kind {
            LeafKind::Voucher => self.vouchers.as_slice(),
            LeafKind::Transfer => self.transfers.as_slice(),
            LeafKind::Opening => self.openings.as_slice(),
        })
    }

    fn root(&self) -> Hash {
        let mut hasher = leaf::tagged("root");
        for leaves in self.kinds() {
            leaf::put(&mut hasher, &(leaves.len() as u64).to_le_bytes());
            for hash in leaves {
                leaf::put(&mut hasher, hash);
            }
        }
        *hasher.finalize().as_bytes()
    }

    fn digest(&self) -> Vec<u8> {
        let kinds = self.kinds();
        let count: usize = kinds.iter().map(|leaves| leaves.len()).sum();
        let mut digest = Vec::with_capacity(kinds.len() * 4 + count * 8);
        for leaves in kinds {
            digest.extend_from_slice(&(leaves.len() as u32).to_le_bytes());
            for leaf in leaves {
                digest.extend(leaf.first_chunk::<8>().into_iter().flatten());
            }
        }
        digest
    }
}

#[cfg(test)]
mod tests;
