//! `/redfish/v1/Registries/BiosAttributeRegistry.v1_0_0/BiosAttributeRegistry.v1_0_0`: what the attributes of a BIOS mean
//! and what they may be. Schema `AttributeRegistry`, version 1.4.0.

use serde::Serialize;

use super::bios_attribute::{Attribute, Definition, Kind};
use crate::http::{Representation, Schema, schema};

pub(super) const SCHEMA: Schema = schema!("AttributeRegistry", "v1_4_0");

/// The `Id` of the registry, by which a BIOS refers to it. Its file has the same `Id`: clients take what a BIOS refers to
/// for the name of the member below `Registries` (Ansible, `redfish_ctl`).
pub(super) const ID: &str = "BiosAttributeRegistry.v1_0_0";

/// What the file is at a URI for, so it has neither a URI nor an entity tag of its own among its members.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct AttributeRegistry {
    #[serde(rename = "@odata.type")]
    odata_type: Schema,
    id: &'static str,
    name: &'static str,
    language: &'static str,
    description: &'static str,
    owning_entity: &'static str,
    registry_version: &'static str,
    registry_entries: Entries,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Entries {
    attributes: Vec<Entry>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Entry {
    attribute_name: &'static str,
    display_name: &'static str,
    help_text: &'static str,
    #[serde(rename = "Type")]
    kind: &'static str,
    read_only: bool,
    reset_required: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<Vec<Name>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    lower_bound: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    upper_bound: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    min_length: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_length: Option<usize>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Name {
    value_name: &'static str,
    value_display_name: &'static str,
}

impl Entry {
    fn of(definition: &Definition) -> Self {
        let entry = Self {
            attribute_name: definition.name,
            display_name: definition.display_name,
            help_text: definition.help,
            kind: "String",
            read_only: false,
            reset_required: true,
            value: None,
            lower_bound: None,
            upper_bound: None,
            min_length: None,
            max_length: None,
        };
        match definition.kind {
            Kind::Enumeration(values) => {
                let names =
                    values.iter().map(|&(value_name, value_display_name)| Name { value_name, value_display_name });
                Self { kind: "Enumeration", value: Some(names.collect()), ..entry }
            }
            Kind::Integer(largest) => {
                Self { kind: "Integer", lower_bound: Some(1), upper_bound: Some(largest), ..entry }
            }
            Kind::String(longest) => Self { min_length: Some(1), max_length: Some(longest), ..entry },
            Kind::ReadOnly => Self { read_only: true, ..entry },
        }
    }
}

pub(super) fn represent() -> Representation {
    let registry = AttributeRegistry {
        odata_type: SCHEMA,
        id: ID,
        name: "BIOS Attribute Registry",
        language: "en",
        description: "What can be set of a virtual machine's firmware and board.",
        owning_entity: "kubevirt-redfish",
        registry_version: "1.0.0",
        registry_entries: Entries {
            attributes: Attribute::ALL.iter().map(|attribute| Entry::of(&attribute.definition())).collect(),
        },
    };
    Representation::of_resource(SCHEMA, &registry)
}
