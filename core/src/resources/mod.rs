//! The resources of the service, one file for each: how it is represented, what may be changed, what it can do.
//!
//! Nothing here changes anything: a read ends in a representation, a write in a [`Plan`] for the service to carry out.

mod access;
mod account_service;
mod attribute_registry;
mod bios;
mod bios_attribute;
mod bios_settings;
mod boot_option;
mod boot_option_collection;
mod catalog;
mod certificate;
mod certificate_collection;
mod certificate_locations;
mod certificate_service;
mod chassis;
mod chassis_collection;
mod collection;
mod computer_system;
mod computer_system_boot;
mod computer_system_boot_progress;
mod computer_system_collection;
mod computer_system_conditions;
mod computer_system_reset;
mod condition;
mod coverage;
mod drive;
mod ethernet_interface;
mod ethernet_interface_collection;
mod event_destination;
mod event_destination_collection;
mod event_service;
mod event_service_test;
mod event_subscribe;
mod inventory;
mod json_schema_file;
mod json_schema_file_collection;
mod manager;
mod manager_account;
mod manager_account_collection;
mod manager_clock;
mod manager_collection;
mod manager_network_protocol;
mod manager_reset;
mod memory;
mod memory_collection;
mod message_registry;
mod message_registry_file;
mod message_registry_file_collection;
mod metadata;
mod odata;
mod operation_apply_time;
mod parameters;
mod plan;
mod privilege_registry;
mod processor;
mod processor_collection;
mod protocol_features;
mod role;
mod role_collection;
mod secure_boot;
mod service_root;
mod session;
mod session_collection;
mod session_service;
mod software_inventory_collection;
mod storage;
mod storage_collection;
mod task;
mod task_collection;
mod task_service;
mod update_service;
mod versions;
mod virtual_media;
mod virtual_media_collection;

use std::borrow::Cow;
use std::sync::Arc;

use serde::Serialize;

use crate::auth::Identity;
use crate::http::{MediaType, Refusal, Representation, Schema};
use crate::messages::{Message, cluster};
use crate::route::{Alias, Firmware, Location, Route};
use crate::task::Task;
use crate::time::Now;
use crate::view::{NoSystem, View, Vm};

pub(crate) use access::{extent, owned};
pub(crate) use computer_system::uuid as system_uuid;
pub(crate) use coverage::not_known;
pub(crate) use ethernet_interface::mac_addresses;
pub(crate) use operation_apply_time::is_asked_for as operation_apply_time_is_asked_for;
pub(crate) use plan::{Effect, Plan, edit_failure, failure, plan, stream_plan};
pub(crate) use protocol_features::MAX_LEVELS;
pub(crate) use session::{LogIn, log_in, represent_opened};
pub(crate) use task::{FinalAnswer, final_answer};

/// What a representation depends on.
pub(crate) struct Context<'a> {
    pub(crate) view: &'a View,
    /// Who asks; `None` for someone who has not logged in, which suffices for some documents.
    pub(crate) identity: Option<&'a Identity>,
    pub(crate) now: Now,
}

/// What the resource is written in.
pub(crate) fn media_type(route: &Route<'_>) -> MediaType {
    match route {
        Route::Metadata => MediaType::Xml,
        Route::ServerSentEvents => MediaType::EventStream,
        _ => MediaType::Json,
    }
}

/// How many members a collection shows at once: enough that most installations have one page, and few enough that a
/// page is a small answer.
pub(crate) const PAGE_SIZE: usize = 1_000;

/// Some of a collection's members: `take` at most, after `skip` others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Window<'a> {
    /// Only members that come after the one with this id are counted by `skip` and `take`. Found without a walk over
    /// those before it.
    pub(crate) after: Option<&'a str>,
    pub(crate) skip: usize,
    pub(crate) take: usize,
}

impl Window<'_> {
    /// All members.
    pub(crate) const ALL: Self = Self { after: None, skip: 0, take: usize::MAX };
    /// The first page.
    const FIRST: Self = Self { after: None, skip: 0, take: PAGE_SIZE };
}

/// Represents some members of a collection of those that may be large; `None` for any other resource.
pub(crate) fn read_window(
    context: &Context<'_>,
    location: &Location<'_>,
    window: Window<'_>,
) -> Option<Result<Representation, Refusal>> {
    match location.route {
        Route::Systems => Some(Ok(computer_system_collection::represent(context, window))),
        Route::ChassisSystems(name) => Some(
            context.chassis(name).map(|index| computer_system_collection::represent_chassis(context, index, window)),
        ),
        Route::Managers => Some(Ok(manager_collection::represent(context, window))),
        _ => None,
    }
}

