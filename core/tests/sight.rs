//! What is told of the cluster while it, or a part of it, is out of sight: D3, D4, M5, R8, N3.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "tests may fail")]

use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use kubevirt_redfish_core::Role;
use kubevirt_redfish_core::config::Config;
use kubevirt_redfish_core::kubevirt::Settings;
use kubevirt_redfish_fixtures::cluster::{ClusterConfig, Fault, FaultEffect, Garbage, KubevirtVersion, Rule};
use kubevirt_redfish_fixtures::laboratory::{account, chassis};
use kubevirt_redfish_fixtures::sample::small;
use kubevirt_redfish_fixtures::world::World;
use serde_json::{Value, json};

const LAB: &str = "/redfish/v1/Systems/lab.vm";
const OTHER: &str = "/redfish/v1/Systems/vms.other";
const MACHINES: &str = "kubevirt.io";

/// Two namespaces with a machine each; `admin` sees both, `tenant` and `other` one each.
fn world() -> World {
    let config = Config {
        chassis: vec![chassis("lab", "lab"), chassis("vms", "vms")],
        accounts: vec![
            account("admin", Role::Administrator, &["lab", "vms"]),
            account("tenant", Role::Administrator, &["lab"]),
            account("other", Role::Administrator, &["vms"]),
        ],
        ..Config::default()
    };
    let settings = Settings {
        own_namespace: kubevirt_redfish_core::model::Namespace::new("kubevirt-redfish"),
        ..Settings::default()
    };
    let mut world = World::new(ClusterConfig::new(KubevirtVersion::V1_9), config, settings);
    world.cluster.add_virtual_machines([small("lab", "vm", "Manual"), small("vms", "other", "Manual")]);
    world
}

fn running() -> World {
    let mut world = world();
    world.start();
    world.run_until(Duration::from_secs(10), |world| world.view(0).is_some_and(|view| view.is_ready()));
    world
}

/// Probes tell a replica that has seen nothing from one that lives.
#[test]
fn a_replica_is_ready_when_it_has_seen_its_systems() {
    let mut world = world();
    world.cluster.inject(Fault::new(FaultEffect::unavailable()));
    world.start();
    let probe = |world: &mut World, path: &str| {
        let request = Request::builder().uri(path).body(Bytes::new()).unwrap();
        world.send(0, request).expect("an answer").status()
    };
    assert_eq!(probe(&mut world, "/livez"), StatusCode::OK);
    assert_eq!(probe(&mut world, "/readyz"), StatusCode::SERVICE_UNAVAILABLE);
    world.cluster.clear_faults();
    world.run_until(Duration::from_mins(1), |world| world.view(0).is_some_and(|view| view.is_ready()));
    assert_eq!(probe(&mut world, "/readyz"), StatusCode::OK);
    // An outage is told in answers; a replica that is out of sight of the cluster is as good as any other.
    world.cluster.inject(Fault::new(FaultEffect::unavailable()));
    world.run_until(Duration::from_mins(5), |_| false);
    assert_eq!(probe(&mut world, "/readyz"), StatusCode::OK);
}

fn request(user: &str, method: Method, path: &str, body: &str) -> Request<Bytes> {
    use base64::Engine as _;
    let credentials = base64::prelude::BASE64_STANDARD.encode(format!("{user}:secret"));
    let request = Request::builder().method(method).uri(path).header("authorization", format!("Basic {credentials}"));
    request.header("content-type", "application/json").body(Bytes::copy_from_slice(body.as_bytes())).unwrap()
}

fn send(world: &mut World, user: &str, method: Method, path: &str, body: &str) -> Response<Bytes> {
    world.send(0, request(user, method, path, body)).expect("an answer")
}

fn read(world: &mut World, user: &str, path: &str) -> (StatusCode, Value) {
    let response = send(world, user, Method::GET, path, "");
    (response.status(), serde_json::from_slice(response.body()).unwrap_or_default())
}

