//! The HTTP server: sockets, TLS, connections and their limits. What is answered is a [`Handler`]'s business.

mod connection;
mod correlation;
mod held;
mod redfish;
mod request_body;
mod stream;
mod unreadable;

use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use hyper::body::{Body, Incoming};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::{JoinError, JoinSet};
use tokio_rustls::TlsAcceptor;

use crate::config::ListenAddress;
use connection::Connections;

pub use connection::Peer;
pub use redfish::Redfish;
pub use stream::{AnswerBody, StreamBody};

/// Answers requests.
pub trait Handler: Clone + Send + Sync + 'static {
    /// The body of an answer.
    type Body: Body<Data = Bytes, Error: Into<Box<dyn std::error::Error + Send + Sync>>> + Send + Unpin + 'static;

    /// Answers a request that came from `peer`. An error breaks the connection.
    fn handle(
        self,
        peer: Arc<Peer>,
        request: Request<Incoming>,
    ) -> impl Future<Output = io::Result<Response<Self::Body>>> + Send + 'static;

    /// Answers a head that cannot be read, which is refused with this status; `None` for nothing but the status.
    fn refuse_head(peer: &Peer, status: StatusCode) -> Option<Response<Bytes>> {
        let _ = (peer, status);
        None
    }
}

/// What a server takes from its clients at most.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Connections at a time; more wait until one ends.
    pub connections: usize,
    /// The time for a TLS handshake.
    pub handshake: Duration,
    /// The time from the beginning of a connection until its first request has been read.
    pub first_request: Duration,
    /// How long a connection without requests is kept; `None` for ever. A client that polls more often than this
    /// pays for one handshake only.
    pub idle: Option<Duration>,
    /// Bytes of a request's head.
    pub head: usize,
    /// How long requests may take to be finished once the server has been told to stop.
    pub grace: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 1024,
            handshake: Duration::from_secs(10),
            first_request: Duration::from_secs(10),
            idle: Some(Duration::from_secs(90)),
            head: 64 * 1024,
            grace: Duration::from_secs(25),
        }
    }
}

/// A server that listens.
pub struct Server {
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    limits: Limits,
}

impl Server {
    /// Listens on an address, with TLS if there is an acceptor.
    pub async fn bind(address: &ListenAddress, tls: Option<TlsAcceptor>, limits: Limits) -> io::Result<Self> {
        let listener = TcpListener::bind((address.host.as_str(), address.port)).await?;
        Ok(Self { listener, tls, limits })
    }

    /// The address it listens on: the one that the system chose if it was left the choice.
    pub fn local_address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Serves until `stop` becomes true or its sender is gone, then finishes what is in flight.
    pub async fn serve<H: Handler>(self, handler: H, mut stop: watch::Receiver<bool>) {
        let Self { listener, tls, limits } = self;
        let connections = Connections::new(handler, tls, limits, stop.clone());
        let mut running = JoinSet::new();
        loop {
            tokio::select! {
                accepted = listener.accept(), if running.len() < limits.connections => match accepted {
                    Ok((stream, address)) => {
                        running.spawn(connections.run(stream, canonical(address.ip())));
                    }
                    Err(error) => accept_failed(&error).await,
                },
                Some(ended) = running.join_next(), if !running.is_empty() => report(ended),
                () = stopped(&mut stop) => break,
            }
        }
        drop(listener);
        let finish = async {
            while let Some(ended) = running.join_next().await {
                report(ended);
            }
        };
        if tokio::time::timeout(limits.grace, finish).await.is_err() {
            tracing::warn!(
                connections = running.len(),
                "requests are cut short: they took longer than the shutdown may"
            );
        }
    }
}

/// Waits until `stop` becomes true or its sender is gone.
pub(crate) async fn stopped(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await;
}

/// A panic is a mistake in the program; it costs one connection and no more.
fn report(ended: Result<(), JoinError>) {
    if let Err(error) = ended
        && error.is_panic()
    {
        tracing::error!(%error, "a connection ended by a panic; this is a bug");
    }
}

async fn accept_failed(error: &io::Error) {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    if !matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset) {
        // Out of file descriptors, most likely: trying again at once would only burn time.
        tracing::warn!(%error, "no connection could be accepted");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// An IPv4 client of a socket that takes both is an IPv4 client.
fn canonical(ip: IpAddr) -> IpAddr {
    ip.to_canonical()
}
