//! Tasks: which there are, when they end and when they go. What they look like is not known here.
//!
//! A request's task is made when the request is taken in and ends with its command; it is kept for a while and then
//! goes. An import's task is what the cluster shows of the import, and goes with it. A pending power-on's is what the
//! cluster shows of the pending power-on, and is kept for a while when that is gone. So only the first kind is lost with the
//! replica.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use super::commands::{Asker, Withdrawn};
use super::timers::Timer;
use super::{OutcomeKind, Service, Ticket};
use crate::changes::task_changes;
use crate::intent::{TaskId, TaskRequest};
use crate::model::{
    Action, CommandError, CorrelationId, Import, ImportId, ImportState, Medium, Observation, PowerState, Slot, Uid,
    VmId,
};
use crate::task::{Task, Work};
use crate::time::{Instant, Now, UnixTime};
use crate::view::Vm;

/// The tasks of requests, and what only this replica knows of those of imports.
pub(super) struct Tasks {
    key: [u8; 32],
    last: u64,
    requests: BTreeMap<TaskId, Record>,
    /// Tasks of imports that somebody has removed, and when those imports began. They are not shown any more, though
    /// the cluster still shows the import; as many as there are such imports at most.
    dismissed: BTreeMap<TaskId, Option<UnixTime>>,
    /// The tasks of power-ons that are pending.
    pending_power_on: BTreeMap<VmId, TaskId>,
    /// The tasks of imports that serve several machines, by the machine that each of them is about.
    shared: BTreeMap<VmId, BTreeSet<TaskId>>,
}

#[derive(Debug)]
struct Record {
    /// In the order in which they were made.
    number: u64,
    vm: VmId,
    /// Who sent the request, or the namespace of a machine whose power-on is pending.
    owner: Arc<str>,
    ended: Option<Instant>,
}

impl Tasks {
    /// `key` is secret and random, so that no other replica makes the same ids, nor this one after a restart.
    pub(super) fn new(key: [u8; 32]) -> Self {
        let (requests, dismissed, pending_power_on, shared) = Default::default();
        Self { key, last: 0, requests, dismissed, pending_power_on, shared }
    }

    pub(super) fn next_id(&mut self) -> TaskId {
        self.last += 1;
        // HMAC takes keys of any length, so this cannot fail.
        let digest = Hmac::<Sha256>::new_from_slice(&self.key).ok().map(|mut mac| {
            mac.update(b"task");
            mac.update(&self.last.to_be_bytes());
            mac.finalize().into_bytes()
        });
        let first = digest.and_then(|digest| digest.first_chunk::<8>().copied());
        TaskId::of_request(first.map_or(self.last, u64::from_be_bytes))
    }

    /// Which task has to go so that one more of an owner fits: `Ok(None)` if none has to, `Err` if all are needed. An owner
    /// has no more than there is room for others; what goes for theirs is their own.
    fn make_room(&self, vm: &VmId, owner: &str) -> Result<Option<TaskId>, ()> {
        let oldest = |of: &dyn Fn(&Record) -> bool| {
            let ended = self.requests.iter().filter(|(_, record)| record.ended.is_some() && of(record));
            ended.min_by_key(|(_, record)| record.number).map(|(id, _)| id.clone())
        };
        if self.requests.values().filter(|record| record.vm == *vm).count() >= MAX_PER_MACHINE {
            return oldest(&|record| record.vm == *vm).map(Some).ok_or(());
        }
        let own = self.requests.values().filter(|record| *record.owner == *owner).count();
        if own >= MAX_IN_ALL.saturating_sub(self.requests.len()) {
            return oldest(&|record| *record.owner == *owner).map(Some).ok_or(());
        }
        Ok(None)
    }
}

