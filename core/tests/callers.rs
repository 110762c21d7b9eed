//! Bearer tokens over the simulated cluster, in virtual time: what RBAC lets someone do to the machines of a namespace is
//! what they may do here.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "tests may fail")]

use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use kubevirt_redfish_core::config::Config;
use kubevirt_redfish_core::kubevirt::Settings;
use kubevirt_redfish_fixtures::cluster::{AccessRule, ClusterConfig, Fault, FaultEffect, KubevirtVersion, Rule, User};
use kubevirt_redfish_fixtures::laboratory;
use kubevirt_redfish_fixtures::sample;
use kubevirt_redfish_fixtures::world::World;
use serde_json::{Value, json};

const NODE: &str = "/redfish/v1/Systems/lab.node-0";
const RESET: &str = "/redfish/v1/Systems/lab.node-0/Actions/ComputerSystem.Reset";
const INSERT: &str = "/redfish/v1/Systems/lab.node-0/VirtualMedia/Cd/Actions/VirtualMedia.InsertMedia";
const SUBSCRIPTIONS: &str = "/redfish/v1/EventService/Subscriptions";

/// Two replicas in front of the namespaces `lab`, which has a machine, and `vms`; and these users with their rights.
fn world(users: &[(&str, Vec<Rule>)]) -> World {
    let chassis = ["lab", "vms"].map(|name| laboratory::chassis(name, name)).to_vec();
    let config = Config { chassis, bearer_tokens: true, ..Config::default() };
    let mut cluster = ClusterConfig::new(KubevirtVersion::V1_9);
    for (name, _) in users {
        cluster.tokens.insert((*name).to_owned(), User { name: (*name).to_owned(), ..User::default() });
    }
    let mut world = laboratory::world(cluster, config, Settings::default(), &[0]);
    bind(&mut world, users);
    for _ in 0..2 {
        laboratory::start(&mut world);
    }
    world
}

fn bind(world: &mut World, users: &[(&str, Vec<Rule>)]) {
    let rule = |name: &str, rule: &Rule| AccessRule { subject: name.to_owned(), rule: rule.clone() };
    world.cluster.bind(users.iter().flat_map(|(name, rules)| rules.iter().map(|one| rule(name, one))).collect());
}

fn see(namespace: &str) -> Vec<Rule> {
    vec![Rule::new("get", "kubevirt.io", "virtualmachines").in_namespace(namespace)]
}

fn operate(namespace: &str) -> Vec<Rule> {
    let rule = |verb: &str, group: &str, resource: &str| Rule::new(verb, group, resource).in_namespace(namespace);
    let verb = |verb: &str| rule("update", "subresources.kubevirt.io", &format!("virtualmachines/{verb}"));
    let patch = rule("patch", "kubevirt.io", "virtualmachines");
    see(namespace).into_iter().chain([patch, verb("start"), verb("stop"), verb("restart")]).collect()
}

fn import(namespace: &str) -> Vec<Rule> {
    let create = Rule::new("create", "cdi.kubevirt.io", "datavolumes").in_namespace(namespace);
    operate(namespace).into_iter().chain([create]).collect()
}

fn send(world: &mut World, replica: usize, token: &str, method: Method, path: &str, body: &Value) -> Response<Bytes> {
    let body = if body.is_null() { Bytes::new() } else { Bytes::from(body.to_string()) };
    let request = Request::builder().method(method).uri(path).header("authorization", format!("Bearer {token}"));
    world.send(replica, request.body(body).unwrap()).expect("an answer")
}

fn get(world: &mut World, token: &str, path: &str) -> StatusCode {
    send(world, 0, token, Method::GET, path, &Value::Null).status()
}

fn post(world: &mut World, token: &str, path: &str, body: &Value) -> StatusCode {
    send(world, 0, token, Method::POST, path, body).status()
}

#[test]
fn rights_in_the_cluster_are_rights_here() {
    let image = json!({ "Image": "http://images.example/boot.iso" });
    let (on, off) = (json!({ "ResetType": "On" }), json!({ "ResetType": "ForceOff" }));
    let users = [
        ("viewer", see("lab")),
        ("operator", operate("lab")),
        ("installer", import("lab")),
        ("neighbour", import("vms")),
        ("nobody", vec![]),
        ("root", vec![Rule::new("*", "*", "*")]),
    ];
    let world = &mut world(&users);
    for (user, read, power, media) in [
        ("viewer", 200, 403, 403),
        ("operator", 200, 204, 403),
        ("installer", 200, 204, 204),
        ("neighbour", 404, 404, 404),
        ("nobody", 403, 403, 403),
        ("root", 200, 204, 204),
        ("a-stranger", 401, 401, 401),
    ] {
        assert_eq!(get(world, user, NODE), read, "{user}");
        assert_eq!(post(world, user, RESET, &on), power, "{user}");
        assert_eq!(post(world, user, INSERT, &image), media, "{user}");
        assert_eq!(post(world, user, RESET, &off), power, "{user}");
        world.advance(Duration::from_secs(5));
    }
    let accounts = "/redfish/v1/AccountService/Accounts";
    let account = json!({ "UserName": "eve", "Password": "Password1234", "RoleId": "ReadOnly" });
    assert_eq!(
        post(world, "root", accounts, &account),
        403,
        "nobody administers accounts whom the cluster vouches for"
    );
}

