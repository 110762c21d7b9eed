//! Subscriptions over the simulated cluster: what is stored, what survives restarts, and what other replicas know.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "tests may fail")]

use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use http::{Method, Response, StatusCode};
use kubevirt_redfish_core::kubevirt::Settings;
use kubevirt_redfish_core::model::Namespace;
use kubevirt_redfish_core::{Notice, Role};
use kubevirt_redfish_fixtures::cluster::{ClusterConfig, Fault, FaultEffect, KubevirtVersion, Rule};
use kubevirt_redfish_fixtures::laboratory;
use kubevirt_redfish_fixtures::world::World;
use serde_json::{Value, json};

const SUBSCRIPTIONS: &str = "/redfish/v1/EventService/Subscriptions";
const STREAM: &str = "/redfish/v1/EventService/SSE";
const OWN: &str = "kubevirt-redfish";
const SECRET: &str = "kubevirt-redfish-subscriptions";

/// A machine that is off, and a service that may keep documents in its own namespace.
fn world() -> World {
    let mut config = laboratory::config();
    config.accounts.push(laboratory::account("operator", Role::Operator, &["lab"]));
    let settings = Settings { own_namespace: Namespace::new(OWN), ..Settings::default() };
    laboratory::world(ClusterConfig::new(KubevirtVersion::V1_9), config, settings, &[0])
}

/// The same with that many replicas that are ready.
fn started(replicas: usize) -> World {
    let mut world = world();
    for _ in 0..replicas {
        laboratory::start(&mut world);
    }
    world
}

fn send(world: &mut World, replica: usize, method: &Method, path: &str, body: Option<&Value>) -> Response<Bytes> {
    world.send(replica, laboratory::request(method.clone(), path, body)).expect("an answer")
}

fn status(world: &mut World, replica: usize, method: &Method, path: &str) -> StatusCode {
    send(world, replica, method, path, None).status()
}

fn get(world: &mut World, replica: usize, path: &str) -> Value {
    let response = send(world, replica, &Method::GET, path, None);
    assert_eq!(response.status(), StatusCode::OK, "{path}");
    serde_json::from_slice(response.body()).unwrap()
}

fn post(world: &mut World, replica: usize, more: &Value) -> Response<Bytes> {
    let mut body = json!({ "Destination": "https://listener.example/", "Protocol": "Redfish" });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    send(world, replica, &Method::POST, SUBSCRIPTIONS, Some(&body))
}

/// Makes a subscription; its URI.
fn subscribe(world: &mut World, replica: usize, more: &Value) -> String {
    let response = post(world, replica, more);
    assert_eq!(response.status(), StatusCode::CREATED, "{}", String::from_utf8_lossy(response.body()));
    response.headers()["location"].to_str().unwrap().to_owned()
}

/// What is stored.
fn stored(world: &World) -> Value {
    let secret = world.cluster.object("secrets", OWN, SECRET).expect("a document");
    serde_json::from_slice(&BASE64_STANDARD.decode(secret["data"]["content"].as_str().unwrap()).unwrap()).unwrap()
}

