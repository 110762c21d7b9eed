//! People who change machines by hand, beside the service: what they choose counts.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests may fail")]

mod lab;

use std::time::Duration;

use kubevirt_redfish_fixtures::cluster::{Fault, FaultEffect};
use kubevirt_redfish_fixtures::world::World;
use serde_json::{Value, json};

use lab::{NODE, VERSIONS, get, lab, machine, patch, post, reset, until};

fn choose(world: &mut World, strategy: &str) {
    world.cluster.edit("virtualmachines", "lab", "node-0", |machine| machine["spec"]["runStrategy"] = json!(strategy));
    world.advance(Duration::from_secs(2));
}

fn note(world: &World) -> Option<String> {
    machine(world)["metadata"]["annotations"]["redfish.kubevirt.io/run-strategy"].as_str().map(ToOwned::to_owned)
}

#[test]
fn a_strategy_that_was_replaced_is_forgotten_when_its_owner_chooses_another() {
    let world = &mut lab(VERSIONS[2]);
    choose(world, "Once");
    until(world, NODE, "/PowerState", &json!("On"));
    assert!(reset(world, "ForceOff").is_success());
    until(world, NODE, "/PowerState", &json!("Off"));
    assert_eq!((note(world).as_deref(), &machine(world)["spec"]["runStrategy"]), (Some("Once"), &json!("Halted")));
    choose(world, "Manual");
    assert_eq!(note(world), None);
    // It goes back to what it was while the note counted: that is another choice.
    choose(world, "Halted");
    assert!(reset(world, "On").is_success());
    until(world, NODE, "/PowerState", &json!("On"));
    assert_eq!(machine(world)["spec"]["runStrategy"], "Always");
}

#[test]
fn a_strategy_that_is_put_back_by_hand_needs_no_note() {
    let world = &mut lab(VERSIONS[2]);
    choose(world, "Once");
    until(world, NODE, "/PowerState", &json!("On"));
    assert!(reset(world, "ForceOff").is_success());
    until(world, NODE, "/PowerState", &json!("Off"));
    choose(world, "Once");
    assert_eq!(note(world).as_deref(), Some("Once"), "it may have been written a moment ago");
    world.advance(Duration::from_mins(3));
    assert_eq!(note(world), None);
    assert_eq!(get(world, NODE)["PowerState"], "On");
}

/// A forced stop takes two requests; nobody takes away what the first has noted down before the second.
#[test]
fn a_note_that_was_just_written_stays() {
    let world = &mut lab(VERSIONS[2]);
    world.start();
    choose(world, "Once");
    until(world, NODE, "/PowerState", &json!("On"));
    world.cluster.inject(Fault::new(FaultEffect::unavailable()).path("/stop").times(6));
    assert!(reset(world, "ForceOff").is_success());
    until(world, NODE, "/PowerState", &json!("Off"));
    assert_eq!((note(world).as_deref(), &machine(world)["spec"]["runStrategy"]), (Some("Once"), &json!("Halted")));
}

/// Whatever the owner chooses between two requests of a command that ends a run, the next start puts back.
#[test]
fn a_strategy_chosen_in_the_middle_of_a_power_off_is_not_lost() {
    let mut cases = Vec::new();
    for before in ["Always", "Once", "Manual", "RerunOnFailure", "running"] {
        for chosen in ["Always", "Once", "Manual", "RerunOnFailure"].into_iter().filter(|chosen| *chosen != before) {
            for reset_type in ["ForceOff", "GracefulShutdown", "PowerCycle"] {
                for requests in 1..=6 {
                    cases.extend([true, false].map(|whole| (before, chosen, reset_type, whole, requests)));
                }
            }
        }
    }
    let step = lab::share(SHARE);
    let mut played = 0;
    for (before, chosen, reset_type, whole, requests) in cases.into_iter().step_by(step) {
        if let Some(found) = chosen_in_the_middle(before, chosen, reset_type, whole, requests) {
            assert_eq!(found, chosen, "{before}, {reset_type}, {whole}, {requests}");
            played += 1;
        }
    }
    println!("{played} times a strategy was chosen in the middle");
    assert!(played > 400 / step, "{played}");
}

/// A prime number, so everything has its turn.
const SHARE: usize = 13;

