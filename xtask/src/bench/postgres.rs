//! A PostgreSQL server to be measured: made in the folder of the run, with the settings that PostgreSQL ships with but
//! for the shared buffers, and it flushes. Gone with whoever started it, however that ends: a small shell stands between
//! that reads a pipe which only this process holds open.

use std::fs;
use std::net::TcpListener;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::failure::Failure;
use crate::{setup, step};

/// What differs from what PostgreSQL ships with, beside address and port.
pub(super) const SETTINGS: [&str; 2] = ["shared_buffers=1GB", "max_connections=200"];
/// How often, at `PAUSE`, a new server is asked whether it is ready.
const ASKS: u32 = 400;
const PAUSE: Duration = Duration::from_millis(25);

/// `$1` the directory; the rest is the server with its arguments.
const KEEPER: &str = r#"
trap '' INT TERM HUP
directory=$1; shift
"$@" >"$directory/log" 2>&1 </dev/null &
server=$!
echo "$server" >"$directory/pid"
cat >/dev/null
kill -INT "$server" 2>/dev/null
wait "$server"
rm -rf "$directory"
"#;

/// A running server. Dropping it stops it and removes its data.
pub(super) struct Postgres {
    programs: setup::Programs,
    directory: PathBuf,
    port: u16,
    keeper: Child,
    /// The first process of the server.
    pub(super) pid: u32,
}

impl Postgres {
    /// Starts a server in a new directory; with `cpu`, on that processor only.
    pub(super) fn start(directory: &Path, cpu: Option<&str>) -> Result<Self, Failure> {
        let failed = |error: std::io::Error| Failure::new(format!("PostgreSQL: {error}"));
        let programs = setup::programs()?;
        fs::create_dir_all(directory).map_err(failed)?;
        if let Some(user) = programs.user {
            step::run(Command::new("chown").arg(user).arg(directory))?;
        }
        let data = directory.join("data");
        let mut initdb = programs.command("initdb")?;
        initdb.args(["--auth=trust", "--username=postgres", "--encoding=UTF8", "--locale=C", "-D"]).arg(&data);
        step::output(initdb.current_dir(directory))?;
        let port = TcpListener::bind(("127.0.0.1", 0)).and_then(|free| free.local_addr()).map_err(failed)?.port();

        let server = programs.command("postgres")?;
        let mut keeper = Command::new("sh");
        keeper.args(["-c", KEEPER, "keeper"]).arg(directory);
        keeper.args(cpu.iter().flat_map(|cpu| ["taskset", "-c", cpu]));
        keeper.arg(server.get_program()).args(server.get_args()).arg("-D").arg(&data);
        let place =
            [format!("port={port}"), "listen_addresses=127.0.0.1".to_owned(), "unix_socket_directories=".to_owned()];
        for setting in SETTINGS.iter().map(|setting| (*setting).to_owned()).chain(place) {
            keeper.arg("-c").arg(setting);
        }
        let keeper = keeper.stdin(Stdio::piped()).process_group(0).current_dir(directory).spawn().map_err(failed)?;
        let mut postgres = Self { programs, directory: directory.to_owned(), port, keeper, pid: 0 };
        postgres.await_ready()?;
        postgres.pid = postgres.read_pid().ok_or_else(|| Failure::new("PostgreSQL: no process"))?;
        Ok(postgres)
    }

    /// Makes an empty database and gives its address.
    pub(super) fn database(&self, name: &str) -> Result<String, Failure> {
        self.query(&format!("CREATE DATABASE {name}"))?;
        Ok(format!("postgres://postgres@127.0.0.1:{}/{name}", self.port))
    }

    /// Removes a database with everything in it.
    pub(super) fn drop_database(&self, name: &str) -> Result<(), Failure> {
        self.query(&format!("DROP DATABASE {name} WITH (FORCE)")).map(drop)
    }

    /// The bytes of a database.
    pub(super) fn size(&self, name: &str) -> Result<u64, Failure> {
        let answer = self.query(&format!("SELECT pg_database_size('{name}')"))?;
        answer.trim().parse().map_err(|_| Failure::new(format!("PostgreSQL: {answer:?} is no size")))
    }

    /// Which PostgreSQL it is, as `15.14`.
    pub(super) fn version(&self) -> Result<String, Failure> {
        Ok(self.query("SHOW server_version")?.split_whitespace().next().unwrap_or_default().to_owned())
    }

    fn query(&self, sql: &str) -> Result<String, Failure> {
        let mut psql = self.programs.client("psql");
        psql.args(["-X", "-q", "-A", "-t", "-h", "127.0.0.1", "-U", "postgres", "-d", "postgres"]);
        step::output(psql.args(["-p", &self.port.to_string(), "-v", "ON_ERROR_STOP=1", "-c", sql]))
    }

    fn await_ready(&self) -> Result<(), Failure> {
        for _ in 0..ASKS {
            let mut ask = self.programs.client("pg_isready");
            if step::succeeds(ask.args(["-h", "127.0.0.1", "-p", &self.port.to_string()])) {
                return Ok(());
            }
            std::thread::sleep(PAUSE);
        }
        let log = fs::read_to_string(self.directory.join("log")).unwrap_or_default();
        Err(Failure::new(format!("PostgreSQL did not get ready: {log}")))
    }

    /// The process that was started may have become the server, or may have started it.
    fn read_pid(&self) -> Option<u32> {
        fs::read_to_string(self.directory.join("pid")).ok()?.trim().parse().ok()
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        // Nothing is left to be done about a keeper that cannot be waited for.
        let _ = self.keeper.wait();
    }
}
