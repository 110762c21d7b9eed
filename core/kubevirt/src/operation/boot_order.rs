//! Which devices an override boots from, and what the boot sequence then is.
//!
//! Pure: templates in, places out.

use serde_json::{Value, json};

use crate::annotation::{BootOrder, BootRecord, MediaRecord, Target};
pub(super) use crate::boot_sequence::Device;
use crate::defaults;
use crate::model::Slot;
use crate::object::{Disk, TemplateSpec, VirtualMachine};

/// What a machine can boot from, as an instance of it is going to have it.
#[derive(Debug)]
pub(super) struct Devices<'a> {
    order: &'a BootOrder,
    http: Option<MediaRecord>,
    /// Its own disks, without drives whose media come and go, and whether they are on the USB bus.
    disks: Vec<(Box<str>, bool)>,
    stick: Option<Box<str>>,
    /// CD-ROM drives, the one that stands for the slot first.
    drives: Vec<Box<str>>,
    interfaces: Vec<Box<str>>,
    spec: TemplateSpec,
}

impl<'a> Devices<'a> {
    /// The devices of a machine whose own order is this.
    pub(super) fn of(machine: &VirtualMachine, order: &'a BootOrder) -> Self {
        let spec = defaults::applied(machine);
        let medium = |slot| MediaRecord::read(machine, slot);
        let (cd, stick, http) = (medium(Slot::Cd), medium(Slot::Usb), medium(Slot::Http));
        let drive_of = |record: &Option<MediaRecord>| record.as_ref().map(|record| record.drive.clone());
        let (cd, stick, http_drive) = (drive_of(&cd), drive_of(&stick), drive_of(&http));
        let sources = || spec.domain.devices.disks.iter().filter(|disk| spec.is_boot_source(disk));
        let fixed = sources().filter(|disk| disk.cdrom.is_none() && disk.name != stick);
        let disks = fixed.filter_map(|disk| Some((disk.name.clone()?, is_on_usb(disk)))).collect();
        let all: Vec<Box<str>> = sources()
            .filter(|disk| disk.cdrom.is_some() && (disk.name != http_drive || http_drive.is_none()))
            .filter_map(|disk| disk.name.clone())
            .collect();
        // The drive with our medium, else the first empty one, else the first.
        let slot = all.iter().find(|drive| Some(*drive) == cd.as_ref());
        let slot = slot.or_else(|| all.iter().find(|drive| spec.volume(drive).is_none())).or_else(|| all.first());
        let others = all.iter().filter(|drive| Some(*drive) != slot).cloned().collect();
        let drives = slot.cloned().into_iter().chain(in_owners_order(others, |name| order.disks.get(name))).collect();
        let interfaces = spec.domain.devices.interfaces.iter().filter_map(|interface| interface.name.clone()).collect();
        Self { order, http, disks, stick, drives, interfaces, spec }
    }

    /// The machine's own disks, without drives whose media come and go and what holds only data.
    pub(super) fn own_disks(&self) -> impl Iterator<Item = &Box<str>> {
        self.disks.iter().map(|(name, _)| name)
    }

    /// The devices that an override boots from, in the order in which they are tried; none if the machine has none.
    pub(super) fn of_target(&self, record: &BootRecord) -> Vec<Device> {
        let disks = |on_usb: bool| {
            let disks = self.disks.iter().filter(|(_, is)| *is == on_usb).map(|(name, _)| name.clone()).collect();
            in_owners_order(disks, |name| self.order.disks.get(name))
        };
        let network = || {
            let interfaces = in_owners_order(self.interfaces.clone(), |name| self.order.interfaces.get(name));
            interfaces.into_iter().map(Device::Interface).collect()
        };
        match record.target {
            Target::None => Vec::new(),
            Target::Cd => self.drives.iter().cloned().map(Device::Disk).collect(),
            Target::Usb => self.stick.iter().cloned().chain(disks(true)).map(Device::Disk).collect(),
            Target::Hdd => {
                let fixed = disks(false);
                let disks = if fixed.is_empty() { disks(true) } else { fixed };
                disks.into_iter().map(Device::Disk).collect()
            }
            Target::Pxe => network(),
            Target::UefiBootNext => record.next.iter().filter(|next| next.is_in(&self.spec)).cloned().collect(),
            Target::UefiHttp if record.http_uri.is_none() => network(),
            Target::UefiHttp => {
                let medium = self.http.iter().filter(|medium| Some(&medium.image) == record.http_uri.as_ref());
                medium.map(|medium| Device::Disk(medium.drive.clone())).collect()
            }
        }
    }
}

/// The devices of one target as they are tried: in the order of their places. If the owner has given a place to any of them
/// the others are left out; if to none, all of them are tried as they come.
fn in_owners_order<'o>(devices: Vec<Box<str>>, place: impl Fn(&Box<str>) -> Option<&'o u32>) -> Vec<Box<str>> {
    let mut placed: Vec<_> = devices.iter().filter_map(|name| Some((*place(name)?, name.clone()))).collect();
    placed.sort();
    if placed.is_empty() { devices } else { placed.into_iter().map(|(_, name)| name).collect() }
}

