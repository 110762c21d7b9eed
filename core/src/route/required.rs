//! What a request needs, by where it goes.

use http::Method;

use super::{Catalog, Firmware, Route};
use crate::auth::{Entity, Required, required_by};

/// The entity that a URI is about.
fn entity(route: &Route<'_>) -> Entity {
    match route {
        Route::Versions | Route::ServiceRoot | Route::OData | Route::Metadata => Entity::Document,
        Route::Systems | Route::System(_) | Route::SystemReset(_) | Route::ChassisSystems(_) => Entity::ComputerSystem,
        Route::Inventory(..) => Entity::SystemComponent,
        Route::Firmware(_, Firmware::Bios | Firmware::BiosSettings | Firmware::ResetBios) => Entity::Bios,
        Route::Firmware(_, Firmware::SecureBoot) => Entity::SecureBoot,
        Route::VirtualMediaCollection(_) | Route::VirtualMedia(..) | Route::VirtualMediaAction(..) => {
            Entity::VirtualMedia
        }
        Route::MediaCertificates(..) | Route::MediaCertificate(..) => Entity::Certificate,
        Route::ChassisCollection | Route::Chassis(_) => Entity::Chassis,
        Route::Managers | Route::Manager(_) | Route::ManagerReset(_) => Entity::Manager,
        Route::NetworkProtocol(_) => Entity::ManagerNetworkProtocol,
        Route::Catalog(Catalog::Registries | Catalog::Registry(_) | Catalog::RegistryDocument(_)) => {
            Entity::MessageRegistryFile
        }
        Route::Catalog(Catalog::JsonSchemas | Catalog::JsonSchema(_)) => Entity::JsonSchemaFile,
        Route::Catalog(Catalog::UpdateService | Catalog::FirmwareInventory) => Entity::UpdateService,
        Route::Catalog(Catalog::CertificateService | Catalog::CertificateLocations) => Entity::CertificateService,
        Route::EventService | Route::EventServiceAction(_) | Route::ServerSentEvents => Entity::EventService,
        Route::EventDestinations => Entity::EventDestinationCollection,
        Route::EventDestination(_) | Route::EventDestinationAction(..) => Entity::EventDestination,
        Route::TaskService => Entity::TaskService,
        Route::Tasks | Route::Task(_) | Route::TaskMonitor(_) => Entity::Task,
        Route::SessionService => Entity::SessionService,
        Route::Sessions => Entity::SessionCollection,
        Route::Session(_) => Entity::Session,
        Route::AccountService => Entity::AccountService,
        Route::Accounts => Entity::ManagerAccountCollection,
        Route::Account(_) => Entity::ManagerAccount,
        Route::Roles | Route::Role(_) => Entity::Role,
    }
}

/// What a request needs.
pub(crate) fn required(route: &Route<'_>, method: &Method) -> Required {
    required_by(entity(route), method)
}
