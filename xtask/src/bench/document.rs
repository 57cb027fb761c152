//! Filling a page: what stands between `<!-- bench:NAME -->` and `<!-- /bench:NAME -->` is replaced, everything else stays.

use std::collections::BTreeMap;

use crate::failure::Failure;

/// The page with its tables replaced. A part without figures stays as it is.
///
/// # Errors
/// When the page has no place for a table, or a place without an end.
pub(super) fn fill(page: &str, tables: &BTreeMap<&'static str, String>) -> Result<String, Failure> {
    let mut page = page.to_owned();
    for (name, table) in tables {
        let (open, close) = (format!("<!-- bench:{name} -->\n"), format!("<!-- /bench:{name} -->"));
        let missing = || Failure::new(format!("the page has no place between {} and {close}", open.trim()));
        let (before, rest) = page.split_once(&open).ok_or_else(missing)?;
        let (_, after) = rest.split_once(&close).ok_or_else(missing)?;
        page = format!("{before}{open}\n{table}\n{close}{after}");
    }
    Ok(page)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "# A\n<!-- bench:a -->\n\nold\n\n<!-- /bench:a -->\ntext\n<!-- bench:b -->\n<!-- /bench:b -->\n";

    #[test]
    fn only_what_stands_between_the_marks_changes() {
        let tables = BTreeMap::from([("a", "| x |\n|---|\n".to_owned())]);
        let filled = fill(PAGE, &tables).unwrap();
        let wanted =
            "# A\n<!-- bench:a -->\n\n| x |\n|---|\n\n<!-- /bench:a -->\ntext\n<!-- bench:b -->\n<!-- /bench:b -->\n";
        assert_eq!(filled, wanted);
        assert_eq!(fill(&filled, &tables).unwrap(), filled, "twice is once");
    }

    #[test]
    fn a_table_without_a_place_is_an_error() {
        assert!(fill(PAGE, &BTreeMap::from([("c", String::new())])).is_err());
        assert!(fill("<!-- bench:a -->\n", &BTreeMap::from([("a", String::new())])).is_err());
    }
}
