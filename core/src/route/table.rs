//! What holds for each resource and action whoever asks: one table, one line for each.

use http::Method;

use super::{Catalog, EventServiceAction, Firmware, Inventory, MediaAction, Route};
use crate::auth::{Entity, Required, required_by};
use Source::{Documents, DocumentsAndSystems, Service, Systems};

/// What a resource is made of, and so what must be known before it can be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Source {
    /// What the service knows of itself.
    Service,
    /// Documents that the service keeps: accounts, sessions, subscriptions, settings.
    Documents,
    /// Systems.
    Systems,
    /// Both of these.
    DocumentsAndSystems,
}

/// A line of the table.
#[derive(Clone, Copy)]
struct Row {
    /// The methods that it allows, as the `Allow` header lists them.
    allow: &'static str,
    /// What it is by the privilege map.
    entity: Entity,
    source: Source,
    /// Whether a write may come without a body.
    body_is_optional: bool,
}

const fn row(allow: &'static str, entity: Entity, source: Source) -> Row {
    Row { allow, entity, source, body_is_optional: false }
}

/// An action whose parameters are optional or none.
const fn action_without_body(entity: Entity, source: Source) -> Row {
    Row { allow: ACTION, entity, source, body_is_optional: true }
}

const READ: &str = "GET, HEAD, OPTIONS";
const CHANGE: &str = "GET, HEAD, PATCH, OPTIONS";
const ADD: &str = "GET, HEAD, POST, OPTIONS";
const DELETE: &str = "GET, HEAD, DELETE, OPTIONS";
const CHANGE_DELETE: &str = "GET, HEAD, PATCH, DELETE, OPTIONS";
const ACTION: &str = "POST, OPTIONS";

/// The table.
#[rustfmt::skip]
const fn row_of(route: &Route<'_>) -> Row {
    match route {
        Route::Versions | Route::ServiceRoot | Route::OData | Route::Metadata
                                               => row(READ, Entity::Document, Service),

        Route::Systems | Route::ChassisSystems(_)
                                               => row(READ, Entity::ComputerSystem, Systems),
        Route::System(_)                       => row(CHANGE, Entity::ComputerSystem, Systems),
        Route::SystemReset(_)                  => row(ACTION, Entity::ComputerSystem, Systems),
        Route::Inventory(_, Inventory::BootOption(_))
                                               => row(CHANGE, Entity::SystemComponent, Systems),
        Route::Inventory(..)                   => row(READ, Entity::SystemComponent, Systems),
        Route::Firmware(_, firmware) => match firmware {
            Firmware::Bios                     => row(READ, Entity::Bios, Systems),
            Firmware::BiosSettings             => row(CHANGE, Entity::Bios, Systems),
            Firmware::ResetBios                => action_without_body(Entity::Bios, Systems),
            Firmware::SecureBoot               => row(CHANGE, Entity::SecureBoot, Systems),
        },
        Route::VirtualMediaCollection(_)       => row(READ, Entity::VirtualMedia, Systems),
        Route::VirtualMedia(..)                => row(CHANGE, Entity::VirtualMedia, Systems),
        Route::VirtualMediaAction(_, _, action) => match action {
            MediaAction::Insert                => row(ACTION, Entity::VirtualMedia, Systems),
            MediaAction::Eject                 => action_without_body(Entity::VirtualMedia, Systems),
        },
        Route::MediaCertificates(..)           => row(ADD, Entity::Certificate, Systems),
        Route::MediaCertificate(..)            => row(DELETE, Entity::Certificate, Systems),

        Route::ChassisCollection               => row(READ, Entity::Chassis, Service),
        Route::Chassis(_)                      => row(READ, Entity::Chassis, Systems),

        Route::Managers                        => row(READ, Entity::Manager, Systems),
        Route::Manager(_)                      => row(CHANGE, Entity::Manager, Systems),
        Route::ManagerReset(_)                 => action_without_body(Entity::Manager, Systems),
        Route::NetworkProtocol(_)              => row(CHANGE, Entity::ManagerNetworkProtocol, DocumentsAndSystems),

        Route::EventService                    => row(READ, Entity::EventService, Service),
        Route::EventServiceAction(action) => match action {
            EventServiceAction::SubmitTestEvent => row(ACTION, Entity::EventService, Systems),
            EventServiceAction::TestEventSubscription
                                               => action_without_body(Entity::EventService, Systems),
        },
        Route::ServerSentEvents                => row(READ, Entity::EventService, Systems),
        Route::EventDestinations               => row(ADD, Entity::EventDestinationCollection, Documents),
        Route::EventDestination(_)             => row(CHANGE_DELETE, Entity::EventDestination, Documents),
        Route::EventDestinationAction(..)      => action_without_body(Entity::EventDestination, DocumentsAndSystems),

        Route::TaskService                     => row(READ, Entity::TaskService, Service),
        Route::Tasks                           => row(READ, Entity::Task, Systems),
        Route::Task(_) | Route::TaskMonitor(_) => row(DELETE, Entity::Task, Systems),

        Route::SessionService                  => row(CHANGE, Entity::SessionService, Documents),
        Route::Sessions                        => row(ADD, Entity::SessionCollection, Documents),
        Route::Session(_)                      => row(DELETE, Entity::Session, Documents),
        Route::AccountService                  => row(CHANGE, Entity::AccountService, Documents),
        Route::Accounts                        => row(ADD, Entity::ManagerAccountCollection, Documents),
        Route::Account(_)                      => row(CHANGE_DELETE, Entity::ManagerAccount, Documents),
        Route::Roles | Route::Role(_)          => row(READ, Entity::Role, Service),

        Route::Catalog(resource) => match resource {
            Catalog::Registries | Catalog::Registry(_) | Catalog::RegistryDocument(_)
                                               => row(READ, Entity::MessageRegistryFile, Service),
            Catalog::JsonSchemas | Catalog::JsonSchema(_)
                                               => row(READ, Entity::JsonSchemaFile, Service),
            Catalog::UpdateService | Catalog::FirmwareInventory
                                               => row(READ, Entity::UpdateService, Service),
            Catalog::CertificateService | Catalog::CertificateLocations
                                               => row(READ, Entity::CertificateService, Service),
        },
    }
}

impl Route<'_> {
    /// The methods that it allows, as the `Allow` header lists them.
    pub(crate) const fn allow(&self) -> &'static str {
        row_of(self).allow
    }

    /// Whether it allows a method.
    pub(crate) fn allows(&self, method: &Method) -> bool {
        let allowed = self.allow();
        match *method {
            // Nearly every request, and the first of any methods that it is among.
            Method::GET => allowed.starts_with("GET"),
            _ => allowed.split(", ").any(|allowed| allowed == method.as_str()),
        }
    }

    /// What a request needs.
    pub(crate) fn required(&self, method: &Method) -> Required {
        required_by(row_of(self).entity, method)
    }

    /// Whether a write may come without a body.
    pub(crate) const fn body_is_optional(&self) -> bool {
        row_of(self).body_is_optional
    }

    /// Whether it is made of documents that the service keeps, so that it cannot be told before they have been read.
    pub(crate) const fn needs_documents(&self) -> bool {
        matches!(row_of(self).source, Documents | DocumentsAndSystems)
    }

    /// Whether it is made of systems, so that it cannot be told before they are known.
    pub(crate) const fn needs_systems(&self) -> bool {
        matches!(row_of(self).source, Systems | DocumentsAndSystems)
    }
}
