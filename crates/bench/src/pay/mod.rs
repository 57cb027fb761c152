//! `suanpan bench pay`: how many payments a second, how long they take, and what they cost.
//!
//! What is counted:
//! - [`Scenario::Balance`]: an `instant` trade created and paid by the buyer's balance in one call, one receiver (the
//!   merchant). Counted when the answer says `completed`; that answer is durable.
//! - [`Scenario::CouponChannel`]: the same paid by a coupon and a card of the sandbox. The call answers before the
//!   institution does, so the caller then asks `GET /v1/payments/{id}?wait=10` and the payment is counted when that says
//!   `succeeded`: one more request per payment, as a real client makes. The time to the first answer is told apart.
//! - [`Scenario::Full`]: an `escrow` trade created, paid by a card in a second call, waited for, confirmed, and in 5 of
//!   100 refunded and waited for again: four requests or more. Counted at the end of the last.
//! - [`Scenario::Mixed`]: one payment by balance, three reads. Every request is counted; both kinds have their latencies.
//! - [`Scenario::BatchCreate`]: trades created without paying, as many at once as there are callers. The API has no
//!   endpoint for many at once; what queues together is one batch of the store all the same.
//! - [`Scenario::Echo`]: the yardstick ([`crate::echo`]) with a body of the same size.
//!
//! Every request has a random idempotency key (UUID v4) and a random order number, as in life; the load is a grid of
//! callers × hot share. Preparation (merchants, balances, coupons) is not counted.

mod prepare;
mod report;
mod scenario;
mod work;

use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::client::Client;
use crate::error::Error;
use crate::load::machine::{Machine, Watch};
use crate::load::{Drive, Driven, Workload, drive};
use crate::seed;
use prepare::Prepared;
use work::{Balance, CouponChannel, Create, Echo, Full, Limited, Mix, Mixed, Target};

pub use report::{Kind, Report, Row};
pub use scenario::Scenario;

/// What to measure, and where.
#[derive(Clone, Debug)]
pub struct Options {
    /// `http://host:port`; for [`Scenario::Echo`] the echo's.
    pub base_url: String,
    /// A platform key of the test environment.
    pub key: String,
    /// What a caller does.
    pub scenario: Scenario,
    /// Connections, one row of the report each.
    pub callers: Vec<usize>,
    /// Percent of the payments that go to one merchant, one row each; the others are spread over `merchants`.
    pub hot_share_percent: Vec<u8>,
    /// Arrivals per second (open loop); `None` for a closed loop.
    pub rate: Option<u64>,
    /// Counted seconds per row.
    pub duration_s: u64,
    /// Seconds before, not counted.
    pub warm_up_s: u64,
    /// Merchants beside the hot one.
    pub merchants: u32,
    /// Buyers.
    pub buyers: u32,
    /// Coupons issued per row of [`Scenario::CouponChannel`]; the row ends early when they are spent. Default: 3,000 per
    /// second.
    pub coupons: Option<u64>,
    /// Things begun per row at most; the row ends when they are done. `None` for as many as there is time for.
    pub limit: Option<u64>,
    /// Where an echo is served: then each row is preceded by the same load on it, and their ratio is told.
    pub echo_url: Option<String>,
    /// Processes whose CPU time is told.
    pub watch: Watch,
    /// Repeats the same run; `None` draws one from the clock, as runs on one store must differ.
    pub seed: Option<u64>,
    /// Where to write the report as JSON.
    pub json_out: Option<PathBuf>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            base_url: "http://127.0.0.1:8080".to_owned(),
            key: String::new(),
            scenario: Scenario::Balance,
            callers: vec![1, 16, 256],
            hot_share_percent: vec![0],
            rate: None,
            duration_s: 10,
            warm_up_s: 2,
            merchants: 100,
            buyers: 1_000,
            coupons: None,
            limit: None,
            echo_url: None,
            watch: Watch::default(),
            seed: None,
            json_out: None,
        }
    }
}

/// Measures every cell of the grid; prints the report as Markdown, writes it as JSON, and returns it.
pub async fn run(options: &Options, out: &mut (dyn Write + Send)) -> Result<Report, Error> {
    let seed = options.seed.unwrap_or_else(seed_of_the_clock);
    let target = Target::resolve(&options.base_url, &options.key).await?;
    let echo_target = match &options.echo_url {
        Some(url) => Some(Target::resolve(url, &options.key).await?),
        None => None,
    };
    let client = Client::new(&options.base_url, &options.key)?.patient(Duration::from_secs(30));
    let prepared = match options.scenario {
        Scenario::Echo => Prepared::nobody(),
        _ => prepare::merchants_and_buyers(&client, options, seed).await?,
    };
    let mut report = Report::new(options, seed, Machine::this());
    for hot_share in &options.hot_share_percent {
        for callers in &options.callers {
            let row_seed = seed::mix(seed ^ u64::try_from(report.rows.len()).unwrap_or(0));
            let mix = Mix { seed: row_seed, hot_share_percent: *hot_share, prepared: prepared.clone() };
            let echoed = match &echo_target {
                Some(target) => Some(echo_drive(target, mix.clone(), *callers, options).await?),
                None => None,
            };
            let workload = workload(options, &client, &target, mix).await?;
            let driven = drive(target.address, workload, drive_of(options, *callers), &options.watch).await?;
            report.rows.push(Row::new(*callers, *hot_share, options.rate, &driven, echoed.as_ref()));
        }
    }
    report.print(out)?;
    if let Some(path) = &options.json_out {
        std::fs::write(path, serde_json::to_vec_pretty(&report).map_err(std::io::Error::from)?)?;
    }
    Ok(report)
}

async fn workload(options: &Options, client: &Client, target: &Target, mix: Mix) -> Result<Arc<dyn Workload>, Error> {
    let target = target.clone();
    let all: Arc<dyn Workload> = match options.scenario {
        Scenario::Balance => Arc::new(Balance { target, mix }),
        Scenario::Full => Arc::new(Full { target, mix }),
        Scenario::Mixed => Arc::new(Mixed::new(target, mix)),
        Scenario::BatchCreate => Arc::new(Create { target, mix }),
        Scenario::Echo => Arc::new(Echo { target, mix }),
        Scenario::CouponChannel => {
            let seconds = options.duration_s + options.warm_up_s;
            let count = options.coupons.unwrap_or(seconds * options.rate.unwrap_or(3_000));
            let coupons = prepare::coupons(client, &mix, count).await?;
            Arc::new(CouponChannel { target, mix, coupons })
        }
    };
    Ok(match options.limit {
        Some(limit) => Arc::new(Limited { limit, of: all }),
        None => all,
    })
}

/// The yardstick of a row: the same callers in a closed loop, whatever the row does.
async fn echo_drive(target: &Target, mix: Mix, callers: usize, options: &Options) -> Result<Driven, Error> {
    let load = Drive { rate: None, ..drive_of(options, callers) };
    let workload = Arc::new(Echo { target: target.clone(), mix });
    drive(target.address, workload, load, &Watch::default()).await
}

fn drive_of(options: &Options, callers: usize) -> Drive {
    Drive {
        callers: callers.max(1),
        duration: Duration::from_secs(options.duration_s),
        warm_up: Duration::from_secs(options.warm_up_s),
        rate: options.rate,
    }
}

fn seed_of_the_clock() -> u64 {
    let micros = jiff::Timestamp::now().as_microsecond();
    seed::mix(micros.unsigned_abs() ^ u64::from(std::process::id()).rotate_left(48))
}
