//! One connection: handshake, requests, and when to give it up.

use std::io;
use std::net::IpAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use http::Request;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_rustls::TlsAcceptor;

use super::held::Held;
use super::unreadable::Unreadable;
use super::{Handler, Limits, stopped};
use crate::random::Numbers;

/// How long a client may take nothing of what it is sent, in milliseconds.
const STUCK: u64 = 30_000;

/// How long a connection gets to say goodbye.
const FAREWELL: Duration = Duration::from_secs(1);

/// Who is at the other end of a connection.
#[derive(Debug)]
pub struct Peer {
    /// The address.
    pub address: IpAddr,
    /// The connection is encrypted.
    pub secure: bool,
    /// What correlation ids of this connection are made of.
    correlation: AtomicU64,
}

impl Peer {
    /// A number to tell requests apart by in the log.
    pub(super) fn next_correlation(&self) -> u64 {
        // Every request of a connection has its own seed, and no two connections begin anywhere near each other.
        Numbers::new(self.correlation.fetch_add(1, Ordering::Relaxed)).next()
    }
}

/// What all connections of a server have in common.
pub(super) struct Connections<H> {
    shared: Arc<Shared<H>>,
    stop: watch::Receiver<bool>,
    correlations: std::sync::Mutex<Numbers>,
}

struct Shared<H> {
    handler: H,
    tls: Option<TlsAcceptor>,
    limits: Limits,
    http: Builder<TokioExecutor>,
}

impl<H: Handler> Connections<H> {
    pub(super) fn new(handler: H, tls: Option<TlsAcceptor>, limits: Limits, stop: watch::Receiver<bool>) -> Self {
        let mut http = Builder::new(TokioExecutor::new());
        // hyper counts the time between requests as time to read the next one's head; the first is watched here.
        let head_time = limits.idle.unwrap_or(Duration::from_hours(24));
        http.http1().timer(TokioTimer::new()).header_read_timeout(head_time).max_buf_size(limits.head);
        let list_size = u32::try_from(limits.head).unwrap_or(u32::MAX);
        http.http2().timer(TokioTimer::new()).max_header_list_size(list_size).max_concurrent_streams(128);
        // Without randomness the ids repeat after a restart, which is better than no service.
        let seed = crate::random::seed().unwrap_or_default();
        let shared = Arc::new(Shared { handler, tls, limits, http });
        Self { shared, stop, correlations: std::sync::Mutex::new(Numbers::new(seed)) }
    }

    /// Serves one connection until it ends.
    pub(super) fn run(&self, stream: TcpStream, address: IpAddr) -> impl Future<Output = ()> + Send + use<H> {
        let correlation = self.correlations.lock().map_or(0, |mut numbers| numbers.next());
        let shared = Arc::clone(&self.shared);
        let stop = self.stop.clone();
        async move {
            if let Err(error) = stream.set_nodelay(true) {
                tracing::debug!(%address, %error, "connection lost at its beginning");
                return;
            }
            let peer = |secure| Peer { address, secure, correlation: AtomicU64::new(correlation) };
            let Some(tls) = &shared.tls else { return serve(&shared, stream, peer(false), stop).await };
            let deadline = Instant::now() + shared.limits.handshake;
            // Who speaks HTTP to this port is told so in HTTP.
            if matches!(tokio::time::timeout_at(deadline, speaks_http(&stream)).await, Ok(Ok(true))) {
                return serve(&shared, stream, peer(false), stop).await;
            }
            match tokio::time::timeout_at(deadline, tls.accept(stream)).await {
                Ok(Ok(stream)) => serve(&shared, stream, peer(true), stop).await,
                Ok(Err(error)) => tracing::debug!(%address, %error, "TLS handshake failed"),
                Err(_) => tracing::debug!(%address, "TLS handshake took too long"),
            }
        }
    }
}

/// Whether a client begins with a method of HTTP: a handshake of TLS begins with a byte that is no letter.
async fn speaks_http(stream: &TcpStream) -> io::Result<bool> {
    let mut first = [0];
    Ok(stream.peek(&mut first).await? > 0 && first[0].is_ascii_uppercase())
}

