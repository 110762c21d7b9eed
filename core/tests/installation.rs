//! What a machine boots from over its life, seen from a Redfish client: overrides, orders and installations, over the
//! simulated cluster and in virtual time.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests may fail")]

use std::time::Duration;

use bytes::Bytes;
use http::{Request, StatusCode};
use kubevirt_redfish_fixtures::cluster::KubevirtVersion;
use kubevirt_redfish_fixtures::laboratory;
use kubevirt_redfish_fixtures::world::World;
use serde_json::{Value, json};

mod lab;

use lab::{CD, NODE, VERSIONS, first_to_boot, get, instance, lab, patch, post, reset, sequence, until};

/// To be called after each step: after one of them the service is killed and begins anew.
fn kill_after_step(killed_after: usize) -> impl FnMut(&mut World) {
    let mut step = 0;
    move |world| {
        if step == killed_after {
            world.restart(0);
            laboratory::ready(world, 0);
        }
        step += 1;
    }
}

/// An installation at whose end the guest restarts itself, as agents and installers do.
#[test]
fn a_guest_that_restarts_after_an_installation_boots_its_disk_where_the_cluster_can() {
    for version in VERSIONS {
        // After which step the service is killed and begins anew.
        for killed_after in 0..5 {
            let world = &mut lab(version);
            let mut done = kill_after_step(killed_after);
            let insert = format!("{CD}/Actions/VirtualMedia.InsertMedia");
            let image = json!({ "Image": "http://images.example/boot.iso" });
            assert_eq!(post(world, &insert, &image), StatusCode::NO_CONTENT);
            done(world);
            let before = template(world);
            let boot = json!({ "Boot": { "BootSourceOverrideTarget": "Cd", "BootSourceOverrideEnabled": "Once" } });
            assert_eq!(patch(world, &boot), StatusCode::OK);
            done(world);
            let lasts = version != KubevirtVersion::V1_9;
            let condition = get(world, NODE).pointer("/Status/Conditions/0/MessageId").cloned();
            assert_eq!(condition, lasts.then(|| json!("KubeVirt.1.0.RebootBootsAgain")), "{version:?}");
            assert_eq!(reset(world, "On"), StatusCode::NO_CONTENT);
            done(world);
            until(world, NODE, "/PowerState", &json!("On"));
            until(world, NODE, "/Boot/BootSourceOverrideEnabled", &json!("Disabled"));
            done(world);
            assert_eq!(template(world), before, "order and reboot policy are put back, {version:?}");
            let installing = instance(world).unwrap();
            assert_eq!(first_to_boot(&installing["spec"]["domain"]), Some("cdrom"));
            let condition = get(world, NODE).pointer("/Status/Conditions/0/MessageArgs/0").cloned();
            assert_eq!(condition.is_some(), lasts, "{condition:?}");
            assert!(world.cluster.guest_reboot("lab", "node-0"));
            done(world);
            world.advance(Duration::from_mins(1));
            until(world, NODE, "/PowerState", &json!("On"));
            let installed = instance(world).unwrap();
            assert_eq!(installed["metadata"]["uid"] == installing["metadata"]["uid"], lasts);
            let expected = if lasts { "cdrom" } else { "disk" };
            assert_eq!(first_to_boot(&installed["spec"]["domain"]), Some(expected), "{version:?}");
            // Whatever the cluster can do: a reset by the service is a new boot.
            assert_eq!(reset(world, "GracefulRestart"), StatusCode::NO_CONTENT);
            world.advance(Duration::from_mins(1));
            until(world, NODE, "/PowerState", &json!("On"));
            assert_eq!(first_to_boot(&instance(world).unwrap()["spec"]["domain"]), Some("disk"), "{version:?}");
            let shown = get(world, NODE);
            assert_eq!((&shown["Status"]["Health"], shown["Status"].get("Conditions")), (&json!("OK"), None));
        }
    }
}

