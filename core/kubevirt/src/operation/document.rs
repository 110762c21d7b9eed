//! Storing a document: one `Secret`, under optimistic locking.
//!
//! Like the other operations it never says "then": whenever an answer is missing or says no, it looks at what is
//! there. What is there in the end is what the completion shows, written by this operation or by somebody else.

use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use http::{Request, Response};
use serde_json::json;

use super::answer::{self, Problem};
use super::{OperationStep, Stage};
use crate::annotation::{MANAGED_BY, MANAGER};
use crate::entropy::Entropy;
use crate::model::{CommandError, Completion, DocumentWrite, Namespace, Observation, Version};
use crate::object::{Element, Object, Secret};
use crate::request::{Collection, Place as _, create, get, merge_patch};
use crate::time::Instant;
use crate::{Settings, TransportError, translate};

/// One document on its way into the cluster.
#[derive(Debug)]
pub(super) struct StoreDocument {
    write: DocumentWrite,
    settings: Arc<Settings>,
    state: State,
    entropy: Entropy,
    failures: u32,
    obstacle: Option<Problem>,
}

/// ```text
///   Ready{write} --> Awaiting{write} -- accepted, refused -----------------> Done
///        ^                 | conflict, missing, no answer                     ^
///        |                 v                                                  |
///        |              Resting --> Ready{read} --> Awaiting{read} -----------+
///        |                 ^                             |    somebody's, or this one's
///        |                 +---------- no answer --------+
///        +------------------- still as expected ---------+
/// ```
#[derive(Debug)]
enum State {
    Ready(Call),
    Awaiting(Call),
    Resting { until: Instant },
    Done(Result<Completion, CommandError>),
}

#[derive(Clone, Copy, Debug)]
enum Call {
    Read,
    Write,
}

impl StoreDocument {
    pub(super) fn new(write: DocumentWrite, settings: Arc<Settings>, seed: u64) -> Self {
        let state =
            if settings.own_namespace.is_some() { State::Ready(Call::Write) } else { State::Done(Err(no_namespace())) };
        Self { write, settings, state, entropy: Entropy::new(seed), failures: 0, obstacle: None }
    }

    pub(super) fn write(&self) -> &DocumentWrite {
        &self.write
    }

    pub(super) const fn stage(&self) -> Stage {
        match self.state {
            State::Awaiting(Call::Write) => Stage::Writing,
            State::Ready(_) | State::Awaiting(Call::Read) | State::Resting { .. } => Stage::Between,
            State::Done(_) => Stage::Done,
        }
    }

    pub(super) fn poll(&mut self, now: Instant) -> OperationStep {
        if now >= self.write.deadline && !matches!(self.state, State::Done(_)) {
            self.give_up(CommandError::TimedOut);
        }
        match &self.state {
            State::Done(result) => OperationStep::Done(result.clone()),
            State::Awaiting(_) => OperationStep::WaitUntil(self.write.deadline),
            State::Resting { until } if now < *until => OperationStep::WaitUntil((*until).min(self.write.deadline)),
            State::Resting { .. } => self.send(Call::Read),
            State::Ready(call) => self.send(*call),
        }
    }

