//! Machines that share an import: their tasks, what one of them calls off, replicas that come and go in the middle of it.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "tests may fail")]

use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use kubevirt_redfish_core::kubevirt::Settings;
use kubevirt_redfish_fixtures::cluster::{ClusterConfig, Fault, FaultEffect, KubevirtVersion};
use kubevirt_redfish_fixtures::laboratory::{self, start};
use kubevirt_redfish_fixtures::world::World;
use serde_json::{Value, json};

const TASKS: &str = "/redfish/v1/TaskService/Tasks";
const IMAGE: &str = "https://images.example/a.iso";
const STEP: Duration = Duration::from_millis(100);

/// Three machines that are off, on storage that several can use at a time, and one replica.
fn lab(version: KubevirtVersion) -> World {
    let cluster = ClusterConfig { shared_storage: true, ..ClusterConfig::new(version) };
    let mut world = laboratory::world(cluster, laboratory::config(), Settings::default(), &[0, 1, 2]);
    start(&mut world);
    world
}

fn action(machine: usize, name: &str, body: &Value) -> Request<Bytes> {
    let uri = format!("/redfish/v1/Systems/lab.node-{machine}/VirtualMedia/Cd/Actions/VirtualMedia.{name}");
    laboratory::request(Method::POST, &uri, Some(body))
}

fn insertion(machine: usize, image: &str) -> Request<Bytes> {
    action(machine, "InsertMedia", &json!({ "Image": image }))
}

fn ejection(machine: usize) -> Request<Bytes> {
    action(machine, "EjectMedia", &json!({}))
}

fn send(world: &mut World, replica: usize, request: Request<Bytes>) -> Response<Bytes> {
    world.send(replica, request).expect("an answer")
}

fn get(world: &mut World, replica: usize, uri: &str) -> Value {
    let response = send(world, replica, laboratory::request(Method::GET, uri, None));
    assert_eq!(response.status(), StatusCode::OK, "{uri}");
    serde_json::from_slice(response.body()).unwrap()
}

/// The tasks that a replica shows.
fn tasks(world: &mut World, replica: usize) -> Vec<Value> {
    let members = get(world, replica, TASKS)["Members"].as_array().cloned().unwrap();
    members.iter().map(|member| get(world, replica, member["@odata.id"].as_str().unwrap())).collect()
}

/// What is in a machine's drive, by the name of the import.
fn held(world: &World, machine: usize) -> Option<String> {
    let object = world.cluster.object("virtualmachines", "lab", &format!("node-{machine}"))?;
    let volumes = object["spec"]["template"]["spec"]["volumes"].as_array()?.clone();
    let mut imports = volumes.iter().filter(|volume| volume["name"] != "root");
    imports.find_map(|volume| volume["dataVolume"]["name"].as_str().map(ToOwned::to_owned))
}

fn owners(world: &World, import: &str) -> Vec<String> {
    let import = world.cluster.object("datavolumes", "lab", import).unwrap_or_default();
    let owners = import["metadata"]["ownerReferences"].as_array().cloned().unwrap_or_default();
    owners.iter().filter_map(|owner| owner["name"].as_str().map(ToOwned::to_owned)).collect()
}

/// Every medium is held by an import that its machine owns, and nobody owns one that is in no drive.
fn assert_consistent(world: &World, what: &str) {
    let mut users = std::collections::BTreeMap::<String, Vec<String>>::new();
    for machine in 0..3 {
        if let Some(import) = held(world, machine) {
            users.entry(import).or_default().push(format!("node-{machine}"));
        }
    }
    assert_eq!(world.cluster.count("datavolumes"), users.len(), "{what}");
    for (import, machines) in users {
        let mut owners = owners(world, &import);
        owners.sort();
        assert_eq!(owners, machines, "{what}");
    }
}

