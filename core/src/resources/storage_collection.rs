//! `/redfish/v1/Systems/{system}/Storage`: a system's drives by the bus they are on. Schema `StorageCollection`.

use super::{Context, collection, storage};
use crate::http::{Representation, Schema, schema};
use crate::route::{Inventory, Route};
use crate::view::Vm;

pub(super) const SCHEMA: Schema = schema!("StorageCollection");

pub(super) fn represent(context: &Context<'_>, vm: &Vm) -> Representation {
    let system = context.view.shown_name(&vm.machine.id);
    let members = storage::ids(vm).map(|id| Route::Inventory(system, Inventory::Storage(id)));
    let route = Route::Inventory(system, Inventory::StorageCollection);
    collection::represent(SCHEMA, route, "Storage Collection", members)
}
