//! Sends events to servers: one connection and one POST for each delivery, to addresses that are allowed and no others.

use std::collections::HashMap;

use http::{Method, Request, StatusCode};
use http_body_util::Full;
use kubevirt_redfish_core::kubevirt::Verification;
use kubevirt_redfish_core::{Delivery, DeliveryError, DeliveryId};
use tokio::task::{AbortHandle, Id, JoinError, JoinSet};

use super::outbound::{self, OutboundError};
use crate::clock::Clock;

/// Deliveries that are being made. How many at a time and for how long is the core's to say.
pub(super) struct Deliveries {
    clock: Clock,
    tasks: JoinSet<Result<StatusCode, DeliveryError>>,
    by_task: HashMap<Id, DeliveryId>,
    aborts: HashMap<DeliveryId, AbortHandle>,
}

/// What came of a delivery.
pub(super) type Ended = (DeliveryId, Result<StatusCode, DeliveryError>);

impl Deliveries {
    pub(super) fn new(clock: Clock) -> Self {
        Self { clock, tasks: JoinSet::new(), by_task: HashMap::new(), aborts: HashMap::new() }
    }

    /// Begins a delivery.
    pub(super) fn start(&mut self, delivery: Delivery) {
        let id = delivery.id;
        let deadline = self.clock.timer(delivery.deadline);
        let task = self.tasks.spawn(async move {
            let subscription = delivery.subscription.clone();
            let sent = tokio::time::timeout_at(deadline, send(delivery)).await;
            let result = sent.unwrap_or(Err(DeliveryError::TimedOut));
            match &result {
                Ok(status) => tracing::debug!(subscription, status = status.as_u16(), "events sent"),
                Err(error) => tracing::warn!(subscription, %error, "events not sent"),
            }
            result
        });
        self.by_task.insert(task.id(), id);
        self.aborts.insert(id, task);
    }

    /// Stops a delivery; nothing is said of what came of it.
    pub(super) fn abandon(&mut self, id: DeliveryId) {
        if let Some(task) = self.aborts.remove(&id) {
            self.by_task.remove(&task.id());
            task.abort();
        }
    }

    /// Waits for a delivery to end; `None` if there are none.
    pub(super) async fn next_end(&mut self) -> Option<Ended> {
        loop {
            let ended = self.tasks.join_next_with_id().await?;
            if let Some(ended) = self.ended(ended) {
                return Some(ended);
            }
        }
    }

    /// One that has ended, if one has.
    pub(super) fn try_next_end(&mut self) -> Option<Ended> {
        loop {
            let ended = self.tasks.try_join_next_with_id()?;
            if let Some(ended) = self.ended(ended) {
                return Some(ended);
            }
        }
    }

    fn ended(&mut self, ended: Result<(Id, Result<StatusCode, DeliveryError>), JoinError>) -> Option<Ended> {
        let (task, result) = ended.unwrap_or_else(|error| {
            if error.is_panic() {
                tracing::error!(%error, "a delivery ended by a panic; this is a bug");
            }
            (error.id(), Err(DeliveryError::Broken(error.to_string())))
        });
        // One that was abandoned is of no interest any more.
        let id = self.by_task.remove(&task)?;
        self.aborts.remove(&id);
        Some((id, result))
    }
}

async fn send(delivery: Delivery) -> Result<StatusCode, DeliveryError> {
    let mut request = Request::new(Full::new(delivery.body));
    *request.method_mut() = Method::POST;
    *request.uri_mut() = delivery.destination;
    *request.headers_mut() = delivery.headers;
    let verification = if delivery.verify_certificate { Verification::Usual } else { Verification::None };
    let answer = outbound::send(request, &delivery.policy, &verification).await;
    answer.map(|answer| answer.status()).map_err(|error| match error {
        OutboundError::NotAllowed => DeliveryError::NotAllowed,
        OutboundError::NotConnected(reason) => DeliveryError::NotConnected(reason),
        OutboundError::Broken(reason) => DeliveryError::Broken(reason),
    })
}
