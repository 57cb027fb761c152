//! Money: integer minor units with a currency, checked everywhere, no float anywhere.
//!
//! An [`Amount`] is a positive number of minor units (fen, cents) within [`limits::MAX_AMOUNT_MINOR`]; a [`Money`] is an
//! amount with its currency. Counters that may be zero are plain `i64` and go through checked arithmetic where they are.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::limits;

/// A currency of ISO 4217, three capital letters, or [points](Self::POINTS). Its exponent says how many decimal places the
/// minor unit has.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Currency([u8; 3]);

impl Currency {
    /// Points (积分), which are no money: a currency of the books alone, without decimals. ISO 4217 has no such code, and
    /// no request can name it as that of an amount.
    pub const POINTS: Self = Self(*b"PTS");

    /// Parses the code of something that stands on the books: of money, or points.
    pub fn on_books(code: &str) -> Option<Self> {
        if code == Self::POINTS.code() { Some(Self::POINTS) } else { Self::parse(code) }
    }

    /// Parses an alphabetic code; only active currencies with a minor unit are known.
    pub fn parse(code: &str) -> Option<Self> {
        let known = iso_currency::Currency::from_code(code)?;
        known.exponent()?;
        let bytes: [u8; 3] = code.as_bytes().try_into().ok()?;
        Some(Self(bytes))
    }

    /// The alphabetic code, as `CNY`.
    pub fn code(&self) -> &str {
        // The constructor admits ASCII capitals only.
        str::from_utf8(&self.0).unwrap_or("???")
    }

    /// Decimal places of the minor unit: JPY 0, CNY 2, KWD 3.
    pub fn exponent(&self) -> u16 {
        if *self == Self::POINTS {
            return 0;
        }
        iso_currency::Currency::from_code(self.code()).and_then(|known| known.exponent()).unwrap_or(2)
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl Serialize for Currency {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.code())
    }
}

impl<'de> Deserialize<'de> for Currency {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let code = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Self::parse(&code).ok_or_else(|| serde::de::Error::custom("unknown currency"))
    }
}

/// A positive number of minor units, at most [`limits::MAX_AMOUNT_MINOR`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Amount(i64);

/// Why a number is not an amount.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AmountError {
    /// Zero or negative.
    #[error("the amount must be positive")]
    NotPositive,
    /// Above [`limits::MAX_AMOUNT_MINOR`].
    #[error("the amount is out of range")]
    OutOfRange,
}

impl Amount {
    /// Checks the range.
    pub const fn new(minor: i64) -> Result<Self, AmountError> {
        if minor <= 0 {
            Err(AmountError::NotPositive)
        } else if minor > limits::MAX_AMOUNT_MINOR {
            Err(AmountError::OutOfRange)
        } else {
            Ok(Self(minor))
        }
    }

    /// The number of minor units.
    pub const fn minor(self) -> i64 {
        self.0
    }

    /// The sum, if it is still an amount.
    pub fn plus(self, other: Self) -> Result<Self, AmountError> {
        self.0.checked_add(other.0).ok_or(AmountError::OutOfRange).and_then(Self::new)
    }

    /// What is left, `None` when nothing is or the other is larger.
    pub fn minus(self, other: Self) -> Option<Self> {
        Self::new(self.0.checked_sub(other.0)?).ok()
    }

    /// The sum of many, if there is at least one and it is still an amount.
    pub fn sum(amounts: impl IntoIterator<Item = Self>) -> Result<Self, AmountError> {
        let mut total: i64 = 0;
        for amount in amounts {
            total = total.checked_add(amount.0).ok_or(AmountError::OutOfRange)?;
        }
        Self::new(total)
    }
}

impl fmt::Debug for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// An amount in its currency.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Money {
    /// Minor units.
    pub amount: Amount,
    /// The currency that fixes the scale.
    pub currency: Currency,
}

impl fmt::Debug for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.amount, self.currency)
    }
}

