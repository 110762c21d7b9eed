//! Events on their way to servers: one POST for each delivery.

use std::collections::BTreeMap;

use http::{Method, Request, StatusCode};

use super::{Answer, Core, Due, LogEvent, Outside, Owner, RequestId, Target};
use crate::kubevirt::{TransportError, Verification};
use crate::service::{Delivery, DeliveryError, DeliveryId};

/// Deliveries that are being made. How many at a time and for how long is the service's to say.
#[derive(Debug, Default)]
pub(super) struct Deliveries(BTreeMap<DeliveryId, UnderWay>);

#[derive(Debug)]
struct UnderWay {
    request: RequestId,
    subscription: String,
}

/// What came of a delivery.
pub(super) type Ended = (DeliveryId, Result<StatusCode, DeliveryError>);

impl Deliveries {
    pub(super) fn start(&mut self, delivery: Delivery, core: &mut Core) {
        let Delivery { id, subscription, destination, headers, body, verify_certificate, deadline, policy } = delivery;
        let mut request = Request::new(body);
        *request.method_mut() = Method::POST;
        *request.uri_mut() = destination;
        *request.headers_mut() = headers;
        let verification = if verify_certificate { Verification::Usual } else { Verification::None };
        let target = Target::EventReceiver(Outside { policy, verification });
        let request = core.send(Owner::Delivery(id), target, request, Some(deadline), None);
        core.timers.set(Due::Delivery(id), deadline);
        self.0.insert(id, UnderWay { request, subscription });
    }

    /// Stops a delivery; nothing is said of what came of it.
    pub(super) fn abandon(&mut self, id: DeliveryId, core: &mut Core) {
        if let Some(under_way) = self.0.remove(&id) {
            core.abort(Some(under_way.request));
            core.timers.cancel(Due::Delivery(id));
        }
    }

    /// Takes in a part of an answer; what came of the delivery, if that is known by it.
    pub(super) fn answered(&mut self, id: DeliveryId, answer: Answer, core: &mut Core) -> Option<Ended> {
        let result = match answer {
            Answer::Head(head) => Ok(head.status()),
            Answer::Failed(TransportError::NotSent(reason)) => Err(DeliveryError::NotConnected(reason)),
            Answer::Failed(TransportError::Broken(reason)) => Err(DeliveryError::Broken(reason)),
            Answer::Failed(TransportError::TimedOut) => Err(DeliveryError::TimedOut),
            Answer::End => Err(DeliveryError::Broken("there is no answer".to_owned())),
            Answer::Data(_) | Answer::Datagram { .. } => return None,
        };
        self.ended(id, result, core)
    }

    /// The time for a delivery is over.
    pub(super) fn due(&mut self, id: DeliveryId, core: &mut Core) -> Option<Ended> {
        self.ended(id, Err(DeliveryError::TimedOut), core)
    }

    fn ended(&mut self, id: DeliveryId, result: Result<StatusCode, DeliveryError>, core: &mut Core) -> Option<Ended> {
        let UnderWay { request, subscription } = self.0.remove(&id)?;
        // Nothing but the head of an answer is of interest.
        core.abort(Some(request));
        core.timers.cancel(Due::Delivery(id));
        core.log(LogEvent::Delivery { subscription, result: result.clone() });
        Some((id, result))
    }
}
