//! The single writer: everything that changes, changes here, one input at a time.
//!
//! It never waits. What it wants done leaves as an [`Output`]; what came of that arrives as an [`Input`].

mod access;
mod backoff;
mod callers;
mod commands;
mod election;
mod events;
mod http_boot;
mod inventory;
mod login_limiter;
mod lost_media;
mod measure;
mod orphans;
mod outage;
mod passwords;
mod pending_power_ons;
mod power_notes;
mod recently_deleted;
mod seen_in_responses;
mod sources;
mod stale_notes;
mod stored_document;
mod tasks;
mod timers;

use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;

use crate::config::Config;
use crate::intent::{Intent, IntentKind, Outcome, OutcomeKind, Reply, StreamId, Ticket};
use crate::model::{
    CallerReview, Command, CommandError, CommandId, Completion, CorrelationId, DocumentWrite, LeaseRequest,
    Observation, Probe, Source, Unanswered,
};
use crate::time::{Instant, Now};
use crate::view::View;

use access::Access;
use callers::Callers;
use commands::{Asker, Commands};
use election::Election;
use events::{Events, OWNERS_REVIEWED_EVERY};
use inventory::Inventory;
use lost_media::LostMedia;
use orphans::Orphans;
use passwords::Passwords;
use seen_in_responses::SeenInResponses;
use sources::Sources;
use stale_notes::StaleNotes;
use tasks::Tasks;
use timers::{Timer, Timers};

pub use events::{Delivery, DeliveryError, DeliveryId};
pub use passwords::{PasswordResult, PasswordTask, PasswordWork, PasswordWorkId};
pub use timers::Reason;

/// The single writer. Drain [`Service::poll_output`] after every call of a `handle_*` method.
pub struct Service {
    inventory: Inventory,
    seen_in_responses: SeenInResponses,
    access: Access,
    passwords: Passwords,
    callers: Callers,
    commands: Commands,
    events: Events,
    orphans: Orphans,
    lost_media: LostMedia,
    stale_notes: StaleNotes,
    election: Election,
    /// What tells this replica from others, and from what it was before a restart.
    replica: u32,
    tasks: Tasks,
    timers: Timers,
    outputs: VecDeque<Output>,
    sources: Sources,
    key: [u8; 32],
    /// That documents are kept in memory only has been said.
    noticed_memory: bool,
    stopping: Stopping,
}

/// What it knows is in its view; the rest is queues and secrets.
impl std::fmt::Debug for Service {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Service").field("stopping", &self.stopping).finish_non_exhaustive()
    }
}

/// Something that happened.
#[derive(Debug)]
pub enum Input {
    /// An exchange wants something done. Answered by exactly one [`Output::Outcome`] with the same ticket.
    Submitted {
        /// Chosen by the caller; unique among those that are open.
        ticket: Ticket,
        /// What [`Step::Submit`](crate::Step::Submit) asked for.
        intent: Intent,
    },
    /// Observations will come from these sources; until those of a namespace have been listed, or are known not to be for
    /// now, reads of its systems are answered with 503.
    Watching(Vec<Source>),
    /// They will come from these sources as well.
    AlsoWatching(Vec<Source>),
    /// Something was seen of the cluster.
    Observed(Observation),
    /// A command has been carried out, or has failed.
    Completed {
        /// Which one.
        id: CommandId,
        /// What came of it.
        result: Result<Completion, CommandError>,
        /// What [`Operation::unanswered`](crate::kubevirt::Operation::unanswered) says.
        unanswered: Vec<Unanswered>,
    },
    /// Work on a password is done.
    Password {
        /// Which one.
        id: PasswordWorkId,
        /// What was found out.
        result: PasswordResult,
    },
    /// A delivery has come to its end.
    Delivered {
        /// Which one.
        id: DeliveryId,
        /// How the server answered.
        result: Result<StatusCode, DeliveryError>,
    },
    /// The client of a stream has gone, or was sent away because it did not read.
    StreamClosed(StreamId),
    /// A time server was asked, and the clock is wrong by this many seconds: they have to be added to it.
    ClockCompared(i64),
    /// The configuration is now this.
    Configured(Box<Config>),
    /// The service is to end: nothing new is begun, and [`Output::Stopped`] comes when nothing is left to answer.
    Shutdown,
}

