//! `/redfish/v1/Systems/{system}/BootOptions`: what a system can boot from. Schema `BootOptionCollection`.

use super::{Context, boot_option, collection};
use crate::http::{Representation, Schema, schema};
use crate::route::{Inventory, Route};
use crate::view::Vm;

pub(super) const SCHEMA: Schema = schema!("BootOptionCollection");

pub(super) fn represent(context: &Context<'_>, vm: &Vm) -> Representation {
    let system = context.view.shown_name(&vm.machine.id);
    let options = boot_option::options(&vm.machine);
    let members = options.iter().map(|option| Route::Inventory(system, Inventory::BootOption(&option.reference)));
    let route = Route::Inventory(system, Inventory::BootOptions);
    collection::represent(SCHEMA, route, "Boot Option Collection", members)
}