#[test]
fn the_task_of_an_import_shows_for_every_machine_that_waits_for_it() {
    let world = &mut lab(KubevirtVersion::V1_9);
    let other = start(world);
    for machine in [0, 1] {
        let mut request = insertion(machine, IMAGE);
        request.headers_mut().insert("prefer", "respond-async".parse().unwrap());
        assert_eq!(send(world, 0, request).status(), StatusCode::ACCEPTED);
    }
    assert_eq!(send(world, 0, insertion(2, IMAGE)).status(), StatusCode::NO_CONTENT);
    world.advance(Duration::from_millis(2500));
    assert_eq!(world.cluster.count("datavolumes"), 1);
    for replica in [0, other] {
        let tasks = tasks(world, replica);
        assert_eq!(tasks.len(), 3, "{tasks:#?}");
        assert!(tasks.iter().all(|task| task["TaskState"] == "Running" && task["PercentComplete"] != 0), "{tasks:#?}");
    }
    world.advance(Duration::from_secs(10));
    let ended = tasks(world, other);
    assert_eq!((ended.len(), ended.iter().filter(|task| task["TaskState"] == "Completed").count()), (3, 3));
    // Its end is seen at every machine.
    for machine in 0..3 {
        let media = get(world, other, &format!("/redfish/v1/Systems/lab.node-{machine}/VirtualMedia/Cd"));
        assert_eq!((&media["Image"], &media["Status"]["State"]), (&json!(IMAGE), &json!("Enabled")));
    }
    send(world, other, ejection(1));
    world.advance(Duration::from_secs(5));
    for replica in [0, other] {
        assert_eq!(tasks(world, replica).len(), 2);
    }
    assert_consistent(world, "after an ejection");
}

#[test]
fn who_calls_off_a_task_takes_the_image_from_nobody_else() {
    let world = &mut lab(KubevirtVersion::V1_9);
    for machine in [0, 1] {
        assert_eq!(send(world, 0, insertion(machine, IMAGE)).status(), StatusCode::NO_CONTENT);
    }
    let task = tasks(world, 0).into_iter().find(|task| task.to_string().contains("node-1")).expect("its task");
    let uri = task["@odata.id"].as_str().unwrap().to_owned();
    let response = send(world, 0, laboratory::request(Method::DELETE, &uri, None));
    assert!(response.status().is_success(), "{response:?}");
    world.advance(Duration::from_secs(20));
    assert_eq!((held(world, 0).is_some(), held(world, 1)), (true, None));
    assert_consistent(world, "after a task was called off");
    let ended = tasks(world, 0);
    assert_eq!((ended.len(), &ended[0]["TaskState"]), (1, &json!("Completed")));
}

#[test]
fn machines_that_wait_for_one_image_start_when_it_is_there() {
    let world = &mut lab(KubevirtVersion::V1_9);
    for machine in 0..3 {
        send(world, 0, insertion(machine, IMAGE));
        let reset = format!("/redfish/v1/Systems/lab.node-{machine}/Actions/ComputerSystem.Reset");
        let on = laboratory::request(Method::POST, &reset, Some(&json!({ "ResetType": "On" })));
        assert!(send(world, 0, on).status().is_success());
    }
    world.advance(Duration::from_secs(30));
    for machine in 0..3 {
        assert_eq!(get(world, 0, &format!("/redfish/v1/Systems/lab.node-{machine}"))["PowerState"], "On");
    }
}

