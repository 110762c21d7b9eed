//! Bugs of the services that this one follows, a test for each, in the order of the project's list. What the list of
//! defects has as well is in `defects.rs`: tasks that are not found (7), tags of the wall clock (15), redirects (3).

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests may fail")]

use std::time::Duration;

use http::{Method, StatusCode};
use kubevirt_redfish_fixtures::cluster::{Fault, FaultEffect, KubevirtVersion};
use kubevirt_redfish_fixtures::stub::{StubCluster, config};
use kubevirt_redfish_fixtures::world::World;
use serde_json::{Value, json};

mod lab;

use lab::{CD, NODE, VERSIONS, get, lab, machine, patch, post, redefine, request, reset, sequence, until};

fn boot(world: &mut World, target: &str) -> StatusCode {
    let boot = json!({ "BootSourceOverrideTarget": target, "BootSourceOverrideEnabled": "Continuous" });
    patch(world, &json!({ "Boot": boot }))
}

#[test]
fn r01_links_lead_somewhere_and_the_power_is_always_known() {
    let world = &mut lab(KubevirtVersion::V1_9);
    let system = get(world, NODE);
    assert!(system["MemorySummary"]["TotalSystemMemoryGiB"].is_number(), "{system}");
    for name in ["Storage", "EthernetInterfaces", "Memory", "Processors", "VirtualMedia"] {
        let link = system[name]["@odata.id"].as_str().unwrap_or_else(|| panic!("{name} in {system}")).to_owned();
        assert!(get(world, &link)["Members"].is_array(), "{link}");
    }
    assert!(get(world, "/redfish/v1/Managers")["Members"].is_array());
    let states = ["On", "Off", "PoweringOn", "PoweringOff"];
    for reset_type in ["On", "Pause", "Resume", "ForceRestart", "GracefulShutdown", "On", "ForceOff"] {
        reset(world, reset_type);
        for _ in 0..200 {
            let power = get(world, NODE)["PowerState"].clone();
            assert!(power.as_str().is_some_and(|power| states.contains(&power)), "{reset_type}: {power}");
            world.advance(Duration::from_millis(50));
        }
    }
}

#[test]
fn r02_a_tag_holds_until_something_changes_and_not_longer() {
    let world = &mut lab(KubevirtVersion::V1_9);
    let read = world.send(0, request(Method::GET, NODE, None)).unwrap();
    let caching = read.headers()["cache-control"].to_str().unwrap();
    assert!(!caching.contains("public") && !caching.contains("max-age"), "{caching}");
    let tag = read.headers()["etag"].clone();
    let change = |world: &mut World, asset_tag: &str| {
        let mut change = request(Method::PATCH, NODE, Some(&json!({ "AssetTag": asset_tag })));
        change.headers_mut().insert("if-match", tag.clone());
        world.send(0, change).unwrap().status()
    };
    world.advance(Duration::from_hours(1));
    assert_eq!(change(world, "Rack 3"), StatusCode::OK, "an hour later");
    assert_eq!(change(world, "Rack 4"), StatusCode::PRECONDITION_FAILED);
    assert_eq!(get(world, NODE)["AssetTag"], "Rack 3");
}

#[test]
fn r03_an_override_that_could_not_be_set_is_not_said_to_be() {
    let world = &mut lab(KubevirtVersion::V1_9);
    world.cluster.inject(Fault::new(FaultEffect::unavailable()));
    assert_eq!(boot(world, "Pxe"), StatusCode::SERVICE_UNAVAILABLE);
    world.cluster.clear_faults();
    world.advance(Duration::from_mins(1));
    assert_eq!(get(world, NODE)["Boot"]["BootSourceOverrideEnabled"], "Disabled");
    assert_eq!(sequence(&machine(world)["spec"]["template"]["spec"]["domain"]), ["root"]);
}

#[test]
fn r04_to_boot_from_the_network_takes_a_nic_and_drops_no_disk() {
    let world = &mut lab(KubevirtVersion::V1_9);
    assert_eq!(boot(world, "Pxe"), StatusCode::OK);
    assert_eq!(sequence(&machine(world)["spec"]["template"]["spec"]["domain"]), ["default", "root"]);
}

#[test]
fn r05_a_disk_is_a_disk_whatever_is_behind_it_and_a_drive_whatever_it_is_called() {
    for volume in [
        json!({ "name": "root", "persistentVolumeClaim": { "claimName": "node-0-root" } }),
        json!({ "name": "root", "containerDisk": { "image": "quay.io/containerdisks/fedora:42" } }),
        json!({ "name": "root", "ephemeral": { "persistentVolumeClaim": { "claimName": "node-0-root" } } }),
    ] {
        let world = &mut lab(KubevirtVersion::V1_9);
        redefine(world, |machine| {
            let spec = &mut machine["spec"]["template"]["spec"];
            spec["volumes"][0] = volume.clone();
            let devices = &mut spec["domain"]["devices"];
            devices["disks"][0].as_object_mut().unwrap().remove("bootOrder");
            devices["disks"][1]["name"] = json!("optical");
        });
        assert_eq!(boot(world, "Hdd"), StatusCode::OK);
        assert_eq!(sequence(&machine(world)["spec"]["template"]["spec"]["domain"])[0], "root", "{volume}");
        assert_eq!(boot(world, "Cd"), StatusCode::OK);
        assert_eq!(sequence(&machine(world)["spec"]["template"]["spec"]["domain"])[0], "optical", "{volume}");
    }
}

