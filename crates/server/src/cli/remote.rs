//! A server that runs, as commands ask it: over its API, with a key, like every other client.

use std::time::Duration;

use clap::Args;
use engine::ports::Random as _;
use reqwest::{Client, RequestBuilder, Response, Url};
use serde_json::{Value, json};

use super::{Exit, complain};
use crate::ports::SystemRandom;

/// How often a call is made until it has an answer; each time under the same `Idempotency-Key`.
const TRIES: u32 = 3;
/// How long one of them may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// Which server.
#[derive(Args, Debug)]
pub(super) struct Remote {
    /// A server that runs
    #[arg(long, value_name = "URL", env = "SUANPAN_URL", default_value = "http://127.0.0.1:8080")]
    url: Url,
    /// A key of its API; better in SUANPAN_KEY than among the arguments, where others may see it
    #[arg(long, value_name = "KEY", env = "SUANPAN_KEY", hide_env_values = true)]
    key: String,
}

impl Remote {
    /// Reads what an address has, with these parameters.
    pub(super) async fn get(&self, path: &str, parameters: &[(&str, &str)]) -> Result<Value, Exit> {
        let url = self.at(path, parameters)?;
        accepted(self.send(|client| client.get(url.clone())).await?)
    }

    /// Tells an address something, once however often it has to be said.
    pub(super) async fn post(&self, path: &str, body: &Value) -> Result<Value, Exit> {
        accepted(self.try_post(&format!("cli-{:032x}", SystemRandom.bits()), path, body).await?)
    }

    /// The same under an `Idempotency-Key` of the caller's, who hears of a refusal.
    pub(super) async fn try_post(&self, key: &str, path: &str, body: &Value) -> Result<Result<Value, Refusal>, Exit> {
        let url = self.at(path, &[])?;
        let body = body.to_string();
        let json = "application/json";
        self.send(|client| {
            let request = client.post(url.clone()).header("Idempotency-Key", key);
            request.header("Content-Type", json).body(body.clone())
        })
        .await
    }

    fn at(&self, path: &str, parameters: &[(&str, &str)]) -> Result<Url, Exit> {
        let mut url = self.url.join(path).map_err(|error| {
            complain(&format!("{}: {error}", self.url));
            Exit::Usage
        })?;
        if !parameters.is_empty() {
            url.query_pairs_mut().extend_pairs(parameters);
        }
        Ok(url)
    }

    async fn send(&self, request: impl Fn(&Client) -> RequestBuilder) -> Result<Result<Value, Refusal>, Exit> {
        let client = Client::builder().no_proxy().timeout(PATIENCE).build().map_err(|error| {
            complain(&format!("no client: {error}"));
            Exit::Machine
        })?;
        let mut tries = 0;
        loop {
            tries += 1;
            match request(&client).bearer_auth(&self.key).send().await {
                Ok(answer) if is_passing(&answer) && tries < TRIES => tokio::time::sleep(wait(&answer)).await,
                Ok(answer) => return Ok(read(answer).await),
                Err(_) if tries < TRIES => tokio::time::sleep(Duration::from_millis(200)).await,
                Err(error) => {
                    complain(&format!("{}: no answer: {}", self.url, error.without_url()));
                    return Err(Exit::Away);
                }
            }
        }
    }
}

/// Whether the same call may find the server in a better mood.
fn is_passing(answer: &Response) -> bool {
    matches!(answer.status().as_u16(), 429 | 503)
}

/// As long as it wants, and no longer than people wait.
fn wait(answer: &Response) -> Duration {
    let wanted = answer.headers().get("Retry-After").and_then(|value| value.to_str().ok()?.parse().ok());
    Duration::from_secs(wanted.unwrap_or(1).min(5))
}

/// What a server says to what it does not do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    /// Its code.
    pub(super) code: String,
    /// All of it, in one line.
    pub(super) line: String,
}

impl Refusal {
    fn new(status: u16, problem: &Value) -> Self {
        let said = |name: &str| problem.get(name).and_then(Value::as_str);
        let (Some(code), Some(detail)) = (said("code"), said("detail")) else {
            let line = format!("the answer {status} is none of this program's; is the address right?");
            return Self { code: status.to_string(), line };
        };
        let line = match said("param") {
            Some(field) => format!("{code} ({field}): {detail}"),
            None => format!("{code}: {detail}"),
        };
        Self { code: code.to_owned(), line }
    }
}

/// What was done; a refusal is printed.
fn accepted(answer: Result<Value, Refusal>) -> Result<Value, Exit> {
    answer.map_err(|refusal| {
        complain(&refusal.line);
        Exit::Findings
    })
}

async fn read(answer: Response) -> Result<Value, Refusal> {
    let status = answer.status();
    let text = answer.text().await.unwrap_or_default();
    let body: Value = serde_json::from_str(&text).unwrap_or(Value::Null);
    if status.is_success() && !body.is_null() { Ok(body) } else { Err(Refusal::new(status.as_u16(), &body)) }
}

/// The text of a member; its JSON where it is no text, and nothing where it is not there.
pub(super) fn word(object: &Value, name: &str) -> String {
    match object.get(name) {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}

/// A file's text, line by line, as the API takes it.
pub(super) fn lines(text: &str) -> Value {
    json!(text.lines().collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_one_line() {
        let problem = json!({"code": "invalid_value", "detail": "a word", "param": "action"});
        assert_eq!(Refusal::new(400, &problem).line, "invalid_value (action): a word");
        let missing = Refusal::new(404, &json!({"code": "not_found", "detail": "nothing"}));
        assert_eq!((missing.code.as_str(), missing.line.as_str()), ("not_found", "not_found: nothing"));
        assert!(Refusal::new(502, &Value::Null).line.contains("502"));
    }

    #[test]
    fn parameters_are_escaped() {
        let remote = Remote { url: Url::parse("http://127.0.0.1:1").unwrap(), key: String::new() };
        let url = remote.at("/v1/search", &[("number", "A/1&x=2")]).unwrap();
        assert_eq!(url.as_str(), "http://127.0.0.1:1/v1/search?number=A%2F1%26x%3D2");
    }
}