/// One comes while the last one goes, on two replicas, at every step of the way.
#[test]
fn who_comes_while_the_last_one_goes_has_the_image() {
    for version in [KubevirtVersion::V1_8, KubevirtVersion::V1_9] {
        for after in 0..24 {
            for first in [0, 1] {
                let world = &mut lab(version);
                let other = start(world);
                send(world, 0, insertion(0, IMAGE));
                world.advance(Duration::from_secs(20));
                world.cluster.inject(Fault::new(FaultEffect::SlowAnswer(STEP)));
                let (one, two) =
                    if first == 0 { (insertion(1, IMAGE), ejection(0)) } else { (ejection(0), insertion(1, IMAGE)) };
                let one = world.begin(0, one);
                world.advance(STEP * after / 2);
                let two = world.begin(other, two);
                world.advance(Duration::from_secs(40));
                world.cluster.clear_faults();
                let what = format!("{version:?} after {after}, first {first}");
                for exchange in [one, two] {
                    assert_eq!(world.response(exchange).expect("an answer").status(), StatusCode::NO_CONTENT, "{what}");
                }
                world.advance(Duration::from_mins(1));
                assert_eq!((held(world, 0), held(world, 1).is_some()), (None, true), "{what}");
                assert_consistent(world, &what);
            }
        }
    }
}

#[test]
fn insertions_at_the_same_time_share_an_import() {
    for after in 0..16 {
        let world = &mut lab(KubevirtVersion::V1_9);
        let other = start(world);
        world.cluster.inject(Fault::new(FaultEffect::SlowAnswer(STEP)));
        let one = world.begin(0, insertion(0, IMAGE));
        world.advance(STEP * after / 2);
        let two = world.begin(other, insertion(1, IMAGE));
        let three = world.begin(other, insertion(2, IMAGE));
        world.advance(Duration::from_secs(40));
        for exchange in [one, two, three] {
            assert_eq!(world.response(exchange).expect("an answer").status(), StatusCode::NO_CONTENT, "{after}");
        }
        assert_eq!(world.cluster.count("datavolumes"), 1, "after {after}");
        assert_consistent(world, &format!("after {after}"));
    }
}

#[test]
fn what_was_cut_short_is_tidied_up_and_nobody_else_suffers() {
    for (name, request) in [("insertion", insertion(1, IMAGE)), ("ejection", ejection(1))] {
        let mut after = 0;
        loop {
            let world = &mut lab(KubevirtVersion::V1_9);
            send(world, 0, insertion(0, IMAGE));
            if name == "ejection" {
                send(world, 0, insertion(1, IMAGE));
            }
            world.cluster.inject(Fault::new(FaultEffect::SlowAnswer(STEP)));
            let exchange = world.begin(0, request.clone());
            world.advance(STEP * after + STEP / 2);
            let answered = world.response(exchange).is_some();
            world.kill(0);
            world.cluster.clear_faults();
            let replica = start(world);
            world.advance(Duration::from_mins(15));
            assert!(held(world, 0).is_some());
            assert_consistent(world, &format!("{name} after {after}"));
            for machine in [0, 1] {
                send(world, replica, ejection(machine));
            }
            world.advance(Duration::from_mins(1));
            assert_eq!(world.cluster.count("datavolumes"), 0, "{name} after {after}");
            if answered {
                break;
            }
            after += 1;
        }
        assert!(after > 3, "{after}");
    }
}

/// Whether a claim is being removed.
fn claim_goes(world: &World, name: &str) -> bool {
    let claim = world.cluster.object("persistentvolumeclaims", "lab", name);
    claim.is_some_and(|claim| claim["metadata"]["deletionTimestamp"].is_string())
}

