//! Where events are pushed to, and where they must not be: a subscription is a way to have this service send requests
//! from inside of the cluster's network.

use http::Uri;
use serde::{Deserialize, Serialize};

use crate::model::{AddressPolicy, Host, HostRefused, Url};

/// An absolute `http` or `https` URL without user name or password, kept as the client wrote it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct Destination {
    text: String,
    uri: Uri,
}

/// Why events cannot be pushed somewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum NoDestination {
    /// It is no URL that anything could be sent to.
    Malformed,
    /// Nothing may be sent to its host.
    Refused(Host, HostRefused),
}

impl Destination {
    /// Reads a URL that a client names. What its host's name stands for is judged when it is used.
    pub(crate) fn parse(text: &str, policy: &AddressPolicy) -> Result<Self, NoDestination> {
        let url = Url::parse(text).filter(|_| text.len() <= MAX_LENGTH).ok_or(NoDestination::Malformed)?;
        policy.judge(url.host()).map_err(|why| NoDestination::Refused(url.host().clone(), why))?;
        Ok(Self { text: text.to_owned(), uri: url.to_uri() })
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    pub(crate) fn uri(&self) -> &Uri {
        &self.uri
    }
}

/// What was stored, perhaps by a release that took more: whoever sends to it judges its host.
impl TryFrom<String> for Destination {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        match text.parse() {
            Ok(uri) => Ok(Self { text, uri }),
            Err(_) => Err("not a URL that events can be pushed to"),
        }
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

    fn parse(text: &str, policy: &AddressPolicy) -> Result<(), NoDestination> {
        Destination::parse(text, policy).map(drop)
    }

    #[test]
    fn only_plain_absolute_urls_are_destinations() {
        let all = AddressPolicy { loopback: true, link_local: true, ..AddressPolicy::default() };
        let long = format!("http://host/{}", "x".repeat(MAX_LENGTH));
        for text in [
            "",
            "host",
            "/path",
            "ftp://host/",
            "redfish-sse://host/",
            "http://",
            "http://u:p@host/",
            "http://u@host/",
            "http://ho st/",
            "http://host/\n",
            "http://host/\u{e4}",
            "http://host/#x",
            "http://host:/",
            "http://host:0/",
            "http://host:99999/",
            "http://127.1/",
            "http://2130706433/",
            "http://host\\@127.0.0.1/",
            &long,
        ] {
            assert_eq!(parse(text, &all), Err(NoDestination::Malformed), "{text}");
        }
        for text in
            ["http://host", "https://host.example:8443/events?key=a", "HTTP://192.0.2.7/x", "http://[2001:db8::1]:80/"]
        {
            assert_eq!(parse(text, &AddressPolicy::default()), Ok(()), "{text}");
        }
    }

    #[test]
    fn this_host_and_link_local_ones_only_if_allowed() {
        let all = AddressPolicy { loopback: true, link_local: true, ..AddressPolicy::default() };
        for text in [
            "http://127.0.0.1/",
            "http://[::1]/",
            "http://[::ffff:127.0.0.1]/",
            "http://localhost/",
            "http://a.LOCALHOST./",
            "http://[64:ff9b::127.0.0.1]/",
            "http://[2002:7f00:1::]/",
            "http://169.254.169.254/latest",
            "http://100.100.100.200/",
            "http://[fd00:ec2::254]/",
        ] {
            let refused = parse(text, &AddressPolicy::default());
            assert!(matches!(refused, Err(NoDestination::Refused(..))), "{text}: {refused:?}");
            assert_eq!(parse(text, &all), Ok(()), "{text}");
        }
        for text in ["http://0.0.0.0/", "http://[::]/", "http://224.0.0.1/", "http://255.255.255.255/"] {
            assert!(parse(text, &all).is_err(), "{text}");
        }
        assert_eq!(parse("http://receiver.monitoring.svc/", &AddressPolicy::default()), Ok(()));
    }

    /// A stored subscription that would not be taken any more must not take all others with it.
    #[test]
    fn what_was_stored_is_read() {
        let stored: Destination = serde_json::from_str(r#""http://127.1/{x}""#).expect("a URL");
        assert_eq!(stored.as_str(), "http://127.1/{x}");
    }
}
