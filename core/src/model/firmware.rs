//! A machine's firmware, as the guest sees it.

use super::BootMode;

/// Identity and mode of a machine's firmware.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Firmware {
    /// The system UUID that the guest reads from SMBIOS; not validated by the cluster, so any text.
    pub uuid: Option<Box<str>>,
    /// The serial number that the guest reads from SMBIOS.
    pub serial: Option<Box<str>>,
    /// Which firmware starts the guest.
    pub mode: BootMode,
    /// Whether UEFI verifies signatures of what it starts.
    pub secure_boot: bool,
}