/// A copy that a guest still runs on keeps its name while it is being removed: nobody is given that.
#[test]
fn an_image_of_which_an_older_copy_is_being_removed_is_copied_anew() {
    for shared in [true, false] {
        for version in [KubevirtVersion::V1_6, KubevirtVersion::V1_9] {
            for again in [0, 1] {
                let cluster = ClusterConfig { shared_storage: shared, ..ClusterConfig::new(version) };
                let mut world = laboratory::world(cluster, laboratory::config(), Settings::default(), &[0, 1, 2]);
                let world = &mut world;
                start(world);
                let power = |world: &mut World, machine: usize, reset_type: &str| {
                    let uri = format!("/redfish/v1/Systems/lab.node-{machine}/Actions/ComputerSystem.Reset");
                    let body = json!({ "ResetType": reset_type });
                    send(world, 0, laboratory::request(Method::POST, &uri, Some(&body))).status()
                };
                let image = |world: &mut World, machine: usize| {
                    let uri = format!("/redfish/v1/Systems/lab.node-{machine}/VirtualMedia/Cd");
                    get(world, 0, &uri)["Image"].clone()
                };
                send(world, 0, insertion(0, IMAGE));
                world.advance(Duration::from_mins(1));
                let old = held(world, 0).expect("it is in");
                assert_eq!(power(world, 0, "On"), StatusCode::NO_CONTENT);
                world.advance(Duration::from_mins(1));
                // A pod that does not let go of it, as those of older releases do not.
                world.cluster.edit("persistentvolumeclaims", "lab", &old, |claim| {
                    claim["metadata"]["finalizers"] = json!(["example.com/in-use"]);
                });
                assert_eq!(send(world, 0, ejection(0)).status(), StatusCode::NO_CONTENT);
                world.advance(Duration::from_secs(10));
                let name = format!("shared {shared}, {version:?}, into {again}");
                assert!(claim_goes(world, &old), "{name}");
                assert_eq!(send(world, 0, insertion(again, IMAGE)).status(), StatusCode::NO_CONTENT, "{name}");
                let new = held(world, again).expect("it is in");
                assert_ne!(new, old, "{name}");
                // Once more, as a client does whose answer was lost.
                assert_eq!(send(world, 0, insertion(again, IMAGE)).status(), StatusCode::NO_CONTENT, "{name}");
                assert_eq!(held(world, again).expect("it is in"), new);
                power(world, again, if again == 0 { "ForceRestart" } else { "On" });
                world.advance(Duration::from_mins(3));
                assert_eq!(image(world, again), IMAGE, "{name}");
                let uri = format!("/redfish/v1/Systems/lab.node-{again}");
                let shown = get(world, 0, &uri);
                assert_eq!((&shown["PowerState"], &shown["Status"]["Health"]), (&json!("On"), &json!("OK")), "{name}");
                assert!(!claim_goes(world, &new), "{name}");
                assert_eq!(send(world, 0, ejection(again)).status(), StatusCode::NO_CONTENT, "{name}");
                world.advance(Duration::from_mins(5));
                assert_eq!(world.cluster.count("datavolumes"), 0, "{name}");
            }
        }
    }
}

/// The same of what somebody else keeps in the cluster.
#[test]
fn a_volume_whose_copy_is_being_removed_is_not_inserted() {
    let world = &mut lab(KubevirtVersion::V1_9);
    let labels = json!({ "redfish.kubevirt.io/media": "true" });
    world.cluster.seed([
        json!({
            "apiVersion": "cdi.kubevirt.io/v1beta1", "kind": "DataVolume",
            "metadata": { "name": "tools", "namespace": "lab", "labels": labels },
            "spec": { "source": { "blank": {} }, "storage": { "resources": { "requests": { "storage": "1Gi" } } } },
            "status": { "phase": "Succeeded" },
        }),
        json!({
            "apiVersion": "v1", "kind": "PersistentVolumeClaim",
            "metadata": {
                "name": "tools", "namespace": "lab", "deletionTimestamp": "2026-11-21T02:00:00Z",
                "finalizers": ["example.com/kept"],
            },
            "spec": { "accessModes": ["ReadOnlyMany"], "resources": { "requests": { "storage": "1Gi" } } },
            "status": { "phase": "Bound" },
        }),
    ]);
    world.advance(Duration::from_secs(1));
    let response = send(world, 0, insertion(0, "dv://tools"));
    assert_eq!(response.status(), StatusCode::CONFLICT);
    assert!(String::from_utf8_lossy(response.body()).contains("is being removed"));
    assert_eq!(held(world, 0), None);
}
