//! The listener for whoever looks after the service: metrics, and probes.

use std::io;
use std::marker::PhantomData;
use std::sync::Arc;

use arc_swap::ArcSwap;
use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::body::Incoming;
use kubevirt_redfish_core::View;
use kubevirt_redfish_core::metrics::{ANSWER_TIME, Format, Measured, Page, Question};
use kubevirt_redfish_core::time::UnixTime;

use super::{Drain, Handler, Peer};
use crate::clock::Clock;
use crate::driver::Measurements;
use crate::process;
use crate::runtime::{self, Runtime};

/// Answers them.
pub(crate) struct Metrics<R> {
    inner: Arc<Inner>,
    runtime: PhantomData<R>,
}

impl<R> Clone for Metrics<R> {
    fn clone(&self) -> Self {
        Self { inner: Arc::clone(&self.inner), runtime: PhantomData }
    }
}

struct Inner {
    clock: Clock,
    started: UnixTime,
    views: Arc<ArcSwap<View>>,
    engine: Measurements,
    measured: Arc<Measured>,
    drain: Drain,
}

impl<R: Runtime> Metrics<R> {
    /// Of a service with these views and this engine.
    pub(crate) fn new(
        clock: Clock,
        views: Arc<ArcSwap<View>>,
        engine: Measurements,
        measured: Arc<Measured>,
        drain: Drain,
    ) -> Self {
        let started = clock.now().unix;
        let inner = Inner { clock, started, views, engine, measured, drain };
        Self { inner: Arc::new(inner), runtime: PhantomData }
    }
}

impl<R: Runtime> Handler for Metrics<R> {
    type Body = Full<Bytes>;

    fn handle(
        self,
        _peer: Arc<Peer>,
        request: Request<Incoming>,
    ) -> impl Future<Output = io::Result<Response<Full<Bytes>>>> + Send + 'static {
        let question = Question::of(request.method(), request.uri().path());
        let accept = request.headers().get(header::ACCEPT).and_then(|accept| accept.to_str().ok());
        let format = Format::accepted(accept);
        let inner = self.inner;
        async move {
            Ok(match question {
                Question::Metrics => match inner.page::<R>(format).await {
                    Some(page) => text(StatusCode::OK, format.content_type(), page?),
                    None => plain(StatusCode::SERVICE_UNAVAILABLE, SILENT),
                },
                Question::Alive => match inner.asked::<R>(Page::new(format)).await {
                    Some(_) => plain(StatusCode::OK, "ok\n"),
                    None => plain(StatusCode::SERVICE_UNAVAILABLE, SILENT),
                },
                Question::Ready if inner.drain.has_begun() => plain(StatusCode::SERVICE_UNAVAILABLE, "stopping\n"),
                Question::Ready if !inner.views.load().is_ready() => {
                    plain(StatusCode::SERVICE_UNAVAILABLE, "not ready: no systems have been seen yet\n")
                }
                Question::Ready => plain(StatusCode::OK, "ok\n"),
                Question::Refused(status) => {
                    let mut response = plain(status, "there are /metrics, /livez, /healthz and /readyz, for GET\n");
                    if status == StatusCode::METHOD_NOT_ALLOWED {
                        response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
                    }
                    response
                }
            })
        }
    }
}

const SILENT: &str = "the service does not answer\n";

impl Inner {
    /// The engine's part, if it answers in time.
    async fn asked<R: Runtime>(&self, page: Page) -> Option<Page> {
        runtime::timeout::<R, _>(ANSWER_TIME, self.engine.take(page)).await.ok().flatten()
    }

    async fn page<R: Runtime>(&self, format: Format) -> Option<io::Result<String>> {
        let mut page = Page::new(format);
        process::look::<R>(self.started).write(&mut page);
        self.measured.write(&mut page);
        let mut page = self.asked::<R>(page).await?;
        let (view, now) = (self.views.load_full(), self.clock.now());
        let whole = R::spawn_blocking(move || {
            view.measure(now, &mut page);
            page.finish()
        });
        Some(whole.await)
    }
}

fn plain(status: StatusCode, body: &'static str) -> Response<Full<Bytes>> {
    text(status, "text/plain; charset=utf-8", body)
}

fn text(status: StatusCode, kind: &'static str, body: impl Into<Bytes>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}
