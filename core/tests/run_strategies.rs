//! What a machine's `runStrategy` means for requests that come at an awkward moment: during an import, while a guest is
//! killed, after a start that failed, before a guest's own reboot.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests may fail")]

use std::time::Duration;

use http::StatusCode;
use kubevirt_redfish_core::kubevirt::Settings;
use kubevirt_redfish_fixtures::cluster::{ClusterConfig, KubevirtVersion, Rule};
use kubevirt_redfish_fixtures::world::World;
use kubevirt_redfish_fixtures::{laboratory, sample};
use serde_json::{Value, json};

mod lab;

use lab::{CD, NODE, get, instance, machine, patch, post, reset, until};

/// A machine that is off, with that strategy and more in its template's domain.
fn world(config: ClusterConfig, strategy: &str, domain: &Value) -> World {
    let mut world = laboratory::world(config, laboratory::config(), Settings::default(), &[]);
    let mut machine = sample::lab_virtual_machine(0, 1, KubevirtVersion::V1_9);
    machine["spec"]["runStrategy"] = json!(strategy);
    for (name, value) in domain.as_object().unwrap() {
        machine["spec"]["template"]["spec"]["domain"][name] = value.clone();
    }
    world.cluster.seed([sample::lab_root_claim(0)]);
    world.cluster.add_virtual_machines([machine]);
    laboratory::start(&mut world);
    world
}

fn strategy(world: &World) -> Value {
    machine(world)["spec"]["runStrategy"].clone()
}

fn power(world: &mut World) -> String {
    get(world, NODE)["PowerState"].as_str().unwrap().to_owned()
}

#[track_caller]
fn asked(world: &mut World, reset_type: &str) {
    assert_eq!(reset(world, reset_type), StatusCode::NO_CONTENT, "{reset_type}");
}

#[track_caller]
fn off(world: &mut World) {
    asked(world, "ForceOff");
    until(world, NODE, "/PowerState", &json!("Off"));
}

#[test]
fn an_import_does_not_make_a_machine_look_as_if_it_came_up() {
    let world = &mut world(ClusterConfig::new(KubevirtVersion::V1_9), "RerunOnFailure", &json!({}));
    off(world);
    let insert = format!("{CD}/Actions/VirtualMedia.InsertMedia");
    assert_eq!(post(world, &insert, &json!({ "Image": "http://images.example/a.iso" })), StatusCode::NO_CONTENT);
    world.advance(Duration::from_secs(1));
    let machine = world.cluster.object("virtualmachines", "lab", "node-0").unwrap();
    assert_eq!(machine["status"]["printableStatus"], "Provisioning", "what the summary makes of it");
    assert_eq!(power(world), "Off");
    asked(world, "On");
    assert_eq!(power(world), "PoweringOn");
    until(world, NODE, "/PowerState", &json!("On"));
    assert_eq!(strategy(world), "RerunOnFailure");
}

#[test]
fn a_start_that_was_called_off_is_no_crash_loop() {
    let world = &mut world(ClusterConfig::new(KubevirtVersion::V1_9), "RerunOnFailure", &json!({}));
    off(world);
    asked(world, "On");
    world.advance(Duration::from_millis(700));
    assert_eq!(power(world), "PoweringOn", "there is an instance without a guest");
    off(world);
    world.advance(Duration::from_secs(30));
    let shown = get(world, NODE);
    assert_eq!((&shown["PowerState"], &shown["Status"]["Health"]), (&json!("Off"), &json!("OK")));
    asked(world, "On");
    until(world, NODE, "/PowerState", &json!("On"));
    assert_eq!(strategy(world), "RerunOnFailure");
}

#[test]
fn a_guest_that_is_killed_at_the_end_of_its_grace_stays_off_until_it_is_wanted() {
    let mut config = ClusterConfig::new(KubevirtVersion::V1_9);
    config.timing.teardown = Duration::from_secs(3);
    for wanted in [false, true] {
        let world = &mut world(config.clone(), "RerunOnFailure", &json!({}));
        until(world, NODE, "/PowerState", &json!("On"));
        world.cluster.guest_ignores_acpi("lab", "node-0", true);
        asked(world, "GracefulShutdown");
        let failed = |world: &World| {
            let instance = instance(world);
            instance.is_some_and(|instance| instance["status"]["phase"] == "Failed")
        };
        assert!(world.run_until(Duration::from_mins(5), failed));
        if wanted {
            asked(world, "On");
            world.advance(Duration::from_mins(1));
            assert_eq!(power(world), "On");
        } else {
            world.advance(Duration::from_mins(1));
            assert_eq!(power(world), "Off");
        }
    }
}

