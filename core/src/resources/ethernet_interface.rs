//! `/redfish/v1/Systems/{system}/EthernetInterfaces/{interface}`: a network interface. Schema `EthernetInterface`,
//! version 1.12.4.

use std::borrow::Cow;
use std::net::IpAddr;

use serde::{Serialize, Serializer};

use super::{Context, Status, inventory};
use crate::http::{ETAG_PLACEHOLDER, Refusal, Representation, Schema, schema};
use crate::model::{MacAddress, Nic, NicAddress};
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
    #[serde(rename = "MACAddress", skip_serializing_if = "Option::is_none", serialize_with = "as_text")]
    mac: Option<MacAddress>,
    /// What it is defined with, which a guest may change.
    #[serde(rename = "PermanentMACAddress", skip_serializing_if = "Option::is_none", serialize_with = "as_text")]
    permanent_mac: Option<MacAddress>,
    #[serde(rename = "EthernetInterfaceType")]
    kind: &'static str,
    /// Whether its owner wants its link up.
    #[serde(skip_serializing_if = "Option::is_none")]
    interface_enabled: Option<bool>,
    link_status: &'static str,
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

/// Every network interface: those that are defined, then those that only the run still has, unless they are being taken
/// away.
pub(super) fn interfaces(vm: &Vm) -> Vec<Interface<'_>> {
    let running = vm.instance.as_ref().map_or(&[][..], |instance| &instance.addresses);
    let defined = &vm.machine.nics;
    let of_definition =
        defined.iter().map(|nic| (&*nic.name, Some(nic), running.iter().find(|address| address.name == nic.name)));
    let of_run = running
        .iter()
        .filter(|address| !defined.iter().any(|nic| nic.name == address.name))
        .filter(|address| !vm.machine.leaving_nics.contains(&address.name))
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

/// The network interfaces by name, with their addresses as far as these are known.
pub(crate) fn mac_addresses(vm: &Vm) -> Vec<(String, Option<MacAddress>)> {
    interfaces(vm).iter().map(|interface| (interface.name.to_owned(), interface.mac())).collect()
}

impl Interface<'_> {
    /// What the guest was given counts while it runs; a definition may leave it to the cluster.
    fn mac(&self) -> Option<MacAddress> {
        self.running.and_then(|running| running.mac).or_else(|| self.defined?.mac)
    }
}

pub(super) fn represent(context: &Context<'_>, vm: &Vm, id: &str) -> Result<Representation, Refusal> {
    let system = context.view.shown_name(&vm.machine.id);
    let interfaces = interfaces(vm);
    let interface = interfaces
        .iter()
        .find(|interface| interface.id == id)
        .ok_or_else(|| Refusal::not_found("EthernetInterface", id))?;
    let link_up = interface.running.and_then(|running| running.link_up).or_else(|| Some(interface.defined?.link_up));
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
        mac: interface.mac(),
        permanent_mac: interface.defined.and_then(|nic| nic.mac),
        kind: "Virtual",
        interface_enabled: interface.defined.map(|nic| nic.link_up),
        link_status: if link_up == Some(false) { "LinkDown" } else { "LinkUp" },
        ipv4: addresses(IpAddr::is_ipv4),
        ipv6: addresses(IpAddr::is_ipv6),
        status: Status::ENABLED,
    };
    Ok(Representation::of_resource(SCHEMA, &resource))
}

#[expect(clippy::ref_option, clippy::trivially_copy_pass_by_ref, reason = "the signature that serde asks for")]
fn as_text<S: Serializer>(mac: &Option<MacAddress>, serializer: S) -> Result<S::Ok, S::Error> {
    match mac {
        Some(mac) => serializer.collect_str(mac),
        None => serializer.serialize_none(),
    }
}
