//! All versions of all books, and which of them holds for a trade at a moment.
//!
//! Versions are numbered through all books, so a payment's `rule_version` alone names what planned it; 1 is the built-in
//! book. Nothing here is ever changed or taken away, so what held at an earlier moment can be asked again.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use kernel::message::rules::BUILT_IN_VERSION;
use kernel::{Context, Time};

use crate::book::{BUILT_IN, RuleBook};

/// The built-in book, read once. A test holds that it loads; without it the platform's own terms hold, which it says.
static BUILT: LazyLock<Option<Arc<RuleBook>>> = LazyLock::new(|| RuleBook::load(BUILT_IN).ok().map(Arc::new));

/// From a moment on, a version of a book holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Release {
    /// The book.
    pub book: String,
    /// The version; [`BUILT_IN_VERSION`] takes the book out of use.
    pub version: i64,
    /// From when on.
    pub from: Time,
}

/// A book with the number of its version.
#[derive(Clone, Debug)]
pub struct Version {
    /// Its number.
    pub number: i64,
    /// The book.
    pub book: Arc<RuleBook>,
}

/// Why a version cannot be released.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Overlap {
    /// Another book is for the same trades.
    Scope {
        /// That book.
        book: String,
    },
    /// Another version of the book begins at the same moment.
    Moment,
}

/// Everything that was ever uploaded and released.
#[derive(Clone, Debug, Default)]
pub struct Shelf {
    versions: BTreeMap<i64, Arc<RuleBook>>,
    releases: BTreeMap<String, Vec<Release>>,
}

impl Shelf {
    /// A version of any book.
    pub fn version(&self, number: i64) -> Option<&Arc<RuleBook>> {
        if number == BUILT_IN_VERSION { BUILT.as_ref() } else { self.versions.get(&number) }
    }

    /// The number that the next version has.
    pub fn next(&self) -> i64 {
        self.versions.keys().next_back().copied().unwrap_or(BUILT_IN_VERSION) + 1
    }

    /// Takes in a version.
    pub fn add(&mut self, number: i64, book: Arc<RuleBook>) {
        self.versions.insert(number, book);
    }

    /// Whether a version may hold from a moment on.
    ///
    /// # Errors
    /// Where two books would be for the same trades, or two versions of one begin together.
    pub fn may_release(&self, release: &Release) -> Result<(), Overlap> {
        if self.releases_of(&release.book).iter().any(|other| other.from == release.from) {
            return Err(Overlap::Moment);
        }
        let Some(book) = self.versions.get(&release.version) else { return Ok(()) };
        for (name, releases) in self.releases.iter().filter(|(name, _)| **name != release.book) {
            let later = releases.iter().filter(|other| other.from > release.from);
            let mut beside = current(releases, release.from).into_iter().chain(later);
            let same =
                |other: &Release| self.versions.get(&other.version).is_some_and(|other| other.scope == book.scope);
            if beside.any(same) {
                return Err(Overlap::Scope { book: name.clone() });
            }
        }
        Ok(())
    }

    /// Takes in a release.
    pub fn release(&mut self, release: Release) {
        let releases = self.releases.entry(release.book.clone()).or_default();
        let place = releases.partition_point(|other| other.from <= release.from);
        releases.insert(place, release);
    }

    /// The same shelf, had a text been in use in place of its book all along.
    #[must_use]
    pub fn had_it_been(&self, draft: Arc<RuleBook>) -> Self {
        let (mut shelf, number) = (self.clone(), self.next());
        let always = Release { book: draft.name.clone(), version: number, from: Time::from_micros(i64::MIN) };
        shelf.releases.insert(draft.name.clone(), vec![always]);
        shelf.add(number, draft);
        shelf
    }

    /// The releases of a book, in the order of their moments.
    pub fn releases_of(&self, book: &str) -> &[Release] {
        self.releases.get(book).map_or(&[], Vec::as_slice)
    }

    /// The version of a book that holds at a moment.
    pub fn current(&self, book: &str, at: Time) -> Option<i64> {
        current(self.releases_of(book), at).map(|release| release.version)
    }

    /// What holds for a trade at a moment: of the released books that are for it, the one whose scope is closest; else
    /// the built-in book.
    pub fn holding(&self, context: &Context, at: Time) -> Option<Version> {
        let released = self.releases.values().filter_map(|releases| current(releases, at));
        let known = released.filter_map(|release| Some((release.version, self.versions.get(&release.version)?)));
        let closest =
            known.filter(|(_, book)| book.scope.holds(context)).max_by_key(|(_, book)| book.scope.closeness());
        let built_in = || BUILT.as_ref().map(|book| (BUILT_IN_VERSION, book));
        closest.or_else(built_in).map(|(number, book)| Version { number, book: Arc::clone(book) })
    }
}

fn current(releases: &[Release], at: Time) -> Option<&Release> {
    releases.iter().rev().find(|release| release.from <= at)
}
