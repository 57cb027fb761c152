//! A PostgreSQL server for tests: made in a temporary directory from the installed programs, on a free port, and gone
//! with whoever started it.
//!
//! A small shell stands between: it starts the server and reads a pipe that only the test process holds open. When that
//! process ends, however it ends, the pipe closes, and the shell stops the server and removes the directory. The server
//! refuses to run as root; then it runs as the user `postgres`. It does not flush: a test does not outlive the machine.

use std::io::{self, ErrorKind};
use std::net::TcpListener;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::thread;
use std::time::Duration;

/// How often, at `PAUSE`, a new server is asked whether it is ready.
const ASKS: u32 = 400;
const PAUSE: Duration = Duration::from_millis(25);
/// Starts with another port, should somebody take the free one in between.
const STARTS: u32 = 3;

/// `$1` the directory, `$2` the server's program; the rest are its arguments.
const KEEPER: &str = r#"
trap '' INT TERM HUP
directory=$1; shift
"$@" >"$directory/log" 2>&1 </dev/null &
server=$!
cat >/dev/null
kill -QUIT "$server" 2>/dev/null
wait "$server"
rm -rf "$directory"
"#;

/// A running server. Dropping it stops it.
#[derive(Debug)]
pub struct Postgres {
    /// The address of the database `postgres`; others come from [`Postgres::create_database`].
    pub url: String,
    programs: PathBuf,
    directory: PathBuf,
    port: u16,
    keeper: Child,
    creating: Mutex<()>,
}