#[test]
fn a_subscription_survives_restarts_and_is_known_to_every_replica() {
    let world = &mut started(2);
    let body = json!({
        "Context": "kept",
        "HttpHeaders": [{ "Authorization": "Bearer abc" }],
        "MessageIds": ["ResourceEvent.ResourcePoweredOn"],
        "SendHeartbeat": true,
        "DeliveryRetryPolicy": "SuspendRetries",
    });
    let location = subscribe(world, 0, &body);
    assert_eq!(stored(world)["subscriptions"].as_array().unwrap().len(), 1, "stored before it is answered");
    world.advance(Duration::from_secs(1));
    let tag = |response: Response<Bytes>| (response.headers()["etag"].clone(), response.into_body());
    let first = tag(send(world, 0, &Method::GET, &location, None));
    assert!(!String::from_utf8_lossy(&first.1).contains("abc"), "headers are not read back");
    assert_eq!(tag(send(world, 1, &Method::GET, &location, None)), first);
    for replica in [0, 1] {
        world.restart(replica);
        laboratory::ready(world, replica);
    }
    assert_eq!(tag(send(world, 0, &Method::GET, &location, None)), first);

    let reset = json!({ "ResetType": "On" });
    let path = "/redfish/v1/Systems/lab.node-0/Actions/ComputerSystem.Reset";
    assert_eq!(send(world, 0, &Method::POST, path, Some(&reset)).status(), StatusCode::NO_CONTENT);
    world.advance(Duration::from_mins(1));
    let deliveries = &world.events(0).unwrap().deliveries;
    let delivery = deliveries.first().expect("a delivery");
    assert_eq!(delivery.headers()["authorization"], "Bearer abc");
    let body: Value = serde_json::from_slice(delivery.body()).unwrap();
    assert_eq!(body["Context"], "kept");
    assert_eq!(body["Events"][0]["MessageId"], "ResourceEvent.1.4.ResourcePoweredOn");
}

#[test]
fn any_replica_changes_and_ends_any_subscription() {
    let world = &mut started(2);
    let location = subscribe(world, 0, &json!({ "Context": "one" }));
    world.advance(Duration::from_secs(1));
    let answer = send(world, 1, &Method::PATCH, &location, Some(&json!({ "Context": "two" })));
    assert_eq!(answer.status(), StatusCode::OK, "{answer:?}");
    world.advance(Duration::from_secs(1));
    assert_eq!(get(world, 0, &location)["Context"], "two");
    let action = |name: &str| format!("{location}/Actions/EventDestination.{name}");
    assert_eq!(status(world, 1, &Method::POST, &action("SuspendSubscription")), StatusCode::NO_CONTENT);
    world.advance(Duration::from_secs(1));
    assert_eq!(get(world, 0, &location)["Status"]["State"], "Disabled");
    assert_eq!(status(world, 0, &Method::POST, &action("ResumeSubscription")), StatusCode::NO_CONTENT);
    world.advance(Duration::from_secs(1));
    assert_eq!(get(world, 1, &location)["Status"]["State"], "Enabled");
    assert_eq!(status(world, 1, &Method::DELETE, &location), StatusCode::NO_CONTENT);
    world.advance(Duration::from_secs(1));
    assert_eq!(status(world, 0, &Method::GET, &location), StatusCode::NOT_FOUND);
    assert_eq!(stored(world)["subscriptions"], json!([]));
}

#[test]
fn of_many_conditional_changes_at_two_replicas_one_wins() {
    let world = &mut started(2);
    let location = subscribe(world, 0, &json!({ "Context": "none" }));
    world.advance(Duration::from_secs(1));
    let tag = send(world, 0, &Method::GET, &location, None).headers()["etag"].clone();
    let begun: Vec<_> = (0..8)
        .map(|number| {
            let body = json!({ "Context": format!("number {number}") });
            let mut request = laboratory::request(Method::PATCH, &location, Some(&body));
            request.headers_mut().insert("if-match", tag.clone());
            world.begin(number % 2, request)
        })
        .collect();
    world.advance(Duration::from_mins(1));
    let answers: Vec<StatusCode> =
        begun.into_iter().map(|id| world.response(id).expect("an answer").status()).collect();
    let count = |status| answers.iter().filter(|answer| **answer == status).count();
    assert_eq!((count(StatusCode::OK), count(StatusCode::PRECONDITION_FAILED)), (1, 7), "{answers:?}");
}

