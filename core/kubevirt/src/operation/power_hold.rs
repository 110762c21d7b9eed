//! Strategies that are replaced so that a machine stays off, and put back when it is started.

use std::time::Duration;

use serde_json::json;

use super::power_table::RunState;
use super::snapshot::{Patch, Snapshot};
use crate::annotation::{PENDING_POWER_ON, PowerOnRecord, RUN_STRATEGY, StrategyNote};
use crate::object::RunStrategy;
use crate::time::Instant;

/// How a machine of which another instance follows is kept off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hold {
    /// By this strategy.
    By(RunStrategy),
    /// Look again in a while.
    Wait,
}

/// How to hold a machine, for whom it is held since `since`.
///
/// Whatever virt-controller is about to do by what it has read before, it does before it writes down by which strategy it
/// looks: so the strategy has to be one that it has not looked by last. A request for a start that comes late, as one does
/// after a failure, is carried out under `Manual`, where what it makes can be stopped; under `Halted` it would make the
/// strategy `Always` (facts, "Later observations").
pub(super) fn hold(snapshot: &Snapshot<'_>, state: RunState, since: Instant) -> Hold {
    let machine = snapshot.machine;
    let seen = machine.seen_strategy();
    // One that has never run is written down nothing of before it does.
    let first = seen.is_none() && snapshot.instance.is_none() && !machine.start_requested();
    if first && snapshot.now.saturating_since(since) < FIRST_RUN {
        return Hold::Wait;
    }
    // It has been told to stop, and most likely does no more than that: should it start all the same, that is seen.
    let stops = machine.stop_requested(None) && !machine.start_requested();
    if stops && machine.run_strategy() == RunStrategy::RerunOnFailure {
        return Hold::Wait;
    }
    let may_be_started = machine.start_requested() || matches!(state, RunState::Unsettled | RunState::Ending);
    if may_be_started || seen == Some(RunStrategy::Halted) {
        Hold::By(RunStrategy::Manual)
    } else {
        Hold::By(RunStrategy::Halted)
    }
}

/// Whether it will show that virt-controller has seen that a strategy was replaced by another.
pub(super) fn shows(snapshot: &Snapshot<'_>, by: RunStrategy) -> bool {
    snapshot.machine.seen_strategy().is_some_and(|seen| seen != by)
}

/// A patch that replaces the strategy and notes down the owner's; `None` if there is nothing to replace.
pub(super) fn replace(snapshot: &Snapshot<'_>, was: RunStrategy, by: RunStrategy) -> Option<Patch> {
    if snapshot.machine.run_strategy() == by {
        return None;
    }
    Some(if snapshot.machine.spec.running.is_some() {
        snapshot.patch().set(&["spec", "running"], json!(false))
    } else {
        let patch = snapshot.patch().set(&["spec", "runStrategy"], json!(by.name()));
        patch.annotate(RUN_STRATEGY, (was != by).then(|| StrategyNote { was, now: by }.text()).as_deref())
    })
}

/// A patch that has an instance removed whose guest has ended, and leaves a pending power-on as it is: `Once` starts no machine
/// that has one.
pub(super) fn remove_ended(snapshot: &Snapshot<'_>) -> Patch {
    let halted = RunStrategy::Halted;
    let patch = replace(snapshot, StrategyNote::chosen(snapshot.machine), halted).unwrap_or_else(|| snapshot.patch());
    match PowerOnRecord::read(snapshot.machine) {
        Some(record) => {
            // It stands for as long as the strategy is the one that it was made under.
            let record = PowerOnRecord { run_strategy: halted.name().into(), ..record };
            patch.annotate(PENDING_POWER_ON, record.text().as_deref())
        }
        None => patch,
    }
}

/// How long virt-controller is given to make the first instance of a machine, or to show that it does not.
pub(super) const FIRST_RUN: Duration = Duration::from_secs(5);
