//! Power-ons that cannot be carried out at once: they are pending, and kept whatever becomes of the service.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "tests may fail")]

use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use kubevirt_redfish_core::config::{Config, PausedAs};
use kubevirt_redfish_core::kubevirt::Settings;
use kubevirt_redfish_core::model::{Action, CommandError, Completion, PendingPowerOn, PowerRequest};
use kubevirt_redfish_core::time::UnixTime;
use kubevirt_redfish_fixtures::cluster::{ClusterConfig, Fault, FaultEffect, KubevirtVersion, Rule};
use kubevirt_redfish_fixtures::laboratory::{self, start};
use kubevirt_redfish_fixtures::stub::StubCluster;
use kubevirt_redfish_fixtures::world::World;
use serde_json::{Value, json};

const NODE: &str = "/redfish/v1/Systems/lab.node-0";
const CD: &str = "/redfish/v1/Systems/lab.node-0/VirtualMedia/Cd";
const TASKS: &str = "/redfish/v1/TaskService/Tasks?$expand=.";
const IMAGE: &str = "https://images.example/boot.iso";
const VERSIONS: [KubevirtVersion; 3] = [KubevirtVersion::V1_6, KubevirtVersion::V1_8, KubevirtVersion::V1_9];

/// One machine that is off, one replica, and images that take that long to be copied.
fn lab(version: KubevirtVersion, import: Duration, change: impl FnOnce(&mut ClusterConfig, &mut Config)) -> World {
    let mut config = laboratory::config();
    let mut cluster = ClusterConfig::new(version);
    cluster.timing.import = import;
    change(&mut cluster, &mut config);
    let mut world = laboratory::world(cluster, config, Settings::default(), &[0]);
    start(&mut world);
    world
}

fn plain(version: KubevirtVersion, import: Duration) -> World {
    lab(version, import, |_, _| ())
}

fn send(world: &mut World, replica: usize, method: Method, path: &str, body: &Value) -> Response<Bytes> {
    let request = laboratory::request(method, path, (!body.is_null()).then_some(body));
    world.send(replica, request).expect("an answer")
}

fn read(world: &mut World, replica: usize, path: &str) -> Value {
    let response = send(world, replica, Method::GET, path, &Value::Null);
    assert_eq!(response.status(), StatusCode::OK, "{path}");
    serde_json::from_slice(response.body()).unwrap()
}

fn reset(world: &mut World, replica: usize, reset_type: &str) {
    let path = format!("{NODE}/Actions/ComputerSystem.Reset");
    let response = send(world, replica, Method::POST, &path, &json!({ "ResetType": reset_type }));
    assert_eq!(response.status(), StatusCode::NO_CONTENT, "{reset_type}");
}

fn insert(world: &mut World, replica: usize, image: &str) {
    let path = format!("{CD}/Actions/VirtualMedia.InsertMedia");
    let response = send(world, replica, Method::POST, &path, &json!({ "Image": image }));
    assert_eq!(response.status(), StatusCode::NO_CONTENT);
}

fn power(world: &mut World, replica: usize) -> String {
    read(world, replica, NODE)["PowerState"].as_str().unwrap().to_owned()
}

#[track_caller]
fn until_power(world: &mut World, replica: usize, state: &str) {
    for _ in 0..600 {
        if power(world, replica) == state {
            return;
        }
        world.advance(Duration::from_millis(200));
    }
    assert_eq!(power(world, replica), state);
}

fn instance(world: &World) -> Option<Value> {
    world.cluster.object("virtualmachineinstances", "lab", "node-0")
}

fn pending(world: &World) -> Option<Value> {
    let machine = world.cluster.object("virtualmachines", "lab", "node-0").unwrap();
    let text = machine["metadata"]["annotations"]["redfish.kubevirt.io/pending-power-on"].as_str()?;
    Some(serde_json::from_str(text).unwrap())
}

