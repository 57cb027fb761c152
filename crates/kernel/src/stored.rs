//! Stored value (储值): money of one kind in a user's hands that can only be spent, as gift cards and red packets.
//!
//! A kind is a word, and the word is all there is to it: it is the tool's name in requests and rules, and the last part of
//! the subject on which the money stands (`2033.gift_card`). So another kind needs no code, only its word in the
//! configuration of a deployment.

use std::borrow::Cow;
use std::fmt;

use serde::{Serialize, Serializer};

/// A kind of stored value, by its word.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StoredKind(Cow<'static, str>);

impl StoredKind {
    /// Longest word, in characters.
    pub const MAX: usize = 24;
    /// A gift card (礼品卡), which whoever has its code may claim.
    pub const GIFT_CARD: Self = Self(Cow::Borrowed("gift_card"));
    /// A red packet (红包), which many share.
    pub const RED_PACKET: Self = Self(Cow::Borrowed("red_packet"));
    /// The kinds that every deployment has.
    pub const BUILT_IN: [Self; 2] = [Self::GIFT_CARD, Self::RED_PACKET];
    /// Words of other tools, of today or of the field, which no kind may be called by.
    const TAKEN: [&'static str; 7] = ["balance", "coupon", "channel", "payout", "points", "credit", "stored"];

    /// Reads a word: a small letter, then small letters, digits and `_`; no other tool's.
    pub fn parse(text: &str) -> Option<Self> {
        let mut bytes = text.bytes();
        let fits = text.len() <= Self::MAX
            && bytes.next().is_some_and(|first| first.is_ascii_lowercase())
            && bytes.all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
        if !fits || Self::TAKEN.contains(&text) {
            return None;
        }
        let known = Self::BUILT_IN.into_iter().find(|known| known.as_str() == text);
        Some(known.unwrap_or_else(|| Self(Cow::Owned(text.to_owned()))))
    }

    /// The word.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for StoredKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for StoredKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for StoredKind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words() {
        for kind in StoredKind::BUILT_IN {
            assert_eq!(StoredKind::parse(kind.as_str()), Some(kind));
        }
        assert_eq!(StoredKind::parse("meal_card2").map(|kind| kind.to_string()).as_deref(), Some("meal_card2"));
        let long = "a".repeat(StoredKind::MAX + 1);
        for bad in ["", "Card", "1card", "_card", "meal-card", "meal card", "é", "balance", "channel", &long] {
            assert_eq!(StoredKind::parse(bad), None, "{bad}");
        }
    }
}
