//! What exchange, resources and service say to each other: what is asked for, and what came of it.
//!
//! Only data is here. Resources make an [`IntentKind`] of what a client wants, the exchange hands it in, the service
//! carries it out and answers with an [`OutcomeKind`].

mod event;
mod task;

use std::net::IpAddr;
use std::sync::Arc;

use crate::auth::{AccountEdit, Attempt, EditError, Edited, ExternalUser, SessionEdit, TokenKey};
use crate::config::{PasswordHash, Secret};
use crate::model::{Action, BearerToken, CertificateId, CommandError, Congestion, CorrelationId, Machine, Uid, VmId};
use crate::route::Route;
use crate::time::Instant;

pub use event::StreamId;
pub(crate) use event::{EventChange, EventIntent, EventOutcome, NewContext};
pub(crate) use task::{TaskId, TaskRequest};

/// Tells one open submission from another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(pub u64);

/// What an exchange wants done; made by an exchange, understood by the service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Intent(pub(crate) IntentKind);

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum IntentKind {
    /// Find out whether a password is right.
    LogIn { attempt: Box<Attempt>, client: IpAddr },
    /// Compute the hash of a new password.
    HashPassword { password: Secret, client: IpAddr },
    /// Find out whom a bearer token stands for.
    Review { key: TokenKey, token: BearerToken, client: IpAddr },
    /// Change accounts or sessions.
    Edit(AccessEdit),
    /// Do something to a machine.
    Act {
        vm: VmId,
        uid: Uid,
        action: Action,
        /// Only if its settings are still those of this.
        only_if: Option<Arc<Machine>>,
        /// What a task tells of it.
        request: Arc<TaskRequest>,
        reply: Reply,
        /// Which request of a client asks for it.
        correlation: Option<CorrelationId>,
    },
    /// Stop what a task stands for, and forget the task.
    CallOff { task: TaskId, correlation: Option<CorrelationId> },
    /// Do something about event subscriptions.
    Event(Box<EventIntent>),
}

impl Intent {
    /// The same, asked for by this request of a client: what is logged about it names the request.
    #[must_use]
    pub fn asked_by(mut self, request: CorrelationId) -> Self {
        match &mut self.0 {
            IntentKind::LogIn { attempt, .. } => attempt.request = Some(request),
            IntentKind::Act { correlation, .. } | IntentKind::CallOff { correlation, .. } => {
                *correlation = Some(request);
            }
            IntentKind::HashPassword { .. }
            | IntentKind::Review { .. }
            | IntentKind::Edit(_)
            | IntentKind::Event(_) => {}
        }
        self
    }
}

/// When an intent is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reply {
    /// When it is carried out.
    WhenDone,
    /// At once, with a task.
    AtOnce,
}

/// What came of an intent; made by the service, understood by the exchange.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome(pub(crate) OutcomeKind);

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum OutcomeKind {
    /// It is done, or will be: a power-on that waits for a machine to stop is as good as done for who asked.
    Done,
    /// It is being done, and this is its task.
    Accepted(TaskId),
    /// There are as many tasks as there may be.
    TooManyTasks,
    /// It was about a password.
    Password(PasswordOutcome),
    /// Whom a token stands for; `None` if for nobody.
    Reviewed(Option<Arc<ExternalUser>>),
    /// Accounts or sessions have been changed.
    Edited(Edited),
    /// Accounts or sessions have not been changed.
    NotEdited(EditError),
    /// What it is about is no longer as the intent was made for.
    Superseded,
    /// It was about event subscriptions.
    Event(EventOutcome),
    /// It failed.
    Failed(CommandError),
    /// It has not been begun.
    Congested(Congestion),
    /// Too much is going on.
    Overloaded,
    /// The service ends.
    ShuttingDown,
}

impl Outcome {
    /// The stream that was opened by it: whatever is sent to that stream is for the client of this outcome.
    pub fn stream(&self) -> Option<StreamId> {
        match self.0 {
            OutcomeKind::Event(EventOutcome::Opened(stream)) => Some(stream),
            _ => None,
        }
    }
}

/// A change of accounts or sessions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum AccessEdit {
    Account(AccountEdit),
    Session(SessionEdit),
}

/// How a change is answered once it is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// 204.
    NoContent,
    /// 200 with the resource as it then is.
    Representation,
    /// 201 with the certificate that has been added to the collection.
    Certificate(CertificateId),
}

impl Answer {
    /// What has been made at the place that a request went to, if something has been.
    pub(crate) fn created<'a>(self, route: &Route<'a>) -> Option<Route<'a>> {
        match (self, *route) {
            (Self::Certificate(id), Route::MediaCertificates(name, slot)) => {
                Some(Route::MediaCertificate(name, slot, id))
            }
            _ => None,
        }
    }
}

/// What became of a password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum PasswordOutcome {
    /// It was right, for the account of this `uid`.
    Right(Arc<str>),
    /// It was not, or nobody can log in with it.
    Wrong,
    /// It was not looked at: its sender has been wrong too often, and may try again at this time.
    TooManyFailures(Instant),
    /// This is its hash.
    Hashed(PasswordHash),
    /// Its hash could not be computed.
    NotHashed,
}
