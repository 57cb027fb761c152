//! Credit lines (先用后付): let users pay on credit, up to a limit; change it, freeze it, bill it. The platform's alone: it is
//! owed the money.

use engine::news::Object;
use engine::request::{Command, CreditChange};
use kernel::{BillId, Code, CreditLineId, Currency, Owner, Problem, limits};
use kernel::{Money, UserId};
use payment::BillTerms;

use super::json::Fields;
use super::query::Query;
use super::visit::{Shown, Told, Visit, not_found};
use super::{list, ports};

/// `POST /v1/credit_lines`
pub(super) fn open(_: &Visit, body: &mut Fields) -> Result<Told, Problem> {
    let owner = body.id("owner", |text| Owner::parse(text, None))?;
    let Owner::User(user) = owner else {
        return Err(body.refuse(Code::invalid_value, "owner", "a credit line is a user's: user:…"));
    };
    let currency = body.currency("currency")?;
    let amount = body.amount("limit", Some(currency))?;
    let terms = if body.has("bill_day") || body.has("due_days") { Some(terms_in(body)?) } else { None };
    Ok(Command::OpenCredit { user, limit: Money { amount, currency }, terms }.into())
}

/// When a line is billed: both, or neither.
fn terms_in(body: &mut Fields) -> Result<BillTerms, Problem> {
    let mut days = |name: &str, most: u8| {
        let number = body.number(name)?;
        let days = u8::try_from(number).ok().filter(|days| (1..=most).contains(days));
        days.ok_or_else(|| body.refuse(Code::invalid_value, name, format!("from 1 to {most}")))
    };
    let day = days("bill_day", limits::MAX_BILL_DAY)?;
    Ok(BillTerms { day, due_days: days("due_days", limits::MAX_DUE_DAYS)? })
}

/// `POST /v1/credit_lines/{id}/terms`
pub(super) fn terms(visit: &Visit, body: &mut Fields) -> Result<Told, Problem> {
    let line = visit.named(CreditLineId::parse)?;
    Ok(Command::ChangeCredit { line, change: CreditChange::Terms(terms_in(body)?) }.into())
}

/// `POST /v1/credit_lines/{id}/limit`
pub(super) fn limit(visit: &Visit, body: &mut Fields) -> Result<Told, Problem> {
    let line = visit.named(CreditLineId::parse)?;
    let change = CreditChange::Limit(body.amount("limit", None)?);
    Ok(Command::ChangeCredit { line, change }.into())
}

/// `POST /v1/credit_lines/{id}/freeze`
pub(super) fn freeze(visit: &Visit, _: &mut Fields) -> Result<Told, Problem> {
    let line = visit.named(CreditLineId::parse)?;
    Ok(Command::ChangeCredit { line, change: CreditChange::Freeze }.into())
}

/// `POST /v1/credit_lines/{id}/unfreeze`
pub(super) fn unfreeze(visit: &Visit, _: &mut Fields) -> Result<Told, Problem> {
    let line = visit.named(CreditLineId::parse)?;
    Ok(Command::ChangeCredit { line, change: CreditChange::Unfreeze }.into())
}

/// `GET /v1/credit_lines?owner=&currency=`
pub(super) async fn list(visit: Visit, mut query: Query) -> Result<Shown, Problem> {
    let user = query.read("owner", Code::invalid_id, "user:…", user)?;
    let currency = query.read("currency", Code::unknown_currency, "a currency of ISO 4217", Currency::parse)?;
    query.finish()?;
    let missing = |name, what| Problem::at(Code::missing_field, name, what);
    let user = user.ok_or_else(|| missing("owner", "name the user"))?;
    let currency = currency.ok_or_else(|| missing("currency", "name the currency"))?;
    let found = visit.house.doors.lookup.credit_line_of(&user, currency).await?;
    let data = found.map(|found| found.body).into_iter().collect();
    Ok(list::page(&visit, "credit_lines", ports::Page { data, ..Default::default() }))
}

/// `GET /v1/credit_lines/{id}`
pub(super) async fn show(visit: Visit, query: Query) -> Result<Shown, Problem> {
    let line = visit.named(CreditLineId::parse)?;
    query.finish()?;
    list::object(&visit, visit.house.doors.lookup.credit_line(line).await?)
}

/// `GET /v1/credit_lines/{id}/bills`
pub(super) async fn bills(visit: Visit, mut query: Query) -> Result<Shown, Problem> {
    let line = visit.named(CreditLineId::parse)?;
    let name = format!("bills:{line}");
    let part = list::part(&visit, &mut query, &name, "cursor")?;
    query.finish()?;
    let page = visit.house.doors.lookup.bills(line, part).await?.ok_or_else(not_found)?;
    Ok(list::page(&visit, &name, page))
}

/// `GET /v1/bills/{id}`
pub(super) async fn bill(visit: Visit, query: Query) -> Result<Shown, Problem> {
    let bill = visit.named(BillId::parse)?;
    query.finish()?;
    list::object(&visit, visit.house.doors.lookup.object(Object::Bill(bill)).await?)
}

fn user(text: &str) -> Option<UserId> {
    match Owner::parse(text, None) {
        Some(Owner::User(user)) => Some(user),
        _ => None,
    }
}
