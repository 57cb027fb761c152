//! A PostgreSQL server for tests: made in a temporary directory from the installed programs, on a free port, and gone
//! with whoever started it.
//!
//! A small shell stands between: it starts the server and reads a pipe that only the test process holds open. When that
//! process ends, however it ends, the pipe closes, and the shell stops the server and removes the directory; each line
//! that comes through it starts the server anew once it has ended. The server refuses to run as root; then it runs as the
//! user `postgres`. It does not flush unless it is told to: a test does not outlive the machine.

use std::io::{self, ErrorKind, Write as _};
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
begin() { "$@" >>"$directory/log" 2>&1 </dev/null & server=$!; }
begin "$@"
while read -r _; do wait "$server"; begin "$@"; done
kill -QUIT "$server" 2>/dev/null
kill -CONT "$server" 2>/dev/null
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
    start_with(&[])
}

/// Starts a server with settings of its own, as `fsync=on`.
///
/// # Errors
/// As [`start`].
pub fn start_with(settings: &[&str]) -> io::Result<Postgres> {
    let programs = programs()?;
    let mut last = io::Error::other("never tried");
    for _ in 0..STARTS {
        match Postgres::start(&programs, settings) {
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
    fn start(programs: &Path, settings: &[&str]) -> io::Result<Self> {
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
        for setting in settings {
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

    /// The process ids of the server and of everything that it started, its own first.
    ///
    /// # Errors
    /// When it does not run.
    pub fn processes(&self) -> io::Result<Vec<u32>> {
        let file = std::fs::read_to_string(self.directory.join("data/postmaster.pid"))?;
        let pid = file.lines().next().and_then(|line| line.trim().parse().ok());
        let pid: u32 = pid.ok_or_else(|| io::Error::other("postmaster.pid names no process"))?;
        let mut all = vec![pid];
        for entry in std::fs::read_dir("/proc")?.flatten() {
            let Some(other) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
            if parent(&entry.path()) == Some(pid) {
                all.push(other);
            }
        }
        Ok(all)
    }

    /// Starts the server anew, on the same data and port, once it has ended.
    ///
    /// # Errors
    /// When it does not get ready.
    pub fn start_again(&mut self) -> io::Result<()> {
        let mut last = io::Error::other("never tried");
        // What a killed server has left, processes and shared memory, may be in the way for a moment.
        for _ in 0..STARTS {
            let pipe = self.keeper.stdin.as_mut().ok_or_else(|| io::Error::other("the keeper has ended"))?;
            pipe.write_all(b"\n")?;
            match self.await_ready() {
                Ok(()) => return Ok(()),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    /// Starts the server anew where it has ended by itself, after what was done to it; else waits until it is ready.
    ///
    /// # Errors
    /// When it does not get ready.
    pub fn revive(&mut self) -> io::Result<()> {
        match self.await_ready() {
            Ok(()) => Ok(()),
            Err(_) => self.start_again(),
        }
    }

    /// What the server logged.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.directory.join("log")).unwrap_or_default()
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
        Err(io::Error::other(format!("the server did not get ready: {}", self.log())))
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

/// The parent of a process, by its directory in `/proc`: the second word behind the name, which stands in brackets.
fn parent(process: &Path) -> Option<u32> {
    let stat = std::fs::read_to_string(process.join("stat")).ok()?;
    stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()
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
    fn a_server_that_was_killed_starts_again() {
        let mut server = match start_with(&["fsync=on"]) {
            Err(error) if error.kind() == ErrorKind::NotFound => return,
            server => server.unwrap(),
        };
        assert_eq!(server.run("SHOW fsync").unwrap(), "on");
        server.run("CREATE TABLE kept (n int)").unwrap();
        let before = server.processes().unwrap();
        assert!(before.len() > 2, "it has started others: {before:?}");
        checked(Command::new("kill").args(["-KILL", &before[0].to_string()])).unwrap();
        server.start_again().unwrap();
        assert_eq!(server.run("SELECT count(*) FROM kept").unwrap(), "0");
        assert_ne!(server.processes().unwrap()[0], before[0]);
    }

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
