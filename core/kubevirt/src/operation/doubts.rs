//! What has been sent about a machine's power and not been answered.
//!
//! A request without an answer is neither done nor failed. What it does is told by what is seen, if nothing else does the
//! same; one that supposes a state of the definition does nothing once that is another; of all others it is waited until
//! they can have no effect any more.

use bytes::Bytes;
use http::{Method, Request};
use serde_json::Value;

use super::json_patch::merged;
use super::power_state::run_state;
use super::power_table::RunState;
use crate::annotation::{PENDING_POWER_ON, PowerRequestsRecord};
use crate::model::{PowerEffect, PowerRequest, RequestId, Unanswered};
use crate::object::{VirtualMachine, VirtualMachineInstance};
use crate::time::Instant;

/// The requests of one machine whose outcome is not known: of this replica, and what others have noted down on it.
#[derive(Debug)]
pub(super) struct Doubts {
    /// What tells this replica from others.
    replica: u32,
    /// Requests of others that were seen to have had their effect, though they are still noted down.
    told: Vec<RequestId>,
    /// The oldest first.
    unanswered: Vec<Unanswered>,
    /// What has been sent and may be answered yet.
    under_way: Option<Unanswered>,
    seen: Option<Seen>,
}

/// Where a machine was when it was last looked at.
#[derive(Clone, Copy, Debug)]
struct Seen {
    state: RunState,
    /// A stop and a start have been asked for, which together are a restart.
    restarts: bool,
}

impl Doubts {
    pub(super) const fn new(replica: u32, unanswered: Vec<Unanswered>) -> Self {
        Self { replica, told: Vec::new(), unanswered, under_way: None, seen: None }
    }

    /// The machine has been looked at.
    pub(super) fn looked(&mut self, now: Instant, machine: &VirtualMachine, instance: Option<&VirtualMachineInstance>) {
        let version = machine.metadata.resource_version.as_ref();
        // Carried out or not, it has nothing more to do.
        self.unanswered.retain(|request| request.supposes.is_none() || request.supposes.as_ref() == version);
        let restarts = machine.start_requested() && machine.stop_requested(None);
        let seen = Seen { state: run_state(machine, instance), restarts };
        self.seen = Some(seen);
        self.look_at_others(now, machine, seen);
        if let Some(told) = self.unanswered.iter().position(|request| request.telling && seen.tells(request.effect)) {
            let told = self.unanswered.remove(told);
            self.told.extend(told.note);
            self.is_told(told.effect);
        }
    }

    /// What other replicas have noted down. Who takes a note away has an answer; where all notes are gone, somebody else has
    /// taken them away.
    fn look_at_others(&mut self, now: Instant, machine: &VirtualMachine, seen: Seen) {
        let Some(note) = PowerRequestsRecord::read(machine) else { return };
        let stands = |id: RequestId| note.unanswered.iter().any(|(noted, _)| *noted == id);
        let replica = self.replica;
        for request in std::mem::take(&mut self.unanswered) {
            let answered = request.note.is_some_and(|id| id.replica != replica && !stands(id));
            self.unanswered.extend(if answered { request.answered(now) } else { Some(request) });
        }
        for (id, effect) in &note.unanswered {
            let known = self.unanswered.iter().any(|request| request.note == Some(*id)) || self.told.contains(id);
            if id.replica != replica && !known {
                let telling = self.is_alone(*effect) && seen.would_tell(*effect);
                let (effect, note) = (*effect, Some(*id));
                self.unanswered.push(Unanswered { effect, sent: now, supposes: None, telling, note });
            }
        }
    }

    /// What is to stand on the machine.
    pub(super) fn noted(&self, now: Instant) -> impl Iterator<Item = (RequestId, PowerEffect)> {
        let requests = self.unanswered.iter().chain(&self.under_way);
        requests.filter(move |request| request.over() > now).filter_map(|request| Some((request.note?, request.effect)))
    }

    fn is_alone(&self, effect: PowerEffect) -> bool {
        !self.unanswered.iter().any(|earlier| earlier.effect == effect)
    }

    /// A request is being sent.
    pub(super) fn sending(&mut self, now: Instant, request: &Request<Bytes>, note: Option<RequestId>) {
        let lost = self.under_way.take();
        self.unanswered.extend(lost);
        let body: Value = merged(serde_json::from_slice(request.body()).unwrap_or_default());
        let effect = effect(request, &body);
        let supposes = body.pointer("/metadata/resourceVersion").and_then(Value::as_str).map(Into::into);
        let telling = |effect| self.is_alone(effect) && self.seen.is_some_and(|seen| seen.would_tell(effect));
        self.under_way =
            effect.map(|effect| Unanswered { effect, sent: now, supposes, telling: telling(effect), note });
    }

