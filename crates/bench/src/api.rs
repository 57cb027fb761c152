//! The parts of the platform's answers that a client of this crate reads. Fields that are not listed are ignored, as
//! every client must do: the API may grow.

use serde::Deserialize;

/// Anything that was made and has an id.
#[derive(Clone, Debug, Deserialize)]
pub struct Created {
    /// `mch_…`, `cpn_…`, ….
    pub id: String,
}

/// A trade.
#[derive(Clone, Debug, Deserialize)]
pub struct Trade {
    /// `trd_…`
    pub id: String,
    /// `created | paid | completed | closed`
    pub status: String,
    /// Why it was closed.
    #[serde(default)]
    pub closed_reason: Option<String>,
    /// Minor units that succeeded refunds by the merchant gave back.
    #[serde(default)]
    pub refunded_amount: i64,
    /// The payment, when the call asked for one.
    #[serde(default)]
    pub payment: Option<Payment>,
}

/// A payment (attempt) of a trade.
#[derive(Clone, Debug, Deserialize)]
pub struct Payment {
    /// `pay_…`
    pub id: String,
    /// `created | requires_action | processing | succeeded | failed | canceled | expired | review`
    pub status: String,
    /// The parts by tool.
    #[serde(default)]
    pub instructions: Vec<Instruction>,
    /// Why it failed.
    #[serde(default)]
    pub failure: Option<Failure>,
}

impl Payment {
    /// Whether the payment's own state will not change any more, or not without people.
    pub fn is_over(&self) -> bool {
        matches!(self.status.as_str(), "succeeded" | "failed" | "canceled" | "expired" | "review")
    }
}

/// One tool's part of a payment.
#[derive(Clone, Debug, Deserialize)]
pub struct Instruction {
    /// `coupon`, `balance`, `channel`, ….
    pub tool: String,
    /// Minor units.
    pub amount: i64,
    /// `succeeded` when the part was paid.
    pub status: String,
}

/// Why a payment failed.
#[derive(Clone, Debug, Deserialize)]
pub struct Failure {
    /// Stable word.
    pub code: String,
}

/// A refund.
#[derive(Clone, Debug, Deserialize)]
pub struct Refund {
    /// `ref_…`
    pub id: String,
    /// `pending | succeeded | failed | returned`
    pub status: String,
}

/// A page of a list.
#[derive(Clone, Debug, Deserialize)]
pub struct Page<T> {
    /// The rows.
    pub data: Vec<T>,
    /// Whether another page follows.
    #[serde(default)]
    pub has_more: bool,
    /// Where it starts.
    #[serde(default)]
    pub next_cursor: Option<String>,
}

/// An account, summed over its stripes.
#[derive(Clone, Debug, Deserialize)]
pub struct Account {
    /// Number in the chart of accounts.
    pub subject: String,
    /// ISO 4217.
    pub currency: String,
    /// Minor units posted, on the account's normal side.
    pub posted: i64,
}

/// Σ debit = Σ credit, by subject.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct TrialBalance {
    /// One row per subject.
    pub rows: Vec<TrialBalanceRow>,
    /// Sum of the debits.
    pub debit_total: i64,
    /// Sum of the credits.
    pub credit_total: i64,
    /// Whether both are equal.
    pub balanced: bool,
}

/// One subject of a trial balance.
#[derive(Clone, Debug, Deserialize)]
pub struct TrialBalanceRow {
    /// Number in the chart of accounts, e.g. `1011.sandbox.in`.
    pub subject: String,
    /// Minor units debited.
    pub debit: i64,
    /// Minor units credited.
    pub credit: i64,
}
