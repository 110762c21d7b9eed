//! Commands on their way: one at a time for each machine, each answered once.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ops::Bound;
use std::sync::Arc;
use std::time::Duration;

use super::backoff::Backoffs;
use super::http_boot;
use super::lost_media;
use super::orphans;
use super::pending_power_ons;
use super::tasks::slot_of;
use super::timers::Timer;
use super::{OutcomeKind, Output, Service, Stopping, Ticket};
use crate::config::Config;
use crate::intent::TaskId;
use crate::model::{
    Action, BootEnabled, Command, CommandError, CommandId, Completion, Congestion, CorrelationId,
    Machine as Definition, MachineChange, Next, Phase, PowerEffect, PowerRequest, PowerState, RequestId, Slot,
    Superseded, Uid, Unanswered, VmId,
};
use crate::time::{Instant, Now, UnixTime};
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
pub(super) struct Machine {
    running: Option<CommandId>,
    /// A forced power-off that is carried out beside it.
    beside: Option<CommandId>,
    waiting: VecDeque<Waiting>,
    /// What has been sent about its power of which it is not known what came, or still comes, of it.
    pub(super) unanswered: Vec<Unanswered>,
    /// What could not be done for it of the service's own accord: of each kind of action, which keep no others waiting.
    backoffs: Backoffs,
    /// When it is going to be looked after though nothing of it changes.
    looked_at: Option<Instant>,
}

#[derive(Debug)]
struct Running {
    vm: VmId,
    action: Action,
    askers: Vec<Asker>,
    by: Origin,
    /// What was not known when it was begun.
    unanswered: Vec<Unanswered>,
}

#[derive(Debug)]
struct Waiting {
    uid: Uid,
    action: Action,
    only_if: Option<Arc<Definition>>,
    /// All who asked for the same while it waited; nobody, for what the service does by itself.
    askers: Vec<Asker>,
    since: Instant,
    /// When it was last asked for, and the last request about the power that was known then to have been carried out.
    asked: UnixTime,
    known_last: Option<RequestId>,
}

/// Who learns what comes of a command.
#[derive(Debug, Default)]
pub(super) struct Asker {
    /// An exchange that waits for it; `None` once it has been answered.
    pub(super) ticket: Option<Ticket>,
    /// The task that stands for it.
    pub(super) task: Option<TaskId>,
    /// The task that goes when it is done.
    pub(super) calls_off: Option<TaskId>,
    /// The request of a client that asked for it.
    pub(super) request: Option<CorrelationId>,
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

    /// What is being done to a machine, if anything is.
    pub(super) fn machine(&self, vm: &VmId) -> Option<&Machine> {
        self.by_machine.get(vm)
    }

    /// The same; nothing yet, if nothing is.
    pub(super) fn machine_or_new(&mut self, vm: &VmId) -> &mut Machine {
        self.by_machine.entry(vm.clone()).or_default()
    }

    /// What is known to be under way for a machine has changed.
    pub(super) fn touch(&mut self, vm: &VmId) {
        self.idle.push(vm.clone());
    }

    /// Whether anything is left that somebody waits for or was pending.
    pub(super) fn has_waiters(&self) -> bool {
        self.running.values().any(|running| !running.askers.is_empty())
            || self.by_machine.values().any(|machine| machine.waiting.iter().any(|waiting| !waiting.askers.is_empty()))
    }

    /// How many wait for another of the same machine.
    pub(super) fn waiting(&self) -> usize {
        self.by_machine.values().map(|machine| machine.waiting.len()).sum()
    }

    /// Something was done in a namespace: the machines of it for which something is worth another attempt now.
    fn permitted_in(&mut self, namespace: &str, now: Instant) -> Vec<VmId> {
        let first = format!("{namespace}.");
        let machines = self.by_machine.range_mut::<str, _>((Bound::Included(&*first), Bound::Unbounded));
        let machines = machines.take_while(|(id, _)| id.namespace() == namespace);
        machines.filter_map(|(id, machine)| machine.backoffs.permitted(now).then(|| id.clone())).collect()
    }

