//! What the service says about itself, the same for whoever asks: what follows `/redfish/v1/` for its registries,
//! schemas, and the services that it has in name because clients look for them.

use std::fmt;

/// A resource of the service itself, by its URI below `/redfish/v1/`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Catalog<'a> {
    /// `Registries`
    Registries,
    /// `Registries/{registry}`: where a registry is found.
    Registry(&'a str),
    /// `Registries/{registry}/{registry}`: a registry itself.
    RegistryDocument(&'a str),
    /// `JsonSchemas`
    JsonSchemas,
    /// `JsonSchemas/{schema}`: where a schema is found.
    JsonSchema(&'a str),
    /// `UpdateService`
    UpdateService,
    /// `UpdateService/FirmwareInventory`
    FirmwareInventory,
    /// `CertificateService`
    CertificateService,
    /// `CertificateService/CertificateLocations`
    CertificateLocations,
}

impl<'a> Catalog<'a> {
    /// Reads what follows `/redfish/v1/`: its first segment and the others.
    pub(super) fn parse(first: &str, mut segments: std::str::Split<'a, char>) -> Option<Self> {
        let found = match first {
            "Registries" => match super::id(&mut segments) {
                None => Self::Registries,
                Some(registry) => match super::id(&mut segments) {
                    None => Self::Registry(registry),
                    Some(document) if document == registry => Self::RegistryDocument(registry),
                    Some(_) => return None,
                },
            },
            "JsonSchemas" => super::id(&mut segments).map_or(Self::JsonSchemas, Self::JsonSchema),
            "UpdateService" => match super::id(&mut segments) {
                None => Self::UpdateService,
                Some("FirmwareInventory") => Self::FirmwareInventory,
                Some(_) => return None,
            },
            "CertificateService" => match super::id(&mut segments) {
                None => Self::CertificateService,
                Some("CertificateLocations") => Self::CertificateLocations,
                Some(_) => return None,
            },
            _ => return None,
        };
        super::end(segments).then_some(found)
    }
}

/// Prints what follows `/redfish/v1/`.
impl fmt::Display for Catalog<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Registries => f.write_str("Registries"),
            Self::Registry(registry) => write!(f, "Registries/{registry}"),
            Self::RegistryDocument(registry) => write!(f, "Registries/{registry}/{registry}"),
            Self::JsonSchemas => f.write_str("JsonSchemas"),
            Self::JsonSchema(schema) => write!(f, "JsonSchemas/{schema}"),
            Self::UpdateService => f.write_str("UpdateService"),
            Self::FirmwareInventory => f.write_str("UpdateService/FirmwareInventory"),
            Self::CertificateService => f.write_str("CertificateService"),
            Self::CertificateLocations => f.write_str("CertificateService/CertificateLocations"),
        }
    }
}
