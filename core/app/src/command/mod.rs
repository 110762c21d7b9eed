//! What the program can be asked to do, and what running a service means: start it, wait, stop it in order.

pub(crate) mod check;
pub(crate) mod hash_password;
pub(crate) mod hosts;
pub(crate) mod manual;
mod password;
pub(crate) mod rbac;
pub(crate) mod serve;
#[cfg(feature = "simulate")]
pub(crate) mod simulate;

use std::borrow::Cow;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use kubevirt_redfish_core::Setup;
use kubevirt_redfish_core::config::Config;
use kubevirt_redfish_core::metrics::Measured;
use rustls::ServerConfig;
use tokio::sync::{mpsc, oneshot, watch};

use crate::clock::Clock;
use crate::config::{self, ListenAddress, Settings};
use crate::driver::Driver;
use crate::log;
use crate::process;
use crate::random;
use crate::runtime::{self, Runtime};
use crate::server::{Limits, Metrics, Redfish, Server};
use crate::ssdp;
use crate::tls;
use crate::transport::Transport;

/// Why the program ends otherwise than it should.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// It was not told properly what to do.
    #[error("{0}")]
    Usage(String),
    /// It could not do it.
    #[error("{0}")]
    Runtime(String),
}

impl Failure {
    /// The exit status that says so.
    pub(crate) const fn exit_status(&self) -> u8 {
        match self {
            Self::Usage(_) => 2,
            Self::Runtime(_) => 1,
        }
    }

    fn runtime(error: impl std::fmt::Display) -> Self {
        Self::Runtime(error.to_string())
    }
}

/// The file that is named, or else the first that is there.
fn config_path<R: Runtime>(path: Option<&PathBuf>) -> Result<Cow<'_, Path>, Failure> {
    let program = R::PROGRAM;
    let named = path.map(|path| Cow::Borrowed(path.as_path()));
    named.or_else(|| config::found().map(Cow::Owned)).ok_or_else(|| {
        let simulate =
            if cfg!(feature = "simulate") { format!("`{program} simulate` needs none, and ") } else { String::new() };
        Failure::Usage(format!(
            "no configuration: give --config FILE or set CONFIG_PATH, for there is none of {}; \
             {simulate}`{program} --help` says more",
            config::SEARCHED.join(", ")
        ))
    })
}

/// The certificate and the key that the configuration names.
fn load_tls(settings: &Settings) -> Result<Option<Arc<ServerConfig>>, Failure> {
    settings.tls.as_ref().map(tls::from_files).transpose().map_err(|error| Failure::Usage(error.to_string()))
}

/// What is soon to be done about that certificate.
fn expiry(settings: &Settings) -> Option<String> {
    tls::expiry_warning(settings.tls.as_ref()?, Clock::start().now().unix.0)
}

/// A service that is about to run.
struct App<R: Runtime> {
    clock: Clock,
    server: Server<R>,
    driver: Driver<R>,
    signals: R::Signals,
    drain_delay: Duration,
    /// Where metrics and probes are answered, if anywhere, and what is counted for them.
    metrics: Option<(Server<R>, Arc<Measured>)>,
    /// Where searches for Redfish services come in, if they are to be answered.
    searches: Option<R::Udp>,
}

impl<R: Runtime> App<R> {
    /// Takes the address and makes the service; requests are answered once it runs.
    async fn start(
        listen: &ListenAddress,
        metrics_listen: Option<&ListenAddress>,
        tls: Option<Arc<ServerConfig>>,
        limits: Limits,
        config: Config,
        kubevirt: kubevirt_redfish_core::kubevirt::Settings,
        transport: Transport<R::ApiServer>,
    ) -> Result<Self, Failure> {
        // From here on a signal means to stop in order, however early it comes.
        let signals = R::signals().map_err(|error| Failure::Runtime(format!("signals cannot be received: {error}")))?;
        let server = bind(listen, tls, within_files(limits), "--listen").await?;
        let metrics = match metrics_listen {
            Some(listen) => {
                let server = bind(listen, None, Limits::of_metrics(), "--metrics-listen").await?;
                let address = server.local_address().map_err(Failure::runtime)?;
                tracing::info!(%address, "metrics and probes");
                Some((server, Arc::default()))
            }
            None => None,
        };
        let searches = if config.ssdp { Some(join_searches::<R>()?) } else { None };
        let entropy = random::entropy().map_err(Failure::runtime)?;
        let seed = random::seed().map_err(Failure::runtime)?;
        let clock = Clock::start();
        let drain_delay = config.drain_delay;
        let driver = Driver::start(clock, Setup::new(config, kubevirt, entropy, seed), transport);
        Ok(Self { clock, server, driver, signals, drain_delay, metrics, searches })
    }

