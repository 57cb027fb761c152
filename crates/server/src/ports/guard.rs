//! Which addresses of merchants we send to: public ones, so that nobody can make us speak to our own network (SSRF).
//!
//! An address is checked three times by the same two functions: when it is registered ([`url_allowed`]), when a delivery
//! begins (the rules may have changed since), and when its name has been resolved: only the addresses that pass
//! [`address_allowed`] are connected to, so a name that points elsewhere the second time gains nothing. In the test
//! environment loopback is allowed, and plain `http`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use reqwest::Url;

use crate::config::Environment;

/// Ports of services that speak no HTTP; below 1024 everything but HTTP's own is refused as well.
const OTHER_SERVICES: [u16; 24] = [
    1080, 1433, 1521, 2049, 2375, 2376, 2379, 3128, 3306, 3389, 4222, 5432, 5433, 5672, 5900, 6000, 6379, 6380, 9042,
    9092, 9200, 11211, 26379, 27017,
];

/// Why an address is not one we send to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NotAllowed {
    /// No address, or one with parts that have no place here.
    #[error("this is not an address that can be sent to")]
    Malformed,
    /// Neither `https` nor, in the test environment, `http`.
    #[error("the scheme is not allowed; use https")]
    Scheme,
    /// A port where other services are.
    #[error("the port is not allowed")]
    Port,
    /// A host or an address of a network that is not public.
    #[error("the host is not public")]
    Host,
}

/// Whether we send to this address, as far as its text tells.
pub(crate) fn url_allowed(text: &str, environment: Environment) -> Result<Url, NotAllowed> {
    // The parser drops tabs and line ends silently; an address that has them means something else than it shows.
    let plain = text.len() <= kernel::limits::MAX_URL && text.bytes().all(|byte| byte.is_ascii_graphic());
    if !plain || text.contains('\\') {
        return Err(NotAllowed::Malformed);
    }
    let url = Url::parse(text).map_err(|_| NotAllowed::Malformed)?;
    match (url.scheme(), environment) {
        ("https", _) | ("http", Environment::Test) => {}
        _ => return Err(NotAllowed::Scheme),
    }
    if !url.username().is_empty() || url.password().is_some() || url.fragment().is_some() {
        return Err(NotAllowed::Malformed);
    }
    let port = url.port_or_known_default().ok_or(NotAllowed::Port)?;
    if (port < 1_024 && port != 80 && port != 443) || OTHER_SERVICES.contains(&port) {
        return Err(NotAllowed::Port);
    }
    host_allowed(&url, environment)?;
    Ok(url)
}

fn host_allowed(url: &Url, environment: Environment) -> Result<(), NotAllowed> {
    let host = url.host_str().ok_or(NotAllowed::Malformed)?;
    let address = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    if let Ok(address) = address.parse::<IpAddr>() {
        return if address_allowed(address, environment) { Ok(()) } else { Err(NotAllowed::Host) };
    }
    let name = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
    let within = |zone: &str| name == zone || name.strip_suffix(zone).is_some_and(|rest| rest.ends_with('.'));
    let own = within("localhost");
    let private = ["local", "internal", "intranet", "lan", "home.arpa"].into_iter().any(within) || !name.contains('.');
    match environment {
        Environment::Test if own => Ok(()),
        _ if own || private => Err(NotAllowed::Host),
        _ => Ok(()),
    }
}

/// Whether we connect to this address.
pub(super) fn address_allowed(address: IpAddr, environment: Environment) -> bool {
    let loopback_too = environment == Environment::Test;
    match address {
        IpAddr::V4(address) => v4_is_public(address) || loopback_too && address.is_loopback(),
        IpAddr::V6(address) => v6_is_public(address) || loopback_too && address.is_loopback(),
    }
}

/// By IANA's registry of special-purpose addresses.
fn v4_is_public(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let special = a == 0
        || address.is_private()
        || (a == 100 && (64..128).contains(&b))
        || address.is_loopback()
        || address.is_link_local()
        || (a == 192 && b == 0 && c == 0)
        || address.is_documentation()
        || (a == 192 && b == 88 && c == 99)
        || (a == 198 && (b == 18 || b == 19))
        || a >= 224;
    !special
}

