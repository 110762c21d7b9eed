//! Tasks: what is still going on when its request has been answered, as reads see it.
//!
//! There are three kinds. A request that is answered with 202 is known to the replica that took it in and ends with it.
//! An import is read off the cluster, so that every replica shows the same task under the same id, also after a restart;
//! and so is a power-on that has been pending. An insertion of media is two of these: its task has the id of the import
//! that it makes, and becomes the import's as soon as that is under way. The task of a request for power becomes, under
//! the same id, that of the pending power-on that it leads to.
//!
//! Only data is here, and what follows from it alone; `service` decides what happens to a task, `resources` how it
//! looks.

use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

use http::Method;

use crate::auth::Identity;
use crate::model::{
    Import, ImportId, ImportState, LeftOutMedia, Machine, Medium, Namespace, ObjectName, PendingPowerOn, Uid, VmId,
};
use crate::resources::Answer;
use crate::service::OutcomeKind;
use crate::time::UnixTime;
use crate::view::{View, Vm};

/// A task's id, as it stands in URIs. That of an import has a dot, that of a request has none.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct TaskId(Arc<str>);

impl TaskId {
    /// The id of an import's task: made of the import's name, which every replica knows.
    pub(crate) fn of_import(import: &ImportId) -> Self {
        Self(format!("{}.{}", import.namespace, import.name).into())
    }

    /// The id of the task of an import that fetches what is in a machine's drive. One that serves several machines has a
    /// task for each of them, with the id that it would have if it served that machine alone.
    pub(crate) fn of_medium(machine: &Machine, medium: &Medium) -> Option<Self> {
        let import = medium.import.as_ref()?;
        if import.is_shared() {
            return Some(Self::of_import(&ImportId::of(&machine.id, &machine.uid, medium.slot, &medium.image)));
        }
        Some(Self::of_import(import))
    }

    /// The id of a request's task, made of a number that no other task has.
    pub(crate) fn of_request(number: u64) -> Self {
        Self(format!("{number:016x}").into())
    }

    /// The id of the task of a pending power-on.
    pub(crate) fn of_pending_power_on(pending_power_on: &PendingPowerOn) -> Self {
        Self((*pending_power_on.name).into())
    }

