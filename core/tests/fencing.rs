//! What a fencing agent relies on: after a forced power-off that was answered 204, and whenever `PowerState` is `Off`, no
//! guest of the machine runs, and none starts before somebody asks for one.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests may fail")]

use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, StatusCode};
use kubevirt_redfish_core::kubevirt::Settings;
use kubevirt_redfish_fixtures::cluster::{ClusterConfig, ClusterStep, Fault, FaultEffect, KubevirtVersion, Rule};
use kubevirt_redfish_fixtures::world::{ExchangeId, World};
use kubevirt_redfish_fixtures::{laboratory, sample};
use serde_json::{Value, json};

mod lab;

use lab::{NODE, get, instance, machine, redefine, request, reset, until};

const RESET: &str = "/redfish/v1/Systems/lab.node-0/Actions/ComputerSystem.Reset";
const SECOND: Duration = Duration::from_secs(1);

/// A machine with that strategy, and one replica.
fn world(strategy: &str) -> World {
    let config = ClusterConfig::new(KubevirtVersion::V1_9);
    let mut world = laboratory::world(config, laboratory::config(), Settings::default(), &[]);
    let mut machine = sample::lab_virtual_machine(0, 1, KubevirtVersion::V1_9);
    machine["spec"]["runStrategy"] = json!(strategy);
    world.cluster.seed([sample::lab_root_claim(0)]);
    world.cluster.add_virtual_machines([machine]);
    laboratory::start(&mut world);
    world
}

/// The same, with a guest that runs.
fn running(strategy: &str) -> World {
    let mut world = world(strategy);
    assert_eq!(reset(&mut world, "On"), StatusCode::NO_CONTENT);
    until(&mut world, NODE, "/PowerState", &json!("On"));
    world
}

fn power(world: &mut World) -> String {
    get(world, NODE)["PowerState"].as_str().unwrap().to_owned()
}

fn begin(world: &mut World, reset_type: &str) -> ExchangeId {
    world.begin(0, request(Method::POST, RESET, Some(&json!({ "ResetType": reset_type }))))
}

#[track_caller]
fn status(world: &mut World, id: ExchangeId) -> StatusCode {
    world.run_until(Duration::from_mins(5), |world| world.is_answered(id));
    world.response(id).expect("an answer").status()
}

fn strategy(world: &World) -> Value {
    machine(world)["spec"]["runStrategy"].clone()
}

fn message_ids(system: &Value) -> Vec<&str> {
    let conditions = system["Status"]["Conditions"].as_array().into_iter().flatten();
    conditions.filter_map(|condition| condition["MessageId"].as_str()).collect()
}

/// Lets time pass, and sees to it that the machine is off all the while.
#[track_caller]
fn stays_off(world: &mut World, time: Duration) {
    let end = world.now() + time;
    while world.now() < end {
        assert!(!world.cluster.guest_runs("lab", "node-0"), "a guest runs");
        let live =
            instance(world).filter(|run| !["Succeeded", "Failed"].contains(&run["status"]["phase"].as_str().unwrap()));
        assert_eq!(live, None, "one is on its way");
        assert_eq!(power(world), "Off");
        world.advance(SECOND);
    }
}

/// What the other tests rely on.
#[test]
fn a_guest_that_nobody_has_asked_for_is_told_of() {
    let world = &mut running("Always");
    assert_eq!(reset(world, "ForceOff"), StatusCode::NO_CONTENT);
    world.fence("lab", "node-0");
    world.advance(SECOND);
    assert_eq!(world.breaches(), [""; 0]);
    redefine(world, |machine| machine["spec"]["runStrategy"] = json!("Always"));
    world.advance(10 * SECOND);
    assert_eq!(world.breaches().len(), 1);
}

