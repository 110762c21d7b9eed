//! Media that cannot be had any more when a machine is starting already: it starts without them.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests may fail")]

mod lab;

use std::time::Duration;

use kubevirt_redfish_core::kubevirt::Settings;
use kubevirt_redfish_fixtures::cluster::{ClusterConfig, Fault, FaultEffect, Rule};
use kubevirt_redfish_fixtures::laboratory;
use kubevirt_redfish_fixtures::world::World;
use serde_json::{Value, json};

use lab::{CD, NODE, VERSIONS, get, instance, lab, machine, patch, post, reset, until};

const STRATEGIES: [&str; 5] = ["Always", "RerunOnFailure", "Manual", "Once", "Halted"];
const IMAGE: &str = "https://images.example/boot.iso";
const NOWHERE: &str = "http://images.invalid/boot.iso";

fn insert(world: &mut World, image: &str) {
    let path = format!("{CD}/Actions/VirtualMedia.InsertMedia");
    assert!(post(world, &path, &json!({ "Image": image })).is_success());
}

fn strategy(world: &mut World, strategy: &str) {
    world.cluster.edit("virtualmachines", "lab", "node-0", |machine| {
        machine["spec"]["runStrategy"] = json!(strategy);
    });
}

/// The name of what the machine's drive holds.
fn medium(world: &World) -> String {
    let machine = machine(world);
    let mut volumes = machine["spec"]["template"]["spec"]["volumes"].as_array().unwrap().iter();
    volumes.find_map(|volume| volume["dataVolume"]["name"].as_str()).unwrap().to_owned()
}

/// What is in the drive goes, by hand and without a trace.
fn lose(world: &mut World) {
    world.advance(Duration::from_mins(1));
    let medium = medium(world);
    world.cluster.delete("datavolumes", "lab", &medium);
    world.cluster.delete("persistentvolumeclaims", "lab", &medium);
    world.advance(Duration::from_mins(1));
}

/// It runs as its owner chose, without the medium, and says so; nothing is left of how it came to that.
#[track_caller]
fn runs_without(world: &mut World, chosen: impl Into<Value>, told: &str) {
    until(world, NODE, "/PowerState", &json!("On"));
    assert_eq!(get(world, CD)["Inserted"], false);
    let status = get(world, NODE)["Status"].clone();
    assert_eq!(status["Conditions"][0]["MessageId"], "KubeVirt.1.0.MediaLeftOut", "{status}");
    let message = status["Conditions"][0]["Message"].as_str().unwrap();
    assert!(message.contains(told), "{message}");
    world.advance(Duration::from_secs(10));
    let machine = machine(world);
    assert_eq!(machine["spec"]["runStrategy"], chosen.into(), "{machine}");
    for note in ["pending-power-on", "run-strategy"] {
        assert_eq!(machine["metadata"]["annotations"][format!("redfish.kubevirt.io/{note}")], Value::Null, "{note}");
    }
}

#[test]
fn a_medium_that_is_no_more_is_done_without() {
    for version in VERSIONS {
        for chosen in STRATEGIES {
            let world = &mut lab(version);
            insert(world, IMAGE);
            lose(world);
            // Starting it by hand comes to the same as over Redfish.
            strategy(world, chosen);
            world.advance(Duration::from_secs(5));
            assert!(reset(world, "On").is_success());
            world.advance(Duration::from_secs(10));
            let first = instance(world).unwrap()["metadata"]["uid"].clone();
            assert_eq!(get(world, NODE)["PowerState"], "PoweringOn", "{version:?} {chosen}");
            let running = if chosen == "Halted" { "Always" } else { chosen };
            runs_without(world, running, IMAGE);
            assert_ne!(instance(world).unwrap()["metadata"]["uid"], first, "it was waiting for the medium");
        }
    }
}

#[test]
fn a_machine_of_the_deprecated_field_is_no_exception() {
    let world = &mut lab(VERSIONS[0]);
    insert(world, IMAGE);
    lose(world);
    world.cluster.edit("virtualmachines", "lab", "node-0", |machine| {
        let spec = machine["spec"].as_object_mut().unwrap();
        spec.remove("runStrategy");
        spec.insert("running".to_owned(), json!(true));
    });
    runs_without(world, Value::Null, IMAGE);
    assert_eq!(machine(world)["spec"]["running"], true);
}

#[test]
fn a_stick_and_what_belongs_to_somebody_else_may_be_lost_too() {
    let world = &mut lab(VERSIONS[2]);
    let labels = json!({ "redfish.kubevirt.io/media": "true" });
    world.cluster.seed([json!({
        "apiVersion": "v1", "kind": "PersistentVolumeClaim",
        "metadata": { "name": "tools", "namespace": "lab", "labels": labels },
        "spec": { "accessModes": ["ReadOnlyMany"], "resources": { "requests": { "storage": "1Gi" } } },
        "status": { "phase": "Bound" },
    })]);
    insert(world, "pvc://tools");
    world.cluster.delete("persistentvolumeclaims", "lab", "tools");
    world.advance(Duration::from_secs(5));
    assert!(reset(world, "On").is_success());
    runs_without(world, "Always", "pvc://tools");
}

#[test]
fn an_import_that_fails_while_the_machine_starts_is_done_without() {
    for version in VERSIONS {
        for chosen in ["Always", "RerunOnFailure", "Once"] {
            let world = &mut lab(version);
            insert(world, NOWHERE);
            // Somebody who does not wait for the image.
            strategy(world, chosen);
            world.advance(Duration::from_secs(2));
            assert!(instance(world).is_some());
            runs_without(world, chosen, "404 Not Found");
        }
    }
}