    pub(super) fn handle_response(&mut self, now: Instant, response: Result<Response<Bytes>, TransportError>) {
        let State::Awaiting(call) = self.state else { return };
        self.state = match (call, answer::read(response)) {
            (Call::Write, Ok(body)) => match self.observation(&body) {
                Some((observation, _)) => done(observation),
                // Accepted, and unreadable: read it.
                None => State::Ready(Call::Read),
            },
            (Call::Write, Err(Problem::Conflict(_))) => State::Ready(Call::Read),
            // A write of something that is not there, or a creation in a namespace that is not there.
            (Call::Write, Err(Problem::Missing { .. })) if self.write.expected.is_some() => State::Ready(Call::Read),
            (Call::Read, Ok(body)) => match self.observation(&body) {
                Some((_, version)) if self.write.expected == Some(version) => State::Ready(Call::Write),
                Some((observation, _)) => done(observation),
                // Somebody has put something else there, which must not stand in the way for ever.
                None => State::Done(Err(CommandError::NotStored("the stored document makes no sense".to_owned()))),
            },
            (Call::Read, Err(Problem::Missing { .. })) if self.write.expected.is_none() => State::Ready(Call::Write),
            (Call::Read, Err(Problem::Missing { .. })) => {
                done(Observation::DocumentGone(self.write.name, self.write.expected.unwrap_or_default()))
            }
            (_, Err(Problem::Forbidden(message))) => State::Done(Err(CommandError::Forbidden(message))),
            (_, Err(Problem::Refused(message))) => State::Done(Err(CommandError::NotStored(message))),
            (_, Err(problem)) => self.rest(now, problem),
        };
        // A conflict that does not show in what is read is one with somebody who is quick: do not spin.
        if matches!((&self.state, call), (State::Ready(Call::Write), Call::Read)) {
            self.failures = self.failures.saturating_add(1);
            if self.failures > PROMPT_ATTEMPTS {
                self.give_up(CommandError::Conflict("the document cannot be written".to_owned()));
            }
        }
    }

    /// Ends with what stood in the way last, or else with `error`.
    fn give_up(&mut self, error: CommandError) {
        self.state = State::Done(Err(match self.obstacle.take() {
            Some(Problem::Busy { reason, retry_after, .. }) => CommandError::Unavailable { reason, retry_after },
            Some(_) | None => error,
        }));
    }

    fn rest(&mut self, now: Instant, problem: Problem) -> State {
        self.failures = self.failures.saturating_add(1);
        let rest = problem.rest(&mut self.entropy, self.failures);
        self.obstacle = Some(problem);
        State::Resting { until: now + rest }
    }

    fn send(&mut self, call: Call) -> OperationStep {
        let Some(namespace) = self.settings.own_namespace.as_ref() else {
            return OperationStep::Done(Err(no_namespace()));
        };
        let name = translate::secret_name(self.write.name);
        let path = Collection::Secrets.within(namespace).own(name);
        let request = match (call, self.write.expected) {
            (Call::Read, _) => get(&path),
            (Call::Write, Some(version)) => merge_patch(
                &path,
                &json!({
                    "metadata": {
                        "resourceVersion": version.0.to_string(),
                        "labels": { MANAGED_BY: MANAGER },
                    },
                    "data": { "content": BASE64_STANDARD.encode(&self.write.content) },
                }),
            ),
            (Call::Write, None) => self.creation(namespace, name),
        };
        self.state = State::Awaiting(call);
        OperationStep::Send { request, deadline: self.write.deadline }
    }

    fn creation(&self, namespace: &Namespace, name: &str) -> Request<Bytes> {
        let secret = json!({
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": { "name": name, "namespace": namespace, "labels": { MANAGED_BY: MANAGER } },
            "type": "Opaque",
            "data": { "content": BASE64_STANDARD.encode(&self.write.content) },
        });
        create(&Collection::Secrets.within(namespace), &secret)
    }

    /// What a body shows of the document, with its version.
    fn observation(&self, body: &[u8]) -> Option<(Observation, Version)> {
        let Element(Object(secret)) = serde_json::from_slice::<Element<Object<Secret>>>(body).ok()?;
        let document = translate::document(&secret).filter(|document| document.name == self.write.name)?;
        let version = document.version;
        Some((Observation::Document(Arc::new(document)), version))
    }
}

/// What comes of keeping anything where there is no place for it.
pub(super) fn no_namespace() -> CommandError {
    CommandError::Forbidden("the service has no namespace of its own".to_owned())
}

fn done(observation: Observation) -> State {
    State::Done(Ok(Completion { observations: vec![observation] }))
}

/// How often a write may be repeated at once.
const PROMPT_ATTEMPTS: u32 = 8;
