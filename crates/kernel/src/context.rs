//! The platform's one context (平台统一上下文): four elements that identify the business of every row and message.
//!
//! `merchant_id`, `order_type` (the trade's type), `sub_type` (the scene) and `pay_org` (the institution, `internal` where
//! there is none) are present and equal along the whole chain, from the first request to the ledger and back.

use std::fmt;

use serde::Serialize;

use crate::id::MerchantId;
use crate::limits;

/// The base trade type (基础交易类型).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum OrderType {
    /// 即时到账: the money goes to the receivers when paid.
    Instant,
    /// 担保交易: the money waits in escrow until confirmed.
    Escrow,
    /// 充值: money from outside goes to a balance when paid.
    Topup,
    /// 转账: money of one balance goes to another at once.
    Transfer,
    /// 提现: money of a balance goes out to a bank.
    Payout,
    /// 还款: money makes less what a user owes on credit; what exceeds that is the user's balance.
    Repayment,
    /// 合并支付: several trades of one buyer, perhaps of several merchants, are paid as one.
    Combined,
}

impl OrderType {
    /// Every type there is.
    pub const ALL: [Self; 7] =
        [Self::Instant, Self::Escrow, Self::Topup, Self::Transfer, Self::Payout, Self::Repayment, Self::Combined];

    /// The one word used in SQL, JSON and pages.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Instant => "instant",
            Self::Escrow => "escrow",
            Self::Topup => "topup",
            Self::Transfer => "transfer",
            Self::Payout => "payout",
            Self::Repayment => "repayment",
            Self::Combined => "combined",
        }
    }

    /// Reads the word back.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.as_str() == text)
    }

    /// Whether its receivers have the money on their balance, to be spent at will, but for what a debt takes of it; else it
    /// waits for settlement.
    pub const fn fills_balances(self) -> bool {
        match self {
            Self::Instant | Self::Escrow | Self::Payout | Self::Combined => false,
            Self::Topup | Self::Transfer | Self::Repayment => true,
        }
    }

    /// Whether a trade pays itself when it is opened, once, and ends with that payment; else somebody has to pay it, and
    /// may try again.
    pub const fn pays_itself(self) -> bool {
        match self {
            Self::Instant | Self::Escrow | Self::Topup | Self::Repayment | Self::Combined => false,
            Self::Transfer | Self::Payout => true,
        }
    }
}

/// The business scene, as `shop.checkout`: lower-case letters, digits and `._-`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct SubType(String);

impl SubType {
    /// The scene of a trade that names none.
    pub fn general() -> Self {
        Self("general".to_owned())
    }

    /// Checks the letters and the length.
    pub fn parse(text: &str) -> Option<Self> {
        let fits = !text.is_empty()
            && text.len() <= limits::MAX_SUB_TYPE
            && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"._-".contains(&b));
        fits.then(|| Self(text.to_owned()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A scene, or with a final `*` all scenes that begin so: `shop.checkout`, `shop.*`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Scenes(String);

impl Scenes {
    /// Checks the letters and the length.
    pub fn parse(text: &str) -> Option<Self> {
        let begin = text.strip_suffix('*').unwrap_or(text);
        SubType::parse(begin).map(|_| Self(text.to_owned()))
    }

    /// Whether a scene is among them.
    pub fn have(&self, scene: &SubType) -> bool {
        match self.0.strip_suffix('*') {
            Some(begin) => scene.as_str().starts_with(begin),
            None => scene.as_str() == self.0,
        }
    }

    /// Whether it is one scene and not the beginning of many.
    pub fn is_one(&self) -> bool {
        !self.0.ends_with('*')
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The institution that moves the money; [`PayOrg::internal`] where it moves on our own books only.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct PayOrg(String);

impl PayOrg {
    /// Our own books.
    pub fn internal() -> Self {
        Self("internal".to_owned())
    }

    /// An institution by its channel account's name.
    pub fn institution(name: &str) -> Self {
        Self(name.to_owned())
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether no institution is involved.
    pub fn is_internal(&self) -> bool {
        self.0 == "internal"
    }
}

impl fmt::Display for PayOrg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The elements of the context that a trade fixes for everything below it; `pay_org` is added where money moves.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Context {
    /// The merchant.
    pub merchant: MerchantId,
    /// The trade's type.
    pub order_type: OrderType,
    /// The scene.
    pub sub_type: SubType,
}
