//! `/redfish/v1/Systems/{system}/BootOptions/{option}`: a device that a system can boot from. Schema `BootOption`,
//! version 1.0.6.

use std::borrow::Cow;

use serde::Serialize;

use super::{Context, Link, inventory, parameters, storage};
use crate::http::{ETAG_PLACEHOLDER, JsonObject, Refusal, Representation, Schema, schema};
use crate::messages::{Message, base};
use crate::model::{
    Action, BootChange, BootDevice, BootOrderChange, BootTarget, Drive, DriveBus, DriveKind, Machine, MachineChange,
    Nic, Slot,
};
use crate::route::{Inventory, Route};
use crate::view::Vm;

pub(super) const SCHEMA: Schema = schema!("BootOption", "v1_0_6");

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Resource<'a> {
    #[serde(rename = "@odata.id")]
    odata_id: Route<'a>,
    #[serde(rename = "@odata.type")]
    odata_type: Schema,
    #[serde(rename = "@odata.etag")]
    odata_etag: &'static str,
    #[serde(rename = "@Redfish.WriteableProperties")]
    writeable: [&'static str; 1],
    id: &'a str,
    name: String,
    boot_option_reference: &'a str,
    display_name: String,
    alias: &'static str,
    boot_option_enabled: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    related_item: Option<[Link<'a>; 1]>,
    #[serde(rename = "RelatedItem@odata.count", skip_serializing_if = "Option::is_none")]
    related_count: Option<u32>,
}

/// A device that a machine can boot from.
pub(super) struct BootOption<'a> {
    /// Its id, which is also how `BootOrder` and `BootNext` refer to it: made of the device's name, so that it stays the
    /// same whatever comes and goes beside it.
    pub(super) reference: String,
    pub(super) device: BootDevice,
    /// Its place in the machine's own order.
    place: Option<u32>,
    kind: Kind,
    /// Its name, and its id where it is shown as what it is.
    name: &'a str,
    id: Cow<'a, str>,
}

#[derive(Clone, Copy)]
enum Kind {
    Disk(Option<DriveBus>),
    CdRom,
    /// A disk that holds virtual media.
    Stick,
    Nic,
}

impl<'a> BootOption<'a> {
    fn of_drive(drive: &'a Drive, index: usize, machine: &Machine) -> Self {
        let id = inventory::device_id(&drive.name, index);
        Self {
            reference: format!("Drive.{id}"),
            device: BootDevice::Drive(drive.name.clone()),
            place: drive.boot_order,
            kind: match drive.kind {
                DriveKind::CdRom => Kind::CdRom,
                _ if machine.media.iter().any(|medium| medium.drive == drive.name) => Kind::Stick,
                DriveKind::Disk | DriveKind::Lun => Kind::Disk(drive.bus),
            },
            name: &drive.name,
            id,
        }
    }

    fn of_nic(nic: &'a Nic, index: usize) -> Self {
        let id = inventory::device_id(&nic.name, index);
        Self {
            reference: format!("Nic.{id}"),
            device: BootDevice::Nic(nic.name.clone()),
            place: nic.boot_order,
            kind: Kind::Nic,
            name: &nic.name,
            id,
        }
    }

    /// Whether it is tried at all: where nobody chose an order the cluster tries the disks.
    fn is_tried(&self, chosen: bool) -> bool {
        if chosen { self.place.is_some() } else { matches!(self.kind, Kind::Disk(_)) }
    }

    /// Where it is shown as what it is.
    fn related<'r>(&'r self, vm: &Vm, system: &'r str) -> Option<Route<'r>> {
        match self.kind {
            Kind::Disk(bus) => {
                let drive = Inventory::Drive { storage: storage::id_of(bus)?, drive: &self.id };
                Some(Route::Inventory(system, drive))
            }
            Kind::CdRom | Kind::Stick => {
                let medium = vm.machine.media.iter().find(|medium| *medium.drive == *self.name)?;
                Slot::SHOWN.contains(&medium.slot).then_some(Route::VirtualMedia(system, medium.slot))
            }
            Kind::Nic => Some(Route::Inventory(system, Inventory::EthernetInterface(&self.id))),
        }
    }
}

/// Every device that a machine can boot from, in the order of its definition.
pub(super) fn options(machine: &Machine) -> Vec<BootOption<'_>> {
    let drives = machine.drives.iter().enumerate().filter(|(_, drive)| drive.boot_source);
    let drives = drives.map(|(index, drive)| BootOption::of_drive(drive, index, machine));
    let nics = machine.nics.iter().enumerate().map(|(index, nic)| BootOption::of_nic(nic, index));
    drives.chain(nics).collect()
}

/// Whether a machine has what a target of boot overrides is about, or is given it when that is asked for.
pub(super) fn has(machine: &Machine, target: BootTarget) -> bool {
    let any = |of: fn(Kind) -> bool| options(machine).into_iter().any(|option| of(option.kind));
    match target {
        BootTarget::None => true,
        _ if machine.starts_kernel => false,
        BootTarget::Pxe => !machine.nics.is_empty(),
        BootTarget::Hdd => any(|kind| matches!(kind, Kind::Disk(_))),
        BootTarget::UefiBootNext => any(|_| true),
        BootTarget::Cd | BootTarget::Usb | BootTarget::UefiHttp => true,
    }
}

