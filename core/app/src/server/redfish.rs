//! Carries one request's exchange: what the core asks for is fetched, what it answers is sent.

use std::io;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Instant;

use arc_swap::ArcSwap;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Version, header};
use http_body_util::Full;
use hyper::body::Incoming;
use kubevirt_redfish_core::fairness::{LONG_READS, Party, REFUSED_AFTER, REQUESTS};
use kubevirt_redfish_core::metrics::Measured;
use kubevirt_redfish_core::model::CorrelationId;
use kubevirt_redfish_core::{self as core, Signal, Step, View};
use tracing::Level;

use super::connection::broken;
use super::correlation::Correlation;
use super::request_body::RequestBody;
use super::{AnswerBody, Handler, Peer};
use crate::clock::Clock;
use crate::driver::Submissions;
use crate::permits::{Load, Permit, Permits};
use crate::runtime::{self, Runtime};

/// Answers requests from the current view.
pub struct Redfish<R> {
    inner: Arc<Inner>,
    runtime: PhantomData<R>,
}

impl<R> Clone for Redfish<R> {
    fn clone(&self) -> Self {
        Self { inner: Arc::clone(&self.inner), runtime: PhantomData }
    }
}

struct Inner {
    clock: Clock,
    views: Arc<ArcSwap<View>>,
    submissions: Submissions,
    /// Where requests are counted, if somebody wants to know.
    measured: Option<Arc<Measured>>,
    /// For requests that are not answered at once: nobody has so many under way that others cannot have any.
    requests: Permits<Party>,
    /// For reads that take long, a few at a time: the others are not to be without a processor.
    long_reads: Permits<Party>,
}

impl<R> Redfish<R> {
    /// Answers reads from `views`, submits changes to `submissions`, and counts them in `measured`.
    pub fn new(
        clock: Clock,
        views: Arc<ArcSwap<View>>,
        submissions: Submissions,
        measured: Option<Arc<Measured>>,
    ) -> Self {
        let (requests, long_reads) = (Permits::new(REQUESTS), Permits::new(LONG_READS));
        let inner = Inner { clock, views, submissions, measured, requests, long_reads };
        Self { inner: Arc::new(inner), runtime: PhantomData }
    }
}

impl<R: Runtime> Handler for Redfish<R> {
    type Body = AnswerBody;

    #[inline]
    fn handle(
        self,
        peer: Arc<Peer>,
        request: Request<Incoming>,
    ) -> impl Future<Output = io::Result<Response<AnswerBody>>> + Send + 'static {
        let (parts, body) = request.into_parts();
        let mut body = RequestBody::new(body);
        let is_counted = self.inner.measured.is_some();
        let mut record = Record::of(&peer, &parts, is_counted);
        let is_http1 = parts.version < Version::HTTP_2;
        let expects_continue = !body.has_ended() && parts.headers.contains_key(header::EXPECT);
        let inner = self.inner;
        let head = Request::from_parts(parts, ());
        // It is moved several times before it is first polled: what few requests need is in boxes, so that it is small.
        async move {
            // Here, where its answer is counted before the next request is looked at; a read waits for nothing else.
            if peer.is_full() {
                Box::pin(peer.room()).await;
            }
            let (exchange, step) = inner.begin(&peer, head);
            record.tell_login(&exchange);
            let (exchange, mut response) = match step {
                Step::Respond(response) => (exchange, whole(response)),
                step => Box::pin(inner.carry::<R>(&peer, exchange, step, &mut body, &mut record)).await?,
            };
            record.write(&exchange, response.status(), inner.measured.as_deref());
            drop(exchange);
            // Who waits to be asked for the body has not begun to send it.
            if !body.has_ended() && !expects_continue {
                Box::pin(body.discard::<R>()).await;
            }
            record.correlation.answer(response.headers_mut());
            // With an unread body in it the connection is of no more use. Who is not told so sends the next request on it.
            if is_http1 && !body.has_ended() {
                response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
            }
            Ok(response)
        }
    }

    fn refuse_head(peer: &Peer, status: StatusCode) -> Option<Response<Bytes>> {
        let correlation = Correlation::of(peer, &HeaderMap::new());
        tracing::debug!(
            correlation_id = correlation.text(),
            remote_addr = %peer.address,
            status_code = status.as_u16(),
            "head that cannot be read"
        );
        let mut response = core::refuse_head(status, peer.secure);
        correlation.answer(response.headers_mut());
        Some(response)
    }
}

