//! Defects of other services, each of which must be impossible here: a test for each, numbered as in the project's list.
//! What only the running program could have (5, 16, and parts of 7, 8 and 14) has its tests there.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests may fail")]

use std::time::Duration;

use base64::Engine as _;
use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use kubevirt_redfish_core::config::{Credential, Secret};
use kubevirt_redfish_core::service::Input;
use kubevirt_redfish_fixtures::cluster::{Fault, FaultEffect, KubevirtVersion};
use kubevirt_redfish_fixtures::stub::{StubCluster, config};
use kubevirt_redfish_fixtures::world::World;
use serde_json::{Value, json};

mod lab;

use lab::{CD, NODE, get, lab, machine, patch, post, request, reset, until};

fn ask(stub: &mut StubCluster, user: Option<&str>, uri: &str) -> Response<Bytes> {
    let mut request = Request::get(uri);
    if let Some(user) = user {
        let credentials = base64::prelude::BASE64_STANDARD.encode(user);
        request = request.header("authorization", format!("Basic {credentials}"));
    }
    stub.request(request.body(Bytes::new()).unwrap()).expect("reads are answered at once")
}

fn insert(world: &mut World, image: &str) -> StatusCode {
    post(world, &format!("{CD}/Actions/VirtualMedia.InsertMedia"), &json!({ "Image": image }))
}

#[test]
fn d01_what_one_user_has_read_is_not_shown_to_another() {
    let mut stub = StubCluster::new();
    assert_eq!(ask(&mut stub, Some("admin:secret"), NODE).status(), StatusCode::OK);
    assert_eq!(ask(&mut stub, None, NODE).status(), StatusCode::UNAUTHORIZED);
    assert_eq!(ask(&mut stub, Some("tenant:secret"), NODE).status(), StatusCode::NOT_FOUND);
}

#[test]
fn d02_what_is_not_known_is_refused_and_changes_nothing() {
    let world = &mut lab(KubevirtVersion::V1_9);
    let before = machine(world);
    for reset_type in ["Suspend", "FullPowerCycle", "on", ""] {
        assert_eq!(reset(world, reset_type), StatusCode::BAD_REQUEST);
    }
    for target in ["Floppy", "Moon", "pxe"] {
        let boot = json!({ "Boot": { "BootSourceOverrideTarget": target, "BootSourceOverrideEnabled": "Once" } });
        assert_eq!(patch(world, &boot), StatusCode::BAD_REQUEST);
    }
    assert_eq!(machine(world), before);
}

#[test]
fn d03_no_write_is_redirected() {
    let world = &mut lab(KubevirtVersion::V1_9);
    let alias = "/redfish/v1/Chassis/lab/Systems/node-0";
    for uri in [NODE, alias] {
        for slash in ["", "/"] {
            let uri = format!("{uri}/Actions/ComputerSystem.Reset{slash}");
            assert_eq!(post(world, &uri, &json!({ "ResetType": "ForceOff" })), StatusCode::NO_CONTENT, "{uri}");
        }
    }
}

#[test]
fn d04_a_forced_power_off_does_not_wait_for_the_guest() {
    let world = &mut lab(KubevirtVersion::V1_9);
    reset(world, "On");
    until(world, NODE, "/PowerState", &json!("On"));
    world.cluster.guest_ignores_acpi("lab", "node-0", true);
    let before = world.now();
    assert_eq!(reset(world, "ForceOff"), StatusCode::NO_CONTENT);
    until(world, NODE, "/PowerState", &json!("Off"));
    assert!(world.now().saturating_sub(before) < Duration::from_secs(5));
}

