//! Commands on their way: one at a time for each machine, each answered once.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use super::tasks::slot_of;
use super::timers::Timer;
use super::{OutcomeKind, Output, Service, Stopping, Ticket};
use crate::model::{
    Action, BootEnabled, Command, CommandError, CommandId, Completion, ImportState, Phase, PowerRequest, PowerState,
    Slot, Uid, VmId,
};
use crate::task::{TaskId, TaskRequest};
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
    /// Accepted power-ons that wait for it to stop. They stand aside: everything else goes on.
    held: Vec<CommandId>,
    waiting: VecDeque<Waiting>,
    /// How often looking after it has failed in a row, and when to try again.
    failures: u32,
    rests_until: Option<Instant>,
}

#[derive(Debug)]
struct Running {
    vm: VmId,
    action: Action,
    asker: Asker,
    by: Origin,
    /// It waits for the machine to stop, which may take very long.
    held: bool,
}

#[derive(Debug)]
struct Waiting {
    uid: Uid,
    action: Action,
    revision: Option<u64>,
    asker: Asker,
    since: Instant,
}

/// Who learns what comes of a command; nobody, for what the service does by itself.
#[derive(Debug, Default)]
pub(super) struct Asker {
    /// An exchange that waits for it; `None` once it has been answered.
    pub(super) ticket: Option<Ticket>,
    /// The task that stands for it.
    pub(super) task: Option<TaskId>,
    /// What was asked for, should it get a task yet.
    pub(super) request: Option<Arc<TaskRequest>>,
    /// The task that goes when it is done.
    pub(super) calls_off: Option<TaskId>,
}

impl Asker {
    fn is_anybody(&self) -> bool {
        self.ticket.is_some() || self.task.is_some()
    }
}

/// What came of taking a command back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Withdrawn {
    /// It is not, or not any more, being carried out.
    Whole,
    /// It goes on, because half of an insertion would leave an import behind that no machine knows of.
    Inserting(Slot),
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

    /// Whether anything is left that somebody waits for or was promised, but for what waits for a machine to stop.
    pub(super) fn has_waiters(&self) -> bool {
        let waited_for = |asker: &Asker, held: bool| asker.ticket.is_some() || asker.task.is_some() && !held;
        self.running.values().any(|running| waited_for(&running.asker, running.held))
            || self.by_machine.values().any(|machine| {
                let running = machine.running.and_then(|id| self.running.get(&id));
                let held = running.is_some_and(|running| running.held);
                machine.waiting.iter().any(|waiting| waited_for(&waiting.asker, held))
            })
    }

    /// Whether a machine is held for a request already.
    fn holds(&self, vm: &VmId, request: PowerRequest) -> bool {
        let held = self.by_machine.get(vm).map_or(&[][..], |machine| &machine.held);
        held.iter().any(|id| self.running.get(id).is_some_and(|running| running.action == Action::Power(request)))
    }

    /// Whether as much waits for a machine as may.
    pub(super) fn is_full(&self, vm: &VmId) -> bool {
        self.by_machine.get(vm).is_some_and(|machine| machine.waiting.len() >= MAX_WAITING)
    }
}