    /// Whether one more may be begun: a namespace has no more under way than there is room for others.
    fn has_room(&self, vm: &VmId) -> bool {
        let free = MAX_RUNNING.saturating_sub(self.running.len());
        let is_of_namespace = |running: &&Running| running.vm.namespace() == vm.namespace();
        self.running.len() < free || self.running.values().filter(is_of_namespace).count() < free
    }

    /// Why nobody else may ask for something, if so. What turns a machine off is let in however much waits.
    pub(super) fn congestion(
        &self,
        vm: &VmId,
        uid: &Uid,
        action: &Action,
        only_if: Option<&Arc<Definition>>,
    ) -> Option<Congestion> {
        let machine = self.by_machine.get(vm)?;
        let (most, is_full) = match machine.same(uid, action, only_if).and_then(|index| machine.waiting.get(index)) {
            Some(same) => (MAX_ASKERS, same.askers.len() >= MAX_ASKERS),
            None => (MAX_WAITING, machine.waiting.len() >= MAX_WAITING && *action != FORCED_OFF),
        };
        is_full.then_some(Congestion::ManyWaiting(most))
    }

    /// Whether something may have been sent, or is about to be, that turns a machine on.
    fn may_turn_on(&self, vm: &VmId, now: Instant) -> bool {
        let Some(machine) = self.by_machine.get(vm) else { return false };
        let running = machine.running.iter().chain(&machine.beside).filter_map(|id| self.running.get(id));
        let mut actions =
            running.map(|running| &running.action).chain(machine.waiting.iter().map(|waiting| &waiting.action));
        let starts = |action: &Action| match action {
            Action::Power(request) => may_start(*request),
            _ => matches!(action, Action::ExecutePendingPowerOn(_)),
        };
        actions.any(starts) || machine.unanswered.iter().any(|request| request.effect.starts() && request.over() > now)
    }
}

impl Machine {
    /// What waits already and is the same: a request for power that no other comes after, before which somebody may have
    /// wanted another.
    fn same(&self, uid: &Uid, action: &Action, only_if: Option<&Arc<Definition>>) -> Option<usize> {
        let last = self.waiting.iter().rposition(|waiting| is_of_power(&waiting.action))?;
        let waiting = self.waiting.get(last)?;
        let same = matches!(action, Action::Power(_)) && waiting.action == *action && waiting.uid == *uid;
        (same && waiting.only_if.is_none() && only_if.is_none()).then_some(last)
    }

    /// Whether a command of it is being carried out.
    pub(super) const fn is_busy(&self) -> bool {
        self.running.is_some() || self.beside.is_some()
    }

    /// What came of requests is known, or cannot be any more.
    fn is_quiet(&self) -> bool {
        !self.backoffs.is_waiting() && self.looked_at.is_none() && self.unanswered.is_empty()
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
        only_if: Option<Arc<Definition>>,
        asker: Option<Asker>,
    ) {
        if let Some(congestion) = self.commands.congestion(&vm, &uid, &action, only_if.as_ref()) {
            return self.conclude_all(now, asker, &OutcomeKind::Congested(congestion));
        }
        if let Action::Power(request) = action {
            self.supersede(now, &vm, request);
        }
        let known_last = self.known_last(&vm);
        let machine = self.commands.by_machine.entry(vm.clone()).or_default();
        if let Some(same) =
            machine.same(&uid, &action, only_if.as_ref()).and_then(|index| machine.waiting.get_mut(index))
        {
            same.askers.extend(asker);
            same.asked = now.unix;
            same.known_last = known_last;
            return;
        }
        // What turns a machine off comes next.
        let urgent = action == FORCED_OFF;
        let askers = asker.into_iter().collect();
        let waiting = Waiting { uid, action, only_if, askers, since: now.mono, asked: now.unix, known_last };
        if urgent {
            machine.waiting.push_front(waiting);
        } else {
            machine.waiting.push_back(waiting);
        }
        self.commands.idle.push(vm);
    }