#[test]
fn changes_at_different_replicas_do_not_undo_each_other() {
    let world = &mut started(2);
    let begun: Vec<_> = (0..20)
        .map(|number| {
            let body = json!({ "Destination": format!("https://listener.example/{number}"), "Protocol": "Redfish" });
            world.begin(number % 2, laboratory::request(Method::POST, SUBSCRIPTIONS, Some(&body)))
        })
        .collect();
    world.advance(Duration::from_secs(30));
    for id in begun {
        assert_eq!(world.response(id).expect("an answer").status(), StatusCode::CREATED);
    }
    for replica in [0, 1] {
        assert_eq!(get(world, replica, SUBSCRIPTIONS)["Members@odata.count"], 20);
    }
}

#[test]
fn a_subscription_that_cannot_be_stored_is_refused_and_does_not_count() {
    let world = &mut started(1);
    let fault = Fault::new(FaultEffect::unavailable()).method(Method::POST).path("/secrets").times(u32::MAX);
    world.cluster.inject(fault);
    let answer = post(world, 0, &json!({}));
    assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE, "{}", String::from_utf8_lossy(answer.body()));
    assert_eq!(get(world, 0, SUBSCRIPTIONS)["Members@odata.count"], 0);
}

#[test]
fn without_the_right_to_keep_them_they_are_kept_in_memory() {
    let mut world = world();
    world.cluster.forbid(vec![Rule::new("*", "", "secrets").in_namespace(OWN)]);
    let world = &mut world;
    world.start();
    laboratory::ready(world, 0);
    let location = subscribe(world, 0, &json!({}));
    assert_eq!(get(world, 0, &location)["Status"]["State"], "Enabled");
}

#[test]
fn what_one_account_stores_is_bounded_and_leaves_room_for_others() {
    let world = &mut started(1);
    let large = json!({ "HttpHeaders": [{ "X-Token": "x".repeat(8_000) }], "Context": "\u{1}".repeat(2_000) });
    let mut made = 0;
    let refused = loop {
        let answer = post(world, 0, &large);
        if answer.status() != StatusCode::CREATED {
            break answer;
        }
        made += 1;
    };
    assert!((5..64).contains(&made), "{made}");
    assert_eq!(refused.status(), StatusCode::CONFLICT);
    assert!(String::from_utf8_lossy(refused.body()).contains("EventSubscriptionLimitExceeded"));
    let credentials = BASE64_STANDARD.encode("operator:secret");
    let mut other = laboratory::request(
        Method::POST,
        SUBSCRIPTIONS,
        Some(&json!({ "Destination": "https://a/", "Protocol": "Redfish" })),
    );
    other.headers_mut().insert("authorization", format!("Basic {credentials}").parse().unwrap());
    assert_eq!(world.send(0, other).unwrap().status(), StatusCode::CREATED);
}

#[test]
fn a_stream_is_known_to_its_replica_alone() {
    let world = &mut started(2);
    assert_eq!(status(world, 0, &Method::GET, STREAM), StatusCode::OK);
    world.advance(Duration::from_secs(1));
    assert_eq!(get(world, 0, SUBSCRIPTIONS)["Members@odata.count"], 1);
    assert_eq!(get(world, 1, SUBSCRIPTIONS)["Members@odata.count"], 0);
    assert!(world.cluster.object("secrets", OWN, SECRET).is_none());
}

/// Two replicas and one receiver: which of them sends.
mod pushing {
    use super::*;

    const LEASE: &str = "kubevirt-redfish-events";

    /// What is subscribed to here.
    fn power() -> Value {
        let keys = ["PoweringOn", "PoweredOn", "PoweringOff", "PoweredOff"];
        json!({ "MessageIds": keys.map(|key| format!("ResourceEvent.Resource{key}")) })
    }

    fn holder(world: &World) -> Option<String> {
        let lease = world.cluster.object("leases", OWN, LEASE)?;
        lease["spec"]["holderIdentity"].as_str().map(str::to_owned)
    }

    fn reset(world: &mut World, replica: usize, reset_type: &str) {
        let path = "/redfish/v1/Systems/lab.node-0/Actions/ComputerSystem.Reset";
        let answer = send(world, replica, &Method::POST, path, Some(&json!({ "ResetType": reset_type })));
        assert_eq!(answer.status(), StatusCode::NO_CONTENT);
    }

