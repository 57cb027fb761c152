//! A server, and whole requests to it.

use std::io::Write;
use std::net::SocketAddr;
use std::sync::Arc;

use crate::error::Error;

/// A server.
#[derive(Clone, Debug)]
pub(in crate::pay) struct Target {
    pub(in crate::pay) address: SocketAddr,
    host: Arc<str>,
    key: Arc<str>,
}

impl Target {
    pub(in crate::pay) async fn resolve(base_url: &str, key: &str) -> Result<Self, Error> {
        let fail = |reason: &str| Error::Setup(format!("{base_url}: {reason}"));
        let host = base_url.strip_prefix("http://").ok_or_else(|| fail("expected http://host:port"))?;
        let host = host.trim_end_matches('/');
        let address = tokio::net::lookup_host(host)
            .await
            .map_err(|error| fail(&error.to_string()))?
            .next()
            .ok_or_else(|| fail("no such host"))?;
        Ok(Self { address, host: host.into(), key: key.into() })
    }

    pub(super) fn post(&self, path: std::fmt::Arguments<'_>, key: &str, body: &str, request: &mut Vec<u8>) {
        // Writing to a vector cannot fail.
        let _ = write!(
            request,
            "POST {path} HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\nIdempotency-Key: {key}\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            self.host,
            self.key,
            body.len()
        );
    }

    pub(super) fn get(&self, path: std::fmt::Arguments<'_>, request: &mut Vec<u8>) {
        let _ =
            write!(request, "GET {path} HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\n\r\n", self.host, self.key);
    }
}

#[cfg(test)]
impl Target {
    /// Of tests that send nothing.
    pub(super) fn nowhere() -> Self {
        Self { address: ([127, 0, 0, 1], 80).into(), host: "h".into(), key: "sk_test_1".into() }
    }
}
