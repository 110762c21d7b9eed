//! What is said of booting is what is: `Boot` never says what the machine's definition does not bear out, whoever has
//! changed that, and the next run boots what was said. F1, F4, F5, F9, F12, Q1.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests may fail")]

mod lab;

use std::time::Duration;

use http::{Method, StatusCode};
use kubevirt_redfish_fixtures::cluster::{ClusterConfig, Rule};
use kubevirt_redfish_fixtures::laboratory;
use kubevirt_redfish_fixtures::world::World;
use serde_json::{Value, json};

use lab::{NODE, VERSIONS, get, instance, lab, machine, patch, post, request, reset, sequence, until};

const MACHINE: &str = "/redfish/v1/Systems/lab.vm";
const ISO: &str = "https://images.example/boot.iso";

fn once(target: &str) -> Value {
    json!({ "Boot": { "BootSourceOverrideTarget": target, "BootSourceOverrideEnabled": "Once" } })
}

fn ended() -> Value {
    json!({ "Boot": { "BootSourceOverrideTarget": "None", "BootSourceOverrideEnabled": "Disabled" } })
}

/// What `Boot` says: the target and for how long.
fn said(world: &mut World, system: &str) -> (String, String) {
    let boot = get(world, system)["Boot"].clone();
    let text = |name: &str| boot[format!("BootSourceOverride{name}")].as_str().unwrap().to_owned();
    (text("Target"), text("Enabled"))
}

fn says_nothing(world: &mut World, system: &str) -> bool {
    said(world, system) == ("None".to_owned(), "Disabled".to_owned())
}

fn annotation(object: &Value, name: &str) -> Option<String> {
    object["metadata"]["annotations"][format!("redfish.kubevirt.io/{name}")].as_str().map(ToOwned::to_owned)
}

fn boots(world: &World) -> Vec<String> {
    sequence(&instance(world).expect("a run")["spec"]["domain"])
}

fn definition(world: &World) -> Vec<String> {
    sequence(&machine(world)["spec"]["template"]["spec"]["domain"])
}

/// Applies a manifest again: its lists replace what is there. Annotations that it does not have stay, or go.
fn reapply(world: &mut World, manifest: &Value, annotations_stay: bool) {
    world.cluster.edit("virtualmachines", "lab", "node-0", |object| {
        object["spec"] = manifest["spec"].clone();
        if !annotations_stay {
            object["metadata"]["annotations"] = manifest["metadata"]["annotations"].clone();
        }
    });
    world.advance(Duration::from_millis(500));
}

/// A machine that has these devices, which is off.
fn with_devices(world: &mut World, devices: &Value, volumes: &Value, networks: &Value) {
    let object = json!({
        "apiVersion": "kubevirt.io/v1", "kind": "VirtualMachine",
        "metadata": { "name": "vm", "namespace": "lab" },
        "spec": { "runStrategy": "Manual", "template": { "spec": {
            "domain": { "memory": { "guest": "1Gi" }, "devices": devices },
            "volumes": volumes, "networks": networks,
        } } },
    });
    let now = world.now();
    world.cluster.apply(now, object).expect("a definition that is accepted");
    world.advance(Duration::from_millis(500));
}

fn send(world: &mut World, method: Method, path: &str, body: &Value) -> StatusCode {
    let response = world.send(0, request(method, path, Some(body))).expect("an answer");
    if !response.status().is_success() {
        println!("{path} {body}: {} {}", response.status(), String::from_utf8_lossy(response.body()));
    }
    response.status()
}

/// Asks for an override of the machine and turns it on; what its run tries, in order.
fn booted(world: &mut World, body: &Value) -> Vec<String> {
    assert_eq!(send(world, Method::PATCH, MACHINE, body), StatusCode::OK);
    let path = format!("{MACHINE}/Actions/ComputerSystem.Reset");
    assert!(post(world, &path, &json!({ "ResetType": "On" })).is_success());
    until(world, MACHINE, "/PowerState", &json!("On"));
    let run = world.cluster.object("virtualmachineinstances", "lab", "vm").expect("a run");
    sequence(&run["spec"]["domain"])
}

