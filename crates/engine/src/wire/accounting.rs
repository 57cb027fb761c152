//! Accounts, transfers and the trial balance on the wire.

use accounting::trial::{Line, Trial};
use accounting::{Account, Side};
use kernel::{AccountId, Currency, MerchantId, Owner, RootId, Time, TradeId};
use serde::Serialize;
use store::tables::accounting::{TransferRow, VoucherRow};
use store::tables::shard::Batch;

use crate::place_id::{PlaceId, Placed};

/// `"object": "account"`.
#[derive(Serialize)]
struct AccountObject<'a> {
    id: AccountId,
    object: &'static str,
    owner: &'a Owner,
    #[serde(skip_serializing_if = "Option::is_none")]
    merchant_id: Option<MerchantId>,
    subject: &'a str,
    name: &'static str,
    currency: Currency,
    posted: i64,
    held: i64,
    pending: i64,
    available: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    at: Option<Time>,
}

/// An account with its counters, which are those of the moment `at` where it is given. `pending` is what is held on its
/// way in.
pub fn account_json(account: &Account, at: Option<Time>) -> String {
    super::json(&AccountObject {
        id: account.id,
        object: "account",
        owner: &account.owner,
        merchant_id: account.owner.merchant(),
        subject: account.subject.as_str(),
        name: account.subject.entry().english(),
        currency: account.currency,
        posted: account.posted(),
        held: account.held(),
        pending: account.incoming(),
        available: account.available(),
        at,
    })
}

/// A line of an account's statement: a transfer as the account sees it.
#[derive(Serialize)]
struct LineObject<'a> {
    id: String,
    object: &'static str,
    account: AccountId,
    side: &'static str,
    op: &'a str,
    amount: i64,
    currency: Currency,
    /// After it.
    posted: i64,
    /// After it.
    held: i64,
    counter_account: AccountId,
    template: &'a str,
    code: &'a str,
    pay_org: &'a str,
    trade_id: Option<TradeId>,
    about: &'a str,
    date: String,
    created_at: Time,
}

/// A transfer as the account sees it; `account` has the counters after it.
pub fn line_json(
    salt: &[u8; 32],
    account: &Account,
    transfer: &TransferRow,
    voucher: &VoucherRow,
    batch: &Batch,
) -> String {
    let (debit, credit) = (account_id(transfer.debit), account_id(transfer.credit));
    let side = if debit == account.id { Side::Debit } else { Side::Credit };
    super::json(&LineObject {
        id: transfer_id(salt, transfer),
        object: "transfer",
        account: account.id,
        side: match side {
            Side::Debit => "debit",
            Side::Credit => "credit",
        },
        op: &transfer.op,
        amount: transfer.amount,
        currency: account.currency,
        posted: account.posted(),
        held: account.held(),
        counter_account: match side {
            Side::Debit => credit,
            Side::Credit => debit,
        },
        template: &voucher.template,
        code: &transfer.code,
        pay_org: &transfer.pay_org,
        trade_id: voucher.trade.map(|trade| TradeId(RootId::from_bytes(trade))),
        about: &voucher.object,
        date: date(batch.acct_date),
        created_at: Time::from_micros(batch.at),
    })
}

/// `"object": "voucher"`: the linked transfers of one business fact.
#[derive(Serialize)]
pub struct VoucherObject<'a> {
    object: &'static str,
    template: &'a str,
    template_version: i64,
    about: &'a str,
    date: String,
    created_at: Time,
    transfers: Vec<TransferObject<'a>>,
}

impl<'a> VoucherObject<'a> {
    /// A voucher with its transfers.
    pub fn new(voucher: &'a VoucherRow, batch: &Batch, transfers: Vec<TransferObject<'a>>) -> Self {
        Self {
            object: "voucher",
            template: &voucher.template,
            template_version: voucher.template_version,
            about: &voucher.object,
            date: date(batch.acct_date),
            created_at: Time::from_micros(batch.at),
            transfers,
        }
    }
}

/// `"object": "transfer"`, with both its accounts and the balances of neither.
#[derive(Serialize)]
pub struct TransferObject<'a> {
    id: String,
    object: &'static str,
    op: &'a str,
    debit: PartyObject<'a>,
    credit: PartyObject<'a>,
    amount: i64,
    currency: Currency,
    pay_org: &'a str,
    code: &'a str,
}

