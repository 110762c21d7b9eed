//! What the service speaks beside HTTP: searches are answered, and the clock follows time servers.

#![expect(clippy::unwrap_used, reason = "tests may fail")]

use std::net::SocketAddr;

use bytes::Bytes;
use http::Request;
use kubevirt_redfish_core::config::Config;
use kubevirt_redfish_core::model::Observation;
use kubevirt_redfish_core::service::Input;
use kubevirt_redfish_core::ssdp;
use kubevirt_redfish_fixtures::crawl::crawl;
use kubevirt_redfish_fixtures::stub::{StubCluster, config, machines};
use serde_json::Value;

const NETWORK: &str = "/redfish/v1/Managers/lab.node-0/NetworkProtocol";
const SEARCH: &[u8] = b"M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\nMAN: \"ssdp:discover\"\r\nMX: 1\r\nST: urn:dmtf-org:service:redfish-rest:1\r\n\r\n";

fn stub(ssdp: bool) -> StubCluster {
    let mut stub = StubCluster::empty(Config { ssdp, ..config() });
    for machine in machines() {
        stub.observe(Observation::Machine(machine.into()));
    }
    stub.handle(Input::Watching(Vec::new()));
    stub
}

fn patch(stub: &mut StubCluster, body: &'static str) -> Value {
    let request = Request::patch(NETWORK).header("authorization", "Basic YWxsOnNlY3JldA==");
    let response = stub.request(request.body(Bytes::from_static(body.as_bytes())).unwrap()).unwrap();
    serde_json::from_slice(response.body()).unwrap()
}

fn answer(stub: &StubCluster, datagram: &[u8]) -> Option<String> {
    ssdp::answer(&stub.view, datagram, SocketAddr::from(([192, 0, 2, 7], 8443)))
}

#[test]
fn searches_are_answered_unless_that_is_switched_off() {
    let mut stub = stub(true);
    let pages = crawl(&mut stub, "all");
    let root = &pages["/redfish/v1"].body;
    let text = answer(&stub, SEARCH).unwrap();
    let mut lines = text.split("\r\n");
    assert_eq!(lines.next(), Some("HTTP/1.1 200 OK"));
    let minor = root["RedfishVersion"].as_str().unwrap().split('.').nth(1).unwrap();
    let service = format!("urn:dmtf-org:service:redfish-rest:1:{minor}");
    for line in [
        "CACHE-CONTROL: max-age=1800".to_owned(),
        format!("ST: {service}"),
        format!("USN: uuid:{}::{service}", root["UUID"].as_str().unwrap()),
        "AL: https://192.0.2.7:8443/redfish/v1/".to_owned(),
        "EXT:".to_owned(),
    ] {
        assert!(text.contains(&format!("\r\n{line}\r\n")), "{line} is not in {text}");
    }
    assert!(text.ends_with("\r\n\r\n"));
    assert_eq!(answer(&stub, b"M-SEARCH * HTTP/1.1\r\nST: upnp:rootdevice\r\n\r\n"), None);

    assert_eq!(pages[NETWORK].body["SSDP"]["ProtocolEnabled"], true);
    assert_eq!(patch(&mut stub, r#"{"SSDP": {"ProtocolEnabled": false}}"#)["SSDP"]["ProtocolEnabled"], false);
    assert_eq!(answer(&stub, SEARCH), None);
    assert_eq!(patch(&mut stub, r#"{"SSDP": {"ProtocolEnabled": true}}"#)["SSDP"]["ProtocolEnabled"], true);
    assert!(answer(&stub, SEARCH).is_some());
}

#[test]
fn searches_are_not_answered_unless_the_configuration_wants_it() {
    let mut stub = stub(false);
    assert_eq!(answer(&stub, SEARCH), None);
    let refused = patch(&mut stub, r#"{"SSDP": {"ProtocolEnabled": true}}"#);
    assert_eq!(refused["error"]["code"], "Base.1.22.PropertyNotWritable");
    assert_eq!(answer(&stub, SEARCH), None);
}

#[test]
fn managers_show_the_time_that_a_time_server_tells() {
    let mut stub = stub(false);
    let clock = |stub: &mut StubCluster| crawl(stub, "all")["/redfish/v1/Managers/lab.node-0"].body["DateTime"].clone();
    assert_eq!(stub.view.time_servers(), &[] as &[String]);
    patch(&mut stub, r#"{"NTP": {"NTPServers": ["time.example"]}}"#);
    assert_eq!(stub.view.time_servers(), &[] as &[String], "that is switched on separately");
    let before = clock(&mut stub);
    patch(&mut stub, r#"{"NTP": {"ProtocolEnabled": true}}"#);
    assert_eq!(stub.view.time_servers(), ["time.example"]);
    assert_eq!(clock(&mut stub), before);
    stub.handle(Input::ClockCompared(3_600));
    assert_ne!(clock(&mut stub), before);
    patch(&mut stub, r#"{"NTP": {"ProtocolEnabled": false}}"#);
    assert_eq!(clock(&mut stub), before);
}
