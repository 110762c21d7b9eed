//! F13, L5, M6, D17: whatever a client names that requests are sent to is judged in the same way: images that are inserted
//! or booted over HTTP, receivers of events, time servers.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests may fail")]

mod lab;

use std::time::Duration;

use http::{Method, StatusCode};
use kubevirt_redfish_core::AddressPolicy;
use kubevirt_redfish_core::config::Config;
use kubevirt_redfish_core::kubevirt::Settings;
use kubevirt_redfish_core::model::AllowedHost;
use kubevirt_redfish_fixtures::cluster::ClusterConfig;
use kubevirt_redfish_fixtures::laboratory;
use kubevirt_redfish_fixtures::world::World;
use serde_json::{Value, json};

use lab::{CD, NODE, VERSIONS, get, lab, machine, request, reset, until};

const NTP: &str = "/redfish/v1/Managers/lab.node-0/NetworkProtocol";

/// Hosts that nothing is sent to, as they stand in a URL.
const REFUSED: [&str; 22] = [
    "127.0.0.1",
    "127.8.8.8:6443",
    "[::1]",
    "[::ffff:127.0.0.1]",
    "[::127.0.0.1]",
    "[64:ff9b::7f00:1]",
    "[64:ff9b:1::7f00:1]",
    "[2002:7f00:1::]",
    "localhost",
    "LOCALHOST.",
    "a.localhost:8080",
    "169.254.169.254",
    "[fe80::1]",
    "100.100.100.200",
    "192.0.0.192",
    "[fd00:ec2::254]",
    "[fd20:ce::254]",
    "metadata.google.internal",
    "0.0.0.0",
    "[::]",
    "224.0.0.1",
    "255.255.255.255",
];

/// Services of the cluster, of which images are not fetched.
const IN_CLUSTER: [&str; 4] =
    ["kubernetes.default.svc", "kubernetes.default", "api.x.svc.cluster.local", "registry.lab.svc:5000"];

/// What is no URL at all, however it is written.
const MALFORMED: [&str; 16] = [
    "http://images.example:abc/a.iso",
    "http://images.example:0/a.iso",
    "http://images.example:99999/a.iso",
    "http://images.example:/a.iso",
    "http://../a",
    "http://a..b/",
    "http://127.1/",
    "http://2130706433/",
    "http://0x7f000001/",
    "http://0177.0.0.1/",
    "http://images.example/\u{202e}osi.exe",
    "http://b\u{fc}cher.example/a.iso",
    "http://images.example\\@127.0.0.1/",
    "http://user:word@images.example/a.iso",
    "http://images.example/a.iso#part",
    "http://images.example/%zz",
];

fn send(world: &mut World, method: Method, path: &str, body: &Value) -> (StatusCode, Value) {
    let response = world.send(0, request(method, path, Some(body))).expect("an answer");
    (response.status(), serde_json::from_slice(response.body()).unwrap_or_default())
}

fn insert(world: &mut World, image: &str) -> (StatusCode, Value) {
    send(world, Method::POST, &format!("{CD}/Actions/VirtualMedia.InsertMedia"), &json!({ "Image": image }))
}

fn boot_over_http(world: &mut World, uri: &str) -> (StatusCode, Value) {
    let boot =
        json!({ "BootSourceOverrideTarget": "UefiHttp", "BootSourceOverrideEnabled": "Once", "HttpBootUri": uri });
    send(world, Method::PATCH, NODE, &json!({ "Boot": boot }))
}

fn subscribe(world: &mut World, destination: &str) -> (StatusCode, Value) {
    let body = json!({ "Destination": destination, "Protocol": "Redfish" });
    send(world, Method::POST, "/redfish/v1/EventService/Subscriptions", &body)
}

fn ask_for_time(world: &mut World, server: &str) -> (StatusCode, Value) {
    send(world, Method::PATCH, NTP, &json!({ "NTP": { "NTPServers": [server] } }))
}

/// 400, and the message of that key about that property.
#[track_caller]
fn refused(answer: &(StatusCode, Value), key: &str, property: &str) {
    let (status, body) = answer;
    let message = &body["error"]["@Message.ExtendedInfo"][0];
    assert_eq!(*status, StatusCode::BAD_REQUEST, "{body}");
    assert!(message["MessageId"].as_str().unwrap().ends_with(key), "{message}");
    assert_eq!(message["RelatedProperties"], json!([property]), "{message}");
    assert!(message["Resolution"].as_str().is_some_and(|text| !text.is_empty()));
}

#[test]
fn f13_l5_what_is_no_url_is_told_with_its_property() {
    let world = &mut lab(VERSIONS[2]);
    for url in MALFORMED {
        refused(&insert(world, url), "ActionParameterValueFormatError", "#/Image");
        refused(&boot_over_http(world, url), "PropertyValueFormatError", "#/Boot/HttpBootUri");
        refused(&subscribe(world, url), "PropertyValueFormatError", "#/Destination");
        let host = url.split("//").nth(1).unwrap();
        refused(&ask_for_time(world, host), "PropertyValueFormatError", "#/NTP/NTPServers/0");
    }
    for image in ["docker://x/../y", "docker://quay.io:99999/a", "pvc://..", "dv://../x", "docker://x/y@sha256:0"] {
        refused(&insert(world, image), "ActionParameterValueFormatError", "#/Image");
    }
    assert_eq!(world.cluster.count("datavolumes"), 0);
}

