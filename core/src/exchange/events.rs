//! Requests about events: subscriptions are made and changed as other resources are, and a stream is opened.

use std::sync::Arc;

use http::header::ACCEPT;
use http::{HeaderName, HeaderValue, Method, Response, StatusCode};

use super::access::too_many_edits;
use super::{Exchange, State, Step, response};
use crate::auth::Identity;
use crate::http::{JsonObject, MediaType, Refusal, accepts};
use crate::intent::Answer;
use crate::intent::{EventOutcome, Intent, IntentKind, OutcomeKind};
use crate::messages::{Message, base};
use crate::query;
use crate::resources::{self, Context};
use crate::route::Route;
use crate::time::Now;
use crate::view::View;

impl Exchange {
    /// Finds out what is asked for in this view, and hands it in.
    pub(super) fn submit_event(&mut self, view: &Arc<View>, now: Now, identity: Identity, body: &JsonObject) -> Step {
        let plan = self.location().and_then(|location| {
            let context = Context { view, identity: Some(&identity), now };
            resources::event_plan(&context, &location, &self.head.method, self.is_conditional(), body)
        });
        match plan {
            Ok(plan) => {
                self.state = State::Event { identity, answer: plan.answer };
                Step::Submit(Intent(IntentKind::Event(Box::new(plan.intent))))
            }
            Err(refusal) => self.refuse(&refusal),
        }
    }

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
            Ok(intent) => {
                self.state = State::Event { identity, answer: Answer::NoContent };
                Step::Submit(Intent(IntentKind::Event(Box::new(intent))))
            }
            Err(refusal) => self.refuse(&refusal),
        }
    }

    /// The service has answered.
    pub(super) fn event_outcome(
        &mut self,
        view: &Arc<View>,
        now: Now,
        identity: &Identity,
        answer: Answer,
        outcome: OutcomeKind,
    ) -> Step {
        match outcome {
            OutcomeKind::Done => self.answer(view, now, identity, self.path(), answer),
            OutcomeKind::Event(EventOutcome::Subscribed(id)) => {
                let context = Context { view, identity: Some(identity), now };
                let route = Route::EventDestination(id.as_str());
                match resources::read(&context, &crate::route::Location { route, alias: None }) {
                    Ok(representation) => {
                        let charset = accepts(&self.head.headers, MediaType::Json).unwrap_or(false);
                        Step::Respond(response::created(&route, &representation, charset))
                    }
                    Err(refusal) => self.refuse(&refusal),
                }
            }
            OutcomeKind::Event(EventOutcome::Opened(stream)) => {
                let charset = accepts(&self.head.headers, MediaType::EventStream).unwrap_or(false);
                let head: Response<()> = response::event_stream(charset);
                Step::Stream { head, stream }
            }
            OutcomeKind::Event(EventOutcome::LimitReached) => {
                let message = Message::new(&base::EVENT_SUBSCRIPTION_LIMIT_EXCEEDED, []);
                self.refuse(&Refusal::new(StatusCode::CONFLICT, message))
            }
            OutcomeKind::Event(EventOutcome::Gone) => self.refuse(&Refusal::no_such_resource(self.path())),
            OutcomeKind::Superseded => self.superseded(view, now),
            OutcomeKind::Overloaded => self.refuse(&too_many_edits()),
            OutcomeKind::Congested(congestion) => self.refuse(&congestion.into()),
            OutcomeKind::ShuttingDown => self.refuse(&Refusal::shutting_down()),
            OutcomeKind::Accepted(_)
            | OutcomeKind::TooManyTasks
            | OutcomeKind::Password(_)
            | OutcomeKind::Reviewed(_)
            | OutcomeKind::Edited(_)
            | OutcomeKind::NotEdited(_) => self.refuse(&Refusal::internal_error()),
            OutcomeKind::Failed(error) => self.refuse(&Refusal::from(&error)),
        }
    }
}

/// Refuses what the protocol reserves and a stream does not have: all that begins with `$` but `$filter`.
pub(super) fn check_parameters(query: &str) -> Result<(), Refusal> {
    let mut names = query.split('&').map(|pair| query::name(pair.split('=').next().unwrap_or_default()));
    match names.find(|name| name.starts_with('$') && name != "$filter") {
        Some(name) => {
            let message = Message::new(&base::QUERY_PARAMETER_UNSUPPORTED, [&*name]);
            Err(Refusal::new(StatusCode::NOT_IMPLEMENTED, message))
        }
        None => Ok(()),
    }
}

/// Some proxies collect a response before they pass it on, unless it says that they should not.
pub(super) const UNBUFFERED: (HeaderName, HeaderValue) =
    (HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));
