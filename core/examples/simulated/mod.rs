//! The run loop of an engine on a thread of its own, with a simulated cluster instead of an API server: what both servers
//! beside this file share. A real program would send the requests of [`Output::Send`] over HTTP.

use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use kubevirt_redfish_core::config::{Config, Protocol};
use kubevirt_redfish_core::kubevirt::{Settings, TransportError};
use kubevirt_redfish_core::time::{self, Now, UnixTime};
use kubevirt_redfish_core::{Answer, Engine, Input, Intent, Outcome, Output, Setup, Target, Ticket, View};
use kubevirt_redfish_fixtures::cluster::{self, ClusterConfig};
use kubevirt_redfish_fixtures::{laboratory, sample};

/// Whoever waits for an outcome.
type Reply = Box<dyn FnOnce(Outcome) + Send>;

/// A service that runs.
pub(crate) struct Service {
    start: Instant,
    view: Arc<Mutex<Arc<View>>>,
    submissions: Sender<(Intent, Reply)>,
}

impl Service {
    /// Starts it: three machines in the chassis `lab`, and the account `admin` with the password `secret`.
    pub(crate) fn start() -> Self {
        let (submissions, receiver) = channel();
        let start = Instant::now();
        // Without TLS: a client that came by HTTP would be sent to HTTPS otherwise.
        let config = Config { protocol: Protocol::Http, ..laboratory::config() };
        // Whoever serves people takes 32 bytes and a number that nobody can guess.
        let setup = Setup::new(config, Settings::default(), [7; 32], 7);
        let engine = Engine::new(setup, now(start));
        let view = Arc::new(Mutex::new(engine.view()));
        let published = Arc::clone(&view);
        thread::spawn(move || run(engine, start, &receiver, &published));
        Self { start, view, submissions }
    }

    /// What time it is.
    pub(crate) fn now(&self) -> Now {
        now(self.start)
    }

    /// The newest view.
    pub(crate) fn view(&self) -> Arc<View> {
        Arc::clone(&self.view.lock().unwrap())
    }

    /// Hands in what an exchange wants done.
    pub(crate) fn submit(&self, intent: Intent, reply: impl FnOnce(Outcome) + Send + 'static) {
        self.submissions.send((intent, Box::new(reply))).unwrap();
    }
}

fn now(start: Instant) -> Now {
    let unix = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    Now { mono: time::Instant::new(start.elapsed()), unix: UnixTime(unix.as_secs().try_into().unwrap()) }
}

/// The run loop: hand in what happened, do what is asked for, wait for the next thing or until it is time.
fn run(mut engine: Engine, start: Instant, submissions: &Receiver<(Intent, Reply)>, published: &Mutex<Arc<View>>) {
    let mut cluster = sample::laboratory(ClusterConfig::default(), 3);
    let (mut requests, mut replies, mut last) = (BTreeMap::new(), BTreeMap::<Ticket, Reply>::new(), 0);
    loop {
        while let Some(output) = engine.poll_output() {
            match output {
                Output::Publish(view) => *published.lock().unwrap() = view,
                Output::Outcome { ticket, outcome } => replies.remove(&ticket).unwrap()(outcome),
                Output::Send(outbound) if matches!(outbound.target, Target::ApiServer { .. }) => {
                    requests.insert(cluster.handle_request(start.elapsed(), outbound.request), outbound.id);
                }
                Output::Send(outbound) => {
                    let answer = Answer::Failed(TransportError::NotSent("there is only the cluster".to_owned()));
                    engine.handle_input(now(start), Input::Answer { id: outbound.id, answer });
                }
                Output::Abort(id) => requests.retain(|_, sent| *sent != id),
                Output::Stopped => return,
                // No time servers, no streams, no hashed passwords, no log.
                _ => {}
            }
        }
        while let Some(output) = cluster.poll_output() {
            let Some(id) = requests.get(&output.id()).copied() else { continue };
            let answer = match output {
                cluster::Output::Head { response, .. } => Answer::Head(response),
                cluster::Output::Data { bytes, .. } => Answer::Data(bytes),
                cluster::Output::End { .. } => Answer::End,
                cluster::Output::Cut { .. } => Answer::Failed(TransportError::Broken("cut".to_owned())),
            };
            engine.handle_input(now(start), Input::Answer { id, answer });
        }
        let due = engine.poll_timeout().map(|(at, _)| at.since_start()).into_iter().chain(cluster.poll_timeout()).min();
        let wait = due.map_or(Duration::from_secs(1), |due| due.saturating_sub(start.elapsed()));
        match submissions.recv_timeout(wait.min(Duration::from_millis(5))) {
            Ok((intent, reply)) => {
                last += 1;
                replies.insert(Ticket(last), reply);
                engine.handle_input(now(start), Input::Submitted { ticket: Ticket(last), intent });
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => engine.handle_input(now(start), Input::Shutdown),
        }
        cluster.handle_timeout(start.elapsed());
        engine.handle_timeout(now(start));
    }
}
