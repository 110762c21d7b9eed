//! Everything that the service does, behind one face without input or output of its own.
//!
//! The engine folds the [`Service`], the watches of the cluster, the operations that carry out its commands, the
//! deliveries of events and the questions to other servers. A runtime does four things: it carries clients' requests
//! through an [`Exchange`](crate::Exchange), it carries [`Outbound`] requests, it keeps one timer, and it publishes the view.
//! Every deadline, retry, bound and order is the engine's.
//!
//! ```text
//!   loop {
//!       while let Some(output) = engine.poll_output() { … }
//!       wait for an answer, a submission, … or engine.poll_timeout()
//!       engine.handle_input(now, …) or engine.handle_timeout(now)
//!   }
//! ```

mod deliveries;
mod log;
mod measure;
mod operations;
mod request;
mod time_servers;
mod timers;
mod watches;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use bytes::Bytes;

use crate::config::{Chassis, Config};
use crate::fairness::{Bounds, CLUSTER_REQUESTS};
use crate::intent::{Intent, Outcome, StreamId, Ticket};
use crate::kubevirt::{Operation, Settings, document_watch, watches};
use crate::model::{CommandId, CorrelationId};
use crate::service::{self, DeliveryId, PasswordResult, PasswordWork, PasswordWorkId, Service};
use crate::time::{Instant, Now};
use crate::view::View;

use deliveries::Deliveries;
pub use log::LogEvent;
use measure::{Counted, Waiting};
use operations::Operations;
pub use request::{Answer, CONNECT_TIMEOUT, Outbound, OutboundDatagram, Outside, RequestId, Target};
use time_servers::TimeServers;
use timers::Timers;
use watches::{WatchId, Watches};

/// What an engine is made of.
pub struct Setup {
    /// What is shown, and to whom.
    pub config: Config,
    /// How the cluster is asked for things.
    pub kubevirt: Settings,
    /// What secrets are made of: 32 random bytes that nobody knows.
    pub entropy: [u8; 32],
    /// What delays and names are drawn from. Two replicas should not have the same.
    pub seed: u64,
    /// How many requests of commands are sent to the API server at a time, and of whom.
    pub cluster_requests: Bounds,
}

impl Setup {
    /// With the usual bounds.
    pub const fn new(config: Config, kubevirt: Settings, entropy: [u8; 32], seed: u64) -> Self {
        Self { config, kubevirt, entropy, seed, cluster_requests: CLUSTER_REQUESTS }
    }
}

/// The whole service as one state machine. Drain [`Engine::poll_output`] after every call of a `handle_*` method, and call
/// [`Engine::handle_timeout`] when [`Engine::poll_timeout`] says so.
#[derive(Debug)]
pub struct Engine {
    service: Service,
    settings: Arc<Settings>,
    seed: u64,
    watches: Watches,
    operations: Operations,
    deliveries: Deliveries,
    time_servers: TimeServers,
    core: Core,
}

/// Something that happened.
#[derive(Debug)]
#[non_exhaustive]
pub enum Input {
    /// An exchange wants something done ([`Step::Submit`](crate::Step::Submit)). Answered by exactly one
    /// [`Output::Outcome`] with the same ticket.
    Submitted {
        /// Chosen by the caller; unique among those that are open.
        ticket: Ticket,
        /// What it wants.
        intent: Intent,
    },
    /// Something came back for an [`Outbound`] request or datagram. What comes after an [`Output::Abort`] is ignored.
    Answer {
        /// For which.
        id: RequestId,
        /// What came.
        answer: Answer,
    },
    /// Work on a password is done.
    Password {
        /// Which one.
        id: PasswordWorkId,
        /// What was found out.
        result: PasswordResult,
    },
    /// The client of a stream has gone, or was sent away because it did not read.
    StreamClosed(StreamId),
    /// The configuration is now this. Namespaces that a chassis has for the first time are watched from now on; one that no
    /// chassis has any more is watched to the end, and not shown.
    Configured(Box<Config>),
    /// The cluster is now asked for things in this way, by commands that have not begun. The service's own namespace stays.
    ClusterSettings(Box<Settings>),
    /// The service is to end: nothing new is begun, and [`Output::Stopped`] comes when nothing is left to answer.
    Shutdown,
}

