//! Addresses that begin with the same bits.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

/// Every address that begins with so many bits of one: `10.0.0.0/8`, or a single address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AddressRange {
    address: IpAddr,
    prefix: u8,
}

impl AddressRange {
    /// One address alone.
    pub const fn of(address: IpAddr) -> Self {
        Self { address, prefix: if address.is_ipv4() { 32 } else { 128 } }
    }

    /// Whether an address is among them.
    pub fn contains(&self, address: IpAddr) -> bool {
        let shifted =
            |bits: u128, width: u32| bits.checked_shr(width.saturating_sub(u32::from(self.prefix))).unwrap_or(0);
        match (self.address, address) {
            (IpAddr::V4(one), IpAddr::V4(other)) => {
                shifted(u128::from(one.to_bits()), 32) == shifted(u128::from(other.to_bits()), 32)
            }
            (IpAddr::V6(one), IpAddr::V6(other)) => shifted(one.to_bits(), 128) == shifted(other.to_bits(), 128),
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
        }
    }

    /// Whether every address is.
    pub const fn is_everything(&self) -> bool {
        self.prefix == 0
    }
}

impl FromStr for AddressRange {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let Some((address, prefix)) = text.split_once('/') else {
            return text.parse().map(Self::of).map_err(|_| ());
        };
        let Self { address, prefix: longest } = Self::of(address.parse().map_err(|_| ())?);
        let plain = prefix.bytes().all(|byte| byte.is_ascii_digit());
        let prefix = prefix.parse().ok().filter(|prefix| *prefix <= longest && plain).ok_or(())?;
        Ok(Self { address, prefix })
    }
}

impl fmt::Display for AddressRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_contain_what_begins_like_them() {
        for (range, inside, outside) in [
            ("10.0.0.0/8", "10.255.0.1", "11.0.0.1"),
            ("192.0.2.7", "192.0.2.7", "192.0.2.8"),
            ("0.0.0.0/0", "203.0.113.1", "2001:db8::1"),
            ("2001:db8::/32", "2001:db8:1::1", "2001:db9::1"),
        ] {
            let parsed: AddressRange = range.parse().unwrap_or_else(|()| panic!("{range}"));
            let address = |text: &str| text.parse::<IpAddr>().unwrap_or_else(|_| panic!("{text}"));
            assert!(parsed.contains(address(inside)) && !parsed.contains(address(outside)), "{range}");
        }
        for text in ["", "10.0.0.0/33", "10.0.0.0/+8", "10.0.0.0/", "lab", "::/129", "10.0.0/8"] {
            assert_eq!(text.parse::<AddressRange>(), Err(()), "{text}");
        }
    }
}
