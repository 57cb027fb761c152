//! Reading columns back into domain values; what does not fit is named by table and column, never by its value.

use kernel::message::accounting::CouponSource;
use kernel::{Amount, Currency, Money, Owner, RootId, TradeId};
use serde::de::DeserializeOwned;

use super::source_parse;
use crate::door::Inconsistent;

/// Reads columns of the table of this name.
#[derive(Clone, Copy)]
pub(super) struct Fits(pub(super) &'static str);

impl Fits {
    pub(super) fn wrong(self, column: &'static str, why: &'static str) -> Inconsistent {
        Inconsistent { table: self.0, column, why }
    }

    /// A word that its own `parse` knows.
    pub(super) fn word<T>(self, column: &'static str, known: Option<T>) -> Result<T, Inconsistent> {
        known.ok_or_else(|| self.wrong(column, "is no word of its kind"))
    }

    /// A number within a trade's tree, or a small count.
    pub(super) fn number(self, column: &'static str, value: i64) -> Result<u16, Inconsistent> {
        u16::try_from(value).map_err(|_| self.wrong(column, "is no number in a tree"))
    }

    /// One of a few days.
    pub(super) fn days(self, column: &'static str, value: i64, most: u8) -> Result<u8, Inconsistent> {
        let days = u8::try_from(value).ok().filter(|days| (1..=most).contains(days));
        days.ok_or_else(|| self.wrong(column, "is none of the days that it may be"))
    }

    /// Hundredths.
    pub(super) fn percent(self, column: &'static str, value: i64) -> Result<u8, Inconsistent> {
        let percent = u8::try_from(value).ok().filter(|percent| (1..=100).contains(percent));
        percent.ok_or_else(|| self.wrong(column, "is no percentage"))
    }

    /// 1 or null.
    pub(super) fn mark(self, column: &'static str, value: Option<i64>) -> Result<bool, Inconsistent> {
        match value {
            None => Ok(false),
            Some(1) => Ok(true),
            Some(_) => Err(self.wrong(column, "is neither 1 nor null")),
        }
    }

    /// What an object of another tree is named by, in `parent` and `parent_no`: both, or neither.
    pub(super) fn parent(
        self,
        trade: Option<[u8; 16]>,
        no: Option<i64>,
    ) -> Result<Option<(TradeId, u16)>, Inconsistent> {
        match (trade, no) {
            (None, None) => Ok(None),
            (Some(trade), Some(no)) => Ok(Some((TradeId(RootId::from_bytes(trade)), self.number("parent_no", no)?))),
            (None, Some(_)) | (Some(_), None) => Err(self.wrong("parent_no", "does not go with its trade")),
        }
    }

    /// A small count; null is 0, and nothing else is.
    pub(super) fn count(self, column: &'static str, value: Option<i64>) -> Result<u16, Inconsistent> {
        match value {
            None => Ok(0),
            Some(0) => Err(self.wrong(column, "is 0 and not null")),
            Some(count) => self.number(column, count),
        }
    }

    /// A number of points; null is 0, and nothing else is.
    pub(super) fn points(self, column: &'static str, value: Option<i64>) -> Result<i64, Inconsistent> {
        value.map_or(Ok(0), |points| self.amount(column, points).map(Amount::minor))
    }

    pub(super) fn amount(self, column: &'static str, minor: i64) -> Result<Amount, Inconsistent> {
        Amount::new(minor).map_err(|_| self.wrong(column, "is no amount"))
    }

    /// The columns `amount` and `currency`.
    pub(super) fn money(self, minor: i64, currency: &str) -> Result<Money, Inconsistent> {
        let currency = self.word("currency", Currency::parse(currency))?;
        Ok(Money { amount: self.amount("amount", minor)?, currency })
    }

    pub(super) fn owner(self, column: &'static str, text: &str) -> Result<Owner, Inconsistent> {
        Owner::parse(text, None).ok_or_else(|| self.wrong(column, "names no owner"))
    }

    pub(super) fn source(self, column: &'static str, text: &str) -> Result<CouponSource, Inconsistent> {
        source_parse(text).ok_or_else(|| self.wrong(column, "names no source of a coupon"))
    }

    /// A list in JSON; null is the empty one, and nothing else is.
    pub(super) fn list<T: DeserializeOwned>(
        self,
        column: &'static str,
        text: Option<&str>,
    ) -> Result<Vec<T>, Inconsistent> {
        let Some(text) = text else { return Ok(Vec::new()) };
        let items: Option<Vec<T>> = serde_json::from_str(text).ok();
        items.filter(|items| !items.is_empty()).ok_or_else(|| self.wrong(column, "is no list of its kind"))
    }
}
