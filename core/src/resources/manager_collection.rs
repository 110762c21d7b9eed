//! `/redfish/v1/Managers`: one manager for each system that the asking account sees. Schema `ManagerCollection`.

use super::{Context, Window, collection, coverage};
use crate::http::{Representation, Schema, schema};
use crate::route::Route;

pub(super) const SCHEMA: Schema = schema!("ManagerCollection");

pub(super) fn represent(context: &Context<'_>, window: Window<'_>) -> Representation {
    let systems = context.view.members_of(&context.known_chassis());
    let missing = coverage::missing(context, context.visible_chassis());
    collection::represent_window(SCHEMA, Route::Managers, "Manager Collection", window, &systems, missing, |id| {
        Route::Manager(context.view.shown_name(id))
    })
}
