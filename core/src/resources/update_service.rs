//! `/redfish/v1/UpdateService`: there because clients look for it. Schema `UpdateService`, version 1.17.0.
//!
//! A virtual machine's firmware is a part of the cluster, which is updated by other means: nothing can be updated here,
//! and the resource says so by having no action.

use serde::Serialize;

use super::{Link, NoActions, Status};
use crate::http::{ETAG_PLACEHOLDER, Representation, Schema, schema};
use crate::route::{Catalog, Route};

pub(super) const SCHEMA: Schema = schema!("UpdateService", "v1_17_0");

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct UpdateService {
    #[serde(rename = "@odata.id")]
    odata_id: Route<'static>,
    #[serde(rename = "@odata.type")]
    odata_type: Schema,
    #[serde(rename = "@odata.etag")]
    odata_etag: &'static str,
    id: &'static str,
    name: &'static str,
    service_enabled: bool,
    status: Status,
    firmware_inventory: Link<'static>,
    /// Clients insist on the object, though not on anything in it.
    actions: NoActions,
}

pub(super) fn represent() -> Representation {
    let resource = UpdateService {
        odata_id: Route::Catalog(Catalog::UpdateService),
        odata_type: SCHEMA,
        odata_etag: ETAG_PLACEHOLDER,
        id: "UpdateService",
        name: "Update Service",
        service_enabled: false,
        status: Status { state: "Disabled", health: "OK" },
        firmware_inventory: Link::to(Route::Catalog(Catalog::FirmwareInventory)),
        actions: NoActions {},
    };
    Representation::of_resource(SCHEMA, &resource)
}