    /// What a replica has pushed.
    fn records(world: &World, replica: usize) -> Vec<Value> {
        let deliveries = world.events(replica).map(|events| &events.deliveries[..]).unwrap_or_default();
        let records = deliveries.iter().flat_map(|delivery| {
            let body: Value = serde_json::from_slice(delivery.body()).unwrap();
            body["Events"].as_array().unwrap().clone()
        });
        records.collect()
    }

    /// The keys of the messages of it.
    fn pushed(world: &World, replica: usize) -> Vec<String> {
        let records = records(world, replica).into_iter();
        records.map(|record| record["MessageId"].as_str().unwrap().rsplit('.').next().unwrap().to_owned()).collect()
    }

    fn is_told(world: &World, replica: usize, key: &str) -> bool {
        pushed(world, replica).iter().any(|told| told == key)
    }

    #[test]
    fn one_of_two_pushes() {
        let world = &mut started(2);
        subscribe(world, 1, &power());
        reset(world, 1, "On");
        world.advance(Duration::from_mins(2));
        assert_eq!(pushed(world, 0), ["ResourcePoweringOn", "ResourcePoweredOn"]);
        assert!(pushed(world, 1).is_empty(), "{:?}", pushed(world, 1));
        let lease = world.cluster.object("leases", OWN, LEASE).unwrap();
        assert_eq!(lease["spec"]["leaseTransitions"], 0);
        assert_eq!(lease["spec"]["leaseDurationSeconds"], 15);
        assert_ne!(lease["spec"]["renewTime"], lease["spec"]["acquireTime"], "it is renewed");
    }

    #[test]
    fn a_request_that_comes_to_a_pending_power_on_ends_once() {
        for replica in [0, 1] {
            let world = &mut started(2);
            subscribe(world, 0, &json!({ "RegistryPrefixes": ["TaskEvent"] }));
            let insert = "/redfish/v1/Systems/lab.node-0/VirtualMedia/Cd/Actions/VirtualMedia.InsertMedia";
            let image = json!({ "Image": "https://images.example/boot.iso" });
            assert_eq!(send(world, replica, &Method::POST, insert, Some(&image)).status(), StatusCode::NO_CONTENT);
            let path = "/redfish/v1/Systems/lab.node-0/Actions/ComputerSystem.Reset";
            let mut on = laboratory::request(Method::POST, path, Some(&json!({ "ResetType": "On" })));
            on.headers_mut().insert("prefer", "respond-async".parse().unwrap());
            let answer = world.send(replica, on).expect("an answer");
            assert_eq!(answer.status(), StatusCode::ACCEPTED);
            let task = answer.headers()["location"].to_str().unwrap().rsplit('/').next().unwrap().to_owned();
            world.advance(Duration::from_mins(2));
            let ends = (0..2).flat_map(|replica| records(world, replica)).filter(|record| {
                record["MessageId"].as_str().unwrap().ends_with("TaskCompletedOK") && record["MessageArgs"][0] == *task
            });
            assert_eq!(ends.count(), 1, "{replica}");
        }
    }

    #[test]
    fn what_only_one_replica_knows_of_it_pushes_itself() {
        let world = &mut started(2);
        subscribe(world, 0, &json!({}));
        world.advance(Duration::from_secs(10));
        let test = "/redfish/v1/EventService/Actions/EventService.TestEventSubscription";
        assert_eq!(status(world, 1, &Method::POST, test), StatusCode::NO_CONTENT);
        world.advance(Duration::from_secs(1));
        assert_eq!((pushed(world, 0), pushed(world, 1)), (vec![], vec!["TestMessage".to_owned()]));
    }