#[test]
fn what_is_taken_away_counts_no_more_after_a_minute_on_every_replica() {
    let world = &mut world(&[("jane", import("lab"))]);
    for replica in 0..2 {
        assert_eq!(send(world, replica, "jane", Method::GET, NODE, &Value::Null).status(), 200);
    }
    bind(world, &[("jane", see("vms"))]);
    assert_eq!(get(world, "jane", NODE), 200, "what was said a moment ago");
    world.advance(Duration::from_secs(61));
    for replica in 0..2 {
        assert_eq!(send(world, replica, "jane", Method::GET, NODE, &Value::Null).status(), 404);
    }
    world.cluster.revoke("jane");
    world.advance(Duration::from_secs(61));
    for replica in 0..2 {
        assert_eq!(send(world, replica, "jane", Method::GET, NODE, &Value::Null).status(), 401);
    }
}

#[test]
fn a_cluster_that_does_not_answer_refuses_nobody() {
    let world = &mut world(&[("jane", see("lab")), ("joe", see("lab"))]);
    assert_eq!(get(world, "jane", NODE), 200);
    world.cluster.inject(Fault::new(FaultEffect::unavailable()).path("reviews"));
    assert_eq!(get(world, "jane", NODE), 200, "what is known goes on counting");
    let response = send(world, 0, "joe", Method::GET, NODE, &Value::Null);
    assert_eq!(response.status(), 503);
    assert!(response.headers().contains_key("retry-after"));
    world.advance(Duration::from_secs(61));
    assert_eq!(get(world, "jane", NODE), 503, "and not for ever");
    world.cluster.clear_faults();
    assert_eq!((get(world, "jane", NODE), get(world, "joe", NODE)), (StatusCode::OK, StatusCode::OK));
}

#[test]
fn who_guesses_tokens_is_slowed_down_and_who_has_one_is_not() {
    let world = &mut world(&[("jane", see("lab"))]);
    assert_eq!(get(world, "jane", NODE), 200);
    let answers: Vec<_> = (0..40).map(|number| get(world, &format!("guess-{number}"), NODE).as_u16()).collect();
    assert!(answers.iter().all(|status| [401, 429].contains(status)), "{answers:?}");
    assert_eq!(answers.last(), Some(&429));
    assert_eq!(get(world, "jane", NODE), 200);
}

#[test]
fn a_subscription_hears_of_what_its_owner_saw_and_has_not_been_seen_to_lose() {
    let world = &mut world(&[("jane", operate("lab")), ("joe", operate("vms"))]);
    for (name, port) in [("jane", 9001), ("joe", 9002)] {
        let body = json!({ "Destination": format!("https://10.0.0.9:{port}/"), "Protocol": "Redfish" });
        assert_eq!(post(world, name, SUBSCRIPTIONS, &body), 201, "{name}");
    }
    let heard = |world: &World| world.events(0).unwrap().deliveries.len();
    // Nobody asks about jane's token any more, and her subscription goes on.
    world.advance(Duration::from_mins(10));
    let before = heard(world);
    world.cluster.delete("virtualmachines", "lab", "node-0");
    world.advance(Duration::from_secs(30));
    let after = heard(world);
    assert!(after > before, "jane is told");
    assert!(world.events(0).unwrap().deliveries.iter().all(|delivery| delivery.uri().port_u16() == Some(9001)));
    // When it is seen that she lost the right, it hears nothing more.
    bind(world, &[("jane", see("vms")), ("joe", operate("vms"))]);
    assert_eq!(get(world, "jane", NODE), 404);
    world.cluster.add_virtual_machines([sample::lab_virtual_machine(0, 1, KubevirtVersion::V1_9)]);
    world.advance(Duration::from_secs(30));
    assert_eq!(heard(world), after);
}

/// D14: whoever lost their rights in the cluster is told no more, although their token is never sent again.
#[test]
fn owners_of_subscriptions_are_reviewed_though_their_tokens_never_come_again() {
    let world = &mut world(&[("jane", operate("lab")), ("joe", operate("lab"))]);
    for (name, port) in [("jane", 9001), ("joe", 9002)] {
        let body = json!({ "Destination": format!("https://10.0.0.9:{port}/"), "Protocol": "Redfish" });
        assert_eq!(post(world, name, SUBSCRIPTIONS, &body), 201, "{name}");
    }
    let heard = |world: &World, port| {
        let deliveries = &world.events(0).unwrap().deliveries;
        deliveries.iter().filter(|delivery| delivery.uri().port_u16() == Some(port)).count()
    };
    let change = |world: &mut World, present: bool| {
        if present {
            world.cluster.add_virtual_machines([sample::lab_virtual_machine(0, 1, KubevirtVersion::V1_9)]);
        } else {
            world.cluster.delete("virtualmachines", "lab", "node-0");
        }
        world.advance(Duration::from_secs(30));
    };
    world.advance(Duration::from_mins(11));
    change(world, false);
    assert!(heard(world, 9001) > 0 && heard(world, 9002) > 0, "rights that are there last");
    // An API server that does not answer takes nothing away.
    world.cluster.inject(Fault::new(FaultEffect::unavailable()).path("/subjectaccessreviews").times(u32::MAX));
    world.advance(Duration::from_mins(11));
    world.cluster.clear_faults();
    bind(world, &[("joe", operate("lab"))]);
    world.advance(Duration::from_secs(330));
    let before = (heard(world, 9001), heard(world, 9002));
    change(world, true);
    assert_eq!(heard(world, 9001), before.0, "jane may see nothing any more");
    assert!(heard(world, 9002) > before.1, "joe may");
    let kept = send(world, 0, "joe", Method::GET, SUBSCRIPTIONS, &Value::Null);
    let kept: Value = serde_json::from_slice(kept.body()).unwrap();
    assert_eq!(kept["Members@odata.count"], 1, "hers has ended");
}