/// R1: between the end of an instance that has failed and the request for the next, nothing tells of it.
#[test]
fn a_guest_that_has_crashed_and_will_be_restarted_is_not_off() {
    for step in [
        ClusterStep::DeleteInstance,
        ClusterStep::RemoveInstance,
        ClusterStep::RequestStart,
        ClusterStep::CreateInstance,
    ] {
        let world = &mut running("RerunOnFailure");
        world.cluster.hold(step);
        assert!(world.cluster.guest_crash("lab", "node-0"));
        world.advance(SECOND);
        for _ in 0..20 {
            assert_eq!(power(world), "PoweringOn", "{step:?}");
            world.advance(SECOND);
        }
        // Also to a service that has not seen the instance.
        world.restart(0);
        laboratory::ready(world, 0);
        assert_eq!(power(world), "PoweringOn", "{step:?}");
        world.cluster.release(step);
        until(world, NODE, "/PowerState", &json!("On"));
    }
}

/// R1: a request to turn it off in such a gap holds the machine, and is answered when nothing can follow.
#[test]
fn a_power_off_in_the_middle_of_a_restart_by_the_cluster_ends_in_off() {
    for reset_type in ["ForceOff", "GracefulShutdown"] {
        for step in [
            ClusterStep::DeleteInstance,
            ClusterStep::RemoveInstance,
            ClusterStep::RequestStart,
            ClusterStep::CreateInstance,
            ClusterStep::Look,
        ] {
            for strategy_name in ["RerunOnFailure", "Always"] {
                if (step, strategy_name) == (ClusterStep::RequestStart, "Always") {
                    continue;
                }
                let world = &mut running(strategy_name);
                world.cluster.hold(step);
                assert!(world.cluster.guest_crash("lab", "node-0"));
                world.advance(SECOND);
                let id = begin(world, reset_type);
                world.advance(10 * SECOND);
                let early = world.is_answered(id);
                world.cluster.release(step);
                let name = format!("{reset_type} {step:?} {strategy_name}");
                assert_eq!(status(world, id), StatusCode::NO_CONTENT, "{name}");
                // The instance may stay for as long as it likes, once virt-controller has seen that nothing is to follow.
                let may_be_early = (step, strategy_name) == (ClusterStep::RemoveInstance, "Always");
                assert!(!early || may_be_early, "{name}: it was not certain yet");
                until(world, NODE, "/PowerState", &json!("Off"));
                stays_off(world, Duration::from_mins(1));
                assert_eq!(reset(world, "On"), StatusCode::NO_CONTENT);
                until(world, NODE, "/PowerState", &json!("On"));
                assert_eq!(strategy(world), strategy_name, "{name}: it is put back");
                assert!(!machine(world).to_string().contains("run-strategy"), "{name}");
            }
        }
    }
}

/// R1's neighbours: whatever is about to be made by what was read before the machine was held.
#[test]
fn an_instance_that_is_made_late_is_not_missed() {
    for strategy_name in ["Always", "RerunOnFailure", "Once", "Manual"] {
        let world = &mut running(strategy_name);
        assert_eq!(reset(world, "ForceOff"), StatusCode::NO_CONTENT);
        stays_off(world, SECOND);
        world.cluster.hold(ClusterStep::CreateInstance);
        let on = begin(world, "On");
        world.advance(SECOND);
        let off = begin(world, "ForceOff");
        world.advance(10 * SECOND);
        assert!(!world.is_answered(off), "{strategy_name}: virt-controller is about to make an instance");
        assert_ne!(power(world), "Off", "{strategy_name}");
        world.cluster.release(ClusterStep::CreateInstance);
        assert_eq!(status(world, off), StatusCode::NO_CONTENT, "{strategy_name}");
        stays_off(world, Duration::from_mins(1));
        status(world, on);
        assert_eq!(reset(world, "On"), StatusCode::NO_CONTENT);
        until(world, NODE, "/PowerState", &json!("On"));
        assert_eq!(strategy(world), strategy_name);
    }
}

/// R1's neighbours: a guest that crashes after a stop was accepted and before that is seen.
#[test]
fn a_crash_between_a_stop_and_its_being_seen_does_not_bring_the_machine_back() {
    for reset_type in ["ForceOff", "GracefulShutdown"] {
        for strategy_name in ["RerunOnFailure", "Always", "Manual", "Once"] {
            let world = &mut running(strategy_name);
            world.cluster.hold(ClusterStep::Look);
            let id = begin(world, reset_type);
            world.advance(2 * SECOND);
            assert!(world.cluster.guest_crash("lab", "node-0"));
            world.advance(SECOND);
            if strategy_name != "Manual" {
                assert_ne!(power(world), "Off", "{reset_type} {strategy_name}");
            }
            world.cluster.release(ClusterStep::Look);
            assert_eq!(status(world, id), StatusCode::NO_CONTENT, "{reset_type} {strategy_name}");
            until(world, NODE, "/PowerState", &json!("Off"));
            stays_off(world, Duration::from_mins(1));
        }
    }
}

