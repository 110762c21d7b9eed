//! `/redfish/v1/Systems/{system}/Processors`: a system's processors. Schema `ProcessorCollection`.

use super::{Context, collection, processor};
use crate::http::{Representation, Schema, schema};
use crate::route::{Inventory, Route};
use crate::view::Vm;

pub(super) const SCHEMA: Schema = schema!("ProcessorCollection");

pub(super) fn represent(context: &Context<'_>, vm: &Vm) -> Representation {
    let system = context.view.shown_name(&vm.machine.id);
    let ids: Vec<String> = processor::ids(vm).collect();
    let members = ids.iter().map(|id| Route::Inventory(system, Inventory::Processor(id)));
    let route = Route::Inventory(system, Inventory::Processors);
    collection::represent(SCHEMA, route, "Processor Collection", members)
}