/// Some clusters remove an import once it is done, and keep what it fetched.
#[test]
fn a_medium_whose_import_was_tidied_away_stays() {
    let world = &mut lab(VERSIONS[2]);
    insert(world, IMAGE);
    world.advance(Duration::from_mins(1));
    let medium = medium(world);
    world.cluster.edit("persistentvolumeclaims", "lab", &medium, |claim| {
        claim["metadata"]["ownerReferences"] = json!([]);
    });
    world.cluster.delete("datavolumes", "lab", &medium);
    world.advance(Duration::from_mins(1));
    // For another reason it takes its time.
    world.cluster.delete("persistentvolumeclaims", "lab", "node-0-root");
    assert!(reset(world, "On").is_success());
    world.keep_record();
    world.advance(Duration::from_mins(10));
    assert_eq!((&get(world, NODE)["PowerState"], &get(world, CD)["Inserted"]), (&json!("PoweringOn"), &json!(true)));
    let looked = world.recorded().lines().filter(|line| line.contains("persistentvolumeclaims")).count();
    assert!((1..12).contains(&looked), "{looked}");
}

/// Whoever turns the machine off in the meantime is heard.
#[test]
fn it_stays_off_if_it_is_turned_off() {
    let world = &mut lab(VERSIONS[2]);
    insert(world, IMAGE);
    lose(world);
    assert!(reset(world, "On").is_success());
    for _ in 0..400 {
        if machine(world)["metadata"]["annotations"]["redfish.kubevirt.io/pending-power-on"].is_string() {
            break;
        }
        world.advance(Duration::from_millis(100));
    }
    assert!(reset(world, "ForceOff").is_success());
    world.advance(Duration::from_mins(5));
    assert_eq!((&get(world, NODE)["PowerState"], instance(world)), (&json!("Off"), None));
    assert!(reset(world, "On").is_success());
    until(world, NODE, "/PowerState", &json!("On"));
}

#[test]
fn it_does_not_matter_who_sees_to_it() {
    for chosen in ["Always", "Manual", "Once"] {
        for cut in 0..12 {
            let world = &mut lab(VERSIONS[2]);
            insert(world, IMAGE);
            lose(world);
            strategy(world, chosen);
            world.advance(Duration::from_secs(1));
            assert!(reset(world, "On").is_success());
            world.advance(Duration::from_secs(15));
            // From here on everything takes its time, so that a replica may end in the middle of it.
            world.cluster.inject(Fault::new(FaultEffect::SlowAnswer(Duration::from_millis(300))).path("/node-0"));
            world.advance(Duration::from_millis(3_000 + 700 * cut));
            world.restart(0);
            world.advance(Duration::from_secs(40));
            runs_without(world, chosen, IMAGE);
        }
    }
}

/// Nobody may see to it: it goes on waiting, and is not asked for again and again.
#[test]
fn without_the_right_to_it_nothing_is_done_in_a_hurry() {
    let world = &mut lab(VERSIONS[2]);
    insert(world, IMAGE);
    lose(world);
    world.cluster.forbid(vec![Rule::new("patch", "kubevirt.io", "virtualmachines")]);
    assert!(reset(world, "On").is_success());
    world.keep_record();
    world.advance(Duration::from_mins(10));
    let patches = world.recorded().lines().filter(|line| line.contains("PATCH")).count();
    assert!((1..20).contains(&patches), "{patches}");
    world.cluster.forbid(Vec::new());
    world.advance(Duration::from_mins(3));
    assert_eq!(get(world, NODE)["PowerState"], "On");
    assert!(patch(world, &json!({ "AssetTag": "it goes on" })).is_success());
}

/// A run keeps the volumes that it began with until its guest runs, and what is ejected meanwhile is deleted.
#[test]
fn a_medium_that_is_taken_out_of_a_starting_machine_does_not_keep_it_waiting() {
    for version in VERSIONS {
        for chosen in ["Always", "Manual"] {
            for other in [None, Some(IMAGE)] {
                let mut cluster = ClusterConfig::new(version);
                cluster.timing.import = Duration::from_mins(2);
                let world = &mut laboratory::world(cluster, laboratory::config(), Settings::default(), &[0]);
                laboratory::start(world);
                insert(world, "https://images.example/large.iso");
                strategy(world, chosen);
                // Its owner starts it without asking us, who would have it wait.
                world.cluster.edit("virtualmachines", "lab", "node-0", |machine| {
                    machine["status"]["stateChangeRequests"] = json!([{ "action": "Start" }]);
                });
                world.advance(Duration::from_secs(3));
                assert_ne!(instance(world).expect("a run")["status"]["phase"], "Running");
                let eject = format!("{CD}/Actions/VirtualMedia.EjectMedia");
                assert!(post(world, &eject, &json!({})).is_success());
                if let Some(image) = other {
                    insert(world, image);
                }
                world.advance(Duration::from_mins(4));
                let shown = get(world, NODE);
                assert_eq!(shown["PowerState"], "On", "{version:?} {chosen} {other:?}: {:?}", instance(world));
                assert_eq!(get(world, CD)["Inserted"], other.is_some());
                assert_eq!(machine(world)["spec"]["runStrategy"], chosen);
            }
        }
    }
}
