//! The outside risk service over HTTP: the platform's own, so wherever its operators say it is, also in their own network.
//!
//! Connections are kept and used again; no redirects, no proxy, no retries, one time limit on all of it, and an answer of
//! more than [`MAX_ANSWER_BYTES`] is none.

use std::time::Duration;

use channel::Incoming;
use engine::ports::{NoAnswer, RiskService};
use futures::future::{BoxFuture, FutureExt as _};
use reqwest::{Client, Response};

use super::outside::{client, no_answer};

/// Most bytes of an answer.
const MAX_ANSWER_BYTES: usize = 4_096;

/// Sockets to the service.
pub(crate) struct RiskWeb {
    client: Client,
    url: String,
    timeout: Duration,
}

impl RiskWeb {
    /// Opens nothing yet. The address was checked with the configuration.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub(crate) fn new(url: &str, timeout_ms: u64) -> Result<Self, reqwest::Error> {
        let (client, _) = client(None)?;
        Ok(Self { client, url: url.to_owned(), timeout: Duration::from_millis(timeout_ms) })
    }
}

impl RiskService for RiskWeb {
    fn ask(
        &self,
        headers: Vec<(&'static str, String)>,
        body: String,
    ) -> BoxFuture<'static, Result<Incoming, NoAnswer>> {
        let mut request = self.client.post(&self.url).timeout(self.timeout);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let request = request.header("content-type", "application/json").body(body);
        async move { read(request.send().await.map_err(no_answer)?).await }.boxed()
    }
}

async fn read(mut answer: Response) -> Result<Incoming, NoAnswer> {
    let (status, mut body) = (answer.status().as_u16(), Vec::new());
    let text = |(name, value): (&reqwest::header::HeaderName, &reqwest::header::HeaderValue)| {
        Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned()))
    };
    let headers = answer.headers().iter().filter_map(text).collect();
    while let Some(part) = answer.chunk().await.map_err(no_answer)? {
        if body.len() + part.len() > MAX_ANSWER_BYTES {
            return Err(NoAnswer::Broken);
        }
        body.extend_from_slice(&part);
    }
    Ok(Incoming { status, headers, body })
}
