//! K6: what is listed as writeable can be written, with every value that is listed as allowable; and nothing else is listed.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests may fail")]

mod lab;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use http::{Method, StatusCode};
use kubevirt_redfish_core::config::VerifiedImageServers;
use kubevirt_redfish_core::kubevirt::Settings;
use kubevirt_redfish_core::model::Namespace;
use kubevirt_redfish_fixtures::cluster::ClusterConfig;
use kubevirt_redfish_fixtures::laboratory;
use kubevirt_redfish_fixtures::world::World;
use serde_json::{Value, json};

use lab::{VERSIONS, request};

/// Everything that an administrator can read, by URI.
fn everything(world: &mut World) -> BTreeMap<String, Value> {
    let mut found = BTreeMap::new();
    let mut queue = vec!["/redfish/v1".to_owned()];
    while let Some(uri) = queue.pop() {
        let schemas = ["/JsonSchemas", "/Registries", "/PrivilegeMap", "#"];
        if found.contains_key(&uri) || schemas.iter().any(|part| uri.contains(part)) {
            continue;
        }
        let response = world.send(0, request(Method::GET, &uri, None)).expect("an answer");
        assert_eq!(response.status(), StatusCode::OK, "{uri}");
        let Ok(body) = serde_json::from_slice::<Value>(response.body()) else { continue };
        links(&body, &mut queue);
        found.insert(uri, body);
    }
    found
}

fn links(value: &Value, queue: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            queue.extend(members.get("@odata.id").and_then(Value::as_str).map(ToOwned::to_owned));
            members.values().for_each(|value| links(value, queue));
        }
        Value::Array(items) => items.iter().for_each(|value| links(value, queue)),
        _ => {}
    }
}

/// The objects of a resource that list what can be written, by the members that lead to them.
fn lists(value: &Value, path: &[String], found: &mut Vec<(Vec<String>, Value)>) {
    let Some(members) = value.as_object() else { return };
    if members.contains_key("@Redfish.WriteableProperties") {
        found.push((path.to_vec(), value.clone()));
    }
    for (name, value) in members {
        lists(value, &[path, std::slice::from_ref(name)].concat(), found);
    }
}

/// Values to be written: all that are allowable, else some of the same type as the present one.
fn values(object: &Value, name: &str, device: Option<&str>) -> Vec<Value> {
    if let Some(allowable) = object.get(format!("{name}@Redfish.AllowableValues")).and_then(Value::as_array) {
        return allowable.clone();
    }
    match (name, &object[name]) {
        ("BootOrder", present) if *present == json!([]) && device.is_none() => vec![json!([])],
        ("BootOrder", _) => vec![json!([device])],
        ("BootNext", _) => device.iter().map(|device| json!(device)).collect(),
        ("HttpBootUri", _) => vec![json!("https://images.example/boot.iso")],
        ("Attributes", _) => vec![json!({ "Tpm": "Enabled" })],
        ("Password", _) => vec![json!("another secret, of some length")],
        ("NTPServers", _) => vec![json!(["time.example"])],
        ("HttpHeaders", _) => vec![json!([{ "X-Test": "1" }])],
        // Some device has to be tried.
        ("BootOptionEnabled", _) => vec![json!(true)],
        // An account is only ever unlocked by hand (schema `ManagerAccount`, `Locked`).
        ("Locked", _) => vec![json!(false)],
        (_, Value::Bool(_)) => vec![json!(true), json!(false)],
        (_, Value::Null) => vec![json!("text")],
        (_, present) => vec![present.clone()],
    }
}

/// What has to be sent along for a value to mean anything.
fn companions(name: &str, value: &Value, device: Option<&str>) -> Value {
    match (name, value.as_str()) {
        ("BootSourceOverrideEnabled", _) => json!({ "BootSourceOverrideTarget": "Cd" }),
        ("BootSourceOverrideTarget", Some("UefiBootNext")) => json!({ "BootNext": device }),
        ("BootSourceOverrideTarget", Some("UefiHttp")) if device.is_none() => {
            json!({ "HttpBootUri": "https://images.example/boot.iso" })
        }
        ("BootNext", _) => json!({ "BootSourceOverrideTarget": "UefiBootNext" }),
        ("HttpBootUri", _) => json!({ "BootSourceOverrideTarget": "UefiHttp" }),
        _ => json!({}),
    }
}

