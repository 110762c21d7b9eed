//! What a request is turned away for before anybody asks who sent it.

use http::header::HOST;
use http::uri::Authority;
use http::{Method, StatusCode};

use super::{Exchange, Step, response};
use crate::config::Protocol;
use crate::http::Refusal;
use crate::messages::{Message, cluster};
use crate::view::View;

impl Exchange {
    /// The answer to a request that is not admitted.
    pub(super) fn turn_away(&self, view: &View) -> Option<Step> {
        if view.config.protocol == Protocol::Https && !self.peer.secure {
            return Some(self.insist_on_tls());
        }
        self.check_size().err().map(|refusal| self.refuse(&refusal))
    }

    /// A read is sent to the same URI over TLS, and finds out there what it may see. Anything else is refused: most
    /// clients do not send a write again that is redirected, and what is secret in it has been seen already
    /// (DSP0266 clause 13.3.1: redirect, or 404).
    fn insist_on_tls(&self) -> Step {
        let is_read = matches!(self.head.method, Method::GET | Method::HEAD);
        match self.authority().filter(|_| is_read) {
            Some(authority) => {
                let target = self.head.uri.path_and_query().map_or("/", |target| target.as_str());
                Step::Respond(response::moved(&format!("https://{authority}{target}")))
            }
            None => self.refuse(&Refusal::new(StatusCode::NOT_FOUND, Message::new(&cluster::TLS_REQUIRED, []))),
        }
    }

    /// Whom the client believes to speak with.
    fn authority(&self) -> Option<Authority> {
        let authority = match self.head.headers.get(HOST) {
            Some(host) => host.to_str().ok()?.parse().ok()?,
            None => self.head.uri.authority()?.clone(),
        };
        (!authority.host().is_empty() && !authority.as_str().contains('@')).then_some(authority)
    }

    /// Whether the head is no larger than any client has reason to make it. Runtimes have a limit of their own, which is
    /// larger: what exceeds that is answered without any words, if at all.
    fn check_size(&self) -> Result<(), Refusal> {
        let target = self.head.uri.path_and_query().map_or(0, |target| target.as_str().len());
        if target > MAX_TARGET {
            return Err(too_large(StatusCode::URI_TOO_LONG, "path and query", MAX_TARGET));
        }
        let headers: usize = self.head.headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
        if headers > MAX_HEADERS {
            return Err(too_large(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "headers", MAX_HEADERS));
        }
        Ok(())
    }
}

fn too_large(status: StatusCode, what: &str, limit: usize) -> Refusal {
    Refusal::new(status, Message::new(&cluster::HEAD_TOO_LARGE, [what, &limit.to_string()]))
}

/// The longest path and query, in bytes: a long `$select` and `$filter` fit in.
const MAX_TARGET: usize = 8 * 1024;

/// The largest headers, names and values, in bytes: a bearer token with the groups of a large company fits in.
const MAX_HEADERS: usize = 32 * 1024;
