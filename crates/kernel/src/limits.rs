//! Every bound of the platform, in one place.

use crate::time::{DAY_US, HOUR_US, MINUTE_US};

/// Largest amount in minor units that any single figure may have (10^15).
pub const MAX_AMOUNT_MINOR: i64 = 1_000_000_000_000_000;
/// Most tools (instructions) of one payment; real orders have up to 29.
pub const MAX_LEGS: usize = 64;
/// Most receivers of one trade.
pub const MAX_SPLITS: usize = 64;
/// Most dues of one trade.
pub const MAX_DUES: usize = 8;
/// Most trades that are paid as one.
pub const MAX_CHILDREN: usize = 30;
/// Shortest time a trade can be paid in, in microseconds (2 minutes): channel orders end at least 60 s before it.
pub const MIN_TRADE_LIFE_US: i64 = 2 * MINUTE_US;
/// Time a trade can be paid in where none is given, in microseconds (2 hours).
pub const DEFAULT_TRADE_LIFE_US: i64 = 2 * HOUR_US;
/// Longest time a trade can be paid in, in microseconds (90 days).
pub const MAX_TRADE_LIFE_US: i64 = 90 * DAY_US;
/// Longest time from a trade's creation to its automatic confirmation, in microseconds (365 days).
pub const MAX_CONFIRM_US: i64 = 365 * DAY_US;
/// Most payments (attempts) of one trade.
pub const MAX_PAYMENTS: usize = 100;
/// Most refunds of one trade.
pub const MAX_REFUNDS: usize = 1_000;
/// Most disputes of one order that are believed; real cards have one or two.
pub const MAX_DISPUTES: usize = 16;
/// Latest day of a month on which a credit line is billed; every month has it.
pub const MAX_BILL_DAY: u8 = 28;
/// Most days within which a bill is to be paid.
pub const MAX_DUE_DAYS: u8 = 60;
/// Most steps that people take in one case; the last one left is the approval of what is proposed.
pub const MAX_CASE_STEPS: usize = 100;
/// Most steps after which a case takes assignments and comments; the others are for its decision.
pub const MAX_CASE_REMARKS: usize = 50;
/// Most coupons of a buyer that an offer looks at, the newest.
pub const MAX_OFFERED_COUPONS: usize = 20;
/// Longest name of an attachment or of its media type, in characters.
pub const MAX_ATTACHMENT_NAME: usize = 127;
/// Longest address of an attachment, in characters.
pub const MAX_ATTACHMENT_URL: usize = 512;
/// Most numbered objects of one kind in a trade's tree; the number takes three base-32 characters of an id.
pub const MAX_TREE_NUMBER: u16 = 32_767;
/// Longest merchant order number or merchant refund number, in characters.
pub const MAX_MERCHANT_NUMBER: usize = 64;
/// Longest user or seller id, in characters.
pub const MAX_OWNER_NAME: usize = 64;
/// Longest account that a payout goes to, in characters.
pub const MAX_DESTINATION: usize = 64;
/// Longest name of who has it, in characters.
pub const MAX_DESTINATION_NAME: usize = 128;
/// Longest scene (`sub_type`), in characters.
pub const MAX_SUB_TYPE: usize = 40;
/// Longest subject or reason shown to people, in characters.
pub const MAX_SUBJECT: usize = 256;
/// Longest return address, in characters.
pub const MAX_URL: usize = 2_048;
/// Most entries of `metadata`.
pub const MAX_METADATA_KEYS: usize = 50;
/// Longest name of a `metadata` entry, in characters.
pub const MAX_METADATA_NAME: usize = 40;
/// Longest value of a `metadata` entry, in characters.
pub const MAX_METADATA_VALUE: usize = 500;
/// Longest device or card fingerprint, in characters.
pub const MAX_SIGNAL: usize = 64;
/// Longest idempotency key, in characters.
pub const MAX_IDEMPOTENCY_KEY: usize = 128;
/// Largest request body in bytes.
pub const MAX_BODY_BYTES: usize = 65_536;
/// Largest body that is ever stored, in bytes; a trade with every receiver, leg and note is smaller.
pub const MAX_STORED_BODY_BYTES: usize = 1 << 20;
/// Deepest nesting of a JSON body.
pub const MAX_JSON_DEPTH: usize = 32;
/// Largest page of a list.
pub const MAX_PAGE: usize = 100;
/// Most shards of one store.
pub const MAX_SHARDS: i64 = 256;
/// Most shares of one gift.
pub const MAX_GIFT_SHARES: u16 = 500;
/// Most versions of rule books that are kept, those of all books together.
pub const MAX_RULE_VERSIONS: usize = 1_000;
/// Most blocks that are kept, those that were lifted included.
pub const MAX_BLOCKS: usize = 10_000;
/// Most times that a switch is thrown.
pub const MAX_THROWS: usize = 1_000;
/// Most requests decided in one batch.
pub const MAX_BATCH: usize = 512;
/// Most requests waiting for a shard's line; beyond that the door answers 503.
pub const MAX_QUEUE: usize = 8_192;
/// Most bytes of the bodies that wait for a shard's line (64 MiB); beyond that the door answers 503.
pub const MAX_QUEUE_BYTES: usize = 64 << 20;
/// Most load rounds of one request, by a line that knows nothing; most flows need two, a cart that is paid later seven.
pub const MAX_ROUNDS: usize = 16;
/// Most messages one request may cause between the domains.
pub const MAX_HOPS: usize = 2_048;
/// Most claims probed for one key when 64-bit hashes collide.
pub const MAX_CLAIM_PROBES: i64 = 8;