async fn serve<H: Handler, I: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
    shared: &Shared<H>,
    io: I,
    peer: Peer,
    mut stop: watch::Receiver<bool>,
) {
    let peer = Arc::new(peer);
    let begin = Instant::now();
    let activity = Arc::new(Activity::new(begin));
    let service = {
        let (peer, activity, handler) = (Arc::clone(&peer), Arc::clone(&activity), shared.handler.clone());
        service_fn(move |request: Request<Incoming>| {
            let busy = Busy::begin(&activity);
            let answer = handler.clone().handle(Arc::clone(&peer), request);
            async move {
                // Held by the body: a connection is busy until the last of it has been sent.
                answer.await.map(|answer| answer.map(|body| Held::new(body, busy)))
            }
        })
    };
    let io = {
        let peer = Arc::clone(&peer);
        Unreadable::new(io, move |status| H::refuse_head(&peer, status))
    };
    let mut connection = pin!(shared.http.serve_connection(TokioIo::new(io), service));
    let mut watchdog = pin!(tokio::time::sleep_until(begin + shared.limits.first_request));
    let mut leaving = false;
    loop {
        tokio::select! {
            ended = connection.as_mut() => {
                if let Err(error) = ended {
                    tracing::debug!(address = %peer.address, error, "connection ended");
                }
                return;
            }
            () = watchdog.as_mut() => {
                if leaving {
                    return;
                }
                if activity.is_stuck() {
                    tracing::debug!(address = %peer.address, "connection is not read");
                    return;
                }
                match activity.give_up_at(&shared.limits) {
                    Verdict::Never => watchdog.as_mut().reset(begin + Duration::from_hours(365 * 24)),
                    Verdict::At(later) if later > Instant::now() => watchdog.as_mut().reset(later),
                    Verdict::At(_) => {
                        tracing::debug!(address = %peer.address, "connection is idle");
                        leaving = true;
                        connection.as_mut().graceful_shutdown();
                        watchdog.as_mut().reset(Instant::now() + FAREWELL);
                    }
                }
            }
            () = stopped(&mut stop), if !leaving => {
                leaving = true;
                connection.as_mut().graceful_shutdown();
                watchdog.as_mut().reset(Instant::now() + shared.limits.grace);
            }
        }
    }
}

/// What has happened on a connection, as far as it decides about its end.
#[derive(Debug)]
struct Activity {
    begin: Instant,
    requests: AtomicU32,
    running: AtomicU32,
    /// When the last request ended, in milliseconds after the beginning.
    last_end: AtomicU64,
    /// Since when something has been on its way to the client, in the same measure; zero if nothing is.
    writing_since: AtomicU64,
}

enum Verdict {
    Never,
    At(Instant),
}

impl Activity {
    fn new(begin: Instant) -> Self {
        Self {
            begin,
            requests: AtomicU32::new(0),
            running: AtomicU32::new(0),
            last_end: AtomicU64::new(0),
            writing_since: AtomicU64::new(0),
        }
    }

    /// Whether the client has not taken anything of what it was sent for so long that it never will.
    fn is_stuck(&self) -> bool {
        let since = self.writing_since.load(Ordering::Relaxed);
        since > 0 && self.elapsed().saturating_sub(since) > STUCK
    }

    fn elapsed(&self) -> u64 {
        u64::try_from(self.begin.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// When to close the connection if nothing happens until then.
    fn give_up_at(&self, limits: &Limits) -> Verdict {
        if self.requests.load(Ordering::Relaxed) == 0 {
            return Verdict::At(self.begin + limits.first_request);
        }
        let Some(idle) = limits.idle else { return Verdict::Never };
        if self.running.load(Ordering::Relaxed) > 0 {
            return Verdict::At(Instant::now() + idle);
        }
        Verdict::At(self.begin + Duration::from_millis(self.last_end.load(Ordering::Relaxed)) + idle)
    }
}

/// Held while a request is being answered.
pub(super) struct Busy(Arc<Activity>);

impl Busy {
    fn begin(activity: &Arc<Activity>) -> Self {
        activity.requests.store(1, Ordering::Relaxed);
        activity.running.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(activity))
    }
}

impl Busy {
    /// Something is on its way to the client.
    pub(super) fn writes(&self) {
        self.0.writing_since.store(self.0.elapsed().max(1), Ordering::Relaxed);
    }

    /// The client has been sent all that there is.
    pub(super) fn waits(&self) {
        self.0.writing_since.store(0, Ordering::Relaxed);
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.waits();
        self.0.last_end.store(self.0.elapsed(), Ordering::Relaxed);
        self.0.running.fetch_sub(1, Ordering::Relaxed);
    }
}

/// An error that ends a connection.
pub(super) fn broken(reason: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::other(reason)
}
