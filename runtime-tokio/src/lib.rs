//! The Redfish service for `KubeVirt` virtual machines on tokio: sockets, timers, TLS and the connection to the API server.
//!
//! [`kubevirt_redfish_core`] decides everything, and [`kubevirt_redfish_app`] is the program; this is the runtime under it.

mod kubernetes;

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Instant;

use hyper_util::rt::TokioIo;
use kubevirt_redfish_app::runtime::Runtime;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ServerConfig};
use tokio::net::{TcpListener, TcpStream};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::JoinHandle;
use tokio::time::Sleep;
use tokio_rustls::{TlsAcceptor, TlsConnector, client, server};

pub use kubernetes::{Body, Kubernetes};

/// The tokio runtime.
#[derive(Clone, Copy, Debug)]
pub struct Tokio;

/// A task that is cancelled when this is dropped.
#[derive(Debug)]
pub struct Task(Option<JoinHandle<()>>);

impl Drop for Task {
    fn drop(&mut self) {
        if let Some(task) = &self.0 {
            task.abort();
        }
    }
}

/// The signals that ask the process to end, or to read its configuration.
#[derive(Debug)]
pub struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
    more: Signal,
    usual: Signal,
}

impl Runtime for Tokio {
    const PROGRAM: &'static str = "kubevirt-redfish";
    type ApiServer = Kubernetes;
    type Stream = TokioIo<TcpStream>;
    type ServerTls = TokioIo<server::TlsStream<TcpStream>>;
    type ClientTls = TokioIo<client::TlsStream<TcpStream>>;
    type Listener = TcpListener;
    type Udp = tokio::net::UdpSocket;
    type Timer = Pin<Box<Sleep>>;
    type Task = Task;
    type Signals = Signals;

    fn block_on<F: Future>(future: F) -> io::Result<F::Output> {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        Ok(runtime.block_on(future))
    }

    fn spawn(future: impl Future<Output = ()> + Send + 'static) -> Task {
        Task(Some(tokio::spawn(future)))
    }

    fn detach(mut task: Task) {
        task.0 = None;
    }

    fn spawn_blocking<T: Send + 'static>(
        work: impl FnOnce() -> T + Send + 'static,
    ) -> impl Future<Output = io::Result<T>> + Send + 'static {
        let work = tokio::task::spawn_blocking(work);
        async move { work.await.map_err(io::Error::other) }
    }

    fn sleep_until(deadline: Instant) -> Self::Timer {
        Box::pin(tokio::time::sleep_until(deadline.into()))
    }

    fn reset(timer: &mut Self::Timer, deadline: Instant) {
        timer.as_mut().reset(deadline.into());
    }

    async fn resolve(host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        Ok(tokio::net::lookup_host((host, port)).await?.collect())
    }

    async fn listen(address: SocketAddr) -> io::Result<TcpListener> {
        TcpListener::bind(address).await
    }

    fn local_address(listener: &TcpListener) -> io::Result<SocketAddr> {
        listener.local_addr()
    }

    async fn accept(listener: &TcpListener) -> io::Result<(Self::Stream, SocketAddr)> {
        let (stream, address) = listener.accept().await?;
        // It fails if the client has gone already.
        stream.set_nodelay(true).map_err(|_| io::ErrorKind::ConnectionReset)?;
        Ok((TokioIo::new(stream), address))
    }

    async fn connect(address: SocketAddr) -> io::Result<Self::Stream> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(TokioIo::new(stream))
    }

    async fn peek(stream: &Self::Stream) -> io::Result<Option<u8>> {
        let mut first = [0];
        let length = stream.inner().peek(&mut first).await?;
        Ok(first.get(..length).and_then(<[u8]>::first).copied())
    }

    async fn accept_tls(config: Arc<ServerConfig>, stream: Self::Stream) -> io::Result<Self::ServerTls> {
        Ok(TokioIo::new(TlsAcceptor::from(config).accept(stream.into_inner()).await?))
    }

    async fn connect_tls(
        config: Arc<ClientConfig>,
        name: ServerName<'static>,
        stream: Self::Stream,
    ) -> io::Result<Self::ClientTls> {
        Ok(TokioIo::new(TlsConnector::from(config).connect(name, stream.into_inner()).await?))
    }

    fn udp(socket: UdpSocket) -> io::Result<Self::Udp> {
        socket.set_nonblocking(true)?;
        tokio::net::UdpSocket::from_std(socket)
    }

    async fn send_to(socket: &Self::Udp, data: &[u8], to: SocketAddr) -> io::Result<()> {
        socket.send_to(data, to).await.map(drop)
    }

    async fn receive_from(socket: &Self::Udp, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        socket.recv_from(buffer).await
    }

    fn signals() -> io::Result<Signals> {
        Ok(Signals {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hangup: signal(SignalKind::hangup())?,
            more: signal(SignalKind::user_defined1())?,
            usual: signal(SignalKind::user_defined2())?,
        })
    }

    async fn next_signal(signals: &mut Signals) -> &'static str {
        tokio::select! {
            _ = signals.terminate.recv() => "SIGTERM",
            _ = signals.interrupt.recv() => "SIGINT",
            _ = signals.hangup.recv() => "SIGHUP",
            _ = signals.more.recv() => "SIGUSR1",
            _ = signals.usual.recv() => "SIGUSR2",
        }
    }
}
