//! What becomes of a machine when its host comes back: `runStrategy`, or the note of the one that another stands in for.
//!
//! Choosing it neither starts nor stops the machine.

use std::time::Duration;

use serde_json::{Value, json};

use super::boot;
use super::power_state::run_state;
use super::power_table::RunState;
use super::snapshot::{Patch, Snapshot};
use crate::annotation::{PENDING_POWER_ON, PowerOnRecord, RUN_STRATEGY, StrategyNote};
use crate::model::PowerRestore;
use crate::object::RunStrategy;
use crate::time::Instant;

/// What it takes to make a choice the owner's.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Choice {
    /// It is.
    Made,
    /// The strategy to be in force and the one it stands in for: mostly the same.
    Make(StrategyNote),
    /// Look again after that.
    Wait(Duration),
}

/// How a choice made at `since` is to be put.
pub(super) fn choose(snapshot: &Snapshot<'_>, wanted: PowerRestore, since: Instant) -> Choice {
    let machine = snapshot.machine;
    let was = match wanted {
        PowerRestore::AlwaysOn => RunStrategy::Always,
        PowerRestore::LastState => RunStrategy::RerunOnFailure,
        PowerRestore::AlwaysOff => RunStrategy::Manual,
    };
    let now = machine.run_strategy();
    let state = run_state(machine, snapshot.instance);
    let runs = matches!(state, RunState::Starting | RunState::Running | RunState::Paused);
    let kept_up = now == RunStrategy::Always && runs && boot::reboot_ends_run(snapshot);
    let stands_in = StrategyNote::read(machine).is_some_and(|note| note.now == now);
    // What `Always` was kept for, or `Once` brought about, is over.
    let released = stands_in
        && match now {
            RunStrategy::Always => runs && !kept_up,
            RunStrategy::Once => runs || state == RunState::Ended,
            // Kept the machine off until it was started again.
            RunStrategy::Manual => runs,
            RunStrategy::RerunOnFailure | RunStrategy::Halted => false,
        };
    // The deprecated field cannot keep a choice while the machine is off: it gives way to the strategy.
    if StrategyNote::chosen(machine) == was && machine.spec.running.is_none() && !released {
        return Choice::Made;
    }
    // What stands in for another goes on doing so, and so does what keeps the machine off: the next start sees to it.
    // Only `Always` brings back a machine whose guest ends its run by a reboot: until it has, it stands in.
    if now == RunStrategy::Halted || stands_in && !released || kept_up {
        return Choice::Make(StrategyNote { was, now });
    }
    match state {
        // Coming from another strategy, these two would start it.
        RunState::Off
        | RunState::Unsettled
        | RunState::Ended
        | RunState::Ending
        | RunState::Stopping
        | RunState::Dying
            if was != RunStrategy::Manual =>
        {
            Choice::Make(StrategyNote { was, now: RunStrategy::Halted })
        }
        // What the present strategy is about to bring up might not come. It may take its time over it, should it fail
        // again and again: then that is what is to end.
        RunState::Coming | RunState::Restarting | RunState::Respawning
            if was != RunStrategy::Always
                && !machine.start_requested()
                && snapshot.now.saturating_since(since) < PATIENCE =>
        {
            Choice::Wait(SOON)
        }
        // Strategies leave a running instance alone (facts, section 5).
        _ => Choice::Make(StrategyNote { was, now: was }),
    }
}

/// Adds to a patch what makes it so.
pub(super) fn write(snapshot: &Snapshot<'_>, strategy: StrategyNote, patch: Patch) -> Patch {
    let machine = snapshot.machine;
    let StrategyNote { was, now } = strategy;
    let note = (was != now).then(|| strategy.text());
    let mut patch = patch;
    if machine.spec.running.is_some() {
        // One excludes the other.
        patch = patch.set(&["spec", "running"], Value::Null);
    }
    if machine.spec.running.is_some() || now != machine.run_strategy() {
        patch = patch.set(&["spec", "runStrategy"], json!(now.name()));
    }
    // A pending power-on stands for as long as the strategy is the one that it was made under.
    if let Some(record) = PowerOnRecord::read(machine).filter(|record| !record.superseded(machine)) {
        let record = PowerOnRecord { run_strategy: now.name().into(), ..record };
        patch = patch.annotate(PENDING_POWER_ON, record.text().as_deref());
    }
    if note.as_deref() != machine.metadata.annotations.run_strategy.as_deref() {
        patch = patch.annotate(RUN_STRATEGY, note.as_deref());
    }
    patch
}

const PATIENCE: Duration = Duration::from_secs(3);
const SOON: Duration = Duration::from_millis(100);
