//! What a request is turned away for before anybody asks who sent it.

use std::net::IpAddr;

use bytes::Bytes;
use http::header::{EXPECT, TRANSFER_ENCODING};
use http::{Method, Response, StatusCode};

use super::{Exchange, Peer, Step, response};
use crate::config::Protocol;
use crate::http::{Framing, Refusal, expects_more_than_continue, framing, host};
use crate::messages::{Message, base, cluster};
use crate::view::View;

impl Exchange {
    /// The answer to a request that is not admitted.
    pub(super) fn turn_away(&self, view: &View) -> Option<Step> {
        if let Err(refusal) = self.check_form() {
            return Some(self.refuse(&refusal));
        }
        if view.config.protocol == Protocol::Https && !self.peer.secure {
            return Some(self.insist_on_tls());
        }
        if let Err(refusal) = self.check_size() {
            return Some(self.refuse(&refusal));
        }
        self.answer_outside(view)
    }

    /// Whether the request is one that HTTP lets be answered.
    fn check_form(&self) -> Result<(), Refusal> {
        host(&self.head).map_err(Refusal::no_host)?;
        // A tunnel leads nowhere from here, and nothing else has a target without a path.
        let is_form = self.path().starts_with('/') || self.is_about_the_server();
        if self.head.method == Method::CONNECT || !is_form {
            let message = Message::new(&base::OPERATION_NOT_ALLOWED, []);
            return Err(Refusal::new(StatusCode::NOT_IMPLEMENTED, message));
        }
        framing(&self.head).map_err(|wrong| {
            let status = match wrong {
                Framing::Unknown => StatusCode::NOT_IMPLEMENTED,
                Framing::Repeated => StatusCode::BAD_REQUEST,
            };
            Refusal::header_invalid(status, &TRANSFER_ENCODING)
        })?;
        if expects_more_than_continue(&self.head) {
            return Err(Refusal::header_invalid(StatusCode::EXPECTATION_FAILED, &EXPECT));
        }
        Ok(())
    }

    /// `OPTIONS *` (RFC 9112 section 3.2.4).
    fn is_about_the_server(&self) -> bool {
        self.head.method == Method::OPTIONS && self.path() == "*"
    }

    /// What is not below `/redfish` is not the protocol's, and nobody is asked for a password there: a browser that looks
    /// for an icon would show its user the question. Who comes to the front door is shown in.
    fn answer_outside(&self, view: &View) -> Option<Step> {
        let path = self.path();
        if self.is_about_the_server() {
            return Some(Step::Respond(response::options_of_server()));
        }
        if path == "/" {
            return Some(match self.head.method {
                Method::GET | Method::HEAD => Step::Respond(response::moved("/redfish/v1/")),
                _ => self.refuse(&Refusal::method_not_allowed("GET, HEAD")),
            });
        }
        if let Some(probe) = Probe::of(path) {
            return Some(match self.head.method {
                Method::GET => Step::Respond(probe.answer(view)),
                Method::HEAD => Step::Respond(response::without_body(probe.answer(view))),
                _ => self.refuse(&Refusal::method_not_allowed("GET, HEAD")),
            });
        }
        let rest = path.strip_prefix("/redfish");
        let inside = rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        (!inside).then(|| self.refuse(&Refusal::no_such_resource(path)))
    }

    /// A read is sent to the same URI over TLS, and finds out there what it may see. Anything else is refused: most
    /// clients do not send a write again that is redirected, and what is secret in it has been seen already
    /// (DSP0266 clause 13.3.1: redirect, or 404).
    fn insist_on_tls(&self) -> Step {
        let is_read = matches!(self.head.method, Method::GET | Method::HEAD);
        match host(&self.head).ok().flatten().filter(|_| is_read) {
            Some(authority) => {
                let target = self.head.uri.path_and_query().map_or("/", |target| target.as_str());
                Step::Respond(response::moved(&format!("https://{authority}{target}")))
            }
            None => self.refuse(&Refusal::new(StatusCode::NOT_FOUND, Message::new(&cluster::TLS_REQUIRED, []))),
        }
    }

    /// Whether the head is no larger than any client has reason to make it. Runtimes have a limit of their own, which is
    /// larger: what exceeds that never comes here, see [`refuse_head`].
    fn check_size(&self) -> Result<(), Refusal> {
        let target = self.head.uri.path_and_query().map_or(0, |target| target.as_str().len());
        if target > MAX_TARGET {
            return Err(target_too_long());
        }
        let headers: usize = self.head.headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
        if headers > MAX_HEADERS || self.head.headers.len() > MAX_LINES {
            return Err(headers_too_large());
        }
        Ok(())
    }
}

/// What asks how the service is. It has no credentials, and learns nothing but that.
#[derive(Clone, Copy)]
enum Probe {
    /// Whether it answers.
    Alive,
    /// Whether it has seen as much as it will for now, so that it can answer as any other replica would.
    Ready,
}

impl Probe {
    fn of(path: &str) -> Option<Self> {
        match path {
            "/livez" | "/healthz" => Some(Self::Alive),
            "/readyz" => Some(Self::Ready),
            _ => None,
        }
    }

    fn answer(self, view: &View) -> Response<Bytes> {
        match self {
            Self::Ready if !view.is_ready() => {
                response::probe(StatusCode::SERVICE_UNAVAILABLE, "not ready: no systems have been seen yet\n")
            }
            Self::Alive | Self::Ready => response::probe(StatusCode::OK, "ok\n"),
        }
    }
}

fn target_too_long() -> Refusal {
    let arguments = ["path and query", &format!("{MAX_TARGET} bytes")];
    Refusal::new(StatusCode::URI_TOO_LONG, Message::new(&cluster::HEAD_TOO_LARGE, arguments))
}

fn headers_too_large() -> Refusal {
    let arguments = ["headers", &format!("{MAX_LINES} lines and {MAX_HEADERS} bytes")];
    Refusal::new(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, Message::new(&cluster::HEAD_TOO_LARGE, arguments))
}

/// The answer to a head that a runtime's own parser of HTTP/1 refuses with this status: 414, 431, or 400 for whatever
/// cannot be read at all. The connection is of no more use then.
pub fn refuse_head(status: StatusCode, secure: bool) -> Response<Bytes> {
    let refusal = match status {
        StatusCode::URI_TOO_LONG => target_too_long(),
        StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE => headers_too_large(),
        _ => Refusal::malformed_request(),
    };
    without_request(&refusal, secure)
}

/// The answer to a request that comes when there is no service any more to hand it to.
pub fn refuse_stopped(secure: bool) -> Response<Bytes> {
    without_request(&Refusal::shutting_down(), secure)
}

fn without_request(refusal: &Refusal, secure: bool) -> Response<Bytes> {
    let (head, ()) = http::Request::new(()).into_parts();
    let peer = Peer { address: IpAddr::from([0, 0, 0, 0]), secure };
    response::finish(response::refusal(refusal), &head, peer, false)
}

/// The longest path and query, in bytes: a long `$select` and `$filter` fit in.
const MAX_TARGET: usize = 8 * 1024;

/// The most lines of headers: as many as hyper reads without allocating anything.
const MAX_LINES: usize = 100;

/// The largest headers, names and values, in bytes: a bearer token with the groups of a large company fits in.
const MAX_HEADERS: usize = 32 * 1024;