impl Inner {
    fn begin(&self, peer: &Peer, head: Request<()>) -> (core::Exchange, Step) {
        let at = core::Peer { address: peer.address, secure: peer.secure };
        let (exchange, step) = self.views.load().begin(self.clock.now(), &at, head);
        if exchange.is_authenticated() {
            peer.logged_in();
        }
        (exchange, step)
    }

    async fn carry<R: Runtime>(
        &self,
        peer: &Peer,
        mut exchange: core::Exchange,
        mut step: Step,
        body: &mut RequestBody,
        record: &mut Record,
    ) -> io::Result<(core::Exchange, Response<AnswerBody>)> {
        let mut stream = None;
        let mut place: Option<Permit<Party>> = None;
        loop {
            if let Step::Respond(response) = step {
                return Ok((exchange, whole(response)));
            }
            // Who sent it may turn out only on the way.
            if place.as_ref().is_none_or(|place| exchange.is_authenticated() && *place.party() != exchange.party()) {
                place = self.requests.try_acquire(&exchange.party());
                if place.is_none() {
                    step = self.refuse::<R>(peer, &mut exchange).await;
                    continue;
                }
            }
            let signal = match step {
                Step::Respond(response) => return Ok((exchange, whole(response))),
                Step::Stream { head, .. } => {
                    // The stream came along with the outcome that this step follows from.
                    let body = stream.take().ok_or_else(|| broken("there is no such stream; this is a bug"))?;
                    return Ok((exchange, head.map(|()| AnswerBody::Stream(body))));
                }
                Step::Defer => {
                    if let Ok(turn) = self.long_reads.acquire(&exchange.party()).await {
                        return self.read_long::<R>(exchange, turn).await;
                    }
                    place = None;
                    step = self.refuse::<R>(peer, &mut exchange).await;
                    continue;
                }
                Step::ReadBody { limit, within } => body.read::<R>(limit, within).await,
                Step::Submit(intent) => match self.submissions.submit(intent.asked_by(record.id())).await {
                    Some(reply) => {
                        stream = reply.stream;
                        let (view, outcome) = (reply.view, Signal::Outcome(reply.outcome));
                        step = self.resume(peer, &mut exchange, &view, outcome);
                        continue;
                    }
                    // The service has stopped.
                    None => return Ok((exchange, whole(core::refuse_stopped(peer.secure)))),
                },
            };
            step = self.resume(peer, &mut exchange, &self.views.load_full(), signal);
        }
    }

    fn resume(&self, peer: &Peer, exchange: &mut core::Exchange, view: &Arc<View>, signal: Signal) -> Step {
        let step = exchange.resume(view, self.clock.now(), signal);
        if exchange.is_authenticated() {
            peer.logged_in();
        }
        step
    }

    /// Tells a client that it asks for too much, so late that it cannot do so all the time.
    async fn refuse<R: Runtime>(&self, peer: &Peer, exchange: &mut core::Exchange) -> Step {
        runtime::sleep::<R>(REFUSED_AFTER).await;
        self.resume(peer, exchange, &self.views.load_full(), Signal::NoRoom)
    }

    /// Ends an exchange where it keeps nobody waiting.
    async fn read_long<R: Runtime>(
        &self,
        mut exchange: core::Exchange,
        place: Permit<Party>,
    ) -> io::Result<(core::Exchange, Response<AnswerBody>)> {
        let (views, clock) = (Arc::clone(&self.views), self.clock);
        let work = R::spawn_blocking(move || {
            let step = exchange.resume(&views.load_full(), clock.now(), Signal::Proceed);
            // The place is held by the work rather than by who waits for it: a client that hangs up does not stop the work.
            match step {
                Step::Respond(response) => {
                    let keep = |body: Bytes| Bytes::from_owner(Kept { _load: place.hold(body.len()), body });
                    Ok((exchange, whole(response.map(keep))))
                }
                _ => Err(broken("a long read wants something else; this is a bug")),
            }
        });
        work.await?
    }
}

