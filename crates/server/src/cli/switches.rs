//! `suanpan switches`: what the platform's people have taken out of use at a server, and taking it out or bringing it back.

use clap::Subcommand;
use serde_json::{Value, json};

use super::remote::{Remote, word};
use super::{Exit, block, say};

/// Works on a server's switches.
#[derive(Debug, Subcommand)]
pub(super) enum Switches {
    /// List what can be switched off, and what is
    List {
        #[command(flatten)]
        remote: Remote,
    },
    /// Take something out of use for a while
    On(Throw),
    /// Bring it back
    Off(Throw),
}

/// Which, and why.
#[derive(Debug, clap::Args)]
pub(super) struct Throw {
    /// risk or marketing
    #[arg(value_name = "NAME")]
    name: String,
    /// Why
    #[arg(long, value_name = "TEXT")]
    reason: String,
    #[command(flatten)]
    remote: Remote,
}

impl Switches {
    pub(super) fn run(self) -> Result<Exit, Exit> {
        block(async move {
            match self {
                Self::List { remote } => list(&remote.get("/v1/switches", &[]).await?),
                Self::On(throw) => throw.tell(true).await?,
                Self::Off(throw) => throw.tell(false).await?,
            }
            Ok(Exit::Ok)
        })
    }
}

impl Throw {
    async fn tell(&self, on: bool) -> Result<(), Exit> {
        let body = json!({"on": on, "reason": self.reason});
        line(&self.remote.post(&format!("/v1/switches/{}", self.name), &body).await?);
        Ok(())
    }
}

fn list(page: &Value) {
    page.get("data").and_then(Value::as_array).into_iter().flatten().for_each(line);
}

/// One switch in a line, with the last time it was thrown.
fn line(switch: &Value) {
    let state = if switch.get("on") == Some(&Value::Bool(true)) { "on" } else { "off" };
    let last = switch.get("throws").and_then(|throws| throws.get(0));
    let last =
        last.map(|last| format!("  since {} by {}: {}", word(last, "at"), word(last, "by"), word(last, "reason")));
    say(&format!("{} {state}{}", word(switch, "name"), last.unwrap_or_default()));
}
