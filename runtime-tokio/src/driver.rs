//! Drives the service: one task owns it, hands it what happens and does what it asks for.
//!
//! Beside it runs one task for each watch of the cluster and one for each command. They never touch the service; they
//! report, and the owner decides in which order things happened.

use std::collections::HashMap;
use std::sync::Arc;

use arc_swap::ArcSwap;
use bytes::Bytes;
use kubevirt_redfish_core::fairness::{CLUSTER_REQUESTS, IMAGE_QUESTIONS, OBSERVATIONS, SUBMISSIONS, Source, round};
use kubevirt_redfish_core::kubevirt::{self, Share, document_watch, watches};
use kubevirt_redfish_core::model::{
    CallerReview, Claim, Command, CommandError, CommandId, CorrelationId, DocumentWrite, Observation, Probe,
};
use kubevirt_redfish_core::{Cause, Input, Intent, Notice, Outcome, Output, Service, StreamId, Ticket, View};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::{Id, JoinError, JoinSet};

use crate::clock::Clock;
use crate::permits::Permits;
use crate::random::Numbers;
use crate::server::{StreamBody, stopped};
use crate::transport::Transport;
use crate::verify::Passwords;

mod delivery;
mod image_server;
mod operation;
mod outbound;
mod streams;
mod time_servers;
mod trust;
mod watching;

use delivery::Deliveries;
use streams::Streams;

/// The driver cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum DriverError {
    /// A task that must run as long as the service does has ended.
    #[error("the watch of the cluster ended; this is a bug: {0}")]
    WatchEnded(String),
}

/// Where changes are submitted.
#[derive(Clone, Debug)]
pub struct Submissions {
    sender: mpsc::Sender<Submission>,
    streams_end: Arc<watch::Sender<bool>>,
}

/// What came of a submission.
#[derive(Debug)]
pub struct Reply {
    /// For the exchange.
    pub outcome: Outcome,
    /// The body of the answer, if it is a stream.
    pub stream: Option<StreamBody>,
}

#[derive(Debug)]
struct Submission {
    intent: Intent,
    reply: oneshot::Sender<Reply>,
}

impl Submissions {
    /// Submits a change and waits for what comes of it; `None` if the service has stopped.
    pub async fn submit(&self, intent: Intent) -> Option<Reply> {
        let (reply, outcome) = oneshot::channel();
        self.sender.send(Submission { intent, reply }).await.ok()?;
        outcome.await.ok()
    }

    /// Ends all streams: they would otherwise keep their connections open for as long as these may stay.
    pub fn end_streams(&self) {
        self.streams_end.send_replace(true);
    }
}

/// What a driver works with.
#[derive(Debug)]
pub struct Setup {
    /// The clocks.
    pub clock: Clock,
    /// What is shown, and to whom.
    pub config: kubevirt_redfish_core::config::Config,
    /// How the cluster is asked for things.
    pub kubevirt: kubevirt::Settings,
    /// The way to the cluster.
    pub transport: Transport,
    /// What the service makes its secrets of.
    pub entropy: [u8; 32],
    /// What delays and names are drawn from.
    pub seed: u64,
}

/// Owns the service and everything that runs for it.
pub struct Driver {
    clock: Clock,
    service: Service,
    views: Arc<ArcSwap<View>>,
    submissions: mpsc::Receiver<Submission>,
    submitter: Submissions,
    waiting: HashMap<Ticket, oneshot::Sender<Reply>>,
    last_ticket: u64,
    observations: mpsc::Receiver<Observation>,
    watches: JoinSet<()>,
    /// What tells the watches that the cluster answers again.
    wakes: watch::Sender<()>,
    commands: Commands,
    passwords: Passwords,
    deliveries: Deliveries,
    streams: Streams,
    streams_end: watch::Receiver<bool>,
    corrections: mpsc::Receiver<i64>,
    stopped: bool,
}

