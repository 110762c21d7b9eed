//! `/redfish/v1/Chassis`: the chassis granted to the asking account. Schema `ChassisCollection`.

use super::{Context, collection};
use crate::http::{Representation, Schema, schema};
use crate::route::Route;

pub(super) const SCHEMA: Schema = schema!("ChassisCollection");

pub(super) fn represent(context: &Context<'_>) -> Representation {
    let members = context.chassis_names(context.visible_chassis()).map(Route::Chassis);
    collection::represent(SCHEMA, Route::ChassisCollection, "Chassis Collection", members)
}
