//! Streams of events: a GET that is planned and handed in as a write is, and is answered with a head that has no end.

use std::sync::Arc;

use http::header::ACCEPT;
use http::{Method, StatusCode};

use super::{Exchange, Step, response};
use crate::auth::Identity;
use crate::http::{JsonObject, MediaType, Refusal, accepts, parameter_name};
use crate::intent::StreamId;
use crate::messages::{Message, base};
use crate::resources::{self, Context};
use crate::time::Now;
use crate::view::View;

impl Exchange {
    /// Opens a stream of events.
    pub(super) fn open_stream(&mut self, view: &Arc<View>, now: Now, identity: Identity) -> Step {
        let Some(charset) = accepts(&self.head.headers, MediaType::EventStream) else {
            return self.refuse(&Refusal::header_invalid(StatusCode::NOT_ACCEPTABLE, &ACCEPT));
        };
        if self.head.method == Method::HEAD {
            return Step::Respond(response::event_stream(charset).map(|()| bytes::Bytes::new()));
        }
        let context = Context { view, identity: Some(&identity), now };
        let query = self.head.uri.query().unwrap_or_default();
        match resources::stream_plan(&context, self.peer.address, query, &self.head.headers) {
            Ok(plan) => self.submit(view, now, identity, plan, &JsonObject::new()),
            Err(refusal) => self.refuse(&refusal),
        }
    }

    /// The stream is open.
    pub(super) fn stream(&self, stream: StreamId) -> Step {
        let charset = accepts(&self.head.headers, MediaType::EventStream).unwrap_or(false);
        Step::Stream { head: response::event_stream(charset), stream }
    }
}

/// Refuses what the protocol reserves and a stream does not have: all that begins with `$` but `$filter`.
pub(super) fn check_parameters(query: &str) -> Result<(), Refusal> {
    let mut names = query.split('&').map(|pair| parameter_name(pair.split('=').next().unwrap_or_default()));
    match names.find(|name| name.starts_with('$') && name != "$filter") {
        Some(name) => {
            let message = Message::new(&base::QUERY_PARAMETER_UNSUPPORTED, [&*name]);
            Err(Refusal::new(StatusCode::NOT_IMPLEMENTED, message))
        }
        None => Ok(()),
    }
}