/// A choice of what becomes of the machine does not take from under it what its restart relies on.
#[test]
fn a_choice_of_power_restore_during_an_installation_leaves_its_restart_a_restart() {
    for (policy, strategy) in [("LastState", "RerunOnFailure"), ("AlwaysOff", "Manual"), ("AlwaysOn", "Always")] {
        for end in ["guest", "GracefulRestart", "ForceOff"] {
            let world = &mut lab(KubevirtVersion::V1_9);
            let insert = format!("{CD}/Actions/VirtualMedia.InsertMedia");
            post(world, &insert, &json!({ "Image": "http://images.example/boot.iso" }));
            let boot = json!({ "Boot": { "BootSourceOverrideTarget": "Cd", "BootSourceOverrideEnabled": "Once" } });
            assert_eq!(patch(world, &boot), StatusCode::OK);
            assert_eq!(reset(world, "On"), StatusCode::NO_CONTENT);
            until(world, NODE, "/PowerState", &json!("On"));
            until(world, NODE, "/Boot/BootSourceOverrideEnabled", &json!("Disabled"));
            let installing = instance(world).unwrap();
            assert_eq!(installing["spec"]["domain"]["rebootPolicy"], "Terminate");
            for policy in ["AlwaysOff", "LastState", policy] {
                assert_eq!(patch(world, &json!({ "PowerRestorePolicy": policy })), StatusCode::OK);
                assert_eq!(get(world, NODE)["PowerRestorePolicy"], policy);
            }
            world.advance(Duration::from_mins(1));
            match end {
                "guest" => assert!(world.cluster.guest_reboot("lab", "node-0")),
                "ForceOff" => {
                    assert_eq!(reset(world, end), StatusCode::NO_CONTENT);
                    until(world, NODE, "/PowerState", &json!("Off"));
                    assert_eq!(reset(world, "On"), StatusCode::NO_CONTENT);
                }
                _ => assert_eq!(reset(world, end), StatusCode::NO_CONTENT),
            }
            world.advance(Duration::from_mins(1));
            until(world, NODE, "/PowerState", &json!("On"));
            assert_ne!(instance(world).unwrap()["metadata"]["uid"], installing["metadata"]["uid"], "{policy} {end}");
            assert_eq!(first_to_boot(&instance(world).unwrap()["spec"]["domain"]), Some("disk"), "{policy} {end}");
            let machine = world.cluster.object("virtualmachines", "lab", "node-0").unwrap();
            assert_eq!(machine["spec"]["runStrategy"], strategy, "{policy} {end}: the choice is in force");
            assert_eq!(machine["metadata"]["annotations"].get("redfish.kubevirt.io/run-strategy"), None);
            assert_eq!(get(world, NODE)["PowerRestorePolicy"], policy);
        }
    }
}

fn template(world: &World) -> Value {
    let machine = world.cluster.object("virtualmachines", "lab", "node-0").unwrap();
    machine["spec"]["template"]["spec"]["domain"].clone()
}

/// A run that was over before anybody looked has used the override up: the next one boots the disk.
#[test]
fn a_boot_that_nobody_saw_uses_an_override_up() {
    let world = &mut lab(KubevirtVersion::V1_9);
    let manual = json!({ "spec": { "runStrategy": "Manual" } });
    change(world, &manual);
    let boot = json!({ "Boot": { "BootSourceOverrideTarget": "Cd", "BootSourceOverrideEnabled": "Once" } });
    assert_eq!(patch(world, &boot), StatusCode::OK);
    assert_eq!(reset(world, "On"), StatusCode::NO_CONTENT);
    world.kill(0);
    world.advance(Duration::from_mins(1));
    assert!(world.cluster.guest_shutdown("lab", "node-0"));
    world.advance(Duration::from_secs(10));
    world.restart(0);
    world.run_until(Duration::from_secs(10), |world| world.view(0).is_some_and(|view| view.is_ready()));
    until(world, NODE, "/Boot/BootSourceOverrideEnabled", &json!("Disabled"));
    assert_eq!(get(world, NODE)["PowerState"], "Off");
    assert_eq!(reset(world, "On"), StatusCode::NO_CONTENT);
    until(world, NODE, "/PowerState", &json!("On"));
    assert_eq!(first_to_boot(&instance(world).unwrap()["spec"]["domain"]), Some("disk"));
}

/// Changes `node-0` as its owner would.
fn change(world: &mut World, patch: &Value) {
    let request = Request::patch("/apis/kubevirt.io/v1/namespaces/lab/virtualmachines/node-0")
        .header("content-type", "application/merge-patch+json")
        .body(Bytes::from(patch.to_string()))
        .unwrap();
    let now = world.now();
    world.cluster.handle_request(now, request);
    world.advance(Duration::from_secs(2));
}

