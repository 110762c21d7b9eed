//! `/redfish/v1/Managers/{system}/NetworkProtocol`: how a manager can be reached. Schema `ManagerNetworkProtocol`,
//! version 1.12.0.
//!
//! The protocols of a BMC that the service does not speak are named as switched off, because that is what clients ask.
//! Ports are left out: those that clients see are chosen by whatever leads to the service in a cluster. All managers are
//! one service, so what is set at one of them is set at all, by who sees all chassis.

use serde::Serialize;
use serde_json::Value;

use super::plan::Plan;
use super::{Context, Status, parameters};
use crate::auth::{AccountEdit, Privilege};
use crate::config::Protocol;
use crate::http::{ETAG_PLACEHOLDER, JsonObject, Refusal, Representation, Schema, schema};
use crate::intent::Answer;
use crate::messages::{Message, base};
use crate::model::{AddressPolicy, Host};
use crate::network::{MAX_NTP_SERVERS, NetworkSettings};
use crate::route::{Location, Route};
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
    #[serde(rename = "NTP")]
    ntp: Ntp<'a>,
    #[serde(rename = "SNMP")]
    snmp: Enabled,
    #[serde(rename = "SSDP")]
    ssdp: Ssdp,
    #[serde(rename = "SSH")]
    ssh: Enabled,
    status: Status,
}

#[derive(Clone, Copy, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Enabled {
    protocol_enabled: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Ssdp {
    #[serde(rename = "@Redfish.WriteableProperties")]
    writeable: &'static [&'static str],
    protocol_enabled: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Ntp<'a> {
    #[serde(rename = "@Redfish.WriteableProperties")]
    writeable: [&'static str; 2],
    protocol_enabled: bool,
    #[serde(rename = "NTPServers")]
    servers: &'a [String],
}

pub(super) fn represent(context: &Context<'_>, vm: &Vm) -> Representation {
    let id = context.view.shown_name(&vm.machine.id);
    let settings = &context.view.network;
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
        ntp: Ntp {
            writeable: [ENABLED, SERVERS],
            protocol_enabled: settings.ntp_is_on,
            servers: &settings.ntp_servers,
        },
        snmp: enabled(false),
        ssdp: Ssdp {
            writeable: if context.view.config.ssdp { &[ENABLED] } else { &[] },
            protocol_enabled: context.view.answers_searches(),
        },
        ssh: enabled(false),
        status: Status::ENABLED,
    };
    Representation::of_resource(SCHEMA, &resource)
}

/// Understands a PATCH. It reaches every tenant, so only who has the privilege over all chassis may make one.
pub(super) fn patch(context: &Context<'_>, system: &str, body: &JsonObject) -> Result<Plan, Refusal> {
    context.system(system, &Location { route: Route::NetworkProtocol(system), alias: None })?;
    if !context.has_everywhere(Privilege::ConfigureManager) {
        return Err(Refusal::forbidden());
    }
    let from = &*context.view.network;
    let mut to = from.clone();
    let mut patch = parameters::Patch::new(READ_ONLY);
    let policy = &context.view.config.events.policy;
    let mut named = false;
    for (name, value) in parameters::members(body) {
        named = true;
        match (name, value) {
            ("SSDP" | "NTP", Value::Object(members)) => {
                for (member, value) in parameters::members(members) {
                    let path = format!("{name}/{member}");
                    match (name, member) {
                        ("SSDP", ENABLED) if context.view.config.ssdp => {
                            to.ssdp_is_off = !patch.boolean(&path, value).unwrap_or(!to.ssdp_is_off);
                        }
                        ("NTP", ENABLED) => to.ntp_is_on = patch.boolean(&path, value).unwrap_or(to.ntp_is_on),
                        ("NTP", SERVERS) => servers(&mut patch, policy, &path, value, &mut to),
                        _ => patch.not_writable(&path),
                    }
                }
            }
            ("SSDP" | "NTP", _) => patch.wrong_type(name, value),
            _ => patch.not_writable(name),
        }
    }
    patch.finish()?;
    if !named {
        return Err(Refusal::bad_request(vec![Message::new(&base::NO_OPERATION, [])]));
    }
    let edit = AccountEdit::Network { from: from.clone(), to };
    Ok(Plan::account(edit, None, Answer::Representation))
}

fn servers(patch: &mut parameters::Patch, policy: &AddressPolicy, path: &str, value: &Value, to: &mut NetworkSettings) {
    let Some(servers) = patch.texts(path, value, &to.ntp_servers) else { return };
    if servers.len() > MAX_NTP_SERVERS {
        let most = MAX_NTP_SERVERS.to_string();
        return patch.problem(Message::new(&base::ARRAY_SIZE_TOO_LONG, [path, &most]).about(format!("#/{path}")));
    }
    for (index, server) in servers.iter().enumerate() {
        let problem = match Host::parse(server).map(|host| policy.judge(&host).map_err(|why| (host, why))) {
            None => Message::new(&base::PROPERTY_VALUE_FORMAT_ERROR, [server, path]),
            Some(Err((host, why))) => parameters::host_refused(&host, why),
            Some(Ok(())) => continue,
        };
        patch.problem(problem.about(format!("#/{path}/{index}")));
    }
    to.ntp_servers = servers;
}

const ENABLED: &str = "ProtocolEnabled";
const SERVERS: &str = "NTPServers";

const READ_ONLY: &[&str] =
    &["HTTP", "HTTPS", "IPMI", "Id", "KVMIP", "Name", "SNMP", "SSDP/ProtocolEnabled", "SSH", "Status"];
