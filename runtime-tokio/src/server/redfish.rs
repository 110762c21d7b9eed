//! Carries one request's exchange: what the core asks for is fetched, what it answers is sent.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Version, header};
use http_body_util::Full;
use hyper::body::Incoming;
use kubevirt_redfish_core::{self as core, Signal, Step, View};
use tokio::sync::Semaphore;

use super::connection::broken;
use super::correlation::{REQUEST_ID, correlation_id};
use super::request_body::RequestBody;
use super::{AnswerBody, Handler, Peer};
use crate::clock::Clock;
use crate::driver::Submissions;

/// Answers requests from the current view.
#[derive(Clone)]
pub struct Redfish {
    inner: Arc<Inner>,
}

struct Inner {
    clock: Clock,
    views: Arc<ArcSwap<View>>,
    submissions: Submissions,
    /// For reads that take long, a few at a time: the others are not to be without a processor.
    long_reads: Arc<Semaphore>,
}

impl Redfish {
    /// Answers reads from `views` and submits changes to `submissions`.
    pub fn new(clock: Clock, views: Arc<ArcSwap<View>>, submissions: Submissions) -> Self {
        let long_reads = Arc::new(Semaphore::new(LONG_READS));
        Self { inner: Arc::new(Inner { clock, views, submissions, long_reads }) }
    }
}

impl Handler for Redfish {
    type Body = AnswerBody;

    #[inline]
    fn handle(
        self,
        peer: Arc<Peer>,
        request: Request<Incoming>,
    ) -> impl Future<Output = io::Result<Response<AnswerBody>>> + Send + 'static {
        let (parts, body) = request.into_parts();
        let correlation_id = correlation_id(&peer, &parts.headers);
        let record = Record::of(&parts, &correlation_id);
        let is_http1 = parts.version < Version::HTTP_2;
        let expects_continue = parts.headers.contains_key(header::EXPECT);
        let peer = core::Peer { address: peer.address, secure: peer.secure };
        let inner = self.inner;
        let view = inner.views.load();
        // Reads are answered right here, without ever waiting.
        let (exchange, step) = view.begin(inner.clock.now(), &peer, Request::from_parts(parts, ()));
        async move {
            let mut body = RequestBody::new(body);
            let response = match step {
                Step::Respond(response) => response.map(|body| AnswerBody::Whole(Full::new(body))),
                step => inner.carry(exchange, step, &mut body).await?,
            };
            // Who waits to be asked for the body has not begun to send it.
            if !body.has_ended() && !expects_continue {
                body.discard().await;
            }
            if let Some(record) = record {
                record.write(response.status(), &correlation_id);
            }
            let mut response = response;
            response.headers_mut().insert(REQUEST_ID, correlation_id);
            // With an unread body in it the connection is of no more use. Who is not told so sends the next request on it.
            if is_http1 && !body.has_ended() {
                response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
            }
            Ok(response)
        }
    }

    fn refuse_head(peer: &Peer, status: StatusCode) -> Option<Response<Bytes>> {
        let correlation_id = correlation_id(peer, &HeaderMap::new());
        tracing::debug!(
            correlation_id = correlation_id.to_str().unwrap_or_default(),
            address = %peer.address,
            status_code = status.as_u16(),
            "head that cannot be read"
        );
        let mut response = core::refuse_head(status, peer.secure);
        response.headers_mut().insert(REQUEST_ID, correlation_id);
        Some(response)
    }
}

impl Inner {
    async fn carry(
        &self,
        mut exchange: core::Exchange,
        mut step: Step,
        body: &mut RequestBody,
    ) -> io::Result<Response<AnswerBody>> {
        let mut stream = None;
        loop {
            let signal = match step {
                Step::Respond(response) => return Ok(response.map(|body| AnswerBody::Whole(Full::new(body)))),
                Step::Stream { head, .. } => {
                    // The stream came along with the outcome that this step follows from.
                    let body = stream.take().ok_or_else(|| broken("there is no such stream; this is a bug"))?;
                    return Ok(head.map(|()| AnswerBody::Stream(body)));
                }
                Step::Defer => {
                    (exchange, step) = self.proceed(exchange).await?;
                    continue;
                }
                Step::ReadBody { limit } => body.read(limit).await,
                Step::Submit(intent) => match self.submissions.submit(intent).await {
                    Some(reply) => {
                        stream = reply.stream;
                        Signal::Outcome(reply.outcome)
                    }
                    // The service has stopped. There is no one left who could say this in Redfish's words.
                    None => return unavailable(),
                },
            };
            // The newest view: it has in it what the submission changed.
            step = exchange.resume(&self.views.load_full(), self.clock.now(), signal);
        }
    }
}

impl Inner {
    /// Goes on with an exchange where it keeps nobody waiting.
    async fn proceed(&self, mut exchange: core::Exchange) -> io::Result<(core::Exchange, Step)> {
        let permit = Arc::clone(&self.long_reads).acquire_owned().await.map_err(io::Error::other)?;
        let (views, clock) = (Arc::clone(&self.views), self.clock);
        let work = tokio::task::spawn_blocking(move || {
            // Held by the work rather than by who waits for it: a client that hangs up does not stop the work.
            let _permit = permit;
            let step = exchange.resume(&views.load_full(), clock.now(), Signal::Proceed);
            (exchange, step)
        });
        work.await.map_err(io::Error::other)
    }
}

fn unavailable() -> io::Result<Response<AnswerBody>> {
    Response::builder()
        .status(StatusCode::SERVICE_UNAVAILABLE)
        .header(header::RETRY_AFTER, HeaderValue::from_static("5"))
        .header(header::CONNECTION, HeaderValue::from_static("close"))
        .body(AnswerBody::Whole(Full::default()))
        .map_err(broken)
}

/// What the log says about a request. Only made if the log may want it.
struct Record {
    method: Method,
    path: Box<str>,
    begin: std::time::Instant,
}

impl Record {
    fn of(parts: &http::request::Parts, correlation_id: &HeaderValue) -> Option<Self> {
        let is_read = parts.method == Method::GET || parts.method == Method::HEAD;
        if is_read && !tracing::enabled!(tracing::Level::DEBUG) {
            return None;
        }
        let correlation_id = correlation_id.to_str().unwrap_or_default();
        tracing::trace!(correlation_id, method = %parts.method, path = parts.uri.path(), "request");
        Some(Self { method: parts.method.clone(), path: parts.uri.path().into(), begin: std::time::Instant::now() })
    }

    fn write(&self, status: StatusCode, correlation_id: &HeaderValue) {
        let Self { method, path, begin } = self;
        let correlation_id = correlation_id.to_str().unwrap_or_default();
        let duration = microseconds(begin.elapsed());
        let status_code = status.as_u16();
        let is_read = *method == Method::GET || *method == Method::HEAD;
        if !is_read && (status.is_client_error() || status.is_server_error()) {
            tracing::warn!(correlation_id, %method, %path, status_code, duration, "request failed");
        } else {
            tracing::debug!(correlation_id, %method, %path, status_code, duration, "request");
        }
    }
}

/// How many reads that take long are worked on at a time.
const LONG_READS: usize = 2;

fn microseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