/// One of a transfer's accounts.
#[derive(Serialize)]
struct PartyObject<'a> {
    account: AccountId,
    owner: &'a Owner,
    subject: &'a str,
}

impl<'a> TransferObject<'a> {
    /// A transfer between two accounts.
    pub fn new(salt: &[u8; 32], transfer: &'a TransferRow, debit: &'a Account, credit: &'a Account) -> Self {
        Self {
            id: transfer_id(salt, transfer),
            object: "transfer",
            op: &transfer.op,
            debit: party(debit),
            credit: party(credit),
            amount: transfer.amount,
            currency: debit.currency,
            pay_org: &transfer.pay_org,
            code: &transfer.code,
        }
    }
}

fn party(account: &Account) -> PartyObject<'_> {
    PartyObject { account: account.id, owner: &account.owner, subject: account.subject.as_str() }
}

fn transfer_id(salt: &[u8; 32], transfer: &TransferRow) -> String {
    PlaceId { shard: transfer.shard, seq: transfer.seq, n: transfer.n }.text(Placed::Transfer, salt)
}

/// The account that these sixteen bytes of a row name.
pub fn account_id(bytes: [u8; 16]) -> AccountId {
    AccountId(RootId::from_bytes(bytes))
}

/// `"object": "trial_balance"`. Totals are whole numbers of any length.
#[derive(Serialize)]
struct TrialObject<'a> {
    object: &'static str,
    currency: Currency,
    date: Option<String>,
    rows: Vec<TrialRow<'a>>,
    debit_total: i128,
    credit_total: i128,
    debit_held_total: i128,
    credit_held_total: i128,
    balanced: bool,
}

/// One subject.
#[derive(Serialize)]
struct TrialRow<'a> {
    subject: &'a str,
    name: &'static str,
    debit: i128,
    credit: i128,
    balance: i128,
    debit_held: i128,
    credit_held: i128,
}

/// A trial balance, up to and including a date where one is given.
pub fn trial_json(trial: &Trial, until: Option<i64>) -> String {
    super::json(&TrialObject {
        object: "trial_balance",
        currency: trial.currency,
        date: until.map(date),
        rows: trial.lines.iter().map(trial_row).collect(),
        debit_total: trial.total.debit,
        credit_total: trial.total.credit,
        debit_held_total: trial.total.debit_held,
        credit_held_total: trial.total.credit_held,
        balanced: trial.balanced(),
    })
}

fn trial_row(line: &Line) -> TrialRow<'_> {
    TrialRow {
        subject: line.subject.as_str(),
        name: line.subject.entry().english(),
        debit: line.sums.debit,
        credit: line.sums.credit,
        balance: line.balance,
        debit_held: line.sums.debit_held,
        credit_held: line.sums.credit_held,
    }
}

/// `yyyymmdd` as `yyyy-mm-dd`.
pub fn date(day: i64) -> String {
    format!("{:04}-{:02}-{:02}", day / 10_000, day / 100 % 100, day % 100)
}

#[cfg(test)]
mod tests {
    use accounting::Subject;
    use accounting::trial::{Row, trial};

    use super::*;

    #[test]
    fn totals_beyond_64_bits_are_whole_numbers() {
        let currency = Currency::parse("CNY").unwrap();
        let row = |subject, dp, cp| Row { subject, currency, dp, cp, dh: 0, ch: 0 };
        let rows = [
            row(Subject::MARKETING, i64::MAX, 0),
            row(Subject::MARKETING, i64::MAX, 0),
            row(Subject::COUPONS, 0, i64::MAX),
            row(Subject::ESCROW, 0, i64::MAX),
        ];
        let json = trial_json(&trial(rows)[0], Some(20_261_123));
        assert!(json.contains("\"debit_total\":18446744073709551614,\"credit_total\":18446744073709551614"), "{json}");
        assert!(json.contains("\"date\":\"2026-11-23\"") && json.contains("\"balanced\":true"), "{json}");
        assert!(
            json.contains("{\"subject\":\"5002\",\"name\":\"Marketing expense\",\"debit\":18446744073709551614"),
            "{json}"
        );
    }
}