/// An instance that is deleted by hand comes back under some strategies: until it has, the machine is not off.
#[test]
fn an_instance_that_was_deleted_and_comes_back_is_not_off() {
    for (strategy_name, comes_back) in [("Always", true), ("Once", true), ("RerunOnFailure", false), ("Manual", false)]
    {
        let world = &mut running(strategy_name);
        world.cluster.hold(ClusterStep::Look);
        assert!(world.cluster.delete("virtualmachineinstances", "lab", "node-0"));
        world.run_until(Duration::from_mins(2), |world| {
            world.cluster.object("virtualmachineinstances", "lab", "node-0").is_none()
        });
        for _ in 0..5 {
            assert_eq!(power(world) == "Off", !comes_back, "{strategy_name}");
            world.advance(SECOND);
        }
        world.cluster.release(ClusterStep::Look);
        world.advance(10 * SECOND);
        assert_eq!(power(world), if comes_back { "On" } else { "Off" }, "{strategy_name}");
    }
}

/// R3: a machine that has been told to stop is stopping, whether virt-controller has seen that or not; and the newest
/// request wins.
#[test]
fn a_power_on_after_a_stop_that_nobody_has_seen_yet_wins() {
    for strategy_name in ["Always", "RerunOnFailure", "Manual", "Once"] {
        for stop in ["GracefulShutdown", "ForceOff"] {
            let world = &mut running(strategy_name);
            world.cluster.hold(ClusterStep::Look);
            let off = begin(world, stop);
            world.advance(2 * SECOND);
            assert_eq!(power(world), "PoweringOff", "{strategy_name} {stop}");
            let on = begin(world, "On");
            world.advance(5 * SECOND);
            assert_ne!(power(world), "On", "{strategy_name} {stop}");
            world.cluster.release(ClusterStep::Look);
            let statuses = (status(world, off), status(world, on));
            assert_eq!(statuses.1, StatusCode::NO_CONTENT, "{strategy_name} {stop} {statuses:?}");
            world.advance(Duration::from_mins(2));
            assert_eq!(
                (power(world).as_str(), strategy(world)),
                ("On", json!(strategy_name)),
                "{strategy_name} {stop}"
            );
        }
    }
}

/// R4: without the right to `stop`, and whatever the strategy becomes by the way.
#[test]
fn a_strategy_is_put_back_also_if_a_start_was_pending_when_it_was_replaced() {
    for (denied, restart) in [(true, true), (true, false), (false, true)] {
        let world = &mut running("RerunOnFailure");
        if denied {
            let verbs = ["stop", "start", "restart"].map(|verb| format!("virtualmachines/{verb}"));
            world
                .cluster
                .forbid(verbs.iter().map(|verb| Rule::new("update", "subresources.kubevirt.io", verb)).collect());
        }
        if restart {
            let path = "/apis/subresources.kubevirt.io/v1/namespaces/lab/virtualmachines/node-0/restart";
            let forbidden = std::mem::take(&mut Vec::<Rule>::new());
            world.cluster.forbid(forbidden);
            let now = world.now();
            world.cluster.handle_request(now, Request::put(path).body(Bytes::new()).unwrap());
            if denied {
                world.cluster.forbid(vec![Rule::new("update", "subresources.kubevirt.io", "*")]);
            }
        } else {
            world.cluster.hold(ClusterStep::CreateInstance);
            assert!(world.cluster.guest_crash("lab", "node-0"));
        }
        world.advance(SECOND / 2);
        let off = begin(world, "ForceOff");
        world.advance(3 * SECOND);
        world.cluster.release(ClusterStep::CreateInstance);
        let code = status(world, off);
        assert!([StatusCode::NO_CONTENT, StatusCode::SERVICE_UNAVAILABLE].contains(&code), "{code}");
        until(world, NODE, "/PowerState", &json!("Off"));
        stays_off(world, Duration::from_mins(1));
        world.cluster.forbid(Vec::new());
        assert_eq!(reset(world, "On"), StatusCode::NO_CONTENT);
        until(world, NODE, "/PowerState", &json!("On"));
        world.advance(10 * SECOND);
        assert_eq!(strategy(world), "RerunOnFailure", "{denied} {restart}");
    }
}

