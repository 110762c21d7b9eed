//! `/redfish/v1/Systems/{system}`: a virtual machine. Schema `ComputerSystem`, version 1.27.0.

use std::borrow::Cow;

use serde::{Serialize, Serializer};
use serde_json::Value;

use super::computer_system_boot::Boot;
use super::computer_system_boot_progress::BootProgress;
use super::condition::StatusWithConditions;
use super::operation_apply_time::OperationApplyTimeSupport;
use super::{
    Context, Link, Status, computer_system_boot, computer_system_conditions, computer_system_reset, coverage,
    parameters, processor, secure_boot,
};
use crate::config::PausedAs;
use crate::coverage::Age;
use crate::http::{ETAG_PLACEHOLDER, JsonObject, Refusal, Representation, Schema, schema};
use crate::messages::{Message, base};
use crate::model::{
    Action, BootMode, Indicator, LONGEST_ASSET_TAG, Machine, MachineChange, PowerRestore, PowerState, Processors, Tpm,
    is_plain, plain,
};
use crate::route::{Firmware, Inventory, Route};
use crate::view::{View, Vm};

pub(super) const SCHEMA: Schema = schema!("ComputerSystem", "v1_27_0");

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ComputerSystem<'a> {
    #[serde(rename = "@odata.id")]
    odata_id: Route<'a>,
    #[serde(rename = "@odata.type")]
    odata_type: Schema,
    #[serde(rename = "@odata.etag")]
    odata_etag: &'static str,
    #[serde(rename = "@Redfish.WriteableProperties")]
    writeable: [&'static str; 4],
    id: &'a str,
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    /// Shown when there is none, so that clients see that there can be one.
    asset_tag: Option<&'a str>,
    system_type: &'static str,
    manufacturer: &'static str,
    model: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    sub_model: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    serial_number: Option<&'a str>,
    #[serde(rename = "UUID", skip_serializing_if = "Option::is_none")]
    uuid: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    host_name: Option<&'a str>,
    /// Null as the boot mode is.
    bios_version: Option<&'static str>,
    /// Null if it has not been seen for too long.
    power_state: Option<&'static str>,
    #[serde(serialize_with = "policy_by_name")]
    power_restore_policy: PowerRestore,
    #[serde(rename = "PowerRestorePolicy@Redfish.AllowableValues")]
    power_restore_values: [&'static str; 3],
    #[serde(rename = "IndicatorLED", serialize_with = "indicator_by_name")]
    indicator: Indicator,
    #[serde(rename = "IndicatorLED@Redfish.AllowableValues")]
    indicator_values: [&'static str; 3],
    location_indicator_active: bool,
    status: StatusWithConditions,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "as_text")]
    last_reset_time: Option<crate::time::UnixTime>,
    boot_progress: BootProgress,
    boot: Boot<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    processor_summary: Option<ProcessorSummary>,
    #[serde(skip_serializing_if = "Option::is_none")]
    memory_summary: Option<MemorySummary>,
    #[serde(skip_serializing_if = "Option::is_none")]
    trusted_modules: Option<[TrustedModule; 1]>,
    bios: Link<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    secure_boot: Option<Link<'a>>,
    processors: Link<'a>,
    memory: Link<'a>,
    storage: Link<'a>,
    ethernet_interfaces: Link<'a>,
    virtual_media: Link<'a>,
    links: Links<'a>,
    actions: Actions<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ProcessorSummary {
    count: u32,
    core_count: u32,
    logical_processor_count: u32,
    model: Cow<'static, str>,
}

impl ProcessorSummary {
    fn of(vm: &Vm, processors: &Processors) -> Self {
        Self {
            count: processors.sockets,
            core_count: processors.sockets.saturating_mul(processors.cores),
            logical_processor_count: processors.logical(),
            model: processor::model(vm, processors),
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct TrustedModule {
    interface_type: &'static str,
    status: Status,
}

#[derive(Serialize)]
struct MemorySummary {
    #[serde(rename = "TotalSystemMemoryGiB")]
    total: Gibibytes,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Links<'a> {
    chassis: Vec<Link<'a>>,
    managed_by: [Link<'a>; 1],
}

#[derive(Serialize)]
struct Actions<'a> {
    #[serde(rename = "#ComputerSystem.Reset")]
    reset: Reset<'a>,
}

#[derive(Serialize)]
struct Reset<'a> {
    target: Route<'a>,
    #[serde(rename = "@Redfish.OperationApplyTimeSupport")]
    apply_time: OperationApplyTimeSupport,
    #[serde(rename = "ResetType@Redfish.AllowableValues")]
    values: &'static [computer_system_reset::ResetType],
}

/// Represents a system. What those read who see all of its chassis is kept for a while, also while the cluster is out of
/// sight: what is said of that does not belong to the system.
pub(super) fn represent(context: &Context<'_>, vm: &Vm) -> Representation {
    let sees_all = vm.chassis.iter().all(|index| context.visible_chassis().contains(index));
    let is_current = context.view.age(vm) == Age::Current;
    let render = || render(context, vm);
    if sees_all && is_current { context.view.rendered.get_or_render(vm.revision, render) } else { render() }
}

/// Understands a PATCH. Everything in it becomes one change, so that none of it can take effect without the rest.
pub(super) fn patch(view: &View, vm: &Vm, body: &JsonObject) -> Result<Action, Refusal> {
    let mut problems = Vec::new();
    let mut change = MachineChange::default();
    let mut active = None;
    for (name, value) in parameters::members(body) {
        let result = match name {
            "Boot" => {
                change.boot = computer_system_boot::parse(view, &vm.machine, value, &mut problems);
                Ok(())
            }
            "AssetTag" => parse_asset_tag(name, value).map(|tag| change.asset_tag = Some(tag)),
            "IndicatorLED" => parameters::choice(name, value, &INDICATORS, indicator_name)
                .map(|indicator| change.indicator = Some(indicator)),
            "LocationIndicatorActive" => {
                value.as_bool().map(|value| active = Some(value)).ok_or_else(|| parameters::type_error(name, value))
            }
            "PowerRestorePolicy" => parameters::choice(name, value, &POWER_RESTORE, power_restore_name)
                .map(|policy| change.power_restore = Some(policy)),
            _ => Err(parameters::not_changeable(name, READ_ONLY)),
        };
        if let Err(problem) = result {
            problems.push(problem.about(format!("#/{name}")));
        }
    }
    if problems.is_empty() {
        problems
            .extend(change.boot.as_ref().and_then(|change| computer_system_boot::conflict(&vm.machine.boot, change)));
    }
    if let Some(active) = active {
        let indicator = change.indicator.unwrap_or(match (active, vm.machine.indicator) {
            (false, _) => Indicator::Off,
            (true, Indicator::Off) => Indicator::Blinking,
            (true, present) => present,
        });
        if active == (indicator == Indicator::Off) {
            problems.push(
                Message::new(&base::PROPERTY_VALUE_CONFLICT, ["LocationIndicatorActive", "IndicatorLED"])
                    .about("#/LocationIndicatorActive"),
            );
        }
        change.indicator = Some(indicator);
    }
    if !problems.is_empty() {
        return Err(Refusal::bad_request(problems));
    }
    if change == MachineChange::default() {
        return Err(Refusal::bad_request(vec![Message::new(&base::NO_OPERATION, [])]));
    }
    Ok(Action::Change(change))
}

/// Reads an asset tag; null removes it.
fn parse_asset_tag(name: &str, value: &Value) -> Result<Option<Box<str>>, Message> {
    if value.is_null() {
        return Ok(None);
    }
    let text = value.as_str().ok_or_else(|| parameters::type_error(name, value))?;
    if text.chars().count() > LONGEST_ASSET_TAG {
        return Err(Message::new(&base::STRING_VALUE_TOO_LONG, [text, &LONGEST_ASSET_TAG.to_string()]));
    }
    if !is_plain(text) {
        return Err(Message::new(&base::PROPERTY_VALUE_FORMAT_ERROR, [&*plain(text, text.len()), name]));
    }
    Ok(Some(text.into()))
}

fn render(context: &Context<'_>, vm: &Vm) -> Representation {
    let machine = &vm.machine;
    let id = context.view.shown_name(&machine.id);
    let age = context.view.age(vm);
    let is_known = !matches!(age, Age::Unknown(_));
    let system = ComputerSystem {
        odata_id: Route::System(id),
        odata_type: SCHEMA,
        odata_etag: ETAG_PLACEHOLDER,
        writeable: ["AssetTag", "IndicatorLED", "LocationIndicatorActive", "PowerRestorePolicy"],
        id,
        name: machine.id.name(),
        description: machine.description.as_deref().filter(|text| !text.is_empty()),
        asset_tag: machine.asset_tag.as_deref(),
        system_type: "Virtual",
        manufacturer: "KubeVirt",
        model: machine.size.as_deref().unwrap_or("Virtual Machine"),
        sub_model: machine.names.as_ref().and_then(|names| names.preference.as_deref()),
        serial_number: machine.firmware.serial.as_deref().filter(|text| !text.is_empty()),
        uuid: uuid(machine),
        host_name: machine.host_name(),
        bios_version: vm.firmware().mode.map(|mode| match mode {
            BootMode::Uefi => "OVMF",
            BootMode::Legacy => "SeaBIOS",
        }),
        power_state: is_known.then(|| power_state(vm.power_state(), context.view.config.paused_as)),
        power_restore_policy: machine.power_restore,
        power_restore_values: POWER_RESTORE.map(power_restore_name),
        indicator: machine.indicator,
        indicator_values: INDICATORS.map(indicator_name),
        location_indicator_active: machine.indicator != Indicator::Off,
        status: StatusWithConditions {
            state: is_known.then(|| state(vm)),
            health: coverage::health(vm.severity(), age),
            conditions: computer_system_conditions::conditions(context.view, vm),
        },
        last_reset_time: vm.instance.as_ref().and_then(|instance| instance.started),
        boot_progress: BootProgress::of(vm),
        boot: Boot::of(context.view, vm, id),
        processor_summary: vm.processors().map(|processors| ProcessorSummary::of(vm, processors)),
        memory_summary: vm.memory().map(|bytes| MemorySummary { total: Gibibytes(bytes) }),
        trusted_modules: (vm.firmware().tpm.unwrap_or_default() != Tpm::Absent)
            .then_some([TrustedModule { interface_type: "TPM2_0", status: Status::ENABLED }]),
        bios: Link::to(Route::Firmware(id, Firmware::Bios)),
        secure_boot: secure_boot::exists(vm).then_some(Link::to(Route::Firmware(id, Firmware::SecureBoot))),
        processors: Link::to(Route::Inventory(id, Inventory::Processors)),
        memory: Link::to(Route::Inventory(id, Inventory::MemoryCollection)),
        storage: Link::to(Route::Inventory(id, Inventory::StorageCollection)),
        ethernet_interfaces: Link::to(Route::Inventory(id, Inventory::EthernetInterfaces)),
        virtual_media: Link::to(Route::VirtualMediaCollection(id)),
        links: Links {
            chassis: context.chassis_names(&vm.chassis).map(|name| Link::to(Route::Chassis(name))).collect(),
            managed_by: [Link::to(Route::Manager(id))],
        },
        actions: Actions {
            reset: Reset {
                target: Route::SystemReset(id),
                apply_time: OperationApplyTimeSupport,
                values: computer_system_reset::ResetType::of(&context.view.platform),
            },
        },
    };
    // The boot mode by what the definition says: what only a run can tell nobody has changed.
    let mode = machine.firmware.settings.mode;
    let (order, lasting, passing) = system.boot.settings();
    let settings = (system.asset_tag, system.indicator, system.power_restore_policy, mode, order, lasting);
    Representation::of_settings(SCHEMA, &system, &settings, passing.as_ref())
}

/// `Paused` is shown as `On` unless it is configured otherwise: Ironic and others have no such power state and take it
/// for a failure to read one. The truth is in `Status.State`.
fn power_state(state: PowerState, paused_as: PausedAs) -> &'static str {
    match state {
        PowerState::Paused if paused_as == PausedAs::Paused => "Paused",
        PowerState::On | PowerState::Paused => "On",
        PowerState::Off => "Off",
        PowerState::PoweringOn => "PoweringOn",
        PowerState::PoweringOff => "PoweringOff",
    }
}

fn state(vm: &Vm) -> &'static str {
    match vm.power_state() {
        PowerState::On | PowerState::PoweringOff => "Enabled",
        PowerState::Off => "StandbyOffline",
        PowerState::PoweringOn => "Starting",
        PowerState::Paused => "Quiesced",
    }
}

/// Prints a number of bytes in GiB, with up to three decimals: what a client would otherwise round to zero.
struct Gibibytes(u64);

impl Serialize for Gibibytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        const GIBIBYTE: u64 = 1 << 30;
        if self.0.is_multiple_of(GIBIBYTE) {
            return serializer.serialize_u64(self.0 / GIBIBYTE);
        }
        #[expect(clippy::cast_precision_loss, reason = "three decimals are kept of what 52 bits hold")]
        let gibibytes = self.0 as f64 / GIBIBYTE as f64;
        serializer.serialize_f64((gibibytes * 1_000.0).round() / 1_000.0)
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde asks for")]
fn indicator_by_name<S: Serializer>(indicator: &Indicator, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(indicator_name(*indicator))
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde asks for")]
fn policy_by_name<S: Serializer>(policy: &PowerRestore, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(power_restore_name(*policy))
}

#[expect(clippy::ref_option, reason = "the signature that serde asks for")]
pub(super) fn as_text<S: Serializer>(value: &Option<impl std::fmt::Display>, serializer: S) -> Result<S::Ok, S::Error> {
    match value {
        Some(value) => serializer.collect_str(value),
        None => serializer.serialize_none(),
    }
}

/// The UUID that the guest reads, or else, if that is none, the cluster's own of the machine.
pub(crate) fn uuid(machine: &Machine) -> Option<&str> {
    [machine.firmware.uuid.as_deref(), Some(machine.uid.as_str())].into_iter().flatten().find(|text| is_uuid(text))
}

/// Whether a text has the form that the schema's `UUID` has. The cluster takes any text for one.
fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(index, byte)| match index {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

const fn indicator_name(indicator: Indicator) -> &'static str {
    match indicator {
        Indicator::Off => "Off",
        Indicator::Lit => "Lit",
        Indicator::Blinking => "Blinking",
    }
}

const fn power_restore_name(policy: PowerRestore) -> &'static str {
    match policy {
        PowerRestore::AlwaysOn => "AlwaysOn",
        PowerRestore::LastState => "LastState",
        PowerRestore::AlwaysOff => "AlwaysOff",
    }
}

const INDICATORS: [Indicator; 3] = [Indicator::Lit, Indicator::Blinking, Indicator::Off];
const POWER_RESTORE: [PowerRestore; 3] = [PowerRestore::AlwaysOn, PowerRestore::AlwaysOff, PowerRestore::LastState];

/// Properties that a client may have read here and cannot change.
const READ_ONLY: &[&str] = &[
    "Id",
    "Name",
    "Description",
    "SystemType",
    "Manufacturer",
    "Model",
    "SubModel",
    "SerialNumber",
    "UUID",
    "HostName",
    "BiosVersion",
    "TrustedModules",
    "Bios",
    "SecureBoot",
    "PowerState",
    "Status",
    "LastResetTime",
    "BootProgress",
    "ProcessorSummary",
    "MemorySummary",
    "Processors",
    "Memory",
    "Storage",
    "EthernetInterfaces",
    "VirtualMedia",
    "Links",
    "Actions",
];
