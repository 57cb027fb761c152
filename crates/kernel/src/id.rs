//! Ids: typed, time-ordered, unguessable, and carrying the bucket that says where their rows live.
//!
//! A *root* id is 128 bits: 48 of milliseconds, 10 of bucket, 70 random, written as a prefix and 26 Crockford base-32
//! characters (`trd_01j…`). Whatever belongs to a trade is numbered inside its tree: a *child* id is the trade's 128 bits
//! and a number, written with three more characters (`pay_01j…001`). So every id of a tree names its trade and its
//! bucket, and no index over child ids is needed. Ids are unguessable but open nothing by themselves.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::limits;
use crate::time::Time;

const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
const ROOT_CHARS: usize = 26;
const CHILD_CHARS: usize = 3;
const BUCKETS: u64 = 1_024;

/// One of 1,024 parts of all users; the place of an id's rows is data keyed by bucket, never by shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bucket(u16);

impl Bucket {
    /// The bucket of an owner of trades: a hash of the user, or of merchant and order number where there is no user.
    pub fn of(text: &str) -> Self {
        let hash = blake3::hash(text.as_bytes());
        let head = hash.as_bytes().first_chunk::<8>().map_or(0, |bytes| u64::from_le_bytes(*bytes));
        Self((head % BUCKETS) as u16)
    }

    /// 0 to 1,023.
    pub fn number(self) -> u16 {
        self.0
    }
}

/// The 128 bits of an id without its type.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RootId(u128);

impl fmt::Debug for RootId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_digits::<ROOT_CHARS>(self.0, f)
    }
}

impl RootId {
    /// Composes an id; `random` gives its low 70 bits and must come from a secure source.
    pub fn new(at: Time, bucket: Bucket, random: u128) -> Self {
        let millis = u128::from(at.millis().unsigned_abs() & ((1 << 48) - 1));
        Self(millis << 80 | u128::from(bucket.0) << 70 | random & ((1 << 70) - 1))
    }

    /// From the sixteen bytes that a row stores; big endian, so that byte order is time order.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(u128::from_be_bytes(bytes))
    }

    /// The sixteen bytes that a row stores.
    pub fn bytes(self) -> [u8; 16] {
        self.0.to_be_bytes()
    }

    /// The bucket inside.
    pub fn bucket(self) -> Bucket {
        Bucket((self.0 >> 70 & 0x3ff) as u16)
    }

    /// The moment inside, to the millisecond.
    pub fn time(self) -> Time {
        Time::from_micros(((self.0 >> 80) as i64).saturating_mul(1_000))
    }

    fn decode(text: &str) -> Option<Self> {
        if text.len() != ROOT_CHARS {
            return None;
        }
        // 26 characters hold 130 bits; the first may only be 0 to 7.
        let mut bits: u128 = 0;
        for (place, byte) in text.bytes().enumerate() {
            let digit = digit(byte)?;
            if place == 0 && digit > 7 {
                return None;
            }
            bits = bits << 5 | u128::from(digit);
        }
        Some(Self(bits))
    }
}

/// Writes the lowest `N` digits of `bits`, the highest first.
fn write_digits<const N: usize>(mut bits: u128, out: &mut impl fmt::Write) -> fmt::Result {
    let mut digits = [b'0'; N];
    for place in digits.iter_mut().rev() {
        *place = ALPHABET.get((bits & 31) as usize).copied().unwrap_or(b'0');
        bits >>= 5;
    }
    out.write_str(std::str::from_utf8(&digits).map_err(|_| fmt::Error)?)
}

fn digit(byte: u8) -> Option<u8> {
    // The alphabet leaves out i, l, o and u.
    Some(match byte {
        b'0'..=b'9' => byte - b'0',
        b'a'..=b'h' => byte - b'a' + 10,
        b'j'..=b'k' => byte - b'j' + 18,
        b'm'..=b'n' => byte - b'm' + 20,
        b'p'..=b't' => byte - b'p' + 22,
        b'v'..=b'z' => byte - b'v' + 27,
        _ => return None,
    })
}

fn decode_number(text: &str) -> Option<u16> {
    let mut number: u16 = 0;
    for byte in text.bytes() {
        number = number.checked_mul(32)?.checked_add(u16::from(digit(byte)?))?;
    }
    (number <= limits::MAX_TREE_NUMBER).then_some(number)
}

macro_rules! text_form {
    ($name:ident) => {
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                Self::parse(&text)
                    .ok_or_else(|| serde::de::Error::custom(concat!("not an id of type ", stringify!($name))))
            }
        }
    };
}

macro_rules! root_ids {
    ($($(#[$doc:meta])* $name:ident = $prefix:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub RootId);

        impl $name {
            /// What the text form starts with, before the underscore.
            pub const PREFIX: &'static str = $prefix;

            /// Parses the text form, exactly.
            pub fn parse(text: &str) -> Option<Self> {
                RootId::decode(text.strip_prefix($prefix)?.strip_prefix('_')?).map(Self)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!($prefix, "_"))?;
                write_digits::<ROOT_CHARS>(self.0.0, f)
            }
        }

        text_form!($name);
    )*};
}

