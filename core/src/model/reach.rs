//! Which addresses requests may be sent to that somebody else chose: receivers of events, servers of images.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Which addresses may be connected to, besides public ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reach {
    /// Those of private networks (RFC 1918, RFC 6598, RFC 4193), in which most servers are.
    pub private: bool,
    /// This host's own.
    pub loopback: bool,
    /// Link-local ones: cloud providers keep credentials there.
    pub link_local: bool,
}

impl Default for Reach {
    fn default() -> Self {
        Self { private: true, loopback: false, link_local: false }
    }
}

impl Reach {
    /// Whether a connection to this address may be made.
    pub fn permits(self, address: IpAddr) -> bool {
        let address = embedded(address.to_canonical());
        if address.is_unspecified() || address.is_multicast() {
            return false;
        }
        let (link_local, private) = match address {
            IpAddr::V4(v4) if v4.is_broadcast() => return false,
            IpAddr::V4(v4) => (v4.is_link_local(), v4.is_private() || is_shared(v4)),
            IpAddr::V6(v6) => (v6.is_unicast_link_local(), v6.is_unique_local()),
        };
        (!address.is_loopback() || self.loopback) && (!link_local || self.link_local) && (!private || self.private)
    }
}

/// `100.64.0.0/10`, which providers and some clusters number their insides with (RFC 6598).
fn is_shared(address: Ipv4Addr) -> bool {
    let [first, second, ..] = address.octets();
    first == 100 && second & 0xc0 == 64
}

/// The IPv4 address that a translator would make of an IPv6 address (RFC 6052).
fn embedded(address: IpAddr) -> IpAddr {
    const PREFIX: [u8; 12] = [0, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0];
    match address {
        IpAddr::V6(v6) if v6.octets().starts_with(&PREFIX) => {
            let [.., a, b, c, d] = v6.octets();
            IpAddr::from([a, b, c, d])
        }
        IpAddr::V6(v6) => compatible(v6),
        IpAddr::V4(_) => address,
    }
}

/// The older form in which an IPv6 address has an IPv4 address in it (RFC 4291 section 2.5.5.1).
fn compatible(v6: Ipv6Addr) -> IpAddr {
    match v6.to_ipv4() {
        Some(v4) if !v6.is_loopback() && !v6.is_unspecified() => IpAddr::V4(v4),
        _ => IpAddr::V6(v6),
    }
}
