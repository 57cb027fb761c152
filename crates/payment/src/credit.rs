//! A credit line (信用额度): how much a user may pay now and owe us. What is owed is on the books (1061); here is how much it may
//! come to, and whether anything more may be paid with it. There is one for each user and currency.

use kernel::{CreditLineId, Currency, Time, UserId};

/// One line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreditLine {
    /// Its id.
    pub id: CreditLineId,
    /// Whose.
    pub user: UserId,
    /// In what.
    pub currency: Currency,
    /// Most minor units that may be owed, holds counted. Where more is owed, because it was more before, nothing can be paid.
    pub limit: i64,
    /// Whether nothing can be paid with it.
    pub frozen: bool,
    /// When it was opened.
    pub created_at: Time,
}

impl CreditLine {
    /// Where it stands, in the wire word.
    pub const fn status(&self) -> &'static str {
        if self.frozen { "frozen" } else { "active" }
    }

    /// Minor units that can still be paid, where so many are owed or held.
    pub fn free(&self, used: i64) -> i64 {
        if self.frozen { 0 } else { self.limit.saturating_sub(used).max(0) }
    }
}

#[cfg(test)]
mod tests {
    use kernel::{Bucket, RootId};

    use super::*;

    #[test]
    fn what_is_free_is_never_less_than_nothing() {
        let mut line = CreditLine {
            id: CreditLineId(RootId::new(Time::from_micros(0), Bucket::of("user:42"), 1)),
            user: UserId::parse("42").unwrap(),
            currency: Currency::parse("CNY").unwrap(),
            limit: 1_000,
            frozen: false,
            created_at: Time::from_micros(0),
        };
        assert_eq!([0, 400, 1_000, 1_001, i64::MAX].map(|used| line.free(used)), [1_000, 600, 0, 0, 0]);
        line.frozen = true;
        assert_eq!((line.free(0), line.status()), (0, "frozen"));
    }
}