/// F1: a `GitOps` tool puts the owner's lists back. Nobody says any more that the network is booted.
#[test]
fn f1_an_override_is_over_when_the_owners_manifest_is_applied_again() {
    for version in VERSIONS {
        for annotations_stay in [true, false] {
            let world = &mut lab(version);
            let manifest = machine(world);
            assert!(patch(world, &once("Pxe")).is_success());
            assert_eq!(definition(world)[0], "default");
            reapply(world, &manifest, annotations_stay);
            assert!(says_nothing(world, NODE), "{version:?} {annotations_stay}");
            world.advance(Duration::from_secs(10));
            let object = machine(world);
            assert_eq!(annotation(&object, "boot-override"), None, "{version:?} {annotations_stay}");
            assert_eq!(object["spec"], manifest["spec"], "{version:?} {annotations_stay}");
            assert!(reset(world, "On").is_success());
            until(world, NODE, "/PowerState", &json!("On"));
            assert_eq!(boots(world), ["root"], "{version:?} {annotations_stay}");
        }
    }
}

/// F1: what is left of it does not come alive when the owner chooses an order that looks like the override's.
#[test]
fn f1_an_order_of_the_owners_is_not_taken_for_an_override_that_is_over() {
    let world = &mut lab(VERSIONS[2]);
    let manifest = machine(world);
    assert!(patch(world, &once("Pxe")).is_success());
    let overridden = machine(world)["spec"].clone();
    reapply(world, &manifest, true);
    world.advance(Duration::from_secs(10));
    world.cluster.edit("virtualmachines", "lab", "node-0", |object| object["spec"] = overridden);
    world.advance(Duration::from_secs(1));
    assert!(says_nothing(world, NODE));
    assert!(reset(world, "On").is_success());
    until(world, NODE, "/PowerState", &json!("On"));
    world.advance(Duration::from_mins(1));
    assert_eq!(definition(world), ["default", "root"], "the owner's order stays");
}

/// F1: the same while the machine runs from what was asked for, and for every target and duration.
#[test]
fn f1_no_target_is_said_that_the_definition_does_not_have() {
    for target in ["Pxe", "Cd", "Usb", "Hdd", "UefiHttp"] {
        for enabled in ["Once", "Continuous"] {
            let world = &mut lab(VERSIONS[2]);
            let manifest = machine(world);
            let stick = json!({ "Image": ISO });
            let insert = |slot: &str| format!("{NODE}/VirtualMedia/{slot}/Actions/VirtualMedia.InsertMedia");
            assert!(post(world, &insert("Usb"), &stick).is_success());
            let mut boot = json!({ "BootSourceOverrideTarget": target, "BootSourceOverrideEnabled": enabled });
            if target == "UefiHttp" {
                boot["HttpBootUri"] = json!(ISO);
            }
            assert!(patch(world, &json!({ "Boot": boot })).is_success());
            world.advance(Duration::from_secs(20));
            assert_eq!(said(world, NODE), (target.to_owned(), enabled.to_owned()));
            reapply(world, &manifest, true);
            let own = get(world, NODE)["Boot"]["BootOrder"].clone();
            if target == "Hdd" {
                // The owner's order is that one, too.
                assert_eq!(own, json!(["Drive.root"]));
            } else {
                assert!(says_nothing(world, NODE), "{target} {enabled}");
                assert_eq!(get(world, NODE)["Boot"]["HttpBootUri"], Value::Null);
            }
            assert!(reset(world, "On").is_success());
            until(world, NODE, "/PowerState", &json!("On"));
            assert_eq!(boots(world), ["root"], "{target} {enabled}");
            for slot in ["Cd", "Usb"] {
                let media = get(world, &format!("{NODE}/VirtualMedia/{slot}"));
                assert_eq!((&media["Inserted"], &media["Image"]), (&json!(false), &Value::Null), "{target} {slot}");
            }
        }
    }
}

