//! The kind of URI that a request went to, for who counts requests: one of a fixed few, with no name of anybody's in it.

use super::{Catalog, EventDestinationAction, EventServiceAction, Firmware, Inventory, MediaAction, Route};

/// A URI with names in the place of what differs, such as `/redfish/v1/Systems/{system}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Template(u8);

macro_rules! templates {
    ($($number:literal $pattern:pat => $text:literal,)*) => {
        const TEXTS: &[&str] = &[OTHER, $($text),*];

        impl From<&Route<'_>> for Template {
            fn from(route: &Route<'_>) -> Self {
                Self(match route { $($pattern => $number,)* })
            }
        }
    };
}

/// What stands for every URI that there is no resource at, and for what is not below `/redfish`.
const OTHER: &str = "other";

templates! {
    1 Route::Versions => "/redfish",
    2 Route::ServiceRoot => "/redfish/v1",
    3 Route::OData => "/redfish/v1/odata",
    4 Route::Metadata => "/redfish/v1/$metadata",
    5 Route::Systems => "/redfish/v1/Systems",
    6 Route::System(_) => "/redfish/v1/Systems/{system}",
    7 Route::SystemReset(_) => "/redfish/v1/Systems/{system}/Actions/ComputerSystem.Reset",
    8 Route::Inventory(_, Inventory::BootOptions) => "/redfish/v1/Systems/{system}/BootOptions",
    9 Route::Inventory(_, Inventory::BootOption(_)) => "/redfish/v1/Systems/{system}/BootOptions/{option}",
    10 Route::Inventory(_, Inventory::EthernetInterfaces) => "/redfish/v1/Systems/{system}/EthernetInterfaces",
    11 Route::Inventory(_, Inventory::EthernetInterface(_)) => "/redfish/v1/Systems/{system}/EthernetInterfaces/{interface}",
    12 Route::Inventory(_, Inventory::Processors) => "/redfish/v1/Systems/{system}/Processors",
    13 Route::Inventory(_, Inventory::Processor(_)) => "/redfish/v1/Systems/{system}/Processors/{processor}",
    14 Route::Inventory(_, Inventory::MemoryCollection) => "/redfish/v1/Systems/{system}/Memory",
    15 Route::Inventory(_, Inventory::Memory(_)) => "/redfish/v1/Systems/{system}/Memory/{module}",
    16 Route::Inventory(_, Inventory::StorageCollection) => "/redfish/v1/Systems/{system}/Storage",
    17 Route::Inventory(_, Inventory::Storage(_)) => "/redfish/v1/Systems/{system}/Storage/{storage}",
    18 Route::Inventory(_, Inventory::Drive { .. }) => "/redfish/v1/Systems/{system}/Storage/{storage}/Drives/{drive}",
    19 Route::Firmware(_, Firmware::Bios) => "/redfish/v1/Systems/{system}/Bios",
    20 Route::Firmware(_, Firmware::BiosSettings) => "/redfish/v1/Systems/{system}/Bios/Settings",
    21 Route::Firmware(_, Firmware::ResetBios) => "/redfish/v1/Systems/{system}/Bios/Actions/Bios.ResetBios",
    22 Route::Firmware(_, Firmware::SecureBoot) => "/redfish/v1/Systems/{system}/SecureBoot",
    23 Route::VirtualMediaCollection(_) => "/redfish/v1/Systems/{system}/VirtualMedia",
    24 Route::VirtualMedia(..) => "/redfish/v1/Systems/{system}/VirtualMedia/{slot}",
    25 Route::VirtualMediaAction(_, _, MediaAction::Insert) =>
        "/redfish/v1/Systems/{system}/VirtualMedia/{slot}/Actions/VirtualMedia.InsertMedia",
    26 Route::VirtualMediaAction(_, _, MediaAction::Eject) =>
        "/redfish/v1/Systems/{system}/VirtualMedia/{slot}/Actions/VirtualMedia.EjectMedia",
    27 Route::MediaCertificates(..) => "/redfish/v1/Systems/{system}/VirtualMedia/{slot}/Certificates",
    28 Route::MediaCertificate(..) => "/redfish/v1/Systems/{system}/VirtualMedia/{slot}/Certificates/{certificate}",
    29 Route::EventService => "/redfish/v1/EventService",
    30 Route::EventServiceAction(EventServiceAction::SubmitTestEvent) =>
        "/redfish/v1/EventService/Actions/EventService.SubmitTestEvent",
    31 Route::EventServiceAction(EventServiceAction::TestEventSubscription) =>
        "/redfish/v1/EventService/Actions/EventService.TestEventSubscription",
    32 Route::ServerSentEvents => "/redfish/v1/EventService/SSE",
    33 Route::EventDestinations => "/redfish/v1/EventService/Subscriptions",
    34 Route::EventDestination(_) => "/redfish/v1/EventService/Subscriptions/{subscription}",
    35 Route::EventDestinationAction(_, EventDestinationAction::Resume) =>
        "/redfish/v1/EventService/Subscriptions/{subscription}/Actions/EventDestination.ResumeSubscription",
    36 Route::EventDestinationAction(_, EventDestinationAction::Suspend) =>
        "/redfish/v1/EventService/Subscriptions/{subscription}/Actions/EventDestination.SuspendSubscription",
    37 Route::ChassisCollection => "/redfish/v1/Chassis",
    38 Route::Chassis(_) => "/redfish/v1/Chassis/{chassis}",
    39 Route::ChassisSystems(_) => "/redfish/v1/Chassis/{chassis}/Systems",
    40 Route::Managers => "/redfish/v1/Managers",
    41 Route::Manager(_) => "/redfish/v1/Managers/{system}",
    42 Route::ManagerReset(_) => "/redfish/v1/Managers/{system}/Actions/Manager.Reset",
    43 Route::NetworkProtocol(_) => "/redfish/v1/Managers/{system}/NetworkProtocol",
    44 Route::Catalog(Catalog::Registries) => "/redfish/v1/Registries",
    45 Route::Catalog(Catalog::Registry(_)) => "/redfish/v1/Registries/{registry}",
    46 Route::Catalog(Catalog::RegistryDocument(_)) => "/redfish/v1/Registries/{registry}/{registry}",
    47 Route::Catalog(Catalog::JsonSchemas) => "/redfish/v1/JsonSchemas",
    48 Route::Catalog(Catalog::JsonSchema(_)) => "/redfish/v1/JsonSchemas/{schema}",
    49 Route::Catalog(Catalog::UpdateService) => "/redfish/v1/UpdateService",
    50 Route::Catalog(Catalog::FirmwareInventory) => "/redfish/v1/UpdateService/FirmwareInventory",
    51 Route::Catalog(Catalog::CertificateService) => "/redfish/v1/CertificateService",
    52 Route::Catalog(Catalog::CertificateLocations) => "/redfish/v1/CertificateService/CertificateLocations",
    53 Route::TaskService => "/redfish/v1/TaskService",
    54 Route::Tasks => "/redfish/v1/TaskService/Tasks",
    55 Route::Task(_) => "/redfish/v1/TaskService/Tasks/{task}",
    56 Route::TaskMonitor(_) => "/redfish/v1/TaskService/TaskMonitors/{task}",
    57 Route::SessionService => "/redfish/v1/SessionService",
    58 Route::Sessions => "/redfish/v1/SessionService/Sessions",
    59 Route::Session(_) => "/redfish/v1/SessionService/Sessions/{session}",
    60 Route::AccountService => "/redfish/v1/AccountService",
    61 Route::Accounts => "/redfish/v1/AccountService/Accounts",
    62 Route::Account(_) => "/redfish/v1/AccountService/Accounts/{account}",
    63 Route::Roles => "/redfish/v1/AccountService/Roles",
    64 Route::Role(_) => "/redfish/v1/AccountService/Roles/{role}",
}

