//! `/redfish/v1/SessionService/Sessions`: one's own sessions, and those one may end. Schema `SessionCollection`.

use super::{Context, collection, session};
use crate::http::{Representation, Schema, schema};
use crate::route::Route;

pub(super) const SCHEMA: Schema = schema!("SessionCollection");

pub(super) fn represent(context: &Context<'_>) -> Representation {
    let sessions = &context.view.sessions;
    let members = sessions
        .iter()
        .filter(|session| !sessions.has_ended(session, context.now) && session::is_visible(context, session))
        .map(|session| Route::Session(session.id));
    collection::represent(SCHEMA, Route::Sessions, "Session Collection", members)
}
