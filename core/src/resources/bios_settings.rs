//! `/redfish/v1/Systems/{system}/Bios/Settings`: firmware and board as the next cold start will have them. Schema `Bios`,
//! version 1.2.3; how settings are applied: DSP0266 clause 9.10.

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::bios_attribute::Attribute;
use super::{Context, attribute_registry, bios, parameters};
use crate::http::{ETAG_PLACEHOLDER, JsonObject, Refusal, Representation, Schema};
use crate::messages::{Message, base};
use crate::model::{Action, BootMode, FirmwareSettings, MachineChange};
use crate::route::{Firmware, Route};
use crate::view::Vm;

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Settings<'a> {
    #[serde(rename = "@odata.id")]
    odata_id: Route<'a>,
    #[serde(rename = "@odata.type")]
    odata_type: Schema,
    #[serde(rename = "@odata.etag")]
    odata_etag: &'static str,
    #[serde(rename = "@Redfish.WriteableProperties")]
    writeable: [&'static str; 1],
    id: &'static str,
    name: &'static str,
    attribute_registry: &'static str,
    attributes: Map<String, Value>,
    #[serde(rename = "@Redfish.SettingsApplyTime")]
    apply_time: Value,
}

pub(super) fn represent(context: &Context<'_>, vm: &Vm) -> Representation {
    let settings = Settings {
        odata_id: Route::Firmware(context.view.shown_name(&vm.machine.id), Firmware::BiosSettings),
        odata_type: bios::SCHEMA,
        odata_etag: ETAG_PLACEHOLDER,
        writeable: ["Attributes"],
        id: "Settings",
        name: "BIOS Settings",
        attribute_registry: attribute_registry::ID,
        attributes: bios::attributes(&vm.next_firmware()),
        apply_time: json!({
            "@odata.type": "#Settings.v1_4_0.PreferredApplyTime",
            "ApplyTime": ON_RESET,
            "ApplyTime@Redfish.AllowableValues": [ON_RESET],
        }),
    };
    // By what the definition says: what only a run can tell nobody has changed.
    let defined = Value::Object(bios::attributes(&vm.machine.firmware.settings)).to_string();
    Representation::of_settings(bios::SCHEMA, &settings, &defined, None::<&()>)
}

/// Understands a PATCH: all attributes that it names, or none.
pub(super) fn patch(vm: &Vm, body: &JsonObject) -> Result<Action, Refusal> {
    let mut problems = Vec::new();
    let mut change = FirmwareSettings::default();
    if let Some(apply_time) = body.get(APPLY_TIME).and_then(|preferred| preferred.get("ApplyTime"))
        && apply_time != ON_RESET
    {
        let value = apply_time.as_str().map_or_else(|| apply_time.to_string(), ToOwned::to_owned);
        let message = Message::new(&base::PROPERTY_VALUE_NOT_IN_LIST, [&value, "ApplyTime"]);
        problems.push(message.about(format!("#/{APPLY_TIME}/ApplyTime")));
    }
    for (name, value) in parameters::members(body) {
        match value.as_object().filter(|_| name == "Attributes") {
            Some(attributes) => read(vm, attributes, &mut change, &mut problems),
            None if name == "Attributes" => problems.push(parameters::type_error(name, value).about("#/Attributes")),
            None => problems.push(parameters::not_changeable(name, READ_ONLY).about(format!("#/{name}"))),
        }
    }
    problems.extend(conflicts(vm, &change));
    if !problems.is_empty() {
        return Err(Refusal::bad_request(problems));
    }
    if change == FirmwareSettings::default() {
        return Err(Refusal::bad_request(vec![Message::new(&base::NO_OPERATION, [])]));
    }
    Ok(Action::Change(MachineChange { firmware: change, ..MachineChange::default() }))
}

fn read(vm: &Vm, attributes: &JsonObject, change: &mut FirmwareSettings, problems: &mut Vec<Message>) {
    for (name, value) in parameters::members(attributes) {
        let result = match Attribute::named(name) {
            None => Err(Message::new(&base::PROPERTY_UNKNOWN, [name])),
            Some(attribute) if attribute.is_of_processors() && vm.machine.size.is_some() => {
                Err(Message::new(&base::PROPERTY_NOT_WRITABLE, [name]))
            }
            Some(attribute) => attribute.read(value, change),
        };
        if let Err(problem) = result {
            problems.push(problem.about(format!("#/Attributes/{name}")));
        }
    }
}

/// What only UEFI has does not go together with another boot mode.
fn conflicts(vm: &Vm, change: &FirmwareSettings) -> Vec<Message> {
    let needs_uefi = [("SecureBoot", change.secure_boot), ("PersistentUefiVariables", change.persistent_variables)];
    if change.mode.or_else(|| vm.next_firmware().mode) != Some(BootMode::Legacy) {
        return Vec::new();
    }
    let wrong = needs_uefi.into_iter().filter(|(_, on)| *on == Some(true));
    wrong
        .map(|(name, _)| {
            Message::new(&base::PROPERTY_VALUE_CONFLICT, [name, "BootMode"]).about(format!("#/Attributes/{name}"))
        })
        .collect()
}

const APPLY_TIME: &str = "@Redfish.SettingsApplyTime";
const ON_RESET: &str = "OnReset";

/// Properties that a client may have read here and cannot change.
const READ_ONLY: &[&str] = &["Id", "Name", "AttributeRegistry", "Actions"];
