//! `suanpan verify`: everything that must always hold, derived again and compared. Reads only; works beside a server.

use clap::Args;
use engine::verify::{self, Options};

use super::{Common, Exit, block, complain, exit, say};
use crate::ports::SystemClock;
use crate::runtime;
use crate::telemetry;
use engine::ports::Clock as _;

/// Verifies a store.
#[derive(Args, Debug)]
pub(super) struct Verify {
    #[command(flatten)]
    common: Common,
    /// Nothing is under way any more: then nothing may be waiting past its time without a case either
    #[arg(long)]
    quiesced: bool,
}

impl Verify {
    pub(super) fn run(self) -> Result<Exit, Exit> {
        let config = self.common.load()?.config;
        telemetry::start_log(&config.log);
        let options = Options { quiesced_at: self.quiesced.then(|| SystemClock.now()) };
        block(async move {
            let store = runtime::open(&config, store::Access::Inspect, &SystemClock)
                .await
                .map_err(|failure| exit::report(&failure))?;
            match verify::run_all(&*store.reader(), options).await {
                Ok(reports) => Ok(tell_all(&reports)),
                Err(error) => {
                    complain(&format!("{}: {error} ({})", config.store, error.detail()));
                    Err(Exit::Store)
                }
            }
        })
    }
}

fn tell_all(reports: &[verify::Report]) -> Exit {
    for (shard, report) in reports.iter().enumerate() {
        if reports.len() > 1 {
            say(&format!("shard {shard}"));
        }
        tell(report);
    }
    let found = reports
        .iter()
        .map(|report| u64::try_from(report.findings.len()).unwrap_or(u64::MAX).saturating_add(report.more));
    match found.fold(0, u64::saturating_add) {
        0 => {
            say("everything holds");
            Exit::Ok
        }
        found => {
            say(&format!("{found} things do not hold"));
            Exit::Findings
        }
    }
}

fn tell(report: &verify::Report) {
    for finding in &report.findings {
        say(&finding.to_string());
    }
    if report.more > 0 {
        say(&format!("… and {} more", report.more));
    }
    let checked = &report.checked;
    say(&format!(
        "up to batch {}: {} trades, {} vouchers, {} transfers, {} accounts, {} events, {} answers, {} claims, {} coupons, {} gifts, \
         {} grants of points, {} credit lines, {} bills, {} counters, {} tasks",
        report.seq,
        checked.trades,
        checked.vouchers,
        checked.transfers,
        checked.accounts,
        checked.events,
        checked.answers,
        checked.claims,
        checked.coupons,
        checked.gifts,
        checked.grants,
        checked.credit_lines,
        checked.bills,
        checked.counters,
        checked.tasks,
    ));
}
