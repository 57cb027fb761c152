//! Requests as bytes on a socket, so that a test can send what no client library would.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::Value;

use crate::api::new_key;

/// Longest wait for an answer.
const PATIENCE: Duration = Duration::from_secs(20);

/// A request, header by header.
#[derive(Clone)]
pub(super) struct Call {
    method: String,
    path: String,
    headers: Vec<(String, Vec<u8>)>,
    body: Vec<u8>,
}

impl Call {
    /// A POST as a well-behaved client sends it, under an idempotency key of its own.
    pub(super) fn post(key: &str, path: &str, body: impl Into<Vec<u8>>) -> Self {
        let call = Self::new("POST", path, body);
        call.with("authorization", format!("Bearer {key}"))
            .with("content-type", "application/json")
            .with("idempotency-key", new_key())
    }

    /// A GET.
    pub(super) fn get(key: &str, path: &str) -> Self {
        Self::new("GET", path, "").with("authorization", format!("Bearer {key}"))
    }

    /// A request with nothing but its host and its length.
    pub(super) fn new(method: &str, path: &str, body: impl Into<Vec<u8>>) -> Self {
        Self { method: method.to_owned(), path: path.to_owned(), headers: Vec::new(), body: body.into() }
    }

    /// The same with one more header.
    pub(super) fn with(mut self, name: &str, value: impl Into<Vec<u8>>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    /// The same without a header.
    pub(super) fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(known, _)| known != name);
        self
    }

    /// The same with another value of a header.
    pub(super) fn changed(self, name: &str, value: impl Into<Vec<u8>>) -> Self {
        self.without(name).with(name, value)
    }

    /// Everything up to the body. `connection: close` ends the answer.
    pub(super) fn head(&self, length: &str) -> Vec<u8> {
        let mut head =
            format!("{} {} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n", self.method, self.path).into_bytes();
        for (name, value) in &self.headers {
            head.extend_from_slice(name.as_bytes());
            head.extend_from_slice(b": ");
            head.extend_from_slice(value);
            head.extend_from_slice(b"\r\n");
        }
        head.extend_from_slice(length.as_bytes());
        head.extend_from_slice(b"\r\n\r\n");
        head
    }

    /// The whole request.
    pub(super) fn bytes(&self) -> Vec<u8> {
        let mut bytes = self.head(&format!("content-length: {}", self.body.len()));
        bytes.extend_from_slice(&self.body);
        bytes
    }

    /// Sends it and reads the answer.
    #[track_caller]
    pub(super) fn send(&self, address: &str) -> Answer {
        let answer = Answer::read(&exchange(address, &self.bytes()));
        answer.unwrap_or_else(|| panic!("no answer: {self}"))
    }
}

impl std::fmt::Display for Call {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let body: String = String::from_utf8_lossy(&self.body).chars().take(600).collect();
        write!(f, "{} {} {body}", self.method, self.path)
    }
}

/// Sends bytes and reads until the other side closes.
pub(super) fn exchange(address: &str, bytes: &[u8]) -> Vec<u8> {
    let mut stream = connect(address);
    // A server that has refused already need not read the rest.
    let _ = stream.write_all(bytes);
    read_to_close(&mut stream)
}

/// A connection that does not wait for ever.
pub(super) fn connect(address: &str) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// Everything until the other side closes; a reset after the answer is as good as a close.
pub(super) fn read_to_close(stream: &mut TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    if let Err(error) = stream.read_to_end(&mut bytes) {
        assert!(!matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut), "the connection was not closed");
    }
    bytes
}

/// An answer.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    headers: Vec<(String, String)>,
    pub(super) body: String,
}

impl Answer {
    /// Reads the first answer in these bytes.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let text = String::from_utf8_lossy(bytes);
        let (head, body) = text.split_once("\r\n\r\n")?;
        let mut lines = head.split("\r\n");
        let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
        let pair =
            |line: &str| line.split_once(": ").map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()));
        Some(Self { status, headers: lines.filter_map(pair).collect(), body: body.to_owned() })
    }

    /// A header; empty where it is missing.
    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }

    /// The body as JSON.
    #[track_caller]
    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }

    /// The body as JSON, where the status is this one.
    #[track_caller]
    pub(super) fn ok(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.body);
        self.json()
    }
}
