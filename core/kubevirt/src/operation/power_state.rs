//! Where a machine's run is, as far as it makes a difference to what can be asked of it.

use super::power_table::RunState;
use super::snapshot::Snapshot;
use crate::model::{Next, Phase, PowerState};
use crate::object::{Condition, RunStrategy, VirtualMachine, VirtualMachineInstance, condition};
use crate::translate;

/// Where the machine's run is.
pub(super) fn run_state(machine: &VirtualMachine, instance: Option<&VirtualMachineInstance>) -> RunState {
    let requested = machine.start_requested();
    let outlook = translate::outlook(machine);
    let Some(instance) = instance else {
        return match outlook.absent {
            Next::Start if requested => RunState::Requested,
            Next::Start => RunState::Coming,
            Next::MayStart | Next::Unseen => RunState::Unsettled,
            Next::Nothing => RunState::Off,
        };
    };
    let deleting = instance.metadata.deleting();
    let stops = outlook.stops(instance.metadata.uid.as_deref().unwrap_or_default());
    if instance.ended() {
        let failed = instance.status.phase.as_deref() == Some("Failed");
        return match outlook.after(failed, deleting) {
            Next::Start => RunState::Respawning,
            Next::MayStart | Next::Unseen => RunState::Ending,
            // While its instance goes, `start` is refused as under way.
            Next::Nothing if deleting || stops => RunState::Dying,
            Next::Nothing => RunState::Ended,
        };
    }
    if deleting || stops {
        // 0 is what `stop` sets to end it at once, 1 what `restart` sets (facts, section 3).
        let killed = instance.spec.termination_grace_period_seconds.is_some_and(|grace| grace <= 1);
        return match (requested || outlook.recreates, killed) {
            (true, true) => RunState::Respawning,
            (true, false) => RunState::Restarting,
            (false, true) => RunState::Dying,
            (false, false) => RunState::Stopping,
        };
    }
    match translate::phase(instance) {
        Phase::Running if translate::paused(instance) => RunState::Paused,
        Phase::Running | Phase::Unknown => RunState::Running,
        Phase::Starting | Phase::Ended => RunState::Starting,
    }
}

/// Whether the machine is off, as whoever reads its power is told: no guest runs, and nothing follows.
pub(super) fn is_off(snapshot: &Snapshot<'_>) -> bool {
    let instance = snapshot.instance.and_then(translate::instance);
    let machine = translate::machine(snapshot.machine);
    machine.is_some_and(|machine| PowerState::of(&machine, instance.as_ref()) == PowerState::Off)
}

/// Whether a run that has been told to end has been seen to: until then it may fail by itself, after which another follows
/// under some strategies all the same.
pub(super) fn end_is_certain(snapshot: &Snapshot<'_>) -> bool {
    let unsure = snapshot.machine.run_strategy() == RunStrategy::RerunOnFailure;
    !unsure || snapshot.instance.is_none_or(|instance| instance.metadata.deleting())
}

/// Why the cluster makes no instance although it is asked for one.
pub(super) fn refusal<'a>(snapshot: &Snapshot<'a>) -> Option<&'a str> {
    let failure = condition(&snapshot.machine.status.conditions, "Failure").filter(|failure| failure.is_true())?;
    let awaited = snapshot.instance.is_none() && translate::outlook(snapshot.machine).absent == Next::Start;
    awaited.then(|| reason(failure))
}

fn reason(failure: &Condition) -> &str {
    let text = failure.message.as_deref().or(failure.reason.as_deref()).unwrap_or("no reason is given");
    // What virt-controller says before the reason.
    let text = text.strip_prefix("Failure while starting VMI: ").unwrap_or(text);
    match text.split_once(" denied the request: ") {
        Some((webhook, reason)) if webhook.starts_with("admission webhook") => reason,
        Some(_) | None => text,
    }
}
