//! `/redfish/v1/Registries/KubeVirt/KubeVirt`: our own message registry. Schema `MessageRegistry`, version 1.7.0.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::http::{Refusal, Representation, Schema, schema};
use crate::messages::{Definition, Severity, cluster};

pub(super) const SCHEMA: Schema = schema!("MessageRegistry", "v1_7_0");

/// The name of the registry without its version.
pub(super) const ID: &str = "KubeVirt";

/// What the file is at a URI for, so it has neither a URI nor an entity tag of its own among its members.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct MessageRegistry {
    #[serde(rename = "@odata.type")]
    odata_type: Schema,
    id: String,
    name: &'static str,
    language: &'static str,
    description: &'static str,
    registry_prefix: &'static str,
    registry_version: String,
    owning_entity: &'static str,
    messages: BTreeMap<&'static str, Entry>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Entry {
    description: &'static str,
    message: &'static str,
    /// The older name of `MessageSeverity`, which the schema still asks for.
    severity: Severity,
    message_severity: Severity,
    number_of_args: usize,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    param_types: Vec<&'static str>,
    resolution: &'static str,
}

impl Entry {
    fn of(definition: &Definition, description: &'static str) -> Self {
        let args = arguments(definition.text);
        Self {
            description,
            message: definition.text,
            severity: definition.severity,
            message_severity: definition.severity,
            number_of_args: args,
            param_types: vec!["string"; args],
            resolution: definition.resolution,
        }
    }
}

pub(super) fn represent(id: &str) -> Result<Representation, Refusal> {
    if id != ID {
        return Err(Refusal::not_found("MessageRegistry", id));
    }
    let (prefix, version) = cluster::REGISTRY.split_once('.').unwrap_or((ID, ""));
    let registry = MessageRegistry {
        odata_type: SCHEMA,
        id: format!("{prefix}.{version}.0"),
        name: "KubeVirt Message Registry",
        language: "en",
        description: "What the virtualization cluster has to say, where DMTF's registries have no entry for it.",
        registry_prefix: prefix,
        registry_version: format!("{version}.0"),
        owning_entity: "kubevirt-redfish",
        messages: cluster::ALL
            .iter()
            .map(|(definition, description)| (definition.key, Entry::of(definition, description)))
            .collect(),
    };
    Ok(Representation::of_resource(SCHEMA, &registry))
}

/// How many arguments a text has: the highest of `%1`, `%2`, ….
fn arguments(text: &str) -> usize {
    let digits = text.split('%').skip(1).filter_map(|rest| rest.chars().next()?.to_digit(10));
    digits.max().map_or(0, |highest| highest as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_counted_by_the_highest() {
        assert_eq!((arguments("nothing, 100 % sure"), arguments("%1 of %2"), arguments("%2")), (0, 2, 2));
    }
}
