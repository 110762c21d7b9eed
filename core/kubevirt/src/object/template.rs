//! The part that a `VirtualMachine`'s template and a `VirtualMachineInstance` have in common.

use serde::Deserialize;

use super::{Object, lenient};
use crate::model::ObjectName;
use crate::quantity::Quantity;

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct TemplateSpec {
    #[serde(deserialize_with = "lenient")]
    pub(crate) architecture: Option<Box<str>>,
    #[serde(deserialize_with = "lenient")]
    pub(crate) domain: Object<Domain>,
    #[serde(deserialize_with = "lenient")]
    pub(crate) volumes: Vec<Object<Volume>>,
    #[serde(deserialize_with = "lenient")]
    pub(crate) networks: Vec<Object<Part>>,
    #[serde(deserialize_with = "lenient")]
    pub(crate) termination_grace_period_seconds: Option<u64>,
    #[serde(deserialize_with = "lenient")]
    pub(crate) hostname: Option<Box<str>>,
}

impl TemplateSpec {
    pub(crate) fn volume(&self, name: &str) -> Option<&Volume> {
        self.volumes.iter().map(|volume| &volume.0).find(|volume| volume.name.as_deref() == Some(name))
    }

    pub(crate) fn disk(&self, name: &str) -> Option<&Disk> {
        let mut disks = self.domain.devices.disks.iter().map(|disk| &disk.0);
        disks.find(|disk| disk.name.as_deref() == Some(name))
    }

    /// Whether a kernel is started that stands in the definition, so that no device is booted from.
    pub(crate) fn starts_kernel(&self) -> bool {
        self.domain.firmware.kernel_boot.container.is_some()
    }

