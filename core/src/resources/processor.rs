//! `/redfish/v1/Systems/{system}/Processors/{processor}`: a socket with its processor. Schema `Processor`, version
//! 1.22.0.

use std::borrow::Cow;

use serde::Serialize;

use super::{Context, Status};
use crate::http::{ETAG_PLACEHOLDER, Refusal, Representation, Schema, schema};
use crate::model::{Architecture, ProcessorModel, Processors};
use crate::route::{Inventory, Route};
use crate::view::Vm;

pub(super) const SCHEMA: Schema = schema!("Processor", "v1_22_0");

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Processor<'a> {
    #[serde(rename = "@odata.id")]
    odata_id: Route<'a>,
    #[serde(rename = "@odata.type")]
    odata_type: Schema,
    #[serde(rename = "@odata.etag")]
    odata_etag: &'static str,
    id: &'a str,
    name: String,
    socket: String,
    #[serde(rename = "ProcessorType")]
    kind: &'static str,
    #[serde(rename = "ProcessorArchitecture")]
    architecture: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    instruction_set: Option<&'static str>,
    model: Cow<'a, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    total_cores: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    total_threads: Option<u32>,
    status: Status,
}

/// The ids of a machine's processors, one for each socket.
///
/// A machine whose size is in a template that the service does not see has at least one, and it is shown: clients take
/// a machine without processors for one that cannot be inspected.
pub(super) fn ids(vm: &Vm) -> impl Iterator<Item = String> {
    (0..sockets(vm)).map(|socket| format!("{PREFIX}{socket}"))
}

fn sockets(vm: &Vm) -> u32 {
    vm.processors().map_or(1, |processors| processors.sockets.min(MAX_SOCKETS))
}

pub(super) fn represent(context: &Context<'_>, vm: &Vm, id: &str) -> Result<Representation, Refusal> {
    let system = context.view.shown_name(&vm.machine.id);
    let number = id.strip_prefix(PREFIX).and_then(|text| text.parse::<u32>().ok().filter(|n| n.to_string() == text));
    let socket = number.filter(|socket| *socket < sockets(vm)).ok_or_else(|| Refusal::not_found("Processor", id))?;
    let known = vm.processors();
    let processors = known.unwrap_or(&vm.machine.processors);
    let resource = Processor {
        odata_id: Route::Inventory(system, Inventory::Processor(id)),
        odata_type: SCHEMA,
        odata_etag: ETAG_PLACEHOLDER,
        id,
        name: format!("Processor {socket}"),
        socket: socket.to_string(),
        kind: "CPU",
        architecture: match processors.architecture {
            Architecture::X86_64 => "x86",
            Architecture::Aarch64 => "ARM",
            // The schema knows no other.
            Architecture::S390x => "OEM",
        },
        instruction_set: match processors.architecture {
            Architecture::X86_64 => Some("x86-64"),
            Architecture::Aarch64 => Some("ARM-A64"),
            Architecture::S390x => None,
        },
        model: model(vm, processors),
        total_cores: known.map(|processors| processors.cores),
        total_threads: known.map(|processors| processors.cores.saturating_mul(processors.threads)),
        status: Status::ENABLED,
    };
    Ok(Representation::of_resource(SCHEMA, &resource))
}

/// The model that somebody has chosen, or else the instruction set.
pub(super) fn model(vm: &Vm, processors: &Processors) -> Cow<'static, str> {
    match vm.firmware().processor_model {
        Some(ProcessorModel::Named(name)) => Cow::Owned(name.into()),
        Some(ProcessorModel::Default) | None => Cow::Borrowed(match processors.architecture {
            Architecture::X86_64 => "x86-64",
            Architecture::Aarch64 => "ARM-A64",
            Architecture::S390x => "s390x",
        }),
    }
}

const PREFIX: &str = "CPU";

/// How many processors are listed: what is defined may be any number, and no hypervisor has more.
const MAX_SOCKETS: u32 = 1_024;
