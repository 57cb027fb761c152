//! Gifts and claims on the wire. A gift's code is never here: the door that made it adds it to its one answer.

use kernel::message::accounting::CouponSource;
use kernel::{Amount, Currency, GiftClaimId, GiftId, MerchantId, Time};
use payment::Gift;
use payment::gift::Claim;
use serde::Serialize;

/// A gift's JSON.
pub fn json(gift: &Gift) -> String {
    super::json(&Object {
        id: gift.id,
        object: "gift",
        status: gift.status().as_str(),
        merchant_id: gift.merchant,
        tool: gift.kind.as_str(),
        amount: gift.money.amount,
        currency: gift.money.currency,
        shares: gift.shares,
        split: gift.split.as_str(),
        budget: matches!(gift.source, CouponSource::Budget(_)),
        code_required: gift.code_hash.is_some(),
        code: None,
        unclaimed_amount: gift.left(),
        claims: gift.claims.iter().zip(1..).map(|(claim, no)| claim_object(gift, no, claim)).collect(),
        expires_at: gift.expires_at,
        created_at: gift.created_at,
    })
}

/// The JSON of a gift's claim of this number; `None` where there is none.
pub fn claim_json(gift: &Gift, no: u16) -> Option<String> {
    gift.claim(no).map(|claim| super::json(&claim_object(gift, no, claim)))
}

/// `"object": "gift"`.
#[derive(Serialize)]
struct Object<'a> {
    id: GiftId,
    object: &'static str,
    status: &'static str,
    merchant_id: Option<MerchantId>,
    tool: &'a str,
    amount: Amount,
    currency: Currency,
    shares: u16,
    split: &'static str,
    budget: bool,
    code_required: bool,
    code: Option<&'a str>,
    unclaimed_amount: i64,
    claims: Vec<ClaimObject<'a>>,
    expires_at: Option<Time>,
    created_at: Time,
}

/// `"object": "gift_claim"`.
#[derive(Serialize)]
struct ClaimObject<'a> {
    id: GiftClaimId,
    object: &'static str,
    gift_id: GiftId,
    tool: &'a str,
    owner: String,
    amount: Amount,
    currency: Currency,
    claimed_at: Time,
}

fn claim_object<'a>(gift: &'a Gift, no: u16, claim: &Claim) -> ClaimObject<'a> {
    ClaimObject {
        id: GiftClaimId::new(gift.id, no),
        object: "gift_claim",
        gift_id: gift.id,
        tool: gift.kind.as_str(),
        owner: format!("user:{}", claim.user),
        amount: claim.amount,
        currency: gift.money.currency,
        claimed_at: claim.at,
    }
}
