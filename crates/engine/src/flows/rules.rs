//! Rule books: uploaded as drafts, released by a second person, and taken back to what was in use before.

use std::sync::Arc;

use kernel::message::rules::BUILT_IN_VERSION;
use kernel::{Code, KeyId, Problem, Time, limits};
use rules::{Overlap, Release, RuleBook};

use crate::control::{Control, RuleRelease, RuleVersion, Version};
use crate::flows::control::record;
use crate::flows::{Done, Outcome, not_found};
use crate::stop::Stop;
use crate::view::View;

/// Keeps a version that the door has checked.
pub(super) fn upload(view: &mut View<'_>, source: &str, book: &Arc<RuleBook>, by: KeyId) -> Result<Done, Stop> {
    if view.control.rule_versions.len() >= limits::MAX_RULE_VERSIONS {
        let detail = format!("no more than {} versions of rule books are kept", limits::MAX_RULE_VERSIONS);
        return Err(refused(Problem::new(Code::too_many_objects, detail)));
    }
    let number = view.control.rules.next();
    let version = RuleVersion {
        book: book.name.clone(),
        source: source.to_owned(),
        uploaded_by: by,
        created_at: view.now().micros(),
    };
    let rows = record(view, &[Version::Rules(number, version)])?;
    let mut control = Control::clone(&view.control);
    control.rules.add(number, Arc::clone(book));
    view.control = Arc::new(control);
    Ok(Done { outcome: Outcome::RulesUploaded(number), control: rows })
}

/// What is asked for with a release.
pub(super) struct Wish<'a> {
    pub(super) book: &'a str,
    pub(super) version: i64,
    pub(super) from: Option<Time>,
    pub(super) again: bool,
    pub(super) by: KeyId,
}

/// The release that is asked for, if it may be.
pub(super) fn release(view: &View<'_>, wish: &Wish<'_>) -> Result<Version, Stop> {
    let (control, now) = (&view.control, view.now());
    let from = wish.from.unwrap_or(now);
    if from < now {
        return Err(refused(Problem::at(Code::invalid_value, "from", "a release begins now or later")));
    }
    let used = |version| control.rules.releases_of(wish.book).iter().any(|release| release.version == version);
    match control.rule_versions.get(&wish.version).filter(|version| version.book == wish.book) {
        Some(_) if wish.again && !used(wish.version) => {
            let detail = "this version was never in use; it has to be approved";
            return Err(refused(Problem::at(Code::invalid_state, "version", detail)));
        }
        Some(version) if !wish.again && version.uploaded_by == wish.by => {
            let detail = "whoever uploaded a version cannot approve it; use another key";
            return Err(refused(Problem::new(Code::second_person_required, detail)));
        }
        Some(_) => {}
        // Out of use is where every book was before its first release.
        None if wish.again && wish.version == BUILT_IN_VERSION && !control.rules.releases_of(wish.book).is_empty() => {}
        None => return Err(not_found()),
    }
    let release = Release { book: wish.book.to_owned(), version: wish.version, from };
    control.rules.may_release(&release).map_err(|overlap| refused(overlaps(&overlap)))?;
    let number = i64::try_from(control.rule_releases.len()).unwrap_or(i64::MAX).saturating_add(1);
    let (book, version, created_at) = (release.book, release.version, now.micros());
    Ok(Version::Release(number, RuleRelease { book, version, from: from.micros(), by: wish.by, created_at }))
}

fn overlaps(overlap: &Overlap) -> Problem {
    match overlap {
        Overlap::Scope { book } => {
            let detail = format!("book {book} is for exactly the same trades");
            Problem::at(Code::rule_books_overlap, "version", detail)
        }
        Overlap::Moment => {
            Problem::at(Code::rule_books_overlap, "from", "another version of this book begins at the same moment")
        }
    }
}

fn refused(problem: Problem) -> Stop {
    Stop::Refused(problem)
}
