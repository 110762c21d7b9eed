//! The simulated cluster in this process: one task owns it and lets its virtual time pass.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Request, Response};
use kubevirt_redfish_core::kubevirt::TransportError;
use kubevirt_redfish_fixtures::cluster::{Cluster, ImageReply, Output, RequestId};
use tokio::sync::{mpsc, oneshot};

use super::{Answer, AnswerBody};
use crate::runtime::{Runtime, sleep_until};

/// Requests that wait for the cluster.
const CALLS: usize = 1024;

/// Pieces of one answer that wait for their reader. Who falls behind further is cut off, as an API server does.
const CHUNKS: usize = 4096;

/// A handle to the simulated cluster. The cluster lives as long as one of them.
#[derive(Clone, Debug)]
pub struct Simulated {
    calls: mpsc::Sender<Call>,
}

enum Call {
    Request { request: Box<Request<Bytes>>, reply: oneshot::Sender<Answer<Body>> },
    Touch(Box<dyn FnOnce(&mut Cluster) + Send>),
}

impl std::fmt::Debug for Call {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Request { .. } => "Request",
            Self::Touch(_) => "Touch",
        })
    }
}

impl Simulated {
    /// Lets `cluster` live; its time passes `time_scale` times as fast as ours.
    pub fn start<R: Runtime>(cluster: Cluster, time_scale: f64) -> Self {
        let (calls, receiver) = mpsc::channel(CALLS);
        let life = Life { cluster, begin: Instant::now(), time_scale, answers: HashMap::new() };
        R::detach(R::spawn(life.run::<R>(receiver)));
        Self { calls }
    }

    /// Does something to the cluster, such as scripting a fault, and waits until it is done.
    pub async fn touch(&self, action: impl FnOnce(&mut Cluster) + Send + 'static) {
        let (done, wait) = oneshot::channel();
        let action = Box::new(move |cluster: &mut Cluster| {
            action(cluster);
            let _ = done.send(());
        });
        if self.calls.send(Call::Touch(action)).await.is_ok() {
            let _ = wait.await;
        }
    }

    /// Asks a server of images that the cluster's importer would ask.
    pub async fn ask_for_image(&self, request: Request<()>) -> Result<Response<()>, TransportError> {
        let (reply, answer) = oneshot::channel();
        self.touch(move |cluster| drop(reply.send(cluster.ask_for_image(&request)))).await;
        match answer.await {
            Ok(ImageReply::Head(head)) => Ok(head),
            Ok(ImageReply::Silence) => Err(TransportError::TimedOut),
            Ok(ImageReply::Unreachable) | Err(_) => Err(TransportError::NotSent("nobody serves it".to_owned())),
        }
    }

    /// Sends a request and waits for the beginning of its answer.
    pub async fn send(&self, request: Request<Bytes>) -> Result<Answer<Body>, TransportError> {
        let (reply, answer) = oneshot::channel();
        let gone = || TransportError::NotSent("the simulated cluster is gone".to_owned());
        self.calls.send(Call::Request { request: Box::new(request), reply }).await.map_err(|_| gone())?;
        answer.await.map_err(|_| TransportError::Broken("the simulated cluster cut the connection".to_owned()))
    }
}

/// The body of an answer.
#[derive(Debug)]
pub struct Body {
    chunks: mpsc::Receiver<Chunk>,
    ended: bool,
}

#[derive(Debug)]
enum Chunk {
    Data(Bytes),
    End,
}

impl AnswerBody for Body {
    async fn chunk(&mut self) -> Option<Result<Bytes, TransportError>> {
        if self.ended {
            return None;
        }
        match self.chunks.recv().await {
            Some(Chunk::Data(bytes)) => Some(Ok(bytes)),
            Some(Chunk::End) => {
                self.ended = true;
                None
            }
            None => {
                self.ended = true;
                Some(Err(TransportError::Broken("the simulated cluster cut the connection".to_owned())))
            }
        }
    }
}

