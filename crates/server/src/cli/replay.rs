//! `suanpan replay`: real orders through the API, and the books compared.

use std::path::PathBuf;

use clap::Args;

use super::own::Own;
use super::{Exit, block, complain};

/// Plays orders through a server that runs, or through one of its own.
#[derive(Args, Debug)]
pub(super) struct Replay {
    /// The CSV file of items, plain or gzip
    #[arg(long, value_name = "FILE")]
    orders: PathBuf,
    /// The CSV file of payments, plain or gzip
    #[arg(long, value_name = "FILE")]
    payments: PathBuf,
    #[command(flatten)]
    target: Target,
    /// Calls under way at a time
    #[arg(long, value_name = "N", default_value_t = 64)]
    concurrency: usize,
    /// How many of 100 orders are refunded
    #[arg(long, value_name = "PERCENT", default_value_t = 5, value_parser = clap::value_parser!(u8).range(0..=100))]
    refund_share: u8,
    /// Only the first so many orders by id
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
    /// Write the report as JSON, too
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Seconds to wait for a server that is away, and for a payment to come to its end
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    patience: u64,
}

/// Which server.
#[derive(Args, Debug)]
pub(super) struct Target {
    /// A server that runs, as http://127.0.0.1:8080
    #[arg(long, value_name = "URL", requires = "key", conflicts_with = "store")]
    url: Option<String>,
    /// A platform key of its test environment
    #[arg(long, value_name = "KEY", env = "SUANPAN_KEY", hide_env_values = true)]
    key: Option<String>,
    /// Start a server of our own on this empty store instead
    #[arg(long, value_name = "ADDRESS", required_unless_present = "url")]
    store: Option<String>,
}

impl Target {
    /// Address and key of the server, and the server itself where it is ours.
    pub(super) async fn find(&self) -> Result<(String, String, Option<Own>), Exit> {
        match (&self.url, &self.store) {
            (Some(url), _) => Ok((url.clone(), self.key.clone().unwrap_or_default(), None)),
            (None, Some(store)) => {
                let own = Own::server(store).await?;
                Ok((own.url.clone(), own.key.clone(), Some(own)))
            }
            (None, None) => Err(Exit::Usage),
        }
    }
}

impl Replay {
    pub(super) fn run(self) -> Result<Exit, Exit> {
        block(async move {
            let (base_url, key, _own) = self.target.find().await?;
            let options = bench::replay::Options {
                orders: self.orders,
                payments: self.payments,
                base_url,
                key,
                concurrency: self.concurrency,
                refund_share_percent: self.refund_share,
                limit: self.limit,
                json_out: self.json,
                patience_s: self.patience,
            };
            match bench::replay::replay(&options, &mut std::io::stdout()).await {
                Ok(report) if report.agrees() => Ok(Exit::Ok),
                Ok(_) => Ok(Exit::Findings),
                Err(error) => Err(failed(&error)),
            }
        })
    }
}

/// Prints why there is no report; gives the code.
pub(super) fn failed(error: &bench::Error) -> Exit {
    complain(&error.to_string());
    match error {
        bench::Error::Setup(_) | bench::Error::File { .. } => Exit::Usage,
        _ => Exit::Findings,
    }
}
