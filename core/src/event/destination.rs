//! Where events are pushed to, and where they must not be: a subscription is a way to have this service send requests
//! from inside of the cluster's network.

use http::Uri;
use http::uri::Authority;
use serde::{Deserialize, Serialize};

use crate::model::Reach;

/// An absolute `http` or `https` URL without user name or password, kept as the client wrote it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct Destination {
    text: String,
    uri: Uri,
}

impl Destination {
    /// Reads a URL; `None` if it is none that events could be pushed to at all.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let visible = |byte: u8| byte.is_ascii_graphic() && byte != b'#';
        if text.len() > MAX_LENGTH || !text.bytes().all(visible) {
            return None;
        }
        let uri: Uri = text.parse().ok()?;
        let authority = uri.authority()?;
        let known = matches!(uri.scheme_str(), Some("http" | "https"));
        let plain = !authority.as_str().contains('@') && !authority.host().is_empty() && has_usable_port(authority);
        (known && plain).then(|| Self { text: text.to_owned(), uri })
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    pub(crate) fn uri(&self) -> &Uri {
        &self.uri
    }

    /// Whether it may be pushed to, as far as its text tells: what a name stands for is found out when it is used.
    pub(crate) fn is_within(&self, reach: Reach) -> bool {
        let host = self.uri.host().unwrap_or_default();
        let literal = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        if let Ok(address) = literal.parse() {
            return reach.permits(address);
        }
        let name = host.trim_end_matches('.').to_ascii_lowercase();
        let is_local = name == "localhost" || name.ends_with(".localhost");
        !is_local || reach.loopback
    }
}

/// Whether the port, if there is one, is one that can be connected to: `http://host:` parses as well.
fn has_usable_port(authority: &Authority) -> bool {
    let rest = authority.as_str().strip_prefix(authority.host()).unwrap_or_default();
    rest.is_empty() || authority.port_u16().is_some_and(|port| port > 0)
}

impl TryFrom<String> for Destination {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text).ok_or("not a URL that events can be pushed to")
    }
}

impl From<Destination> for String {
    fn from(destination: Destination) -> Self {
        destination.text
    }
}

/// Signed URLs are long; this is longer than most servers accept.
const MAX_LENGTH: usize = 2_048;

#[cfg(test)]
mod tests {
    use super::*;

    const LOOPBACK: Reach = Reach { private: true, loopback: true, link_local: false };

    fn is_within(text: &str, reach: Reach) -> Option<bool> {
        Destination::parse(text).map(|destination| destination.is_within(reach))
    }

    #[test]
    fn only_plain_absolute_urls_are_destinations() {
        for text in
            ["", "host", "/path", "ftp://host/", "redfish-sse://host/", "http://", "http://u:p@host/", "http://u@host/"]
        {
            assert_eq!(is_within(text, LOOPBACK), None, "{text}");
        }
        for text in [
            "http://ho st/",
            "http://host/\n",
            "http://host/ä",
            "http://host/#x",
            "http://host:/",
            "http://host:0/",
            "http://host:99999/",
        ] {
            assert_eq!(is_within(text, LOOPBACK), None, "{text}");
        }
        for text in
            ["http://host", "https://host.example:8443/events?key=a", "HTTP://192.0.2.7/x", "http://[2001:db8::1]:80/"]
        {
            assert_eq!(is_within(text, Reach::default()), Some(true), "{text}");
        }
    }

    #[test]
    fn this_host_only_if_allowed() {
        for text in [
            "http://127.0.0.1/",
            "http://127.8.8.8/",
            "http://[::1]/",
            "http://[::ffff:127.0.0.1]/",
            "http://localhost/",
            "http://a.LOCALHOST./",
            "http://[64:ff9b::127.0.0.1]/",
            "http://[::127.0.0.1]/",
        ] {
            assert_eq!(is_within(text, Reach::default()), Some(false), "{text}");
            assert_eq!(is_within(text, LOOPBACK), Some(true), "{text}");
        }
    }

    #[test]
    fn link_local_and_private_addresses_only_if_allowed() {
        let all = Reach { private: true, loopback: true, link_local: true };
        for text in ["http://169.254.169.254/latest", "http://[fe80::1]/", "http://[::ffff:169.254.1.1]/"] {
            assert_eq!(is_within(text, LOOPBACK), Some(false), "{text}");
            assert_eq!(is_within(text, all), Some(true), "{text}");
        }
        let public = Reach { private: false, ..Reach::default() };
        for text in ["http://10.1.2.3/", "http://192.168.7.7/", "http://100.64.0.1/", "http://[fd00::1]/"] {
            assert_eq!(is_within(text, Reach::default()), Some(true), "{text}");
            assert_eq!(is_within(text, public), Some(false), "{text}");
        }
        for text in ["http://192.0.2.7/", "http://100.128.0.1/", "http://[2001:db8::1]/"] {
            assert_eq!(is_within(text, public), Some(true), "{text}");
        }
    }

    #[test]
    fn what_is_no_host_never() {
        let all = Reach { private: true, loopback: true, link_local: true };
        for text in
            ["http://0.0.0.0/", "http://[::]/", "http://224.0.0.1/", "http://255.255.255.255/", "http://[ff02::1]/"]
        {
            assert_eq!(is_within(text, all), Some(false), "{text}");
        }
    }
}
