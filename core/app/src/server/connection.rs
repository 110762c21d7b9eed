//! One connection: handshake, requests, and when to give it up.

use std::io;
use std::net::IpAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use http::header::CONNECTION;
use http::{HeaderValue, Request, Version};
use hyper::body::Incoming;
use hyper::rt::{Read, Write};
use hyper::service::service_fn;
use hyper_util::server::conn::auto::Builder;
use kubevirt_redfish_core::fairness::{Verdict, Watchdog};
use tokio::sync::watch;

use super::activity::{Activity, Busy, Watched};
use super::held::Held;
use super::unreadable::Unreadable;
use super::{Certificate, Drain, Handler, Limits, stopped};
use crate::random::Numbers;
use crate::runtime::{ForHyper, Runtime, timeout_at};

/// How long a connection gets to say goodbye.
const FAREWELL: Duration = Duration::from_secs(1);

/// Streams of HTTP/2 that a client has reset, or made the server reset, and that have not been dealt with yet. One that has
/// more is sent away.
const RESETS: usize = 32;

/// Who is at the other end of a connection.
#[derive(Debug)]
pub struct Peer {
    /// The address.
    pub address: IpAddr,
    /// The connection is encrypted.
    pub secure: bool,
    /// What correlation ids of this connection are made of.
    correlation: AtomicU64,
    pub(super) activity: Arc<Activity>,
    limits: Limits,
}

impl Peer {
    /// A number to tell requests apart by in the log.
    pub(super) fn next_correlation(&self) -> u64 {
        // Every request of a connection has its own seed, and no two connections begin anywhere near each other.
        Numbers::new(self.correlation.fetch_add(1, Ordering::Relaxed)).next()
    }

    /// Somebody at the other end has proved who they are.
    pub(super) fn logged_in(&self) {
        self.activity.logged_in();
    }

    /// Whether its client has not taken so much of what was answered that nothing more is to be answered for now.
    pub(super) fn is_full(&self) -> bool {
        self.activity.is_full(self.limits.unread)
    }

    /// Waits until its client has taken enough of that.
    pub(super) async fn room(&self) {
        self.activity.room(self.limits.unread).await;
    }
}

/// What all connections of a server have in common.
pub(super) struct Connections<H, R> {
    shared: Arc<Shared<H, R>>,
    stop: watch::Receiver<bool>,
    correlations: std::sync::Mutex<Numbers>,
}

struct Shared<H, R> {
    handler: H,
    tls: Option<Certificate>,
    limits: Limits,
    drain: Drain,
    http: Builder<ForHyper<R>>,
}

impl<H: Handler, R: Runtime> Connections<H, R> {
    pub(super) fn new(
        handler: H,
        tls: Option<Certificate>,
        limits: Limits,
        drain: Drain,
        stop: watch::Receiver<bool>,
    ) -> Self {
        let mut http = Builder::new(ForHyper::new());
        // The watchdog counts the time in which a head is read as idle; hyper would make a timer for each request.
        http.http1().header_read_timeout(None).max_buf_size(limits.head);
        let list_size = u32::try_from(limits.head).unwrap_or(u32::MAX);
        // What hyper bounds by itself is said here all the same: streams that are reset before they are answered, pings
        // and settings that are sent without an end (each is answered before the next is read), and what is buffered.
        http.http2()
            .timer(ForHyper::<R>::new())
            .max_header_list_size(list_size)
            .max_concurrent_streams(limits.streams)
            .max_pending_accept_reset_streams(RESETS)
            .max_local_error_reset_streams(RESETS)
            .max_send_buf_size(limits.unread)
            .keep_alive_interval(limits.idle.map(|idle| idle / 3))
            .keep_alive_timeout(limits.stuck);
        // Without randomness the ids repeat after a restart, which is better than no service.
        let seed = crate::random::seed().unwrap_or_default();
        let shared = Arc::new(Shared { handler, tls, limits, drain, http });
        Self { shared, stop, correlations: std::sync::Mutex::new(Numbers::new(seed)) }
    }

