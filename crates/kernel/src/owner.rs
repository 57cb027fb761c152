//! Who owns an account: a user of the platform, a merchant, a merchant's receiver, the platform, an institution.

use std::fmt;

use serde::{Serialize, Serializer};

use crate::id::{Bucket, MerchantId};
use crate::limits;

/// A buyer or account holder, as the business systems name it. `"buyer": "42"` owns `user:42`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct UserId(String);

impl UserId {
    /// Letters, digits and `._-@`, at most [`limits::MAX_OWNER_NAME`].
    pub fn parse(text: &str) -> Option<Self> {
        is_name(text).then(|| Self(text.to_owned()))
    }

    /// The bare id.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("user:***")
    }
}

/// The owner of an account. The text form is canonical and stored; a seller's names its merchant.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Owner {
    /// `user:42`
    User(UserId),
    /// `merchant:mch_…`
    Merchant(MerchantId),
    /// A merchant's own sub-merchant or receiver, within that merchant: `seller:mch_…:s1`, on the wire `seller:s1`.
    Seller(MerchantId, String),
    /// `platform`
    Platform,
    /// An institution's channel account: `channel:sandbox`
    Channel(String),
}

impl Owner {
    /// Parses the wire form; `within` is the merchant that a bare `seller:ID` belongs to.
    pub fn parse(text: &str, within: Option<MerchantId>) -> Option<Self> {
        if text == "platform" {
            return Some(Self::Platform);
        }
        let (class, name) = text.split_once(':')?;
        match class {
            "user" => UserId::parse(name).map(Self::User),
            "merchant" => MerchantId::parse(name).map(Self::Merchant),
            "channel" => is_name(name).then(|| Self::Channel(name.to_owned())),
            "seller" => match name.split_once(':') {
                Some((merchant, seller)) => {
                    is_name(seller).then_some(Self::Seller(MerchantId::parse(merchant)?, seller.to_owned()))
                }
                None => is_name(name).then_some(Self::Seller(within?, name.to_owned())),
            },
            _ => None,
        }
    }

    /// The form on the wire: a seller without its merchant.
    pub fn wire(&self) -> String {
        match self {
            Self::Seller(_, name) => format!("seller:{name}"),
            other => other.to_string(),
        }
    }

    /// The bucket in which its own money lives, and everything else that is drawn for it.
    pub fn bucket(&self) -> Bucket {
        Bucket::of(&self.to_string())
    }

    /// The user, where it is one.
    pub const fn user(&self) -> Option<&UserId> {
        match self {
            Self::User(user) => Some(user),
            Self::Merchant(_) | Self::Seller(..) | Self::Platform | Self::Channel(_) => None,
        }
    }

    /// Whether it has a balance of its own to spend at will.
    pub const fn has_balance(&self) -> bool {
        match self {
            Self::User(_) | Self::Merchant(_) => true,
            Self::Seller(..) | Self::Platform | Self::Channel(_) => false,
        }
    }

    /// The merchant to whom this owner belongs, where it belongs to one.
    pub fn merchant(&self) -> Option<MerchantId> {
        match self {
            Self::Merchant(merchant) | Self::Seller(merchant, _) => Some(*merchant),
            Self::User(_) | Self::Platform | Self::Channel(_) => None,
        }
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(user) => write!(f, "user:{user}"),
            Self::Merchant(merchant) => write!(f, "merchant:{merchant}"),
            Self::Seller(merchant, name) => write!(f, "seller:{merchant}:{name}"),
            Self::Platform => f.write_str("platform"),
            Self::Channel(name) => write!(f, "channel:{name}"),
        }
    }
}

impl fmt::Debug for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(user) => write!(f, "{user:?}"),
            other => fmt::Display::fmt(other, f),
        }
    }
}

impl Serialize for Owner {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.wire())
    }
}

fn is_name(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= limits::MAX_OWNER_NAME
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-@".contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::{Bucket, RootId};
    use crate::time::Time;

    #[test]
    fn text_forms() {
        let merchant = MerchantId(RootId::new(Time::from_micros(0), Bucket::of("m"), 7));
        for owner in [
            Owner::User(UserId::parse("42").unwrap()),
            Owner::Merchant(merchant),
            Owner::Seller(merchant, "s1".into()),
            Owner::Platform,
            Owner::Channel("sandbox".into()),
        ] {
            assert_eq!(Owner::parse(&owner.to_string(), None), Some(owner.clone()));
            assert_eq!(Owner::parse(&owner.wire(), Some(merchant)), Some(owner));
        }
        for bad in ["", "user:", "user:a b", "seller:s1", "seller:mch_x:s1", "robot:1", "user:é"] {
            assert_eq!(Owner::parse(bad, None), None, "{bad}");
        }
    }
}
