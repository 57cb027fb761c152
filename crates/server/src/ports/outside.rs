//! HTTP to the outside: deliveries to merchants' addresses.
//!
//! No redirects, no proxy, no retries of its own, a time limit on everything, no decompression, and of an answer at most
//! [`MAX_ANSWER_BYTES`] are read and thrown away: nobody is ever shown what a merchant's address answered. Names are
//! resolved here, once per connection, and only addresses that pass the guard are connected to.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use engine::ports::{NoAnswer, Outside};
use futures::future::{BoxFuture, FutureExt as _};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::{Client, redirect};

use super::guard::{address_allowed, url_allowed};
use crate::bank::{self, Teller};
use crate::config::Environment;

/// Most of an answer that is read, in bytes; more ends the connection.
const MAX_ANSWER_BYTES: usize = 65_536;
/// Longest time to connect.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Idle connections kept per merchant's address.
const IDLE_PER_HOST: usize = 16;

/// Sockets to the outside, and the teller of the embedded institution where there is one.
pub(crate) struct Web {
    client: Client,
    authorities: bool,
    environment: Environment,
    sandbox: Option<Teller>,
}

impl Web {
    /// Opens nothing yet.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub(crate) fn new(environment: Environment, sandbox: Option<Teller>) -> Result<Self, reqwest::Error> {
        let (client, authorities) = client(Some(environment))?;
        Ok(Self { client, authorities, environment, sandbox })
    }

    /// Whether certificate authorities are installed, so that `https` addresses can be reached.
    pub(crate) fn has_authorities(&self) -> bool {
        self.authorities
    }
}

impl Outside for Web {
    fn call(
        &self,
        account: &str,
        message: channel::Outgoing,
        timeout_ms: u32,
    ) -> BoxFuture<'static, Result<channel::Incoming, NoAnswer>> {
        match (&self.sandbox, account) {
            (Some(teller), bank::NAME) => teller.call(message, timeout_ms),
            _ => async { Err(NoAnswer::Refused) }.boxed(),
        }
    }

    fn deliver(
        &self,
        url: &str,
        headers: Vec<(&'static str, String)>,
        body: String,
        timeout_ms: u32,
    ) -> BoxFuture<'static, Result<u16, NoAnswer>> {
        let Ok(url) = url_allowed(url, self.environment) else {
            return async { Err(NoAnswer::Refused) }.boxed();
        };
        let mut request = self.client.post(url).timeout(Duration::from_millis(timeout_ms.into()));
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let request = request.header("content-type", "application/json").body(body);
        async move {
            let mut answer = request.send().await.map_err(no_answer)?;
            let status = answer.status().as_u16();
            let mut read = 0;
            // Reading a short answer to its end lets the connection be used again; what it says does not matter.
            while let Ok(Some(part)) = answer.chunk().await {
                read += part.len();
                if read > MAX_ANSWER_BYTES {
                    break;
                }
            }
            Ok(status)
        }
        .boxed()
    }
}

pub(super) fn no_answer(error: reqwest::Error) -> NoAnswer {
    if error.is_timeout() {
        NoAnswer::Timeout
    } else if error.is_connect() {
        NoAnswer::Unreachable
    } else {
        NoAnswer::Broken
    }
}

/// A client, and whether it knows any certificate authority. With an environment it connects only to addresses that
/// merchants may name there.
pub(super) fn client(guarded: Option<Environment>) -> Result<(Client, bool), reqwest::Error> {
    let builder = || {
        let builder = Client::builder()
            .redirect(redirect::Policy::none())
            .no_proxy()
            .retry(reqwest::retry::never())
            .referer(false)
            .user_agent("suanpan")
            .connect_timeout(CONNECT_TIMEOUT)
            .pool_max_idle_per_host(IDLE_PER_HOST);
        match guarded {
            Some(environment) => builder.dns_resolver(Arc::new(Guarded { environment })),
            None => builder,
        }
    };
    match builder().build() {
        Ok(client) => Ok((client, true)),
        Err(error) => {
            // A slim image without the package of authorities still runs; `https` deliveries fail until it is there.
            tracing::warn!(%error, "no certificate authorities are installed: https addresses cannot be reached");
            let none = rustls::ClientConfig::builder()
                .with_root_certificates(rustls::RootCertStore::empty())
                .with_no_client_auth();
            Ok((builder().tls_backend_preconfigured(none).build()?, false))
        }
    }
}

/// Resolves a name once and lets through only the addresses that may be connected to.
struct Guarded {
    environment: Environment,
}

impl Resolve for Guarded {
    fn resolve(&self, name: Name) -> Resolving {
        let environment = self.environment;
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let allowed: Vec<SocketAddr> = found.filter(|found| address_allowed(found.ip(), environment)).collect();
            if allowed.is_empty() {
                return Err(io::Error::new(io::ErrorKind::PermissionDenied, "no public address").into());
            }
            Ok(Box::new(allowed.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn resolved(environment: Environment) -> bool {
        let name = "localhost".parse().unwrap();
        Guarded { environment }.resolve(name).await.is_ok()
    }

    #[tokio::test]
    async fn a_name_that_points_to_ourselves_is_refused_when_connecting() {
        assert!(!resolved(Environment::Live).await);
        assert!(resolved(Environment::Test).await);
    }
}
