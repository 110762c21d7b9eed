//! `Boot` of a system: what it boots from. Schema `ComputerSystem`, object `Boot`.

use serde::{Serialize, Serializer};
use serde_json::Value;

use super::{Link, boot_option, parameters};
use crate::messages::{Message, base, cluster};
use crate::model::{
    Action, AddressPolicy, Architecture, BootChange, BootDevice, BootEnabled, BootMode, BootOrderChange, BootOverride,
    BootTarget, ImportState, Machine, MachineChange, Phase, Slot, Url,
};
use crate::route::{Inventory, Route};
use crate::view::{View, Vm};

const TARGETS: [BootTarget; 7] = [
    BootTarget::None,
    BootTarget::Pxe,
    BootTarget::Cd,
    BootTarget::Usb,
    BootTarget::Hdd,
    BootTarget::UefiHttp,
    BootTarget::UefiBootNext,
];
const ENABLED: [BootEnabled; 3] = [BootEnabled::Disabled, BootEnabled::Once, BootEnabled::Continuous];

const WRITEABLE: [&str; 6] = [
    "BootSourceOverrideEnabled",
    "BootSourceOverrideTarget",
    "BootSourceOverrideMode",
    "BootOrder",
    "BootNext",
    "HttpBootUri",
];

/// How it looks.
#[derive(Serialize)]
pub(super) struct Boot<'a> {
    #[serde(rename = "@Redfish.WriteableProperties")]
    writeable: [&'static str; WRITEABLE.len()],
    #[serde(rename = "BootSourceOverrideEnabled", serialize_with = "enabled_by_name")]
    enabled: BootEnabled,
    #[serde(rename = "BootSourceOverrideEnabled@Redfish.AllowableValues")]
    enabled_values: [&'static str; ENABLED.len()],
    #[serde(rename = "BootSourceOverrideTarget", serialize_with = "target_by_name")]
    target: BootTarget,
    #[serde(rename = "BootSourceOverrideTarget@Redfish.AllowableValues")]
    target_values: Vec<&'static str>,
    /// Null while nobody can know: only what the cluster fills in when the machine starts says so.
    #[serde(rename = "BootSourceOverrideMode", serialize_with = "mode_by_name")]
    mode: Option<BootMode>,
    #[serde(rename = "BootSourceOverrideMode@Redfish.AllowableValues")]
    mode_values: Vec<&'static str>,
    #[serde(rename = "BootOptions")]
    options: Link<'a>,
    /// The machine's own order, whatever override is in force; empty if nobody chose one.
    #[serde(rename = "BootOrder")]
    order: Vec<String>,
    #[serde(rename = "BootNext")]
    next: Option<String>,
    #[serde(rename = "HttpBootUri")]
    http_uri: Option<&'a str>,
}

impl<'a> Boot<'a> {
    /// Of the machine that URIs call `system`.
    pub(super) fn of(view: &View, vm: &'a Vm, system: &'a str) -> Self {
        let machine = &*vm.machine;
        let BootOverride { target, enabled, next, http_uri, .. } = &machine.boot;
        let modes = modes(machine);
        let only_mode = modes.first().copied().filter(|_| modes.len() == 1);
        let targets = targets(view).into_iter().filter(|target| boot_option::has(machine, *target));
        Self {
            writeable: WRITEABLE,
            enabled: *enabled,
            enabled_values: ENABLED.map(enabled_name),
            target: *target,
            target_values: targets.map(target_name).collect(),
            mode: vm.next_firmware().mode.filter(|mode| modes.contains(mode)).or(only_mode),
            mode_values: modes.iter().copied().map(mode_name).collect(),
            options: Link::to(Route::Inventory(system, Inventory::BootOptions)),
            order: boot_option::in_order(machine).into_iter().map(|option| option.reference).collect(),
            http_uri: http_uri.as_ref().map(Url::as_str),
            next: next.as_ref().and_then(|device| boot_option::reference(machine, device)),
        }
    }
}

/// An override as a client asks for it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Override<'a> {
    target: BootTarget,
    enabled: BootEnabled,
    next: Option<&'a str>,
    http_uri: Option<&'a str>,
}

