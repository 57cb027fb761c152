//! Rule books (规则簿): uploaded by one person of the platform, approved by another, taken back by anybody of them.

use std::sync::Arc;

use engine::request::{Command, ControlCommand};
use engine::wire;
use kernel::{Code, Problem, limits};
use rules::{Finding, RuleBook};

use super::json::Fields;
use super::ports::Part;
use super::query::Query;
use super::visit::{Shown, Told, Visit, not_found};

/// Most lines of a book, and the longest.
const MAX_LINES: usize = 1_000;
const MAX_LINE: usize = 1_000;
/// So many trades a dry run is of where nothing else is asked for.
const DRY_RUN_OF: usize = 100;
/// Longest cursor.
const MAX_CURSOR: usize = 200;
/// So many faults of a book are told with the refusal; `check` tells all.
const TOLD: usize = 3;

/// `POST /v1/rules/{id}`
pub(super) fn upload(visit: &Visit, body: &mut Fields) -> Result<Told, Problem> {
    let name = named(visit)?;
    let source = lines(body)?;
    // A book is looked at only where the request is one.
    body.finish()?;
    let book = Arc::new(book(&name, &source)?);
    let command = ControlCommand::UploadRules { source, book, by: visit.identity.key };
    Ok(Command::Control(command).into())
}

/// `POST /v1/rules/{id}/check`: keeps nothing.
pub(super) async fn check(visit: Visit, mut body: Fields) -> Result<Shown, Problem> {
    named(&visit)?;
    let source = lines(&mut body)?;
    body.finish()?;
    Ok(Shown::json(wire::rules::check(&RuleBook::load(&source))))
}

/// `POST /v1/rules/{id}/dry_run`: keeps nothing.
pub(super) async fn dry_run(visit: Visit, mut body: Fields) -> Result<Shown, Problem> {
    let name = named(&visit)?;
    let source = lines(&mut body)?;
    let limit = match body.maybe_number("limit")? {
        None => DRY_RUN_OF,
        Some(limit) => usize::try_from(limit)
            .ok()
            .filter(|limit| (1..=limits::MAX_PAGE).contains(limit))
            .ok_or_else(|| body.refuse(Code::invalid_value, "limit", format!("1 to {}", limits::MAX_PAGE)))?,
    };
    let cursors = visit.cursors("dry_run");
    let after = match body.maybe_text("cursor", MAX_CURSOR)? {
        None => None,
        Some(sent) => {
            Some(cursors.open(&sent).map_err(|refusal| Problem { param: Some("cursor".to_owned()), ..refusal })?)
        }
    };
    body.finish()?;
    let book = book(&name, &source)?;
    let part = Part { limit, after, stale: false };
    let (run, next) = visit.house.doors.lookup.dry_run(Arc::new(book), part).await?;
    let next = next.map(|place| cursors.seal(&place));
    Ok(Shown::json(run.json(&name, next.as_deref())))
}

/// `POST /v1/rules/{id}/approve`
pub(super) fn approve(visit: &Visit, body: &mut Fields) -> Result<Told, Problem> {
    let command = ControlCommand::ReleaseRules {
        book: named(visit)?,
        version: body.number("version")?,
        from: body.time("from")?,
        again: false,
        by: visit.identity.key,
    };
    Ok(Command::Control(command).into())
}

/// `POST /v1/rules/{id}/rollback`: what was in use before needs no second person, and no waiting.
pub(super) fn rollback(visit: &Visit, body: &mut Fields) -> Result<Told, Problem> {
    let command = ControlCommand::ReleaseRules {
        book: named(visit)?,
        version: body.number("version")?,
        from: None,
        again: true,
        by: visit.identity.key,
    };
    Ok(Command::Control(command).into())
}

/// `GET /v1/rules`
pub(super) async fn list(visit: Visit, query: Query) -> Result<Shown, Problem> {
    query.finish()?;
    let doors = &visit.house.doors;
    let (control, now) = (doors.control.snapshot(), doors.clock.now());
    let names = wire::rules::names(&control);
    let books: Vec<String> = names.iter().filter_map(|name| wire::rules::book(&control, name, now)).collect();
    Ok(Shown::json(format!(r#"{{"data":[{}],"has_more":false,"next_cursor":null}}"#, books.join(","))))
}

/// `GET /v1/rules/{id}`
pub(super) async fn show(visit: Visit, mut query: Query) -> Result<Shown, Problem> {
    let name = named(&visit)?;
    let whole = |text: &str| text.parse::<i64>().ok().filter(|number| *number >= 1);
    let number = query.read("version", Code::invalid_value, "the number of a version", whole)?;
    query.finish()?;
    let doors = &visit.house.doors;
    let (control, now) = (doors.control.snapshot(), doors.clock.now());
    let found = match number {
        None => wire::rules::book(&control, &name, now),
        Some(number) => {
            let is_its = control.rules.version(number).is_some_and(|book| book.name == name);
            is_its.then(|| wire::rules::version(&control, number, now)).flatten()
        }
    };
    found.map(Shown::json).ok_or_else(not_found)
}

/// The book that the path names; what cannot be a name names nothing.
fn named(visit: &Visit) -> Result<String, Problem> {
    visit.named(|text| RuleBook::is_name(text).then(|| text.to_owned()))
}

/// The book that a text is, if it is a good one and of this name.
fn book(name: &str, source: &str) -> Result<RuleBook, Problem> {
    let book = RuleBook::load(source).map_err(|findings| faulty(&findings))?;
    if book.name != name {
        let detail = format!("line 1: the text is that of book {}", book.name);
        return Err(Problem::at(Code::rule_book_invalid, "lines", detail));
    }
    Ok(book)
}

/// A book's text, line by line: a JSON text here has no line ends.
fn lines(body: &mut Fields) -> Result<String, Problem> {
    let wanted = format!("lines of at most {MAX_LINE} characters without control characters");
    let line = |text: &str| kernel::text::is_clean(text, MAX_LINE).then(|| text.to_owned());
    let Some(lines) = body.words("lines", MAX_LINES, &wanted, line)? else {
        return Err(body.refuse(Code::missing_field, "lines", "the field is required"));
    };
    if lines.is_empty() {
        return Err(body.refuse(Code::invalid_value, "lines", "at least one line"));
    }
    Ok(lines.join("\n") + "\n")
}

fn faulty(findings: &[Finding]) -> Problem {
    let mut told: Vec<String> = findings.iter().take(TOLD).map(ToString::to_string).collect();
    if findings.len() > TOLD {
        told.push(format!("and {} more", findings.len() - TOLD));
    }
    Problem::at(Code::rule_book_invalid, "lines", told.join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_faulty_book_is_told_its_first_faults() {
        let findings = RuleBook::load("a = 1\nb = 2\n").unwrap_err();
        let problem = faulty(&findings);
        assert_eq!((problem.code, problem.param.as_deref()), (Code::rule_book_invalid, Some("lines")));
        assert!(problem.detail.starts_with("line 1, column 1: "), "{}", problem.detail);
        assert!(problem.detail.ends_with("; and 1 more"), "{}", problem.detail);
        assert!(!problem.detail.contains(char::is_control));
    }
}
