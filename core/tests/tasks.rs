//! Tasks: how many there may be, how long they stay, and that they say the same on every replica.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests may fail")]

use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use kubevirt_redfish_core::kubevirt::Settings;
use kubevirt_redfish_core::model::{Completion, ImportState};
use kubevirt_redfish_core::service::Input;
use kubevirt_redfish_fixtures::cluster::{ClusterConfig, KubevirtVersion};
use kubevirt_redfish_fixtures::laboratory::{self, ready, start};
use kubevirt_redfish_fixtures::stub::StubCluster;
use kubevirt_redfish_fixtures::world::World;
use serde_json::{Value, json};

const NODE: &str = "/redfish/v1/Systems/lab.node-0";
const TASKS: &str = "/redfish/v1/TaskService/Tasks";
const INSERT: &str = "/redfish/v1/Systems/lab.node-0/VirtualMedia/Cd/Actions/VirtualMedia.InsertMedia";
const RESET: &str = "/redfish/v1/Systems/lab.node-0/Actions/ComputerSystem.Reset";
const CD: &str = "/redfish/v1/Systems/lab.node-0/VirtualMedia/Cd";

fn request(method: Method, path: &str, body: &Value) -> Request<Bytes> {
    let body = if body.is_null() { Bytes::new() } else { Bytes::from(body.to_string()) };
    Request::builder().method(method).uri(path).header("authorization", "Basic YWRtaW46c2VjcmV0").body(body).unwrap()
}

fn preferring_async(mut request: Request<Bytes>) -> Request<Bytes> {
    request.headers_mut().insert("prefer", "respond-async".parse().unwrap());
    request
}

fn json_of(response: &Response<Bytes>) -> Value {
    serde_json::from_slice(response.body()).unwrap()
}

fn location(response: &Response<Bytes>) -> String {
    assert_eq!(response.status(), StatusCode::ACCEPTED, "{response:?}");
    response.headers()["location"].to_str().unwrap().to_owned()
}

mod of_requests {
    use super::*;

    fn boot(stub: &mut StubCluster, system: &str) -> Response<Bytes> {
        let body = json!({ "Boot": { "BootSourceOverrideTarget": "Pxe" } });
        let path = format!("/redfish/v1/Systems/{system}");
        stub.request(preferring_async(request(Method::PATCH, &path, &body))).expect("an answer at once")
    }

    /// The same as somebody who sees all chassis.
    fn boot_as_other(stub: &mut StubCluster, system: &str) -> Response<Bytes> {
        let body = json!({ "Boot": { "BootSourceOverrideTarget": "Pxe" } });
        let mut request = preferring_async(request(Method::PATCH, &format!("/redfish/v1/Systems/{system}"), &body));
        let credentials = http::HeaderValue::from_static("Basic YWxsOnNlY3JldA==");
        request.headers_mut().insert("authorization", credentials);
        stub.request(request).expect("an answer at once")
    }

    fn count(stub: &StubCluster) -> u64 {
        json_of(&stub.read(TASKS))["Members@odata.count"].as_u64().unwrap()
    }