#[test]
fn a_boot_order_is_chosen_by_reference() {
    let world = &mut lab(KubevirtVersion::V1_9);
    let options = get(world, &format!("{NODE}/BootOptions"))["Members"].as_array().cloned().unwrap();
    let references: Vec<Value> = options
        .iter()
        .map(|option| get(world, option["@odata.id"].as_str().unwrap())["BootOptionReference"].clone())
        .collect();
    let reversed: Vec<Value> = references.iter().rev().cloned().collect();
    assert_eq!(patch(world, &json!({ "Boot": { "BootOrder": reversed } })), StatusCode::OK);
    assert_eq!(get(world, NODE)["Boot"]["BootOrder"], Value::from(reversed.clone()));
    let generation = |world: &World| {
        let machine = world.cluster.object("virtualmachines", "lab", "node-0").unwrap();
        machine["metadata"]["generation"].clone()
    };
    let before = generation(world);
    assert_eq!(patch(world, &json!({ "Boot": { "BootOrder": reversed } })), StatusCode::OK);
    assert_eq!(generation(world), before, "what is already so is no change");
    assert_eq!(reset(world, "On"), StatusCode::NO_CONTENT);
    until(world, NODE, "/PowerState", &json!("On"));
    let first = &instance(world).unwrap()["spec"]["domain"]["devices"]["interfaces"];
    assert!(first.as_array().unwrap().iter().any(|nic| nic["bootOrder"] == 1), "{first}");
}

/// kubevirtbmc#166: the mode was ignored, and always read back as `Legacy`. Ironic changes the mode of a running machine
/// alone, cycles its power and waits until it reads back.
#[test]
fn the_mode_reads_back_and_the_next_boot_has_it() {
    for version in VERSIONS {
        let world = &mut lab(version);
        reset(world, "On");
        until(world, NODE, "/PowerState", &json!("On"));
        let before = template(world)["firmware"].clone();
        assert_eq!(get(world, NODE)["Boot"]["BootSourceOverrideMode"], "UEFI");
        for (mode, loader) in [("Legacy", json!({ "bios": {} })), ("UEFI", json!({ "efi": { "secureBoot": false } }))] {
            assert_eq!(patch(world, &json!({ "Boot": { "BootSourceOverrideMode": mode } })), StatusCode::OK);
            let shown = get(world, NODE);
            assert_eq!(shown["Boot"]["BootSourceOverrideMode"], mode);
            assert_eq!(shown["Boot"]["BootSourceOverrideEnabled"], "Disabled");
            assert_eq!(shown["Status"]["Health"], "OK", "what is pending is no fault");
            assert_eq!(reset(world, "GracefulRestart"), StatusCode::NO_CONTENT);
            world.advance(Duration::from_mins(1));
            until(world, NODE, "/PowerState", &json!("On"));
            assert_eq!(instance(world).unwrap()["spec"]["domain"]["firmware"]["bootloader"], loader, "{version:?}");
            assert_eq!(get(world, NODE)["Boot"]["BootSourceOverrideMode"], mode);
        }
        assert_eq!(template(world)["firmware"], before);
    }
}

fn boot(world: &mut World, target: &str, enabled: &str) -> StatusCode {
    let boot = json!({ "BootSourceOverrideTarget": target, "BootSourceOverrideEnabled": enabled });
    patch(world, &json!({ "Boot": boot }))
}

/// kubevirt-redfish#14: the first place was taken already, and the cluster refused the change. kubevirtbmc#168: the other
/// devices lost their places. kubevirtbmc#222: devices that the owner left out were tried.
#[test]
fn every_place_is_taken_once_and_who_was_left_out_stays_out() {
    let world = &mut lab(KubevirtVersion::V1_9);
    let mut domain = template(world);
    domain["devices"]["disks"][0]["bootOrder"] = json!(1);
    domain["devices"]["interfaces"][0]["bootOrder"] = json!(2);
    let disks = domain["devices"]["disks"].clone();
    let devices = json!({ "disks": disks, "interfaces": domain["devices"]["interfaces"] });
    change(world, &json!({ "spec": { "template": { "spec": { "domain": { "devices": devices } } } } }));
    let own = sequence(&template(world));
    let [disk, nic] = [own[0].as_str(), own[1].as_str()];
    for (target, expected) in [("Pxe", vec![nic, disk]), ("Hdd", vec![disk, nic]), ("Cd", vec!["cd", disk, nic])] {
        assert_eq!(boot(world, target, "Continuous"), StatusCode::OK);
        assert_eq!(sequence(&template(world)), expected, "{target}");
        let order = get(world, NODE)["Boot"]["BootOrder"].clone();
        assert_eq!(order, json!([format!("Drive.{disk}"), format!("Nic.{nic}")]), "the machine's own");
    }
    assert_eq!(boot(world, "None", "Disabled"), StatusCode::OK);
    assert_eq!(sequence(&template(world)), own);
}

