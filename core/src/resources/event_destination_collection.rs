//! `/redfish/v1/EventService/Subscriptions`: the subscriptions that the asking account may change.

use super::{Context, collection};
use crate::http::{Representation, Schema, schema};
use crate::route::Route;

pub(super) const SCHEMA: Schema = schema!("EventDestinationCollection");

pub(super) fn represent(context: &Context<'_>) -> Representation {
    let visible =
        context.view.subscriptions.values().filter(|known| super::event_destination::is_visible(context, known));
    let members = visible.map(|known| Route::EventDestination(known.subscription.id.as_str()));
    collection::represent(SCHEMA, Route::EventDestinations, "Event Subscriptions", members)
}