impl Driver {
    /// Makes the service and begins to watch the cluster.
    pub fn start(setup: Setup) -> Self {
        let Setup { clock, config, kubevirt, transport, entropy, seed } = setup;
        let mut numbers = Numbers::new(seed);
        let (sender, submissions) = mpsc::channel(SUBMISSIONS);
        let (observer, observations) = mpsc::channel(OBSERVATIONS);
        let namespaces: std::collections::BTreeSet<_> =
            config.chassis.iter().map(|chassis| chassis.namespace.as_str()).collect();
        let mut running = JoinSet::new();
        let (wakes, _) = watch::channel(());
        let mut sources = Vec::new();
        let documents = document_watch(&kubevirt, numbers.next());
        for watch in watches(namespaces, numbers.next()).into_iter().chain(documents) {
            sources.push(watch.source().clone());
            running.spawn(watching::run(watch, clock, transport.clone(), observer.clone(), wakes.subscribe()));
        }
        let (end_streams, streams_end) = watch::channel(false);
        let service = Service::new(config, entropy, clock.now());
        let views = Arc::new(ArcSwap::new(service.view()));
        let (corrector, corrections) = mpsc::channel(1);
        tokio::spawn(time_servers::run(Arc::clone(&views), corrector));
        let mut driver = Self {
            clock,
            views,
            service,
            submissions,
            submitter: Submissions { sender, streams_end: Arc::new(end_streams) },
            waiting: HashMap::new(),
            last_ticket: 0,
            observations,
            watches: running,
            wakes,
            commands: Commands::new(clock, transport, kubevirt, numbers),
            passwords: Passwords::default(),
            deliveries: Deliveries::new(clock),
            streams: Streams::new(),
            streams_end,
            corrections,
            stopped: false,
        };
        driver.input(Input::Watching(sources));
        driver
    }

    /// The current view, at any time.
    pub fn views(&self) -> Arc<ArcSwap<View>> {
        Arc::clone(&self.views)
    }

    /// Where changes are submitted.
    pub fn submissions(&self) -> Submissions {
        self.submitter.clone()
    }

    /// Runs until `stop` becomes true and the service has finished what it had begun.
    pub async fn run(mut self, mut stop: watch::Receiver<bool>) -> Result<(), DriverError> {
        let mut stopping = false;
        let mut streams_ended = false;
        while !self.stopped {
            let deadline = self.service.poll_timeout().map(|(instant, _)| self.clock.timer(instant));
            // Waits for anything; then everything has its turn, whatever it was that came first.
            tokio::select! {
                () = stopped(&mut stop), if !stopping => {
                    stopping = true;
                    self.input(Input::Shutdown);
                }
                () = stopped(&mut self.streams_end), if !streams_ended => {
                    streams_ended = true;
                    for id in self.streams.close_all() {
                        self.input(Input::StreamClosed(id));
                    }
                }
                () = sleep_until(deadline) => {}
                Some(ended) = self.commands.next_end() => self.input(ended),
                Some((id, result)) = self.passwords.next_end() => self.input(Input::Password { id, result }),
                Some((id, result)) = self.deliveries.next_end() => self.input(Input::Delivered { id, result }),
                Some(id) = self.streams.next_closed() => self.input(Input::StreamClosed(id)),
                Some(correction) = self.corrections.recv() => self.input(Input::ClockCompared(correction)),
                Some(submission) = self.submissions.recv() => {
                    let input = self.submitted(submission);
                    self.input(input);
                }
                Some(observation) = self.observations.recv() => self.input(Input::Observed(observation)),
                Some(ended) = self.watches.join_next() => return Err(watch_ended(ended)),
            }
            self.service.handle_timeout(self.clock.now());
            self.drain();
            round(|source| match self.take(source) {
                Some(input) => {
                    self.input(input);
                    true
                }
                None => false,
            });
        }
        Ok(())
    }

    /// The next input of a source, if there is one.
    fn take(&mut self, source: Source) -> Option<Input> {
        Some(match source {
            Source::Completions => self.commands.try_next_end()?,
            Source::Passwords => {
                let (id, result) = self.passwords.try_next_end()?;
                Input::Password { id, result }
            }
            Source::Deliveries => {
                let (id, result) = self.deliveries.try_next_end()?;
                Input::Delivered { id, result }
            }
            Source::Streams => Input::StreamClosed(self.streams.try_next_closed()?),
            Source::Clocks => Input::ClockCompared(self.corrections.try_recv().ok()?),
            Source::Submissions => {
                let submission = self.submissions.try_recv().ok()?;
                self.submitted(submission)
            }
            Source::Observations => Input::Observed(self.observations.try_recv().ok()?),
        })
    }