impl Boot<'_> {
    /// The order, the override that stays until it is changed, and the one that ends with the next boot: for the entity
    /// tag, by which writers see each other's changes.
    pub(super) fn settings(&self) -> (&[String], Override<'_>, Option<Override<'_>>) {
        let (next, http_uri) = (self.next.as_deref(), self.http_uri);
        let present = Override { target: self.target, enabled: self.enabled, next, http_uri };
        match self.enabled {
            BootEnabled::Once => (&self.order, Override::default(), Some(present)),
            BootEnabled::Disabled | BootEnabled::Continuous => (&self.order, present, None),
        }
    }
}

/// What machines may be booted from: an image over HTTP only where the cluster can fetch one.
fn targets(view: &View) -> Vec<BootTarget> {
    TARGETS.into_iter().filter(|target| *target != BootTarget::UefiHttp || view.importer).collect()
}

/// The firmware that there is for a machine.
const fn modes(machine: &Machine) -> &'static [BootMode] {
    match machine.processors.architecture {
        Architecture::X86_64 => &[BootMode::Legacy, BootMode::Uefi],
        Architecture::Aarch64 => &[BootMode::Uefi],
        Architecture::S390x => &[BootMode::Legacy],
    }
}

const fn target_name(target: BootTarget) -> &'static str {
    match target {
        BootTarget::None => "None",
        BootTarget::Pxe => "Pxe",
        BootTarget::Cd => "Cd",
        BootTarget::Usb => "Usb",
        BootTarget::Hdd => "Hdd",
        BootTarget::UefiHttp => "UefiHttp",
        BootTarget::UefiBootNext => "UefiBootNext",
    }
}

const fn enabled_name(enabled: BootEnabled) -> &'static str {
    match enabled {
        BootEnabled::Disabled => "Disabled",
        BootEnabled::Once => "Once",
        BootEnabled::Continuous => "Continuous",
    }
}