/// Something for the runtime to do, in this order.
#[derive(Debug)]
#[non_exhaustive]
pub enum Output {
    /// Reads are to be answered from this view from now on. Comes before every outcome that it explains.
    Publish(Arc<View>),
    /// The answer to [`Input::Submitted`].
    Outcome {
        /// The ticket it came with.
        ticket: Ticket,
        /// For [`Signal::Outcome`](crate::Signal::Outcome).
        outcome: Outcome,
    },
    /// Send this, and report what comes back with [`Input::Answer`].
    Send(Box<Outbound>),
    /// Send this datagram, and report what comes back with [`Input::Answer`].
    SendDatagram(OutboundDatagram),
    /// Stop a request: close its connection, or cancel its stream. Nothing is to be reported. One that has ended may be named.
    Abort(RequestId),
    /// Send this to the client of a stream. Comes after the outcome that opened the stream.
    StreamData {
        /// Which stream.
        stream: StreamId,
        /// What to send.
        data: Bytes,
    },
    /// End a stream; nothing is to be reported.
    CloseStream(StreamId),
    /// Do this where slow work does no harm, and report it with [`Input::Password`].
    Password(PasswordWork),
    /// No password has been worked on for a while: memory that was kept for it can go.
    ReleasePasswordMemory,
    /// Tell the log.
    Log(LogEvent),
    /// Nothing is left to answer.
    Stopped,
}

/// What a timeout is for, as a log would say it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Reason {
    /// Something that the service does at its time.
    Service(service::Reason),
    /// A watch has waited for long enough.
    Watch,
    /// An operation has waited for long enough.
    Operation,
    /// A receiver of events has had its time.
    Delivery,
    /// A time server has had its time, or is to be asked.
    TimeServers,
}

/// Who waits for an answer.
#[derive(Clone, Copy, Debug)]
enum Owner {
    Watch(WatchId),
    Operation(CommandId),
    Delivery(DeliveryId),
    TimeServers,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Due {
    Watch(WatchId),
    Operation(CommandId),
    Delivery(DeliveryId),
    TimeServers,
}

/// What all parts of an engine share: requests that have been sent, timers, and what is to be done.
#[derive(Debug)]
struct Core {
    last_id: u64,
    owners: BTreeMap<RequestId, Owner>,
    /// Requests to the API server that have no answer yet.
    unanswered: BTreeMap<RequestId, Waiting>,
    counted: Counted,
    /// When the last input came.
    now: Instant,
    timers: Timers<Due>,
    /// The newest view that nobody has taken yet; it comes before everything else.
    view: Option<Arc<View>>,
    outputs: VecDeque<Output>,
}

impl Core {
    fn next_id(&mut self, owner: Owner) -> RequestId {
        self.last_id += 1;
        let id = RequestId(self.last_id);
        self.owners.insert(id, owner);
        id
    }

    fn send(
        &mut self,
        owner: Owner,
        target: Target,
        request: http::Request<Bytes>,
        deadline: Option<Instant>,
        correlation: Option<CorrelationId>,
    ) -> RequestId {
        let id = self.next_id(owner);
        if let Some(waiting) = Waiting::of(&target, &request, self.now) {
            self.unanswered.insert(id, waiting);
        }
        let outbound = Outbound { id, target, request, deadline, correlation };
        self.outputs.push_back(Output::Send(Box::new(outbound)));
        id
    }

    fn ask(&mut self, datagram: OutboundDatagram) {
        self.outputs.push_back(Output::SendDatagram(datagram));
    }

    /// Aborts a request if it is under way.
    fn abort(&mut self, id: Option<RequestId>) {
        if let Some(id) = id.filter(|id| self.owners.remove(id).is_some()) {
            if let Some(waiting) = self.unanswered.remove(&id) {
                self.counted.aborted(waiting);
            }
            self.outputs.push_back(Output::Abort(id));
        }
    }

    /// Counts what came of a request to the API server.
    fn count(&mut self, id: RequestId, answer: &Answer) {
        let (Answer::Head(_) | Answer::Failed(_)) = answer else { return };
        let Some(waiting) = self.unanswered.remove(&id) else { return };
        match answer {
            Answer::Head(head) => self.counted.answered(self.now, waiting, head.status()),
            Answer::Failed(error) => self.counted.failed(waiting, error),
            Answer::Data(_) | Answer::End | Answer::Datagram { .. } => {}
        }
    }

