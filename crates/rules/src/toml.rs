//! Reading TOML with the place of everything, so that whatever is wrong can be pointed at. Findings are collected: a book
//! is told all that is wrong with it at once.

use toml_edit::{ImDocument, Item, TableLike, Value};

use crate::finding::{Finding, Place, unknown};
use crate::limits::{MAX_FINDINGS, MAX_LIST, MAX_SENTENCE, MAX_SOURCE};

/// A value with the byte where it stands.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Located<T> {
    pub(crate) value: T,
    pub(crate) at: usize,
    /// For a text that stands there letter by letter: the byte of its first letter.
    content: Option<usize>,
}

impl<T> Located<T> {
    /// The byte of a letter of the text.
    pub(crate) fn letter(&self, letter: usize) -> usize {
        self.content.map_or(self.at, |content| content + letter)
    }
}

/// A table with the byte where it begins.
#[derive(Clone, Copy)]
pub(crate) struct Section<'a> {
    table: &'a dyn TableLike,
    pub(crate) at: usize,
}

/// Reads one text.
pub(crate) struct Reader<'a> {
    source: &'a str,
    findings: Vec<Finding>,
}

/// Reads TOML; the one finding where it is none.
pub(crate) fn document(source: &str) -> Result<ImDocument<&str>, Finding> {
    if source.len() > MAX_SOURCE {
        let reason = format!("a book has at most {MAX_SOURCE} bytes");
        return Err(Finding { place: Place { line: 1, column: 1 }, reason });
    }
    ImDocument::parse(source).map_err(|error| {
        let at = error.span().map_or(0, |span| span.start);
        let words: Vec<&str> = error.message().lines().map(str::trim).collect();
        Finding { place: Place::of(source, at), reason: format!("this is no TOML: {}", words.join(", ")) }
    })
}

impl<'a> Reader<'a> {
    pub(crate) const fn new(source: &'a str) -> Self {
        Self { source, findings: Vec::new() }
    }