#[test]
fn m6_d17_nothing_is_sent_where_it_must_not_be() {
    let world = &mut lab(VERSIONS[2]);
    for host in REFUSED {
        for scheme in ["http", "https", "HTTP"] {
            let url = format!("{scheme}://{host}/latest/meta-data/iam?x=Y");
            refused(&insert(world, &url), "HostNotAllowed", "#/Image");
            refused(&boot_over_http(world, &url), "HostNotAllowed", "#/Boot/HttpBootUri");
            refused(&subscribe(world, &url), "HostNotAllowed", "#/Destination");
        }
        refused(&insert(world, &format!("docker://{host}/a/b")), "HostNotAllowed", "#/Image");
        let port = host.rfind(':').filter(|_| !host.ends_with(']')).unwrap_or(host.len());
        let server = host[..port].trim_matches(['[', ']']);
        refused(&ask_for_time(world, server), "HostNotAllowed", "#/NTP/NTPServers/0");
    }
    for host in IN_CLUSTER {
        let url = format!("https://{host}/api/v1/secrets");
        refused(&insert(world, &url), "HostNotAllowed", "#/Image");
        refused(&boot_over_http(world, &url), "HostNotAllowed", "#/Boot/HttpBootUri");
        assert_eq!(subscribe(world, &url).0, StatusCode::CREATED, "services of the cluster may want to know: {host}");
    }
    world.advance(Duration::from_secs(10));
    assert_eq!(world.cluster.count("datavolumes"), 0);
    assert_eq!(get(world, NTP)["NTP"]["NTPServers"], json!([]));
}

#[test]
fn images_are_where_they_usually_are_and_their_urls_are_kept_to_the_letter() {
    for image in [
        "http://10.0.0.7:8080/Boot.ISO",
        "http://[fd00::7]/boot.iso",
        "https://assisted.example:6008/images/7B/download?api_key=eyJ.a_b-c&Type=minimal-iso&arch=x86_64",
        "http://images/boot.iso",
        "http://192.0.2.1/a/../b",
        "docker://quay.io/team/installer:v1.0",
    ] {
        let world = &mut lab(VERSIONS[2]);
        assert_eq!(insert(world, image).0, StatusCode::NO_CONTENT, "{image}");
        assert_eq!(get(world, CD)["Image"], image);
        let volumes = machine(world)["spec"]["template"]["spec"]["volumes"].clone();
        let import = volumes.as_array().unwrap().iter().find_map(|volume| volume["dataVolume"]["name"].as_str());
        let import = world.cluster.object("datavolumes", "lab", import.unwrap()).unwrap();
        let source = &import["spec"]["source"];
        assert!(source["http"]["url"] == image || source["registry"]["url"] == image, "{source}");
    }
}

fn allowing(hosts: &[&str], only_allowed: bool) -> World {
    let allowed = hosts.iter().map(|host| host.parse::<AllowedHost>().unwrap()).collect();
    let image_hosts = AddressPolicy { allowed, only_allowed, ..AddressPolicy::of_images() };
    let config = Config { image_hosts: image_hosts.clone(), ..laboratory::config() };
    let settings = Settings { image_hosts, ..Settings::default() };
    let mut world = laboratory::world(ClusterConfig::new(VERSIONS[2]), config, settings, &[0]);
    laboratory::start(&mut world);
    world
}

#[test]
fn what_is_allowed_is_allowed_and_takes_nothing_away_unless_that_is_said() {
    let hosts = ["images.lab.svc", "*.build.svc", "169.254.7.0/24", "127.0.0.1"];
    for (only, elsewhere) in [(false, StatusCode::NO_CONTENT), (true, StatusCode::BAD_REQUEST)] {
        for image in [
            "http://images.lab.svc/a.iso",
            "http://a.build.svc:8080/a.iso",
            "http://169.254.7.9/a",
            "http://127.0.0.1/a",
        ] {
            assert_eq!(insert(&mut allowing(&hosts, only), image).0, StatusCode::NO_CONTENT, "{image}");
        }
        for image in ["http://169.254.169.254/a", "http://[::1]/a", "http://other.lab.svc/a"] {
            assert_eq!(insert(&mut allowing(&hosts, only), image).0, StatusCode::BAD_REQUEST, "{image}");
        }
        for image in ["http://images.example/a", "http://10.0.0.1/a", "docker://quay.io/a/b"] {
            assert_eq!(insert(&mut allowing(&hosts, only), image).0, elsewhere, "{only} {image}");
        }
    }
}

/// M6: whoever may edit the machine may name an image past the interface that judges it.
#[test]
fn m6_an_image_that_an_annotation_names_is_judged_as_well() {
    for url in ["http://169.254.169.254/latest", "https://kubernetes.default.svc/api", "http://[::ffff:127.0.0.1]/a"] {
        let world = &mut lab(VERSIONS[2]);
        world.cluster.edit("virtualmachines", "lab", "node-0", |machine| {
            let record = json!({ "target": "UefiHttp", "enabled": "Continuous", "httpUri": url });
            machine["metadata"]["annotations"]["redfish.kubevirt.io/boot-override"] = json!(record.to_string());
        });
        world.keep_record();
        world.advance(Duration::from_mins(5));
        assert!(!world.recorded().contains("PATCH"), "nobody tries again and again: {}", world.recorded());
        assert_eq!(world.cluster.count("datavolumes"), 0, "{url}");
        let conditions = get(world, NODE)["Status"]["Conditions"].clone();
        assert_eq!(conditions[0]["MessageId"], "KubeVirt.1.0.HostNotAllowed", "{conditions}");
        assert_eq!(reset(world, "On"), StatusCode::BAD_REQUEST, "it would boot something else");
        assert_eq!(world.cluster.count("datavolumes"), 0, "{url}");
        let boot = json!({ "Boot": { "BootSourceOverrideEnabled": "Disabled" } });
        assert!(send(world, Method::PATCH, NODE, &boot).0.is_success());
        assert!(reset(world, "On").is_success());
        until(world, NODE, "/PowerState", &json!("On"));
    }
}