/// Machines that are less usual: of other architectures, without devices, of an instance type.
fn machines() -> [(&'static str, Value); 4] {
    let spec = |architecture: &str, devices: Value| {
        let disks = devices["disks"].as_array().into_iter().flatten();
        let volumes = disks.map(|disk| json!({ "name": disk["name"], "containerDisk": { "image": "quay.io/x:1" } }));
        let volumes: Vec<Value> = volumes.collect();
        json!({ "runStrategy": "Manual", "template": { "spec": {
            "architecture": architecture, "volumes": volumes,
            "domain": { "memory": { "guest": "1Gi" }, "devices": devices },
        } } })
    };
    let usual = || json!({ "disks": [{ "name": "root", "disk": { "bus": "virtio" } }] });
    let mut sized = spec("amd64", usual());
    sized["instancetype"] = json!({ "name": "u1.large" });
    sized["template"]["spec"]["domain"].as_object_mut().unwrap().remove("memory");
    [
        ("arm", spec("arm64", usual())),
        ("mainframe", spec("s390x", usual())),
        ("bare", spec("amd64", json!({ "autoattachPodInterface": false }))),
        ("sized", sized),
    ]
}

/// A cluster with a service that has an account and a subscription.
fn furnished(settings: &Settings, verified: VerifiedImageServers) -> World {
    let mut config = laboratory::config();
    config.verified_image_servers = verified;
    let mut world = laboratory::world(ClusterConfig::new(VERSIONS[2]), config, settings.clone(), &[0]);
    laboratory::start(&mut world);
    for (name, spec) in machines() {
        let object = json!({
            "apiVersion": "kubevirt.io/v1", "kind": "VirtualMachine", "metadata": { "name": name, "namespace": "lab" },
            "spec": spec,
        });
        let now = world.now();
        world.cluster.apply(now, object).expect("a definition that is accepted");
    }
    world.advance(Duration::from_secs(1));
    for (path, body) in [
        (
            "/redfish/v1/AccountService/Accounts",
            json!({ "UserName": "ops", "Password": "a secret, of some length", "RoleId": "Operator" }),
        ),
        (
            "/redfish/v1/EventService/Subscriptions",
            json!({ "Destination": "https://listener.example/events", "Protocol": "Redfish" }),
        ),
    ] {
        let response = world.send(0, request(Method::POST, path, Some(&body))).expect("an answer");
        assert_eq!(response.status(), StatusCode::CREATED, "{path} {}", String::from_utf8_lossy(response.body()));
    }
    world
}

fn write_everything(settings: &Settings, verified: VerifiedImageServers) -> usize {
    let mut world = furnished(settings, verified);
    let mut written = 0;
    for (uri, resource) in everything(&mut world) {
        let mut objects = Vec::new();
        lists(&resource, &[], &mut objects);
        // What a system can be told to boot from.
        let options = resource.pointer("/Boot/BootOptions/@odata.id").and_then(Value::as_str);
        let options = options.map(|uri| lab::get(&mut world, uri)["Members"].take()).unwrap_or_default();
        let device = options[0]["@odata.id"].as_str().and_then(|uri| uri.rsplit('/').next()).map(ToOwned::to_owned);
        for (path, object) in objects {
            for name in object["@Redfish.WriteableProperties"].as_array().unwrap() {
                let name = name.as_str().unwrap();
                let device = device.as_deref();
                for value in values(&object, name, device) {
                    let mut body = companions(name, &value, device);
                    body[name] = value;
                    for member in path.iter().rev() {
                        body = json!({ member: body });
                    }
                    let response = world.send(0, request(Method::PATCH, &uri, Some(&body))).expect("an answer");
                    let told = String::from_utf8_lossy(response.body());
                    assert!(response.status().is_success(), "{uri} {body}: {} {told}", response.status());
                    written += 1;
                }
            }
        }
    }
    written
}

#[test]
fn k6_everything_that_is_listed_as_writeable_can_be_written() {
    let kept = Settings { own_namespace: Namespace::new("kubevirt-redfish"), ..Settings::default() };
    let verified = [VerifiedImageServers::All, VerifiedImageServers::AsChosen];
    for settings in [Settings::default(), kept] {
        for verified in verified {
            assert!(write_everything(&settings, verified) > 40);
        }
    }
}

/// The other way round: what can be changed is listed, and what is shown and not listed is refused as what it is.
#[test]
fn k6_what_is_not_listed_as_writeable_cannot_be_written() {
    let mut world = furnished(&Settings::default(), VerifiedImageServers::AsChosen);
    let (mut resources, mut refused, mut unknown) = (0, 0, BTreeSet::new());
    for (uri, resource) in everything(&mut world) {
        let response = world.send(0, request(Method::GET, &uri, None)).expect("an answer");
        if !response.headers()["allow"].to_str().unwrap().contains("PATCH") {
            assert!(resource.pointer("/@Redfish.WriteableProperties").is_none(), "{uri}");
            continue;
        }
        resources += 1;
        let mut objects = Vec::new();
        lists(&resource, &[], &mut objects);
        assert!(!objects.is_empty(), "{uri} can be changed, and lists nothing");
        for (path, object) in objects {
            let listed = object["@Redfish.WriteableProperties"].as_array().unwrap().clone();
            for (name, value) in object.as_object().unwrap() {
                let is_list_of_more = value.pointer("/@Redfish.WriteableProperties").is_some();
                // The clock can be set to what it says; an id that is the resource's own is no change of it.
                let is_clock = uri.contains("/Managers/") && name.starts_with("DateTime");
                if name.contains('@') || name == "Id" || listed.contains(&json!(name)) || is_list_of_more || is_clock {
                    continue;
                }
                let mut body = json!({ name.as_str(): value });
                for member in path.iter().rev() {
                    body = json!({ member: body });
                }
                let response = world.send(0, request(Method::PATCH, &uri, Some(&body))).expect("an answer");
                let told = String::from_utf8_lossy(response.body());
                assert_eq!(response.status(), StatusCode::BAD_REQUEST, "{uri} {body}: {told}");
                // A link that is sent back as it was read is no change.
                if !told.contains("PropertyNotWritable") && !told.contains("NoOperation") {
                    unknown.insert(format!("{} {name}", resource["@odata.type"]));
                }
                refused += 1;
            }
        }
    }
    assert_eq!(unknown, BTreeSet::new(), "what is shown is known");
    assert!(resources > 10 && refused > 60, "{resources} {refused}");
}

/// What has to be sent along with a parameter of an action.
fn along_with(action: &str, parameter: &str, value: &Value) -> Value {
    match (action, parameter) {
        ("#VirtualMedia.InsertMedia", "TransferProtocolType") => {
            let scheme = match value.as_str() {
                Some("HTTPS") => "https",
                Some("HTTP") => "http",
                _ => "docker",
            };
            json!({ "Image": format!("{scheme}://images.example/boot.iso") })
        }
        ("#VirtualMedia.InsertMedia", _) => json!({ "Image": "https://images.example/boot.iso" }),
        ("#EventService.SubmitTestEvent", _) => json!({ "MessageId": "Base.1.0.Success" }),
        _ => json!({}),
    }
}

/// The same of actions: a value that is listed as allowable is never refused for what it is, whether a machine is on.
#[test]
fn k6_every_allowable_value_of_an_action_is_taken() {
    let mut taken = 0;
    for power in ["Off", "On"] {
        let new = || {
            let mut world = furnished(&Settings::default(), VerifiedImageServers::AsChosen);
            if power == "On" {
                assert!(lab::reset(&mut world, "On").is_success());
                lab::until(&mut world, lab::NODE, "/PowerState", &json!("On"));
            }
            world
        };
        let resources = everything(&mut new());
        // One machine of each kind will do.
        for (uri, resource) in resources.iter().filter(|(uri, _)| !uri.contains("lab.") || uri.contains("lab.node-0")) {
            for (action, parameters) in resource["Actions"].as_object().into_iter().flatten() {
                for (name, values) in parameters.as_object().into_iter().flatten() {
                    let Some(name) = name.strip_suffix("@Redfish.AllowableValues") else { continue };
                    for value in values.as_array().unwrap() {
                        let mut body = along_with(action, name, value);
                        body[name] = value.clone();
                        let target = parameters["target"].as_str().unwrap();
                        let response = new().send(0, request(Method::POST, target, Some(&body))).expect("an answer");
                        let told = String::from_utf8_lossy(response.body());
                        let refused =
                            [StatusCode::BAD_REQUEST, StatusCode::NOT_IMPLEMENTED].contains(&response.status());
                        assert!(!refused, "{uri} {power} {target} {body}: {told}");
                        taken += 1;
                    }
                }
            }
        }
    }
    assert!(taken > 30, "{taken}");
}

/// The same of the attributes of a BIOS: what their registry says of them is so.
#[test]
fn k6_every_value_that_the_attribute_registry_allows_is_taken() {
    let mut world = furnished(&Settings::default(), VerifiedImageServers::AsChosen);
    let settings = "/redfish/v1/Systems/lab.node-0/Bios/Settings";
    let registry = lab::get(&mut world, settings)["AttributeRegistry"].as_str().unwrap().to_owned();
    let file = lab::get(&mut world, &format!("/redfish/v1/Registries/{registry}"));
    let registry = lab::get(&mut world, file["Location"][0]["Uri"].as_str().unwrap());
    let shown = lab::get(&mut world, settings)["Attributes"].take();
    let attributes = registry["RegistryEntries"]["Attributes"].as_array().unwrap();
    let names: BTreeSet<&str> = attributes.iter().filter_map(|attribute| attribute["AttributeName"].as_str()).collect();
    assert_eq!(names, shown.as_object().unwrap().keys().map(String::as_str).collect());
    for attribute in attributes {
        let name = attribute["AttributeName"].as_str().unwrap();
        let values: Vec<Value> = match attribute["Type"].as_str().unwrap() {
            _ if attribute["ReadOnly"] == true => vec![shown[name].clone()],
            "Enumeration" => {
                attribute["Value"].as_array().unwrap().iter().map(|value| value["ValueName"].clone()).collect()
            }
            "Integer" => vec![attribute["LowerBound"].clone(), attribute["UpperBound"].clone()],
            "String" => ["MinLength", "MaxLength"]
                .map(|length| json!("x".repeat(usize::try_from(attribute[length].as_u64().unwrap()).unwrap())))
                .to_vec(),
            other => unreachable!("{other}"),
        };
        for value in values {
            let mut attributes = json!({ name: value });
            if ["SecureBoot", "PersistentUefiVariables"].contains(&name) && value == "Enabled" {
                attributes["BootMode"] = json!("Uefi");
            }
            let body = json!({ "Attributes": attributes });
            let mut world = furnished(&Settings::default(), VerifiedImageServers::AsChosen);
            let response = world.send(0, request(Method::PATCH, settings, Some(&body))).expect("an answer");
            let told = String::from_utf8_lossy(response.body());
            if attribute["ReadOnly"] == true {
                assert!(told.contains("PropertyNotWritable"), "{body}: {told}");
                continue;
            }
            assert!(response.status().is_success(), "{body}: {} {told}", response.status());
            assert_eq!(lab::get(&mut world, settings)["Attributes"][name], value, "{body}");
        }
    }
}

/// What may not be chosen is not listed, and the reason is that it cannot be written.
#[test]
fn k6_a_proof_that_every_server_has_to_give_is_not_writeable() {
    let mut config = laboratory::config();
    config.verified_image_servers = VerifiedImageServers::All;
    let cluster = ClusterConfig::new(VERSIONS[2]);
    let mut world = laboratory::world(cluster, config, Settings::default(), &[0]);
    laboratory::start(&mut world);
    let path = "/redfish/v1/Systems/lab.node-0/VirtualMedia/Cd";
    let listed = |world: &mut World| lab::get(world, path)["@Redfish.WriteableProperties"].clone();
    assert_eq!(listed(&mut world), json!([]));
    for (value, expected) in [(false, StatusCode::BAD_REQUEST), (true, StatusCode::OK)] {
        let body = json!({ "VerifyCertificate": value });
        let response = world.send(0, request(Method::PATCH, path, Some(&body))).expect("an answer");
        assert_eq!(response.status(), expected, "{value}");
        let told = String::from_utf8_lossy(response.body());
        assert_eq!(told.contains("PropertyNotWritable"), !value, "{told}");
    }
}
