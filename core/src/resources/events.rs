//! What writes to the event service and its subscriptions ask for.

use std::net::IpAddr;

use http::{HeaderMap, Method};

use super::{Context, event_destination, event_service_test, event_subscribe};
use crate::http::{JsonObject, Refusal};
use crate::intent::{Answer, EventIntent};
use crate::route::{EventServiceAction, Location, Route};

/// A change of subscriptions, or an event, that was understood and found valid.
#[derive(Debug)]
pub(crate) struct EventPlan {
    pub(crate) intent: EventIntent,
    pub(crate) answer: Answer,
}

/// Whether a route is about events and takes writes.
pub(crate) fn is_event_write(route: &Route<'_>) -> bool {
    matches!(
        route,
        Route::EventServiceAction(_)
            | Route::EventDestinations
            | Route::EventDestination(_)
            | Route::EventDestinationAction(..)
    )
}

/// Understands a write to one of those. `conditional`: only if what it changes is still what it was made for.
pub(crate) fn event_plan(
    context: &Context<'_>,
    location: &Location<'_>,
    method: &Method,
    conditional: bool,
    body: &JsonObject,
) -> Result<EventPlan, Refusal> {
    let identity = context.identity.ok_or_else(Refusal::forbidden)?;
    let done = |intent| EventPlan { intent, answer: Answer::NoContent };
    match location.route {
        Route::EventServiceAction(EventServiceAction::SubmitTestEvent) => {
            Ok(done(EventIntent::Raise(event_service_test::submit(identity, body)?)))
        }
        Route::EventServiceAction(EventServiceAction::TestEventSubscription) => {
            Ok(done(EventIntent::Raise(event_service_test::test(identity, body)?)))
        }
        Route::EventDestinations => Ok(done(EventIntent::Subscribe(event_subscribe::subscribe(context, body)?))),
        Route::EventDestination(id) if *method == Method::DELETE => {
            let known = context.changeable_subscription(id)?;
            Ok(done(EventIntent::Delete(known.subscription.id.clone())))
        }
        Route::EventDestination(id) => {
            let known = context.changeable_subscription(id)?;
            let change = event_destination::patch(known, body)?;
            let expected = conditional.then(|| Box::new(known.subscription.clone()));
            let intent = EventIntent::Change { id: known.subscription.id.clone(), expected, change };
            Ok(EventPlan { intent, answer: Answer::Representation })
        }
        Route::EventDestinationAction(id, action) => {
            let known = context.changeable_subscription(id)?;
            Ok(done(event_destination::action(known, action, body)?))
        }
        _ => Err(Refusal::method_not_allowed(super::allow(&location.route))),
    }
}

/// Understands a GET of the stream of events.
pub(crate) fn stream_plan(
    context: &Context<'_>,
    peer: IpAddr,
    query: &str,
    request: &HeaderMap,
) -> Result<EventIntent, Refusal> {
    event_subscribe::open(context, peer, query, request)
}