    #[test]
    fn one_machine_cannot_have_all_of_them() {
        let mut stub = StubCluster::new();
        let first = location(&boot(&mut stub, "lab.node-0"));
        for _ in 1..16 {
            location(&boot(&mut stub, "lab.node-0"));
        }
        let full = boot(&mut stub, "lab.node-0");
        assert_eq!(full.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(json_of(&full)["error"]["code"], "Base.1.22.CreateLimitReachedForResource");
        assert_eq!(full.headers()["retry-after"], "2");
        // Somebody who waits is not kept from doing so, and another machine has room of its own.
        assert!(stub.request(request(Method::POST, RESET, &json!({ "ResetType": "On" }))).is_none());
        location(&boot(&mut stub, "lab.node-1"));
        // The oldest that has ended makes room.
        stub.complete(Ok(Completion::default()));
        assert_eq!(stub.read(&first).status(), StatusCode::OK);
        location(&boot(&mut stub, "lab.node-0"));
        assert_eq!(stub.read(&first).status(), StatusCode::NOT_FOUND);
        assert_eq!(count(&stub), 17);
    }

    #[test]
    fn there_is_an_end_to_all_of_them() {
        let mut stub = StubCluster::with_systems(4_100);
        for index in 0..4_096 {
            location(&boot(&mut stub, &format!("lab.node-{index}")));
        }
        assert_eq!(boot(&mut stub, "lab.node-4096").status(), StatusCode::SERVICE_UNAVAILABLE);
        // Somebody else has tasks all the same, and keeps them.
        let other = location(&boot_as_other(&mut stub, "lab.node-4097"));
        stub.complete(Ok(Completion::default()));
        location(&boot(&mut stub, "lab.node-4096"));
        assert_eq!(count(&stub), 4_097);
        assert_ne!(stub.read(&other).status(), StatusCode::NOT_FOUND);
    }

    #[test]
    fn what_has_ended_goes_after_ten_minutes_and_not_before() {
        let mut stub = StubCluster::new();
        let monitor = location(&boot(&mut stub, "lab.node-0"));
        stub.advance(Duration::from_secs(20));
        stub.complete(Ok(Completion::default()));
        stub.advance(Duration::from_secs(599));
        assert_eq!(stub.read(&monitor).status(), StatusCode::OK);
        stub.advance(Duration::from_secs(1));
        assert_eq!(stub.read(&monitor).status(), StatusCode::NOT_FOUND);
        assert_eq!(count(&stub), 0);
    }

    #[test]
    fn what_the_cluster_never_answers_ends_too() {
        let mut stub = StubCluster::new();
        let monitor = location(&boot(&mut stub, "lab.node-0"));
        stub.advance(Duration::from_mins(1));
        let answer = stub.read(&monitor);
        assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(json_of(&answer)["error"]["code"], "Base.1.22.OperationTimeout");
    }

    #[test]
    fn a_change_made_for_another_version_fails_in_its_task() {
        let mut stub = StubCluster::new();
        let etag = stub.read(NODE).headers()["etag"].clone();
        let conditional = |target: &str| {
            let body = json!({ "Boot": { "BootSourceOverrideTarget": target } });
            let mut request = preferring_async(request(Method::PATCH, NODE, &body));
            request.headers_mut().insert("if-match", etag.clone());
            request
        };
        let first = location(&stub.request(conditional("Pxe")).unwrap());
        let second = location(&stub.request(conditional("Cd")).unwrap());
        let changed = stub.redefinition("lab.node-0", |machine| machine.asset_tag = Some("7".into()));
        stub.complete(Ok(Completion { observations: vec![changed] }));
        assert_eq!(stub.read(&first).status(), StatusCode::OK);
        assert_eq!(stub.read(&second).status(), StatusCode::PRECONDITION_FAILED);
        assert!(stub.commands.is_empty());
    }

    #[test]
    fn the_service_does_what_it_promised_before_it_ends() {
        let mut stub = StubCluster::new();
        location(&boot(&mut stub, "lab.node-0"));
        stub.handle(Input::Shutdown);
        assert!(!stub.log.contains(&"stopped".to_owned()));
        assert_eq!(boot(&mut stub, "lab.node-0").status(), StatusCode::SERVICE_UNAVAILABLE);
        stub.complete(Ok(Completion::default()));
        assert!(stub.log.contains(&"stopped".to_owned()));
    }

    #[test]
    fn a_task_is_not_that_of_the_next_machine_of_the_name() {
        let mut stub = StubCluster::new();
        let monitor = location(&boot(&mut stub, "lab.node-0"));
        stub.redefine("lab.node-0", |machine| {
            machine.uid = kubevirt_redfish_core::model::Uid::new("00000000-0000-0000-0000-000000000001");
        });
        assert_eq!(stub.read(&monitor).status(), StatusCode::NOT_FOUND);
        assert_eq!(count(&stub), 0);
    }

    #[test]
    fn a_large_body_is_not_kept() {
        let mut stub = StubCluster::new();
        let image = format!("http://images.example/{}", "x".repeat(5_000));
        let insert = preferring_async(request(Method::POST, INSERT, &json!({ "Image": image })));
        let task = json_of(&stub.request(insert).unwrap());
        assert_eq!((&task["HidePayload"], task.get("Payload")), (&json!(true), None));
    }

    #[test]
    fn an_insertion_that_failed_leaves_the_import_that_is_there_anyway() {
        let mut stub = StubCluster::new();
        let insert = json!({ "Image": "http://images.example/boot.iso" });
        let monitor = location(&stub.request(preferring_async(request(Method::POST, INSERT, &insert))).unwrap());
        let refused = kubevirt_redfish_core::model::CommandError::Refused("no".to_owned());
        stub.import("lab.node-0", Some(ImportState::Running { percent: Some(3) }));
        stub.complete(Err(refused));
        assert_eq!(stub.read(&monitor).status(), StatusCode::BAD_REQUEST);
        stub.advance(Duration::from_mins(10));
        assert_eq!(stub.read(&monitor).status(), StatusCode::ACCEPTED);
        stub.import("lab.node-0", None);
        assert_eq!(stub.read(&monitor).status(), StatusCode::NOT_FOUND);
    }
}

mod of_imports {
    use super::*;

