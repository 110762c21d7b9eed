//! `/redfish/v1/Systems/{system}/EthernetInterfaces`: a system's network interfaces. Schema
//! `EthernetInterfaceCollection`.

use super::{Context, collection, ethernet_interface};
use crate::http::{Representation, Schema, schema};
use crate::route::{Inventory, Route};
use crate::view::Vm;

pub(super) const SCHEMA: Schema = schema!("EthernetInterfaceCollection");

pub(super) fn represent(context: &Context<'_>, vm: &Vm) -> Representation {
    let system = context.view.shown_name(&vm.machine.id);
    let interfaces = ethernet_interface::interfaces(vm);
    let members =
        interfaces.iter().map(|interface| Route::Inventory(system, Inventory::EthernetInterface(&interface.id)));
    let route = Route::Inventory(system, Inventory::EthernetInterfaces);
    collection::represent(SCHEMA, route, "Ethernet Interface Collection", members)
}
