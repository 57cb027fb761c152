//! The oracle: what every balance must be, from the answers that callers got, by arithmetic that shares nothing with the
//! product.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::caller::{Asked, Operation};

/// Minor units per owner and subject, as answers say they must be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Model {
    balances: BTreeMap<(String, &'static str), i64>,
}

impl Model {
    /// Adds what an acknowledged operation did.
    pub(crate) fn learn(&mut self, asked: &Asked, answer: &Value) {
        match &asked.operation {
            Operation::Fund { user, amount } => self.add(format!("user:{user}"), "2001", *amount),
            Operation::Pay { user, amount, .. } => {
                if answer.pointer("/payment/status").is_some_and(|status| status == "succeeded") {
                    self.add(format!("user:{user}"), "2001", -*amount);
                    self.add(asked.merchant.clone(), "2003", *amount);
                }
            }
        }
    }

    fn add(&mut self, owner: String, subject: &'static str, amount: i64) {
        *self.balances.entry((owner, subject)).or_insert(0) += amount;
    }

    /// What differs from the accounts as they are, in words.
    pub(crate) fn differences(&self, accounts: &[accounting::Account]) -> Vec<String> {
        let mut rest: BTreeMap<(String, &str), i64> = self.balances.clone();
        let mut found = Vec::new();
        for account in accounts {
            let subject = account.subject.as_str();
            if subject != "2001" && subject != "2003" {
                continue;
            }
            let owner = account.owner.to_string();
            let wanted = rest.remove(&(owner.clone(), subject)).unwrap_or(0);
            if wanted != account.posted() {
                found.push(format!("{owner} {subject}: {} posted, {wanted} expected", account.posted()));
            }
        }
        found.extend(
            rest.into_iter()
                .filter(|(_, amount)| *amount != 0)
                .map(|((owner, subject), amount)| format!("{owner} {subject}: no account, {amount} expected")),
        );
        found
    }
}
