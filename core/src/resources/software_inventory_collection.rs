//! `/redfish/v1/UpdateService/FirmwareInventory`: the firmware that could be updated, of which there is none. Schema
//! `SoftwareInventoryCollection`.

use super::collection;
use crate::http::{Representation, Schema, schema};
use crate::route::{Catalog, Route};

pub(super) const SCHEMA: Schema = schema!("SoftwareInventoryCollection");

pub(super) fn represent() -> Representation {
    let route = Route::Catalog(Catalog::FirmwareInventory);
    collection::represent(SCHEMA, route, "Firmware Inventory Collection", std::iter::empty())
}