/// Lets a machine run whose guest takes no notice of being asked to shut down, and asks it.
fn shutting_down_for_long(world: &mut World) {
    reset(world, 0, "On");
    until_power(world, 0, "On");
    world.cluster.guest_ignores_acpi("lab", "node-0", true);
    reset(world, 0, "GracefulShutdown");
    world.advance(Duration::from_secs(2));
    assert_eq!(power(world, 0), "PoweringOff");
}

#[test]
fn a_machine_waits_for_its_image() {
    for version in VERSIONS {
        let world = &mut plain(version, Duration::from_mins(10));
        insert(world, 0, IMAGE);
        let boot = json!({ "Boot": { "BootSourceOverrideTarget": "Cd", "BootSourceOverrideEnabled": "Once" } });
        assert_eq!(send(world, 0, Method::PATCH, NODE, &boot).status(), StatusCode::OK);
        let before = world.now();
        reset(world, 0, "On");
        assert!(world.now().saturating_sub(before) < Duration::from_secs(1), "the client is not kept waiting");
        // What Ironic takes for being on its way, for as long as it takes.
        for _ in 0..18 {
            assert_eq!((power(world, 0).as_str(), instance(world)), ("PoweringOn", None), "{version:?}");
            world.advance(Duration::from_secs(30));
        }
        let tasks = read(world, 0, TASKS);
        let task = tasks["Members"].as_array().unwrap().iter().find(|task| task["TaskState"] == "Pending").unwrap();
        let told = task["Messages"][0]["Message"].as_str().unwrap();
        assert_eq!(
            told,
            format!(
                "The system is going to be turned on as soon as the image {IMAGE} has been copied into the cluster."
            )
        );
        let path = task["@odata.id"].as_str().unwrap().to_owned();
        world.advance(Duration::from_secs(90));
        assert_eq!((power(world, 0).as_str(), pending(world)), ("On", None), "{version:?}");
        let spec = instance(world).unwrap()["spec"].clone();
        assert!(spec["volumes"].to_string().contains("dataVolume"), "{version:?} {spec}");
        assert_eq!(read(world, 0, &path)["TaskState"], "Completed");
    }
}

#[test]
fn a_pending_power_on_is_kept_by_whoever_is_there() {
    let world = &mut plain(KubevirtVersion::V1_9, Duration::from_mins(2));
    insert(world, 0, IMAGE);
    reset(world, 0, "On");
    let name = pending(world).unwrap()["name"].as_str().unwrap().to_owned();
    world.kill(0);
    world.advance(Duration::from_mins(1));
    start(world);
    assert_eq!(power(world, 1), "PoweringOn");
    assert_eq!(read(world, 1, &format!("/redfish/v1/TaskService/Tasks/{name}"))["TaskState"], "Pending");
    start(world);
    world.advance(Duration::from_mins(2));
    for replica in [1, 2] {
        assert_eq!(power(world, replica), "On");
        assert_eq!(read(world, replica, &format!("/redfish/v1/TaskService/Tasks/{name}"))["TaskState"], "Completed");
    }
    assert_eq!(pending(world), None);
}

#[test]
fn a_forced_power_off_takes_the_promise_back() {
    for reset_type in ["ForceOff", "GracefulShutdown"] {
        let world = &mut plain(KubevirtVersion::V1_9, Duration::from_mins(2));
        insert(world, 0, IMAGE);
        reset(world, 0, "On");
        assert_eq!(power(world, 0), "PoweringOn");
        reset(world, 0, reset_type);
        assert_eq!((power(world, 0).as_str(), pending(world)), ("Off", None));
        world.advance(Duration::from_mins(5));
        assert_eq!((power(world, 0).as_str(), instance(world)), ("Off", None));
        reset(world, 0, "On");
        until_power(world, 0, "On");
    }
}