    /// Runs until the process is asked to end, then finishes what is in flight. SIGHUP has a configuration read again, if
    /// there is one, and ends the process otherwise.
    async fn run(self, hangups: Option<mpsc::Sender<()>>) -> Result<(), Failure> {
        let Self { clock, server, driver, mut signals, drain_delay, metrics, searches } = self;
        if let Some(socket) = searches {
            let address = server.local_address().map_err(Failure::runtime)?;
            R::detach(R::spawn(ssdp::serve::<R>(socket, address, driver.views())));
        }
        let submissions = driver.submissions();
        let measured = metrics.as_ref().map(|(_, measured)| Arc::clone(measured));
        let handler = Redfish::<R>::new(clock, driver.views(), submissions.clone(), measured);
        let (stop_server, server_stops) = watch::channel(false);
        let (stop_driver, driver_stops) = watch::channel(false);
        let drain = server.drain();
        // Until the end: whoever waits for this process to end can see it do so.
        let (_stop_metrics, metrics_stop) = watch::channel(false);
        if let Some((listener, measured)) = metrics {
            let metrics = Metrics::<R>::new(clock, driver.views(), driver.measurements(), measured, drain.clone());
            R::detach(R::spawn(listener.serve(metrics, metrics_stop)));
        }
        let mut serving = Finish::of::<R>(server.serve(handler, server_stops));
        let mut driving = Finish::of::<R>(driver.run(driver_stops));
        let asked = async {
            let signal = loop {
                let signal = next_end::<R>(&mut signals).await;
                match hangups.as_ref().filter(|_| signal == HANG_UP) {
                    // One that waits already is enough.
                    Some(hangups) => drop(hangups.try_send(())),
                    None => break signal,
                }
            };
            // Whoever sits at a terminal does not want to wait, and nobody sends them clients.
            if signal == TERMINATE && !drain_delay.is_zero() {
                tracing::info!(
                    signal,
                    seconds = drain_delay.as_secs_f64(),
                    "stopping, when clients have gone elsewhere"
                );
                drain.begin();
                let _ = runtime::timeout::<R, _>(drain_delay, next_end::<R>(&mut signals)).await;
            }
            tracing::info!(signal, "stopping");
        };
        tokio::select! {
            () = asked => {}
            ended = driving.wait() => {
                let how = if ended { "stopped by itself" } else { "failed" };
                return Err(Failure::Runtime(format!("the service {how}; this is a bug")));
            }
        }
        let finish = async {
            // First the clients, then what they waited for: the service goes on until the last one has its answer.
            stop_server.send_replace(true);
            submissions.end_streams();
            serving.wait().await;
            stop_driver.send_replace(true);
            driving.wait().await;
        };
        tokio::select! {
            finished = runtime::timeout::<R, _>(Limits::default().grace + Duration::from_secs(3), finish) => {
                if finished.is_err() {
                    tracing::warn!("changes are left behind: they took longer than the shutdown may");
                }
            }
            signal = next_end::<R>(&mut signals) => tracing::warn!(signal, "stopping at once: asked again"),
        }
        tracing::info!("stopped");
        Ok(())
    }
}

/// Prints to standard output. Whoever closed that does not want to read it.
fn print(text: &str) {
    print_bytes(text.as_bytes());
}

fn print_bytes(text: &[u8]) {
    let mut stdout = std::io::stdout().lock();
    let _ = stdout.write_all(text).and_then(|()| stdout.flush());
}

/// Listens on an address; `option` is where another one can be given.
async fn bind<R: Runtime>(
    listen: &ListenAddress,
    tls: Option<Arc<ServerConfig>>,
    limits: Limits,
    option: &str,
) -> Result<Server<R>, Failure> {
    Server::bind(listen, tls, limits).await.map_err(|error| {
        let advice = match error.kind() {
            std::io::ErrorKind::AddrInUse => "; something else listens there",
            std::io::ErrorKind::PermissionDenied => "; ports below 1024 need privileges",
            _ => "",
        };
        Failure::Runtime(format!("cannot listen on {listen}: {error}{advice}; choose another address with {option}"))
    })
}

/// The same, with fewer connections if the process may not have so many files open.
fn within_files(wanted: Limits) -> Limits {
    let Some(files) = process::most_files().and_then(|files| usize::try_from(files).ok()) else { return wanted };
    let limits = wanted.within(files);
    if limits.connections < wanted.connections {
        let connections = limits.connections;
        tracing::warn!(files, connections, "fewer connections are taken: the process may not have more files open");
    }
    limits
}

fn join_searches<R: Runtime>() -> Result<R::Udp, Failure> {
    let fail = |error| Failure::Runtime(format!("searches (SSDP) cannot be received on UDP port 1900: {error}"));
    ssdp::join::<R>().map_err(fail)
}

/// Waits for a signal that is not about the log; its name. Those have the log say more, or as much as at the start.
async fn next_end<R: Runtime>(signals: &mut R::Signals) -> &'static str {
    loop {
        match R::next_signal(signals).await {
            "SIGUSR1" => {
                log::set_detail(log::Detail::Debug);
                tracing::info!("the log says everything about every request, until SIGUSR2");
            }
            "SIGUSR2" => {
                tracing::info!("the log says as much as at the start");
                log::set_detail(log::Detail::Usual);
            }
            end => return end,
        }
    }
}

/// What a container is ended with.
const TERMINATE: &str = "SIGTERM";

/// What has the configuration read again.
const HANG_UP: &str = "SIGHUP";

/// A task that is waited for.
struct Finish<T>(T, oneshot::Receiver<()>);

impl Finish<()> {
    fn of<R: Runtime>(work: impl Future<Output = ()> + Send + 'static) -> Finish<R::Task> {
        let (ended, ends) = oneshot::channel();
        let task = R::spawn(async move {
            work.await;
            let _ = ended.send(());
        });
        Finish(task, ends)
    }
}

impl<T> Finish<T> {
    /// Waits for its end; whether that was a regular one.
    async fn wait(&mut self) -> bool {
        let Self(_task, ends) = self;
        ends.await.is_ok()
    }
}
