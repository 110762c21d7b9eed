//! `/redfish/v1/Systems`: the systems that the asking account sees. Schema `ComputerSystemCollection`.

use super::{Context, Window, collection, coverage};
use crate::http::{Representation, Schema, schema};
use crate::route::Route;

pub(super) const SCHEMA: Schema = schema!("ComputerSystemCollection");

pub(super) fn represent(context: &Context<'_>, window: Window<'_>) -> Representation {
    let systems = context.view.members_of(&context.known_chassis());
    let missing = coverage::missing(context, context.visible_chassis());
    collection::represent_window(SCHEMA, Route::Systems, NAME, window, &systems, missing, |id| {
        Route::System(context.view.shown_name(id))
    })
}

/// The systems of one chassis, for clients of the older URI scheme.
pub(super) fn represent_chassis(context: &Context<'_>, chassis: u16, window: Window<'_>) -> Representation {
    let name = context.chassis_config(chassis).map_or("", |chassis| chassis.name.as_str());
    let systems = context.view.members_of(&[chassis]);
    collection::represent_window(SCHEMA, Route::ChassisSystems(name), NAME, window, &systems, Vec::new(), |id| {
        Route::System(context.view.shown_name(id))
    })
}

const NAME: &str = "Computer System Collection";