#[track_caller]
fn get(world: &mut World, user: &str, path: &str) -> Value {
    let (status, body) = read(world, user, path);
    assert_eq!(status, StatusCode::OK, "{path} for {user}: {body}");
    body
}

fn reset(world: &mut World, user: &str, system: &str, kind: &str) -> StatusCode {
    let path = format!("{system}/Actions/ComputerSystem.Reset");
    send(world, user, Method::POST, &path, &json!({ "ResetType": kind }).to_string()).status()
}

fn members(body: &Value) -> Vec<&str> {
    body["Members"].as_array().unwrap().iter().map(|member| member["@odata.id"].as_str().unwrap()).collect()
}

/// The keys of the messages in a list of them.
fn keys(messages: &Value) -> Vec<&str> {
    let ids = messages.as_array().into_iter().flatten().filter_map(|message| message["MessageId"].as_str());
    ids.filter_map(|id| id.rsplit('.').next()).collect()
}

fn forbidden(verb: &str) -> Vec<Rule> {
    ["virtualmachines", "virtualmachineinstances"]
        .map(|kind| Rule::new(verb, MACHINES, kind).in_namespace("vms"))
        .into()
}

/// Nothing gets through to the API server, and nothing comes back.
fn cut_off(world: &mut World) {
    world.cluster.inject(Fault::new(FaultEffect::CutBeforeEffect));
    world.cluster.cut_watches();
    world.disconnect();
}

/// The same, and nobody is told so: connections stay open.
fn freeze(world: &mut World) {
    world.cluster.inject(Fault::new(FaultEffect::Silence));
    world.cluster.mute_watches();
}

fn notices(world: &World) -> Vec<String> {
    world.notices(0).iter().map(ToString::to_string).collect()
}

fn subscribe(world: &mut World, user: &str) {
    let body = json!({ "Destination": "https://receiver.example/", "Protocol": "Redfish", "Context": user });
    let response = send(world, user, Method::POST, "/redfish/v1/EventService/Subscriptions", &body.to_string());
    assert_eq!(response.status(), StatusCode::CREATED, "{}", String::from_utf8_lossy(response.body()));
}

/// The message and origin of each event that was pushed to someone.
fn events(world: &World, user: &str) -> Vec<String> {
    let mut told = Vec::new();
    for delivery in &world.events(0).unwrap().deliveries {
        let body: Value = serde_json::from_slice(delivery.body()).unwrap();
        if body["Context"] != user {
            continue;
        }
        for event in body["Events"].as_array().unwrap() {
            let key = event["MessageId"].as_str().unwrap().rsplit('.').next().unwrap();
            told.push(format!("{key} {}", event["OriginOfCondition"]["@odata.id"].as_str().unwrap()));
        }
    }
    told
}