#[test]
fn r06_places_of_nics_count_where_disks_are_numbered() {
    let world = &mut lab(KubevirtVersion::V1_9);
    redefine(world, |machine| {
        let devices = &mut machine["spec"]["template"]["spec"]["domain"]["devices"];
        devices["interfaces"][0]["bootOrder"] = json!(1);
        devices["disks"][0]["bootOrder"] = json!(7);
    });
    for (target, first) in [("Hdd", "root"), ("Cd", "cd"), ("Pxe", "default")] {
        assert_eq!(boot(world, target), StatusCode::OK);
        assert_eq!(sequence(&machine(world)["spec"]["template"]["spec"]["domain"])[0], first);
    }
}

#[test]
fn r07_a_restart_is_one_request_and_not_a_change_of_how_the_machine_is_run() {
    for strategy in ["Manual", "RerunOnFailure", "Always"] {
        for reset_type in ["ForceRestart", "PowerCycle", "GracefulRestart"] {
            let world = &mut lab(KubevirtVersion::V1_9);
            redefine(world, |machine| machine["spec"]["runStrategy"] = json!(strategy));
            reset(world, "On");
            until(world, NODE, "/PowerState", &json!("On"));
            world.keep_record();
            assert_eq!(reset(world, reset_type), StatusCode::NO_CONTENT);
            world.advance(Duration::from_mins(1));
            let writes: Vec<&str> = world
                .recorded()
                .lines()
                .filter(|line| [" PUT ", " PATCH ", " POST ", " DELETE "].iter().any(|verb| line.contains(verb)))
                .filter(|line| line.contains("kubevirt.io"))
                .collect();
            // Beside it replicas tell each other that it is under way, and that it is over.
            let (notes, verbs): (Vec<&str>, Vec<&str>) = writes.iter().partition(|line| line.contains(" PATCH "));
            assert!(verbs.len() == 1 && verbs[0].contains("/apis/subresources."), "{reset_type}: {writes:#?}");
            assert!(notes.len() <= 2 && notes.iter().all(|line| !line.contains("spec")), "{reset_type}: {writes:#?}");
            assert_eq!(machine(world)["spec"]["runStrategy"], strategy);
        }
    }
}

#[test]
fn r08_ejecting_takes_what_was_inserted_and_nothing_else() {
    for version in VERSIONS {
        let world = &mut lab(version);
        let before = machine(world)["spec"]["template"].clone();
        let insert = format!("{CD}/Actions/VirtualMedia.InsertMedia");
        assert_eq!(post(world, &insert, &json!({ "Image": "https://images.example/a.iso" })), StatusCode::NO_CONTENT);
        let volumes = machine(world)["spec"]["template"]["spec"]["volumes"].clone();
        let import = volumes[1]["dataVolume"]["name"].as_str().unwrap();
        let import = world.cluster.object("datavolumes", "lab", import).unwrap();
        assert_eq!(import["spec"]["source"]["http"]["url"], "https://images.example/a.iso");
        assert!(import["spec"]["source"]["http"].get("insecureSkipVerify").is_none(), "{import}");
        world.advance(Duration::from_mins(1));
        assert_eq!(post(world, &format!("{CD}/Actions/VirtualMedia.EjectMedia"), &json!({})), StatusCode::NO_CONTENT);
        world.advance(Duration::from_mins(1));
        assert_eq!(machine(world)["spec"]["template"], before, "{version:?}");
        assert_eq!((world.cluster.count("datavolumes"), world.cluster.count("persistentvolumeclaims")), (0, 3));
    }
}