enum Progress {
    Waiting(oneshot::Sender<Answer<Body>>),
    Streaming(mpsc::Sender<Chunk>),
}

struct Life {
    cluster: Cluster,
    begin: Instant,
    time_scale: f64,
    answers: HashMap<RequestId, Progress>,
}

impl Life {
    async fn run<R: Runtime>(mut self, mut calls: mpsc::Receiver<Call>) {
        loop {
            let deadline = self.cluster.poll_timeout().and_then(|time| self.real(time));
            let call = tokio::select! {
                call = calls.recv() => match call {
                    Some(call) => Some(call),
                    None => return,
                },
                () = sleep_until::<R>(deadline) => None,
            };
            let now = self.now();
            match call {
                Some(Call::Request { request, reply }) => {
                    let id = self.cluster.handle_request(now, self.in_its_time(*request));
                    self.answers.insert(id, Progress::Waiting(reply));
                }
                Some(Call::Touch(action)) => action(&mut self.cluster),
                None => self.cluster.handle_timeout(now),
            }
            self.drain();
        }
    }

    /// The cluster's time now.
    fn now(&self) -> Duration {
        self.begin.elapsed().mul_f64(self.time_scale)
    }

    /// Our time at the cluster's `time`; `None` if that is too far away to matter.
    fn real(&self, time: Duration) -> Option<Instant> {
        let elapsed = Duration::try_from_secs_f64(time.as_secs_f64() / self.time_scale).ok()?;
        self.begin.checked_add(elapsed)
    }

    /// A request whose watch is to last for so long in the client's time.
    fn in_its_time(&self, mut request: Request<Bytes>) -> Request<Bytes> {
        const LASTS: &str = "timeoutSeconds=";
        let uri = request.uri().to_string();
        let Some((before, after)) = uri.split_once(LASTS) else { return request };
        let (seconds, rest) = after.split_at(after.find('&').unwrap_or(after.len()));
        let Ok(seconds) = seconds.parse::<u32>() else { return request };
        let scaled = Duration::try_from_secs_f64(f64::from(seconds) * self.time_scale).unwrap_or(Duration::MAX);
        if let Ok(uri) = format!("{before}{LASTS}{}{rest}", scaled.as_secs().max(1)).parse() {
            *request.uri_mut() = uri;
        }
        request
    }

    fn drain(&mut self) {
        while let Some(output) = self.cluster.poll_output() {
            let id = output.id();
            let delivered = match (output, self.answers.remove(&id)) {
                (Output::Head { response, .. }, Some(Progress::Waiting(reply))) => self.head(id, response, reply),
                (Output::Data { bytes, .. }, Some(Progress::Streaming(chunks))) => {
                    let delivered = chunks.try_send(Chunk::Data(bytes)).is_ok();
                    self.answers.insert(id, Progress::Streaming(chunks));
                    delivered
                }
                (Output::End { .. }, Some(Progress::Streaming(chunks))) => {
                    // If there is no room for the end, the reader sees the answer cut off, which it then is.
                    let _ = chunks.try_send(Chunk::End);
                    true
                }
                // Dropping the sender is what cuts the connection.
                (Output::Cut { .. }, _) | (_, None) => true,
                (Output::Head { .. }, Some(Progress::Streaming(_)))
                | (Output::Data { .. } | Output::End { .. }, Some(Progress::Waiting(_))) => false,
            };
            if !delivered {
                self.answers.remove(&id);
                self.cluster.close(id);
            }
        }
    }

    fn head(&mut self, id: RequestId, head: Response<()>, reply: oneshot::Sender<Answer<Body>>) -> bool {
        let (sender, chunks) = mpsc::channel(CHUNKS);
        let body = Body { chunks, ended: false };
        self.answers.insert(id, Progress::Streaming(sender));
        reply.send(Answer { head, body }).is_ok()
    }
}
