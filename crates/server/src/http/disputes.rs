//! Disputes (拒付): read, wait for, list. The institution opens and decides them.

use kernel::{Code, DisputeId, Problem};

use super::ports::{Filter, Object};
use super::query::Query;
use super::visit::{Shown, Visit};
use super::{list, wait};

pub(super) const STATUSES: [&str; 3] = ["open", "won", "lost"];

/// `GET /v1/disputes/{id}`
pub(super) async fn show(visit: Visit, mut query: Query) -> Result<Shown, Problem> {
    let dispute = visit.named(DisputeId::parse)?;
    let patience = wait::patience(&mut query)?;
    query.finish()?;
    wait::for_change(&visit, Object::Dispute(dispute), patience).await
}

/// `GET /v1/disputes`
pub(super) async fn list(visit: Visit, mut query: Query) -> Result<Shown, Problem> {
    let merchant = visit.merchant_in(&mut query)?;
    let wanted = STATUSES.join(", ");
    let status =
        query.read("status", Code::invalid_value, &wanted, |text| STATUSES.into_iter().find(|known| *known == text))?;
    let name = format!("disputes:{merchant:?}:{status:?}");
    let part = list::part(&visit, &mut query, &name, "cursor")?;
    query.finish()?;
    let page = visit.house.doors.lookup.disputes(Filter { merchant, status }, part).await?;
    Ok(list::page(&visit, &name, page))
}
