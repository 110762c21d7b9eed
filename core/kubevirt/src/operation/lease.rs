//! Claiming the leadership: one `Lease`, under optimistic locking.
//!
//! Whoever has it renews it by one patch of the state in which they left it. When to wanted and when another's lease has expired is the service's to decide; here it is only written down, and
//! never over what somebody else wrote in between. It does not rest and try again: the next wanted comes soon.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use serde_json::json;

use super::answer::{self, Problem};
use super::document::no_namespace;
use super::{OperationStep, Stage};
use crate::annotation::{MANAGED_BY, MANAGER};
use crate::model::{CommandError, Completion, Leadership, LeaseGoal, LeaseRequest, Namespace, Observation, Version};
use crate::object::{Element, Lease, Object};
use crate::request::{Place as _, Unwatched, create, get, merge_patch};
use crate::time::Instant;
use crate::{Settings, TransportError, translate};

/// One wanted on its way.
#[derive(Debug)]
pub(super) struct HoldLease {
    wanted: LeaseRequest,
    settings: Arc<Settings>,
    state: State,
    conflicts: u32,
}

/// ```text
///   Ready{read} --> Awaiting --+-- ours, nobody's, expired --> Ready{write} --> Awaiting --> Done
///        ^                     +-- somebody else's ------------------------------------------^
///        +------------------------------------- conflict ------------------------'
/// ```
#[derive(Debug)]
enum State {
    Ready(Call),
    Awaiting(Call),
    Done(Result<Completion, CommandError>),
}

#[derive(Clone, Copy, Debug)]
enum Call {
    Read,
    Create,
    /// Replace this state of it.
    Write {
        version: Version,
        transitions: u64,
        ours: bool,
    },
}

impl HoldLease {
    pub(super) fn new(wanted: LeaseRequest, settings: Arc<Settings>) -> Self {
        let first = match wanted.left {
            Some(version) => Call::Write { version, transitions: 0, ours: true },
            None => Call::Read,
        };
        let state =
            if settings.own_namespace.is_some() { State::Ready(first) } else { State::Done(Err(no_namespace())) };
        Self { wanted, settings, state, conflicts: 0 }
    }

    pub(super) const fn stage(&self) -> Stage {
        match self.state {
            State::Awaiting(Call::Create | Call::Write { .. }) => Stage::Writing,
            State::Ready(_) | State::Awaiting(Call::Read) => Stage::Between,
            State::Done(_) => Stage::Done,
        }
    }

    pub(super) fn poll(&mut self, now: Instant) -> OperationStep {
        if now >= self.wanted.deadline && !matches!(self.state, State::Done(_)) {
            self.state = State::Done(Err(CommandError::TimedOut));
        }
        match &self.state {
            State::Done(result) => OperationStep::Done(result.clone()),
            State::Awaiting(_) => OperationStep::WaitUntil(self.wanted.deadline),
            State::Ready(call) => {
                let call = *call;
                let Some(namespace) = &self.settings.own_namespace else {
                    return OperationStep::Done(Err(no_namespace()));
                };
                let request = self.request(namespace, call);
                self.state = State::Awaiting(call);
                OperationStep::Send { request, deadline: self.wanted.deadline }
            }
        }
    }

    pub(super) fn handle_response(&mut self, response: Result<Response<Bytes>, TransportError>) {
        let State::Awaiting(call) = self.state else { return };
        self.state = match (call, answer::read(response)) {
            (Call::Read, Ok(body)) => self.read(&body),
            (Call::Create | Call::Write { .. }, Ok(body)) => lease(&body).map_or_else(senseless, |lease| shown(&lease)),
            (Call::Read, Err(Problem::Missing { .. })) => match self.wanted.goal {
                LeaseGoal::Hold { .. } => State::Ready(Call::Create),
                LeaseGoal::Release => State::Done(Ok(Completion::default())),
            },
            // Somebody was quicker: see who.
            (Call::Create | Call::Write { .. }, Err(Problem::Conflict(_)))
            | (Call::Write { .. }, Err(Problem::Missing { .. }))
                if self.conflicts < MAX_CONFLICTS =>
            {
                self.conflicts += 1;
                State::Ready(Call::Read)
            }
            (_, Err(problem)) => State::Done(Err(match problem {
                Problem::Forbidden(message) => CommandError::Forbidden(message),
                // Of a creation: the namespace, or leases altogether, are not there.
                Problem::Refused(message) | Problem::Missing { message, .. } => CommandError::Refused(message),
                Problem::Conflict(message) => CommandError::Conflict(message),
                Problem::NotServed(reason) => CommandError::Unavailable { reason, retry_after: None },
                Problem::Busy { reason, retry_after, .. } => CommandError::Unavailable { reason, retry_after },
            })),
        };
    }

