//! A shard's own rows: its head, its chain of batches, who works for it, what is due, and the control data it obeys.

use kernel::Shards;

use crate::door::{Cell, Head, Row, StoreError, Work};
use crate::{Text, row, statements};

row! {
    /// The head of a shard's line; every batch moves it, and its `seq` and `hash` are the fence of every write.
    pub struct Shard in Main "shard" key 1 {
        /// The shard.
        pub shard: i64,
        /// The fencing number of the lease under which the last batch was written.
        pub epoch: i64,
        /// The number of the last batch.
        pub seq: i64,
        /// The hash of the chain up to it.
        pub hash: [u8; 32],
        /// Its time, in microseconds.
        pub last_time: i64,
        /// Its accounting date, as `yyyymmdd`; 0 before the first batch.
        pub acct_date: i64,
    }
    check "shard >= 0";
    check "seq >= 0";
    check "length(hash) = 32";
}

row! {
    /// One batch: a link of the shard's hash chain. Every batch has one, also one that wrote no ledger rows. Never changed.
    pub struct Batch in Main "batch" key 2 {
        /// The shard.
        pub shard: i64,
        /// The number of the batch.
        pub seq: i64,
        /// The number of the line that wrote it, so that after a lost commit it can be told from another node's.
        pub writer: i64,
        /// Its time, in microseconds.
        pub at: i64,
        /// Its accounting date, as `yyyymmdd`.
        pub acct_date: i64,
        /// How many immutable rows the root covers.
        pub rows: i64,
        /// The hash of the batch before it.
        pub prev_hash: [u8; 32],
        /// The root over the batch's immutable rows.
        pub root: [u8; 32],
        /// The leaves of that root in short, to name the first wrong one.
        pub digest: Vec<u8>,
        /// The hash of this batch.
        pub hash: [u8; 32],
        /// The sum of the debits that were applied to account rows, in minor units, modulo 2⁶⁴.
        pub dsum: i64,
        /// The same of the credits.
        pub csum: i64,
    }
    check "dsum = csum";
}

row! {
    /// Who may work in a role for a shard, until when. The epoch is the fencing number: it grows with every holder.
    pub struct Lease in Main "lease" key 2 {
        /// The shard.
        pub shard: i64,
        /// The role.
        pub role: Text,
        /// The node that holds it.
        pub holder: Text,
        /// Grows by one whenever the holder changes.
        pub epoch: i64,
        /// The end of the lease, in microseconds.
        pub until: i64,
    }
}

row! {
    /// Something to do at a time: a timer, or a call to an institution.
    pub struct Task in Main "task" key 5 {
        /// The shard.
        pub shard: i64,
        /// When, in microseconds.
        pub due: i64,
        /// The trade (or other root) it belongs to.
        pub tree: [u8; 16],
        /// The number of the object inside the tree; 0 is the root.
        pub no: i64,
        /// What to do.
        pub kind: Text,
        /// How often it was tried.
        pub attempts: i64,
    }
}

row! {
    /// One version of one piece of control data: a merchant, a key, a rule, a calendar. Versions are never changed.
    pub struct Control in Main "control" key 4 {
        /// The shard whose line wrote it; the first.
        pub shard: i64,
        /// What it is.
        pub kind: Text,
        /// Its id.
        pub id: [u8; 16],
        /// From 1.
        pub version: i64,
        /// The batch that wrote it.
        pub seq: i64,
        /// The data, as JSON that SQL never looks into.
        pub body: Text,
    }
}

statements! {
    /// The head of a shard.
    HEAD = "shard.head" (Int) "SELECT shard, epoch, seq, hash, last_time, acct_date FROM shard WHERE shard = $1";
    /// The head of a shard, behind every transaction that holds it.
    HEAD_LOCKED = "shard.head_locked" (Int)
        "SELECT shard, epoch, seq, hash, last_time, acct_date FROM shard WHERE shard = $1 {for_update}";
    /// The fence: moves the head if it still stands where the work was decided, in the same history.
    FENCE = "shard.fence" (Int, Int, Bytes, Int, Int, Bytes, Int, Int)
        "UPDATE shard SET epoch = $4, seq = $5, hash = $6, last_time = $7, acct_date = $8
         WHERE shard = $1 AND seq = $2 AND hash = $3";
    /// The batches after a number, in order.
    BATCHES_AFTER = "shard.batches_after" (Int, Int, Int)
        "SELECT shard, seq, writer, at, acct_date, rows, prev_hash, root, digest, hash, dsum, csum
         FROM batch WHERE shard = $1 AND seq > $2 ORDER BY shard, seq LIMIT $3";
    /// A new shard, before its first batch.
    NEW = "shard.new" (Int, Bytes)
        "INSERT INTO shard (shard, epoch, seq, hash, last_time, acct_date) VALUES ($1, 0, 0, $2, 0, 0)";
    /// The shards of this database.
    SHARDS = "shard.all" () "SELECT shard FROM shard ORDER BY shard";
}

/// The answer to `HEAD`, which must be one row.
pub(crate) fn head(shard: i64, rows: Vec<Vec<Cell>>) -> Result<Head, StoreError> {
    let row = rows.into_iter().next().ok_or_else(|| StoreError::broken(format!("there is no shard {shard}")))?;
    let Shard { epoch, seq, hash, last_time, acct_date, .. } = Shard::from_cells(row)?;
    Ok(Head { seq, epoch, hash, last_time, acct_date })
}

/// The answer to [`SHARDS`].
///
/// # Errors
/// `Broken` where they are not numbered from 0 without gaps, or are as many as no store has.
pub fn shards(rows: &[Vec<Cell>]) -> Result<Shards, StoreError> {
    let numbered = rows.iter().zip(0..).all(|(row, number)| row.as_slice() == [Cell::Int(number)]);
    let count = i64::try_from(rows.len()).ok().filter(|_| numbered);
    count.and_then(Shards::new).ok_or_else(|| StoreError::broken("the shards are not those of a store"))
}

/// The parameters of `FENCE`.
pub(crate) fn fence(work: &Work) -> Vec<Cell> {
    let Head { seq, epoch, hash, last_time, acct_date } = &work.head;
    vec![
        Cell::Int(work.shard),
        Cell::Int(work.before.seq),
        Cell::bytes(work.before.hash),
        Cell::Int(*epoch),
        Cell::Int(*seq),
        Cell::bytes(hash),
        Cell::Int(*last_time),
        Cell::Int(*acct_date),
    ]
}
