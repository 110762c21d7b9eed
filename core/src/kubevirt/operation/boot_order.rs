//! Which device an override boots from, and what the boot sequence then is.
//!
//! Pure: templates in, places out.

use serde_json::{Value, json};

use crate::kubevirt::annotation::{BootOrder, BootRecord, MediaRecord, Target};
pub(super) use crate::kubevirt::boot_sequence::Device;
use crate::kubevirt::object::VirtualMachine;
use crate::model::Slot;

/// The device that an override boots from; `None` if the machine has none. `disks` are its own, without drives whose
/// media come and go.
pub(super) fn device(
    record: &BootRecord,
    machine: &VirtualMachine,
    disks: &[Box<str>],
    order: &BootOrder,
) -> Option<Device> {
    let spec = &machine.spec.template.spec;
    let place = |device: &Device| order.place(device).unwrap_or(u32::MAX);
    match record.target {
        Target::None => None,
        Target::Cd => cd_drive(machine).map(Device::Disk),
        Target::Usb => MediaRecord::read(machine, Slot::Usb).map(|record| Device::Disk(record.drive)),
        Target::Hdd => disks.iter().cloned().map(Device::Disk).min_by_key(place),
        Target::Pxe => {
            let interfaces = spec.domain.devices.interfaces.iter().filter_map(|interface| interface.name.clone());
            interfaces.map(Device::Interface).min_by_key(place)
        }
        Target::UefiBootNext => record.next.clone().filter(|next| next.is_in(spec)),
        Target::UefiHttp => {
            let medium = MediaRecord::read(machine, Slot::Http)?;
            (Some(&medium.image) == record.http_uri.as_ref()).then_some(Device::Disk(medium.drive))
        }
    }
}

/// The drive that stands for the CD-ROM slot: the one with our medium, else the first empty one, else the first.
fn cd_drive(machine: &VirtualMachine) -> Option<Box<str>> {
    let spec = &machine.spec.template.spec;
    let drives =
        || spec.domain.devices.disks.iter().filter(|disk| disk.cdrom.is_some()).filter_map(|disk| disk.name.clone());
    let of = |slot| MediaRecord::read(machine, slot).map(|record| record.drive);
    let (ours, others) = (of(Slot::Cd), of(Slot::Http));
    let drives = || drives().filter(|drive| Some(drive) != others.as_ref());
    drives()
        .find(|drive| Some(drive) == ours.as_ref())
        .or_else(|| drives().find(|drive| spec.volume(drive).is_none()))
        .or_else(|| drives().next())
}

/// The order that tries `first` before everything else. `disks` are the machine's own.
pub(super) fn with_first(first: &Device, original: &BootOrder, disks: &[Box<str>]) -> BootOrder {
    let mut rest = original.sequence();
    if rest.is_empty() {
        // Nobody chose an order: the cluster would try the disks as they come.
        rest.extend(disks.iter().cloned().map(Device::Disk));
    }
    BootOrder::of_sequence(std::iter::once(first.clone()).chain(rest))
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
    use crate::kubevirt::object::{Element, Object};
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
        let spec = &machine.spec.template.spec;
        let original = BootOrder::of(spec);
        let disks = spec.domain.devices.disks.iter().filter(|disk| disk.cdrom.is_none());
        let disks: Vec<_> = disks.filter_map(|disk| disk.name.clone()).collect();
        let first = device(&BootRecord { target, ..BootRecord::default() }, &machine, &disks, &original)
            .expect("the machine has one");
        sequence(&with_first(&first, &original, &disks)).into_iter().map(|(_, name)| name).collect()
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
        assert_eq!(overridden(Target::Pxe, &spec), ["lan", "root", "data"]);
        assert_eq!(overridden(Target::Hdd, &spec), ["root", "data"]);
    }

    #[test]
    fn an_empty_drive_stands_for_the_slot_before_a_full_one() {
        let spec = json!({ "domain": { "devices": {
            "disks": [{ "name": "tools", "cdrom": {} }, { "name": "empty", "cdrom": {} }],
        } }, "volumes": [{ "name": "tools", "containerDisk": { "image": "tools" } }] });
        assert_eq!(overridden(Target::Cd, &spec), ["empty"]);
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
            let order = with_first(&first, &original, &[]);
            let places: Vec<u32> = sequence(&order).into_iter().map(|(place, _)| place).collect();
            prop_assert_eq!(&places, &(1..=u32::try_from(places.len()).expect("few")).collect::<Vec<_>>());
            let at = |order: &BootOrder| order.place(&first);
            prop_assert_eq!(at(&order), Some(1));
            let before = sequence(&original).len() + usize::from(at(&original).is_none());
            prop_assert_eq!(places.len(), before);
        }
    }
}