/// F1: a record that somebody has written, or changed, counts for nothing beside the definition.
#[test]
fn f1_a_record_that_the_definition_does_not_bear_out_is_not_believed() {
    let order = |disks: Value, interfaces: Value| json!({ "disks": disks, "interfaces": interfaces });
    for record in [
        json!({ "target": "Pxe", "enabled": "Once" }),
        json!({ "target": "Hdd", "enabled": "Continuous" }),
        json!({ "target": "UefiBootNext", "enabled": "Once", "next": { "disk": "root" } }),
        // The order in force is one that boots the disk.
        json!({ "target": "Pxe", "enabled": "Once", "change": {
            "original": order(json!({}), json!({})), "written": order(json!({ "root": 1 }), json!({})),
        } }),
        // Nothing of what it has written is there.
        json!({ "target": "Cd", "enabled": "Once", "change": {
            "original": order(json!({}), json!({})), "written": order(json!({ "gone": 1 }), json!({})),
        } }),
    ] {
        let world = &mut lab(VERSIONS[2]);
        world.cluster.edit("virtualmachines", "lab", "node-0", |object| {
            object["metadata"]["annotations"]["redfish.kubevirt.io/boot-override"] = json!(record.to_string());
        });
        world.advance(Duration::from_millis(200));
        assert!(says_nothing(world, NODE), "{record}");
        assert!(reset(world, "On").is_success());
        until(world, NODE, "/PowerState", &json!("On"));
        world.advance(Duration::from_secs(10));
        assert_eq!((boots(world), definition(world)), (vec!["root".to_owned()], vec!["root".to_owned()]), "{record}");
    }
}

/// F1: a machine that is made from another's definition, annotations included, does nothing that the other was told.
#[test]
fn f1_a_copy_of_a_machine_does_not_carry_out_what_the_other_was_told() {
    let world = &mut lab(VERSIONS[2]);
    let manifest = machine(world);
    let insert = format!("{NODE}/VirtualMedia/Cd/Actions/VirtualMedia.InsertMedia");
    assert!(post(world, &insert, &json!({ "Image": ISO })).is_success());
    assert!(patch(world, &once("Pxe")).is_success());
    // The image is not there yet: the power-on waits, which stands on the machine.
    assert!(reset(world, "On").is_success());
    assert!(annotation(&machine(world), "pending-power-on").is_some());
    let copy = |spec: &Value, name: &str, world: &World| {
        json!({
            "apiVersion": "kubevirt.io/v1", "kind": "VirtualMachine", "spec": spec,
            "metadata": { "name": name, "namespace": "lab", "annotations": machine(world)["metadata"]["annotations"] },
        })
    };
    let (whole, plain) = (copy(&machine(world)["spec"], "whole", world), copy(&manifest["spec"], "vm", world));
    let now = world.now();
    for object in [whole, plain] {
        world.cluster.apply(now, object).expect("a definition that is accepted");
    }
    world.advance(Duration::from_millis(200));
    assert_eq!(get(world, MACHINE)["PowerState"], "Off");
    assert!(says_nothing(world, MACHINE));
    assert_eq!(get(world, &format!("{MACHINE}/VirtualMedia/Cd"))["Inserted"], false);
    // What the other was pending is not noted down on these any more.
    for object in world.cluster.objects("virtualmachines") {
        let is_the_others = object["metadata"]["name"] == "node-0";
        assert_eq!(annotation(&object, "pending-power-on").is_some(), is_the_others, "{object}");
    }
    // The definition of this one does have the network first.
    assert_eq!(said(world, "/redfish/v1/Systems/lab.whole"), ("Pxe".to_owned(), "Once".to_owned()));
    world.advance(Duration::from_mins(5));
    for name in ["vm", "whole"] {
        assert_eq!(get(world, &format!("/redfish/v1/Systems/lab.{name}"))["PowerState"], "Off", "{name}");
    }
    // The image of the first is nobody else's to remove.
    let eject = "/redfish/v1/Systems/lab.whole/VirtualMedia/Cd/Actions/VirtualMedia.EjectMedia";
    assert!(post(world, eject, &json!({})).is_success());
    world.advance(Duration::from_mins(5));
    assert_eq!(get(world, &format!("{NODE}/VirtualMedia/Cd"))["Inserted"], true);
    assert_eq!(world.cluster.count("datavolumes"), 1);
}

