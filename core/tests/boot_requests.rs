//! What can be asked of a system's `Boot`, as a table: every request on every override in force, with the answer, with
//! what `Boot` says afterwards, and with the boot sequence of the definition. F9, F12 and their neighbours.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests may fail")]

mod lab;

use std::time::Duration;

use http::{Method, StatusCode};
use kubevirt_redfish_fixtures::world::World;
use serde_json::{Value, json};

use lab::{VERSIONS, get, lab, request, sequence};

const MACHINE: &str = "/redfish/v1/Systems/lab.vm";
const ISO: &str = "https://images.example/boot.iso";

/// A machine that is off, with one disk, one volume of data, two interfaces and one that is to be gone.
fn with_machine(disks: &Value, interfaces: &Value) -> World {
    let mut world = lab(VERSIONS[2]);
    let volume = |disk: &Value| match disk["name"].as_str() {
        Some("seed") => json!({ "name": "seed", "cloudInitNoCloud": { "userData": "#cloud-config" } }),
        _ => json!({ "name": disk["name"], "containerDisk": { "image": "quay.io/x:1" } }),
    };
    let network = |interface: &Value| match interface["name"].as_str() {
        Some("default") => json!({ "name": "default", "pod": {} }),
        _ => json!({ "name": interface["name"], "multus": { "networkName": "lab/net" } }),
    };
    let each = |list: &Value, of: &dyn Fn(&Value) -> Value| list.as_array().unwrap().iter().map(of).collect::<Vec<_>>();
    let object = json!({
        "apiVersion": "kubevirt.io/v1", "kind": "VirtualMachine",
        "metadata": { "name": "vm", "namespace": "lab" },
        "spec": { "runStrategy": "Manual", "template": { "spec": {
            "domain": {
                "memory": { "guest": "1Gi" },
                "devices": { "disks": disks, "interfaces": interfaces, "autoattachPodInterface": false },
            },
            "volumes": each(disks, &volume), "networks": each(interfaces, &network),
        } } },
    });
    let now = world.now();
    world.cluster.apply(now, object).expect("a definition that is accepted");
    world.advance(Duration::from_millis(500));
    world
}

fn usual() -> World {
    with_machine(
        &json!([{ "name": "seed", "disk": {} }, { "name": "root", "disk": {} }]),
        &json!([
            { "name": "default", "masquerade": {} },
            { "name": "gone", "bridge": {}, "state": "absent" },
            { "name": "prov", "bridge": {} },
        ]),
    )
}

/// The status, and the ids of the messages of a refusal.
fn patch(world: &mut World, boot: &Value) -> (StatusCode, Vec<String>) {
    let response = world.send(0, request(Method::PATCH, MACHINE, Some(&json!({ "Boot": boot })))).expect("an answer");
    let body: Value = serde_json::from_slice(response.body()).unwrap_or_default();
    let messages = body["error"]["@Message.ExtendedInfo"].as_array().cloned().unwrap_or_default();
    let id = |message: &Value| message["MessageId"].as_str().unwrap().rsplit('.').next().unwrap().to_owned();
    (response.status(), messages.iter().map(id).collect())
}

/// What `Boot` says: the target and for how long, and what comes with it.
fn said(world: &mut World) -> (String, Value) {
    let boot = get(world, MACHINE)["Boot"].clone();
    let text = |name: &str| boot[format!("BootSourceOverride{name}")].as_str().unwrap().to_owned();
    let said = format!("{} {}", text("Target"), text("Enabled"));
    let (next, uri) = (boot["BootNext"].clone(), boot["HttpBootUri"].clone());
    (said, if next.is_null() { uri } else { next })
}

fn definition(world: &World) -> Vec<String> {
    let machine = world.cluster.object("virtualmachines", "lab", "vm").expect("the machine");
    sequence(&machine["spec"]["template"]["spec"]["domain"])
}

/// A request in short: target, duration, and what comes with them.
fn boot(target: &str, enabled: &str, more: &Value) -> Value {
    let mut boot = more.clone();
    for (name, value) in [("Target", target), ("Enabled", enabled)] {
        if !value.is_empty() {
            boot[format!("BootSourceOverride{name}")] = json!(value);
        }
    }
    boot
}