#[test]
fn an_image_that_cannot_be_had_is_done_without() {
    for version in VERSIONS {
        let world = &mut plain(version, Duration::from_mins(2));
        insert(world, 0, "http://images.invalid/boot.iso");
        reset(world, 0, "On");
        let name = pending(world).unwrap()["name"].as_str().unwrap().to_owned();
        assert_eq!(power(world, 0), "PoweringOn");
        world.advance(Duration::from_mins(1));
        assert_eq!(power(world, 0), "On", "{version:?}");
        assert_eq!(read(world, 0, CD)["Inserted"], false);
        let task = read(world, 0, &format!("/redfish/v1/TaskService/Tasks/{name}"));
        assert_eq!((&task["TaskState"], &task["TaskStatus"]), (&json!("Completed"), &json!("Warning")));
        let told = task["Messages"][1]["Message"].as_str().unwrap();
        assert!(told.contains("http://images.invalid/boot.iso") && told.contains("404 Not Found"), "{told}");
        world.advance(Duration::from_secs(30));
        assert_eq!(world.cluster.count("datavolumes"), 0);
        let status = read(world, 0, NODE)["Status"].clone();
        assert_eq!(status["Health"], "Warning");
        assert_eq!(status["Conditions"][0]["MessageId"], "KubeVirt.1.0.MediaLeftOut", "{status}");
        // What is inserted or ejected next is another story.
        send(world, 0, Method::POST, &format!("{CD}/Actions/VirtualMedia.EjectMedia"), &Value::Null);
        let machine = world.cluster.object("virtualmachines", "lab", "node-0").unwrap();
        assert!(!machine.to_string().contains("left-out"), "{machine}");
    }
}

#[test]
fn a_paused_machine_is_shown_as_configured() {
    for (paused_as, shown) in [(PausedAs::On, "On"), (PausedAs::Paused, "Paused")] {
        let world = &mut lab(KubevirtVersion::V1_9, Duration::from_secs(5), |_, config| config.paused_as = paused_as);
        reset(world, 0, "On");
        until_power(world, 0, "On");
        reset(world, 0, "Pause");
        world.advance(Duration::from_secs(2));
        let system = read(world, 0, NODE);
        assert_eq!((&system["PowerState"], &system["Status"]["State"]), (&json!(shown), &json!("Quiesced")));
    }
}

#[test]
fn an_import_that_recovers_is_waited_for() {
    let world = &mut plain(KubevirtVersion::V1_9, Duration::from_secs(20));
    insert(world, 0, "http://images.invalid/boot.iso");
    reset(world, 0, "On");
    world.advance(Duration::from_secs(10));
    let import = read(world, 0, TASKS)["Members"].as_array().unwrap().iter().find_map(|task| {
        let id = task["Id"].as_str()?.strip_prefix("lab.")?;
        (task["TaskState"] == "Exception").then(|| id.to_owned())
    });
    // The server comes to its senses.
    world.cluster.edit("datavolumes", "lab", &import.unwrap(), |volume| {
        volume["status"] = json!({ "phase": "Succeeded", "progress": "100.0%" });
    });
    until_power(world, 0, "On");
    assert_eq!(read(world, 0, CD)["Inserted"], true);
}

#[test]
fn an_import_that_takes_too_long_is_done_without() {
    let world = &mut lab(KubevirtVersion::V1_9, Duration::from_hours(3), |_, config| {
        config.import_timeout = Duration::from_mins(5);
    });
    insert(world, 0, IMAGE);
    world.advance(Duration::from_mins(2));
    reset(world, 0, "On");
    world.advance(Duration::from_secs(175));
    assert_eq!((power(world, 0).as_str(), instance(world)), ("PoweringOn", None));
    world.advance(Duration::from_secs(30));
    assert_eq!(power(world, 0), "On");
    assert_eq!(read(world, 0, CD)["Inserted"], false);
}