    fn submitted(&mut self, submission: Submission) -> Input {
        self.last_ticket += 1;
        let ticket = Ticket(self.last_ticket);
        self.waiting.insert(ticket, submission.reply);
        Input::Submitted { ticket, intent: submission.intent }
    }

    fn input(&mut self, input: Input) {
        self.service.handle_input(self.clock.now(), input);
        self.drain();
    }

    fn send(&mut self, stream: StreamId, data: Bytes) {
        if self.streams.send(stream, data).is_err() {
            tracing::debug!(stream = stream.0, "a stream was closed: its client does not read");
            self.service.handle_input(self.clock.now(), Input::StreamClosed(stream));
        }
    }

    fn drain(&mut self) {
        while let Some(output) = self.service.poll_output() {
            match output {
                Output::Publish(view) => self.views.store(view),
                Output::Command(command) => self.commands.start(command, &self.views.load()),
                Output::Store(write) => self.commands.store(write),
                Output::Review(review) => self.commands.review(review),
                Output::Claim(claim) => self.commands.claim(claim),
                Output::Probe(probe) => self.commands.probe(probe),
                // Those that have ended need not be told.
                Output::Wake => drop(self.wakes.send(())),
                Output::Password(work) => self.passwords.start(work),
                Output::ReleasePasswordMemory => self.passwords.release_memory(),
                Output::Notice(notice) => tell(&notice),
                Output::Cancel(id) => self.commands.cancel(id),
                Output::Outcome { ticket, outcome } => {
                    let stream = outcome.stream().map(|id| self.streams.open(id));
                    if let Some(reply) = self.waiting.remove(&ticket) {
                        // A client that has gone does not want to know; its stream is closed by being dropped.
                        let _ = reply.send(Reply { outcome, stream });
                    }
                }
                Output::Deliver(delivery) => self.deliveries.start(delivery),
                Output::Abandon(id) => self.deliveries.abandon(id),
                Output::Send { stream, data } => self.send(stream, data),
                Output::Close(stream) => self.streams.close(stream),
                Output::Stopped => self.stopped = true,
            }
        }
    }
}

/// Commands that are being carried out.
struct Commands {
    clock: Clock,
    transport: Transport,
    settings: Arc<kubevirt::Settings>,
    numbers: Numbers,
    /// For each request to the cluster. No namespace keeps others waiting for an API server that is slow to answer it.
    permits: Permits<Share>,
    /// A claim of the duty waits for no command: late, the duty is somebody else's.
    claims: Permits<Share>,
    questions: Permits<Share>,
    tasks: JoinSet<operation::End>,
    by_task: HashMap<Id, CommandId>,
    /// What tells a command to stop.
    stops: HashMap<CommandId, watch::Sender<bool>>,
}

impl Commands {
    fn new(clock: Clock, transport: Transport, settings: kubevirt::Settings, numbers: Numbers) -> Self {
        Self {
            clock,
            transport,
            settings: Arc::new(settings),
            numbers,
            permits: Permits::new(CLUSTER_REQUESTS),
            claims: Permits::new(CLUSTER_REQUESTS),
            questions: Permits::new(IMAGE_QUESTIONS),
            tasks: JoinSet::new(),
            by_task: HashMap::new(),
            stops: HashMap::new(),
        }
    }

    fn start(&mut self, command: Command, view: &View) {
        let id = command.id;
        let operation = kubevirt::Operation::new(
            command,
            view.platform().clone(),
            Arc::clone(&self.settings),
            self.numbers.next(),
            self.clock.mono(),
        );
        self.run(id, operation);
    }

    fn store(&mut self, write: DocumentWrite) {
        let id = write.id;
        let operation = kubevirt::Operation::store(write, Arc::clone(&self.settings), self.numbers.next());
        self.run(id, operation);
    }

    fn review(&mut self, review: CallerReview) {
        let id = review.id;
        let operation = kubevirt::Operation::review(review, self.numbers.next());
        self.run(id, operation);
    }

