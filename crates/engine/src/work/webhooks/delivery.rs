//! One delivery: signed, posted, judged by its status alone (Standard Webhooks 1.0).
//!
//! `webhook-signature: v1,BASE64(HMAC-SHA256(secret, id.timestamp.body))`, the secret being the base64 part of `whsec_…`.
//! The id is the event's, the same at every attempt, so that a receiver can drop what it has.

use std::sync::Arc;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kernel::EndpointId;
use kernel::time::SECOND_US;
use metrics::counter;

use crate::control::Endpoint;
use crate::events::{LogEvent, Place};
use crate::ports::{Clock, Outside};
use crate::work::measure;

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
        let seconds = clock.wall().micros().div_euclid(SECOND_US);
        let signature = signature(&self.endpoint.secret, &id, seconds, &body).ok_or("secret_broken")?;
        let headers =
            vec![("webhook-id", id), ("webhook-timestamp", seconds.to_string()), ("webhook-signature", signature)];
        match outside.deliver(&self.endpoint.url, headers, body, self.timeout_ms).await {
            Ok(200..=299) => Ok(()),
            Ok(status) => Err(format!("http_{status}")),
            Err(error) => Err(error.to_string()),
        }
    }
}

/// The value of `webhook-signature`; `None` where the secret is none.
fn signature(secret: &str, id: &str, seconds: i64, body: &str) -> Option<String> {
    let key = STANDARD.decode(secret.strip_prefix("whsec_")?).ok()?;
    let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, &key));
    context.update(format!("{id}.{seconds}.").as_bytes());
    context.update(body.as_bytes());
    Some(format!("v1,{}", STANDARD.encode(context.sign())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_is_that_of_the_specification() {
        // The example of the specification's own libraries.
        let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
        let body = "{\"test\": 2432232314}";
        let signed = signature(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, body);
        assert_eq!(signed.as_deref(), Some("v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="));
        assert_eq!(signature("secret", "a", 1, body), None);
    }
}
