//! Commands on their way: one at a time for each machine, each answered once.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use super::timers::Timer;
use super::{OutcomeKind, Output, Service, Stopping, Ticket};
use crate::model::{
    Action, BootEnabled, Command, CommandError, CommandId, Completion, Phase, PowerRequest, PowerState, Uid, VmId,
};
use crate::time::{Instant, Now};
use crate::view::Vm;

/// What is being done to machines, and what waits for that.
#[derive(Debug, Default)]
pub(super) struct Commands {
    last_id: u64,
    running: BTreeMap<CommandId, Running>,
    by_machine: BTreeMap<VmId, Machine>,
    /// Machines for which something may be begun.
    idle: Vec<VmId>,
}

#[derive(Debug, Default)]
struct Machine {
    running: Option<CommandId>,
    waiting: VecDeque<Waiting>,
    /// How often looking after it has failed in a row, and when to try again.
    failures: u32,
    rests_until: Option<Instant>,
}

#[derive(Debug)]
struct Running {
    vm: VmId,
    action: Action,
    /// Who is to be told; `None` once they have been, and for what nobody asked for.
    ticket: Option<Ticket>,
    by: Origin,
}

#[derive(Debug)]
struct Waiting {
    uid: Uid,
    action: Action,
    revision: Option<u64>,
    ticket: Option<Ticket>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Origin {
    Client,
    Service,
}

impl Commands {
    pub(super) fn is_running(&self, id: CommandId) -> bool {
        self.running.contains_key(&id)
    }

    /// A number that no other command has.
    pub(super) fn next_id(&mut self) -> CommandId {
        self.last_id += 1;
        CommandId(self.last_id)
    }

    pub(super) fn has_waiters(&self) -> bool {
        self.running.values().any(|running| running.ticket.is_some())
            || self.by_machine.values().any(|machine| machine.waiting.iter().any(|waiting| waiting.ticket.is_some()))
    }
}

impl Service {
    /// Has something done to a machine, after what is being done to it already.
    pub(super) fn enqueue(
        &mut self,
        vm: VmId,
        uid: Uid,
        action: Action,
        revision: Option<u64>,
        ticket: Option<Ticket>,
    ) {
        if let Action::Power(request) = action {
            self.supersede(&vm, request);
        }
        let machine = self.commands.by_machine.entry(vm.clone()).or_default();
        if machine.waiting.len() >= MAX_WAITING {
            if let Some(ticket) = ticket {
                self.answer(ticket, OutcomeKind::Overloaded);
            }
            return;
        }
        machine.waiting.push_back(Waiting { uid, action, revision, ticket });
        self.commands.idle.push(vm);
    }

    /// Begins what can be begun.
    pub(super) fn dispatch(&mut self, now: Now) {
        while let Some(vm) = self.commands.idle.pop() {
            while let Some(machine) = self.commands.by_machine.get_mut(&vm) {
                if machine.running.is_some() {
                    break;
                }
                let Some(waiting) = machine.waiting.pop_front() else {
                    if machine.rests_until.is_none() {
                        self.commands.by_machine.remove(&vm);
                    }
                    break;
                };
                self.begin(now, &vm, waiting);
            }
        }
    }

    /// Takes in what came of a command.
    pub(super) fn completed(&mut self, now: Now, id: CommandId, result: Result<Completion, CommandError>) {
        let Some(running) = self.commands.running.remove(&id) else {
            return;
        };
        let outcome = match result {
            Ok(completion) => {
                for observation in completion.observations {
                    self.inventory.observe(observation);
                }
                self.expect_power(now, &running);
                OutcomeKind::Done
            }
            Err(error) => OutcomeKind::Failed(error),
        };
        if let Some(machine) = self.commands.by_machine.get_mut(&running.vm) {
            machine.running = None;
            if running.by == Origin::Service {
                let failed = outcome != OutcomeKind::Done;
                machine.failures = if failed { machine.failures.saturating_add(1) } else { 0 };
                machine.rests_until = failed.then(|| now.mono + rest_after(machine.failures));
                if let Some(until) = machine.rests_until {
                    self.timers.set(until, Timer::Tend(running.vm.clone()));
                }
            }
        }
        if let Some(ticket) = running.ticket {
            self.answer(ticket, outcome);
        }
        self.commands.idle.push(running.vm.clone());
        self.tend(now, &running.vm);
    }

    /// Someone has waited long enough for a power-on that comes when the machine has stopped: it is accepted.
    pub(super) fn answer_early(&mut self, id: CommandId) {
        let Some(running) = self.commands.running.get(&id) else {
            return;
        };
        let stopping = self.inventory.system(&running.vm).is_some_and(|vm| is_stopping(vm));
        if !stopping {
            return;
        }
        let ticket = self.commands.running.get_mut(&id).and_then(|running| running.ticket.take());
        if let Some(ticket) = ticket {
            self.answer(ticket, OutcomeKind::Done);
        }
    }

    /// Looks after a machine: does what follows from what is seen of it, whoever caused that.
    pub(super) fn tend(&mut self, now: Now, id: &VmId) {
        let Some(vm) = self.inventory.system(id) else { return };
        let Some(used_by) = used_up_by(vm) else { return };
        let uid = vm.machine.uid.clone();
        let machine = self.commands.by_machine.entry(id.clone()).or_default();
        if machine.rests_until.is_some_and(|until| now.mono < until) || self.stopping != Stopping::No {
            return;
        }
        machine.rests_until = None;
        let is_restore = |action: &Action| matches!(action, Action::RestoreBoot { .. });
        let running = machine.running.and_then(|id| self.commands.running.get(&id));
        let under_way = running.is_some_and(|running| is_restore(&running.action))
            || machine.waiting.iter().any(|waiting| is_restore(&waiting.action));
        if !under_way {
            self.enqueue(id.clone(), uid, Action::RestoreBoot { used_by }, None, None);
        }
    }

