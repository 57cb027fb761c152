//! The address we listen on, and what is counted of every request.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use axum::Router;
use axum::extract::{MatchedPath, Request};
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use engine::ports::Clock as _;
use metrics::{counter, histogram};
use tokio::net::{TcpListener, TcpSocket};

use super::Failure;
use crate::ports::SystemClock;
use crate::telemetry::{self, HTTP_REQUESTS, HTTP_SECONDS};

/// Connections that the system keeps for us to accept.
const BACKLOG: u32 = 4_096;

/// Takes the address.
pub(super) async fn bind(address: SocketAddr) -> Result<TcpListener, Failure> {
    let listen = || {
        let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        socket.listen(BACKLOG)
    };
    listen().map_err(|error| Failure::Listen { address, error })
}

/// How this machine reaches its own server.
pub(super) fn own_url(address: SocketAddr) -> String {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    format!("http://{}", SocketAddr::new(ip, address.port()))
}

/// Counts every answer by route and status, and its time by route. The route is the pattern, never the path: ids are no
/// labels.
pub(super) fn counted(router: Router) -> Router {
    router.layer(from_fn(count))
}

async fn count(request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>().cloned();
    let begun = SystemClock.steady();
    let answer = next.run(request).await;
    let route = route.as_ref().map_or("(none)", MatchedPath::as_str).to_owned();
    histogram!(HTTP_SECONDS, "route" => route.clone()).record(telemetry::seconds(SystemClock.steady().since(begun)));
    counter!(HTTP_REQUESTS, "route" => route, "status" => answer.status().as_u16().to_string()).increment(1);
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_address_is_one_that_can_be_called() {
        let own = |text: &str| own_url(text.parse().unwrap());
        assert_eq!(own("0.0.0.0:80"), "http://127.0.0.1:80");
        assert_eq!(own("[::]:81"), "http://[::1]:81");
        assert_eq!(own("10.1.2.3:82"), "http://10.1.2.3:82");
    }
}
