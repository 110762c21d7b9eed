//! `/redfish/v1/Managers`: one manager for each system that the asking account sees. Schema `ManagerCollection`.

use super::{Context, collection};
use crate::http::{Representation, Schema, schema};
use crate::route::Route;

pub(super) const SCHEMA: Schema = schema!("ManagerCollection");

pub(super) fn represent(context: &Context<'_>) -> Representation {
    let members = context.visible_systems().map(|vm| Route::Manager(context.view.shown_name(&vm.machine.id)));
    collection::represent(SCHEMA, Route::Managers, "Manager Collection", members)
}