#[test]
fn d06_an_images_address_is_handed_on_as_it_is_and_run_by_nobody() {
    let world = &mut lab(KubevirtVersion::V1_9);
    let image = "https://images.example/boot.iso?a=$(reboot);'b'&c=`d`|e";
    assert_eq!(insert(world, image), StatusCode::NO_CONTENT);
    let import = machine(world)["spec"]["template"]["spec"]["volumes"][1]["dataVolume"]["name"].clone();
    let import = world.cluster.object("datavolumes", "lab", import.as_str().unwrap()).unwrap();
    assert_eq!(import["spec"]["source"]["http"]["url"], image);
    assert!(!import.to_string().contains("insecure"), "{import}");
}

#[test]
fn d07_a_task_can_be_read_where_it_is_said_to_be() {
    let world = &mut lab(KubevirtVersion::V1_9);
    let uri = format!("{NODE}/Actions/ComputerSystem.Reset");
    let mut on = request(Method::POST, &uri, Some(&json!({ "ResetType": "On" })));
    on.headers_mut().insert("prefer", "respond-async".parse().unwrap());
    let response = world.send(0, on).unwrap();
    assert_eq!(response.status(), StatusCode::ACCEPTED);
    let task: Value = serde_json::from_slice(response.body()).unwrap();
    let uri = task["@odata.id"].as_str().unwrap().to_owned();
    world.advance(Duration::from_mins(1));
    let task = get(world, &uri);
    assert_eq!(task["TaskState"], "Completed");
    assert!(task["EndTime"].as_str().is_some_and(|time| time.starts_with("2026-11-")), "{task}");
}

#[test]
fn d08_a_client_cannot_pass_for_another_by_a_header() {
    let mut stub = StubCluster::new();
    let statuses = (0..30).map(|number| {
        let request = Request::get("/redfish/v1/Chassis")
            .header("authorization", "Basic dGVuYW50Ondyb25n")
            .header("x-forwarded-for", format!("203.0.113.{number}"));
        stub.request(request.body(Bytes::new()).unwrap()).map(|response| response.status())
    });
    let statuses: Vec<_> = statuses.flatten().collect();
    let ask_rightly = ask(&mut stub, Some("tenant:secret"), "/redfish/v1/Chassis").status();
    assert!(ask_rightly != StatusCode::OK || statuses.contains(&StatusCode::SERVICE_UNAVAILABLE), "{statuses:?}");
}

#[test]
fn d09_a_selector_holds_for_single_systems_and_knows_upper_case() {
    let mut config = config();
    config.chassis[1].selector = vec![("Team.Example/Name".to_owned(), "Rack".to_owned())];
    let mut stub = StubCluster::empty(config);
    let labelled = stub.redefinition("lab.node-1", |machine| {
        machine.labels = [("Team.Example/Name".into(), "Rack".into())].into();
    });
    let other = stub.redefinition("lab.node-0", |_| ());
    for observation in [labelled, other] {
        stub.observe(observation);
    }
    stub.handle(Input::Watching(Vec::new()));
    let viewer = Some("viewer:secret");
    assert_eq!(ask(&mut stub, viewer, "/redfish/v1/Systems/lab.node-1").status(), StatusCode::OK);
    assert_eq!(ask(&mut stub, viewer, NODE).status(), StatusCode::NOT_FOUND);
}

#[test]
fn d10_a_cluster_that_fails_does_not_make_machines_disappear() {
    let world = &mut lab(KubevirtVersion::V1_9);
    let before = get(world, NODE);
    world.cluster.inject(Fault::new(FaultEffect::unavailable()));
    world.disconnect();
    world.advance(Duration::from_secs(10));
    for _ in 0..250 {
        assert_eq!(get(world, NODE), before);
    }
    // It stays, and says how old it is what is shown.
    world.advance(Duration::from_mins(5));
    let later = get(world, NODE);
    assert_eq!((&later["PowerState"], &later["Status"]["Health"]), (&json!(null), &json!("Warning")));
    assert_eq!(later["UUID"], before["UUID"]);
    assert_eq!(reset(world, "On"), StatusCode::SERVICE_UNAVAILABLE);
}

