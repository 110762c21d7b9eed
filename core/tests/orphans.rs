//! Replicas that end in the middle of something: whoever comes after them finishes it or clears it away.

#![expect(clippy::expect_used, reason = "tests may fail")]

use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use kubevirt_redfish_core::kubevirt::Settings;
use kubevirt_redfish_fixtures::cluster::{ClusterConfig, Fault, FaultEffect, KubevirtVersion, Rule};
use kubevirt_redfish_fixtures::laboratory::{self, start};
use kubevirt_redfish_fixtures::sample;
use kubevirt_redfish_fixtures::world::World;
use serde_json::{Value, json};

const NODE: &str = "/redfish/v1/Systems/lab.node-0";
const RESET: &str = "/redfish/v1/Systems/lab.node-0/Actions/ComputerSystem.Reset";
const INSERT: &str = "/redfish/v1/Systems/lab.node-0/VirtualMedia/Cd/Actions/VirtualMedia.InsertMedia";
const EJECT: &str = "/redfish/v1/Systems/lab.node-0/VirtualMedia/Cd/Actions/VirtualMedia.EjectMedia";
const STEP: Duration = Duration::from_millis(100);

/// One machine that is off, and one replica.
fn lab(version: KubevirtVersion) -> World {
    let mut world = laboratory::world(ClusterConfig::new(version), laboratory::config(), Settings::default(), &[0]);
    start(&mut world);
    world
}

fn request(method: Method, path: &str, body: &Value) -> Request<Bytes> {
    laboratory::request(method, path, (!body.is_null()).then_some(body))
}

fn send(world: &mut World, replica: usize, method: Method, path: &str, body: &Value) -> Response<Bytes> {
    world.send(replica, request(method, path, body)).expect("an answer")
}

fn insertion(image: &str) -> Value {
    json!({
        "Image": image, "Inserted": true, "TransferProtocolType": "HTTPS", "UserName": "user", "Password": "p4ssw0rd",
    })
}

fn left(world: &World) -> (usize, usize) {
    (world.cluster.count("datavolumes"), world.cluster.count("secrets"))
}

/// Has a request carried out by a replica that is killed after so many of its own requests have had their effect;
/// whether it was answered before.
fn cut_short(world: &mut World, request: Request<Bytes>, after: u32) -> bool {
    world.cluster.inject(Fault::new(FaultEffect::SlowAnswer(STEP)));
    let exchange = world.begin(0, request);
    world.advance(STEP * after + STEP / 2);
    let answered = world.response(exchange).is_some();
    world.kill(0);
    world.cluster.clear_faults();
    answered
}

#[test]
fn an_insertion_that_was_cut_short_leaves_nothing_behind() {
    for version in [KubevirtVersion::V1_8, KubevirtVersion::V1_9] {
        for ejected in [false, true] {
            let mut after = 0;
            loop {
                let world = &mut lab(version);
                let answered =
                    cut_short(world, request(Method::POST, INSERT, &insertion("https://images.example/a.iso")), after);
                world.advance(Duration::from_secs(5));
                let replica = start(world);
                let inserted = world.cluster.object("virtualmachines", "lab", "node-0").unwrap();
                let inserted = inserted["metadata"]["annotations"].to_string().contains("a.iso");
                assert!(inserted || !answered, "what was answered is so");
                if ejected {
                    assert_eq!(
                        send(world, replica, Method::POST, EJECT, &Value::Null).status(),
                        StatusCode::NO_CONTENT
                    );
                }
                world.advance(Duration::from_mins(12));
                let expected = if inserted && !ejected { (1, 1) } else { (0, 0) };
                assert_eq!(left(world), expected, "{version:?} after {after}, ejected: {ejected}");
                if answered {
                    assert!(after > 5, "{after}");
                    break;
                }
                after += 1;
            }
        }
    }
}

/// A client that asks again is answered by another replica, while the first is still at it.
#[test]
fn replicas_that_insert_the_same_image_share_its_import() {
    for after in 0..10 {
        let world = &mut lab(KubevirtVersion::V1_9);
        start(world);
        world.keep_record();
        world.cluster.inject(Fault::new(FaultEffect::SlowAnswer(STEP)));
        let insertion = insertion("https://images.example/a.iso");
        let first = world.begin(0, request(Method::POST, INSERT, &insertion));
        world.advance(STEP * after + STEP / 2);
        let second = world.begin(1, request(Method::POST, INSERT, &insertion));
        world.advance(Duration::from_secs(20));
        for exchange in [first, second] {
            assert_eq!(world.response(exchange).unwrap().status(), StatusCode::NO_CONTENT, "after {after}");
        }
        let mut removals = world.recorded().lines().filter(|line| line.contains("DELETE"));
        assert_eq!(removals.find(|line| line.contains("/datavolumes/")), None, "after {after}");
        assert_eq!(left(world), (1, 1), "after {after}");
    }
}

