//! Coupons (优惠券): issue to a user, fill the budget that pays for them, read.

use engine::request::{Command, IssueCoupon};
use kernel::{Code, CouponId, Owner, Problem};

use super::json::Fields;
use super::list;
use super::query::Query;
use super::visit::{Shown, Told, Visit};

/// `POST /v1/coupons`
pub(super) fn create(visit: &Visit, body: &mut Fields) -> Result<Told, Problem> {
    let merchant = visit.maybe_merchant(body)?;
    let money = body.money()?;
    let owner = body.id("owner", |text| Owner::parse(text, merchant))?;
    let Owner::User(user) = owner else {
        return Err(body.refuse(Code::invalid_value, "owner", "a coupon belongs to a user: user:…"));
    };
    let id = CouponId(visit.draw(&format!("user:{user}")));
    let budget = budget(visit, body)?;
    let expires_at = body.time("expires_at")?;
    Ok(Command::IssueCoupon(Box::new(IssueCoupon { id, merchant, money, user, budget, expires_at })).into())
}

/// Whether a marketing budget pays. What a merchant issues always comes out of its own: the expense account is the
/// platform's money.
pub(super) fn budget(visit: &Visit, body: &mut Fields) -> Result<bool, Problem> {
    let named = body.flag("budget")?;
    match (visit.identity.merchant(), named) {
        (Some(_), Some(false)) => {
            Err(body.refuse(Code::scope_required, "budget", "only the platform issues without a budget"))
        }
        (Some(_), _) => Ok(true),
        (None, named) => Ok(named.unwrap_or(false)),
    }
}

/// `POST /v1/coupons/budgets`
pub(super) fn fund(visit: &Visit, body: &mut Fields) -> Result<Told, Problem> {
    let owner = visit.maybe_merchant(body)?.map_or(Owner::Platform, Owner::Merchant);
    Ok(Command::FundBudget { owner, money: body.money()? }.into())
}

/// `GET /v1/coupons/{id}`
pub(super) async fn show(visit: Visit, query: Query) -> Result<Shown, Problem> {
    let coupon = visit.named(CouponId::parse)?;
    query.finish()?;
    list::object(&visit, visit.house.doors.lookup.coupon(coupon).await?)
}
