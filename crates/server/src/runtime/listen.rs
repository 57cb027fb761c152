//! The address we listen on.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use tokio::net::{TcpListener, TcpSocket};

use super::Failure;

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