/// The options that are in the machine's own order, the first one first; none if nobody chose an order.
pub(super) fn in_order(machine: &Machine) -> Vec<BootOption<'_>> {
    let mut chosen: Vec<_> = options(machine).into_iter().filter(|option| option.place.is_some()).collect();
    chosen.sort_by_key(|option| option.place);
    chosen
}

/// The device that the machine tries first in its own order, or in that of the cluster.
pub(super) fn first(machine: &Machine) -> Option<BootDevice> {
    first_option(machine).map(|option| option.device)
}

/// Whether the machine tries what its boot override names first without it, too.
pub(super) fn is_first_anyway(machine: &Machine) -> bool {
    first_option(machine).is_some_and(|first| match machine.boot.target {
        BootTarget::Hdd => matches!(first.kind, Kind::Disk(_)),
        BootTarget::Pxe => matches!(first.kind, Kind::Nic),
        BootTarget::UefiHttp => matches!(first.kind, Kind::Nic) && machine.boot.http_uri.is_none(),
        BootTarget::UefiBootNext => machine.boot.next.as_ref() == Some(&first.device),
        BootTarget::None | BootTarget::Cd | BootTarget::Usb => false,
    })
}

fn first_option(machine: &Machine) -> Option<BootOption<'_>> {
    let chosen = in_order(machine).into_iter().next();
    chosen.or_else(|| options(machine).into_iter().find(|option| option.is_tried(false)))
}

/// How a device is referred to, if the machine has it.
pub(super) fn reference(machine: &Machine, device: &BootDevice) -> Option<String> {
    options(machine).into_iter().find(|option| option.device == *device).map(|option| option.reference)
}

pub(super) fn represent(context: &Context<'_>, vm: &Vm, id: &str) -> Result<Representation, Refusal> {
    let system = context.view.shown_name(&vm.machine.id);
    let (option, chosen) = find(vm, id)?;
    let (noun, alias) = match option.kind {
        Kind::Disk(Some(DriveBus::Usb)) => ("USB Disk", "Usb"),
        Kind::Stick => ("USB Stick", "Usb"),
        Kind::Disk(_) => ("Disk", "Hdd"),
        Kind::CdRom => ("CD-ROM Drive", "Cd"),
        Kind::Nic => ("Network Interface", "Pxe"),
    };
    let related = option.related(vm, system).map(Link::to);
    let resource = Resource {
        odata_id: Route::Inventory(system, Inventory::BootOption(id)),
        odata_type: SCHEMA,
        odata_etag: ETAG_PLACEHOLDER,
        writeable: ["BootOptionEnabled"],
        id,
        name: format!("Boot Option {id}"),
        boot_option_reference: id,
        display_name: format!("{noun} {}", option.name),
        alias,
        boot_option_enabled: option.is_tried(chosen),
        related_item: related.map(|link| [link]),
        related_count: related.map(|_| 1),
    };
    Ok(Representation::of_settings(SCHEMA, &resource, &resource.boot_option_enabled, None::<&()>))
}

/// Understands a PATCH: an option that is enabled is tried after all others, one that is not is not tried.
pub(super) fn patch(vm: &Vm, id: &str, body: &JsonObject) -> Result<Action, Refusal> {
    let (option, chosen) = find(vm, id)?;
    let mut problems = parameters::Patch::new(READ_ONLY);
    let mut enabled = None;
    for (name, value) in parameters::members(body) {
        match name {
            "BootOptionEnabled" => enabled = problems.boolean(name, value),
            _ => problems.not_writable(name),
        }
    }
    problems.finish()?;
    let enabled = enabled.ok_or_else(|| Refusal::bad_request(vec![Message::new(&base::NO_OPERATION, [])]))?;
    let mut tried = options(&vm.machine).into_iter().filter(|option| option.is_tried(chosen));
    if !enabled && tried.all(|other| other.device == option.device) && option.is_tried(chosen) {
        // An order without devices would leave the choice to the cluster.
        let message = Message::new(&base::PROPERTY_VALUE_CONFLICT, ["BootOptionEnabled", "BootOrder"]);
        return Err(Refusal::bad_request(vec![message.about("#/BootOptionEnabled")]));
    }
    let order = if enabled { BootOrderChange::Enable(option.device) } else { BootOrderChange::Disable(option.device) };
    let boot = BootChange { order: Some(order), ..BootChange::default() };
    Ok(Action::Change(MachineChange { boot: Some(boot), ..MachineChange::default() }))
}

/// The option of that id, and whether anybody chose an order.
fn find<'a>(vm: &'a Vm, id: &str) -> Result<(BootOption<'a>, bool), Refusal> {
    let options = options(&vm.machine);
    let chosen = options.iter().any(|option| option.place.is_some());
    let option = options.into_iter().find(|option| option.reference == id);
    option.map(|option| (option, chosen)).ok_or_else(|| Refusal::not_found("BootOption", id))
}

const READ_ONLY: &[&str] =
    &["Id", "Name", "Description", "BootOptionReference", "DisplayName", "Alias", "RelatedItem", "UefiDevicePath"];