/// R11: that a stop was accepted proves nothing, and a guest that nobody hears of may run.
#[test]
fn a_machine_on_a_lost_node_is_never_off() {
    for strategy_name in ["Always", "RerunOnFailure", "Manual", "Once"] {
        let world = &mut running(strategy_name);
        world.cluster.lose_node();
        world.advance(Duration::from_mins(1));
        let system = get(world, NODE);
        assert_eq!(
            (&system["PowerState"], &system["Status"]["Health"]),
            (&json!("On"), &json!("Warning")),
            "{strategy_name}"
        );
        assert_eq!(message_ids(&system), ["KubeVirt.1.0.HostNotHeard"], "{strategy_name}");
        assert_eq!(reset(world, "ForceOff"), StatusCode::SERVICE_UNAVAILABLE, "{strategy_name}");
        let system = get(world, NODE);
        assert_eq!(system["PowerState"], "PoweringOff", "{strategy_name}");
        assert_eq!(message_ids(&system), ["KubeVirt.1.0.HostNotHeard"], "{strategy_name}");
        world.advance(Duration::from_mins(10));
        assert_eq!(power(world), "PoweringOff", "{strategy_name}");
        // The node comes back, and does what it has been told.
        world.cluster.restore_node();
        until(world, NODE, "/PowerState", &json!("Off"));
        stays_off(world, Duration::from_mins(1));
        assert_eq!(message_ids(&get(world, NODE)), [""; 0]);
    }
}

/// R11: an instance that has failed because its pod was removed says nothing of the guest.
#[test]
fn a_guest_whose_pod_was_removed_from_a_lost_node_is_not_off() {
    let world = &mut running("Manual");
    world.cluster.lose_node();
    world.advance(Duration::from_mins(1));
    assert!(world.cluster.remove_pod("lab", "node-0"));
    for restarted in [false, true] {
        if restarted {
            world.restart(0);
            laboratory::ready(world, 0);
        }
        world.advance(5 * SECOND);
        let system = get(world, NODE);
        assert_eq!(
            (&system["PowerState"], message_ids(&system)),
            (&json!("PoweringOff"), vec!["KubeVirt.1.0.HostNotHeard"])
        );
        assert_eq!(reset(world, "ForceOff"), StatusCode::SERVICE_UNAVAILABLE);
    }
    // An ordinary crash is another thing.
    let world = &mut running("Manual");
    assert!(world.cluster.guest_crash("lab", "node-0"));
    until(world, NODE, "/PowerState", &json!("Off"));
}

/// R11: nobody knows.
#[test]
fn an_instance_of_which_nothing_is_known_is_not_off() {
    let world = &mut running("Manual");
    world.cluster.edit("virtualmachineinstances", "lab", "node-0", |run| run["status"]["phase"] = json!("Unknown"));
    world.advance(SECOND / 100);
    let system = get(world, NODE);
    assert_eq!(
        (&system["PowerState"], message_ids(&system)),
        (&json!("PoweringOff"), vec!["KubeVirt.1.0.HostNotHeard"])
    );
}

