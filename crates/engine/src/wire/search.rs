//! What a number names, on the wire: enough to go on to the object, and to its trade's chain.

use kernel::{MerchantId, TradeId};
use serde::Serialize;

/// One thing that has the number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Hit {
    /// What it is.
    pub object: &'static str,
    /// Its id.
    pub id: String,
    /// The trade that it belongs to; `None` for what belongs to none.
    #[serde(rename = "trade_id")]
    pub trade: Option<TradeId>,
    /// Whose it is; `None` where it is the platform's or a user's.
    #[serde(rename = "merchant_id")]
    pub merchant: Option<MerchantId>,
    /// As what the number is its number.
    pub found_as: &'static str,
}

/// A hit as JSON.
pub fn json(hit: &Hit) -> String {
    super::json(hit)
}