    #[test]
    fn the_other_takes_over_from_one_that_was_killed_and_loses_nothing() {
        for after in [1, 3, 5, 8] {
            let world = &mut started(2);
            subscribe(world, 1, &power());
            world.advance(Duration::from_mins(1) + Duration::from_secs(after));
            world.kill(0);
            let killed = world.now();
            // While nobody pushes something happens.
            reset(world, 1, "On");
            let told = world.run_until(Duration::from_mins(1), |world| is_told(world, 1, "ResourcePoweringOn"));
            assert!(told);
            let taken = world.now().saturating_sub(killed);
            assert!(taken <= Duration::from_secs(20), "{taken:?}");
            world.advance(Duration::from_mins(1));
            assert_eq!(
                pushed(world, 1),
                ["ResourcePoweringOn", "ResourcePoweredOn"],
                "no gap, and nothing from before"
            );
            assert_eq!(world.cluster.object("leases", OWN, LEASE).unwrap()["spec"]["leaseTransitions"], 1);
        }
    }

    #[test]
    fn one_that_ends_leaves_it_to_the_other_at_once() {
        let world = &mut started(2);
        subscribe(world, 1, &power());
        world.advance(Duration::from_secs(30));
        world.shut_down(0);
        assert_eq!(holder(world), None);
        world.advance(Duration::from_secs(3));
        assert!(holder(world).is_some());
        reset(world, 1, "On");
        assert!(world.run_until(Duration::from_secs(5), |world| is_told(world, 1, "ResourcePoweringOn")));
    }

    #[test]
    fn while_it_is_in_doubt_nobody_pushes_and_then_everything_is_pushed_once() {
        let world = &mut started(2);
        subscribe(world, 0, &power());
        world.advance(Duration::from_secs(30));
        world.cluster.inject(Fault::new(FaultEffect::unavailable()).path("/leases").times(u32::MAX));
        world.advance(Duration::from_secs(30));
        reset(world, 0, "On");
        world.advance(Duration::from_mins(1));
        assert!(pushed(world, 0).is_empty() && pushed(world, 1).is_empty());
        world.cluster.clear_faults();
        world.advance(Duration::from_mins(1));
        let mut all = pushed(world, 0);
        all.extend(pushed(world, 1));
        assert_eq!(all, ["ResourcePoweringOn", "ResourcePoweredOn"]);
    }

    #[test]
    fn without_the_right_to_agree_each_pushes_and_says_so_once() {
        let mut world = world();
        world.cluster.forbid(vec![Rule::new("*", "coordination.k8s.io", "leases")]);
        for replica in 0..2 {
            world.start();
            laboratory::ready(&mut world, replica);
        }
        let world = &mut world;
        subscribe(world, 0, &power());
        reset(world, 0, "On");
        world.advance(Duration::from_mins(5));
        assert_eq!(pushed(world, 0), pushed(world, 1));
        assert_eq!(pushed(world, 0).len(), 2);
        let [Notice::LeadershipNotShared(reason)] = world.notices(0) else { panic!("{:?}", world.notices(0)) };
        assert!(reason.contains("cannot get resource \"leases\""), "{reason}");
        // Once the right is given, one is enough.
        world.cluster.forbid(Vec::new());
        world.advance(Duration::from_mins(5));
        let before = (pushed(world, 0).len(), pushed(world, 1).len());
        reset(world, 0, "ForceOff");
        world.advance(Duration::from_mins(1));
        let after = (pushed(world, 0).len() - before.0, pushed(world, 1).len() - before.1);
        assert!(after.0.min(after.1) == 0 && after.0.max(after.1) > 0, "{after:?}");
    }

    #[test]
    fn replicas_that_start_together_agree() {
        let mut world = world();
        world.start();
        world.start();
        let world = &mut world;
        world.advance(Duration::from_secs(20));
        subscribe(world, 0, &power());
        reset(world, 0, "On");
        world.advance(Duration::from_mins(1));
        assert_eq!(pushed(world, 0).len() + pushed(world, 1).len(), 2);
    }
}
