//! `?wait=`: a read that answers when something has changed, so that nobody has to ask every second.
//!
//! An object that will not change any more is answered at once. Bounded by [`LONGEST_S`]; no POST ever waits.

use futures::FutureExt as _;
use kernel::time::SECOND_US;
use kernel::{Code, Problem};
use serde::Deserialize;

use super::list;
use super::ports::Object;
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

/// Shows an object of a trade's tree, after its next change if the caller waits for one. Whoever is told of a change is
/// told what it is, so the store is asked only where that is not known.
pub(super) async fn for_change(visit: &Visit, object: Object, patience_s: i64) -> Result<Shown, Problem> {
    let doors = &visit.house.doors;
    let read = async || list::object(visit, doors.lookup.object(object).await?);
    // What is of no trade is not waited for.
    let Some(trade) = object.trade().filter(|_| patience_s > 0) else { return read().await };
    let deadline = doors.clock.steady().plus(patience_s.saturating_mul(SECOND_US));
    let mut change = doors.waiters.changed(trade, deadline);
    let first = read().await?;
    if is_settled(&first.body) {
        return Ok(first);
    }
    loop {
        if let Some(found) = later(change).await.and_then(|tree| tree.show(object)) {
            let now = list::object(visit, Some(found))?;
            if now.body != first.body {
                return Ok(now);
            }
        }
        // What changed while nobody listened is found by reading after listening again.
        change = doors.waiters.changed(trade, deadline);
        let now = read().await?;
        if now.body != first.body || doors.clock.steady() >= deadline {
            return Ok(now);
        }
    }
}

/// What is told from now on. What was told already may be older than what was read meanwhile: then it says only that
/// there was a change.
async fn later<T>(mut change: impl Future<Output = Option<T>> + Unpin) -> Option<T> {
    match (&mut change).now_or_never() {
        Some(_) => None,
        None => change.await,
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

#[cfg(test)]
mod tests {
    use futures::channel::oneshot;

    use super::*;

    #[tokio::test]
    async fn what_was_told_before_a_read_is_not_believed_after_it() {
        assert_eq!(later(std::future::ready(Some(1))).await, None);
        let (tell, told) = oneshot::channel();
        let waiting = later(Box::pin(async { told.await.ok() }));
        let (heard, ()) = futures::join!(waiting, async { tell.send(2).unwrap() });
        assert_eq!(heard, Some(2));
    }
}