/// Something for the caller to do, in this order.
#[derive(Debug)]
pub enum Output {
    /// Reads are to be answered from this view from now on. Comes before every outcome that it explains.
    Publish(Arc<View>),
    /// Carry this out, and report it with [`Input::Completed`].
    Command(Command),
    /// Store this, and report it with [`Input::Completed`] as if it were a command.
    Store(DocumentWrite),
    /// Find this out, and report it with [`Input::Completed`] as if it were a command.
    Review(CallerReview),
    /// Ask for this, and report it with [`Input::Completed`] as if it were a command.
    Lease(LeaseRequest),
    /// See whether the cluster answers, and report it with [`Input::Completed`] as if it were a command.
    Probe(Probe),
    /// The cluster answers again: tell the watches, which may be waiting for that.
    Wake,
    /// Do this where slow work does no harm, and report it with [`Input::Password`].
    Password(PasswordWork),
    /// No password has been worked on for a while: memory that was kept for it can go.
    ReleasePasswordMemory,
    /// Tell the operator.
    Notice(Notice),
    /// Stop carrying this out: no further request, but wait for the answer to one that has been sent, and then report
    /// [`Input::Completed`] as for any other.
    Cancel(CommandId),
    /// The answer to [`Input::Submitted`].
    Outcome {
        /// The ticket it came with.
        ticket: Ticket,
        /// For [`Signal::Outcome`](crate::Signal::Outcome).
        outcome: Outcome,
    },
    /// Send these events to a server at once, until its deadline at most, and report it with [`Input::Delivered`].
    Deliver(Delivery),
    /// Stop a delivery if it is still under way; nothing is to be reported.
    Abandon(DeliveryId),
    /// Send this to the client of a stream. Comes after the outcome that opened the stream.
    Send {
        /// Which stream.
        stream: StreamId,
        /// What to send.
        data: Bytes,
    },
    /// End a stream; nothing is to be reported.
    Close(StreamId),
    /// Nothing is left to answer.
    Stopped,
}

/// Something that the operator should know, as a log would say it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Notice {
    /// There is no place for documents, or no right to use it.
    #[error(
        "accounts, sessions and event subscriptions are kept in memory only: they end with this process, and other \
         replicas do not see them"
    )]
    DocumentsInMemory,
    /// Too many wrong passwords have locked an account.
    #[error("an account is locked for {seconds} s: too many wrong passwords")]
    AccountLocked {
        /// Its user name.
        user: Arc<str>,
        /// Where the last of them came from.
        client: IpAddr,
        /// For how long.
        seconds: u32,
        /// The request with the last of them.
        request: Option<CorrelationId>,
    },
    /// Replicas cannot agree on which of them pushes events.
    #[error("every replica pushes every event, since they cannot agree on one that does: {0}")]
    LeadershipNotShared(String),
    /// The cluster does not answer, or not as it should.
    #[error("the cluster cannot be seen: {reason} ({kind}{})", place(namespace.as_deref()))]
    ClusterUnseen {
        /// What was looked for first.
        kind: &'static str,
        /// Where.
        namespace: Option<Arc<str>>,
        /// Why it was not seen.
        reason: String,
    },
    /// It does again.
    #[error(
        "the cluster is in sight again after {seconds} s: {sources} watches were affected, {failures} attempts failed"
    )]
    ClusterSeen {
        /// After how many seconds.
        seconds: u64,
        /// How many streams had not seen it.
        sources: usize,
        /// How many attempts came to nothing.
        failures: u64,
    },
    /// The cluster does not show something for lack of rights.
    #[error("the service lacks rights{}: {rights}", place(namespace.as_deref()))]
    RightsMissing {
        /// Where; `None` for the whole cluster.
        namespace: Option<Arc<str>>,
        /// Which, such as `list virtualmachines`.
        rights: String,
    },
    /// Rights that were missing are there.
    #[error("the service has the rights that were missing{}", place(namespace.as_deref()))]
    RightsGiven {
        /// Where; `None` for the whole cluster.
        namespace: Option<Arc<str>>,
    },
}

/// Who brought something about that is told to the log.
#[derive(Clone, Copy, Debug, Default)]
pub struct Cause<'a> {
    /// As whom.
    pub user: Option<&'a str>,
    /// From where.
    pub client: Option<IpAddr>,
    /// By which request.
    pub request: Option<&'a CorrelationId>,
}

impl Notice {
    /// Whether it is that something works again.
    pub const fn is_good(&self) -> bool {
        matches!(self, Self::ClusterSeen { .. } | Self::RightsGiven { .. })
    }

    /// Who brought it about, if it was a client.
    pub fn cause(&self) -> Cause<'_> {
        match self {
            Self::AccountLocked { user, client, request, .. } => {
                Cause { user: Some(user), client: Some(*client), request: request.as_ref() }
            }
            _ => Cause::default(),
        }
    }
}