    /// Begins what can be begun.
    pub(super) fn dispatch(&mut self, now: Now) {
        while let Some(vm) = self.commands.idle.pop() {
            while let Some(machine) = self.commands.by_machine.get_mut(&vm) {
                if machine.beside.is_some() {
                    break;
                }
                if let Some(running) = machine.running {
                    // Nobody waits for a change until the machine is off: each is written only upon the state that it was
                    // decided upon, and is decided anew if the other was quicker.
                    let power = self.commands.running.get(&running).is_some_and(|running| is_of_power(&running.action));
                    match machine.waiting.pop_front_if(|next| !power && next.action == FORCED_OFF) {
                        Some(waiting) => self.begin(now, &vm, waiting),
                        None => break,
                    }
                    continue;
                }
                let Some(waiting) = machine.waiting.pop_front() else {
                    if machine.is_quiet() {
                        self.commands.by_machine.remove(&vm);
                    }
                    break;
                };
                self.begin(now, &vm, waiting);
            }
            let coming = self.commands.may_turn_on(&vm, now.mono);
            self.inventory.set_coming(&vm, coming);
        }
    }

    /// A command should have ended by now: what it has sent may have any effect that it can have.
    pub(super) fn given_up(&mut self, now: Now, id: CommandId) {
        let running = self.commands.running.get(&id);
        let unanswered = running.map(|running| {
            let effects = PowerEffect::of(&running.action).iter();
            let sent = effects.map(|effect| Unanswered {
                effect: *effect,
                sent: now.mono,
                supposes: None,
                telling: false,
                note: None,
            });
            running.unanswered.iter().cloned().chain(sent).collect()
        });
        self.completed(now, id, Err(CommandError::TimedOut), unanswered.unwrap_or_default());
    }

    /// Takes in what came of a command.
    pub(super) fn completed(
        &mut self,
        now: Now,
        id: CommandId,
        result: Result<Completion, CommandError>,
        unanswered: Vec<Unanswered>,
    ) {
        let Some(running) = self.commands.running.remove(&id) else {
            return;
        };
        self.left_unanswered(now, &running, unanswered);
        let mut changed = BTreeSet::new();
        let outcome = match result {
            Ok(completion) => {
                for observation in completion.observations {
                    self.seen_in_responses.note(&observation);
                    changed.extend(self.take_in(now, observation));
                }
                self.expect_power(now, &running);
                OutcomeKind::Done
            }
            Err(CommandError::Superseded(seen)) => {
                for observation in seen {
                    changed.extend(self.take_in(now, observation));
                }
                OutcomeKind::Superseded
            }
            Err(error) => OutcomeKind::Failed(error),
        };
        if let Some(machine) = self.commands.by_machine.get_mut(&running.vm) {
            machine.running.take_if(|running| *running == id);
            machine.beside.take_if(|beside| *beside == id);
        }
        if running.by == Origin::Service && !keeps_own_time(&running.action) {
            // What is due again right after it was done has not helped, and would not the next time.
            if outcome == OutcomeKind::Done && !self.is_due(now, &running.vm, &running.action) {
                self.looked_after(&running.vm, &running.action);
            } else {
                let forbidden = matches!(outcome, OutcomeKind::Failed(CommandError::Forbidden(_)));
                self.back_off(now, &running.vm, &running.action, forbidden);
            }
        }
        if running.by == Origin::Client && outcome == OutcomeKind::Done {
            changed.extend(self.commands.permitted_in(running.vm.namespace(), now.mono));
        }
        self.follow_power_note(now, &running.vm);
        self.conclude_all(now, running.askers, &outcome);
        self.commands.idle.push(running.vm.clone());
        changed.insert(running.vm);
        for vm in &changed {
            self.reconcile(now, vm);
        }
    }

