//! Processors, memory, drives and network interfaces of a template.

use crate::annotation::BootOrder;
use crate::model::{Architecture, Drive, DriveBus, DriveKind, MacAddress, Nic, Processors};
use crate::object::{DataVolumeTemplate, Disk, Domain, Object, TemplateSpec};
use crate::quantity::Quantity;

/// The processors of a definition or an instance; `None` if it leaves them to an instance type.
pub(super) fn processors(spec: &TemplateSpec) -> Option<Processors> {
    let cpu = &spec.domain.cpu;
    let count =
        |value: Option<u64>| value.map(|value| u32::try_from(value).unwrap_or(u32::MAX)).filter(|value| *value > 0);
    let (sockets, cores, threads) = (count(cpu.sockets), count(cpu.cores), count(cpu.threads));
    // What is left out of a topology counts as one.
    [sockets, cores, threads].iter().any(Option::is_some).then(|| Processors {
        architecture: architecture(spec),
        sockets: sockets.unwrap_or(1),
        cores: cores.unwrap_or(1),
        threads: threads.unwrap_or(1),
    })
}

/// Stands in for what is not known: one processor.
pub(super) fn one_processor(spec: &TemplateSpec) -> Processors {
    Processors { architecture: architecture(spec), sockets: 1, cores: 1, threads: 1 }
}

/// What the guest sees of memory, in bytes; `None` if nobody says.
pub(super) fn memory(domain: &Domain) -> Option<u64> {
    domain.memory.guest.map(Quantity::ceil).filter(|bytes| *bytes > 0)
}

pub(super) fn drives(spec: &TemplateSpec, order: &BootOrder, volumes: &[Object<DataVolumeTemplate>]) -> Box<[Drive]> {
    let disks = spec.domain.devices.disks.iter();
    disks
        .filter_map(|disk| Some(Drive { capacity: capacity(disk, spec, volumes), ..drive(disk, spec, order)? }))
        .collect()
}

/// How large a disk is, in bytes, if the machine's definition says so.
fn capacity(disk: &Disk, spec: &TemplateSpec, volumes: &[Object<DataVolumeTemplate>]) -> Option<u64> {
    let volume = spec.volume(disk.name.as_deref()?)?;
    let sized = volume.empty_disk.capacity.or(volume.host_disk.capacity);
    let made_with_it = || {
        let name = volume.data_volume.as_ref()?.name.as_ref()?;
        volumes.iter().find(|template| template.metadata.name.as_ref() == Some(name))?.spec.size()
    };
    sized.map(Quantity::ceil).or_else(made_with_it).filter(|bytes| *bytes > 0)
}

pub(super) fn nics(spec: &TemplateSpec, order: &BootOrder) -> Box<[Nic]> {
    let interfaces = spec.domain.devices.interfaces.iter();
    interfaces
        .filter_map(|interface| {
            let name = interface.name.clone()?;
            Some(Nic {
                mac: interface.mac_address.as_deref().and_then(MacAddress::parse),
                link_up: interface.state.as_deref() != Some("down"),
                boot_order: order.interfaces.get(&name).copied(),
                name,
            })
        })
        .collect()
}

fn drive(disk: &Disk, spec: &TemplateSpec, order: &BootOrder) -> Option<Drive> {
    let name = disk.name.clone()?;
    // One of all kinds at once exists only in KubeVirt's API tests.
    let (kind, target) = match (&disk.cdrom, &disk.lun) {
        (Some(cdrom), _) => (DriveKind::CdRom, Some(cdrom)),
        (None, Some(lun)) => (DriveKind::Lun, Some(lun)),
        (None, None) => (DriveKind::Disk, disk.disk.as_ref()),
    };
    let bus = target.and_then(|target| target.bus.as_deref()).map(|bus| match bus {
        "sata" => DriveBus::Sata,
        "scsi" => DriveBus::Scsi,
        "usb" => DriveBus::Usb,
        _ => DriveBus::Virtio,
    });
    Some(Drive {
        kind,
        bus,
        loaded: spec.volume(&name).is_some(),
        boot_source: spec.is_boot_source(disk),
        boot_order: order.disks.get(&name).copied(),
        serial: disk.serial.clone(),
        capacity: None,
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