fn place(namespace: Option<&str>) -> String {
    namespace.map(|namespace| format!(" in the namespace {namespace}")).unwrap_or_default()
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stopping {
    No,
    Requested,
    Done,
}

impl Service {
    /// A service that knows nothing of the cluster yet. `entropy` is secret and random.
    pub fn new(config: Config, entropy: [u8; 32], now: Now) -> Self {
        let mut timers = Timers::default();
        timers.set(now.mono + RENDERED_FOR, Timer::Rendered);
        timers.set(now.mono + OWNERS_REVIEWED_EVERY, Timer::Owners);
        let events = Events::new(&entropy);
        Self {
            inventory: Inventory::new(config, entropy, now),
            seen_in_responses: SeenInResponses::default(),
            access: Access::new(entropy),
            passwords: Passwords::default(),
            callers: Callers::default(),
            commands: Commands::default(),
            replica: events.run(),
            election: Election::new(events.run()),
            events,
            orphans: Orphans::default(),
            lost_media: LostMedia::default(),
            stale_notes: StaleNotes::default(),
            tasks: Tasks::new(entropy),
            timers,
            outputs: VecDeque::new(),
            sources: Sources::default(),
            key: entropy,
            noticed_memory: false,
            stopping: Stopping::No,
        }
    }

    /// Takes in what happened.
    pub fn handle_input(&mut self, now: Now, input: Input) {
        match input {
            Input::Submitted { ticket, intent } => self.submitted(now, ticket, intent),
            Input::Watching(sources) => self.watching(now, sources),
            Input::AlsoWatching(sources) => self.also_watching(now, sources),
            Input::Observed(observation) => self.observed(now, observation),
            Input::Completed { id, result, .. } if self.access.is_writing(id) => self.stored(now, id, &result),
            Input::Completed { id, result, .. } if self.callers.is_asking(id) => self.reviewed(now, id, result),
            Input::Completed { id, result, .. } if self.events.owners.is_asking(id) => self.owner_reviewed(now, result),
            Input::Completed { id, result, .. } if self.election.is_asking(id) => self.lease_answered(now, result),
            Input::Completed { id, result, .. } if self.sources.is_probing(id) => self.probed(now, &result),
            Input::Completed { id, result, unanswered } => self.completed(now, id, result, unanswered),
            Input::ClockCompared(correction) => self.inventory.set_clock_correction(correction),
            Input::Configured(config) => {
                self.inventory.configure(*config);
                self.look_around(now);
                self.inventory.set_accounts(self.access.accounts(), self.key);
                self.reconsider_subscriptions(now);
            }
            Input::Password { id, result } => self.password_done(now, id, result),
            Input::Delivered { id, result } => self.delivered(now, id, result),
            Input::StreamClosed(stream) => self.stream_closed(stream),
            Input::Shutdown => {
                self.stopping = Stopping::Requested;
                self.close_streams();
                self.release_leadership(now);
            }
        }
        self.settle(now);
    }

    /// Takes in that it is now at least as late as [`Service::poll_timeout`] said. Does nothing if it is not.
    pub fn handle_timeout(&mut self, now: Now) {
        while let Some(timer) = self.timers.due(now.mono) {
            match timer {
                Timer::GiveUp(id) => {
                    if self.access.is_writing(id) {
                        self.outputs.push_back(Output::Cancel(id));
                        self.stored(now, id, &Err(CommandError::TimedOut));
                    } else if self.callers.is_asking(id) {
                        self.outputs.push_back(Output::Cancel(id));
                        self.reviewed(now, id, Err(CommandError::TimedOut));
                    } else if self.events.owners.is_asking(id) {
                        self.outputs.push_back(Output::Cancel(id));
                        self.owner_reviewed(now, Err(CommandError::TimedOut));
                    } else if self.election.is_asking(id) {
                        self.outputs.push_back(Output::Cancel(id));
                        self.lease_answered(now, Err(CommandError::TimedOut));
                    } else if self.sources.is_probing(id) {
                        self.outputs.push_back(Output::Cancel(id));
                        self.probed(now, &Err(CommandError::TimedOut));
                    } else if self.commands.is_running(id) {
                        self.outputs.push_back(Output::Cancel(id));
                        self.given_up(now, id);
                    }
                }
                Timer::Expected(vm) => self.inventory.forget_expected(&vm, now.mono),
                Timer::Subscription(id) => self.subscription_due(id),
                Timer::Task(id) => self.expire_task(now, &id),
                Timer::Reconcile(vm) => self.reconcile_again(now, &vm),
                Timer::Sessions => self.look_at_sessions(now),
                Timer::Lease => self.request_lease(now),
                Timer::Probe => self.probe(now),
                Timer::Sight => self.look_around(now),
                Timer::Outage => self.tell_outage(now),
                Timer::Rendered => {
                    self.inventory.renew_rendered();
                    self.timers.set(now.mono + RENDERED_FOR, Timer::Rendered);
                }
                Timer::Passwords => self.expire_passwords(now),
                Timer::PasswordMemory => self.release_password_memory(now),
                Timer::Reviews => self.expire_reviews(now),
                Timer::Owners => self.review_owners(now),
                Timer::Documents => self.try_documents_again(now),
            }
        }
        self.settle(now);
    }

    /// The next thing for the caller to do.
    #[must_use]
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When [`Service::handle_timeout`] wants to be called, and what for.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<(Instant, Reason)> {
        self.timers.next()
    }

    /// The view as it is now, published or about to be.
    pub fn view(&self) -> Arc<View> {
        self.inventory.view()
    }

    fn submitted(&mut self, now: Now, ticket: Ticket, Intent(intent): Intent) {
        match intent {
            IntentKind::LogIn { attempt, client } => self.log_in(now, ticket, client, *attempt),
            IntentKind::Act { .. }
            | IntentKind::CallOff { .. }
            | IntentKind::Edit(_)
            | IntentKind::HashPassword { .. }
            | IntentKind::Review { .. }
                if self.stopping != Stopping::No =>
            {
                self.answer(ticket, OutcomeKind::ShuttingDown);
            }
            IntentKind::HashPassword { password, client } => self.hash_password(now, ticket, client, password),
            IntentKind::Review { key, token, client } => self.review(now, ticket, key, token, client),
            IntentKind::Act { vm, uid, action, only_if, reply: Reply::WhenDone, correlation, .. } => {
                let asker = Asker { ticket: Some(ticket), request: correlation, ..Asker::default() };
                self.enqueue(now, vm, uid, action, only_if, Some(asker));
            }
            IntentKind::Act { vm, uid, action, only_if, request, reply: Reply::AtOnce, correlation } => {
                if let Some(congestion) = self.commands.congestion(&vm, &uid, &action, only_if.as_ref()) {
                    return self.answer(ticket, OutcomeKind::Congested(congestion));
                }
                match self.open_task(now, &vm, &uid, &action, &request) {
                    Some(id) => {
                        let asker = Asker { task: Some(id.clone()), request: correlation, ..Asker::default() };
                        self.enqueue(now, vm, uid, action, only_if, Some(asker));
                        self.answer(ticket, OutcomeKind::Accepted(id));
                    }
                    None => self.answer(ticket, OutcomeKind::TooManyTasks),
                }
            }
            IntentKind::CallOff { task, correlation } => self.call_off(now, ticket, &task, correlation),
            IntentKind::Edit(edit) => self.edit(edit, Some(ticket)),
            IntentKind::Event(intent) => self.event_intent(now, ticket, *intent),
        }
    }

    fn observed(&mut self, now: Now, observation: Observation) {
        match observation {
            Observation::Document(document) => self.document_observed(now, &document),
            Observation::DocumentGone(name, version) => self.document_gone(name, version),
            Observation::Synchronised(source) => self.listed(now, &source),
            Observation::Seen(sight) => self.seen(now, sight),
            Observation::Unseen(blindness) => self.unseen(now, blindness),
            Observation::Listed(listed) => {
                for gone in self.seen_in_responses.missing_from(&listed) {
                    self.observed(now, gone);
                }
            }
            other => {
                self.seen_in_responses.confirm(&other);
                for vm in self.take_in(now, other) {
                    self.reconcile(now, &vm);
                }
            }
        }
    }

    fn answer(&mut self, ticket: Ticket, outcome: OutcomeKind) {
        self.outputs.push_back(Output::Outcome { ticket, outcome: Outcome(outcome) });
    }

    /// What every input ends with: what changed is published before anything that it explains.
    fn settle(&mut self, now: Now) {
        self.dispatch(now);
        loop {
            self.write_documents(now);
            self.raise_changes(now);
            self.deliver(now);
            // A delivery that ended may have ended its subscription.
            if !self.access.has_work() {
                break;
            }
        }
        if self.inventory.current().rendered.is_full() {
            self.inventory.renew_rendered();
        }
        if let Some(view) = self.inventory.take_changed() {
            // One that nobody has taken yet is out of date, and must not come after this one.
            self.outputs.pop_front_if(|output| matches!(output, Output::Publish(_)));
            self.outputs.push_front(Output::Publish(view));
        }
        let waited_for = self.commands.has_waiters()
            || self.access.has_waiters()
            || self.callers.has_waiters()
            || self.passwords.has_waiters();
        if self.stopping == Stopping::Requested && !waited_for && !self.election.is_ending() {
            self.stopping = Stopping::Done;
            self.outputs.push_back(Output::Stopped);
        }
    }
}

/// How many reviewed tokens are remembered: more than there are clients that send one at once.
const MAX_REMEMBERED: usize = 1_024;

/// A representation that nobody has read for so long goes; it has gone twice that time after it was read at the latest.
const RENDERED_FOR: Duration = Duration::from_secs(30);

/// For how long a power state that was asked for is shown before the cluster shows it.
const EXPECT_FOR: Duration = Duration::from_secs(10);