impl Service {
    /// Makes a task for a request that is about to be carried out; `None` if there are as many as there may be.
    pub(super) fn open_task(
        &mut self,
        now: Now,
        vm: &VmId,
        uid: &Uid,
        action: &Action,
        request: &Arc<TaskRequest>,
    ) -> Option<TaskId> {
        // An insertion's task has the id of the import that it is going to make: it becomes the import's.
        let id = match action {
            Action::InsertMedia(media) => TaskId::of_import(&ImportId::of_insertion(vm, uid, media)),
            _ => self.tasks.next_id(),
        };
        if !self.tasks.requests.contains_key(&id)
            && let Some(oldest) = self.tasks.make_room(vm, &request.owner).ok()?
        {
            self.remove_task(now, &oldest);
        }
        self.tasks.dismissed.remove(&id);
        self.tasks.last += 1;
        let record = Record { number: self.tasks.last, vm: vm.clone(), owner: Arc::clone(&request.owner), ended: None };
        self.tasks.requests.insert(id.clone(), record);
        let work =
            Work::Request { request: Arc::clone(request), started: now.unix, pending_power_on: false, end: None };
        let (id, vm, uid) = (id, vm.clone(), Some(uid.clone()));
        self.show_task(now, Task { id: id.clone(), vm, uid, work, cancelling: false, left_out: None });
        Some(id)
    }

    /// Ends everything that waits for a command, with what came of it.
    pub(super) fn conclude(&mut self, now: Now, asker: Asker, outcome: OutcomeKind) {
        if let Some(id) = asker.calls_off {
            if outcome == OutcomeKind::Done {
                // The import goes when nothing uses it any more, which may take a while.
                if let Some(vm) = self.inventory.task(&id).map(|task| task.vm.clone()) {
                    self.dismiss(&vm, &id);
                }
                self.remove_task(now, &id);
            } else {
                self.set_cancelling(now, &id, false);
            }
        }
        if let Some(id) = asker.task {
            self.end_task(now, &id, outcome.clone());
        }
        if let Some(ticket) = asker.ticket {
            self.answer(ticket, outcome);
        }
    }

    /// Takes in an observation; the machines whose records changed by it.
    pub(super) fn take_in(&mut self, now: Now, observation: Observation) -> Vec<VmId> {
        let import = match &observation {
            Observation::Import(import) => Some(import.id.clone()),
            Observation::ImportGone(id, _) => Some(id.clone()),
            _ => None,
        };
        if let Observation::ImportGone(id, _) = &observation {
            self.orphans.forget(id);
        }
        let machine = matches!(observation, Observation::Machine(_) | Observation::MachineGone(..));
        let changed = self.inventory.observe(observation);
        for vm in &changed {
            self.follow_shared(now, vm);
        }
        if let Some(import) = import.filter(|import| !import.is_shared()) {
            self.follow_import(now, &import);
        }
        for vm in changed.iter().filter(|_| machine) {
            self.follow_pending_power_on(now, vm);
            self.follow_power_note(now, vm);
        }
        changed
    }

    /// Somebody does not want a task any more: what still goes on is stopped, what has ended is forgotten.
    pub(super) fn call_off(&mut self, now: Now, ticket: Ticket, id: &TaskId, correlation: Option<CorrelationId>) {
        let Some(task) = self.inventory.task(id).cloned() else {
            return self.answer(ticket, OutcomeKind::Failed(CommandError::NotFound));
        };
        let pending = self.tasks.pending_power_on.get(&task.vm) == Some(id);
        let eject = match &task.work {
            Work::Request { end: Some(_), .. } | Work::PowerOn { .. } => None,
            Work::Request { end: None, .. } => match self.withdraw(&task.vm, id) {
                Withdrawn::Whole => None,
                // It may have begun to make an import: what it makes is taken back when it is made.
                Withdrawn::Inserting(slot) => Some(slot),
            },
            Work::Import(import) if import.state == ImportState::Succeeded => {
                self.dismiss(&task.vm, id);
                None
            }
            Work::Import(_) => {
                let slot = self.inventory.system(&task.vm).and_then(|vm| slot_of(vm, id));
                if slot.is_none() {
                    let reason = "the image is not in a drive from which it could be ejected".to_owned();
                    return self.answer(ticket, OutcomeKind::Failed(CommandError::Conflict(reason)));
                }
                slot
            }
        };
        let uid = self.inventory.system(&task.vm).map(|vm| vm.machine.uid.clone());
        let action = match eject {
            None if pending => Some(Action::CancelPendingPowerOn(id.as_str().into())),
            eject => eject.map(Action::EjectMedia),
        };
        if let (Some(action), Some(uid)) = (action, uid) {
            self.set_cancelling(now, id, true);
            let (ticket, calls_off) = (Some(ticket), Some(id.clone()));
            let asker = Asker { ticket, calls_off, request: correlation, ..Asker::default() };
            self.enqueue(now, task.vm.clone(), uid, action, None, Some(asker));
        } else {
            self.remove_task(now, id);
            self.answer(ticket, OutcomeKind::Done);
        }
    }