    /// Two replicas in front of one cluster.
    fn lab() -> World {
        let cluster = ClusterConfig::new(KubevirtVersion::V1_9);
        let mut world = laboratory::world(cluster, laboratory::config(), Settings::default(), &[0, 1]);
        for _ in 0..2 {
            start(&mut world);
        }
        world
    }

    fn get(world: &mut World, replica: usize, path: &str) -> Response<Bytes> {
        world.send(replica, request(Method::GET, path, &Value::Null)).expect("an answer")
    }

    fn members(world: &mut World, replica: usize) -> Vec<String> {
        let tasks = json_of(&get(world, replica, TASKS));
        let members = tasks["Members"].as_array().unwrap().iter();
        members.map(|member| member["@odata.id"].as_str().unwrap().to_owned()).collect()
    }

    fn insert(world: &mut World, image: &str) -> Response<Bytes> {
        let insert = request(Method::POST, INSERT, &json!({ "Image": image }));
        world.send(0, insert).expect("an answer")
    }

    #[track_caller]
    fn until_state(world: &mut World, replica: usize, path: &str, state: &str) -> Value {
        for _ in 0..1_200 {
            let task = json_of(&get(world, replica, path));
            if task["TaskState"] == state {
                return task;
            }
            world.advance(Duration::from_millis(100));
        }
        panic!("{path} is not {state}: {:?}", get(world, replica, path));
    }

    #[test]
    fn every_replica_shows_how_far_an_import_is() {
        let world = &mut lab();
        assert_eq!(insert(world, "https://images.example/boot.iso").status(), StatusCode::NO_CONTENT);
        let tasks = members(world, 0);
        let [task] = tasks.as_slice() else { panic!("{tasks:?}") };
        let mut percents = Vec::new();
        for _ in 0..600 {
            world.advance(Duration::from_millis(100));
            let (one, other) = (get(world, 0, task), get(world, 1, task));
            assert_eq!(json_of(&one), json_of(&other), "down to the entity tag");
            let one = json_of(&one);
            percents.extend(one["PercentComplete"].as_u64());
            if one["TaskState"] == "Completed" {
                break;
            }
            assert_eq!(one.get("TaskStatus"), None);
            assert_eq!(one.get("EndTime"), None);
        }
        assert!(percents.is_sorted() && percents.last() == Some(&100), "{percents:?}");
        assert!(percents.iter().any(|percent| (1..100).contains(percent)), "{percents:?}");
        let ended = json_of(&get(world, 0, task));
        assert!(ended["StartTime"].is_string() && ended["EndTime"].is_string(), "{ended}");

        world.restart(1);
        ready(world, 1);
        assert_eq!(json_of(&get(world, 1, task)), ended, "the same after a restart");

        // Removed by hand it is not shown any more, and the image stays.
        let removed = world.send(0, request(Method::DELETE, task, &Value::Null)).unwrap();
        assert_eq!(removed.status(), StatusCode::NO_CONTENT);
        assert_eq!(get(world, 0, task).status(), StatusCode::NOT_FOUND);
        assert_eq!(json_of(&get(world, 0, CD))["Inserted"], true);

        let eject = CD.to_owned() + "/Actions/VirtualMedia.EjectMedia";
        world.send(0, request(Method::POST, &eject, &Value::Null)).unwrap();
        world.advance(Duration::from_secs(30));
        assert_eq!(get(world, 1, task).status(), StatusCode::NOT_FOUND);
        // The next time it is shown again.
        insert(world, "https://images.example/boot.iso");
        assert_eq!(get(world, 0, task).status(), StatusCode::OK);
    }

    #[test]
    fn a_monitor_outlives_the_replica_that_gave_it() {
        let world = &mut lab();
        let insert = request(Method::POST, INSERT, &json!({ "Image": "https://images.example/boot.iso" }));
        let accepted = world.send(0, preferring_async(insert)).unwrap();
        let monitor = location(&accepted);
        world.advance(Duration::from_secs(2));
        assert_eq!(get(world, 0, &monitor).status(), StatusCode::ACCEPTED);
        world.restart(0);
        ready(world, 0);
        for replica in [0, 1] {
            let running = get(world, replica, &monitor);
            assert_eq!(location(&running), monitor);
        }
        world.advance(Duration::from_mins(2));
        for replica in [0, 1] {
            let answer = get(world, replica, &monitor);
            assert_eq!((answer.status(), answer.body().len()), (StatusCode::NO_CONTENT, 0));
        }
        assert_eq!(json_of(&get(world, 0, CD))["Inserted"], true);
    }

