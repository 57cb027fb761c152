//! One delivery: [signed](crate::work::signed), posted, judged by its status alone (Standard Webhooks 1.0).
//!
//! The id is the event's, the same at every attempt, so that a receiver can drop what it has.

use std::sync::Arc;

use kernel::EndpointId;
use metrics::counter;

use crate::control::Endpoint;
use crate::events::{LogEvent, Place};
use crate::ports::{Clock, Outside};
use crate::work::{measure, signed};

/// A delivery that is about to be made.
pub(super) struct Delivery {
    pub(super) id: EndpointId,
    pub(super) endpoint: Arc<Endpoint>,
    pub(super) event: Arc<LogEvent>,
    /// How often it was attempted; `None` for the first attempt, straight from the log.
    pub(super) attempts: Option<i64>,
    pub(super) timeout_ms: u32,
}

/// A delivery that came to its end.
pub(super) struct Landed {
    pub(super) id: EndpointId,
    pub(super) place: Place,
    pub(super) attempts: Option<i64>,
    /// Why it failed; `None` where it did not.
    pub(super) failure: Option<String>,
}

impl Delivery {
    /// Makes it.
    pub(super) async fn run(self, salt: [u8; 32], clock: Arc<dyn Clock>, outside: Arc<dyn Outside>) -> Landed {
        let failure = self.attempt(&salt, &*clock, &*outside).await.err();
        let outcome = if failure.is_none() { "delivered" } else { "failed" };
        counter!(measure::DELIVERIES, "outcome" => outcome).increment(1);
        Landed { id: self.id, place: self.event.place, attempts: self.attempts, failure }
    }

    async fn attempt(&self, salt: &[u8; 32], clock: &dyn Clock, outside: &dyn Outside) -> Result<(), String> {
        let body = self.event.sent().map_err(|_| "body_broken".to_owned())?;
        let id = self.event.id(salt);
        let headers = signed::headers(&self.endpoint.secret, id, clock.wall(), body.as_bytes());
        let headers = headers.ok_or("secret_broken")?;
        match outside.deliver(&self.endpoint.url, headers, body, self.timeout_ms).await {
            Ok(200..=299) => Ok(()),
            Ok(status) => Err(format!("http_{status}")),
            Err(error) => Err(error.to_string()),
        }
    }
}