#[test]
fn an_image_that_waits_for_its_machine_is_not_waited_for() {
    let world = &mut lab(KubevirtVersion::V1_9, Duration::from_secs(5), |cluster, _| {
        cluster.wait_for_first_consumer = true;
    });
    insert(world, 0, IMAGE);
    world.advance(Duration::from_millis(500));
    let volume = read(world, 0, TASKS)["Members"][0]["Id"].as_str().unwrap().replace("lab.", "");
    // An importer that does not know how to go ahead by itself.
    world.cluster.edit("datavolumes", "lab", &volume, |volume| {
        volume["metadata"]["annotations"].as_object_mut().unwrap().retain(|key, _| !key.contains("immediate"));
        volume["status"] = json!({ "phase": "WaitForFirstConsumer" });
    });
    world.advance(Duration::from_secs(10));
    reset(world, 0, "On");
    assert_eq!(pending(world), None);
    until_power(world, 0, "On");
}

#[test]
fn a_machine_that_still_stops_is_started_later_whatever_becomes_of_the_service() {
    for version in VERSIONS {
        let world = &mut plain(version, Duration::from_secs(5));
        shutting_down_for_long(world);
        let before = world.now();
        reset(world, 0, "On");
        assert!(world.now().saturating_sub(before) < Duration::from_secs(5), "the client is not kept waiting");
        assert!(pending(world).is_some());
        world.restart(0);
        assert!(world.run_until(Duration::from_secs(10), |world| world.view(0).is_some_and(|view| view.is_ready())));
        assert_eq!(power(world, 0), "PoweringOff");
        world.advance(Duration::from_mins(1));
        assert_eq!((power(world, 0).as_str(), pending(world)), ("On", None), "{version:?}");
    }
}

/// Whoever changes by hand when a machine is to run, or starts and stops it, has the last word.
#[test]
fn a_pending_power_on_turns_on_nothing_that_was_turned_off_meanwhile() {
    let world = &mut plain(KubevirtVersion::V1_9, Duration::from_mins(2));
    let path = "/apis/kubevirt.io/v1/namespaces/lab/virtualmachines/node-0";
    insert(world, 0, IMAGE);
    reset(world, 0, "On");
    world.kill(0);
    let strategy = world.cluster.object("virtualmachines", "lab", "node-0").unwrap()["spec"]["runStrategy"].clone();
    let other = if strategy == "Halted" { "Manual" } else { "Halted" };
    let patch = Request::patch(path).header("content-type", "application/merge-patch+json");
    let patch = patch.body(Bytes::from(json!({ "spec": { "runStrategy": other } }).to_string())).unwrap();
    let now = world.now();
    world.cluster.handle_request(now, patch);
    world.advance(Duration::from_secs(1));
    start(world);
    assert_eq!(power(world, 1), "Off");
    world.advance(Duration::from_mins(5));
    assert_eq!((power(world, 1).as_str(), pending(world), instance(world)), ("Off", None, None));
}

/// Turning a machine off waits for no change of it, and only for the last request of what turns it on.
#[test]
fn a_forced_power_off_comes_next() {
    let ask = |stub: &mut StubCluster, method: Method, path: &str, body: Value| {
        let request = Request::builder().method(method).uri(path).header("authorization", "Basic YWRtaW46c2VjcmV0");
        assert!(stub.request(request.body(Bytes::from(body.to_string())).unwrap()).is_none(), "it waits");
    };
    let force_off = Action::Power(PowerRequest::ForceOff);
    let reset = format!("{NODE}/Actions/ComputerSystem.Reset");
    let mut stub = StubCluster::new();
    for target in ["Pxe", "Hdd", "Cd"] {
        ask(&mut stub, Method::PATCH, NODE, json!({ "Boot": { "BootSourceOverrideTarget": target } }));
    }
    for reset_type in ["ForceOff", "ForceOff", "On"] {
        ask(&mut stub, Method::POST, &reset, json!({ "ResetType": reset_type }));
    }
    let under_way = |stub: &StubCluster| stub.commands.iter().map(|command| command.action.clone()).collect::<Vec<_>>();
    assert_eq!((under_way(&stub).len(), &under_way(&stub)[1]), (2, &force_off), "beside the change, one at a time");
    stub.advance(Duration::from_secs(33));
    stub.complete(Err(CommandError::TimedOut));
    assert_eq!(under_way(&stub), std::slice::from_ref(&force_off), "nothing else before that");
    stub.complete(Ok(Completion::default()));
    assert_eq!(under_way(&stub), std::slice::from_ref(&force_off), "the second one");

    // What the service is about to do for an earlier request gives way.
    let mut stub = StubCluster::new();
    let (asked, until) = (stub.now.unix, UnixTime(stub.now.unix.0 + 600));
    let pending_power_on =
        PendingPowerOn { name: "0123456789abcdef".into(), asked, until, run: None, superseded: false };
    stub.redefine("lab.node-0", |machine| machine.pending_power_on = Some(Box::new(pending_power_on)));
    let keeping = stub.commands.front().map(|command| (command.id, command.action.clone())).unwrap();
    assert_eq!(keeping.1, Action::ExecutePendingPowerOn("0123456789abcdef".into()));
    ask(&mut stub, Method::POST, &reset, json!({ "ResetType": "ForceOff" }));
    assert!(stub.log.contains(&format!("cancel {}", keeping.0.0)), "{:?}", stub.log);
    assert_eq!(stub.commands.front().map(|command| &command.action), Some(&force_off));
}

