//! Between which values a number can lie, so that no calculation of a book can ever leave the range of numbers.

/// Both ends belong to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Range {
    pub(crate) low: i128,
    pub(crate) high: i128,
}

impl Range {
    pub(crate) const fn of(value: i64) -> Self {
        Self { low: value as i128, high: value as i128 }
    }

    /// Whether every value is a number that can be calculated with.
    pub(crate) const fn fits(self) -> bool {
        self.low >= i64::MIN as i128 && self.high <= i64::MAX as i128
    }

    pub(crate) const fn has_zero(self) -> bool {
        self.low <= 0 && self.high >= 0
    }

    /// The range of either.
    pub(crate) fn or(self, other: Self) -> Self {
        Self { low: self.low.min(other.low), high: self.high.max(other.high) }
    }

    pub(crate) const fn plus(self, other: Self) -> Self {
        Self { low: self.low + other.low, high: self.high + other.high }
    }

    pub(crate) const fn negated(self) -> Self {
        Self { low: -self.high, high: -self.low }
    }

    pub(crate) fn times(self, other: Self) -> Self {
        Self::around([self.low * other.low, self.low * other.high, self.high * other.low, self.high * other.high])
    }

    /// By a divisor that is never zero: the quotient is never further from zero than what is divided.
    pub(crate) fn divided(self) -> Self {
        self.or(self.negated()).or(Self { low: 0, high: 0 })
    }

    /// The rest of a division: smaller than the divisor, on the side of what is divided.
    pub(crate) fn rest(self, divisor: Self) -> Self {
        let most = divisor.low.abs().max(divisor.high.abs()) - 1;
        Self { low: if self.low < 0 { -most } else { 0 }, high: if self.high > 0 { most } else { 0 } }
    }

    fn around(values: [i128; 4]) -> Self {
        let low = values.into_iter().fold(i128::MAX, i128::min);
        Self { low, high: values.into_iter().fold(i128::MIN, i128::max) }
    }
}