    fn log(&mut self, event: LogEvent) {
        self.counted.logged(&event);
        self.outputs.push_back(Output::Log(event));
    }
}

impl Engine {
    /// An engine that knows nothing of the cluster yet, and wants to.
    pub fn new(setup: Setup, now: Now) -> Self {
        let Setup { config, kubevirt, entropy, seed, cluster_requests } = setup;
        let namespaces: BTreeSet<&str> = config.chassis.iter().map(|chassis| chassis.namespace.as_str()).collect();
        let documents = document_watch(&kubevirt, seed);
        let watches = Watches::new(watches(namespaces, seed).into_iter().chain(documents));
        let mut engine = Self {
            service: Service::new(config, entropy, now),
            settings: Arc::new(kubevirt),
            seed,
            watches,
            operations: Operations::new(cluster_requests),
            deliveries: Deliveries::default(),
            time_servers: TimeServers::new(entropy),
            core: Core {
                last_id: 0,
                owners: BTreeMap::new(),
                unanswered: BTreeMap::new(),
                counted: Counted::default(),
                now: now.mono,
                timers: Timers::new(),
                view: None,
                outputs: VecDeque::new(),
            },
        };
        engine.service.handle_input(now, service::Input::Watching(engine.watches.sources()));
        engine.step_watches(now);
        engine.settle(now);
        engine
    }

    /// Takes in what happened.
    pub fn handle_input(&mut self, now: Now, input: Input) {
        self.core.now = now.mono;
        match input {
            Input::Submitted { ticket, intent } => self.tell(now, service::Input::Submitted { ticket, intent }),
            Input::Answer { id, answer } => self.answered(now, id, answer),
            Input::Password { id, result } => self.tell(now, service::Input::Password { id, result }),
            Input::StreamClosed(stream) => self.tell(now, service::Input::StreamClosed(stream)),
            Input::Configured(config) => self.configured(now, config),
            Input::ClusterSettings(settings) => {
                let own_namespace = self.settings.own_namespace.clone();
                self.settings = Arc::new(Settings { own_namespace, ..*settings });
            }
            Input::Shutdown => self.tell(now, service::Input::Shutdown),
        }
        self.settle(now);
    }

    fn configured(&mut self, now: Now, config: Box<Config>) {
        let view = self.service.view();
        let shown = |chassis: &[Chassis]| -> Vec<_> {
            let parts = chassis.iter().map(|one| (one.namespace.clone(), one.selector.clone(), one.names.clone()));
            parts.collect()
        };
        let before = shown(&view.config.chassis);
        let after = shown(&config.chassis);
        self.tell(now, service::Input::Configured(config));
        if before == after {
            return;
        }
        // Machines that were in no chassis are not kept, so they have to be seen once more.
        let namespaces: BTreeSet<&str> = after.iter().map(|(namespace, ..)| namespace.as_str()).collect();
        let new = self.watches.extend(now.mono, watches(namespaces, self.seed), &mut self.core);
        self.tell(now, service::Input::AlsoWatching(new));
        self.step_watches(now);
    }

    /// Takes in that it is now at least as late as [`Engine::poll_timeout`] said. Does nothing if it is not.
    pub fn handle_timeout(&mut self, now: Now) {
        self.core.now = now.mono;
        self.service.handle_timeout(now);
        while let Some(due) = self.core.timers.due(now.mono) {
            match due {
                Due::Watch(id) => self.step_watch(now, id),
                Due::Operation(id) => self.operations.due(now.mono, id, &mut self.core),
                Due::Delivery(id) => {
                    let ended = self.deliveries.due(id, &mut self.core);
                    self.delivered(now, ended);
                }
                Due::TimeServers => self.time_servers.due(now.mono, &self.service.view(), &mut self.core),
            }
        }
        self.settle(now);
    }

    /// The next thing for the runtime to do.
    #[must_use]
    pub fn poll_output(&mut self) -> Option<Output> {
        self.core.view.take().map(Output::Publish).or_else(|| self.core.outputs.pop_front())
    }

    /// When [`Engine::handle_timeout`] wants to be called, and what for.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<(Instant, Reason)> {
        let own = self.core.timers.next().map(|(at, due)| {
            let reason = match due {
                Due::Watch(_) => Reason::Watch,
                Due::Operation(_) => Reason::Operation,
                Due::Delivery(_) => Reason::Delivery,
                Due::TimeServers => Reason::TimeServers,
            };
            (at, reason)
        });
        let service = self.service.poll_timeout().map(|(at, reason)| (at, Reason::Service(reason)));
        own.into_iter().chain(service).min_by_key(|(at, _)| *at)
    }

    /// The view as it is now, published or about to be.
    pub fn view(&self) -> Arc<View> {
        self.service.view()
    }

    /// How many commands, documents, reviews and requests for the lease are being carried out.
    pub fn commands_under_way(&self) -> usize {
        self.operations.len()
    }

