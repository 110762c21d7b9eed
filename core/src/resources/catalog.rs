//! What the service says about itself: which representation is at which of those URIs.

use super::{
    Context, attribute_registry, certificate_locations, certificate_service, json_schema_file,
    json_schema_file_collection, message_registry, message_registry_file, message_registry_file_collection,
    privilege_registry, software_inventory_collection, update_service,
};
use crate::http::{Refusal, Representation};
use crate::route::Catalog;

/// Represents a resource of the service itself; 404 if there is none.
pub(super) fn represent(context: &Context<'_>, resource: Catalog<'_>) -> Result<Representation, Refusal> {
    match resource {
        Catalog::Registries => Ok(message_registry_file_collection::represent()),
        Catalog::Registry(id) => message_registry_file::represent(id),
        Catalog::RegistryDocument(privilege_registry::ID) => Ok(privilege_registry::represent()),
        Catalog::RegistryDocument(attribute_registry::ID) => Ok(attribute_registry::represent()),
        Catalog::RegistryDocument(id) => message_registry::represent(id),
        Catalog::JsonSchemas => Ok(json_schema_file_collection::represent()),
        Catalog::JsonSchema(id) => json_schema_file::represent(id),
        Catalog::UpdateService => Ok(update_service::represent()),
        Catalog::FirmwareInventory => Ok(software_inventory_collection::represent()),
        Catalog::CertificateService => Ok(certificate_service::represent()),
        Catalog::CertificateLocations => Ok(certificate_locations::represent(context)),
    }
}
