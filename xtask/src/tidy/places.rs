//! Names of places that hold for one machine only: absolute paths into a checkout or a home, hosts of package registries.
//!
//! A path here works for nobody else, and a registry is the business of whoever builds. The patterns are put together
//! from halves, so that this file does not carry them.

use super::Finding;
use crate::checkout::Checkout;

const PATHS: [&str; 3] = [concat!("/wo", "rk/"), concat!("/fa", "rm/"), concat!("/ro", "ot/")];
const HOSTS: [&str; 5] = [
    concat!("crates", ".io"),
    concat!("static.rust", "-lang.org"),
    concat!("pypi", ".org"),
    concat!("registry.npm", "js.org"),
    concat!("deb.debian", ".org"),
];

/// Looks through every text file but lock files, which cargo writes.
pub(super) fn machine_paths_and_hosts(checkout: &Checkout) -> Vec<Finding> {
    let own = checkout.root.to_string_lossy();
    let mut findings = Vec::new();
    for file in checkout.files.iter().filter(|file| file.extension() != "lock") {
        for (number, line) in file.lines() {
            let path = PATHS.into_iter().chain([&*own]).find(|path| has_path(line, path));
            let host = HOSTS.into_iter().find(|host| line.contains(host));
            findings.extend(path.map(|path| Finding::at(file, number, format!("`{path}`: a path of one machine"))));
            findings.extend(host.map(|host| Finding::at(file, number, format!("`{host}`: the host of a registry"))));
        }
    }
    findings
}

/// Whether an absolute path begins so; `network/…` or `a/work/…` in the middle of a path does not count.
fn has_path(line: &str, path: &str) -> bool {
    let continues = |c: char| c.is_alphanumeric() || "._-~/}".contains(c);
    line.match_indices(path).any(|(start, _)| {
        let before = line.get(..start).and_then(|text| text.chars().next_back());
        !before.is_some_and(continues)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::found_in;

    #[test]
    fn paths_and_hosts_are_found_everywhere_but_in_lock_files() {
        let find = |path: &str, line: &str| found_in(machine_paths_and_hosts, path, line).len();
        for path in PATHS {
            assert_eq!(find("docs/a.md", &format!("see {path}main/x")), 1, "{path}");
            assert_eq!(find("a.json", &format!("\"{path}x\"")), 1, "{path}");
            assert_eq!(find("docs/a.md", &format!("see docs{path}x")), 0, "inside another path: {path}");
        }
        assert_eq!(find("docs/a.md", "run /somewhere/of/its/own/target/debug/suanpan"), 1, "the checkout itself");
        for host in HOSTS {
            assert_eq!(find("README.md", &format!("https://{host}/x")), 1, "{host}");
            assert_eq!(find("Cargo.lock", &format!("https://{host}/x")), 0, "{host}");
        }
        assert_eq!(find("README.md", "cargo run --release -- demo, `/v1/trades`, /var/lib/suanpan"), 0);
    }
}
