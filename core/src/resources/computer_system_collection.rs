//! `/redfish/v1/Systems`: the systems that the asking account sees. Schema `ComputerSystemCollection`.

use super::{Context, collection};
use crate::http::{Representation, Schema, schema};
use crate::route::Route;

pub(super) const SCHEMA: Schema = schema!("ComputerSystemCollection");

pub(super) fn represent(context: &Context<'_>) -> Representation {
    let members = context.visible_systems().map(|vm| Route::System(context.view.shown_name(&vm.machine.id)));
    collection::represent(SCHEMA, Route::Systems, NAME, members)
}

/// The systems of one chassis, for clients of the older URI scheme.
pub(super) fn represent_chassis(context: &Context<'_>, chassis: u16) -> Representation {
    let name = context.chassis_config(chassis).map_or("", |chassis| chassis.name.as_str());
    let indices = [chassis];
    let members = context.view.systems_of(&indices).map(|vm| Route::System(context.view.shown_name(&vm.machine.id)));
    collection::represent(SCHEMA, Route::ChassisSystems(name), NAME, members)
}

const NAME: &str = "Computer System Collection";