#[test]
fn a_guest_whose_reboot_ends_its_run_is_restarted_by_a_new_run() {
    for (strategy, request) in [
        ("Manual", "GracefulRestart"),
        ("Manual", "ForceRestart"),
        ("RerunOnFailure", "GracefulRestart"),
        ("RerunOnFailure", "ForceRestart"),
        ("Always", "GracefulRestart"),
        ("Always", "ForceRestart"),
    ] {
        let config = ClusterConfig::new(KubevirtVersion::V1_9);
        let world = &mut world(config, strategy, &json!({ "rebootPolicy": "Terminate" }));
        asked(world, "On");
        until(world, NODE, "/PowerState", &json!("On"));
        asked(world, request);
        world.advance(Duration::from_mins(2));
        assert_eq!(power(world), "On", "{strategy} {request}");
    }
}

/// The installer's reboot is to bring the machine up again, also if somebody makes sure meanwhile that it is on.
#[test]
fn a_request_for_what_is_so_does_not_take_back_what_an_installation_relies_on() {
    let world = &mut world(ClusterConfig::new(KubevirtVersion::V1_9), "Always", &json!({}));
    off(world);
    let insert = format!("{CD}/Actions/VirtualMedia.InsertMedia");
    post(world, &insert, &json!({ "Image": "http://images.example/a.iso" }));
    patch(world, &json!({ "Boot": { "BootSourceOverrideTarget": "Cd", "BootSourceOverrideEnabled": "Once" } }));
    asked(world, "On");
    until(world, NODE, "/PowerState", &json!("On"));
    assert_eq!(patch(world, &json!({ "PowerRestorePolicy": "AlwaysOff" })), StatusCode::OK);
    asked(world, "On");
    assert_eq!(strategy(world), "Always");
    assert_eq!(get(world, NODE)["PowerRestorePolicy"], "AlwaysOff");
    assert!(world.cluster.guest_reboot("lab", "node-0"));
    world.advance(Duration::from_mins(1));
    assert_eq!(power(world), "On");
    assert_eq!(strategy(world), "Manual", "what it stood in for is over");
}

#[test]
fn a_paused_guest_is_let_go_before_it_is_asked_to_shut_down() {
    for request in ["GracefulShutdown", "PushPowerButton"] {
        let world = &mut world(ClusterConfig::new(KubevirtVersion::V1_9), "Manual", &json!({}));
        asked(world, "On");
        until(world, NODE, "/PowerState", &json!("On"));
        asked(world, "Pause");
        until(world, NODE, "/Status/State", &json!("Quiesced"));
        asked(world, request);
        let mut phases = Vec::new();
        world.run_until(Duration::from_mins(5), |world| {
            let instance = instance(world);
            phases
                .extend(instance.iter().filter_map(|instance| instance["status"]["phase"].as_str()).map(str::to_owned));
            instance.is_none()
        });
        assert!(!phases.iter().any(|phase| phase == "Failed"), "{request}: it was killed");
        until(world, NODE, "/PowerState", &json!("Off"));
    }
}

#[test]
fn a_paused_guest_that_may_not_be_let_go_is_turned_off_all_the_same() {
    for request in ["GracefulShutdown", "PushPowerButton"] {
        let world = &mut world(ClusterConfig::new(KubevirtVersion::V1_9), "Manual", &json!({}));
        asked(world, "On");
        until(world, NODE, "/PowerState", &json!("On"));
        asked(world, "Pause");
        until(world, NODE, "/Status/State", &json!("Quiesced"));
        let verb = "virtualmachineinstances/unpause";
        world.cluster.forbid(vec![Rule::new("update", "subresources.kubevirt.io", verb)]);
        assert_eq!(reset(world, "Resume"), StatusCode::SERVICE_UNAVAILABLE);
        asked(world, request);
        until(world, NODE, "/PowerState", &json!("Off"));
    }
}

/// Nothing but the strategy brings it up again, so nothing else has to be taken back, and no instance may slip through.
#[test]
fn a_forced_power_off_of_a_machine_about_to_come_back_ends_in_off() {
    let world = &mut world(ClusterConfig::new(KubevirtVersion::V1_9), "Always", &json!({}));
    until(world, NODE, "/PowerState", &json!("On"));
    assert!(world.cluster.guest_shutdown("lab", "node-0"));
    world.run_until(Duration::from_mins(1), |world| {
        let instance = instance(world);
        instance.is_none_or(|instance| instance["status"]["phase"] == "Succeeded")
    });
    asked(world, "ForceOff");
    world.advance(Duration::from_mins(1));
    assert_eq!((power(world), strategy(world)), ("Off".to_owned(), json!("Halted")));
    asked(world, "On");
    until(world, NODE, "/PowerState", &json!("On"));
    assert_eq!(strategy(world), "Always");
}
