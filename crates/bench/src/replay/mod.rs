//! Real orders through the platform, and the books compared with sums made from the files alone.
//!
//! 1. Read both files; every order is payable or refused with its reason ([`crate::olist`]).
//! 2. Plan what happens to each payable order ([`plan`]) and sum up what the books must say ([`expect`]).
//! 3. Play every order over HTTP ([`order`]): an escrow trade of merchant `olist`, paid with the order's own tools,
//!    confirmed, and for a stated share refunded.
//! 4. Read the platform's figures and compare ([`books`]); tell what became of every order ([`report`]).
//!
//! It can be killed and run again at any time with the same options: every step repeats under its own idempotency key.
//! The subjects are compared over the whole ledger in BRL, so the store must have no other business in that currency.
//! Bounds: `concurrency` calls under way, `OPEN_PER_CALL` (16) times as many orders open, both files in memory.

pub mod books;
pub mod expect;
pub mod order;
pub mod plan;
pub mod report;
pub mod spread;

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use futures::StreamExt;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;
use tokio::sync::Semaphore;

use crate::api::Created;
use crate::client::Client;
use crate::error::Error;
use crate::olist::{self, Orders, Verdict, classify};
use expect::{Expected, Planned};
use order::{Player, Stop};
use report::{OrderReport, Outcome};

pub use report::Report;

/// Orders that may be open (most of them waiting for an institution) per call that may be under way.
const OPEN_PER_CALL: usize = 16;
const MERCHANT_NAME: &str = "olist";
const MERCHANT_KEY: &str = "replay-merchant-olist";

/// What to replay, and where.
#[derive(Clone, Debug)]
pub struct Options {
    /// The CSV file of items (`order_items.csv`, plain or gzip).
    pub orders: PathBuf,
    /// The CSV file of payments (`order_payments.csv`, plain or gzip).
    pub payments: PathBuf,
    /// `http://host:port`
    pub base_url: String,
    /// A platform key of the test environment.
    pub key: String,
    /// Calls under way at a time.
    pub concurrency: usize,
    /// How many of 100 orders are refunded.
    pub refund_share_percent: u8,
    /// Only the first so many orders by id.
    pub limit: Option<usize>,
    /// Where to write the report as JSON.
    pub json_out: Option<PathBuf>,
    /// Seconds to wait for a server that is away, and for a payment or refund to come to its end.
    pub patience_s: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            orders: PathBuf::from("order_items.csv"),
            payments: PathBuf::from("order_payments.csv"),
            base_url: "http://127.0.0.1:8080".to_owned(),
            key: String::new(),
            concurrency: 64,
            refund_share_percent: 5,
            limit: None,
            json_out: None,
            patience_s: 60,
        }
    }
}

/// Replays and compares; prints the report, writes it as JSON, and returns it. Whether all is well is
/// [`Report::agrees`]; an error means that there is no report.
pub async fn replay(options: &Options, out: &mut (dyn Write + Send)) -> Result<Report, Error> {
    let mut orders = olist::read(&options.orders, &options.payments)?;
    let lines = (orders.payment_count(), orders.item_count());
    if let Some(limit) = options.limit {
        orders.by_id = std::mem::take(&mut orders.by_id).into_iter().take(limit).collect();
    }
    let (planned, mut reports) = sort_out(&orders, options.refund_share_percent);
    writeln!(out, "{} orders: {} payable, {} refused", orders.by_id.len(), planned.len(), reports.len())?;

    let patience = Duration::from_secs(options.patience_s);
    let client = Client::new(&options.base_url, &options.key)?.patient(patience);
    let started = Instant::now();
    let merchant: Created = client.post_json("/v1/merchants", MERCHANT_KEY, &json!({ "name": MERCHANT_NAME })).await?;
    let permits = Semaphore::new(options.concurrency.max(1));
    let player = Player { client: &client, merchant: &merchant.id, permits: &permits, patience };
    reports.extend(play_all(&player, &planned, options.concurrency).await);
    let elapsed_s = started.elapsed().as_secs_f64();
    reports.sort_by(|a, b| a.order_id.cmp(&b.order_id));

    let expected = Expected::of(&planned);
    let trial = books::trial_balance(&client).await?;
    let sellers: BTreeSet<String> = orders.sellers().into_iter().map(str::to_owned).collect();
    let mut checks = books::check_tools(&expected, &shown_by_type(&planned, &reports));
    checks.extend(books::check_subjects(&expected, &trial));
    checks.extend(books::check_sellers(&client, &merchant.id, &sellers, &expected, options.concurrency).await?);

    let report = Report::new(reports, &orders.faults, lines, checks, trial.balanced, elapsed_s);
    report.print(out)?;
    if let Some(path) = &options.json_out {
        let text = serde_json::to_vec_pretty(&report).map_err(std::io::Error::from)?;
        std::fs::write(path, text)?;
    }
    Ok(report)
}

