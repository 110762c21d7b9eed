//! `/redfish/v1/Registries`: the message registries from which the service emits. Schema
//! `MessageRegistryFileCollection`.

use super::collection;
use super::message_registry_file::REGISTRIES;
use crate::http::{Representation, Schema, schema};
use crate::route::{Catalog, Route};

pub(super) const SCHEMA: Schema = schema!("MessageRegistryFileCollection");

pub(super) fn represent() -> Representation {
    let members = REGISTRIES.iter().map(|registry| Route::Catalog(Catalog::Registry(registry.id)));
    let route = Route::Catalog(Catalog::Registries);
    collection::represent(SCHEMA, route, "Message Registry File Collection", members)
}
