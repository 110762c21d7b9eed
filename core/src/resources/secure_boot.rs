//! `/redfish/v1/Systems/{system}/SecureBoot`: whether UEFI starts only what is signed. Schema `SecureBoot`, version 1.1.2.
//!
//! The keys are the cluster's: they cannot be reset or replaced.

use serde::Serialize;

use super::{Context, NoActions, parameters};
use crate::http::{ETAG_PLACEHOLDER, JsonObject, Refusal, Representation, Schema, schema};
use crate::messages::{Message, base};
use crate::model::{Action, Architecture, BootMode, FirmwareSettings, MachineChange};
use crate::route::{Firmware, Route};
use crate::view::Vm;

pub(super) const SCHEMA: Schema = schema!("SecureBoot", "v1_1_2");

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct SecureBoot<'a> {
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
    /// Null while nobody can know, as with the boot mode of the system.
    #[serde(rename = "SecureBootEnable")]
    enable: Option<bool>,
    #[serde(rename = "SecureBootCurrentBoot")]
    current_boot: Option<&'static str>,
    #[serde(rename = "SecureBootMode")]
    mode: Option<&'static str>,
    /// Clients look for the actions, even if there are none.
    actions: NoActions,
}

/// Whether a system has it: other architectures know no such thing here.
pub(super) fn exists(vm: &Vm) -> bool {
    vm.machine.processors.architecture == Architecture::X86_64
}

pub(super) fn represent(context: &Context<'_>, vm: &Vm) -> Result<Representation, Refusal> {
    check(vm)?;
    let run = vm.run().map(|run| run.firmware.secure_boot == Some(true));
    let firmware = vm.firmware();
    let secure_boot = SecureBoot {
        odata_id: Route::Firmware(context.view.shown_name(&vm.machine.id), Firmware::SecureBoot),
        odata_type: SCHEMA,
        odata_etag: ETAG_PLACEHOLDER,
        writeable: [ENABLE],
        id: "SecureBoot",
        name: "Secure Boot",
        enable: vm.next_firmware().secure_boot,
        current_boot: run.map(|secure| if secure { "Enabled" } else { "Disabled" }),
        // With secure boot come the keys, without it there are none.
        mode: firmware
            .secure_boot
            .filter(|_| firmware.mode == Some(BootMode::Uefi))
            .map(|secure| if secure { "UserMode" } else { "SetupMode" }),
        actions: NoActions {},
    };
    let setting = vm.machine.firmware.settings.secure_boot;
    Ok(Representation::of_settings(SCHEMA, &secure_boot, &setting, None::<&()>))
}

/// Understands a PATCH. It takes effect with the next cold start and is shown at once.
pub(super) fn patch(vm: &Vm, body: &JsonObject) -> Result<Action, Refusal> {
    check(vm)?;
    let mut patch = parameters::Patch::new(READ_ONLY);
    let mut enable = None;
    for (name, value) in parameters::members(body) {
        match name {
            ENABLE => enable = patch.boolean(name, value),
            _ => patch.not_writable(name),
        }
    }
    if enable == Some(true) && vm.next_firmware().mode == Some(BootMode::Legacy) {
        let message = Message::new(&base::PROPERTY_VALUE_CONFLICT, [ENABLE, "BootSourceOverrideMode"]);
        patch.problem(message.about(format!("#/{ENABLE}")));
    }
    patch.finish()?;
    if enable.is_none() {
        return Err(Refusal::bad_request(vec![Message::new(&base::NO_OPERATION, [])]));
    }
    let firmware = FirmwareSettings { secure_boot: enable, ..FirmwareSettings::default() };
    Ok(Action::Change(MachineChange { firmware, ..MachineChange::default() }))
}

fn check(vm: &Vm) -> Result<(), Refusal> {
    if exists(vm) { Ok(()) } else { Err(Refusal::not_found("SecureBoot", "SecureBoot")) }
}

const ENABLE: &str = "SecureBootEnable";

/// Properties that a client may have read here and cannot change.
const READ_ONLY: &[&str] = &["Id", "Name", "SecureBootCurrentBoot", "SecureBootMode", "Actions"];
