//! Every power request, on machines of every strategy in every state that a test can bring them into.

use std::time::Duration;

use kubevirt_redfish_core::model::{Action, CommandError, MachineChange, PowerRequest, PowerState};
use kubevirt_redfish_fixtures::cluster::Rule;
use kubevirt_redfish_fixtures::sample::small;
use serde_json::json;

use crate::harness::{NAMESPACE, World, power_after};

const STRATEGIES: [&str; 6] = ["Always", "RerunOnFailure", "Manual", "Once", "Halted", "legacy"];

/// How a machine is brought into the state that a request is made in.
const STATES: [&str; 7] = ["off", "starting", "running", "paused", "stopping", "restarting", "ended"];

#[test]
fn every_request_ends_in_the_state_that_was_asked_for() {
    let mut story = String::new();
    for request in PowerRequest::ALL {
        for strategy in STRATEGIES {
            for state in STATES {
                story.push_str(&outcome(*request, strategy, state, false));
            }
        }
        story.push('\n');
    }
    insta::assert_snapshot!(story);
}

#[test]
fn the_same_without_the_right_to_use_verbs() {
    let mut story = String::new();
    for request in PowerRequest::ALL {
        for strategy in STRATEGIES {
            for state in ["off", "running"] {
                story.push_str(&outcome(*request, strategy, state, true));
            }
        }
        story.push('\n');
    }
    insta::assert_snapshot!(story);
}

/// Brings a machine into a state, makes a request, waits, and says what came of it in a line.
fn outcome(request: PowerRequest, strategy: &str, state: &str, without_verbs: bool) -> String {
    let mut world = World::new();
    let Some(before) = prepare(&mut world, strategy, state) else { return String::new() };
    if without_verbs {
        world.sim.cluster.forbid(vec![Rule::new("update", "subresources.kubevirt.io", "*")]);
    }
    let run_before = world.run_uid("vm");
    let result = world.power("vm", request);
    let now = match &result {
        Ok(completion) => format!("{:?}", power_after(completion)).replace("Some(", "").replace(')', ""),
        Err(error) => format!("{error}"),
    };
    let verbs: Vec<String> = world.writes().iter().map(|line| summary(line)).collect();
    world.rest(Duration::from_secs(50));
    let run_after = world.run_uid("vm");
    let run = match (&run_before, &run_after) {
        (Some(before), Some(after)) if before == after => "same run",
        (_, Some(_)) => "new run",
        (_, None) => "",
    };
    let after = world.phase("vm");
    if result.is_ok() {
        check(request, &after, &format!("{request:?} {strategy} {state} {verbs:?}"));
    }
    let strategy_after = world.strategy("vm");
    let note = world.annotation("vm", "run-strategy").map(|note| format!(" (was {note})")).unwrap_or_default();
    format!(
        "{:16} {strategy:14} {state:10} {before:10} -> {now:11} -> {after:9} {run:8} {strategy_after}{note} {}\n",
        format!("{request:?}"),
        verbs.join(", "),
    )
}

/// What must be so in the end, whatever was before.
fn check(request: PowerRequest, after: &str, story: &str) {
    let expected: &[&str] = match request {
        PowerRequest::On
        | PowerRequest::GracefulRestart
        | PowerRequest::ForceRestart
        | PowerRequest::PowerCycle
        | PowerRequest::Resume => &["Running"],
        PowerRequest::ForceOff | PowerRequest::GracefulShutdown => &["Off", "Succeeded", "Failed"],
        PowerRequest::Pause => &["Paused"],
        // What runs goes on, and what was told to stop stops.
        PowerRequest::Interrupt => &["Running", "Off", "Failed"],
        PowerRequest::PushPowerButton => return,
    };
    assert!(expected.contains(&after), "{after} after {story}");
}

/// `None` if machines of this strategy do not get there.
fn prepare(world: &mut World, strategy: &str, state: &str) -> Option<String> {
    let definition = if strategy == "legacy" {
        let mut definition = small(NAMESPACE, "vm", "Halted");
        definition["spec"].as_object_mut().map(|spec| spec.remove("runStrategy"));
        definition["spec"]["running"] = json!(false);
        definition
    } else {
        small(NAMESPACE, "vm", strategy)
    };
    world.create(definition);
    let second = Duration::from_secs(1);
    let verb = |world: &mut World, collection: &str, verb: &str, body: &serde_json::Value| {
        let path = format!("/apis/subresources.kubevirt.io/v1/namespaces/{NAMESPACE}/{collection}/vm/{verb}");
        world.sim.call(http::Method::PUT, &path, Some(body)).0
    };
    let none = json!({});
    let running = world.phase("vm") == "Running";
    match state {
        "off" if running => {
            verb(world, "virtualmachines", "stop", &none);
            world.rest(second * 5);
        }
        "off" => {}
        "starting" => {
            if running {
                verb(world, "virtualmachines", "stop", &none);
                world.rest(second * 5);
            }
            if verb(world, "virtualmachines", "start", &none) != 202 {
                return None;
            }
            world.rest(Duration::from_millis(300));
        }
        _ if !running => {
            verb(world, "virtualmachines", "start", &none);
            world.rest(second * 10);
        }
        _ => {}
    }
    match state {
        "paused" => {
            verb(world, "virtualmachineinstances", "pause", &none);
            world.rest(second);
        }
        "stopping" => {
            verb(world, "virtualmachines", "stop", &none);
            world.rest(Duration::from_millis(200));
        }
        "restarting" => {
            if verb(world, "virtualmachines", "restart", &none) != 202 {
                return None;
            }
            world.rest(Duration::from_millis(200));
        }
        "ended" => {
            world.sim.cluster.guest_shutdown(NAMESPACE, "vm");
            world.rest(Duration::from_millis(2500));
        }
        _ => {}
    }
    Some(world.phase("vm"))
}

