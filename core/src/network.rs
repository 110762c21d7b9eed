//! What a manager's network protocols are set to, and the two of them that the service speaks beside HTTP.
//!
//! All managers are this one service, so they share one setting, which whoever sees all chassis may change.

pub mod ntp;
pub mod ssdp;

use serde::{Deserialize, Serialize};

/// What can be set of the network protocols. Kept with the accounts, for all replicas.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct NetworkSettings {
    /// Searches are not answered although the configuration wants them to be.
    pub(crate) ssdp_is_off: bool,
    /// The servers are asked for the time.
    pub(crate) ntp_is_on: bool,
    /// Names and addresses of time servers, best first.
    pub(crate) ntp_servers: Vec<String>,
}

/// How many time servers there may be.
pub(crate) const MAX_NTP_SERVERS: usize = 8;

/// Whether a text can name a time server: a DNS name or an IP address, without a port.
pub(crate) fn is_server_name(text: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    let name = text.strip_suffix('.').unwrap_or(text);
    text.parse::<std::net::IpAddr>().is_ok() || name.len() <= 253 && name.split('.').all(is_label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_are_names_or_addresses() {
        for good in ["pool.ntp.org", "time-a-b.nist.gov", "ntp", "10.0.0.1", "fd00::1", "a.example."] {
            assert!(is_server_name(good), "{good}");
        }
        for bad in ["", ".", "a..b", "a b", "a:123", "http://a", "[::1]", "a/b", &"a".repeat(64)] {
            assert!(!is_server_name(bad), "{bad}");
        }
    }
}
