//! Serves the simulated cluster over HTTP, for `kubectl` and for tests of the real way to a cluster.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Limited};
use hyper::body::{Body, Frame, Incoming};
use kubevirt_redfish_core::kubevirt::TransportError;

use crate::server::{Handler, Limits, Peer};
use crate::transport::{Answer, AnswerBody as _, Simulated, SimulatedBody};

/// The longest request body; what an API server takes.
const BODY: usize = 3 * 1024 * 1024;

/// Answers requests from the simulated cluster.
#[derive(Clone, Debug)]
pub struct SimulatedApi {
    cluster: Simulated,
}

impl SimulatedApi {
    /// Serves `cluster`.
    pub fn new(cluster: Simulated) -> Self {
        Self { cluster }
    }

    /// Limits that fit: a watch may be silent for long, and none of them keeps the process from ending.
    pub fn limits() -> Limits {
        Limits { idle: None, grace: Duration::ZERO, ..Limits::default() }
    }
}

impl Handler for SimulatedApi {
    type Body = Stream;

    fn handle(
        self,
        _peer: Arc<Peer>,
        request: Request<Incoming>,
    ) -> impl Future<Output = io::Result<Response<Stream>>> + Send + 'static {
        let cluster = self.cluster;
        async move {
            let (parts, body) = request.into_parts();
            let Ok(body) = Limited::new(body, BODY).collect().await else {
                let mut response = Response::new(Stream::empty());
                *response.status_mut() = StatusCode::PAYLOAD_TOO_LARGE;
                return Ok(response);
            };
            // An answer that is cut off before it begins breaks the connection, as it does on the way to a server.
            let answer = cluster.send(Request::from_parts(parts, body.to_bytes())).await.map_err(io::Error::other)?;
            let Answer { head, body } = answer;
            Ok(head.map(|()| Stream::new(body)))
        }
    }
}

type NextChunk = Pin<Box<dyn Future<Output = (SimulatedBody, Option<Result<Bytes, TransportError>>)> + Send>>;

/// An answer's body on its way out. An error breaks the connection.
pub struct Stream {
    next: Option<NextChunk>,
}

impl Stream {
    const fn empty() -> Self {
        Self { next: None }
    }

    fn new(body: SimulatedBody) -> Self {
        Self { next: Some(Box::pin(chunk(body))) }
    }
}

async fn chunk(mut body: SimulatedBody) -> (SimulatedBody, Option<Result<Bytes, TransportError>>) {
    let chunk = body.chunk().await;
    (body, chunk)
}

impl Body for Stream {
    type Data = Bytes;
    type Error = TransportError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, TransportError>>> {
        let Some(next) = &mut self.next else {
            return Poll::Ready(None);
        };
        let (body, chunk) = ready!(next.as_mut().poll(cx));
        self.next = chunk.is_some().then(|| Box::pin(self::chunk(body)) as NextChunk);
        Poll::Ready(chunk.map(|chunk| chunk.map(Frame::data)))
    }
}
