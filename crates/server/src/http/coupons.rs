//! Coupons (优惠券): issue to a user, fill the budget that pays for them, read.

use engine::request::{Command, IssueCoupon};
use kernel::{Code, CouponId, Currency, Owner, Problem, Scenes};
use payment::CouponTerms;

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
    let terms = terms(body, money.currency)?;
    let expires_at = body.time("expires_at")?;
    Ok(Command::IssueCoupon(Box::new(IssueCoupon { id, merchant, money, user, budget, terms, expires_at })).into())
}

fn terms(body: &mut Fields, currency: Currency) -> Result<CouponTerms, Problem> {
    let percent = match body.maybe_number("percent")? {
        None => None,
        Some(number) => {
            let percent = u8::try_from(number).ok().filter(|percent| *percent <= 100);
            Some(percent.ok_or_else(|| body.refuse(Code::invalid_value, "percent", "from 1 to 100"))?)
        }
    };
    Ok(CouponTerms {
        min_spend: body.maybe_amount("min_spend", Some(currency))?,
        percent,
        scenes: body.maybe_word("sub_type", "a scene, or the beginning of some with a final *", Scenes::parse)?,
        usable_from: body.time("usable_from")?,
        alone: !body.flag("stackable")?.unwrap_or(true),
    })
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
