//! Every stable error code has its page, and every page its code.
//!
//! The codes are read from the one table that defines them, the `codes!` block of the kernel: lines of the form
//! `code Kind "title";`.

use super::Finding;
use crate::checkout::Checkout;

const TABLE: &str = "crates/kernel/src/error.rs";
const PAGES: &str = "docs/errors/";
const INDEX: &str = "README";

/// Compares the table with the folder, both ways; a page opens with what the table says of its code.
pub(super) fn pages_and_codes(checkout: &Checkout) -> Vec<Finding> {
    let Some(table) = checkout.files.iter().find(|file| file.path == TABLE) else { return Vec::new() };
    let entries: Vec<Entry<'_>> = entries(table.lines());
    let mut findings = Vec::new();
    if entries.is_empty() {
        findings.push(Finding::at(table, 1, "no error code was found in its `codes!` table"));
    }
    for Entry { line, code, .. } in &entries {
        let page = format!("{PAGES}{code}.md");
        if !checkout.paths.contains(&page) {
            findings.push(Finding::at(table, *line, format!("`{code}` has no page: write {page}")));
        }
    }
    for page in checkout.with_extension(&["md"]) {
        let Some(name) = page.path.strip_prefix(PAGES).and_then(|name| name.strip_suffix(".md")) else { continue };
        if name == INDEX {
            continue;
        }
        match entries.iter().find(|entry| entry.code == name) {
            None => findings.push(Finding::at(page, 1, format!("`{name}` is not a code of {TABLE}"))),
            Some(entry) if !page.text.starts_with(&entry.head()) => {
                findings.push(Finding::at(page, 1, format!("the page must begin with:\n{}", entry.head())));
            }
            Some(_) => {}
        }
    }
    findings
}

/// A line of the table.
struct Entry<'a> {
    line: usize,
    code: &'a str,
    kind: &'a str,
    title: &'a str,
}

impl Entry<'_> {
    /// How its page begins.
    fn head(&self) -> String {
        format!("# {}\n\n{}\n\nKind: [{}](README.md#kinds)\n", self.code, self.title, self.kind)
    }
}

fn entries<'a>(lines: impl Iterator<Item = (usize, &'a str)>) -> Vec<Entry<'a>> {
    lines
        .skip_while(|(_, line)| *line != "codes! {")
        .skip(1)
        .take_while(|(_, line)| *line != "}")
        .filter_map(|(number, line)| entry(number, line))
        .collect()
}

fn entry(line: usize, text: &str) -> Option<Entry<'_>> {
    let (code, rest) = text.trim().split_once(' ')?;
    let (kind, rest) = rest.split_once(' ')?;
    let title = rest.strip_prefix('"')?.strip_suffix("\";")?;
    let is_code = code.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
    is_code.then_some(Entry { line, code, kind, title })
}

#[cfg(test)]
mod tests {
    use super::*;

    const CODES: &str = "macro_rules! codes {}\ncodes! {\n    // Shape.\n    not_found NotFound \"No; such.\";\n}\n";

    fn found(table: &str, pages: &[(&str, &str)]) -> Vec<String> {
        let files = [(TABLE, table), ("docs/errors/README.md", "# Errors\n")];
        let all: Vec<(&str, &str)> = files.iter().chain(pages).copied().collect();
        pages_and_codes(&Checkout::of(&all)).into_iter().map(|finding| finding.what).collect()
    }

    #[test]
    fn a_code_and_its_page_belong_together() {
        let page =
            ("docs/errors/not_found.md", "# not_found\n\nNo; such.\n\nKind: [NotFound](README.md#kinds)\n\nMore.\n");
        assert_eq!(found(CODES, &[page]), [""; 0]);
        assert!(found(CODES, &[])[0].contains("has no page"));
        let other = ("docs/errors/gone.md", "# gone\n");
        assert!(found(CODES, &[page, other])[0].contains("not a code"));
        for part in ["# not_found", "No; such.", "[NotFound]"] {
            let changed = page.1.replace(part, "other");
            assert!(found(CODES, &[(page.0, &changed)])[0].contains("must begin"), "{part}");
        }
    }

    #[test]
    fn a_table_that_cannot_be_read_is_found() {
        assert!(found("pub enum Code {}\n", &[])[0].contains("no error code"));
    }
}
