//! Power-ons that have been pending and images that they wait for: what is due, by what is seen of a machine.
//!
//! A pending power-on stands with the machine's definition. Every replica looks after it: whoever comes first keeps it, the
//! others find that it is gone.

use std::time::Duration;

use crate::config::Config;
use crate::intent::TaskId;
use crate::model::{Action, Deferral, Import, ImportState, LONGEST_STOP, Phase, Slot};
use crate::time::{Now, UnixTime};
use crate::view::Vm;

/// How a power-on of a machine is pending, should it have to be, under the id of its task.
pub(super) fn deferral(vm: &Vm, config: &Config, now: Now, task: &TaskId) -> Deferral {
    let patience = LONGEST_STOP.saturating_add(config.import_timeout);
    Deferral {
        name: task.as_str().into(),
        asked: now.unix,
        until: later(now.unix, patience),
        awaits_media: awaits_media(vm),
    }
}

/// What is to be done about a machine's pending power-ons and about images that keep it from starting.
pub(super) fn due(vm: &Vm, config: &Config, now: Now) -> Vec<Action> {
    let awaited = Slot::ALL.iter().filter(|_| is_to_start(vm));
    let mut due: Vec<Action> = awaited.filter_map(|slot| leave_out(*slot, vm.import(*slot)?, config, now)).collect();
    let Some(pending_power_on) = &vm.machine.pending_power_on else { return due };
    let instance = vm.instance.as_ref().filter(|instance| instance.phase != Phase::Ended);
    if pending_power_on.until <= now.unix && !pending_power_on.superseded {
        due.push(Action::CancelPendingPowerOn(pending_power_on.name.clone()));
    } else if pending_power_on.superseded
        || instance.map_or_else(|| !awaits_media(vm), |instance| pending_power_on.run.as_ref() != Some(&instance.uid))
    {
        due.push(Action::ExecutePendingPowerOn(pending_power_on.name.clone()));
    }
    due
}

/// After which time there may be something to be done that no change of the machine brings about.
pub(super) fn look_again(vm: &Vm, config: &Config, now: Now) -> Option<Duration> {
    let pending = vm.machine.pending_power_on.as_ref().map(|pending_power_on| pending_power_on.until);
    let waited_for = vm.imports.iter().filter(|_| is_to_start(vm));
    let imports = waited_for.filter_map(|import| given_up_at(import, config));
    pending.into_iter().chain(imports).filter(|at| *at > now.unix).min().map(|at| {
        // A second later, because the wall clock is known by the second.
        Duration::from_secs(u64::try_from(at.0.saturating_sub(now.unix.0)).unwrap_or(0).saturating_add(1))
    })
}

/// Whether an image that is in one of its drives is not there yet.
///
/// One that is only fetched when a machine wants it is not waited for: that would take for ever.
fn awaits_media(vm: &Vm) -> bool {
    vm.imports.iter().any(|import| match import.state {
        ImportState::Succeeded => false,
        ImportState::Pending | ImportState::Running { .. } | ImportState::Failed { .. } => !import.awaits_machine,
    })
}

/// Whether a guest is wanted and there is none yet.
fn is_to_start(vm: &Vm) -> bool {
    match &vm.instance {
        Some(instance) if instance.phase == Phase::Starting => !instance.stopping,
        Some(instance) if matches!(instance.phase, Phase::Running | Phase::Unknown) => false,
        Some(_) | None => {
            vm.machine.pending_power_on.as_ref().is_some_and(|pending_power_on| !pending_power_on.superseded)
        }
    }
}

fn leave_out(slot: Slot, import: &Import, config: &Config, now: Now) -> Option<Action> {
    let reason = match &import.state {
        ImportState::Succeeded => return None,
        ImportState::Failed { message } => message.clone(),
        ImportState::Pending | ImportState::Running { .. } => "it took longer than is allowed".into(),
    };
    let late = given_up_at(import, config).is_none_or(|at| at <= now.unix);
    late.then(|| Action::LeaveOutMedia { slot, import: import.id.clone(), reason })
}

/// When an import that does not end, or has failed and may be tried again, is not waited for any more.
fn given_up_at(import: &Import, config: &Config) -> Option<UnixTime> {
    let end = import.started.map(|started| later(started, config.import_timeout));
    match import.state {
        ImportState::Failed { .. } => {
            let retries = import.ended.map(|failed| later(failed, RETRIES)).unwrap_or_default();
            Some(end.map_or(retries, |end| end.min(retries)))
        }
        ImportState::Succeeded => None,
        ImportState::Pending | ImportState::Running { .. } => Some(end.unwrap_or_default()),
    }
}

fn later(time: UnixTime, by: Duration) -> UnixTime {
    UnixTime(time.0.saturating_add(i64::try_from(by.as_secs()).unwrap_or(i64::MAX)))
}

/// How long an import that has failed is given to recover: the cluster tries again after ten seconds, then twenty.
const RETRIES: Duration = Duration::from_secs(20);