/// D3: one namespace that may not be listed is felt by nobody else, and told to those whose it is.
#[test]
fn a_namespace_that_is_forbidden_from_the_start_is_felt_by_nobody_else() {
    let mut world = world();
    world.cluster.forbid(forbidden("list"));
    world.start();
    world.advance(Duration::from_secs(3));
    let world = &mut world;
    assert!(world.view(0).unwrap().is_ready(), "what can be seen is served");
    subscribe(world, "tenant");
    subscribe(world, "admin");
    // Who does not see it does not feel it.
    assert_eq!(members(&get(world, "tenant", "/redfish/v1/Systems")), [LAB]);
    assert!(get(world, "tenant", "/redfish/v1/Systems").get("@Message.ExtendedInfo").is_none());
    assert_eq!(get(world, "tenant", LAB)["PowerState"], "Off");
    assert_eq!(reset(world, "tenant", LAB, "On"), StatusCode::NO_CONTENT);
    world.advance(Duration::from_secs(10));
    let told = events(world, "tenant");
    assert!(told.contains(&format!("ResourcePoweredOn {LAB}")), "{told:?}");
    assert!(events(world, "admin").contains(&format!("ResourcePoweredOn {LAB}")));
    // Who sees both sees the readable one and can act on it.
    let systems = get(world, "admin", "/redfish/v1/Systems");
    assert_eq!(members(&systems), [LAB]);
    let missing = &systems["@Message.ExtendedInfo"];
    assert_eq!(keys(missing), ["NamespaceWithheld"]);
    let text = missing[0]["Message"].as_str().unwrap();
    assert!(text.contains("list virtualmachineinstances, virtualmachines") && text.contains("'vms'"), "{text}");
    assert!(!text.contains("serviceaccount"), "{text}");
    assert_eq!(get(world, "admin", LAB)["PowerState"], "On");
    assert_eq!(reset(world, "admin", LAB, "ForceOff"), StatusCode::NO_CONTENT);
    for path in ["/redfish/v1/Systems?$expand=.", "/redfish/v1/Managers", "/redfish/v1/TaskService/Tasks"] {
        get(world, "admin", path);
    }
    assert_eq!(read(world, "admin", "/redfish/v1/Systems/lab.ghost").0, StatusCode::NOT_FOUND);
    // What cannot be told is not said to be not there.
    let (status, body) = read(world, "admin", OTHER);
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{body}");
    assert_eq!(keys(&body["error"]["@Message.ExtendedInfo"]), ["NamespaceWithheld"]);
    assert_eq!(read(world, "admin", "/redfish/v1/Chassis/vms/Systems").0, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(read(world, "other", "/redfish/v1/Systems").0, StatusCode::SERVICE_UNAVAILABLE);
    // To who does not see the chassis it looks like any that is not there.
    assert_eq!(read(world, "tenant", OTHER).0, StatusCode::NOT_FOUND);
    for user in ["admin", "other"] {
        let status = get(world, user, "/redfish/v1/Chassis/vms")["Status"].clone();
        assert_eq!(status["Health"], "Critical");
        assert_eq!(keys(&status["Conditions"]), ["NamespaceWithheld"]);
    }
    assert_eq!(get(world, "admin", "/redfish/v1/Chassis/lab")["Status"]["Health"], "OK");
    let right = "the service lacks rights in the namespace vms: list virtualmachineinstances, list virtualmachines";
    assert_eq!(notices(world), [right], "one line says which right is missing where");
    // Given back, it is picked up within seconds.
    world.cluster.forbid(Vec::new());
    let seen = |world: &mut World| read(world, "other", OTHER).0 == StatusCode::OK;
    let waited = (0..40).find(|_| {
        world.advance(Duration::from_millis(250));
        seen(world)
    });
    assert!(waited.is_some(), "it is not seen within 10 s");
    assert_eq!(members(&get(world, "admin", "/redfish/v1/Systems")), [LAB, OTHER]);
    assert_eq!(get(world, "admin", "/redfish/v1/Chassis/vms")["Status"]["Health"], "OK");
    world.advance(Duration::from_secs(10));
    let given = "the service has the rights that were missing in the namespace vms";
    assert_eq!(notices(world), [right, given]);
}

/// D3, quietly: what is polled is not told again and again, nor asked for too often.
#[test]
fn a_forbidden_namespace_is_polled_quietly() {
    let mut world = world();
    world.cluster.forbid(forbidden("list"));
    world.keep_record();
    world.start();
    world.advance(Duration::from_mins(10));
    assert_eq!(notices(&world).len(), 1, "{:?}", notices(&world));
    let asked = world.recorded().lines().filter(|line| line.contains("/namespaces/vms/virtualmachine")).count();
    assert!((100..340).contains(&asked), "{asked} requests in ten minutes");
}

/// D3: rights that are taken away later. What was known stays, gets old and is said to be.
#[test]
fn a_namespace_that_is_forbidden_later_gets_old_and_does_not_vanish() {
    let world = &mut running();
    subscribe(world, "admin");
    subscribe(world, "tenant");
    let all: Vec<Rule> = ["list", "watch"].into_iter().flat_map(forbidden).collect();
    world.cluster.forbid(all);
    world.advance(Duration::from_mins(1));
    let system = get(world, "other", OTHER);
    assert_eq!(system["Status"]["Health"], "Warning");
    assert_eq!(keys(&system["Status"]["Conditions"]), ["ClusterNotSeen"]);
    let conditions = get(world, "other", "/redfish/v1/Chassis/vms")["Status"]["Conditions"].clone();
    assert_eq!(keys(&conditions), ["NamespaceWithheld", "ClusterNotSeen"]);
    assert_eq!(get(world, "tenant", LAB)["Status"]["Health"], "OK");
    world.advance(Duration::from_mins(3));
    assert_eq!(get(world, "admin", OTHER)["PowerState"], Value::Null);
    assert_eq!(members(&get(world, "admin", "/redfish/v1/Systems")), [LAB, OTHER]);
    assert_eq!(get(world, "admin", LAB)["PowerState"], "Off");
    assert_eq!(reset(world, "admin", LAB, "On"), StatusCode::NO_CONTENT);
    world.cluster.forbid(Vec::new());
    world.advance(Duration::from_secs(10));
    assert_eq!(get(world, "admin", OTHER)["PowerState"], "Off");
    assert_eq!(get(world, "admin", OTHER)["Status"]["Health"], "OK");
    let of_chassis =
        |told: Vec<String>| -> Vec<String> { told.into_iter().filter(|event| event.contains("/Chassis/")).collect() };
    assert_eq!(
        of_chassis(events(world, "admin")),
        ["ResourceStatusChangedCritical /redfish/v1/Chassis/vms", "ResourceStatusChangedOK /redfish/v1/Chassis/vms"]
    );
    assert!(of_chassis(events(world, "tenant")).is_empty());
}

/// D3: a namespace that may be listed and not watched is listed again and again.
#[test]
fn a_namespace_that_may_not_be_watched_is_listed_instead() {
    let mut world = world();
    world.cluster.forbid(forbidden("watch"));
    world.start();
    world.advance(Duration::from_secs(3));
    let world = &mut world;
    assert_eq!(get(world, "other", OTHER)["PowerState"], "Off");
    let status = get(world, "other", "/redfish/v1/Chassis/vms")["Status"].clone();
    assert_eq!(keys(&status["Conditions"]), ["ServiceRightMissing"]);
    world.cluster.edit("virtualmachines", "vms", "other", |machine| machine["spec"]["runStrategy"] = json!("Always"));
    let mut healths = std::collections::BTreeSet::new();
    for _ in 0..120 {
        world.advance(Duration::from_secs(1));
        let system = get(world, "other", OTHER);
        healths.insert(system["Status"]["Health"].to_string());
    }
    assert_eq!(get(world, "other", OTHER)["PowerState"], "On");
    assert_eq!(healths.into_iter().collect::<Vec<_>>(), ["\"OK\""]);
    assert_eq!(notices(world).len(), 1, "{:?}", notices(world));
}

/// D3: a namespace that there is not has no machines, which is known.
#[test]
fn a_namespace_that_does_not_exist_is_empty() {
    let config = Config {
        chassis: vec![chassis("lab", "lab"), chassis("nowhere", "nowhere")],
        accounts: vec![account("admin", Role::Administrator, &["lab", "nowhere"])],
        ..Config::default()
    };
    let mut world = World::new(ClusterConfig::new(KubevirtVersion::V1_9), config, Settings::default());
    world.cluster.add_virtual_machines([small("lab", "vm", "Manual")]);
    world.start();
    world.advance(Duration::from_secs(3));
    let world = &mut world;
    assert_eq!(members(&get(world, "admin", "/redfish/v1/Systems")), [LAB]);
    assert_eq!(get(world, "admin", "/redfish/v1/Chassis/nowhere")["Status"]["Health"], "OK");
}

/// D3's kind: a namespace whose lists fail for another reason than a right holds up nobody else either.
#[test]
fn a_namespace_whose_lists_fail_is_felt_by_nobody_else() {
    let mut world = world();
    let broken = FaultEffect::internal_error("conversion webhook for kubevirt.io/v1alpha3 failed");
    world.cluster.inject(Fault::new(broken).path("/namespaces/vms/virtualmachines"));
    world.start();
    world.advance(Duration::from_secs(1));
    let world = &mut world;
    assert_eq!(get(world, "tenant", LAB)["PowerState"], "Off");
    assert_eq!(get(world, "admin", LAB)["PowerState"], "Off", "a system that is known needs no others");
    assert_eq!(reset(world, "admin", LAB, "On"), StatusCode::NO_CONTENT);
    assert_eq!(read(world, "admin", "/redfish/v1/Systems").0, StatusCode::SERVICE_UNAVAILABLE, "it may come yet");
    world.advance(Duration::from_secs(20));
    let systems = get(world, "admin", "/redfish/v1/Systems");
    assert_eq!((members(&systems), keys(&systems["@Message.ExtendedInfo"])), (vec![LAB], vec!["ClusterNotListed"]));
    assert_eq!(read(world, "other", "/redfish/v1/Systems").0, StatusCode::SERVICE_UNAVAILABLE);
    world.cluster.clear_faults();
    world.advance(Duration::from_secs(40));
    assert_eq!(members(&get(world, "admin", "/redfish/v1/Systems")), [LAB, OTHER]);
}

/// While instances have not been listed, no machine is said to be off.
#[test]
fn a_machine_whose_instances_have_not_been_listed_is_not_shown_as_off() {
    let mut world = world();
    world.cluster.edit("virtualmachines", "lab", "vm", |machine| machine["spec"]["runStrategy"] = json!("Always"));
    world.advance(Duration::from_secs(10));
    let slow = FaultEffect::SlowAnswer(Duration::from_secs(5));
    world.cluster.inject(Fault::new(slow).path("/namespaces/lab/virtualmachineinstances").times(1));
    world.start();
    world.advance(Duration::from_secs(1));
    let world = &mut world;
    for path in [LAB, "/redfish/v1/Systems", "/redfish/v1/Chassis/lab", "/redfish/v1/Systems/vm"] {
        assert_eq!(read(world, "tenant", path).0, StatusCode::SERVICE_UNAVAILABLE, "{path}");
    }
    world.advance(Duration::from_secs(6));
    assert_eq!(get(world, "tenant", LAB)["PowerState"], "On");
}

/// D4: how old what is shown may be, and what is said of that, however the cluster is cut off.
#[test]
fn what_has_not_been_seen_is_said_to_be_and_power_is_not_told_for_ever() {
    for (how, cut) in [("cut", cut_off as fn(&mut World)), ("frozen", freeze)] {
        let world = &mut running();
        subscribe(world, "tenant");
        assert_eq!(reset(world, "tenant", LAB, "On"), StatusCode::NO_CONTENT);
        world.advance(Duration::from_secs(30));
        let fresh = send(world, "tenant", Method::GET, LAB, "");
        assert_eq!(get(world, "tenant", LAB)["PowerState"], "On", "{how}");
        let views = world.view(0).unwrap().clone();
        cut(world);
        world.advance(Duration::from_secs(5));
        assert_eq!(get(world, "tenant", LAB)["Status"]["Health"], "OK", "{how}: a moment is nothing");
        world.advance(Duration::from_secs(17));
        // Somewhere else it is forced off, which nobody here sees.
        world.cluster.delete("virtualmachineinstances", "lab", "vm");
        let old = send(world, "tenant", Method::GET, LAB, "");
        let system: Value = serde_json::from_slice(old.body()).unwrap();
        assert_eq!((&system["PowerState"], &system["Status"]["Health"]), (&json!("On"), &json!("Warning")), "{how}");
        assert_eq!(keys(&system["Status"]["Conditions"]), ["ClusterNotSeen"], "{how}");
        let since = system["Status"]["Conditions"][0]["MessageArgs"][0].clone();
        assert!(since.as_str().unwrap().ends_with('Z'), "{since}");
        assert_ne!(fresh.headers()["etag"], old.headers()["etag"], "{how}: another representation has another tag");
        for path in ["/redfish/v1/Managers/lab.vm", "/redfish/v1/Chassis/lab"] {
            let status = get(world, "tenant", path)["Status"].clone();
            assert_eq!((&status["Health"], keys(&status["Conditions"])), (&json!("Warning"), vec!["ClusterNotSeen"]));
        }
        let unmodified = Request::builder().uri(LAB).header("if-none-match", fresh.headers()["etag"].clone());
        let unmodified = unmodified.header("authorization", "Basic dGVuYW50OnNlY3JldA==").body(Bytes::new()).unwrap();
        assert_eq!(world.send(0, unmodified).unwrap().status(), StatusCode::OK, "{how}: what is old is not unmodified");
        world.advance(Duration::from_mins(1));
        assert_eq!(get(world, "tenant", LAB)["Status"]["Conditions"][0]["MessageArgs"][0], since, "{how}");
        world.advance(Duration::from_mins(1));
        let system = get(world, "tenant", LAB);
        assert_eq!((&system["PowerState"], &system["Status"]["State"]), (&Value::Null, &Value::Null), "{how}");
        assert_eq!(system["Status"]["Health"], "Warning", "{how}");
        let off = get(world, "tenant", "/redfish/v1/Systems?$filter=PowerState%20eq%20'Off'");
        assert_eq!(members(&off), Vec::<&str>::new(), "{how}");
        assert_eq!(get(world, "tenant", "/redfish/v1/Chassis/lab")["Status"]["Health"], "Critical", "{how}");
        // A write fails truthfully.
        assert_eq!(reset(world, "tenant", LAB, "ForceOff"), StatusCode::SERVICE_UNAVAILABLE, "{how}");
        world.cluster.clear_faults();
        world.advance(Duration::from_secs(10));
        let system = get(world, "tenant", LAB);
        assert_eq!((&system["PowerState"], &system["Status"]["Health"]), (&json!("Off"), &json!("OK")), "{how}");
        assert!(views.is_ready());
        let told: Vec<String> =
            events(world, "tenant").into_iter().filter(|event| event.contains("/Chassis/")).collect();
        let event = |key: &str| format!("ResourceStatusChanged{key} /redfish/v1/Chassis/lab");
        assert_eq!(told, [event("Warning"), event("Critical"), event("OK")], "{how}: no event for every system");
        world.advance(Duration::from_secs(30));
        let lines = notices(world);
        let [began, ended] = lines.as_slice() else { panic!("{how}: {lines:?}") };
        assert!(began.starts_with("the cluster cannot be seen: "), "{began}");
        assert!(ended.starts_with("the cluster is in sight again after ") && ended.contains("watches"), "{ended}");
    }
}

/// D4: two streams of one machine, of which one has died without a word while everything else is answered.
#[test]
fn one_stream_that_died_is_found_out_while_others_live() {
    for kind in ["virtualmachines", "virtualmachineinstances"] {
        let world = &mut running();
        assert_eq!(reset(world, "tenant", LAB, "On"), StatusCode::NO_CONTENT);
        world.advance(Duration::from_secs(30));
        // That stream shows nothing more, and cannot be begun again.
        world.cluster.mute_watches();
        let only = Fault::new(FaultEffect::Silence).path(&format!("/namespaces/lab/{kind}?"));
        let path = format!("/namespaces/lab/{kind}");
        world.cluster.inject(Fault { ..Fault::new(FaultEffect::Silence).path(&path).method(Method::GET) });
        drop(only);
        let found = (0..70).find(|_| {
            world.advance(Duration::from_secs(1));
            get(world, "tenant", LAB)["Status"]["Health"] == "Warning"
        });
        assert!(found.is_some_and(|seconds| seconds <= 50), "{kind}: found out after {found:?} s");
        world.advance(Duration::from_mins(2));
        assert_eq!(get(world, "tenant", LAB)["PowerState"], Value::Null, "{kind}");
        assert_eq!(get(world, "other", OTHER)["Status"]["Health"], "OK", "{kind}: another namespace does not feel it");
        assert_eq!(get(world, "other", OTHER)["PowerState"], "Off", "{kind}");
        world.cluster.clear_faults();
        world.advance(Duration::from_secs(45));
        assert_eq!(get(world, "tenant", LAB)["PowerState"], "On", "{kind}");
    }
}

/// D4: watches that are muted and can be begun again: nobody notices, and nothing is missed for longer than that takes.
#[test]
fn a_stream_that_died_without_a_word_is_begun_again() {
    let world = &mut running();
    assert_eq!(reset(world, "tenant", LAB, "On"), StatusCode::NO_CONTENT);
    world.advance(Duration::from_secs(30));
    world.cluster.mute_watches();
    world.cluster.edit("virtualmachines", "lab", "vm", |machine| machine["spec"]["runStrategy"] = json!("Halted"));
    let waited = (0..60).find(|_| {
        world.advance(Duration::from_secs(1));
        get(world, "tenant", LAB)["PowerState"] == "Off"
    });
    assert!(waited.is_some_and(|seconds| seconds <= 48), "{waited:?}");
}

/// D4: a precondition is about what is to be written, not about how old it is that was read.
#[test]
fn a_tag_that_was_read_before_is_good_while_nothing_else_has_changed() {
    let world = &mut running();
    let fresh = send(world, "tenant", Method::GET, LAB, "").headers()["etag"].clone();
    cut_off(world);
    world.advance(Duration::from_secs(30));
    let patch = |tag| {
        let request = Request::builder().method(Method::PATCH).uri(LAB).header("if-match", tag);
        let request = request.header("authorization", "Basic dGVuYW50OnNlY3JldA==");
        request.header("content-type", "application/json").body(Bytes::from_static(b"{\"AssetTag\":\"x\"}")).unwrap()
    };
    let status = world.send(0, patch(fresh)).unwrap().status();
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "it is not 412: the cluster cannot be reached");
}

