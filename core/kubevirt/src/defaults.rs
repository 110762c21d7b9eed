//! What `KubeVirt` adds to a machine's definition by itself when it makes an instance of it.
//!
//! The definition in the cluster keeps what its owner wrote (inventory facts, section 1). Everything that is told or
//! decided of a machine goes by what comes of this, so that it is the same while the machine is off as when it runs. As in
//! `pkg/defaults`, `pkg/storage/vmispec/defaults.go` and `pkg/network/vmispec/defaults.go` of release 1.9.

use super::object::{Disk, Interface, Object, TemplateSpec, VirtualMachine};
use super::quantity::Quantity;
use super::translate::architecture;
use crate::model::Architecture;

/// A machine's definition as an instance of it is going to have it. What an instance type or a preference fills in before
/// is left open.
pub(crate) fn applied(machine: &VirtualMachine) -> TemplateSpec {
    let mut spec = machine.spec.template.spec.0.clone();
    remove_absent(&mut spec);
    if is_given_interface(&spec) {
        spec.domain
            .0
            .devices
            .0
            .interfaces
            .push(Object(Interface { name: Some(INTERFACE.into()), ..Interface::default() }));
    }
    for name in implied_disks(&spec) {
        spec.domain.0.devices.0.disks.push(Object(Disk { name: Some(name), ..Disk::default() }));
    }
    let has_preference = machine.has_preference();
    let bus = if architecture(&spec) == Architecture::X86_64 { "sata" } else { "virtio" };
    for disk in &mut spec.domain.0.devices.0.disks {
        let disk = &mut disk.0;
        if disk.disk.is_none() && disk.cdrom.is_none() && disk.lun.is_none() {
            disk.disk = Some(Object::default());
        }
        for target in [&mut disk.disk, &mut disk.cdrom, &mut disk.lun].into_iter().flatten() {
            if target.bus.as_deref().is_none_or(str::is_empty) {
                target.0.bus = (!has_preference).then(|| bus.into());
            }
        }
    }
    if !machine.has_instance_type() {
        size(&mut spec);
    }
    spec
}

/// What the definition of an instance means: nothing is added to it any more.
pub(crate) fn of_instance(spec: &TemplateSpec) -> TemplateSpec {
    let mut spec = spec.clone();
    remove_absent(&mut spec);
    spec
}

/// The names of the interfaces that a definition takes away.
pub(crate) fn absent_interfaces(spec: &TemplateSpec) -> impl Iterator<Item = &Box<str>> {
    let absent = spec.domain.devices.interfaces.iter().filter(|interface| interface.is_absent());
    absent.filter_map(|interface| interface.name.as_ref())
}

/// Whether a machine is given a network interface because its definition has none, nor forbids it.
pub(crate) fn is_given_interface(spec: &TemplateSpec) -> bool {
    let devices = &spec.domain.devices;
    devices.autoattach_pod_interface != Some(false) && devices.interfaces.is_empty() && spec.networks.is_empty()
}

/// The volumes that are given a disk because the definition has neither a disk nor a file system for them. A dump of the
/// machine's own memory is none of its drives.
pub(crate) fn implied_disks(spec: &TemplateSpec) -> Vec<Box<str>> {
    let devices = &spec.domain.devices;
    let disks = devices.disks.iter().map(|disk| &disk.name);
    let taken: Vec<_> = disks.chain(devices.filesystems.iter().map(|system| &system.name)).flatten().collect();
    let volumes = spec.volumes.iter().filter(|volume| volume.memory_dump.is_none());
    volumes.filter_map(|volume| volume.name.clone()).filter(|name| !taken.contains(&name)).collect()
}

/// What the interface is called that a machine without any is given, and its network.
pub(crate) const INTERFACE: &str = "default";

/// The controller removes them from the definition, with their networks, a moment after somebody has said so.
fn remove_absent(spec: &mut TemplateSpec) {
    let absent: Vec<Box<str>> = absent_interfaces(spec).cloned().collect();
    if absent.is_empty() {
        return;
    }
    spec.domain.0.devices.0.interfaces.retain(|interface| !interface.is_absent());
    spec.networks.retain(|network| network.name.as_ref().is_none_or(|name| !absent.contains(name)));
}

