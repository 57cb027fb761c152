//! The lines' queues: their terms from the configuration, their upkeep, their figures.

use std::sync::Arc;
use std::time::Duration;

use engine::ports::Clock;
use engine::queue::{Both, Figures, Stage, Terms};
use engine::route::Queues;
use metrics::{counter, gauge};

use crate::config::Limits;
use crate::telemetry::{ADMITTED, QUEUE, QUEUE_BYTES, REFUSED};

/// How late somebody may learn that its deadline has passed, while its line is busy.
const SWEEP: Duration = Duration::from_millis(100);

/// What may wait before each line, and how long.
pub(super) fn terms(limits: &Limits) -> Terms {
    let us = |ms: u64| i64::try_from(ms).unwrap_or(i64::MAX).saturating_mul(1_000);
    let deadline_us = us(limits.request_timeout_ms);
    Terms {
        places: limits.queue,
        bytes: limits.queue_bytes,
        batch: limits.batch,
        patience_us: Both { new: us(limits.wait_ms).min(deadline_us), begun: deadline_us },
    }
}

/// Answers those whose deadline has passed, for ever.
pub(super) async fn sweep(queues: Queues, clock: Arc<dyn Clock>) {
    loop {
        tokio::time::sleep(SWEEP).await;
        queues.sweep(clock.steady());
    }
}

/// Sets the metrics; done before they are shown, so that a request costs none of it.
#[allow(clippy::cast_precision_loss, reason = "figures for people")]
pub(super) fn publish(figures: &Figures) {
    gauge!(QUEUE_BYTES).set(figures.bytes as f64);
    for stage in Stage::ALL {
        let word = stage.as_str();
        gauge!(QUEUE, "stage" => word).set(*figures.waiting.of(stage) as f64);
        counter!(ADMITTED, "stage" => word).absolute(*figures.admitted.of(stage));
        for (reason, count) in
            [("full", &figures.full), ("bytes", &figures.heavy), ("late", &figures.late), ("expired", &figures.expired)]
        {
            counter!(REFUSED, "stage" => word, "reason" => reason).absolute(*count.of(stage));
        }
    }
}