/// M5: garbage never makes an existing machine disappear.
#[test]
fn garbage_makes_no_machine_disappear() {
    for garbage in Garbage::ALL {
        let world = &mut running();
        assert_eq!(reset(world, "tenant", LAB, "On"), StatusCode::NO_CONTENT);
        world.advance(Duration::from_secs(30));
        world.cluster.inject(Fault::new(FaultEffect::Garbage(garbage)).method(Method::GET));
        world.cluster.compact();
        world.cluster.expire_watches();
        world.disconnect();
        let mut warned = false;
        for second in 0..100 {
            world.advance(Duration::from_secs(1));
            assert_eq!(members(&get(world, "admin", "/redfish/v1/Systems")), [LAB, OTHER], "{garbage:?}, {second} s");
            let system = get(world, "tenant", LAB);
            assert_eq!(system["PowerState"], "On", "{garbage:?}, {second} s");
            warned |= system["Status"]["Health"] == "Warning";
        }
        assert!(warned, "{garbage:?}: nothing is said of it");
        world.advance(Duration::from_mins(2));
        assert_eq!(get(world, "tenant", LAB)["PowerState"], Value::Null, "{garbage:?}");
        world.cluster.clear_faults();
        world.advance(Duration::from_secs(45));
        assert_eq!(get(world, "tenant", LAB)["PowerState"], "On", "{garbage:?}");
        assert_eq!(get(world, "tenant", LAB)["Status"]["Health"], "OK", "{garbage:?}");
    }
}