/// A request without what is always the same in it.
fn summary(line: &str) -> String {
    let mut parts = line.splitn(3, ' ');
    let (method, path, body) =
        (parts.next().unwrap_or_default(), parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    if method == "PUT" {
        let verb = path.rsplit('/').next().unwrap_or_default();
        return if body == "{}" { verb.to_owned() } else { format!("{verb}{body}") };
    }
    let mut body: serde_json::Value = serde_json::from_str(body).unwrap_or_default();
    if let Some(metadata) = body["metadata"].as_object_mut() {
        metadata.remove("resourceVersion");
        if metadata.is_empty() {
            body.as_object_mut().map(|body| body.remove("metadata"));
        }
    }
    body.to_string().replace("\"redfish.kubevirt.io/run-strategy\"", "was").replace('"', "")
}

#[test]
fn a_strategy_that_a_stop_replaces_is_put_back_by_the_next_start() {
    for strategy in ["Always", "Once", "Manual", "RerunOnFailure"] {
        let mut world = World::new();
        world.create(small(NAMESPACE, "vm", strategy));
        world.power("vm", PowerRequest::On).expect("on");
        world.rest(Duration::from_secs(10));
        assert_eq!(world.phase("vm"), "Running", "{strategy}");
        world.power("vm", PowerRequest::ForceOff).expect("off");
        world.rest(Duration::from_secs(10));
        world.power("vm", PowerRequest::On).expect("on again");
        world.rest(Duration::from_secs(10));
        assert_eq!((world.strategy("vm").as_str(), world.phase("vm").as_str()), (strategy, "Running"));
        assert_eq!(world.annotation("vm", "run-strategy"), None, "{strategy}");
    }
}

#[test]
fn power_reads_back_as_asked_for_right_after_the_command() {
    let mut world = World::new();
    world.create(small(NAMESPACE, "vm", "Always"));
    let state = |world: &mut World, request| power_after(&world.power("vm", request).expect("done"));
    assert_eq!(state(&mut world, PowerRequest::Pause), Some(PowerState::Paused));
    assert_eq!(state(&mut world, PowerRequest::Resume), Some(PowerState::On));
    let off = state(&mut world, PowerRequest::ForceOff);
    assert!(matches!(off, Some(PowerState::PoweringOff | PowerState::Off)), "{off:?}");
    assert_eq!(state(&mut world, PowerRequest::On), Some(PowerState::PoweringOn), "waited for the end of the stop");
}

#[test]
fn a_machine_of_the_same_name_is_not_the_machine_that_was_meant() {
    let mut world = World::new();
    world.create(small(NAMESPACE, "vm", "Manual"));
    let command = world.command("vm", Action::Power(PowerRequest::On), Duration::from_mins(1));
    world.sim.cluster.delete("virtualmachines", NAMESPACE, "vm");
    world.rest(Duration::from_secs(5));
    assert_eq!(world.carry_out(command.clone()), Err(CommandError::NotFound));
    world.create(small(NAMESPACE, "vm", "Manual"));
    assert_eq!(world.carry_out(command), Err(CommandError::NotFound));
    assert_eq!(world.writes(), Vec::<String>::new());
}

#[test]
fn a_forced_stop_cuts_a_graceful_one_short() {
    for strategy in ["Always", "Manual"] {
        let mut world = World::new();
        let mut definition = small(NAMESPACE, "vm", strategy);
        definition["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] = json!(180);
        world.create(definition);
        world.power("vm", PowerRequest::On).expect("on");
        world.rest(Duration::from_secs(10));
        world.sim.cluster.guest_ignores_acpi(NAMESPACE, "vm", true);
        world.power("vm", PowerRequest::GracefulShutdown).expect("asked");
        world.rest(Duration::from_secs(20));
        assert_eq!(world.phase("vm"), "Running", "{strategy}: the guest does not listen");
        world.power("vm", PowerRequest::ForceOff).expect("killed");
        world.rest(Duration::from_secs(3));
        assert_eq!(world.phase("vm"), "Off", "{strategy}");
    }
}

/// A strategy that came with a newer release: what it means is not known, so it could not be put back.
#[test]
fn a_strategy_that_is_not_known_is_not_replaced() {
    let mut world = World::new();
    world.create(small(NAMESPACE, "vm", "WaitAsReceiver"));
    world.sim.cluster.forbid(vec![Rule::new("update", "subresources.kubevirt.io", "*")]);
    let result = world.power("vm", PowerRequest::On);
    assert!(matches!(&result, Err(CommandError::Conflict(why)) if why.contains("WaitAsReceiver")), "{result:?}");
    assert_eq!((world.strategy("vm").as_str(), world.annotation("vm", "run-strategy")), ("WaitAsReceiver", None));
    let stays = MachineChange { asset_tag: Some(Some("7".into())), ..MachineChange::default() };
    world.run("vm", Action::Change(stays)).expect("that is another thing");
}