/// What is accepted: the present override, the request, what is said then, and the boot sequence.
type Accepted = (Value, Value, (&'static str, Value), &'static [&'static str]);

fn accepted() -> Vec<Accepted> {
    let none = || json!({});
    let pxe = || boot("Pxe", "Once", &none());
    let next = || boot("UefiBootNext", "Once", &json!({ "BootNext": "Nic.prov" }));
    let http = || boot("UefiHttp", "Continuous", &json!({ "HttpBootUri": ISO }));
    let network: &[&str] = &["default", "prov", "root"];
    let image: &[&str] = &["redfish-http", "root"];
    let ended = || ("None Disabled", Value::Null);
    let mut rows = vec![
        // Only once it is enabled it has an effect.
        (none(), boot("Pxe", "", &none()), ("Pxe Disabled", Value::Null), &[][..]),
        (none(), boot("Pxe", "Disabled", &none()), ("Pxe Disabled", Value::Null), &[]),
        (boot("Pxe", "Disabled", &none()), boot("", "Once", &none()), ("Pxe Once", Value::Null), network),
        (boot("Pxe", "Disabled", &none()), boot("", "Disabled", &none()), ended(), &[]),
        (none(), boot("Pxe", "Once", &none()), ("Pxe Once", Value::Null), network),
        (none(), boot("Pxe", "Continuous", &none()), ("Pxe Continuous", Value::Null), network),
        (none(), boot("Hdd", "Once", &none()), ("Hdd Once", Value::Null), &["root"]),
        // An empty drive comes first, so that what is inserted later is booted.
        (none(), boot("Cd", "Once", &none()), ("Cd Once", Value::Null), &["redfish-cd", "root"]),
        (none(), boot("Cd", "Continuous", &none()), ("Cd Continuous", Value::Null), &["redfish-cd", "root"]),
        // There is nothing to put first before there is a stick.
        (none(), boot("Usb", "Once", &none()), ("Usb Once", Value::Null), &[]),
        (none(), boot("UefiHttp", "Once", &none()), ("UefiHttp Once", Value::Null), network),
        (none(), boot("UefiHttp", "Continuous", &none()), ("UefiHttp Continuous", Value::Null), network),
        (none(), boot("UefiHttp", "Once", &json!({ "HttpBootUri": "" })), ("UefiHttp Once", Value::Null), network),
        (none(), boot("UefiHttp", "Once", &json!({ "HttpBootUri": null })), ("UefiHttp Once", Value::Null), network),
        (none(), boot("UefiHttp", "Disabled", &none()), ("UefiHttp Disabled", Value::Null), &[]),
        (none(), http(), ("UefiHttp Continuous", json!(ISO)), image),
        (none(), next(), ("UefiBootNext Once", json!("Nic.prov")), &["prov", "root"]),
        (
            none(),
            boot("UefiBootNext", "", &json!({ "BootNext": "Nic.prov" })),
            ("UefiBootNext Disabled", json!("Nic.prov")),
            &[],
        ),
        // One thing of what is in force.
        (pxe(), boot("", "Continuous", &none()), ("Pxe Continuous", Value::Null), network),
        (pxe(), boot("", "Disabled", &none()), ended(), &[]),
        (pxe(), boot("Pxe", "Disabled", &none()), ("Pxe Disabled", Value::Null), &[]),
        (pxe(), boot("Hdd", "", &none()), ("Hdd Once", Value::Null), &["root"]),
        (pxe(), json!({ "BootSourceOverrideMode": "UEFI" }), ("Pxe Once", Value::Null), network),
        (pxe(), json!({ "BootOrder": ["Nic.prov"] }), ("Pxe Once", Value::Null), &["prov"]),
        (pxe(), json!({ "BootOrder": ["Drive.root", "Nic.prov"] }), ("Pxe Once", Value::Null), &["prov", "root"]),
        (pxe(), json!({ "BootOrder": [] }), ("Pxe Once", Value::Null), network),
        (next(), boot("Pxe", "", &none()), ("Pxe Once", Value::Null), network),
        (next(), boot("Pxe", "", &json!({ "BootNext": "Nic.prov" })), ("Pxe Once", Value::Null), network),
        (
            next(),
            json!({ "BootNext": "Nic.default" }),
            ("UefiBootNext Once", json!("Nic.default")),
            &["default", "root"],
        ),
        (http(), boot("", "Once", &none()), ("UefiHttp Once", json!(ISO)), image),
        (http(), boot("UefiHttp", "", &json!({ "HttpBootUri": null })), ("UefiHttp Continuous", Value::Null), network),
        (http(), json!({ "HttpBootUri": null }), ended(), &[]),
        (http(), json!({ "HttpBootUri": "" }), ended(), &[]),
        (http(), boot("Hdd", "Once", &json!({ "HttpBootUri": ISO })), ("Hdd Once", Value::Null), &["root"]),
        // The machine's own order, whatever else is said.
        (none(), json!({ "BootOrder": ["Nic.prov", "Drive.root"] }), ended(), &["prov", "root"]),
        (none(), json!({ "BootOrder": ["Nic.prov", null, "Drive.root"] }), ended(), &["prov", "root"]),
        (none(), boot("None", "Once", &json!({ "BootOrder": ["Nic.prov"] })), ended(), &["prov"]),
        (pxe(), boot("None", "Once", &json!({ "BootOrder": ["Drive.root"] })), ended(), &["root"]),
        (none(), json!({ "BootSourceOverrideMode": "UEFI" }), ended(), &[]),
    ];
    // F12: nothing, however long it is to last, is the end of what there was; also with what was read of that.
    for present in [none(), pxe(), next(), http(), boot("Cd", "Continuous", &none()), boot("Usb", "Once", &none())] {
        for enabled in ["", "Disabled", "Once", "Continuous"] {
            for more in
                [none(), json!({ "BootSourceOverrideMode": "UEFI" }), json!({ "HttpBootUri": null, "BootNext": null })]
            {
                rows.push((present.clone(), boot("None", enabled, &more), ended(), &[]));
            }
            let sent_back = json!({ "BootNext": present["BootNext"], "HttpBootUri": present["HttpBootUri"] });
            rows.push((present.clone(), boot("None", enabled, &sent_back), ended(), &[]));
        }
    }
    rows
}

#[test]
fn f9_f12_every_override_that_can_be_asked_for_is_said_and_done() {
    for (present, asked, (expected, with), places) in accepted() {
        let world = &mut usual();
        if present != json!({}) {
            assert_eq!(patch(world, &present).0, StatusCode::OK, "{present}");
        }
        let (status, told) = patch(world, &asked);
        assert_eq!(status, StatusCode::OK, "{asked} on {present}: {told:?}");
        world.advance(Duration::from_secs(5));
        assert_eq!(said(world), (expected.to_owned(), with), "{asked} on {present}");
        assert_eq!(definition(world), places, "{asked} on {present}");
        if asked["BootSourceOverrideMode"] == "UEFI" {
            assert_eq!(get(world, MACHINE)["Boot"]["BootSourceOverrideMode"], "UEFI", "{asked} on {present}");
        }
    }
}

#[test]
fn an_override_that_cannot_be_is_refused_with_the_reason_and_nothing_changes() {
    let none = || json!({});
    let pxe = || boot("Pxe", "Once", &none());
    let next = || boot("UefiBootNext", "Once", &json!({ "BootNext": "Nic.prov" }));
    let with_next = |device: &str| boot("UefiBootNext", "Once", &json!({ "BootNext": device }));
    let unlisted: &[&str] = &["PropertyValueNotInList"];
    let conflict: &[&str] = &["PropertyValueConflict"];
    let rows = [
        // Nothing is named that could be booted from.
        (none(), boot("", "Once", &none()), conflict),
        (none(), boot("", "Continuous", &none()), conflict),
        (none(), boot("UefiBootNext", "Once", &none()), &["PropertyMissing"]),
        (none(), boot("UefiBootNext", "", &none()), &["PropertyMissing"]),
        (none(), boot("UefiBootNext", "Disabled", &json!({ "BootNext": null })), &["PropertyMissing"]),
        (pxe(), boot("UefiBootNext", "", &none()), &["PropertyMissing"]),
        // What is named belongs to another target.
        (none(), json!({ "BootNext": "Nic.prov" }), conflict),
        (pxe(), json!({ "BootNext": "Nic.prov" }), conflict),
        (none(), boot("Pxe", "Once", &json!({ "BootNext": "Nic.prov" })), conflict),
        (none(), boot("None", "Once", &json!({ "BootNext": "Nic.prov" })), conflict),
        (none(), json!({ "HttpBootUri": ISO }), conflict),
        (none(), boot("Pxe", "Once", &json!({ "HttpBootUri": ISO })), conflict),
        (none(), boot("None", "Disabled", &json!({ "HttpBootUri": ISO })), conflict),
        (none(), boot("UefiHttp", "Once", &json!({ "HttpBootUri": ISO, "BootNext": "Nic.prov" })), conflict),
        // A one-time setting (schema `ComputerSystem`, `BootNext`).
        (none(), boot("UefiBootNext", "Continuous", &json!({ "BootNext": "Nic.prov" })), conflict),
        (next(), boot("", "Continuous", &none()), conflict),
        // Values that there are elsewhere, or nowhere.
        (none(), boot("Floppy", "Once", &none()), unlisted),
        (pxe(), boot("Floppy", "Disabled", &none()), unlisted),
        (none(), boot("UefiTarget", "Once", &none()), unlisted),
        (
            none(),
            boot("UefiTarget", "Once", &json!({ "UefiTargetBootSourceOverride": "PciRoot(0x0)" })),
            &["PropertyValueNotInList", "PropertyNotWritable"],
        ),
        (none(), boot("BiosSetup", "Once", &none()), unlisted),
        (none(), boot("pxe", "Once", &none()), unlisted),
        (none(), boot("Pxe", "once", &none()), unlisted),
        (none(), boot("Pxe", "Once", &json!({ "BootSourceOverrideMode": "BIOS" })), unlisted),
        (none(), json!({ "BootSourceOverrideTarget": ["Pxe"] }), &["PropertyValueTypeError"]),
        (none(), json!({ "BootSourceOverrideEnabled": true }), &["PropertyValueTypeError"]),
        (
            none(),
            boot("UefiHttp", "Once", &json!({ "HttpBootUri": "ftp://images.example/a" })),
            &["PropertyValueFormatError"],
        ),
        (none(), boot("UefiHttp", "Once", &json!({ "HttpBootUri": 7 })), &["PropertyValueTypeError"]),
        // Devices that there are not: unknown, to be gone, or with nothing but data.
        (none(), with_next("Nic.gone"), unlisted),
        (none(), with_next("Nic.other"), unlisted),
        (none(), with_next("Drive.seed"), unlisted),
        (none(), with_next("prov"), unlisted),
        (none(), json!({ "BootOrder": ["Nic.other"] }), unlisted),
        (none(), json!({ "BootOrder": ["Nic.gone", "Drive.root"] }), unlisted),
        (none(), json!({ "BootOrder": ["Drive.seed"] }), unlisted),
        (
            none(),
            json!({ "BootOrder": ["Drive.other", "Nic.other"] }),
            &["PropertyValueNotInList", "PropertyValueNotInList"],
        ),
        (none(), json!({ "BootOrder": ["Drive.root", "Nic.prov", "Drive.root"] }), conflict),
        (pxe(), json!({ "BootOrder": ["Drive.root", "Drive.root"] }), conflict),
        (none(), json!({ "BootOrder": "Drive.root" }), &["PropertyValueTypeError"]),
        (none(), json!({ "BootOrder": [7] }), &["PropertyValueTypeError"]),
        (none(), json!({ "StopBootOnFault": "Never" }), &["PropertyNotWritable"]),
        (none(), json!({ "BootSourceOverrideTargets": "Pxe" }), &["PropertyUnknown"]),
    ];
    for (present, asked, expected) in rows {
        let world = &mut usual();
        if present != json!({}) {
            assert_eq!(patch(world, &present).0, StatusCode::OK, "{present}");
        }
        let before = (said(world), world.cluster.object("virtualmachines", "lab", "vm"));
        let (status, told) = patch(world, &asked);
        assert_eq!(status, StatusCode::BAD_REQUEST, "{asked} on {present}: {told:?}");
        assert_eq!(told, expected, "{asked} on {present}");
        assert_eq!((said(world), world.cluster.object("virtualmachines", "lab", "vm")), before, "{asked} on {present}");
    }
}

#[test]
fn f9_a_machine_that_has_nothing_to_boot_from_is_told_so() {
    for target in ["Pxe", "UefiHttp", "Hdd"] {
        let world = &mut with_machine(&json!([]), &json!([{ "name": "gone", "bridge": {}, "state": "absent" }]));
        let (status, told) = patch(world, &boot(target, "Once", &json!({})));
        assert_eq!(status, StatusCode::CONFLICT, "{target} {told:?}");
        assert_eq!(said(world), ("None Disabled".to_owned(), Value::Null), "{target}");
        assert!(definition(world).is_empty(), "{target}");
    }
}
