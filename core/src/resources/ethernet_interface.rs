//! `/redfish/v1/Systems/{system}/EthernetInterfaces/{interface}`: a network interface. Schema `EthernetInterface`,
//! version 1.12.4.

use std::borrow::Cow;
use std::net::IpAddr;

use serde::Serialize;

use super::{Context, Status, inventory};
use crate::http::{ETAG_PLACEHOLDER, Refusal, Representation, Schema, schema};
use crate::model::{Nic, NicAddress};
use crate::route::{Inventory, Route};
use crate::view::Vm;

pub(super) const SCHEMA: Schema = schema!("EthernetInterface", "v1_12_4");

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct EthernetInterface<'a> {
    #[serde(rename = "@odata.id")]
    odata_id: Route<'a>,
    #[serde(rename = "@odata.type")]
    odata_type: Schema,
    #[serde(rename = "@odata.etag")]
    odata_etag: &'static str,
    id: &'a str,
    name: &'a str,
    #[serde(rename = "MACAddress", skip_serializing_if = "Option::is_none")]
    mac: Option<&'a str>,
    #[serde(rename = "IPv4Addresses", skip_serializing_if = "Vec::is_empty")]
    ipv4: Vec<Address>,
    #[serde(rename = "IPv6Addresses", skip_serializing_if = "Vec::is_empty")]
    ipv6: Vec<Address>,
    status: Status,
}

/// An address; nothing is known of its origin, its network or its gateway.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Address {
    address: IpAddr,
}

/// A network interface of a machine, as its definition and its run show it.
pub(super) struct Interface<'a> {
    /// Its id in URIs.
    pub(super) id: Cow<'a, str>,
    name: &'a str,
    defined: Option<&'a Nic>,
    running: Option<&'a NicAddress>,
}

/// Every network interface: those that are defined, then those that only the run has, such as the one that the cluster
/// gives to a machine whose definition has none.
pub(super) fn interfaces(vm: &Vm) -> Vec<Interface<'_>> {
    let running = vm.instance.as_ref().map_or(&[][..], |instance| &instance.addresses);
    let defined = &vm.machine.nics;
    let of_definition =
        defined.iter().map(|nic| (&*nic.name, Some(nic), running.iter().find(|address| address.name == nic.name)));
    let of_run = running
        .iter()
        .filter(|address| !defined.iter().any(|nic| nic.name == address.name))
        .map(|address| (&*address.name, None, Some(address)));
    let all = of_definition.chain(of_run).enumerate();
    all.map(|(index, (name, defined, running))| Interface {
        id: inventory::device_id(name, index),
        name,
        defined,
        running,
    })
    .collect()
}

pub(super) fn represent(context: &Context<'_>, vm: &Vm, id: &str) -> Result<Representation, Refusal> {
    let system = context.view.shown_name(&vm.machine.id);
    let interfaces = interfaces(vm);
    let interface = interfaces
        .iter()
        .find(|interface| interface.id == id)
        .ok_or_else(|| Refusal::not_found("EthernetInterface", id))?;
    // What the guest was given counts while it runs; a definition may leave it to the cluster.
    let mac = [
        interface.running.and_then(|running| running.mac.as_deref()),
        interface.defined.and_then(|defined| defined.mac.as_deref()),
    ];
    let addresses = |wanted: fn(&IpAddr) -> bool| {
        let texts = interface.running.map_or(&[][..], |running| &running.ips).iter();
        texts.filter_map(|text| text.parse().ok()).filter(wanted).map(|address| Address { address }).collect()
    };
    let resource = EthernetInterface {
        odata_id: Route::Inventory(system, Inventory::EthernetInterface(id)),
        odata_type: SCHEMA,
        odata_etag: ETAG_PLACEHOLDER,
        id,
        name: interface.name,
        mac: mac.into_iter().flatten().find(|text| is_mac(text)),
        ipv4: addresses(IpAddr::is_ipv4),
        ipv6: addresses(IpAddr::is_ipv6),
        status: Status::ENABLED,
    };
    Ok(Representation::of_resource(SCHEMA, &resource))
}

/// Whether a text has the form that the schema's `MACAddress` has.
fn is_mac(text: &str) -> bool {
    text.len() == 17
        && text.bytes().enumerate().all(|(index, byte)| match index % 3 {
            2 => matches!(byte, b':' | b'-'),
            _ => byte.is_ascii_hexdigit(),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_addresses_are_shown() {
        assert!(is_mac("02:00:00:00:00:0a") && is_mac("02-00-00-00-00-0A"));
        for text in ["", "02:00:00:00:00", "02:00:00:00:00:0g", "020000000000", "02:00:00:00:00:00:00"] {
            assert!(!is_mac(text), "{text}");
        }
    }
}