    fn tell(&mut self, now: Now, input: service::Input) {
        self.service.handle_input(now, input);
    }

    fn answered(&mut self, now: Now, id: RequestId, answer: Answer) {
        self.core.count(id, &answer);
        let is_last = matches!(answer, Answer::End | Answer::Failed(_));
        let owners = &mut self.core.owners;
        let owner = if is_last { owners.remove(&id) } else { owners.get(&id).copied() };
        match owner {
            Some(Owner::Watch(watch)) => {
                self.watches.answered(now.mono, watch, id, answer);
                self.step_watch(now, watch);
            }
            Some(Owner::Operation(command)) => {
                self.operations.answered(now.mono, command, id, answer, &mut self.core);
            }
            Some(Owner::Delivery(delivery)) => {
                let ended = self.deliveries.answered(delivery, answer, &mut self.core);
                self.delivered(now, ended);
            }
            Some(Owner::TimeServers) => {
                let view = self.service.view();
                let correction = self.time_servers.answered(now.mono, &answer, &view, &mut self.core);
                if let Some(correction) = correction {
                    self.tell(now, service::Input::ClockCompared(correction));
                }
            }
            None => {}
        }
    }

    fn delivered(&mut self, now: Now, ended: Option<deliveries::Ended>) {
        if let Some((id, result)) = ended {
            self.tell(now, service::Input::Delivered { id, result });
        }
    }

    fn step_watches(&mut self, now: Now) {
        for id in self.watches.ids() {
            self.step_watch(now, id);
        }
    }

    fn step_watch(&mut self, now: Now, id: WatchId) {
        let Self { watches, service, core, .. } = self;
        watches.step(now.mono, id, core, |observation| {
            service.handle_input(now, service::Input::Observed(observation));
        });
    }

    /// Does what follows from what happened, until nothing does any more.
    fn settle(&mut self, now: Now) {
        loop {
            while let Some(output) = self.service.poll_output() {
                self.carry_out(now, output);
            }
            let ended = self.operations.step(now.mono, &mut self.core);
            if ended.is_empty() {
                return;
            }
            for operations::Ended { id, result, unanswered } in ended {
                self.tell(now, service::Input::Completed { id, result, unanswered });
            }
        }
    }

    fn carry_out(&mut self, now: Now, output: service::Output) {
        let outputs = &mut self.core.outputs;
        match output {
            service::Output::Publish(view) => {
                self.time_servers.look(now.mono, &view, &mut self.core);
                self.core.view = Some(view);
            }
            service::Output::Command(command) => {
                let id = command.id;
                let platform = self.service.view().platform().clone();
                let settings = Arc::clone(&self.settings);
                self.operations.start(id, Operation::new(command, platform, settings, self.seed_of(id), now.mono));
            }
            service::Output::Store(write) => {
                let (id, settings) = (write.id, Arc::clone(&self.settings));
                self.operations.start(id, Operation::store(write, settings, self.seed_of(id)));
            }
            service::Output::Review(review) => {
                let id = review.id;
                self.operations.start(id, Operation::review(review, self.seed_of(id)));
            }
            service::Output::Lease(claim) => {
                self.operations.start(claim.id, Operation::lease(claim, Arc::clone(&self.settings)));
            }
            service::Output::Probe(probe) => self.operations.start(probe.id, Operation::probe(probe)),
            service::Output::Cancel(id) => self.operations.call_off(now.mono, id, &mut self.core),
            service::Output::Wake => {
                self.watches.wake(now.mono);
                self.step_watches(now);
            }
            service::Output::Deliver(delivery) => self.deliveries.start(delivery, &mut self.core),
            service::Output::Abandon(id) => self.deliveries.abandon(id, &mut self.core),
            service::Output::Outcome { ticket, outcome } => outputs.push_back(Output::Outcome { ticket, outcome }),
            service::Output::Password(work) => outputs.push_back(Output::Password(work)),
            service::Output::ReleasePasswordMemory => outputs.push_back(Output::ReleasePasswordMemory),
            service::Output::Notice(notice) => self.core.log(LogEvent::Notice(notice)),
            service::Output::Send { stream, data } => outputs.push_back(Output::StreamData { stream, data }),
            service::Output::Close(stream) => outputs.push_back(Output::CloseStream(stream)),
            service::Output::Stopped => outputs.push_back(Output::Stopped),
        }
    }

    /// What the delays and names of one operation are drawn from.
    const fn seed_of(&self, id: CommandId) -> u64 {
        self.seed.wrapping_mul(1_000_003).wrapping_add(id.0)
    }
}
