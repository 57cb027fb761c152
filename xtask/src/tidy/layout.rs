//! How files look: a module doc on top, no stray white space, a length that one can read.

use super::Finding;
use crate::checkout::Checkout;

/// Longer is allowed, but it wants a reason: is it still one concept?
const LONGEST: usize = 600;

/// Files that are longer for a reason, with the reason.
const LONG_FILES: &[(&str, &str)] = &[];

/// Every Rust file of a crate begins by saying what it is.
pub(super) fn module_docs(checkout: &Checkout) -> Vec<Finding> {
    let is_source =
        |path: &str| (path.starts_with("crates/") && path.contains("/src/")) || path.starts_with("xtask/src/");
    checkout
        .with_extension(&["rs"])
        .filter(|file| is_source(&file.path) && !file.text.starts_with("//!"))
        .map(|file| Finding::at(file, 1, "begin with `//!`: what it is, why so, what bounds it"))
        .collect()
}

/// No tabs, no space before the end of a line, one line feed at the end of the file.
pub(super) fn whitespace(checkout: &Checkout) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in checkout.with_extension(&["rs", "md", "toml"]) {
        for (number, line) in file.lines() {
            if line.contains('\t') {
                findings.push(Finding::at(file, number, "a tab"));
            }
            if line.ends_with(char::is_whitespace) {
                findings.push(Finding::at(file, number, "white space at the end of the line"));
            }
        }
        if !file.text.is_empty() && !file.text.ends_with('\n') {
            findings.push(Finding::at(file, file.lines().count(), "no line feed at the end of the file"));
        }
    }
    findings
}

/// No source file of a crate is longer than [`LONGEST`] lines, unless it is listed; nothing is listed that need not be.
pub(super) fn lengths(checkout: &Checkout) -> Vec<Finding> {
    lengths_but(checkout, LONG_FILES)
}

fn lengths_but(checkout: &Checkout, listed: &[(&str, &str)]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in checkout.with_extension(&["rs", "sql", "html", "css", "js"]) {
        let lines = file.text.lines().count();
        let is_listed = listed.iter().any(|(path, _)| *path == file.path);
        if file.path.starts_with("crates/") && lines > LONGEST && !is_listed {
            let what = format!(
                "{lines} lines: is it one concept? Split it, or list it with the reason in xtask/src/tidy/layout.rs \
                 ({LONGEST} is where one must ask, not a goal)"
            );
            findings.push(Finding::at(file, 1, what));
        }
        if is_listed && lines <= LONGEST {
            findings.push(Finding::at(file, 1, "no longer long: take it off the list in xtask/src/tidy/layout.rs"));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::found_in;

    #[test]
    fn a_file_without_a_module_doc_is_found() {
        assert_eq!(found_in(module_docs, "crates/kernel/src/a.rs", "use std::fmt;\n").len(), 1);
        assert_eq!(found_in(module_docs, "crates/kernel/src/a/b.rs", "\n//! Late.\n").len(), 1);
        assert_eq!(found_in(module_docs, "crates/kernel/src/a.rs", "//! Money.\n"), [""; 0]);
        assert_eq!(found_in(module_docs, "crates/store/tests/a.rs", "use std::fmt;\n"), [""; 0]);
    }

    #[test]
    fn stray_white_space_is_found() {
        for (text, line) in [("a\tb\n", 1), ("a\nb \n", 2), ("a\r\n", 1), ("a\nb", 2)] {
            let found = found_in(whitespace, "README.md", text);
            assert!(matches!(found.as_slice(), [one] if one.starts_with(&format!("{line}:"))), "{text:?}: {found:?}");
        }
        assert_eq!(found_in(whitespace, "a.rs", "fn a() {\n    b()\n}\n"), [""; 0]);
        assert_eq!(found_in(whitespace, "statement.csv", "a\tb \n"), [""; 0]);
    }

    #[test]
    fn a_long_file_is_found_and_a_stale_listing_too() {
        let long = "a\n".repeat(LONGEST + 1);
        let path = "crates/kernel/src/a.rs";
        assert_eq!(found_in(lengths, path, &long).len(), 1);
        assert_eq!(found_in(lengths, path, &"a\n".repeat(LONGEST)), [""; 0]);
        assert_eq!(found_in(lengths, "crates/store/tests/data.csv", &long), [""; 0]);

        let listed = [(path, "one table")];
        assert_eq!(lengths_but(&Checkout::of(&[(path, &long)]), &listed), []);
        assert_eq!(lengths_but(&Checkout::of(&[(path, "a\n")]), &listed).len(), 1);
    }
}
