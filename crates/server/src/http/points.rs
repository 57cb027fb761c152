//! Points (积分): give them to users, take them back, read. The platform's alone: points are its debt, and its rules say what
//! they are worth; what a merchant wants to give are coupons and gifts.

use engine::request::{Command, GrantPoints};
use kernel::{Code, Currency, Owner, PointsGrantId, Problem, limits};

use super::json::Fields;
use super::list;
use super::query::Query;
use super::visit::{Shown, Told, Visit};

/// `POST /v1/points`
pub(super) fn grant(visit: &Visit, body: &mut Fields) -> Result<Told, Problem> {
    let owner = body.id("owner", |text| Owner::parse(text, None))?;
    let Owner::User(user) = owner else {
        return Err(body.refuse(Code::invalid_value, "owner", "points are a user's: user:…"));
    };
    let points = body.amount("points", Some(Currency::POINTS))?;
    let reference = body.maybe_reference("reference", limits::MAX_MERCHANT_NUMBER)?;
    let id = PointsGrantId(visit.draw(&format!("user:{user}")));
    Ok(Command::GrantPoints(Box::new(GrantPoints { id, user, points, reference })).into())
}

/// `POST /v1/points/{id}/reverse`
pub(super) fn reverse(visit: &Visit, body: &mut Fields) -> Result<Told, Problem> {
    let grant = visit.named(PointsGrantId::parse)?;
    let points = body.maybe_amount("points", Some(Currency::POINTS))?;
    Ok(Command::ReversePoints { grant, points }.into())
}

/// `GET /v1/points?owner=`
pub(super) async fn list(visit: Visit, mut query: Query) -> Result<Shown, Problem> {
    let owner = query.read("owner", Code::invalid_id, "user:…", |text| match Owner::parse(text, None) {
        Some(Owner::User(user)) => Some(user),
        _ => None,
    })?;
    let name = format!("points:{owner:?}");
    let part = list::part(&visit, &mut query, &name, "cursor")?;
    query.finish()?;
    let user = owner.ok_or_else(|| Problem::at(Code::missing_field, "owner", "name the user"))?;
    let page = visit.house.doors.lookup.points_grants(&user, part).await?;
    Ok(list::page(&visit, &name, page))
}

/// `GET /v1/points/{id}`
pub(super) async fn show(visit: Visit, query: Query) -> Result<Shown, Problem> {
    let grant = visit.named(PointsGrantId::parse)?;
    query.finish()?;
    list::object(&visit, visit.house.doors.lookup.points_grant(grant).await?)
}
