//! `suanpan demo`: a store of its own, a few hundred orders through the public API, the books, and a server to look at.
//!
//! Its platform key is kept in the folder beside the data, so that the demo can be stopped and started again; it opens
//! play money only. Everything that is played goes over HTTP like anybody's orders.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bench::Client;
use bench::shoppers::{self, Options};
use clap::Args;
use comfy_table::presets::ASCII_MARKDOWN;
use comfy_table::{CellAlignment, Table};
use engine::ports::{Clock as _, Random as _};
use kernel::time::SECOND_US;

use super::replay::failed;
use super::{Common, Exit, block, complain, exit, say, told_to_stop};
use crate::config::{Config, Environment, Secret, StoreUrl};
use crate::http;
use crate::ports::{SystemClock, SystemRandom};
use crate::runtime;
use crate::telemetry::{self, Metrics};

/// How long a call is repeated while the server is away.
const PATIENCE: Duration = Duration::from_secs(30);
/// The file beside the data that holds the demo's platform key.
const KEY_FILE: &str = "demo.key";

/// Everything that happens is play.
#[derive(Args, Debug)]
pub(super) struct Demo {
    /// The folder for its data; made if it is not there
    #[arg(long, value_name = "DIR", default_value = "data/demo")]
    data: PathBuf,
    /// Where the server listens
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8080")]
    listen: String,
    /// Orders to begin with
    #[arg(long, value_name = "N", default_value_t = 300)]
    orders: u64,
    /// Milliseconds between two orders of the trickle
    #[arg(long, value_name = "MS", default_value_t = 2_000)]
    every: u64,
    /// Stop after the first orders instead of going on until Ctrl-C
    #[arg(long)]
    exit: bool,
}

impl Demo {
    pub(super) fn run(self) -> Result<Exit, Exit> {
        let mut config = Common { listen: Some(self.listen.clone()), ..Common::default() }.load()?.config;
        let key = key_of(&self.data).map_err(|error| {
            complain(&format!("{}: {error}", self.data.display()));
            Exit::Machine
        })?;
        config.store = StoreUrl::sqlite(&self.data);
        config.environment = Environment::Test;
        config.bootstrap_key = Some(Secret::new(&*key));
        config.log.level = "warn".to_owned();
        telemetry::start_log(&config.log);
        let metrics = Metrics::start();
        block(self.play(config, key, metrics))
    }

    async fn play(self, config: Config, key: String, metrics: Metrics) -> Result<Exit, Exit> {
        let running = runtime::start(&config, metrics).await.map_err(|failure| exit::report(&failure))?;
        let base_url = format!("http://{}", running.address);
        say(&format!("serving on {base_url} with the data in {}", self.data.display()));
        let seed = SystemClock.now().micros() / SECOND_US;
        let options = Options { base_url, key, orders: self.orders, seed: seed.unsigned_abs() };
        let every = Duration::from_millis(self.every);
        let once = self.exit;
        let (done, over) = tokio::sync::oneshot::channel();
        let shopping = async move {
            let shopped = shop(&options, every, once).await;
            // The server is waiting for this, or it has ended.
            let _ = done.send(());
            shopped
        };
        let serving = running.until_stopped(async {
            tokio::select! {
                () = told_to_stop() => {}
                _ = over => {}
            }
        });
        let (mut shopping, mut serving) = (std::pin::pin!(shopping), std::pin::pin!(serving));
        tokio::select! {
            shopped = &mut shopping => {
                serving.await.map_err(|failure| exit::report(&failure))?;
                shopped.map(|()| Exit::Ok).map_err(|error| failed(&error))
            }
            served = &mut serving => served.map(|()| Exit::Ok).map_err(|failure| exit::report(&failure)),
        }
    }
}

/// Plays, shows the books, and goes on until it is dropped.
async fn shop(options: &Options, every: Duration, once: bool) -> Result<(), bench::Error> {
    let client = Client::new(&options.base_url, &options.key)?.patient(PATIENCE);
    let merchant: bench::api::Created =
        client.post_json("/v1/merchants", "demo-your-shop", &serde_json::json!({ "name": "Your shop" })).await?;
    show_ways(options, &merchant.id);
    say(&format!("\n{} orders are being played through the API; some wait for an institution …", options.orders));
    let mut out = std::io::stdout();
    shoppers::play(options, &mut out).await?;
    show_books(&client).await?;
    if !once {
        say("\nOrders go on coming in until Ctrl-C.");
        shoppers::trickle(options, every, std::future::pending(), &mut out).await?;
    }
    Ok(())
}

/// The trial balance, as the API tells it.
async fn show_books(client: &Client) -> Result<(), bench::Error> {
    let trial: bench::api::TrialBalance = client.get_json("/v1/ledger/trial_balance?currency=CNY").await?;
    let mut table = Table::new();
    table.load_style(ASCII_MARKDOWN).set_header(["subject", "debit (fen)", "credit (fen)"]);
    for row in &trial.rows {
        table.add_row([row.subject.clone(), row.debit.to_string(), row.credit.to_string()]);
    }
    table.add_row(["total".to_owned(), trial.debit_total.to_string(), trial.credit_total.to_string()]);
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    say(&format!("\nTrial balance, CNY, {}:\n{table}", if trial.balanced { "balanced" } else { "NOT BALANCED" }));
    Ok(())
}

fn show_ways(options: &Options, merchant: &str) {
    let Options { base_url, key, .. } = options;
    let order = serde_json::json!({
        "merchant_id": merchant,
        "merchant_order_id": "A1001",
        "type": "escrow",
        "amount": 14_490,
        "currency": "CNY",
        "buyer": "42",
        "pay": { "tools": [{ "tool": "channel", "method": "card", "amount": 14_490 }] },
    });
    say(&format!(
        "documentation  {base_url}/docs\nopenapi        {base_url}/openapi.json\nmetrics        {base_url}/metrics\n\n\
         A trade of your own, paid in the same call:\n\n\
         curl -s {base_url}/v1/trades -H 'Authorization: Bearer {key}' \\\n     \
         -H 'Idempotency-Key: order-A1001' -H 'Content-Type: application/json' \\\n     \
         -d '{order}'"
    ));
}

/// The key of this folder; a new one where there is none.
fn key_of(folder: &Path) -> std::io::Result<String> {
    fs::create_dir_all(folder)?;
    let path = folder.join(KEY_FILE);
    if path.exists() {
        return Ok(fs::read_to_string(path)?.trim().to_owned());
    }
    let key = http::draw_secret(Environment::Test, [SystemRandom.bits(), SystemRandom.bits()]);
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    writeln!(file, "{key}")?;
    Ok(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_of_a_folder_stays_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let inside = folder.path().join("demo");
        let first = key_of(&inside).unwrap();
        assert!(first.starts_with("sk_test_"));
        assert_eq!(key_of(&inside).unwrap(), first);
    }
}
