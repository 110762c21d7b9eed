//! A machine's processors, drives and network interfaces.

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
    /// The processor model that the guest sees, if the definition names one.
    pub model: Option<Box<str>>,
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
    /// How it is connected.
    pub bus: DriveBus,
    /// Whether anything is in it: a CD-ROM drive may be empty.
    pub loaded: bool,
    /// Its place in the machine's own boot sequence, whatever override is in force; `None` if it has none there.
    pub boot_order: Option<u32>,
    /// The serial number that the guest sees.
    pub serial: Option<Box<str>>,
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
    /// Paravirtual block device; also what the cluster takes where nothing is said.
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
    pub mac: Option<Box<str>>,
    /// As for a drive.
    pub boot_order: Option<u32>,
}