/// R8: after an outage of any length a new machine is seen soon after the API server is back.
#[test]
fn a_new_machine_is_seen_soon_after_an_outage_of_any_length() {
    for own_namespace in [true, false] {
        for seconds in [2, 8, 20, 60, 600] {
            let mut world = world();
            if !own_namespace {
                world.cluster.forbid(vec![Rule::new("*", "coordination.k8s.io", "leases")]);
            }
            world.start();
            world.advance(Duration::from_secs(20));
            let world = &mut world;
            cut_off(world);
            world.advance(Duration::from_secs(seconds));
            world.cluster.clear_faults();
            let now = world.now();
            world.cluster.apply(now, small("lab", "new", "Manual")).expect("a machine");
            let waited = (0..60).find(|_| {
                world.advance(Duration::from_millis(100));
                read(world, "tenant", "/redfish/v1/Systems/lab.new").0 == StatusCode::OK
            });
            assert!(
                waited.is_some_and(|tenths| tenths <= 35),
                "{seconds} s, leases {own_namespace}: {waited:?} tenths"
            );
        }
    }
}

/// N3: one line when it begins and one when it is over, though every stream fails again and again.
#[test]
fn an_outage_is_told_once_and_its_end_once() {
    let world = &mut running();
    world.advance(Duration::from_secs(20));
    cut_off(world);
    world.advance(Duration::from_mins(10));
    assert_eq!(notices(world).len(), 1, "{:?}", notices(world));
    world.cluster.clear_faults();
    world.advance(Duration::from_mins(1));
    let lines = notices(world);
    assert_eq!(lines.len(), 2, "{lines:?}");
    // Eight streams: the verbs and the platform are listed only now and then, and may not have noticed.
    assert!(lines[1].contains("attempts failed"), "{lines:?}");
}

