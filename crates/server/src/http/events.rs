//! Events (事件): the log as clients walk it, and sending one again.

use kernel::Problem;

use super::json::Fields;
use super::list;
use super::query::Query;
use super::visit::{Shown, Visit};

/// `GET /v1/events`
pub(super) async fn list(visit: Visit, mut query: Query) -> Result<Shown, Problem> {
    let merchant = visit.merchant_in(&mut query)?;
    let name = format!("events:{merchant:?}");
    let part = list::part(&visit, &mut query, &name, "after")?;
    query.finish()?;
    let limit = part.limit;
    let page = visit.house.doors.lookup.events(merchant, part).await?;
    Ok(list::log(&visit, &name, page, limit))
}

/// `GET /v1/events/{id}`
pub(super) async fn show(visit: Visit, query: Query) -> Result<Shown, Problem> {
    query.finish()?;
    list::object(&visit, visit.house.doors.lookup.event(&visit.id).await?)
}

/// `POST /v1/events/{id}/resend`: asked twice, it is sent twice; receivers know an event by its id.
pub(super) async fn resend(visit: Visit, body: Fields) -> Result<Shown, Problem> {
    body.finish()?;
    let shown = list::object(&visit, visit.house.doors.lookup.event(&visit.id).await?)?;
    visit.house.doors.webhooks.resend(&visit.id).await?;
    Ok(Shown { status: 202, ..shown })
}