/// F1: `Once` ends when the target has been booted, not when something else has.
#[test]
fn f1_once_is_not_used_up_by_a_run_that_did_not_try_it() {
    // Without empty drives: there is nothing yet to boot from.
    let world = &mut lab(VERSIONS[1]);
    assert!(patch(world, &once("Usb")).is_success());
    assert!(reset(world, "On").is_success());
    until(world, NODE, "/PowerState", &json!("On"));
    world.advance(Duration::from_secs(30));
    assert_eq!(boots(world), ["root"]);
    assert_eq!(said(world, NODE), ("Usb".to_owned(), "Once".to_owned()));
    let insert = format!("{NODE}/VirtualMedia/Usb/Actions/VirtualMedia.InsertMedia");
    assert!(post(world, &insert, &json!({ "Image": ISO })).is_success());
    world.advance(Duration::from_secs(20));
    assert!(reset(world, "PowerCycle").is_success());
    world.advance(Duration::from_mins(1));
    assert_eq!(boots(world), ["redfish-usb", "root"]);
    assert!(says_nothing(world, NODE));
}

/// F1: what was changed of the firmware and put back by the owner is the owner's from then on.
#[test]
fn f1_a_firmware_setting_that_the_owner_put_back_is_not_remembered() {
    let world = &mut lab(VERSIONS[2]);
    let manifest = machine(world);
    let settings = format!("{NODE}/Bios/Settings");
    let set = json!({ "Attributes": { "Tpm": "Enabled" } });
    assert!(send(world, Method::PATCH, &settings, &set).is_success());
    reapply(world, &manifest, true);
    assert_eq!(get(world, &settings)["Attributes"]["Tpm"], "Disabled");
    world.advance(Duration::from_secs(10));
    assert_eq!(annotation(&machine(world), "firmware"), None);
    // Now it is the owner's own choice, which a reset of what was changed does not touch.
    world.cluster.edit("virtualmachines", "lab", "node-0", |object| {
        object["spec"]["template"]["spec"]["domain"]["devices"]["tpm"] = json!({});
    });
    world.advance(Duration::from_secs(1));
    assert!(post(world, &format!("{NODE}/Bios/Actions/Bios.ResetBios"), &json!({})).is_success());
    assert_eq!(get(world, &settings)["Attributes"]["Tpm"], "Enabled");
}

