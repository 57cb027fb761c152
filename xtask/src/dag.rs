//! `cargo xtask dag`: which crate may depend on which. The tables are in [`arrows`]; here they are compared with what
//! cargo says about the workspace.

mod arrows;

use serde::Deserialize;

use crate::failure::Failure;
use crate::{checkout, step};
use arrows::{BANS, Ban, DEV_ONLY, RULES, Reach, Rule};

/// The part of `cargo metadata` that is read here.
#[derive(Deserialize)]
struct Workspace {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    dependencies: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    name: String,
    /// `null` for a normal dependency, else `dev` or `build`.
    kind: Option<String>,
}

impl Dependency {
    fn is_dev(&self) -> bool {
        self.kind.as_deref() == Some("dev")
    }
}

/// Reads the workspace, prints what is forbidden.
pub(crate) fn run() -> Result<(), Failure> {
    let root = checkout::root()?;
    let arguments = ["metadata", "--format-version", "1", "--no-deps", "--offline"];
    let text = step::output(step::cargo(&root).args(arguments))?;
    let workspace: Workspace =
        serde_json::from_str(&text).map_err(|error| Failure::new(format!("cargo metadata: {error}")))?;
    let findings = check(&workspace);
    for finding in &findings {
        println!("{finding}");
    }
    match findings.len() {
        0 => {
            println!("{} crates, every arrow allowed", workspace.packages.len());
            Ok(())
        }
        count => Err(Failure::new(format!("dag: {count} found"))),
    }
}

fn check(workspace: &Workspace) -> Vec<String> {
    let is_ours = |name: &str| workspace.packages.iter().any(|package| package.name == name);
    let mut findings = Vec::new();
    for package in &workspace.packages {
        let Some(rule) = RULES.iter().find(|rule| rule.of == package.name) else {
            findings
                .push(format!("{}: an unknown crate; say in xtask/src/dag/arrows.rs what it may use", package.name));
            continue;
        };
        for dependency in &package.dependencies {
            let finding =
                if is_ours(&dependency.name) { check_arrow(rule, dependency) } else { check_ban(rule, dependency) };
            findings.extend(finding);
        }
    }
    findings
}

fn check_arrow(rule: &Rule, dependency: &Dependency) -> Option<String> {
    if dependency.is_dev() || rule.uses.iter().any(|(name, _)| *name == dependency.name) {
        return None;
    }
    let why = match DEV_ONLY.contains(&dependency.name.as_str()) {
        true => "is for tests only: make it a dev-dependency",
        false => "is not among the arrows of xtask/src/dag/arrows.rs",
    };
    Some(format!("{} -> {}: {why}", rule.of, dependency.name))
}

fn check_ban(rule: &Rule, dependency: &Dependency) -> Option<String> {
    let applies = |ban: &&Ban| {
        rule.layer.is_banned_by(ban)
            && ban.crates.contains(&dependency.name.as_str())
            && (ban.reach == Reach::TestsToo || !dependency.is_dev())
    };
    BANS.iter().find(applies).map(|ban| format!("{} -> {}: {}", rule.of, dependency.name, ban.why))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(package: &str, dependencies: &str) -> Vec<String> {
        let ours = RULES.iter().map(|rule| format!(r#"{{"name":"{}","dependencies":[]}}"#, rule.of));
        let others = ours.filter(|text| !text.contains(&format!("\"{package}\""))).collect::<Vec<_>>().join(",");
        let text = format!(r#"{{"packages":[{{"name":"{package}","dependencies":[{dependencies}]}},{others}]}}"#);
        check(&serde_json::from_str(&text).unwrap())
    }

    fn normal(name: &str) -> String {
        format!(r#"{{"name":"{name}","kind":null}}"#)
    }

    fn dev(name: &str) -> String {
        format!(r#"{{"name":"{name}","kind":"dev"}}"#)
    }

    #[test]
    fn allowed_arrows_pass() {
        for rule in RULES {
            let all: Vec<String> = rule.uses.iter().map(|(name, _)| normal(name)).collect();
            assert_eq!(findings(rule.of, &all.join(",")), [""; 0]);
        }
    }

    #[test]
    fn arrows_that_are_not_in_the_table_are_found() {
        for (from, to) in [
            ("kernel", "trade"),
            ("trade", "payment"),
            ("accounting", "store"),
            ("store", "engine"),
            ("engine", "suanpan"),
            ("bench", "kernel"),
            ("sim", "bench"),
            ("suanpan", "xtask"),
        ] {
            assert_eq!(findings(from, &normal(to)).len(), 1, "{from} -> {to}");
            assert_eq!(findings(from, &dev(to)), [""; 0], "a test may reach further: {from} -> {to}");
        }
    }

    #[test]
    fn an_unknown_crate_is_found() {
        let found = findings("misc", "");
        assert!(matches!(found.as_slice(), [one] if one.contains("unknown crate")), "{found:?}");
    }

    #[test]
    fn test_support_stays_in_tests() {
        let found = findings("engine", &normal("testkit"));
        assert!(matches!(found.as_slice(), [one] if one.contains("dev-dependency")), "{found:?}");
        assert_eq!(findings("engine", &dev("testkit")), [""; 0]);
    }

    #[test]
    fn pure_crates_name_no_world() {
        for pure in ["kernel", "trade", "payment", "channel", "accounting"] {
            for world in ["tokio", "rusqlite", "tokio-postgres", "axum", "hyper", "reqwest", "getrandom"] {
                assert_eq!(findings(pure, &normal(world)).len(), 1, "{pure} -> {world}");
            }
            for world in ["tokio", "rusqlite", "axum"] {
                assert_eq!(findings(pure, &dev(world)).len(), 1, "not even in tests: {pure} -> {world}");
            }
        }
    }

    #[test]
    fn the_engine_names_no_runtime_and_only_the_store_names_databases() {
        for world in ["tokio", "hyper", "axum", "reqwest", "tokio-postgres", "rusqlite"] {
            assert_eq!(findings("engine", &normal(world)).len(), 1, "{world}");
        }
        for database in ["rusqlite", "tokio-postgres"] {
            for rule in RULES.iter().filter(|rule| rule.of != "store") {
                assert_eq!(findings(rule.of, &normal(database)).len(), 1, "{} -> {database}", rule.of);
            }
            assert_eq!(findings("store", &normal(database)), [""; 0]);
        }
        assert_eq!(findings("engine", &dev("tokio")), [""; 0]);
    }
}
