//! `Boot` of a system: what it boots from. Schema `ComputerSystem`, object `Boot`.

use serde_json::Value;

use super::parameters;
use crate::messages::{Message, base};
use crate::model::{BootChange, BootEnabled, BootMode, BootOverride, BootTarget};

pub(super) const TARGETS: [BootTarget; 4] = [BootTarget::None, BootTarget::Pxe, BootTarget::Cd, BootTarget::Hdd];
pub(super) const ENABLED: [BootEnabled; 3] = [BootEnabled::Disabled, BootEnabled::Once, BootEnabled::Continuous];
pub(super) const MODES: [BootMode; 2] = [BootMode::Legacy, BootMode::Uefi];

pub(super) const fn target_name(target: BootTarget) -> &'static str {
    match target {
        BootTarget::None => "None",
        BootTarget::Pxe => "Pxe",
        BootTarget::Cd => "Cd",
        BootTarget::Hdd => "Hdd",
    }
}

pub(super) const fn enabled_name(enabled: BootEnabled) -> &'static str {
    match enabled {
        BootEnabled::Disabled => "Disabled",
        BootEnabled::Once => "Once",
        BootEnabled::Continuous => "Continuous",
    }
}

pub(super) const fn mode_name(mode: BootMode) -> &'static str {
    match mode {
        BootMode::Legacy => "Legacy",
        BootMode::Uefi => "UEFI",
    }
}

/// Understands `Boot` of a PATCH. What is wrong with it is added to `problems`; `None` if it changes nothing.
///
/// Clients send the whole object back that they have read, so what has no value of its own (null, an empty text or
/// list) is left alone wherever it stands.
pub(super) fn parse(value: &Value, problems: &mut Vec<Message>) -> Option<BootChange> {
    let Some(object) = value.as_object() else {
        problems.push(parameters::type_error("Boot", value).about("#/Boot"));
        return None;
    };
    let mut change = BootChange::default();
    for (name, value) in parameters::members(object) {
        let pointer = format!("#/Boot/{name}");
        let result = match name {
            "BootSourceOverrideTarget" => {
                parameters::choice(name, value, &TARGETS, target_name).map(|target| change.target = Some(target))
            }
            "BootSourceOverrideEnabled" => {
                parameters::choice(name, value, &ENABLED, enabled_name).map(|enabled| change.enabled = Some(enabled))
            }
            "BootSourceOverrideMode" => {
                parameters::choice(name, value, &MODES, mode_name).map(|mode| change.mode = Some(mode))
            }
            _ if has_no_value(value) => Ok(()),
            _ => Err(parameters::not_changeable(name, READ_ONLY)),
        };
        if let Err(problem) = result {
            problems.push(problem.about(pointer));
        }
    }
    (change != BootChange::default()).then_some(change)
}

/// What is wrong with a change of what is in force: an override that is asked for needs something to boot from.
pub(super) fn conflict(present: &BootOverride, change: &BootChange) -> Option<Message> {
    let target = change.target.unwrap_or(present.target);
    let asked_for = change.enabled.is_some_and(|enabled| enabled != BootEnabled::Disabled);
    (asked_for && target == BootTarget::None).then(|| {
        Message::new(&base::PROPERTY_VALUE_CONFLICT, ["BootSourceOverrideEnabled", "BootSourceOverrideTarget"])
            .about("#/Boot/BootSourceOverrideEnabled")
    })
}

fn has_no_value(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Bool(_) | Value::Number(_) | Value::Object(_) => false,
    }
}

/// Properties of the schema's `Boot` that this service does not write.
const READ_ONLY: &[&str] = &[
    "AliasBootOrder",
    "AutomaticRetryAttempts",
    "AutomaticRetryConfig",
    "BootNext",
    "BootOptions",
    "BootOrder",
    "BootOrderPropertySelection",
    "Certificates",
    "HttpBootUri",
    "LastBootTimeSeconds",
    "RemainingAutomaticRetryAttempts",
    "StopBootOnFault",
    "TrustedModuleRequiredToBoot",
    "UefiTargetBootSourceOverride",
];
