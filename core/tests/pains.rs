//! What users suffered from with other services for virtual machines, a test for each, numbered as in the project's list
//! of pains. Most of it is tested elsewhere in more detail; here a reader finds that it is.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests may fail")]

use std::time::Duration;

use http::{Method, StatusCode};
use kubevirt_redfish_fixtures::cluster::{KubevirtVersion, ServedImage};
use kubevirt_redfish_fixtures::stub::certificate;
use kubevirt_redfish_fixtures::world::World;
use serde_json::{Value, json};

mod lab;

use lab::{
    CD, NODE, VERSIONS, first_to_boot, get, instance, lab, machine, patch, post, redefine, request, reset, sequence,
    until,
};

const ISO: &str = "http://images.example/boot.iso";

fn insert(world: &mut World, image: &str) -> StatusCode {
    post(world, &format!("{CD}/Actions/VirtualMedia.InsertMedia"), &json!({ "Image": image }))
}

fn override_with(world: &mut World, target: &str, enabled: &str) -> StatusCode {
    let boot = json!({ "BootSourceOverrideTarget": target, "BootSourceOverrideEnabled": enabled });
    patch(world, &json!({ "Boot": boot }))
}

/// The import of what is in the drive.
fn import(world: &World) -> Value {
    let name = machine(world)["spec"]["template"]["spec"]["volumes"][1]["dataVolume"]["name"].clone();
    world.cluster.object("datavolumes", "lab", name.as_str().unwrap()).unwrap()
}

#[test]
fn p01_a_power_on_waits_until_the_image_is_there() {
    for version in VERSIONS {
        let world = &mut lab(version);
        assert_eq!(insert(world, ISO), StatusCode::NO_CONTENT);
        override_with(world, "Cd", "Once");
        assert!(matches!(reset(world, "On"), StatusCode::NO_CONTENT | StatusCode::ACCEPTED));
        until(world, NODE, "/PowerState", &json!("On"));
        assert_eq!(import(world)["status"]["phase"], "Succeeded", "{version:?}");
        assert_eq!(
            first_to_boot(&instance(world).expect("a run of it")["spec"]["domain"]),
            Some("cdrom"),
            "{version:?}"
        );
    }
}

#[test]
fn p02_a_one_time_override_does_something_and_once() {
    let world = &mut lab(KubevirtVersion::V1_9);
    assert_eq!(override_with(world, "Pxe", "Once"), StatusCode::OK);
    reset(world, "On");
    until(world, NODE, "/PowerState", &json!("On"));
    assert_eq!(sequence(&instance(world).expect("a run of it")["spec"]["domain"]), ["default", "root"]);
    until(world, NODE, "/Boot/BootSourceOverrideEnabled", &json!("Disabled"));
    reset(world, "PowerCycle");
    world.advance(Duration::from_mins(1));
    assert_eq!(sequence(&instance(world).expect("a run of it")["spec"]["domain"]), ["root"]);
}

#[test]
fn p03_a_volume_is_large_enough_for_its_image() {
    for (bytes, asked) in [(1 << 30, "3Gi"), (5 << 30, "5447Mi")] {
        let world = &mut lab(KubevirtVersion::V1_9);
        world.cluster.serve_image(ISO, ServedImage::Plain { bytes });
        assert_eq!(insert(world, ISO), StatusCode::NO_CONTENT);
        world.advance(Duration::from_mins(1));
        let import = import(world);
        assert_eq!(import["spec"]["storage"]["resources"]["requests"]["storage"], asked);
        assert_eq!(import["status"]["phase"], "Succeeded");
    }
}

#[test]
fn p04_the_storage_profile_says_how_an_image_is_stored() {
    let world = &mut lab(KubevirtVersion::V1_9);
    insert(world, ISO);
    let import = import(world);
    assert!(import["spec"].get("storage").is_some() && import["spec"].get("pvc").is_none(), "{import}");
}