/// Payable orders with their plans, and the reports of the refused ones.
fn sort_out(orders: &Orders, refund_share_percent: u8) -> (Vec<Planned>, Vec<OrderReport>) {
    let mut planned = Vec::new();
    let mut refused = Vec::new();
    for (id, order) in &orders.by_id {
        match classify::classify(id, order) {
            Verdict::Payable(order) => {
                let plan = plan::plan(&order, refund_share_percent);
                planned.push(Planned { order, plan });
            }
            Verdict::Refused(reason) => refused.push(OrderReport {
                order_id: id.clone(),
                outcome: Outcome::Refused,
                reason: Some(reason.code().to_owned()),
                detail: reason.detail(),
                trade: None,
                paid_minor: order.payments.iter().map(|payment| i128::from(payment.amount_minor)).sum(),
                refund: None,
                dropped_zero_legs: 0,
            }),
        }
    }
    (planned, refused)
}

async fn play_all(player: &Player<'_>, planned: &[Planned], concurrency: usize) -> Vec<OrderReport> {
    let bar = progress(planned.len());
    let open = concurrency.max(1).saturating_mul(OPEN_PER_CALL);
    // Each play owns its order: a stream of futures that borrow from the slice could not be spawned.
    let played = planned.iter().cloned().map(|planned| play_one(player, planned, &bar));
    let reports = futures::stream::iter(played).buffer_unordered(open).collect().await;
    bar.finish_and_clear();
    reports
}

async fn play_one(player: &Player<'_>, planned: Planned, bar: &ProgressBar) -> OrderReport {
    let report = report_of(&planned, player.play(&planned).await);
    bar.inc(1);
    report
}

/// On standard error, and only where that is a terminal.
fn progress(length: usize) -> ProgressBar {
    let bar = ProgressBar::new(u64::try_from(length).unwrap_or(u64::MAX));
    if let Ok(style) = ProgressStyle::with_template("{bar:40} {pos}/{len} orders, {per_sec}, {eta} left") {
        bar.set_style(style);
    }
    bar
}

fn report_of(planned: &Planned, played: Result<String, Stop>) -> OrderReport {
    let (outcome, reason, detail, trade) = match played {
        Ok(trade) => (Outcome::Completed, None, None, Some(trade)),
        Err(stop) => (Outcome::NotCompleted, Some(stop.reason), stop.detail, stop.trade),
    };
    OrderReport {
        order_id: planned.order.id.clone(),
        outcome,
        reason,
        detail,
        trade,
        paid_minor: planned.order.amount_minor.into(),
        refund: Some(planned.plan.kind),
        dropped_zero_legs: planned.order.dropped_zero_legs,
    }
}

/// Sums by payment type of the orders whose parts the platform showed to be those of the file.
fn shown_by_type(planned: &[Planned], reports: &[OrderReport]) -> BTreeMap<String, i128> {
    let completed: BTreeSet<&str> = reports
        .iter()
        .filter(|report| report.outcome == Outcome::Completed)
        .map(|report| report.order_id.as_str())
        .collect();
    let mut sums = BTreeMap::new();
    for planned in planned.iter().filter(|planned| completed.contains(planned.order.id.as_str())) {
        for leg in &planned.order.legs {
            *sums.entry(leg.payment_type.as_str().to_owned()).or_default() += i128::from(leg.amount_minor);
        }
    }
    sums
}
