//! Which addresses we send webhooks to: a check of the text; the address that it resolves to is checked when connecting.
//!
//! Everything that a URL can say beyond "this public host, by https" is refused rather than understood: other schemes,
//! user names, unusual ports, addresses in numbers. In the test environment loopback is allowed, also by http.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use kernel::{limits, text};

use super::auth::Environment;

/// Ports of https that we send to; in the test environment, on loopback, any.
const PORTS: [u16; 2] = [443, 8443];

/// Whether webhooks may be sent there, as far as the text tells.
pub(super) fn is_allowed(url: &str, environment: Environment) -> bool {
    let Some(parts) = Parts::read(url) else { return false };
    if environment == Environment::Test && parts.is_loopback() {
        return true;
    }
    parts.secure && PORTS.contains(&parts.port) && is_public_name(parts.host)
}

/// Whether a browser may be sent there: https, or http in the test environment.
pub(super) fn is_return_address(url: &str, environment: Environment) -> bool {
    Parts::read(url).is_some_and(|parts| parts.secure || environment == Environment::Test)
}

/// Whether an address is one of the public internet's, as far as address blocks tell.
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => is_public_v4(v4),
        IpAddr::V6(v6) => is_public_v6(v6),
    }
}

struct Parts<'a> {
    secure: bool,
    host: &'a str,
    port: u16,
}

impl<'a> Parts<'a> {
    /// `scheme://host[:port][/…]` in printable ASCII, nothing else.
    fn read(url: &'a str) -> Option<Self> {
        if !text::is_reference(url, limits::MAX_URL) || url.contains(['\\', '"', '<', '>', '`', '{', '}']) {
            return None;
        }
        let (secure, rest) = match url.split_once("://")? {
            ("https", rest) => (true, rest),
            ("http", rest) => (false, rest),
            _ => return None,
        };
        let authority = rest.split(['/', '?', '#']).next()?;
        let (host, port) = match authority.strip_prefix('[') {
            Some(literal) => {
                let (host, after) = literal.split_once(']')?;
                (host, if after.is_empty() { None } else { Some(after.strip_prefix(':')?) })
            }
            None => match authority.split_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (authority, None),
            },
        };
        let port = match port {
            None if secure => 443,
            None => 80,
            Some(digits) if digits.bytes().all(|b| b.is_ascii_digit()) => digits.parse().ok()?,
            Some(_) => return None,
        };
        let literal = authority.starts_with('[');
        let fits = if literal { host.parse::<Ipv6Addr>().is_ok() } else { is_name(host) };
        fits.then_some(Self { secure, host, port })
    }

    fn is_loopback(&self) -> bool {
        match self.host.parse::<IpAddr>() {
            Ok(address) => address.is_loopback(),
            Err(_) => self.host.eq_ignore_ascii_case("localhost"),
        }
    }
}

/// Labels of letters, digits and hyphens.
fn is_name(host: &str) -> bool {
    host.len() <= 253
        && host.split('.').all(|label| {
            (1..=63).contains(&label.len()) && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        })
}

/// A name with at least two labels whose last is no number, and no name of a local network.
fn is_public_name(host: &str) -> bool {
    let lower = host.to_ascii_lowercase();
    let last = lower.rsplit('.').next().unwrap_or_default();
    let local = ["localhost", "local", "internal", "lan", "home", "arpa", "onion", "test", "invalid"];
    lower.contains('.') && last.starts_with(|c: char| c.is_ascii_alphabetic()) && !local.contains(&last)
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let reserved = address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_multicast()
        || address.is_documentation()
        || a == 0
        || a >= 240
        || (a == 100 && (64..128).contains(&b))
        || (a == 192 && b == 0 && c == 0)
        || (a == 192 && b == 88 && c == 99)
        || (a == 198 && (b == 18 || b == 19));
    !reserved
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let [first, second, ..] = address.segments();
    // 2000::/3 without Teredo and its neighbours (2001::/23), documentation, 6to4; so no mapped or translated IPv4.
    let global = (0x2000..0x4000).contains(&first);
    let special = (first == 0x2001 && second < 0x200) || (first == 0x2001 && second == 0xdb8) || first == 0x2002;
    let documentation = first == 0x3fff && second < 0x1000;
    global && !special && !documentation
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sent_to() {
        for url in ["https://shop.example/hooks", "https://hooks.shop.example:8443/a?b=c", "https://a-b.example.com"] {
            assert!(is_allowed(url, Environment::Live), "{url}");
        }
        for url in ["http://127.0.0.1:9000/hook", "http://localhost:3000", "https://[::1]:8443/"] {
            assert!(is_allowed(url, Environment::Test), "{url}");
            assert!(!is_allowed(url, Environment::Live), "{url}");
        }
    }

    #[test]
    fn h94_h95_h98_what_is_not() {
        for url in [
            "http://shop.example/", "https://0.0.0.0", "https://169.254.169.254/latest", "https://100.100.100.200", "https://10.0.0.1",
            "https://192.168.1.1", "https://[fc00::1]", "https://[fe80::1]", "https://[::ffff:127.0.0.1]", "https://[64:ff9b::7f00:1]",
            "https://8.8.8.8", "https://2130706433", "https://0x7f.1", "https://127.1", "https://017700000001", "https://1.2.3.0x4",
            "file:///etc/passwd", "gopher://shop.example", "ftp://shop.example", "https://ok@evil.example", "https://ok:x@evil.example",
            "https://shop.example:22/", "https://shop.example:6379", "https://shop.example:80", "https://shop.example:", "https://",
            "https:///path", "https://shop", "https://shop.local", "https://shop..example", "https://shop.example\\@evil",
            "https://shop.example\r\nHost: x", "https://shop.example /", "https://шоп.example", "HTTPS//x", "//shop.example", "",
            "https://[::1", "https://[::1]x", "https://shop.example:99999",
        ] {
            assert!(!is_allowed(url, Environment::Live), "{url}");
        }
        assert!(!is_allowed("https://shop.example:0x50", Environment::Test));
        assert!(!is_allowed("http://10.0.0.1:80", Environment::Test), "loopback only");
    }

    #[test]
    fn addresses() {
        for address in ["8.8.8.8", "2606:4700:4700::1111", "100.63.0.1", "172.15.0.1", "172.32.0.1"] {
            assert!(is_public(address.parse().unwrap()), "{address}");
        }
        for address in [
            "127.0.0.1", "10.1.2.3", "172.16.0.1", "172.31.255.255", "192.168.0.1", "169.254.1.1", "100.64.0.1", "100.127.255.255",
            "0.0.0.0", "224.0.0.1", "255.255.255.255", "198.18.0.1", "192.0.0.1", "203.0.113.1", "::", "::1", "fc00::1", "fe80::1",
            "ff02::1", "::ffff:8.8.8.8", "64:ff9b::808:808", "2002:808:808::", "2001::1", "2001:db8::1",
        ] {
            assert!(!is_public(address.parse().unwrap()), "{address}");
        }
    }

    #[test]
    fn where_a_browser_may_go() {
        assert!(is_return_address("https://shop.example/done?x=1", Environment::Live));
        assert!(is_return_address("http://localhost:3000/done", Environment::Test));
        for url in ["javascript:alert(1)", "http://shop.example", "data:text/html,x", "/done", "https://a\"onload=x"] {
            assert!(!is_return_address(url, Environment::Live), "{url}");
        }
    }
}
