//! `/redfish/v1/Systems/{system}/VirtualMedia`: a system's virtual drives. Schema `VirtualMediaCollection`.

use super::{Context, collection};
use crate::http::{Representation, Schema, schema};
use crate::model::Slot;
use crate::route::Route;
use crate::view::Vm;

pub(super) const SCHEMA: Schema = schema!("VirtualMediaCollection");

pub(super) fn represent(context: &Context<'_>, vm: &Vm) -> Representation {
    let id = context.view.shown_name(&vm.machine.id);
    let members = Slot::SHOWN.iter().map(|slot| Route::VirtualMedia(id, *slot));
    collection::represent(SCHEMA, Route::VirtualMediaCollection(id), "Virtual Media Collection", members)
}
