//! `suanpan search`: what any number names (一号通查), and everything that belongs to it.

use clap::Args;
use serde_json::Value;

use super::remote::{Remote, word};
use super::{Exit, block, say};

/// Finds what a number names.
#[derive(Args, Debug)]
pub(super) struct Search {
    /// Any number: an id, a merchant's own number, an institution's
    #[arg(value_name = "NUMBER")]
    number: String,
    /// Print everything that belongs to the trades that were found, as JSON
    #[arg(long)]
    chain: bool,
    #[command(flatten)]
    remote: Remote,
}

impl Search {
    pub(super) fn run(self) -> Result<Exit, Exit> {
        block(async move {
            let found = self.remote.get("/v1/search", &[("number", &self.number), ("limit", "100")]).await?;
            let hits = found.get("data").and_then(Value::as_array).cloned().unwrap_or_default();
            if self.chain {
                return self.chains(&hits).await;
            }
            for hit in &hits {
                let (object, id, as_what) = (word(hit, "object"), word(hit, "id"), word(hit, "found_as"));
                say(&format!("{object} {id}  trade {}  found as {as_what}", word(hit, "trade_id")));
            }
            if found.get("has_more") == Some(&Value::Bool(true)) {
                say("… and more");
            }
            Ok(if hits.is_empty() { Exit::Findings } else { Exit::Ok })
        })
    }

    async fn chains(&self, hits: &[Value]) -> Result<Exit, Exit> {
        let mut trades: Vec<String> = hits.iter().map(|hit| word(hit, "trade_id")).collect();
        trades.retain(|trade| !trade.is_empty());
        trades.sort();
        trades.dedup();
        for trade in &trades {
            let chain = self.remote.get(&format!("/v1/trades/{trade}/chain"), &[]).await?;
            say(&format!("{chain:#}"));
        }
        Ok(if trades.is_empty() { Exit::Findings } else { Exit::Ok })
    }
}