/// F4: what holds data only is no boot source, whatever it looks like, and is not offered as one.
#[test]
fn f4_volumes_that_hold_only_data_are_not_booted() {
    let root = json!({ "name": "root", "containerDisk": { "image": "quay.io/x:1" } });
    for source in [
        json!({ "cloudInitNoCloud": { "userData": "#cloud-config" } }),
        json!({ "cloudInitConfigDrive": { "userData": "#cloud-config" } }),
        json!({ "sysprep": { "configMap": { "name": "cm" } } }),
        json!({ "configMap": { "name": "cm" } }),
        json!({ "secret": { "secretName": "s" } }),
        json!({ "serviceAccount": { "serviceAccountName": "default" } }),
        json!({ "downwardAPI": { "fields": [] } }),
        json!({ "downwardMetrics": {} }),
    ] {
        for device in [json!({ "disk": { "bus": "virtio" } }), json!({ "cdrom": { "bus": "sata" } }), json!(null)] {
            let world = &mut lab(VERSIONS[2]);
            let mut volume = source.clone();
            volume["name"] = json!("seed");
            let mut disks = vec![json!({ "name": "root", "disk": { "bus": "virtio" } })];
            if let Some(device) = device.as_object() {
                let mut disk = json!({ "name": "seed" });
                disk.as_object_mut().unwrap().extend(device.clone());
                disks.insert(0, disk);
            }
            let devices = json!({ "disks": disks, "autoattachPodInterface": false });
            with_devices(world, &devices, &json!([volume, root]), &json!([]));
            let options = get(world, &format!("{MACHINE}/BootOptions"))["Members"].to_string();
            assert!(options.contains("Drive.root") && !options.contains("seed"), "{source} {device}: {options}");
            let order = json!({ "Boot": { "BootOrder": ["Drive.seed"] } });
            assert_eq!(send(world, Method::PATCH, MACHINE, &order), StatusCode::BAD_REQUEST);
            assert_eq!(booted(world, &once("Hdd")), ["root"], "{source} {device}");
            let path = format!("{MACHINE}/Actions/ComputerSystem.Reset");
            assert!(post(world, &path, &json!({ "ResetType": "ForceOff" })).is_success());
            world.advance(Duration::from_secs(10));
            // Nor is it the drive that media go into.
            let mut boots = booted(world, &once("Cd"));
            assert_eq!(boots.remove(0), "redfish-cd", "{source} {device}");
            assert_eq!(boots, ["root"], "{source} {device}");
        }
    }
}

/// F5: every device of a target, in the owner's order.
#[test]
fn f5_all_devices_of_a_target_are_tried_in_the_owners_order() {
    let volume = |name: &str| json!({ "name": name, "containerDisk": { "image": "quay.io/x:1" } });
    let disk = |name: &str| json!({ "name": name, "disk": { "bus": "virtio" } });
    let placed = |mut device: Value, place: u32| {
        device["bootOrder"] = json!(place);
        device
    };
    let pod = json!({ "name": "default", "masquerade": {} });
    let prov = json!({ "name": "prov", "bridge": {} });
    let networks = json!([{ "name": "default", "pod": {} }, { "name": "prov", "multus": { "networkName": "prov" } }]);
    let volumes = json!([volume("root"), volume("data")]);
    let cd = |name: &str| json!({ "name": name, "cdrom": { "bus": "sata" } });
    for (target, disks, interfaces, expected) in [
        ("Pxe", json!([disk("root")]), json!([pod, prov]), json!(["default", "prov", "root"])),
        ("Pxe", json!([placed(disk("root"), 1)]), json!([pod, prov]), json!(["default", "prov", "root"])),
        (
            "Pxe",
            json!([placed(disk("root"), 1)]),
            json!([placed(pod.clone(), 3), placed(prov.clone(), 2)]),
            json!(["prov", "default", "root"]),
        ),
        // Who has chosen one interface has left out the other.
        ("Pxe", json!([placed(disk("root"), 1)]), json!([pod, placed(prov.clone(), 2)]), json!(["prov", "root"])),
        ("Hdd", json!([disk("root"), disk("data")]), json!([pod, prov]), json!(["root", "data"])),
        (
            "Hdd",
            json!([placed(disk("root"), 3), placed(disk("data"), 2)]),
            json!([placed(pod.clone(), 1), prov]),
            json!(["data", "root", "default"]),
        ),
        ("Cd", json!([disk("root"), cd("data"), cd("empty")]), json!([pod, prov]), json!(["empty", "data", "root"])),
    ] {
        let world = &mut lab(VERSIONS[2]);
        let volumes = if disks.to_string().contains("data") { volumes.clone() } else { json!([volume("root")]) };
        with_devices(world, &json!({ "disks": disks, "interfaces": interfaces }), &volumes, &networks);
        let before = world.cluster.object("virtualmachines", "lab", "vm").unwrap()["spec"].clone();
        let found = booted(world, &once(target));
        assert_eq!(json!(found), expected, "{target} {disks} {interfaces}");
        world.advance(Duration::from_secs(20));
        assert!(says_nothing(world, MACHINE), "{target} {disks} {interfaces}");
        let after = world.cluster.object("virtualmachines", "lab", "vm").unwrap()["spec"].clone();
        assert_eq!(after, before, "{target} {disks} {interfaces}");
    }
}