#[test]
fn d11_reads_ask_nothing_of_the_cluster() {
    let world = &mut lab(KubevirtVersion::V1_9);
    world.keep_record();
    for _ in 0..16 {
        get(world, NODE);
        get(world, "/redfish/v1/Systems");
    }
    assert!(!world.recorded().contains("/apis/"), "{}", world.recorded());
}

#[test]
fn d12_a_failed_import_leaves_a_machine_that_boots_and_another_image_replaces_the_first() {
    let world = &mut lab(KubevirtVersion::V1_9);
    assert_eq!(insert(world, "http://images.invalid/boot.iso"), StatusCode::NO_CONTENT);
    reset(world, "On");
    world.advance(Duration::from_mins(40));
    until(world, NODE, "/PowerState", &json!("On"));
    assert_eq!(insert(world, "http://images.example/one.iso"), StatusCode::NO_CONTENT);
    assert_eq!(insert(world, "http://images.example/two.iso"), StatusCode::NO_CONTENT);
    assert_eq!(get(world, CD)["Image"], "http://images.example/two.iso");
    world.advance(Duration::from_mins(1));
    assert_eq!(world.cluster.count("datavolumes"), 1);
}

#[test]
fn d13_a_restart_keeps_the_way_in_which_a_machine_is_run() {
    for strategy in ["Manual", "RerunOnFailure", "Always", "Once"] {
        let world = &mut lab(KubevirtVersion::V1_9);
        let mut object = machine(world);
        object["spec"]["runStrategy"] = json!(strategy);
        let now = world.now();
        world.cluster.apply(now, object).expect("accepted");
        reset(world, "On");
        until(world, NODE, "/PowerState", &json!("On"));
        reset(world, "PowerCycle");
        world.advance(Duration::from_mins(1));
        until(world, NODE, "/PowerState", &json!("On"));
        assert_eq!(machine(world)["spec"]["runStrategy"], strategy);
    }
}

#[test]
fn d14_a_new_configuration_takes_the_old_password_away() {
    let mut stub = StubCluster::new();
    assert_eq!(ask(&mut stub, Some("admin:secret"), NODE).status(), StatusCode::OK);
    let mut config = config();
    for account in &mut config.accounts {
        account.credential = Credential::Plain(Secret::new(b"fresh"));
    }
    stub.handle(Input::Configured(Box::new(config)));
    assert_eq!(ask(&mut stub, Some("admin:fresh"), NODE).status(), StatusCode::OK);
    assert_eq!(ask(&mut stub, Some("admin:secret"), NODE).status(), StatusCode::UNAUTHORIZED);
}

#[test]
fn d15_lists_are_lists_paths_are_paths_and_tags_are_of_what_is_said() {
    let mut stub = StubCluster::empty(config());
    stub.handle(Input::Watching(Vec::new()));
    let systems: Value =
        serde_json::from_slice(ask(&mut stub, Some("admin:secret"), "/redfish/v1/Systems").body()).unwrap();
    assert_eq!(systems["Members"], json!([]));
    let mut stub = StubCluster::new();
    for garbage in ["/Nonsense", "/VirtualMedia/Cd/x", "/Actions", "//"] {
        let status = ask(&mut stub, Some("admin:secret"), &format!("{NODE}{garbage}")).status();
        assert_eq!(status, StatusCode::NOT_FOUND, "{garbage}");
    }
    let tag = |stub: &mut StubCluster| ask(stub, Some("admin:secret"), NODE).headers().get("etag").cloned();
    let before = tag(&mut stub);
    stub.advance(Duration::from_hours(1));
    assert_eq!(tag(&mut stub), before);
    stub.redefine("lab.node-0", |machine| machine.asset_tag = Some("Rack 3".into()));
    assert_ne!(tag(&mut stub), before);
    let response = ask(&mut stub, Some("admin:secret"), NODE);
    let caching = response.headers().get("cache-control").and_then(|value| value.to_str().ok());
    assert!(caching.is_some_and(|caching| !caching.contains("public")), "{caching:?}");
}
