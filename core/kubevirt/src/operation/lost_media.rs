//! A medium that a run seems to wait for in vain: it is looked whether there is anything that holds it, and if not it is
//! taken out of the template.

use std::time::Duration;

use super::answer::Problem;
use super::eject::Eject;
use super::engine::{Decision, Purpose, Reaction, Task};
use super::snapshot::{Looked, Snapshot};
use crate::annotation::MediaRecord;
use crate::model::{ObjectName, Phase, Slot};
use crate::object::VirtualMachine;
use crate::translate;

/// A medium, on its way out of its drive if it is lost.
#[derive(Debug)]
pub(super) struct LeaveOutLost {
    slot: Slot,
    image: Box<str>,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    Beginning,
    /// It is looked for what holds it: a claim, or an import that is going to make one, of this name.
    Looking(ObjectName),
    LeavingOut(Eject),
}

impl LeaveOutLost {
    pub(super) fn new(slot: Slot, image: &str) -> Self {
        Self { slot, image: image.into(), stage: Stage::Beginning }
    }
}

impl Task for LeaveOutLost {
    fn import(&self, machine: &VirtualMachine) -> Option<ObjectName> {
        match &self.stage {
            Stage::Beginning => None,
            Stage::Looking(name) => Some(name.clone()),
            Stage::LeavingOut(eject) => eject.import(machine),
        }
    }

    fn claim(&self) -> Option<ObjectName> {
        match &self.stage {
            Stage::Looking(name) => Some(name.clone()),
            Stage::Beginning | Stage::LeavingOut(_) => None,
        }
    }

    fn decide(&mut self, snapshot: &Snapshot<'_>) -> Decision {
        if let Stage::LeavingOut(eject) = &mut self.stage {
            return eject.decide(snapshot);
        }
        let record = MediaRecord::read(snapshot.machine, self.slot).filter(|record| record.image == self.image);
        let starting = snapshot.instance.is_some_and(|instance| translate::phase(instance) == Phase::Starting);
        let Some(record) = record.filter(|_| starting) else { return Decision::Done };
        let name = record.holder.claim();
        match &self.stage {
            Stage::Looking(looked_for) if looked_for == name => {
                let may_come = match snapshot.import {
                    Looked::There(import) => import.status.phase.as_deref() != Some("Succeeded"),
                    Looked::Missing => false,
                    Looked::NotYet | Looked::Hidden => true,
                };
                // One that is being removed goes when the last one that uses it has let go of it, and nobody new gets it:
                // another machine may run on what this one has been given by the same name.
                let goes = snapshot.claim.there().is_some_and(|claim| claim.metadata.deleting());
                if may_come || !(goes || snapshot.claim.is_missing()) {
                    return Decision::Done;
                }
                let mut eject = Eject::leaving_out(self.slot, name, if goes { GOES } else { GONE });
                let decision = eject.decide(snapshot);
                self.stage = Stage::LeavingOut(eject);
                decision
            }
            _ => {
                self.stage = Stage::Looking(name.clone());
                Decision::Wait(Duration::ZERO)
            }
        }
    }

    fn rejected(&mut self, purpose: Purpose, problem: &Problem) -> Reaction {
        match &mut self.stage {
            Stage::LeavingOut(eject) => eject.rejected(purpose, problem),
            Stage::Beginning | Stage::Looking(_) => Reaction::Usual,
        }
    }

    fn complete(&self) -> bool {
        match &self.stage {
            Stage::LeavingOut(eject) => eject.complete(),
            Stage::Beginning | Stage::Looking(_) => false,
        }
    }
}

/// Meant for the client.
const GONE: &str = "it is not in the cluster any more";
const GOES: &str = "it is being removed from the cluster, and something else still uses it";
