//! Payments (支付单): read, wait for, cancel. They are opened under their trade.

use engine::request::Command;
use kernel::{PaymentId, Problem};

use super::json::Fields;
use super::ports::Object;
use super::query::Query;
use super::visit::{Shown, Told, Visit};
use super::{list, wait};

/// `GET /v1/payments/{id}`
pub(super) async fn show(visit: Visit, mut query: Query) -> Result<Shown, Problem> {
    let payment = visit.named(PaymentId::parse)?;
    let patience = wait::patience(&mut query)?;
    query.finish()?;
    wait::for_change(&visit, Object::Payment(payment), patience).await
}

/// `GET /v1/payments/{id}/explain`
pub(super) async fn explain(visit: Visit, query: Query) -> Result<Shown, Problem> {
    let payment = visit.named(PaymentId::parse)?;
    query.finish()?;
    let with_risk = visit.identity.merchant().is_none();
    list::object(&visit, visit.house.doors.lookup.explain(payment, with_risk).await?)
}

/// `POST /v1/payments/{id}/cancel`
pub(super) fn cancel(visit: &Visit, _body: &mut Fields) -> Result<Told, Problem> {
    let payment = visit.named(PaymentId::parse)?;
    Ok(Command::CancelPayment(payment).into())
}