/// An image is inserted again whose import takes long to go: whoever turns the machine off does not wait for that.
#[test]
fn a_forced_power_off_goes_beside_an_insertion() {
    let world = &mut plain(KubevirtVersion::V1_9, Duration::from_secs(5));
    reset(world, 0, "On");
    until_power(world, 0, "On");
    insert(world, 0, IMAGE);
    world.advance(Duration::from_secs(20));
    let machine = world.cluster.object("virtualmachines", "lab", "node-0").unwrap();
    let volumes = machine["spec"]["template"]["spec"]["volumes"].as_array().unwrap().clone();
    let import = volumes.iter().find_map(|volume| volume["dataVolume"]["name"].as_str()).unwrap();
    world.cluster.edit("datavolumes", "lab", import, |volume| {
        volume["metadata"]["finalizers"] = json!(["backup.example/keep"]);
    });
    let eject = send(world, 0, Method::POST, &format!("{CD}/Actions/VirtualMedia.EjectMedia"), &Value::Null);
    assert!(eject.status().is_success());
    let path = format!("{CD}/Actions/VirtualMedia.InsertMedia");
    let again = world.begin(0, laboratory::request(Method::POST, &path, Some(&json!({ "Image": IMAGE }))));
    world.advance(Duration::from_secs(5));
    assert!(!world.is_answered(again), "it waits for the import to go");
    let before = world.now();
    reset(world, 0, "ForceOff");
    assert!(world.now().saturating_sub(before) < Duration::from_secs(2));
    until_power(world, 0, "Off");
    world.cluster.edit("datavolumes", "lab", import, |volume| volume["metadata"]["finalizers"] = json!([]));
    world.advance(Duration::from_secs(20));
    assert!(world.is_answered(again));
    assert_eq!((power(world, 0).as_str(), &read(world, 0, CD)["Inserted"]), ("Off", &json!(true)));
    reset(world, 0, "On");
    until_power(world, 0, "On");
}

/// The owner starts the machine, and the service is not allowed to take its note off it.
#[test]
fn a_pending_power_on_that_cannot_be_cleared_is_no_reason_to_hurry() {
    let world = &mut plain(KubevirtVersion::V1_9, Duration::from_mins(10));
    insert(world, 0, IMAGE);
    reset(world, 0, "On");
    world.cluster.forbid(vec![Rule::new("patch", "kubevirt.io", "virtualmachines")]);
    world.cluster.edit("virtualmachines", "lab", "node-0", |machine| machine["spec"]["runStrategy"] = json!("Always"));
    world.keep_record();
    world.advance(Duration::from_mins(2));
    let patches = world.recorded().lines().filter(|line| line.contains("PATCH")).count();
    assert!((1..10).contains(&patches), "{patches}");
    world.cluster.forbid(Vec::new());
    world.advance(Duration::from_mins(2));
    assert_eq!(pending(world), None);
}