    #[test]
    fn an_import_that_cannot_succeed_says_why() {
        let world = &mut lab();
        assert_eq!(insert(world, "http://images.invalid/boot.iso").status(), StatusCode::NO_CONTENT);
        let path = members(world, 0).remove(0);
        let task = until_state(world, 0, &path, "Exception");
        assert_eq!(task["TaskStatus"], "Critical");
        assert!(task["Messages"].to_string().contains("404 Not Found"), "{task}");
        let monitor = task["TaskMonitor"].as_str().unwrap();
        let answer = get(world, 1, monitor);
        assert_eq!(answer.status(), StatusCode::BAD_REQUEST);
        assert_eq!(json_of(&answer)["error"]["@Message.ExtendedInfo"], task["Messages"]);
        // Given up: nothing is left of it, and the machine starts.
        let removed = world.send(1, request(Method::DELETE, monitor, &Value::Null)).unwrap();
        assert_eq!(removed.status(), StatusCode::NO_CONTENT);
        assert_eq!(get(world, 1, monitor).status(), StatusCode::NOT_FOUND);
        world.advance(Duration::from_secs(30));
        assert_eq!(world.cluster.count("datavolumes"), 0);
        assert_eq!(members(world, 0), Vec::<String>::new());
        assert_eq!(json_of(&get(world, 0, CD))["Inserted"], false);
        world.send(0, request(Method::POST, RESET, &json!({ "ResetType": "On" }))).unwrap();
        world.advance(Duration::from_mins(1));
        assert_eq!(json_of(&get(world, 0, NODE))["PowerState"], "On");
    }

    #[test]
    fn an_import_is_called_off_while_it_runs() {
        let world = &mut lab();
        let insert = request(Method::POST, INSERT, &json!({ "Image": "https://images.example/boot.iso" }));
        let monitor = location(&world.send(0, preferring_async(insert)).unwrap());
        let path = monitor.replace("TaskMonitors", "Tasks");
        until_state(world, 0, &path, "Running");
        world.advance(Duration::from_secs(1));
        let removed = world.send(0, request(Method::DELETE, &path, &Value::Null)).unwrap();
        assert_eq!(removed.status(), StatusCode::NO_CONTENT);
        assert_eq!(get(world, 0, &monitor).status(), StatusCode::NOT_FOUND);
        assert_eq!(json_of(&get(world, 0, CD))["Inserted"], false);
        world.advance(Duration::from_secs(30));
        assert_eq!(world.cluster.count("datavolumes"), 0);
        assert_eq!(members(world, 1), Vec::<String>::new());
    }

    #[test]
    fn a_pending_power_on_is_called_off_through_its_task() {
        let world = &mut lab();
        let power = |reset_type: &str| request(Method::POST, RESET, &json!({ "ResetType": reset_type }));
        world.send(0, power("On")).unwrap();
        world.advance(Duration::from_mins(1));
        world.cluster.guest_ignores_acpi("lab", "node-0", true);
        world.send(0, power("GracefulShutdown")).unwrap();
        world.advance(Duration::from_secs(2));
        let exchange = world.begin(0, preferring_async(power("On")));
        let monitor = location(&world.response(exchange).expect("an answer at once"));
        world.advance(Duration::from_secs(10));
        // It is a pending power-on by now, and any replica can break it.
        let task = members(world, 1).remove(0);
        assert_eq!(monitor.replace("TaskMonitors", "Tasks"), task);
        assert_eq!(json_of(&get(world, 0, &task))["TaskState"], "Pending");
        let removed = world.send(1, request(Method::DELETE, &task, &Value::Null)).unwrap();
        assert_eq!(removed.status(), StatusCode::NO_CONTENT);
        assert_eq!(get(world, 1, &task).status(), StatusCode::NOT_FOUND);
        assert_eq!(json_of(&get(world, 0, &task))["TaskState"], "Exception");
        assert_eq!(world.commands_under_way(), 0);
        world.advance(Duration::from_mins(2));
        assert_eq!(json_of(&get(world, 0, NODE))["PowerState"], "Off");
    }

    #[test]
    fn an_insertion_is_called_off_while_it_is_being_made() {
        let world = &mut lab();
        let insert = request(Method::POST, INSERT, &json!({ "Image": "https://images.example/boot.iso" }));
        let exchange = world.begin(0, preferring_async(insert));
        let monitor = location(&world.response(exchange).expect("an answer at once"));
        let removed = world.send(0, request(Method::DELETE, &monitor, &Value::Null)).unwrap();
        assert_eq!(removed.status(), StatusCode::NO_CONTENT);
        world.advance(Duration::from_secs(30));
        assert_eq!(world.cluster.count("datavolumes"), 0);
        assert_eq!(get(world, 0, &monitor).status(), StatusCode::NOT_FOUND);
        assert_eq!(json_of(&get(world, 0, CD))["Inserted"], false);
    }
}