    /// Whether a disk can be booted from: an empty drive can, what holds only data for the guest cannot.
    pub(crate) fn is_boot_source(&self, disk: &Disk) -> bool {
        let volume = disk.name.as_deref().and_then(|name| self.volume(name));
        volume.is_none_or(|volume| !volume.holds_only_data())
    }
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Domain {
    #[serde(deserialize_with = "lenient")]
    pub(crate) cpu: Object<Cpu>,
    #[serde(deserialize_with = "lenient")]
    pub(crate) memory: Object<Memory>,
    #[serde(deserialize_with = "lenient")]
    pub(crate) resources: Object<Resources>,
    #[serde(deserialize_with = "lenient")]
    pub(crate) firmware: Object<FirmwareSpec>,
    #[serde(deserialize_with = "lenient")]
    pub(crate) machine: Object<MachineType>,
    #[serde(deserialize_with = "lenient")]
    pub(crate) devices: Object<Devices>,
    #[serde(deserialize_with = "lenient")]
    pub(crate) reboot_policy: Option<Box<str>>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Cpu {
    #[serde(deserialize_with = "lenient")]
    pub(crate) sockets: Option<u64>,
    #[serde(deserialize_with = "lenient")]
    pub(crate) cores: Option<u64>,
    #[serde(deserialize_with = "lenient")]
    pub(crate) threads: Option<u64>,
    #[serde(deserialize_with = "lenient")]
    pub(crate) model: Option<Box<str>>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Memory {
    #[serde(deserialize_with = "lenient")]
    pub(crate) guest: Option<Quantity>,
    #[serde(deserialize_with = "lenient")]
    pub(crate) hugepages: Object<Hugepages>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Hugepages {
    #[serde(deserialize_with = "lenient")]
    pub(crate) page_size: Option<Quantity>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Resources {
    #[serde(deserialize_with = "lenient")]
    pub(crate) requests: Object<Amounts>,
    #[serde(deserialize_with = "lenient")]
    pub(crate) limits: Object<Amounts>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Amounts {
    #[serde(deserialize_with = "lenient")]
    pub(crate) cpu: Option<Quantity>,
    #[serde(deserialize_with = "lenient")]
    pub(crate) memory: Option<Quantity>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct MachineType {
    #[serde(rename = "type", deserialize_with = "lenient")]
    pub(crate) kind: Option<Box<str>>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct FirmwareSpec {
    #[serde(deserialize_with = "lenient")]
    pub(crate) uuid: Option<Box<str>>,
    #[serde(deserialize_with = "lenient")]
    pub(crate) serial: Option<Box<str>>,
    #[serde(deserialize_with = "lenient")]
    pub(crate) bootloader: Object<Bootloader>,
    #[serde(deserialize_with = "lenient")]
    pub(crate) kernel_boot: Object<KernelBoot>,
}

/// A kernel that is started in place of whatever the devices have.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct KernelBoot {
    #[serde(deserialize_with = "lenient")]
    pub(crate) container: Option<Object<Nothing>>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(crate) struct Bootloader {
    #[serde(deserialize_with = "lenient")]
    pub(crate) bios: Option<Object<Nothing>>,
    #[serde(deserialize_with = "lenient")]
    pub(crate) efi: Option<Object<Efi>>,
}

impl Bootloader {
    /// UEFI verifies signatures unless told not to: `efi: {}` means that it does (facts, section 7).
    pub(crate) fn secure_boot(&self) -> bool {
        self.efi.as_ref().is_some_and(|efi| efi.secure_boot != Some(false))
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Efi {
    #[serde(deserialize_with = "lenient")]
    pub(crate) secure_boot: Option<bool>,
    #[serde(deserialize_with = "lenient")]
    pub(crate) persistent: Option<bool>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Devices {
    #[serde(deserialize_with = "lenient")]
    pub(crate) tpm: Option<Object<TpmDevice>>,
    #[serde(deserialize_with = "lenient")]
    pub(crate) rng: Option<Object<Nothing>>,
    #[serde(deserialize_with = "lenient")]
    pub(crate) autoattach_serial_console: Option<bool>,
    #[serde(deserialize_with = "lenient")]
    pub(crate) autoattach_graphics_device: Option<bool>,
    #[serde(deserialize_with = "lenient")]
    pub(crate) autoattach_pod_interface: Option<bool>,
    #[serde(deserialize_with = "lenient")]
    pub(crate) disks: Vec<Object<Disk>>,
    #[serde(deserialize_with = "lenient")]
    pub(crate) filesystems: Vec<Object<Part>>,
    #[serde(deserialize_with = "lenient")]
    pub(crate) interfaces: Vec<Object<Interface>>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(crate) struct TpmDevice {
    #[serde(deserialize_with = "lenient")]
    pub(crate) enabled: Option<bool>,
    #[serde(deserialize_with = "lenient")]
    pub(crate) persistent: Option<bool>,
}

/// A part of a template of which only the name counts.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Part {
    #[serde(deserialize_with = "lenient")]
    pub(crate) name: Option<Box<str>>,
}

/// An object of which only the presence counts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(crate) struct Nothing {}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
#[expect(clippy::struct_field_names, reason = "as the API spells them")]
pub(crate) struct Disk {
    #[serde(deserialize_with = "lenient")]
    pub(crate) name: Option<Box<str>>,
    #[serde(deserialize_with = "lenient")]
    pub(crate) disk: Option<Object<DiskTarget>>,
    #[serde(deserialize_with = "lenient")]
    pub(crate) cdrom: Option<Object<DiskTarget>>,
    #[serde(deserialize_with = "lenient")]
    pub(crate) lun: Option<Object<DiskTarget>>,
    #[serde(deserialize_with = "lenient")]
    pub(crate) boot_order: Option<u64>,
    #[serde(deserialize_with = "lenient")]
    pub(crate) serial: Option<Box<str>>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct DiskTarget {
    #[serde(deserialize_with = "lenient")]
    pub(crate) bus: Option<Box<str>>,
    #[serde(deserialize_with = "lenient")]
    pub(crate) readonly: Option<bool>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Interface {
    #[serde(deserialize_with = "lenient")]
    pub(crate) name: Option<Box<str>>,
    #[serde(deserialize_with = "lenient")]
    pub(crate) mac_address: Option<Box<str>>,
    #[serde(deserialize_with = "lenient")]
    pub(crate) boot_order: Option<u64>,
    /// `up`, `down` or `absent`; nothing is `up`.
    #[serde(deserialize_with = "lenient")]
    pub(crate) state: Option<Box<str>>,
}

impl Interface {
    /// Whether the definition takes it away: the controller removes it a moment later (inventory facts, section 4).
    pub(crate) fn is_absent(&self) -> bool {
        self.state.as_deref() == Some("absent")
    }
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
#[expect(clippy::struct_field_names, reason = "as the API spells them")]
pub(crate) struct Volume {
    #[serde(deserialize_with = "lenient")]
    pub(crate) name: Option<Box<str>>,
    #[serde(deserialize_with = "lenient")]
    pub(crate) data_volume: Option<Object<DataVolumeSource>>,
    #[serde(deserialize_with = "lenient")]
    pub(crate) persistent_volume_claim: Option<Object<ClaimSource>>,
    #[serde(deserialize_with = "lenient")]
    pub(crate) container_disk: Option<Object<ContainerDisk>>,
    #[serde(deserialize_with = "lenient")]
    pub(crate) cloud_init_no_cloud: Option<Object<Nothing>>,
    #[serde(deserialize_with = "lenient")]
    pub(crate) cloud_init_config_drive: Option<Object<Nothing>>,
    #[serde(deserialize_with = "lenient")]
    pub(crate) sysprep: Option<Object<Nothing>>,
    #[serde(deserialize_with = "lenient")]
    pub(crate) config_map: Option<Object<Nothing>>,
    #[serde(deserialize_with = "lenient")]
    pub(crate) secret: Option<Object<Nothing>>,
    #[serde(deserialize_with = "lenient")]
    pub(crate) service_account: Option<Object<Nothing>>,
    #[serde(rename = "downwardAPI", deserialize_with = "lenient")]
    pub(crate) downward_api: Option<Object<Nothing>>,
    #[serde(deserialize_with = "lenient")]
    pub(crate) downward_metrics: Option<Object<Nothing>>,
    #[serde(deserialize_with = "lenient")]
    pub(crate) memory_dump: Option<Object<Nothing>>,
    #[serde(deserialize_with = "lenient")]
    pub(crate) container_path: Option<Object<Nothing>>,
    #[serde(deserialize_with = "lenient")]
    pub(crate) empty_disk: Object<Sized>,
    #[serde(deserialize_with = "lenient")]
    pub(crate) host_disk: Object<Sized>,
}

/// A volume whose size its definition says.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Sized {
    #[serde(deserialize_with = "lenient")]
    pub(crate) capacity: Option<Quantity>,
}

impl Volume {
    /// Whether it is of a kind that holds data for the guest or about it, and never an operating system.
    pub(crate) fn holds_only_data(&self) -> bool {
        [
            &self.cloud_init_no_cloud,
            &self.cloud_init_config_drive,
            &self.sysprep,
            &self.config_map,
            &self.secret,
            &self.service_account,
            &self.downward_api,
            &self.downward_metrics,
            &self.memory_dump,
            &self.container_path,
        ]
        .into_iter()
        .any(Option::is_some)
    }

    /// Whether it may come and go while the machine runs.
    pub(crate) fn hotpluggable(&self) -> bool {
        let volume = self.data_volume.as_ref().and_then(|source| source.hotpluggable);
        let claim = self.persistent_volume_claim.as_ref().and_then(|source| source.hotpluggable);
        volume.or(claim) == Some(true)
    }

    /// Whether there is an image of a disk in it.
    pub(crate) fn is_disk(&self) -> bool {
        self.data_volume.is_some() || self.persistent_volume_claim.is_some() || self.container_disk.is_some()
    }

    /// The claim that it stands on: a `DataVolume` has the one of its name.
    pub(crate) fn claim(&self) -> Option<&ObjectName> {
        let volume = self.data_volume.as_ref().and_then(|source| source.name.as_ref());
        volume.or_else(|| self.persistent_volume_claim.as_ref()?.claim_name.as_ref())
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(crate) struct DataVolumeSource {
    #[serde(deserialize_with = "lenient")]
    pub(crate) name: Option<ObjectName>,
    #[serde(deserialize_with = "lenient")]
    pub(crate) hotpluggable: Option<bool>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct ClaimSource {
    #[serde(deserialize_with = "lenient")]
    pub(crate) claim_name: Option<ObjectName>,
    #[serde(deserialize_with = "lenient")]
    pub(crate) hotpluggable: Option<bool>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(crate) struct ContainerDisk {
    #[serde(deserialize_with = "lenient")]
    pub(crate) image: Option<Box<str>>,
}
