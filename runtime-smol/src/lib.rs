//! The Redfish service for `KubeVirt` virtual machines on smol: sockets, timers, TLS and the connection to the API server.
//!
//! [`kubevirt_redfish_core`] decides everything, and [`kubevirt_redfish_app`] is the program; this is the runtime under it.

mod executor;
mod io;
mod kubernetes;
mod socket;
mod timer;

use std::io::{Error, ErrorKind, Result};
use std::net::{IpAddr, SocketAddr, TcpListener, ToSocketAddrs as _, UdpSocket};
use std::sync::Arc;
use std::time::Instant;

use async_signal::{Signal, Signals};
use futures_rustls::{TlsAcceptor, TlsConnector, client, server};
use kubevirt_redfish_app::runtime::Runtime;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ServerConfig};
use smol::Async;
use smol::stream::StreamExt as _;

pub use executor::Task;
pub use io::Io;
pub use kubernetes::{Body, Kubernetes};
pub use socket::Socket;
pub use timer::Timer;

/// The smol runtime.
#[derive(Clone, Copy, Debug)]
pub struct Smol;

/// Clients that have connected and wait to be accepted; the standard library asks for fewer.
const BACKLOG: i32 = 1024;

impl Runtime for Smol {
    const PROGRAM: &'static str = "kubevirt-redfish-smol";
    type ApiServer = Kubernetes;
    type Stream = Io<Socket>;
    type ServerTls = Io<server::TlsStream<Socket>>;
    type ClientTls = Io<client::TlsStream<Socket>>;
    type Listener = Async<TcpListener>;
    type Udp = Async<UdpSocket>;
    type Timer = Timer;
    type Task = Task;
    type Signals = Signals;

    fn block_on<F: Future>(future: F) -> Result<F::Output> {
        executor::block_on(future)
    }

    fn spawn(future: impl Future<Output = ()> + Send + 'static) -> Task {
        executor::spawn(future)
    }

    fn detach(task: Task) {
        task.detach();
    }

    fn spawn_blocking<T: Send + 'static>(
        work: impl FnOnce() -> T + Send + 'static,
    ) -> impl Future<Output = Result<T>> + Send + 'static {
        executor::spawn_blocking(work)
    }

    fn sleep_until(deadline: Instant) -> Timer {
        Timer::at(deadline)
    }

    fn reset(timer: &mut Timer, deadline: Instant) {
        timer.reset(deadline);
    }

    async fn resolve(host: &str, port: u16) -> Result<Vec<SocketAddr>> {
        if let Ok(address) = host.parse::<IpAddr>() {
            return Ok(vec![SocketAddr::new(address, port)]);
        }
        let host = host.to_owned();
        executor::spawn_blocking(move || Ok((host, port).to_socket_addrs()?.collect())).await?
    }

    async fn listen(address: SocketAddr) -> Result<Self::Listener> {
        let listener = TcpListener::bind(address)?;
        rustix::net::listen(&listener, BACKLOG)?;
        Async::new(listener)
    }

    fn local_address(listener: &Self::Listener) -> Result<SocketAddr> {
        listener.get_ref().local_addr()
    }

    async fn accept(listener: &Self::Listener) -> Result<(Self::Stream, SocketAddr)> {
        let (stream, address) = listener.accept().await?;
        // It fails if the client has gone already.
        let stream = Socket::new(stream).map_err(|_| ErrorKind::ConnectionReset)?;
        Ok((Io(stream), address))
    }

    async fn connect(address: SocketAddr) -> Result<Self::Stream> {
        Socket::connect(address).await.map(Io)
    }

    async fn peek(stream: &Self::Stream) -> Result<Option<u8>> {
        stream.0.peek().await
    }

    async fn accept_tls(config: Arc<ServerConfig>, stream: Self::Stream) -> Result<Self::ServerTls> {
        Ok(Io(TlsAcceptor::from(config).accept(stream.0).await?))
    }

    async fn connect_tls(
        config: Arc<ClientConfig>,
        name: ServerName<'static>,
        stream: Self::Stream,
    ) -> Result<Self::ClientTls> {
        Ok(Io(TlsConnector::from(config).connect(name, stream.0).await?))
    }

    fn udp(socket: UdpSocket) -> Result<Self::Udp> {
        Async::new(socket)
    }

    async fn send_to(socket: &Self::Udp, data: &[u8], to: SocketAddr) -> Result<()> {
        socket.send_to(data, to).await.map(drop)
    }

    async fn receive_from(socket: &Self::Udp, buffer: &mut [u8]) -> Result<(usize, SocketAddr)> {
        socket.recv_from(buffer).await
    }

    fn signals() -> Result<Signals> {
        Signals::new([Signal::Term, Signal::Int, Signal::Hup, Signal::Usr1, Signal::Usr2]).map_err(Error::other)
    }

    async fn next_signal(signals: &mut Signals) -> &'static str {
        match signals.next().await {
            Some(Ok(Signal::Int)) => "SIGINT",
            Some(Ok(Signal::Hup)) => "SIGHUP",
            Some(Ok(Signal::Usr1)) => "SIGUSR1",
            Some(Ok(Signal::Usr2)) => "SIGUSR2",
            Some(Ok(_)) => "SIGTERM",
            // No signal can be received any more.
            Some(Err(_)) | None => std::future::pending().await,
        }
    }
}