    /// Takes back the command that a task stands for, if it has not ended.
    pub(super) fn withdraw(&mut self, vm: &VmId, task: &TaskId) -> Withdrawn {
        let Some(machine) = self.commands.by_machine.get_mut(vm) else { return Withdrawn::Whole };
        let its = |asker: &Asker| asker.task.as_ref() == Some(task);
        // Others may have asked for the same.
        machine.waiting.retain_mut(|waiting| {
            let asked = waiting.askers.iter().any(its);
            waiting.askers.retain(|asker| !its(asker));
            !asked || !waiting.askers.is_empty()
        });
        self.commands.idle.push(vm.clone());
        for id in machine.running.iter().chain(&machine.beside) {
            let Some(running) = self.commands.running.get_mut(id) else { continue };
            match &running.action {
                _ if !running.askers.iter().any(its) => continue,
                Action::InsertMedia(media) => return Withdrawn::Inserting(media.slot),
                _ => running.askers.retain(|asker| !its(asker)),
            }
            if running.askers.is_empty() {
                self.outputs.push_back(Output::Cancel(*id));
            }
        }
        Withdrawn::Whole
    }

    /// Looks after a machine: does what follows from what is seen of it, whoever caused that.
    pub(super) fn reconcile(&mut self, now: Now, id: &VmId) {
        let Some(vm) = self.inventory.system(id) else {
            self.lost_media.forget(id);
            self.stale_notes.forget(id);
            return self.forget_rest(id);
        };
        if !self.inventory.is_listed(id.namespace()) {
            return;
        }
        let config = self.inventory.config();
        let mut due = due(vm, config, now);
        let uid = vm.machine.uid.clone();
        let (orphans, orphans_later) = self.orphans.due(&self.inventory, vm, now);
        due.extend(orphans);
        let (lost, lost_later) = self.lost_media.due(vm, now);
        due.extend(lost);
        let (superseded, superseded_later) = self.stale_notes.due(vm, now);
        due.extend(superseded.or_else(|| self.has_stale_request(now, vm).then_some(Action::DropStaleNotes)));
        let later = pending_power_ons::look_again(vm, config, now).into_iter().chain(orphans_later).chain(lost_later);
        let later = later.chain(superseded_later);
        if let Some(after) = later.min() {
            self.look_again(now.mono + after, id);
        }
        if self.stopping != Stopping::No {
            return;
        }
        for action in due {
            let machine = self.commands.by_machine.entry(id.clone()).or_default();
            let running = machine.running.and_then(|id| self.commands.running.get(&id));
            // Beside it there is only what a client has asked for.
            let under_way = running.is_some_and(|running| running.action == action)
                || machine.waiting.iter().any(|waiting| waiting.action == action);
            if under_way {
                continue;
            }
            let held_back = self.inventory.system(id).and_then(|vm| machine.backoffs.holds_back(&action, vm, now.mono));
            if let Some(until) = held_back {
                self.look_again(until, id);
            } else {
                self.orphan_tried(now, id, &action);
                self.lost_media_sought(now, id, &action);
                self.enqueue(now, id.clone(), uid.clone(), action, None, None);
            }
        }
    }

    /// Whether something is to be done to a machine, by what is seen of it.
    fn is_due(&self, now: Now, id: &VmId, action: &Action) -> bool {
        let superseded = |vm: &Vm| {
            let is_stale = vm.machine.superseded != Superseded::No || self.has_stale_request(now, vm);
            *action == Action::DropStaleNotes && is_stale
        };
        let config = self.inventory.config();
        self.inventory.system(id).is_some_and(|vm| due(vm, config, now).contains(action) || superseded(vm))
    }

    /// The time has come to look after a machine though nothing of it has changed.
    pub(super) fn reconcile_again(&mut self, now: Now, id: &VmId) {
        let note = self.inventory.system(id).and_then(|vm| vm.machine.power_note.as_deref());
        if let Some(machine) = self.commands.by_machine.get_mut(id) {
            machine.backoffs.expire(now.mono);
            machine.looked_at.take_if(|at| *at <= now.mono);
            machine.forget_what_is_over(now.mono, note);
            let over = machine.unanswered.iter().map(Unanswered::over).filter(|over| *over > now.mono).min();
            if let Some(over) = over {
                self.look_again(over, id);
            }
        }
        self.reconcile(now, id);
        self.commands.idle.push(id.clone());
    }