/// Starts a server.
///
/// # Errors
/// `NotFound` when PostgreSQL is not installed; else whatever kept it from starting.
pub fn start() -> io::Result<Postgres> {
    let programs = programs()?;
    let mut last = io::Error::other("never tried");
    for _ in 0..STARTS {
        match Postgres::start(&programs) {
            Ok(server) => return Ok(server),
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// One server for the whole test process, started at first use. None, said on standard error, where PostgreSQL is not
/// installed.
///
/// # Panics
/// When it is installed and does not start: a test that silently skips proves nothing.
pub fn shared() -> Option<&'static Postgres> {
    static SHARED: OnceLock<Option<Postgres>> = OnceLock::new();
    SHARED
        .get_or_init(|| match start() {
            Ok(server) => Some(server),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                eprintln!("PostgreSQL is not installed: its tests are skipped");
                None
            }
            #[expect(clippy::panic, reason = "a test fixture")]
            Err(error) => panic!("PostgreSQL does not start: {error}"),
        })
        .as_ref()
}

impl Postgres {
    fn start(programs: &Path) -> io::Result<Self> {
        let directory = tempfile::Builder::new().prefix("testkit-pg-").tempdir()?.keep();
        let port = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port();
        let data = directory.join("data");
        if root() {
            checked(Command::new("chown").arg("postgres").arg(&directory))?;
        }
        let mut initdb = unprivileged(&programs.join("initdb"));
        initdb.args(["--auth=trust", "--username=postgres", "--encoding=UTF8", "--locale=C", "--no-sync", "-D"]);
        checked(initdb.arg(&data).current_dir(&directory))?;

        let server = unprivileged(&programs.join("postgres"));
        let mut keeper = Command::new("sh");
        keeper.args(["-c", KEEPER, "keeper"]).arg(&directory);
        keeper.arg(server.get_program()).args(server.get_args()).arg("-D").arg(&data);
        for setting in [
            format!("port={port}"),
            format!("unix_socket_directories={}", directory.display()),
            "listen_addresses=127.0.0.1".to_owned(),
            "max_connections=200".to_owned(),
            "fsync=off".to_owned(),
            "full_page_writes=off".to_owned(),
        ] {
            keeper.arg("-c").arg(setting);
        }
        // A group of its own: a signal to the tests' group must not reach the keeper before its pipe closes.
        let keeper = keeper.stdin(Stdio::piped()).process_group(0).current_dir(&directory).spawn()?;
        let url = format!("postgres://postgres@127.0.0.1:{port}/postgres");
        let server = Self { url, programs: programs.to_owned(), directory, port, keeper, creating: Mutex::new(()) };
        server.await_ready()?;
        Ok(server)
    }

    /// Creates an empty database and gives its address.
    ///
    /// # Errors
    /// When the server refuses, say because it exists.
    pub fn create_database(&self, name: &str) -> io::Result<String> {
        let _one_at_a_time = self.creating.lock().unwrap_or_else(PoisonError::into_inner);
        self.run(&format!("CREATE DATABASE {name}"))?;
        Ok(format!("postgres://postgres@127.0.0.1:{}/{name}", self.port))
    }

    /// Runs SQL in the database `postgres` as its superuser and gives what `psql` prints, unaligned.
    ///
    /// # Errors
    /// When the server refuses.
    pub fn run(&self, sql: &str) -> io::Result<String> {
        self.run_in("postgres", sql)
    }

    /// The same in the database of this name.
    ///
    /// # Errors
    /// When the server refuses.
    pub fn run_in(&self, database: &str, sql: &str) -> io::Result<String> {
        let mut psql = Command::new(self.programs.join("psql"));
        psql.args(["-X", "-q", "-A", "-t", "-U", "postgres", "-d", database, "-h"]).arg(&self.directory);
        let output = checked(psql.args(["-p", &self.port.to_string(), "-v", "ON_ERROR_STOP=1", "-c", sql]))?;
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }

    /// The directory of the server's socket, for addresses of the form `postgres://postgres@/db?host=DIRECTORY&port=…`.
    pub fn socket_directory(&self) -> &Path {
        &self.directory
    }

    /// The port, on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Makes every process of the server stand still until the guard is dropped: to its clients it is there and says
    /// nothing.
    ///
    /// # Errors
    /// When its processes cannot be found or told.
    pub fn freeze(&self) -> io::Result<Frozen> {
        let first = std::fs::read_to_string(self.directory.join("data/postmaster.pid"))?;
        let first = first.lines().next().unwrap_or_default().to_owned();
        let of_first = Command::new("pgrep").args(["-P", &first]).output()?;
        let mut processes = vec![first];
        // The first one stops first, so that it starts no more of them.
        signal("-STOP", &processes)?;
        processes.extend(String::from_utf8_lossy(&of_first.stdout).split_whitespace().map(str::to_owned));
        let frozen = Frozen { processes };
        signal("-STOP", &frozen.processes)?;
        Ok(frozen)
    }

    fn await_ready(&self) -> io::Result<()> {
        for _ in 0..ASKS {
            let mut ask = Command::new(self.programs.join("pg_isready"));
            let ask = ask.args(["-q", "-h", "127.0.0.1", "-p", &self.port.to_string()]);
            if ask.status()?.success() {
                return Ok(());
            }
            thread::sleep(PAUSE);
        }
        let log = std::fs::read_to_string(self.directory.join("log")).unwrap_or_default();
        Err(io::Error::other(format!("the server did not get ready: {log}")))
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        // Nothing is left to be done about a keeper that cannot be waited for.
        let _ = self.keeper.wait();
    }
}

/// Processes that stand still. Dropping it lets them go on.
#[derive(Debug)]
pub struct Frozen {
    processes: Vec<String>,
}

impl Drop for Frozen {
    fn drop(&mut self) {
        // Those that are gone cannot go on.
        let _ = signal("-CONT", &self.processes);
    }
}

fn signal(name: &str, processes: &[String]) -> io::Result<Output> {
    checked(Command::new("kill").arg(name).args(processes))
}

/// The directory of the server's programs: on the path, by `pg_config`, or where Debian puts them, newest first.
fn programs() -> io::Result<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let config = Command::new("pg_config").arg("--bindir").output();
    let config = config.ok().map(|output| PathBuf::from(String::from_utf8_lossy(&output.stdout).trim()));
    let mut debian: Vec<(u32, PathBuf)> = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .filter_map(|entry| {
            let entry = entry.ok()?;
            Some((entry.file_name().to_str()?.parse().ok()?, entry.path().join("bin")))
        })
        .collect();
    debian.sort();
    let debian = debian.into_iter().rev().map(|(_, path)| path);
    std::env::split_paths(&path)
        .chain(config)
        .chain(debian)
        .find(|directory| ["initdb", "postgres", "psql"].iter().all(|program| directory.join(program).is_file()))
        .ok_or_else(|| io::Error::new(ErrorKind::NotFound, "PostgreSQL is not installed"))
}

fn root() -> bool {
    Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}

/// A command that runs a program as somebody who is not root.
fn unprivileged(program: &Path) -> Command {
    if !root() {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid=postgres", "--regid=postgres", "--init-groups", "--"]).arg(program);
    command
}

fn checked(command: &mut Command) -> io::Result<Output> {
    let output = command.output()?;
    if output.status.success() {
        return Ok(output);
    }
    let program = command.get_program().to_string_lossy().into_owned();
    Err(io::Error::other(format!("{program}: {}", String::from_utf8_lossy(&output.stderr).trim())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_serves_and_is_gone() {
        let server = match start() {
            Err(error) if error.kind() == ErrorKind::NotFound => return,
            server => server.unwrap(),
        };
        assert_eq!(server.run("SELECT 1 + 1").unwrap(), "2");
        assert!(server.create_database("one").unwrap().ends_with("/one"));
        assert!(server.create_database("one").is_err(), "it exists");
        let (directory, port) = (server.directory.clone(), server.port);
        drop(server);
        assert!(!directory.exists());
        assert!(TcpListener::bind(("127.0.0.1", port)).is_ok(), "nobody listens there any more");
    }
}