/// Represents a resource; of a large collection, the first page.
pub(crate) fn read(context: &Context<'_>, location: &Location<'_>) -> Result<Representation, Refusal> {
    match location.route {
        Route::Versions => Ok(versions::represent()),
        Route::ServiceRoot => Ok(service_root::represent(context)),
        Route::OData => Ok(odata::represent()),
        Route::Metadata => Ok(metadata::represent()),
        Route::Systems => Ok(computer_system_collection::represent(context, Window::FIRST)),
        Route::System(name) => context.system(name, location).map(|vm| computer_system::represent(context, vm)),
        Route::Inventory(name, part) => {
            context.system(name, location).and_then(|vm| inventory::represent(context, vm, part))
        }
        Route::Firmware(name, Firmware::Bios) => context.system(name, location).map(|vm| bios::represent(context, vm)),
        Route::Firmware(name, Firmware::BiosSettings) => {
            context.system(name, location).map(|vm| bios_settings::represent(context, vm))
        }
        Route::Firmware(name, Firmware::SecureBoot) => {
            context.system(name, location).and_then(|vm| secure_boot::represent(context, vm))
        }
        Route::VirtualMediaCollection(name) => {
            context.system(name, location).map(|vm| virtual_media_collection::represent(context, vm))
        }
        Route::VirtualMedia(name, slot) => {
            context.system(name, location).map(|vm| virtual_media::represent(context, vm, slot))
        }
        Route::MediaCertificates(name, slot) => {
            context.system(name, location).map(|vm| certificate_collection::represent(context, vm, slot))
        }
        Route::MediaCertificate(name, slot, id) => {
            context.system(name, location).and_then(|vm| certificate::represent(context, vm, slot, id))
        }
        Route::ChassisCollection => Ok(chassis_collection::represent(context)),
        Route::Chassis(name) => context.chassis(name).map(|index| chassis::represent(context, index)),
        Route::ChassisSystems(name) => {
            let represent = |index| computer_system_collection::represent_chassis(context, index, Window::FIRST);
            context.chassis(name).map(represent)
        }
        Route::Managers => Ok(manager_collection::represent(context, Window::FIRST)),
        Route::Manager(name) => context.system(name, location).map(|vm| manager::represent(context, vm)),
        Route::EventService => Ok(event_service::represent(context)),
        Route::EventDestinations => Ok(event_destination_collection::represent(context)),
        Route::EventDestination(id) => context.subscription(id).map(|known| event_destination::represent(known)),
        Route::SessionService => Ok(session_service::represent(context)),
        Route::Sessions => Ok(session_collection::represent(context)),
        Route::Session(id) => session::represent(context, id),
        Route::AccountService => Ok(account_service::represent(context)),
        Route::Accounts => Ok(manager_account_collection::represent(context)),
        Route::Account(id) => manager_account::represent(context, id),
        Route::Roles => Ok(role_collection::represent(context)),
        Route::Role(name) => role::represent(context, name),
        Route::NetworkProtocol(name) => {
            context.system(name, location).map(|vm| manager_network_protocol::represent(context, vm))
        }
        Route::Catalog(resource) => catalog::represent(context, resource),
        Route::TaskService => Ok(task_service::represent(context)),
        Route::Tasks => Ok(task_collection::represent(context)),
        // A monitor's own answers are for an exchange to give; while the task goes on it is represented by the task.
        Route::Task(id) | Route::TaskMonitor(id) => {
            context.task(id).map(|(task, vm)| task::represent(context, task, vm))
        }
        // Not reached: none of these allows GET, but for the stream, which is not a representation.
        Route::SystemReset(_)
        | Route::Firmware(_, Firmware::ResetBios)
        | Route::ManagerReset(_)
        | Route::VirtualMediaAction(..)
        | Route::EventServiceAction(_)
        | Route::EventDestinationAction(..)
        | Route::ServerSentEvents => Err(Refusal::method_not_allowed(location.route.allow())),
    }
}

/// The schema of a system.
pub(crate) const SYSTEM: Schema = computer_system::SCHEMA;

/// Every schema of which the service has resources.
pub(crate) const SCHEMAS: &[Schema] = &[
    service_root::SCHEMA,
    computer_system_collection::SCHEMA,
    computer_system::SCHEMA,
    boot_option_collection::SCHEMA,
    boot_option::SCHEMA,
    ethernet_interface_collection::SCHEMA,
    ethernet_interface::SCHEMA,
    bios::SCHEMA,
    secure_boot::SCHEMA,
    processor_collection::SCHEMA,
    processor::SCHEMA,
    memory_collection::SCHEMA,
    memory::SCHEMA,
    storage_collection::SCHEMA,
    storage::SCHEMA,
    drive::SCHEMA,
    virtual_media_collection::SCHEMA,
    certificate_collection::SCHEMA,
    certificate::SCHEMA,
    virtual_media::SCHEMA,
    chassis_collection::SCHEMA,
    chassis::SCHEMA,
    manager_collection::SCHEMA,
    manager::SCHEMA,
    event_service::SCHEMA,
    event_destination_collection::SCHEMA,
    event_destination::SCHEMA,
    manager_network_protocol::SCHEMA,
    message_registry_file_collection::SCHEMA,
    message_registry_file::SCHEMA,
    message_registry::SCHEMA,
    privilege_registry::SCHEMA,
    attribute_registry::SCHEMA,
    json_schema_file_collection::SCHEMA,
    json_schema_file::SCHEMA,
    update_service::SCHEMA,
    software_inventory_collection::SCHEMA,
    certificate_service::SCHEMA,
    certificate_locations::SCHEMA,
    task_service::SCHEMA,
    task_collection::SCHEMA,
    task::SCHEMA,
    session_service::SCHEMA,
    session_collection::SCHEMA,
    session::SCHEMA,
    account_service::SCHEMA,
    manager_account_collection::SCHEMA,
    manager_account::SCHEMA,
    role_collection::SCHEMA,
    role::SCHEMA,
];

