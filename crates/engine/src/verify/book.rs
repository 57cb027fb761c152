//! One account as its transfers make it, by arithmetic of the verifier's own.

use accounting::hold::Op;
use accounting::{Account, Side};

/// What transfers made of an account.
#[derive(Clone, Debug, Default)]
pub(super) struct Derived {
    /// The row as it stood when it was first touched, for what a transfer does not change; `None` where it cannot be read.
    pub(super) account: Option<Account>,
    /// Debits posted.
    pub(super) dp: i128,
    /// Credits posted.
    pub(super) cp: i128,
    /// Debits held.
    pub(super) dh: i128,
    /// Credits held.
    pub(super) ch: i128,
    /// How many transfers touched it.
    pub(super) version: i64,
}

impl Derived {
    /// A side of a transfer.
    pub(super) fn shift(&mut self, op: Op, side: Side, minor: i64) {
        let minor = i128::from(minor);
        let (posted, held) = match op {
            Op::Post => (minor, 0),
            Op::Hold(_) => (0, minor),
            Op::Capture(_) => (minor, -minor),
            Op::Release(_) => (0, -minor),
        };
        match side {
            Side::Debit => (self.dp, self.dh) = (self.dp + posted, self.dh + held),
            Side::Credit => (self.cp, self.ch) = (self.cp + posted, self.ch + held),
        }
        self.version += 1;
    }

    /// Whether version and posted balance are these; afterwards they are, so that one wrong row is one finding.
    pub(super) fn runs_to(&mut self, version: i64, balance: i64) -> bool {
        let posted = self.posted();
        let same = self.version == version && posted.is_none_or(|posted| posted == i128::from(balance));
        self.version = version;
        match (self.side(), posted) {
            (Some(Side::Debit), Some(posted)) => self.dp += i128::from(balance) - posted,
            (Some(Side::Credit), Some(posted)) => self.cp += i128::from(balance) - posted,
            (None, _) | (_, None) => {}
        }
        same
    }

    /// Whether floor and ceiling are kept, holds counted.
    pub(super) fn is_within_limits(&self) -> bool {
        let (Some(account), Some(posted)) = (&self.account, self.posted()) else { return true };
        let (spending, incoming) = match account.side {
            Side::Debit => (self.ch, self.dh),
            Side::Credit => (self.dh, self.ch),
        };
        account.floor.is_none_or(|floor| posted - spending >= i128::from(floor))
            && account.ceil.is_none_or(|ceil| posted + incoming <= i128::from(ceil))
            && self.dh >= 0
            && self.ch >= 0
    }

    fn side(&self) -> Option<Side> {
        self.account.as_ref().map(|account| account.side)
    }

    fn posted(&self) -> Option<i128> {
        self.side().map(|side| match side {
            Side::Debit => self.dp - self.cp,
            Side::Credit => self.cp - self.dp,
        })
    }
}
