//! The books as the API shows them.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::api::Api;

/// A trial balance.
#[derive(Debug)]
pub(crate) struct Trial {
    shown: Value,
}

impl Trial {
    /// Debit is credit, posted and held, and the totals are those of the rows.
    #[track_caller]
    pub(crate) fn assert_balanced(&self) {
        let shown = &self.shown;
        assert_eq!(shown["balanced"], true, "{shown:#}");
        assert_eq!(shown["debit_total"], shown["credit_total"], "{shown:#}");
        assert_eq!(shown["debit_held_total"], shown["credit_held_total"], "{shown:#}");
        for (total, column) in [("debit_total", "debit"), ("credit_total", "credit")] {
            let sum: i64 = self.rows().iter().map(|row| row[column].as_i64().unwrap()).sum();
            assert_eq!(shown[total], sum, "{total} in {shown:#}");
        }
    }

    fn rows(&self) -> &Vec<Value> {
        self.shown["rows"].as_array().unwrap()
    }

    /// Balances by subject, on the subject's own side; those that are zero are left out.
    pub(crate) fn balances(&self) -> BTreeMap<String, i64> {
        let balance = |row: &Value| (row["subject"].as_str().unwrap().to_owned(), row["balance"].as_i64().unwrap());
        self.rows().iter().map(balance).filter(|(_, balance)| *balance != 0).collect()
    }

    /// Its balances are exactly these.
    #[track_caller]
    pub(crate) fn assert_is(&self, expected: &[(&str, i64)]) {
        let expected: BTreeMap<String, i64> = expected
            .iter()
            .filter(|(_, balance)| *balance != 0)
            .map(|(subject, balance)| ((*subject).to_owned(), *balance))
            .collect();
        assert_eq!(self.balances(), expected, "{:#}", self.shown);
    }
}

impl Api {
    /// The trial balance of a currency.
    pub(crate) async fn trial_balance(&self, currency: &str) -> Trial {
        Trial { shown: self.get(&format!("/v1/ledger/trial_balance?currency={currency}")).await.ok(200) }
    }

    /// An owner's account of this subject.
    pub(crate) async fn account(&self, owner: &str, subject: &str) -> Value {
        let found = self.get(&format!("/v1/accounts?owner={owner}")).await.ok(200);
        let accounts = found["data"].as_array().unwrap();
        accounts
            .iter()
            .find(|account| account["subject"] == subject)
            .cloned()
            .unwrap_or_else(|| panic!("{subject} of {owner}: {found:#}"))
    }

    /// What an owner's account of this subject has, and what of it is available; nothing where there is none.
    pub(crate) async fn balance(&self, owner: &str, subject: &str) -> (i64, i64) {
        let found = self.get(&format!("/v1/accounts?owner={owner}")).await.ok(200);
        let accounts = found["data"].as_array().unwrap();
        let account = accounts.iter().find(|account| account["subject"] == subject);
        account.map_or((0, 0), |account| (account["posted"].as_i64().unwrap(), account["available"].as_i64().unwrap()))
    }
}
