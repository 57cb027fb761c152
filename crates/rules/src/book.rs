//! A rule book (规则簿), and everything that is checked of it before it can be asked.
//!
//! 1. TOML is read; a key that nobody knows is named with the nearest one.
//! 2. Definitions are ordered by who uses whom; a cycle is refused. Each is checked.
//! 3. Each rule's condition is checked, then what it says, and whether both are about the same moment.
//! 4. A rule that can never decide anything, because one before it always does, is refused.

mod says;

use std::collections::{BTreeMap, BTreeSet};

use kernel::time::MINUTE_US;
use kernel::{Context, Currency, OrderType, Scenes, SubType};

use crate::condition::{Checked, Definitions, Logic, Typed, check, names};
use crate::finding::{Finding, unknown};
use crate::limits;
use crate::rule::{Key, Rule, Says};
use crate::toml::{self, Located, Reader, Section};

/// The book that holds where no other does; it says what the platform does by itself.
pub const BUILT_IN: &str = include_str!("../books/general.toml");

/// For which trades a book is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Scope {
    /// Of this type; of every type where `None`.
    pub order_type: Option<OrderType>,
    /// Of this scene, or with a final `*` of all that begin so; of every scene where `None`.
    pub sub_type: Option<Scenes>,
}

impl Scope {
    /// Whether a trade is in it.
    pub fn holds(&self, context: &Context) -> bool {
        self.order_type.is_none_or(|wanted| wanted == context.order_type)
            && self.sub_type.as_ref().is_none_or(|scenes| scenes.have(&context.sub_type))
    }

    /// Of two scopes that both hold, the larger one is closer: a scene is closer than the beginning of one, a longer
    /// beginning closer than a shorter one, and a type closer than none.
    pub fn closeness(&self) -> (usize, usize, bool) {
        let whole = self.sub_type.as_ref().is_some_and(Scenes::is_one);
        let length = self.sub_type.as_ref().map_or(0, |scenes| scenes.as_str().len());
        (usize::from(whole), length, self.order_type.is_some())
    }
}

/// A checked book.
#[derive(Clone, Debug, PartialEq)]
pub struct RuleBook {
    /// Its name; versions of one book have the same.
    pub name: String,
    /// What it is for, in one sentence.
    pub about: String,
    /// For which trades.
    pub scope: Scope,
    pub(crate) offset_us: i64,
    pub(crate) rules: Vec<Rule>,
}

impl RuleBook {
    /// Reads and checks a book.
    ///
    /// # Errors
    /// With everything that is wrong, in the order of the text; never an empty list.
    pub fn load(source: &str) -> Result<Self, Vec<Finding>> {
        let document = toml::document(source).map_err(|finding| vec![finding])?;
        let mut loading = Loading { reader: Reader::new(source), steps: 0, used: BTreeSet::new() };
        let book = loading.book(Reader::root(&document));
        let findings = loading.reader.into_findings();
        match book {
            Some(book) if findings.is_empty() => Ok(book),
            _ => Err(findings),
        }
    }

    /// Whether a text can be a book's name.
    pub fn is_name(text: &str) -> bool {
        SubType::parse(text).is_some_and(|_| text.len() <= limits::MAX_NAME)
    }
}

struct Loading<'a> {
    reader: Reader<'a>,
    /// Of all conditions so far.
    steps: usize,
    /// The names that definitions and conditions use.
    used: BTreeSet<String>,
}

impl<'a> Loading<'a> {
    fn book(&mut self, root: Section<'a>) -> Option<RuleBook> {
        self.reader.known(root, &["book", "about", "order_type", "sub_type", "utc_offset", "define", "rule"]);
        let name = self.name(root, "book");
        let about = self.required(root, "about", Reader::sentence).map(|about| about.value.to_owned());
        let scope = Scope { order_type: self.order_type(root), sub_type: self.sub_type(root) };
        let offset_us = self.offset(root);
        let defined = self.definitions(root);
        let sections = self.reader.sections(root, "rule");
        if sections.len() > limits::MAX_RULES {
            self.reader.find(root.at, format!("a book has at most {} rules", limits::MAX_RULES));
        }
        let mut rules = Vec::new();
        let mut places = Vec::new();
        for section in sections.into_iter().take(limits::MAX_RULES) {
            if let Some(rule) = self.rule(section, &defined, &scope, offset_us.unwrap_or_default()) {
                rules.push(rule);
                places.push(section.at);
            }
        }
        self.each_counts(&rules, &places);
        self.all_used(root);
        Some(RuleBook { name: name?, about: about?, scope, offset_us: offset_us?, rules })
    }

    fn required<T>(
        &mut self,
        section: Section<'a>,
        key: &str,
        read: impl FnOnce(&mut Reader<'a>, Section<'a>, &str) -> Option<T>,
    ) -> Option<T> {
        let before = self.reader.len();
        let found = read(&mut self.reader, section, key);
        if found.is_none() && self.reader.len() == before {
            self.reader.find(section.at, format!("`{key}` is missing"));
        }
        found
    }

