//! `/redfish/v1/Managers/{system}`: a system's BMC, as clients know it from servers. Schema `Manager`, version 1.24.0.

use serde::Serialize;

use super::condition::{Condition, StatusWithConditions};
use super::{Context, Link, coverage, manager_clock, manager_reset};
use crate::http::{ETAG_PLACEHOLDER, Representation, Schema, schema};
use crate::route::Route;
use crate::time::UnixTime;
use crate::view::Vm;

pub(super) const SCHEMA: Schema = schema!("Manager", "v1_24_0");

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Manager<'a> {
    #[serde(rename = "@odata.id")]
    odata_id: Route<'a>,
    #[serde(rename = "@odata.type")]
    odata_type: Schema,
    #[serde(rename = "@odata.etag")]
    odata_etag: &'static str,
    #[serde(rename = "@Redfish.WriteableProperties")]
    writeable: [&'static str; 0],
    id: &'a str,
    name: &'static str,
    #[serde(rename = "ManagerType")]
    kind: &'static str,
    manufacturer: &'static str,
    model: &'static str,
    firmware_version: &'static str,
    #[serde(rename = "UUID", skip_serializing_if = "Option::is_none")]
    uuid: Option<String>,
    date_time: String,
    date_time_local_offset: &'static str,
    status: StatusWithConditions,
    network_protocol: Link<'a>,
    virtual_media: Link<'a>,
    links: Links<'a>,
    actions: Actions<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Links<'a> {
    manager_for_servers: [Link<'a>; 1],
    manager_for_chassis: Vec<Link<'a>>,
}

#[derive(Serialize)]
struct Actions<'a> {
    #[serde(rename = "#Manager.Reset")]
    reset: Reset<'a>,
}

#[derive(Serialize)]
struct Reset<'a> {
    target: Route<'a>,
    #[serde(rename = "ResetType@Redfish.AllowableValues")]
    values: [manager_reset::ResetType; manager_reset::ResetType::ALL.len()],
}

pub(super) fn represent(context: &Context<'_>, vm: &Vm) -> Representation {
    let id = context.view.shown_name(&vm.machine.id);
    let age = context.view.age(vm);
    let render = |time: UnixTime| {
        let manager = Manager {
            odata_id: Route::Manager(id),
            odata_type: SCHEMA,
            odata_etag: ETAG_PLACEHOLDER,
            writeable: [],
            id,
            name: "Manager",
            kind: "BMC",
            manufacturer: "KubeVirt",
            model: "kubevirt-redfish",
            firmware_version: env!("CARGO_PKG_VERSION"),
            uuid: uuid(context, vm),
            date_time: time.to_string(),
            date_time_local_offset: manager_clock::OFFSET,
            status: StatusWithConditions {
                state: Some("Enabled"),
                health: coverage::health(None, age),
                conditions: coverage::of_age(age).iter().map(Condition::from).collect(),
            },
            network_protocol: Link::to(Route::NetworkProtocol(id)),
            virtual_media: Link::to(Route::VirtualMediaCollection(id)),
            links: Links {
                manager_for_servers: [Link::to(Route::System(id))],
                manager_for_chassis: context
                    .chassis_names(&vm.chassis)
                    .map(|name| Link::to(Route::Chassis(name)))
                    .collect(),
            },
            actions: Actions {
                reset: Reset { target: Route::ManagerReset(id), values: manager_reset::ResetType::ALL },
            },
        };
        Representation::of_resource(SCHEMA, &manager)
    };
    // The clock stays out of the entity tag, which would otherwise change with every read.
    render(context.view.clock(context.now)).with_etag_of(&render(UnixTime::default()))
}

/// The manager's own UUID: made of the service's and the machine's, so that it is the same on every replica and after
/// every restart (RFC 9562 section 5.8).
fn uuid(context: &Context<'_>, vm: &Vm) -> Option<String> {
    let name = format!("{}/{}", context.view.service_uuid.as_deref()?, vm.machine.uid);
    let hash = xxhash_rust::xxh3::xxh3_128(name.as_bytes());
    let versioned = (hash & !(0xf000_u128 << 64)) | (0x8000_u128 << 64);
    let variant = (versioned & !(0xc000_u128 << 48)) | (0x8000_u128 << 48);
    let digits = format!("{variant:032x}");
    let part = |from: usize, to: usize| digits.get(from..to).unwrap_or_default();
    Some(format!("{}-{}-{}-{}-{}", part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32)))
}