/// F5: disks on the USB bus are what their boot options say that they are.
#[test]
fn f5_a_disk_on_the_usb_bus_is_one_of_the_usb_targets() {
    let world = &mut lab(VERSIONS[2]);
    let volume = |name: &str| json!({ "name": name, "containerDisk": { "image": "quay.io/x:1" } });
    let disks = json!([{ "name": "key", "disk": { "bus": "usb" } }, { "name": "root", "disk": { "bus": "virtio" } }]);
    with_devices(world, &json!({ "disks": disks }), &json!([volume("key"), volume("root")]), &json!([]));
    assert_eq!(get(world, &format!("{MACHINE}/BootOptions/Drive.key"))["Alias"], "Usb");
    assert_eq!(booted(world, &once("Usb")), ["key", "root"]);
    world.advance(Duration::from_secs(20));
    let path = format!("{MACHINE}/Actions/ComputerSystem.Reset");
    assert!(post(world, &path, &json!({ "ResetType": "ForceOff" })).is_success());
    world.advance(Duration::from_secs(10));
    assert_eq!(booted(world, &once("Hdd")), ["root", "key"]);
}

/// F9: without a URI the network says where the image is: its interfaces go first, and nothing is fetched.
#[test]
fn f9_booting_over_http_without_a_uri_asks_the_network() {
    let over_http = || {
        let boot = json!({ "BootSourceOverrideTarget": "UefiHttp", "BootSourceOverrideEnabled": "Once" });
        json!({ "Boot": boot })
    };
    for body in [over_http(), {
        let mut body = over_http();
        body["Boot"]["HttpBootUri"] = Value::Null;
        body
    }] {
        let world = &mut lab(VERSIONS[2]);
        assert_eq!(patch(world, &body), StatusCode::OK);
        assert_eq!(said(world, NODE), ("UefiHttp".to_owned(), "Once".to_owned()));
        assert_eq!(get(world, NODE)["Boot"]["HttpBootUri"], Value::Null);
        assert!(reset(world, "On").is_success());
        until(world, NODE, "/PowerState", &json!("On"));
        assert_eq!(boots(world), ["default", "root"]);
        assert_eq!(world.cluster.count("datavolumes"), 0);
        world.advance(Duration::from_secs(10));
        assert!(says_nothing(world, NODE));
    }
}

/// F9: who says that there is no URI takes back the one that there was.
#[test]
fn f9_a_uri_is_taken_back_in_favour_of_the_networks() {
    let world = &mut lab(VERSIONS[2]);
    let boot = json!({
        "BootSourceOverrideTarget": "UefiHttp", "BootSourceOverrideEnabled": "Continuous", "HttpBootUri": ISO,
    });
    assert_eq!(patch(world, &json!({ "Boot": boot })), StatusCode::OK);
    world.advance(Duration::from_secs(20));
    let boot = json!({ "BootSourceOverrideTarget": "UefiHttp", "HttpBootUri": null });
    assert_eq!(patch(world, &json!({ "Boot": boot })), StatusCode::OK);
    world.advance(Duration::from_secs(20));
    assert_eq!(said(world, NODE), ("UefiHttp".to_owned(), "Continuous".to_owned()));
    assert_eq!(get(world, NODE)["Boot"]["HttpBootUri"], Value::Null);
    assert_eq!(definition(world), ["default", "root"]);
}

/// F12: nothing to boot from, once, is the end of what there was.
#[test]
fn f12_none_ends_an_override_however_long_it_is_to_last() {
    for enabled in ["Once", "Continuous", "Disabled"] {
        let world = &mut lab(VERSIONS[2]);
        let before = machine(world)["spec"].clone();
        assert!(patch(world, &once("Pxe")).is_success());
        let none = json!({ "BootSourceOverrideTarget": "None", "BootSourceOverrideEnabled": enabled });
        assert_eq!(patch(world, &json!({ "Boot": none })), StatusCode::OK, "{enabled}");
        assert!(says_nothing(world, NODE), "{enabled}");
        assert_eq!(machine(world)["spec"], before, "{enabled}");
    }
}

