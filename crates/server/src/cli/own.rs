//! A server of our own for a command that needs one: another process of this same program, stopped when it is dropped.

use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::{Exit, complain};
use crate::config::Environment;
use crate::http;
use crate::ports::SystemRandom;
use engine::ports::Random as _;

/// How long it may take until it serves.
const PATIENCE_S: u32 = 60;

/// A process of this program that listens somewhere.
pub(super) struct Own {
    child: Child,
    /// Its address, as `http://127.0.0.1:41234`.
    pub(super) url: String,
    /// Its platform key.
    pub(super) key: String,
}

impl Drop for Own {
    fn drop(&mut self) {
        // A store survives that; it is what it was made for.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Own {
    /// `suanpan serve` on an empty store, ready to be asked.
    pub(super) async fn server(store: &str) -> Result<Self, Exit> {
        let key = http::draw_secret(Environment::Test, [SystemRandom.bits(), SystemRandom.bits()]);
        let own = Self::start(key, |command, listen| {
            command.args(["serve", "--environment", "test", "--store", store, "--listen", listen]);
            // One key makes all the load.
            command.env("SUANPAN__LIMITS__RATE_PER_KEY", "1000000");
        })?;
        own.wait("/readyz").await
    }

    /// `suanpan bench echo`, ready to be asked.
    pub(super) async fn echo() -> Result<Self, Exit> {
        let own = Self::start(String::new(), |command, listen| {
            command.args(["bench", "echo", "--listen", listen]);
        })?;
        own.wait(bench::echo::PATH).await
    }

    /// Its process.
    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }

    fn start(key: String, arguments: impl FnOnce(&mut Command, &str)) -> Result<Self, Exit> {
        let begin = || -> std::io::Result<Self> {
            // Free now, and ours a moment later.
            let listen = TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string();
            let mut command = Command::new(std::env::current_exe()?);
            arguments(&mut command, &listen);
            command.env("SUANPAN_BOOTSTRAP_KEY", &key).env("SUANPAN__LOG__LEVEL", "warn").stdout(Stdio::null());
            if key.is_empty() {
                command.env_remove("SUANPAN_BOOTSTRAP_KEY");
            }
            Ok(Self { child: command.spawn()?, url: format!("http://{listen}"), key })
        };
        begin().map_err(|error| {
            complain(&format!("no server of our own: {error}"));
            Exit::Machine
        })
    }

    /// Waits until something answers there.
    async fn wait(mut self, path: &str) -> Result<Self, Exit> {
        let url = format!("{}{path}", self.url);
        for _ in 0..PATIENCE_S * 20 {
            if let Ok(Some(status)) = self.child.try_wait() {
                complain(&format!("the server of our own ended: {status}"));
                return Err(Exit::Machine);
            }
            match reqwest::get(&url).await {
                // The echo takes no GET; that it says so is enough.
                Ok(answer) if answer.status().is_success() || answer.status().as_u16() == 405 => return Ok(self),
                Ok(_) | Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        }
        complain("the server of our own did not begin to serve");
        Err(Exit::Machine)
    }
}
