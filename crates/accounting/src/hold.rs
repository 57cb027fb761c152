//! Holds: money that is spoken for while something outside must be waited for.
//!
//! A hold has no clock; it lives as long as the payment, refund or dispute that opened it. What is held may be captured in part and
//! several times, and what is left is released. Captured and released together never exceed the hold.

use kernel::message::accounting::HoldNo;
use kernel::{AccountId, Amount};

/// A hold within a trade's tree: its number, and which of the legs under that number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HoldKey {
    /// The instruction, or the line of a refund or a dispute, that it belongs to.
    pub no: HoldNo,
    /// Which leg of it, from 0, as the template numbers them.
    pub leg: u8,
}

impl HoldKey {
    /// The key as one number: bits 24 and 25 tell lines of refunds and of disputes from instructions, then 16 bits of number, 8 of leg.
    pub const fn number(self) -> i64 {
        let (kind, no) = match self.no {
            HoldNo::Instruction(no) => (0, no),
            HoldNo::RefundLine(no) => (1 << 24, no),
            HoldNo::DisputeLine(no) => (2 << 24, no),
        };
        kind | (no as i64) << 8 | self.leg as i64
    }

    /// Reads [`Self::number`] back.
    pub fn from_number(number: i64) -> Option<Self> {
        let leg = u8::try_from(number & 0xff).ok()?;
        let no = u16::try_from(number >> 8 & 0xffff).ok()?;
        match number >> 24 {
            0 => Some(Self { no: HoldNo::Instruction(no), leg }),
            1 => Some(Self { no: HoldNo::RefundLine(no), leg }),
            2 => Some(Self { no: HoldNo::DisputeLine(no), leg }),
            _ => None,
        }
    }
}

/// What a leg or transfer does with its amount.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Op {
    /// Moves it at once.
    Post,
    /// Sets it aside on both accounts.
    Hold(HoldKey),
    /// Moves a part of what was set aside.
    Capture(HoldKey),
    /// Lets a part of what was set aside go.
    Release(HoldKey),
}

impl Op {
    /// The word that rows store.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Post => "post",
            Self::Hold(_) => "hold",
            Self::Capture(_) => "capture",
            Self::Release(_) => "release",
        }
    }

    /// The hold that it opens, captures or releases.
    pub const fn hold(self) -> Option<HoldKey> {
        match self {
            Self::Post => None,
            Self::Hold(key) | Self::Capture(key) | Self::Release(key) => Some(key),
        }
    }

    /// Reads the word and the hold back; `None` where they do not belong together.
    pub fn parse(word: &str, hold: Option<HoldKey>) -> Option<Self> {
        match (word, hold) {
            ("post", None) => Some(Self::Post),
            ("hold", Some(key)) => Some(Self::Hold(key)),
            ("capture", Some(key)) => Some(Self::Capture(key)),
            ("release", Some(key)) => Some(Self::Release(key)),
            _ => None,
        }
    }
}

/// A hold (冻结) between two accounts. Amounts are minor units of the accounts' currency.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hold {
    /// Which.
    pub key: HoldKey,
    /// Whose money is set aside.
    pub debit: AccountId,
    /// Where it would go.
    pub credit: AccountId,
    /// How much was set aside.
    pub amount: i64,
    /// How much of that was moved.
    pub captured: i64,
    /// How much of that was let go.
    pub released: i64,
}

impl Hold {
    /// What is still set aside.
    pub const fn left(&self) -> i64 {
        self.amount - self.captured - self.released
    }

    /// Counts a part as captured; `None`, and no change, where less is left.
    pub(crate) fn capture(&mut self, part: Amount) -> Option<()> {
        self.captured = (part.minor() <= self.left()).then(|| self.captured + part.minor())?;
        Some(())
    }

    /// Counts a part as released; `None`, and no change, where less is left.
    pub(crate) fn release(&mut self, part: Amount) -> Option<()> {
        self.released = (part.minor() <= self.left()).then(|| self.released + part.minor())?;
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn words() {
        let key = HoldKey { no: HoldNo::RefundLine(7), leg: 2 };
        for op in [Op::Post, Op::Hold(key), Op::Capture(key), Op::Release(key)] {
            assert_eq!(Op::parse(op.as_str(), op.hold()), Some(op));
        }
        assert_eq!(Op::parse("post", Some(key)), None);
        assert_eq!(Op::parse("hold", None), None);
        assert_eq!(Op::parse("move", None), None);
    }

    proptest! {
        #[test]
        fn numbers(no: u16, leg: u8, kind in 0usize..3, other: i64) {
            let kinds = [HoldNo::Instruction, HoldNo::RefundLine, HoldNo::DisputeLine];
            let key = HoldKey { no: kinds[kind](no), leg };
            prop_assert_eq!(HoldKey::from_number(key.number()), Some(key));
            if let Some(known) = HoldKey::from_number(other) {
                prop_assert_eq!(known.number(), other);
            }
        }
    }
}
