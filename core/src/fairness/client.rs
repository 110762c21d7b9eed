//! Who a client is, as far as its address tells.

use std::net::{IpAddr, Ipv6Addr};

/// What an address counts as: an IPv6 client has a network of its own to choose addresses from.
pub(crate) fn client_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX))),
        v4 @ IpAddr::V4(_) => v4,
    }
}