    fn read(&self, body: &[u8]) -> State {
        let Some(lease) = lease(body) else { return senseless() };
        let version = translate::version(&lease.metadata);
        let ours = holder(&lease) == Some(&*self.wanted.replica);
        let free = match self.wanted.goal {
            LeaseGoal::Hold { expired } => ours || holder(&lease).is_none() || expired == Some(version),
            LeaseGoal::Release => ours,
        };
        if free {
            State::Ready(Call::Write { version, transitions: lease.spec.lease_transitions.unwrap_or(0), ours })
        } else {
            shown(&lease)
        }
    }

    fn request(&self, namespace: &Namespace, call: Call) -> Request<Bytes> {
        let collection = Unwatched::Leases.within(namespace);
        let path = collection.clone().own(NAME);
        let time = format!("{}.000000Z", self.wanted.time.to_string().trim_end_matches('Z'));
        let duration = self.wanted.lasts.as_secs().max(1);
        let mut spec = json!({
            "holderIdentity": self.wanted.replica,
            "leaseDurationSeconds": duration,
            "renewTime": time,
        });
        match call {
            Call::Read => get(&path),
            Call::Create => {
                merge(&mut spec, json!({ "acquireTime": time, "leaseTransitions": 0 }));
                let metadata = json!({ "name": NAME, "namespace": namespace, "labels": { MANAGED_BY: MANAGER } });
                let lease = json!({
                    "apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": metadata, "spec": spec,
                });
                create(&collection, &lease)
            }
            Call::Write { version, transitions, ours } => {
                match (self.wanted.goal, ours) {
                    (LeaseGoal::Release, _) => merge(&mut spec, json!({ "holderIdentity": null })),
                    (LeaseGoal::Hold { .. }, true) => {}
                    (LeaseGoal::Hold { .. }, false) => {
                        let transitions = transitions.saturating_add(1);
                        merge(&mut spec, json!({ "acquireTime": time, "leaseTransitions": transitions }));
                    }
                }
                merge_patch(&path, &json!({ "metadata": { "resourceVersion": version.0.to_string() }, "spec": spec }))
            }
        }
    }
}

fn merge(into: &mut serde_json::Value, from: serde_json::Value) {
    if let (Some(into), serde_json::Value::Object(from)) = (into.as_object_mut(), from) {
        into.extend(from);
    }
}

fn lease(body: &[u8]) -> Option<Lease> {
    serde_json::from_slice::<Element<Object<Lease>>>(body).ok().map(|Element(Object(lease))| lease)
}

fn holder(lease: &Lease) -> Option<&str> {
    lease.spec.holder_identity.as_deref().filter(|holder| !holder.is_empty())
}

fn shown(lease: &Lease) -> State {
    let lasts = lease.spec.lease_duration_seconds.map(Duration::from_secs);
    let leadership =
        Leadership { holder: holder(lease).map(Into::into), version: translate::version(&lease.metadata), lasts };
    State::Done(Ok(Completion { observations: vec![Observation::Leadership(leadership)] }))
}

fn senseless() -> State {
    let reason = "the API server's answer makes no sense".to_owned();
    State::Done(Err(CommandError::Unavailable { reason, retry_after: None }))
}

/// The lease's name.
const NAME: &str = "kubevirt-redfish-events";

/// How often others may be quicker within one wanted.
const MAX_CONFLICTS: u32 = 3;