impl Template {
    /// What every other URI has.
    pub(crate) const OTHER: Self = Self(0);

    /// How many there are.
    pub(crate) const COUNT: usize = TEXTS.len();

    /// Its place among all.
    pub(crate) fn index(self) -> usize {
        usize::from(self.0)
    }

    /// All of them, by their text.
    pub(crate) fn texts() -> impl Iterator<Item = &'static str> {
        TEXTS.iter().copied()
    }

    /// Its text.
    pub fn as_str(self) -> &'static str {
        TEXTS.get(self.index()).copied().unwrap_or(OTHER)
    }
}

#[cfg(test)]
mod tests {
    use super::super::Location;
    use super::*;

    /// A template is the URI that it stands for, and its number is its place.
    #[test]
    fn every_template_is_that_of_the_uris_that_look_like_it() {
        for (index, text) in Template::texts().enumerate().skip(1) {
            let example = text
                .replace("{session}", "0123456789abcdef")
                .replace("{certificate}", "00000000000000af")
                .replace("{slot}", "Cd")
                .replace(['{', '}'], "");
            let location = Location::parse(&example).unwrap_or_else(|| panic!("{text}"));
            let template = Template::from(&location.route);
            assert_eq!((template.index(), template.as_str()), (index, text));
        }
        assert_eq!(Template::OTHER.as_str(), "other");
    }
}
