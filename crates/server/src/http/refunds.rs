//! Refunds (退款): read, wait for. They are opened under their trade.

use kernel::{Problem, RefundId};

use super::ports::Object;
use super::query::Query;
use super::visit::{Shown, Visit};
use super::wait;

/// `GET /v1/refunds/{id}`
pub(super) async fn show(visit: Visit, mut query: Query) -> Result<Shown, Problem> {
    let refund = visit.named(RefundId::parse)?;
    let patience = wait::patience(&mut query)?;
    query.finish()?;
    wait::for_change(&visit, Object::Refund(refund), patience).await
}