/// R12: a start that was accepted, and that the cluster refuses afterwards.
#[test]
fn a_power_on_that_the_cluster_refuses_afterwards_ends_and_says_why() {
    for strategy_name in ["Halted", "Manual", "RerunOnFailure", "Always", "Once"] {
        let world = &mut world("Halted");
        world
            .cluster
            .edit("virtualmachines", "lab", "node-0", |machine| machine["spec"]["runStrategy"] = json!("Manual"));
        world.advance(SECOND);
        world.cluster.refuse_instances("lab", "node-0", Some("no memory requested"));
        world
            .cluster
            .edit("virtualmachines", "lab", "node-0", |machine| machine["spec"]["runStrategy"] = json!(strategy_name));
        world.advance(SECOND);
        let id = begin(world, "On");
        world.run_until(Duration::from_mins(1), |world| world.is_answered(id));
        let response = world.response(id).expect("an answer");
        let body = String::from_utf8_lossy(response.body()).into_owned();
        assert_eq!(response.status(), StatusCode::BAD_REQUEST, "{strategy_name} {body}");
        assert!(body.contains("no memory requested"), "{strategy_name} {body}");
        world.advance(SECOND);
        let system = get(world, NODE);
        // Where it can be taken back it is; a request for a start stands, and may be carried out some day.
        let off = strategy_name == "Halted";
        assert_eq!(system["PowerState"], if off { "Off" } else { "PoweringOn" }, "{strategy_name}");
        if !off {
            let conditions = system["Status"]["Conditions"].to_string();
            assert!(conditions.contains("no memory requested"), "{strategy_name} {conditions}");
            assert_eq!(system["Status"]["Health"], "Critical");
        }
        world.cluster.refuse_instances("lab", "node-0", None);
        assert_eq!(reset(world, "On"), StatusCode::NO_CONTENT, "{strategy_name}");
        until(world, NODE, "/PowerState", &json!("On"));
    }
}

/// K3: whoever asks for a restart wants the machine to run in the end.
#[test]
fn every_restart_of_a_machine_that_is_off_turns_it_on() {
    for reset_type in ["GracefulRestart", "ForceRestart", "PowerCycle", "PushPowerButton"] {
        let world = &mut world("Halted");
        assert_eq!(reset(world, reset_type), StatusCode::NO_CONTENT, "{reset_type}");
        until(world, NODE, "/PowerState", &json!("On"));
    }
}

/// D1: a request that was sent and not answered is unknown, not failed.
#[test]
fn a_start_that_lands_after_its_deadline_does_not_undo_a_forced_power_off() {
    let world = &mut world("Manual");
    let slow = FaultEffect::LateEffect(Duration::from_secs(25));
    world.cluster.inject(Fault::new(slow).path("/node-0"));
    begin(world, "On");
    world.advance(31 * SECOND);
    let off = begin(world, "ForceOff");
    let code = status(world, off);
    world.advance(Duration::from_mins(2));
    if code == StatusCode::NO_CONTENT {
        assert!(!world.cluster.guest_runs("lab", "node-0"));
    } else {
        assert_eq!(code, StatusCode::SERVICE_UNAVAILABLE);
    }
}

/// D1, R5: nor does one that is sent as a patch with tests, because somebody edits labels meanwhile.
#[test]
fn a_start_by_a_patch_with_tests_that_lands_late_does_not_undo_a_forced_power_off() {
    let world = &mut world("Halted");
    redefine(world, |object| object["metadata"]["labels"]["edited"] = json!(""));
    world.cluster.forbid(vec![Rule::new("update", "subresources.kubevirt.io", "virtualmachines/start")]);
    world.take_calls();
    let slow = FaultEffect::LateEffect(Duration::from_secs(25));
    world.cluster.inject(Fault::new(slow).method(Method::PATCH).path("/node-0"));
    begin(world, "On");
    for number in 0..280 {
        redefine(world, |object| object["metadata"]["labels"]["edited"] = json!(number.to_string()));
    }
    world.advance(3 * SECOND);
    let off = begin(world, "ForceOff");
    let code = status(world, off);
    let by_tests = |request: &Request<Bytes>| {
        request.headers().get("content-type").is_some_and(|kind| kind == "application/json-patch+json")
    };
    assert!(world.take_calls().iter().any(|call| by_tests(&call.request)), "it is about such a patch");
    world.advance(Duration::from_mins(2));
    if code == StatusCode::NO_CONTENT {
        assert!(!world.cluster.guest_runs("lab", "node-0"));
    } else {
        assert_eq!(code, StatusCode::SERVICE_UNAVAILABLE);
    }
}
