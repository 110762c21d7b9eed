//! What to do for a power request, by the machine's `runStrategy` and by where its run is: a table of 10 × 5 × 13.
//!
//! Only the decision is here, no request and no state. A plan is one step: after it the machine is read again and the
//! table asked again. It rests on sections 3 to 5 of the facts about `KubeVirt`.

#![expect(clippy::match_same_arms, reason = "a table is read row by row")]

use crate::model::PowerRequest;
use crate::object::RunStrategy;

/// Where a machine's run is, as far as it makes a difference to what can be asked of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum RunState {
    /// No instance, none on its way.
    Off,
    /// No instance, a start has been asked for and is about to be carried out.
    Requested,
    /// No instance, the strategy brings one up by itself, perhaps after a pause for its failures.
    Coming,
    /// No instance, and the controller has not shown yet whether one follows.
    Unsettled,
    /// An instance without a guest yet.
    Starting,
    /// The guest runs.
    Running,
    /// The guest's processors are stopped.
    Paused,
    /// The guest is being asked to shut down and will stay off.
    Stopping,
    /// The guest is being killed, or has ended and its instance goes: it will stay off.
    Dying,
    /// The guest is being asked to shut down and a new instance follows.
    Restarting,
    /// The guest has ended or is being killed, and a new instance follows.
    Respawning,
    /// The guest has ended, and the controller has not shown yet whether a new instance follows.
    Ending,
    /// The guest has ended, its instance stays.
    Ended,
}

/// The next step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Plan {
    /// It is as was asked for.
    Done,
    /// Look again in a while.
    Wait,
    /// Not in this state.
    Refuse(&'static str),
    /// `start`, after putting back a strategy that a stop replaced.
    Start,
    /// `stop`, after noting down a strategy that it replaces.
    Stop(Grace),
    /// Set the strategy to `Halted`, noting down the present one: where `stop` does not help.
    Halt,
    /// Replace a strategy by which another instance follows, noting it down.
    Hold,
    /// `restart`.
    Restart(Grace),
    /// `stop`, then, when it is off, `start`: where `restart` does not help.
    Cycle(Grace),
    /// `softreboot`, unless something waits for a new instance.
    SoftReboot,
    /// `reset`, unless something waits for a new instance.
    Reset,
    /// `pause`.
    Pause,
    /// `unpause`.
    Unpause,
    /// The verb of the cluster that interrupts guests.
    Interrupt,
}

/// How long a guest is given to shut down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Grace {
    /// As long as its machine's definition says.
    Own,
    /// Not at all.
    Zero,
}

/// The next step for a request.
pub(super) fn plan(request: PowerRequest, strategy: RunStrategy, state: RunState) -> Plan {
    match request {
        PowerRequest::On => on(strategy, state),
        PowerRequest::ForceOff => force_off(strategy, state),
        PowerRequest::GracefulShutdown => graceful_shutdown(strategy, state),
        PowerRequest::GracefulRestart => graceful_restart(strategy, state),
        PowerRequest::ForceRestart => force_restart(strategy, state),
        PowerRequest::PowerCycle => match force_restart(strategy, state) {
            Plan::Reset => cold(Plan::Reset, strategy),
            other => other,
        },
        PowerRequest::PushPowerButton => match state {
            RunState::Off | RunState::Ended => on(strategy, state),
            RunState::Running | RunState::Paused => graceful_shutdown(strategy, state),
            // Pressed again on the way, it changes nothing: neither firmware nor a guest that is ending listens.
            RunState::Requested
            | RunState::Coming
            | RunState::Unsettled
            | RunState::Starting
            | RunState::Stopping
            | RunState::Dying
            | RunState::Restarting
            | RunState::Respawning
            | RunState::Ending => Plan::Done,
        },
        PowerRequest::Pause => match state {
            RunState::Running => Plan::Pause,
            RunState::Paused => Plan::Done,
            _ => Plan::Refuse("the machine does not run"),
        },
        PowerRequest::Resume => match state {
            RunState::Running => Plan::Done,
            RunState::Paused => Plan::Unpause,
            _ => Plan::Refuse("the machine does not run"),
        },
        PowerRequest::Interrupt => match state {
            RunState::Running | RunState::Stopping | RunState::Restarting => Plan::Interrupt,
            // No processor would take it.
            RunState::Paused => Plan::Refuse("the machine is paused"),
            _ => Plan::Refuse("the machine does not run"),
        },
    }
}

/// What to do instead of a plan that keeps the instance, when a new one is needed.
pub(super) fn cold(plan: Plan, strategy: RunStrategy) -> Plan {
    let grace = match plan {
        Plan::SoftReboot => Grace::Own,
        Plan::Reset => Grace::Zero,
        other => return other,
    };
    match strategy {
        RunStrategy::Always | RunStrategy::RerunOnFailure | RunStrategy::Manual => Plan::Restart(grace),
        // `restart` is 409: "RunStategy Once does not support manual restart requests".
        RunStrategy::Once | RunStrategy::Halted => Plan::Cycle(grace),
    }
}

