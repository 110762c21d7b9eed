//! The parts of a system: what follows `/redfish/v1/Systems/{system}/` what it is made of.

use std::fmt;

/// A part of a system, or a collection of parts, by its URI below the system's.
///
/// A part is named by the text that stands in the URI: what it means is for whoever looks it up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Inventory<'a> {
    /// `BootOptions`
    BootOptions,
    /// `BootOptions/{option}`
    BootOption(&'a str),
    /// `EthernetInterfaces`
    EthernetInterfaces,
    /// `EthernetInterfaces/{interface}`
    EthernetInterface(&'a str),
    /// `Processors`
    Processors,
    /// `Processors/{processor}`
    Processor(&'a str),
    /// `Memory`
    MemoryCollection,
    /// `Memory/{module}`
    Memory(&'a str),
    /// `Storage`
    StorageCollection,
    /// `Storage/{storage}`
    Storage(&'a str),
    /// `Storage/{storage}/Drives/{drive}`
    Drive {
        /// The storage that it belongs to.
        storage: &'a str,
        /// The drive.
        drive: &'a str,
    },
}

impl<'a> Inventory<'a> {
    /// Reads what follows `/redfish/v1/Systems/{system}/`: its first segment and the others.
    pub(super) fn parse(first: &str, mut segments: std::str::Split<'a, char>) -> Option<Self> {
        let (collection, member): (Self, fn(&'a str) -> Self) = match first {
            "BootOptions" => (Self::BootOptions, Self::BootOption),
            "EthernetInterfaces" => (Self::EthernetInterfaces, Self::EthernetInterface),
            "Processors" => (Self::Processors, Self::Processor),
            "Memory" => (Self::MemoryCollection, Self::Memory),
            "Storage" => (Self::StorageCollection, Self::Storage),
            _ => return None,
        };
        let Some(name) = super::id(&mut segments) else {
            return super::end(segments).then_some(collection);
        };
        match (member(name), segments.next()) {
            (part, None) => Some(part),
            (Self::Storage(storage), Some("Drives")) => {
                let drive = super::id(&mut segments)?;
                super::end(segments).then_some(Self::Drive { storage, drive })
            }
            (_, Some(_)) => None,
        }
    }
}

/// Prints what follows `/redfish/v1/Systems/{system}/`.
impl fmt::Display for Inventory<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BootOptions => f.write_str("BootOptions"),
            Self::BootOption(id) => write!(f, "BootOptions/{id}"),
            Self::EthernetInterfaces => f.write_str("EthernetInterfaces"),
            Self::EthernetInterface(name) => write!(f, "EthernetInterfaces/{name}"),
            Self::Processors => f.write_str("Processors"),
            Self::Processor(name) => write!(f, "Processors/{name}"),
            Self::MemoryCollection => f.write_str("Memory"),
            Self::Memory(name) => write!(f, "Memory/{name}"),
            Self::StorageCollection => f.write_str("Storage"),
            Self::Storage(name) => write!(f, "Storage/{name}"),
            Self::Drive { storage, drive } => write!(f, "Storage/{storage}/Drives/{drive}"),
        }
    }
}
