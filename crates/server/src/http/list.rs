//! Objects and lists on the wire: an object is shown only to those who may see it; a list has a cursor of its own.

use std::fmt::Display;

use kernel::Problem;
use serde_json::json;

use super::ports::{Found, Hits, Page, Part};
use super::query::Query;
use super::visit::{Shown, Visit, not_found};

/// Shows an object to its merchant and to the platform; to everybody else it is not there.
pub(super) fn object(visit: &Visit, found: Option<Found>) -> Result<Shown, Problem> {
    let found = found.filter(|found| visit.identity.caller.may_see(found.merchant));
    found.map(|found| Shown::json(found.body)).ok_or_else(not_found)
}

/// Reads which part of a list is asked for. `list` names the list with its filters; `cursor` is the parameter's name.
pub(super) fn part(visit: &Visit, query: &mut Query, list: &str, cursor: &str) -> Result<Part, Problem> {
    let (limit, stale) = (query.limit()?, query.stale()?);
    let open = |sent: String| {
        visit.cursors(list).open(&sent).map_err(|refusal| Problem { param: Some(cursor.to_owned()), ..refusal })
    };
    let after = query.text(cursor).map(open).transpose()?;
    Ok(Part { limit, after, stale })
}

/// A page of a list that ends.
pub(super) fn page(visit: &Visit, list: &str, page: Page) -> Shown {
    let next = page.next.map(|place| visit.cursors(list).seal(&place));
    let has_more = next.is_some();
    render(&page.data, has_more, next.as_deref(), page.as_of)
}

/// A page of the log, which goes on for ever: there is always a cursor for what will come.
pub(super) fn log(visit: &Visit, list: &str, page: Page, limit: usize) -> Shown {
    let next = page.next.map(|place| visit.cursors(list).seal(&place));
    render(&page.data, page.data.len() >= limit, next.as_deref(), page.as_of)
}

/// A page of things that the control data holds, newest first by their ids.
pub(super) fn control_page<I: Copy + Display>(
    visit: &Visit,
    list: &str,
    part: &Part,
    newest_first: impl Iterator<Item = I>,
    body: impl Fn(I) -> String,
) -> Shown {
    // The text of an id is in the order of its bytes.
    let mut rest = newest_first.skip_while(|id| part.after.as_ref().is_some_and(|after| id.to_string() >= *after));
    let shown: Vec<I> = rest.by_ref().take(part.limit).collect();
    let next = rest.next().and(shown.last()).map(I::to_string);
    page(visit, list, Page { data: shown.into_iter().map(body).collect(), next, as_of: None })
}

/// What a search found: no pages, only whether there is more.
pub(super) fn hits(hits: &Hits) -> Shown {
    let (data, as_of) = (hits.data.join(","), as_of(hits.as_of));
    Shown::json(format!(r#"{{"data":[{data}],"has_more":{}{as_of}}}"#, hits.more))
}

fn as_of(time: Option<kernel::Time>) -> String {
    time.map(|time| format!(r#","as_of":"{time}""#)).unwrap_or_default()
}

fn render(data: &[String], has_more: bool, next: Option<&str>, as_of: Option<kernel::Time>) -> Shown {
    let next = json!(next);
    let (data, as_of) = (data.join(","), self::as_of(as_of));
    Shown::json(format!(r#"{{"data":[{data}],"has_more":{has_more},"next_cursor":{next}{as_of}}}"#))
}
