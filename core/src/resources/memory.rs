//! `/redfish/v1/Systems/{system}/Memory/{module}`: a system's memory, which is one module. Schema `Memory`, version
//! 1.23.0.

use serde::Serialize;

use super::{Context, Status};
use crate::http::{ETAG_PLACEHOLDER, Refusal, Representation, Schema, schema};
use crate::route::{Inventory, Route};
use crate::view::Vm;

pub(super) const SCHEMA: Schema = schema!("Memory", "v1_23_0");

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Memory<'a> {
    #[serde(rename = "@odata.id")]
    odata_id: Route<'a>,
    #[serde(rename = "@odata.type")]
    odata_type: Schema,
    #[serde(rename = "@odata.etag")]
    odata_etag: &'static str,
    id: &'static str,
    name: &'static str,
    #[serde(rename = "MemoryType")]
    kind: &'static str,
    #[serde(rename = "CapacityMiB")]
    capacity: u64,
    status: Status,
}

/// The id of the one module there is, if it is known how large it is.
pub(super) fn id(vm: &Vm) -> Option<&'static str> {
    vm.memory().map(|_| MODULE)
}

pub(super) fn represent(context: &Context<'_>, vm: &Vm, id: &str) -> Result<Representation, Refusal> {
    let bytes = vm.memory().filter(|_| id == MODULE).ok_or_else(|| Refusal::not_found("Memory", id))?;
    let system = context.view.shown_name(&vm.machine.id);
    let resource = Memory {
        odata_id: Route::Inventory(system, Inventory::Memory(MODULE)),
        odata_type: SCHEMA,
        odata_etag: ETAG_PLACEHOLDER,
        id: MODULE,
        name: "System Memory",
        kind: "DRAM",
        capacity: bytes >> 20,
        status: Status::ENABLED,
    };
    Ok(Representation::of_resource(SCHEMA, &resource))
}

const MODULE: &str = "Memory0";
