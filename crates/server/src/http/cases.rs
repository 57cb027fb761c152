//! Cases (差错工单): merchants see theirs, the platform's people decide.

use engine::request::Command;
use kernel::message::payment::Resolution;
use kernel::{CaseId, Code, Problem, limits};

use super::json::Fields;
use super::list;
use super::ports::{Filter, Object};
use super::query::Query;
use super::visit::{Shown, Told, Visit};

pub(super) const STATUSES: [&str; 2] = ["open", "closed"];

/// `POST /v1/cases/{id}/resolve`
pub(super) fn resolve(visit: &Visit, body: &mut Fields) -> Result<Told, Problem> {
    let case = visit.named(CaseId::parse)?;
    let resolution = body.word("action", "accept, refund, retry, other_way", resolution)?;
    let note = body.prose("note", limits::MAX_METADATA_VALUE)?.unwrap_or_default();
    Ok(Command::ResolveCase { case, resolution, note }.into())
}

fn resolution(word: &str) -> Option<Resolution> {
    match word {
        "accept" => Some(Resolution::Accept),
        "refund" => Some(Resolution::Refund),
        "retry" => Some(Resolution::Retry),
        "other_way" => Some(Resolution::OtherWay),
        _ => None,
    }
}

/// `GET /v1/cases/{id}`
pub(super) async fn show(visit: Visit, query: Query) -> Result<Shown, Problem> {
    let case = visit.named(CaseId::parse)?;
    query.finish()?;
    list::object(&visit, visit.house.doors.lookup.object(Object::Case(case)).await?)
}

/// `GET /v1/cases`
pub(super) async fn list(visit: Visit, mut query: Query) -> Result<Shown, Problem> {
    let merchant = visit.merchant_in(&mut query)?;
    let wanted = STATUSES.join(", ");
    let status =
        query.read("status", Code::invalid_value, &wanted, |text| STATUSES.into_iter().find(|known| *known == text))?;
    let name = format!("cases:{merchant:?}:{status:?}");
    let part = list::part(&visit, &mut query, &name, "cursor")?;
    query.finish()?;
    let page = visit.house.doors.lookup.cases(Filter { merchant, status }, part).await?;
    Ok(list::page(&visit, &name, page))
}
