//! Carries outbound requests: a task for each, which reports what comes back.

use std::collections::HashMap;

use http::Response;
use kubevirt_redfish_core::fairness::ANSWERS;
use kubevirt_redfish_core::kubevirt::TransportError;
use kubevirt_redfish_core::model::CorrelationId;
use kubevirt_redfish_core::{Answer, Outbound, OutboundDatagram, RequestId, Target};
use tokio::sync::mpsc;

use super::{datagram, outside};
use crate::runtime::Runtime;
use crate::transport::{AnswerBody, ApiServer as _, Transport};

/// Part of an answer, and what it is an answer to.
type Part = (RequestId, Answer);

/// Requests that are under way.
pub(super) struct Carrier<R: Runtime> {
    transport: Transport<R::ApiServer>,
    /// A full channel keeps the connections waiting that the answers come on.
    answers: (mpsc::Sender<Part>, mpsc::Receiver<Part>),
    tasks: HashMap<RequestId, R::Task>,
}

impl<R: Runtime> Carrier<R> {
    pub(super) fn new(transport: Transport<R::ApiServer>) -> Self {
        Self { transport, answers: mpsc::channel(ANSWERS), tasks: HashMap::new() }
    }

    pub(super) fn send(&mut self, outbound: Outbound) {
        let Outbound { id, target, request, correlation, .. } = outbound;
        let correlation_id = correlation.as_ref().map(CorrelationId::as_str);
        let (method, path) = (request.method(), request.uri().path());
        match &target {
            Target::ApiServer { watch: true } => tracing::debug!(path, query = request.uri().query(), "watch"),
            Target::ApiServer { watch: false } => tracing::debug!(correlation_id, %method, path, "command"),
            Target::ImageServer(_) | Target::EventReceiver(_) => {
                tracing::debug!(correlation_id, %method, host = request.uri().host(), "request to another server");
            }
        }
        let (transport, answers) = (self.transport.clone(), self.answers.0.clone());
        self.spawn(id, async move {
            let carried = match target {
                Target::ApiServer { .. } => match &transport {
                    Transport::ApiServer(server) => carry(id, server.send(request).await, &answers).await,
                    #[cfg(feature = "simulate")]
                    Transport::Simulated(simulated) => carry(id, simulated.send(request).await, &answers).await,
                },
                Target::ImageServer(outside) => {
                    let head = match &transport {
                        // The images of a simulated cluster are where it is.
                        #[cfg(feature = "simulate")]
                        Transport::Simulated(simulated) => simulated.ask_for_image(request.map(drop)).await,
                        Transport::ApiServer(_) => outside::send::<R>(request, &outside).await,
                    };
                    report_head(id, head, &answers).await
                }
                Target::EventReceiver(outside) => {
                    report_head(id, outside::send::<R>(request, &outside).await, &answers).await
                }
            };
            if let Err(error) = carried {
                // Nobody listens any more when everything ends.
                let _ = answers.send((id, Answer::Failed(error))).await;
            }
        });
    }

    pub(super) fn send_datagram(&mut self, question: OutboundDatagram) {
        let answers = self.answers.0.clone();
        let id = question.id;
        self.spawn(id, async move {
            let reason = datagram::ask::<R, _>(&question, |answer| {
                let answers = answers.clone();
                async move { answers.send((id, answer)).await.is_ok() }
            });
            let _ = answers.send((id, Answer::Failed(TransportError::NotSent(reason.await)))).await;
        });
    }

    /// Stops a request; what was sent of it cannot be taken back.
    pub(super) fn abort(&mut self, id: RequestId) {
        // A task is cancelled by being dropped.
        drop(self.tasks.remove(&id));
    }

    /// Waits for something to come back.
    pub(super) async fn next_answer(&mut self) -> Part {
        match self.answers.1.recv().await {
            Some(part) => self.noted(part),
            // There is always a sender: the one of this carrier.
            None => std::future::pending().await,
        }
    }

    /// What has come back, if anything has.
    pub(super) fn try_next_answer(&mut self) -> Option<Part> {
        self.answers.1.try_recv().ok().map(|part| self.noted(part))
    }

    fn noted(&mut self, (id, answer): Part) -> Part {
        if matches!(answer, Answer::End | Answer::Failed(_)) {
            self.tasks.remove(&id);
        }
        (id, answer)
    }

    fn spawn(&mut self, id: RequestId, task: impl Future<Output = ()> + Send + 'static) {
        self.tasks.insert(id, R::spawn(task));
    }
}

/// Whatever waits for answers has gone.
fn gone<T>(_: mpsc::error::SendError<T>) -> TransportError {
    TransportError::Broken("nobody waits for the answer".to_owned())
}

async fn carry<B: AnswerBody>(
    id: RequestId,
    answer: Result<crate::transport::Answer<B>, TransportError>,
    answers: &mpsc::Sender<Part>,
) -> Result<(), TransportError> {
    let mut answer = answer?;
    answers.send((id, Answer::Head(answer.head))).await.map_err(gone)?;
    while let Some(data) = answer.body.chunk().await {
        answers.send((id, Answer::Data(data?))).await.map_err(gone)?;
    }
    answers.send((id, Answer::End)).await.map_err(gone)
}

async fn report_head(
    id: RequestId,
    head: Result<Response<()>, TransportError>,
    answers: &mpsc::Sender<Part>,
) -> Result<(), TransportError> {
    answers.send((id, Answer::Head(head?))).await.map_err(gone)?;
    answers.send((id, Answer::End)).await.map_err(gone)
}
