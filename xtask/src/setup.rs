//! `cargo xtask setup`: the machine has what the tests start by themselves. Does nothing where all is present.
//!
//! The tests start a PostgreSQL server of their own, in a folder of their own, so its programs must be there; a server
//! that runs already is neither needed nor touched. PostgreSQL refuses to run as root: then a program that changes the
//! user and a user to change to are needed too. On Debian and its kin root has the package installed, without the
//! cluster that the package would create and start; anywhere else the command to type is printed. The same with strace,
//! by which tests let disks fail, and faketime, by which they set clocks.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::failure::Failure;
use crate::step;

const PROGRAMS: [&str; 2] = ["initdb", "postgres"];
const DEBIAN_FOLDER: &str = "/usr/lib/postgresql";
const USER_CHANGERS: [&str; 3] = ["setpriv", "runuser", "su"];
const USERS: [&str; 2] = ["postgres", "nobody"];
const CLUSTER_SETTINGS: &str = "/etc/postgresql-common/createcluster.conf";
const NO_CLUSTER: &str = "# The tests start servers of their own: no cluster is created on installation.\n\
                          create_main_cluster = false\n";

/// What tests disturb a server with, each in a package of the same name.
const TOOLS: [&str; 2] = ["strace", "faketime"];

/// Looks, installs where that is possible, looks again.
pub(crate) fn run() -> Result<(), Failure> {
    let facts = Facts::gather()?;
    match facts.judge() {
        Verdict::Complete(found) => {
            println!("{found}");
            Ok(())
        }
        Verdict::Installable => {
            install()?;
            match Facts::gather()?.judge() {
                Verdict::Complete(found) => {
                    println!("{found}");
                    Ok(())
                }
                _ => Err(Failure::new("PostgreSQL, strace and faketime were installed, but were not found")),
            }
        }
        Verdict::ByHand(what) => Err(Failure::new(what)),
    }
}

/// PostgreSQL's programs, and how to run them.
pub(crate) struct Programs {
    /// Where they are.
    folder: PathBuf,
    /// The user to become, where this one may not run a server.
    pub(crate) user: Option<&'static str>,
    changer: Option<&'static str>,
}

impl Programs {
    /// A command that runs one of them as somebody who may.
    pub(crate) fn command(&self, program: &str) -> Result<Command, Failure> {
        let program = self.folder.join(program);
        match (self.changer, self.user) {
            (_, None) | (None, _) => Ok(Command::new(program)),
            (Some("setpriv"), Some(user)) => {
                let mut command = Command::new("setpriv");
                command.args([format!("--reuid={user}"), format!("--regid={user}")]);
                command.args(["--init-groups", "--"]).arg(program);
                Ok(command)
            }
            (Some("runuser"), Some(user)) => {
                let mut command = Command::new("runuser");
                command.args(["-u", user, "--"]).arg(program);
                Ok(command)
            }
            (Some(other), _) => Err(Failure::new(format!("{other} cannot run a server here: install util-linux"))),
        }
    }

    /// A command that runs one of its clients: beside the server, or in PATH where a distribution keeps them apart.
    pub(crate) fn client(&self, program: &str) -> Command {
        let beside = self.folder.join(program);
        if beside.is_file() { Command::new(beside) } else { Command::new(program) }
    }
}

/// PostgreSQL's programs; a failure says what is missing.
pub(crate) fn programs() -> Result<Programs, Failure> {
    let facts = Facts::gather()?;
    let folder = facts.server.ok_or_else(|| Failure::new("PostgreSQL is not installed: run `cargo xtask setup`"))?;
    match (facts.root, facts.user) {
        (false, _) => Ok(Programs { folder, user: None, changer: None }),
        (true, Some(user)) => Ok(Programs { folder, user: Some(user), changer: facts.user_changer }),
        (true, None) => Err(Failure::new("PostgreSQL does not run as root: run `cargo xtask setup`")),
    }
}

/// What this machine has.
struct Facts {
    root: bool,
    server: Option<PathBuf>,
    user_changer: Option<&'static str>,
    user: Option<&'static str>,
    apt: bool,
    missing: Vec<&'static str>,
}

#[derive(Debug, PartialEq)]
enum Verdict {
    Complete(String),
    Installable,
    ByHand(String),
}

impl Facts {
    fn gather() -> Result<Self, Failure> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
        let has = |program: &str| folders.iter().any(|folder| folder.join(program).is_file());
        let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
        Ok(Self {
            root: step::output(Command::new("id").arg("-u"))?.trim() == "0",
            server: server_folder(&folders),
            user_changer: USER_CHANGERS.into_iter().find(|program| has(program)),
            user: USERS.into_iter().find(|user| users.lines().any(|line| line.split(':').next() == Some(*user))),
            apt: has("apt-get"),
            missing: TOOLS.into_iter().filter(|tool| !has(tool)).collect(),
        })
    }

    fn judge(&self) -> Verdict {
        let Some(server) = &self.server else {
            return match (self.root, self.apt) {
                (true, true) => Verdict::Installable,
                (false, true) => Verdict::ByHand(
                    "PostgreSQL's initdb and postgres are missing. Type:\n  \
                     sudo apt-get update && sudo apt-get install -y --no-install-recommends postgresql"
                        .to_owned(),
                ),
                (_, false) => Verdict::ByHand(
                    "PostgreSQL's initdb and postgres are missing. Install PostgreSQL 15 or newer with your system's \
                     package manager, and put the folder of both programs into PATH."
                        .to_owned(),
                ),
            };
        };
        if !self.missing.is_empty() {
            let (missing, packages) = (self.missing.join(" and "), self.missing.join(" "));
            return match (self.root, self.apt) {
                (true, true) => Verdict::Installable,
                (false, true) => {
                    Verdict::ByHand(format!("Missing: {missing}. Type:\n  sudo apt-get install -y {packages}"))
                }
                (_, false) => Verdict::ByHand(format!(
                    "Missing: {missing}. Install with your system's package manager, and put into PATH."
                )),
            };
        }
        let server = server.display();
        match (self.root, self.user_changer, self.user) {
            (false, _, _) => Verdict::Complete(format!("PostgreSQL in {server}")),
            (true, Some(changer), Some(user)) => {
                Verdict::Complete(format!("PostgreSQL in {server}, run as {user} by {changer}"))
            }
            (true, None, _) => Verdict::ByHand(
                "PostgreSQL does not run as root, and setpriv, runuser and su are missing. Install util-linux, or run \
                 this as another user."
                    .to_owned(),
            ),
            (true, Some(_), None) => Verdict::ByHand(
                "PostgreSQL does not run as root, and there is no user to run it. Type:\n  useradd --system postgres"
                    .to_owned(),
            ),
        }
    }
}

