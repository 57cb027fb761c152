//! Where a payout goes: an account outside, and in whose name.
//!
//! It is personal data. Nothing here shows more than the end of the account and the beginning of the name, and no log
//! gets even that.

use std::fmt;

/// What kind of account it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DestinationType {
    /// An account at a bank, by its number (银行账户).
    BankAccount,
    /// An account at a payment company (电子钱包).
    Wallet,
}

impl DestinationType {
    /// Every type.
    pub const ALL: [Self; 2] = [Self::BankAccount, Self::Wallet];

    /// The one word used in SQL and JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::BankAccount => "bank_account",
            Self::Wallet => "wallet",
        }
    }

    /// Reads the word back.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.as_str() == text)
    }
}

/// Where a payout goes (提现去向).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Destination {
    /// What kind of account it is.
    pub kind: DestinationType,
    /// The channel account that must serve it; any that can where `None`.
    pub channel_account: Option<String>,
    /// The account, as its institution knows it.
    pub account: String,
    /// In whose name it is.
    pub name: String,
    /// In the test environment: what the simulated institution does.
    pub sandbox: Option<String>,
}

/// How many characters of an account are shown.
const SHOWN: usize = 4;

impl Destination {
    /// The account with all but its end hidden; a short one is hidden whole.
    pub fn masked_account(&self) -> String {
        masked(&self.account)
    }

    /// The first character of the name.
    pub fn masked_name(&self) -> String {
        self.name.chars().take(1).chain("**".chars()).collect()
    }
}

/// An account with all but its end hidden; a short one is hidden whole.
pub fn masked(account: &str) -> String {
    let length = account.chars().count();
    let hidden = if length > 2 * SHOWN { length - SHOWN } else { length };
    let end: String = account.chars().skip(hidden).collect();
    format!("****{end}")
}

impl fmt::Debug for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:***", self.kind.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn destination(account: &str, name: &str) -> Destination {
        let (account, name) = (account.to_owned(), name.to_owned());
        Destination { kind: DestinationType::BankAccount, channel_account: None, account, name, sandbox: None }
    }

    #[test]
    fn little_is_shown() {
        let shown = |account, name| {
            let it = destination(account, name);
            (it.masked_account(), it.masked_name())
        };
        assert_eq!(shown("6222020200112233445", "张三"), ("****3445".to_owned(), "张**".to_owned()));
        assert_eq!(shown("12345678", "A"), ("****".to_owned(), "A**".to_owned()), "a short one is hidden whole");
        assert_eq!(shown("123456789", "Ada"), ("****6789".to_owned(), "A**".to_owned()));
    }

    #[test]
    fn a_log_gets_nothing() {
        let text = format!("{:?}", destination("6222020200112233445", "张三"));
        assert_eq!(text, "bank_account:***");
        assert!(DestinationType::ALL.iter().all(|kind| DestinationType::parse(kind.as_str()) == Some(*kind)));
        assert_eq!(DestinationType::parse("cash"), None);
    }
}
