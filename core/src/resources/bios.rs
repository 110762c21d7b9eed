//! `/redfish/v1/Systems/{system}/Bios`: firmware and board as the present run has them. Schema `Bios`, version 1.2.3.
//!
//! Changes go to [`bios_settings`](super::bios_settings), and take effect with the next cold start.

use serde::Serialize;
use serde_json::{Map, Value};

use super::bios_attribute::Attribute;
use super::{ActionTarget, Context, Link, attribute_registry, parameters};
use crate::http::{ETAG_PLACEHOLDER, JsonObject, Refusal, Representation, Schema, schema};
use crate::model::{Action, FirmwareSettings};
use crate::route::{Firmware, Route};
use crate::view::Vm;

pub(super) const SCHEMA: Schema = schema!("Bios", "v1_2_3");

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Bios<'a> {
    #[serde(rename = "@odata.id")]
    odata_id: Route<'a>,
    #[serde(rename = "@odata.type")]
    odata_type: Schema,
    #[serde(rename = "@odata.etag")]
    odata_etag: &'static str,
    id: &'static str,
    name: &'static str,
    attribute_registry: &'static str,
    attributes: Map<String, Value>,
    #[serde(rename = "@Redfish.Settings")]
    settings: Settings<'a>,
    actions: Actions<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Settings<'a> {
    #[serde(rename = "@odata.type")]
    odata_type: &'static str,
    #[serde(rename = "SettingsObject")]
    object: Link<'a>,
    supported_apply_times: [&'static str; 1],
}

#[derive(Serialize)]
struct Actions<'a> {
    #[serde(rename = "#Bios.ResetBios")]
    reset: ActionTarget<'a>,
}

pub(super) fn represent(context: &Context<'_>, vm: &Vm) -> Representation {
    let id = context.view.shown_name(&vm.machine.id);
    let bios = Bios {
        odata_id: Route::Firmware(id, Firmware::Bios),
        odata_type: SCHEMA,
        odata_etag: ETAG_PLACEHOLDER,
        id: "Bios",
        name: "BIOS",
        attribute_registry: attribute_registry::ID,
        attributes: attributes(&vm.firmware()),
        settings: Settings {
            odata_type: "#Settings.v1_4_0.Settings",
            object: Link::to(Route::Firmware(id, Firmware::BiosSettings)),
            supported_apply_times: ["OnReset"],
        },
        actions: Actions { reset: ActionTarget { target: Route::Firmware(id, Firmware::ResetBios) } },
    };
    Representation::of_resource(SCHEMA, &bios)
}

/// Every attribute with its value.
pub(super) fn attributes(settings: &FirmwareSettings) -> Map<String, Value> {
    Attribute::ALL
        .into_iter()
        .map(|attribute| (attribute.definition().name.to_owned(), attribute.value(settings)))
        .collect()
}

/// Understands `#Bios.ResetBios`, which has no parameters. The defaults are what the machine's owner defined.
pub(super) fn reset(body: &JsonObject) -> Result<Action, Refusal> {
    let action = parameters::Action("Bios.ResetBios");
    action.takes_nothing(body).map(|()| Action::ResetFirmware)
}