/// Processors and memory. A topology that is not spelled out is one of sockets: as many as the processors of the limits,
/// else of the requests. Memory goes by what is requested before what is allowed.
fn size(spec: &mut TemplateSpec) {
    let domain = &mut spec.domain.0;
    let resources = &domain.resources;
    let is_set = |count: Option<u64>| count.is_some_and(|count| count > 0);
    let cpu = &mut domain.cpu.0;
    if ![cpu.sockets, cpu.cores, cpu.threads].into_iter().any(is_set) {
        let sockets = resources.limits.cpu.or(resources.requests.cpu).map(Quantity::ceil);
        (cpu.sockets, cpu.cores, cpu.threads) = (Some(sockets.unwrap_or(1).max(1)), Some(1), Some(1));
    }
    let memory = &mut domain.memory.0;
    let some = |amount: Option<Quantity>| amount.filter(|amount| amount.ceil() > 0);
    memory.guest = memory
        .guest
        .or_else(|| some(resources.requests.memory))
        .or_else(|| some(resources.limits.memory))
        .or(memory.hugepages.page_size);
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::object::Element;
    use serde::Deserialize;

    fn applied_to(spec: &Value) -> TemplateSpec {
        let object = json!({ "spec": { "template": { "spec": spec } } });
        let Element(Object(machine)) = Element::deserialize(&object).expect("any JSON will do");
        applied(&machine)
    }

    fn names(spec: &TemplateSpec) -> (Vec<&str>, Vec<&str>) {
        let devices = &spec.domain.devices;
        (
            devices.disks.iter().filter_map(|disk| disk.name.as_deref()).collect(),
            devices.interfaces.iter().filter_map(|nic| nic.name.as_deref()).collect(),
        )
    }

    #[test]
    fn devices_that_nobody_listed() {
        for (spec, disks, interfaces) in [
            (json!({}), vec![], vec!["default"]),
            (json!({ "domain": { "devices": { "autoattachPodInterface": false } } }), vec![], vec![]),
            (json!({ "networks": [{ "name": "lan", "multus": {} }] }), vec![], vec![]),
            (json!({ "volumes": [{ "name": "b" }, { "name": "a" }] }), vec!["b", "a"], vec!["default"]),
            (
                json!({ "volumes": [{ "name": "fs" }, { "name": "dump", "memoryDump": {} }, { "name": "a" }],
                        "domain": { "devices": { "disks": [{ "name": "cd", "cdrom": {} }], "filesystems": [{ "name": "fs" }] } } }),
                vec!["cd", "a"],
                vec!["default"],
            ),
            // What goes leaves a machine without any interface, which is given one.
            (
                json!({ "networks": [{ "name": "lan", "multus": {} }],
                        "domain": { "devices": { "interfaces": [{ "name": "lan", "state": "absent" }] } } }),
                vec![],
                vec!["default"],
            ),
        ] {
            assert_eq!(names(&applied_to(&spec)), (disks, interfaces), "{spec}");
        }
    }

    #[test]
    fn buses_depend_on_the_architecture() {
        for (architecture, expected) in
            [(json!("amd64"), "sata"), (json!("arm64"), "virtio"), (json!("s390x"), "virtio")]
        {
            let disks =
                json!([{ "name": "a" }, { "name": "b", "cdrom": {} }, { "name": "c", "lun": { "bus": "scsi" } }]);
            let spec =
                applied_to(&json!({ "architecture": architecture, "domain": { "devices": { "disks": disks } } }));
            let disks = &spec.domain.devices.disks;
            let bus = |index: usize| {
                let disk: &Disk = &disks[index];
                let target = [&disk.disk, &disk.cdrom, &disk.lun].into_iter().flatten().next();
                target.and_then(|target| target.bus.clone())
            };
            assert_eq!(
                [bus(0), bus(1), bus(2)].map(Option::unwrap_or_default),
                [expected, expected, "scsi"].map(Into::into)
            );
        }
    }
}
