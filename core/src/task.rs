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

use std::sync::Arc;

use crate::intent::{OutcomeKind, TaskId, TaskRequest};
use crate::model::{Import, ImportState, LeftOutMedia, Uid, VmId};
use crate::time::UnixTime;

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

/// For how many minutes a request's task is kept when it has ended.
pub(crate) const KEPT_FOR_MINUTES: u64 = 10;