/// kubevirt-redfish#28: an override was accepted and did nothing. Whatever turns the machine on is the one boot.
#[test]
fn an_override_is_used_up_by_one_boot_however_it_comes() {
    for reset_type in ["On", "ForceRestart", "GracefulRestart", "PowerCycle", "PushPowerButton"] {
        for running in [false, true] {
            let world = &mut lab(KubevirtVersion::V1_9);
            if reset_type == "GracefulRestart" && !running {
                continue;
            }
            if running {
                reset(world, "On");
                until(world, NODE, "/PowerState", &json!("On"));
            }
            assert_eq!(boot(world, "Pxe", "Once"), StatusCode::OK);
            world.advance(Duration::from_secs(20));
            assert_eq!(get(world, NODE)["Boot"]["BootSourceOverrideEnabled"], "Once", "nothing has booted");
            let shown = get(world, NODE);
            assert_eq!(shown["Status"]["Health"], "OK");
            assert_eq!(reset(world, reset_type), StatusCode::NO_CONTENT);
            world.advance(Duration::from_mins(1));
            if running && matches!(reset_type, "On" | "PushPowerButton") {
                // The one is no boot, the other ends the run.
                assert_eq!(get(world, NODE)["Boot"]["BootSourceOverrideEnabled"], "Once", "{reset_type}");
                continue;
            }
            assert_eq!(sequence(&instance(world).unwrap()["spec"]["domain"])[0], "default", "{reset_type}");
            assert_eq!(get(world, NODE)["Boot"]["BootSourceOverrideEnabled"], "Disabled", "{reset_type}");
            assert_eq!(reset(world, "ForceRestart"), StatusCode::NO_CONTENT);
            world.advance(Duration::from_mins(1));
            assert_ne!(
                sequence(&instance(world).unwrap()["spec"]["domain"]).first().map(String::as_str),
                Some("default")
            );
        }
    }
}

const IMAGE: &str = "https://images.example/boot-5f4c.iso?token=a&arch=x86_64";

fn boot_over_http(world: &mut World, uri: &str, enabled: &str) -> StatusCode {
    let target = json!({
        "BootSourceOverrideTarget": "UefiHttp", "BootSourceOverrideEnabled": enabled, "HttpBootUri": uri,
    });
    patch(world, &json!({ "Boot": target }))
}

/// Nothing of an image that was booted over HTTP is left, but for an empty drive where the cluster knows such.
fn nothing_is_left(world: &World) {
    assert_eq!(world.cluster.count("datavolumes"), 0);
    let machine = world.cluster.object("virtualmachines", "lab", "node-0").unwrap();
    assert!(!machine["metadata"]["annotations"].to_string().contains("redfish.kubevirt.io/media-http"), "{machine}");
    assert!(!machine["metadata"]["annotations"].to_string().contains("boot-override"), "{machine}");
    assert!(!machine["spec"]["template"]["spec"]["volumes"].to_string().contains("redfish-http"), "{machine}");
    assert_eq!(sequence(&machine["spec"]["template"]["spec"]["domain"])[0], "root");
}

/// The image is fetched into a drive of its own, booted from once, and gone when the run that uses it is over.
#[test]
fn an_image_is_booted_over_http_and_nothing_stays_behind() {
    for version in VERSIONS {
        // After which step the service is killed and begins anew.
        for killed_after in 0..4 {
            let world = &mut lab(version);
            let mut done = kill_after_step(killed_after);
            assert_eq!(boot_over_http(world, IMAGE, "Once"), StatusCode::OK);
            done(world);
            assert_eq!(boot_over_http(world, IMAGE, "Once"), StatusCode::OK, "the same again");
            let shown = get(world, NODE);
            let boot = &shown["Boot"];
            assert_eq!((&boot["HttpBootUri"], &boot["BootSourceOverrideTarget"]), (&json!(IMAGE), &json!("UefiHttp")));
            assert_eq!(shown["PowerState"], "Off");
            assert_eq!(reset(world, "On"), StatusCode::NO_CONTENT);
            done(world);
            until(world, NODE, "/PowerState", &json!("On"));
            until(world, NODE, "/Boot/BootSourceOverrideEnabled", &json!("Disabled"));
            done(world);
            assert_eq!(sequence(&instance(world).unwrap()["spec"]["domain"])[0], "redfish-http", "{version:?}");
            assert_eq!(get(world, NODE)["Boot"]["HttpBootUri"], Value::Null);
            assert_eq!(get(world, CD)["Inserted"], false, "it is in nobody's way");
            world.advance(Duration::from_mins(1));
            assert_eq!(world.cluster.count("datavolumes"), 1, "the installer reads the rest of itself from there");
            assert_eq!(reset(world, "GracefulRestart"), StatusCode::NO_CONTENT);
            world.advance(Duration::from_mins(1));
            until(world, NODE, "/PowerState", &json!("On"));
            done(world);
            world.advance(Duration::from_mins(1));
            assert_eq!(sequence(&instance(world).unwrap()["spec"]["domain"])[0], "root", "{version:?}");
            nothing_is_left(world);
        }
    }
}

