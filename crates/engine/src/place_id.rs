//! Ids of things that are found by their place: an event, a transfer.
//!
//! Such a thing has its row at (shard, batch, number), so its id needs no column: it *is* the place, with a check that
//! only this store can make. Whoever has no salt cannot make one up, and cannot count on from one to the next; who has
//! one finds the row without an index.
//!
//! Text form: the prefix, 16 Crockford base-32 characters of place (14 bits of shard, 44 of batch, 22 of number) and 13 of
//! check (65 bits of keyed BLAKE3). Texts of one kind sort as the log does.

use std::fmt;

const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
const SEQ_BITS: u32 = 44;
const N_BITS: u32 = 22;
const PLACE_CHARS: usize = 16;
const CHECK_CHARS: usize = 13;

/// What an id is of. Ids of different kinds never stand for each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Placed {
    /// A public event.
    Event,
    /// A transfer of the ledger.
    Transfer,
}

impl Placed {
    /// What the text form starts with, before the underscore.
    pub const fn prefix(self) -> &'static str {
        match self {
            Self::Event => "evt",
            Self::Transfer => "trf",
        }
    }
}

/// A row's place: its shard, its batch, its number within the batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PlaceId {
    /// The shard, below 2¹⁴.
    pub shard: i64,
    /// The batch, below 2⁴⁴.
    pub seq: i64,
    /// The number within the batch, below 2²².
    pub n: i64,
}

impl PlaceId {
    /// The text form in the store with this salt.
    pub fn text(self, kind: Placed, salt: &[u8; 32]) -> String {
        let part = |value: i64, bits: u32| u128::from(value.unsigned_abs()) & ((1 << bits) - 1);
        let place =
            part(self.shard, 14) << (SEQ_BITS + N_BITS) | part(self.seq, SEQ_BITS) << N_BITS | part(self.n, N_BITS);
        let mut text = String::with_capacity(4 + PLACE_CHARS + CHECK_CHARS);
        text.push_str(kind.prefix());
        text.push('_');
        digits(place, PLACE_CHARS, &mut text);
        digits(self.check(kind, salt), CHECK_CHARS, &mut text);
        text
    }

    /// Reads a text form back; `None` for what this store has not made.
    pub fn parse(text: &str, kind: Placed, salt: &[u8; 32]) -> Option<Self> {
        let body = text.strip_prefix(kind.prefix())?.strip_prefix('_')?;
        let place = value(body.get(..PLACE_CHARS)?)?;
        let part = |shift: u32, bits: u32| i64::try_from(place >> shift & ((1 << bits) - 1)).ok();
        let found = Self { shard: part(SEQ_BITS + N_BITS, 14)?, seq: part(N_BITS, SEQ_BITS)?, n: part(0, N_BITS)? };
        (found.text(kind, salt) == text).then_some(found)
    }

    fn check(self, kind: Placed, salt: &[u8; 32]) -> u128 {
        let mut hasher = blake3::Hasher::new_keyed(salt);
        hasher.update(kind.prefix().as_bytes());
        for value in [self.shard, self.seq, self.n] {
            hasher.update(&value.to_le_bytes());
        }
        hasher.finalize().as_bytes().first_chunk::<16>().map_or(0, |bytes| u128::from_le_bytes(*bytes))
    }
}

impl fmt::Display for PlaceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.shard, self.seq, self.n)
    }
}

/// The low `count` digits of a value, the highest first.
fn digits(value: u128, count: usize, out: &mut String) {
    for place in (0..count).rev() {
        let digit = (value >> (place * 5) & 31) as usize;
        out.push(ALPHABET.get(digit).map_or('0', |byte| char::from(*byte)));
    }
}

fn value(text: &str) -> Option<u128> {
    let digit = |byte| ALPHABET.iter().position(|known| *known == byte);
    text.bytes().try_fold(0_u128, |value, byte| Some(value << 5 | digit(byte)? as u128))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SALT: [u8; 32] = [7; 32];

    #[test]
    fn an_id_cannot_be_made_up() {
        let id = PlaceId { shard: 3, seq: 1 << 43, n: (1 << 22) - 1 };
        let text = id.text(Placed::Event, &SALT);
        assert_eq!(text.len(), 33);
        assert_eq!(PlaceId::parse(&text, Placed::Event, &SALT), Some(id));
        assert_eq!(PlaceId::parse(&text, Placed::Event, &[8; 32]), None, "another store's");
        assert_eq!(PlaceId::parse(&text.replace("evt", "trf"), Placed::Transfer, &SALT), None, "of another kind");
        for place in 4..text.len() {
            let mut other = text.clone().into_bytes();
            other[place] = if other[place] == b'7' { b'8' } else { b'7' };
            let other = String::from_utf8(other).unwrap();
            assert_eq!(PlaceId::parse(&other, Placed::Event, &SALT), None, "{other}");
        }
        for bad in ["", "evt_", &text[..32], &format!("{text}0"), &text.to_uppercase(), "evt_日本語日本語日本語日本語"]
        {
            assert_eq!(PlaceId::parse(bad, Placed::Event, &SALT), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn texts_come_back_in_the_order_of_the_log(
            a in (0i64..1 << 14, 0i64..1 << 44, 0i64..1 << 22), b in (0i64..1 << 14, 0i64..1 << 44, 0i64..1 << 22),
        ) {
            let id = |(shard, seq, n)| PlaceId { shard, seq, n };
            let text = |place| id(place).text(Placed::Transfer, &SALT);
            prop_assert_eq!(PlaceId::parse(&text(a), Placed::Transfer, &SALT), Some(id(a)));
            prop_assert_eq!(a.cmp(&b), text(a).cmp(&text(b)));
        }
    }
}
