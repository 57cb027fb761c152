//! The program under measurement: its commands, and servers of it.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::failure::Failure;
use crate::step;

/// The platform key of every store that a server of ours is started on.
const KEY: &str = "sk_test_measured_from_outside";
/// How long a server may take until it serves.
const PATIENCE: Duration = Duration::from_secs(120);
const PAUSE: Duration = Duration::from_millis(1);

/// The program as it was built.
pub(super) struct Program {
    pub(super) binary: PathBuf,
    folder: PathBuf,
}

impl Program {
    pub(super) fn new(root: &Path, folder: &Path) -> Self {
        Self { binary: root.join("target/release/suanpan"), folder: folder.to_owned() }
    }

    /// Runs a command that writes a report, and gives the report; with `cpu`, on that processor only.
    pub(super) fn report(&self, arguments: &[&str], cpu: Option<&str>) -> Result<Value, Failure> {
        println!("\n$ suanpan {}", shown(arguments));
        let path = self.folder.join("report.json");
        let mut command = self.command(cpu);
        step::run(command.args(arguments).arg("--json").arg(&path).env("SUANPAN_KEY", KEY))?;
        let text = std::fs::read(&path).map_err(|error| Failure::new(format!("{}: {error}", path.display())))?;
        serde_json::from_slice(&text).map_err(|error| Failure::new(format!("{}: {error}", path.display())))
    }

    /// A server, ready to be asked; with `cpu`, on that processor only.
    pub(super) fn serve(&self, store: &str, cpu: Option<&str>) -> Result<Served, Failure> {
        let failed = |error: std::io::Error| Failure::new(format!("suanpan serve: {error}"));
        let address = TcpListener::bind(("127.0.0.1", 0)).and_then(|free| free.local_addr()).map_err(failed)?;
        let mut command = self.command(cpu);
        command.args(["serve", "--environment", "test", "--store", store, "--listen", &address.to_string()]);
        command.env("SUANPAN_BOOTSTRAP_KEY", KEY).env("SUANPAN__LOG__LEVEL", "warn");
        // One key makes all the load.
        command.env("SUANPAN__LIMITS__RATE_PER_KEY", "1000000").stdout(Stdio::null());
        let begun = Instant::now();
        let child = command.spawn().map_err(failed)?;
        let mut served = Served { child, url: format!("http://{address}"), ready_after: Duration::ZERO };
        while begun.elapsed() < PATIENCE {
            if is_ready(address) {
                served.ready_after = begun.elapsed();
                return Ok(served);
            }
            if let Ok(Some(status)) = served.child.try_wait() {
                return Err(Failure::of_program("suanpan serve", status));
            }
            std::thread::sleep(PAUSE);
        }
        Err(Failure::new("suanpan serve: it did not get ready"))
    }

    fn command(&self, cpu: Option<&str>) -> Command {
        match cpu {
            None => Command::new(&self.binary),
            Some(cpu) => {
                let mut command = Command::new("taskset");
                command.args(["-c", cpu]).arg(&self.binary);
                command
            }
        }
    }
}

/// A command line without what holds for this machine only.
fn shown(arguments: &[&str]) -> String {
    let word = |word: &&str| match word.split_once(':') {
        Some((engine @ ("sqlite" | "postgres"), _)) => format!("{engine}:…"),
        _ => (*word).to_owned(),
    };
    arguments.iter().map(word).collect::<Vec<_>>().join(" ")
}

fn is_ready(address: SocketAddr) -> bool {
    let ask = || -> std::io::Result<bool> {
        let mut stream = TcpStream::connect_timeout(&address, Duration::from_millis(200))?;
        stream.set_read_timeout(Some(Duration::from_secs(2)))?;
        stream.write_all(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
        let mut begin = [0; 12];
        stream.read_exact(&mut begin)?;
        Ok(begin == *b"HTTP/1.1 200")
    };
    ask().unwrap_or(false)
}

/// A running server; killed when dropped.
pub(super) struct Served {
    child: Child,
    pub(super) url: String,
    /// From its start to its first answer that it serves.
    pub(super) ready_after: Duration,
}

impl Served {
    pub(super) fn pid(&self) -> String {
        self.child.id().to_string()
    }

    /// Resident memory in MiB; nothing where the system does not tell.
    pub(super) fn memory_mib(&self) -> Option<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).ok()?;
        let kib = status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.trim().strip_suffix("kB"))?;
        kib.trim().parse::<u64>().ok().map(|kib| kib / 1_024)
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // A store survives that; it is what it was made for.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shown_commands_name_no_place_of_this_machine() {
        let line = shown(&["bench", "pay", "--store", "sqlite:/a/b", "--url", "http://127.0.0.1:1", "--rate", "5"]);
        assert_eq!(line, "bench pay --store sqlite:… --url http://127.0.0.1:1 --rate 5");
        assert_eq!(shown(&["--store", "postgres://u:secret@h/d"]), "--store postgres:…");
    }

    #[test]
    fn nobody_there_is_not_ready() {
        let address = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap();
        assert!(!is_ready(address));
    }
}