    /// The whole text.
    pub(crate) fn root(document: &'a ImDocument<&'a str>) -> Section<'a> {
        Section { table: document.as_table(), at: 0 }
    }

    /// Notes what is wrong at a byte.
    pub(crate) fn find(&mut self, at: usize, reason: impl Into<String>) {
        self.findings.push(Finding { place: Place::of(self.source, at), reason: reason.into() });
    }

    /// How many things were wrong so far.
    pub(crate) const fn len(&self) -> usize {
        self.findings.len()
    }

    /// What was wrong, in the order of the text.
    pub(crate) fn into_findings(mut self) -> Vec<Finding> {
        self.findings.sort();
        self.findings.dedup();
        self.findings.truncate(MAX_FINDINGS);
        self.findings
    }

    /// Notes every key that is not among these.
    pub(crate) fn known(&mut self, section: Section<'a>, keys: &[&str]) {
        for (key, item) in section.table.iter() {
            if !keys.contains(&key) {
                let at = section.table.key(key).and_then(|key| key.span()).or(item.span()).map_or(0, |span| span.start);
                self.find(at, unknown("key", key, keys));
            }
        }
    }

    /// A section of its own, where there is one.
    pub(crate) fn section(&mut self, of: Section<'a>, key: &str) -> Option<Section<'a>> {
        let item = of.table.get(key)?;
        let at = Self::place(item, of);
        match item.as_table_like() {
            Some(table) => Some(Section { table, at }),
            None => {
                self.find(at, format!("`{key}` is a table"));
                None
            }
        }
    }

    /// The same, without a word where it is none.
    pub(crate) fn quiet_section(of: Section<'a>, key: &str) -> Option<Section<'a>> {
        let item = of.table.get(key)?;
        item.as_table_like().map(|table| Section { table, at: Self::place(item, of) })
    }

    /// The sections of a list of tables (`[[rule]]`).
    pub(crate) fn sections(&mut self, of: Section<'a>, key: &str) -> Vec<Section<'a>> {
        match of.table.get(key) {
            None => Vec::new(),
            Some(Item::ArrayOfTables(tables)) => {
                let section = |table: &'a toml_edit::Table| Section { table, at: table.span().map_or(0, |s| s.start) };
                tables.iter().map(section).collect()
            }
            Some(other) => {
                self.find(Self::place(other, of), format!("`{key}` is a list of tables: write [[{key}]]"));
                Vec::new()
            }
        }
    }

    /// The keys of a section with their texts.
    pub(crate) fn entries(&mut self, of: Section<'a>) -> Vec<(&'a str, Located<&'a str>)> {
        let keys: Vec<&'a str> = of.table.iter().map(|(key, _)| key).collect();
        keys.into_iter().filter_map(|key| Some((key, self.text(of, key)?))).collect()
    }

    pub(crate) fn text(&mut self, of: Section<'a>, key: &str) -> Option<Located<&'a str>> {
        let item = of.table.get(key)?;
        match item.as_value() {
            Some(value) => self.text_of(key, value),
            None => self.no(Self::place(item, of), format!("`{key}` is a text")),
        }
    }

    /// A sentence that people are shown.
    pub(crate) fn sentence(&mut self, of: Section<'a>, key: &str) -> Option<Located<&'a str>> {
        let found = self.text(of, key)?;
        if found.value.trim().is_empty() || !kernel::text::is_clean(found.value, MAX_SENTENCE) {
            return self.no(found.at, format!("`{key}` is one sentence of 1 to {MAX_SENTENCE} characters"));
        }
        Some(found)
    }

    pub(crate) fn number(&mut self, of: Section<'a>, key: &str) -> Option<Located<i64>> {
        let item = of.table.get(key)?;
        match item.as_integer() {
            Some(value) => Some(Located { value, at: Self::place(item, of), content: None }),
            None => self.no(Self::place(item, of), format!("`{key}` is a whole number")),
        }
    }

    pub(crate) fn flag(&mut self, of: Section<'a>, key: &str) -> Option<bool> {
        let item = of.table.get(key)?;
        match item.as_bool() {
            Some(value) => Some(value),
            None => self.no(Self::place(item, of), format!("`{key}` is true or false")),
        }
    }

    pub(crate) fn texts(&mut self, of: Section<'a>, key: &str) -> Option<Located<Vec<Located<&'a str>>>> {
        let item = of.table.get(key)?;
        let at = Self::place(item, of);
        let Some(array) = item.as_array() else { return self.no(at, format!("`{key}` is a list of texts")) };
        self.texts_of(key, at, array)
    }

    /// A list of lists.
    pub(crate) fn lists(&mut self, of: Section<'a>, key: &str) -> Option<Located<Vec<Vec<Located<&'a str>>>>> {
        let item = of.table.get(key)?;
        let at = Self::place(item, of);
        let lists: Option<Vec<_>> = item.as_array().and_then(|lists| lists.iter().map(Value::as_array).collect());
        let Some(lists) = lists.filter(|lists| (1..=MAX_LIST).contains(&lists.len())) else {
            return self.no(at, format!("`{key}` is a list of 1 to {MAX_LIST} lists of texts"));
        };
        let value: Option<Vec<_>> =
            lists.into_iter().map(|list| self.texts_of(key, at, list).map(|list| list.value)).collect();
        value.map(|value| Located { value, at, content: None })
    }

    fn texts_of(
        &mut self,
        key: &str,
        at: usize,
        array: &'a toml_edit::Array,
    ) -> Option<Located<Vec<Located<&'a str>>>> {
        if array.is_empty() || array.len() > MAX_LIST {
            return self.no(at, format!("`{key}` has 1 to {MAX_LIST} entries"));
        }
        let value: Option<Vec<_>> = array.iter().map(|value| self.text_of(key, value)).collect();
        value.map(|value| Located { value, at, content: None })
    }

    fn text_of(&mut self, key: &str, value: &'a Value) -> Option<Located<&'a str>> {
        let span = value.span().unwrap_or(0..0);
        match value.as_str() {
            Some(text) => {
                let raw = self.source.get(span.clone()).unwrap_or("");
                Some(Located { value: text, at: span.start, content: content(raw, text).map(|from| span.start + from) })
            }
            None => self.no(span.start, format!("`{key}` is a text")),
        }
    }

    fn no<T>(&mut self, at: usize, reason: String) -> Option<T> {
        self.find(at, reason);
        None
    }

    fn place(item: &Item, of: Section<'_>) -> usize {
        item.span().map_or(of.at, |span| span.start)
    }
}

/// Where a text's own letters begin within what is written, if they stand there as they are.
fn content(raw: &str, text: &str) -> Option<usize> {
    let plain = text.trim_end();
    raw.find(plain).filter(|_| !plain.is_empty())
}
