//! What the process says about itself: its log, and its metrics.
//!
//! The log goes to standard error: for people where that is a terminal, one JSON object per line elsewhere. Metrics are
//! rendered by our own `/metrics`. All are described at the start, and those without labels exist from then on, so that
//! a dashboard has zeros and no gaps. Labels have few values: never an id. Neither holds a secret or personal data.

use std::io::IsTerminal as _;

use metrics::{Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::config::{Log, LogFormat};

/// Requests answered, by `route` and `status`.
pub(crate) const HTTP_REQUESTS: &str = "suanpan_http_requests_total";
/// Time from a request's head to its answer, by `route`.
pub(crate) const HTTP_SECONDS: &str = "suanpan_http_request_seconds";
/// Requests per transaction.
pub(crate) const BATCH_REQUESTS: &str = "suanpan_batch_requests";
/// Rounds of loading per transaction.
pub(crate) const BATCH_ROUNDS: &str = "suanpan_batch_rounds";
/// Transactions.
pub(crate) const COMMITS: &str = "suanpan_commits_total";
/// Transactions decided again because somebody was faster.
pub(crate) const CONFLICTS: &str = "suanpan_conflicts_total";
/// Transactions whose answer was lost and resolved.
pub(crate) const UNKNOWN_COMMITS: &str = "suanpan_unknown_commits_total";
/// Events written to the log.
pub(crate) const EVENTS: &str = "suanpan_events_total";
/// Requests waiting for a line, by `stage`.
pub(crate) const QUEUE: &str = "suanpan_queue_length";
/// What they are counted with, in bytes.
pub(crate) const QUEUE_BYTES: &str = "suanpan_queue_bytes";
/// How long the first request of each batch had waited.
pub(crate) const QUEUE_WAIT: &str = "suanpan_queue_wait_seconds";
/// Requests let into a line, by `stage`.
pub(crate) const ADMITTED: &str = "suanpan_queue_admitted_total";
/// Requests not let into a line, or dropped from it, by `stage` and `reason`.
pub(crate) const REFUSED: &str = "suanpan_queue_refused_total";
/// Connections turned away.
pub(crate) const TURNED_AWAY: &str = "suanpan_connections_refused_total";
/// Notifications that the simulated institution could not get rid of.
pub(crate) const BANK_NOTIFICATIONS: &str = "suanpan_sandbox_notifications_total";

/// 1 while what a switch is for is out of use, by `name`.
pub(crate) const SWITCH: &str = "suanpan_switch";
/// Batches that this process has committed and the projections do not have yet, by `shard`.
pub(crate) const PROJECTIONS_BEHIND: &str = "suanpan_projections_behind";

/// Upper bounds of times, in seconds.
const SECONDS: [f64; 14] = [0.000_5, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0];
/// Upper bounds of counts.
const COUNTS: [f64; 11] = [0.0, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0];

/// Starts the log. Called once, before anything can go wrong that is worth a line.
pub(crate) fn start_log(log: &Log) {
    let terminal = std::io::stderr().is_terminal();
    let pretty = match log.format {
        LogFormat::Auto => terminal,
        LogFormat::Pretty => true,
        LogFormat::Json => false,
    };
    // The level was checked with the configuration.
    let filter = EnvFilter::try_new(&log.level).unwrap_or_else(|_| EnvFilter::new("info"));
    let registry = tracing_subscriber::registry().with(filter);
    let layer = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    // A second start changes nothing: tests start more than one server in a process.
    let _ = if pretty {
        registry.with(layer.with_ansi(terminal)).try_init()
    } else {
        registry.with(layer.json().flatten_event(true)).try_init()
    };
}

/// The rendered metrics of this process.
#[derive(Clone)]
pub(crate) struct Metrics(PrometheusHandle);

impl Metrics {
    /// Starts collecting. Where another collector was there first, this one stays empty.
    pub(crate) fn start() -> Self {
        let recorder = recorder();
        let handle = recorder.handle();
        if metrics::set_global_recorder(recorder).is_ok() {
            describe();
        }
        Self(handle)
    }

    /// The text for `/metrics`, in Prometheus' format.
    pub(crate) fn render(&self) -> String {
        self.0.render()
    }

    /// Folds in what histograms have collected; called every few seconds, so that a scrape is quick.
    pub(crate) fn upkeep(&self) {
        self.0.run_upkeep();
    }
}

fn recorder() -> metrics_exporter_prometheus::PrometheusRecorder {
    let bounds = |builder: PrometheusBuilder, suffix: &str, bounds: &[f64]| {
        // Refused only where the bounds are empty, and these are not.
        builder.set_buckets_for_metric(Matcher::Suffix(suffix.to_owned()), bounds).unwrap_or_default()
    };
    let builder = bounds(PrometheusBuilder::new(), "_seconds", &SECONDS);
    let builder = bounds(builder, "_requests", &COUNTS);
    bounds(builder, "_rounds", &COUNTS).build_recorder()
}

/// Microseconds as seconds, for a histogram.
#[allow(clippy::cast_precision_loss, clippy::float_arithmetic, reason = "a figure for people; no money is near")]
pub(crate) fn seconds(micros: i64) -> f64 {
    micros as f64 / 1e6
}

fn describe() {
    use engine::work::measure;
    for (name, text) in [
        (HTTP_REQUESTS, "Requests answered, by route and status."),
        (COMMITS, "Transactions of the lines."),
        (CONFLICTS, "Transactions decided again because another writer was faster."),
        (UNKNOWN_COMMITS, "Transactions whose answer was lost and resolved by reading."),
        (EVENTS, "Events written to the log."),
        (ADMITTED, "Requests let into a line, by stage."),
        (REFUSED, "Requests not let into a line, or dropped from it, by stage and reason."),
        (TURNED_AWAY, "Connections turned away because there were too many."),
        (BANK_NOTIFICATIONS, "Notifications of the simulated institution, by outcome."),
        (measure::TASKS, "Due tasks done, by kind and outcome."),
        (measure::CHANNEL_CALLS, "Calls to institutions, by channel account, operation and outcome."),
        (measure::HAPPENED, "What happened, by type of event, as the projections come to it."),
        (measure::DELIVERIES, "Webhook deliveries, by outcome."),
        (measure::BROUGHT, "Messages between shards that were brought to a line and answered by it."),
        (measure::RISK_ANSWERS, "Payments that the outside risk service was to be asked about, by what was heard."),
    ] {
        describe_counter!(name, Unit::Count, text);
    }
    for (name, unit, text) in [
        (QUEUE_BYTES, Unit::Bytes, "Bytes of the requests waiting for a line."),
        (measure::TASK_LAG, Unit::Seconds, "How late the last task that was started is."),
        (measure::TASKS_UNDER_WAY, Unit::Count, "Tasks under way."),
        (
            measure::PARKED,
            Unit::Count,
            "Webhook deliveries waiting for another attempt that were due at the last look.",
        ),
    ] {
        describe_gauge!(name, unit, text);
        gauge!(name).set(0.0);
    }
    describe_gauge!(SWITCH, Unit::Count, "1 while what a switch is for is out of use, by name.");
    let parked = "Messages between shards that could not be taken in and were due again at the last look, by shard.";
    describe_gauge!(measure::TRANSIT_PARKED, Unit::Count, parked);
    describe_gauge!(measure::RISK_BREAKER, Unit::Count, "1 while the breaker before the risk service is open.");
    gauge!(measure::RISK_BREAKER).set(0.0);
    let behind = "Batches that this process has committed and the projections do not have yet, by shard.";
    describe_gauge!(PROJECTIONS_BEHIND, Unit::Count, behind);
    describe_gauge!(QUEUE, Unit::Count, "Requests waiting for a line, by stage.");
    for (name, unit, text) in [
        (HTTP_SECONDS, Unit::Seconds, "Time from a request's head to its answer, by route."),
        (measure::RISK_SECONDS, Unit::Seconds, "How long was waited for the outside risk service."),
        (QUEUE_WAIT, Unit::Seconds, "How long the first request of each batch had waited."),
        (BATCH_REQUESTS, Unit::Count, "Requests per transaction."),
        (BATCH_ROUNDS, Unit::Count, "Rounds of loading per transaction."),
    ] {
        describe_histogram!(name, unit, text);
    }
    for name in [COMMITS, CONFLICTS, UNKNOWN_COMMITS, EVENTS, TURNED_AWAY] {
        counter!(name).absolute(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_have_their_bounds_and_their_zeros() {
        let recorder = recorder();
        let handle = recorder.handle();
        metrics::with_local_recorder(&recorder, || {
            describe();
            metrics::histogram!(BATCH_REQUESTS).record(3.0);
            metrics::histogram!(HTTP_SECONDS, "route" => "/livez").record(0.003);
        });
        let text = handle.render();
        for line in [
            "suanpan_commits_total 0",
            "suanpan_queue_bytes 0",
            "suanpan_batch_requests_bucket{le=\"4\"} 1",
            "suanpan_http_request_seconds_bucket{route=\"/livez\",le=\"0.005\"} 1",
        ] {
            assert!(text.contains(line), "{line} is missing in:\n{text}");
        }
    }
}