fn uefi(world: &mut World) -> Value {
    world.cluster.edit("virtualmachines", "lab", "node-0", |object| {
        let domain = &mut object["spec"]["template"]["spec"]["domain"];
        domain["firmware"]["bootloader"] = json!({ "efi": { "secureBoot": true } });
        domain["features"] = json!({ "smm": { "enabled": true } });
    });
    world.advance(Duration::from_secs(1));
    machine(world)["spec"].clone()
}

fn legacy_once() -> Value {
    let mut body = once("Pxe");
    body["Boot"]["BootSourceOverrideMode"] = json!("Legacy");
    body
}

/// Q1: a mode that came with an override goes with it, if nothing has been booted with it.
#[test]
fn q1_a_cancelled_override_gives_the_owners_boot_mode_back() {
    let end = [
        ended(),
        json!({ "Boot": { "BootSourceOverrideEnabled": "Disabled" } }),
        json!({ "Boot": { "BootSourceOverrideTarget": "None" } }),
    ];
    for cancel in end {
        let world = &mut lab(VERSIONS[2]);
        let before = uefi(world);
        assert!(patch(world, &legacy_once()).is_success());
        assert_eq!(get(world, NODE)["Boot"]["BootSourceOverrideMode"], "Legacy");
        // Another one in its place does not make the mode the owner's.
        assert!(patch(world, &once("Cd")).is_success());
        assert!(patch(world, &cancel).is_success());
        assert_eq!(get(world, NODE)["Boot"]["BootSourceOverrideMode"], "UEFI", "{cancel}");
        let mut after = machine(world)["spec"].clone();
        // The empty drive stays for the next medium, as after every override.
        let disks = &mut after["template"]["spec"]["domain"]["devices"]["disks"];
        disks.as_array_mut().unwrap().retain(|disk| disk["name"] != "redfish-cd");
        assert_eq!(after, before, "{cancel}");
    }
}

/// Q1: an override that ends because its image cannot be had takes its mode along: what is booted in its place is the
/// owner's. The image is not there, or nobody may ask for it, before or after the machine was turned on.
#[test]
fn q1_an_override_whose_image_cannot_be_had_gives_the_owners_boot_mode_back() {
    for (uri, forbidden) in [("http://images.invalid/boot.iso", false), (ISO, true)] {
        for runs in [false, true] {
            let world = &mut lab(VERSIONS[2]);
            let before = uefi(world)["template"]["spec"]["domain"]["firmware"]["bootloader"].clone();
            if runs {
                assert!(reset(world, "On").is_success());
                until(world, NODE, "/PowerState", &json!("On"));
                world.cluster.guest_ignores_acpi("lab", "node-0", true);
                assert!(reset(world, "GracefulShutdown").is_success());
                world.advance(Duration::from_secs(2));
            }
            if forbidden {
                world.cluster.forbid(vec![Rule::new("create", "cdi.kubevirt.io", "datavolumes")]);
            }
            let mut body = legacy_once();
            body["Boot"]["BootSourceOverrideTarget"] = json!("UefiHttp");
            body["Boot"]["HttpBootUri"] = json!(uri);
            assert_eq!(patch(world, &body), StatusCode::OK);
            let answer = reset(world, "On");
            if forbidden && !runs {
                assert_eq!(answer, StatusCode::SERVICE_UNAVAILABLE);
                continue;
            }
            assert!(answer.is_success(), "{uri}");
            world.advance(Duration::from_mins(10));
            until(world, NODE, "/PowerState", &json!("On"));
            assert!(says_nothing(world, NODE), "{uri}");
            let (run, machine) = (instance(world).unwrap(), machine(world));
            let bootloader = |spec: &Value| spec["domain"]["firmware"]["bootloader"].clone();
            assert_eq!(bootloader(&machine["spec"]["template"]["spec"]), before, "{uri} {runs}");
            assert_eq!(bootloader(&run["spec"]), before, "{uri} {runs}");
            assert_eq!(annotation(&machine, "firmware"), None, "{uri} {runs}");
        }
    }
}