    /// Serves one connection until it ends.
    pub(super) fn run(
        &self,
        stream: R::Stream,
        activity: Arc<Activity>,
    ) -> impl Future<Output = ()> + Send + use<H, R> {
        let correlation = self.correlations.lock().map_or(0, |mut numbers| numbers.next());
        let shared = Arc::clone(&self.shared);
        let stop = self.stop.clone();
        async move {
            let address = activity.client;
            let limits = shared.limits;
            let peer = |secure| Peer {
                address,
                secure,
                correlation: AtomicU64::new(correlation),
                activity: Arc::clone(&activity),
                limits,
            };
            let Some(tls) = &shared.tls else { return serve(&shared, stream, peer(false), stop).await };
            let deadline = Instant::now() + shared.limits.handshake;
            // Who speaks HTTP to this port is told so in HTTP: it begins with the letters of a method, which TLS never does.
            if matches!(timeout_at::<R, _>(deadline, R::peek(&stream)).await, Ok(Ok(Some(first))) if first.is_ascii_uppercase())
            {
                return serve(&shared, stream, peer(false), stop).await;
            }
            match timeout_at::<R, _>(deadline, R::accept_tls(tls.load_full(), stream)).await {
                Ok(Ok(stream)) => serve(&shared, stream, peer(true), stop).await,
                Ok(Err(error)) => tracing::debug!(%address, %error, "TLS handshake failed"),
                Err(_) => tracing::debug!(%address, "TLS handshake took too long"),
            }
        }
    }
}

async fn serve<H: Handler, R: Runtime, I: Read + Write + Unpin + Send + 'static>(
    shared: &Shared<H, R>,
    io: I,
    peer: Peer,
    mut stop: watch::Receiver<bool>,
) {
    let peer = Arc::new(peer);
    let activity = Arc::clone(&peer.activity);
    let has_streams = Arc::new(AtomicBool::new(false));
    let service = {
        let (peer, activity, handler) = (Arc::clone(&peer), Arc::clone(&activity), shared.handler.clone());
        let (drain, has_streams) = (shared.drain.clone(), Arc::clone(&has_streams));
        service_fn(move |request: Request<Incoming>| {
            let busy = Busy::begin(&activity);
            let drain = (request.version() < Version::HTTP_2).then(|| drain.clone());
            if drain.is_none() {
                has_streams.store(true, Ordering::Relaxed);
            }
            let answer = handler.clone().handle(Arc::clone(&peer), request);
            async move {
                let mut answer = answer.await?;
                if drain.is_some_and(|drain| drain.has_begun()) {
                    answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
                }
                // Held by the body: a connection is busy until the last of it has been sent.
                Ok::<_, io::Error>(answer.map(|body| Held::new(body, busy)))
            }
        })
    };
    let io = {
        let (io, peer) = (Watched::new(io, Arc::clone(&activity)), Arc::clone(&peer));
        Unreadable::<_, _, R>::new(io, move |status| H::refuse_head(&peer, status))
    };
    let mut connection = pin!(shared.http.serve_connection(io, service));
    let mut watchdog = Watchdog::new(shared.limits, activity.now());
    let mut due = R::sleep_until(Instant::now());
    let mut leaving = false;
    let mut drains = shared.drain.beginning();
    let mut told = false;
    loop {
        tokio::select! {
            ended = connection.as_mut() => {
                if let Err(error) = ended {
                    tracing::debug!(address = %peer.address, error, "connection ended");
                }
                return;
            }
            () = &mut due => {
                if leaving {
                    return;
                }
                match watchdog.look(activity.now(), activity.seen()) {
                    Verdict::LookAt(next) => R::reset(&mut due, activity.begin() + next.since_start()),
                    Verdict::Stuck => {
                        tracing::debug!(address = %peer.address, "connection is not read");
                        return;
                    }
                    Verdict::Idle => {
                        tracing::debug!(address = %peer.address, "connection is idle");
                        leaving = true;
                        connection.as_mut().graceful_shutdown();
                        R::reset(&mut due, Instant::now() + FAREWELL);
                    }
                }
            }
            () = stopped(&mut drains), if !told => {
                told = true;
                // With HTTP/1.1 the next answer says it. Before the first request nobody knows which it is.
                if has_streams.load(Ordering::Relaxed) {
                    connection.as_mut().graceful_shutdown();
                }
            }
            () = stopped(&mut stop), if !leaving => {
                leaving = true;
                connection.as_mut().graceful_shutdown();
                R::reset(&mut due, Instant::now() + shared.limits.grace);
            }
        }
    }
}

/// An error that ends a connection.
pub(super) fn broken(reason: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::other(reason)
}