#[test]
fn r09_every_refusal_says_what_is_wrong_in_the_words_of_the_registries() {
    let world = &mut lab(KubevirtVersion::V1_9);
    let reset = format!("{NODE}/Actions/ComputerSystem.Reset");
    let insert = format!("{CD}/Actions/VirtualMedia.InsertMedia");
    for (method, path, body, message) in [
        (Method::GET, "/redfish/v1/Systems/lab.nobody", None, "ResourceNotFound"),
        (Method::POST, reset.as_str(), Some(json!({ "ResetType": "Sideways" })), "ActionParameterValueNotInList"),
        (Method::POST, reset.as_str(), Some(json!({})), "ActionParameterMissing"),
        (Method::POST, insert.as_str(), Some(json!({})), "ActionParameterMissing"),
        (
            Method::PATCH,
            NODE,
            Some(json!({ "Boot": { "BootSourceOverrideTarget": "Moon" } })),
            "PropertyValueNotInList",
        ),
        (Method::PATCH, NODE, Some(json!({ "Name": "x" })), "PropertyNotWritable"),
        (Method::DELETE, NODE, None, "OperationNotAllowed"),
    ] {
        let response = world.send(0, request(method, path, body.as_ref())).unwrap();
        assert!(response.status().is_client_error(), "{path}");
        let body: Value = serde_json::from_slice(response.body()).unwrap();
        let info = &body["error"]["@Message.ExtendedInfo"][0];
        assert!(info["MessageId"].as_str().is_some_and(|id| id.ends_with(message)), "{path}: {body}");
        let severity = info["MessageSeverity"].as_str();
        assert!(severity.is_some_and(|severity| ["OK", "Warning", "Critical"].contains(&severity)), "{body}");
        assert!(info["Resolution"].is_string() && info["Message"].is_string(), "{body}");
    }
}

#[test]
fn r10_what_is_accepted_for_later_can_be_followed() {
    let world = &mut lab(KubevirtVersion::V1_9);
    let mut on = request(
        Method::POST,
        &format!("{NODE}/Actions/ComputerSystem.Reset"),
        Some(&json!({ "ResetType": "On", "@Redfish.OperationApplyTime": "Immediate" })),
    );
    on.headers_mut().insert("prefer", "respond-async".parse().unwrap());
    let accepted = world.send(0, on).unwrap();
    assert_eq!(accepted.status(), StatusCode::ACCEPTED);
    let monitor = accepted.headers()["location"].to_str().unwrap().to_owned();
    let task: Value = serde_json::from_slice(accepted.body()).unwrap();
    assert_eq!(task["TaskMonitor"], monitor);
    world.advance(Duration::from_mins(1));
    assert_eq!(world.send(0, request(Method::GET, &monitor, None)).unwrap().status(), StatusCode::NO_CONTENT);
}

#[test]
fn r11_the_entrances_are_there_and_collections_are_as_in_the_schema() {
    let mut stub = StubCluster::new();
    for path in ["/redfish", "/redfish/v1", "/redfish/v1/", "/redfish/v1/odata", "/redfish/v1/$metadata"] {
        let response = stub.request(http::Request::get(path).body(bytes::Bytes::new()).unwrap()).unwrap();
        assert_eq!(response.status(), StatusCode::OK, "{path}");
    }
    let world = &mut lab(KubevirtVersion::V1_9);
    for path in
        ["/redfish/v1/Systems", "/redfish/v1/Chassis", "/redfish/v1/Managers", "/redfish/v1/SessionService/Sessions"]
    {
        let collection = get(world, path);
        let members = collection["Members"].as_array().unwrap();
        assert_eq!(collection["Members@odata.count"], members.len(), "{path}");
        assert!(collection.get("MembersIdentities").is_none(), "{path}");
    }
}

#[test]
fn r12_what_one_replica_has_begun_another_knows_of() {
    let world = &mut lab(KubevirtVersion::V1_9);
    world.start();
    assert!(world.run_until(Duration::from_secs(10), |world| world.view(1).is_some_and(|view| view.is_ready())));
    let insert = format!("{CD}/Actions/VirtualMedia.InsertMedia");
    assert_eq!(post(world, &insert, &json!({ "Image": "http://images.example/a.iso" })), StatusCode::NO_CONTENT);
    world.advance(Duration::from_secs(1));
    let tasks = "/redfish/v1/TaskService/Tasks";
    let of = |world: &mut World, replica: usize| {
        let response = world.send(replica, request(Method::GET, tasks, None)).unwrap();
        serde_json::from_slice::<Value>(response.body()).unwrap()["Members"].clone()
    };
    let first = of(world, 0);
    assert_eq!(first.as_array().unwrap().len(), 1);
    assert_eq!(of(world, 1), first);
    world.restart(0);
    assert!(world.run_until(Duration::from_secs(10), |world| world.view(0).is_some_and(|view| view.is_ready())));
    assert_eq!(of(world, 0), first);
}

#[test]
fn r13_nobody_is_let_in_who_was_not_named() {
    let mut config = config();
    config.accounts.clear();
    let mut stub = StubCluster::empty(config);
    for credentials in ["YWRtaW46YWRtaW4xMjM=", "YWRtaW46YWRtaW4=", "cm9vdDpjYWx2aW4=", "OnRlc3Q="] {
        let request = http::Request::get(NODE).header("authorization", format!("Basic {credentials}"));
        let response = stub.request(request.body(bytes::Bytes::new()).unwrap());
        assert!(response.is_none_or(|response| response.status() == StatusCode::UNAUTHORIZED));
    }
}
