//! Firmware and board of a template or an instance.

use std::num::NonZero;

use super::hardware;
use crate::defaults;
use crate::model::{Architecture, BootMode, FirmwareSettings, ProcessorModel, Tpm};
use crate::object::{Bootloader, TemplateSpec, TpmDevice, VirtualMachine};

/// What a machine's definition sets firmware and board to. A preference fills in what it leaves open, and of the
/// processors also an instance type; of a machine without these it is known what the cluster takes then.
pub(crate) fn defined(object: &VirtualMachine) -> FirmwareSettings {
    settings(&defaults::applied(object), object.has_preference())
}

/// What they are set to in a run.
pub(crate) fn running(spec: &TemplateSpec) -> FirmwareSettings {
    settings(spec, false)
}

pub(super) fn settings(spec: &TemplateSpec, preference: bool) -> FirmwareSettings {
    let devices = &spec.domain.devices;
    let flag = |named: Option<bool>, default: bool| named.or_else(|| (!preference).then_some(default));
    let loader = &spec.domain.firmware.bootloader;
    let (mode, secure_boot, persistent_variables) = bootloader(loader).map_or_else(
        || match hardware::architecture(spec) {
            Architecture::X86_64 if preference => (None, None, None),
            // Facts, section 7: no bootloader means BIOS, where there is one.
            Architecture::X86_64 | Architecture::S390x => (Some(BootMode::Legacy), Some(false), Some(false)),
            Architecture::Aarch64 => (Some(BootMode::Uefi), Some(false), Some(false)),
        },
        |(mode, secure, persistent)| {
            // `preferredUseSecureBoot` also fills in what UEFI of the template's own leaves open.
            let open = preference && loader.efi.as_ref().is_some_and(|efi| efi.secure_boot.is_none());
            (Some(mode), (!open).then_some(secure), Some(persistent))
        },
    );
    let processors = hardware::processors(spec);
    FirmwareSettings {
        mode,
        secure_boot,
        persistent_variables,
        tpm: devices.tpm.as_ref().map(|device| tpm(device)).or_else(|| (!preference).then_some(Tpm::Absent)),
        processor_model: spec.domain.cpu.model.clone().map(ProcessorModel::Named),
        sockets: processors.as_ref().and_then(|processors| count(processors.sockets)),
        cores: processors.as_ref().and_then(|processors| count(processors.cores)),
        threads: processors.as_ref().and_then(|processors| count(processors.threads)),
        serial_console: flag(devices.autoattach_serial_console, true),
        graphics: flag(devices.autoattach_graphics_device, true),
        random_numbers: flag(devices.rng.is_some().then_some(true), false),
        machine_type: spec.domain.machine.kind.clone(),
    }
}

/// More than there can be is as many as there can be.
fn count(number: u32) -> Option<NonZero<u16>> {
    NonZero::new(u16::try_from(number).unwrap_or(u16::MAX))
}

/// Mode, secure boot and persistent variables of a bootloader; `None` if it says nothing.
pub(crate) fn bootloader(bootloader: &Bootloader) -> Option<(BootMode, bool, bool)> {
    match (&bootloader.efi, &bootloader.bios) {
        (Some(efi), _) => Some((BootMode::Uefi, bootloader.secure_boot(), efi.persistent == Some(true))),
        (None, Some(_)) => Some((BootMode::Legacy, false, false)),
        (None, None) => None,
    }
}

/// What a module of a template is.
pub(crate) fn tpm(device: &TpmDevice) -> Tpm {
    match (device.enabled, device.persistent) {
        (Some(false), _) => Tpm::Absent,
        (_, Some(true)) => Tpm::Persistent,
        _ => Tpm::Volatile,
    }
}
