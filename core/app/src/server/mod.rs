//! The HTTP server: sockets, TLS, connections and their limits. What is answered is a [`Handler`]'s business.

mod activity;
mod connection;
mod correlation;
mod held;
mod metrics;
mod open;
mod redfish;
mod request_body;
mod stream;
mod unreadable;

use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arc_swap::ArcSwap;
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use hyper::body::{Body, Incoming};
use rustls::ServerConfig;
use tokio::sync::watch;

use crate::config::ListenAddress;
use crate::runtime::{self, Runtime};
use connection::Connections;
use open::Open;

pub use connection::Peer;
pub use kubevirt_redfish_core::fairness::Limits;
pub(crate) use metrics::Metrics;
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

/// A server that listens.
pub struct Server<R: Runtime> {
    listener: R::Listener,
    tls: Option<Certificate>,
    limits: Limits,
    drain: Drain,
}

/// What a server proves with who it is: connections that begin from now on are shown another as soon as it is stored.
pub type Certificate = Arc<ArcSwap<ServerConfig>>;

/// Has the clients of a server come on new connections, while it goes on taking them.
#[derive(Clone, Debug)]
pub struct Drain {
    /// For whoever answers a request: a line of memory that is only read.
    begun: Arc<AtomicBool>,
    /// For whoever waits for it.
    news: watch::Sender<bool>,
}

impl Drain {
    fn new() -> Self {
        Self { begun: Arc::default(), news: watch::channel(false).0 }
    }

    /// Begins with it. There is no way back.
    pub fn begin(&self) {
        self.begun.store(true, Ordering::Relaxed);
        self.news.send_replace(true);
    }

    pub(crate) fn has_begun(&self) -> bool {
        self.begun.load(Ordering::Relaxed)
    }

    fn beginning(&self) -> watch::Receiver<bool> {
        self.news.subscribe()
    }
}

impl<R: Runtime> Server<R> {
    /// Listens on an address, with TLS if it is configured: on the first that the name stands for and that can be had.
    pub async fn bind(address: &ListenAddress, tls: Option<Arc<ServerConfig>>, limits: Limits) -> io::Result<Self> {
        let mut failure = io::Error::new(io::ErrorKind::AddrNotAvailable, "the name stands for no address");
        for address in R::resolve(&address.host, address.port).await? {
            match R::listen(address).await {
                Ok(listener) => {
                    let tls = tls.map(|tls| Arc::new(ArcSwap::new(tls)));
                    return Ok(Self { listener, tls, limits, drain: Drain::new() });
                }
                Err(error) => failure = error,
            }
        }
        Err(failure)
    }

    /// The address it listens on: the one that the system chose if it was left the choice.
    pub fn local_address(&self) -> io::Result<SocketAddr> {
        R::local_address(&self.listener)
    }

    /// Its certificate, to be replaced; `None` without TLS.
    pub fn certificate(&self) -> Option<Certificate> {
        self.tls.clone()
    }

    /// What has its clients come on new connections, before it stops.
    pub fn drain(&self) -> Drain {
        self.drain.clone()
    }

    /// Serves until `stop` becomes true or its sender is gone, then finishes what is in flight.
    pub async fn serve<H: Handler>(self, handler: H, mut stop: watch::Receiver<bool>) {
        let Self { listener, tls, limits, drain } = self;
        let connections = Connections::<H, R>::new(handler, tls, limits, drain, stop.clone());
        let mut open = Open::<R>::new(limits);
        loop {
            tokio::select! {
                accepted = R::accept(&listener) => match accepted {
                    Ok((stream, address)) => {
                        open.admit(canonical(address.ip()), |activity| connections.run(stream, activity));
                    }
                    Err(error) => open.accept_failed(&error).await,
                },
                Some(()) = open.next_end() => {}
                () = stopped(&mut stop) => break,
            }
        }
        drop(listener);
        let finish = async { while open.next_end().await.is_some() {} };
        if runtime::timeout::<R, _>(limits.grace, finish).await.is_err() {
            tracing::warn!(connections = open.len(), "requests are cut short: they took longer than the shutdown may");
        }
    }
}

/// Waits until `stop` becomes true or its sender is gone.
pub(crate) async fn stopped(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await;
}

/// An IPv4 client of a socket that takes both is an IPv4 client.
fn canonical(ip: IpAddr) -> IpAddr {
    ip.to_canonical()
}
