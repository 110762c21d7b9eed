//! A subscription: who wants to be told of which events, and how. What changes with every delivery is not part of it.

use std::fmt;
use std::sync::Arc;

use http::{HeaderMap, HeaderName, HeaderValue};
use serde::{Deserialize, Serialize};

use super::{Destination, Filter};
use crate::time::UnixTime;

/// Who wants to be told of which events, and how.
///
/// Serialisable, so that it can be kept outside of the service; with it go the headers that a client wants sent, which
/// may be secrets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Subscription {
    pub(crate) id: SubscriptionId,
    /// The account that made it.
    pub(crate) owner: Box<str>,
    /// The groups that the cluster had them in then, if they have no account.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) groups: Vec<Box<str>>,
    /// The chassis that its owner saw when making it; it never reaches further than that.
    pub(crate) chassis: Vec<Box<str>>,
    pub(crate) kind: Kind,
    pub(crate) context: Option<Box<str>>,
    #[serde(default)]
    pub(crate) filter: Filter,
    #[serde(default)]
    pub(crate) suspended: bool,
    #[serde(default)]
    pub(crate) resumption: Resumption,
}

/// How often a subscription was resumed, and what was said of the events that waited then.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Resumption {
    pub(crate) number: u32,
    /// Those from before this time are not sent.
    pub(crate) since: Option<UnixTime>,
}

/// How events get there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Kind {
    /// They are sent to a server.
    Push {
        destination: Destination,
        #[serde(default)]
        headers: Headers,
        #[serde(default)]
        verify_certificate: bool,
        #[serde(default)]
        retry_policy: RetryPolicy,
        #[serde(default)]
        heartbeat: Option<Heartbeat>,
    },
    /// A client reads them from a connection that it keeps open. The text says from where.
    Stream { peer: Box<str> },
}

/// Tells a subscription from all others; letters, digits and `-`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct SubscriptionId(Arc<str>);

/// Schema `EventDestination`, enumeration `DeliveryRetryPolicy`: what becomes of a subscription that cannot be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) enum RetryPolicy {
    TerminateAfterRetries,
    SuspendRetries,
    RetryForever,
    /// The default: a receiver that was away for a day is told of what happened, and costs little until then.
    #[default]
    RetryForeverWithBackoff,
}

/// Minutes between two signs of life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Heartbeat(pub(crate) u16);

/// Headers that are sent with every delivery. They do not print: tokens are among them.
#[derive(Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(try_from = "Vec<(String, String)>", into = "Vec<(String, String)>")]
pub(crate) struct Headers(HeaderMap);

/// A subscription that someone asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Proposal {
    pub(crate) owner: Box<str>,
    pub(crate) groups: Vec<Box<str>>,
    pub(crate) chassis: Vec<Box<str>>,
    pub(crate) kind: Kind,
    /// Streams have none; their id takes its place.
    pub(crate) context: Option<Box<str>>,
    pub(crate) filter: Filter,
}

/// A subscription as reads see it.
#[derive(Clone, Debug)]
pub(crate) struct Subscribed {
    pub(crate) subscription: Subscription,
    /// The chassis whose events it gets: indices into the configuration, ascending.
    pub(crate) chassis: Box<[u16]>,
    pub(crate) standing: Standing,
}

/// How a subscription does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// It gets its events.
    Enabled,
    /// Its destination cannot be reached; it is tried again.
    Failing,
    /// Nothing is sent to it.
    Suspended,
}

impl Subscription {
    pub(crate) fn new(id: SubscriptionId, proposal: Proposal) -> Self {
        let Proposal { owner, groups, chassis, kind, context, filter } = proposal;
        let context = match &kind {
            Kind::Push { .. } => context,
            Kind::Stream { .. } => Some(id.as_str().into()),
        };
        Self { id, owner, groups, chassis, kind, context, filter, suspended: false, resumption: Resumption::default() }
    }

    pub(crate) fn is_stream(&self) -> bool {
        matches!(self.kind, Kind::Stream { .. })
    }
}

impl SubscriptionId {
    pub(crate) fn new(text: &str) -> Self {
        Self(text.into())
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for SubscriptionId {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let fits = (1..=64).contains(&text.len());
        let valid = fits && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        if valid { Ok(Self(text.into())) } else { Err("not the id of a subscription") }
    }
}

impl From<SubscriptionId> for String {
    fn from(id: SubscriptionId) -> Self {
        (*id.0).to_owned()
    }
}

impl std::borrow::Borrow<str> for SubscriptionId {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SubscriptionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl RetryPolicy {
    pub(crate) const ALL: [Self; 4] =
        [Self::TerminateAfterRetries, Self::SuspendRetries, Self::RetryForever, Self::RetryForeverWithBackoff];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::TerminateAfterRetries => "TerminateAfterRetries",
            Self::SuspendRetries => "SuspendRetries",
            Self::RetryForever => "RetryForever",
            Self::RetryForeverWithBackoff => "RetryForeverWithBackoff",
        }
    }
}

impl Heartbeat {
    pub(crate) const DEFAULT: Self = Self(10);
}

impl Headers {
    /// Adds a header; `Err` if it is none, if it is one that the service itself has to set, or if it is one too many.
    pub(crate) fn insert(&mut self, name: &str, value: &str) -> Result<(), ()> {
        let name: HeaderName = name.parse().map_err(|_| ())?;
        let mut value = HeaderValue::from_str(value).map_err(|_| ())?;
        let size: usize = self.0.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
        if RESERVED.contains(&name.as_str()) || self.0.len() >= MAX_HEADERS || size + value.len() > MAX_HEADER_BYTES {
            return Err(());
        }
        value.set_sensitive(true);
        self.0.append(name, value);
        Ok(())
    }

    pub(crate) fn as_map(&self) -> &HeaderMap {
        &self.0
    }
}

impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.keys()).finish()
    }
}

impl TryFrom<Vec<(String, String)>> for Headers {
    type Error = &'static str;

    fn try_from(pairs: Vec<(String, String)>) -> Result<Self, Self::Error> {
        let mut headers = Self::default();
        for (name, value) in pairs {
            headers.insert(&name, &value).map_err(|()| "not a header that can be sent")?;
        }
        Ok(headers)
    }
}

impl From<Headers> for Vec<(String, String)> {
    fn from(headers: Headers) -> Self {
        let pairs =
            headers.0.iter().map(|(name, value)| (name.to_string(), value.to_str().unwrap_or_default().to_owned()));
        pairs.collect()
    }
}

/// Headers that say how the message is sent, and are not the client's to choose.
const RESERVED: [&str; 9] = [
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "expect",
    "host",
    "te",
    "transfer-encoding",
    "upgrade",
];

/// More than a client has use for: one with a token is usual.
const MAX_HEADERS: usize = 16;

/// All headers of a subscription together: servers refuse heads of more than a few kilobytes.
const MAX_HEADER_BYTES: usize = 8_192;
