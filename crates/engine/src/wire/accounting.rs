//! Accounts, transfers and the trial balance on the wire.

use accounting::Account;
use kernel::{AccountId, Currency, Owner, Time};
use serde::Serialize;

/// `"object": "account"`.
#[derive(Serialize)]
pub struct AccountObject<'a> {
    id: AccountId,
    object: &'static str,
    owner: &'a Owner,
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

impl<'a> AccountObject<'a> {
    /// An account as it is now. `pending` is what is held on its way in.
    pub fn new(account: &'a Account) -> Self {
        Self {
            id: account.id,
            object: "account",
            owner: &account.owner,
            subject: account.subject.as_str(),
            name: account.subject.entry().english(),
            currency: account.currency,
            posted: account.posted(),
            held: account.held(),
            pending: account.incoming(),
            available: account.available(),
            at: None,
        }
    }
}
