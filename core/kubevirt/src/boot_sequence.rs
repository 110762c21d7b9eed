//! The boot sequence as one list over disks and network interfaces, and what becomes of it when a change of it is
//! undone.
//!
//! Pure: places in, places out. The cluster wants every place to be taken once, over disks and interfaces together,
//! and tries no device without a place as soon as one has one (facts, section 7).

use serde::{Deserialize, Serialize};

use super::annotation::{BootOrder, BootRecord, Enabled, OrderChange, Target, is_device_name, is_uid, is_word, record};
use super::object::{TemplateSpec, VirtualMachine};
use crate::model::{BootDevice, Url};

/// A device that can be booted from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Device {
    Disk(Box<str>),
    Interface(Box<str>),
}

impl Device {
    /// Whether a template has it.
    pub(crate) fn is_in(&self, spec: &TemplateSpec) -> bool {
        let devices = &spec.domain.devices;
        match self {
            Self::Disk(name) => devices.disks.iter().any(|disk| disk.name.as_ref() == Some(name)),
            Self::Interface(name) => {
                devices.interfaces.iter().any(|nic| nic.name.as_ref() == Some(name) && !nic.is_absent())
            }
        }
    }
}

impl BootRecord {
    /// The override that is in force on a machine: what the annotation says, if the template bears it out. Whoever puts
    /// other lists into the template, or another first device, has ended it, whatever becomes of the annotation.
    pub(crate) fn read(machine: &VirtualMachine) -> Option<Self> {
        Self::written(machine).filter(|record| record.is_borne_out(&machine.spec.template.spec))
    }

    /// What the annotation says, whether or not it is still so; `None` if there is none, or nothing that the service
    /// would have written.
    pub(crate) fn written(machine: &VirtualMachine) -> Option<Self> {
        Self::parse(machine.metadata.annotations.boot_override.as_deref()?)
    }

    /// Reads what was written; `None` for anything else.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let record: Self = record(text)?;
        let plausible = record.first().is_none_or(|first| match record.target {
            Target::None => false,
            Target::Pxe => matches!(first, Device::Interface(_)),
            Target::Cd | Target::Usb | Target::Hdd => matches!(first, Device::Disk(_)),
            Target::UefiHttp => matches!(first, Device::Disk(_)) == record.http_uri.is_some(),
            Target::UefiBootNext => record.next.as_ref() == Some(&first),
        });
        (plausible && record.is_within_bounds()).then_some(record)
    }

    fn is_within_bounds(&self) -> bool {
        let change = self.change.iter();
        let orders = change.clone().flat_map(|change| [&change.original, &change.written]);
        let policies = change.clone().filter_map(|change| change.reboot_policy.as_deref());
        let mut spelled_out = change.flat_map(|change| &change.spelled_out);
        let named = self.next.as_ref().is_none_or(Device::is_named);
        let url = self.http_uri.as_deref().is_none_or(|uri| Url::parse(uri).is_some());
        named
            && url
            && self.armed_for.as_deref().is_none_or(is_uid)
            && orders.into_iter().all(BootOrder::is_within_bounds)
            && policies.into_iter().all(is_word)
            && spelled_out.all(|name| is_device_name(name))
    }

    /// The device that it has put first.
    pub(crate) fn first(&self) -> Option<Device> {
        self.change.as_ref().and_then(|change| change.written.first())
    }

    fn is_borne_out(&self, spec: &TemplateSpec) -> bool {
        if self.enabled == Enabled::Disabled {
            // It says what was asked for, not what happens.
            return true;
        }
        if spec.starts_kernel() {
            return false;
        }
        let Some(change) = &self.change else {
            // It waits for something to boot from, which others have always.
            return match self.target {
                Target::Cd | Target::Usb => true,
                Target::UefiHttp => self.http_uri.is_some(),
                Target::None | Target::Pxe | Target::Hdd | Target::UefiBootNext => false,
            };
        };
        let Some(first) = change.written.first() else { return false };
        let is_cd = |name: &str| spec.disk(name).is_some_and(|disk| disk.cdrom.is_some());
        let fits = match (&first, self.target) {
            (Device::Disk(name), Target::Cd | Target::UefiHttp) => is_cd(name),
            (Device::Disk(name), Target::Hdd | Target::Usb) => !is_cd(name),
            (Device::Disk(_) | Device::Interface(_), _) => true,
        };
        fits && first.is_in(spec) && BootOrder::of(spec).first() == Some(first) && change.undone(spec).is_some()
    }
}