    fn begin(&mut self, now: Now, vm: &VmId, waiting: Waiting) {
        let known = self.inventory.system(vm);
        let refusal = match known {
            None => Some(OutcomeKind::Failed(CommandError::NotFound)),
            Some(known) if known.machine.uid != waiting.uid => Some(OutcomeKind::Failed(CommandError::NotFound)),
            Some(known) if waiting.revision.is_some_and(|revision| revision != known.revision) => {
                Some(OutcomeKind::Superseded)
            }
            Some(_) if self.commands.running.len() >= MAX_RUNNING => Some(OutcomeKind::Overloaded),
            Some(_) => None,
        };
        if let Some(refusal) = refusal {
            if let Some(ticket) = waiting.ticket {
                self.answer(ticket, refusal);
            }
            return;
        }
        let held = matches!(waiting.action, Action::Power(_)) && known.is_some_and(|vm| is_stopping(vm));
        let patience = if held { HELD_FOR } else { self.inventory.config().command_timeout };
        let deadline = now.mono + patience;
        let id = self.commands.next_id();
        if held {
            self.timers.set(now.mono + ANSWER_AFTER, Timer::Answer(id));
        }
        self.timers.set(deadline + GRACE, Timer::GiveUp(id));
        let by = if waiting.ticket.is_some() { Origin::Client } else { Origin::Service };
        let command = Command { id, vm: vm.clone(), uid: waiting.uid, action: waiting.action.clone(), deadline };
        let running = Running { vm: vm.clone(), action: waiting.action, ticket: waiting.ticket, by };
        self.commands.running.insert(id, running);
        if let Some(machine) = self.commands.by_machine.get_mut(vm) {
            machine.running = Some(id);
        }
        self.outputs.push_back(Output::Command(command));
    }

    /// A machine that is to be off is not to be turned on by what was asked before.
    fn supersede(&mut self, vm: &VmId, request: PowerRequest) {
        let gives_way = |action: &Action| match (request, action) {
            (PowerRequest::ForceOff, Action::Power(_)) => true,
            (PowerRequest::GracefulShutdown, Action::Power(earlier)) => *earlier == PowerRequest::On,
            _ => false,
        };
        let Some(machine) = self.commands.by_machine.get_mut(vm) else {
            return;
        };
        let mut tickets = Vec::new();
        machine.waiting.retain(|waiting| {
            let stays = !gives_way(&waiting.action);
            if !stays {
                tickets.extend(waiting.ticket);
            }
            stays
        });
        if let Some(id) = machine.running
            && self.commands.running.get(&id).is_some_and(|running| gives_way(&running.action))
        {
            machine.running = None;
            tickets.extend(self.commands.running.remove(&id).and_then(|running| running.ticket));
            self.outputs.push_back(Output::Cancel(id));
        }
        for ticket in tickets {
            let reason = "a later request turned it off".to_owned();
            self.answer(ticket, OutcomeKind::Failed(CommandError::Conflict(reason)));
        }
    }

    /// What was asked for shows at once, though the cluster takes a moment to follow.
    fn expect_power(&mut self, now: Now, running: &Running) {
        let Action::Power(request) = running.action else { return };
        let Some(vm) = self.inventory.system(&running.vm) else {
            return;
        };
        let seen = PowerState::of(&vm.machine, vm.instance.as_deref());
        let expected = match (request, seen) {
            (PowerRequest::On, PowerState::Off) => PowerState::PoweringOn,
            (
                PowerRequest::ForceOff | PowerRequest::GracefulShutdown,
                PowerState::On | PowerState::PoweringOn | PowerState::Paused,
            ) => PowerState::PoweringOff,
            _ => return,
        };
        let until = self.inventory.expect(&running.vm, expected, now.mono);
        self.timers.set(until, Timer::Expected(running.vm.clone()));
    }
}

/// The run that used a one-time boot override up, if one did: the first that is not the one it was asked in.
fn used_up_by(vm: &Vm) -> Option<Uid> {
    let instance = vm.instance.as_ref()?;
    let boot = &vm.machine.boot;
    let used = boot.enabled == BootEnabled::Once
        && instance.phase == Phase::Running
        && boot.armed_for.as_ref() != Some(&instance.uid);
    used.then(|| instance.uid.clone())
}

fn is_stopping(vm: &Vm) -> bool {
    vm.power_state() == PowerState::PoweringOff
}

/// How long a machine is left alone after looking after it failed.
fn rest_after(failures: u32) -> Duration {
    Duration::from_secs(5 << failures.saturating_sub(1).min(4))
}

/// How many changes may wait for one machine: a client that sends more is told to slow down.
const MAX_WAITING: usize = 16;

/// How many changes may be under way in all.
const MAX_RUNNING: usize = 4_096;

/// How long a client waits for a power-on that has to wait for the machine to stop: less than clients' own timeouts.
const ANSWER_AFTER: Duration = Duration::from_secs(8);

/// How long such a power-on is held: the longest grace periods that machines have are an hour (Windows guests).
const HELD_FOR: Duration = Duration::from_secs(3_700);

/// How much later than a command's deadline it is given up, should it not end by itself.
pub(super) const GRACE: Duration = Duration::from_secs(5);