/// Requests to the cluster in ten minutes in which nothing happens, by method and path.
fn idle(world: &mut World) -> std::collections::BTreeMap<String, usize> {
    world.advance(Duration::from_mins(2));
    world.keep_record();
    let before = world.recorded().len();
    world.advance(Duration::from_mins(10));
    let mut requests = std::collections::BTreeMap::new();
    for line in world.recorded()[before..].lines() {
        let Some(at) = ["GET /", "PATCH /", "POST /", "PUT /"].into_iter().find_map(|method| line.find(method)) else {
            continue;
        };
        let request = line[at..].split(['?', ' ']).take(2).collect::<Vec<_>>().join(" ");
        *requests.entry(request).or_insert(0) += 1;
    }
    requests
}

/// R9: one patch a renewal, and little else.
#[test]
fn an_idle_replica_asks_the_cluster_for_little() {
    let mut config = Config {
        chassis: vec![chassis("lab", "lab")],
        accounts: vec![account("admin", Role::Administrator, &["lab"])],
        ..Config::default()
    };
    let settings = Settings {
        own_namespace: kubevirt_redfish_core::model::Namespace::new("kubevirt-redfish"),
        ..Settings::default()
    };
    for (interval, most) in [(5, 190), (30, 140)] {
        config.lease_renew_interval = Duration::from_secs(interval);
        let mut world = World::new(ClusterConfig::new(KubevirtVersion::V1_9), config.clone(), settings.clone());
        world.cluster.add_virtual_machines((0..20).map(|number| small("lab", &format!("vm{number}"), "Manual")));
        world.start();
        let requests = idle(&mut world);
        let all: usize = requests.values().sum();
        let of = |what: &str| requests.iter().filter(|(name, _)| name.starts_with(what)).map(|(_, count)| count).sum();
        let lease = "/apis/coordination.k8s.io/v1/namespaces/kubevirt-redfish/leases/kubevirt-redfish-events";
        let (reads, renewals): (usize, usize) = (of(&format!("GET {lease}")), of(&format!("PATCH {lease}")));
        assert_eq!(
            (reads, renewals.abs_diff(600 / usize::try_from(interval).unwrap()) <= 1),
            (0, true),
            "{requests:#?}"
        );
        assert!(all <= most, "{all} requests in ten minutes: {requests:#?}");
        println!("{interval} s: {all} requests in ten minutes: {requests:#?}");
    }
}

/// R6: what ordinary accounts may not watch is not tried to be watched.
#[test]
fn the_platform_is_listed_and_never_watched() {
    let mut world = world();
    world.keep_record();
    world.start();
    world.advance(Duration::from_mins(30));
    let asked: Vec<&str> = world.recorded().lines().filter(|line| line.contains("/kubevirts")).collect();
    assert!((8..30).contains(&asked.len()), "{} requests in half an hour", asked.len());
    assert!(asked.iter().all(|line| !line.contains("watch=true")), "{asked:?}");
    assert_eq!(notices(&world), Vec::<String>::new());
}