fn on(strategy: RunStrategy, state: RunState) -> Plan {
    match (state, strategy) {
        // These two bring one up by themselves, and `start` is 409: "does not support manual start requests".
        (RunState::Off | RunState::Unsettled, RunStrategy::Always | RunStrategy::Once) => Plan::Done,
        (RunState::Off | RunState::Unsettled, _) => Plan::Start,
        // It tries once, and no more if that fails: a request for a start stands until there is an instance.
        (RunState::Coming, RunStrategy::RerunOnFailure) => Plan::Start,
        (RunState::Requested | RunState::Coming | RunState::Starting | RunState::Running, _) => Plan::Done,
        (RunState::Paused, _) => Plan::Unpause,
        (RunState::Stopping | RunState::Dying | RunState::Ending, _) => Plan::Wait,
        (RunState::Restarting | RunState::Respawning, _) => Plan::Done,
        (RunState::Ended, RunStrategy::Manual) => Plan::Start,
        // `start` is 409 for good. Through `Halted` the ended instance goes, and the strategy comes back after it.
        (RunState::Ended, RunStrategy::Once) => Plan::Halt,
        // The ended instance is about to go.
        (RunState::Ended, RunStrategy::RerunOnFailure | RunStrategy::Halted) => Plan::Wait,
        (RunState::Ended, RunStrategy::Always) => Plan::Done,
    }
}

fn force_off(strategy: RunStrategy, state: RunState) -> Plan {
    match state {
        RunState::Off | RunState::Ended => Plan::Done,
        // It is off when the cluster says so, not when it has been told.
        RunState::Dying => Plan::Wait,
        _ => end(strategy, state, Grace::Zero),
    }
}

fn graceful_shutdown(strategy: RunStrategy, state: RunState) -> Plan {
    match state {
        RunState::Off | RunState::Ended | RunState::Stopping | RunState::Dying => Plan::Done,
        // A guest whose processors are stopped cannot be asked.
        RunState::Paused => Plan::Unpause,
        _ => end(strategy, state, Grace::Own),
    }
}

/// Ends a run that is there, or is on its way.
fn end(strategy: RunStrategy, state: RunState, grace: Grace) -> Plan {
    match (state, strategy) {
        // `stop` is 409 without an instance. The request for a start cannot be taken back, only be waited for: under this
        // strategy it is carried out at once, and what it makes can be stopped.
        (RunState::Requested, RunStrategy::Manual) => Plan::Wait,
        // `stop` would make it `Halted` and leave the request for a start, which then makes it `Always` again.
        (RunState::Requested, _) => Plan::Hold,
        (RunState::Restarting | RunState::Respawning, RunStrategy::Always | RunStrategy::Once) => Plan::Hold,
        (RunState::Coming, RunStrategy::Always | RunStrategy::Once | RunStrategy::RerunOnFailure) => Plan::Hold,
        (RunState::Unsettled | RunState::Ending, RunStrategy::RerunOnFailure | RunStrategy::Once) => Plan::Hold,
        (RunState::Coming, RunStrategy::Manual | RunStrategy::Halted) => Plan::Wait,
        // What was about to be made before may still appear.
        (RunState::Unsettled | RunState::Ending, _) => Plan::Wait,
        // No `stop` without a shorter grace period, and the request for a start makes it `Always`.
        (RunState::Restarting, RunStrategy::Halted) if grace == Grace::Own => Plan::Hold,
        (RunState::Respawning, RunStrategy::Halted) => Plan::Hold,
        // While a restart is under way `stop` takes back its second half.
        _ => Plan::Stop(grace),
    }
}

/// Restarting a machine that is off turns it on, by every request for a restart alike: who asks for one wants it to run in
/// the end, and who asks again because an answer was lost must not be refused.
fn graceful_restart(strategy: RunStrategy, state: RunState) -> Plan {
    match state {
        RunState::Off
        | RunState::Ended
        | RunState::Unsettled
        | RunState::Ending
        | RunState::Stopping
        | RunState::Dying => on(strategy, state),
        RunState::Requested | RunState::Coming | RunState::Restarting | RunState::Respawning => Plan::Done,
        // What boots just now is as good as rebooted, unless something waits for a new instance.
        RunState::Starting => Plan::SoftReboot,
        RunState::Running => Plan::SoftReboot,
        // A guest whose processors are stopped cannot be asked.
        RunState::Paused => Plan::Unpause,
    }
}

