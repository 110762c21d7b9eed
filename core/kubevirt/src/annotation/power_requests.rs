//! What replicas tell each other of their requests about a machine's power.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::bounds::{is_of, is_uid, record};
use crate::model::{LastRequest, PowerEffect, PowerGoal, PowerNote, RequestId};
use crate::object::VirtualMachine;
use crate::time::UnixTime;

/// The requests of all replicas about one machine's power.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PowerRequestsRecord {
    /// The uid of the machine: one that was made from its definition is another.
    machine: Box<str>,
    /// The last one that was carried out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    last: Option<Last>,
    /// What is going to be sent, or was sent and is not answered, and what it does.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    unanswered: BTreeMap<Box<str>, Effect>,
}

/// A request that was carried out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Last {
    request: Box<str>,
    /// When it was asked for, as RFC 3339 has it.
    asked: Box<str>,
    goal: Goal,
}

/// [`PowerGoal`] as written in an annotation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Goal {
    Off,
    On,
    Paused,
}

/// [`PowerEffect`] as written in an annotation: by the verb that has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Effect {
    Start,
    Restart,
    Stop,
    Pause,
    Unpause,
}

impl PowerRequestsRecord {
    /// What is to be written on a machine; `None` for one that the cluster gives no uid.
    pub(crate) fn new(machine: &VirtualMachine, note: &PowerNote) -> Option<Self> {
        Some(Self {
            machine: machine.metadata.uid.clone()?,
            last: note.last.map(|last| Last {
                request: last.request.to_string().into(),
                asked: last.asked.to_string().into(),
                goal: last.goal.into(),
            }),
            unanswered: note.unanswered.iter().map(|(id, effect)| (id.to_string().into(), (*effect).into())).collect(),
        })
    }

    /// What stands on a machine; `None` if nothing does, or nothing that anybody can make sense of.
    pub(crate) fn read(machine: &VirtualMachine) -> Option<PowerNote> {
        let record = Self::parse(machine.metadata.annotations.power_requests.as_deref()?)?;
        is_of(machine, Some(&record.machine)).then(|| record.to_model())
    }

    /// Whether there is one that is about another machine.
    pub(super) fn is_of_another(machine: &VirtualMachine) -> bool {
        let record = machine.metadata.annotations.power_requests.as_deref().and_then(Self::parse);
        record.is_some_and(|record| !is_of(machine, Some(&record.machine)))
    }

    /// Reads what was written; `None` for anything else.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let record: Self = record(text)?;
        let is_id = |text: &str| RequestId::parse(text).is_some();
        let last = record.last.as_ref();
        let last = last.is_none_or(|last| is_id(&last.request) && UnixTime::parse(&last.asked).is_some());
        let few = record.unanswered.len() <= MOST && record.unanswered.keys().all(|id| is_id(id));
        (is_uid(&record.machine) && last && few).then_some(record)
    }

    fn to_model(&self) -> PowerNote {
        let unanswered = self.unanswered.iter();
        PowerNote {
            last: self.last.as_ref().and_then(|last| {
                Some(LastRequest {
                    request: RequestId::parse(&last.request)?,
                    asked: UnixTime::parse(&last.asked)?,
                    goal: last.goal.into(),
                })
            }),
            unanswered: unanswered.filter_map(|(id, effect)| Some((RequestId::parse(id)?, (*effect).into()))).collect(),
        }
    }

    pub(crate) fn text(&self) -> Option<String> {
        serde_json::to_string(self).ok()
    }
}

impl From<PowerGoal> for Goal {
    fn from(goal: PowerGoal) -> Self {
        match goal {
            PowerGoal::Off => Self::Off,
            PowerGoal::On => Self::On,
            PowerGoal::Paused => Self::Paused,
        }
    }
}

impl From<Goal> for PowerGoal {
    fn from(goal: Goal) -> Self {
        match goal {
            Goal::Off => Self::Off,
            Goal::On => Self::On,
            Goal::Paused => Self::Paused,
        }
    }
}

impl From<PowerEffect> for Effect {
    fn from(effect: PowerEffect) -> Self {
        match effect {
            PowerEffect::TurnsOn => Self::Start,
            PowerEffect::Restarts => Self::Restart,
            PowerEffect::TurnsOff => Self::Stop,
            PowerEffect::Pauses => Self::Pause,
            PowerEffect::Resumes => Self::Unpause,
        }
    }
}

impl From<Effect> for PowerEffect {
    fn from(effect: Effect) -> Self {
        match effect {
            Effect::Start => Self::TurnsOn,
            Effect::Restart => Self::Restarts,
            Effect::Stop => Self::TurnsOff,
            Effect::Pause => Self::Pauses,
            Effect::Unpause => Self::Resumes,
        }
    }
}

/// How many unanswered requests are noted down on one machine.
pub(crate) const MOST: usize = 16;
