//! What a program needs of an async runtime. Everything else in this crate is the same on each.

use std::future::Future;
use std::io;
use std::marker::PhantomData;
use std::net::{SocketAddr, UdpSocket};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use hyper::rt::{Executor, Read, Sleep, Timer, Write};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ServerConfig};

use crate::transport::ApiServer;

/// An async runtime: threads, timers, sockets and TLS over them. It decides nothing: no method has a limit of its own.
pub trait Runtime: Send + Sync + Sized + 'static {
    /// What the program is called that runs on it.
    const PROGRAM: &'static str;
    /// The way to the API server.
    type ApiServer: ApiServer;
    /// A TCP connection. Small writes are sent at once.
    type Stream: Read + Write + Send + Unpin + 'static;
    /// TLS over a connection of a client.
    type ServerTls: Read + Write + Send + Unpin + 'static;
    /// TLS over a connection to a server.
    type ClientTls: Read + Write + Send + Unpin + 'static;
    /// A TCP listener.
    type Listener: Send + Sync + 'static;
    /// A UDP socket.
    type Udp: Send + Sync + 'static;
    /// A timer.
    type Timer: Future<Output = ()> + Send + Sync + Unpin + 'static;
    /// A task that is cancelled when this is dropped.
    type Task: Send + Sync + 'static;
    /// The signals that ask the process for something.
    type Signals: Send + 'static;

    /// Runs a future to its end, on as many threads as there are processors.
    fn block_on<F: Future>(future: F) -> io::Result<F::Output>;
    /// Starts a task. A panic in it ends that task alone.
    fn spawn(future: impl Future<Output = ()> + Send + 'static) -> Self::Task;
    /// Has a task go on by itself.
    fn detach(task: Self::Task);
    /// Runs what takes long on a thread where it keeps no task waiting. It goes on if nobody waits for it any more.
    fn spawn_blocking<T: Send + 'static>(
        work: impl FnOnce() -> T + Send + 'static,
    ) -> impl Future<Output = io::Result<T>> + Send + 'static;
    /// A timer that is over then.
    fn sleep_until(deadline: Instant) -> Self::Timer;
    /// Has a timer be over at another time.
    fn reset(timer: &mut Self::Timer, deadline: Instant);

    /// Finds out what a name stands for.
    fn resolve(host: &str, port: u16) -> impl Future<Output = io::Result<Vec<SocketAddr>>> + Send;
    /// Listens on an address.
    fn listen(address: SocketAddr) -> impl Future<Output = io::Result<Self::Listener>> + Send;
    /// The address that a listener has.
    fn local_address(listener: &Self::Listener) -> io::Result<SocketAddr>;
    /// Waits for a client. May be given up and taken up again.
    fn accept(listener: &Self::Listener) -> impl Future<Output = io::Result<(Self::Stream, SocketAddr)>> + Send;
    /// Connects to a server.
    fn connect(address: SocketAddr) -> impl Future<Output = io::Result<Self::Stream>> + Send;
    /// Looks at the first byte that a client sends, without taking it; `None` if it sends nothing more.
    fn peek(stream: &Self::Stream) -> impl Future<Output = io::Result<Option<u8>>> + Send;
    /// The server's side of a TLS handshake.
    fn accept_tls(
        config: Arc<ServerConfig>,
        stream: Self::Stream,
    ) -> impl Future<Output = io::Result<Self::ServerTls>> + Send;
    /// The client's side of a TLS handshake.
    fn connect_tls(
        config: Arc<ClientConfig>,
        name: ServerName<'static>,
        stream: Self::Stream,
    ) -> impl Future<Output = io::Result<Self::ClientTls>> + Send;

    /// Takes over a UDP socket.
    fn udp(socket: UdpSocket) -> io::Result<Self::Udp>;
    /// Sends a datagram.
    fn send_to(socket: &Self::Udp, data: &[u8], to: SocketAddr) -> impl Future<Output = io::Result<()>> + Send;
    /// Waits for a datagram. May be given up and taken up again.
    fn receive_from(
        socket: &Self::Udp,
        buffer: &mut [u8],
    ) -> impl Future<Output = io::Result<(usize, SocketAddr)>> + Send;

    /// Receives SIGTERM, SIGINT, SIGHUP, SIGUSR1 and SIGUSR2 from now on.
    fn signals() -> io::Result<Self::Signals>;
    /// Waits for the next of them; its name. May be given up and taken up again.
    fn next_signal(signals: &mut Self::Signals) -> impl Future<Output = &'static str> + Send;
}

/// It did not end in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Late;

/// A timer that is over after a time.
pub(crate) fn sleep<R: Runtime>(time: Duration) -> R::Timer {
    R::sleep_until(after(time))
}

/// Waits until then; without an end for `None`.
pub(crate) async fn sleep_until<R: Runtime>(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => R::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

/// Waits for a future until then at the longest.
pub(crate) async fn timeout_at<R: Runtime, F: Future>(deadline: Instant, future: F) -> Result<F::Output, Late> {
    tokio::select! {
        biased;
        output = future => Ok(output),
        () = R::sleep_until(deadline) => Err(Late),
    }
}

/// Waits for a future for so long at the longest.
pub(crate) async fn timeout<R: Runtime, F: Future>(within: Duration, future: F) -> Result<F::Output, Late> {
    timeout_at::<R, F>(after(within), future).await
}

/// What is too far away to be told is a year away.
fn after(time: Duration) -> Instant {
    let now = Instant::now();
    now.checked_add(time.min(FAR)).unwrap_or(now)
}

/// A time after which something else will have happened.
pub(crate) const FAR: Duration = Duration::from_hours(365 * 24);

/// A runtime, as hyper wants it.
pub(crate) struct ForHyper<R>(PhantomData<R>);

impl<R> ForHyper<R> {
    pub(crate) const fn new() -> Self {
        Self(PhantomData)
    }
}

impl<R> Clone for ForHyper<R> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<R> Copy for ForHyper<R> {}

impl<R: Runtime, F: Future<Output = ()> + Send + 'static> Executor<F> for ForHyper<R> {
    fn execute(&self, future: F) {
        R::detach(R::spawn(future));
    }
}

impl<R: Runtime> Timer for ForHyper<R> {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Sleep>> {
        Box::pin(Pause(sleep::<R>(duration)))
    }

    fn sleep_until(&self, deadline: Instant) -> Pin<Box<dyn Sleep>> {
        Box::pin(Pause(R::sleep_until(deadline)))
    }

    /// Before every request: without making another timer.
    fn reset(&self, sleep: &mut Pin<Box<dyn Sleep>>, deadline: Instant) {
        match sleep.as_mut().downcast_mut_pin::<Pause<R::Timer>>() {
            Some(pause) => R::reset(&mut pause.get_mut().0, deadline),
            None => *sleep = Timer::sleep_until(self, deadline),
        }
    }
}

struct Pause<T>(T);

impl<T: Future<Output = ()> + Send + Sync + Unpin + 'static> Sleep for Pause<T> {}

impl<T: Future<Output = ()> + Unpin> Future for Pause<T> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        Pin::new(&mut self.0).poll(context)
    }
}

#[cfg(test)]
#[path = "runtime_for_tests.rs"]
pub(crate) mod for_tests;