#[test]
fn p05_inserting_media_changes_neither_the_boot_order_nor_the_power() {
    for version in VERSIONS {
        let world = &mut lab(version);
        let before = sequence(&machine(world)["spec"]["template"]["spec"]["domain"]);
        assert_eq!(insert(world, ISO), StatusCode::NO_CONTENT);
        world.advance(Duration::from_mins(1));
        assert_eq!(sequence(&machine(world)["spec"]["template"]["spec"]["domain"]), before);
        assert_eq!(get(world, NODE)["PowerState"], "Off");
    }
}

#[test]
fn p06_a_place_in_the_boot_sequence_that_is_taken_is_no_problem() {
    let world = &mut lab(KubevirtVersion::V1_9);
    redefine(world, |machine| {
        let devices = &mut machine["spec"]["template"]["spec"]["domain"]["devices"];
        devices["interfaces"][0]["bootOrder"] = json!(1);
        devices["disks"][0]["bootOrder"] = json!(2);
    });
    assert_eq!(override_with(world, "Cd", "Once"), StatusCode::OK);
    assert_eq!(sequence(&machine(world)["spec"]["template"]["spec"]["domain"]), ["cd", "default", "root"]);
}

#[test]
fn p07_a_forced_restart_never_mixes_the_two_ways_to_run_a_machine() {
    for (running, strategy) in [(Some(false), None), (None, Some("Always"))] {
        let world = &mut lab(KubevirtVersion::V1_9);
        redefine(world, |machine| {
            let spec = machine["spec"].as_object_mut().unwrap();
            spec.remove("runStrategy");
            spec.extend(running.map(|running| ("running".to_owned(), json!(running))));
            spec.extend(strategy.map(|strategy| ("runStrategy".to_owned(), json!(strategy))));
        });
        reset(world, "On");
        until(world, NODE, "/PowerState", &json!("On"));
        for reset_type in ["ForceRestart", "PowerCycle", "GracefulRestart"] {
            assert_eq!(reset(world, reset_type), StatusCode::NO_CONTENT);
            world.advance(Duration::from_mins(1));
            until(world, NODE, "/PowerState", &json!("On"));
            let spec = &machine(world)["spec"];
            assert_eq!(spec.get("running").is_some(), running.is_some(), "{reset_type}");
            assert_eq!(spec.get("runStrategy").is_some(), strategy.is_some(), "{reset_type}");
        }
    }
}

#[test]
fn p08_power_on_while_stopping_is_carried_out() {
    let world = &mut lab(KubevirtVersion::V1_9);
    reset(world, "On");
    until(world, NODE, "/PowerState", &json!("On"));
    world.cluster.guest_ignores_acpi("lab", "node-0", true);
    reset(world, "GracefulShutdown");
    assert!(reset(world, "On").is_success());
    world.advance(Duration::from_mins(1));
    until(world, NODE, "/PowerState", &json!("On"));
}

#[test]
fn p09_ejecting_needs_neither_a_body_nor_a_medium() {
    let world = &mut lab(KubevirtVersion::V1_9);
    let uri = format!("{CD}/Actions/VirtualMedia.EjectMedia");
    for body in [None, Some(json!({}))] {
        let response = world.send(0, request(Method::POST, &uri, body.as_ref())).unwrap();
        assert_eq!(response.status(), StatusCode::NO_CONTENT);
    }
}

#[test]
fn p10_after_an_installation_the_guests_reboot_boots_the_disk() {
    let world = &mut lab(KubevirtVersion::V1_9);
    redefine(world, |machine| machine["spec"]["runStrategy"] = json!("Always"));
    reset(world, "ForceOff");
    until(world, NODE, "/PowerState", &json!("Off"));
    insert(world, ISO);
    override_with(world, "Cd", "Once");
    reset(world, "On");
    until(world, NODE, "/PowerState", &json!("On"));
    assert_eq!(first_to_boot(&instance(world).expect("a run of it")["spec"]["domain"]), Some("cdrom"));
    world.advance(Duration::from_mins(10));
    assert!(world.cluster.guest_reboot("lab", "node-0"));
    world.advance(Duration::from_mins(1));
    assert_eq!(first_to_boot(&instance(world).expect("a run of it")["spec"]["domain"]), Some("disk"));
    assert_eq!(get(world, NODE)["PowerState"], "On");
}

