//! `/redfish/v1/Systems/{system}/Storage/{storage}/Drives/{drive}`: a disk. Schema `Drive`, version 1.22.0.
//!
//! What it is made of and how much it holds is a matter of the cluster's storage, of which nothing is known here.

use serde::Serialize;

use super::{Context, Status, storage};
use crate::http::{ETAG_PLACEHOLDER, Refusal, Representation, Schema, schema};
use crate::model::DriveBus;
use crate::route::{Inventory, Route};
use crate::view::Vm;

pub(super) const SCHEMA: Schema = schema!("Drive", "v1_22_0");

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Drive<'a> {
    #[serde(rename = "@odata.id")]
    odata_id: Route<'a>,
    #[serde(rename = "@odata.type")]
    odata_type: Schema,
    #[serde(rename = "@odata.etag")]
    odata_etag: &'static str,
    id: &'a str,
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    protocol: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    serial_number: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    capacity_bytes: Option<u64>,
    status: Status,
}

pub(super) fn represent(context: &Context<'_>, vm: &Vm, bus: &str, id: &str) -> Result<Representation, Refusal> {
    let system = context.view.shown_name(&vm.machine.id);
    let (_, drive) = storage::drives_of(vm, bus)
        .and_then(|mut drives| drives.find(|(drive, _)| drive == id))
        .ok_or_else(|| Refusal::not_found("Drive", id))?;
    let resource = Drive {
        odata_id: Route::Inventory(system, Inventory::Drive { storage: bus, drive: id }),
        odata_type: SCHEMA,
        odata_etag: ETAG_PLACEHOLDER,
        id,
        name: &drive.name,
        protocol: drive.bus.map(|bus| match bus {
            DriveBus::Sata => "SATA",
            DriveBus::Usb => "USB",
            // The schema has no name for what only virtual machines have.
            DriveBus::Virtio | DriveBus::Scsi => "OEM",
        }),
        serial_number: drive.serial.as_deref().filter(|text| !text.is_empty()),
        capacity_bytes: vm.drive_size(drive),
        status: Status::ENABLED,
    };
    Ok(Representation::of_resource(SCHEMA, &resource))
}