fn whole(response: Response<Bytes>) -> Response<AnswerBody> {
    response.map(|body| AnswerBody::Whole(Full::new(body)))
}

/// A long answer, counted until it has been sent.
struct Kept {
    body: Bytes,
    _load: Load<Party>,
}

impl AsRef<[u8]> for Kept {
    fn as_ref(&self) -> &[u8] {
        &self.body
    }
}

/// What the log says about a request, besides what its exchange knows.
struct Record {
    correlation: Correlation,
    /// When it began. A read is only timed if somebody wants to know.
    begin: Option<Instant>,
}

impl Record {
    fn of(peer: &Peer, parts: &http::request::Parts, is_counted: bool) -> Self {
        let is_timed = is_counted || !is_read(&parts.method) || tracing::enabled!(Level::DEBUG);
        let correlation = Correlation::of(peer, &parts.headers);
        let record = Self { correlation, begin: is_timed.then(Instant::now) };
        tracing::debug!(
            correlation_id = record.correlation.text(),
            method = %parts.method,
            path = parts.uri.path(),
            operation = "request",
            status = "started",
            user = UNKNOWN,
            "Redfish API request received"
        );
        record
    }

    fn id(&self) -> CorrelationId {
        CorrelationId::new(self.correlation.text())
    }

    /// Who sent it, as far as that is known without asking anybody.
    fn tell_login(&self, exchange: &core::Exchange) {
        tracing::debug!(
            correlation_id = self.correlation.text(),
            method = %exchange.method(),
            path = exchange.path(),
            operation = "authentication",
            user = exchange.user_name().map_or(UNKNOWN, |name| name),
            remote_addr = %exchange.client(),
            user_agent = exchange.user_agent(),
            "Authentication attempt"
        );
    }

    /// One line for each change, which is its record for who audits them, and for each log-in that is refused; others for
    /// whoever looks for a fault.
    fn write(&self, exchange: &core::Exchange, code: StatusCode, measured: Option<&Measured>) {
        let took = self.begin.map(|begin| begin.elapsed());
        if let (Some(measured), Some(took)) = (measured, took) {
            exchange.count(&measured.requests, code, took);
        }
        /// The line of a level, with what all of them have.
        macro_rules! tell {
            ($level:expr, $target:literal, $operation:literal, $status:expr, $audit:expr, $message:literal) => {
                tracing::event!(
                    target: $target,
                    $level,
                    correlation_id = self.correlation.text(),
                    method = %exchange.method(),
                    path = exchange.path(),
                    operation = $operation,
                    status = $status,
                    status_code = code.as_u16(),
                    duration = took.map(tracing::field::debug),
                    user = exchange.user_name().map_or(UNKNOWN, |name| name),
                    remote_addr = %exchange.client(),
                    user_agent = exchange.user_agent(),
                    audit = $audit,
                    $message
                )
            };
        }
        let method = exchange.method();
        let changes = !is_read(method) && *method != Method::OPTIONS;
        let outcome = match code.as_u16() {
            500.. => "failed",
            400.. => "refused",
            _ => "completed",
        };
        let nothing = None::<&str>;
        match (changes, outcome) {
            (true, _) if exchange.is_refused_login(code) => {
                tell!(
                    Level::WARN,
                    "kubevirt_redfish_audit",
                    "authentication",
                    outcome,
                    Some(outcome),
                    "log-in refused"
                );
            }
            (false, _) if exchange.is_refused_login(code) => {
                tell!(Level::WARN, "kubevirt_redfish", "authentication", outcome, nothing, "log-in refused");
            }
            (true, "completed") => {
                let audit = Some(outcome);
                tell!(
                    Level::INFO,
                    "kubevirt_redfish_audit",
                    "response",
                    outcome,
                    audit,
                    "Redfish API response completed"
                );
            }
            (true, _) => {
                tell!(Level::WARN, "kubevirt_redfish_audit", "response", outcome, Some(outcome), "request failed");
            }
            (false, _) => {
                tell!(Level::DEBUG, "kubevirt_redfish", "response", outcome, nothing, "Redfish API response completed");
            }
        }
    }
}

/// Whoever has not proved who they are.
const UNKNOWN: &str = "unknown";

fn is_read(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD)
}
