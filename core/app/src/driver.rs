//! Drives the engine: one task owns it, hands it what happens and does what it asks for.
//!
//! Beside it runs one task for each outbound request. They never touch the engine; they report what comes back, and the
//! owner decides in which order things happened.

use std::collections::HashMap;
use std::sync::Arc;

use arc_swap::ArcSwap;
use bytes::Bytes;
use kubevirt_redfish_core::config::Config;
use kubevirt_redfish_core::fairness::{SUBMISSIONS, Source, round};
use kubevirt_redfish_core::kubevirt::Settings;
use kubevirt_redfish_core::metrics::Page;
use kubevirt_redfish_core::{Engine, Input, Intent, Outcome, Output, Setup, StreamId, Ticket, View};
use tokio::sync::{mpsc, oneshot, watch};

use crate::clock::Clock;
use crate::runtime::{Runtime, sleep_until};
use crate::server::{StreamBody, stopped};
use crate::transport::Transport;
use crate::verify::Passwords;

mod carrier;
mod datagram;
mod log;
mod outside;
mod streams;

use carrier::Carrier;
use streams::Streams;

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
    /// What there was then: it has in it what the submission changed, and nothing that was changed after it.
    pub view: Arc<View>,
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

/// Where the engine is asked for its part of a page of metrics.
#[derive(Clone, Debug)]
pub struct Measurements(mpsc::Sender<Measurement>);

type Measurement = (Page, oneshot::Sender<Page>);

impl Measurements {
    /// Has the engine write its part; `None` if the service has stopped.
    pub async fn take(&self, page: Page) -> Option<Page> {
        let (reply, written) = oneshot::channel();
        self.0.send((page, reply)).await.ok()?;
        written.await.ok()
    }
}

/// Where a changed configuration is handed in.
#[derive(Clone, Debug)]
pub struct Configurations(mpsc::Sender<Configuration>);

type Configuration = (Box<Config>, Box<Settings>);

impl Configurations {
    /// Has it count from now on.
    pub async fn hand_in(&self, config: Config, settings: Settings) {
        // Nobody takes it any more when everything ends.
        let _ = self.0.send((Box::new(config), Box::new(settings))).await;
    }
}

/// Owns the engine and everything that runs for it.
pub struct Driver<R: Runtime> {
    clock: Clock,
    engine: Engine,
    views: Arc<ArcSwap<View>>,
    submissions: mpsc::Receiver<Submission>,
    submitter: Submissions,
    measurements: (mpsc::Sender<Measurement>, mpsc::Receiver<Measurement>),
    configurations: (mpsc::Sender<Configuration>, mpsc::Receiver<Configuration>),
    waiting: HashMap<Ticket, oneshot::Sender<Reply>>,
    last_ticket: u64,
    carrier: Carrier<R>,
    passwords: Passwords,
    streams: Streams,
    streams_end: watch::Receiver<bool>,
    stopped: bool,
}

