//! What somebody else has put into a machine's CD-ROM drive.

use super::annotation::MediaRecord;
use super::object::{VirtualMachine, Volume};
use crate::model::{ObjectName, Slot};

/// A medium of which the service knows only what stands in the template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OthersMedium {
    /// The disk and volume in the template.
    pub(crate) drive: Box<str>,
    /// What it is, as a client would call it.
    pub(crate) image: Box<str>,
}

impl OthersMedium {
    /// What is in the machine's CD-ROM drive, if it is not the service's.
    ///
    /// Only if it is the one CD-ROM drive that the machine has: of several nobody can say which one stands for the virtual
    /// drive. What the machine cannot do without is no medium: a volume that is made with it, and the only disk it has. Nor
    /// is what the cluster writes for the guest, such as the data of cloud-init, which often looks like a CD-ROM.
    pub(crate) fn read(machine: &VirtualMachine) -> Option<Self> {
        let spec = &machine.spec.template.spec;
        let ours = |name: &str| {
            let drives = Slot::ALL.iter().filter_map(|slot| MediaRecord::read(machine, *slot));
            drives.map(|record| record.drive).any(|drive| *drive == *name)
        };
        let drives = spec.domain.devices.disks.iter().filter(|disk| disk.cdrom.is_some());
        let mut drives = drives.filter(|disk| spec.is_boot_source(disk));
        let (drive, None) = (drives.next()?.name.as_deref()?, drives.next()) else { return None };
        let has_disk = spec.volumes.iter().any(|volume| volume.name.as_deref() != Some(drive) && volume.is_disk());
        let volume = spec.volume(drive).filter(|_| has_disk && !ours(drive))?;
        let image = image(volume)?;
        let made_with_it = |name: &ObjectName| {
            let templates = &machine.spec.data_volume_templates;
            templates.iter().any(|template| template.metadata.name.as_ref() == Some(name))
        };
        let own = volume.claim().is_some_and(made_with_it);
        (!own).then(|| Self { drive: drive.into(), image: image.into() })
    }
}

fn image(volume: &Volume) -> Option<String> {
    let data_volume = volume.data_volume.as_ref().and_then(|source| source.name.as_deref());
    let claim = volume.persistent_volume_claim.as_ref().and_then(|source| source.claim_name.as_deref());
    let container = volume.container_disk.as_ref().and_then(|source| source.image.as_deref());
    let named = |scheme: &str, name: Option<&str>| name.map(|name| format!("{scheme}://{name}"));
    named("dv", data_volume).or_else(|| named("pvc", claim)).or_else(|| named("docker", container))
}