impl<'a> Context<'a> {
    /// The chassis that the asking account sees: indices into the configuration.
    fn visible_chassis(&self) -> &'a [u16] {
        self.identity.map_or(&[], |identity| &identity.chassis)
    }

    /// Those of them whose systems are known, as indices into the configuration.
    fn known_chassis(&self) -> Cow<'a, [u16]> {
        let visible = self.visible_chassis();
        let known = |index: &u16| self.view.coverage.of(*index).is_some_and(|part| part.listed);
        if visible.iter().all(known) {
            Cow::Borrowed(visible)
        } else {
            Cow::Owned(visible.iter().copied().filter(known).collect())
        }
    }

    /// The system that a URI names; 404 if there is none that the account sees, or none at this URI.
    fn system(&self, name: &str, location: &Location<'_>) -> Result<&'a Arc<Vm>, Refusal> {
        let unknown = || Refusal::not_found(location.route.kind(), name);
        let identity = self.identity.ok_or_else(unknown)?;
        let within = match location.alias {
            Some(Alias::Chassis(chassis)) => Some(self.chassis(chassis)?),
            Some(Alias::Manager | Alias::Members) | None => None,
        };
        let scope = within.map(|index| identity.within(index));
        self.view.system(name, scope.as_ref().unwrap_or(identity)).map_err(|reason| match reason {
            NoSystem::Unknown => unknown(),
            NoSystem::Unlisted(index) => coverage::unlisted(self, index),
            NoSystem::Ambiguous(ids) => {
                let ids: Vec<&str> = ids.iter().map(crate::model::VmId::as_str).collect();
                let mut refusal = unknown();
                refusal.messages.push(Message::new(&cluster::AMBIGUOUS_NAME, [name, &ids.join(", ")]));
                refusal
            }
        })
    }

    /// The task of that id and its machine; 404 if there is none of a machine that the account sees.
    pub(crate) fn task(&self, id: &str) -> Result<(&'a Arc<Task>, &'a Arc<Vm>), Refusal> {
        let found = self.identity.and_then(|identity| self.view.task(id, identity));
        found.ok_or_else(|| Refusal::not_found("Task", id))
    }

    /// The chassis of that name: its index in the configuration; 404 if there is none that the account sees.
    fn chassis(&self, name: &str) -> Result<u16, Refusal> {
        self.visible_chassis()
            .iter()
            .copied()
            .find(|index| self.chassis_config(*index).is_some_and(|chassis| chassis.name.as_str() == name))
            .ok_or_else(|| Refusal::not_found("Chassis", name))
    }

    fn chassis_config(&self, index: u16) -> Option<&'a crate::config::Chassis> {
        self.view.config.chassis.get(usize::from(index))
    }

    /// The canonical URI of what a request is about, where it came by another one.
    pub(crate) fn canonical(&self, location: &Location<'_>) -> Option<String> {
        let name = location.route.system()?;
        let vm = self.system(name, location).ok()?;
        let shown = self.view.shown_name(&vm.machine.id);
        (location.alias.is_some() || shown != name).then(|| location.route.with_system(shown).to_string())
    }

    /// The names of those of the chassis at `indices` that the account sees.
    fn chassis_names(&self, indices: &[u16]) -> impl Iterator<Item = &'a str> {
        let visible = self.visible_chassis();
        indices
            .iter()
            .filter(move |index| visible.contains(index))
            .filter_map(|index| self.chassis_config(*index))
            .map(|chassis| chassis.name.as_str())
    }
}

/// An action that takes no parameter, or none of which there is more to say.
#[derive(Clone, Copy, Debug, Serialize)]
struct ActionTarget<'a> {
    target: Route<'a>,
}

/// A reference to a resource: an object that has its URI and nothing else.
#[derive(Clone, Copy, Debug, Serialize)]
struct Link<'a> {
    #[serde(rename = "@odata.id")]
    odata_id: Route<'a>,
}

impl<'a> Link<'a> {
    fn to(route: Route<'a>) -> Self {
        Self { odata_id: route }
    }
}

/// `Actions` of a resource that has none.
#[derive(Clone, Copy, Debug, Serialize)]
struct NoActions {}

/// Schema `Resource`, object `Status`.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Status {
    state: &'static str,
    health: &'static str,
}

impl Status {
    /// There and well.
    const ENABLED: Self = Self { state: "Enabled", health: "OK" };
}