    /// A task has been kept long enough.
    pub(super) fn expire_task(&mut self, now: Now, id: &TaskId) {
        let vm = self.tasks.requests.get(id).map(|record| record.vm.clone());
        let ended = self.tasks.requests.get(id).and_then(|record| record.ended);
        if ended.is_some_and(|ended| ended + KEPT_FOR <= now.mono) {
            self.remove_task(now, id);
            // Of an insertion that failed: what the cluster shows under this name is shown again.
            if let Some(import) = id.import() {
                self.follow_import(now, &import);
            }
            if let Some(vm) = vm {
                self.follow_shared(now, &vm);
            }
        }
    }

    fn end_task(&mut self, now: Now, id: &TaskId, outcome: OutcomeKind) {
        let Some(task) = self.inventory.task(id).map(|task| Task::clone(task)) else { return };
        if outcome == OutcomeKind::Done && self.tasks.pending_power_on.get(&task.vm) == Some(id) {
            // It has come to a pending power-on, which is still to be kept.
            return;
        }
        let import = self.import_behind(&task.vm, id).filter(|_| outcome == OutcomeKind::Done);
        let end = Some((now.unix, outcome));
        let work = match task.work {
            Work::Request { request, started, pending_power_on, end: None } => {
                Work::Request { request, started, pending_power_on, end }
            }
            Work::PowerOn { asked, end: None } => Work::PowerOn { asked, end },
            Work::Request { .. } | Work::PowerOn { .. } | Work::Import(_) => return,
        };
        if let Some(import) = import {
            // What goes on now can be read off the cluster.
            self.tasks.requests.remove(id);
            return if import.id.is_shared() {
                self.follow_shared(now, &task.vm);
            } else {
                self.follow_import(now, &import.id);
            };
        }
        if let Some(record) = self.tasks.requests.get_mut(id) {
            record.ended = Some(now.mono);
        }
        self.timers.set(now.mono + KEPT_FOR, Timer::Task(id.clone()));
        self.show_task(now, Task { work, ..task });
    }

