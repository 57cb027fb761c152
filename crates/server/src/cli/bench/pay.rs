//! `suanpan bench pay`: a grid over HTTP, of a server that runs or of one of its own.

use std::path::PathBuf;

use ::bench::load::machine::Watch;
use ::bench::pay::{Options, Scenario};
use clap::Args;

use crate::cli::own::Own;
use crate::cli::replay::{Target, failed};
use crate::cli::{Exit, block};

/// A grid of callers × hot share.
#[derive(Args, Debug)]
pub(in crate::cli) struct Pay {
    #[command(flatten)]
    target: Target,
    /// balance, coupon_channel, full, mixed, batch_create or echo
    #[arg(long, value_name = "WORD", default_value = "balance")]
    scenario: Scenario,
    /// Connections, one row each
    #[arg(long, value_name = "N,N", value_delimiter = ',', default_value = "1,16,256")]
    callers: Vec<usize>,
    /// Percent of the payments that go to one merchant, one row each
    #[arg(long, value_name = "PERCENT,PERCENT", value_delimiter = ',', default_value = "0")]
    hot_share: Vec<u8>,
    /// Arrivals per second (open loop); a closed loop where left out
    #[arg(long, value_name = "N")]
    rate: Option<u64>,
    /// Counted seconds per row
    #[arg(long, value_name = "SECONDS", default_value_t = 10)]
    duration: u64,
    /// Seconds before, not counted
    #[arg(long, value_name = "SECONDS", default_value_t = 2)]
    warm_up: u64,
    /// Merchants beside the hot one
    #[arg(long, value_name = "N", default_value_t = 100)]
    merchants: u32,
    /// Buyers
    #[arg(long, value_name = "N", default_value_t = 1_000)]
    buyers: u32,
    /// Coupons issued per row
    #[arg(long, value_name = "N")]
    coupons: Option<u64>,
    /// Things begun per row at most; the row ends when they are done
    #[arg(long, value_name = "N")]
    limit: Option<u64>,
    /// Put the yardstick beside each row, from a server of our own
    #[arg(long)]
    echo: bool,
    /// The server's process, to tell its CPU time
    #[arg(long, value_name = "PID")]
    server_pid: Option<u32>,
    /// The database's process, to tell its CPU time
    #[arg(long, value_name = "PID")]
    database_pid: Option<u32>,
    /// Repeat the same run
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Write the report as JSON, too
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

impl Pay {
    pub(super) fn run(self) -> Result<Exit, Exit> {
        block(self.measure())
    }

    async fn measure(self) -> Result<Exit, Exit> {
        let (base_url, key, own) = self.target.find().await?;
        let echo = if self.echo { Some(Own::echo().await?) } else { None };
        let options = Options {
            base_url,
            key,
            scenario: self.scenario,
            callers: self.callers,
            hot_share_percent: self.hot_share,
            rate: self.rate,
            duration_s: self.duration,
            warm_up_s: self.warm_up,
            merchants: self.merchants,
            buyers: self.buyers,
            coupons: self.coupons,
            limit: self.limit,
            echo_url: echo.as_ref().map(|echo| echo.url.clone()),
            watch: Watch {
                server_pid: self.server_pid.or_else(|| own.as_ref().map(Own::pid)),
                database_pid: self.database_pid,
            },
            seed: self.seed,
            json_out: self.json,
        };
        match ::bench::pay::run(&options, &mut std::io::stdout()).await {
            Ok(_) => Ok(Exit::Ok),
            Err(error) => Err(failed(&error)),
        }
    }
}
