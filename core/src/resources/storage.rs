//! `/redfish/v1/Systems/{system}/Storage/{storage}`: the drives on one bus. Schema `Storage`, version 1.21.0.

use std::borrow::Cow;

use serde::Serialize;

use super::{Context, Link, Status, inventory};
use crate::http::{ETAG_PLACEHOLDER, Refusal, Representation, Schema, schema};
use crate::model::{Drive, DriveBus, DriveKind};
use crate::route::{Inventory, Route};
use crate::view::Vm;

pub(super) const SCHEMA: Schema = schema!("Storage", "v1_21_0");

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Storage<'a> {
    #[serde(rename = "@odata.id")]
    odata_id: Route<'a>,
    #[serde(rename = "@odata.type")]
    odata_type: Schema,
    #[serde(rename = "@odata.etag")]
    odata_etag: &'static str,
    id: &'static str,
    name: &'static str,
    drives: Vec<Link<'a>>,
    #[serde(rename = "Drives@odata.count")]
    count: usize,
    status: Status,
}

/// The buses in the order in which they are listed, with their ids and names. The last one is whatever a machine's
/// preference makes it when the machine starts.
const BUSES: [(Option<DriveBus>, &str, &str); 5] = [
    (Some(DriveBus::Virtio), "Virtio", "Virtio Storage"),
    (Some(DriveBus::Sata), "SATA", "SATA Storage"),
    (Some(DriveBus::Scsi), "SCSI", "SCSI Storage"),
    (Some(DriveBus::Usb), "USB", "USB Storage"),
    (None, "Preferred", "Storage on the Preferred Bus"),
];

/// The ids of the buses that have drives.
pub(super) fn ids(vm: &Vm) -> impl Iterator<Item = &'static str> {
    BUSES.iter().filter(|(bus, ..)| drives(vm, *bus).next().is_some()).map(|(_, id, _)| *id)
}

/// The id of a bus.
pub(super) fn id_of(bus: Option<DriveBus>) -> Option<&'static str> {
    BUSES.iter().find(|(known, ..)| *known == bus).map(|(_, id, _)| *id)
}

/// The drives on the bus of that id, with their own ids; `None` if there are none. A CD-ROM drive is no drive to the
/// schema, which knows media that hold data, and virtual media are shown as such.
pub(super) fn drives_of<'a>(vm: &'a Vm, id: &str) -> Option<impl Iterator<Item = (Cow<'a, str>, &'a Drive)> + 'a> {
    let (bus, ..) = BUSES.iter().find(|(_, known, _)| *known == id)?;
    let mut found = drives(vm, *bus).peekable();
    found.peek().is_some().then_some(found)
}

fn drives(vm: &Vm, bus: Option<DriveBus>) -> impl Iterator<Item = (Cow<'_, str>, &Drive)> {
    let all = vm.machine.drives.iter().enumerate();
    let removable = |drive: &Drive| {
        drive.kind == DriveKind::CdRom || vm.machine.media.iter().any(|medium| medium.drive == drive.name)
    };
    all.filter(move |(_, drive)| drive.bus == bus && !removable(drive))
        .map(|(index, drive)| (inventory::device_id(&drive.name, index), drive))
}

pub(super) fn represent(context: &Context<'_>, vm: &Vm, id: &str) -> Result<Representation, Refusal> {
    let system = context.view.shown_name(&vm.machine.id);
    let unknown = || Refusal::not_found("Storage", id);
    let (_, id, name) = BUSES.iter().find(|(_, known, _)| *known == id).ok_or_else(unknown)?;
    let drives: Vec<Cow<'_, str>> = drives_of(vm, id).ok_or_else(unknown)?.map(|(drive, _)| drive).collect();
    let resource = Storage {
        odata_id: Route::Inventory(system, Inventory::Storage(id)),
        odata_type: SCHEMA,
        odata_etag: ETAG_PLACEHOLDER,
        id,
        name,
        count: drives.len(),
        drives: drives
            .iter()
            .map(|drive| Link::to(Route::Inventory(system, Inventory::Drive { storage: id, drive })))
            .collect(),
        status: Status::ENABLED,
    };
    Ok(Representation::of_resource(SCHEMA, &resource))
}
