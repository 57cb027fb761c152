//! The log: stored answers, the claims on what must be unique beyond a shard, events, and the places of their readers.

use super::body::Body;
use crate::door::{Cell, Inconsistent};
use crate::unit::{Aggregate, TableRows, read_all};
use crate::{Row, Text, row, statements};

row! {
    /// The stored answer to a command, or an order or institution number taken. Append-only, in commit order; only
    /// `body` may be emptied later.
    pub struct Answer in Main "answer" key 3 {
        /// The shard.
        pub shard: i64,
        /// The batch.
        pub seq: i64,
        /// The number within the batch.
        pub n: i64,
        /// What is unique: an idempotency key, an order number, an institution's number.
        pub kind: Text,
        /// Within what it is unique.
        pub scope: Text,
        /// The key itself.
        pub key: Text,
        /// The hash of the request, where a repeat must be the same.
        pub body_hash: Option<Vec<u8>>,
        /// The HTTP status of the answer; 0 where there is none.
        pub status: i64,
        /// The object that the key stands for.
        pub object: Option<Text>,
        /// The answer's bytes.
        pub body: Option<Body>,
    }
}

row! {
    /// A key taken, narrow: where its answer is. Placed by hash, so it belongs to no shard.
    pub struct Claim in Main "claim" key 1 {
        /// Eight bytes of the hash of kind, scope and key.
        pub h: i64,
        /// The shard of the answer.
        pub shard: i64,
        /// Its batch.
        pub seq: i64,
        /// Its number within the batch.
        pub n: i64,
    }
}

row! {
    /// Something that happened. Outbox, history and feed at once; never changed.
    pub struct Event in Main "event" key 3 {
        /// The shard.
        pub shard: i64,
        /// The batch.
        pub seq: i64,
        /// The number within the batch.
        pub n: i64,
        /// What happened.
        pub r#type: Text,
        /// The merchant it concerns, if any.
        pub merchant: Option<[u8; 16]>,
        /// The kind of its object, as the letters of the id's prefix.
        pub object: Text,
        /// The root of its object's tree.
        pub tree: Option<[u8; 16]>,
        /// The number of the object inside the tree; 0 is the root.
        pub no: i64,
        /// The version of the object after it.
        pub sequence: i64,
        /// From the context: the order type.
        pub order_type: Option<Text>,
        /// From the context: the sub type.
        pub sub_type: Option<Text>,
        /// From the context: the paying organisation.
        pub pay_org: Option<Text>,
        /// When, in microseconds.
        pub at: i64,
        /// Where the body stands: null is here; n from 0 is answer n of the same batch; below 0 is event `-1 - n` of it.
        pub body_at: Option<i64>,
        /// The first byte of the body there.
        pub body_from: Option<i64>,
        /// Its length there.
        pub body_len: Option<i64>,
        /// The body, if it stands here.
        pub body: Option<Body>,
    }
    check "body_at IS NULL OR body IS NULL";
}

row! {
    /// How far a reader of a shard's log has come: it has done everything up to and including this event.
    pub struct Cursor in Main "cursor" key 2 {
        /// The reader.
        pub reader: Text,
        /// The shard it reads.
        pub shard: i64,
        /// The batch.
        pub seq: i64,
        /// The number within the batch.
        pub n: i64,
    }
}

row! {
    /// An event that a reader could not do yet and passed by, so that it blocks nothing.
    pub struct Parked in Main "parked" key 4 {
        /// The reader.
        pub reader: Text,
        /// The shard it reads.
        pub shard: i64,
        /// The batch.
        pub seq: i64,
        /// The number within the batch.
        pub n: i64,
        /// When to try again, in microseconds.
        pub due: i64,
        /// How often it was tried.
        pub attempts: i64,
        /// The code of the last failure.
        pub error: Text,
    }
    index "parked_due" (shard, due);
}

statements! {
    /// The next events of a shard after a place in its log.
    EVENTS_AFTER = "log.events_after" (Int, Int, Int, Int)
        "SELECT shard, seq, n, type, merchant, object, tree, no, sequence, order_type, sub_type, pay_org, at,
                body_at, body_from, body_len, body
         FROM event WHERE shard = $1 AND (seq, n) > ($2, $3) ORDER BY shard, seq, n LIMIT $4";
}

impl Aggregate for Claim {
    type Key = i64;
    const TABLES: &'static [&'static crate::Table] = &[Claim::TABLE];

    fn prefix(key: i64) -> Vec<Cell> {
        vec![Cell::Int(key)]
    }

    fn rows(&self, _: i64) -> TableRows {
        vec![vec![self.clone().cells()]]
    }

    fn assemble(_: i64, rows: TableRows) -> Result<Option<Self>, Inconsistent> {
        Ok(read_all(rows.into_iter().next())?.into_iter().next())
    }
}

impl Aggregate for Answer {
    /// Shard, batch, number.
    type Key = (i64, i64, i64);
    const TABLES: &'static [&'static crate::Table] = &[Answer::TABLE];

    fn prefix((_, seq, n): Self::Key) -> Vec<Cell> {
        vec![Cell::Int(seq), Cell::Int(n)]
    }

    fn rows(&self, _: i64) -> TableRows {
        vec![vec![self.clone().cells()]]
    }

    fn assemble(_: Self::Key, rows: TableRows) -> Result<Option<Self>, Inconsistent> {
        Ok(read_all(rows.into_iter().next())?.into_iter().next())
    }
}
