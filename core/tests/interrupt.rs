//! `Nmi` among the reset types: there where the cluster has a verb for it, and nowhere else.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests may fail")]

use std::time::Duration;

use http::{Method, StatusCode};
use kubevirt_redfish_core::kubevirt::Settings;
use kubevirt_redfish_fixtures::cluster::{ClusterConfig, KubevirtVersion, Rule};
use kubevirt_redfish_fixtures::laboratory;
use kubevirt_redfish_fixtures::world::World;
use serde_json::{Value, json};

mod lab;

use lab::{NODE, get, lab, request, reset, until};

fn interrupting() -> World {
    let config = ClusterConfig { interrupt: true, ..ClusterConfig::new(KubevirtVersion::V1_9) };
    let mut world = laboratory::world(config, laboratory::config(), Settings::default(), &[0]);
    laboratory::start(&mut world);
    world
}

fn offers(world: &mut World) -> bool {
    let values = &get(world, NODE)["Actions"]["#ComputerSystem.Reset"]["ResetType@Redfish.AllowableValues"];
    values.as_array().expect("a list").contains(&json!("Nmi"))
}

/// The identifier of the first message of a refusal.
fn refusal(world: &mut World) -> (StatusCode, String) {
    let uri = format!("{NODE}/Actions/ComputerSystem.Reset");
    let response = world.send(0, request(Method::POST, &uri, Some(&json!({ "ResetType": "Nmi" })))).expect("an answer");
    let body: Value = serde_json::from_slice(response.body()).unwrap();
    let message = body["error"]["@Message.ExtendedInfo"][0]["MessageId"].as_str().unwrap().to_owned();
    (response.status(), message)
}

#[test]
fn a_guest_that_runs_is_interrupted() {
    let world = &mut interrupting();
    assert!(offers(world));
    let (status, message) = refusal(world);
    assert_eq!(status, StatusCode::CONFLICT, "{message}");
    reset(world, "On");
    until(world, NODE, "/PowerState", &json!("On"));
    let run = |world: &World| world.cluster.object("virtualmachineinstances", "lab", "node-0").unwrap();
    let before = run(world);
    world.keep_record();
    assert_eq!(reset(world, "Nmi"), StatusCode::NO_CONTENT);
    let verb = "PUT /apis/subresources.kubevirt.io/v1/namespaces/lab/virtualmachineinstances/node-0/inject-nmi {}";
    assert_eq!(world.recorded().matches(verb).count(), 1, "{}", world.recorded());
    assert_eq!(world.cluster.count("events"), 1);
    assert_eq!(run(world)["metadata"]["uid"], before["metadata"]["uid"], "it is the same run");
    assert_eq!(get(world, NODE)["PowerState"], "On");
    assert_eq!(reset(world, "Pause"), StatusCode::NO_CONTENT);
    world.advance(Duration::from_secs(5));
    assert_eq!(refusal(world).0, StatusCode::CONFLICT, "no processor would take it");
}

#[test]
fn that_the_service_may_not_is_told_so() {
    let world = &mut interrupting();
    reset(world, "On");
    until(world, NODE, "/PowerState", &json!("On"));
    world.cluster.forbid(vec![Rule::new("update", "subresources.kubevirt.io", "virtualmachineinstances/inject-nmi")]);
    assert_eq!(refusal(world).0, StatusCode::SERVICE_UNAVAILABLE);
}

#[test]
fn where_there_is_no_verb_for_it_there_is_no_such_reset_type() {
    let world = &mut lab(KubevirtVersion::V1_9);
    assert!(!offers(world));
    let (status, message) = refusal(world);
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert!(message.ends_with(".ActionParameterValueNotInList"), "{message}");
}

#[test]
fn an_upgrade_of_the_cluster_is_noticed_and_so_is_its_reversal() {
    let world = &mut lab(KubevirtVersion::V1_9);
    let tag = |world: &mut World| get(world, NODE)["@odata.etag"].clone();
    let before = tag(world);
    world.cluster.set_interrupt(true);
    world.advance(Duration::from_mins(3));
    assert!(offers(world));
    assert_ne!(tag(world), before);
    // An API that is out of order says nothing of what it can do.
    world.cluster.remove_api_group("subresources.kubevirt.io");
    world.advance(Duration::from_mins(3));
    assert!(offers(world));
    world.cluster.restore_api_group("subresources.kubevirt.io");
    world.cluster.set_interrupt(false);
    world.advance(Duration::from_mins(10));
    assert!(!offers(world));
    assert_eq!(tag(world), before);
}