/// Splits `total` over `weights` by largest remainder; ties go to the earlier one. Exact: the parts sum to `total`.
///
/// With weights that say what is left of each part and `total` ≤ Σ weights, no part exceeds its weight; spreading what is
/// left (instead of differences of cumulative shares) keeps that true for any sequence of partial operations.
/// `None` when the weights sum to zero or less, a weight or the total is negative, or the total exceeds the weights' sum.
pub fn allocate(total: i64, weights: &[i64]) -> Option<Vec<i64>> {
    let sum: i128 = weights.iter().map(|w| i128::from(*w)).sum();
    if sum <= 0 || total < 0 || i128::from(total) > sum || weights.iter().any(|w| *w < 0) {
        return None;
    }
    let mut parts = Vec::with_capacity(weights.len());
    let mut remainders = Vec::with_capacity(weights.len());
    let mut given: i128 = 0;
    for (place, weight) in weights.iter().enumerate() {
        let product = i128::from(total) * i128::from(*weight);
        let floor = product / sum;
        given += floor;
        parts.push(i64::try_from(floor).ok()?);
        remainders.push((product % sum, place));
    }
    let rest = usize::try_from(i128::from(total) - given).ok()?;
    remainders.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(&b.1)));
    for (_, place) in remainders.into_iter().take(rest) {
        if let Some(part) = parts.get_mut(place) {
            *part += 1;
        }
    }
    Some(parts)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn currencies() {
        for (code, exponent) in [("CNY", 2), ("JPY", 0), ("KWD", 3), ("BRL", 2)] {
            assert_eq!(Currency::parse(code).unwrap().exponent(), exponent, "{code}");
        }
        for bad in ["XXX", "cny", "", "СNY", "CNYY", "XAU"] {
            assert_eq!(Currency::parse(bad), None, "{bad}");
            assert_eq!(Currency::on_books(bad), None, "{bad}");
        }
    }

    #[test]
    fn points_are_on_the_books_and_no_money() {
        assert_eq!(Currency::parse("PTS"), None);
        assert_eq!(Currency::on_books("PTS"), Some(Currency::POINTS));
        assert_eq!(Currency::on_books("CNY"), Currency::parse("CNY"));
        assert_eq!((Currency::POINTS.code(), Currency::POINTS.exponent()), ("PTS", 0));
    }

    #[test]
    fn amounts() {
        assert_eq!(Amount::new(0), Err(AmountError::NotPositive));
        assert_eq!(Amount::new(-1), Err(AmountError::NotPositive));
        assert_eq!(Amount::new(i64::MAX), Err(AmountError::OutOfRange));
        let max = Amount::new(limits::MAX_AMOUNT_MINOR).unwrap();
        assert_eq!(max.plus(Amount::new(1).unwrap()), Err(AmountError::OutOfRange));
        assert_eq!(Amount::sum([]), Err(AmountError::NotPositive));
    }

    #[test]
    fn thirds_of_a_hundred() {
        assert_eq!(allocate(100, &[100, 100, 100]).unwrap(), [34, 33, 33]);
        assert_eq!(allocate(1, &[0, 0]), None);
        assert_eq!(allocate(0, &[5, 5]).unwrap(), [0, 0]);
        assert_eq!(allocate(11, &[5, 5]), None);
    }

    proptest! {
        #[test]
        fn allocation_is_exact_and_within_what_is_left(
            weights in prop::collection::vec(0i64..1_000_000_000_000, 1..30), share in 0u32..=1000,
        ) {
            let sum: i64 = weights.iter().sum();
            prop_assume!(sum > 0);
            let total = i64::try_from(i128::from(sum) * i128::from(share) / 1000).unwrap();
            let parts = allocate(total, &weights).unwrap();
            prop_assert_eq!(parts.iter().sum::<i64>(), total);
            for (part, weight) in parts.iter().zip(&weights) {
                prop_assert!(*part >= 0 && part <= weight);
            }
        }
    }
}