fn is_on_usb(disk: &Disk) -> bool {
    let targets = [&disk.disk, &disk.lun];
    targets.into_iter().flatten().any(|target| target.bus.as_deref() == Some("usb"))
}

/// The order that tries `first` before everything else. `disks` are the machine's own.
pub(super) fn with_first<'d>(
    first: &[Device],
    original: &BootOrder,
    disks: impl Iterator<Item = &'d Box<str>>,
) -> BootOrder {
    let mut rest = original.sequence();
    if rest.is_empty() {
        // Nobody chose an order: the cluster would try the disks as they come.
        rest.extend(disks.cloned().map(Device::Disk));
    }
    BootOrder::of_sequence(first.iter().cloned().chain(rest))
}

/// Writes an order into the template's lists as they came.
pub(super) fn write_into(order: &BootOrder, disks: &mut [Value], interfaces: &mut [Value]) {
    for (devices, places) in [(disks, &order.disks), (interfaces, &order.interfaces)] {
        for device in devices {
            let place = device.get("name").and_then(Value::as_str).and_then(|name| places.get(name)).copied();
            let Some(device) = device.as_object_mut() else { continue };
            match place {
                Some(place) => device.insert("bootOrder".to_owned(), json!(place)),
                None => device.remove("bootOrder"),
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::{Element, Object};
    use proptest::prelude::*;
    use serde::Deserialize;

    fn machine(spec: &Value) -> VirtualMachine {
        let object = json!({ "spec": { "template": { "spec": spec } } });
        let Element(Object(machine)) = Element::deserialize(&object).expect("any JSON will do");
        machine
    }

    fn sequence(order: &BootOrder) -> Vec<(u32, String)> {
        let disks = order.disks.iter().map(|(name, place)| (*place, name.to_string()));
        let mut all: Vec<_> =
            disks.chain(order.interfaces.iter().map(|(name, place)| (*place, name.to_string()))).collect();
        all.sort();
        all
    }

    fn overridden(target: Target, spec: &Value) -> Vec<String> {
        let machine = machine(spec);
        let original = BootOrder::of(&machine.spec.template.spec);
        let devices = Devices::of(&machine, &original);
        let first = devices.of_target(&BootRecord { target, ..BootRecord::default() });
        assert!(!first.is_empty(), "the machine has one");
        let order = with_first(&first, &original, devices.own_disks());
        sequence(&order).into_iter().map(|(_, name)| name).collect()
    }

    #[test]
    fn the_target_goes_first_and_the_rest_keeps_its_order() {
        let spec = json!({ "domain": { "devices": {
            "disks": [
                { "name": "data", "disk": {} },
                { "name": "root", "disk": {}, "bootOrder": 2 },
                { "name": "cd", "cdrom": {} },
            ],
            "interfaces": [{ "name": "lan" }, { "name": "prov", "bootOrder": 5 }],
        } } });
        assert_eq!(overridden(Target::Cd, &spec), ["cd", "root", "prov"]);
        assert_eq!(overridden(Target::Pxe, &spec), ["prov", "root"]);
        assert_eq!(overridden(Target::Hdd, &spec), ["root", "prov"]);
    }

    #[test]
    fn without_an_order_the_disks_follow_as_they_come() {
        let spec = json!({ "domain": { "devices": {
            "disks": [{ "name": "root", "disk": {} }, { "name": "tools", "cdrom": {} }, { "name": "data" }],
            "interfaces": [{ "name": "lan" }, { "name": "prov" }],
        } } });
        assert_eq!(overridden(Target::Pxe, &spec), ["lan", "prov", "root", "data"]);
        assert_eq!(overridden(Target::Hdd, &spec), ["root", "data"]);
    }

    #[test]
    fn an_empty_drive_stands_for_the_slot_before_a_full_one() {
        let spec = json!({ "domain": { "devices": {
            "disks": [{ "name": "tools", "cdrom": {} }, { "name": "empty", "cdrom": {} }],
        } }, "volumes": [{ "name": "tools", "containerDisk": { "image": "tools" } }] });
        assert_eq!(overridden(Target::Cd, &spec), ["empty", "tools"]);
    }

    proptest! {
        #[test]
        fn every_place_is_taken_once_from_one_on(
            disks in prop::collection::btree_map("[a-c]", 1_u32..9, 0..4),
            interfaces in prop::collection::btree_map("[d-f]", 1_u32..9, 0..4),
            first in "[a-f]",
        ) {
            let boxed = |map: std::collections::BTreeMap<String, u32>| map.into_iter().map(|(name, place)| (name.into(), place)).collect();
            let original = BootOrder { disks: boxed(disks), interfaces: boxed(interfaces) };
            let first = if *first < *"d" { Device::Disk((&*first).into()) } else { Device::Interface((&*first).into()) };
            let order = with_first(std::slice::from_ref(&first), &original, std::iter::empty());
            let places: Vec<u32> = sequence(&order).into_iter().map(|(place, _)| place).collect();
            prop_assert_eq!(&places, &(1..=u32::try_from(places.len()).expect("few")).collect::<Vec<_>>());
            let at = |order: &BootOrder| order.place(&first);
            prop_assert_eq!(at(&order), Some(1));
            let before = sequence(&original).len() + usize::from(at(&original).is_none());
            prop_assert_eq!(places.len(), before);
        }
    }
}
