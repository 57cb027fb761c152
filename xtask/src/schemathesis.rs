//! `cargo xtask schemathesis`: the server against its own OpenAPI document, by a tool that knows neither.
//!
//! Schemathesis makes requests of the document, valid and invalid ones, one by one and in chains, and holds every answer
//! to it: status, media type, shape, headers, that what is valid is taken and what is not is refused, that no
//! authentication is ignored, that nothing fails on our side. The run is not part of `cargo xtask test`, because the
//! first one fetches the tool from the network (into `target/schemathesis`); a machine with Python 3.10 is needed.
//!
//! The server runs on a store of its own that is thrown away. What the document cannot say stands in
//! `xtask/schemathesis`.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::failure::Failure;
use crate::{checkout, step};

/// The platform's key of the store that is thrown away.
const KEY: &str = "sk_test_schemathesis";
/// Seconds for the phases that go on for as long as they may.
const SECONDS: &str = "180";

/// Sets the tool up where it is missing, starts a server, and runs all checks; `arguments` are passed on to the tool.
pub(crate) fn run(arguments: &[String]) -> Result<(), Failure> {
    let root = checkout::root()?;
    let here = root.join("xtask/schemathesis");
    let place = root.join("target/schemathesis");
    let tool = tool(&here, &place)?;
    step::run(step::cargo(&root).args(["build", "--locked", "-p", "suanpan"]))?;
    let server = Server::start(&root, &place.join("data"))?;
    let mut command = Command::new(tool);
    command.current_dir(&place).arg("--config-file").arg(here.join("schemathesis.toml"));
    command.args(["run", &format!("{}/openapi.json", server.url), "--checks", "all", "--mode", "all"]);
    command.args(["-H", &format!("Authorization: Bearer {KEY}"), "--continue-on-failure", "--max-time", SECONDS]);
    command.args(arguments);
    command.env("SCHEMATHESIS_HOOKS", "hooks").env("PYTHONPATH", &here).env("PYTHONDONTWRITEBYTECODE", "1");
    command.env("SUANPAN_URL", &server.url).env("SUANPAN_KEY", KEY);
    step::run(&mut command)
}

/// The installed tool; installed now where it is not the version that is asked for.
fn tool(here: &Path, place: &Path) -> Result<PathBuf, Failure> {
    let (environment, wanted) = (place.join("python"), here.join("requirements.txt"));
    let installed = environment.join("requirements.txt");
    let text = |file: &Path| fs::read(file).ok();
    if text(&installed).is_none() || text(&installed) != text(&wanted) {
        step::run(Command::new("python3").args(["-m", "venv"]).arg(&environment))?;
        step::run(Command::new(environment.join("bin/pip")).args(["install", "--quiet", "-r"]).arg(&wanted))?;
        fs::copy(&wanted, &installed).map_err(|error| Failure::new(format!("{}: {error}", installed.display())))?;
    }
    Ok(environment.join("bin/schemathesis"))
}

/// A server on an empty store, stopped when dropped.
struct Server {
    child: Child,
    url: String,
}

impl Server {
    fn start(root: &Path, data: &Path) -> Result<Self, Failure> {
        // What the last run has left, if anything.
        let _ = fs::remove_dir_all(data);
        let store = format!("sqlite:{}", data.display());
        let mut command = Command::new(root.join("target/debug/suanpan"));
        command.args(["serve", "--environment", "test", "--listen", "127.0.0.1:0", "--store", &store]);
        command.env("SUANPAN_BOOTSTRAP_KEY", KEY).env("SUANPAN__LOG__LEVEL", "error");
        let failed = |error: std::io::Error| Failure::new(format!("the server does not start: {error}"));
        let mut child = command.stdout(Stdio::piped()).spawn().map_err(failed)?;
        let output = child.stdout.take();
        let mut server = Self { child, url: String::new() };
        for line in output.into_iter().flat_map(|output| BufReader::new(output).lines()) {
            if let Some(url) = line.map_err(failed)?.strip_prefix("listening on ") {
                url.clone_into(&mut server.url);
                return Ok(server);
            }
        }
        Err(Failure::new("the server ended before it listened"))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Where it has ended already there is nothing to stop.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
