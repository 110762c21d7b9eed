//! Sends events to servers: one connection and one POST for each delivery, to addresses that are allowed and no others.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use http::{Method, Request, StatusCode};
use http_body_util::Full;
use kubevirt_redfish_core::kubevirt::Verification;
use kubevirt_redfish_core::{Delivery, DeliveryError, DeliveryId};
use tokio::sync::Semaphore;
use tokio::task::{Id, JoinSet};

use super::outbound::{self, OutboundError};

/// Deliveries at a time: servers that do not answer must not take every socket.
const DELIVERIES: usize = 32;

/// The time for one delivery, from looking the name up to the answer.
const TIME: Duration = Duration::from_secs(10);

/// Deliveries that are being made.
pub(super) struct Deliveries {
    permits: Arc<Semaphore>,
    tasks: JoinSet<Result<StatusCode, DeliveryError>>,
    by_task: HashMap<Id, DeliveryId>,
}

impl Deliveries {
    pub(super) fn new() -> Self {
        Self { permits: Arc::new(Semaphore::new(DELIVERIES)), tasks: JoinSet::new(), by_task: HashMap::new() }
    }

    /// Begins a delivery.
    pub(super) fn start(&mut self, delivery: Delivery) {
        let id = delivery.id;
        let permits = Arc::clone(&self.permits);
        let task = self.tasks.spawn(async move {
            // The semaphore is never closed; if it were, going on without a permit would do no harm.
            let _permit = permits.acquire().await;
            let subscription = delivery.subscription.clone();
            let sent = tokio::time::timeout(TIME, send(delivery)).await;
            let result = sent.unwrap_or(Err(DeliveryError::TimedOut));
            match &result {
                Ok(status) => tracing::debug!(subscription, status = status.as_u16(), "events sent"),
                Err(error) => tracing::warn!(subscription, %error, "events not sent"),
            }
            result
        });
        self.by_task.insert(task.id(), id);
    }

    /// Waits for a delivery to end; `None` if there are none.
    pub(super) async fn next_end(&mut self) -> Option<(DeliveryId, Result<StatusCode, DeliveryError>)> {
        loop {
            let (task, result) = match self.tasks.join_next_with_id().await? {
                Ok(ended) => ended,
                Err(error) => {
                    tracing::error!(%error, "a delivery ended by a panic; this is a bug");
                    (error.id(), Err(DeliveryError::Broken(error.to_string())))
                }
            };
            if let Some(id) = self.by_task.remove(&task) {
                return Some((id, result));
            }
        }
    }
}

async fn send(delivery: Delivery) -> Result<StatusCode, DeliveryError> {
    let mut request = Request::new(Full::new(delivery.body));
    *request.method_mut() = Method::POST;
    *request.uri_mut() = delivery.destination;
    *request.headers_mut() = delivery.headers;
    let verification = if delivery.verify_certificate { Verification::Usual } else { Verification::None };
    let answer = outbound::send(request, delivery.reach, &verification).await;
    answer.map(|answer| answer.status()).map_err(|error| match error {
        OutboundError::NotAllowed => DeliveryError::NotAllowed,
        OutboundError::NotConnected(reason) => DeliveryError::NotConnected(reason),
        OutboundError::Broken(reason) => DeliveryError::Broken(reason),
    })
}
