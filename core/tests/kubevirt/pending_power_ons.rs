//! Power-ons that are pending and kept, request by request.

use std::fmt::Write as _;
use std::time::Duration;

use http::StatusCode;
use kubevirt_redfish_core::model::{Action, CommandError, Deferral, PowerRequest};
use kubevirt_redfish_core::time::UnixTime;
use kubevirt_redfish_fixtures::cluster::{Fault, FaultEffect, Rule};
use kubevirt_redfish_fixtures::sample::small;
use serde_json::json;

use crate::harness::{NAMESPACE, World};

const STRATEGIES: [&str; 6] = ["Always", "RerunOnFailure", "Manual", "Once", "Halted", "legacy"];
const NAME: &str = "0123456789abcdef";

fn deferral(awaits_media: bool) -> Deferral {
    Deferral { name: NAME.into(), asked: UnixTime(0), until: UnixTime(3_600), awaits_media }
}

/// A machine that is off, or on its way there for a minute.
fn world(strategy: &str, stopping: bool) -> World {
    let mut world = World::new();
    let mut definition = small(NAMESPACE, "vm", strategy);
    if strategy == "legacy" {
        definition["spec"].as_object_mut().map(|spec| spec.remove("runStrategy"));
        definition["spec"]["running"] = json!(false);
    }
    definition["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] = json!(60);
    world.create(definition);
    world.power("vm", PowerRequest::On).expect("on");
    world.rest(Duration::from_secs(10));
    world.sim.cluster.guest_ignores_acpi(NAMESPACE, "vm", stopping);
    world.power("vm", PowerRequest::GracefulShutdown).expect("asked");
    world.rest(Duration::from_secs(10));
    world.writes();
    world
}

fn on(world: &mut World, request: PowerRequest, awaits_media: bool) {
    let mut command = world.command("vm", Action::Power(request), Duration::from_secs(30));
    command.deferral = Some(deferral(awaits_media));
    world.carry_out(command).expect("pending_power_on, or done");
}

fn keep(world: &mut World) {
    world.run("vm", Action::ExecutePendingPowerOn(NAME.into())).expect("kept");
}

/// What was written, without what is always the same in it.
fn told(world: &mut World) -> String {
    let lines = world.writes().into_iter().map(|line| {
        let line = line.replace("\\\"", "'").replace("redfish.kubevirt.io/", "");
        line.split(",\"resourceVersion\"").next().map_or_else(
            || line.clone(),
            |first| {
                let rest = line.split_once("\"resourceVersion\":").and_then(|(_, rest)| rest.split_once('}'));
                rest.map_or_else(|| line.clone(), |(_, rest)| format!("{first}}}{rest}"))
            },
        )
    });
    lines.fold(String::new(), |story, line| story + "    " + &line + "\n")
}

#[test]
fn a_pending_power_on_is_made_and_executed_under_every_strategy() {
    let mut story = String::new();
    for strategy in STRATEGIES {
        for stopping in [true, false] {
            let mut world = world(strategy, stopping);
            let uid = world.run_uid("vm").unwrap_or_default();
            on(&mut world, PowerRequest::On, !stopping);
            let state = if stopping { "stopping" } else { "off, image not there yet" };
            let _ = write!(story, "{strategy}, {state}\n  pending_power_on\n");
            let text = told(&mut world);
            story.push_str(&if uid.is_empty() { text } else { text.replace(&uid, "<uid>") });
            assert!(world.annotation("vm", "pending-power-on").is_some(), "{strategy} {stopping}");
            on(&mut world, PowerRequest::On, !stopping);
            assert_eq!(world.writes(), Vec::<String>::new(), "it is pending_power_on already");
            if stopping {
                keep(&mut world);
                assert_eq!(world.writes(), Vec::<String>::new(), "it has not stopped yet");
                world.rest(Duration::from_mins(1));
            }
            keep(&mut world);
            story.push_str("  kept\n");
            let text = told(&mut world);
            story.push_str(&if uid.is_empty() { text } else { text.replace(&uid, "<uid>") });
            world.rest(Duration::from_secs(20));
            assert_eq!(world.phase("vm"), "Running", "{strategy} {stopping}");
            assert_eq!(world.annotation("vm", "pending-power-on"), None, "{strategy} {stopping}");
            let expected = match strategy {
                "legacy" => "running=true",
                "Halted" => "Always",
                other => other,
            };
            assert_eq!(world.strategy("vm"), expected);
        }
    }
    insta::assert_snapshot!(story);
}

#[test]
fn executing_a_pending_power_on_gets_over_a_hiccup() {
    let status = |code: u16| FaultEffect::Status {
        code: StatusCode::from_u16(code).expect("a status code"),
        retry_after: None,
        reason: "Unavailable".to_owned(),
        message: "not now".to_owned(),
    };
    let hiccups = [
        status(503),
        status(429),
        status(500),
        FaultEffect::conflict(),
        FaultEffect::rejected_internally(),
        FaultEffect::already_underway(),
        FaultEffect::CutBeforeEffect,
        FaultEffect::CutBeforeAnswer,
    ];
    for strategy in STRATEGIES {
        for hiccup in &hiccups {
            for skip in 0..8 {
                let mut world = world(strategy, false);
                on(&mut world, PowerRequest::On, true);
                world.sim.cluster.inject(Fault::new(hiccup.clone()).after(skip).times(2));
                keep(&mut world);
                world.sim.cluster.clear_faults();
                world.rest(Duration::from_secs(20));
                let story = format!("{strategy} {hiccup:?} after {skip}");
                assert_eq!(world.phase("vm"), "Running", "{story}");
                // Whatever is left of it is cleared away, and starts nothing.
                keep(&mut world);
                assert_eq!(world.annotation("vm", "pending-power-on"), None, "{story}");
            }
        }
    }
}

#[test]
fn a_pending_power_on_is_taken_back_by_whatever_turns_the_machine_off() {
    for strategy in STRATEGIES {
        for request in [PowerRequest::ForceOff, PowerRequest::GracefulShutdown] {
            for stopping in [true, false] {
                let mut world = world(strategy, stopping);
                on(&mut world, PowerRequest::On, !stopping);
                world.power("vm", request).expect("off");
                assert_eq!(world.annotation("vm", "pending-power-on"), None, "{strategy} {request:?}");
                world.rest(Duration::from_mins(2));
                keep(&mut world);
                world.rest(Duration::from_secs(20));
                assert!(["Off", "Succeeded", "Failed"].contains(&&*world.phase("vm")), "{strategy} {request:?}");
            }
        }
    }
}

#[test]
fn a_pending_power_on_that_its_owner_overrules_is_only_cleared_away() {
    for (strategy, other) in [("Manual", "Halted"), ("Always", "Manual"), ("RerunOnFailure", "Manual")] {
        let mut world = world(strategy, false);
        on(&mut world, PowerRequest::On, true);
        world.patch("vm", &json!({ "spec": { "runStrategy": other } }));
        keep(&mut world);
        world.rest(Duration::from_secs(20));
        assert_eq!(world.annotation("vm", "pending-power-on"), None, "{strategy}");
        assert_ne!(world.phase("vm"), "Running", "{strategy}");
    }
}

#[test]
fn a_pending_power_on_under_a_name_is_kept_and_broken_under_that_name_alone() {
    let mut world = world("Manual", false);
    on(&mut world, PowerRequest::On, true);
    world.writes();
    let other = || "fedcba9876543210".into();
    world.run("vm", Action::ExecutePendingPowerOn(other())).expect("nothing to do");
    world.run("vm", Action::CancelPendingPowerOn(other())).expect("nothing to do");
    assert_eq!(world.writes(), Vec::<String>::new());
    world.run("vm", Action::CancelPendingPowerOn(NAME.into())).expect("broken");
    assert_eq!(world.annotation("vm", "pending-power-on"), None);
    world.writes();
    keep(&mut world);
    assert_eq!(world.writes(), Vec::<String>::new());
}

/// Where the service may not write on machines it says so at once, and waits for what does not take long.
#[test]
fn without_the_right_to_note_it_no_power_on_waits() {
    for strategy in STRATEGIES {
        let mut world = world(strategy, true);
        world.sim.cluster.forbid(vec![Rule::new("patch", "kubevirt.io", "virtualmachines")]);
        let before = world.sim.now;
        let mut command = world.command("vm", Action::Power(PowerRequest::On), Duration::from_secs(30));
        command.deferral = Some(deferral(false));
        let result = world.carry_out(command.clone());
        assert!(matches!(&result, Err(CommandError::Conflict(why)) if why.contains("shutting down")), "{result:?}");
        assert!(world.sim.now.saturating_sub(before) < Duration::from_secs(3), "{strategy}");
        world.power("vm", PowerRequest::ForceOff).expect("killed");
        command.deadline = world.command("vm", Action::Power(PowerRequest::On), Duration::from_secs(30)).deadline;
        world.carry_out(command).expect("on");
        world.rest(Duration::from_secs(20));
        assert_eq!(world.phase("vm"), "Running", "{strategy}");
    }
}

/// Wherever whoever keeps a pending power-on ends: the machine is started for it once.
#[test]
fn a_pending_power_on_is_kept_once() {
    for strategy in STRATEGIES {
        for steps in 0..12 {
            let mut world = world(strategy, false);
            on(&mut world, PowerRequest::On, true);
            let command = world.command("vm", Action::ExecutePendingPowerOn(NAME.into()), Duration::from_mins(1));
            world.carry_on(command, steps);
            world.rest(Duration::from_secs(20));
            let started = world.phase("vm") == "Running";
            if started {
                world.sim.cluster.guest_shutdown(NAMESPACE, "vm");
                world.rest(Duration::from_secs(20));
            }
            let first = world.run_uid("vm");
            keep(&mut world);
            world.rest(Duration::from_secs(20));
            assert_eq!(world.annotation("vm", "pending-power-on"), None, "{strategy} {steps}");
            let again = world.phase("vm") == "Running" && world.run_uid("vm") != first;
            assert!(started != again || strategy == "Always" || strategy == "legacy", "{strategy} {steps}");
        }
    }
}