impl<R: Runtime> Driver<R> {
    /// Makes the engine, which begins to watch the cluster.
    pub fn start(clock: Clock, setup: Setup, transport: Transport<R::ApiServer>) -> Self {
        let (sender, submissions) = mpsc::channel(SUBMISSIONS);
        let (end_streams, streams_end) = watch::channel(false);
        let engine = Engine::new(setup, clock.now());
        let mut driver = Self {
            clock,
            views: Arc::new(ArcSwap::new(engine.view())),
            engine,
            submissions,
            submitter: Submissions { sender, streams_end: Arc::new(end_streams) },
            measurements: mpsc::channel(1),
            configurations: mpsc::channel(1),
            waiting: HashMap::new(),
            last_ticket: 0,
            carrier: Carrier::new(transport),
            passwords: Passwords::default(),
            streams: Streams::new(),
            streams_end,
            stopped: false,
        };
        driver.drain();
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

    /// Where the engine is asked for its part of a page of metrics.
    pub fn measurements(&self) -> Measurements {
        Measurements(self.measurements.0.clone())
    }

    /// Where a changed configuration is handed in.
    pub fn configurations(&self) -> Configurations {
        Configurations(self.configurations.0.clone())
    }

    /// Runs until `stop` becomes true and the service has finished what it had begun.
    pub async fn run(mut self, mut stop: watch::Receiver<bool>) {
        let mut stopping = false;
        let mut streams_ended = false;
        while !self.stopped {
            let deadline = self.engine.poll_timeout().map(|(instant, _)| self.clock.timer(instant));
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
                () = sleep_until::<R>(deadline) => {}
                (id, result) = self.passwords.next_end() => self.input(Input::Password { id, result }),
                Some(id) = self.streams.next_closed() => self.input(Input::StreamClosed(id)),
                (id, answer) = self.carrier.next_answer() => self.input(Input::Answer { id, answer }),
                Some((mut page, reply)) = self.measurements.1.recv() => {
                    self.engine.measure(self.clock.now(), &mut page);
                    let _ = reply.send(page);
                }
                Some((config, settings)) = self.configurations.1.recv() => {
                    self.input(Input::ClusterSettings(settings));
                    self.input(Input::Configured(config));
                }
                Some(submission) = self.submissions.recv() => {
                    let input = self.submitted(submission);
                    self.input(input);
                }
            }
            self.engine.handle_timeout(self.clock.now());
            self.drain();
            round(|source| match self.take(source) {
                Some(input) => {
                    self.input(input);
                    true
                }
                None => false,
            });
        }
    }

    /// The next input of a source, if there is one.
    fn take(&mut self, source: Source) -> Option<Input> {
        Some(match source {
            Source::Passwords => {
                let (id, result) = self.passwords.try_next_end()?;
                Input::Password { id, result }
            }
            Source::Streams => Input::StreamClosed(self.streams.try_next_closed()?),
            Source::Submissions => {
                let submission = self.submissions.try_recv().ok()?;
                self.submitted(submission)
            }
            Source::Answers => {
                let (id, answer) = self.carrier.try_next_answer()?;
                Input::Answer { id, answer }
            }
        })
    }

    fn submitted(&mut self, submission: Submission) -> Input {
        self.last_ticket += 1;
        let ticket = Ticket(self.last_ticket);
        self.waiting.insert(ticket, submission.reply);
        Input::Submitted { ticket, intent: submission.intent }
    }

    fn input(&mut self, input: Input) {
        self.engine.handle_input(self.clock.now(), input);
        self.drain();
    }

    fn send(&mut self, stream: StreamId, data: Bytes) {
        if self.streams.send(stream, data).is_err() {
            tracing::debug!(stream = stream.0, "a stream was closed: its client does not read");
            self.engine.handle_input(self.clock.now(), Input::StreamClosed(stream));
        }
    }

    fn drain(&mut self) {
        while let Some(output) = self.engine.poll_output() {
            match output {
                Output::Publish(view) => self.views.store(view),
                Output::Send(outbound) => self.carrier.send(*outbound),
                Output::SendDatagram(datagram) => self.carrier.send_datagram(datagram),
                Output::Abort(id) => self.carrier.abort(id),
                Output::Outcome { ticket, outcome } => {
                    let stream = outcome.stream().map(|id| self.streams.open(id));
                    if let Some(reply) = self.waiting.remove(&ticket) {
                        // A client that has gone does not want to know; its stream is closed by being dropped.
                        let _ = reply.send(Reply { outcome, stream, view: self.views.load_full() });
                    }
                }
                Output::StreamData { stream, data } => self.send(stream, data),
                Output::CloseStream(stream) => self.streams.close(stream),
                Output::Password(work) => self.passwords.start::<R>(work),
                Output::ReleasePasswordMemory => self.passwords.release_memory(),
                Output::Log(event) => log::write(&event),
                Output::Stopped => self.stopped = true,
                other => tracing::error!(?other, "the engine wants what this runtime cannot do; this is a bug"),
            }
        }
    }
}
