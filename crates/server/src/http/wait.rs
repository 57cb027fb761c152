//! `?wait=`: a read that answers when something has changed, so that nobody has to ask every second.
//!
//! An object that will not change any more is answered at once. Bounded by [`LONGEST_S`]; no POST ever waits.

use futures::future::BoxFuture;
use kernel::time::SECOND_US;
use kernel::{Code, Problem, TradeId};
use serde::Deserialize;

use super::list;
use super::ports::Found;
use super::query::Query;
use super::visit::{Shown, Visit};

/// Longest wait, in seconds.
pub(super) const LONGEST_S: i64 = 30;

/// States that an object does not leave without people.
const SETTLED: [&str; 7] = ["succeeded", "failed", "canceled", "expired", "returned", "completed", "closed"];

/// Reads `?wait=`, in seconds; none where it is left out.
pub(super) fn patience(query: &mut Query) -> Result<i64, Problem> {
    let wanted = format!("seconds, 0 to {LONGEST_S}");
    let fits = |text: &str| text.parse().ok().filter(|seconds| (0..=LONGEST_S).contains(seconds));
    Ok(query.read("wait", Code::invalid_value, &wanted, fits)?.unwrap_or(0))
}

/// Shows an object of a trade's tree, after its next change if the caller waits for one.
pub(super) async fn for_change<'a>(
    visit: &Visit,
    trade: TradeId,
    patience_s: i64,
    read: impl Fn() -> BoxFuture<'a, Result<Option<Found>, Problem>>,
) -> Result<Shown, Problem> {
    if patience_s == 0 {
        return list::object(visit, read().await?);
    }
    let doors = &visit.house.doors;
    let deadline = doors.clock.steady().plus(patience_s.saturating_mul(SECOND_US));
    let mut change = doors.waiters.changed(trade, deadline);
    let first = list::object(visit, read().await?)?;
    if is_settled(&first.body) {
        return Ok(first);
    }
    loop {
        change.await;
        change = doors.waiters.changed(trade, deadline);
        let now = list::object(visit, read().await?)?;
        if now.body != first.body || doors.clock.steady() >= deadline {
            return Ok(now);
        }
    }
}

#[derive(Deserialize)]
struct Status<'a> {
    #[serde(borrow)]
    status: std::borrow::Cow<'a, str>,
}

fn is_settled(body: &str) -> bool {
    serde_json::from_str::<Status<'_>>(body).is_ok_and(|object| SETTLED.contains(&object.status.as_ref()))
}
