//! Commands as requests to the API server.
//!
//! `engine` is the loop that every command goes through (read, decide, write, read again); each other file owns the
//! decisions of one family of commands. Nothing here knows how a request is sent or what time it is.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;

use super::{Settings, TransportError};
use crate::model::{
    Action, CallerReview, Command, CommandError, Completion, CorrelationId, DocumentWrite, LeaseRequest, Platform,
    Probe, Unanswered,
};
use crate::time::Instant;

mod answer;
mod awaited_media;
mod boot;
mod boot_order;
mod boot_template;
mod cancel_pending_power_on;
mod certificates;
mod change;

mod credentials;
mod data_volume;
mod document;
mod doubts;
mod drop_stale_notes;
mod eject;
mod engine;
mod existing;
mod firmware;
mod image_size;
mod image_trust;
mod insert;
mod json_patch;
mod lease;
mod lost_media;
mod old_copy;
mod orphan;
mod pending;
mod power;
mod power_hold;
mod power_notes;
mod power_restore;
mod power_state;
mod power_table;
mod probe;
mod replace_run;
mod review;
mod shared_import;
mod snapshot;
mod strategy_past;

pub use certificates::Verification;
use document::StoreDocument;
use engine::{Engine, Task};
pub use image_size::ImageRequest;
use lease::HoldLease;
use probe::AskForVersion;
use review::ReviewCaller;

/// One command, document, request for the lease or review of a caller on its way through the cluster's API.
///
/// Drive it by [`poll`](Self::poll) and [`handle_response`](Self::handle_response) until it is done; it is done by
/// its command's deadline at the latest, whatever it gets for an answer.
pub struct Operation {
    work: Work,
    called_off: bool,
}

/// Requests that wait to be sent may have secrets in them.
impl fmt::Debug for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Operation({})", self.subject())
    }
}

#[expect(clippy::large_enum_variant, reason = "there are few of the smaller ones")]
enum Work {
    Command { command: Command, engine: Engine },
    Document(StoreDocument),
    Review(ReviewCaller),
    Lease(HoldLease),
    Probe(AskForVersion),
}

/// Where an operation is between two requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// It may be left at any time.
    Between,
    /// Something has been sent that changes something.
    Writing,
    Done,
}

/// Whose requests to the cluster an operation sends, where these are few and everybody is to have a share.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Share {
    /// What is done to the machines of a namespace.
    Namespace(Arc<str>),
    /// What the service itself keeps: who is logged in depends on it.
    Documents,
    /// Finding out whom bearer tokens stand for.
    Reviews,
    /// Which replica pushes events.
    Lease,
}

/// What an operation wants next.
pub enum OperationStep {
    /// Send this and hand its answer to [`Operation::handle_response`].
    Send {
        /// What to send.
        request: http::Request<Bytes>,
        /// Until when it may be sent, and its answer be waited for; then hand over why there is none.
        deadline: Instant,
    },
    /// Ask the server of an image, and hand the head of its answer to [`Operation::handle_image_answer`].
    Ask(ImageRequest),
    /// Nothing to do before then. While an answer is awaited this is the deadline.
    WaitUntil(Instant),
    /// It has ended. Asked again, it says the same.
    Done(Result<Completion, CommandError>),
}

/// Without bodies, in which secrets may be.
impl fmt::Debug for OperationStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Send { request, deadline } => {
                write!(f, "Send({} {}, until {deadline:?})", request.method(), request.uri())
            }
            Self::Ask(request) => write!(f, "{request:?}"),
            Self::WaitUntil(until) => write!(f, "WaitUntil({until:?})"),
            Self::Done(result) => write!(f, "Done({result:?})"),
        }
    }
}

impl Operation {
    /// Begins to carry out `command`, against what the cluster is known to be able to do. `seed` decides how far
    /// apart it retries.
    pub fn new(command: Command, platform: Platform, settings: Arc<Settings>, seed: u64, now: Instant) -> Self {
        let task: Box<dyn Task> = match &command.action {
            Action::Power(request) => Box::new(power::Power::new(*request, now)),
            Action::ExecutePendingPowerOn(name) => Box::new(power::Power::execute_pending_power_on(name.clone(), now)),
            Action::CancelPendingPowerOn(name) => {
                Box::new(cancel_pending_power_on::CancelPendingPowerOn::new(name.clone()))
            }
            Action::Change(change) => Box::new(change::ChangeMachine::new(change.clone(), now)),
            Action::RestoreBoot { used_by, booted } => Box::new(boot::RestoreBoot::new(used_by.clone(), *booted)),
            Action::InsertMedia(media) => Box::new(insert::Insert::new(&command, media, &settings)),
            Action::DropStaleNotes => Box::new(drop_stale_notes::DropStaleNotes),
            Action::ResetFirmware => Box::new(firmware::ResetFirmware),
            Action::SetImageTrust { slot, change } => Box::new(image_trust::SetImageTrust::new(*slot, change.clone())),
            Action::EjectMedia(slot) => Box::new(eject::Eject::new(*slot)),
            Action::RemoveOrphan { import, made } => Box::new(orphan::RemoveOrphan::new(import, *made)),
            Action::LeaveOutMedia { slot, import, reason } => {
                Box::new(eject::Eject::leaving_out(*slot, &import.name, reason))
            }
            Action::LeaveOutLostMedia { slot, image } => Box::new(lost_media::LeaveOutLost::new(*slot, image)),
            Action::ReplaceRun(run) => Box::new(replace_run::ReplaceRun::new(run.clone())),
        };
        let engine = Engine::new(task, platform, settings, seed, &command);
        Self::of(Work::Command { command, engine })
    }