#[test]
fn p11_the_reboot_policy_is_set_for_one_boot_and_put_back() {
    let world = &mut lab(KubevirtVersion::V1_9);
    let policy = |object: &Value| object.pointer("/spec/template/spec/domain/rebootPolicy").cloned();
    override_with(world, "Cd", "Once");
    assert_eq!(policy(&machine(world)), Some(json!("Terminate")));
    reset(world, "On");
    until(world, NODE, "/Boot/BootSourceOverrideEnabled", &json!("Disabled"));
    assert_eq!(policy(&machine(world)), None);
}

#[test]
fn p12_the_inventory_is_there_and_true() {
    let world = &mut lab(KubevirtVersion::V1_9);
    let system = get(world, NODE);
    assert_eq!(system["ProcessorSummary"]["CoreCount"], 2);
    assert_eq!(system["MemorySummary"]["TotalSystemMemoryGiB"], json!(4));
    let nics = get(world, &format!("{NODE}/EthernetInterfaces"));
    let nic = get(world, nics["Members"][0]["@odata.id"].as_str().unwrap());
    assert!(nic["MACAddress"].as_str().is_some_and(|mac| mac.len() == 17), "{nic}");
}

#[test]
fn p13_the_links_that_clients_follow_are_there_and_lead_somewhere() {
    let world = &mut lab(KubevirtVersion::V1_9);
    let links = get(world, NODE)["Links"].clone();
    for name in ["ManagedBy", "Chassis"] {
        let uri = links[name][0]["@odata.id"].as_str().unwrap_or_else(|| panic!("{name} in {links}")).to_owned();
        assert_eq!(get(world, &uri)["@odata.id"], uri);
    }
}

#[test]
fn p15_the_mode_reads_back_as_it_was_set() {
    let world = &mut lab(KubevirtVersion::V1_9);
    for mode in ["Legacy", "UEFI"] {
        let boot = json!({ "BootSourceOverrideTarget": "Pxe", "BootSourceOverrideMode": mode });
        assert_eq!(patch(world, &json!({ "Boot": boot })), StatusCode::OK);
        assert_eq!(get(world, NODE)["Boot"]["BootSourceOverrideMode"], mode);
    }
}

/// There is no way to a console yet; so nobody is sent looking for one.
#[test]
fn p14_no_console_is_promised_that_is_not_there() {
    let world = &mut lab(KubevirtVersion::V1_9);
    let system = get(world, NODE);
    let manager = get(world, system["Links"]["ManagedBy"][0]["@odata.id"].as_str().unwrap());
    for name in ["SerialConsole", "GraphicalConsole", "CommandShell"] {
        assert!(system.get(name).is_none() && manager.get(name).is_none(), "{name}");
    }
}

#[test]
fn p16_of_two_nics_one_is_chosen_to_boot_from() {
    let world = &mut lab(KubevirtVersion::V1_9);
    let node = "/redfish/v1/Systems/lab.node-2";
    let reset = format!("{node}/Actions/ComputerSystem.Reset");
    let choose = |world: &mut World, boot: Value| {
        world.send(0, request(Method::PATCH, node, Some(&json!({ "Boot": boot })))).unwrap().status()
    };
    let boot = |world: &mut World| {
        assert_eq!(post(world, &reset, &json!({ "ResetType": "On" })), StatusCode::NO_CONTENT);
        until(world, node, "/PowerState", &json!("On"));
        let run = world.cluster.object("virtualmachineinstances", "lab", "node-2").expect("a run of it");
        assert_eq!(post(world, &reset, &json!({ "ResetType": "ForceOff" })), StatusCode::NO_CONTENT);
        until(world, node, "/PowerState", &json!("Off"));
        sequence(&run["spec"]["domain"])
    };
    // The option of a NIC names it and can be chosen by its reference.
    let option = get(world, &format!("{node}/BootOptions/Nic.provisioning"));
    let reference = option["BootOptionReference"].clone();
    let next = json!({
        "BootSourceOverrideTarget": "UefiBootNext", "BootSourceOverrideEnabled": "Once", "BootNext": reference,
    });
    assert_eq!(choose(world, next), StatusCode::OK);
    assert_eq!(boot(world), ["provisioning", "root"]);
    assert_eq!(boot(world), ["root"]);
    assert_eq!(choose(world, json!({ "BootOrder": [reference, "Drive.root"] })), StatusCode::OK);
    assert_eq!(boot(world), ["provisioning", "root"]);
    // What boots from the network boots from that one; the other was left out by its owner.
    let network = json!({ "BootSourceOverrideTarget": "Pxe", "BootSourceOverrideEnabled": "Continuous" });
    assert_eq!(choose(world, network), StatusCode::OK);
    assert_eq!(boot(world), ["provisioning", "root"]);
}

