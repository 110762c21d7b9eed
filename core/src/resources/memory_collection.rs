//! `/redfish/v1/Systems/{system}/Memory`: a system's memory modules. Schema `MemoryCollection`.

use super::{Context, collection, memory};
use crate::http::{Representation, Schema, schema};
use crate::route::{Inventory, Route};
use crate::view::Vm;

pub(super) const SCHEMA: Schema = schema!("MemoryCollection");

pub(super) fn represent(context: &Context<'_>, vm: &Vm) -> Representation {
    let system = context.view.shown_name(&vm.machine.id);
    let members = memory::id(vm).into_iter().map(|id| Route::Inventory(system, Inventory::Memory(id)));
    let route = Route::Inventory(system, Inventory::MemoryCollection);
    collection::represent(SCHEMA, route, "Memory Collection", members)
}