    fn claim(&mut self, claim: Claim) {
        let id = claim.id;
        let operation = kubevirt::Operation::claim(claim, Arc::clone(&self.settings));
        self.run_with(self.claims.clone(), id, operation);
    }

    fn probe(&mut self, probe: Probe) {
        let operation = kubevirt::Operation::probe(probe);
        self.run_with(self.claims.clone(), probe.id, operation);
    }

    fn run(&mut self, id: CommandId, operation: kubevirt::Operation) {
        self.run_with(self.permits.clone(), id, operation);
    }

    fn run_with(&mut self, permits: Permits<Share>, id: CommandId, operation: kubevirt::Operation) {
        let (stop, stops) = watch::channel(false);
        let run = operation::run(operation, self.clock, self.transport.clone(), permits, self.questions.clone(), stops);
        let handle = self.tasks.spawn(run);
        self.by_task.insert(handle.id(), id);
        self.stops.insert(id, stop);
    }

    /// Tells a command to stop; it ends when what it has sent is answered.
    fn cancel(&mut self, id: CommandId) {
        if let Some(stop) = self.stops.get(&id) {
            stop.send_replace(true);
        }
    }

    /// Waits for a command to end; `None` if there are none.
    async fn next_end(&mut self) -> Option<Input> {
        let ended = self.tasks.join_next_with_id().await?;
        self.ended(ended)
    }

    /// One that has ended, if one has.
    fn try_next_end(&mut self) -> Option<Input> {
        let ended = self.tasks.try_join_next_with_id()?;
        self.ended(ended)
    }

    fn ended(&mut self, ended: Result<(Id, operation::End), JoinError>) -> Option<Input> {
        let (task, (result, unanswered)) = ended.unwrap_or_else(|error| {
            if error.is_panic() {
                tracing::error!(%error, "a command ended by a panic; this is a bug");
            }
            let reason = format!("the command ended before its time: {error}");
            (error.id(), (Err(CommandError::Unavailable { reason, retry_after: None }), Vec::new()))
        });
        let id = self.by_task.remove(&task)?;
        self.stops.remove(&id);
        Some(Input::Completed { id, result, unanswered })
    }
}

fn tell(notice: &Notice) {
    let Cause { user, client, request } = notice.cause();
    let (client, correlation_id) = (client.map(tracing::field::display), request.map(CorrelationId::as_str));
    if notice.is_good() {
        tracing::info!(correlation_id, client, user, "{notice}");
    } else {
        tracing::warn!(correlation_id, client, user, "{notice}");
    }
}

async fn sleep_until(deadline: Option<tokio::time::Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

fn watch_ended(ended: Result<(), JoinError>) -> DriverError {
    DriverError::WatchEnded(ended.map_or_else(|error| error.to_string(), |()| "it returned".to_owned()))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use kubevirt_redfish_core::model::{Aim, Claim, Namespace};
    use kubevirt_redfish_fixtures::cluster::{Cluster, ClusterConfig};

    use super::*;
    use crate::transport::Simulated;

    #[tokio::test]
    async fn a_claim_waits_for_no_command() {
        let cluster = Cluster::new(ClusterConfig::default());
        let transport = Transport::Simulated(Simulated::start(cluster, 1.0));
        let settings =
            kubevirt::Settings { own_namespace: Namespace::new("kubevirt-redfish"), ..kubevirt::Settings::default() };
        let clock = Clock::start();
        let mut commands = Commands::new(clock, transport, settings, Numbers::new(7));
        let slow = |number: usize| Share::Namespace(number.to_string().into());
        let slow: Vec<_> =
            (0..CLUSTER_REQUESTS.places).map(|number| commands.permits.try_acquire(&slow(number))).collect();
        assert!(slow.iter().all(Option::is_some));
        let (id, deadline) = (CommandId(1), clock.mono() + Duration::from_secs(4));
        let aim = Aim::Hold { expired: None };
        let (left, lasts) = (None, Duration::from_secs(15));
        commands.claim(Claim { id, replica: "one".into(), aim, left, lasts, time: clock.now().unix, deadline });
        let Some(Input::Completed { id: ended, result, .. }) = commands.next_end().await else { panic!("a claim") };
        assert_eq!((ended, result.map(|completion| completion.observations.len())), (id, Ok(1)));
    }
}