fn force_restart(strategy: RunStrategy, state: RunState) -> Plan {
    match state {
        RunState::Off
        | RunState::Coming
        | RunState::Unsettled
        | RunState::Ending
        | RunState::Ended
        | RunState::Stopping
        | RunState::Dying => on(strategy, state),
        RunState::Requested | RunState::Respawning => Plan::Done,
        RunState::Starting | RunState::Running | RunState::Paused => Plan::Reset,
        // A restart that asks the guest first may take minutes, and `restart` is 500 while it is under way.
        RunState::Restarting => Plan::Cycle(Grace::Zero),
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use super::*;

    const STATES: [RunState; 13] = [
        RunState::Off,
        RunState::Requested,
        RunState::Coming,
        RunState::Unsettled,
        RunState::Starting,
        RunState::Running,
        RunState::Paused,
        RunState::Stopping,
        RunState::Dying,
        RunState::Restarting,
        RunState::Respawning,
        RunState::Ending,
        RunState::Ended,
    ];

    fn each() -> impl Iterator<Item = (PowerRequest, RunStrategy, RunState, Plan)> {
        PowerRequest::ALL.iter().flat_map(|request| {
            RunStrategy::ALL.into_iter().flat_map(move |strategy| {
                STATES.into_iter().map(move |state| (*request, strategy, state, plan(*request, strategy, state)))
            })
        })
    }

    #[test]
    fn the_whole_table() {
        let mut text = String::new();
        for request in PowerRequest::ALL {
            let _ = write!(text, "\n{request:?}\n{:12}", "");
            for strategy in RunStrategy::ALL {
                let _ = write!(text, " {:15}", strategy.name());
            }
            for state in STATES {
                let _ = write!(text, "\n  {:10}", format!("{state:?}"));
                for strategy in RunStrategy::ALL {
                    let cell = match plan(*request, strategy, state) {
                        Plan::Refuse(_) => "refuse".to_owned(),
                        other => format!("{other:?}"),
                    };
                    let _ = write!(text, " {cell:15}");
                }
            }
            text.push('\n');
        }
        let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
        insta::assert_snapshot!(lines.join("\n"));
    }

    #[test]
    fn no_verb_is_planned_where_the_facts_say_that_it_is_refused() {
        for (request, strategy, state, plan) in each() {
            let cell = format!("{request:?} {strategy:?} {state:?} {plan:?}");
            let instance =
                !matches!(state, RunState::Off | RunState::Requested | RunState::Coming | RunState::Unsettled);
            match plan {
                Plan::Start => {
                    let off = [RunState::Off, RunState::Coming, RunState::Unsettled, RunState::Ended];
                    assert!(off.contains(&state), "running: {cell}");
                    assert!(!matches!(strategy, RunStrategy::Always | RunStrategy::Once), "{cell}");
                }
                Plan::Stop(_) => assert!(instance, "not running: {cell}"),
                Plan::Restart(_) => {
                    assert!(instance, "not running: {cell}");
                    assert!(!matches!(strategy, RunStrategy::Once | RunStrategy::Halted), "{cell}");
                }
                Plan::Pause => assert_eq!(state, RunState::Running, "{cell}"),
                Plan::Unpause => assert_eq!(state, RunState::Paused, "{cell}"),
                Plan::Interrupt => assert!(instance && state != RunState::Paused, "{cell}"),
                Plan::SoftReboot | Plan::Reset => assert!(instance, "{cell}"),
                Plan::Done | Plan::Wait | Plan::Refuse(_) | Plan::Halt | Plan::Hold | Plan::Cycle(_) => {}
            }
        }
    }

    /// R1: what the controller has not shown to be over is not.
    #[test]
    fn a_power_off_is_done_only_where_nothing_can_follow() {
        for (request, strategy, state, plan) in each() {
            let final_state = matches!(state, RunState::Off | RunState::Ended);
            if request == PowerRequest::ForceOff {
                assert_eq!(plan == Plan::Done, final_state, "{strategy:?} {state:?} {plan:?}");
            }
            let ending = final_state || matches!(state, RunState::Stopping | RunState::Dying);
            if request == PowerRequest::GracefulShutdown {
                assert!(plan != Plan::Done || ending, "{strategy:?} {state:?} {plan:?}");
            }
        }
    }

    /// K3: one rule for all that restart a machine.
    #[test]
    fn a_restart_of_a_machine_that_is_off_turns_it_on() {
        for (request, strategy, state, found) in each() {
            let restarts = [PowerRequest::GracefulRestart, PowerRequest::ForceRestart, PowerRequest::PowerCycle];
            let off = [RunState::Off, RunState::Ended, RunState::Unsettled, RunState::Ending, RunState::Dying];
            if restarts.contains(&request) && off.contains(&state) {
                assert_eq!(found, plan(PowerRequest::On, strategy, state), "{request:?} {strategy:?} {state:?}");
            }
        }
    }

    #[test]
    fn power_and_its_absence_are_never_refused() {
        for (request, strategy, state, plan) in each() {
            let always = matches!(
                request,
                PowerRequest::On
                    | PowerRequest::ForceOff
                    | PowerRequest::GracefulShutdown
                    | PowerRequest::GracefulRestart
                    | PowerRequest::ForceRestart
                    | PowerRequest::PowerCycle
            );
            assert!(!always || !matches!(plan, Plan::Refuse(_)), "{request:?} {strategy:?} {state:?}");
        }
    }
}