    /// Looks after a machine at that time, unless it is going to be looked after by then.
    pub(super) fn look_again(&mut self, at: Instant, id: &VmId) {
        let machine = self.commands.by_machine.entry(id.clone()).or_default();
        if machine.looked_at.is_none_or(|planned| at < planned) {
            machine.looked_at = Some(at);
            self.timers.set(at, Timer::Reconcile(id.clone()));
        }
    }

    /// Something was done for a machine of the service's own accord.
    fn looked_after(&mut self, vm: &VmId, action: &Action) {
        if let Some(machine) = self.commands.by_machine.get_mut(vm) {
            machine.backoffs.succeeded(action);
        }
    }

    /// Something could not be done for a machine of the service's own accord: it is tried again later.
    fn back_off(&mut self, now: Now, id: &VmId, action: &Action, forbidden: bool) {
        let Some(vm) = self.inventory.system(id) else { return };
        let machine = self.commands.by_machine.entry(id.clone()).or_default();
        let until = machine.backoffs.failed(action, vm, forbidden, now.mono);
        self.timers.set(until, Timer::Reconcile(id.clone()));
    }

    /// A machine is gone: nothing of it is going to be tried again.
    fn forget_rest(&mut self, id: &VmId) {
        if let Some(machine) = self.commands.by_machine.get_mut(id) {
            machine.backoffs.clear();
            machine.looked_at = None;
            self.commands.idle.push(id.clone());
        }
    }