#[test]
fn p16_devices_that_their_owner_left_out_stay_out_of_the_boot_sequence() {
    let world = &mut lab(KubevirtVersion::V1_9);
    assert_eq!(override_with(world, "Hdd", "Continuous"), StatusCode::OK);
    assert_eq!(sequence(&machine(world)["spec"]["template"]["spec"]["domain"]), ["root"]);
    assert_eq!(override_with(world, "None", "Disabled"), StatusCode::OK);
    assert_eq!(sequence(&machine(world)["spec"]["template"]["spec"]["domain"]), ["root"]);
}

#[test]
fn p17_booting_from_the_disc_drops_no_other_device() {
    for version in VERSIONS {
        let world = &mut lab(version);
        insert(world, ISO);
        assert_eq!(override_with(world, "Cd", "Continuous"), StatusCode::OK);
        let sequence = sequence(&machine(world)["spec"]["template"]["spec"]["domain"]);
        assert_eq!(sequence.get(1..), Some(&["root".to_owned()][..]), "{version:?}");
    }
}

#[test]
fn p18_an_image_server_is_verified_by_the_certificates_that_are_given_for_it() {
    let world = &mut lab(KubevirtVersion::V1_9);
    let verify = json!({ "VerifyCertificate": true });
    let response = world.send(0, request(Method::PATCH, CD, Some(&verify))).unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    let body = json!({ "CertificateType": "PEM", "CertificateString": certificate(1) });
    let response = world.send(0, request(Method::POST, &format!("{CD}/Certificates"), Some(&body))).unwrap();
    assert_eq!(response.status(), StatusCode::CREATED);
    assert_eq!(insert(world, "https://ironic.internal:6183/redfish/boot.iso"), StatusCode::NO_CONTENT);
    let import = machine(world)["spec"]["template"]["spec"]["volumes"][1]["dataVolume"]["name"].clone();
    let import = world.cluster.object("datavolumes", "lab", import.as_str().unwrap()).unwrap();
    let known = import["spec"]["source"]["http"]["certConfigMap"].as_str().expect("certificates");
    let known = world.cluster.object("configmaps", "lab", known).unwrap();
    let trusted = known["data"].as_object().unwrap().values().any(|pem| pem.as_str() == Some(certificate(1).as_str()));
    assert!(trusted, "{known}");
}

#[test]
fn p28_a_machine_is_said_to_be_off_only_when_no_guest_can_be_running() {
    let world = &mut lab(KubevirtVersion::V1_9);
    reset(world, "On");
    until(world, NODE, "/PowerState", &json!("On"));
    world.cluster.guest_ignores_acpi("lab", "node-0", true);
    reset(world, "GracefulShutdown");
    for _ in 0..600 {
        let run = world.cluster.object("virtualmachineinstances", "lab", "node-0");
        let may_run = run.is_some_and(|run| !matches!(run["status"]["phase"].as_str(), Some("Succeeded" | "Failed")));
        let said_to_be_off = get(world, NODE)["PowerState"] == "Off";
        assert!(!(said_to_be_off && may_run));
        if said_to_be_off {
            return;
        }
        world.advance(Duration::from_millis(100));
    }
    panic!("it never ends");
}
