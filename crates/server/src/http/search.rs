//! Search by any number (一号通查): an id of ours, a merchant's own number, an institution's.

use kernel::{Code, Problem, limits, text};

use super::list;
use super::query::Query;
use super::visit::{Shown, Visit};

/// `GET /v1/search`
pub(super) async fn search(visit: Visit, mut query: Query) -> Result<Shown, Problem> {
    let wanted = format!("1 to {} printable ASCII characters without spaces", limits::MAX_MERCHANT_NUMBER);
    let number = |sent: &str| text::is_reference(sent, limits::MAX_MERCHANT_NUMBER).then(|| sent.to_owned());
    let number = query.read("number", Code::invalid_text, &wanted, number)?;
    let merchant = visit.merchant_in(&mut query)?;
    let (limit, stale) = (query.limit()?, query.stale()?);
    query.finish()?;
    let number = number.ok_or_else(|| Problem::at(Code::missing_field, "number", "say which number"))?;
    Ok(list::hits(&visit.house.doors.lookup.search(&number, merchant, limit, stale).await?))
}
