//! A machine's processors, drives and network interfaces.

use super::MacAddress;

/// A machine's processors.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Processors {
    /// The instruction set.
    pub architecture: Architecture,
    /// Sockets; at least 1.
    pub sockets: u32,
    /// Cores of each socket; at least 1.
    pub cores: u32,
    /// Threads of each core; at least 1.
    pub threads: u32,
}

impl Processors {
    /// All hardware threads: what the guest's scheduler counts.
    pub fn logical(&self) -> u32 {
        self.sockets.saturating_mul(self.cores).saturating_mul(self.threads)
    }
}

/// An instruction set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Architecture {
    /// 64-bit x86.
    #[default]
    X86_64,
    /// 64-bit Arm.
    Aarch64,
    /// IBM Z.
    S390x,
}

/// A disk or CD-ROM drive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drive {
    /// The name in the definition, unique within the machine.
    pub name: Box<str>,
    /// What it is.
    pub kind: DriveKind,
    /// How it is connected; `None` if only a run of the machine shows that.
    pub bus: Option<DriveBus>,
    /// Whether anything is in it: a CD-ROM drive may be empty.
    pub loaded: bool,
    /// Whether a machine can boot from it. What holds only data for the guest is none.
    pub boot_source: bool,
    /// Its place in the machine's own boot sequence, whatever override is in force; `None` if it has none there.
    pub boot_order: Option<u32>,
    /// The serial number that the guest sees.
    pub serial: Option<Box<str>>,
    /// How large the definition says that it is, in bytes.
    pub capacity: Option<u64>,
}

/// What a drive is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DriveKind {
    /// A disk, read and written.
    Disk,
    /// A CD-ROM drive.
    CdRom,
    /// A SCSI device handed through.
    Lun,
}

/// How a drive is connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum DriveBus {
    /// Paravirtual block device.
    #[default]
    Virtio,
    /// SATA.
    Sata,
    /// Paravirtual SCSI.
    Scsi,
    /// USB.
    Usb,
}

/// A network interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nic {
    /// The name in the definition, unique within the machine.
    pub name: Box<str>,
    /// The MAC address, if the definition fixes it; otherwise only the instance knows it.
    pub mac: Option<MacAddress>,
    /// Whether its link is up, rather than taken down by the definition.
    pub link_up: bool,
    /// As for a drive.
    pub boot_order: Option<u32>,
}
