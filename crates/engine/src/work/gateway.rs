//! The accounts of this deployment at institutions, with their adapters and keys.

use std::collections::BTreeMap;

use channel::{Account, Adapter, Registry};

/// Every channel account by name.
pub struct Gateway {
    registry: Registry,
    accounts: BTreeMap<String, (&'static str, Account)>,
}

impl Gateway {
    /// No accounts yet.
    pub fn new(registry: Registry) -> Self {
        Self { registry, accounts: BTreeMap::new() }
    }

    /// Adds an account that is served by the adapter of this name.
    #[must_use]
    pub fn with(mut self, adapter: &'static str, account: Account) -> Self {
        self.accounts.insert(account.name.clone(), (adapter, account));
        self
    }

    /// An account and its adapter.
    pub fn get(&self, account: &str) -> Option<(&dyn Adapter, &Account)> {
        let (adapter, account) = self.accounts.get(account)?;
        Some((self.registry.get(adapter)?, account))
    }
}