const fn mode_name(mode: BootMode) -> &'static str {
    match mode {
        BootMode::Legacy => "Legacy",
        BootMode::Uefi => "UEFI",
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde asks for")]
fn target_by_name<S: Serializer>(target: &BootTarget, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(target_name(*target))
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde asks for")]
fn enabled_by_name<S: Serializer>(enabled: &BootEnabled, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(enabled_name(*enabled))
}

#[expect(clippy::ref_option, clippy::trivially_copy_pass_by_ref, reason = "the signature that serde asks for")]
fn mode_by_name<S: Serializer>(mode: &Option<BootMode>, serializer: S) -> Result<S::Ok, S::Error> {
    mode.map(mode_name).serialize(serializer)
}

/// What is worth knowing of the override that is in force or was used up: its image cannot be fetched; or, where the
/// cluster has no way to make a reboot by the guest itself a new boot, it boots from the same again.
pub(super) fn condition(view: &View, vm: &Vm) -> Option<Message> {
    let machine = &vm.machine;
    let BootOverride { target, enabled, http_uri, .. } = &machine.boot;
    let over_http = *enabled != BootEnabled::Disabled && *target == BootTarget::UefiHttp;
    // Whoever may edit the machine may have named it.
    if let Some(url) = http_uri.as_ref().filter(|_| over_http)
        && let Err(why) = view.config.image_hosts.judge(url.host())
    {
        return Some(parameters::host_refused(url.host(), why));
    }
    if let Some(ImportState::Failed { message }) = vm.import(Slot::Http).map(|import| &import.state) {
        return Some(Message::new(&cluster::IMPORT_FAILED, [message]));
    }
    let again = |device: &str| Some(Message::new(&cluster::REBOOT_BOOTS_AGAIN, [device]));
    match machine.boot.enabled {
        BootEnabled::Once if machine.boot.outlives_reboot => {
            let another = !boot_option::is_first_anyway(machine);
            return another.then(|| again(target_name(machine.boot.target))).flatten();
        }
        BootEnabled::Continuous => return None,
        BootEnabled::Once | BootEnabled::Disabled => {}
    }
    let run = vm.instance.as_ref().filter(|run| run.phase != Phase::Ended && !run.ends_by_reboot)?;
    let (first, own) = (run.boots_first.as_ref()?, boot_option::first(machine)?);
    (*first != own).then(|| boot_option::reference(machine, first)).flatten().and_then(|device| again(&device))
}

/// Understands `Boot` of a PATCH. What is wrong with it is added to `problems`; `None` if it changes nothing.
///
/// Clients send the whole object back that they have read, so what has no value of its own (null, an empty text or
/// list) is left alone wherever it stands; but for an empty `BootOrder` that comes alone, which leaves the order to the
/// cluster again.
pub(super) fn parse(view: &View, machine: &Machine, value: &Value, problems: &mut Vec<Message>) -> Option<BootChange> {
    let Some(object) = value.as_object() else {
        problems.push(parameters::type_error("Boot", value).about("#/Boot"));
        return None;
    };
    let alone = parameters::members(object).count() == 1;
    let over_http = object.get("BootSourceOverrideTarget").is_some_and(|target| target == "UefiHttp");
    let mut change = BootChange::default();
    for (name, value) in parameters::members(object) {
        let pointer = format!("#/Boot/{name}");
        let result =
            match name {
                "BootSourceOverrideTarget" => parameters::choice(name, value, &targets(view), target_name)
                    .map(|target| change.target = Some(target)),
                "BootSourceOverrideEnabled" => parameters::choice(name, value, &ENABLED, enabled_name)
                    .map(|enabled| change.enabled = Some(enabled)),
                "BootSourceOverrideMode" if !has_no_value(value) => {
                    parameters::choice(name, value, modes(machine), mode_name).map(|mode| change.mode = Some(mode))
                }
                "BootOrder" if alone && has_no_value(value) => {
                    change.order = Some(BootOrderChange::Whole(Box::default()));
                    Ok(())
                }
                "HttpBootUri" if alone && has_no_value(value) && machine.boot.http_uri.is_some() => {
                    (change.target, change.enabled) = (Some(BootTarget::None), Some(BootEnabled::Disabled));
                    Ok(())
                }
                // Who names the target as well leaves the image to the network.
                "HttpBootUri" if has_no_value(value) && over_http => {
                    change.http_uri = Some(None);
                    Ok(())
                }
                _ if has_no_value(value) => Ok(()),
                "HttpBootUri" => http_uri(&view.config.image_hosts, value).map(|uri| change.http_uri = Some(Some(uri))),
                "BootOrder" => {
                    change.order = order(machine, value, problems).map(BootOrderChange::Whole);
                    Ok(())
                }
                "BootNext" => device(machine, name, value).map(|next| change.next = Some(next)),
                // What was read, sent back.
                "BootOptions" if value.get("@odata.id").is_some() => Ok(()),
                _ => Err(parameters::not_changeable(name, READ_ONLY)),
            };
        if let Err(problem) = result {
            problems.push(problem.about(pointer));
        }
    }
    // Sent back along with another target.
    if change.next == machine.boot.next && change.target.is_some_and(|target| target != BootTarget::UefiBootNext) {
        change.next = None;
    }
    let sent_back = change.http_uri.as_ref() == Some(&machine.boot.http_uri);
    if sent_back && change.target.is_some_and(|target| target != BootTarget::UefiHttp) {
        change.http_uri = None;
    }
    if change.target == Some(BootTarget::None) && change.next.is_none() && change.http_uri.is_none() {
        // However long nothing is to last: it is the end of what there was.
        change.enabled = Some(BootEnabled::Disabled);
    }
    (change != BootChange::default()).then_some(change)
}

/// What is wrong with a change of what is in force: an override that is asked for needs something to boot from.
pub(super) fn conflict(present: &BootOverride, change: &BootChange) -> Option<Message> {
    let target = change.target.unwrap_or(present.target);
    let enabled = change.enabled.unwrap_or(present.enabled);
    let enabling = change.enabled.is_some_and(|enabled| enabled != BootEnabled::Disabled);
    let clash = |property: &'static str, other: &'static str| {
        let message = Message::new(&base::PROPERTY_VALUE_CONFLICT, [property, other]);
        Some(message.about(format!("#/Boot/{property}")))
    };
    let missing = |property: &'static str| {
        Some(Message::new(&base::PROPERTY_MISSING, [property]).about(format!("#/Boot/{property}")))
    };
    if change.next.is_some() && target != BootTarget::UefiBootNext {
        return clash("BootNext", "BootSourceOverrideTarget");
    }
    if change.http_uri.is_some() && target != BootTarget::UefiHttp {
        return clash("HttpBootUri", "BootSourceOverrideTarget");
    }
    match target {
        BootTarget::None if enabling => clash("BootSourceOverrideEnabled", "BootSourceOverrideTarget"),
        BootTarget::UefiBootNext if change.next.is_none() && present.next.is_none() => missing("BootNext"),
        // UEFI knows it as a one-time setting only (schema `ComputerSystem`, `BootNext`).
        BootTarget::UefiBootNext if enabled == BootEnabled::Continuous => {
            clash("BootSourceOverrideEnabled", "BootSourceOverrideTarget")
        }
        BootTarget::None
        | BootTarget::Pxe
        | BootTarget::Cd
        | BootTarget::Usb
        | BootTarget::Hdd
        | BootTarget::UefiHttp
        | BootTarget::UefiBootNext => None,
    }
}

/// Whether a change makes the service fetch an image: by naming one, or by asking for the one that is named already.
pub(super) fn fetches_image(present: &BootOverride, action: &Action) -> bool {
    let Action::Change(MachineChange { boot: Some(change), .. }) = action else { return false };
    let names = matches!(&change.http_uri, Some(Some(_)));
    let asks = names
        || change.target.is_some_and(|target| target != present.target)
        || change.enabled.is_some_and(|enabled| enabled != present.enabled);
    let is_off = change.enabled.unwrap_or(present.enabled) == BootEnabled::Disabled && !names;
    let known = change.http_uri.is_none() && present.http_uri.is_some();
    asks && !is_off && (names || known) && change.target.unwrap_or(present.target) == BootTarget::UefiHttp
}

/// Reads the URL of an image.
fn http_uri(policy: &AddressPolicy, value: &Value) -> Result<Url, Message> {
    let text = value.as_str().ok_or_else(|| parameters::type_error("HttpBootUri", value))?;
    let wrong = || Message::new(&base::PROPERTY_VALUE_FORMAT_ERROR, [text, "HttpBootUri"]);
    let url = Url::parse(text).ok_or_else(wrong)?;
    policy.judge(url.host()).map_err(|why| parameters::host_refused(url.host(), why))?;
    Ok(url)
}

/// Reads a list of references as a PATCH has it: null takes an element out, an empty object leaves the one at its place
/// as it is, and what comes after the end goes (DSP0266 clause 7.7).
fn order(machine: &Machine, value: &Value, problems: &mut Vec<Message>) -> Option<Box<[BootDevice]>> {
    let Some(items) = value.as_array() else {
        problems.push(parameters::type_error("BootOrder", value).about("#/Boot/BootOrder"));
        return None;
    };
    let mut present = boot_option::in_order(machine).into_iter().map(|option| option.device);
    let mut order: Vec<BootDevice> = Vec::new();
    for (index, item) in items.iter().enumerate() {
        let before = present.next();
        let listed = match item {
            Value::Null => continue,
            Value::Object(members) if members.is_empty() => {
                before.ok_or_else(|| parameters::type_error("BootOrder", item))
            }
            _ => device(machine, "BootOrder", item),
        };
        let listed = listed.and_then(|device| {
            let twice = || Message::new(&base::PROPERTY_VALUE_CONFLICT, ["BootOrder", "BootOrder"]);
            if order.contains(&device) { Err(twice()) } else { Ok(device) }
        });
        match listed {
            Ok(device) => order.push(device),
            Err(problem) => problems.push(problem.about(format!("#/Boot/BootOrder/{index}"))),
        }
    }
    Some(order.into())
}

/// Reads a reference to a boot option.
fn device(machine: &Machine, property: &str, value: &Value) -> Result<BootDevice, Message> {
    let text = value.as_str().ok_or_else(|| parameters::type_error(property, value))?;
    let found = boot_option::options(machine).into_iter().find(|option| option.reference == text);
    let unknown = || Message::new(&base::PROPERTY_VALUE_NOT_IN_LIST, [text, property]);
    found.map(|option| option.device).ok_or_else(unknown)
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
    "BootOptions",
    "BootOrderPropertySelection",
    "Certificates",
    "LastBootTimeSeconds",
    "RemainingAutomaticRetryAttempts",
    "StopBootOnFault",
    "TrustedModuleRequiredToBoot",
    "UefiTargetBootSourceOverride",
];
