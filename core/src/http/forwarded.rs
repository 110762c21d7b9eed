//! Where a request comes from that a proxy has passed on (RFC 7239, and the header that is older than it).

use std::net::{IpAddr, SocketAddr};

use http::header::FORWARDED;
use http::{HeaderMap, HeaderName};

use crate::config::{ForwardedBy, TrustedProxies};

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The address of the client: of whoever connects, unless that is a proxy that is trusted. Then the last one in the
/// header that is none, since every trusted proxy adds whom it heard from; what stands before that anybody may have made up.
pub(crate) fn client(peer: IpAddr, headers: &HeaderMap, proxies: &TrustedProxies) -> IpAddr {
    let is_trusted = |address: IpAddr| proxies.ranges.iter().any(|range| range.contains(address.to_canonical()));
    if proxies.ranges.is_empty() || !is_trusted(peer) {
        return peer;
    }
    let name = match proxies.header {
        ForwardedBy::XForwardedFor => X_FORWARDED_FOR,
        ForwardedBy::Forwarded => FORWARDED,
    };
    let lines: Vec<_> = headers.get_all(name).iter().filter_map(|line| line.to_str().ok()).collect();
    let hops = lines.iter().rev().flat_map(|line| line.rsplit(','));
    let mut client = peer;
    for hop in hops.take(MOST_HOPS) {
        let node = match proxies.header {
            ForwardedBy::XForwardedFor => Some(hop.trim()),
            ForwardedBy::Forwarded => node(hop),
        };
        // A name that hides an address: whoever gave it is the last that is known.
        let Some(address) = node.and_then(address) else { break };
        client = address;
        if !is_trusted(address) {
            break;
        }
    }
    client
}

/// The node of the `for` parameter of an element of `Forwarded`.
fn node(element: &str) -> Option<&str> {
    element.split(';').find_map(|pair| {
        let (name, value) = pair.trim().split_once('=')?;
        let quoted = value.strip_prefix('"').and_then(|value| value.strip_suffix('"'));
        name.eq_ignore_ascii_case("for").then_some(quoted.unwrap_or(value))
    })
}

/// An address, with or without a port; of IPv6 also in brackets.
fn address(node: &str) -> Option<IpAddr> {
    let bracketed = || node.strip_prefix('[')?.strip_suffix(']')?.parse().ok();
    let address = node.parse().ok().or_else(bracketed);
    address.or_else(|| node.parse::<SocketAddr>().ok().map(|socket| socket.ip()))
}

/// As many proxies as nobody has one behind the other.
const MOST_HOPS: usize = 16;

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn of(header: ForwardedBy, peer: &str, lines: &[(&'static str, &'static str)]) -> String {
        let ranges = ["10.0.0.0/8", "fd00::/8"].iter().filter_map(|range| range.parse().ok()).collect();
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, HeaderValue::from_static(value));
        }
        let peer = peer.parse().unwrap_or_else(|_| panic!("{peer}"));
        client(peer, &headers, &TrustedProxies { ranges, header }).to_string()
    }

    #[test]
    fn only_proxies_that_are_trusted_are_believed() {
        let x = |peer, value: &'static str| of(ForwardedBy::XForwardedFor, peer, &[("x-forwarded-for", value)]);
        assert_eq!(x("203.0.113.9", "198.51.100.1"), "203.0.113.9", "a client passes for nobody else");
        assert_eq!(x("10.0.0.1", "198.51.100.1"), "198.51.100.1");
        assert_eq!(x("10.0.0.1", "192.0.2.66, 198.51.100.1"), "198.51.100.1", "what the client has made up");
        assert_eq!(x("10.0.0.1", "192.0.2.66, 198.51.100.1, 10.0.0.2"), "198.51.100.1", "two proxies");
        assert_eq!(x("10.0.0.1", "10.0.0.3"), "10.0.0.3", "a client within");
        assert_eq!(x("10.0.0.1", "198.51.100.1:4711"), "198.51.100.1");
        assert_eq!(x("fd00::1", "[2001:db8::7]:4711"), "2001:db8::7");
        assert_eq!(x("fd00::1", "2001:db8::7"), "2001:db8::7");
        assert_eq!(x("::ffff:10.0.0.1", "198.51.100.1"), "198.51.100.1", "IPv4 in IPv6");
        for nonsense in ["", "unknown", "_hidden", "198.51.100.1, what", ",,,", "999.1.1.1"] {
            assert_eq!(x("10.0.0.1", nonsense), "10.0.0.1", "{nonsense}");
        }
        let lines = [("x-forwarded-for", "192.0.2.66"), ("x-forwarded-for", "198.51.100.1")];
        assert_eq!(of(ForwardedBy::XForwardedFor, "10.0.0.1", &lines), "198.51.100.1", "one line after the other");
    }

    #[test]
    fn one_header_counts_and_not_the_other() {
        let lines = [("forwarded", "for=192.0.2.1"), ("x-forwarded-for", "198.51.100.1")];
        assert_eq!(of(ForwardedBy::XForwardedFor, "10.0.0.1", &lines), "198.51.100.1");
        assert_eq!(of(ForwardedBy::Forwarded, "10.0.0.1", &lines), "192.0.2.1");
        let forwarded = |value: &'static str| of(ForwardedBy::Forwarded, "10.0.0.1", &[("forwarded", value)]);
        assert_eq!(forwarded(r#"for=1.2.3.4, For="[2001:db8::7]:80";proto=https;by=10.0.0.1"#), "2001:db8::7");
        assert_eq!(forwarded("proto=https;for=192.0.2.1;host=a"), "192.0.2.1");
        assert_eq!(forwarded("for=_secret"), "10.0.0.1");
        assert_eq!(forwarded("by=192.0.2.1"), "10.0.0.1");
    }
}