    /// The import that it is the id of, if it is that of an import at all. A namespace has no dots.
    pub(crate) fn import(&self) -> Option<ImportId> {
        let (namespace, name) = self.0.split_once('.')?;
        Some(ImportId { namespace: Namespace::new(namespace)?, name: ObjectName::new(name)? })
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for TaskId {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TaskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Something that is going on, or was until a moment ago.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Task {
    pub(crate) id: TaskId,
    /// The machine it is about: who sees that sees the task.
    pub(crate) vm: VmId,
    /// Which machine of that name, if it is known: what was done to one is not shown to the owner of the next.
    pub(crate) uid: Option<Uid>,
    pub(crate) work: Work,
    /// It is being called off.
    pub(crate) cancelling: bool,
    /// What a machine was turned on without.
    pub(crate) left_out: Option<LeftOutMedia>,
}

/// What is being done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Work {
    /// A request is being carried out.
    Request {
        request: Arc<TaskRequest>,
        started: UnixTime,
        /// It has come to a pending power-on: from then on every replica knows of it.
        pending_power_on: bool,
        /// What came of it, and when.
        end: Option<(UnixTime, OutcomeKind)>,
    },
    /// An image is being copied.
    Import(Arc<Import>),
    /// A machine is going to be turned on.
    PowerOn {
        asked: UnixTime,
        /// What came of it, and when.
        end: Option<(UnixTime, OutcomeKind)>,
    },
}

/// How far a task is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Progress<'a> {
    /// Not begun.
    Pending,
    /// Under way; so many percent, if that is known.
    Running(Option<u8>),
    /// Being called off.
    Cancelling,
    /// Over, and what came of it.
    Ended(End<'a>),
}

/// What came of a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End<'a> {
    /// The request was carried out, or not.
    Request(&'a TaskRequest, &'a OutcomeKind),
    /// The machine was turned on, or not.
    PowerOn(&'a OutcomeKind),
    /// The image is there.
    Imported,
    /// The image cannot be copied; the cluster's explanation. It may try again, and then the task goes on.
    ImportFailed(&'a str),
}

/// A request as its task remembers it: enough to show it and to give the answer that it would have had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TaskRequest {
    /// Who sent it, so that nobody has all the tasks that there may be; it is not shown.
    pub(crate) owner: Arc<str>,
    pub(crate) method: Method,
    /// The canonical URI of what it was sent to.
    pub(crate) path: Box<str>,
    /// Headers that say how it was to be understood, `Name: value`; never one that says who sent it.
    pub(crate) headers: Box<[Box<str>]>,
    /// The body as JSON with everything masked that looks like a secret; `None` if it is too large to keep.
    pub(crate) body: Option<Box<str>>,
    /// How it is answered once it is carried out.
    pub(crate) answer: Answer,
}

impl Task {
    /// How far it is.
    pub(crate) fn progress(&self) -> Progress<'_> {
        match &self.work {
            Work::Request { request, end: Some((_, outcome)), .. } => Progress::Ended(End::Request(request, outcome)),
            Work::PowerOn { end: Some((_, outcome)), .. } => Progress::Ended(End::PowerOn(outcome)),
            _ if self.cancelling => Progress::Cancelling,
            Work::PowerOn { end: None, .. } => Progress::Pending,
            Work::Request { end: None, .. } => Progress::Running(Some(0)),
            Work::Import(import) => match &import.state {
                ImportState::Pending => Progress::Pending,
                ImportState::Running { percent } => Progress::Running(*percent),
                ImportState::Succeeded => Progress::Ended(End::Imported),
                ImportState::Failed { message } => Progress::Ended(End::ImportFailed(message)),
            },
        }
    }

    /// When it began, if that is known.
    pub(crate) fn started(&self) -> Option<UnixTime> {
        match &self.work {
            Work::Request { started: at, .. } | Work::PowerOn { asked: at, .. } => Some(*at),
            Work::Import(import) => import.started,
        }
    }

    /// When it ended, if it has and that is known.
    pub(crate) fn ended(&self) -> Option<UnixTime> {
        match &self.work {
            Work::Request { end, .. } | Work::PowerOn { end, .. } => end.as_ref().map(|(at, _)| *at),
            Work::Import(import) => import.ended,
        }
    }

    /// The request that it carries out, if it is one.
    pub(crate) fn request(&self) -> Option<&TaskRequest> {
        match &self.work {
            Work::Request { request, .. } => Some(request),
            Work::Import(_) | Work::PowerOn { .. } => None,
        }
    }
}

impl View {
    /// The task of that id and its machine, if `identity` sees the machine.
    pub(crate) fn task(&self, id: &str, identity: &Identity) -> Option<(&Arc<Task>, &Arc<Vm>)> {
        let task = self.tasks.get(id)?;
        Some((task, self.origin(task, identity)?))
    }

    /// The tasks of all machines that `identity` sees, in the order of their ids.
    pub(crate) fn tasks_of<'a>(&'a self, identity: &'a Identity) -> impl Iterator<Item = &'a Arc<Task>> + 'a {
        self.tasks.values().filter(|task| self.origin(task, identity).is_some())
    }

    /// The machine that a task is about, if it is still there.
    pub(crate) fn machine_of(&self, task: &Task) -> Option<&Arc<Vm>> {
        let is_same = |vm: &&Arc<Vm>| task.uid.as_ref().is_none_or(|uid| *uid == vm.machine.uid);
        self.systems.get(&task.vm).filter(is_same)
    }

    fn origin(&self, task: &Task, identity: &Identity) -> Option<&Arc<Vm>> {
        self.machine_of(task).filter(|vm| identity.sees_any(&vm.chassis))
    }
}

/// For how many minutes a request's task is kept when it has ended.
pub(crate) const KEPT_FOR_MINUTES: u64 = 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_says_which_kind_of_task_it_is_of() {
        let import = ImportId {
            namespace: Namespace::new("lab").expect("a namespace"),
            name: ObjectName::new("node.0-cd-0123456789abcdef").expect("a name"),
        };
        let id = TaskId::of_import(&import);
        assert_eq!(id.as_str(), "lab.node.0-cd-0123456789abcdef");
        assert_eq!(id.import(), Some(import));
        assert_eq!(TaskId::of_request(0x1f).import(), None);
    }
}
