//! What the engine has a runtime send, and what comes back.

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use bytes::Bytes;

use crate::kubevirt::{TransportError, Verification};
use crate::model::{AddressPolicy, CorrelationId, Host};
use crate::time::Instant;

/// Tells one outbound request of an engine from another; never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(pub u64);

/// An HTTP request for a runtime to carry. It reports what comes back as [`Input::Answer`](super::Input::Answer), until the
/// [`End`](Answer::End), a [failure](Answer::Failed), or [`Output::Abort`](super::Output::Abort).
pub struct Outbound {
    /// What its answers are reported with.
    pub id: RequestId,
    /// Where it goes.
    pub target: Target,
    /// The request. Its URL is relative to the API server, and absolute for every other target.
    pub request: http::Request<Bytes>,
    /// When the engine aborts it; `None` if that depends on what comes meanwhile. A runtime needs no timer for it. One that
    /// blocks may take it as its own limit and report [`TransportError::TimedOut`].
    pub deadline: Option<Instant>,
    /// The id of the client's request that it is sent for, for the log.
    pub correlation: Option<CorrelationId>,
}

/// Without the body and the URL's user and query: secrets may be in all of them.
impl fmt::Debug for Outbound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { id, target, request, deadline, .. } = self;
        let (host, path) = (request.uri().host().unwrap_or_default(), request.uri().path());
        write!(f, "Outbound({id:?} {target:?} {} {host}{path}, until {deadline:?})", request.method())
    }
}

/// Where an outbound request goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// The API server. The runtime adds its address and the credentials.
    ApiServer {
        /// Whether it belongs to a watch: its answer may last, and is of use piece by piece.
        watch: bool,
    },
    /// A server that an image comes from. Only the head of its answer is wanted.
    ImageServer(Outside),
    /// A server that events are pushed to. Only the head of its answer is wanted.
    EventReceiver(Outside),
}

/// How long a runtime tries to connect to the API server before it reports [`TransportError::NotSent`]: less than the
/// deadline of any request, because what was certainly not sent is no reason to wait for what may come of it.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How a server is connected to that a client has named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outside {
    /// Which addresses may be connected to, whatever the name in the URL stands for: the runtime resolves the name and judges
    /// each address right before it connects to it.
    pub policy: AddressPolicy,
    /// How its certificate is verified.
    pub verification: Verification,
}

impl Outside {
    /// Whether an address that the host of a URL stands for may be connected to.
    pub fn permits(&self, url: &http::Uri, address: IpAddr) -> bool {
        let host = Host::parse_in_url(url.host().unwrap_or_default());
        host.is_some_and(|host| self.policy.judge(&host).is_ok() && self.policy.permits(&host, address))
    }
}

impl OutboundDatagram {
    /// Whether it may be sent to an address that its host stands for.
    pub fn permits(&self, address: IpAddr) -> bool {
        Host::parse(&self.host).is_some_and(|host| self.policy.permits(&host, address))
    }
}

/// A datagram for a runtime to send to a UDP port. It reports every datagram that comes back from that address as
/// [`Answer::Datagram`], until [`Output::Abort`](super::Output::Abort).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutboundDatagram {
    /// What its answers are reported with.
    pub id: RequestId,
    /// A host name or an address, an IPv6 address without brackets.
    pub host: String,
    /// The UDP port.
    pub port: u16,
    /// Which addresses it may be sent to.
    pub policy: AddressPolicy,
    /// What is sent.
    pub data: Bytes,
    /// When the engine aborts it.
    pub deadline: Instant,
}

/// What comes back for an outbound request, in this order: a head, any number of pieces of the body, the end. A failure ends
/// it at any place.
#[derive(Clone, Debug)]
pub enum Answer {
    /// Status and headers.
    Head(http::Response<()>),
    /// A piece of the body.
    Data(Bytes),
    /// The body is complete.
    End,
    /// There is no answer, or no more of it.
    Failed(TransportError),
    /// A datagram, which may be anyone's.
    Datagram {
        /// What was received.
        data: Bytes,
        /// What the wall clock said when the question was sent, since 1970. The engine is told the time in whole seconds,
        /// which is not enough to compare clocks.
        sent: Duration,
        /// What it said when the datagram came.
        received: Duration,
    },
}
