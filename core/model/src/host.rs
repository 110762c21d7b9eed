//! Hosts as URLs and lists of servers name them.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

/// A host: an address, or a name whose address is found out when it is used.
#[derive(Clone, PartialEq, Eq)]
pub enum Host {
    /// An IP address.
    Address(IpAddr),
    /// A DNS name in lower case and without a dot at its end. One that is not of ASCII stands in its coded form (`xn--…`,
    /// RFC 5890): what it looks like says nothing about where it leads.
    Name(Box<str>),
}

impl Host {
    /// Reads a name or an address.
    ///
    /// An IPv4 address has four decimal numbers without leading zeros. What a resolver of C programs would take for one as
    /// well (`127.1`, `0x7f000001`, `2130706433`, `0177.0.0.1`) is neither an address nor a name here.
    pub fn parse(text: &str) -> Option<Self> {
        if let Ok(address) = text.parse() {
            return Some(Self::Address(address));
        }
        let name = text.strip_suffix('.').unwrap_or(text);
        let last = name.rsplit('.').next().unwrap_or_default();
        let valid = name.len() <= LONGEST_NAME && name.split('.').all(is_label) && !is_number(last);
        valid.then(|| Self::Name(name.to_ascii_lowercase().into()))
    }

    /// The same as it stands in a URL, where an IPv6 address has brackets.
    pub fn parse_in_url(text: &str) -> Option<Self> {
        match text.strip_prefix('[') {
            Some(rest) => {
                let address: Ipv6Addr = rest.strip_suffix(']')?.parse().ok()?;
                Some(Self::Address(address.into()))
            }
            None => Self::parse(text).filter(|host| !matches!(host, Self::Address(IpAddr::V6(_)))),
        }
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(address) => address.fmt(f),
            Self::Name(name) => f.write_str(name),
        }
    }
}

impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What stands between the dots of a name. Underscores are in use though no host should have them.
fn is_label(label: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    (1..=63).contains(&label.len()) && label.bytes().all(inner) && !label.starts_with('-') && !label.ends_with('-')
}

/// Whether a label makes resolvers take the whole for an IPv4 address.
fn is_number(label: &str) -> bool {
    let hexadecimal = label.strip_prefix("0x").or_else(|| label.strip_prefix("0X"));
    hexadecimal.is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
        || label.bytes().all(|byte| byte.is_ascii_digit())
}

const LONGEST_NAME: usize = 253;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_names_or_addresses() {
        for (text, shown) in [
            ("pool.ntp.org", "pool.ntp.org"),
            ("NTP", "ntp"),
            ("a.example.", "a.example"),
            ("a_b.example", "a_b.example"),
            ("xn--bcher-kva.example", "xn--bcher-kva.example"),
            ("10.0.0.1", "10.0.0.1"),
            ("3com.example", "3com.example"),
            ("fd00::1", "fd00::1"),
        ] {
            assert_eq!(Host::parse(text).map(|host| host.to_string()).as_deref(), Some(shown), "{text}");
        }
        assert_eq!(Host::parse_in_url("[fd00::1]"), Some(Host::Address("fd00::1".parse().expect("an address"))));
    }

    /// F13, L5: an authority that is none.
    #[test]
    fn what_is_no_host() {
        for text in [
            "",
            ".",
            "..",
            "a..b",
            ".a",
            "a b",
            "a/b",
            "a:1",
            "a@b",
            "a%41",
            "-a",
            "a-.b",
            "\u{e9}",
            "\u{202e}a",
            "a\\b",
            "[::1",
            "::1]",
            "[10.0.0.1]",
            "[fe80::1%25eth0]",
            "[::1]x",
            &"a".repeat(64),
            &["a"; 128].join("."),
        ] {
            assert_eq!(Host::parse_in_url(text), None, "{text}");
        }
        assert_eq!(Host::parse_in_url("fd00::1"), None, "without brackets it could end in a port");
        assert_eq!(Host::parse("[fd00::1]"), None);
    }

    #[test]
    fn addresses_are_written_in_one_way() {
        for text in [
            "127.1",
            "2130706433",
            "0x7f000001",
            "0X7F.1",
            "0177.0.0.1",
            "127.0.0.01",
            "1.2.3",
            "1.2.3.4.5",
            "256.0.0.1",
            "0x",
            "127.0.0.0x1",
            "example.0",
            "127.1.",
        ] {
            assert_eq!(Host::parse(text), None, "{text}");
        }
    }
}