    fn begin(&mut self, now: Now, vm: &VmId, waiting: Waiting) {
        let known = self.inventory.system(vm);
        let longest_wait = self.inventory.config().command_timeout;
        let refusal = match known {
            None => Some(OutcomeKind::Failed(CommandError::NotFound)),
            Some(known) if known.machine.uid != waiting.uid => Some(OutcomeKind::Failed(CommandError::NotFound)),
            Some(known) if waiting.only_if.as_ref().is_some_and(|before| !known.machine.has_settings_of(before)) => {
                Some(OutcomeKind::Superseded)
            }
            // What was to be called off has not come about: what is in the drive is something else.
            Some(known)
                if matches!(waiting.action, Action::EjectMedia(_))
                    && waiting
                        .askers
                        .iter()
                        .any(|asker| asker.calls_off.as_ref().is_some_and(|task| slot_of(known, task).is_none())) =>
            {
                Some(OutcomeKind::Done)
            }
            Some(_) if !self.commands.has_room(vm) => Some(OutcomeKind::Congested(Congestion::ManyUnderWay)),
            // Whoever asked has been waiting for as long as anyone is to wait; but off is off.
            Some(_) if waiting.action != FORCED_OFF && now.mono.saturating_since(waiting.since) > longest_wait => {
                Some(OutcomeKind::Congested(Congestion::LongWait(longest_wait)))
            }
            Some(_) => None,
        };
        let by = if waiting.askers.is_empty() { Origin::Service } else { Origin::Client };
        if let Some(refusal) = refusal {
            if by == Origin::Service && matches!(refusal, OutcomeKind::Congested(_)) && !keeps_own_time(&waiting.action)
            {
                self.back_off(now, vm, &waiting.action, false);
            }
            return self.conclude_all(now, waiting.askers, &refusal);
        }
        let config = self.inventory.config();
        let patience = match waiting.action {
            Action::Power(_)
            | Action::ExecutePendingPowerOn(_)
            | Action::CancelPendingPowerOn(_)
            | Action::ReplaceRun(_) => config.command_timeout,
            _ => config.update_timeout,
        };
        let deadline = now.mono + patience;
        let deferrable = match &waiting.action {
            Action::Power(request) => may_start(*request),
            Action::ReplaceRun(_) => true,
            _ => false,
        };
        let deferral = known.filter(|_| deferrable).map(|known| {
            let task = waiting.askers.iter().find_map(|asker| asker.task.clone());
            let task = task.unwrap_or_else(|| self.tasks.next_id());
            pending_power_ons::deferral(known, config, now, &task)
        });
        let id = self.commands.next_id();
        let unanswered = self.commands.by_machine.get(vm).map(|machine| machine.unanswered.clone()).unwrap_or_default();
        self.timers.set(deadline + GRACE, Timer::GiveUp(id));
        let command = Command {
            id,
            vm: vm.clone(),
            uid: waiting.uid,
            action: waiting.action.clone(),
            only_if: waiting.only_if,
            request: waiting.askers.iter().find_map(|asker| asker.request.clone()),
            deadline,
            deferral,
            begun: now.unix,
            orphaned_before: orphans::orphaned_before(config, now),
            replica: self.replica,
            asked: waiting.asked,
            known_last: waiting.known_last,
            unanswered: unanswered.clone(),
        };
        let running = Running { vm: vm.clone(), action: waiting.action, askers: waiting.askers, by, unanswered };
        self.commands.running.insert(id, running);
        if let Some(machine) = self.commands.by_machine.get_mut(vm) {
            if machine.running.is_some() {
                machine.beside = Some(id);
            } else {
                machine.running = Some(id);
            }
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
            (PowerRequest::ForceOff, Action::ExecutePendingPowerOn(_) | Action::ReplaceRun(_)) => true,
            (PowerRequest::GracefulShutdown, Action::Power(earlier)) => *earlier == PowerRequest::On,
            _ => false,
        };
        let Some(machine) = self.commands.by_machine.get_mut(vm) else {
            return;
        };
        let (gone, staying): (Vec<_>, _) = machine.waiting.drain(..).partition(|waiting| gives_way(&waiting.action));
        machine.waiting = staying.into();
        let mut askers: Vec<_> = gone.into_iter().map(|waiting| (waiting.action, waiting.askers)).collect();
        if let Some(id) = machine.running
            && let Some(running) = self.commands.running.get_mut(&id).filter(|running| gives_way(&running.action))
        {
            askers.push((running.action.clone(), std::mem::take(&mut running.askers)));
            self.outputs.push_back(Output::Cancel(id));
        }
        for (action, askers) in askers {
            let outcome = if action == Action::Power(PowerRequest::GracefulShutdown) {
                // It wanted the same.
                OutcomeKind::Done
            } else {
                OutcomeKind::Failed(CommandError::CalledOff("a later request turned the system off".to_owned()))
            };
            self.conclude_all(now, askers, &outcome);
        }
    }

    /// Takes note of what a command has left behind, instead of what was there when it was begun.
    fn left_unanswered(&mut self, now: Now, running: &Running, unanswered: Vec<Unanswered>) {
        if running.unanswered.is_empty() && unanswered.is_empty() {
            return;
        }
        let machine = self.commands.by_machine.entry(running.vm.clone()).or_default();
        machine.unanswered.retain(|known| {
            let noted = known.note.is_some() && unanswered.iter().any(|request| request.note == known.note);
            !noted && !running.unanswered.contains(known)
        });
        machine.unanswered.extend(unanswered.into_iter().filter(|request| request.over() > now.mono));
        if let Some(over) = machine.unanswered.iter().map(Unanswered::over).min() {
            self.look_again(over, &running.vm);
        }
    }

    /// Tells all who asked for a command what came of it.
    fn conclude_all(&mut self, now: Now, askers: impl IntoIterator<Item = Asker>, outcome: &OutcomeKind) {
        for asker in askers {
            self.conclude(now, asker, outcome.clone());
        }
    }

