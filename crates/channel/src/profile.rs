//! What an institution can do and how patiently it is asked, as data: the adapter gives it, a channel account may alter it.

use std::collections::BTreeMap;

use kernel::Currency;
use serde::{Deserialize, Serialize};

/// Something an institution can be asked to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    /// Receive money.
    Pay,
    /// Say what became of an order to pay.
    Query,
    /// Close an unpaid order.
    Close,
    /// Give money back.
    Refund,
    /// Say what became of an order to refund.
    QueryRefund,
    /// Pay money out.
    Payout,
    /// Say what became of an order to pay out.
    QueryPayout,
}

/// The abilities and the patience of one channel account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// What it can be asked.
    pub operations: Vec<Operation>,
    /// What may be paid with, as `card`.
    pub methods: Vec<String>,
    /// To what kinds of account it pays out, as `bank_account`.
    #[serde(default)]
    pub payouts: Vec<String>,
    /// The currencies it takes; empty where it takes every one.
    pub currencies: Vec<Currency>,
    /// How long an unpaid order lives at most, in seconds.
    pub lifetime_s: u32,
    /// How long "no such refund", or "no such payout", is not yet a no, in seconds.
    pub refund_lifetime_s: u32,
    /// How long after the end of its life an order may still be without a final word before people are told, in seconds.
    pub grace_s: u32,
    /// How long one call may take, in milliseconds. A call that is later than that asks before it acts.
    pub call_timeout_ms: u32,
    /// From a word that is not final to the first query, in milliseconds; doubles with every query.
    pub first_query_ms: u32,
    /// The most between two queries, in milliseconds.
    pub max_query_ms: u32,
    /// Between two queries once people were told, in milliseconds.
    pub silent_query_ms: u32,
}

/// The profiles of all channel accounts, by the account's name.
pub type Profiles = BTreeMap<String, Profile>;

impl Profile {
    /// Whether this operation exists there.
    pub fn can(&self, operation: Operation) -> bool {
        self.operations.contains(&operation)
    }

    /// Whether this method exists there.
    pub fn serves(&self, method: &str) -> bool {
        self.methods.iter().any(|known| known == method)
    }

    /// Whether it pays out to this kind of account.
    pub fn pays_out_to(&self, kind: &str) -> bool {
        self.payouts.iter().any(|known| known == kind)
    }

    /// Whether this currency is taken there.
    pub fn takes(&self, currency: Currency) -> bool {
        self.currencies.is_empty() || self.currencies.contains(&currency)
    }
}

/// For an order whose channel account is not in the books any more: it is asked seldom, until the account is back.
pub(crate) static FORGOTTEN: Profile = Profile {
    operations: Vec::new(),
    methods: Vec::new(),
    payouts: Vec::new(),
    currencies: Vec::new(),
    lifetime_s: 86_400,
    refund_lifetime_s: 86_400,
    grace_s: 3_600,
    call_timeout_ms: 10_000,
    first_query_ms: 60_000,
    max_query_ms: 3_600_000,
    silent_query_ms: 3_600_000,
};
