//! What a request needs (Redfish Privilege Registry 1.8.0): one table, read top to bottom.

use http::Method;

use super::{Privilege, Privileges};
use Need::{Has, OwnAnd};
use Privilege::{ConfigureComponents, ConfigureManager, ConfigureSelf, ConfigureUsers, Login};

/// One way to be allowed something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Need {
    /// By having this privilege.
    Has(Privilege),
    /// By having it, if the account or session is one's own.
    OwnAnd(Privilege),
}

/// Whether what a request is about belongs to who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Owned {
    /// It is their own account or session.
    Own,
    /// It is not, or cannot be.
    Foreign,
}

/// What a request needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Required {
    /// Nothing, not even to log in.
    Nothing,
    /// Any one of these.
    AnyOf(&'static [Need]),
}

impl Required {
    /// Whether someone has it who has these privileges over what the request is about.
    pub(crate) fn is_met_by(self, privileges: Privileges, owned: Owned) -> bool {
        match self {
            Self::Nothing => true,
            Self::AnyOf(ways) => ways.iter().any(|way| match *way {
                Has(privilege) => privileges.has(privilege),
                OwnAnd(privilege) => owned == Owned::Own && privileges.has(privilege),
            }),
        }
    }
}

/// What the registry calls an entity: the type of a resource, as far as privileges differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Entity {
    AccountService,
    Bios,
    Certificate,
    CertificateService,
    Chassis,
    ComputerSystem,
    /// `/redfish`, the OData documents and the service root.
    Document,
    EventDestination,
    EventDestinationCollection,
    EventService,
    JsonSchemaFile,
    LogService,
    Manager,
    ManagerAccount,
    ManagerAccountCollection,
    ManagerEthernetInterface,
    ManagerLogService,
    ManagerNetworkProtocol,
    MessageRegistryFile,
    Role,
    SecureBoot,
    Session,
    SessionCollection,
    SessionService,
    /// Processors, memory, storage, network interfaces and the like of a system.
    SystemComponent,
    Task,
    TaskService,
    UpdateService,
    VirtualMedia,
}

impl Entity {
    /// The entities, in the order of the table.
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        MAP.iter().map(|rule| rule.entity)
    }

    /// The types of the resources of this service that it stands for; none for what other services have.
    pub(crate) const fn schemas(self) -> &'static [&'static str] {
        match self {
            Self::AccountService => &["AccountService"],
            Self::Bios => &["Bios"],
            Self::Certificate => &["Certificate", "CertificateCollection"],
            Self::CertificateService => &["CertificateLocations", "CertificateService"],
            Self::Chassis => &["Chassis", "ChassisCollection"],
            Self::ComputerSystem => &["ComputerSystem", "ComputerSystemCollection"],
            Self::Document => &["ServiceRoot"],
            Self::EventDestination => &["EventDestination"],
            Self::EventDestinationCollection => &["EventDestinationCollection"],
            Self::EventService => &["EventService"],
            Self::JsonSchemaFile => &["JsonSchemaFile", "JsonSchemaFileCollection"],
            Self::Manager => &["Manager", "ManagerCollection"],
            Self::ManagerAccount => &["ManagerAccount"],
            Self::ManagerAccountCollection => &["ManagerAccountCollection"],
            Self::ManagerNetworkProtocol => &["ManagerNetworkProtocol"],
            Self::MessageRegistryFile => &[
                "AttributeRegistry",
                "MessageRegistry",
                "MessageRegistryFile",
                "MessageRegistryFileCollection",
                "PrivilegeRegistry",
            ],
            Self::Role => &["Role", "RoleCollection"],
            Self::SecureBoot => &["SecureBoot"],
            Self::Session => &["Session"],
            Self::SessionCollection => &["SessionCollection"],
            Self::SessionService => &["SessionService"],
            Self::SystemComponent => &[
                "BootOption",
                "BootOptionCollection",
                "Drive",
                "EthernetInterface",
                "EthernetInterfaceCollection",
                "Memory",
                "MemoryCollection",
                "Processor",
                "ProcessorCollection",
                "Storage",
                "StorageCollection",
            ],
            Self::Task => &["Task", "TaskCollection"],
            Self::TaskService => &["TaskService"],
            Self::UpdateService => &["SoftwareInventoryCollection", "UpdateService"],
            Self::VirtualMedia => &["VirtualMedia", "VirtualMediaCollection"],
            Self::LogService | Self::ManagerEthernetInterface | Self::ManagerLogService => &[],
        }
    }
}

/// What the methods of an entity need. An action is a POST.
struct Rule {
    entity: Entity,
    read: &'static [Need],
    patch: &'static [Need],
    post: &'static [Need],
    delete: &'static [Need],
}

