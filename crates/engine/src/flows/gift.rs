//! Gifts: issuing, claiming, what happens when their time is over.

use kernel::message::accounting::{CouponSource, Purse};
use kernel::{Code, GiftClaimId, GiftId, Owner, Problem, UserId};
use payment::gift::{Command, Gift};

use crate::flows::accounting::book;
use crate::flows::transit::{self, Errand, Parcel};
use crate::flows::{Outcome, not_found};
use crate::request::{Caller, IssueGift};
use crate::stop::Stop;
use crate::view::View;

/// Issues a gift. With a budget, the budget of the issuer must cover it.
pub(super) fn issue(view: &mut View<'_>, issue: &IssueGift) -> Result<Outcome, Stop> {
    if let Some(merchant) = issue.merchant.filter(|merchant| !view.control.merchants.contains_key(merchant)) {
        let problem = Problem::at(Code::not_found, "merchant_id", "there is no such merchant").about(merchant);
        return Err(Stop::Refused(problem));
    }
    let issuer = issue.merchant.map_or(Owner::Platform, Owner::Merchant);
    let gift = Gift {
        id: issue.id,
        merchant: issue.merchant,
        kind: issue.kind.clone(),
        money: issue.money,
        source: if issue.budget { CouponSource::Budget(issuer) } else { CouponSource::Expense },
        shares: issue.shares,
        split: issue.split,
        code_hash: issue.code_hash,
        claims: Vec::new(),
        expires_at: issue.expires_at,
        expired: false,
        created_at: view.now(),
    };
    if gift.is_over(view.now()) {
        let problem = Problem::at(Code::expires_at_invalid, "expires_at", "the gift's time is over already");
        return Err(Stop::Refused(problem));
    }
    view.fresh::<Gift>(issue.id);
    book(view, None, &gift.issue_post())?
        .map_err(|refused| Stop::Refused(Problem::at(Code::budget_exhausted, "budget", refused.to_string())))?;
    view.put(issue.id, gift);
    Ok(Outcome::GiftIssued(issue.id))
}

/// A user takes a share. Who has claimed before is told of that share again. Whoever may not see the gift and does not
/// know its code is told that there is none.
pub(super) fn claim(
    view: &mut View<'_>,
    caller: &Caller,
    id: GiftId,
    user: &UserId,
    code_hash: Option<[u8; 32]>,
    luck: u64,
) -> Result<Outcome, Stop> {
    let known = view.get::<Gift>(id)?.ok_or_else(not_found)?;
    let knows_code = known.code_hash.is_some() && known.code_hash == code_hash;
    if !caller.may_see(known.merchant) && !knows_code {
        return Err(not_found());
    }
    let away = transit::way(view, &Owner::User(user.clone()));
    let mut gift = Gift::clone(&known);
    let command = Command::Claim { user: user.clone(), code_hash, luck, away };
    let posts = gift.handle(&command, view.now()).map_err(|refusal| Stop::Refused(refusal.into()))?;
    for post in posts {
        book(view, None, &post)?.map_err(|refused| {
            Stop::Refused(Problem::at(Code::receiver_not_applicable, "owner", refused.to_string()))
        })?;
    }
    let no = gift.claim_of(user).ok_or_else(|| Stop::Broken(format!("a claim on {id} left no trace")))?;
    let again = gift.claims.len() == known.claims.len();
    let share = gift.claims.last().map_or(0, |claim| claim.amount.minor());
    let (kind, currency) = (gift.kind.clone(), gift.money.currency);
    view.put(id, gift);
    let claim = GiftClaimId::new(id, no);
    // The share lives where the user's other money does.
    if let Some(way) = away.filter(|_| !again) {
        let (errand, to, object) = (Errand::Give, Purse::Stored(user.clone(), kind), claim.to_string());
        transit::send(view, &Parcel { errand, to, minor: share, currency, way, object })?;
    }
    Ok(if again { Outcome::GiftClaim(claim) } else { Outcome::GiftClaimed(claim) })
}

/// A gift's time is over (a timer says so).
pub(super) fn expire(view: &mut View<'_>, id: GiftId) -> Result<Outcome, Stop> {
    let Some(gift) = view.get::<Gift>(id)? else { return Ok(Outcome::Done) };
    let mut state = Gift::clone(&gift);
    let posts = state.handle(&Command::Expire, view.now()).map_err(|refusal| Stop::Broken(refusal.to_string()))?;
    for post in posts {
        book(view, None, &post)?.map_err(|refused| Stop::Broken(refused.to_string()))?;
    }
    view.put(id, state);
    Ok(Outcome::Done)
}