/// What the strategy is after the next start; `None` if the command sends fewer requests.
fn chosen_in_the_middle(
    before: &'static str,
    chosen: &'static str,
    reset_type: &str,
    whole: bool,
    requests: u32,
) -> Option<String> {
    let world = &mut lab(VERSIONS[2]);
    world.cluster.edit("virtualmachines", "lab", "node-0", |machine| {
        let spec = machine["spec"].as_object_mut().unwrap();
        spec.remove("runStrategy");
        let (name, value) = if before == "running" { ("running", json!(true)) } else { ("runStrategy", json!(before)) };
        spec.insert(name.to_owned(), value);
    });
    world.advance(Duration::from_secs(1));
    assert!(reset(world, "On").is_success());
    until(world, NODE, "/PowerState", &json!("On"));
    world.advance(Duration::from_secs(5));
    world.interrupt(requests, move |cluster, _| {
        cluster.edit("virtualmachines", "lab", "node-0", |machine| {
            let spec = machine["spec"].as_object_mut().unwrap();
            spec.remove("running");
            spec.insert("runStrategy".to_owned(), json!(chosen));
            if let Some(notes) = machine["metadata"]["annotations"].as_object_mut().filter(|_| whole) {
                notes.remove("redfish.kubevirt.io/run-strategy");
            }
        });
    });
    reset(world, reset_type);
    world.advance(Duration::from_mins(1));
    if world.will_be_interrupted() {
        return None;
    }
    reset(world, "ForceOff");
    until(world, NODE, "/PowerState", &json!("Off"));
    assert!(reset(world, "On").is_success());
    until(world, NODE, "/PowerState", &json!("On"));
    world.advance(Duration::from_secs(10));
    machine(world)["spec"]["runStrategy"].as_str().map(ToOwned::to_owned)
}

/// Under a strategy that brings no run back the guest's own reboot must not end the run.
#[test]
fn an_override_follows_the_owners_strategy() {
    for strategy in ["Manual", "RerunOnFailure"] {
        let world = &mut lab(VERSIONS[2]);
        choose(world, "Always");
        until(world, NODE, "/PowerState", &json!("On"));
        assert!(reset(world, "ForceOff").is_success());
        until(world, NODE, "/PowerState", &json!("Off"));
        let boot = json!({ "BootSourceOverrideTarget": "Pxe", "BootSourceOverrideEnabled": "Once" });
        assert!(patch(world, &json!({ "Boot": boot })).is_success());
        let policy = |world: &World| machine(world)["spec"]["template"]["spec"]["domain"]["rebootPolicy"].clone();
        assert_eq!(policy(world), "Terminate");
        choose(world, "Manual");
        assert_eq!(policy(world), Value::Null);
        choose(world, strategy);
        assert_eq!(get(world, NODE)["Boot"]["BootSourceOverrideTarget"], "Pxe");
        assert!(reset(world, "On").is_success());
        until(world, NODE, "/PowerState", &json!("On"));
        world.cluster.guest_reboot("lab", "node-0");
        world.advance(Duration::from_secs(30));
        assert_eq!(get(world, NODE)["PowerState"], "On", "{strategy}");
    }
}

/// `RerunOnFailure` brings nothing back that somebody removed, whatever the summary says of its volumes.
#[test]
fn a_start_that_is_taken_away_by_hand_is_over() {
    let world = &mut lab(VERSIONS[2]);
    let insert = format!("{NODE}/VirtualMedia/Cd/Actions/VirtualMedia.InsertMedia");
    assert!(post(world, &insert, &json!({ "Image": "https://images.example/boot.iso" })).is_success());
    choose(world, "RerunOnFailure");
    assert_eq!(get(world, NODE)["PowerState"], "PoweringOn");
    world.cluster.delete("virtualmachineinstances", "lab", "node-0");
    world.advance(Duration::from_secs(5));
    assert_eq!(world.cluster.count("virtualmachineinstances"), 0);
    for summary in ["CrashLoopBackOff", "Provisioning", "WaitingForVolumeBinding", "Stopped"] {
        world.cluster.edit("virtualmachines", "lab", "node-0", |vm| vm["status"]["printableStatus"] = json!(summary));
        world.advance(Duration::from_millis(10));
        assert_eq!(get(world, NODE)["PowerState"], "Off", "{summary}");
    }
    world.advance(Duration::from_mins(1));
    assert!(reset(world, "On").is_success());
    until(world, NODE, "/PowerState", &json!("On"));
}

#[test]
fn a_machine_is_offered_the_firmware_that_there_is_for_it() {
    for (architecture, board, offered) in [
        (json!("arm64"), json!("virt"), json!(["UEFI"])),
        (Value::Null, json!("virt-8.2"), json!(["UEFI"])),
        (json!("s390x"), json!("s390-ccw-virtio"), json!(["Legacy"])),
        (json!("amd64"), json!("q35"), json!(["Legacy", "UEFI"])),
    ] {
        let world = &mut lab(VERSIONS[2]);
        world.cluster.edit("virtualmachines", "lab", "node-0", |machine| {
            let template = &mut machine["spec"]["template"]["spec"];
            template["architecture"] = architecture.clone();
            template["domain"]["machine"]["type"] = board.clone();
            template["domain"]["firmware"].as_object_mut().unwrap().remove("bootloader");
        });
        world.advance(Duration::from_secs(1));
        let boot = get(world, NODE)["Boot"].clone();
        assert_eq!(boot["BootSourceOverrideMode@Redfish.AllowableValues"], offered, "{board}");
        assert_eq!(boot["BootSourceOverrideMode"], offered[0], "{board}");
        let legacy = patch(world, &json!({ "Boot": { "BootSourceOverrideMode": "Legacy" } }));
        assert_eq!(legacy.is_success(), offered[0] == "Legacy", "{board}");
    }
}
