//! The simulated institution's statement (对账单) of a period, and its reader.
//!
//! CSV, UTF-8, LF, no quotes. Header `kind,number,channel_no,amount,currency,fee,at`, then one line per movement:
//! `kind` is `payment`, `refund`, `return`, `payout`, `payout_return` or `dispute`; `number` is our order's; `amount` and `fee`
//! are minor units; `at` is RFC 3339. Then one line per kind and currency that occurs:
//! `total,<kind>,<count>,<amount>,<currency>,<fee>,`. A statement whose totals do not match its lines is rejected
//! whole.

use std::collections::BTreeMap;

use kernel::{Currency, Time};

use super::bank::{BankOrder, BankRefund, Step, Truth};
use crate::adapter::{LineKind, StatementError, StatementLine, money, reference};

/// What the simulated institution keeps of each receipt, in hundredths of a percent.
pub const FEE_BASIS_POINTS: i64 = 60;

const HEADER: [&str; 7] = ["kind", "number", "channel_no", "amount", "currency", "fee", "at"];
const TOTAL: &str = "total";

/// What is totalled apart.
type Key = (LineKind, Currency);
/// Count, amount and fee.
type Total = (u64, i128, i128);
type Totals = BTreeMap<Key, Total>;

/// The statement of what happened from a moment on until before another.
pub fn write<'a>(from: Time, until: Time, records: impl IntoIterator<Item = &'a BankOrder>) -> Vec<u8> {
    let mut lines: Vec<StatementLine> = records.into_iter().flat_map(movements).collect();
    lines.retain(|line| from <= line.at && line.at < until);
    lines.sort_by(|a, b| (a.at, &a.channel_no, a.kind).cmp(&(b.at, &b.channel_no, b.kind)));
    let mut out = HEADER.join(",");
    out.push('\n');
    for line in &lines {
        let StatementLine { kind, number, channel_no, money, fee_minor, at } = line;
        let (kind, amount, currency) = (kind.as_str(), money.amount, money.currency);
        out.push_str(&format!("{kind},{number},{channel_no},{amount},{currency},{fee_minor},{at}\n"));
    }
    for ((kind, currency), (count, amount, fee)) in totals(&lines) {
        out.push_str(&format!("{TOTAL},{},{count},{amount},{currency},{fee},\n", kind.as_str()));
    }
    out.into_bytes()
}

fn movements(order: &BankOrder) -> Vec<StatementLine> {
    let own = order.steps.iter().filter_map(|step| movement(step, &order.number, None));
    let refunds = order
        .refunds
        .iter()
        .flat_map(|refund| refund.steps.iter().filter_map(move |step| movement(step, &refund.number, Some(refund))));
    own.chain(refunds).collect()
}

fn movement(step: &Step, number: &str, refund: Option<&BankRefund>) -> Option<StatementLine> {
    let (kind, amount, currency, channel_no) = match (&step.truth, refund) {
        (Truth::Paid { amount, currency, channel_no }, _) => {
            (LineKind::Payment, *amount, *currency, channel_no.clone())
        }
        (Truth::Refunded { amount, currency, channel_no }, _) => {
            (LineKind::Refund, *amount, *currency, channel_no.clone())
        }
        (Truth::Returned { .. }, Some(refund)) => {
            (LineKind::Return, refund.amount, refund.currency, format!("SBX{number}R"))
        }
        (Truth::PaidOut { amount, currency, channel_no }, _) => {
            (LineKind::Payout, *amount, *currency, channel_no.clone())
        }
        (Truth::PayoutReturned { amount, currency, .. }, _) => {
            (LineKind::PayoutReturn, *amount, *currency, format!("SBX{number}R"))
        }
        // What is disputed is only set aside; what is lost leaves.
        (Truth::DisputeLost { dispute, amount, currency }, _) => {
            (LineKind::Dispute, *amount, *currency, dispute.clone())
        }
        (Truth::Returned { .. }, None)
        | (
            Truth::Closed
            | Truth::Failed { .. }
            | Truth::RefundFailed { .. }
            | Truth::PayoutFailed { .. }
            | Truth::Disputed { .. }
            | Truth::DisputeWon { .. },
            _,
        ) => return None,
    };
    let fee_minor = if kind == LineKind::Payment { fee(amount) } else { 0 };
    let at = Time::from_micros(step.at);
    Some(StatementLine { kind, number: number.to_owned(), channel_no, money: money(amount, currency)?, fee_minor, at })
}

/// Rounded half up.
fn fee(amount: i64) -> i64 {
    let share = (i128::from(amount) * i128::from(FEE_BASIS_POINTS) + 5_000) / 10_000;
    i64::try_from(share).unwrap_or(0)
}

fn totals(lines: &[StatementLine]) -> Totals {
    let mut totals = Totals::new();
    for line in lines {
        let entry = totals.entry((line.kind, line.money.currency)).or_default();
        entry.0 += 1;
        entry.1 += i128::from(line.money.amount.minor());
        entry.2 += i128::from(line.fee_minor);
    }
    totals
}

/// Reads a statement: all of it, or nothing.
pub fn parse(bytes: &[u8]) -> Result<Vec<StatementLine>, StatementError> {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).quoting(false).from_reader(bytes);
    let mut lines = Vec::new();
    let mut stated = Totals::new();
    let mut place = 0;
    for record in reader.records() {
        place += 1;
        let record = record.map_err(|_| StatementError::Line(place))?;
        if place == 1 {
            if record.iter().ne(HEADER) {
                return Err(StatementError::Header);
            }
        } else if record.get(0) == Some(TOTAL) {
            let (key, total) = parse_total(&record).ok_or(StatementError::Line(place))?;
            if stated.insert(key, total).is_some() {
                return Err(StatementError::Totals);
            }
        } else if stated.is_empty() {
            lines.push(parse_line(&record).ok_or(StatementError::Line(place))?);
        } else {
            return Err(StatementError::Totals);
        }
    }
    if place == 0 {
        return Err(StatementError::Header);
    }
    if totals(&lines) == stated { Ok(lines) } else { Err(StatementError::Totals) }
}

fn parse_line(record: &csv::StringRecord) -> Option<StatementLine> {
    let field = |place| record.get(place);
    let currency = Currency::parse(field(4)?)?;
    Some(StatementLine {
        kind: LineKind::parse(field(0)?)?,
        number: reference(field(1)?.to_owned())?,
        channel_no: reference(field(2)?.to_owned())?,
        money: money(minor(field(3)?)?, currency)?,
        fee_minor: minor(field(5)?)?,
        at: Time::parse(field(6)?)?,
    })
}

fn parse_total(record: &csv::StringRecord) -> Option<(Key, Total)> {
    let kind = LineKind::parse(record.get(1)?)?;
    let currency = Currency::parse(record.get(4)?)?;
    let count = u64::try_from(minor(record.get(2)?)?).ok()?;
    Some(((kind, currency), (count, digits(record.get(3)?)?, digits(record.get(5)?)?)))
}

/// Digits only: no sign, no separators, no symbol; never guessed.
fn digits(text: &str) -> Option<i128> {
    let plain = (1..=30).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    if plain { text.parse().ok() } else { None }
}

fn minor(text: &str) -> Option<i64> {
    i64::try_from(digits(text)?).ok()
}