/// Rows in which all changes need the same.
const fn row(entity: Entity, read: &'static [Need], change: &'static [Need]) -> Rule {
    Rule { entity, read, patch: change, post: change, delete: change }
}

const LOGIN: &[Need] = &[Has(Login)];
const COMPONENTS: &[Need] = &[Has(ConfigureComponents)];
const MANAGER: &[Need] = &[Has(ConfigureManager)];
const USERS: &[Need] = &[Has(ConfigureUsers)];
const MANAGER_OR_OWN: &[Need] = &[Has(ConfigureManager), OwnAnd(ConfigureSelf)];
const USERS_OR_OWN: &[Need] = &[Has(ConfigureUsers), OwnAnd(ConfigureSelf)];

/// The table. Virtual media belong to the manager by the registry's entity mapping, so an Operator cannot insert them.
#[rustfmt::skip]
const MAP: &[Rule] = &[
    row(Entity::AccountService,             LOGIN, USERS),
    row(Entity::Bios,                       LOGIN, COMPONENTS),
    row(Entity::Certificate,                MANAGER, MANAGER),
    row(Entity::CertificateService,         LOGIN, MANAGER),
    row(Entity::Chassis,                    LOGIN, COMPONENTS),
    row(Entity::ComputerSystem,             LOGIN, COMPONENTS),
    // Reading needs nothing: see `required_by`.
    row(Entity::Document,                   LOGIN, MANAGER),
    row(Entity::EventDestination,           LOGIN, MANAGER_OR_OWN),
    Rule { entity: Entity::EventDestinationCollection,
           read: LOGIN, patch: MANAGER, post: &[Has(ConfigureManager), Has(ConfigureComponents)], delete: MANAGER },
    row(Entity::EventService,               LOGIN, MANAGER),
    row(Entity::JsonSchemaFile,             LOGIN, MANAGER),
    row(Entity::LogService,                 LOGIN, COMPONENTS),
    row(Entity::Manager,                    LOGIN, MANAGER),
    // A PATCH by `ConfigureSelf` may hold the password alone: see the resource.
    Rule { entity: Entity::ManagerAccount,
           read: &[Has(ConfigureManager), Has(ConfigureUsers), OwnAnd(ConfigureSelf)],
           patch: USERS_OR_OWN, post: USERS, delete: USERS },
    row(Entity::ManagerAccountCollection,   LOGIN, USERS),
    row(Entity::ManagerEthernetInterface,   LOGIN, MANAGER),
    row(Entity::ManagerLogService,          LOGIN, MANAGER),
    row(Entity::ManagerNetworkProtocol,     LOGIN, MANAGER),
    row(Entity::MessageRegistryFile,        LOGIN, MANAGER),
    row(Entity::Role,                       LOGIN, MANAGER),
    row(Entity::SecureBoot,                 LOGIN, COMPONENTS),
    row(Entity::Session,                    MANAGER_OR_OWN, MANAGER_OR_OWN),
    // Logging in needs nothing: see `required_by`.
    row(Entity::SessionCollection,          LOGIN, LOGIN),
    row(Entity::SessionService,             LOGIN, MANAGER),
    row(Entity::SystemComponent,            LOGIN, COMPONENTS),
    row(Entity::Task,                       LOGIN, MANAGER),
    row(Entity::TaskService,                LOGIN, MANAGER),
    row(Entity::UpdateService,              LOGIN, COMPONENTS),
    row(Entity::VirtualMedia,               LOGIN, MANAGER),
];

/// What a request needs that is about an entity.
pub(crate) fn required_by(entity: Entity, method: &Method) -> Required {
    let reading = matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS);
    if reading && entity == Entity::Document || *method == Method::POST && entity == Entity::SessionCollection {
        return Required::Nothing;
    }
    let Some(rule) = MAP.iter().find(|rule| rule.entity == entity) else {
        // Not reached while every entity has a row, which a test makes sure of. Nobody may then.
        return Required::AnyOf(&[]);
    };
    Required::AnyOf(match *method {
        Method::GET | Method::HEAD | Method::OPTIONS => rule.read,
        Method::POST => rule.post,
        Method::DELETE => rule.delete,
        // PATCH and PUT; whatever else there is, the resource does not allow.
        _ => rule.patch,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_entity_has_one_row_and_the_rows_are_in_order() {
        let names: Vec<String> = MAP.iter().map(|rule| format!("{:?}", rule.entity)).collect();
        assert!(names.is_sorted_by(|one, other| one < other), "{names:?}");
        // The last entity's number tells how many there are.
        assert_eq!(names.len(), Entity::VirtualMedia as usize + 1);
    }
}