    fn name(&mut self, section: Section<'a>, key: &str) -> Option<String> {
        let found = self.required(section, key, Reader::text)?;
        if RuleBook::is_name(found.value) {
            return Some(found.value.to_owned());
        }
        let most = limits::MAX_NAME;
        self.reader.find(found.at, format!("a name has 1 to {most} lower-case letters, digits and `._-`"));
        None
    }

    fn order_type(&mut self, root: Section<'a>) -> Option<OrderType> {
        let found = self.reader.text(root, "order_type")?;
        let parsed = OrderType::parse(found.value);
        if parsed.is_none() {
            self.reader.find(found.at, unknown("type of trade", found.value, &OrderType::ALL.map(OrderType::as_str)));
        }
        parsed
    }

    fn sub_type(&mut self, root: Section<'a>) -> Option<Scenes> {
        let found = self.reader.text(root, "sub_type")?;
        let scenes = Scenes::parse(found.value);
        if scenes.is_none() {
            self.reader.find(found.at, "a scene has lower-case letters, digits and `._-`, and may end with `*`");
        }
        scenes
    }

    /// Microseconds from UTC.
    fn offset(&mut self, root: Section<'a>) -> Option<i64> {
        let before = self.reader.len();
        let Some(found) = self.reader.text(root, "utc_offset") else {
            return (self.reader.len() == before).then_some(0);
        };
        let parsed = offset(found.value);
        if parsed.is_none() {
            self.reader.find(found.at, "an offset is written as `+08:00`");
        }
        parsed
    }

    fn definitions(&mut self, root: Section<'a>) -> Definitions {
        let mut defined = Definitions::new();
        let Some(section) = self.reader.section(root, "define") else { return defined };
        let entries = self.reader.entries(section);
        if entries.len() > limits::MAX_DEFINITIONS {
            self.reader.find(section.at, format!("a book has at most {} definitions", limits::MAX_DEFINITIONS));
            return defined;
        }
        let texts: BTreeMap<&str, Located<&str>> = entries.into_iter().collect();
        for (name, text) in &texts {
            if !is_definition(name) {
                let reason = format!(
                    "`{name}` cannot be a definition: lower-case letters, digits and `_`, and no word of CEL or of the context"
                );
                self.reader.find(text.at, reason);
            }
        }
        for (name, text) in &texts {
            self.used.extend(names(text.value).into_iter().filter(|other| other != name));
        }
        for name in self.in_order(&texts) {
            let Some(text) = texts.get(name) else { continue };
            let checked = self.condition(text, &defined);
            defined.insert(name.to_owned(), checked);
        }
        // What is wrong was told; whoever uses it is not told again.
        for name in texts.keys() {
            defined.entry((*name).to_owned()).or_insert(None);
        }
        defined
    }

