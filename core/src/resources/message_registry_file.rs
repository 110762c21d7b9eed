//! `/redfish/v1/Registries/{registry}`: where a registry is found. Schema `MessageRegistryFile`, version 1.1.5.

use serde::Serialize;

use super::{attribute_registry, message_registry, privilege_registry};
use crate::http::{ETAG_PLACEHOLDER, Refusal, Representation, Schema, schema};
use crate::messages::{base, cluster};
use crate::route::{Catalog, Route};

pub(super) const SCHEMA: Schema = schema!("MessageRegistryFile", "v1_1_5");

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct MessageRegistryFile<'a> {
    #[serde(rename = "@odata.id")]
    odata_id: Route<'a>,
    #[serde(rename = "@odata.type")]
    odata_type: Schema,
    #[serde(rename = "@odata.etag")]
    odata_etag: &'static str,
    id: &'static str,
    name: &'static str,
    languages: [&'static str; 1],
    registry: &'static str,
    location: [Location; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Location {
    language: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    uri: Option<Route<'static>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    publication_uri: Option<&'static str>,
}

/// A registry that the service goes by.
pub(super) struct Registry {
    /// Its `Id`: its name without a version, so that the URI outlives versions; of attributes, the `Id` of the registry.
    pub(super) id: &'static str,
    name: &'static str,
    /// Its name and version: of messages, as their ids begin.
    prefix: &'static str,
    /// Where DMTF publishes it; `None` for our own, which the service itself has.
    published: Option<&'static str>,
}

/// Every registry from which the service emits messages, and that of privileges. DMTF's are not served here: what the service says in their
/// name is in its own words, and the registries are DMTF's.
pub(super) const REGISTRIES: &[Registry] = &[
    Registry {
        id: "Base",
        name: "Base Message Registry File",
        prefix: base::REGISTRY,
        published: Some("https://redfish.dmtf.org/registries/Base.1.22.1.json"),
    },
    Registry {
        id: attribute_registry::ID,
        name: "BIOS Attribute Registry File",
        prefix: "BiosAttributeRegistry.1.0",
        published: None,
    },
    Registry {
        id: "HeartbeatEvent",
        name: "Heartbeat Event Message Registry File",
        prefix: "HeartbeatEvent.1.1",
        published: Some("https://redfish.dmtf.org/registries/HeartbeatEvent.1.1.1.json"),
    },
    Registry {
        id: message_registry::ID,
        name: "KubeVirt Message Registry File",
        prefix: cluster::REGISTRY,
        published: None,
    },
    Registry {
        id: privilege_registry::ID,
        name: "Privilege Registry File",
        prefix: privilege_registry::REGISTRY,
        published: None,
    },
    Registry {
        id: "ResourceEvent",
        name: "Resource Event Message Registry File",
        prefix: "ResourceEvent.1.4",
        published: Some("https://redfish.dmtf.org/registries/ResourceEvent.1.4.2.json"),
    },
    Registry {
        id: "TaskEvent",
        name: "Task Event Message Registry File",
        prefix: "TaskEvent.1.0",
        published: Some("https://redfish.dmtf.org/registries/TaskEvent.1.0.3.json"),
    },
];

pub(super) fn represent(id: &str) -> Result<Representation, Refusal> {
    let registry = REGISTRIES
        .iter()
        .find(|registry| registry.id == id)
        .ok_or_else(|| Refusal::not_found("MessageRegistryFile", id))?;
    let resource = MessageRegistryFile {
        odata_id: Route::Catalog(Catalog::Registry(registry.id)),
        odata_type: SCHEMA,
        odata_etag: ETAG_PLACEHOLDER,
        id: registry.id,
        name: registry.name,
        languages: [LANGUAGE],
        registry: registry.prefix,
        location: [Location {
            language: LANGUAGE,
            uri: registry.published.is_none().then_some(Route::Catalog(Catalog::RegistryDocument(registry.id))),
            publication_uri: registry.published,
        }],
    };
    Ok(Representation::of_resource(SCHEMA, &resource))
}

const LANGUAGE: &str = "en";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_publication_is_of_the_version_that_is_emitted() {
        for Registry { id, prefix, published, .. } in REGISTRIES {
            let name = id.split('.').next().unwrap_or_default();
            assert!(prefix.starts_with(&format!("{name}.")) || *id == privilege_registry::ID, "{id}");
            let named = published.is_none_or(|uri| uri.contains(&format!("/{prefix}.")));
            assert!(named, "{id}");
        }
    }
}
