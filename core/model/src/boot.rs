//! What a machine boots from, and for how long an override of that lasts.

use super::{Uid, Url};

/// The boot override in force.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct BootOverride {
    /// What to boot from.
    pub target: BootTarget,
    /// For how long.
    pub enabled: BootEnabled,
    /// The device that [`BootTarget::UefiBootNext`] stands for.
    pub next: Option<BootDevice>,
    /// The image that [`BootTarget::UefiHttp`] stands for; without one the network says where it is.
    pub http_uri: Option<Url>,
    /// The device that it has the machine try first; `None` while there is none, or no override.
    pub device: Option<BootDevice>,
    /// The instance that was there when the override was asked for: the next one that tries the device uses `Once` up.
    pub armed_for: Option<Uid>,
    /// A boot mode came with it that goes with it, unless a later instance is booted with that.
    pub mode_on_trial: bool,
    /// For `Once`: a reboot by the guest itself, in the run that uses it up, is not a new boot: it boots from the same
    /// once more.
    pub outlives_reboot: bool,
}

/// What to boot from instead of the machine's own order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum BootTarget {
    /// The machine's own order.
    #[default]
    None,
    /// The network.
    Pxe,
    /// The CD-ROM drive.
    Cd,
    /// A disk.
    Hdd,
    /// The stick with an image on it.
    Usb,
    /// An image over HTTP.
    UefiHttp,
    /// The device that was named, once.
    UefiBootNext,
}

/// A device that a machine can boot from, by its name in the definition.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum BootDevice {
    /// A disk or CD-ROM drive.
    Drive(Box<str>),
    /// A network interface.
    Nic(Box<str>),
}

/// For how long an override lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum BootEnabled {
    /// Not at all.
    #[default]
    Disabled,
    /// For the next boot.
    Once,
    /// Until it is changed.
    Continuous,
}

/// Which firmware starts the guest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum BootMode {
    /// A PC BIOS; also what the cluster takes where nothing is said.
    #[default]
    Legacy,
    /// UEFI.
    Uefi,
}