/// Q1: so does one that the owner ends, by giving the machine another order.
#[test]
fn q1_an_override_that_the_owner_ends_gives_the_owners_boot_mode_back() {
    let world = &mut lab(VERSIONS[2]);
    let before = uefi(world);
    assert!(patch(world, &legacy_once()).is_success());
    lab::redefine(world, |object| {
        let devices = &mut object["spec"]["template"]["spec"]["domain"]["devices"];
        devices["disks"][0]["bootOrder"] = json!(1);
        devices["interfaces"][0]["bootOrder"] = json!(2);
    });
    world.advance(Duration::from_secs(10));
    assert!(says_nothing(world, NODE));
    assert_eq!(get(world, NODE)["Boot"]["BootSourceOverrideMode"], "UEFI");
    let domain = machine(world)["spec"]["template"]["spec"]["domain"].clone();
    assert_eq!(domain["firmware"], before["template"]["spec"]["domain"]["firmware"]);
    assert_eq!(domain["features"], before["template"]["spec"]["domain"]["features"]);
    assert_eq!(sequence(&domain), ["root", "default"]);
}

/// Q1: what has been booted with stays, as on a server; so does a mode that was chosen by itself.
#[test]
fn q1_a_boot_mode_that_was_booted_with_stays() {
    for by_itself in [false, true] {
        let world = &mut lab(VERSIONS[2]);
        uefi(world);
        if by_itself {
            let mode = json!({ "Boot": { "BootSourceOverrideMode": "Legacy" } });
            assert!(patch(world, &mode).is_success());
            assert!(patch(world, &once("Pxe")).is_success());
        } else {
            let mut continuous = legacy_once();
            continuous["Boot"]["BootSourceOverrideEnabled"] = json!("Continuous");
            assert!(patch(world, &continuous).is_success());
            assert!(reset(world, "On").is_success());
            until(world, NODE, "/PowerState", &json!("On"));
            world.advance(Duration::from_secs(10));
            assert!(reset(world, "ForceOff").is_success());
            world.advance(Duration::from_secs(10));
        }
        assert!(patch(world, &ended()).is_success());
        assert!(says_nothing(world, NODE));
        assert_eq!(get(world, NODE)["Boot"]["BootSourceOverrideMode"], "Legacy", "{by_itself}");
    }
}

/// A machine whose definition names a kernel starts that, whatever order its devices are in: no override is pending.
#[test]
fn a_machine_that_starts_a_kernel_of_its_own_takes_no_override() {
    let world = &mut lab(VERSIONS[2]);
    world.cluster.edit("virtualmachines", "lab", "node-0", |object| {
        object["spec"]["template"]["spec"]["domain"]["firmware"]["kernelBoot"] =
            json!({ "container": { "image": "quay.io/x:1", "kernelPath": "/boot/vmlinuz" } });
    });
    world.advance(Duration::from_secs(1));
    assert_eq!(patch(world, &once("Pxe")), StatusCode::CONFLICT);
    assert!(says_nothing(world, NODE));
    let listed = get(world, NODE)["Boot"]["BootSourceOverrideTarget@Redfish.AllowableValues"].clone();
    assert_eq!(listed, json!(["None"]));
    assert_eq!(patch(world, &ended()), StatusCode::OK);
}

/// What the cluster that runs in this test knows of drives is what the tests above rest on.
#[test]
fn the_first_machine_of_the_laboratory_has_one_disk_and_one_interface() {
    let mut world = laboratory::world(
        ClusterConfig::new(VERSIONS[2]),
        laboratory::config(),
        kubevirt_redfish_core::kubevirt::Settings::default(),
        &[0],
    );
    laboratory::start(&mut world);
    assert_eq!(definition(&world), ["root"]);
}
