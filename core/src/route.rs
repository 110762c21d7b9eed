//! Every URI of the service as one type. Links are printed by [`Route`], requests are parsed into it: no link dangles.

mod catalog;
mod firmware;
mod inventory;
mod table;
mod template;

use std::fmt;

use crate::auth::SessionId;
use crate::model::{CertificateId, Slot};

pub(crate) use catalog::Catalog;
pub(crate) use firmware::Firmware;
pub(crate) use inventory::Inventory;
pub use template::Template;

/// A resource or action, by its canonical URI.
///
/// A system is named by the text that stands in the URI: what it means is for whoever looks it up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Route<'a> {
    /// `/redfish`
    Versions,
    /// `/redfish/v1`
    ServiceRoot,
    /// `/redfish/v1/odata`
    OData,
    /// `/redfish/v1/$metadata`
    Metadata,
    /// `/redfish/v1/Systems`
    Systems,
    /// `/redfish/v1/Systems/{system}`
    System(&'a str),
    /// `/redfish/v1/Systems/{system}/Actions/ComputerSystem.Reset`
    SystemReset(&'a str),
    /// `/redfish/v1/Systems/{system}/…`: a part of it.
    Inventory(&'a str, Inventory<'a>),
    /// `/redfish/v1/Systems/{system}/…`: its firmware.
    Firmware(&'a str, Firmware),
    /// `/redfish/v1/Systems/{system}/VirtualMedia`
    VirtualMediaCollection(&'a str),
    /// `/redfish/v1/Systems/{system}/VirtualMedia/{slot}`
    VirtualMedia(&'a str, Slot),
    /// `/redfish/v1/Systems/{system}/VirtualMedia/{slot}/Actions/VirtualMedia.{action}`
    VirtualMediaAction(&'a str, Slot, MediaAction),
    /// `/redfish/v1/Systems/{system}/VirtualMedia/{slot}/Certificates`
    MediaCertificates(&'a str, Slot),
    /// `/redfish/v1/Systems/{system}/VirtualMedia/{slot}/Certificates/{certificate}`
    MediaCertificate(&'a str, Slot, CertificateId),
    /// `/redfish/v1/EventService`
    EventService,
    /// `/redfish/v1/EventService/Actions/EventService.{action}`
    EventServiceAction(EventServiceAction),
    /// `/redfish/v1/EventService/SSE`
    ServerSentEvents,
    /// `/redfish/v1/EventService/Subscriptions`
    EventDestinations,
    /// `/redfish/v1/EventService/Subscriptions/{subscription}`
    EventDestination(&'a str),
    /// `/redfish/v1/EventService/Subscriptions/{subscription}/Actions/EventDestination.{action}`
    EventDestinationAction(&'a str, EventDestinationAction),
    /// `/redfish/v1/Chassis`
    ChassisCollection,
    /// `/redfish/v1/Chassis/{chassis}`
    Chassis(&'a str),
    /// `/redfish/v1/Chassis/{chassis}/Systems`: the systems of one chassis, for clients of the older URI scheme.
    ChassisSystems(&'a str),
    /// `/redfish/v1/Managers`
    Managers,
    /// `/redfish/v1/Managers/{system}`: the manager has the name of the system that it manages.
    Manager(&'a str),
    /// `/redfish/v1/Managers/{system}/Actions/Manager.Reset`
    ManagerReset(&'a str),
    /// `/redfish/v1/Managers/{system}/NetworkProtocol`
    NetworkProtocol(&'a str),
    /// `/redfish/v1/…`: what the service says about itself.
    Catalog(Catalog<'a>),
    /// `/redfish/v1/TaskService`
    TaskService,
    /// `/redfish/v1/TaskService/Tasks`
    Tasks,
    /// `/redfish/v1/TaskService/Tasks/{task}`
    Task(&'a str),
    /// `/redfish/v1/TaskService/TaskMonitors/{task}`: not a resource, but the answer that a request will have had.
    TaskMonitor(&'a str),
    /// `/redfish/v1/SessionService`
    SessionService,
    /// `/redfish/v1/SessionService/Sessions`
    Sessions,
    /// `/redfish/v1/SessionService/Sessions/{session}`
    Session(SessionId),
    /// `/redfish/v1/AccountService`
    AccountService,
    /// `/redfish/v1/AccountService/Accounts`
    Accounts,
    /// `/redfish/v1/AccountService/Accounts/{account}`
    Account(&'a str),
    /// `/redfish/v1/AccountService/Roles`
    Roles,
    /// `/redfish/v1/AccountService/Roles/{role}`
    Role(&'a str),
}

/// An action of the event service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum EventServiceAction {
    /// `#EventService.SubmitTestEvent`
    SubmitTestEvent,
    /// `#EventService.TestEventSubscription`
    TestEventSubscription,
}

/// An action of an event subscription.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum EventDestinationAction {
    /// `#EventDestination.ResumeSubscription`
    Resume,
    /// `#EventDestination.SuspendSubscription`
    Suspend,
}

/// An action of virtual media.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum MediaAction {
    /// `#VirtualMedia.InsertMedia`
    Insert,
    /// `#VirtualMedia.EjectMedia`
    Eject,
}

/// Where a request went: what it is about, and how it got there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Location<'a> {
    /// What it is about.
    pub(crate) route: Route<'a>,
    /// The URI it came by, if that is not the canonical one.
    pub(crate) alias: Option<Alias<'a>>,
}

/// A second URI of a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Alias<'a> {
    /// Below `/redfish/v1/Chassis/{chassis}/Systems`; the system must be of that chassis.
    Chassis(&'a str),
    /// Virtual media below `/redfish/v1/Managers/{system}`.
    Manager,
    /// `Members` below a collection: a POST there makes a member as well (DSP0266 clause 7.9).
    Members,
}

impl<'a> Location<'a> {
    /// Reads the path of a URI. One trailing slash makes no difference. `None` if the service has no such resource.
    pub(crate) fn parse(path: &'a str) -> Option<Self> {
        let path = path.strip_suffix('/').unwrap_or(path);
        let canonical = |route| Some(Self { route, alias: None });
        let rest = path.strip_prefix("/redfish")?;
        if rest.is_empty() {
            return canonical(Route::Versions);
        }
        let rest = rest.strip_prefix("/v1")?;
        if rest.is_empty() {
            return canonical(Route::ServiceRoot);
        }
        let mut segments = rest.strip_prefix('/')?.split('/');
        match segments.next()? {
            "odata" => end(segments).then_some(Route::OData).and_then(canonical),
            "$metadata" => end(segments).then_some(Route::Metadata).and_then(canonical),
            "Systems" => system_route(segments).and_then(canonical),
            "EventService" => event_route(segments).and_then(canonical),
            "SessionService" => session_route(segments),
            "AccountService" => account_route(segments),
            "Managers" => match id(&mut segments) {
                None => end(segments).then_some(Route::Managers).and_then(canonical),
                Some(system) => match segments.next() {
                    None => canonical(Route::Manager(system)),
                    Some("Actions") => match segments.next()? {
                        "Manager.Reset" => end(segments).then_some(Route::ManagerReset(system)).and_then(canonical),
                        _ => None,
                    },
                    Some("NetworkProtocol") => {
                        end(segments).then_some(Route::NetworkProtocol(system)).and_then(canonical)
                    }
                    Some("VirtualMedia") => {
                        let route = media_route(system, segments)?;
                        Some(Self { route, alias: Some(Alias::Manager) })
                    }
                    Some(_) => None,
                },
            },
            "TaskService" => task_route(segments).and_then(canonical),
            "Chassis" => match id(&mut segments) {
                None => end(segments).then_some(Route::ChassisCollection).and_then(canonical),
                Some(chassis) => match segments.next() {
                    None => canonical(Route::Chassis(chassis)),
                    Some("Systems") => match system_route(segments)? {
                        Route::Systems => canonical(Route::ChassisSystems(chassis)),
                        route => Some(Self { route, alias: Some(Alias::Chassis(chassis)) }),
                    },
                    Some(_) => None,
                },
            },
            first => Catalog::parse(first, segments).map(Route::Catalog).and_then(canonical),
        }
    }
}

impl<'a> Route<'a> {
    /// The name of the system that it is about.
    pub(crate) fn system(&self) -> Option<&'a str> {
        match *self {
            Self::System(system)
            | Self::SystemReset(system)
            | Self::Inventory(system, _)
            | Self::Firmware(system, _)
            | Self::VirtualMediaCollection(system)
            | Self::VirtualMedia(system, _)
            | Self::VirtualMediaAction(system, _, _)
            | Self::MediaCertificates(system, _)
            | Self::MediaCertificate(system, _, _)
            | Self::Manager(system)
            | Self::ManagerReset(system)
            | Self::NetworkProtocol(system) => Some(system),
            Self::Versions
            | Self::ServiceRoot
            | Self::OData
            | Self::Metadata
            | Self::EventService
            | Self::EventServiceAction(_)
            | Self::ServerSentEvents
            | Self::EventDestinations
            | Self::EventDestination(_)
            | Self::EventDestinationAction(..)
            | Self::Systems
            | Self::ChassisCollection
            | Self::Chassis(_)
            | Self::ChassisSystems(_)
            | Self::Managers
            | Self::Catalog(_)
            | Self::TaskService
            | Self::Tasks
            | Self::Task(_)
            | Self::TaskMonitor(_)
            | Self::SessionService
            | Self::Sessions
            | Self::Session(_)
            | Self::AccountService
            | Self::Accounts
            | Self::Account(_)
            | Self::Roles
            | Self::Role(_) => None,
        }
    }

    /// The type of what its name stands for, as messages call it.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Manager(_) | Self::ManagerReset(_) | Self::NetworkProtocol(_) => "Manager",
            Self::Chassis(_) | Self::ChassisSystems(_) => "Chassis",
            Self::EventDestination(_) | Self::EventDestinationAction(..) => "EventDestination",
            Self::Task(_) | Self::TaskMonitor(_) => "Task",
            Self::Session(_) => "Session",
            Self::Account(_) => "ManagerAccount",
            Self::Role(_) => "Role",
            _ => "ComputerSystem",
        }
    }

    /// The same of the system `name`, if it is about a system at all.
    pub(crate) fn with_system<'b>(&self, name: &'b str) -> Route<'b>
    where
        'a: 'b,
    {
        match *self {
            Self::System(_) => Route::System(name),
            Self::SystemReset(_) => Route::SystemReset(name),
            Self::Inventory(_, part) => Route::Inventory(name, part),
            Self::Firmware(_, part) => Route::Firmware(name, part),
            Self::VirtualMediaCollection(_) => Route::VirtualMediaCollection(name),
            Self::VirtualMedia(_, slot) => Route::VirtualMedia(name, slot),
            Self::VirtualMediaAction(_, slot, action) => Route::VirtualMediaAction(name, slot, action),
            Self::MediaCertificates(_, slot) => Route::MediaCertificates(name, slot),
            Self::MediaCertificate(_, slot, certificate) => Route::MediaCertificate(name, slot, certificate),
            Self::Manager(_) => Route::Manager(name),
            Self::ManagerReset(_) => Route::ManagerReset(name),
            Self::NetworkProtocol(_) => Route::NetworkProtocol(name),
            other => other,
        }
    }
}

/// What follows `/Systems`.
fn system_route(mut segments: std::str::Split<'_, char>) -> Option<Route<'_>> {
    let Some(system) = id(&mut segments) else {
        return end(segments).then_some(Route::Systems);
    };
    match segments.next() {
        None => Some(Route::System(system)),
        Some("Actions") => match segments.next()? {
            "ComputerSystem.Reset" => end(segments).then_some(Route::SystemReset(system)),
            _ => None,
        },
        Some("VirtualMedia") => media_route(system, segments),
        Some(first @ ("Bios" | "SecureBoot")) => {
            Firmware::parse(first, segments).map(|part| Route::Firmware(system, part))
        }
        Some(first) => Inventory::parse(first, segments).map(|part| Route::Inventory(system, part)),
    }
}

/// What follows `/EventService`.
fn event_route(mut segments: std::str::Split<'_, char>) -> Option<Route<'_>> {
    let route = match segments.next() {
        None => Route::EventService,
        Some("Actions") => Route::EventServiceAction(match segments.next()? {
            "EventService.SubmitTestEvent" => EventServiceAction::SubmitTestEvent,
            "EventService.TestEventSubscription" => EventServiceAction::TestEventSubscription,
            _ => return None,
        }),
        Some("SSE") => Route::ServerSentEvents,
        Some("Subscriptions") => match id(&mut segments) {
            None => Route::EventDestinations,
            Some(subscription) => match segments.next() {
                None => Route::EventDestination(subscription),
                Some("Actions") => {
                    let action = match segments.next()? {
                        "EventDestination.ResumeSubscription" => EventDestinationAction::Resume,
                        "EventDestination.SuspendSubscription" => EventDestinationAction::Suspend,
                        _ => return None,
                    };
                    Route::EventDestinationAction(subscription, action)
                }
                Some(_) => return None,
            },
        },
        Some(_) => return None,
    };
    end(segments).then_some(route)
}

/// What follows `/SessionService`.
fn session_route(mut segments: std::str::Split<'_, char>) -> Option<Location<'_>> {
    match segments.next() {
        None => Some(Location { route: Route::SessionService, alias: None }),
        Some("Sessions") => members(segments, Route::Sessions, |id| SessionId::parse(id).map(Route::Session)),
        Some(_) => None,
    }
}

/// What follows `/AccountService`.
fn account_route(mut segments: std::str::Split<'_, char>) -> Option<Location<'_>> {
    match segments.next() {
        None => Some(Location { route: Route::AccountService, alias: None }),
        Some("Accounts") => members(segments, Route::Accounts, |id| Some(Route::Account(id))),
        Some("Roles") => members(segments, Route::Roles, |id| Some(Route::Role(id))),
        Some(_) => None,
    }
}

/// What follows a collection whose members have nothing below them.
fn members<'a>(
    mut segments: std::str::Split<'a, char>,
    collection: Route<'a>,
    member: impl FnOnce(&'a str) -> Option<Route<'a>>,
) -> Option<Location<'a>> {
    let location = match id(&mut segments) {
        None => Location { route: collection, alias: None },
        Some("Members") => Location { route: collection, alias: Some(Alias::Members) },
        Some(id) => Location { route: member(id)?, alias: None },
    };
    end(segments).then_some(location)
}

/// What follows `/VirtualMedia`.
fn media_route<'a>(system: &'a str, mut segments: std::str::Split<'a, char>) -> Option<Route<'a>> {
    let Some(slot) = id(&mut segments) else {
        return end(segments).then_some(Route::VirtualMediaCollection(system));
    };
    let slot = slot.parse().ok()?;
    match segments.next() {
        None => Some(Route::VirtualMedia(system, slot)),
        Some("Actions") => {
            let action = match segments.next()? {
                "VirtualMedia.InsertMedia" => MediaAction::Insert,
                "VirtualMedia.EjectMedia" => MediaAction::Eject,
                _ => return None,
            };
            end(segments).then_some(Route::VirtualMediaAction(system, slot, action))
        }
        Some("Certificates") => {
            let route = match id(&mut segments) {
                None | Some("Members") => Route::MediaCertificates(system, slot),
                Some(certificate) => Route::MediaCertificate(system, slot, certificate.parse().ok()?),
            };
            end(segments).then_some(route)
        }
        Some(_) => None,
    }
}

/// What follows `/TaskService`.
fn task_route(mut segments: std::str::Split<'_, char>) -> Option<Route<'_>> {
    let below = segments.next();
    let task = id(&mut segments);
    let route = match (below, task) {
        (None, None) => Route::TaskService,
        (Some("Tasks"), None) => Route::Tasks,
        (Some("Tasks"), Some(task)) => Route::Task(task),
        (Some("TaskMonitors"), Some(task)) => Route::TaskMonitor(task),
        _ => return None,
    };
    end(segments).then_some(route)
}

/// The next segment, if it can be an id: nothing of ours has other characters.
fn id<'a>(segments: &mut std::str::Split<'a, char>) -> Option<&'a str> {
    let mut ahead = segments.clone();
    let segment = ahead.next()?;
    let valid = !segment.is_empty()
        && segment.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'));
    valid.then(|| {
        *segments = ahead;
        segment
    })
}

fn end(mut segments: std::str::Split<'_, char>) -> bool {
    segments.next().is_none()
}

/// Prints the canonical URI.
impl fmt::Display for Route<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Versions => f.write_str("/redfish"),
            Self::ServiceRoot => f.write_str("/redfish/v1"),
            Self::OData => f.write_str("/redfish/v1/odata"),
            Self::Metadata => f.write_str("/redfish/v1/$metadata"),
            Self::Systems => f.write_str("/redfish/v1/Systems"),
            Self::System(system) => write!(f, "/redfish/v1/Systems/{system}"),
            Self::SystemReset(system) => write!(f, "/redfish/v1/Systems/{system}/Actions/ComputerSystem.Reset"),
            Self::Inventory(system, part) => write!(f, "/redfish/v1/Systems/{system}/{part}"),
            Self::Firmware(system, part) => write!(f, "/redfish/v1/Systems/{system}/{part}"),
            Self::VirtualMediaCollection(system) => write!(f, "/redfish/v1/Systems/{system}/VirtualMedia"),
            Self::VirtualMedia(system, slot) => write!(f, "/redfish/v1/Systems/{system}/VirtualMedia/{slot}"),
            Self::VirtualMediaAction(system, slot, action) => {
                let action = match action {
                    MediaAction::Insert => "InsertMedia",
                    MediaAction::Eject => "EjectMedia",
                };
                write!(f, "/redfish/v1/Systems/{system}/VirtualMedia/{slot}/Actions/VirtualMedia.{action}")
            }
            Self::MediaCertificates(system, slot) => {
                write!(f, "/redfish/v1/Systems/{system}/VirtualMedia/{slot}/Certificates")
            }
            Self::MediaCertificate(system, slot, certificate) => {
                write!(f, "/redfish/v1/Systems/{system}/VirtualMedia/{slot}/Certificates/{certificate}")
            }
            Self::EventService => f.write_str("/redfish/v1/EventService"),
            Self::EventServiceAction(action) => {
                let action = match action {
                    EventServiceAction::SubmitTestEvent => "SubmitTestEvent",
                    EventServiceAction::TestEventSubscription => "TestEventSubscription",
                };
                write!(f, "/redfish/v1/EventService/Actions/EventService.{action}")
            }
            Self::ServerSentEvents => f.write_str("/redfish/v1/EventService/SSE"),
            Self::EventDestinations => f.write_str("/redfish/v1/EventService/Subscriptions"),
            Self::EventDestination(id) => write!(f, "/redfish/v1/EventService/Subscriptions/{id}"),
            Self::EventDestinationAction(id, action) => {
                let action = match action {
                    EventDestinationAction::Resume => "ResumeSubscription",
                    EventDestinationAction::Suspend => "SuspendSubscription",
                };
                write!(f, "/redfish/v1/EventService/Subscriptions/{id}/Actions/EventDestination.{action}")
            }
            Self::ChassisCollection => f.write_str("/redfish/v1/Chassis"),
            Self::Chassis(chassis) => write!(f, "/redfish/v1/Chassis/{chassis}"),
            Self::ChassisSystems(chassis) => write!(f, "/redfish/v1/Chassis/{chassis}/Systems"),
            Self::Managers => f.write_str("/redfish/v1/Managers"),
            Self::Manager(system) => write!(f, "/redfish/v1/Managers/{system}"),
            Self::ManagerReset(system) => write!(f, "/redfish/v1/Managers/{system}/Actions/Manager.Reset"),
            Self::NetworkProtocol(system) => write!(f, "/redfish/v1/Managers/{system}/NetworkProtocol"),
            Self::Catalog(catalog) => write!(f, "/redfish/v1/{catalog}"),
            Self::TaskService => f.write_str("/redfish/v1/TaskService"),
            Self::Tasks => f.write_str("/redfish/v1/TaskService/Tasks"),
            Self::Task(task) => write!(f, "/redfish/v1/TaskService/Tasks/{task}"),
            Self::TaskMonitor(task) => write!(f, "/redfish/v1/TaskService/TaskMonitors/{task}"),
            Self::SessionService => f.write_str("/redfish/v1/SessionService"),
            Self::Sessions => f.write_str("/redfish/v1/SessionService/Sessions"),
            Self::Session(id) => write!(f, "/redfish/v1/SessionService/Sessions/{id}"),
            Self::AccountService => f.write_str("/redfish/v1/AccountService"),
            Self::Accounts => f.write_str("/redfish/v1/AccountService/Accounts"),
            Self::Account(id) => write!(f, "/redfish/v1/AccountService/Accounts/{id}"),
            Self::Roles => f.write_str("/redfish/v1/AccountService/Roles"),
            Self::Role(name) => write!(f, "/redfish/v1/AccountService/Roles/{name}"),
        }
    }
}

/// A route in a body is its URI.
impl serde::Serialize for Route<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn any_route(system: &str, chassis: &str) -> Vec<String> {
        let media = |action| Route::VirtualMediaAction(system, Slot::Cd, action);
        [
            Route::Versions,
            Route::ServiceRoot,
            Route::OData,
            Route::Metadata,
            Route::Systems,
            Route::System(system),
            Route::SystemReset(system),
            Route::VirtualMediaCollection(system),
            Route::VirtualMedia(system, Slot::Cd),
            Route::MediaCertificates(system, Slot::Usb),
            Route::MediaCertificate(system, Slot::Cd, "00000000000000af".parse().expect("an id")),
            media(MediaAction::Insert),
            media(MediaAction::Eject),
            Route::EventService,
            Route::EventServiceAction(EventServiceAction::SubmitTestEvent),
            Route::EventServiceAction(EventServiceAction::TestEventSubscription),
            Route::ServerSentEvents,
            Route::EventDestinations,
            Route::EventDestination(system),
            Route::EventDestinationAction(system, EventDestinationAction::Resume),
            Route::EventDestinationAction(system, EventDestinationAction::Suspend),
            Route::ChassisCollection,
            Route::Chassis(chassis),
            Route::ChassisSystems(chassis),
            Route::Managers,
            Route::Manager(system),
            Route::ManagerReset(system),
            Route::NetworkProtocol(system),
            Route::Inventory(system, Inventory::BootOptions),
            Route::Inventory(system, Inventory::BootOption(chassis)),
            Route::Firmware(system, Firmware::Bios),
            Route::Firmware(system, Firmware::BiosSettings),
            Route::Firmware(system, Firmware::ResetBios),
            Route::Firmware(system, Firmware::SecureBoot),
            Route::Inventory(system, Inventory::EthernetInterfaces),
            Route::Inventory(system, Inventory::EthernetInterface(chassis)),
            Route::Inventory(system, Inventory::Processors),
            Route::Inventory(system, Inventory::Processor(chassis)),
            Route::Inventory(system, Inventory::MemoryCollection),
            Route::Inventory(system, Inventory::Memory(chassis)),
            Route::Inventory(system, Inventory::StorageCollection),
            Route::Inventory(system, Inventory::Storage(chassis)),
            Route::Inventory(system, Inventory::Drive { storage: chassis, drive: system }),
            Route::Catalog(Catalog::Registries),
            Route::Catalog(Catalog::Registry(chassis)),
            Route::Catalog(Catalog::RegistryDocument(chassis)),
            Route::Catalog(Catalog::JsonSchemas),
            Route::Catalog(Catalog::JsonSchema(chassis)),
            Route::Catalog(Catalog::UpdateService),
            Route::Catalog(Catalog::FirmwareInventory),
            Route::Catalog(Catalog::CertificateService),
            Route::Catalog(Catalog::CertificateLocations),
            Route::TaskService,
            Route::Tasks,
            Route::Task(system),
            Route::TaskMonitor(system),
            Route::SessionService,
            Route::Sessions,
            SessionId::parse("0123456789abcdef").map_or(Route::Sessions, Route::Session),
            Route::AccountService,
            Route::Accounts,
            Route::Account(chassis),
            Route::Roles,
            Route::Role(chassis),
        ]
        .iter()
        .map(ToString::to_string)
        .collect()
    }

    /// A link to the canonical resource is made by it.
    #[test]
    fn whatever_is_of_a_system_is_of_another_under_another_name() {
        for uri in any_route("lab.node-0", "lab") {
            let route = Location::parse(&uri).expect("a route").route;
            if route.system().is_some() {
                assert_eq!(route.with_system("other").system(), Some("other"), "{uri}");
            }
        }
    }

    #[test]
    fn aliases_lead_to_the_canonical_resource() {
        let location = Location::parse("/redfish/v1/Chassis/lab/Systems/node-0/Actions/ComputerSystem.Reset");
        assert_eq!(
            location,
            Some(Location { route: Route::SystemReset("node-0"), alias: Some(Alias::Chassis("lab")) })
        );
        let location = Location::parse("/redfish/v1/Managers/lab.node-0/VirtualMedia/Cd/");
        assert_eq!(
            location,
            Some(Location { route: Route::VirtualMedia("lab.node-0", Slot::Cd), alias: Some(Alias::Manager) })
        );
    }

    #[test]
    fn what_is_not_there_is_not_found() {
        for path in [
            "",
            "/",
            "/redfis",
            "/redfishv1",
            "/redfish/v2",
            "/redfish//v1",
            "/redfish/v1//",
            "/redfish/v1/Systems//",
            "/redfish/v1/Systems/a/b",
            "/redfish/v1/Systems/a/Actions",
            "/redfish/v1/Systems/a/Actions/Reset",
            "/redfish/v1/Systems/a%2fb",
            "/redfish/v1/Systems/a/VirtualMedia/cd",
            "/redfish/v1/systems",
            "/redfish/v1/Managers/a/Systems",
            "/redfish/v1/odata/x",
            "/redfish/v1/TaskService/TaskMonitors",
            "/redfish/v1/TaskService/Tasks/a/SubTasks",
            "/redfish/v1/SessionService/Sessions/1",
            "/redfish/v1/SessionService/Sessions/0123456789ABCDEF",
            "/redfish/v1/SessionService/Sessions/0123456789abcdef/x",
            "/redfish/v1/SessionService/x",
            "/redfish/v1/AccountService/Roles/a/b",
            "/redfish/v1/Systems/a/VirtualMedia/Cd/Actions/",
            "/redfish/v1/Systems/a/Processors/b/c",
            "/redfish/v1/Systems/a/Storage/b/Drives",
            "/redfish/v1/Systems/a/Storage/b/Drives/c/d",
            "/redfish/v1/Systems/a/Memory//",
            "/redfish/v1/Systems/a/Bios/Actions",
            "/redfish/v1/Systems/a/Bios/Actions/Bios.ChangePassword",
            "/redfish/v1/Systems/a/Bios/Settings/Actions/Bios.ResetBios",
            "/redfish/v1/Systems/a/SecureBoot/SecureBootDatabases",
            "/redfish/v1/Managers/a/Actions/Reset",
            "/redfish/v1/Managers/a/Memory",
            "/redfish/v1/Registries/a/b",
            "/redfish/v1/Registries/a/a/a",
            "/redfish/v1/UpdateService/SoftwareInventory",
        ] {
            assert_eq!(Location::parse(path), None, "{path}");
        }
    }

    proptest! {
        #[test]
        fn a_route_is_read_back_as_printed(system in "[a-z0-9.-]{1,20}", chassis in "[A-Za-z0-9._-]{1,20}") {
            for uri in any_route(&system, &chassis) {
                let location = Location::parse(&uri);
                prop_assert_eq!(location.map(|location| location.route.to_string()), Some(uri.clone()));
                prop_assert_eq!(location.and_then(|location| location.alias), None);
                let with_slash = format!("{uri}/");
                prop_assert_eq!(Location::parse(&with_slash), location);
            }
        }

        #[test]
        fn no_path_panics(path in "\\PC{0,60}") {
            let _ = Location::parse(&path);
            let below = format!("/redfish/v1/{path}");
            let _ = Location::parse(&below);
        }
    }
}
