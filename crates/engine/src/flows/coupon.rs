//! Coupons and money that comes from nowhere but our own decision: issuing, expiring, budgets, the sandbox's funding.

use kernel::message::accounting::{CouponSource, Post, Refused, Verb};
use kernel::{Code, CouponId, Money, Owner, Problem};
use payment::coupon::{Coupon, CouponStatus};

use crate::flows::Outcome;
use crate::flows::accounting::book;
use crate::request::IssueCoupon;
use crate::stop::Stop;
use crate::view::View;

/// Issues a coupon. With a budget, the budget of the issuer (the merchant, or the platform) must cover it.
pub fn issue(view: &mut View<'_>, issue: &IssueCoupon) -> Result<Outcome, Stop> {
    if let Some(merchant) = issue.merchant.filter(|merchant| !view.control.merchants.contains_key(merchant)) {
        let problem = Problem::at(Code::not_found, "merchant_id", "there is no such merchant").about(merchant);
        return Err(Stop::Refused(problem));
    }
    let issuer = issue.merchant.map_or(Owner::Platform, Owner::Merchant);
    let source = if issue.budget { CouponSource::Budget(issuer) } else { CouponSource::Expense };
    let coupon = Coupon {
        id: issue.id,
        merchant: issue.merchant,
        user: issue.user.clone(),
        money: issue.money,
        source,
        terms: issue.terms.clone(),
        status: CouponStatus::Usable,
        held_by: None,
        expires_at: issue.expires_at,
        created_at: view.now(),
    };
    if coupon.is_over(view.now()) {
        return Err(Stop::Refused(Problem::at(
            Code::expires_at_invalid,
            "expires_at",
            "the coupon has expired already",
        )));
    }
    if coupon.expires_at.is_some_and(|end| coupon.terms.usable_from.is_some_and(|from| end <= from)) {
        let detail = "the coupon would expire before it can be used";
        return Err(Stop::Refused(Problem::at(Code::expires_at_invalid, "usable_from", detail)));
    }
    view.fresh::<Coupon>(issue.id);
    book(view, None, &coupon.issue_post())?
        .map_err(|refused| Stop::Refused(Problem::at(Code::budget_exhausted, "budget", refused.to_string())))?;
    view.put(issue.id, coupon);
    Ok(Outcome::CouponIssued(issue.id))
}

/// A coupon's time is over (a timer says so).
pub fn expire(view: &mut View<'_>, id: CouponId) -> Result<Outcome, Stop> {
    let Some(coupon) = view.get::<Coupon>(id)? else { return Ok(Outcome::Done) };
    let mut state = Coupon::clone(&coupon);
    let command = payment::coupon::Command::Expire;
    let posts = state.handle(command, view.now()).map_err(|refusal| Stop::Broken(refusal.to_string()))?;
    for post in posts {
        book(view, None, &post)?.map_err(|refused| Stop::Broken(refused.to_string()))?;
    }
    view.put(id, state);
    Ok(Outcome::Done)
}

/// The sandbox puts money on an owner's balance.
pub fn fund(view: &mut View<'_>, owner: &Owner, money: Money) -> Result<Outcome, Stop> {
    let verb = Verb::Fund { owner: owner.clone(), money };
    book_free(view, owner, money, verb, |refused| Problem::at(Code::amount_out_of_range, "amount", refused.to_string()))
}

/// Fills a marketing budget: the platform's from expense, a merchant's from its balance.
pub fn fund_budget(view: &mut View<'_>, owner: &Owner, money: Money) -> Result<Outcome, Stop> {
    let verb = Verb::FundBudget { owner: owner.clone(), money };
    book_free(view, owner, money, verb, |refused| match refused {
        Refused::Insufficient { .. } => Problem::at(Code::insufficient_funds, "amount", refused.to_string()),
        Refused::Frozen { .. } | Refused::OutOfRange { .. } => {
            Problem::at(Code::amount_out_of_range, "amount", refused.to_string())
        }
    })
}

fn book_free(
    view: &mut View<'_>,
    owner: &Owner,
    money: Money,
    verb: Verb,
    problem: fn(&Refused) -> Problem,
) -> Result<Outcome, Stop> {
    let merchant = owner.merchant();
    if let Some(merchant) = merchant.filter(|merchant| !view.control.merchants.contains_key(merchant)) {
        let problem = Problem::at(Code::not_found, "owner", "there is no such merchant").about(merchant);
        return Err(Stop::Refused(problem));
    }
    let post = Post { context: None, merchant, currency: money.currency, object: owner.to_string(), verb };
    book(view, None, &post)?.map_err(|refused| Stop::Refused(problem(&refused)))?;
    Ok(Outcome::Funded(owner.clone(), money))
}
