//! Where a server's data lives: a directory or a database of its own, and the program's commands on it.

use std::path::PathBuf;
use std::process::{Command, Output};
use std::sync::atomic::{AtomicU32, Ordering};

use tempfile::TempDir;

/// Which database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Engine {
    Sqlite,
    Postgres,
}

/// An empty store, gone when dropped.
pub(crate) struct Store {
    /// As `--store` takes it.
    pub(crate) url: String,
    /// A directory for whatever belongs to it: SQLite's files, logs, reports.
    pub(crate) directory: TempDir,
    /// Environment variables of the servers on it, beside their configuration.
    pub(crate) variables: Vec<(&'static str, String)>,
}

impl Store {
    /// A new one; none where PostgreSQL is not installed.
    pub(crate) fn new(engine: Engine) -> Option<Self> {
        static DATABASES: AtomicU32 = AtomicU32::new(0);
        let directory = directory();
        let url = match engine {
            Engine::Sqlite => format!("sqlite:{}", directory.path().join("data").display()),
            Engine::Postgres => {
                let number = DATABASES.fetch_add(1, Ordering::Relaxed);
                testkit::postgres::shared()?.create_database(&format!("it_{number}")).unwrap()
            }
        };
        Some(Self { url, directory, variables: Vec::new() })
    }

    /// The database at this address.
    pub(crate) fn at(url: String) -> Self {
        Self { url, directory: directory(), variables: Vec::new() }
    }

    /// A file beside the data.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Runs a command of the program on this store to its end.
    pub(crate) fn run(&self, command: &str) -> Output {
        program().args([command, "--store", &self.url]).output().unwrap()
    }

    /// `suanpan verify`: finds nothing.
    pub(crate) fn verify(&self) {
        self.verify_with(&[]);
    }

    /// The same where nothing is under way any more: then nothing waits past its time either.
    pub(crate) fn verify_at_rest(&self) {
        self.verify_with(&["--quiesced"]);
    }

    fn verify_with(&self, more: &[&str]) {
        let output = program().args(["verify", "--store", &self.url]).args(more).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "suanpan verify {more:?} --store {}\n{}", self.url, text(&output));
    }
}

fn directory() -> TempDir {
    tempfile::Builder::new().prefix("suanpan-it-").tempdir().unwrap()
}

/// The program, with no configuration but what it is given.
pub(crate) fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_suanpan"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("SUANPAN")) {
        command.env_remove(name);
    }
    command
}

/// Everything a command said.
pub(crate) fn text(output: &Output) -> String {
    [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes).into_owned()).concat()
}