    /// Begins to store a document in the service's own namespace.
    pub fn store(write: DocumentWrite, settings: Arc<Settings>, seed: u64) -> Self {
        Self::of(Work::Document(StoreDocument::new(write, settings, seed)))
    }

    /// Begins to find out whom a token stands for.
    pub fn review(review: CallerReview, seed: u64) -> Self {
        Self::of(Work::Review(ReviewCaller::new(review, seed)))
    }

    /// Begins a request for the leadership, which is a `Lease` in the service's own namespace.
    pub fn lease(wanted: LeaseRequest, settings: Arc<Settings>) -> Self {
        Self::of(Work::Lease(HoldLease::new(wanted, settings)))
    }

    const fn of(work: Work) -> Self {
        Self { work, called_off: false }
    }

    /// Begins to see whether there is an API server.
    pub fn probe(probe: Probe) -> Self {
        Self::of(Work::Probe(AskForVersion::new(probe)))
    }

    /// What to do next. Ask again after every answer and when the time it named has come.
    #[must_use]
    pub fn poll(&mut self, now: Instant) -> OperationStep {
        if self.called_off && self.stage() == Stage::Between {
            return OperationStep::Done(Err(CommandError::CalledOff("it was called off".to_owned())));
        }
        match &mut self.work {
            Work::Command { command, engine } => engine.poll(now, command),
            Work::Document(store) => store.poll(now),
            Work::Review(review) => review.poll(now),
            Work::Lease(lease) => lease.poll(now),
            Work::Probe(probe) => probe.poll(now),
        }
    }

    /// The answer to the last request, or why there is none.
    pub fn handle_response(&mut self, now: Instant, response: Result<http::Response<Bytes>, TransportError>) {
        match &mut self.work {
            Work::Command { command, engine } => engine.handle_response(now, command, response),
            Work::Document(store) => store.handle_response(now, response),
            Work::Review(review) => review.handle_response(now, response),
            Work::Lease(lease) => lease.handle_response(response),
            Work::Probe(probe) => probe.handle_response(response),
        }
    }

    /// Sends nothing more. It is done as soon as [`awaits_answer`](Self::awaits_answer) says no.
    pub fn call_off(&mut self) {
        self.called_off = true;
    }

    /// Whether it was.
    pub fn is_called_off(&self) -> bool {
        self.called_off
    }

    /// Whether the answer to what was sent is to be waited for though it was called off: it says what has been changed.
    pub fn awaits_answer(&self) -> bool {
        self.stage() == Stage::Writing
    }

    /// When it is done: what it has sent, or earlier commands have, about the machine's power of which it is not known what
    /// has come, or still comes, of it.
    pub fn unanswered(&self) -> Vec<Unanswered> {
        match &self.work {
            Work::Command { engine, .. } => engine.unanswered(),
            Work::Document(_) | Work::Review(_) | Work::Lease(_) | Work::Probe(_) => Vec::new(),
        }
    }

    fn stage(&self) -> Stage {
        match &self.work {
            Work::Command { engine, .. } => engine.stage(),
            Work::Document(store) => store.stage(),
            Work::Review(review) => review.stage(),
            Work::Lease(lease) => lease.stage(),
            Work::Probe(probe) => probe.stage(),
        }
    }

    /// What the server of an image has answered, or why it has not. A redirect is an answer like any other.
    pub fn handle_image_answer(&mut self, now: Instant, answer: Result<http::Response<()>, TransportError>) {
        if let Work::Command { command, engine } = &mut self.work {
            engine.handle_image_answer(now, command, answer);
        }
    }

    /// Whose share its requests are counted to.
    pub fn share(&self) -> Share {
        match &self.work {
            Work::Command { command, .. } => Share::Namespace(command.vm.namespace().into()),
            Work::Document(_) => Share::Documents,
            Work::Review(_) => Share::Reviews,
            Work::Lease(_) | Work::Probe(_) => Share::Lease,
        }
    }

    /// The id of the client's request that asked for it, for the log.
    pub fn correlation(&self) -> Option<&CorrelationId> {
        self.command()?.request.as_ref()
    }

    /// The command that is carried out, if it is one.
    pub fn command(&self) -> Option<&Command> {
        match &self.work {
            Work::Command { command, .. } => Some(command),
            Work::Document(_) | Work::Review(_) | Work::Lease(_) | Work::Probe(_) => None,
        }
    }

    /// Whether it comes again and again: then that it failed is told by whoever learns of it.
    pub fn is_routine(&self) -> bool {
        matches!(self.work, Work::Lease(_) | Work::Probe(_))
    }

    /// What is carried out on what, for a log.
    pub fn subject(&self) -> String {
        match &self.work {
            Work::Command { command, .. } => command.vm.to_string(),
            Work::Document(store) => format!("document {}", store.write().name.as_str()),
            Work::Review(_) => "caller".to_owned(),
            Work::Lease(_) => "the leadership".to_owned(),
            Work::Probe(_) => "a sign of life".to_owned(),
        }
    }
}
