//! What a machine is defined to be, whether it runs or not.

use super::{
    BootEnabled, BootOverride, BootTarget, Drive, Firmware, ImageTrust, LeftOutMedia, Medium, Nic, Outlook,
    PendingPowerOn, PowerNote, PowerRestore, Processors, Uid, Version, VmId,
};
use crate::time::UnixTime;

/// The definition of a virtual machine, reduced to what the service shows and decides by.
///
/// A few hundred bytes: there may be 100,000 of them, so it never keeps an object of the cluster as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "independent properties of a machine")]
pub struct Machine {
    /// Where it is and what it is called.
    pub id: VmId,
    /// Which of all machines of that name it is.
    pub uid: Uid,
    /// How new this reading is.
    pub version: Version,
    /// The labels that selectors choose by, ordered by key.
    pub labels: Box<[(Box<str>, Box<str>)]>,
    /// What its owner wrote about it.
    pub description: Option<Box<str>>,
    /// When it was defined.
    pub created: Option<UnixTime>,
    /// It is being removed.
    pub deleting: bool,
    /// What the cluster does with it by itself.
    pub outlook: Outlook,
    /// A power-on that is to be carried out when it can be.
    pub pending_power_on: Option<Box<PendingPowerOn>>,
    /// What replicas have noted down of their requests about its power.
    pub power_note: Option<Box<PowerNote>>,
    /// Identity and mode of its firmware.
    pub firmware: Firmware,
    /// Its processors.
    pub processors: Processors,
    /// Its memory, in bytes; zero if the definition leaves it to something the service does not see.
    pub memory: u64,
    /// Its disks and CD-ROM drives in the order of the definition.
    pub drives: Box<[Drive]>,
    /// Its network interfaces in the order of the definition.
    pub nics: Box<[Nic]>,
    /// Interfaces that the definition takes away, by name: a run may have them for another moment.
    pub leaving_nics: Box<[Box<str>]>,
    /// It starts a kernel that its definition names, and boots from no device.
    pub starts_kernel: bool,
    /// The boot override that was asked for.
    pub boot: BootOverride,
    /// The media inserted by way of this service, one at most for each slot.
    pub media: Box<[Medium]>,
    /// What it was last started without.
    pub left_out: Option<Box<LeftOutMedia>>,
    /// What stands with it and is ignored; `None` for nothing, as nearly always.
    pub ignored: Option<Box<[IgnoredNote]>>,
    /// Which servers of images are trusted, for slots of which that was chosen.
    pub trust: Box<[ImageTrust]>,
    /// The definition has changes that only a new instance will have.
    pub restart_required: bool,
    /// What keeps it from working, if anything does.
    pub trouble: Option<Trouble>,
    /// The size template it was made from, such as an instance type.
    pub size: Option<Box<str>>,
    /// What else its definition names, as few do.
    pub names: Option<Box<Names>>,
    /// A free text that an operator attached to it.
    pub asset_tag: Option<Box<str>>,
    /// What an operator set its indicator to.
    pub indicator: Indicator,
    /// What becomes of it when its host comes back.
    pub power_restore: PowerRestore,
    /// That is not in force yet: something else is, which had the machine started or brings it back by itself until a run
    /// that its guest's own reboot ends is over.
    pub power_restore_deferred: bool,
    /// Whether the service has written something that presupposes another choice of when the machine is to run.
    pub superseded: Superseded,
}

/// Names in a definition that nothing is decided by.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Names {
    /// The template that its devices follow where it leaves something open.
    pub preference: Option<Box<str>>,
    /// What its guest is told that it is called, if that is not its own name.
    pub host: Option<Box<str>>,
}

/// Whether the owner has chosen something since that the service had replaced for a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Superseded {
    /// No.
    #[default]
    No,
    /// It is as it was before; what replaces it may be on its way.
    Perhaps,
    /// Yes.
    Yes,
}

/// The light by which people find a machine. There is none: it is what they set it to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Indicator {
    /// Dark.
    #[default]
    Off,
    /// Steadily lit.
    Lit,
    /// Blinking.
    Blinking,
}

impl Machine {
    /// What its guest is told that it is called, without a domain: what the definition says, or the machine's name up to its
    /// first dot. `None` for what no host can be called.
    pub fn host_name(&self) -> Option<&str> {
        let said = self.names.as_ref().and_then(|names| names.host.as_deref());
        let label = said.unwrap_or_else(|| self.id.name()).split('.').next()?;
        // A label of a name has no more.
        let label = label.get(..63).unwrap_or(label);
        let valid = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        (!label.is_empty() && label.bytes().all(valid)).then_some(label)
    }

    /// Whether everything that clients set is as it was in `before`. That a boot override for one boot is over is how it was
    /// set; but no other may have come.
    pub fn has_settings_of(&self, before: &Self) -> bool {
        fn of(machine: &Machine) -> impl PartialEq + use<'_> {
            let drives: Vec<_> = machine.drives.iter().map(|drive| (&drive.name, drive.boot_order)).collect();
            let nics: Vec<_> = machine.nics.iter().map(|nic| (&nic.name, nic.boot_order)).collect();
            let Machine { asset_tag, indicator, power_restore, firmware, trust, .. } = machine;
            (asset_tag, indicator, power_restore, &firmware.settings, trust, drives, nics)
        }
        let (now, then) = (&self.boot, &before.boot);
        let is_over = now.enabled == BootEnabled::Disabled && now.target == BootTarget::None;
        let same = (now.target, now.enabled, &now.next, &now.http_uri)
            == (then.target, then.enabled, &then.next, &then.http_uri);
        of(self) == of(before) && (same || then.enabled == BootEnabled::Once && is_over)
    }

    /// How bad the worst is that there is to be said of it.
    pub fn severity(&self) -> Option<Severity> {
        let trouble = self.trouble.as_ref().map(|trouble| trouble.severity);
        let left_out = self.left_out.as_ref().map(|_| Severity::Warning);
        let ignored = self.ignored.as_ref().map(|_| Severity::Warning);
        trouble.max(left_out).max(ignored)
    }
}

/// What keeps a machine from working.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// How bad it is.
    pub severity: Severity,
    /// The cluster's one-word reason, such as `ErrorUnschedulable`.
    pub reason: Box<str>,
    /// The cluster's explanation.
    pub message: Option<Box<str>>,
}

/// How bad something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// It needs attention.
    Warning,
    /// It does not work.
    Critical,
}

/// A note that somebody has written on an object in the service's name, or that does not mean anything any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IgnoredNote {
    /// What the cluster calls it.
    pub name: &'static str,
    /// What is wrong with it.
    pub why: &'static str,
}

/// How many characters an asset tag has at most.
pub const LONGEST_ASSET_TAG: usize = 256;
