//! The firmware of a system: what follows `/redfish/v1/Systems/{system}/` for it.

use std::fmt;

/// A resource or action of a system's firmware, by its URI below the system's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Firmware {
    /// `Bios`
    Bios,
    /// `Bios/Settings`: what the BIOS is to be from the next start on.
    BiosSettings,
    /// `Bios/Actions/Bios.ResetBios`
    ResetBios,
    /// `SecureBoot`
    SecureBoot,
}

impl Firmware {
    /// Reads what follows `/redfish/v1/Systems/{system}/`: its first segment and the others.
    pub(super) fn parse(first: &str, mut segments: std::str::Split<'_, char>) -> Option<Self> {
        let found = match (first, segments.next()) {
            ("Bios", None) => Self::Bios,
            ("Bios", Some("Settings")) => Self::BiosSettings,
            ("Bios", Some("Actions")) if segments.next()? == "Bios.ResetBios" => Self::ResetBios,
            ("SecureBoot", None) => Self::SecureBoot,
            _ => return None,
        };
        super::end(segments).then_some(found)
    }
}

/// Prints what follows `/redfish/v1/Systems/{system}/`.
impl fmt::Display for Firmware {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Bios => "Bios",
            Self::BiosSettings => "Bios/Settings",
            Self::ResetBios => "Bios/Actions/Bios.ResetBios",
            Self::SecureBoot => "SecureBoot",
        })
    }
}
