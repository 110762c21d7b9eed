//! `/redfish/v1/Managers/{system}/NetworkProtocol`: how a manager can be reached. Schema `ManagerNetworkProtocol`,
//! version 1.12.0.
//!
//! The protocols of a BMC that the service does not speak are named as switched off, because that is what clients ask.
//! Ports are left out: those that clients see are chosen by whatever leads to the service in a cluster.

use serde::Serialize;

use super::{Context, Status};
use crate::config::Protocol;
use crate::http::{ETAG_PLACEHOLDER, Representation, Schema, schema};
use crate::route::Route;
use crate::view::Vm;

pub(super) const SCHEMA: Schema = schema!("ManagerNetworkProtocol", "v1_12_0");

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ManagerNetworkProtocol<'a> {
    #[serde(rename = "@odata.id")]
    odata_id: Route<'a>,
    #[serde(rename = "@odata.type")]
    odata_type: Schema,
    #[serde(rename = "@odata.etag")]
    odata_etag: &'static str,
    id: &'static str,
    name: &'static str,
    #[serde(rename = "HTTP")]
    http: Enabled,
    #[serde(rename = "HTTPS")]
    https: Enabled,
    #[serde(rename = "IPMI")]
    ipmi: Enabled,
    #[serde(rename = "KVMIP")]
    kvm: Enabled,
    #[serde(rename = "SNMP")]
    snmp: Enabled,
    #[serde(rename = "SSDP")]
    ssdp: Enabled,
    #[serde(rename = "SSH")]
    ssh: Enabled,
    status: Status,
}

#[derive(Clone, Copy, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Enabled {
    protocol_enabled: bool,
}

pub(super) fn represent(context: &Context<'_>, vm: &Vm) -> Representation {
    let id = context.view.shown_name(&vm.machine.id);
    let enabled = |protocol_enabled| Enabled { protocol_enabled };
    let spoken = |protocol| enabled(context.view.config.protocol == protocol);
    let resource = ManagerNetworkProtocol {
        odata_id: Route::NetworkProtocol(id),
        odata_type: SCHEMA,
        odata_etag: ETAG_PLACEHOLDER,
        id: "NetworkProtocol",
        name: "Manager Network Protocol",
        http: spoken(Protocol::Http),
        https: spoken(Protocol::Https),
        ipmi: enabled(false),
        kvm: enabled(false),
        snmp: enabled(false),
        ssdp: enabled(false),
        ssh: enabled(false),
        status: Status::ENABLED,
    };
    Representation::of_resource(SCHEMA, &resource)
}
