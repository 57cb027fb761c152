//! The names of what workers measure.

/// Due tasks done, by `kind` and `outcome`.
pub const TASKS: &str = "suanpan_tasks_total";
/// How late the last task that was started is, in seconds.
pub const TASK_LAG: &str = "suanpan_task_lag_seconds";
/// Tasks under way.
pub const TASKS_UNDER_WAY: &str = "suanpan_tasks_under_way";
/// Calls to institutions, by `account`, `operation` and `outcome`.
pub const CHANNEL_CALLS: &str = "suanpan_channel_calls_total";
/// What happened, by the `type` of its event, as the projections come to it.
pub const HAPPENED: &str = "suanpan_happened_total";
/// Webhook deliveries, by `outcome`.
pub const DELIVERIES: &str = "suanpan_webhook_deliveries_total";
/// Parked webhook deliveries that were due at the last look.
pub const PARKED: &str = "suanpan_webhook_parked_due";
/// Messages between shards that couriers have brought to a line, and it has answered.
pub const BROUGHT: &str = "suanpan_transit_brought_total";
/// Messages between shards that could not be taken in and were due again at the last look, by the `shard` they are for.
pub const TRANSIT_PARKED: &str = "suanpan_transit_parked_due";

/// Payments that rules wanted the outside risk service asked about, by `outcome`: what was heard.
pub const RISK_ANSWERS: &str = "suanpan_risk_answers_total";
/// How long was waited for the outside risk service, in seconds.
pub const RISK_SECONDS: &str = "suanpan_risk_seconds";
/// 1 while the breaker before the outside risk service is open or probes.
pub const RISK_BREAKER: &str = "suanpan_risk_breaker";

/// A count for a gauge.
#[allow(clippy::cast_precision_loss, reason = "a gauge")]
pub(crate) fn count(count: usize) -> f64 {
    count as f64
}

/// Microseconds as seconds, for a gauge.
#[allow(clippy::cast_precision_loss, clippy::float_arithmetic, reason = "a gauge; no money is near")]
pub(crate) fn seconds(micros: i64) -> f64 {
    micros as f64 / 1e6
}