impl Service {
    /// Has something done to a machine, after what is being done to it already.
    pub(super) fn enqueue(
        &mut self,
        now: Now,
        vm: VmId,
        uid: Uid,
        action: Action,
        revision: Option<u64>,
        asker: Asker,
    ) {
        // What turns a machine off is let in however much waits.
        if self.commands.is_full(&vm) && action != Action::Power(PowerRequest::ForceOff) {
            return self.conclude(now, asker, OutcomeKind::Overloaded);
        }
        if let Action::Power(request) = action {
            self.supersede(now, &vm, request);
            if request == PowerRequest::On && self.commands.holds(&vm, request) {
                return self.conclude(now, asker, OutcomeKind::Done);
            }
        }
        let machine = self.commands.by_machine.entry(vm.clone()).or_default();
        machine.waiting.push_back(Waiting { uid, action, revision, asker, since: now.mono });
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
                    if machine.rests_until.is_none() && machine.held.is_empty() {
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
                    self.take_in(now, observation);
                }
                self.expect_power(now, &running);
                OutcomeKind::Done
            }
            Err(error) => OutcomeKind::Failed(error),
        };
        if let Some(machine) = self.commands.by_machine.get_mut(&running.vm) {
            machine.running.take_if(|running| *running == id);
            machine.held.retain(|held| *held != id);
            if running.by == Origin::Service {
                let failed = outcome != OutcomeKind::Done;
                machine.failures = if failed { machine.failures.saturating_add(1) } else { 0 };
                machine.rests_until = failed.then(|| now.mono + rest_after(machine.failures));
                if let Some(until) = machine.rests_until {
                    self.timers.set(until, Timer::Tend(running.vm.clone()));
                }
            }
        }
        self.conclude(now, running.asker, outcome);
        self.commands.idle.push(running.vm.clone());
        self.tend(now, &running.vm);
    }

    /// Takes back the command that a task stands for, if it has not ended.
    pub(super) fn withdraw(&mut self, vm: &VmId, task: &TaskId) -> Withdrawn {
        let Some(machine) = self.commands.by_machine.get_mut(vm) else { return Withdrawn::Whole };
        machine.waiting.retain(|waiting| waiting.asker.task.as_ref() != Some(task));
        let its = |id: &&CommandId| {
            self.commands.running.get(id).is_some_and(|running| running.asker.task.as_ref() == Some(task))
        };
        let Some(id) = machine.running.iter().chain(&machine.held).find(its).copied() else { return Withdrawn::Whole };
        let running = self.commands.running.get(&id);
        match running.map(|running| &running.action) {
            None => Withdrawn::Whole,
            Some(Action::InsertMedia(media)) => Withdrawn::Inserting(media.slot),
            Some(_) => {
                self.outputs.push_back(Output::Cancel(id));
                let asker = self.commands.running.get_mut(&id).map(|running| std::mem::take(&mut running.asker));
                if let Some(ticket) = asker.and_then(|asker| asker.ticket) {
                    let reason = "its task was called off".to_owned();
                    self.answer(ticket, OutcomeKind::Failed(CommandError::Conflict(reason)));
                }
                Withdrawn::Whole
            }
        }
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
        let ticket = self.commands.running.get_mut(&id).and_then(|running| running.asker.ticket.take());
        if let Some(ticket) = ticket {
            self.answer(ticket, OutcomeKind::Done);
        }
        let Some(vm) = self.commands.running.get(&id).map(|running| running.vm.clone()) else { return };
        if let Some(machine) = self.commands.by_machine.get_mut(&vm)
            && let Some(held) = machine.running.take_if(|running| *running == id)
        {
            machine.held.push(held);
            self.commands.idle.push(vm);
        }
    }

    /// Looks after a machine: does what follows from what is seen of it, whoever caused that.
    pub(super) fn tend(&mut self, now: Now, id: &VmId) {
        let Some(vm) = self.inventory.system(id) else { return };
        let due = due(vm);
        if due.is_empty() {
            return;
        }
        let uid = vm.machine.uid.clone();
        let machine = self.commands.by_machine.entry(id.clone()).or_default();
        if machine.rests_until.is_some_and(|until| now.mono < until) || self.stopping != Stopping::No {
            return;
        }
        machine.rests_until = None;
        for action in due {
            let machine = self.commands.by_machine.entry(id.clone()).or_default();
            let running = machine.running.and_then(|id| self.commands.running.get(&id));
            let under_way = running.is_some_and(|running| running.action == action)
                || machine.waiting.iter().any(|waiting| waiting.action == action);
            if !under_way {
                self.enqueue(now, id.clone(), uid.clone(), action, None, Asker::default());
            }
        }
    }

    fn begin(&mut self, now: Now, vm: &VmId, mut waiting: Waiting) {
        let known = self.inventory.system(vm);
        let refusal = match known {
            None => Some(OutcomeKind::Failed(CommandError::NotFound)),
            Some(known) if known.machine.uid != waiting.uid => Some(OutcomeKind::Failed(CommandError::NotFound)),
            Some(known) if waiting.revision.is_some_and(|revision| revision != known.revision) => {
                Some(OutcomeKind::Superseded)
            }
            // What was to be called off has not come about: what is in the drive is something else.
            Some(known) if waiting.asker.calls_off.as_ref().is_some_and(|task| slot_of(known, task).is_none()) => {
                Some(OutcomeKind::Done)
            }
            Some(_) if self.commands.running.len() >= MAX_RUNNING => Some(OutcomeKind::Overloaded),
            // Whoever asked has been waiting for as long as anyone is to wait.
            Some(_) if now.mono.saturating_since(waiting.since) > self.inventory.config().command_timeout => {
                Some(OutcomeKind::Overloaded)
            }
            Some(_) => None,
        };
        if let Some(refusal) = refusal {
            return self.conclude(now, waiting.asker, refusal);
        }
        let held = matches!(waiting.action, Action::Power(_)) && known.is_some_and(|vm| is_stopping(vm));
        let patience = if held { HELD_FOR } else { self.inventory.config().command_timeout };
        let deadline = now.mono + patience;
        let id = self.commands.next_id();
        if held {
            // It may take an hour, and whoever asked is answered long before: let it be seen.
            if waits_for_the_stop(&waiting.action)
                && let (None, Some(request)) = (&waiting.asker.task, waiting.asker.request.take())
            {
                waiting.asker.task = self.open_task(now, vm, &waiting.uid, &waiting.action, &request);
            }
            self.timers.set(now.mono + ANSWER_AFTER, Timer::Answer(id));
        }
        self.timers.set(deadline + GRACE, Timer::GiveUp(id));
        let by = if waiting.asker.is_anybody() { Origin::Client } else { Origin::Service };
        let command = Command { id, vm: vm.clone(), uid: waiting.uid, action: waiting.action.clone(), deadline };
        let running = Running { vm: vm.clone(), action: waiting.action, asker: waiting.asker, by, held };
        self.commands.running.insert(id, running);
        if let Some(machine) = self.commands.by_machine.get_mut(vm) {
            machine.running = Some(id);
        }
        self.outputs.push_back(Output::Command(command));
    }

    /// A machine that is to be off is not to be turned on by what was asked before.
    ///
    /// What is being carried out is called off and not forgotten: a request of it may be on its way, and the next
    /// command begins when that has been answered.
    fn supersede(&mut self, now: Now, vm: &VmId, request: PowerRequest) {
        let gives_way = |action: &Action| match (request, action) {
            (PowerRequest::ForceOff, Action::Power(earlier)) => *earlier != PowerRequest::ForceOff,
            (PowerRequest::GracefulShutdown, Action::Power(earlier)) => *earlier == PowerRequest::On,
            _ => false,
        };
        let Some(machine) = self.commands.by_machine.get_mut(vm) else {
            return;
        };
        let (gone, staying): (Vec<_>, _) = machine.waiting.drain(..).partition(|waiting| gives_way(&waiting.action));
        machine.waiting = staying.into();
        let mut askers: Vec<_> = gone.into_iter().map(|waiting| (waiting.action, waiting.asker)).collect();
        for id in machine.running.iter().chain(&machine.held) {
            if let Some(running) = self.commands.running.get_mut(id).filter(|running| gives_way(&running.action)) {
                askers.push((running.action.clone(), std::mem::take(&mut running.asker)));
                self.outputs.push_back(Output::Cancel(*id));
            }
        }
        for (action, asker) in askers {
            let outcome = if action == Action::Power(PowerRequest::GracefulShutdown) {
                // It wanted the same.
                OutcomeKind::Done
            } else {
                OutcomeKind::Failed(CommandError::Conflict("a later request turned it off".to_owned()))
            };
            self.conclude(now, asker, outcome);
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

/// What is to be done to a machine, by what is seen of it.
fn due(vm: &Vm) -> Vec<Action> {
    let restore = used_up_by(vm).map(|used_by| Action::RestoreBoot { used_by });
    restore.into_iter().chain(in_the_way(vm).map(Action::EjectMedia)).collect()
}

/// The slot whose image could not be imported, where a machine that is being started waits for it.
fn in_the_way(vm: &Vm) -> Option<Slot> {
    let waits = vm.instance.as_ref().is_some_and(|instance| instance.phase == Phase::Starting && !instance.stopping);
    let failed =
        |slot: &Slot| vm.import(*slot).is_some_and(|import| matches!(import.state, ImportState::Failed { .. }));
    Slot::ALL.iter().copied().find(failed).filter(|_| waits)
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

/// Whether it brings a machine up, so that it has to wait until a machine that stops has stopped.
fn waits_for_the_stop(action: &Action) -> bool {
    matches!(
        action,
        Action::Power(
            PowerRequest::On
                | PowerRequest::GracefulRestart
                | PowerRequest::ForceRestart
                | PowerRequest::PowerCycle
                | PowerRequest::PushPowerButton
        )
    )
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