impl Device {
    /// Whether it has a name that a device can have.
    fn is_named(&self) -> bool {
        match self {
            Self::Disk(name) | Self::Interface(name) => is_device_name(name),
        }
    }
}

impl From<BootDevice> for Device {
    fn from(device: BootDevice) -> Self {
        match device {
            BootDevice::Drive(name) => Self::Disk(name),
            BootDevice::Nic(name) => Self::Interface(name),
        }
    }
}

impl From<Device> for BootDevice {
    fn from(device: Device) -> Self {
        match device {
            Device::Disk(name) => Self::Drive(name),
            Device::Interface(name) => Self::Nic(name),
        }
    }
}

impl BootOrder {
    fn is_within_bounds(&self) -> bool {
        let names = || self.disks.keys().chain(self.interfaces.keys());
        names().count() <= MOST_DEVICES && names().all(|name| is_device_name(name))
    }

    /// The order that tries these devices: the whole sequence anew, from 1 and without gaps. A device that comes twice
    /// has its first place.
    pub(crate) fn of_sequence(devices: impl IntoIterator<Item = Device>) -> Self {
        let mut order = Self::default();
        let mut place = 1;
        for device in devices {
            if order.place(&device).is_none() {
                order.set(device, place);
                place += 1;
            }
        }
        order
    }

    /// The devices that have a place, in order. Equal places, which the cluster does not allow, stay as they come.
    pub(crate) fn sequence(&self) -> Vec<Device> {
        let disks = self.disks.iter().map(|(name, place)| (*place, Device::Disk(name.clone())));
        let interfaces = self.interfaces.iter().map(|(name, place)| (*place, Device::Interface(name.clone())));
        let mut all: Vec<_> = disks.chain(interfaces).collect();
        all.sort_by_key(|(place, _)| *place);
        all.into_iter().map(|(_, device)| device).collect()
    }

    /// The device that is tried first.
    pub(crate) fn first(&self) -> Option<Device> {
        self.sequence().into_iter().next()
    }

    pub(crate) fn place(&self, device: &Device) -> Option<u32> {
        match device {
            Device::Disk(name) => self.disks.get(name).copied(),
            Device::Interface(name) => self.interfaces.get(name).copied(),
        }
    }

    fn set(&mut self, device: Device, place: u32) {
        match device {
            Device::Disk(name) => self.disks.insert(name, place),
            Device::Interface(name) => self.interfaces.insert(name, place),
        };
    }
}

impl OrderChange {
    /// The order that a template in which this change was made goes back to; `None` if somebody has put its devices in
    /// another order since, which is theirs and stays.
    ///
    /// Devices that came or went since do not matter to that: what went is left out, and what was given a place beside
    /// ours follows what was there before.
    pub(crate) fn undone(&self, spec: &TemplateSpec) -> Option<BootOrder> {
        let current = BootOrder::of(spec);
        let ours = self.written.sequence();
        let untouched = |device: &Device| !device.is_in(spec) || current.place(device) == self.written.place(device);
        if !ours.iter().all(untouched) {
            return None;
        }
        let mut order = BootOrder::default();
        for device in self.original.sequence() {
            if device.is_in(spec)
                && let Some(place) = self.original.place(&device)
            {
                order.set(device, place);
            }
        }
        let added: Vec<_> =
            current.sequence().into_iter().filter(|device| self.written.place(device).is_none()).collect();
        if added.is_empty() {
            return Some(order);
        }
        if self.original == BootOrder::default() {
            // Nobody had chosen an order; now that somebody has, the disks are only tried if they are part of it.
            let first = self.written.first();
            let rest = ours.into_iter().filter(|device| Some(device) != first.as_ref() && device.is_in(spec));
            return Some(BootOrder::of_sequence(rest.chain(added)));
        }
        Some(BootOrder::of_sequence(order.sequence().into_iter().chain(added)))
    }
}

/// As many as a definition can have, of disks and of interfaces.
const MOST_DEVICES: usize = 512;