#[test]
fn an_insertion_that_was_cut_short_can_be_repeated() {
    for after in 0..12 {
        for (image, left_over) in [("https://images.example/a.iso", (1, 1)), ("https://images.example/b.iso", (1, 1))] {
            let world = &mut lab(KubevirtVersion::V1_9);
            cut_short(world, request(Method::POST, INSERT, &insertion("https://images.example/a.iso")), after);
            let replica = start(world);
            let answer = send(world, replica, Method::POST, INSERT, &insertion(image));
            assert_eq!(answer.status(), StatusCode::NO_CONTENT, "{image} after {after}");
            world.advance(Duration::from_mins(12));
            assert_eq!(left(world), left_over, "{image} after {after}");
            let machine = world.cluster.object("virtualmachines", "lab", "node-0").unwrap();
            let volumes = machine["spec"]["template"]["spec"]["volumes"].as_array().unwrap().clone();
            let volume = volumes.iter().find_map(|volume| volume["dataVolume"]["name"].as_str()).unwrap();
            assert!(world.cluster.object("datavolumes", "lab", volume).is_some(), "{image} after {after}");
            send(world, replica, Method::POST, EJECT, &Value::Null);
            world.advance(Duration::from_mins(1));
            assert_eq!(left(world), (0, 0), "{image} after {after}");
        }
    }
}

#[test]
fn an_ejection_or_a_replacement_that_was_cut_short_leaves_nothing_behind() {
    for replaced in [false, true] {
        let mut after = 0;
        loop {
            let world = &mut lab(KubevirtVersion::V1_9);
            send(world, 0, Method::POST, INSERT, &insertion("https://images.example/a.iso"));
            let change = if replaced {
                request(Method::POST, INSERT, &insertion("https://images.example/b.iso"))
            } else {
                request(Method::POST, EJECT, &Value::Null)
            };
            let answered = cut_short(world, change, after);
            start(world);
            world.advance(Duration::from_mins(12));
            let machine = world.cluster.object("virtualmachines", "lab", "node-0").unwrap();
            let annotations = machine["metadata"]["annotations"].to_string();
            let inserted = usize::from(annotations.contains(".iso"));
            assert_eq!(left(world).0, inserted, "after {after}, replaced: {replaced}");
            if answered {
                break;
            }
            after += 1;
        }
    }
}

#[test]
fn what_cannot_be_removed_is_tried_again() {
    let world = &mut lab(KubevirtVersion::V1_9);
    send(world, 0, Method::POST, INSERT, &insertion("https://images.example/a.iso"));
    world.cluster.forbid(vec![Rule::new("delete", "cdi.kubevirt.io", "datavolumes")]);
    assert_eq!(send(world, 0, Method::POST, EJECT, &Value::Null).status(), StatusCode::NO_CONTENT);
    world.advance(Duration::from_mins(30));
    assert_eq!(left(world).0, 1);
    // Nothing else suffers from it.
    send(world, 0, Method::POST, RESET, &json!({ "ResetType": "On" }));
    world.advance(Duration::from_secs(30));
    let shown: Value = serde_json::from_slice(send(world, 0, Method::GET, NODE, &Value::Null).body()).unwrap();
    assert_eq!(shown["PowerState"], "On");
    world.cluster.forbid(Vec::new());
    world.advance(Duration::from_mins(6));
    assert_eq!(left(world), (0, 0));
}

#[test]
fn what_was_made_for_an_earlier_machine_of_the_name_goes() {
    let world = &mut lab(KubevirtVersion::V1_9);
    send(world, 0, Method::POST, INSERT, &json!({ "Image": "https://images.example/a.iso" }));
    let name = world.cluster.object("virtualmachines", "lab", "node-0").unwrap()["spec"]["template"]["spec"]["volumes"]
        .as_array()
        .and_then(|volumes| volumes.iter().find_map(|volume| volume["dataVolume"]["name"].as_str()))
        .unwrap()
        .to_owned();
    // As `kubectl delete --cascade=orphan` leaves it.
    world.cluster.edit("datavolumes", "lab", &name, |volume| volume["metadata"]["ownerReferences"] = json!([]));
    world.cluster.delete("virtualmachines", "lab", "node-0");
    world.advance(Duration::from_secs(10));
    let now = world.now();
    world.cluster.apply(now, sample::lab_virtual_machine(0, 2, KubevirtVersion::V1_9)).unwrap();
    world.advance(Duration::from_mins(12));
    assert_eq!(left(world), (0, 0));
}

/// However old it is: whoever takes it out has a moment to remove it, or to put it back.
#[test]
fn what_was_just_taken_out_is_left_alone_for_a_moment() {
    let world = &mut lab(KubevirtVersion::V1_9);
    send(world, 0, Method::POST, INSERT, &json!({ "Image": "https://images.example/a.iso" }));
    world.advance(Duration::from_mins(30));
    world.cluster.edit("virtualmachines", "lab", "node-0", |machine| {
        machine["metadata"]["annotations"].as_object_mut().unwrap().retain(|key, _| !key.contains("media"));
        let volumes = machine["spec"]["template"]["spec"]["volumes"].as_array_mut().unwrap();
        volumes.retain(|volume| !volume["dataVolume"]["name"].as_str().unwrap_or_default().contains("-cd-"));
    });
    world.advance(Duration::from_secs(50));
    assert_eq!(left(world), (1, 0));
    world.advance(Duration::from_mins(1));
    assert_eq!(left(world), (0, 0));
}

/// A volume that somebody else's hand has put to use stays, whoever made it.
#[test]
fn what_is_in_use_is_no_orphan() {
    let world = &mut lab(KubevirtVersion::V1_9);
    send(world, 0, Method::POST, INSERT, &json!({ "Image": "https://images.example/a.iso" }));
    world.cluster.edit("virtualmachines", "lab", "node-0", |machine| {
        let annotations = machine["metadata"]["annotations"].as_object_mut().unwrap();
        annotations.retain(|key, _| !key.contains("media"));
    });
    world.advance(Duration::from_mins(30));
    assert_eq!(left(world), (1, 0));
}
