//! What can go wrong between a client and the platform, and in the files it reads.

use std::path::PathBuf;

use serde::Deserialize;

/// A refusal in the platform's own words: an `application/problem+json` body (RFC 9457).
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Problem {
    /// Stable word for the reason, e.g. `order_exists`; empty where the answer was no problem document.
    pub code: String,
    /// The request's field that is wrong, where one is.
    pub param: Option<String>,
    /// Explanation for people.
    pub detail: Option<String>,
    /// Whether the same request may succeed later.
    pub retryable: bool,
    /// Names the request in the server's log.
    pub request_id: Option<String>,
}

impl Problem {
    /// Reads a refusal's body; a body that is no problem document gives an empty code and its first 200 characters.
    pub fn read(body: &[u8]) -> Self {
        serde_json::from_slice(body).unwrap_or_else(|_| Self {
            detail: Some(String::from_utf8_lossy(body).chars().take(200).collect()),
            ..Self::default()
        })
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.code.is_empty() { "(no code)" } else { &self.code })?;
        if let Some(param) = &self.param {
            write!(f, " at {param}")?;
        }
        match &self.detail {
            Some(detail) => write!(f, ": {detail}"),
            None => Ok(()),
        }
    }
}

/// Why a step could not be done.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address or the key cannot be used.
    #[error("{0}")]
    Setup(String),
    /// No answer: connection refused, broken, or too slow. Whether the request took effect is not known.
    #[error("{path}: no answer: {reason}")]
    NoAnswer {
        /// The path that was called.
        path: String,
        /// What the connection said.
        reason: String,
    },
    /// The platform said no.
    #[error("{path}: {status} {problem}")]
    Refused {
        /// The path that was called.
        path: String,
        /// The HTTP status.
        status: u16,
        /// The platform's words.
        problem: Box<Problem>,
    },
    /// The platform answered something that its API does not promise.
    #[error("{path}: unexpected answer: {reason}")]
    Unexpected {
        /// The path that was called.
        path: String,
        /// What was missing or wrong.
        reason: String,
    },
    /// A file cannot be read, or is not what it should be.
    #[error("{}: {reason}", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// A caller of the load generator ended by a fault of the program; its counts are lost, so there is no report.
    #[error("a caller of the load generator failed: {0}")]
    Caller(String),
    /// The report cannot be written.
    #[error("cannot write the report: {0}")]
    Output(#[from] std::io::Error),
}

impl Error {
    /// A short stable word for tables: the problem's code, or the kind of failure.
    pub fn word(&self) -> String {
        match self {
            Self::Setup(_) => "setup".to_owned(),
            Self::NoAnswer { .. } => "no_answer".to_owned(),
            Self::Refused { status, problem, .. } if problem.code.is_empty() => format!("http_{status}"),
            Self::Refused { problem, .. } => problem.code.clone(),
            Self::Unexpected { .. } => "unexpected_answer".to_owned(),
            Self::File { .. } => "file".to_owned(),
            Self::Caller(_) => "caller".to_owned(),
            Self::Output(_) => "output".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_document_is_read_and_anything_else_is_kept_short() {
        let problem = Problem::read(
            br#"{"type":"x","status":422,"code":"refund_exceeds_paid","param":"amount","retryable":false}"#,
        );
        assert_eq!(problem.code, "refund_exceeds_paid");
        assert_eq!(problem.param.as_deref(), Some("amount"));
        let html = Problem::read("<html>".repeat(100).as_bytes());
        assert_eq!(html.code, "");
        assert_eq!(html.detail.map(|detail| detail.len()), Some(200));
    }
}