    /// Brings the task of a pending power-on up to date with the machine.
    fn follow_pending_power_on(&mut self, now: Now, id: &VmId) {
        let vm = self.inventory.system(id).cloned();
        let machine = vm.as_ref().map(|vm| &vm.machine);
        let pending_power_on = machine
            .and_then(|machine| machine.pending_power_on.as_deref())
            .filter(|pending_power_on| !pending_power_on.superseded);
        let task = pending_power_on.map(TaskId::of_pending_power_on);
        if task.as_ref() == self.tasks.pending_power_on.get(id) {
            return;
        }
        if let Some(ended) = self.tasks.pending_power_on.remove(id) {
            let power = vm.as_ref().map(|vm| vm.seen_power());
            let outcome = match power {
                Some(PowerState::On | PowerState::PoweringOn | PowerState::Paused) => OutcomeKind::Done,
                Some(PowerState::Off | PowerState::PoweringOff) => OutcomeKind::Failed(CommandError::CalledOff(
                    "its task was deleted, or the system turned off again".to_owned(),
                )),
                None => OutcomeKind::Failed(CommandError::NotFound),
            };
            if let Some(task) = self.inventory.task(&ended).map(|task| Task::clone(task)) {
                let left_out = machine.and_then(|machine| machine.left_out.as_deref().cloned());
                self.show_task(now, Task { left_out, ..task });
            }
            self.end_task(now, &ended, outcome);
        }
        let (Some(task), Some(pending_power_on), Some(machine)) = (task, pending_power_on, machine) else { return };
        match self.inventory.task(&task) {
            // The request's, which goes on as this.
            Some(known) if known.vm == *id && known.ended().is_none() => {
                let mut known = Task::clone(known);
                if let Work::Request { pending_power_on, .. } = &mut known.work {
                    *pending_power_on = true;
                    self.show_task(now, known);
                }
            }
            // Who may edit a machine may write anything: nobody else's task is touched by it.
            Some(_) => return,
            None => {
                let owner: Arc<str> = id.namespace().into();
                let Ok(oldest) = self.tasks.make_room(id, &owner) else { return };
                if let Some(oldest) = oldest {
                    self.remove_task(now, &oldest);
                }
                self.tasks.last += 1;
                let record = Record { number: self.tasks.last, vm: id.clone(), owner, ended: None };
                self.tasks.requests.insert(task.clone(), record);
                let work = Work::PowerOn { asked: pending_power_on.asked, end: None };
                let (vm, uid) = (id.clone(), Some(machine.uid.clone()));
                self.show_task(now, Task { id: task.clone(), vm, uid, work, cancelling: false, left_out: None });
            }
        }
        self.tasks.pending_power_on.insert(id.clone(), task);
    }

    /// Brings an import's task up to date with the import.
    fn follow_import(&mut self, now: Now, id: &ImportId) {
        let task = TaskId::of_import(id);
        if self.tasks.requests.get(&task).is_some_and(|record| record.ended.is_none()) {
            // A request is about to make the import, or to find out that it cannot.
            return;
        }
        let import = self.inventory.import_of(id).cloned();
        match import.and_then(|import| Some((import.machines.first()?.clone(), import))) {
            Some((vm, import)) => self.show_import(now, task, vm, import),
            None => self.end_import(now, &task),
        }
    }

    /// Brings the tasks of the imports that a machine shares with others up to date with them.
    fn follow_shared(&mut self, now: Now, id: &VmId) {
        let vm = self.inventory.system(id).cloned();
        let mut ended = self.tasks.shared.remove(id).unwrap_or_default();
        let mut shown = BTreeSet::new();
        for (machine, medium) in vm.iter().flat_map(|vm| vm.machine.media.iter().map(|medium| (&vm.machine, medium))) {
            let import = medium.import.as_ref().filter(|import| import.is_shared());
            let import = import.and_then(|import| self.inventory.import_of(import)).cloned();
            let Some((task, import)) = TaskId::of_medium(machine, medium).zip(import) else { continue };
            ended.remove(&task);
            if self.tasks.requests.get(&task).is_none_or(|record| record.ended.is_some()) {
                self.show_import(now, task.clone(), id.clone(), import);
            }
            shown.insert(task);
        }
        for task in &ended {
            self.end_import(now, task);
        }
        if !shown.is_empty() {
            self.tasks.shared.insert(id.clone(), shown);
        }
    }

    fn show_import(&mut self, now: Now, task: TaskId, vm: VmId, import: Arc<Import>) {
        if self.is_dismissed(&task, &import) || self.has_failed(&task) {
            return;
        }
        self.tasks.requests.remove(&task);
        let cancelling = self.inventory.task(&task).is_some_and(|task| task.cancelling);
        let cancelling = cancelling && import.state != ImportState::Succeeded;
        let work = Work::Import(import);
        self.show_task(now, Task { id: task, vm, uid: None, work, cancelling, left_out: None });
    }

