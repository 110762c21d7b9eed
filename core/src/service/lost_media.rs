//! Media that are not in the cluster any more, whoever removed them, and runs that wait for media that were left out.
//!
//! Nothing in a machine's definition says that a medium is lost. Some clusters tidy imports away and keep what they
//! fetched, so a missing import says nothing either; but a run that does not get going is reason enough to look.

use std::collections::BTreeMap;
use std::time::Duration;

use super::Service;
use crate::model::{Action, ImportId, ImportState, Instance, Medium, ObjectName, Phase, Uid, VmId};
use crate::time::{Instant, Now};
use crate::view::Vm;

/// Runs that have not got going, and before when it is not looked whether their media are lost.
#[derive(Debug, Default)]
pub(super) struct LostMedia(BTreeMap<VmId, (Uid, Instant)>);

impl LostMedia {
    /// A machine is no more.
    pub(super) fn forget(&mut self, vm: &VmId) {
        self.0.remove(vm);
    }

    /// What is to be looked for now, and after which time there will be more of that.
    pub(super) fn due(&mut self, vm: &Vm, now: Now) -> (Vec<Action>, Option<Duration>) {
        let id = &vm.machine.id;
        let Some(run) = waiting_run(vm) else {
            self.forget(id);
            return (Vec::new(), None);
        };
        let mut sought: Vec<Action> =
            vm.machine.media.iter().filter(|medium| is_complete(vm, medium)).map(look_for).collect();
        if run.claims.iter().any(|claim| is_removed(vm, claim)) {
            sought.push(Action::ReplaceRun(run.uid.clone()));
        }
        let known = self.0.get(id).filter(|(known, _)| *known == run.uid).map(|(_, not_before)| *not_before);
        let not_before = known.unwrap_or(now.mono + PATIENCE);
        if known.is_none() {
            self.0.insert(id.clone(), (run.uid.clone(), not_before));
        }
        let wait = not_before.saturating_since(now.mono);
        let later = (!wait.is_zero() && !sought.is_empty()).then_some(wait);
        if !wait.is_zero() {
            sought.clear();
        }
        (sought, later)
    }
}

impl Service {
    /// It is looked for a medium, or a run is replaced: if that does not help, it is done again, but not at once.
    pub(super) fn lost_media_sought(&mut self, now: Now, vm: &VmId, action: &Action) {
        if matches!(action, Action::LeaveOutLostMedia { .. } | Action::ReplaceRun(_))
            && let Some((_, not_before)) = self.lost_media.0.get_mut(vm)
        {
            *not_before = now.mono + AGAIN;
            self.look_again(now.mono + AGAIN, vm);
        }
    }
}

/// The run that waits for what its machine has been told to start without: it was begun before, and keeps what it began
/// with.
pub(super) fn run_to_replace(vm: &Vm) -> Option<Uid> {
    let run = waiting_run(vm)?;
    let claim = vm.machine.left_out.as_ref()?.claim.as_ref()?;
    run.claims.contains(claim).then(|| run.uid.clone())
}

/// The run of a machine whose guest is wanted and does not run yet.
fn waiting_run(vm: &Vm) -> Option<&Instance> {
    vm.instance.as_deref().filter(|run| run.phase == Phase::Starting && !run.stopping)
}

/// Whether a medium is there by all that is known. One that is still being fetched has its own time.
fn is_complete(vm: &Vm, medium: &Medium) -> bool {
    !medium.of_others && vm.import(medium.slot).is_none_or(|import| import.state == ImportState::Succeeded)
}

/// Whether a claim is that of an import which was made for the machine and is in none of its drives any more: it goes, or
/// is gone.
fn is_removed(vm: &Vm, claim: &ObjectName) -> bool {
    let id = &vm.machine.id;
    let import = ImportId { namespace: id.place(), name: claim.clone() };
    import.may_be_of(id) && !vm.machine.media.iter().any(|medium| medium.import.as_ref() == Some(&import))
}

fn look_for(medium: &Medium) -> Action {
    Action::LeaveOutLostMedia { slot: medium.slot, image: medium.image.clone() }
}

/// How long a run is given to get going: longer than one takes that has everything.
const PATIENCE: Duration = Duration::from_secs(20);

/// How long after a look it is looked again: it may take its time for another reason.
const AGAIN: Duration = Duration::from_mins(1);