macro_rules! child_ids {
    (in $above:ident: $root:ident; $($(#[$doc:meta])* $name:ident = $prefix:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name {
            /// In whose tree it is.
            pub $above: $root,
            /// Its number among its kind in that tree, from 1.
            pub no: u16,
        }

        impl $name {
            /// What the text form starts with, before the underscore.
            pub const PREFIX: &'static str = $prefix;

            /// The id of number `no` in that tree.
            pub const fn new($above: $root, no: u16) -> Self {
                Self { $above, no }
            }

            /// Parses the text form, exactly.
            pub fn parse(text: &str) -> Option<Self> {
                let rest = text.strip_prefix($prefix)?.strip_prefix('_')?;
                let (root, number) = rest.split_at_checked(ROOT_CHARS)?;
                if number.len() != CHILD_CHARS {
                    return None;
                }
                Some(Self { $above: $root(RootId::decode(root)?), no: decode_number(number)? })
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!($prefix, "_"))?;
                write_digits::<ROOT_CHARS>(self.$above.0.0, f)?;
                write_digits::<CHILD_CHARS>(u128::from(self.no), f)
            }
        }

        text_form!($name);
    )*};
}

root_ids! {
    /// A merchant (商户).
    MerchantId = "mch";
    /// A trade (交易), the root of its tree.
    TradeId = "trd";
    /// A coupon (优惠券).
    CouponId = "cpn";
    /// A gift: a sum of stored value that waits to be claimed (红包, 礼品卡).
    GiftId = "gft";
    /// A grant of points to a user (积分发放).
    PointsGrantId = "pgr";
    /// A user's credit line (信用额度); derived from the account of what is owed, not drawn.
    CreditLineId = "crl";
    /// An account (账户); derived from book, owner, subject and currency, not drawn.
    AccountId = "acc";
    /// An API key (the key's name, not its secret).
    KeyId = "key";
    /// A webhook endpoint.
    EndpointId = "whe";
    /// A block: whom risk control lets pay nothing (黑名单).
    BlockId = "blk";
}

child_ids! {
    in trade: TradeId;
    /// A payment: one attempt to pay a due (支付单).
    PaymentId = "pay";
    /// An instruction: one tool's part of a payment (支付指令).
    InstructionId = "ins";
    /// A refund (退款).
    RefundId = "ref";
    /// A channel order: one attempt at an institution (渠道订单).
    OrderId = "ord";
    /// A case: work that people must decide (差错工单).
    CaseId = "cas";
    /// A dispute: an institution takes back what it had paid for a buyer, unless the merchant is right (拒付).
    DisputeId = "dsp";
}

child_ids! {
    in gift: GiftId;
    /// A claim on a gift: one user's share of it (领取).
    GiftClaimId = "gcl";
}

child_ids! {
    in line: CreditLineId;
    /// A bill of a credit line: what was paid with it in a period, and by when it is due (账单).
    BillId = "bil";
}

impl OrderId {
    /// The number sent to the institution: letters and digits only, 30 characters, bucket inside.
    pub fn institution_number(&self) -> String {
        let mut text = String::with_capacity(1 + ROOT_CHARS + CHILD_CHARS);
        text.push('P');
        // Writing to a text cannot fail.
        let _ = write_digits::<ROOT_CHARS>(self.trade.0.0, &mut text);
        let _ = write_digits::<CHILD_CHARS>(u128::from(self.no), &mut text);
        text
    }

    /// Reads back [`Self::institution_number`].
    pub fn parse_institution_number(text: &str) -> Option<Self> {
        let (root, number) = text.strip_prefix('P')?.split_at_checked(ROOT_CHARS)?;
        if number.len() != CHILD_CHARS {
            return None;
        }
        Some(Self { trade: TradeId(RootId::decode(root)?), no: decode_number(number)? })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn text_forms_are_exact() {
        let at = Time::parse("2026-11-23T00:00:00Z").unwrap();
        let trade = TradeId(RootId::new(at, Bucket::of("user:42"), u128::MAX));
        let text = trade.to_string();
        assert_eq!(text.len(), 30);
        assert_eq!(TradeId::parse(&text), Some(trade));
        assert_eq!(TradeId::parse(&text.to_uppercase()), None, "one text form only");
        assert_eq!(TradeId::parse(&text.replace("trd_", "pay_")), None);
        assert_eq!(trade.0.time(), at);
        assert_eq!(trade.0.bucket(), Bucket::of("user:42"));
        let payment = PaymentId::new(trade, 33);
        assert_eq!(PaymentId::parse(&payment.to_string()), Some(payment));
        assert_eq!(PaymentId::parse(&text), None);
        assert_eq!(PaymentId::parse("pay_日本語日本語日本語日本語"), None);
    }

    #[test]
    fn every_digit_is_read_as_what_it_is_written_for() {
        for byte in 0..=u8::MAX {
            let place = ALPHABET.iter().position(|known| *known == byte);
            assert_eq!(digit(byte).map(usize::from), place, "{}", char::from(byte));
        }
    }

    proptest! {
        #[test]
        fn round_trip(bits: u128, no in 0u16..=limits::MAX_TREE_NUMBER) {
            let trade = TradeId(RootId::from_bytes(bits.to_be_bytes()));
            prop_assert_eq!(TradeId::parse(&trade.to_string()), Some(trade));
            let order = OrderId::new(trade, no);
            prop_assert_eq!(OrderId::parse(&order.to_string()), Some(order));
            let number = order.institution_number();
            prop_assert!(number.len() <= 32 && number.bytes().all(|b| b.is_ascii_alphanumeric()));
            prop_assert_eq!(OrderId::parse_institution_number(&number), Some(order));
        }

        #[test]
        fn byte_order_is_time_order(a in 0i64..1 << 47, b in 0i64..1 << 47, low: u128) {
            let id = |ms: i64| RootId::new(Time::from_micros(ms * 1000), Bucket::of("x"), low).bytes();
            prop_assert_eq!(a.cmp(&b), id(a).cmp(&id(b)));
        }
    }
}
