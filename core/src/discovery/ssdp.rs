//! SSDP, by which clients on a network segment find Redfish services (DSP0266 clause 12.6): who searches is answered.

use std::fmt::Write as _;
use std::net::SocketAddr;

use crate::view::View;

/// The group that searches are sent to.
pub const GROUP: [u8; 4] = [239, 255, 255, 250];

/// The port of the group.
pub const PORT: u16 = 1900;

/// The longest datagram that is looked at.
pub const LONGEST: usize = 2048;

/// The answer to a datagram, if it is a search that this service is meant by. `address` is where the service listens,
/// as whoever searches reaches it.
pub fn answer(view: &View, datagram: &[u8], address: SocketAddr) -> Option<String> {
    if !view.answers_searches() || !is_search(datagram) {
        return None;
    }
    let scheme = view.config.protocol.scheme();
    let uuid = view.service_uuid.as_deref()?;
    let mut text = String::with_capacity(384);
    // Writing to a string cannot fail.
    let _ = write!(
        text,
        "HTTP/1.1 200 OK\r\nCACHE-CONTROL: max-age={MAX_AGE}\r\nST: {SERVICE}:{MINOR}\r\n\
         USN: uuid:{uuid}::{SERVICE}:{MINOR}\r\nAL: {scheme}://{address}/redfish/v1/\r\nEXT:\r\n\r\n"
    );
    Some(text)
}

/// Whether a datagram is a search for everything, or for what this service is.
fn is_search(datagram: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(datagram) else { return false };
    let mut lines = text.split("\r\n");
    if lines.next() != Some("M-SEARCH * HTTP/1.1") {
        return false;
    }
    let (mut discovers, mut target) = (false, None);
    for (name, value) in lines.take_while(|line| !line.is_empty()).filter_map(|line| line.split_once(':')) {
        let value = value.trim();
        if name.eq_ignore_ascii_case("MAN") {
            discovers = value == "\"ssdp:discover\"";
        } else if name.eq_ignore_ascii_case("ST") {
            target = Some(value);
        }
    }
    discovers && target.is_some_and(is_meant)
}

/// Whether a search target means this service: every minor version is compatible with those before.
fn is_meant(target: &str) -> bool {
    let minor = match target {
        "ssdp:all" | SERVICE => return true,
        _ => target.strip_prefix(SERVICE).and_then(|rest| rest.strip_prefix(':')),
    };
    minor.and_then(|minor| minor.parse::<u16>().ok()).is_some_and(|minor| minor <= MINOR)
}

const SERVICE: &str = "urn:dmtf-org:service:redfish-rest:1";

/// The minor version of the protocol: that of `RedfishVersion`.
const MINOR: u16 = 22;

/// How long an answer may be remembered, in seconds: the shortest time that the standard allows.
const MAX_AGE: u32 = 1800;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn searches_for_this_service_are_recognised() {
        let search = |target: &str| {
            let text = format!(
                "M-SEARCH * HTTP/1.1\r\nHost: 239.255.255.250:1900\r\nMan: \"ssdp:discover\"\r\nST: {target}\r\nMX: 3\r\n\r\n"
            );
            is_search(text.as_bytes())
        };
        assert!(search("ssdp:all") && search(SERVICE) && search("urn:dmtf-org:service:redfish-rest:1:6"));
        for other in [
            "",
            "upnp:rootdevice",
            "urn:dmtf-org:service:redfish-rest:2",
            "urn:dmtf-org:service:redfish-rest:1:999",
            "urn:dmtf-org:service:redfish-rest:1:",
            "urn:dmtf-org:service:redfish-rest:1:-1",
        ] {
            assert!(!search(other), "{other}");
        }
        for other in [
            &b""[..],
            b"M-SEARCH * HTTP/1.1\r\n",
            b"M-SEARCH * HTTP/1.1\r\nST: ssdp:all\r\n\r\n",
            b"\xff\xfe",
            b"NOTIFY * HTTP/1.1\r\nMan: \"ssdp:discover\"\r\nST: ssdp:all\r\n\r\n",
            b"M-SEARCH * HTTP/1.1\r\nMan: \"ssdp:discover\"\r\n\r\nST: ssdp:all\r\n",
        ] {
            assert!(!is_search(other), "{}", String::from_utf8_lossy(other));
        }
    }
}
