//! What the platform's books say, read over the API, beside what they must say.

use std::collections::{BTreeMap, BTreeSet};

use futures::{StreamExt, TryStreamExt};
use serde::Serialize;

use super::expect::Expected;
use super::order::CURRENCY;
use crate::api::{Account, Page, TrialBalance};
use crate::client::Client;
use crate::error::Error;

/// A receiver's money: pending settlement, and where settlement takes it (balance, reserve).
const RECEIVER_SUBJECTS: [&str; 3] = ["2003", "2002", "2005"];

/// One figure of the platform against one of our own, in minor units.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Check {
    /// What it is about: `tool`, `subject` or `seller`.
    pub about: &'static str,
    /// Which.
    pub name: String,
    /// From the files and the plan.
    pub expected_minor: i128,
    /// From the platform.
    pub actual_minor: i128,
}

impl Check {
    /// A comparison.
    pub fn new(about: &'static str, name: impl Into<String>, expected_minor: i128, actual_minor: i128) -> Self {
        Self { about, name: name.into(), expected_minor, actual_minor }
    }

    /// Whether both are equal to the cent.
    pub fn agrees(&self) -> bool {
        self.expected_minor == self.actual_minor
    }
}

/// Reads the trial balance of the files' currency.
pub async fn trial_balance(client: &Client) -> Result<TrialBalance, Error> {
    client.get_json(&format!("/v1/ledger/trial_balance?currency={CURRENCY}")).await
}

/// The subjects that the replay moves, and those that it must leave empty.
///
/// Net figures are computed from the two columns, so it does not matter whether those are turnovers or balances. Coupons
/// are compared as expense less what is still unspent, because a rule may make a refunded coupon usable again (2031)
/// instead of ending it (5002).
pub fn check_subjects(expected: &Expected, trial: &TrialBalance) -> Vec<Check> {
    let net = |matches: &dyn Fn(&str) -> bool| -> i128 {
        let rows = trial.rows.iter().filter(|row| matches(&row.subject));
        rows.map(|row| i128::from(row.debit) - i128::from(row.credit)).sum()
    };
    let channel = |end: &'static str| move |subject: &str| subject.starts_with("1011.") && subject.ends_with(end);
    let one = |code: &'static str| move |subject: &str| subject == code;
    let mut checks = vec![
        Check::new("subject", "1011.*.in received by channel", expected.channel_in, net(&channel(".in"))),
        Check::new(
            "subject",
            "1011.*.refund returned by channel",
            expected.channel_refunded,
            -net(&channel(".refund")),
        ),
        Check::new(
            "subject",
            "5002 less 2031 coupons kept",
            expected.coupons_kept,
            net(&one("5002")) + net(&one("2031")),
        ),
        Check::new(
            "subject",
            "2003 (and 2002, 2005) receivers",
            expected.receivers(),
            -net(&|subject| RECEIVER_SUBJECTS.contains(&subject)),
        ),
    ];
    let empty = [
        ("2004", "2004 escrow"),
        ("2021", "2021 suspense"),
        ("2022", "2022 not yet effective"),
        ("1062", "1062 refunds advanced"),
        ("4001", "4001 fee income"),
    ];
    checks.extend(empty.map(|(code, name)| Check::new("subject", name, 0, -net(&one(code)))));
    checks.push(Check::new("subject", "Σ debit against Σ credit", trial.debit_total.into(), trial.credit_total.into()));
    checks
}

/// What every seller has, `concurrency` reads at a time.
pub async fn check_sellers(
    client: &Client,
    merchant: &str,
    sellers: &BTreeSet<String>,
    expected: &Expected,
    concurrency: usize,
) -> Result<Vec<Check>, Error> {
    let reads = sellers.iter().cloned().map(|seller| check_seller(client, merchant, seller, expected));
    let mut checks: Vec<Check> =
        futures::stream::iter(reads).buffer_unordered(concurrency.max(1)).try_collect().await?;
    checks.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(checks)
}

async fn check_seller(client: &Client, merchant: &str, seller: String, expected: &Expected) -> Result<Check, Error> {
    let actual = seller_minor(client, merchant, &seller).await?;
    let wanted = expected.by_seller.get(&seller).copied().unwrap_or(0);
    Ok(Check::new("seller", seller, wanted, actual))
}

async fn seller_minor(client: &Client, merchant: &str, seller: &str) -> Result<i128, Error> {
    let path = format!("/v1/accounts?owner=seller:{seller}&merchant_id={merchant}");
    let page: Page<Account> = match client.get_json(&path).await {
        Err(Error::Refused { status: 404, .. }) => return Ok(0),
        other => other?,
    };
    let ours = page
        .data
        .iter()
        .filter(|account| account.currency == CURRENCY && RECEIVER_SUBJECTS.contains(&account.subject.as_str()));
    Ok(ours.map(|account| i128::from(account.posted)).sum())
}

/// What was paid with each payment type: ours against the sum of those orders whose parts the platform showed to be
/// those of the file.
pub fn check_tools(expected: &Expected, shown: &BTreeMap<String, i128>) -> Vec<Check> {
    expected
        .by_type
        .iter()
        .map(|(word, (_, sum))| Check::new("tool", word, *sum, shown.get(word).copied().unwrap_or(0)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::TrialBalanceRow;

    fn trial(rows: &[(&str, i64, i64)]) -> TrialBalance {
        TrialBalance {
            rows: rows
                .iter()
                .map(|(subject, debit, credit)| TrialBalanceRow {
                    subject: (*subject).to_owned(),
                    debit: *debit,
                    credit: *credit,
                })
                .collect(),
            debit_total: rows.iter().map(|row| row.1).sum(),
            credit_total: rows.iter().map(|row| row.2).sum(),
            balanced: true,
        }
    }

    fn expected() -> Expected {
        let by_seller = [("s1".to_owned(), 900)].into_iter().collect();
        Expected { channel_in: 1_000, channel_refunded: 200, coupons_kept: 100, by_seller, ..Expected::default() }
    }

    #[test]
    fn turnovers_and_balances_read_the_same() {
        let turnovers = trial(&[
            ("1011.sandbox.in", 1_000, 0),
            ("1011.sandbox.refund", 0, 200),
            ("2003", 200, 1_100),
            ("2004", 1_100, 1_100),
            ("2031", 130, 130),
            ("5002", 130, 30),
        ]);
        let balances = trial(&[
            ("1011.sandbox.in", 1_000, 0),
            ("1011.sandbox.refund", 0, 200),
            ("2003", 0, 900),
            ("2031", 0, 30),
            ("5002", 130, 0),
        ]);
        for trial in [turnovers, balances] {
            let wrong: Vec<Check> =
                check_subjects(&expected(), &trial).into_iter().filter(|check| !check.agrees()).collect();
            assert_eq!(wrong, []);
        }
    }

    #[test]
    fn one_cent_is_seen() {
        let trial = trial(&[
            ("1011.sandbox.in", 1_001, 0),
            ("1011.sandbox.refund", 0, 200),
            ("2003", 0, 900),
            ("2004", 0, 1),
            ("5002", 100, 0),
        ]);
        let wrong: Vec<String> = check_subjects(&expected(), &trial)
            .into_iter()
            .filter(|check| !check.agrees())
            .map(|check| check.name)
            .collect();
        assert_eq!(wrong, ["1011.*.in received by channel", "2004 escrow"]);
    }
}
