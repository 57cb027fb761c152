//! Channel accounts (渠道商户号) and their statements.

use kernel::{Code, Problem};

use super::ledger::day;
use super::query::Query;
use super::visit::{Shown, Visit, not_found};
use super::{list, ports};

/// `GET /v1/channels`
pub(super) async fn list(visit: Visit, query: Query) -> Result<Shown, Problem> {
    query.finish()?;
    let data = visit.house.doors.institutions.accounts();
    Ok(list::page(&visit, "channels", ports::Page { data, ..Default::default() }))
}

/// `GET /v1/channels/{id}/statements?date=`: the institution's own words, as it would send them.
pub(super) async fn statement(visit: Visit, mut query: Query) -> Result<Shown, Problem> {
    let date = query.read("date", Code::invalid_time, "a date, as 2026-11-23", day)?;
    query.finish()?;
    let date = date.ok_or_else(|| Problem::at(Code::missing_field, "date", "name the day"))?;
    let body = visit.house.doors.institutions.statement(&visit.id, date).await?.ok_or_else(not_found)?;
    Ok(Shown { status: 200, content_type: "text/csv; charset=utf-8", body })
}
