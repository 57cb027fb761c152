//! Words that no file may carry: marks of unfinished work, and the keyword that switches memory safety off.
//!
//! Each is put together from two halves, so that this file does not carry it either.

use super::Finding;
use crate::checkout::Checkout;

const UNFINISHED: [&str; 6] = [
    concat!("to", "do!"),
    concat!("unimple", "mented!"),
    concat!("db", "g!"),
    concat!("TO", "DO"),
    concat!("FIX", "ME"),
    concat!("XX", "X"),
];
/// ISO 4217's code for "no currency", as a text of its own, is not a mark.
const NO_CURRENCY: &str = concat!("\"XX", "X\"");
const UNSAFE: &str = concat!("un", "safe");

/// Work that is not finished is not in the tree.
pub(super) fn unfinished(checkout: &Checkout) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in checkout.with_extension(&["rs", "sql", "toml", "md"]) {
        for (number, line) in file.lines() {
            let line = line.replace(NO_CURRENCY, "");
            let words = UNFINISHED.iter().filter(|word| has_word(&line, word));
            findings
                .extend(words.map(|word| Finding::at(file, number, format!("`{word}`: finish it or leave it out"))));
        }
    }
    findings
}

/// The compiler forbids it too; this also sees code that is compiled on no machine here. Comments may speak of it.
pub(super) fn memory_unsafety(checkout: &Checkout) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in checkout.with_extension(&["rs"]) {
        for (number, line) in file.lines() {
            let code = line.split_once("//").map_or(line, |(code, _)| code);
            if has_word(code, UNSAFE) {
                findings.push(Finding::at(file, number, format!("`{UNSAFE}` code is not used here")));
            }
        }
    }
    findings
}

/// Whether the word stands in the line with no letter, digit or underscore on either side.
fn has_word(line: &str, word: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(word).any(|(start, _)| {
        let before = line.get(..start).and_then(|text| text.chars().next_back());
        let after = line.get(start + word.len()..).and_then(|text| text.chars().next());
        let open_end = word.ends_with('!') || !after.is_some_and(is_part);
        !before.is_some_and(is_part) && open_end
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::found_in;

    #[test]
    fn every_mark_of_unfinished_work_is_found() {
        for word in UNFINISHED {
            for line in [format!("    {word}(\"later\")"), format!("// {word}: later"), format!("{word}()")] {
                assert_eq!(found_in(unfinished, "crates/kernel/src/a.rs", &format!("\n{line}\n")).len(), 1, "{line}");
            }
        }
        for line in ["let todo = 1;", "a todolist", "XXXL", "mask(\"xxx\")", "prefix_dbg!", NO_CURRENCY] {
            assert_eq!(found_in(unfinished, "crates/kernel/src/a.rs", line), [""; 0], "{line}");
        }
        let word = UNFINISHED[4];
        assert_eq!(found_in(unfinished, "docs/a.md", word).len(), 1);
        assert_eq!(found_in(unfinished, "assets/vendored.js", word), [""; 0]);
    }

    #[test]
    fn the_keyword_is_found_in_code_only() {
        let find = |line: &str| found_in(memory_unsafety, "xtask/src/a.rs", line).len();
        assert_eq!(find(&format!("{UNSAFE} {{ f() }}")), 1);
        assert_eq!(find(&format!("pub {UNSAFE} fn f() {{}} // why")), 1);
        assert_eq!(find(&format!("// {UNSAFE} is forbidden")), 0);
        assert_eq!(find(&format!("#![forbid({UNSAFE}_code)]")), 0);
    }
}
