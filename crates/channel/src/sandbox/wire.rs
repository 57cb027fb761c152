//! The simulated institution's wire: JSON bodies, the same for both sides, signed by [`crate::signature`].
//!
//! A [`Request`] is what we ask; a [`Report`] is the institution's word about one order, as an answer or as a notification.
//! Times are microseconds since the epoch, money is minor units.

use kernel::{Currency, OrderId};
use serde::{Deserialize, Serialize};

use super::word::{PayWord, PayoutWord, RefundWord};

/// What we ask. `number` is our number of the order, `of` the one of the order to pay that a refund gives back from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "operation", rename_all = "snake_case", deny_unknown_fields)]
#[allow(missing_docs)]
pub enum Request {
    Pay {
        account: String,
        number: String,
        method: String,
        amount: i64,
        currency: Currency,
        expires_at: i64,
        word: PayWord,
    },
    Query {
        account: String,
        number: String,
    },
    Close {
        account: String,
        number: String,
    },
    Refund {
        account: String,
        number: String,
        of: String,
        amount: i64,
        currency: Currency,
        word: RefundWord,
    },
    QueryRefund {
        account: String,
        number: String,
        of: String,
    },
    Payout {
        account: String,
        number: String,
        to_type: String,
        to_account: String,
        to_name: String,
        amount: i64,
        currency: Currency,
        word: PayoutWord,
    },
    QueryPayout {
        account: String,
        number: String,
    },
}

impl Request {
    /// The account it came through.
    pub fn account(&self) -> &str {
        match self {
            Self::Pay { account, .. }
            | Self::Query { account, .. }
            | Self::Close { account, .. }
            | Self::Refund { account, .. }
            | Self::QueryRefund { account, .. }
            | Self::Payout { account, .. }
            | Self::QueryPayout { account, .. } => account,
        }
    }

    /// The order whose record it is about; refunds are kept with the order they give back from.
    pub fn record(&self) -> &str {
        match self {
            Self::Pay { number, .. }
            | Self::Query { number, .. }
            | Self::Close { number, .. }
            | Self::Payout { number, .. }
            | Self::QueryPayout { number, .. } => number,
            Self::Refund { of, .. } | Self::QueryRefund { of, .. } => of,
        }
    }
}

/// What a buyer is shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", content = "data", rename_all = "snake_case")]
#[allow(missing_docs)]
pub enum Shown {
    Redirect(String),
    QrCode(String),
}

/// What became of an order to pay.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "snake_case", deny_unknown_fields)]
#[allow(missing_docs)]
pub enum PayState {
    Accepted { credential: Shown },
    Paying,
    Paid { amount: i64, currency: Currency, at: i64, channel_no: String },
    Closed,
    Failed { code: String },
    NotFound,
}

/// What became of an order to refund.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "snake_case", deny_unknown_fields)]
#[allow(missing_docs)]
pub enum RefundState {
    Accepted,
    Refunded { amount: i64, currency: Currency, at: i64, channel_no: String },
    Failed { code: String, other_way: bool },
    Returned { code: String, at: i64 },
    NotFound,
}

/// What became of an order to pay out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "snake_case", deny_unknown_fields)]
#[allow(missing_docs)]
pub enum PayoutState {
    Accepted,
    PaidOut { amount: i64, currency: Currency, at: i64, channel_no: String },
    Failed { code: String },
    Returned { amount: i64, currency: Currency, code: String, at: i64 },
    NotFound,
}

/// What became of a dispute of what an order to pay received.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "snake_case", deny_unknown_fields)]
#[allow(missing_docs)]
pub enum DisputeState {
    Opened { dispute: String, amount: i64, currency: Currency, reason: String, respond_by: i64, at: i64 },
    Won { dispute: String, at: i64 },
    Lost { dispute: String, amount: i64, currency: Currency, at: i64 },
}

/// The institution's word about one order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Report {
    /// The account it is for.
    pub account: String,
    /// Our number of the order.
    pub number: String,
    /// What became of it.
    pub about: About,
}

/// What became of it, by kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum About {
    /// An order to pay.
    Payment(PayState),
    /// An order to refund.
    Refund(RefundState),
    /// An order to pay out.
    Payout(PayoutState),
    /// A dispute of an order to pay.
    Dispute(DisputeState),
}

/// The bytes of a message. Messages have string keys and plain values only, so this cannot fail; the empty body that
/// stands for a failure would be refused by any reader.
pub fn bytes(message: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(message).unwrap_or_default()
}

/// The order that a number of ours stands for.
pub fn order(number: &str) -> Option<OrderId> {
    OrderId::parse_institution_number(number)
}