#[test]
fn a_restart_waits_for_the_image_too() {
    let world = &mut plain(KubevirtVersion::V1_8, Duration::from_mins(3));
    reset(world, 0, "On");
    until_power(world, 0, "On");
    insert(world, 0, IMAGE);
    reset(world, 0, "ForceRestart");
    world.advance(Duration::from_secs(20));
    assert_eq!((power(world, 0).as_str(), instance(world)), ("PoweringOn", None));
    world.advance(Duration::from_mins(3));
    assert_eq!((power(world, 0).as_str(), pending(world)), ("On", None));
    assert!(instance(world).unwrap()["spec"]["volumes"].to_string().contains("dataVolume"));
}

#[test]
fn a_cluster_that_stumbles_delays_a_pending_power_on_and_does_not_break_it() {
    for effect in [
        FaultEffect::unavailable(),
        FaultEffect::conflict(),
        FaultEffect::too_many_requests(1),
        FaultEffect::rejected_internally(),
        FaultEffect::CutBeforeEffect,
        FaultEffect::CutBeforeAnswer,
    ] {
        for skip in 0..4 {
            let world = &mut plain(KubevirtVersion::V1_9, Duration::from_secs(30));
            insert(world, 0, IMAGE);
            reset(world, 0, "On");
            start(world);
            world.cluster.inject(Fault::new(effect.clone()).path("/node-0").after(skip).times(3));
            world.advance(Duration::from_mins(2));
            for replica in [0, 1] {
                assert_eq!(power(world, replica), "On", "{effect:?} after {skip}");
            }
            assert_eq!(pending(world), None, "{effect:?} after {skip}");
        }
    }
}

/// A start that clears its pending power-on borrows another strategy, and gives it back whoever is there to do so.
#[test]
fn the_owners_strategy_comes_back_after_a_promised_start() {
    for strategy in ["Manual", "RerunOnFailure"] {
        for ends in [false, true] {
            let mut borrowed = 0;
            for cut in 0..7 {
                let world = &mut plain(KubevirtVersion::V1_9, Duration::from_secs(30));
                world.cluster.edit("virtualmachines", "lab", "node-0", |machine| {
                    machine["spec"]["runStrategy"] = json!("Manual");
                });
                world.advance(Duration::from_secs(1));
                world.cluster.edit("virtualmachines", "lab", "node-0", |machine| {
                    machine["spec"]["runStrategy"] = json!(strategy);
                    machine["status"]["runStrategy"] = json!(strategy);
                });
                insert(world, 0, IMAGE);
                reset(world, 0, "On");
                world.advance(Duration::from_secs(29));
                let slow = FaultEffect::SlowAnswer(Duration::from_millis(300));
                world.cluster.inject(Fault::new(slow).path("/node-0"));
                world.advance(Duration::from_millis(1_000 + 700 * cut));
                world.kill(0);
                let machine = world.cluster.object("virtualmachines", "lab", "node-0").unwrap();
                borrowed += usize::from(machine["spec"]["runStrategy"] == "Once");
                world.cluster.clear_faults();
                world.advance(Duration::from_secs(20));
                let ran = ends && world.cluster.guest_shutdown("lab", "node-0");
                world.advance(Duration::from_secs(20));
                start(world);
                world.advance(Duration::from_mins(1));
                let machine = world.cluster.object("virtualmachines", "lab", "node-0").unwrap();
                let chosen = machine["metadata"]["annotations"]["redfish.kubevirt.io/run-strategy"].as_str();
                let chosen = chosen.or_else(|| machine["spec"]["runStrategy"].as_str());
                let shown = power(world, 1);
                assert_eq!((chosen, &*shown), (Some(strategy), if ran { "Off" } else { "On" }), "{cut} {machine}");
                assert_eq!(pending(world), None);
            }
            assert!(borrowed > 0, "{strategy}: it was interrupted in between");
        }
    }
}
