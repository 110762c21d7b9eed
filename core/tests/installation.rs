//! What a machine boots from over its life, seen from a Redfish client: overrides, orders and installations, over the
//! simulated cluster and in virtual time.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests may fail")]

use std::time::Duration;

use bytes::Bytes;
use http::{Request, StatusCode};
use kubevirt_redfish_fixtures::cluster::KubevirtVersion;
use kubevirt_redfish_fixtures::world::World;
use serde_json::{Value, json};

mod lab;

use lab::{CD, NODE, VERSIONS, first_to_boot, get, lab, patch, post, reset, until};

/// An installation at whose end the guest restarts itself, as agents and installers do.
#[test]
fn a_guest_that_restarts_after_an_installation_boots_its_disk_where_the_cluster_can() {
    for version in VERSIONS {
        // After which step the service is killed and begins anew.
        for killed_after in 0..5 {
            let world = &mut lab(version);
            let mut step = 0;
            let mut done = |world: &mut World| {
                if step == killed_after {
                    world.restart(0);
                    world.run_until(Duration::from_secs(10), |world| world.view(0).is_some_and(|view| view.is_ready()));
                }
                step += 1;
            };
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
            let installing = run(world);
            assert_eq!(first_to_boot(&installing["spec"]["domain"]), Some("cdrom"));
            let condition = get(world, NODE).pointer("/Status/Conditions/0/MessageArgs/0").cloned();
            assert_eq!(condition.is_some(), lasts, "{condition:?}");
            assert!(world.cluster.guest_reboot("lab", "node-0"));
            done(world);
            world.advance(Duration::from_mins(1));
            until(world, NODE, "/PowerState", &json!("On"));
            let installed = run(world);
            assert_eq!(installed["metadata"]["uid"] == installing["metadata"]["uid"], lasts);
            let expected = if lasts { "cdrom" } else { "disk" };
            assert_eq!(first_to_boot(&installed["spec"]["domain"]), Some(expected), "{version:?}");
            // Whatever the cluster can do: a reset by the service is a new boot.
            assert_eq!(reset(world, "GracefulRestart"), StatusCode::NO_CONTENT);
            world.advance(Duration::from_mins(1));
            until(world, NODE, "/PowerState", &json!("On"));
            assert_eq!(first_to_boot(&run(world)["spec"]["domain"]), Some("disk"), "{version:?}");
            let shown = get(world, NODE);
            assert_eq!((&shown["Status"]["Health"], shown["Status"].get("Conditions")), (&json!("OK"), None));
        }
    }
}

fn template(world: &World) -> Value {
    let machine = world.cluster.object("virtualmachines", "lab", "node-0").unwrap();
    machine["spec"]["template"]["spec"]["domain"].clone()
}

fn run(world: &World) -> Value {
    world.cluster.object("virtualmachineinstances", "lab", "node-0").unwrap()
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
    assert_eq!(first_to_boot(&run(world)["spec"]["domain"]), Some("disk"));
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
    let first = &run(world)["spec"]["domain"]["devices"]["interfaces"];
    assert!(first.as_array().unwrap().iter().any(|nic| nic["bootOrder"] == 1), "{first}");
}
