//! The trial balance (试算平衡): per subject what was debited and credited, and whether it comes out even.
//!
//! Every transfer debits what it credits, so per currency the sums of both sides are equal, posted and held. Totals are
//! `i128`: they cannot overflow however many accounts are summed.

use std::collections::BTreeMap;

use kernel::Currency;

use crate::chart::{Side, Subject};

/// The counters of an account, or the sums of many accounts of one subject and currency. Minor units.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// On what.
    pub subject: Subject,
    /// In what.
    pub currency: Currency,
    /// Debits posted.
    pub dp: i64,
    /// Credits posted.
    pub cp: i64,
    /// Debits held.
    pub dh: i64,
    /// Credits held.
    pub ch: i64,
}

/// Both sides, posted and held. Minor units.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sums {
    /// Debits posted.
    pub debit: i128,
    /// Credits posted.
    pub credit: i128,
    /// Debits held.
    pub debit_held: i128,
    /// Credits held.
    pub credit_held: i128,
}

impl Sums {
    /// Whether both sides are equal, posted and held.
    pub const fn balanced(&self) -> bool {
        self.debit == self.credit && self.debit_held == self.credit_held
    }

    /// The posted balance on a side.
    pub const fn on(&self, side: Side) -> i128 {
        match side {
            Side::Debit => self.debit - self.credit,
            Side::Credit => self.credit - self.debit,
        }
    }

    fn add(&mut self, row: &Row) {
        self.debit += i128::from(row.dp);
        self.credit += i128::from(row.cp);
        self.debit_held += i128::from(row.dh);
        self.credit_held += i128::from(row.ch);
    }
}

/// A line: one subject in one currency.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// On what.
    pub subject: Subject,
    /// Both sides.
    pub sums: Sums,
    /// The posted balance on the subject's normal side.
    pub balance: i128,
}

/// The trial balance of one currency.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trial {
    /// In what.
    pub currency: Currency,
    /// Its subjects, by code.
    pub lines: Vec<Line>,
    /// Σ lines.
    pub total: Sums,
}

impl Trial {
    /// Whether the books come out even in this currency.
    pub const fn balanced(&self) -> bool {
        self.total.balanced()
    }
}

/// Sums rows up, one trial balance per currency, in the order of currencies.
pub fn trial(rows: impl IntoIterator<Item = Row>) -> Vec<Trial> {
    let mut currencies: BTreeMap<Currency, BTreeMap<Subject, Sums>> = BTreeMap::new();
    for row in rows {
        currencies.entry(row.currency).or_default().entry(row.subject.clone()).or_default().add(&row);
    }
    currencies.into_iter().map(|(currency, subjects)| of_currency(currency, subjects)).collect()
}

fn of_currency(currency: Currency, subjects: BTreeMap<Subject, Sums>) -> Trial {
    let mut total = Sums::default();
    let mut lines = Vec::with_capacity(subjects.len());
    for (subject, sums) in subjects {
        total.debit += sums.debit;
        total.credit += sums.credit;
        total.debit_held += sums.debit_held;
        total.credit_held += sums.credit_held;
        let balance = sums.on(subject.entry().side());
        lines.push(Line { subject, sums, balance });
    }
    Trial { currency, lines, total }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(subject: Subject, code: &str, counters: [i64; 4]) -> Row {
        let [dp, cp, dh, ch] = counters;
        Row { subject, currency: Currency::parse(code).unwrap(), dp, cp, dh, ch }
    }

    #[test]
    fn sums_per_subject_and_currency() {
        let trials = trial([
            row(Subject::USER_BALANCE, "CNY", [30, 100, 0, 0]),
            row(Subject::USER_BALANCE, "CNY", [0, 50, 10, 0]),
            row(Subject::channel_in("sandbox"), "CNY", [150, 0, 0, 0]),
            row(Subject::ESCROW, "CNY", [0, 30, 0, 10]),
            row(Subject::MARKETING, "USD", [5, 0, 0, 0]),
        ]);
        let [cny, usd] = trials.as_slice() else { panic!("two currencies: {trials:?}") };
        let balances: Vec<_> = cny.lines.iter().map(|line| (line.subject.as_str(), line.balance)).collect();
        assert_eq!(balances, [("1011.sandbox.in", 150), ("2001", 120), ("2004", 30)]);
        assert_eq!(cny.total, Sums { debit: 180, credit: 180, debit_held: 10, credit_held: 10 });
        assert!(cny.balanced());
        assert!(!usd.balanced(), "expense without a credit anywhere");
    }

    #[test]
    fn held_sides_count_and_totals_do_not_overflow() {
        assert!(!trial([row(Subject::ESCROW, "CNY", [7, 7, 1, 0])])[0].balanced());
        let many = (0..4).map(|_| row(Subject::MARKETING, "CNY", [i64::MAX, 0, 0, 0]));
        assert_eq!(trial(many)[0].lines[0].balance, 4 * i128::from(i64::MAX));
    }
}