    /// There is nothing any more that an import's task tells of.
    fn end_import(&mut self, now: Now, task: &TaskId) {
        self.tasks.dismissed.remove(task);
        if !self.tasks.requests.contains_key(task) {
            self.remove_task(now, task);
        }
    }

    /// The import that the task of a machine tells of, or is going to.
    fn import_behind(&self, vm: &VmId, id: &TaskId) -> Option<Arc<Import>> {
        let own = id.import().and_then(|import| self.inventory.import_of(&import));
        let shared = || {
            let medium = medium_of(self.inventory.system(vm)?, id)?;
            self.inventory.import_of(medium.import.as_ref()?)
        };
        own.or_else(shared).cloned()
    }

    /// Shows nothing any more of the import that is there now.
    fn dismiss(&mut self, vm: &VmId, id: &TaskId) {
        if let Some(import) = self.import_behind(vm, id) {
            self.tasks.dismissed.insert(id.clone(), import.started);
        }
    }

    fn is_dismissed(&self, id: &TaskId, import: &Import) -> bool {
        self.tasks.dismissed.get(id).is_some_and(|started| *started == import.started)
    }

    /// Whether a task is that of a request that was not carried out.
    fn has_failed(&self, id: &TaskId) -> bool {
        let end = self.inventory.task(id).and_then(|task| match &task.work {
            Work::Request { end, .. } => end.as_ref(),
            Work::Import(_) | Work::PowerOn { .. } => None,
        });
        end.is_some_and(|(_, outcome)| *outcome != OutcomeKind::Done)
    }

    fn set_cancelling(&mut self, now: Now, id: &TaskId, cancelling: bool) {
        if let Some(task) = self.inventory.task(id).map(|task| Task::clone(task)) {
            self.show_task(now, Task { cancelling, ..task });
        }
    }

    fn show_task(&mut self, now: Now, task: Task) {
        let task = Arc::new(task);
        let before = self.inventory.task(&task.id).cloned();
        if before.as_ref() == Some(&task) {
            return;
        }
        self.inventory.show_task(Arc::clone(&task));
        self.task_changed(now, before.as_deref(), Some(&task));
    }

    fn remove_task(&mut self, now: Now, id: &TaskId) {
        self.tasks.requests.remove(id);
        if let Some(before) = self.inventory.task(id).cloned() {
            self.inventory.hide_task(id);
            self.task_changed(now, Some(&before), None);
        }
    }

    /// Where every change of a task passes, once for each. What was there already when the service began is no news.
    fn task_changed(&mut self, now: Now, before: Option<&Task>, after: Option<&Task>) {
        let view = self.inventory.current();
        let listed = after.or(before).is_some_and(|task| self.inventory.is_listed(task.vm.namespace()));
        if let Some(draft) = task_changes(view, before, after).filter(|_| listed) {
            self.raise(now, draft);
        }
    }
}

/// The slot that holds what the import of a task fetches.
pub(super) fn slot_of(vm: &Vm, id: &TaskId) -> Option<Slot> {
    medium_of(vm, id).map(|medium| medium.slot)
}

fn medium_of<'a>(vm: &'a Vm, id: &TaskId) -> Option<&'a Medium> {
    vm.machine.media.iter().find(|medium| TaskId::of_medium(&vm.machine, medium).as_ref() == Some(id))
}

/// For how long a request's task is kept when it has ended: clients poll every few seconds, people look after minutes.
const KEPT_FOR: Duration = Duration::from_mins(crate::task::KEPT_FOR_MINUTES);

/// How many tasks one machine has at most, so that no machine takes the room of all others: as many changes as may
/// wait for it.
const MAX_PER_MACHINE: usize = 16;

/// How many tasks there are in all at most, of which one owner has half: as many as there may be commands. A task takes a
/// few kilobytes.
const MAX_IN_ALL: usize = 8_192;
