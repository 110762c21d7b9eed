//! `/redfish/v1/Registries/PrivilegeRegistry/PrivilegeRegistry`: which privileges requests need. Schema
//! `PrivilegeRegistry`, version 1.2.0.
//!
//! It is the table by which it is decided (`auth/privilege.rs`), in the form that clients know; there is one entry for
//! every type of resource that the service has, and none for others.

use http::Method;
use serde::Serialize;

use crate::auth::{Entity, Need, Privilege, Required, required_by};
use crate::http::{ETAG_PLACEHOLDER, Representation, Schema, schema};
use crate::route::{Catalog, Route};

pub(super) const SCHEMA: Schema = schema!("PrivilegeRegistry", "v1_2_0");

/// The name of its file among the registries.
pub(super) const ID: &str = "PrivilegeRegistry";

/// Its name and version, as registries of privileges are called.
pub(super) const REGISTRY: &str = "KubeVirt_1.0.0_PrivilegeRegistry";

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct PrivilegeRegistry {
    #[serde(rename = "@odata.id")]
    odata_id: Route<'static>,
    #[serde(rename = "@odata.type")]
    odata_type: Schema,
    #[serde(rename = "@odata.etag")]
    odata_etag: &'static str,
    id: &'static str,
    name: &'static str,
    privileges_used: Vec<&'static str>,
    #[serde(rename = "OEMPrivilegesUsed")]
    oem_privileges_used: [&'static str; 0],
    mappings: Vec<Mapping>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Mapping {
    entity: &'static str,
    operation_map: OperationMap,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    property_overrides: Vec<Override>,
}

/// For each method the ways to be allowed it.
#[derive(Serialize)]
#[serde(rename_all = "UPPERCASE")]
struct OperationMap {
    get: Vec<Way>,
    head: Vec<Way>,
    patch: Vec<Way>,
    post: Vec<Way>,
    put: Vec<Way>,
    delete: Vec<Way>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Override {
    targets: [&'static str; 1],
    operation_map: OperationMap,
}

/// One of several ways; all of its privileges are needed.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Way {
    privilege: [&'static str; 1],
}

pub(super) fn represent() -> Representation {
    let mappings = Entity::all().flat_map(|entity| entity.schemas().iter().map(move |schema| mapping(entity, schema)));
    let registry = PrivilegeRegistry {
        odata_id: Route::Catalog(Catalog::RegistryDocument(ID)),
        odata_type: SCHEMA,
        odata_etag: ETAG_PLACEHOLDER,
        id: ID,
        name: "Privilege Registry",
        privileges_used: Privilege::ALL.iter().map(|privilege| privilege.name()).collect(),
        oem_privileges_used: [],
        mappings: mappings.collect(),
    };
    Representation::of_resource(SCHEMA, &registry)
}

fn mapping(entity: Entity, schema: &'static str) -> Mapping {
    let mut operation_map = OperationMap::of(entity);
    let mut property_overrides = Vec::new();
    if entity == Entity::ManagerAccount {
        // One's own password is all that `ConfigureSelf` is for.
        property_overrides.push(Override { targets: ["Password"], operation_map: OperationMap::of(entity) });
        operation_map.patch.retain(|way| way.privilege != [Privilege::ConfigureSelf.name()]);
    }
    Mapping { entity: schema, operation_map, property_overrides }
}

impl OperationMap {
    fn of(entity: Entity) -> Self {
        let ways = |method: &Method| match required_by(entity, method) {
            Required::Nothing => vec![Way { privilege: [NO_AUTH] }],
            Required::AnyOf(needs) => needs.iter().copied().map(Way::of).collect(),
        };
        Self {
            get: ways(&Method::GET),
            head: ways(&Method::HEAD),
            patch: ways(&Method::PATCH),
            post: ways(&Method::POST),
            put: ways(&Method::PUT),
            delete: ways(&Method::DELETE),
        }
    }
}

impl Way {
    fn of(need: Need) -> Self {
        let (Need::Has(privilege) | Need::OwnAnd(privilege)) = need;
        Self { privilege: [privilege.name()] }
    }
}

/// What the schema calls it that nobody has to log in.
const NO_AUTH: &str = "NoAuth";

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_type_of_resource_that_is_served_has_one_entry() {
        let mapped: Vec<&str> = Entity::all().flat_map(Entity::schemas).copied().collect();
        let served: BTreeSet<&str> = crate::resources::SCHEMAS.iter().map(|schema| schema.name).collect();
        assert_eq!(mapped.iter().copied().collect::<BTreeSet<_>>(), served);
        assert_eq!(mapped.len(), served.len(), "one has two entries");
    }
}