    /// It has been answered: accepted, or refused without any effect.
    pub(super) fn answered(&mut self, accepted: bool) {
        if let Some(request) = self.under_way.take().filter(|_| accepted) {
            self.is_told(request.effect);
        }
    }

    /// Its answer is lost. It may have waited for its turn, and have been sent only now.
    pub(super) fn lost(&mut self, now: Instant) {
        self.unanswered.extend(self.under_way.take().map(|request| Unanswered { sent: now, ..request }));
        // One that is older is over sooner; and there is no telling any of so many.
        let more = self.unanswered.len().saturating_sub(MOST);
        self.unanswered.drain(..more);
    }

    /// Until when something may still come that undoes what was asked for.
    pub(super) fn opposed_until(&self, request: PowerRequest, now: Instant) -> Option<Instant> {
        let opposed = self.unanswered.iter().filter(|earlier| earlier.effect.opposes(request));
        opposed.map(Unanswered::over).filter(|over| *over > now).max()
    }

    /// What remains.
    pub(super) fn remaining(&self) -> Vec<Unanswered> {
        self.unanswered.iter().chain(&self.under_way).cloned().collect()
    }

    /// What is seen of an effect from now on says nothing of others that have the same.
    fn is_told(&mut self, effect: PowerEffect) {
        for request in self.unanswered.iter_mut().filter(|request| request.effect == effect) {
            request.telling = false;
        }
    }
}

impl Seen {
    /// Whether it would be seen that something came of a request that is sent now.
    fn would_tell(self, effect: PowerEffect) -> bool {
        match effect {
            // Nothing else has it start.
            PowerEffect::TurnsOn => matches!(self.state, RunState::Off | RunState::Ended),
            PowerEffect::Restarts => !self.restarts,
            PowerEffect::TurnsOff => matches!(self.state, RunState::Starting | RunState::Running | RunState::Paused),
            PowerEffect::Pauses => self.state == RunState::Running,
            PowerEffect::Resumes => self.state == RunState::Paused,
        }
    }

    /// Whether this is what comes of it.
    fn tells(self, effect: PowerEffect) -> bool {
        match effect {
            PowerEffect::TurnsOn => !matches!(
                self.state,
                RunState::Off | RunState::Ended | RunState::Unsettled | RunState::Ending | RunState::Dying
            ),
            PowerEffect::Restarts => self.restarts,
            PowerEffect::TurnsOff => matches!(self.state, RunState::Stopping | RunState::Dying),
            PowerEffect::Pauses => self.state == RunState::Paused,
            PowerEffect::Resumes => self.state == RunState::Running,
        }
    }
}

/// What a verb does to a machine's power, whatever its body is.
pub(super) fn effect_of(request: &Request<Bytes>) -> Option<PowerEffect> {
    effect(request, &Value::Null)
}

/// What a request does to a machine's power.
fn effect(request: &Request<Bytes>, body: &Value) -> Option<PowerEffect> {
    if *request.method() == Method::PUT {
        return match request.uri().path().rsplit('/').next()? {
            "start" => Some(PowerEffect::TurnsOn),
            "restart" => Some(PowerEffect::Restarts),
            "stop" => Some(PowerEffect::TurnsOff),
            "pause" => Some(PowerEffect::Pauses),
            "unpause" => Some(PowerEffect::Resumes),
            _ => None,
        };
    }
    let pending_power_ons =
        body.pointer("/metadata/annotations").and_then(|annotations| annotations.get(PENDING_POWER_ON));
    if pending_power_ons.is_some_and(|pending| !pending.is_null()) {
        return Some(PowerEffect::TurnsOn);
    }
    let spec = body.get("spec")?;
    match (spec.get("runStrategy").and_then(Value::as_str), spec.get("running").and_then(Value::as_bool)) {
        (Some("Halted"), _) | (None, Some(false)) => Some(PowerEffect::TurnsOff),
        // Coming from another, these may start it by themselves.
        (Some("Always" | "Once" | "RerunOnFailure"), _) | (None, Some(true)) => Some(PowerEffect::TurnsOn),
        (Some(_) | None, _) => None,
    }
}

/// How many are kept of one machine.
const MOST: usize = 16;
