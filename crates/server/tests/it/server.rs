//! One running `suanpan serve`, killed when dropped.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use crate::store::{Store, program};

/// The platform key of every store of these tests.
pub(crate) const KEY: &str = "sk_test_stories_of_the_platform";
/// Longest time a server may take to come down.
const DOWN: Duration = Duration::from_secs(30);

/// Configuration beside the defaults, as `("sandbox.lifetime_s", "2")`.
pub(crate) type Settings = &'static [(&'static str, &'static str)];

/// What these tests do not want to wait for.
const FASTER: Settings = &[
    ("sandbox.first_query_ms", "200"),
    ("webhook.schedule_s", "[1, 1, 1]"),
    ("log.format", "json"),
    ("log.level", "warn"),
    // Machines that run tests are slower than those that serve, and busy with other tests.
    ("limits.wait_ms", "10000"),
];

/// A running server.
pub(crate) struct Server {
    child: Child,
    log: PathBuf,
    /// Kept open: a server whose output nobody reads could not print.
    output: BufReader<ChildStdout>,
    /// As `127.0.0.1:41234`.
    pub(crate) address: String,
}

impl Server {
    /// Starts one and waits until it listens; `Err` has what it said where it does not come up.
    pub(crate) fn start(store: &Store, settings: Settings, listen: &str) -> Result<Self, String> {
        let log = store.path(&format!("{}.log", listen.replace(':', "-")));
        let file = File::options().create(true).append(true).open(&log).unwrap();
        let mut command = program();
        command.args(["serve", "--environment", "test", "--store", &store.url, "--listen", listen]);
        command.env("SUANPAN_BOOTSTRAP_KEY", KEY);
        command.envs(store.variables.iter().map(|(name, value)| (name, value)));
        for (name, value) in FASTER.iter().chain(settings) {
            command.env(variable(name), value);
        }
        let mut child = command.stdout(Stdio::piped()).stderr(file).spawn().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let mut server = Self { child, log, output, address: String::new() };
        loop {
            let mut line = String::new();
            if server.output.read_line(&mut line).unwrap() == 0 {
                return Err(format!("{}\n{}", server.wait(), server.log()));
            }
            if let Some(address) = line.trim().strip_prefix("listening on http://") {
                server.address = address.to_owned();
                return Ok(server);
            }
        }
    }

    /// SIGKILL; it is gone when this returns.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// SIGTERM, and how it ended.
    pub(crate) fn stop(mut self) -> ExitStatus {
        self.signal("TERM");
        self.wait()
    }

    /// Sends a signal.
    pub(crate) fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([format!("-{name}"), self.child.id().to_string()]).status().unwrap();
        assert!(sent.success(), "the server was not there to be told {name}\n{}", self.log());
    }

    /// Its process.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Whether it has ended.
    pub(crate) fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// Waits for its end.
    pub(crate) fn wait(&mut self) -> ExitStatus {
        let begun = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(begun.elapsed() < DOWN, "the server does not come down\n{}", self.log());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// What it logged.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Lines of the log that no story should cause.
    pub(crate) fn errors(&self) -> Vec<String> {
        let wrong = |line: &&str| line.contains("\"ERROR\"") || line.contains("panicked");
        self.log().lines().filter(wrong).map(str::to_owned).collect()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            let log = self.log();
            let lines: Vec<&str> = log.lines().rev().take(20).collect();
            eprintln!("the end of the server's log, newest first:\n{}", lines.join("\n"));
        }
    }
}

/// The environment variable of a key.
fn variable(name: &str) -> String {
    format!("SUANPAN__{}", name.replace('.', "__").to_uppercase())
}
