//! The risk service that the sandbox plays where none is configured (test environment). What it does is said by the
//! `device` of a request's `risk`, one of [`Word`]; every other payment passes.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use channel::Incoming;
use engine::ports::{Clock, NoAnswer, RiskService};
use engine::work::signed;
use futures::future::{BoxFuture, FutureExt as _};
use serde::Deserialize;

/// How long it takes where it is slow.
const SLOW: Duration = Duration::from_secs(2);

/// The service.
pub(crate) struct Risk {
    /// What questions and answers are signed with.
    pub(crate) secret: String,
    /// How long is waited for an answer.
    pub(crate) patience: Duration,
    /// The time.
    pub(crate) clock: Arc<dyn Clock>,
}

/// The secret of a deployment's own service.
pub(crate) fn secret(salt: &[u8; 32]) -> String {
    format!("whsec_{}", STANDARD.encode(blake3::derive_key("suanpan sandbox risk service, signing key", salt)))
}

/// What it looks at of a question.
#[derive(Deserialize)]
struct Question {
    risk: Signals,
}

#[derive(Deserialize)]
struct Signals {
    device: Option<String>,
}

/// What it does.
enum Word {
    Pass,
    Refuse,
    /// Passes, too late.
    Slow,
    /// Nobody is there.
    Down,
    /// Breaks down.
    Error,
    /// Answers rubbish.
    Garbage,
    /// Passes, signed with another key.
    Forged,
}

impl Word {
    fn of(device: Option<&str>) -> Self {
        match device {
            Some("risk_refuse") => Self::Refuse,
            Some("risk_slow") => Self::Slow,
            Some("risk_down") => Self::Down,
            Some("risk_error_500") => Self::Error,
            Some("risk_garbage") => Self::Garbage,
            Some("risk_forged") => Self::Forged,
            _ => Self::Pass,
        }
    }
}

impl RiskService for Risk {
    fn ask(
        &self,
        headers: Vec<(&'static str, String)>,
        body: String,
    ) -> BoxFuture<'static, Result<Incoming, NoAnswer>> {
        let (secret, patience, clock) = (self.secret.clone(), self.patience, Arc::clone(&self.clock));
        async move {
            let said = said(&secret, &*clock, &headers, &body);
            tokio::time::timeout(patience, said).await.unwrap_or(Err(NoAnswer::Timeout))
        }
        .boxed()
    }
}

async fn said(
    secret: &str,
    clock: &dyn Clock,
    headers: &[(&'static str, String)],
    body: &str,
) -> Result<Incoming, NoAnswer> {
    let header = |name| headers.iter().find(|(known, _)| *known == name).map_or("", |(_, value)| value.as_str());
    let named = ["webhook-id", "webhook-timestamp", "webhook-signature"].map(header);
    let (true, Ok(question)) =
        (signed::is_signed(secret, named, clock.wall(), body.as_bytes()), serde_json::from_str::<Question>(body))
    else {
        return Ok(Incoming { status: 400, headers: Vec::new(), body: Vec::new() });
    };
    let answer = |status, body: &str, secret: &str| {
        let headers = signed::headers(secret, named[0].to_owned(), clock.wall(), body.as_bytes()).unwrap_or_default();
        let headers = headers.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        Ok(Incoming { status, headers, body: body.as_bytes().to_vec() })
    };
    let pass = r#"{"verdict":"pass"}"#;
    match Word::of(question.risk.device.as_deref()) {
        Word::Pass => answer(200, pass, secret),
        Word::Refuse => answer(200, r#"{"verdict":"refuse","code":"sandbox"}"#, secret),
        Word::Slow => {
            tokio::time::sleep(SLOW).await;
            answer(200, pass, secret)
        }
        Word::Down => Err(NoAnswer::Unreachable),
        Word::Error => answer(500, r#"{"error":"internal"}"#, secret),
        Word::Garbage => answer(200, "<html><body>pass", secret),
        Word::Forged => answer(200, pass, "whsec_c29tZWJvZHkgZWxzZQ=="),
    }
}