/// Global unicast only (2000::/3), and of that nothing that carries another address inside.
fn v6_is_public(address: Ipv6Addr) -> bool {
    let [a, b, ..] = address.segments();
    let special = match a {
        // IETF protocols (among them Teredo and ORCHID), and documentation.
        0x2001 => b < 0x0200 || b == 0x0db8,
        // 6to4.
        0x2002 => true,
        // Documentation.
        0x3fff => b < 0x1000,
        _ => false,
    };
    a & 0xe000 == 0x2000 && !special
}

#[cfg(test)]
mod tests {
    use super::*;
    use Environment::{Live, Test};

    #[test]
    fn h94_h95_addresses_of_our_own_network_are_refused_in_every_spelling() {
        for host in [
            "127.0.0.1",
            "localhost",
            "sub.localhost",
            "LOCALHOST.",
            "[::1]",
            "0.0.0.0",
            "169.254.169.254",
            "100.100.100.200",
            "10.0.0.1",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "100.64.0.1",
            "[fc00::1]",
            "[fd12::1]",
            "[fe80::1]",
            "[::ffff:127.0.0.1]",
            "[::ffff:7f00:1]",
            "[::127.0.0.1]",
            "[64:ff9b::7f00:1]",
            "[64:ff9b:1::1]",
            "[2002:7f00:1::]",
            "[2001::1]",
            "[2001:db8::1]",
            "[::]",
            "[ff02::1]",
            "2130706433",
            "0x7f.1",
            "127.1",
            "017700000001",
            "0x7f000001",
            "192.0.0.1",
            "198.18.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "metadata.google.internal",
            "printer.local",
            "db",
            "192.88.99.1",
        ] {
            assert_eq!(url_allowed(&format!("https://{host}/hook"), Live), Err(NotAllowed::Host), "{host}");
        }
        for host in ["169.254.169.254", "10.0.0.1", "[fe80::1]", "[::ffff:127.0.0.1]", "metadata.google.internal", "db"]
        {
            assert_eq!(url_allowed(&format!("http://{host}:8080/"), Test), Err(NotAllowed::Host), "{host}");
        }
    }

    #[test]
    fn public_addresses_pass_and_loopback_only_in_the_test_environment() {
        for url in [
            "https://shop.example/hook?x=1",
            "https://8.8.8.8/",
            "https://[2606:4700::1]:8443/",
            "https://a.example:443/",
        ] {
            assert!(url_allowed(url, Live).is_ok(), "{url}");
        }
        for url in ["http://127.0.0.1:9000/", "http://127.1:9000/", "http://localhost:1234/x", "http://[::1]:3000/"] {
            assert!(url_allowed(url, Test).is_ok(), "{url}");
            assert!(url_allowed(url, Live).is_err(), "{url}");
        }
    }

    #[test]
    fn h98_schemes_ports_and_parts_without_a_place_are_refused() {
        for (url, why) in [
            ("file:///etc/passwd", NotAllowed::Scheme),
            ("gopher://shop.example/", NotAllowed::Scheme),
            ("ftp://shop.example/", NotAllowed::Scheme),
            ("http://shop.example/", NotAllowed::Scheme),
            ("https://ok@evil.example/", NotAllowed::Malformed),
            ("https://ok:pw@evil.example/", NotAllowed::Malformed),
            ("https://shop.example/#part", NotAllowed::Malformed),
            ("https://shop.example/\r\nHost: x", NotAllowed::Malformed),
            ("https://shop.example/\tx", NotAllowed::Malformed),
            ("https://shop.example\\@evil.example/", NotAllowed::Malformed),
            ("https://", NotAllowed::Malformed),
            ("not an address", NotAllowed::Malformed),
            ("https://shop.example:22/", NotAllowed::Port),
            ("https://shop.example:6379/", NotAllowed::Port),
            ("https://shop.example:25/", NotAllowed::Port),
            ("https://shop.example:5432/", NotAllowed::Port),
        ] {
            assert_eq!(url_allowed(url, Live).unwrap_err(), why, "{url}");
        }
        assert_eq!(url_allowed("http://127.0.0.1:6379/", Test).unwrap_err(), NotAllowed::Port);
        let long = format!("https://shop.example/{}", "x".repeat(3_000));
        assert_eq!(url_allowed(&long, Live).unwrap_err(), NotAllowed::Malformed);
    }
}