#[test]
fn an_image_that_cannot_be_fetched_is_said_and_keeps_no_machine_from_starting() {
    for version in VERSIONS {
        let world = &mut lab(version);
        assert_eq!(boot_over_http(world, "https://images.invalid/boot.iso", "Once"), StatusCode::OK);
        until(world, NODE, "/Status/Conditions/0/MessageId", &json!("KubeVirt.1.0.ImportFailed"));
        assert_eq!(reset(world, "On"), StatusCode::NO_CONTENT);
        world.advance(Duration::from_mins(2));
        until(world, NODE, "/PowerState", &json!("On"));
        let run = instance(world).unwrap();
        assert!(!run["spec"]["volumes"].to_string().contains("redfish-http"), "{version:?} {run}");
        nothing_is_left(world);
    }
}

#[test]
fn booting_over_http_is_given_up_and_lasts_as_it_was_asked_for() {
    for version in VERSIONS {
        let world = &mut lab(version);
        // Something else instead, and nothing at all.
        assert_eq!(boot_over_http(world, IMAGE, "Once"), StatusCode::OK);
        let disk =
            json!({ "BootSourceOverrideTarget": "Hdd", "BootSourceOverrideEnabled": "Once", "HttpBootUri": null });
        assert_eq!(patch(world, &json!({ "Boot": disk })), StatusCode::OK);
        assert_eq!(get(world, NODE)["Boot"]["HttpBootUri"], Value::Null);
        assert_eq!(boot(world, "None", "Disabled"), StatusCode::OK);
        world.advance(Duration::from_mins(1));
        nothing_is_left(world);
        // Until it is changed; another image comes in its place.
        assert_eq!(boot_over_http(world, IMAGE, "Continuous"), StatusCode::OK);
        let other = "http://images.example/other.iso";
        assert_eq!(patch(world, &json!({ "Boot": { "HttpBootUri": other } })), StatusCode::OK);
        for _ in 0..2 {
            assert_eq!(reset(world, "On"), StatusCode::NO_CONTENT);
            until(world, NODE, "/PowerState", &json!("On"));
            assert_eq!(sequence(&instance(world).unwrap()["spec"]["domain"])[0], "redfish-http", "{version:?}");
            assert_eq!(reset(world, "ForceOff"), StatusCode::NO_CONTENT);
            until(world, NODE, "/PowerState", &json!("Off"));
        }
        assert_eq!(world.cluster.count("datavolumes"), 1, "the first image went");
        assert_eq!(patch(world, &json!({ "Boot": { "HttpBootUri": null } })), StatusCode::OK);
        assert_eq!(get(world, NODE)["Boot"]["BootSourceOverrideTarget"], "None");
        world.advance(Duration::from_mins(1));
        nothing_is_left(world);
    }
}

#[test]
fn booting_over_http_takes_a_url() {
    let world = &mut lab(KubevirtVersion::V1_9);
    for uri in ["ftp://images.example/boot.iso", "boot.iso", "docker://images.example/boot"] {
        assert_eq!(boot_over_http(world, uri, "Once"), StatusCode::BAD_REQUEST, "{uri}");
    }
    let elsewhere = json!({ "BootSourceOverrideTarget": "Cd", "HttpBootUri": IMAGE });
    assert_eq!(patch(world, &json!({ "Boot": elsewhere })), StatusCode::BAD_REQUEST);
    assert_eq!(get(world, NODE)["Boot"]["BootSourceOverrideTarget"], "None");
}

fn conditions(world: &mut World) -> Vec<Value> {
    let conditions = get(world, NODE).pointer("/Status/Conditions").and_then(Value::as_array).cloned();
    conditions.into_iter().flatten().map(|condition| condition["MessageId"].clone()).collect()
}

#[test]
fn an_override_to_what_is_first_anyway_makes_no_reboot_another() {
    for version in VERSIONS {
        let world = &mut lab(version);
        assert_eq!(boot(world, "Hdd", "Once"), StatusCode::OK);
        assert_eq!(conditions(world), Vec::<Value>::new(), "{version:?}");
        assert_eq!(boot(world, "Pxe", "Once"), StatusCode::OK);
        assert_eq!(conditions(world).is_empty(), version == KubevirtVersion::V1_9, "{version:?}");
    }
}