    /// What was asked for shows at once, though the cluster takes a moment to follow.
    fn expect_power(&mut self, now: Now, running: &Running) {
        let Action::Power(request) = running.action else { return };
        let Some(vm) = self.inventory.system(&running.vm) else {
            return;
        };
        let seen = vm.seen_power();
        let expected = match (request, seen) {
            (PowerRequest::On, PowerState::Off) => PowerState::PoweringOn,
            // Whatever was expected before, it has not come and does not.
            (PowerRequest::ForceOff, PowerState::Off) => return self.inventory.expect_nothing(&running.vm),
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
fn due(vm: &Vm, config: &Config, now: Now) -> Vec<Action> {
    let restore = booted_since(vm).map(|(used_by, booted)| Action::RestoreBoot { used_by, booted });
    let choice = deferred_choice(vm);
    let replace = lost_media::run_to_replace(vm).map(Action::ReplaceRun);
    let pending_power_ons = pending_power_ons::due(vm, config, now);
    restore
        .into_iter()
        .chain(choice)
        .chain(pending_power_ons)
        .chain(replace)
        .chain(http_boot::due(vm, config))
        .collect()
}

/// Whether an action is tried again at a time of its own: it is in nobody's way, and whether it could be done or had to
/// be changes nothing for what else is due.
fn keeps_own_time(action: &Action) -> bool {
    matches!(action, Action::RemoveOrphan { .. } | Action::LeaveOutLostMedia { .. })
}

/// A choice of what becomes of the machine that had to wait for the end of an earlier run, or for the machine's start.
fn deferred_choice(vm: &Vm) -> Option<Action> {
    let run = vm.instance.as_ref().filter(|run| vm.machine.power_restore_deferred && !run.stopping)?;
    let ready = match run.phase {
        Phase::Running => !run.ends_by_reboot,
        Phase::Ended => vm.machine.outlook.next(Some(run)) == Some(Next::Nothing),
        Phase::Starting | Phase::Unknown => false,
    };
    let power_restore = Some(vm.machine.power_restore);
    ready.then(|| Action::Change(MachineChange { power_restore, ..MachineChange::default() }))
}

/// The first run that was booted after a boot override was asked for, and whether from what that names.
fn booted_since(vm: &Vm) -> Option<(Uid, bool)> {
    let instance = vm.instance.as_ref()?;
    let boot = &vm.machine.boot;
    // One that has ended counts as well, if its guest ran: it may have been over before anybody looked.
    let ran = match instance.phase {
        Phase::Running | Phase::Unknown => true,
        Phase::Ended => instance.started.is_some(),
        Phase::Starting => false,
    };
    let concerned = boot.enabled == BootEnabled::Once || boot.mode_on_trial;
    let booted = boot.device.is_some() && instance.boots_first == boot.device;
    (concerned && ran && boot.armed_for.as_ref() != Some(&instance.uid)).then(|| (instance.uid.clone(), booted))
}

/// Whether an action is about a machine's power: what is asked later waits for it, or has it called off.
fn is_of_power(action: &Action) -> bool {
    matches!(
        action,
        Action::Power(_) | Action::ExecutePendingPowerOn(_) | Action::CancelPendingPowerOn(_) | Action::ReplaceRun(_)
    )
}

/// Whether it may bring a machine up.
fn may_start(request: PowerRequest) -> bool {
    match request {
        PowerRequest::On
        | PowerRequest::GracefulRestart
        | PowerRequest::ForceRestart
        | PowerRequest::PowerCycle
        | PowerRequest::PushPowerButton => true,
        PowerRequest::ForceOff
        | PowerRequest::GracefulShutdown
        | PowerRequest::Pause
        | PowerRequest::Resume
        | PowerRequest::Interrupt => false,
    }
}

/// What waits for nothing that it can go beside of.
const FORCED_OFF: Action = Action::Power(PowerRequest::ForceOff);

/// How many changes may wait for one machine: as many as many clients at a time have reason to send, and are made within
/// [`Config::command_timeout`] by a cluster that answers in some ten milliseconds. A client that sends more is told to
/// slow down.
const MAX_WAITING: usize = 128;

/// How many may ask for the same while it waits. One that has gone counts until it is answered.
const MAX_ASKERS: usize = 4_096;

/// How many changes may be under way in all, of which one namespace has half.
const MAX_RUNNING: usize = 8_192;

/// How much later than a command's deadline it is given up, should it not end by itself.
pub(super) const GRACE: Duration = Duration::from_secs(5);
