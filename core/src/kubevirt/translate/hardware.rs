//! Processors, memory, drives and network interfaces of a template.

use crate::kubevirt::annotation::BootOrder;
use crate::kubevirt::object::{Disk, Domain, TemplateSpec};
use crate::kubevirt::quantity::Quantity;
use crate::model::{Architecture, Drive, DriveBus, DriveKind, Nic, Processors};

/// The processors that a template or an instance spells out; `None` if it leaves them to an instance type or to the
/// cluster's default.
pub(super) fn processors(spec: &TemplateSpec) -> Option<Processors> {
    let cpu = &spec.domain.cpu;
    let count =
        |value: Option<u64>| value.map(|value| u32::try_from(value).unwrap_or(u32::MAX)).filter(|value| *value > 0);
    let (sockets, cores, threads) = (count(cpu.sockets), count(cpu.cores), count(cpu.threads));
    // KubeVirt makes the requested or allowed processors sockets if the topology is not spelled out, rounded up.
    let resources = &spec.domain.resources;
    let requested = resources.requests.cpu.or(resources.limits.cpu).map(Quantity::ceil);
    let sockets = match (sockets, cores, threads) {
        (None, None, None) => count(requested)?,
        (sockets, _, _) => sockets.unwrap_or(1),
    };
    Some(Processors {
        architecture: architecture(spec),
        sockets,
        cores: cores.unwrap_or(1),
        threads: threads.unwrap_or(1),
        model: cpu.model.clone(),
    })
}

/// What the cluster gives a machine that asks for nothing: one processor.
pub(super) fn default_processors(spec: &TemplateSpec) -> Processors {
    Processors {
        architecture: architecture(spec),
        sockets: 1,
        cores: 1,
        threads: 1,
        model: spec.domain.cpu.model.clone(),
    }
}

/// Memory in bytes: what the guest sees, else what is requested for it, else what it is limited to.
pub(super) fn memory(domain: &Domain) -> Option<u64> {
    let resources = &domain.resources;
    domain.memory.guest.or(resources.requests.memory).or(resources.limits.memory).map(Quantity::ceil)
}

pub(super) fn drives(spec: &TemplateSpec, order: &BootOrder) -> Box<[Drive]> {
    spec.domain.devices.disks.iter().filter_map(|disk| drive(disk, spec, order)).collect()
}

pub(super) fn nics(spec: &TemplateSpec, order: &BootOrder) -> Box<[Nic]> {
    let interfaces = spec.domain.devices.interfaces.iter();
    interfaces
        .filter_map(|interface| {
            let name = interface.name.clone()?;
            let boot_order = order.interfaces.get(&name).copied();
            Some(Nic { mac: interface.mac_address.clone(), boot_order, name })
        })
        .collect()
}

fn drive(disk: &Disk, spec: &TemplateSpec, order: &BootOrder) -> Option<Drive> {
    let name = disk.name.clone()?;
    // A disk that says nothing about itself is a disk; one of all kinds at once exists only in KubeVirt's API tests.
    let (kind, target) = match (&disk.cdrom, &disk.lun) {
        (Some(cdrom), _) => (DriveKind::CdRom, Some(cdrom)),
        (None, Some(lun)) => (DriveKind::Lun, Some(lun)),
        (None, None) => (DriveKind::Disk, disk.disk.as_ref()),
    };
    let bus = match target.and_then(|target| target.bus.as_deref()) {
        Some("sata") => DriveBus::Sata,
        Some("scsi") => DriveBus::Scsi,
        Some("usb") => DriveBus::Usb,
        // A CD-ROM drive cannot be virtio (facts, section 6): KubeVirt gives it SATA where nothing is said.
        None if kind == DriveKind::CdRom => DriveBus::Sata,
        Some(_) | None => DriveBus::Virtio,
    };
    Some(Drive {
        kind,
        bus,
        loaded: spec.volume(&name).is_some(),
        boot_order: order.disks.get(&name).copied(),
        serial: disk.serial.clone(),
        name,
    })
}

/// What kind of processor it has: as it says itself, or as its machine type does.
pub(crate) fn architecture(spec: &TemplateSpec) -> Architecture {
    let machine = spec.domain.machine.kind.as_deref().unwrap_or_default();
    match spec.architecture.as_deref() {
        Some("arm64") => Architecture::Aarch64,
        Some("s390x") => Architecture::S390x,
        None | Some("") if machine == "virt" || machine.starts_with("virt-") => Architecture::Aarch64,
        None | Some("") if machine.starts_with("s390-ccw") => Architecture::S390x,
        Some(_) | None => Architecture::X86_64,
    }
}
