//! What virt-controller does with a `VirtualMachine` by itself (facts, section 5 and "Later observations").
//!
//! It acts in steps, as slowly as it likes, and by what it has read before. Two things show how far it is:
//!
//! * `status.runStrategy` is the strategy by which it has last looked. While `spec.runStrategy` is another one, it may be
//!   about to do what it has read before.
//! * `status.created` says whether there was an instance then. It is written under the lock of what was read, so while it
//!   is true of a machine without an instance, what follows the end of that instance may not be written yet.
//!
//! A machine that has never run has no `status.runStrategy`; what is being done for it cannot be told.

use crate::model::{Next, Outlook, Uid};
use crate::object::{RunStrategy, VirtualMachine};

/// What becomes of a machine without anybody asking for it.
pub(crate) fn outlook(machine: &VirtualMachine) -> Outlook {
    let strategy = machine.run_strategy();
    let persistent = matches!(strategy, RunStrategy::Always | RunStrategy::Once);
    if machine.unknown_strategy().is_some() {
        // Of a release to come: what it means is not known.
        let next = if machine.start_requested() { Next::Start } else { Next::MayStart };
        return Outlook { absent: next, succeeded: next, failed: next, stops: stops(machine), ..Outlook::default() };
    }
    Outlook {
        absent: absent(machine, strategy),
        succeeded: after_end(machine, strategy, false),
        failed: after_end(machine, strategy, true),
        recreates: persistent,
        halted: strategy == RunStrategy::Halted,
        stops: stops(machine),
    }
}

fn absent(machine: &VirtualMachine, strategy: RunStrategy) -> Next {
    let looked_at = machine.seen_strategy();
    let created = machine.status.created == Some(true);
    match strategy {
        _ if machine.start_requested() => Next::Start,
        RunStrategy::Always | RunStrategy::Once => Next::Start,
        // Comes up once when it is first seen with this strategy.
        RunStrategy::RerunOnFailure if looked_at != Some(strategy) => Next::Start,
        // If the instance has failed, a start is on its way that nothing else tells of.
        RunStrategy::RerunOnFailure if created && machine.stop_requested(None) => Next::Unseen,
        RunStrategy::RerunOnFailure if created => Next::MayStart,
        RunStrategy::RerunOnFailure => Next::Nothing,
        RunStrategy::Manual | RunStrategy::Halted if created => Next::Unseen,
        RunStrategy::Manual | RunStrategy::Halted => unless_seen(machine, strategy, Next::Unseen),
    }
}

fn after_end(machine: &VirtualMachine, strategy: RunStrategy, failed: bool) -> Next {
    match strategy {
        _ if machine.start_requested() => Next::Start,
        RunStrategy::Always => Next::Start,
        // One that was told to stop may have failed before that was seen.
        RunStrategy::RerunOnFailure if failed && machine.stop_requested(None) => Next::Unseen,
        RunStrategy::RerunOnFailure if failed => Next::MayStart,
        // Of `Once` it stays; what was read before may remove it.
        RunStrategy::Once | RunStrategy::RerunOnFailure => unless_seen(machine, strategy, Next::MayStart),
        RunStrategy::Manual | RunStrategy::Halted => unless_seen(machine, strategy, Next::Unseen),
    }
}

/// Nothing more, if the controller has looked at the machine by its present strategy.
fn unless_seen(machine: &VirtualMachine, strategy: RunStrategy, next: Next) -> Next {
    if machine.seen_strategy().is_none_or(|seen| seen == strategy) { Next::Nothing } else { next }
}

fn stops(machine: &VirtualMachine) -> Option<Box<Uid>> {
    // Under `Once` nobody follows a request that was made under another strategy.
    let followed = machine.run_strategy() != RunStrategy::Once;
    machine.stopped_instance().filter(|_| followed).map(|uid| Box::new(Uid::new(uid)))
}