/// The folder that holds the server's programs: in PATH, where `pg_config` says, or where Debian keeps them.
fn server_folder(path: &[PathBuf]) -> Option<PathBuf> {
    let named = step::output_if_any(Command::new("pg_config").arg("--bindir"));
    let mut candidates = path.to_vec();
    candidates.extend(named.map(|folder| PathBuf::from(folder.trim())));
    candidates.extend(debian_folders(Path::new(DEBIAN_FOLDER)));
    candidates.into_iter().find(|folder| PROGRAMS.iter().all(|program| folder.join(program).is_file()))
}

/// `…/15/bin`, the newest version first.
fn debian_folders(all: &Path) -> Vec<PathBuf> {
    let mut versions: Vec<(u32, PathBuf)> = fs::read_dir(all)
        .into_iter()
        .flatten()
        .filter_map(|entry| {
            let entry = entry.ok()?;
            Some((entry.file_name().to_str()?.parse().ok()?, entry.path().join("bin")))
        })
        .collect();
    versions.sort_by_key(|(version, _)| std::cmp::Reverse(*version));
    versions.into_iter().map(|(_, folder)| folder).collect()
}

fn install() -> Result<(), Failure> {
    leave_no_cluster(Path::new(CLUSTER_SETTINGS))
        .map_err(|error| Failure::new(format!("{CLUSTER_SETTINGS}: {error}")))?;
    let apt = || {
        let mut command = Command::new("apt-get");
        command.env("DEBIAN_FRONTEND", "noninteractive");
        command
    };
    step::run(apt().arg("update"))?;
    // `confold`: the settings written above stay when the package brings its own.
    let keep = ["-o", "Dpkg::Options::=--force-confold"];
    step::run(apt().args(keep).args(["install", "-y", "--no-install-recommends", "postgresql"]).args(TOOLS))
}

/// Settings that are there already are their owner's and stay as they are.
fn leave_no_cluster(settings: &Path) -> std::io::Result<()> {
    if let Some(folder) = settings.parent() {
        fs::create_dir_all(folder)?;
    }
    match fs::File::create_new(settings) {
        Ok(mut file) => std::io::Write::write_all(&mut file, NO_CLUSTER.as_bytes()),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine() -> Facts {
        Facts {
            root: true,
            server: Some(PathBuf::from("/opt/pg/bin")),
            user_changer: Some("setpriv"),
            user: Some("postgres"),
            apt: true,
            missing: Vec::new(),
        }
    }

    fn by_hand(facts: &Facts) -> String {
        match facts.judge() {
            Verdict::ByHand(what) => what,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_complete_machine_needs_nothing() {
        assert!(matches!(machine().judge(), Verdict::Complete(text) if text.contains("/opt/pg/bin")));
        let user = Facts { root: false, user_changer: None, user: None, ..machine() };
        assert!(matches!(user.judge(), Verdict::Complete(_)), "who is not root changes no user");
    }

    #[test]
    fn only_root_with_apt_installs() {
        assert_eq!(Facts { server: None, ..machine() }.judge(), Verdict::Installable);
        assert!(by_hand(&Facts { server: None, root: false, ..machine() }).contains("sudo apt-get install"));
        assert!(by_hand(&Facts { server: None, apt: false, ..machine() }).contains("package manager"));
        assert_eq!(Facts { missing: TOOLS.to_vec(), ..machine() }.judge(), Verdict::Installable);
        let no_clocks = Facts { missing: vec!["faketime"], root: false, ..machine() };
        assert!(by_hand(&no_clocks).ends_with("apt-get install -y faketime"));
    }

    #[test]
    fn root_needs_another_user_and_a_way_to_become_it() {
        assert!(by_hand(&Facts { user_changer: None, ..machine() }).contains("util-linux"));
        assert!(by_hand(&Facts { user: None, ..machine() }).contains("useradd"));
    }

    #[test]
    fn the_newest_version_comes_first_and_settings_of_others_stay() {
        let folder = std::env::temp_dir().join(format!("suanpan-setup-{}", std::process::id()));
        for version in ["9", "15", "16", "common"] {
            fs::create_dir_all(folder.join(version).join("bin")).unwrap();
        }
        let found = debian_folders(&folder);
        assert_eq!(found, ["16", "15", "9"].map(|version| folder.join(version).join("bin")));

        let settings = folder.join("etc/createcluster.conf");
        leave_no_cluster(&settings).unwrap();
        assert!(fs::read_to_string(&settings).unwrap().contains("create_main_cluster = false"));
        fs::write(&settings, "theirs").unwrap();
        leave_no_cluster(&settings).unwrap();
        assert_eq!(fs::read_to_string(&settings).unwrap(), "theirs");
        fs::remove_dir_all(&folder).unwrap();
    }
}