    /// The names of the definitions, each after those that it uses. What lies on a cycle is left out and told.
    fn in_order(&mut self, texts: &BTreeMap<&'a str, Located<&'a str>>) -> Vec<&'a str> {
        let uses: BTreeMap<&str, BTreeSet<&str>> = texts
            .iter()
            .map(|(name, text)| {
                let named = names(text.value);
                (*name, texts.keys().copied().filter(|other| named.iter().any(|used| used == other)).collect())
            })
            .collect();
        let mut ordered: Vec<&str> = Vec::new();
        loop {
            let ready = |name: &&str| uses.get(name).is_some_and(|used| used.iter().all(|name| ordered.contains(name)));
            let next: Vec<&str> = texts.keys().copied().filter(|name| !ordered.contains(name)).filter(ready).collect();
            if next.is_empty() {
                break;
            }
            ordered.extend(next);
        }
        for (name, text) in texts.iter().filter(|(name, _)| !ordered.contains(name)) {
            let others = uses.get(name).into_iter().flatten().filter(|used| !ordered.contains(used));
            let through = others.copied().collect::<Vec<_>>().join("`, `");
            self.reader.find(text.at, format!("`{name}` is defined by itself, through `{through}`"));
        }
        ordered
    }

    fn condition(&mut self, text: &Located<&'a str>, defined: &Definitions) -> Option<Checked> {
        match check(text.value, defined) {
            Ok(checked) => Some(checked),
            Err(wrong) => {
                if let Some(reason) = wrong.reason {
                    self.reader.find(text.letter(wrong.at), reason);
                }
                None
            }
        }
    }

    fn rule(&mut self, section: Section<'a>, defined: &Definitions, scope: &Scope, offset_us: i64) -> Option<Rule> {
        self.reader.known(section, &Key::WORDS);
        let name = self.name(section, "name");
        let before = self.reader.len();
        let says = self.says(section, offset_us);
        if says.is_empty() && self.reader.len() == before {
            self.reader.find(section.at, "the rule says nothing");
        }
        let confirms = says.iter().any(|says| says.key() == Key::ConfirmAfter);
        let dues = says.iter().any(|says| says.key() == Key::UnpaidDue);
        let of_sales = |wanted| matches!(wanted, OrderType::Instant | OrderType::Escrow);
        if dues && scope.order_type.is_some_and(|wanted| !of_sales(wanted)) {
            self.reader.find(section.at, "`unpaid_due` is about sales, and this book is for another type of trade");
        }
        let fees = says.iter().any(|says| says.key() == Key::Fee);
        if fees && scope.order_type.is_some_and(of_sales) {
            self.reader.find(section.at, "`fee` is not about sales, and this book is for them");
        }
        if confirms && scope.order_type.is_some_and(|wanted| wanted != OrderType::Escrow) {
            self.reader.find(section.at, "`confirm_after` is about escrow, and this book is for another type of trade");
        }
        let written = self.reader.text(section, "when");
        let when = match &written {
            None => Some(Logic::Is(true)),
            Some(text) => self.when(text, defined, &says),
        };
        Some(Rule { name: name?, written: written.map(|text| text.value.to_owned()), when: when?, says })
    }

    fn when(&mut self, text: &Located<&'a str>, defined: &Definitions, says: &[Says]) -> Option<Logic> {
        self.used.extend(names(text.value));
        let checked = self.condition(text, defined)?;
        self.steps = self.steps.saturating_add(checked.steps);
        if self.steps > limits::MAX_BOOK_STEPS {
            let most = limits::MAX_BOOK_STEPS;
            self.reader.find(text.at, format!("the conditions of the book take more than {most} steps together"));
        }
        let early = says.iter().map(Says::key).find(|key| key.of_trade());
        if let (Some(key), Some(name)) = (early, checked.needs_payment) {
            let (key, name) = (key.as_str(), name.as_str());
            self.reader.find(
                text.at,
                format!("`{name}` is not known yet when `{key}` is asked for: a trade is opened before it is paid"),
            );
        }
        match checked.typed {
            Typed::Logic(logic) => Some(logic),
            Typed::Number(..) | Typed::Text(_) | Typed::Texts(_) | Typed::Numbers(_) => {
                self.reader.find(text.at, "`when` is a condition, true or false");
                None
            }
        }
    }

    /// Every rule has a name of its own and may decide something.
    fn each_counts(&mut self, rules: &[Rule], places: &[usize]) {
        let mut seen = BTreeSet::new();
        let mut decided: BTreeMap<(Key, Option<Currency>), &str> = BTreeMap::new();
        for (rule, place) in rules.iter().zip(places) {
            if !seen.insert(rule.name.as_str()) {
                self.reader.find(*place, format!("there are two rules `{}`", rule.name));
            }
            for (key, only) in
                rule.says.iter().map(|says| (says.key(), says.only())).filter(|(key, _)| key.first_says())
            {
                if let Some(earlier) = decided.get(&(key, None)).or_else(|| decided.get(&(key, only))) {
                    let (name, key) = (&rule.name, key.as_str());
                    let reason = format!("`{key}` of `{name}` never counts: `{earlier}` before it always says it");
                    self.reader.find(*place, reason);
                } else if rule.when == Logic::Is(true) {
                    decided.insert((key, only), &rule.name);
                }
            }
        }
    }

    fn all_used(&mut self, root: Section<'a>) {
        let Some(section) = Reader::quiet_section(root, "define") else { return };
        for (name, text) in self.reader.entries(section) {
            if !self.used.contains(name) {
                self.reader.find(text.at, format!("nothing uses the definition `{name}`"));
            }
        }
    }
}

/// Whether a definition may have this name: not a word of CEL, and not where the context's names begin.
fn is_definition(name: &str) -> bool {
    const TAKEN: [&str; 29] = [
        "trade",
        "merchant",
        "buyer",
        "payment",
        "tools",
        "risk",
        "switches",
        "time",
        "true",
        "false",
        "null",
        "in",
        "as",
        "break",
        "const",
        "continue",
        "else",
        "for",
        "function",
        "if",
        "import",
        "let",
        "loop",
        "package",
        "namespace",
        "return",
        "var",
        "void",
        "while",
    ];
    let letters = name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
    name.len() <= limits::MAX_NAME
        && letters
        && name.starts_with(|first: char| first.is_ascii_lowercase())
        && !TAKEN.contains(&name)
}

/// Microseconds of `+08:00`.
fn offset(text: &str) -> Option<i64> {
    let (sign, rest) = match text.split_at_checked(1)? {
        ("+", rest) => (1, rest),
        ("-", rest) => (-1, rest),
        _ => return None,
    };
    let (hours, minutes) = rest.split_once(':').filter(|(hours, minutes)| hours.len() == 2 && minutes.len() == 2)?;
    let digits =
        |text: &str| text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse::<i64>().ok()).flatten();
    let (hours, minutes) = (digits(hours)?, digits(minutes)?);
    (hours <= 14 && minutes < 60).then_some(sign * (hours * 60 + minutes) * MINUTE_US)
}
