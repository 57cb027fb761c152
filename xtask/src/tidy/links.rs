//! Links in Markdown that point into the checkout must point at something.

use super::Finding;
use crate::checkout::{Checkout, SourceFile};

/// Every `](target)` outside code, from its page or, with a slash in front, from the root; what has a scheme or points
/// within its own page is not checked.
pub(super) fn relative_links(checkout: &Checkout) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in checkout.with_extension(&["md"]) {
        for (number, target) in links(file) {
            if is_relative(&target) && !resolves(checkout, file, &target) {
                findings.push(Finding::at(file, number, format!("`{target}`: the link points at nothing")));
            }
        }
    }
    findings
}

fn links(file: &SourceFile) -> Vec<(usize, String)> {
    let mut links = Vec::new();
    let mut in_code = false;
    for (number, line) in file.lines() {
        if line.trim_start().starts_with("```") {
            in_code = !in_code;
        }
        if in_code {
            continue;
        }
        // Of a line cut at its back quotes, every second part is code.
        let text: String = line.split('`').step_by(2).collect::<Vec<_>>().join("`");
        let targets = text.split("](").skip(1).filter_map(|rest| rest.split([')', ' ']).next());
        links.extend(targets.map(|target| (number, target.to_owned())));
    }
    links
}

fn is_relative(target: &str) -> bool {
    let has_scheme =
        target.split_once(':').is_some_and(|(scheme, _)| scheme.chars().all(|c| c.is_ascii_alphanumeric()));
    !has_scheme && !target.starts_with('#')
}

fn resolves(checkout: &Checkout, file: &SourceFile, target: &str) -> bool {
    let target = target.split('#').next().unwrap_or_default();
    let mut steps: Vec<&str> = file.path.split('/').collect();
    steps.pop();
    if target.starts_with('/') {
        steps.clear();
    }
    for step in target.split('/') {
        match step {
            "" | "." => {}
            ".." => {
                if steps.pop().is_none() {
                    return false;
                }
            }
            name => steps.push(name),
        }
    }
    checkout.paths.contains(&steps.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<String> {
        let files = [("docs/adr/README.md", text), ("docs/adr/0001-ids.md", "x\n"), ("README.md", "x\n")];
        relative_links(&Checkout::of(&files)).into_iter().map(|finding| finding.what).collect()
    }

    #[test]
    fn dead_links_are_found() {
        for dead in ["0002-none.md", "../README.md", "../../../README.md", "/0001-ids.md", "adr/0001-ids.md#x"] {
            assert_eq!(found(&format!("a [b](0001-ids.md), see [this]({dead}).\n")).len(), 1, "{dead}");
        }
    }

    #[test]
    fn living_links_pass() {
        for good in [
            "0001-ids.md",
            "./0001-ids.md#why",
            "../../README.md",
            "/README.md",
            "..",
            "https://example.com/x",
            "#here",
        ] {
            assert_eq!(found(&format!("see [this]({good})\n")), [""; 0], "{good}");
        }
        assert_eq!(found("`[a](none.md)` and\n```\n[a](none.md)\n```\n"), [""; 0], "code is not a link");
    }
}
